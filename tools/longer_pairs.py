#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""More pairs of split val than its list has, for differences that 6,000 do not show.

    longer_pairs.py FACET OUT.txt

Pairs of the people of ../shared/data/faces/val_pairs.txt, in its folds: in each 2,700
pairs of one person, and 2,700 of two of which a third are those that reid0095.onnx
finds most alike below cosine 0.45. Left out of the list's rules
(../shared/data/README.md) is that among these a picture comes at most 3 times and a
pair of persons at most 4 times: a few alike persons make many of the hard pairs here.
And nine times as many pairs weigh the well-filled people more. So accuracy is another
number than on the list itself; what it is for is to compare two networks:

    facet eval compare A.onnx B.onnx --pairs OUT.txt --margin 8 \\
      --images ../shared/data/faces/faces-val.tar

Needs numpy; ten seconds of a core.
"""
import collections
import csv
import itertools
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np

SHARED = pathlib.Path(__file__).resolve().parent.parent.parent / 'shared'
FACES = SHARED / 'data/faces'
FOLDS, EACH = 10, 2700
MOST_ALIKE = 0.45

# A student has to be named, though only the teacher is asked.
RECIPE = f'''
name: longer-pairs
network: {{ kind: mobilefacenet-tiny, dim: 256 }}
teacher: {{ init: {SHARED}/models/reid0095.onnx, template: 0095, mean: 0, scale: 1,
  bgr: true }}
data:
  paths: [ {FACES}/faces-val.tar ]
  table: {FACES}/faces.tsv
  split: val
  unlabelled: true
sampler: {{ kind: shuffle, batch: 64 }}
loss: {{ kind: distill-cosine }}
optimizer: {{ kind: adamw }}
schedule: {{ kind: cosine, rate: 1e-3, steps: 10 }}
'''


def answers(facet):
    """Of reid0095: a unit vector for each key."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = pathlib.Path(folder, 'recipe.yaml')
        recipe.write_text(RECIPE)
        subprocess.run([facet, 'train', 'teacher', recipe, '--out', folder],
                       check=True, stdout=subprocess.DEVNULL)
        rows = np.load(f'{folder}/answers.npy')[:, :256]
        names = pathlib.Path(folder, 'names.txt').read_text().splitlines()
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return {pathlib.Path(name).stem: row for name, row in zip(names, rows)}


def people_of_folds():
    """For each fold, the keys of each of its people."""
    with open(FACES / 'faces.tsv', newline='', encoding='utf-8') as file:
        person = {row['key']: row['person'] for row in
                  csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE)
                  if row['split'] == 'val'}
    fold = {}
    with open(FACES / 'val_pairs.txt', encoding='utf-8') as file:
        _, each = map(int, next(file).split())
        for i, line in enumerate(file):
            for key in line.split()[:2]:
                fold[person[key]] = i // (2 * each)
    folds = [collections.defaultdict(list) for _ in range(FOLDS)]
    for key in sorted(person):
        folds[fold[person[key]]][person[key]].append(key)
    return folds


def pairs_of_one(people, rng):
    pairs = [pair for keys in people.values()
             for pair in itertools.combinations(keys, 2)]
    return rng.sample(pairs, EACH)


def pairs_of_two(people, rows, rng):
    keys = [key for own in people.values() for key in own]
    owner = [name for name, own in people.items() for _ in own]
    vectors = np.stack([rows[key] for key in keys])
    alike = vectors @ vectors.T
    pairs = sorted(((alike[i, j], i, j) for i, j in
                    itertools.combinations(range(len(keys)), 2)
                    if owner[i] != owner[j] and alike[i, j] < MOST_ALIKE),
                   reverse=True)
    hard = pairs[:EACH // 3]
    chosen = hard + rng.sample(pairs[len(hard):], EACH - len(hard))
    return [(keys[i], keys[j]) for _, i, j in chosen]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    if not FACES.is_dir():
        sys.exit('../shared/data is not here')
    rows = answers(sys.argv[1])
    rng = random.Random(1)
    with open(sys.argv[2], 'w', encoding='utf-8') as out:
        print(FOLDS, EACH, sep='\t', file=out)
        for people in people_of_folds():
            for a, b in pairs_of_one(people, rng):
                print(a, b, 1, sep='\t', file=out)
            for a, b in pairs_of_two(people, rows, rng):
                print(a, b, 0, sep='\t', file=out)


if __name__ == '__main__':
    main()
