/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - the inner side of facet/settings.h. */
#ifndef FACET__SETTINGS_H
#define FACET__SETTINGS_H

#include "face/input.h"
#include "facet/settings.h"
#include "nn/graph.h"

/* Are the settings in range and of one piece? FACET_EINVAL otherwise. */
facet_status facet__settings_check(
    const facet_settings *settings, facet_error *err);

/* Do they fit this input? FACET_EMODEL otherwise. */
facet_status facet__settings_fit(const facet_settings *settings,
    const facet_tensor_info *info, facet_error *err);

/* Where an entry's text comes from: the length of it, or -1; writes at most
 * `cap` bytes. What facet_model_metadata does for a model. */
typedef ptrdiff_t facet__entry_source(
    const void *from, const char *key, char *buf, size_t cap);

/* Settings from facet.* entries. FACET_ENOTFOUND without facet.task;
 * FACET_EMODEL for an entry that is missing or cannot be read. */
facet_status facet__settings_parse(facet__entry_source *source,
    const void *from, facet_settings *out, facet_error *err);

/* The text of an entry, or false when these settings have no such entry. */
enum { FACET__ENTRY_TEXT = 320 };
typedef struct facet__entry {
    const char *key;
    char text[FACET__ENTRY_TEXT];
} facet__entry;

enum { FACET__ENTRIES = 11 };

/* All entries that say `settings`, in the order of docs/formats/metadata.md.
 * Returns how many there are; those without a value have an empty text. */
void facet__settings_entries(
    const facet_settings *settings, facet__entry entries[FACET__ENTRIES]);

/* Say them in a network's metadata. */
facet_status facet__settings_annotate(
    facet__graph *graph, const facet_settings *settings, facet_error *err);

#endif
