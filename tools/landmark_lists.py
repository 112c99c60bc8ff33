#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lists for training and judging a landmark network, out of what another one
finds and out of rendered truth.

    landmark_lists.py --out DIR [--found FOUND.jsonl] [--rendered TRUTH.jsonl]
        [--found-heldout FOUND.jsonl] [--rendered-heldout TRUTH.jsonl]

FOUND is what `facet align --frontal` printed, TRUTH what `facet synth --flat`
printed. Four files come out: train.txt and heldout.txt (file, then x y of 68
points, a face a line), and train.tsv and heldout.tsv, the pictures as tables
for a recipe. Faces of FOUND that the detector is not sure of (score under 0.7)
are left out, and rendered ones that are half hidden.
"""
import argparse
import json
import os


def faces_of(path, good):
    with open(path, encoding='utf-8') as lines:
        for line in lines:
            picture = json.loads(line)
            for face in picture.get('faces', []):
                if 'landmarks68' in face and good(face):
                    yield os.path.basename(picture['image']), face['landmarks68']


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument('--out', required=True)
    for name in ('found', 'rendered'):
        options.add_argument(f'--{name}', action='append', default=[])
        options.add_argument(f'--{name}-heldout', action='append', default=[])
    o = options.parse_args()
    os.makedirs(o.out, exist_ok=True)
    for name, found, rendered in (
            ('train', o.found, o.rendered),
            ('heldout', o.found_heldout, o.rendered_heldout)):
        faces = [face for path in found
                 for face in faces_of(path, lambda f: f['score'] >= .7)]
        faces += [face for path in rendered
                  for face in faces_of(path, lambda f: f['visible'] >= .5)]
        with open(f'{o.out}/{name}.txt', 'w', encoding='utf-8') as out:
            for file, points in faces:
                numbers = ' '.join(f'{x:.2f} {y:.2f}' for x, y in points)
                out.write(f'{file} {numbers}\n')
        keys = sorted({os.path.splitext(file)[0] for file, _ in faces})
        with open(f'{o.out}/{name}.tsv', 'w', encoding='utf-8') as out:
            out.write('key\tperson\n')
            out.writelines(f'{key}\t-\n' for key in keys)
        print(f'{name}: {len(faces)} faces in {len(keys)} pictures')


main()
