#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a photo costs beyond its decoder and the two networks: a large photo
# against TurboJPEG, a small one in a fresh process, and the memory of a huge
# one. Each line ends with what is wanted, and MISS where it is not reached.
#   bench/photos.sh [ROUNDS]
# Needs a built tree (make build) and ../shared/models and ../shared/photos, or
# DETECTOR, MODEL and PHOTO (with one face) in the environment. Run it on a
# quiet machine.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-15}
detector=${DETECTOR:-../shared/models/yunet_2026may.onnx}
model=${MODEL:-../shared/models/reid0095.onnx}
photo=${PHOTO:-../shared/photos/photo-09.jpg}
made=build/photos
cmake --build build --target bench_photos facet_cli >/dev/null
mkdir -p $made
trap 'rm -rf $made' EXIT
bench=build/bench/bench_photos
export FACET_DETECTOR=$detector FACET_MODEL=$model

quiet=()
chrt -f 50 true 2>/dev/null && quiet=(chrt -f 50)
# verdict VALUE LIMIT
verdict() { awk -v v="$1" -v w="$2" 'BEGIN { print v <= w ? "" : "  MISS" }'; }
median() { sort -n | awk '{a[NR]=$1} END{print a[int((NR+1)/2)]}'; }

# 12 megapixels, and three megabytes as a telephone makes them
$bench make "$photo" 4000 3000 $made/large.jpg
read -r decode found embedded whole faces < <(
  "${quiet[@]}" $bench way "$detector" "$model" $made/large.jpg "$rounds")
echo "12-megapixel JPEG, $(stat -c %s $made/large.jpg) bytes, $faces face(s)," \
  "1 thread, ms:"
echo "  TurboJPEG $decode, detector's network $found, embedder's $embedded," \
  "file to embedding $whole"
ratio=$(awk "BEGIN { printf \"%.3f\", $whole / ($decode + $found + $embedded) }")
strict=$(awk "BEGIN { printf \"%.3f\", ($whole - $found - $embedded) / $decode }")
echo "  of decoder and networks: $ratio times (wanted 1.6)$(verdict "$ratio" 1.6)"
echo "  without the networks, of the decoder: $strict times" \
  "(wanted 1.6)$(verdict "$strict" 1.6)"

# from exec to the first line, beside the same networks in a warm process
read -r decode found embedded whole faces < <(
  "${quiet[@]}" $bench way "$detector" "$model" "$photo" "$rounds")
first=$(for _ in $(seq "$rounds"); do
  "${quiet[@]}" $bench child build/facet embed -q "$photo" | cut -d' ' -f1
done | median)
beyond=$(awk "BEGIN { printf \"%.1f\", $first - $found - $embedded }")
echo "start to first embedding: $first ms, networks $found + $embedded:" \
  "$beyond ms beyond (wanted 60)$(verdict "$beyond" 60)"

# 100 megapixels: 293 MiB as pixels
$bench make "$photo" 11547 8660 $made/huge.jpg
read -r first whole peak < <($bench child build/facet embed -q $made/huge.jpg)
ratio=$(awk "BEGIN { printf \"%.3f\", $peak * 1024 / (11547 * 8660 * 3) }")
echo "100-megapixel JPEG, $(stat -c %s $made/huge.jpg) bytes: $peak KiB at most," \
  "$ratio times its pixels (wanted 1.3)$(verdict "$ratio" 1.3)"
