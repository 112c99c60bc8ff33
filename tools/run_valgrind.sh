#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Run every test program in a folder under valgrind; a leak or an invalid
# access fails.   run_valgrind.sh FOLDER
set -uo pipefail
folder=$1 failed=0
for program in "$folder"/*_test; do
  case "$program" in
    # (they make allocations fail thousands of times, or fork and kill)
    *_torture_test | */crash_test | */concurrency_test) continue ;;
  esac
  echo "== $(basename "$program")"
  valgrind -q --leak-check=full --show-leak-kinds=definite,indirect \
    --errors-for-leak-kinds=definite,indirect --error-exitcode=99 \
    "$program" >"$program.valgrind.log" 2>&1 ||
    { echo "   failed: see $program.valgrind.log"; failed=1; }
done
exit $failed
