/* SPDX-License-Identifier: Apache-2.0 */
/* dataset.c - see dataset.h.
 *
 * Opening is three steps: find all pictures in all sources, with the text of
 * their labels; sort them by source and name; turn label texts into numbers in
 * the order of the texts. */
#include "train/dataset.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
#include "base/tar.h"
#include "train/table.h"

enum { PICTURE_MAX = 64 << 20 };

/* A picture while the list is being made. Texts are offsets in `names`, which
 * moves as it grows. */
typedef struct found {
    size_t key, label,
        path;            /* label: of its text; path: in an archive or not */
    uint32_t path_order; /* of the source it came from */
    uint32_t source;
    uint64_t offset, size;
} found;

struct facet__dataset {
    facet__tar **archives; /* [n_archives] */
    size_t n_archives;
    char *names;
    size_t names_size, names_room;
    found *list; /* freed when the examples stand */
    size_t n_list, list_room;
    facet__example *examples; /* [count] */
    size_t count;
    const char **classes; /* [n_classes] */
    size_t n_classes;
};

/* What opening needs besides. */
typedef struct opening {
    facet__dataset *dataset;
    const facet__dataset_setup *setup;
    facet_error *err;
    uint32_t order; /* of the path in hand */
    facet__table *table;
    facet__name *keys; /* [n_keys] the table's rows by key */
    size_t n_keys;
    size_t label_column;
} opening;

void facet__dataset_setup_init(facet__dataset_setup *setup)
{
    *setup = (facet__dataset_setup){
        .key_column = "key", .label_column = "person", .split_column = "split"
    };
}

/* Text into the names; SIZE_MAX without memory. */
static size_t keep(facet__dataset *d, const char *text, size_t length)
{
    const size_t at = d->names_size;

    if (d->names_room - at < length + 1) {
        const size_t room = 2 * d->names_room + length + 4096;
        char *bigger = facet__grow(d->names, d->names_size, room);

        if (!bigger)
            return SIZE_MAX;
        d->names = bigger;
        d->names_room = room;
    }
    memcpy(d->names + at, text, length);
    d->names[at + length] = 0;
    d->names_size += length + 1;
    return at;
}

static bool is_picture(const char *name)
{
    static const char *const endings[] = { ".webp", ".jpg", ".jpeg", ".png" };
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    return false;
}

/* What stands behind the last slash. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The label's text of a key in the table; NULL when it is to be left out. */
static const char *look_up(const opening *o, const char *key)
{
    const facet__name *row = facet__name_find(o->keys, o->n_keys, key);

    return row ? facet__table_field(o->table, row->number, o->label_column)
               : NULL;
}

/* Add a picture if it is wanted. `label` is used where there is no table. */
static facet_status add(opening *o, const char *name, const char *label,
    size_t label_length, uint32_t source, uint64_t offset, uint64_t size)
{
    facet__dataset *d = o->dataset;
    const char *base = base_name(name), *text;
    found f = {
        .path_order = o->order, .source = source, .offset = offset, .size = size
    };
    char key[256];

    snprintf(key, sizeof key, "%.*s", (int)(strrchr(base, '.') - base), base);
    if (o->table) {
        text = look_up(o, key);
        if (!text)
            return FACET_OK;
        label = text;
        label_length = strlen(text);
    }
    if (label_length == 0 || (label_length == 1 && *label == '-')) {
        if (!o->setup->unlabelled)
            return FACET_OK;
        label_length = 0;
    }
    f.label = keep(d, label, label_length);
    f.key = keep(d, key, strlen(key));
    f.path = keep(d, name, strlen(name));
    if (d->n_list == d->list_room) {
        const size_t room = 2 * d->list_room + 1024;
        found *bigger = facet__grow(
            d->list, d->n_list * sizeof *d->list, room * sizeof *d->list);

        if (!bigger)
            return facet__fail_memory(o->err);
        d->list = bigger;
        d->list_room = room;
    }
    if (f.label == SIZE_MAX || f.key == SIZE_MAX || f.path == SIZE_MAX)
        return facet__fail_memory(o->err);
    if (source == UINT32_MAX)
        f.offset = f.path;
    d->list[d->n_list++] = f;
    return FACET_OK;
}

