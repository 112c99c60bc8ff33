/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - an open gallery: the truth in its store, and rows in step with it.
 *
 * Who locks. A handle's connection to its store is used under `mutex`, so that
 * const calls may run at once; the mutex is recursive because a visit may call
 * back. Searches read `index.rows` without it: only non-const calls change
 * them. Between processes, the store's write lock makes writers take turns, and
 * a lock on the vector file (index.c) guards its rows.
 *
 * A store that searches by itself (a server) needs no rows here; for what only
 * rows can answer, facet__index_need reads them into memory. */
#ifndef FACET__GALLERY_STORE_H
#define FACET__GALLERY_STORE_H

#include <pthread.h>
#include <stdbool.h>

#include "facet/gallery.h"
#include "gallery/by_person.h"
#include "gallery/db.h"
#include "gallery/rows.h"
#include "gallery/vault.h"

/* A set of embeddings of one contract; id 0: none. */
typedef struct facet__set {
    int64_t id;
    size_t dim;
    uint8_t contract[FACET_CONTRACT_BYTES];
} facet__set;

/* A gallery's row as it stands at one generation. */
typedef struct facet__state {
    int64_t gallery;
    int64_t generation; /* counts the writes */
    int64_t removals;   /* counts the writes that removed templates */
    int64_t epoch;      /* counts the writes after which rows start afresh */
    facet__set active, shadow, previous;
} facet__state;

enum { FACET__SETS = 3 };

typedef struct facet__index {
    facet__rows rows;
    facet__state state; /* what the rows show; gallery 0: nothing yet */
    int64_t last_id;    /* the largest template id they have seen */
    int64_t erased;     /* rows that are zero */
    char *path;         /* of the vector file */
    int file;           /* -1 when not open */
    bool in_memory;     /* no file: encrypted, or it cannot be written */
} facet__index;

/* One row a person, for FACET_RANK_MEAN and FACET_RANK_FUSED. */
typedef struct facet__means {
    bool made;
    facet__rows rows;        /* ids are the people's */
    facet__person_row *list; /* [n]: the rows that they are means of */
    size_t n;
} facet__means;

struct facet_gallery {
    facet__db *db;
    pthread_mutex_t mutex;
    facet__vault *vault; /* NULL: not encrypted */
    uint8_t store_id[16];
    char name[128];
    facet__state state;
    facet__state before; /* what it was when a write began */
    facet__index index;
    facet_status stale; /* why the rows could not follow the truth, or OK */
    facet__means mean, fused; /* made at first use, under `mutex` */
    const facet__scan_kernels *kernels;
    int threads;
    bool read_only;
};

/* A const gallery's connection is shared; its mutex is not part of its value.
 */
void facet__store_lock(const facet_gallery *g);
void facet__store_unlock(const facet_gallery *g);

/* Ids of the gallery's sets, 0 for none. */
void facet__store_sets(const facet_gallery *g, int64_t sets[FACET__SETS]);

/* Read the state that the open transaction (or a new one) sees. */
facet_status facet__store_load(
    const facet_gallery *g, facet__state *out, facet_error *err);

/* Begin to write: the gallery's state is the newest and stays it. On failure
 * nothing is open. */
facet_status facet__store_begin(facet_gallery *g, facet_error *err);

typedef enum facet__change {
    FACET__ADDED,   /* templates, people */
    FACET__REMOVED, /* templates */
    FACET__RESET,   /* another set is active, or old rows got embeddings */
} facet__change;

/* Commit, or with `st` other than FACET_OK undo; then bring the rows up to
 * date. Returns `st` or the failure to commit. */
facet_status facet__store_end(
    facet_gallery *g, facet_status st, facet__change change, facet_error *err);

/* Bring the rows in step with the newest state. */
facet_status facet__index_sync(facet_gallery *g, facet_error *err);
void facet__index_close(facet_gallery *g);

/* Rows of a store that searches by itself, as they are now; elsewhere they are
 * there already. */
facet_status facet__index_need(const facet_gallery *g, facet_error *err);
/* The error of the last attempt to bring rows in step, told. */
facet_status facet__index_usable(const facet_gallery *g, facet_error *err);
/* Is there a vector file that this handle could not bring in step? */
bool facet__index_pending(const facet_gallery *g);

/* Build rows in memory of any set of the gallery. Under the mutex. */
facet_status facet__index_load(const facet_gallery *g, const facet__set *set,
    facet__rows *rows, facet_error *err);

/* Within a transaction: begin an empty set. */
facet_status facet__store_add_set(facet_gallery *g, int64_t gallery,
    const uint8_t *contract, size_t dim, int64_t *set, facet_error *err);

/* What many templates have in common on their way in. */
typedef struct facet__enrolment {
    float *row;
    int64_t person; /* whose key is held */
    uint8_t key[FACET__KEY];
    bool bare; /* templates may lack an embedding */
} facet__enrolment;

/* Within a transaction: add a person (FACET_EEXISTS with the id of who has the
 * name), enroll templates of checked contract, store embeddings of templates
 * in any of the gallery's sets. */
facet_status facet__store_add_person(
    facet_gallery *g, const char *name, int64_t *id, facet_error *err);
facet_status facet__enrolment_begin(
    facet__enrolment *e, const facet__set *set, facet_error *err);
facet_status facet__enrolment_add(facet_gallery *g, facet__enrolment *e,
    const facet_template *t, uint64_t *id, facet_error *err);
void facet__enrolment_end(facet__enrolment *e);
facet_status facet__store_put(facet_gallery *g, const facet__set *set,
    const uint64_t *ids, const float *embeddings, size_t count,
    facet_error *err);

/* Under the mutex: templates without an embedding in `set`. */
facet_status facet__store_visit_missing(const facet_gallery *g,
    const facet__set *set, facet_template_visit *visit, void *context,
    uint64_t *visited, facet_error *err);

/* Any template of a person, 0 when there is none; removing the person's row,
 * once there is none (FACET_ENOTFOUND). */
facet_status facet__store_template_of(
    facet_gallery *g, int64_t person, int64_t *id, facet_error *err);
facet_status facet__store_drop_person(
    facet_gallery *g, int64_t person, facet_error *err);

/* A person's key (left alone without encryption); FACET_ENOTFOUND. */
facet_status facet__store_key_of(const facet_gallery *g, int64_t person,
    uint8_t key[FACET__KEY], facet_error *err);

/* The key of a person, as it is stored. */
facet_status facet__store_key(const facet_gallery *g, uint64_t person,
    facet__value wrapped, uint8_t key[FACET__KEY], facet_error *err);

/* FACET_ECONTRACT with both ids unless they are the same. */
facet_status facet__store_same_contract(
    const facet__set *set, const uint8_t *contract, facet_error *err);

/* out = row at unit length; a row that has it already keeps its bytes.
 * FACET_EINVAL when there is no direction in it. */
facet_status facet__unit(
    const float *row, size_t dim, float *out, facet_error *err);

#endif
