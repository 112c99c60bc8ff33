/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_GALLERY_H
#define FACET_GALLERY_H

/**
 * @file
 * Galleries: whom we know, and who a face is.
 *
 * A gallery holds people; a person has templates, each an embedding with the
 * quality, source and crop of the face that it was made from. One SQLite file
 * is the truth and may hold several galleries. Beside it lies a vector file for
 * each gallery (`FILE.N.vectors`), mapped into memory for search; it holds
 * nothing of its own and is rebuilt when it is missing, stale, foreign or
 * damaged. docs/formats/gallery.md describes both.
 *
 * Where a path is asked for, `postgresql://USER@HOST:PORT/DATABASE` names
 * galleries on a PostgreSQL server with pgvector instead
 * (docs/formats/gallery-server.md). Everything below holds for them, too, but:
 * search is done by the server and sees what others have written at once, while
 * means, audits and comparisons read all embeddings into memory and show the
 * gallery as of the last write or refresh; names and sources are UTF-8; there
 * is no encryption; and a receipt never says that the log holds nothing.
 * A connection that breaks is made again, for a few seconds; a write during
 * which it breaks is undone and gives FACET_EIO.
 *
 * Every write is durable when the call returns. One process writes at a time
 * (others wait, then get FACET_EBUSY); any number read. What a handle searches
 * is one generation of the gallery until it writes or calls
 * facet_gallery_refresh. That holds for what others remove, too: only handles
 * that map the same vector file (facet_gallery_info.mapped) miss it at once,
 * but for FACET_RANK_MEAN and _FUSED, and not once that file was written anew
 * (templates moved, people merged, another set in use, many rows erased,
 * damage). Encrypted galleries are never mapped. So whoever keeps a gallery
 * open has to refresh between searches.
 *
 * Embeddings are of the gallery's contract or refused (FACET_ECONTRACT).
 *
 * Errors that every function may give: FACET_EINVAL, FACET_ENOMEM, FACET_EIO
 * (full disk, permissions), FACET_EDAMAGED (not a gallery file), FACET_EBUSY
 * (another writer did not finish within busy_ms); those that write also
 * FACET_EUNSUPPORTED on a gallery opened for reading only.
 *
 * Thread safety: calls that take a `const facet_gallery *` may run at once on
 * one handle. No other call may overlap them or each other on that handle;
 * open a second handle for a second writer or an independent reader.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct facet_gallery facet_gallery;

enum { FACET_CONTRACT_BYTES = 32, FACET_GALLERY_MAX_DIM = 8192 };

/* -- Opening ------------------------------------------------------------- */

typedef struct facet_gallery_opts {
    size_t size;      /**< set by facet_gallery_opts_init */
    const char *name; /**< of the gallery within the file; default "default" */
    bool read_only;   /**< works in folders that cannot be written */
    int threads;      /**< that one search may use; default 1 */
    int busy_ms;      /**< how long to wait for another writer; 10000 */
    /** Encryption at rest, chosen when the file is created and needed at each
     * open: a file whose bytes (32 to 4096) are the key, or a passphrase. At
     * most one of them; both NULL, the default, is no encryption. */
    const char *key_file;
    const char *passphrase;
    /** On a server, chosen when a gallery is created: search by an HNSW index
     * that may miss somebody, instead of exactly. */
    bool approximate;
    int partitions; /**< of people, when the first gallery of a server's
                         database is created: 1 to 256; default 8 */
} facet_gallery_opts;

FACET_API void facet_gallery_opts_init(facet_gallery_opts *opts);

/**
 * Create a gallery, and the file if there is none.
 *
 * @param contract  FACET_CONTRACT_BYTES bytes: the contract of the embeddings.
 * @param dim       1 to FACET_GALLERY_MAX_DIM.
 * @param out       Receives the open gallery; NULL on failure.
 *
 * Errors: FACET_EEXISTS (the file has a gallery of this name), FACET_ENOTFOUND
 *         (no such folder, or key file).
 */
FACET_API FACET_MUST_USE facet_status facet_gallery_create(const char *path,
    const uint8_t *contract, size_t dim, const facet_gallery_opts *opts,
    facet_gallery **out, facet_error *err);

