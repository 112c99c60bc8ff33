#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# facet and ONNX Runtime in turn on the same networks, one thread, batch 1:
# median milliseconds of a run over several rounds, how many times as fast facet
# is, and how near to the floor: multiply-adds / this processor's measured peak.
# A share above 100 % is Winograd's: fewer multiplications than the floor counts.
#   bench/networks.sh [ROUNDS [NETWORK...]]
# A wanted ratio that is missed is marked MISS, and the exit status is 1.
# Needs a built tree (make build), Node.js with npm, and for the public networks
# ../shared/models. Run it on a quiet machine; with root it asks for real-time
# priority, so that what else runs disturbs less.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
[ $# -eq 0 ] || shift
only=" $* "
peers=build/peers
mkdir -p $peers
cmake --build build --target bench_network bench_peak bench_write_network \
  >/dev/null
if [ ! -d $peers/node_modules/onnxruntime-node ]; then
  (cd $peers && ONNXRUNTIME_NODE_INSTALL=skip npm install --silent \
    --ignore-scripts onnxruntime-node >/dev/null)
fi
build/bench/bench_write_network mobilefacenet 1 $peers/mobilefacenet-prelu.onnx
build/bench/bench_write_network iresnet18 1 $peers/iresnet18.onnx

quiet=()
chrt -f 50 true 2>/dev/null && quiet=(chrt -f 50)
median() { cut -d' ' -f1 | sort -n | awk '{a[NR]=$1} END{print a[int((NR+1)/2)]}'; }
facet() { "${quiet[@]}" build/bench/bench_network "$1" "$2" 1 40 1 "$3" "$4"; }
ort() {
  NODE_PATH=$peers/node_modules "${quiet[@]}" node bench/ort.js "$1" 1 40 1 3 \
    "$2" "$3"
}

read -r peak32 peak16 < <("${quiet[@]}" build/bench/bench_peak)
grep -m1 'model name' /proc/cpuinfo | sed 's/.*: //'
grep -m1 'cpu family' /proc/cpuinfo | sed 's/.*: /family /' | tr '\n' ' '
grep -m1 'model[[:space:]]*:' /proc/cpuinfo | sed 's/.*: /model /'
echo "peak of one core, GFLOP/s: fp32 $peak32, bf16 $peak16; rounds: $rounds"
printf '%-20s %7s %7s %7s  %-26s %s\n' network ORT fp32 bf16 \
  'times as fast (wanted)' 'share of the floor'
missed=0
while read -r name file h w want32 want16; do
  [ "$only" = "  " ] || [[ "$only" == *" $name "* ]] || continue
  [ -f "$file" ] || { echo "$name: $file is not here"; missed=1; continue; }
  : >$peers/o; : >$peers/f; : >$peers/b
  for _ in $(seq "$rounds"); do
    ort "$file" "$h" "$w" >>$peers/o
    facet "$file" fp32 "$h" "$w" >>$peers/f
    facet "$file" bf16 "$h" "$w" >>$peers/b
  done
  awk -v n="$name" -v o="$(median <$peers/o)" -v f="$(median <$peers/f)" \
    -v b="$(median <$peers/b)" -v x="$want32" -v y="$want16" \
    -v macs="$(head -1 $peers/f | cut -d' ' -f2)" -v p="$peak32" -v q="$peak16" \
    'function mark(ratio, want) { if (ratio < want) bad = 1
        return sprintf("%.2f (%s)%s", ratio, want, ratio < want ? " MISS" : "") }
    function share(peak, ms) { return peak > 0 ? 200 * macs / peak / ms : 0 }
    BEGIN {
      printf "%-20s %7.2f %7.2f %7.2f  %-26s %3.0f %%, %3.0f %%\n", n, o, f, b,
        mark(o / f, x) ", " mark(o / b, y), share(p, f), share(q, b)
      exit bad }' || missed=1
done <<LIST
reid0095 ../shared/models/reid0095.onnx 128 128 2.0 3.5
mobilefacenet-prelu $peers/mobilefacenet-prelu.onnx 112 112 1.8 3.4
mobilefacenet ../shared/models/mobilefacenet.onnx 112 112 1.05 1.8
yunet-640x480 ../shared/models/yunet_2026may.onnx 480 640 1.2 1.8
iresnet18 $peers/iresnet18.onnx 112 112 1.2 2.4
LIST
exit $missed
