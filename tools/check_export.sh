#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A trained network, as it was exported: equal outputs in facet and in ONNX
# Runtime (1e-4), its facet.* metadata, the hash of its recipe.
#   tools/check_export.sh [NETWORK.onnx RECIPE]
# Without arguments it trains a MobileFaceNet for a few steps on ../shared/data.
# Needs a built tree (make build) and Node.js with npm.
set -euo pipefail
cd "$(dirname "$0")/.."
peers=build/peers
network=${1:-} recipe=${2:-}
cmake --build build --target bench_outputs facet_cli >/dev/null
mkdir -p $peers
if [ ! -d $peers/node_modules/onnxruntime-node ]; then
  (cd $peers && ONNXRUNTIME_NODE_INSTALL=skip npm install --silent \
    --ignore-scripts onnxruntime-node >/dev/null)
fi
if [ -z "$network" ]; then
  work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
  recipe=$work/short.yaml network=$work/run/last.onnx
  sed -e "s|\.\./\.\./shared|$PWD/../shared|; s|steps: [0-9]*|steps: 8|" \
    -e "s|warmup: [0-9]*|warmup: 2|; s|batch: 64|batch: 16|" \
    -e '/^validation:/,/every/d' recipes/mobilefacenet-arcface.yaml >"$recipe"
  build/facet train "$recipe" --out "$work/run" 2>/dev/null
fi

info=$(build/facet model info "$network")
size=$(sed -n 's/^ *facet\.input: //p' <<<"$info")
for key in task color input mean scale template normalize metric recipe \
  recipe_sha256; do
  grep -q "facet\.$key" <<<"$info" || { echo "no facet.$key"; exit 1; }
done
# Without lines of comments, as docs/formats/metadata.md has it.
hash=$(sed '/^[ \t]*#/d' "$recipe" | sha256sum | cut -d' ' -f1)
grep -q "$hash" <<<"$info" ||
  { echo "the recipe's hash is another"; exit 1; }
grep 'facet\.recipe' <<<"$info"
NODE_PATH=$peers/node_modules node tools/check_export.js "$network" 4 \
  "${size#*x}" "${size%x*}" build/bench/bench_outputs