/**
 * Open a gallery. Takes milliseconds whatever its size, unless the vector file
 * has to be rebuilt or the gallery is encrypted: then every embedding is read.
 *
 * Errors: FACET_ENOTFOUND (no such file or gallery), FACET_EEMPTY,
 *         FACET_EDAMAGED, FACET_EUNSUPPORTED (the key is missing or wrong; a
 *         file of a newer version).
 */
FACET_API FACET_MUST_USE facet_status facet_gallery_open(const char *path,
    const facet_gallery_opts *opts, facet_gallery **out, facet_error *err);

/** NULL is a no-op. */
FACET_API void facet_gallery_free(facet_gallery *gallery);

/** A path or address as it may be shown: without a password. Written up to
 * `cap` bytes with its end. @return the length of all of it. */
FACET_API size_t facet_gallery_where(const char *path, char *out, size_t cap);

/** Take in what other processes have written since. Costs microseconds when
 * that is nothing. */
FACET_API FACET_MUST_USE facet_status facet_gallery_refresh(
    facet_gallery *gallery, facet_error *err);

typedef struct facet_gallery_info {
    char name[128];
    uint8_t contract[FACET_CONTRACT_BYTES];
    size_t dim;
    uint64_t people, templates;
    uint64_t generation; /**< counts the writes */
    bool encrypted, read_only;
    bool mapped;   /**< search reads a mapped file, not a copy in memory */
    bool shadow;   /**< a migration is under way */
    bool previous; /**< a migration can be rolled back */
} facet_gallery_info;

/** What the gallery holds now. Errors: FACET_EINVAL, FACET_EIO. */
FACET_API FACET_MUST_USE facet_status facet_gallery_stats(
    const facet_gallery *gallery, facet_gallery_info *out, facet_error *err);

/** Called with the name of each gallery in a file; other than FACET_OK stops
 * and is returned. */
typedef facet_status facet_gallery_name_visit(void *context, const char *name);

/** Visit the galleries of a file. Errors: FACET_EINVAL, FACET_ENOTFOUND (no
 * such file), FACET_EDAMAGED (no galleries' file), FACET_EIO. */
FACET_API FACET_MUST_USE facet_status facet_gallery_names(const char *path,
    facet_gallery_name_visit *visit, void *context, facet_error *err);

/** Compare every row of the vector file with the truth, and look for what is
 * left of rows that are no more (not with a handle for reading only, or where
 * the file cannot be locked); if there is any, rebuild it.
 * @param damaged  receives how many rows that were. */
FACET_API FACET_MUST_USE facet_status facet_gallery_check(
    facet_gallery *gallery, uint64_t *damaged, facet_error *err);

/* -- People -------------------------------------------------------------- */

/**
 * Add a person. Names are unique within a gallery.
 *
 * @param id  Receives the person's id (never 0, never used twice); with
 *            FACET_EEXISTS the id of the one who has the name.
 */
FACET_API FACET_MUST_USE facet_status facet_gallery_add_person(
    facet_gallery *gallery, const char *name, uint64_t *id, facet_error *err);

/** The ids of `count` names, in one transaction: of those who are there, and of
 * those who are not by adding them. All or, on failure, none. */
FACET_API FACET_MUST_USE facet_status facet_gallery_add_people(
    facet_gallery *gallery, const char *const *names, size_t count,
    uint64_t *ids, facet_error *err);

/** The id of a name; FACET_ENOTFOUND and 0 without one. */
FACET_API FACET_MUST_USE facet_status facet_gallery_find_person(
    const facet_gallery *gallery, const char *name, uint64_t *id,
    facet_error *err);

/** FACET_EEXISTS when another person has the name. */
FACET_API FACET_MUST_USE facet_status facet_gallery_rename_person(
    facet_gallery *gallery, uint64_t id, const char *name, facet_error *err);

/** The name, cut to `cap` bytes with its end; FACET_ENOTFOUND. */
FACET_API FACET_MUST_USE facet_status facet_gallery_person_name(
    const facet_gallery *gallery, uint64_t id, char *name, size_t cap,
    facet_error *err);

typedef struct facet_person {
    uint64_t id;
    const char *name; /**< valid during the visit */
    uint64_t templates;
} facet_person;

typedef facet_status facet_person_visit(
    void *context, const facet_person *person);

/** Each person in order of id. The visit may call const functions of the
 * gallery; other than FACET_OK stops and is returned. */
