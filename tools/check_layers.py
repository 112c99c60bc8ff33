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
# Headers without functions: the room they are of, None for everybody's.
WITHOUT_CODE = {'comm.h': 'train', 'facet.h': None, 'geometry.h': None}
ROOT = pathlib.Path(__file__).resolve().parent.parent


def includes(path):
    text = path.read_text(encoding='utf-8')
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.M)


def definitions():
    """The room of each public function."""
    rooms, head = {}, r'^(?!static\b)\w[\w *]*?\b(facet_[a-z]\w*)\('
    for path in ROOT.glob('src/**/*.c'):
        if not path.name.endswith('_test.c'):
            text = path.read_text(encoding='utf-8')
            for name in re.findall(head, text, re.M):
                rooms[name] = path.relative_to(ROOT / 'src').parts[0]
    return rooms


def rooms_of_headers(wrong):
    """By who defines what a public header declares."""
    defined, rooms = definitions(), {}
    for path in sorted(ROOT.glob('include/facet/*.h')):
        text = path.read_text(encoding='utf-8')
        declared = re.findall(r'FACET_API\b[^;]*?\b(facet_[a-z]\w*)\(', text)
        found = {defined.get(name) for name in declared}
        if path.name in WITHOUT_CODE and not found:
            rooms[path.name] = WITHOUT_CODE[path.name]
        elif len(found) == 1 and None not in found:
            rooms[path.name] = found.pop()
        else:
            wrong.append(f'{path.relative_to(ROOT)}: of which room is it? Its '
                         'functions are to be defined in one, or it belongs '
                         'into WITHOUT_CODE of tools/check_layers.py')
    return rooms


def room_of(name, headers):
    """The room of an include; None when it is everybody's."""
    first, _, rest = name.partition('/')
    if first == 'facet':
        return headers.get(rest)
    return first if first in ROOMS else None


def main():
    wrong, edges = [], set()
    headers = rooms_of_headers(wrong)
    for path in sorted(ROOT.glob('src/**/*.[ch]')):
        room = path.relative_to(ROOT / 'src').parts[0]
        for name in includes(path):
            other = room_of(name, headers)
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


if __name__ == '__main__':
    sys.exit(main())
