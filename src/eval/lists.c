/* SPDX-License-Identifier: Apache-2.0 */
/* lists.c - lists of single pictures: plain pairs, LFW, identification lists,
 * folders of people. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/error.h"
#include "eval/builder.h"

/* Which fold the i-th pair belongs to when n mated and n non-mated ones take
 * turns; 0 for all without a head line. */
static uint16_t fold_of(size_t index, uint32_t per_kind)
{
    const size_t fold = per_kind ? index / (2 * (size_t)per_kind) : 0;

    return fold < UINT16_MAX ? (uint16_t)fold : UINT16_MAX;
}

/* A head line promised folds x 2 x per_kind pairs. */
static facet_status check_promise(const facet__builder *builder,
    const facet__lines *lines, uint32_t folds, uint32_t per_kind,
    facet_error *err)
{
    const uint64_t promised = 2 * (uint64_t)folds * per_kind;

    if (promised == 0 || promised == builder->protocol.n_pairs)
        return FACET_OK;
    return facet__lines_fail(lines, err,
        "%zu pairs at the end, but the first line says %u folds of %u + %u",
        builder->protocol.n_pairs, folds, per_kind, per_kind);
}

/* ---- plain pairs ---- */

static uint32_t root_of(uint32_t *parent, uint32_t node)
{
    while (parent[node] != node)
        node = parent[node] = parent[parent[node]];
    return node;
}

/* Pictures that mated pairs join are of one subject. */
static facet_status unite_subjects(facet__builder *builder)
{
    facet_protocol *p = &builder->protocol;
    uint32_t *parent = facet__calloc(p->n_templates, sizeof *parent);

    if (!parent)
        return FACET_ENOMEM;
    for (uint32_t i = 0; i < p->n_templates; i++)
        parent[i] = i;
    for (size_t i = 0; i < p->n_pairs; i++) {
        const uint32_t a = root_of(parent, p->pairs[i].a);
        const uint32_t b = root_of(parent, p->pairs[i].b);

        if (p->pairs[i].mated)
            parent[a > b ? a : b] = a > b ? b : a;
    }
    for (uint32_t i = 0; i < p->n_templates; i++)
        p->templates[i].subject = root_of(parent, i);
    facet__free(parent);
    return FACET_OK;
}

/* Nobody is another person than oneself, be it by way of several pairs. */
static facet_status check_labels(
    const facet_protocol *p, const char *path, facet_error *err)
{
    for (size_t i = 0; i < p->n_pairs; i++) {
        const facet_pair *pair = &p->pairs[i];

        if (!pair->mated &&
            p->templates[pair->a].subject == p->templates[pair->b].subject)
            return facet__fail(err, FACET_EDAMAGED,
                "%.100s, line %u: two people here, and one by the list's mated "
                "pairs: mend a label",
                path, pair->line);
    }
    return FACET_OK;
}

static facet_status read_pair(facet__builder *builder,
    const facet__lines *lines, uint32_t per_kind, facet_error *err)
{
    facet_pair pair = { .line = (uint32_t)lines->line };
    facet_status status;
    uint32_t label;

    if (lines->n_fields != 3 || !facet__number(lines->fields[2], 1, &label))
        return facet__lines_fail(lines, err,
            "want two files and a label, 1 for the same person or 0");
    if (strcmp(lines->fields[0], lines->fields[1]) == 0)
        return facet__lines_fail(
            lines, err, "'%.80s' is paired with itself", lines->fields[0]);
    pair.mated = label == 1;
    pair.fold = fold_of(builder->protocol.n_pairs, per_kind);
    status = facet__builder_single(
        builder, lines->fields[0], NULL, lines->line, &pair.a);
    if (status == FACET_OK)
        status = facet__builder_single(
            builder, lines->fields[1], NULL, lines->line, &pair.b);
    return status == FACET_OK ? facet__builder_pair(builder, pair) : status;
}

