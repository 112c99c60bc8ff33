#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clusters.sh WORK [BUILD] - how well and how fast faces are grouped: thresholds
# on training identities, the default on validation identities, 100,000 faces
# beside scikit-learn's DBSCAN, and 1,000 more added. Needs ../shared and
# python3-sklearn; embeddings are made once and kept in WORK. An hour, most of
# it DBSCAN and thresholds.
#
# PARTS="choose val big dbscan" chooses among the parts.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(realpath -m "${1:?where to work}")
build=$(realpath "${2:-$here/../build}")
faces=$here/../../shared/data/faces
network=$here/../../shared/models/reid0095.onnx
parts=${PARTS:-choose val big dbscan}
dim=256
cmake --build "$build" --target bench_embed_crops bench_clusters > /dev/null
mkdir -p "$work"
cd "$work"

# Keys and people of a split: column 2 of faces.tsv, labeled ones first.
list() {
    awk -F'\t' -v s="$1" 'NR > 1 && $2 == s { print ($4 == "-"), NR, $1, $4 }' \
        "$faces/faces.tsv" | sort -k1,1n -k2,2n > "$1.list"
    awk '{ print $3 }' "$1.list" > "$1.keys"
    awk '{ print $4 }' "$1.list" > "$1.labels"
}
embed() {
    list "$1"
    [ -s "$1.f32" ] || "$build/bench/bench_embed_crops" "$network" "$1.f32" \
        "$faces"/faces-"$1"*.tar < "$1.keys"
}
group() { "$build/bench/bench_clusters" "$@"; }

embed val
if [ "$parts" != val ]; then # the others are about training identities
    embed train
    labeled=$(grep -vc '^-' train.labels)
    head -c $((labeled * dim * 4)) train.f32 > people.f32
    head -n "$labeled" train.labels > people.labels
    "$here/clusters.py" album people.f32 $dim people.labels album
fi
for part in $parts; do
    case $part in
    choose)
        for set in people album; do
            echo "-- training identities: $set"
            group $set.f32 $dim $set.labels average .26 .28 .3 .32 .34
            group $set.f32 $dim $set.labels whispers .4 .45 .5 .55
            group $set.f32 $dim $set.labels complete .05 .1 .15 .2
            group $set.f32 $dim $set.labels single .5 .55 .6
            group $set.f32 $dim $set.labels dbscan .5 .55 .6
            group $set.f32 $dim $set.labels rank-order .4 .5 .6 .8
            group $set.f32 $dim $set.labels hdbscan nan
        done ;;
    val)
        echo "-- validation identities, at the defaults"
        for method in average whispers complete single dbscan rank-order \
            hdbscan; do
            group val.f32 $dim val.labels $method nan
        done ;;
    big | dbscan)
        for set in clean mixed; do
            from=people
            [ $set = clean ] || from=train
            "$here/clusters.py" noise $from.f32 $dim 100000 $set.f32
            awk 'END { for (n = NR; n < 100000; n++) print "-" } 1' \
                $from.labels > $set.labels
            if [ $part = dbscan ]; then
                "$here/clusters.py" dbscan $set.f32 $dim $set.labels
                continue
            fi
            for method in whispers average; do
                LABELS_OUT=found group $set.f32 $dim $set.labels $method nan
                "$here/clusters.py" score found $set.labels
            done
            group $set.f32 $dim $set.labels add nan 1000
        done ;;
    esac
done
