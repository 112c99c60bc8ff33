/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_PROTOCOL_H
#define FACET_PROTOCOL_H

/**
 * @file
 * What is compared with what: the lists of LFW, YTF, IJB and CFP, plain lists
 * of pairs, folders of people, and open-set identification lists, all read
 * into one form.
 *
 * *Files* (pictures, or keys of embeddings) make up *templates*; a template
 * belongs to a *subject*; *pairs* and *searches* are of templates. In a list of
 * single pictures each template has one file.
 *
 * A bad list is an error that names the file and the line: a missing column, a
 * label that is not 0 or 1, the same pair twice, pairs of one kind only.
 *
 * Thread safety: all functions may be called at any time; a protocol that has
 * been read is not changed by anything but facet_protocol_free.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facet/eval.h"
#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One file of a template. */
typedef struct facet_member {
    uint32_t file;
    uint32_t medium; /**< files of one medium (frames of a video) are averaged
                          before media are */
} facet_member;

typedef struct facet_protocol_template {
    uint32_t first, count; /**< its members, in any order */
    uint32_t subject;
} facet_protocol_template;

typedef struct facet_pair {
    uint32_t a, b; /**< templates */
    uint32_t line; /**< of the list it was read from, from 1; 0 for none */
    uint16_t fold; /**< fold or split, from 0 */
    bool mated;
} facet_pair;

/** A template in the gallery, or a probe. */
typedef struct facet_entry {
    uint32_t template_index;
    uint32_t line;
} facet_entry;

/** A list that was read. Everything belongs to it. */
typedef struct facet_protocol {
    size_t n_files, n_members, n_templates, n_subjects;
    size_t n_pairs, n_gallery, n_probes;
    char **files;         /**< as the list names them, relative to its folder
                               of pictures */
    uint32_t *file_lines; /**< where each is named first */
    char **subjects;      /**< names; made up where the list has none */
    facet_member *members;
    facet_protocol_template *templates;
    facet_pair *pairs;
    facet_entry *gallery, *probes;
} facet_protocol;

/** Frees what it holds and clears it; NULL is a no-op. */
FACET_API void facet_protocol_free(facet_protocol *protocol);

typedef struct facet_protocol_opts {
    size_t size;      /**< set by facet_protocol_opts_init */
    bool duplicates;  /**< allow a pair to occur twice; default false */
    bool one_sided;   /**< allow pairs of one kind only; default false */
    size_t max_items; /**< lines or files; default 50 million */
} facet_protocol_opts;

FACET_API void facet_protocol_opts_init(facet_protocol_opts *opts);

/**
 * A plain list: lines `a b label`, label 1 for the same person and 0 for not.
 * Separated by tabs (names may then hold spaces) or by white space. A first
 * line of two numbers, `folds n`, says that n mated and n non-mated pairs of
 * each fold follow in turn. Empty lines and lines from `#` are passed over.
 * Pictures joined by mated pairs are of one subject; a non-mated pair of such
 * is FACET_EDAMAGED.
 *
 * @param path  The list.
 * @param opts  NULL for the defaults.
 * @param out   Filled; free it with facet_protocol_free. Empty on failure.
 * Errors, with the line: FACET_EINVAL (NULL), FACET_ENOTFOUND, FACET_EIO,
 *         FACET_EEMPTY, FACET_EDAMAGED, FACET_ELIMIT, FACET_ENOMEM. So for
 *         the other readers.
 */
FACET_API FACET_MUST_USE facet_status facet_protocol_read_pairs(
    const char *path, const facet_protocol_opts *opts, facet_protocol *out,
    facet_error *err);

/**
 * LFW: pairs.txt of view 2 (first line `10 300`), pairsDevTrain.txt and
 * pairsDevTest.txt of view 1 (first line one number); tabs or spaces.
 * `name i j` is a mated pair, `name i name2 j` a non-mated one; a file is
 * `name/name_%04d.jpg`.
 *
 * @param flat  Files are `name_%04d.jpg`, without a folder for each person.
 */