/* The last folder in a name: *label and its length (0 when there is none). */
static size_t folder_of(const char *name, const char **label)
{
    const char *end = strrchr(name, '/'), *start = end;

    *label = name;
    if (!end)
        return 0;
    while (start > name && start[-1] != '/')
        start--;
    *label = start;
    return (size_t)(end - start);
}

static facet_status add_tar(opening *o, const char *path)
{
    facet__dataset *d = o->dataset;
    facet__tar **archives =
        facet__grow(d->archives, d->n_archives * sizeof *archives,
            (d->n_archives + 1) * sizeof *archives);
    facet__tar_member member;
    facet_status st;
    int more = 1;

    if (!archives)
        return facet__fail_memory(o->err);
    d->archives = archives;
    st = facet__tar_open(path, &archives[d->n_archives], o->err);
    if (st != FACET_OK)
        return st;
    d->n_archives++;
    while (st == FACET_OK) {
        const char *label;
        size_t length;

        st = facet__tar_next(
            archives[d->n_archives - 1], &member, &more, o->err);
        if (st != FACET_OK || !more)
            return st;
        if (!is_picture(member.name))
            continue;
        length = folder_of(member.name, &label);
        st = add(o, member.name, label, length, (uint32_t)d->n_archives - 1,
            member.offset, member.size);
    }
    return st;
}

/* The pictures of one person's folder. */
static facet_status add_person(
    opening *o, const char *folder, const char *person)
{
    char path[4096];
    facet_status st = FACET_OK;
    DIR *dir;
    struct dirent *entry;

    if (snprintf(path, sizeof path, "%s/%s", folder, person) >=
        (int)sizeof path)
        return facet__fail(
            o->err, FACET_ELIMIT, "%s: the path is too long", path);
    dir = opendir(path);
    if (!dir && errno == ENOTDIR) /* a file beside the folders */
        return FACET_OK;
    if (!dir)
        return facet__fail(
            o->err, FACET_EIO, "%s: the folder cannot be read", path);
    while (st == FACET_OK && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.' || !is_picture(entry->d_name))
            continue;
        if (snprintf(path, sizeof path, "%s/%s/%s", folder, person,
                entry->d_name) >= (int)sizeof path)
            st = facet__fail(
                o->err, FACET_ELIMIT, "%s: the path is too long", path);
        else
            st = add(o, path, person, strlen(person), UINT32_MAX, 0, 0);
    }
    closedir(dir);
    return st;
}

