#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The networks of models/ beside the public ones they are measured by, taking turns
# on one thread, batch 1: median milliseconds and their ratio.
#   bench/models.sh [ROUNDS]
# A ratio over the wanted one is marked MISS, and the exit status is 1. Needs a built
# tree and ../shared/models. With root it asks for real-time priority while it times.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
shared=../shared/models
work=build/models-bench
mkdir -p $work
cmake --build build --target bench_network >/dev/null
quiet=()
chrt -f 50 true 2>/dev/null && quiet=(chrt -f 50)
median() { cut -d' ' -f1 | sort -n | awk '{a[NR]=$1} END{print a[int((NR+1)/2)]}'; }
run() { "${quiet[@]}" build/bench/bench_network "$1" "$2" 1 40 1 "$3" "$4"; }

missed=0
printf '%-34s %-38s %s\n' ours against 'ms, ms, ratio (at most)'
while read -r ours precision against its h w most; do
  : >$work/a; : >$work/b
  for _ in $(seq "$rounds"); do
    run "$ours" "$precision" "$h" "$w" >>$work/a
    run "$against" "$its" "$h" "$w" >>$work/b
  done
  awk -v o="${ours##*/} $precision" -v t="${against##*/} $its" \
    -v a="$(median <$work/a)" -v b="$(median <$work/b)" -v most="$most" 'BEGIN {
      bad = most != "-" && a / b > most
      printf "%-34s %-38s %.2f, %.2f, %.2f (%s)%s\n", o, t, a, b, a / b, most,
        bad ? " MISS" : ""
      exit bad }' || missed=1
done <<LIST
models/embedder.onnx bf16 $shared/mobilefacenet.onnx bf16 112 112 1.1
models/embedder.onnx fp32 $shared/mobilefacenet.onnx fp32 112 112 -
models/embedder-int8.onnx int8 models/embedder.onnx bf16 112 112 0.75
models/embedder-tiny.onnx bf16 models/embedder.onnx bf16 112 112 -
models/detector.onnx bf16 $shared/yunet_2026may.onnx bf16 480 640 1.2
models/detector-int8.onnx int8 models/detector.onnx bf16 480 640 1
models/detector.onnx fp32 $shared/yunet_2026may.onnx fp32 480 640 1.2
LIST
exit $missed
