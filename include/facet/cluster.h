/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_CLUSTER_H
#define FACET_CLUSTER_H

/**
 * @file
 * Clusters: which faces belong together, when nobody has said who they are.
 *
 * Everything is a function from embeddings to labels; nothing is kept between
 * calls. A first call groups all faces (facet_cluster); later ones take the
 * labels that are known and fit new faces in (facet_cluster_add), so labels
 * stay what they were. What a user knows comes in as pairs that must or must
 * not be together; faces of one photo are taken for different people.
 *
 * Results depend on the embeddings and options alone: not on threads, and not
 * on the order of the faces beyond the numbering of labels. (Sums are rounded
 * as the kernels of this processor do; on another one a similarity that equals
 * the threshold to seven digits may fall on its other side.)
 *
 * Errors that every function may give: FACET_EINVAL (an argument is NULL or out
 * of range, an embedding is zero or not finite, pairs contradict each other;
 * the text says which), FACET_ENOMEM.
 *
 * Thread safety: all functions may be called at any time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Ways to decide. What `threshold`, `neighbors` and `min_points` mean to each
 * is said below; all but AVERAGE work on a graph of each face's most similar
 * others, so that a face with more than `neighbors` others above the threshold
 * is not compared with all of them (facet_cluster_report.truncated counts
 * these faces; 0: the result is exact). */
typedef enum facet_cluster_method {
    /** Agglomerative, average linkage: two clusters join while the mean
     * similarity of their pairs is at least `threshold`. Exact whatever the
     * number of faces, in memory proportional to it. */
    FACET_CLUSTER_AVERAGE = 0,
    /** Agglomerative, complete linkage: every pair reaches `threshold`. */
    FACET_CLUSTER_COMPLETE = 1,
    /** Agglomerative, single linkage: chains of pairs that reach it. */
    FACET_CLUSTER_SINGLE = 2,
    /** Approximate rank-order (Otto, Wang, Jain 2017): pairs that share most of
     * their `neighbors` nearest. Here `threshold` is the largest rank-order
     * distance that joins. */
    FACET_CLUSTER_RANK_ORDER = 3,
    /** DBSCAN: faces with `min_points` at `threshold` (counting themselves)
     * chain; others join the nearest such face, or stay alone. */
    FACET_CLUSTER_DBSCAN = 4,
    /** HDBSCAN: the most stable clusters of at least `min_points` over all
     * thresholds; `threshold` is not used. */
    FACET_CLUSTER_HDBSCAN = 5,
    /** Chinese whispers: labels spread along pairs that reach `threshold`. The
     * default. */
    FACET_CLUSTER_WHISPERS = 6,
} facet_cluster_method;

/** A short stable name: average, complete, single, rank-order, dbscan, hdbscan,
 * whispers. Total: an unknown method gives "unknown". */
FACET_API const char *facet_cluster_method_name(facet_cluster_method method);

/** The method of a name; false when there is none. */
FACET_API bool facet_cluster_method_parse(
    const char *name, facet_cluster_method *out);

/** Two faces, by their index. */
typedef struct facet_cluster_pair {
    uint32_t a, b;
} facet_cluster_pair;

/** The faces of a call; all arrays are the caller's. */
typedef struct facet_cluster_faces {
    const float *embeddings; /**< [count][dim], each of any non-zero length */
    size_t count, dim;       /**< count at most 2^31, dim at least 1 */
    const uint64_t *photos;  /**< NULL, or [count]: a number for the photo that
                                  a face is from, 0 when it is not known */
    const facet_cluster_pair *must; /**< faces that are one person; this wins
                                         over photos and known labels */
    size_t n_must;
    const facet_cluster_pair *cannot; /**< faces that are two people */
    size_t n_cannot;
} facet_cluster_faces;

typedef struct facet_cluster_opts {
    size_t size; /**< set by facet_cluster_opts_init */
    facet_cluster_method method;
    /** Cosine similarity, -1 to 1 (with RANK_ORDER a distance). NaN, the
     * default: what facet_cluster_threshold says. */
    float threshold;
    size_t neighbors;  /**< in the graph, at most 4096; default 0: as suits the
                            method, 32 for RANK_ORDER, 1024 for COMPLETE, else
                            128 */
    size_t min_points; /**< 1 to `neighbors`; default 3 */
    bool photos_apart; /**< faces of one photo are different people; default
                            true */
    bool join_known;   /**< facet_cluster_add may join clusters that were known
                            before, the larger label giving way; default false */
    int threads;       /**< default 1 */
} facet_cluster_opts;