FACET_API FACET_MUST_USE facet_status facet_gallery_people(
    const facet_gallery *gallery, facet_person_visit *visit, void *context,
    facet_error *err);

/* -- Templates ----------------------------------------------------------- */

/** A template, to be enrolled or as stored. Pointers are the caller's when
 * enrolling, and valid during the visit when reading. */
typedef struct facet_template {
    uint64_t id; /**< read: never 0; ignored when enrolling */
    uint64_t person;
    const float *embedding; /**< dim floats; read: of unit length, or NULL when
                                 the set in use has none */
    float quality;          /**< 0 to 1, or NaN when not known */
    const char *source;     /**< the photo, or NULL */
    float box[4];           /**< x, y, width, height in the upright photo */
    const char *metadata;   /**< a JSON object, or NULL */
    const void *crop;       /**< the encoded aligned crop, or NULL */
    size_t crop_size;
} facet_template;

/**
 * Enroll templates: all of them or, on failure, none. One call is one
 * transaction with one sync, so large calls are fast.
 *
 * @param contract   Of the embeddings, FACET_CONTRACT_BYTES bytes.
 * @param templates  Embeddings of any non-zero length; stored normalized.
 * @param ids        NULL, or receives the count ids, ascending.
 *
 * Errors: FACET_ECONTRACT, FACET_ENOTFOUND (no such person), FACET_EINVAL
 *         (also: not finite, zero length, metadata that is not a JSON object,
 *         a quality outside 0 to 1).
 */
FACET_API FACET_MUST_USE facet_status facet_gallery_enroll(
    facet_gallery *gallery, const uint8_t *contract,
    const facet_template *templates, size_t count, uint64_t *ids,
    facet_error *err);

typedef facet_status facet_template_visit(
    void *context, const facet_template *found);

/** Templates of a person, or with person 0 of all, in order of id. */
FACET_API FACET_MUST_USE facet_status facet_gallery_templates(
    const facet_gallery *gallery, uint64_t person, facet_template_visit *visit,
    void *context, facet_error *err);

/** One template by its id; FACET_ENOTFOUND. */
FACET_API FACET_MUST_USE facet_status facet_gallery_template(
    const facet_gallery *gallery, uint64_t id, facet_template_visit *visit,
    void *context, facet_error *err);

/**
 * Ids of the templates whose metadata has `key` with the value `value` (text;
 * numbers and booleans as JSON writes them), ascending: a filter for search.
 *
 * @param ids  Receives a list to be freed with facet_gallery_ids_free.
 */
FACET_API FACET_MUST_USE facet_status facet_gallery_find(
    const facet_gallery *gallery, const char *key, const char *value,
    uint64_t **ids, size_t *count, facet_error *err);
/** NULL is a no-op. */
FACET_API void facet_gallery_ids_free(uint64_t *ids);

/**
 * Give each of `count` templates to a person: all of them or, on failure, none.
 * Ids stay; in an encrypted gallery what is theirs is sealed anew. The vector
 * file starts afresh, so one large call is better than many small ones.
 *
 * Errors: FACET_ENOTFOUND (no such template or person).
 */
FACET_API FACET_MUST_USE facet_status facet_gallery_move_templates(
    facet_gallery *gallery, const uint64_t *ids, const uint64_t *people,
    size_t count, facet_error *err);

/**
 * Make one person of two: all templates of `from`, also those without an
 * embedding, become those of `into`, and `from` is no more. All of it or, on
 * failure, nothing.
 *
 * Errors: FACET_EINVAL (one and the same), FACET_ENOTFOUND.
 */
FACET_API FACET_MUST_USE facet_status facet_gallery_merge_people(
    facet_gallery *gallery, uint64_t from, uint64_t into, facet_error *err);

/** What a removal has done: the receipt. */
typedef struct facet_removal {
    uint64_t people, templates, crops; /**< deleted rows */
    /** Their rows of the vector file, which are zero now; 0 without one, and
     * while they are pending. */
    uint64_t vectors;
    /** The vector file could not be brought in step and still holds them:
     * whoever next can write it zeroes them. It may also be deleted. */
    bool vectors_pending;
    bool key_destroyed; /**< of each person removed, in encrypted galleries */
    /** The write-ahead log holds no page any more. False while another
     * process reads an older state: then older copies of pages stay in the
     * log until the next removal, or until the last handle is closed. */
    bool log_truncated;
    uint64_t generation;
    char json[512]; /**< all that as one JSON object, with the time */
} facet_removal;

