#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# search.sh [BUILD] - exact top-10 search, facet against faiss IndexFlatIP, one
# thread, random unit vectors: each program in turn, medians, ratios, and a
# check that both found the same ids. Needs libfaiss-dev and libopenblas-dev.
#
# ROUNDS=3 alternates more often on a machine that is not quiet.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-$here/../build}
rounds=${ROUNDS:-1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

libraries="-lsqlite3 -lsodium -lm -lpthread"
cc -std=c11 -O2 -D_POSIX_C_SOURCE=200809L -I"$here/../include" -I"$here/../src" \
    "$here/search.c" "$build/libfacet.a" $libraries -o "$work/facet"
c++ -std=c++17 -O2 -fopenmp "$here/search_faiss.cpp" -lfaiss -lopenblas \
    -o "$work/faiss"
export OPENBLAS_NUM_THREADS=1
cd "$work"

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

for shape in "1000000 128" "1000000 512"; do
    for ((round = 0; round < rounds; round++)); do
        ./facet $shape 1 31 > "facet.$round"
        ./faiss $shape 1 9 > "faiss.$round"
        if ! cmp -s <(grep ^ids "facet.$round") <(grep ^ids "faiss.$round"); then
            echo "$shape: the ids differ" >&2
            exit 1
        fi
    done
    for kind in single batch; do
        a=$(cat facet.* | awk -v k=$kind '$2 == k { print $3 }' | median)
        b=$(cat faiss.* | awk -v k=$kind '$2 == k { print $3 }' | median)
        awk -v s="$shape" -v k=$kind -v a="$a" -v b="$b" 'BEGIN {
            printf "%s %-6s facet %8.3f ms  faiss %8.3f ms  ratio %5.1f\n",
                s, k, a, b, b / a }'
    done
    echo "$shape: identical top-10 ids for 64 queries"
    rm -f facet.* faiss.*
done
