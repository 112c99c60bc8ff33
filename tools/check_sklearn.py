#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compare ROC, AUC, ARI, NMI and support vector machines with scikit-learn
(Debian: python3-sklearn).

Usage: tools/check_sklearn.py [build/libfacet.so]

Random scores with ties and random clusterings; each value must agree to 1e-12.
Decisions of machines, which stop at a violation, must agree to 1e-2.
"""
import ctypes as c
import sys

import numpy as np
from sklearn import metrics, svm

TOLERANCE, MACHINE_TOLERANCE = 1e-12, 1e-2
COMPARISON = np.dtype([("score", "f8"), ("subject_a", "u4"),
                       ("subject_b", "u4"), ("fold", "u2"), ("mated", "?")],
                      align=True)


class Point(c.Structure):
    _fields_ = [("threshold", c.c_double), ("tar", c.c_double),
                ("fmr", c.c_double)]


class PrecisionRecall(c.Structure):
    _fields_ = [(name, c.c_double) for name in ("precision", "recall", "f")]


class ClusterScores(c.Structure):
    _fields_ = [("pairwise", PrecisionRecall), ("bcubed", PrecisionRecall),
                ("nmi", c.c_double), ("ari", c.c_double),
                ("clusters", c.c_size_t), ("subjects", c.c_size_t)]


def load(path):
    lib = c.CDLL(path)
    lib.facet_curve_create.argtypes = [c.c_void_p, c.c_size_t,
                                       c.POINTER(c.c_void_p), c.c_void_p]
    lib.facet_curve_free.argtypes = [c.c_void_p]
    lib.facet_curve_auc.argtypes = [c.c_void_p]
    lib.facet_curve_auc.restype = c.c_double
    lib.facet_curve_count.argtypes = [c.c_void_p]
    lib.facet_curve_count.restype = c.c_size_t
    lib.facet_curve_at.argtypes = [c.c_void_p, c.c_size_t]
    lib.facet_curve_at.restype = Point
    lib.facet_cluster_compare.argtypes = [c.c_void_p, c.c_void_p, c.c_size_t,
                                          c.POINTER(ClusterScores)]
    lib.facet_svm_fit.argtypes = [c.c_void_p, c.c_void_p, c.c_size_t,
                                  c.c_size_t, c.c_double, c.c_void_p,
                                  c.POINTER(c.c_double)]
    lib.facet_kernel_svm_fit.argtypes = [c.c_void_p, c.c_void_p, c.c_size_t,
                                         c.c_double, c.c_void_p,
                                         c.POINTER(c.c_double)]
    return lib


def roc_error(lib, rng, count):
    """Largest difference of AUC and of all ROC points."""
    mated = rng.random(count) < 0.3
    mated[:2] = True, False
    scores = np.round(rng.normal(mated * 1.0, 1.0), rng.integers(1, 6))
    table = np.zeros(count, COMPARISON)
    table["score"], table["mated"] = scores, mated
    curve = c.c_void_p()
    if lib.facet_curve_create(table.ctypes.data, count, c.byref(curve), None):
        raise RuntimeError("facet_curve_create failed")
    points = [lib.facet_curve_at(curve, i)
              for i in range(lib.facet_curve_count(curve))]
    auc = lib.facet_curve_auc(curve)
    lib.facet_curve_free(curve)
    fpr, tpr, thresholds = metrics.roc_curve(mated, scores,
                                             drop_intermediate=False)
    if len(points) != len(fpr):
        raise RuntimeError(f"{len(points)} points, scikit-learn {len(fpr)}")
    return max(abs(auc - metrics.roc_auc_score(mated, scores)),
               np.abs(np.array([p.fmr for p in points]) - fpr).max(),
               np.abs(np.array([p.tar for p in points]) - tpr).max(),
               np.abs(np.array([p.threshold for p in points][1:])
                      - thresholds[1:]).max())


def cluster_error(lib, rng, count):
    """Largest difference of ARI, NMI and of the pair counts."""
    truth = rng.integers(0, rng.integers(1, count), count).astype("u4")
    keep = rng.random(count) < rng.random()
    other = rng.integers(0, rng.integers(1, count), count)
    cluster = np.where(keep, truth, other).astype("u4")
    ours = ClusterScores()
    if lib.facet_cluster_compare(cluster.ctypes.data, truth.ctypes.data,
                                 count, c.byref(ours)):
        raise RuntimeError("facet_cluster_compare failed")
    pairs = metrics.cluster.pair_confusion_matrix(truth, cluster)
    same = pairs[1, 1] + pairs[0, 1]
    precision = pairs[1, 1] / same if same else 1.0
    return max(abs(ours.ari - metrics.adjusted_rand_score(truth, cluster)),
               abs(ours.nmi
                   - metrics.normalized_mutual_info_score(truth, cluster)),
               abs(ours.pairwise.precision - precision))


def machine_error(lib, rng):
    """Largest difference of decisions, linear and on the power kernel."""
    count, dim = int(rng.integers(20, 120)), int(rng.integers(1, 6))
    labels = (np.arange(count) % 2).astype("u1")
    x = rng.normal(labels[:, None] * 0.8, 1.0, (count, dim)).astype("f4")
    w, bias = np.zeros(dim, "f4"), c.c_double()
    if lib.facet_svm_fit(x.ctypes.data, labels.ctypes.data, count, dim, 1.0,
                         w.ctypes.data, c.byref(bias)):
        raise RuntimeError("facet_svm_fit failed")
    peer = svm.LinearSVC(loss="hinge", C=1.0, tol=1e-6, max_iter=1000000)
    peer.fit(x.astype("f8"), labels)
    linear = np.abs(x @ w + bias.value - peer.decision_function(x)).max()
    kernel = -((x[:, None] - x[None]) ** 2).sum(2).astype("f4")
    kernel = np.ascontiguousarray(kernel)
    a = np.zeros(count)
    if lib.facet_kernel_svm_fit(kernel.ctypes.data, labels.ctypes.data, count,
                                1.0, a.ctypes.data, c.byref(bias)):
        raise RuntimeError("facet_kernel_svm_fit failed")
    peer = svm.SVC(kernel="precomputed", C=1.0, tol=1e-5)
    peer.fit(kernel.astype("f8"), labels)
    return max(linear, np.abs(kernel @ a + bias.value
                              - peer.decision_function(kernel)).max())


def main():
    lib = load(sys.argv[1] if len(sys.argv) > 1 else "build/libfacet.so")
    worst = {}
    for seed in range(200):
        rng = np.random.default_rng(seed)
        count = int(rng.integers(2, 3000))
        for name, check in (("ROC and AUC", roc_error),
                            ("ARI, NMI, pairs", cluster_error)):
            worst[name] = max(worst.get(name, 0), check(lib, rng, count))
    machine = max(machine_error(lib, np.random.default_rng(seed))
                  for seed in range(20))
    print(f"machines: largest difference {machine:.3g} over 20 random sets")
    for name, error in worst.items():
        print(f"{name}: largest difference {error:.3g} over 200 random sets")
    return int(max(worst.values()) > TOLERANCE or machine > MACHINE_TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