/**
 * Remove a person with all templates, crops and vector rows. Deleted content
 * is overwritten with zeros and freed pages leave the file; bytes that the
 * file system or the disk keeps elsewhere (snapshots, wear leveling) are out of
 * reach. So are copies of the file made before: they hold the person, encrypted
 * or not, since a person's key stands in the file. Delete or renew them.
 */
FACET_API FACET_MUST_USE facet_status facet_gallery_remove_person(
    facet_gallery *gallery, uint64_t person, facet_removal *receipt,
    facet_error *err);

/** The same for templates; their people stay. FACET_ENOTFOUND (then nothing
 * is removed). */
FACET_API FACET_MUST_USE facet_status facet_gallery_remove_templates(
    facet_gallery *gallery, const uint64_t *ids, size_t count,
    facet_removal *receipt, facet_error *err);

/* -- Search -------------------------------------------------------------- */

typedef struct facet_match {
    uint64_t id; /**< the template; with FACET_RANK_MEAN and _FUSED the
                      person's best one */
    uint64_t person;
    float score; /**< cosine similarity, -1 to 1; larger is more alike */
} facet_match;

/** What is ranked. */
typedef enum facet_rank {
    FACET_RANK_TEMPLATES = 0, /**< every template by itself */
    FACET_RANK_BEST = 1,      /**< people by their best template */
    FACET_RANK_MEAN = 2,      /**< people by their mean score */
    FACET_RANK_FUSED = 3,     /**< people by their normalized mean template */
} facet_rank;

typedef struct facet_search_opts {
    size_t size;         /**< set by facet_search_opts_init */
    facet_rank rank;     /**< default FACET_RANK_BEST */
    float at_least;      /**< scores below are not reported; default -2 */
    const uint64_t *ids; /**< NULL, or the only templates that may match,
                              ascending; not with MEAN and FUSED */
    size_t n_ids;
} facet_search_opts;

FACET_API void facet_search_opts_init(facet_search_opts *opts);

/**
 * The `k` best for each of `count` queries: exactly those of a comparison of
 * every stored float, best first, ties by smaller id.
 *
 * @param contract  Of the queries.
 * @param queries   [count][dim], each of any non-zero length.
 * @param opts      NULL for the defaults.
 * @param k         Tens or hundreds: the lists are kept sorted.
 * @param out       [count][k], the caller's.
 * @param counts    [count]: how many each query has; fewer than k only when
 *                  there are no more.
 *
 * A batch of many queries is several times as fast as the queries one by one.
 * MEAN and FUSED hold one row a person in memory, made at their first use.
 * Errors: FACET_ECONTRACT, FACET_EINVAL (also: not finite, zero length).
 */
FACET_API FACET_MUST_USE facet_status facet_gallery_search(
    const facet_gallery *gallery, const uint8_t *contract, const float *queries,
    size_t count, const facet_search_opts *opts, size_t k, facet_match *out,
    size_t *counts, facet_error *err);

/* -- Identification ------------------------------------------------------ */

typedef enum facet_decision {
    FACET_DECISION_UNKNOWN = 0,
    FACET_DECISION_REVIEW = 1,
    FACET_DECISION_MATCH = 2,
} facet_decision;

typedef enum facet_reason {
    FACET_REASON_NONE = 0,
    FACET_REASON_EMPTY = 1,     /**< nobody is enrolled */
    FACET_REASON_TOO_FAR = 2,   /**< below the review threshold */
    FACET_REASON_UNSURE = 3,    /**< between the two thresholds */
    FACET_REASON_AMBIGUOUS = 4, /**< a second person is almost as near */
    FACET_REASON_QUALITY = 5,   /**< the probe is too poor to decide alone */
} facet_reason;

/** A short stable name such as "match" or "ambiguous". Total. */
FACET_API const char *facet_decision_name(facet_decision decision);
/** Likewise, such as "too_far". Total. */
FACET_API const char *facet_reason_name(facet_reason reason);

