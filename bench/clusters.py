#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Rows for bench/clusters.sh, and scikit-learn's DBSCAN on them.

clusters.py noise FROM.f32 DIM COUNT TO.f32   add random unit rows up to COUNT
clusters.py album FROM.f32 DIM LABELS TO        400 people, at most 32 pictures
clusters.py score FOUND LABELS                 what bench/clusters has found
clusters.py dbscan ROWS.f32 DIM LABELS         DBSCAN over eps, min_samples
"""
import sys
import time

import numpy as np


def noise(source, dim, count, target):
    rows = np.fromfile(source, np.float32).reshape(-1, int(dim))
    draw = np.random.default_rng(7)
    more = draw.standard_normal((int(count) - len(rows), int(dim)))
    more /= np.linalg.norm(more, axis=1, keepdims=True)
    np.concatenate([rows, more.astype(np.float32)]).tofile(target)


def album(source, dim, names, target):
    """400 people of all sizes with at most 32 pictures each, mixed."""
    rows = np.fromfile(source, np.float32).reshape(-1, int(dim))
    labels = [line.strip() for line in open(names)]
    people = {}
    for i, label in enumerate(labels):
        people.setdefault(label, []).append(i)
    draw = np.random.default_rng(5)
    many = sorted(p for p in people if len(people[p]) > 4)
    few = sorted(p for p in people if len(people[p]) <= 4)
    chosen = [i for p in [*draw.choice(many, 90, False),
                          *draw.choice(few, 310, False)]
              for i in draw.permutation(people[p])[:32]]
    chosen = draw.permutation(chosen)
    rows[chosen].tofile(target + '.f32')
    with open(target + '.labels', 'w') as out:
        out.writelines(labels[i] + '\n' for i in chosen)


def bcubed(labels, truth, counted):
    """Over the items that count; the others may only spoil their clusters."""
    _, inverse, cells = np.unique(
        labels.astype(np.int64) * (truth.max() + 1) + truth,
        return_inverse=True, return_counts=True)
    cell = cells[inverse]
    precision = np.mean((cell / np.bincount(labels)[labels])[counted])
    recall = np.mean((cell / np.bincount(truth)[truth])[counted])
    return precision, recall, 2 * precision * recall / (precision + recall)


def read_truth(names):
    """A number a row, and which rows somebody has labeled."""
    truth, numbers = [], {}
    for line in open(names):
        key = line.strip() if line[0] != '-' else ('-', len(truth))
        truth.append(numbers.setdefault(key, len(numbers)))
    labeled = np.array([line[0] != '-' for line in open(names)])
    return np.array(truth), labeled


def tell(name, labels, truth, labeled):
    p, r, f = bcubed(labels, truth, labeled)
    *_, whole = bcubed(labels, truth, labeled | True)
    print(f'{name}  labeled: B-cubed P {p:.4f} R {r:.4f} F {f:.4f}; '
          f'all: F {whole:.4f}', flush=True)
    return f


def score(found, names):
    labels = np.unique(np.loadtxt(found, np.int64), return_inverse=True)[1]
    tell('facet', labels, *read_truth(names))


def alone(labels):
    """Noise (-1) becomes clusters of one."""
    labels = labels.copy()
    lost = labels < 0
    labels[lost] = labels.max() + 1 + np.arange(lost.sum())
    return labels


def dbscan(path, dim, names):
    from scipy import sparse
    from sklearn.cluster import DBSCAN
    from sklearn.neighbors import sort_graph_by_row_values
    rows = np.fromfile(path, np.float32).reshape(-1, int(dim))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    truth, labeled = read_truth(names)
    widest, begin, parts = 0.55, time.time(), []
    for at in range(0, len(rows), 1000):  # all distances up to the widest eps
        product = rows[at:at + 1000] @ rows.T
        near = product >= 1 - widest
        y, x = np.nonzero(near)
        parts.append((y + at, x, np.maximum(0, 1 - product[near])))
    y, x, d = (np.concatenate(p) for p in zip(*parts))
    graph = sparse.csr_matrix((d + 1e-9, (y, x)), shape=(len(rows),) * 2)
    graph = sort_graph_by_row_values(graph, copy=False,
                                     warn_when_not_sorted=False)
    print(f'neighbors: {time.time() - begin:.1f} s', flush=True)
    best = None
    for eps in (0.3, 0.35, 0.375, 0.4, 0.425, 0.45, 0.5, 0.55):
        for least in (2, 3, 5):
            found = DBSCAN(eps=eps, min_samples=least,
                           metric='precomputed').fit_predict(graph)
            f = tell(f'dbscan eps {eps:.3f} min_samples {least}',
                     alone(found), truth, labeled)
            best = max(best or (0, ), (f, eps, least))
    print(f'best: F {best[0]:.4f} at eps {best[1]:.3f}, '
          f'min_samples {best[2]}')


if __name__ == '__main__':
    {'noise': noise, 'album': album, 'score': score,
     'dbscan': dbscan}[sys.argv[1]](*sys.argv[2:])