facet_status facet_protocol_read_pairs(const char *path,
    const facet_protocol_opts *opts, facet_protocol *out, facet_error *err)
{
    facet__builder builder;
    facet__lines lines = { 0 };
    uint32_t folds = 0, per_kind = 0;
    facet_status status = facet__builder_init(&builder, opts, out, err);

    if (status == FACET_OK)
        status = path ? facet__lines_open(path, &lines, err)
                      : facet__fail(err, FACET_EINVAL, "no list given");
    while (status == FACET_OK && facet__lines_next(&lines, '\t')) {
        if (lines.n_fields == 2 && builder.protocol.n_pairs == 0 &&
            per_kind == 0 &&
            facet__number(lines.fields[0], UINT16_MAX, &folds) &&
            facet__number(lines.fields[1], UINT32_MAX, &per_kind))
            continue;
        status = facet__lines_explain(
            &lines, read_pair(&builder, &lines, per_kind, err), err);
    }
    if (status == FACET_OK)
        status = check_promise(&builder, &lines, folds, per_kind, err);
    if (status == FACET_OK)
        status = facet__lines_explain(&lines, unite_subjects(&builder), err);
    if (status == FACET_OK)
        status = check_labels(&builder.protocol, path, err);
    if (status == FACET_OK)
        status = facet__builder_finish(&builder, path, out, err);
    facet__lines_close(&lines);
    facet__builder_free(&builder);
    return status;
}

/* ---- LFW ---- */

static facet_status lfw_picture(facet__builder *builder,
    const facet__lines *lines, bool flat, const char *name, const char *index,
    uint32_t *out, facet_error *err)
{
    char path[512];
    uint32_t number;

    if (!facet__number(index, 9999, &number) || number == 0)
        return facet__lines_fail(
            lines, err, "'%.40s' is not the number of a picture", index);
    if (strlen(name) > 200)
        return facet__lines_fail(lines, err, "a name of over 200 bytes");
    if (flat)
        snprintf(path, sizeof path, "%s_%04u.jpg", name, number);
    else
        snprintf(path, sizeof path, "%s/%s_%04u.jpg", name, name, number);
    return facet__builder_single(builder, path, name, lines->line, out);
}

static facet_status lfw_pair(facet__builder *builder, const facet__lines *lines,
    bool flat, uint32_t per_kind, facet_error *err)
{
    char *const *f = lines->fields;
    facet_pair pair = { .line = (uint32_t)lines->line,
        .mated = lines->n_fields == 3 };
    facet_status status;

    if (lines->n_fields != 3 && lines->n_fields != 4)
        return facet__lines_fail(lines, err,
            "want `name i j` or `name i name j`, found %zu fields",
            lines->n_fields);
    if (lines->n_fields == 4 && strcmp(f[0], f[2]) == 0)
        return facet__lines_fail(
            lines, err, "a pair of two people, but both are '%.80s'", f[0]);
    pair.fold = fold_of(builder->protocol.n_pairs, per_kind);
    status = lfw_picture(builder, lines, flat, f[0], f[1], &pair.a, err);
    if (status == FACET_OK)
        status = lfw_picture(builder, lines, flat, pair.mated ? f[0] : f[2],
            pair.mated ? f[2] : f[3], &pair.b, err);
    if (status == FACET_OK && pair.a == pair.b)
        return facet__lines_fail(lines, err, "a picture with itself");
    return status == FACET_OK ? facet__builder_pair(builder, pair) : status;
}

/* The first line: `folds n` in view 2, `n` in view 1. */
static bool lfw_head(
    const facet__lines *lines, uint32_t *folds, uint32_t *per_kind)
{
    *folds = 1;
    if (lines->n_fields == 1)
        return facet__number(lines->fields[0], UINT32_MAX, per_kind);
    return lines->n_fields == 2 &&
           facet__number(lines->fields[0], UINT16_MAX, folds) &&
           facet__number(lines->fields[1], UINT32_MAX, per_kind);
}

