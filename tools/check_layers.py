#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Includes point only down the list of rooms, and public headers are of the room
that fills them. With --dot, print the graph: what goes through a public header
is dotted."""
import pathlib
import re
import sys

# A room and the rooms it may include, besides itself.
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
# The same, but by their public headers alone.
PUBLIC = {
    'zoo': {'synth'},  # how many points a head has
    'train': {'eval', 'synth'},
    'collect': {'cluster', 'eval'},
}
ROOT = pathlib.Path(__file__).resolve().parent.parent


def includes(path):
    text = path.read_text(encoding='utf-8')
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.M)


def room_of(name):
    """The room of an include; None when it is everybody's."""
    first, _, rest = name.partition('/')
    if first != 'facet':
        return first if first in ROOMS else None
    stem = rest.removesuffix('.h')
    for source in sorted(ROOT.glob(f'src/**/{stem}.c')):
        return source.relative_to(ROOT / 'src').parts[0]
    return stem if stem in ROOMS else None


def main():
    wrong, edges = [], set()
    for path in sorted(ROOT.glob('src/**/*.[ch]')):
        room = path.relative_to(ROOT / 'src').parts[0]
        for name in includes(path):
            other = room_of(name)
            public = name.startswith('facet/')
            allowed = ROOMS[room] | (PUBLIC.get(room, set()) if public
                                     else set())
            if other and other != room and not path.name.endswith('_test.c'):
                edges.add((room, other, public))
                if other not in allowed:
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
        for a, b, public in sorted(edges):
            if not public or (a, b, False) not in edges:
                print(f'    {a} -> {b}{" [style=dotted]" if public else ""};')
        print('}')
    for line in wrong:
        print(f'layers: {line}', file=sys.stderr)
    return 1 if wrong else 0


sys.exit(main())