typedef struct facet_identify_rule {
    size_t size;       /**< set by facet_identify_rule_init */
    float match_at;    /**< score from which it is a match */
    float review_at;   /**< score from which a person should look; <= match_at
                        */
    float margin;      /**< by which the best must lead the second person;
                            default 0.05 */
    float min_quality; /**< of the probe; default 0 */
} facet_identify_rule;

/** `match_at` comes from a calibration at the FMR that facet_gallery_fmr of
 * calibration.h gives for the gallery's templates; `review_at` starts out the
 * same. */
FACET_API void facet_identify_rule_init(
    facet_identify_rule *rule, float match_at);

typedef struct facet_identification {
    facet_decision decision;
    facet_reason reason; /**< of a review or an unknown */
    facet_match best;    /**< id 0 when nobody is enrolled */
    facet_match second;  /**< the best of another person, or id 0 */
    float margin;        /**< best - second, or 2 without a second */
} facet_identification;

/** The decision alone, from the two best people (id 0: none) and the quality
 * of the probe (NaN: not known). A pure function. */
FACET_API facet_identification facet_identify_judge(
    const facet_identify_rule *rule, facet_match best, facet_match second,
    float quality);

/** Who is it? Ranks people by their best template. */
FACET_API FACET_MUST_USE facet_status facet_gallery_identify(
    const facet_gallery *gallery, const uint8_t *contract, const float *query,
    float quality, const facet_identify_rule *rule, facet_identification *out,
    facet_error *err);

/* -- Guards and audit ---------------------------------------------------- */

enum {
    FACET_ENROLL_POOR = 1,         /**< below min_quality */
    FACET_ENROLL_DUPLICATE = 2,    /**< another person looks the same */
    FACET_ENROLL_INCONSISTENT = 4, /**< unlike the person's other photos */
    FACET_ENROLL_REPEATED = 8,     /**< this very photo is enrolled already */
};

typedef struct facet_enroll_rule {
    size_t size;         /**< set by facet_enroll_rule_init */
    float min_quality;   /**< default 0 */
    float duplicate_at;  /**< score with another person that is suspicious */
    float consistent_at; /**< score that at least one own photo must reach */
    float repeated_at;   /**< own score of the same photo; default 0.9999 */
} facet_enroll_rule;

/** @param match_at  a threshold for a match; duplicates are sought from there,
 * consistency is asked for at half of it. */
FACET_API void facet_enroll_rule_init(facet_enroll_rule *rule, float match_at);

typedef struct facet_enroll_verdict {
    unsigned reasons;  /**< FACET_ENROLL_*; 0: nothing speaks against it */
    facet_match other; /**< the nearest template of another person, or id 0 */
    facet_match own;   /**< the nearest of the same person, or id 0 */
} facet_enroll_verdict;

/** The verdict alone. A pure function. */
FACET_API facet_enroll_verdict facet_enroll_judge(const facet_enroll_rule *rule,
    facet_match other, facet_match own, float quality);

/** Before enrolling: does anything speak against it? @param person  0 for
 * someone new. */
FACET_API FACET_MUST_USE facet_status facet_gallery_enroll_check(
    const facet_gallery *gallery, const uint8_t *contract,
    const float *embedding, float quality, uint64_t person,
    const facet_enroll_rule *rule, facet_enroll_verdict *out, facet_error *err);

typedef enum facet_audit_kind {
    FACET_AUDIT_MIXED = 1,     /**< nearer to another person than to any photo
                                    of its own */
    FACET_AUDIT_DUPLICATE = 2, /**< two people who look like one */
    FACET_AUDIT_POISON = 3,    /**< one photo like many people */
    FACET_AUDIT_OUTLIER = 4,   /**< unlike all other photos of its person */
    FACET_AUDIT_REPEATED = 5,  /**< the same photo twice */
} facet_audit_kind;

/** "mixed", "duplicate", ... Total. */
FACET_API const char *facet_audit_name(facet_audit_kind kind);

typedef struct facet_audit_finding {
    facet_audit_kind kind;
    uint64_t person, id;             /**< whose template */
    uint64_t other_person, other_id; /**< the counterpart, or 0 */
    float score;                     /**< with the counterpart */
    float own_score;                 /**< with its own person, -2: alone */
    uint64_t people;                 /**< POISON: how many it is like */
} facet_audit_finding;

