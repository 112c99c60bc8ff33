#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# facet and ONNX Runtime in turn on the same networks, one thread, batch 1:
# median milliseconds of a run over several rounds, and the ratios.
#   bench/networks.sh [ROUNDS]
# Needs a built tree (make build), Node.js with npm, and for the public networks
# ../shared/models. Run it on a quiet machine; with root it asks for real-time
# priority, so that what else runs disturbs less.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
peers=build/peers
cmake --build build --target bench_network bench_write_network >/dev/null
mkdir -p $peers
if [ ! -d $peers/node_modules/onnxruntime-node ]; then
  (cd $peers && ONNXRUNTIME_NODE_INSTALL=skip npm install --silent \
    --ignore-scripts onnxruntime-node >/dev/null)
fi
build/bench/bench_write_network mobilefacenet 1 $peers/mobilefacenet-prelu.onnx
build/bench/bench_write_network iresnet18 1 $peers/iresnet18.onnx

quiet=()
chrt -f 50 true 2>/dev/null && quiet=(chrt -f 50)
median() { sort -n | awk '{a[NR]=$1} END{print a[int((NR+1)/2)]}'; }
facet() { "${quiet[@]}" build/bench/bench_network "$1" "$2" 1 40 1 "$3" "$4"; }
ort() {
  NODE_PATH=$peers/node_modules "${quiet[@]}" node bench/ort.js "$1" 1 40 1 3 \
    "$2" "$3"
}

printf '%-24s %8s %8s %8s   %s\n' network ORT fp32 bf16 \
  'times as fast: fp32 (wanted), bf16 (wanted)'
while read -r name file h w want32 want16; do
  [ -f "$file" ] || { echo "$name: $file is not here"; continue; }
  : >$peers/o; : >$peers/f; : >$peers/b
  for _ in $(seq "$rounds"); do
    ort "$file" "$h" "$w" >>$peers/o
    facet "$file" fp32 "$h" "$w" >>$peers/f
    facet "$file" bf16 "$h" "$w" >>$peers/b
  done
  awk -v n="$name" -v o="$(median <$peers/o)" -v f="$(median <$peers/f)" \
    -v b="$(median <$peers/b)" -v x="$want32" -v y="$want16" 'BEGIN {
      printf "%-24s %8.2f %8.2f %8.2f   %.2f (%s), %.2f (%s)\n",
        n, o, f, b, o / f, x, o / b, y }'
done <<LIST
reid0095 ../shared/models/reid0095.onnx 128 128 2.0 3.5
mobilefacenet-prelu $peers/mobilefacenet-prelu.onnx 112 112 1.8 3.4
mobilefacenet ../shared/models/mobilefacenet.onnx 112 112 1.05 1.8
yunet-640x480 ../shared/models/yunet_2026may.onnx 480 640 1.2 1.8
iresnet18 $peers/iresnet18.onnx 112 112 1.2 2.4
LIST
