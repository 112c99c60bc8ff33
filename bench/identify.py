#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""For bench/identify.sh, on ../shared/data/faces.

identify.py pairs FACES.tsv > LIST      for facet calibrate: train identities
identify.py crops IDENTIFY.txt > LIST   for bench_aligned_crops
identify.py score IDENTIFY.txt < ANSWERS   of facet identify
"""
import collections
import itertools
import json
import pathlib
import random
import sys

MOST_CROPS, NONMATED = 3, 300000


def pairs(path):
    """All pairs of at most 3 crops a person; random pairs of two people."""
    draw = random.Random(11)
    people = collections.defaultdict(list)
    for line in open(path):
        key, split, _, person, *_ = line.split('\t')
        if split == 'train' and person != '-':
            people[person].append(key)
    chosen = {person: draw.sample(sorted(keys), min(MOST_CROPS, len(keys)))
              for person, keys in sorted(people.items())}
    for keys in chosen.values():
        for a, b in itertools.combinations(keys, 2):
            print(a, b, 1, sep='\t')
    names, seen = list(chosen), set()
    while len(seen) < NONMATED:
        a, b = sorted(draw.choice(chosen[p]) for p in draw.sample(names, 2))
        if (a, b) not in seen:
            seen.add((a, b))
            print(a, b, 0, sep='\t')


def rows(path):
    return [line.split() for line in open(path)]


def crops(path):
    for kind, key, person in rows(path):
        folder = pathlib.Path(kind) / (person if kind == 'gallery' else '')
        folder.mkdir(parents=True, exist_ok=True)
        print(key, folder / f'{key}.png', sep='\t')


def score(path):
    """Of probes whose person is enrolled, and of others: what was decided."""
    enrolled = {person for kind, _, person in rows(path) if kind == 'gallery'}
    truth = {key: person for kind, key, person in rows(path)
             if kind == 'probe'}
    counts = collections.Counter()
    for line in sys.stdin:
        answer = json.loads(line)
        person = truth[pathlib.Path(answer['image']).stem]
        face, = answer['faces']
        known = person in enrolled
        nearest = face.get('person') or face.get('nearest')
        right = known and nearest['name'] == person
        counts[known, face['decision'], right] += 1
        counts[known] += 1
        counts['rank1'] += right
    print(f"threshold {answer['threshold']:.4f} at FPIR {answer['fpir']}")
    print(f"mated {counts[True]}: rank-1 {counts['rank1'] / counts[True]:.4f}")
    for known, right in ((True, True), (True, False), (False, False)):
        who = 'stranger' if not known else 'right' if right else 'wrong'
        print(f'  {who:8}', *(
            f"{d} {counts[known, d, right] / counts[known]:.4f}"
            for d in ('match', 'review', 'unknown')))
    print(f'non-mated {counts[False]}')


if __name__ == '__main__':
    {'pairs': pairs, 'crops': crops, 'score': score}[sys.argv[1]](sys.argv[2])
