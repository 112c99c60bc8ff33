#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What int8 costs and brings: each network is quantized on training crops, then
# bf16 and int8 take turns on one thread, batch 1, and both embed the validation
# crops. One line a network: milliseconds, their ratio, accuracies, loss. The
# networks with random weights (made here) are only timed.
#   bench/quantization.sh [ROUNDS [NETWORK...]]
# A ratio above 0.75 or more than 0.2 points of accuracy lost is marked MISS, and
# the exit status is 1. Needs a built tree and ../shared. With root it asks for
# real-time priority while it times, so that what else runs disturbs less.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
[ $# -eq 0 ] || shift
only=" $* "
faces=../shared/data/faces
work=build/quantization
mkdir -p $work
cmake --build build --target facet_cli bench_network bench_write_network \
  >/dev/null
quiet=()
chrt -f 50 true 2>/dev/null && quiet=(chrt -f 50)
median() { cut -d' ' -f1 | sort -n | awk '{a[NR]=$1} END{print a[int((NR+1)/2)]}'; }
accuracy() { # MODEL PRECISION
  build/facet eval pairs $faces/val_pairs.txt --images $faces/faces-val.tar \
    --margin 8 --model "$1" --precision "$2" | awk '/^accuracy /{print 100 * $2}'
}
missed=0
printf '%-20s %7s %7s %6s  %7s %7s  %s\n' network bf16 int8 ratio 'bf16 %' \
  'int8 %' loss
while read -r name side preset; do
  [ "$only" = "  " ] || [[ "$only" == *" $name "* ]] || continue
  file=../shared/models/$name.onnx
  if [ "$preset" != - ]; then
    build/bench/bench_write_network "${name%-prelu}" 1 $work/plain.onnx
    file=$work/$name.onnx
    build/facet model import --preset "$preset" $work/plain.onnx "$file"
  fi
  loss=$(build/facet model quantize --json --images $faces/faces-train-000.tar \
    --margin 8 "$file" $work/$name.int8.onnx |
    sed 's/.*"loss": *\([0-9.e-]*\).*/\1/')
  : >$work/b; : >$work/i
  for _ in $(seq "$rounds"); do
    "${quiet[@]}" build/bench/bench_network "$file" bf16 1 40 1 "$side" "$side" \
      >>$work/b
    "${quiet[@]}" build/bench/bench_network $work/$name.int8.onnx int8 1 40 1 \
      "$side" "$side" >>$work/i
  done
  before=- after=-
  if [ "$preset" = - ]; then
    before=$(accuracy "$file" bf16)
    after=$(accuracy $work/$name.int8.onnx int8)
  fi
  awk -v n="$name" -v b="$(median <$work/b)" -v i="$(median <$work/i)" \
    -v x="$before" -v y="$after" -v l="$loss" 'BEGIN {
      bad = i / b > 0.75 || x - y > 0.2
      printf "%-20s %7.2f %7.2f %6.2f  %7s %7s  %s%s\n", n, b, i, i / b, x, y,
        l, bad ? " MISS" : ""
      exit bad }' || missed=1
done <<LIST
mobilefacenet 112 -
reid0095 128 -
mobilefacenet-prelu 112 arcface
iresnet18 112 arcface
LIST
exit $missed
