#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# facet and PyTorch in turn on whole training steps of MobileFaceNet: median
# pictures a second over several rounds, and the ratios.
#   bench/training.sh [ROUNDS [fp32|bf16]]
# Needs a built tree (make build) and python3-torch. Run it on a quiet machine;
# with root it asks for real-time priority for both, so that what else runs
# disturbs less (round robin: PyTorch's threads wait for one another by spinning).
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-3} only=${2:-}
peers=build/peers
cmake --build build --target bench_training >/dev/null
mkdir -p $peers

quiet=()
chrt -r 50 true 2>/dev/null && quiet=(chrt -r 50)
median() { sort -n | awk '{a[NR]=$1} END{print a[int((NR+1)/2)]}'; }
facet() {
  "${quiet[@]}" build/bench/bench_training mobilefacenet "$1" "$2" "$3" "$4"
}
torch() {
  OMP_NUM_THREADS=$2 "${quiet[@]}" /usr/bin/python3 bench/training_torch.py \
    "$1" "$2" "$3" "$4"
}

missed=0
printf '%-6s %-8s %-6s %9s %9s   %s\n' type threads batch PyTorch facet \
  'times as fast (wanted)'
while read -r kind threads batch steps wanted; do
  [ -z "$only" ] || [ "$only" = "$kind" ] || continue
  : >$peers/t; : >$peers/f
  for _ in $(seq "$rounds"); do
    torch "$kind" "$threads" "$batch" "$steps" >>$peers/t
    facet "$kind" "$threads" "$batch" "$steps" >>$peers/f
  done
  awk -v k="$kind" -v n="$threads" -v b="$batch" -v t="$(median <$peers/t)" \
    -v f="$(median <$peers/f)" -v w="$wanted" 'BEGIN {
      printf "%-6s %-8s %-6s %9.1f %9.1f   %.2f (%s)%s\n",
        k, n, b, t, f, f / t, w, f / t < w ? " MISS" : ""
      exit f / t < w }' || missed=1
done <<LIST
fp32 1 16 6 2.0
fp32 1 64 4 2.0
fp32 2 16 8 2.0
fp32 2 64 5 2.0
bf16 1 16 8 2.5
bf16 1 64 4 2.5
bf16 2 16 10 2.5
bf16 2 64 6 2.5
LIST
exit $missed
