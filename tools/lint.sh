#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The form of the sources: layout, licence lines, words that are not used,
# direction of includes, C in the documents, what clang-tidy finds. Prints what
# is wrong and where; quiet when nothing is.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0
complain() { echo "lint: $1" >&2; failed=1; }

mapfile -t sources < <(git ls-files '*.c' '*.h')
clang-format --dry-run -Werror "${sources[@]}" || complain "run clang-format -i"

for file in "${sources[@]}"; do
  head -3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' ||
    complain "$file: no SPDX line"
done

in_library=$(printf '%s\n' "${sources[@]}" | grep '^src/' | grep -vE '_test\.c$|_fixture\.h$|power_vfs\.h$|standalone|toy\.h$')

# Words with a better one, as whole identifiers followed by a bracket.
banned='\b(strcpy|strcat|sprintf|gets|strtok|atoi|atof)[[:space:]]*\('
grep -nE "$banned" $in_library $(git ls-files 'cli/*.c') &&
  complain "a banned function"
grep -nE '\b(printf|puts|abort|exit)[[:space:]]*\(' $in_library |
  grep -vE ':[[:space:]]*\*|format' &&
  complain "the library prints, aborts or exits"
no_base=$(printf '%s\n' $in_library | grep -v '^src/base/')
# (what another library allocated is freed as that library says)
grep -nE '(^|[^_a-zA-Z.>])(malloc|calloc|realloc|free)[[:space:]]*\(' $no_base |
  grep -vE ':[[:space:]]*\*|/\*.*(jansson|getline|realpath)' &&
  complain "memory comes from base/alloc.h"

# C in the documents compiles as it stands.
for page in $(git ls-files '*.md'); do
  code=$(sed -n '/^```c$/,/^```$/p' "$page" | sed '/^```/d')
  [ -z "$code" ] ||
    ${CC:-cc} -std=c11 -Wall -Wextra -Werror -Iinclude -fsyntax-only -x c - \
      <<<"$code" || complain "$page: its C does not compile"
done

tools/check_layers.py || failed=1
tools/check_figures.py || failed=1

# clang-tidy wants to know how files are compiled, and the generated header.
[ -f build/build.ninja ] || cmake --preset release >/dev/null
cmake --build build --target generated/onnx/onnx.pb-c.h >/dev/null &&
  tools/tidy.py build || complain "clang-tidy found something"
exit $failed