typedef facet_status facet_audit_visit(
    void *context, const facet_audit_finding *finding);

/** Look through all templates; findings in order of template id. One search
 * for each template, in batches. */
FACET_API FACET_MUST_USE facet_status facet_gallery_audit(
    const facet_gallery *gallery, const facet_enroll_rule *rule,
    facet_audit_visit *visit, void *context, facet_error *err);

/* -- Migration to another contract --------------------------------------- */

/**
 * Begin a shadow set: embeddings of another contract beside those in use,
 * which stay in use until the switch. FACET_EEXISTS when there is one of
 * another contract; the same contract resumes.
 */
FACET_API FACET_MUST_USE facet_status facet_gallery_shadow_begin(
    facet_gallery *gallery, const uint8_t *contract, size_t dim,
    facet_error *err);

/** Templates that have no shadow embedding yet, with their crops and embedding
 * NULL; without a shadow, those that have none in use. */
FACET_API FACET_MUST_USE facet_status facet_gallery_shadow_missing(
    const facet_gallery *gallery, facet_template_visit *visit, void *context,
    facet_error *err);

/** Store embeddings [count][dim] of templates that are there, in the set that
 * has this contract: the shadow or the one in use. */
FACET_API FACET_MUST_USE facet_status facet_gallery_shadow_put(
    facet_gallery *gallery, const uint8_t *contract, const uint64_t *ids,
    const float *embeddings, size_t count, facet_error *err);

typedef struct facet_shadow_report {
    uint64_t templates, missing; /**< of the gallery; without a shadow */
    uint64_t probes; /**< templates that have another of their person */
    uint64_t rank1_old, rank1_new; /**< nearest other template is their own
                                        person's */
    uint64_t gained, lost; /**< rank 1 only in the new / only in the old */
    /** Thresholds at which 1 in 1000 nearest strangers would pass, and the
     * share of probes whose own person passes it. */
    float threshold_old, threshold_new;
    float tpir_old, tpir_new;
} facet_shadow_report;

/** Leave-one-out identification among at most `limit` templates (0: all), in
 * the old and in the new embeddings. */
FACET_API FACET_MUST_USE facet_status facet_gallery_shadow_compare(
    const facet_gallery *gallery, size_t limit, facet_shadow_report *out,
    facet_error *err);

/** Put the shadow into use, atomically. Templates without a shadow embedding
 * are an error (FACET_ENOTFOUND) unless `drop_missing`, which leaves them out
 * of search until they get one. The old set is kept for a rollback. */
FACET_API FACET_MUST_USE facet_status facet_gallery_shadow_switch(
    facet_gallery *gallery, bool drop_missing, facet_error *err);

/** Put the previous set back into use, atomically; the newer one becomes the
 * shadow. FACET_ENOTFOUND without one, FACET_EEXISTS while there is a shadow:
 * that is a migration under way, to be dropped first. Templates enrolled since
 * the switch have no embedding there and are missing from search until they get
 * one: facet_gallery_templates gives them with embedding NULL. */
FACET_API FACET_MUST_USE facet_status facet_gallery_rollback(
    facet_gallery *gallery, facet_error *err);

/** Delete the shadow or, where there is none, the previous set. */
FACET_API FACET_MUST_USE facet_status facet_gallery_shadow_drop(
    facet_gallery *gallery, facet_error *err);

/* -- Export and import --------------------------------------------------- */

typedef facet_status facet_line_write(
    void *context, const char *line, size_t length);

/**
 * One JSON object a line (without the newline): a header, then people each
 * followed by their templates. @param person  0 for all.
 */
FACET_API FACET_MUST_USE facet_status facet_gallery_export(
    const facet_gallery *gallery, uint64_t person, facet_line_write *write,
    void *context, facet_error *err);

typedef struct facet_import_report {
    uint64_t people_added, people_found, templates;
} facet_import_report;

/**
 * Enroll what an export has written; people are joined by name, and templates
 * get new ids. All of `text`, or nothing.
 *
 * Errors: FACET_EDAMAGED (names the line), FACET_ECONTRACT.
 */
FACET_API FACET_MUST_USE facet_status facet_gallery_import(
    facet_gallery *gallery, const char *text, size_t length,
    facet_import_report *out, facet_error *err);

#ifdef __cplusplus
}
#endif

#endif
