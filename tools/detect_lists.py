#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lists for training and judging a detector, out of marked boxes, marked
landmarks, and what another detector finds in the same pictures.

    detect_lists.py --out DIR
        [--boxes LIST.txt FINDS.jsonl] [--landmarks POINTS.txt FINDS.jsonl]
        [--rendered TRUTH.jsonl]

LIST is in WIDER FACE's form, POINTS has lines "file x1 y1 ... x5 y5", FINDS is
what `facet detect --score 0.3` printed for the pictures, TRUTH is what `facet synth
--flat` printed: all groups and one portrait in 16 join the training. Four
files come out:
train.txt and heldout.txt (WIDER FACE's form, ten more numbers where landmarks
are known), the same of POINTS as points-train.txt and points-heldout.txt, and
train.tsv, the pictures to train on as a table for a recipe.

A picture is held out when the first four bytes of the SHA-256 of its name
(without folder), as a big-endian number, are a multiple of five.

Boxes of people are never changed, and held-out ones stand alone. A find that overlaps a box by half or more
lends it its landmarks; one of score 0.6 that overlaps none by a fifth is
added as invalid, so that training neither wants it nor forbids it. In POINTS the find around the
marked points is the face, and its landmarks are the marked ones.
"""
import argparse
import hashlib
import json
import os

POINTS, RENDERED = 'points-', 'rendered-'


def held_out(name):
    sum_ = hashlib.sha256(os.path.basename(name).encode()).digest()
    return int.from_bytes(sum_[:4], 'big') % 5 == 0


def third(name):
    return hashlib.sha256(name.encode()).digest()[4] % 3 == 0


def overlap(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both or 1)


def read_finds(path):
    finds = {}
    with open(path, encoding='utf-8') as lines:
        for line in lines:
            photo = json.loads(line)
            name = os.path.basename(photo['image'])
            finds[name] = photo.get('faces', [])
    return finds


def read_boxes(path):
    with open(path, encoding='utf-8') as lines:
        rows = [line.split() for line in lines if line.strip()]
    at = 0
    while at < len(rows):
        name, count = rows[at][0], int(rows[at + 1][0])
        at += 2
        yield name, [[float(x) for x in row] for row in rows[at:at + count]]
        at += count


def lend(boxes, finds):
    """Boxes of one picture with the landmarks of finds, and odd finds."""
    faces = [(box, None) for box in boxes]
    pairs = sorted(((overlap(box, f['box']), i, k)
                    for i, box in enumerate(boxes)
                    for k, f in enumerate(finds)), reverse=True)
    used = set()
    for o, i, k in pairs:
        if o >= .5 and faces[i][1] is None and k not in used:
            faces[i] = (boxes[i], finds[k]['landmarks'])
            used.add(k)
    near = {k for o, i, k in pairs if o >= .2}
    return faces + [(f['box'] + [0, 0, 0, 1, 0, 0], None)
                    for k, f in enumerate(finds)
                    if k not in near and f['score'] >= .6]


def own(points, finds):
    """The find whose landmarks are nearest the marked points gets them."""
    def distance(find):
        side = (find['box'][2] * find['box'][3]) ** .5
        return sum(((p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2) ** .5 for p, q
                   in zip(points, find['landmarks'])) / 5 / side
    best = min(finds, key=distance, default=None)
    if best is None or distance(best) > .15:
        return None
    return [(f['box'] + [0, 0, 0, int(f is not best), 0, 0],
             points if f is best else None) for f in finds]


def rendered(path):
    """Pictures of `facet synth`: who is half hidden is neither wanted nor
    forbidden."""
    with open(path, encoding='utf-8') as lines:
        for i, line in enumerate(lines):
            picture = json.loads(line)
            if len(picture['faces']) > 1 or i % 16 == 0:
                yield RENDERED, os.path.basename(picture['image']), [
                    (f['box'] + [0, 0, 0, int(f['visible'] < .5), 0, 0],
                     f['landmarks']) for f in picture['faces']]


def text_of(name, faces):
    lines = [name, str(len(faces))]
    for numbers, points in faces:
        values = [f'{x:.4g}' if k < 4 else f'{x:.0f}'
                  for k, x in enumerate(numbers)]
        values[:4] = [f'{x:.1f}' for x in numbers[:4]]
        for x, y in points or []:
            values += [f'{x:.2f}', f'{y:.2f}']
        lines.append(' '.join(values))
    return '\n'.join(lines) + '\n'


def main():
    options = argparse.ArgumentParser(description=__doc__,
                                      formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument('--out', required=True)
    options.add_argument('--boxes', nargs=2)
    options.add_argument('--landmarks', nargs=2)
    options.add_argument('--rendered')
    o = options.parse_args()
    pictures = []
    if o.boxes:
        finds = read_finds(o.boxes[1])
        pictures += [('', name, [(box, None) for box in boxes]
                      if held_out(name) else lend(boxes, finds.get(name, [])))
                     for name, boxes in read_boxes(o.boxes[0])]
    if o.landmarks:
        finds = read_finds(o.landmarks[1])
        with open(o.landmarks[0], encoding='utf-8') as lines:
            for row in map(str.split, lines):
                x = [float(v) for v in row[1:]]
                faces = own(list(zip(x[::2], x[1::2])),
                            finds.get(os.path.basename(row[0]), []))
                if faces:
                    pictures.append((POINTS, row[0], faces))
    if o.rendered:
        pictures += rendered(o.rendered)
    os.makedirs(o.out, exist_ok=True)
    table = ['key\tperson\tsplit\n']
    lists = {}
    for kind, name, faces in pictures:
        out = kind != RENDERED and held_out(name)
        file = f'{kind}heldout.txt' if out else 'train.txt'
        lists.setdefault(file, []).append(text_of(name, faces))
        key = os.path.splitext(os.path.basename(name))[0]
        split = 'heldout' if out else 'points' if kind == POINTS and not third(
            name) else 'train'
        table.append(f'{key}\t-\t{split}\n')
    for file, texts in lists.items():
        with open(os.path.join(o.out, file), 'w', encoding='utf-8') as to:
            to.writelines(texts)
    with open(os.path.join(o.out, 'train.tsv'), 'w', encoding='utf-8') as to:
        to.writelines(table)
    for file, texts in sorted(lists.items()):
        print(f'{file}: {len(texts)} pictures')


if __name__ == '__main__':
    main()
