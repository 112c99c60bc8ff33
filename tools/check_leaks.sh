#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Embed a thousand pictures under valgrind: damaged ones, whole ones of every
# format, and photos with faces. An invalid access or a lost block fails.
#   check_leaks.sh BUILD
set -uo pipefail
cd "$(dirname "$0")/.."
build=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$build/tests/make_damaged" pictures "$folder/damaged" &&
  "$build/tests/make_damaged" --whole pictures "$folder/whole" || exit 1
photos=(../shared/photos/photo-0[457].jpg)
[ -f "${photos[0]}" ] || photos=()
list() {
  find "$folder" -type f | sort
  for i in $(seq 10); do printf '%s\n' "${photos[@]}"; done
  for i in $(seq 100); do find "$folder/whole" -type f | sort; done
}
list 2>/dev/null | head -1000 |
  valgrind -q --leak-check=full --show-leak-kinds=definite,indirect \
    --errors-for-leak-kinds=definite,indirect --error-exitcode=99 \
    --log-file="$folder/log" "$build/facet" embed --quiet --threads 2 - \
    >"$folder/out"
status=$?
cat "$folder/log" >&2
echo "$(wc -l <"$folder/out") pictures, $(grep -c '"error"' "$folder/out")" \
  "errors, $(grep -o '"embedding"' "$folder/out" | wc -l) embeddings"
# the exit status is that of the first damaged one; 99 is valgrind's
[ $status -ne 99 ] && [ "$(wc -l <"$folder/out")" -eq 1000 ]