facet_status facet_protocol_read_lfw(const char *path, bool flat,
    const facet_protocol_opts *opts, facet_protocol *out, facet_error *err)
{
    facet__builder builder;
    facet__lines lines = { 0 };
    uint32_t folds = 0, per_kind = 0;
    facet_status status = facet__builder_init(&builder, opts, out, err);

    if (status == FACET_OK)
        status = path ? facet__lines_open(path, &lines, err)
                      : facet__fail(err, FACET_EINVAL, "no list given");
    if (status == FACET_OK && (!facet__lines_next(&lines, ' ') ||
                                  !lfw_head(&lines, &folds, &per_kind)))
        status = facet__lines_fail(&lines, err,
            "want `folds n` (pairs.txt) or `n` (pairsDevTrain.txt)");
    while (status == FACET_OK && facet__lines_next(&lines, ' '))
        status = facet__lines_explain(
            &lines, lfw_pair(&builder, &lines, flat, per_kind, err), err);
    if (status == FACET_OK)
        status = check_promise(&builder, &lines, folds, per_kind, err);
    if (status == FACET_OK)
        status = facet__builder_finish(&builder, path, out, err);
    facet__lines_close(&lines);
    facet__builder_free(&builder);
    return status;
}

/* ---- lists of a picture a line ---- */

/* Read a list line by line; `lacks` says what is wrong with the whole, or NULL.
 */
static facet_status read_list(const char *path, const facet_protocol_opts *opts,
    facet_status (*read)(
        facet__builder *builder, const facet__lines *lines, facet_error *err),
    const char *(*lacks)(const facet__builder *builder), facet_protocol *out,
    facet_error *err)
{
    facet__builder builder;
    facet__lines lines = { 0 };
    facet_status status = facet__builder_init(&builder, opts, out, err);
    const char *wrong;

    if (status == FACET_OK)
        status = path ? facet__lines_open(path, &lines, err)
                      : facet__fail(err, FACET_EINVAL, "no list given");
    while (status == FACET_OK && facet__lines_next(&lines, '\t'))
        status = facet__lines_explain(&lines, read(&builder, &lines, err), err);
    wrong = status == FACET_OK ? lacks(&builder) : NULL;
    if (wrong)
        status = facet__lines_fail(&lines, err, "%s", wrong);
    if (status == FACET_OK)
        status = facet__builder_finish(&builder, path, out, err);
    facet__lines_close(&lines);
    facet__builder_free(&builder);
    return status;
}

/* ---- open-set identification ---- */

static facet_status read_entry(
    facet__builder *builder, const facet__lines *lines, facet_error *err)
{
    char *const *f = lines->fields;
    facet_entry entry = { .line = (uint32_t)lines->line };
    const size_t known = builder->files.count;
    uint32_t people = (uint32_t)builder->subjects.count;
    bool probe;
    facet_status status;

    if (lines->n_fields != 3 ||
        (strcmp(f[0], "gallery") != 0 && strcmp(f[0], "probe") != 0))
        return facet__lines_fail(
            lines, err, "want `gallery file person` or `probe file person`");
    probe = f[0][0] == 'p';
    status = facet__builder_single(
        builder, f[1], f[2], lines->line, &entry.template_index);
    if (status != FACET_OK)
        return status;
    if (builder->files.count == known)
        return facet__lines_fail(
            lines, err, "'%.80s' is listed a second time", f[1]);
    if (!probe && builder->subjects.count == people)
        return facet__lines_fail(lines, err,
            "a second gallery picture of '%.60s', or one after a probe", f[2]);
    return facet__builder_entry(builder, probe, entry);
}

static const char *lacks_entries(const facet__builder *builder)
{
    return builder->protocol.n_gallery == 0 || builder->protocol.n_probes == 0
               ? "the list ends without a gallery or without probes"
               : NULL;
}

facet_status facet_protocol_read_identify(const char *path,
    const facet_protocol_opts *opts, facet_protocol *out, facet_error *err)
{
    return read_list(path, opts, read_entry, lacks_entries, out, err);
}

