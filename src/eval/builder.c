/* SPDX-License-Identifier: Apache-2.0 */
/* builder.c - from lines of text to a facet_protocol.
 *
 * The readers differ in what a line means and in nothing else: files and people
 * become numbers in the order of their appearance, the same pair twice is found
 * by sorting, and every complaint names file and line. */
#include "eval/builder.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"

static const size_t max_list_bytes = (size_t)4 << 30;

/* ---- lines ---- */

facet_status facet__lines_open(
    const char *path, facet__lines *out, facet_error *err)
{
    void *bytes;
    size_t size;
    facet_status status =
        facet__file_read(path, max_list_bytes, &bytes, &size, err);

    memset(out, 0, sizeof *out);
    out->path = path;
    if (status != FACET_OK)
        return status;
    if (memchr(bytes, '\0', size))
        status = facet__fail(err, FACET_EDAMAGED,
            "%.150s holds zero bytes: it is not a list", path);
    else if (!(out->text = facet__alloc(size + 1)))
        status = facet__fail_memory(err);
    else {
        memcpy(out->text, bytes, size);
        out->text[size] = '\0';
        out->next = out->text;
    }
    facet__free(bytes);
    return status;
}

void facet__lines_close(facet__lines *lines)
{
    facet__free(lines->text);
    lines->text = NULL;
}

static void trim(char **text)
{
    size_t length;

    *text += strspn(*text, " \t\r");
    length = strlen(*text);
    while (length > 0 && strchr(" \t\r", (*text)[length - 1]))
        (*text)[--length] = '\0';
}

/* Fields between single separators, trimmed; empty ones count. */
static void split_at(facet__lines *lines, char *line, char separator)
{
    char *next = line;

    while (next && lines->n_fields < FACET__MAX_FIELDS) {
        char *field = next;

        next = strchr(field, separator);
        if (next)
            *next++ = '\0';
        trim(&field);
        lines->fields[lines->n_fields++] = field;
    }
}

static void split_at_space(facet__lines *lines, char *line)
{
    char *state = NULL;

    for (char *field = strtok_r(line, " \t\r", &state);
         field && lines->n_fields < FACET__MAX_FIELDS;
         field = strtok_r(NULL, " \t\r", &state))
        lines->fields[lines->n_fields++] = field;
}

bool facet__lines_next(facet__lines *lines, char separator)
{
    while (lines->next && *lines->next) {
        char *line = lines->next;
        char *end = strchr(line, '\n');

        lines->next = end ? end + 1 : NULL;
        if (end)
            *end = '\0';
        lines->line++;
        lines->n_fields = 0;
        trim(&line);
        if (*line == '\0' || *line == '#')
            continue;
        if (separator == ',' || (separator == '\t' && strchr(line, '\t')))
            split_at(lines, line, separator);
        else
            split_at_space(lines, line);
        return true;
    }
    return false;
}

facet_status facet__lines_fail(
    const facet__lines *lines, facet_error *err, const char *format, ...)
{
    char text[160];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return facet__fail(err, FACET_EDAMAGED, "%.80s, line %zu: %s", lines->path,
        lines->line, text);
}

facet_status facet__lines_explain(
    const facet__lines *lines, facet_status status, facet_error *err)
{
    if (status == FACET_ENOMEM)
        return facet__fail_memory(err);
    if (status == FACET_ELIMIT)
        return facet__fail(err, FACET_ELIMIT,
            "%.80s, line %zu: more than max_items entries", lines->path,
            lines->line);
    return status;
}

bool facet__number(const char *text, uint32_t max, uint32_t *out)
{
    uint64_t value = 0;

    if (*text == '\0')
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = 10 * value + (uint64_t)(*text - '0');
        if (value > max)
            return false;
    }
    *out = (uint32_t)value;
    return true;
}

/* ---- names ---- */

/* FNV-1a. */
static uint64_t hash(const char *text)
{
    uint64_t h = 14695981039346656037U;

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211U;
    return h;
}

