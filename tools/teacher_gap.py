#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How near a student is to its teacher, on its own pictures and on others'.

    teacher_gap.py [FACET [STUDENT [TEACHER]]]

The mean cosine of both networks' embeddings, with its 5, 50 and 95 % points, of 4,000
crops of split train and of all crops in the pairs of split val (../shared/data). What
lies between the two is what the student has learnt by heart. Two minutes of a core.
"""
import json
import pathlib
import random
import subprocess
import sys
import tarfile
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parent.parent
FACES = SOURCE.parent / 'shared/data/faces'
TRAIN_CROPS = 4000


def train_pairs(folder):
    """A list of pairs in which each crop stands once; labels do not matter."""
    with tarfile.open(FACES / 'faces-train-000.tar') as tar:
        keys = sorted(pathlib.Path(name).stem for name in tar.getnames())
    random.Random(1).shuffle(keys)
    keys = keys[:TRAIN_CROPS]
    lines = [f'{a} {b} {i % 2}' for i, (a, b) in
             enumerate(zip(keys[::2], keys[1::2]))]
    path = pathlib.Path(folder, 'train.txt')
    path.write_text('\n'.join(lines) + '\n')
    return path


def embeddings(facet, network, pairs, tar):
    """By picture, out of the cache of an evaluation."""
    with tempfile.TemporaryDirectory() as cache:
        subprocess.run([facet, 'eval', 'pairs', '--margin', '8', '--rounds', '10',
                        '--cache', cache, '--images', tar, '--model', network,
                        pairs], check=True, stdout=subprocess.DEVNULL)
        path, = pathlib.Path(cache).iterdir()
        lines = map(json.loads, path.read_text().splitlines())
        return {line['image']: line['faces'][0]['embedding']
                for line in lines if line['faces']}


def main():
    facet, student, teacher = (sys.argv[1:] + [
        SOURCE / 'build/facet', SOURCE / 'models/embedder.onnx',
        SOURCE.parent / 'shared/models/reid0095.onnx'][len(sys.argv) - 1:])
    if not FACES.is_dir():
        sys.exit('../shared/data is not here')
    with tempfile.TemporaryDirectory() as folder:
        for split, pairs, tar in (
                ('train', train_pairs(folder), 'faces-train-000.tar'),
                ('val', FACES / 'val_pairs.txt', 'faces-val.tar')):
            ours, theirs = (embeddings(facet, network, pairs, FACES / tar)
                            for network in (student, teacher))
            cosines = sorted(sum(x * y for x, y in zip(ours[key], theirs[key]))
                             for key in ours if key in theirs)
            n = len(cosines)
            points = ' '.join(f'{cosines[int(q * n)]:.3f}'
                              for q in (0.05, 0.5, 0.95))
            print(f'{split}: {sum(cosines) / n:.4f} ({points}) over {n} crops')


main()
