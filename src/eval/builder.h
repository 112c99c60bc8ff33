/* SPDX-License-Identifier: Apache-2.0 */
/* builder.h - what the readers of lists share: lines and their fields, names
 * with numbers, and growing arrays of a facet_protocol. */
#ifndef FACET__BUILDER_H
#define FACET__BUILDER_H

#include "facet/protocol.h"

enum { FACET__MAX_FIELDS = 64 };

/* A text file, line by line. `fields` point into `text`, which is cut up. */
typedef struct facet__lines {
    const char *path;
    char *text, *next;
    size_t line; /* number of the current one, from 1 */
    char *fields[FACET__MAX_FIELDS];
    size_t n_fields;
} facet__lines;

facet_status facet__lines_open(
    const char *path, facet__lines *out, facet_error *err);
void facet__lines_close(facet__lines *lines);

/* Go to the next line that has a field; false at the end. Separator ',' cuts
 * at commas and trims spaces; '\t' cuts at tabs, or at white space in a line
 * without tabs; ' ' cuts at white space. */
bool facet__lines_next(facet__lines *lines, char separator);

/* FACET_EDAMAGED with the file and the line before the message. */
facet_status facet__lines_fail(const facet__lines *lines, facet_error *err,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Give the builder's statuses, which come without a message, one. */
facet_status facet__lines_explain(
    const facet__lines *lines, facet_status status, facet_error *err);

/* A whole number in [0, max]; false for anything else. */
bool facet__number(const char *text, uint32_t max, uint32_t *out);

/* Names to numbers 0, 1, ... in order of their first appearance. */
typedef struct facet__names {
    char **names;
    uint32_t *slots; /* number + 1, open addressing */
    size_t count, room, n_slots;
} facet__names;

facet_status facet__names_add(
    facet__names *names, const char *name, uint32_t *number);
/* UINT32_MAX when it is not there. */
uint32_t facet__names_find(const facet__names *names, const char *name);
void facet__names_free(facet__names *names);

/* A protocol under construction. */
typedef struct facet__builder {
    facet_protocol_opts opts;
    facet_protocol protocol; /* names stay in the tables until the end */
    facet__names files, subjects;
    size_t room_lines, room_members, room_templates, room_pairs;
    size_t room_gallery, room_probes;
} facet__builder;

facet_status facet__builder_init(facet__builder *builder,
    const facet_protocol_opts *opts, facet_protocol *out, facet_error *err);
void facet__builder_free(facet__builder *builder);

facet_status facet__builder_file(
    facet__builder *builder, const char *name, size_t line, uint32_t *file);
/* Add a file to the last template. */
facet_status facet__builder_member(
    facet__builder *builder, uint32_t file, uint32_t medium);
/* A template without members yet. */
facet_status facet__builder_template(
    facet__builder *builder, uint32_t subject, uint32_t *out);
/* The template of a single file: the same for the same file. The first one to
 * name it says the subject, NULL for one of its own. */
facet_status facet__builder_single(facet__builder *builder, const char *name,
    const char *subject, size_t line, uint32_t *out);
facet_status facet__builder_pair(facet__builder *builder, facet_pair pair);
facet_status facet__builder_entry(
    facet__builder *builder, bool probe, facet_entry entry);

/* Check the pairs (twice, one-sided) and hand the protocol over. `path` names
 * the list in errors. */
facet_status facet__builder_finish(facet__builder *builder, const char *path,
    facet_protocol *out, facet_error *err);

/* What stands in a folder, sorted by name, hidden entries left out. */
typedef struct facet__folder {
    char **names;
    size_t count;
} facet__folder;

facet_status facet__folder_list(
    const char *path, facet__folder *out, facet_error *err);
void facet__folder_free(facet__folder *folder);

/* a/b, to be freed; NULL without memory. */
char *facet__path_join(const char *a, const char *b);

#endif