FACET_API FACET_MUST_USE facet_status facet_protocol_read_lfw(const char *path,
    bool flat, const facet_protocol_opts *opts, facet_protocol *out,
    facet_error *err);

/** Open-set identification: lines `gallery file person` and `probe file
 * person`. One gallery picture for a person. */
FACET_API FACET_MUST_USE facet_status facet_protocol_read_identify(
    const char *path, const facet_protocol_opts *opts, facet_protocol *out,
    facet_error *err);

/**
 * YouTube Faces: lines `split, video, video, same` (splits from 1; a headline
 * is passed over), a video being a folder of frames below `frames`. A template
 * is a video, one medium, its frames in order of name, digits as numbers.
 *
 * @param max_frames  Take the first that many; 0 for all. FaceNet: 100.
 */
FACET_API FACET_MUST_USE facet_status facet_protocol_read_ytf(const char *path,
    const char *frames, size_t max_frames, const facet_protocol_opts *opts,
    facet_protocol *out, facet_error *err);

/**
 * One split of IJB-A, B or C: metadata tables with a head line (columns
 * TEMPLATE_ID, SUBJECT_ID, FILE or FILENAME, and MEDIA_ID or SIGHTING_ID;
 * others are passed over).
 *
 * @param metadata   1:1: the templates, `n_metadata` tables of them.
 * @param matches    1:1: lines `template, template`; NULL for none. Mated when
 *                   the subjects agree.
 * @param gallery    1:N: table of the gallery; NULL for none. A subject with
 *                   two templates there is an error.
 * @param probes     1:N: table of the probes; NULL for none.
 */
FACET_API FACET_MUST_USE facet_status facet_protocol_read_ijb(
    const char *const *metadata, size_t n_metadata, const char *matches,
    const char *gallery, const char *probes, const facet_protocol_opts *opts,
    facet_protocol *out, facet_error *err);

/**
 * CFP: `root`/Protocol with Pair_list_F.txt, Pair_list_P.txt and
 * Split/FF or FP/01 ... 10/same.txt and diff.txt.
 *
 * @param profile  true: frontal against profile (FP); false: FF.
 */
FACET_API FACET_MUST_USE facet_status facet_protocol_read_cfp(const char *root,
    bool profile, const facet_protocol_opts *opts, facet_protocol *out,
    facet_error *err);

/** A folder with one folder of pictures for each person: every pair of
 * pictures is compared. There are no `pairs` in it: pass its rows to
 * facet_histogram_add_products, or, for few, to facet_protocol_all_pairs. */
FACET_API FACET_MUST_USE facet_status facet_protocol_read_folder(
    const char *root, const facet_protocol_opts *opts, facet_protocol *out,
    facet_error *err);

/** Who is on which picture: lines `file person`, separated by a tab (names may
 * then hold spaces) or by white space. No pairs, as for a folder. */
FACET_API FACET_MUST_USE facet_status facet_protocol_read_people(
    const char *path, const facet_protocol_opts *opts, facet_protocol *out,
    facet_error *err);

/** Give a protocol the pairs of all its templates. Errors: FACET_EINVAL (it
 * has pairs), FACET_ELIMIT, FACET_ENOMEM. */
FACET_API FACET_MUST_USE facet_status facet_protocol_all_pairs(
    facet_protocol *protocol, const facet_protocol_opts *opts,
    facet_error *err);

/* ------------------------------------------------------------ embeddings */

/** Named embeddings. Everything belongs to it. */
typedef struct facet_vectors {
    size_t count, dim;
    char **names;
    float *values;     /**< [count, dim]; a row of NaN is a failure to enrol */
    char contract[65]; /**< of all (embedder.h); "" where nothing says it */
} facet_vectors;

FACET_API void facet_vectors_free(facet_vectors *vectors);

/** A NumPy file of float32 [count, dim], and its names, one a line.
 * Errors: FACET_EDAMAGED (also a NaN, with its line, a name twice), and those
 *         of reading. */
FACET_API FACET_MUST_USE facet_status facet_vectors_read_npy(
    const char *npy, const char *names, facet_vectors *out, facet_error *err);