static facet_status add_folder(opening *o, const char *path)
{
    facet_status st = FACET_OK;
    DIR *dir = opendir(path);
    struct dirent *entry;

    if (!dir)
        return facet__fail(
            o->err, FACET_EIO, "%s: the folder cannot be read", path);
    while (st == FACET_OK && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            st = add_person(o, path, entry->d_name);
    closedir(dir);
    return st;
}

static facet_status add_list(opening *o, const char *path)
{
    const size_t folder = (size_t)(base_name(path) - path);
    facet__table *table;
    facet_status st = facet__table_read(path, &table, o->err);

    if (st == FACET_OK && facet__table_columns(table) < 2)
        st = facet__fail(o->err, FACET_EDAMAGED,
            "%s: a list needs a path and a label on each line", path);
    for (size_t i = 0; st == FACET_OK && i < facet__table_rows(table); i++) {
        const char *name = facet__table_field(table, i, 0);
        const char *label = facet__table_field(table, i, 1);
        char full[4096];

        if (!is_picture(name))
            continue;
        if (snprintf(full, sizeof full, "%.*s%s",
                name[0] == '/' ? 0 : (int)folder, path,
                name) >= (int)sizeof full)
            st = facet__fail(
                o->err, FACET_ELIMIT, "%s: the path is too long", full);
        else
            st = add(o, full, label, strlen(label), UINT32_MAX, 0, 0);
    }
    facet__table_free(table);
    return st;
}

static facet_status add_path(opening *o, const char *path)
{
    const char *dot = strrchr(base_name(path), '.');
    struct stat info;

    if (stat(path, &info))
        return facet__fail(
            o->err, FACET_ENOTFOUND, "%s: there is no such file", path);
    if (S_ISDIR(info.st_mode))
        return add_folder(o, path);
    if (dot && strcasecmp(dot, ".tar") == 0)
        return add_tar(o, path);
    if (dot && (strcasecmp(dot, ".tsv") == 0 || strcasecmp(dot, ".txt") == 0))
        return add_list(o, path);
    return facet__fail(o->err, FACET_EUNSUPPORTED,
        "%s: neither a folder nor a .tar, .tsv or .txt file", path);
}

/* All files of a pattern, in the order of their names. */
static facet_status add_pattern(opening *o, const char *pattern)
{
    glob_t match;
    facet_status st = FACET_OK;
    const int failed = glob(pattern, GLOB_NOCHECK, NULL, &match);

    if (failed)
        return failed == GLOB_NOSPACE ? facet__fail_memory(o->err)
                                      : facet__fail(o->err, FACET_EIO,
                                            "%s: cannot be listed", pattern);
    for (size_t i = 0; i < match.gl_pathc && st == FACET_OK; i++, o->order++)
        st = add_path(o, match.gl_pathv[i]);
    globfree(&match);
    return st;
}

/* The rows of the wanted split by key. */
static facet_status read_rows(opening *o)
{
    const facet__dataset_setup *s = o->setup;
    size_t key, split = 0, rows;
    facet_status st = facet__table_read(s->table, &o->table, o->err);

    if (st == FACET_OK)
        st = facet__table_column(o->table, s->key_column, &key, o->err);
    if (st == FACET_OK)
        st = facet__table_column(
            o->table, s->label_column, &o->label_column, o->err);
    if (st == FACET_OK && s->split)
        st = facet__table_column(o->table, s->split_column, &split, o->err);
    if (st != FACET_OK)
        return st;
    rows = facet__table_rows(o->table);
    o->keys = facet__calloc(rows, sizeof *o->keys);
    if (!o->keys)
        return facet__fail_memory(o->err);
    for (size_t i = 1; i < rows; i++) {
        if (s->split &&
            strcmp(facet__table_field(o->table, i, split), s->split) != 0)
            continue;
        o->keys[o->n_keys++] =
            (facet__name){ facet__table_field(o->table, i, key), (uint32_t)i };
    }
    facet__name_sort(o->keys, o->n_keys);
    return FACET_OK;
}

/* For sorting with names at hand: qsort has no context. */
typedef struct sorted {
    const char *path, *label;
    const found *found;
} sorted;

static int compare_paths(const void *a, const void *b)
{
    const sorted *x = a, *y = b;

    if (x->found->path_order != y->found->path_order)
        return x->found->path_order < y->found->path_order ? -1 : 1;
    return strcmp(x->path, y->path);
}

static int compare_labels(const void *a, const void *b)
{
    const sorted *x = a, *y = b;
    const int labels = strcmp(x->label, y->label);

    return labels ? labels : compare_paths(a, b);
}

/* Number the labels in the order of their texts; people with too few pictures
 * and, where they are not wanted, nobody's pictures get INT32_MIN. */
static void number_labels(facet__dataset *d, const facet__dataset_setup *setup,
    sorted *list, int32_t *labels)
{
    qsort(list, d->n_list, sizeof *list, compare_labels);
    for (size_t i = 0, end; i < d->n_list; i = end) {
        int32_t label = -1;

        for (end = i + 1;
             end < d->n_list && strcmp(list[end].label, list[i].label) == 0;
             end++)
            ;
        if (list[i].label[0] && end - i < setup->least)
            label = INT32_MIN;
        else if (list[i].label[0]) {
            label = (int32_t)d->n_classes;
            d->classes[d->n_classes++] = list[i].label;
        }
        for (size_t k = i; k < end; k++)
            labels[list[k].found - d->list] = label;
    }
}

static void make_examples(
    facet__dataset *d, sorted *list, const int32_t *labels)
{
    qsort(list, d->n_list, sizeof *list, compare_paths);
    for (size_t i = 0; i < d->n_list; i++) {
        const found *f = list[i].found;
        const int32_t label = labels[f - d->list];

        if (label == INT32_MIN)
            continue;
        d->examples[d->count++] = (facet__example){ d->names + f->key, label,
            f->source, f->offset, f->size };
    }
}

static facet_status finish(opening *o)
{
    facet__dataset *d = o->dataset;
    sorted *list = facet__calloc(d->n_list, sizeof *list);
    int32_t *labels = facet__calloc(d->n_list, sizeof *labels);
    facet_status st = FACET_OK;

    d->classes = facet__calloc(d->n_list, sizeof *d->classes);
    d->examples = facet__calloc(d->n_list, sizeof *d->examples);
    if (!list || !labels || !d->classes || !d->examples) {
        st = facet__fail_memory(o->err);
        goto done;
    }
    for (size_t i = 0; i < d->n_list; i++)
        list[i] = (sorted){ d->names + d->list[i].path,
            d->names + d->list[i].label, &d->list[i] };
    number_labels(d, o->setup, list, labels);
    make_examples(d, list, labels);
    if (d->count == 0)
        st = facet__fail(o->err, FACET_EEMPTY, "%s%s: no picture is left%s%s%s",
            o->setup->paths[0], o->setup->n_paths > 1 ? " and others" : "",
            o->setup->table ? " that is in " : "",
            o->setup->table ? o->setup->table : "",
            o->setup->split ? " with the wanted split" : "");
done:
    facet__free(list);
    facet__free(labels);
    facet__free(d->list);
    d->list = NULL;
    return st;
}

facet_status facet__dataset_open(
    const facet__dataset_setup *setup, facet__dataset **out, facet_error *err)
{
    opening o = { .setup = setup, .err = err };
    facet_status st = FACET_OK;

    *out = NULL;
    if (setup->n_paths < 1 || setup->n_paths > FACET__SOURCES)
        return facet__fail(err, FACET_EINVAL,
            "a data set has 1 to %d paths, not %zu", FACET__SOURCES,
            setup->n_paths);
    o.dataset = facet__calloc(1, sizeof *o.dataset);
    if (!o.dataset)
        return facet__fail_memory(err);
    if (setup->table)
        st = read_rows(&o);
    for (size_t i = 0; i < setup->n_paths && st == FACET_OK; i++)
        st = add_pattern(&o, setup->paths[i]);
    if (st == FACET_OK)
        st = finish(&o);
    facet__table_free(o.table);
    facet__free(o.keys);
    if (st != FACET_OK) {
        facet__dataset_close(o.dataset);
        return st;
    }
    *out = o.dataset;
    return FACET_OK;
}

void facet__dataset_close(facet__dataset *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->n_archives; i++)
        facet__tar_close(d->archives[i]);
    facet__free(d->archives);
    facet__free(d->names);
    facet__free(d->list);
    facet__free(d->examples);
    facet__free(d->classes);
    facet__free(d);
}

