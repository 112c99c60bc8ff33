#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Includes point only down the list of rooms. With --dot, print the graph."""
import pathlib
import re
import sys

# A room and the rooms it may include, besides itself and facet/.
ROOMS = {
    'base': set(),
    'image': {'base'},
    'synth': {'base', 'image'},
    'nn': {'base'},
    'face': {'base', 'image', 'nn', 'synth'},
    'zoo': {'base', 'nn'},
    'train': {'base', 'image', 'nn', 'face', 'zoo'},
    'gallery': {'base'},
    'cluster': {'base'},
    'collect': {'base'},
    'eval': {'base'},
}
ROOT = pathlib.Path(__file__).resolve().parent.parent


def includes(path):
    text = path.read_text(encoding='utf-8')
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.M)


def main():
    wrong, edges = [], set()
    for path in sorted(ROOT.glob('src/**/*.[ch]')):
        room = path.relative_to(ROOT / 'src').parts[0]
        for name in includes(path):
            other = name.split('/')[0]
            if other in ROOMS and other != room:
                edges.add((room, other))
                if other not in ROOMS[room] and not path.name.endswith(
                        '_test.c'):
                    wrong.append(f'{path.relative_to(ROOT)}: {room} must not '
                                 f'include {name}')
    for path in sorted(ROOT.glob('cli/*.[ch]')) + sorted(
            ROOT.glob('mpi/*.[ch]')) + sorted(ROOT.glob('examples/*.c')):
        for name in includes(path):
            if name.split('/')[0] in ROOMS:
                wrong.append(f'{path.relative_to(ROOT)}: only public headers, '
                             f'not {name}')
    if '--dot' in sys.argv:
        print('digraph rooms {')
        for a, b in sorted(edges):
            print(f'    {a} -> {b};')
        print('}')
    for line in wrong:
        print(f'layers: {line}', file=sys.stderr)
    return 1 if wrong else 0


sys.exit(main())