/** JSON Lines as `facet embed` writes them: `{"image": name, "faces":
 * [{"embedding": [...]}, ...]}`, of which the first face counts, or
 * `{"image": name, "embedding": [...]}`. No face, or `"error"`: a failure to
 * enrol. Errors: as above, and FACET_ECONTRACT for lines whose `"contract"` is
 * another than an earlier line's. */
FACET_API FACET_MUST_USE facet_status facet_vectors_read_jsonl(
    const char *path, facet_vectors *out, facet_error *err);

/**
 * The embeddings of a protocol's files, in order.
 *
 * @param values  Receives [n_files, dim].
 * Errors: FACET_ENOTFOUND, naming the file and the list's line.
 */
FACET_API FACET_MUST_USE facet_status facet_protocol_look_up(
    const facet_protocol *protocol, const facet_vectors *vectors, float *values,
    facet_error *err);

/* ----------------------------------------------------------- comparisons */

/** How the files of a template become one embedding. */
typedef enum facet_fusion {
    /** Mean within a medium, mean over media, unit length
     * (Sankaranarayanan et al. 2016, section 4). */
    FACET_FUSION_MEDIA = 0,
    /** Mean of all files, its length kept: the product of two is the mean
     * similarity over all pairs of frames (A.5, FaceNet on YTF). */
    FACET_FUSION_MEAN_SIMILARITY = 1,
    /** Mean of the best files by quality, unit length (B.5). */
    FACET_FUSION_BEST = 2,
} facet_fusion;

typedef struct facet_fusion_opts {
    size_t size; /**< set by facet_fusion_opts_init */
    facet_fusion fusion;
    size_t best;          /**< for BEST: how many files; default 100 */
    const float *quality; /**< for BEST: [n_files], larger is better */
} facet_fusion_opts;

FACET_API void facet_fusion_opts_init(facet_fusion_opts *opts);

/**
 * Embeddings of files to embeddings of templates. Files that failed (NaN) are
 * left out; a template with no other is a row of NaN.
 *
 * @param files  [n_files, dim], unit rows.
 * @param out    Receives [n_templates, dim].
 * Errors: FACET_EINVAL, FACET_ENOMEM.
 */
FACET_API FACET_MUST_USE facet_status facet_protocol_fuse(
    const facet_protocol *protocol, const float *files, size_t dim,
    const facet_fusion_opts *opts, float *out);

/** The scores of all pairs: products of fused templates, -INFINITY where one
 * failed. `out` receives n_pairs. Errors: FACET_EINVAL. */
FACET_API FACET_MUST_USE facet_status facet_protocol_compare(
    const facet_protocol *protocol, const float *templates, size_t dim,
    facet_comparison *out);

/** The same with two embeddings of each template: the first of a pair by
 * `first`, the second by `second`, both [n_templates, dim], such as an old
 * network's and a new one's that learnt to compare with it. Errors:
 * FACET_EINVAL. */
FACET_API FACET_MUST_USE facet_status facet_protocol_compare_across(
    const facet_protocol *protocol, const float *first, const float *second,
    size_t dim, facet_comparison *out);

/** The same as facet_protocol_compare, as the mean over `frames` random pairs
 * of files (C.6, DeepFace on YTF: 100), drawn by `seed` among those that did
 * not fail. Errors: FACET_EINVAL, FACET_ENOMEM. */
FACET_API FACET_MUST_USE facet_status facet_protocol_compare_frames(
    const facet_protocol *protocol, const float *files, size_t dim,
    size_t frames, uint64_t seed, facet_comparison *out);

/** Every probe against the gallery. `out` receives n_probes; `nearest` (NULL
 * to do without) the gallery entry with the highest score. Errors:
 * FACET_EINVAL, FACET_ENOMEM. */
FACET_API FACET_MUST_USE facet_status facet_protocol_search(
    const facet_protocol *protocol, const float *templates, size_t dim,
    facet_search *out, uint32_t *nearest);

#ifdef __cplusplus
}
#endif

#endif
