#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The library exports what its headers declare, and nothing else.

    check_symbols.py LIBRARY.so    compare nm -D with FACET_API declarations
    check_symbols.py --c           print a C program that links every symbol
"""
import pathlib
import re
import subprocess
import sys

HEADERS = pathlib.Path(__file__).resolve().parent.parent / 'include' / 'facet'


def declared():
    names = set()
    for header in HEADERS.glob('*.h'):
        text = re.sub(r'/\*.*?\*/', '', header.read_text(), flags=re.S)
        names.update(re.findall(
            r'^FACET_API\b[^;(]*?\b(facet_\w+)\s*\(', text, re.M))
    return names


def exported(library):
    lines = subprocess.run(
        ['nm', '-D', '--defined-only', library], check=True,
        capture_output=True, text=True).stdout.splitlines()
    return {line.split()[-1] for line in lines}


def program():
    print('#include <facet/facet.h>\n#include <stdio.h>\n')
    for header in sorted(HEADERS.glob('*.h')):
        print(f'#include <facet/{header.name}>')
    print('\ntypedef void (*symbol)(void);\n\nint main(void)\n{')
    print('    const symbol all[] = {')
    for name in sorted(declared()):
        print(f'        (symbol){name},')
    print('    };\n    size_t i, there = 0;\n')
    print('    for (i = 0; i < sizeof all / sizeof *all; i++)')
    print('        there += all[i] != 0;')
    print('    printf("%zu symbols\\n", there);')
    print('    return there == i ? 0 : 1;\n}')


def main():
    if sys.argv[1:] == ['--c']:
        program()
        return 0
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    want, have = declared(), exported(sys.argv[1])
    for name in sorted(want - have):
        print(f'symbols: {name} is declared and not exported')
    for name in sorted(have - want):
        print(f'symbols: {name} is exported and not declared')
    return 1 if want != have else 0


sys.exit(main())