/* The slot of a name, or the empty one where it belongs. */
static size_t slot_of(const facet__names *names, const char *name)
{
    size_t slot = (size_t)hash(name) & (names->n_slots - 1);

    while (names->slots[slot] &&
           strcmp(names->names[names->slots[slot] - 1], name) != 0)
        slot = (slot + 1) & (names->n_slots - 1);
    return slot;
}

/* Twice as many slots as there may be names. */
static facet_status names_grow(facet__names *names)
{
    const size_t room = names->room ? 2 * names->room : 64;
    char **grown = facet__grow(names->names, names->room * sizeof *names->names,
        room * sizeof *names->names);
    uint32_t *slots;

    if (!grown)
        return FACET_ENOMEM;
    names->names = grown;
    slots = facet__calloc(2 * room, sizeof *slots);
    if (!slots)
        return FACET_ENOMEM;
    facet__free(names->slots);
    names->slots = slots;
    names->room = room;
    names->n_slots = 2 * room;
    for (size_t i = 0; i < names->count; i++)
        slots[slot_of(names, names->names[i])] = (uint32_t)i + 1;
    return FACET_OK;
}

facet_status facet__names_add(
    facet__names *names, const char *name, uint32_t *number)
{
    size_t slot;

    if (names->count == names->room && names_grow(names) != FACET_OK)
        return FACET_ENOMEM;
    slot = slot_of(names, name);
    if (!names->slots[slot]) {
        char *copy = facet__strdup(name);

        if (!copy)
            return FACET_ENOMEM;
        names->names[names->count++] = copy;
        names->slots[slot] = (uint32_t)names->count;
    }
    *number = names->slots[slot] - 1;
    return FACET_OK;
}

uint32_t facet__names_find(const facet__names *names, const char *name)
{
    return names->count == 0 ? UINT32_MAX
                             : names->slots[slot_of(names, name)] - 1;
}

void facet__names_free(facet__names *names)
{
    for (size_t i = 0; i < names->count; i++)
        facet__free(names->names[i]);
    facet__free(names->names);
    facet__free(names->slots);
    memset(names, 0, sizeof *names);
}

/* ---- the builder ---- */

void facet_protocol_opts_init(facet_protocol_opts *opts)
{
    *opts = (facet_protocol_opts){ sizeof *opts, false, false, 50000000 };
}

void facet_protocol_free(facet_protocol *protocol)
{
    if (!protocol)
        return;
    for (size_t i = 0; protocol->files && i < protocol->n_files; i++)
        facet__free(protocol->files[i]);
    for (size_t i = 0; protocol->subjects && i < protocol->n_subjects; i++)
        facet__free(protocol->subjects[i]);
    facet__free(protocol->files);
    facet__free(protocol->subjects);
    facet__free(protocol->file_lines);
    facet__free(protocol->members);
    facet__free(protocol->templates);
    facet__free(protocol->pairs);
    facet__free(protocol->gallery);
    facet__free(protocol->probes);
    memset(protocol, 0, sizeof *protocol);
}

facet_status facet__builder_init(facet__builder *builder,
    const facet_protocol_opts *opts, facet_protocol *out, facet_error *err)
{
    memset(builder, 0, sizeof *builder);
    if (!out)
        return facet__fail(err, FACET_EINVAL, "no place for the protocol");
    memset(out, 0, sizeof *out);
    facet_protocol_opts_init(&builder->opts);
    if (opts)
        builder->opts = *opts;
    if (builder->opts.size != sizeof builder->opts ||
        builder->opts.max_items > UINT32_MAX - 1)
        return facet__fail(err, FACET_EINVAL,
            "call facet_protocol_opts_init first; max_items < 2^32 - 1");
    return FACET_OK;
}

void facet__builder_free(facet__builder *builder)
{
    facet_protocol_free(&builder->protocol);
    facet__names_free(&builder->files);
    facet__names_free(&builder->subjects);
}

/* Room for one more of `size` bytes in an array. */
static facet_status make_room(const facet__builder *builder, void **items,
    size_t count, size_t *room, size_t size)
{
    void *grown;

    if (count >= builder->opts.max_items)
        return FACET_ELIMIT;
    grown = facet__make_room(*items, count, room, size);
    if (!grown)
        return FACET_ENOMEM;
    *items = grown;
    return FACET_OK;
}

