#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From trained networks to those of models/: notes, calibration, int8, golden
# answers; their curves go to docs/models/. Runs of
# recipes/{detector,landmarks68,embedder,embedder-tiny}.yaml are looked for in
# runs/{detector,landmarks,embedder,embedder-tiny}.
#   tools/ship_models.sh [FACET [detector|landmarks|embedder|embedder-tiny ...]]
# Calibrated on the people of split val, who were in no training: what is reported of
# them at these thresholds is a little too good.
set -euo pipefail
cd "$(dirname "$0")/.."
facet=${1:-build/facet} faces=../shared/data/faces
shift || true
[ -d $faces ] || { echo "../shared/data is not here" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
license="research and non-commercial use, as the training data"
crops="CelebA, VGGFace2 (69 people), PINS, Glint360K (6 people), UTKFace, MEBeauty, \
WIDER FACE crops, and pairs of them made into one; facet synth; taught by \
face-reidentification-retail-0095 \
(Apache-2.0). All photos for research only."

# note FROM TO DATA
note() {
  "$facet" model set "$1" "$2" "facet.license=$license" \
    "facet.source=facet, trained by the recipe named here" "facet.data=$3"
}

# All pairs of one person, and as many as 500,000 of two, of split val.
pairs() {
  python3 - $faces/faces.tsv <<'END'
import random, sys
people = {}
for line in open(sys.argv[1]):
    key, split, _, person, *_ = line.split('\t')
    if split == 'val':
        people.setdefault(person, []).append(key)
for keys in people.values():
    for i, a in enumerate(keys):
        for b in keys[:i]:
            print(a, b, 1)
draw, seen = random.Random(1), set()
names = sorted(people)
while len(seen) < 500000:
    p, q = draw.sample(names, 2)
    pair = tuple(sorted((draw.choice(people[p]), draw.choice(people[q]))))
    if pair not in seen:
        seen.add(pair)
        print(*pair, 0)
END
}

# calibrated FROM TO: for faces that models/detector.onnx finds; the threshold is
# that of a false match in a thousand.
calibrated() {
  local threshold
  [ -f "$work/pairs.txt" ] || pairs >"$work/pairs.txt"
  "$facet" calibrate --duplicates --detector models/detector.onnx --model "$1" \
    --policy largest --images $faces/faces-val.tar --threads 2 \
    --out "$work/calibrated.onnx" "$work/pairs.txt" >&2
  threshold=$("$facet" model info --json "$work/calibrated.onnx" |
    python3 -c 'import json,sys
print("%.4f" % json.load(sys.stdin)["thresholds"]["0.001"][0])')
  "$facet" model set --golden 3 "$work/calibrated.onnx" "$2" \
    "facet.threshold=$threshold"
}

# The weights at the end of the schedule, not those of the best accuracy on the way: that
# goes up and down by half a point, and is high by luck.
embedder() {
  note "runs/$1/last.onnx" "$work/noted.onnx" "$crops"
  calibrated "$work/noted.onnx" "models/$1.onnx"
}

[ $# -gt 0 ] || set -- detector landmarks embedder embedder-tiny
for name; do
  case $name in
    detector)
      note runs/detector/best.onnx "$work/noted.onnx" "WIDER FACE (a part), \
MTFL (AFLW and net parts); facet synth; landmarks, and what it \
thinks of every cell, from yunet_2026may (MIT). All photos for research only."
      "$facet" model set --golden 3 "$work/noted.onnx" models/detector.onnx
      mkdir "$work/pictures"
      tar xf ../shared/data/detect/detect-train-000.tar -C "$work/pictures"
      sed -n '/\.webp$\|\.jpg$/p' runs/detect-lists/train.txt >"$work/seen"
      (cd "$work/pictures" && ls | (grep -vxFf "$work/seen" || true) |
        xargs -r rm)
      "$facet" model quantize --count 96 --threads 2 --images "$work/pictures" \
        "$work/noted.onnx" "$work/int8.onnx" >&2
      "$facet" model set --golden 3 "$work/int8.onnx" models/detector-int8.onnx
      ;;
    landmarks)
      note runs/landmarks/best.onnx "$work/noted.onnx" "CelebA, VGGFace2, PINS, \
Glint360K, UTKFace, MEBeauty, WIDER FACE (parts), marked by MediaPipe's face mesh \
(Apache-2.0); facet synth. All photos for research only."
      "$facet" model set --golden 3 "$work/noted.onnx" models/landmarks.onnx
      ;;
    embedder)
      embedder embedder
      "$facet" model quantize --count 256 --margin 8 --threads 2 \
        --images $faces/faces-train-000.tar models/embedder.onnx \
        "$work/int8.onnx" >&2
      calibrated "$work/int8.onnx" models/embedder-int8.onnx
      ;;
    embedder-tiny) embedder embedder-tiny ;;
    *) echo "no network '$name'" >&2; exit 2 ;;
  esac
  cp "runs/$name/curves.svg" "docs/models/$name.svg"
  ls -l "models/$name.onnx"
done
