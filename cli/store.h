/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - which gallery, and how it opens: what the verbs of galleries have
 * in common. */
#ifndef FACET_CLI_STORE_H
#define FACET_CLI_STORE_H

#include <argp.h>
#include <jansson.h>

#include "exits.h"
#include "facet/embedder.h"
#include "facet/gallery.h"

/* Begin with store_init. */
typedef struct store {
    const char *path;
    facet_gallery_opts opts;
    const char *passphrase_file;
    char *passphrase; /* its first line */
} store;

/* Options --store, --gallery-name, --key-file, --passphrase-file; its input is
 * a store. */
extern const struct argp store_argp;

void store_init(store *s);
void store_free(store *s);

/* Open s->path. Complains on failure; the exit status. */
int store_open(store *s, bool read_only, facet_gallery **out);
/* The same for a new one. */
int store_create(
    store *s, const facet_contract *contract, size_t dim, facet_gallery **out);

/* The gallery's path or address, without a password. */
json_t *json_where(const store *s);

/* Complain about a failure with the gallery, unless there is none; the exit
 * status. */
int store_fail(const store *s, facet_status status, const facet_error *err);
exit_number exit_for_gallery(facet_status status);

/* A person of the gallery by name, or by "#ID"; FACET_ENOTFOUND. */
facet_status store_person(
    const facet_gallery *g, const char *word, uint64_t *id, facet_error *err);

/* {"id": .., "name": ..}. */
json_t *json_person(const facet_gallery *g, uint64_t id);

#endif