/* Append `value` to the array `items` of `count` in a builder. */
#define APPEND(builder, items, count, room, value)                             \
    do {                                                                       \
        void *append_at = (items);                                             \
        const facet_status append_status = make_room(                          \
            (builder), &append_at, (count), &(room), sizeof *(items));         \
                                                                               \
        (items) = append_at;                                                   \
        if (append_status != FACET_OK)                                         \
            return append_status;                                              \
        (items)[(count)++] = (value);                                          \
    } while (0)

facet_status facet__builder_file(
    facet__builder *builder, const char *name, size_t line, uint32_t *file)
{
    facet_protocol *p = &builder->protocol;
    const facet_status status = facet__names_add(&builder->files, name, file);

    if (status == FACET_OK && *file == p->n_files)
        APPEND(builder, p->file_lines, p->n_files, builder->room_lines,
            (uint32_t)line);
    return status;
}

facet_status facet__builder_member(
    facet__builder *builder, uint32_t file, uint32_t medium)
{
    facet_protocol *p = &builder->protocol;
    const facet_member member = { file, medium };

    APPEND(builder, p->members, p->n_members, builder->room_members, member);
    p->templates[p->n_templates - 1].count++;
    return FACET_OK;
}

facet_status facet__builder_template(
    facet__builder *builder, uint32_t subject, uint32_t *out)
{
    facet_protocol *p = &builder->protocol;
    const facet_protocol_template made = { (uint32_t)p->n_members, 0, subject };

    *out = (uint32_t)p->n_templates;
    APPEND(
        builder, p->templates, p->n_templates, builder->room_templates, made);
    return FACET_OK;
}

facet_status facet__builder_single(facet__builder *builder, const char *name,
    const char *subject, size_t line, uint32_t *out)
{
    const size_t known = builder->files.count;
    uint32_t number;
    facet_status status = facet__builder_file(builder, name, line, out);

    if (status != FACET_OK || builder->files.count == known)
        return status; /* templates of single files are numbered like them */
    status =
        facet__names_add(&builder->subjects, subject ? subject : name, &number);
    if (status == FACET_OK)
        status = facet__builder_template(builder, number, out);
    if (status == FACET_OK)
        status = facet__builder_member(builder, *out, 0);
    return status;
}

facet_status facet__builder_pair(facet__builder *builder, facet_pair pair)
{
    facet_protocol *p = &builder->protocol;

    APPEND(builder, p->pairs, p->n_pairs, builder->room_pairs, pair);
    return FACET_OK;
}

facet_status facet__builder_entry(
    facet__builder *builder, bool probe, facet_entry entry)
{
    facet_protocol *p = &builder->protocol;

    if (probe)
        APPEND(builder, p->probes, p->n_probes, builder->room_probes, entry);
    else
        APPEND(builder, p->gallery, p->n_gallery, builder->room_gallery, entry);
    return FACET_OK;
}

static int by_templates(const void *left, const void *right)
{
    const facet_pair *a = left, *b = right;
    const uint32_t a_low = a->a < a->b ? a->a : a->b;
    const uint32_t b_low = b->a < b->b ? b->a : b->b;
    const uint64_t a_key = (uint64_t)a_low << 32 | (a->a ^ a->b ^ a_low);
    const uint64_t b_key = (uint64_t)b_low << 32 | (b->a ^ b->b ^ b_low);

    if (a->fold != b->fold)
        return a->fold < b->fold ? -1 : 1;
    if (a_key != b_key)
        return a_key < b_key ? -1 : 1;
    return a->line < b->line ? -1 : a->line > b->line;
}

static bool same_pair(const facet_pair *a, const facet_pair *b)
{
    return a->fold == b->fold &&
           ((a->a == b->a && a->b == b->b) || (a->a == b->b && a->b == b->a));
}

