#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# identify.sh WORK [BUILD] - how often people of the validation identities are
# known through a gallery, and strangers taken for them: `facet calibrate` on
# training identities, `facet enroll`, `facet identify` at FPIRs. Needs ../shared.
# Ten minutes, most of them for the calibration's embeddings, which stay in WORK.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(realpath -m "${1:?where to work}")
build=$(realpath "${2:-$here/../build}")
shared=$(realpath "$here/../../shared")
faces=$shared/data/faces
export FACET_MODEL=$shared/models/reid0095.onnx
export FACET_DETECTOR=$shared/models/yunet_2026may.onnx
mkdir -p "$work"
cd "$work"

"$here/identify.py" pairs "$faces/faces.tsv" > pairs
"$build/facet" calibrate --margin 8 --threads 2 --cache cache \
    --images "$faces/faces-train-000.tar" \
    --images "$faces/faces-train-001.tar" \
    --images "$faces/faces-train-002.tar" --out calibrated.onnx pairs
export FACET_MODEL=$work/calibrated.onnx

rm -rf gallery probe gallery.db*
"$here/identify.py" crops "$faces/val_identify.txt" |
    "$build/bench/bench_aligned_crops" "$FACET_MODEL" "$faces/faces-val.tar"
"$build/facet" gallery create gallery.db > created
"$build/facet" enroll --aligned --force --quiet gallery.db gallery > enrolled
for fpir in 0.01 0.1; do
    "$build/facet" identify --aligned --quiet --threads 2 --fpir $fpir \
        gallery.db probe > answers-$fpir || [ $? = 1 ]
    "$here/identify.py" score "$faces/val_identify.txt" < answers-$fpir
done