/* ---- people ---- */

static facet_status read_labelled(
    facet__builder *builder, const facet__lines *lines, facet_error *err)
{
    char *const *f = lines->fields;
    const size_t known = builder->files.count;
    uint32_t ignored;
    facet_status status;

    if (lines->n_fields != 2)
        return facet__lines_fail(lines, err, "want `file person`");
    status = facet__builder_single(builder, f[0], f[1], lines->line, &ignored);
    if (status == FACET_OK && builder->files.count == known)
        return facet__lines_fail(
            lines, err, "'%.80s' is listed a second time", f[0]);
    return status;
}

static const char *lacks_people(const facet__builder *builder)
{
    return builder->files.count == 0 ? "the list is empty" : NULL;
}

facet_status facet_protocol_read_people(const char *path,
    const facet_protocol_opts *opts, facet_protocol *out, facet_error *err)
{
    return read_list(path, opts, read_labelled, lacks_people, out, err);
}

/* ---- folders ---- */

static bool is_folder(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* All pictures of one person. */
static facet_status read_person(facet__builder *builder, const char *root,
    const char *person, facet_error *err)
{
    char *path = facet__path_join(root, person);
    facet__folder pictures = { 0 };
    facet_status status = FACET_OK;

    if (!path)
        return facet__fail_memory(err);
    if (is_folder(path))
        status = facet__folder_list(path, &pictures, err);
    for (size_t i = 0; status == FACET_OK && i < pictures.count; i++) {
        char *file = facet__path_join(person, pictures.names[i]);
        uint32_t ignored;

        status = file
                     ? facet__builder_single(builder, file, person, 0, &ignored)
                     : FACET_ENOMEM;
        facet__free(file);
        if (status != FACET_OK)
            facet__fail(err, status, "%.200s: too many pictures", path);
    }
    facet__folder_free(&pictures);
    facet__free(path);
    return status;
}

facet_status facet_protocol_read_folder(const char *root,
    const facet_protocol_opts *opts, facet_protocol *out, facet_error *err)
{
    facet__builder builder;
    facet__folder people = { 0 };
    facet_status status = facet__builder_init(&builder, opts, out, err);

    if (status == FACET_OK)
        status = root ? facet__folder_list(root, &people, err)
                      : facet__fail(err, FACET_EINVAL, "no folder given");
    for (size_t i = 0; status == FACET_OK && i < people.count; i++)
        status = read_person(&builder, root, people.names[i], err);
    if (status == FACET_OK)
        status = facet__builder_finish(&builder, root, out, err);
    facet__folder_free(&people);
    facet__builder_free(&builder);
    return status;
}

facet_status facet_protocol_all_pairs(
    facet_protocol *protocol, const facet_protocol_opts *opts, facet_error *err)
{
    facet_protocol_opts own;
    uint64_t n;
    facet_pair *pair;

    facet_protocol_opts_init(&own);
    if (opts)
        own = *opts;
    if (!protocol || protocol->n_pairs > 0)
        return facet__fail(err, FACET_EINVAL, "want a protocol without pairs");
    n = (uint64_t)protocol->n_templates * (protocol->n_templates - 1) / 2;
    if (n > own.max_items)
        return facet__fail(err, FACET_ELIMIT,
            "%llu pairs: over max_items; count them in a histogram",
            (unsigned long long)n);
    protocol->pairs = facet__calloc((size_t)n, sizeof *protocol->pairs);
    if (!protocol->pairs)
        return facet__fail_memory(err);
    pair = protocol->pairs;
    for (uint32_t a = 0; a < protocol->n_templates; a++)
        for (uint32_t b = a + 1; b < protocol->n_templates; b++)
            *pair++ = (facet_pair){ a, b, 0, 0,
                protocol->templates[a].subject ==
                    protocol->templates[b].subject };
    protocol->n_pairs = (size_t)n;
    return FACET_OK;
}
