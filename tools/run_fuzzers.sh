#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Run every libFuzzer target in a folder, one after the other.
#   run_fuzzers.sh FOLDER SECONDS [TARGET...]
# Beside fuzz/corpus/ they begin with whole pictures and networks made by code.
# What it learns stays in FOLDER/learned/; what it finds in FOLDER/found/, and
# then the exit code is 1. A finding, made small, belongs in fuzz/corpus/.
set -uo pipefail
cd "$(dirname "$0")/.."
folder=$1 seconds=$2 failed=0
shift 2
[ $# -gt 0 ] || set -- "$folder"/fuzz_*
mkdir -p "$folder/found" "$folder/seeds"
# (the HEVC encoder that makes the HEIC pictures leaks)
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
"$folder/make_damaged" --whole pictures "$folder/seeds/pictures" >/dev/null &&
  "$folder/make_damaged" --whole models "$folder/seeds/onnx" >/dev/null ||
  exit 1
for ending in jpg png webp heic; do
  subject=${ending/jpg/jpeg}
  mkdir -p "$folder/seeds/$subject"
  cp "$folder"/seeds/pictures/*."$ending" "$folder/seeds/$subject"
done
ln -sfn onnx "$folder/seeds/quantize" # networks too
ASAN_OPTIONS=${ASAN_OPTIONS%:detect_leaks=0}
for target in "$@"; do
  target=$folder/$(basename "$target")
  [ -x "$target" ] && [ -f "$target" ] || continue
  name=$(basename "$target") subject=${name#fuzz_}
  mkdir -p "$folder/learned/$subject"
  seeds=()
  [ -d "$folder/seeds/$subject" ] && seeds+=("$folder/seeds/$subject")
  [ -d "fuzz/corpus/$subject" ] && seeds+=("fuzz/corpus/$subject")
  echo "== $name, $seconds s"
  "$target" -max_total_time="$seconds" -rss_limit_mb=4096 -timeout=60 \
    -print_final_stats=1 -artifact_prefix="$folder/found/$subject-" \
    "$folder/learned/$subject" "${seeds[@]}" >"$folder/$name.log" 2>&1 ||
    { echo "   FOUND something: see $folder/$name.log"; failed=1; }
  grep -E 'number_of_executed_units|peak_rss' "$folder/$name.log" | sed 's/^/   /'
done
exit $failed
