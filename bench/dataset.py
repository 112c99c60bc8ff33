#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How clean and how complete `facet dataset` makes candidates whose truth is
known: purity and yield of each stage, as the table of
docs/methods/deep-face-recognition.md.

dataset.py WORK [BUILD]   training people of ../shared/data, noise planted

A name's candidates are its own pictures and as many wrong ones: other people
of the list, people of none, faces nobody knows. Among the first ones few are
wrong, as a search would have it. Every tenth own picture comes a second time,
smaller and compressed anew. Needs python3-pil. Embeddings stay in WORK.
"""
import csv
import io
import pathlib
import random
import subprocess
import sys
import tarfile

from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
FACES = HERE.parent.parent / 'shared' / 'data' / 'faces'
NAMES, OWN, FIRST, BLOCK = 40, 100, 25, 20
RIGHT_FIRST, RIGHT_LATER = .9, .4   # chance of a right picture
ACCEPTED = .95                      # purity from which a person takes a block


def people():
    """Training pictures by person; '-' for nobody known."""
    found = {}
    with open(FACES / 'faces.tsv', encoding='ascii') as table:
        for row in csv.DictReader(table, delimiter='\t'):
            if row['split'] == 'train':
                found.setdefault(row['person'], []).append(row['key'])
    return found


def candidates(draw, own, wrong):
    """One name's list: pairs of a picture and whether it is right."""
    own, found = draw.sample(own, min(OWN, len(own))), []
    want = 2 * len(own)
    while len(found) < want:
        right = own and draw.random() < (
            RIGHT_FIRST if len(found) < FIRST else RIGHT_LATER)
        found.append((own.pop(), True) if right else (wrong(), False))
    return found


def plan(draw):
    by = people()
    nobody = by.pop('-')
    chosen = draw.sample(sorted(p for p in by if len(by[p]) >= 60), NAMES)
    others = [k for p in sorted(by) if p not in chosen for k in by[p]]
    pools = {p: [[k for q in chosen if q != p for k in by[q]], others, nobody]
             for p in chosen}
    return {p: candidates(draw, by[p],
                          lambda: draw.choice(draw.choices(
                              pools[p], (4, 3, 3))[0]))
            for p in chosen}


def again(picture, draw):
    """The same photo as another site has it."""
    image = Image.open(io.BytesIO(picture)).convert('RGB')
    side = draw.randint(72, 110)
    small = image.resize((side, side), Image.BILINEAR)
    out = io.BytesIO()
    small.resize(image.size, Image.BICUBIC).save(
        out, 'JPEG', quality=draw.randint(40, 80))
    return out.getvalue()


def write(work, draw):
    """Pictures under names of their own, the list, and the truth: of each file
    whether it is right, and what it is a copy of."""
    wanted = plan(draw)
    pictures = {}
    keys = {k for found in wanted.values() for k, _ in found}
    for path in sorted(FACES.glob('faces-train-*.tar')):
        with tarfile.open(path) as tar:
            for member in tar:
                key = member.name.split('.')[0]
                if key in keys:
                    pictures[key] = tar.extractfile(member).read()
    truth = {}
    work.mkdir(parents=True, exist_ok=True)
    with open(work / 'list.tsv', 'w', encoding='ascii') as out:
        for name, found in wanted.items():
            (work / 'pictures' / name).mkdir(parents=True, exist_ok=True)
            doubles = [(k, r, again(pictures[k], draw)) for k, r in found
                       if r and draw.random() < .1]
            files = [(k, r, pictures[k]) for k, r in found]
            for double in doubles:
                files.insert(draw.randint(FIRST, len(files)), double)
            seen = {}
            for at, (key, right, data) in enumerate(files):
                file = f'{name}/{at:04}.img'
                (work / 'pictures' / file).write_bytes(data)
                truth[file] = (right, seen.setdefault(key, file))
                print(file, name, sep='\t', file=out)
    return truth


def run(work, build):
    subprocess.run(
        [build / 'facet', 'dataset', work / 'list.tsv', '--images',
         work / 'pictures', '--margin', '8', '--cache', work / 'cache',
         '--first', str(FIRST), '--block', str(BLOCK), '--out', work / 'out'],
        check=True, stdout=subprocess.DEVNULL)
    with open(work / 'out' / 'candidates.tsv', encoding='ascii') as table:
        return list(csv.DictReader(table, delimiter='\t'))


def tell(stage, files, truth, whole):
    """Of `whole` different right pictures, how many are there; copies of one
    count once."""
    right = [f for f in files if truth[f][0]]
    there = len({truth[f][1] for f in right})
    print(f'| {stage} | {len(files):,} | {100 * len(right) / len(files):.2f} % '
          f'| {100 * there / whole:.2f} % '
          f'| {100 * (1 - there / len(right)):.2f} % |')


def main():
    work = pathlib.Path(sys.argv[1])
    build = pathlib.Path(sys.argv[2] if len(sys.argv) > 2
                         else HERE.parent / 'build').resolve()
    truth = write(work, random.Random(1))
    rows = run(work, build)
    whole = len({t[1] for t in truth.values() if t[0]})
    ranked = [r for r in rows if r['stage'] in ('duplicate', 'proposed')]
    proposed = [r for r in rows if r['stage'] == 'proposed']
    blocks = {}
    for r in proposed:
        blocks.setdefault((r['name'], r['block']), []).append(r['file'])
    good = [f for b in blocks.values()
            if sum(truth[f][0] for f in b) >= ACCEPTED * len(b) for f in b]
    first = [r['file'] for r in rows if int(r['file'][-8:-4]) < FIRST]

    print('| stage | pictures | purity | yield | copies |')
    print('|---|---|---|---|---|')
    tell('candidates', list(truth), truth, whole)
    tell(f'of them the first {FIRST} of each name', first, truth, whole)
    tell('ranked, the better half', [r['file'] for r in ranked], truth, whole)
    tell('near duplicates merged', [r['file'] for r in proposed], truth, whole)
    tell(f'blocks of {BLOCK} with a purity of 95 %', good, truth, whole)
    lost = [r for r in rows if r['stage'] == 'duplicate' and
            truth[r['file']][1] != truth[r['duplicate_of']][1]]
    print(f'\n{len(lost)} of {len(ranked) - len(proposed)} pictures merged as '
          f'near duplicates were other pictures; {len(blocks)} blocks of '
          f'{NAMES} names')


main()
