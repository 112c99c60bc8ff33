#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How people-like are the pictures of facet synth to networks trained on people?

    measure_synth.py FACET DETECTOR EMBEDDER [PEOPLE [PICTURES [YAW]]]

Makes pictures of PEOPLE people, looks for their faces, compares the finds with
the truth, and the embeddings with each other.
"""
import bisect
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile


def lines(*command, **environment):
    text = subprocess.run(command, check=True, capture_output=True, text=True,
                          env={**os.environ, **environment}).stdout
    return [json.loads(line) for line in text.splitlines()]


def overlap(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def quantile(values, share):
    return values[min(len(values) - 1, int(share * len(values)))]


def detection(truth, found):
    """Scores, overlaps and errors of the points of those that were found."""
    scores, overlaps, errors = [], [], []
    for want, got in zip(truth, found):
        want = want['faces'][0]
        faces = [face for face in got['faces']
                 if overlap(face['box'], want['box']) > 0.3]
        if not faces:
            continue
        face = max(faces, key=lambda face: face['score'])
        side = max(want['box'][2:])
        scores.append(face['score'])
        overlaps.append(overlap(face['box'], want['box']))
        errors.append(sum(math.dist(a, b) for a, b in zip(
            face['landmarks'], want['landmarks'])) / 5 / side)
    scores.sort()
    print(f'found {len(scores)} of {len(truth)}; score: lowest {scores[0]:.3f}, '
          f'median {quantile(scores, 0.5):.3f}')
    print(f'overlap with the true box {sum(overlaps) / len(overlaps):.3f}, '
          f'error of the points {sum(errors) / len(errors):.3f} of its side')


def embeddings(truth, found):
    people = [(want['faces'][0]['person'], got['faces'][0]['embedding'])
              for want, got in zip(truth, found) if got['faces']]
    same, different = [], []
    for (p, a), (q, b) in itertools.combinations(people, 2):
        cosine = sum(x * y for x, y in zip(a, b))
        (same if p == q else different).append(cosine)
    same.sort()
    different.sort()
    print(f'same person: {len(same)} pairs, mean {sum(same) / len(same):.3f}, '
          f'5 % below {quantile(same, 0.05):.3f}')
    print(f'different:   {len(different)} pairs, mean '
          f'{sum(different) / len(different):.3f}, '
          f'1 % above {quantile(different, 0.99):.3f}')
    right = sum(bisect.bisect_left(different, cosine) for cosine in same)
    print(f'same over different: {right / len(same) / len(different):.4f}')
    for rate in (1e-2, 1e-3):
        threshold = quantile(different, 1 - rate)
        share = sum(cosine > threshold for cosine in same) / len(same)
        print(f'TAR at FAR {rate:g}: {share:.3f} (threshold {threshold:.3f})')


def main():
    facet, detector, embedder = sys.argv[1:4]
    given = sys.argv[4:7]
    people, pictures, yaw = given + ['60', '6', '45'][len(given):]
    with tempfile.TemporaryDirectory() as folder:
        truth = lines(facet, 'synth', '--quiet', '--out', folder, '--people',
                      people, '--images', pictures, '--yaw', yaw)
        found = lines(facet, 'embed', '--quiet', '--max-faces', '1', folder,
                      FACET_DETECTOR=detector, FACET_MODEL=embedder)
    print(f'{people} people, {pictures} pictures each, yaw up to {yaw} degrees')
    detection(truth, found)
    embeddings(truth, found)


main()