size_t facet__dataset_count(const facet__dataset *d)
{
    return d->count;
}

size_t facet__dataset_classes(const facet__dataset *d)
{
    return d->n_classes;
}

const facet__example *facet__dataset_example(
    const facet__dataset *d, size_t index)
{
    return &d->examples[index];
}

const char *facet__dataset_name(const facet__dataset *d, size_t index)
{
    const facet__example *e = &d->examples[index];

    return e->source == UINT32_MAX ? d->names + e->offset : e->key;
}

const char *facet__dataset_class_name(const facet__dataset *d, size_t label)
{
    return d->classes[label];
}

/* A file of its own goes through the same buffer. */
static facet_status read_file(const char *path, uint8_t **bytes, size_t *room,
    size_t *size, facet_error *err)
{
    void *whole;
    facet_status st = facet__file_read(path, PICTURE_MAX, &whole, size, err);

    if (st != FACET_OK)
        return st;
    facet__free(*bytes);
    *bytes = whole;
    *room = *size;
    return FACET_OK;
}

facet_status facet__dataset_read(const facet__dataset *d, size_t index,
    uint8_t **bytes, size_t *room, size_t *size, facet_error *err)
{
    const facet__example *e = &d->examples[index];

    if (e->source == UINT32_MAX)
        return read_file(d->names + e->offset, bytes, room, size, err);
    if (e->size > PICTURE_MAX)
        return facet__fail(err, FACET_ELIMIT, "%s: %llu bytes", e->key,
            (unsigned long long)e->size);
    if (*room < e->size || !*bytes) {
        facet__free(*bytes);
        *room = (size_t)e->size + 4096;
        *bytes = facet__alloc(*room);
        if (!*bytes) {
            *room = 0;
            return facet__fail_memory(err);
        }
    }
    *size = (size_t)e->size;
    return facet__tar_read(
        d->archives[e->source], e->offset, *bytes, *size, err);
}