FACET_API void facet_cluster_opts_init(facet_cluster_opts *opts);

/**
 * A threshold that suits a method: what `threshold` NaN stands for, shifted to
 * another network.
 *
 * @param match_at  The similarity from which on the network takes two faces for
 *                  one person; NaN: not known.
 *
 * Chosen on training identities with a network whose own threshold is 0.31;
 * docs/eval/clusters.md has the measurement. For others the difference is added
 * (not to the distance of RANK_ORDER).
 */
FACET_API float facet_cluster_threshold(
    facet_cluster_method method, float match_at);

/** What a call has done. */
typedef struct facet_cluster_report {
    size_t clusters;  /**< in all, faces that stay alone included */
    size_t alone;     /**< clusters of one face */
    size_t truncated; /**< faces with more neighbors than the graph keeps */
    size_t joined;    /**< add: new faces in clusters known before */
    size_t founded;   /**< add: clusters of new faces alone */
    size_t given_way; /**< add: known labels that are no more */
} facet_cluster_report;

/**
 * Group faces.
 *
 * @param opts    NULL for the defaults.
 * @param labels  [count]: receives 0, 1, 2 ... in the order of the clusters'
 *                first faces. A face alone has a label of its own.
 * @param report  NULL, or receives what was done.
 *
 * Cost: count^2 dim / 2 multiplications for AVERAGE and about half as many
 * again for what joins, count^2 dim for the others.
 */
FACET_API FACET_MUST_USE facet_status facet_cluster(
    const facet_cluster_faces *faces, const facet_cluster_opts *opts,
    uint32_t *labels, facet_cluster_report *report, facet_error *err);

/** The label of a face that is new to facet_cluster_add. */
#define FACET_CLUSTER_NEW UINT32_MAX

/**
 * Fit new faces into clusters that are known: each joins one or they found new
 * ones. Always average linkage; when opts->method is another, opts->threshold
 * is that method's, and the usual one of AVERAGE is taken.
 *
 * @param labels  [count]: known labels, or FACET_CLUSTER_NEW; receives labels
 *                for the new. Known faces keep theirs unless clusters join
 *                (opts->join_known, pairs that must be together). New clusters
 *                are numbered on from the largest known label.
 *
 * Cost: new faces x known clusters x dim multiplications, and one pass over
 * all embeddings. Faces that were left alone earlier may be passed as new
 * again: then company that came later is found.
 */
FACET_API FACET_MUST_USE facet_status facet_cluster_add(
    const facet_cluster_faces *faces, const facet_cluster_opts *opts,
    uint32_t *labels, facet_cluster_report *report, facet_error *err);

/**
 * Take a cluster apart into `parts`, where its faces are least alike (average
 * linkage, undone from the top).
 *
 * @param labels  [count]: the largest part keeps `label`, the others get new
 *                ones, numbered on from the largest.
 *
 * Errors: FACET_EINVAL (also: fewer faces than parts, or faces that must be
 *         together leave fewer, or faces that must stay apart make more: the
 *         message says how many), FACET_ENOTFOUND (no face has the label).
 */
FACET_API FACET_MUST_USE facet_status facet_cluster_split(
    const facet_cluster_faces *faces, const facet_cluster_opts *opts,
    uint32_t label, size_t parts, uint32_t *labels, facet_error *err);

/** A step of an explanation: face `from` is like face `to`. */
typedef struct facet_cluster_step {
    uint32_t from, to;
    float similarity;
} facet_cluster_step;

/**
 * Why are two faces in one cluster? The chain between them, within their
 * cluster, whose weakest link is as strong as can be; of such chains the one
 * found first from the strongest links on.
 *
 * @param labels  [count].
 * @param steps   Receives at most `cap` steps from `a` to `b`.
 * @param n       Receives their number, which may exceed `cap`.
 * @param mean    NULL, or receives the mean similarity of the cluster's pairs
 *                (1 for a face alone).
 *
 * Errors: FACET_ENOTFOUND (they have different labels).
 * Cost: the square of the cluster's size, times dim.
 */
FACET_API FACET_MUST_USE facet_status facet_cluster_explain(
    const facet_cluster_faces *faces, const uint32_t *labels, uint32_t a,
    uint32_t b, facet_cluster_step *steps, size_t cap, size_t *n, double *mean,
    facet_error *err);

#ifdef __cplusplus
}
#endif

#endif