static facet_status check_twice(
    const facet_protocol *p, const char *path, facet_error *err)
{
    facet_pair *sorted = facet__calloc(p->n_pairs, sizeof *sorted);
    facet_status status = FACET_OK;

    if (!sorted)
        return facet__fail_memory(err);
    if (p->n_pairs > 0)
        memcpy(sorted, p->pairs, p->n_pairs * sizeof *sorted);
    qsort(sorted, p->n_pairs, sizeof *sorted, by_templates);
    for (size_t i = 1; i < p->n_pairs && status == FACET_OK; i++)
        if (same_pair(&sorted[i - 1], &sorted[i]))
            status = facet__fail(err, FACET_EDAMAGED,
                "%.100s, line %u: the pair of line %u again: remove one", path,
                sorted[i].line, sorted[i - 1].line);
    facet__free(sorted);
    return status;
}

static facet_status check_sides(
    const facet_protocol *p, const char *path, facet_error *err)
{
    size_t mated = 0;

    for (size_t i = 0; i < p->n_pairs; i++)
        mated += p->pairs[i].mated;
    if (mated > 0 && mated < p->n_pairs)
        return FACET_OK;
    return facet__fail(err, FACET_EDAMAGED,
        "%.100s, line %u: up to here, the last pair, all are %s: rates need "
        "both kinds",
        path, p->pairs[p->n_pairs - 1].line, mated ? "mated" : "non-mated");
}

facet_status facet__builder_finish(facet__builder *builder, const char *path,
    facet_protocol *out, facet_error *err)
{
    facet_protocol *p = &builder->protocol;
    facet_status status = FACET_OK;

    if (p->n_templates == 0)
        return facet__fail(err, FACET_EEMPTY, "%.150s lists nothing", path);
    if (p->n_pairs > 0 && !builder->opts.duplicates)
        status = check_twice(p, path, err);
    if (status == FACET_OK && p->n_pairs > 0 && !builder->opts.one_sided)
        status = check_sides(p, path, err);
    if (status != FACET_OK)
        return status;
    *out = *p;
    out->files = builder->files.names;
    out->n_subjects = builder->subjects.count;
    out->subjects = builder->subjects.names;
    facet__free(builder->files.slots);
    facet__free(builder->subjects.slots);
    memset(builder, 0, sizeof *builder);
    return FACET_OK;
}

/* ---- folders ---- */

static int by_name(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

void facet__folder_free(facet__folder *folder)
{
    for (size_t i = 0; i < folder->count; i++)
        facet__free(folder->names[i]);
    facet__free(folder->names);
    memset(folder, 0, sizeof *folder);
}

static facet_status folder_add(
    facet__folder *folder, size_t *room, const char *name)
{
    char **grown = facet__make_room(
        folder->names, folder->count, room, sizeof *folder->names);

    if (!grown)
        return FACET_ENOMEM;
    folder->names = grown;
    folder->names[folder->count] = facet__strdup(name);
    return folder->names[folder->count++] ? FACET_OK : FACET_ENOMEM;
}

facet_status facet__folder_list(
    const char *path, facet__folder *out, facet_error *err)
{
    DIR *dir = opendir(path);
    facet_status status = FACET_OK;
    size_t room = 0;

    memset(out, 0, sizeof *out);
    if (!dir)
        return facet__fail(err, errno == ENOENT ? FACET_ENOTFOUND : FACET_EIO,
            "%.150s: %s: a folder is needed here", path, strerror(errno));
    for (struct dirent *at; status == FACET_OK && (at = readdir(dir));)
        if (at->d_name[0] != '.')
            status = folder_add(out, &room, at->d_name);
    closedir(dir);
    if (status != FACET_OK) {
        facet__folder_free(out);
        return facet__fail_memory(err);
    }
    if (out->count > 0)
        qsort(out->names, out->count, sizeof *out->names, by_name);
    return FACET_OK;
}

char *facet__path_join(const char *a, const char *b)
{
    const size_t size = strlen(a) + strlen(b) + 2;
    char *joined = facet__alloc(size);

    if (joined)
        snprintf(joined, size, "%s/%s", a, b);
    return joined;
}
