#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The runs of docs/training.md and its table: a margin softmax from scratch,
# triplets from there, projections (TPE and its relatives) of its embeddings.
#   tools/training_study.sh [FACET]      (default build/facet; about an hour and a half)
# Runs that are there already go on where they stopped; finished ones are only
# measured again.
set -euo pipefail
cd "$(dirname "$0")/.."
facet=${1:-build/facet} faces=../shared/data/faces
[ -d $faces ] || { echo "../shared/data is not here" >&2; exit 77; }
mkdir -p runs

# Accuracy, TAR@FAR 1e-2, and TPIR at FPIR 1e-2 of a network, on people that no
# training has seen.
measure() {
  local pairs identify
  pairs=$("$facet" eval pairs $faces/val_pairs.txt --images $faces/faces-val.tar \
    --margin 8 --precision fp32 --threads 2 --model "$2" --json)
  identify=$("$facet" eval identify $faces/val_identify.txt --margin 8 \
    --images $faces/faces-val.tar --precision fp32 --threads 2 --model "$2" \
    --json)
  python3 - "$1" "$pairs" "$identify" <<'END'
import json, sys
name, pairs, identify = sys.argv[1], *map(json.loads, sys.argv[2:])
tar = next(r for r in pairs['tar_at_far'] if abs(r['far'] - 1e-2) < 1e-9)
tpir = next(r for r in identify['tpir_at_fpir'] if abs(r['fpir'] - 1e-2) < 1e-9)
print('| %s | %.2f +- %.2f %% | %.4f | %.4f | %.2f %% |' % (
    name, 100 * pairs['accuracy'], 100 * pairs['accuracy_se'], tar['tar'],
    tpir['tpir'], 100 * identify['rank1']))
END
}

train() {
  [ -f "runs/$1/last.onnx" ] ||
    "$facet" train "recipes/mobilefacenet-$1.yaml" --out "runs/$1" --resume
}

train cosface >&2
train triplet >&2
awk -F'\t' '$2 == "train" && $4 != "-" { print $1 "\t" $4 }' $faces/faces.tsv \
  >runs/people.tsv
for loss in tpe tse tde; do
  "$facet" train $loss runs/people.tsv --images $faces/faces-train-000.tar \
    --images $faces/faces-train-001.tar --images $faces/faces-train-002.tar \
    --margin 8 --cache runs --threads 2 --seed 1 --model runs/cosface/best.onnx \
    --out runs/$loss.onnx >&2
done
echo "| | accuracy | TAR@FAR 1e-2 | TPIR@FPIR 1e-2 | rank 1 |"
echo "|---|---|---|---|---|"
measure "CosFace from scratch" runs/cosface/best.onnx
measure "+ triplets (FaceNet)" runs/triplet/best.onnx
for loss in tpe tse tde; do measure "+ ${loss^^} on its embeddings" runs/$loss.onnx; done
