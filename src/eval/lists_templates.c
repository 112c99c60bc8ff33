/* SPDX-License-Identifier: Apache-2.0 */
/* lists_templates.c - lists of templates of several pictures: YTF, IJB; and
 * CFP, whose pictures have numbers. */
#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/error.h"
#include "eval/builder.h"

/* ---- YTF ---- */

typedef struct ytf {
    facet__builder builder;
    facet__lines lines;
    facet__names videos; /* numbered like the templates */
    const char *frames;
    size_t max_frames;
} ytf;

/* The end of a run of digits; *first is where its zeros end. */
static const char *skip_number(const char *text, const char **first)
{
    text += strspn(text, "0");
    *first = text;
    return text + strspn(text, "0123456789");
}

/* Runs of digits as numbers: frame 0.9.jpg is before 0.10.jpg. */
static int by_number(const void *left, const void *right)
{
    const char *const name_a = *(char *const *)left;
    const char *const name_b = *(char *const *)right;
    const char *a = name_a, *b = name_b;

    while (*a && *b) {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            const char *from_a, *from_b;
            ptrdiff_t longer;
            int order;

            a = skip_number(a, &from_a);
            b = skip_number(b, &from_b);
            longer = (a - from_a) - (b - from_b);
            order = longer != 0 ? (longer > 0) - (longer < 0)
                                : strncmp(from_a, from_b, (size_t)(a - from_a));
            if (order != 0)
                return order;
        } else if (*a++ != *b++) {
            return (unsigned char)a[-1] < (unsigned char)b[-1] ? -1 : 1;
        }
    }
    if (*a || *b)
        return *a ? 1 : -1;
    return strcmp(name_a, name_b);
}

/* The frames of a video, as members of the last template. */
static facet_status ytf_frames(ytf *y, const char *video, facet_error *err)
{
    char *path = facet__path_join(y->frames, video);
    facet__folder folder = { 0 };
    facet_status status =
        path ? facet__folder_list(path, &folder, err) : facet__fail_memory(err);
    size_t n = folder.count;

    if (status == FACET_ENOTFOUND)
        status = facet__lines_fail(
            &y->lines, err, "there is no folder of frames '%.80s'", video);
    else if (status == FACET_OK && n == 0)
        status =
            facet__lines_fail(&y->lines, err, "'%.80s' has no frames", video);
    else if (status == FACET_OK)
        qsort(folder.names, n, sizeof *folder.names, by_number);
    if (y->max_frames > 0 && n > y->max_frames)
        n = y->max_frames;
    for (size_t i = 0; status == FACET_OK && i < n; i++) {
        char *name = facet__path_join(video, folder.names[i]);
        uint32_t file;

        status =
            name ? facet__builder_file(&y->builder, name, y->lines.line, &file)
                 : FACET_ENOMEM;
        if (status == FACET_OK)
            status = facet__builder_member(&y->builder, file, 0);
        status = facet__lines_explain(&y->lines, status, err);
        facet__free(name);
    }
    facet__folder_free(&folder);
    facet__free(path);
    return status;
}

/* A video's template; its person is the folder above it. */
static facet_status ytf_video(
    ytf *y, const char *video, uint32_t *out, facet_error *err)
{
    const size_t known = y->videos.count;
    const char *slash = strchr(video, '/');
    const size_t length = slash ? (size_t)(slash - video) : strlen(video);
    facet_status status = facet__names_add(&y->videos, video, out);
    uint32_t subject;
    char person[256];

    if (length >= sizeof person)
        return facet__lines_fail(&y->lines, err, "a name of over 255 bytes");
    if (status != FACET_OK || y->videos.count == known)
        return facet__lines_explain(&y->lines, status, err);
    memcpy(person, video, length);
    person[length] = '\0';
    status = facet__names_add(&y->builder.subjects, person, &subject);
    if (status == FACET_OK)
        status = facet__builder_template(&y->builder, subject, out);
    status = facet__lines_explain(&y->lines, status, err);
    return status == FACET_OK ? ytf_frames(y, video, err) : status;
}

static facet_status ytf_pair(ytf *y, facet_error *err)
{
    char *const *f = y->lines.fields;
    facet_pair pair = { .line = (uint32_t)y->lines.line };
    uint32_t split, same;
    const facet_protocol_template *templates;
    facet_status status;

    if (y->lines.n_fields < 4 || !facet__number(f[0], 1000, &split) ||
        split == 0 || !facet__number(f[3], 1, &same))
        return facet__lines_fail(
            &y->lines, err, "want `split, video, video, 1 or 0`");
    pair.fold = (uint16_t)(split - 1);
    pair.mated = same == 1;
    status = ytf_video(y, f[1], &pair.a, err);
    if (status == FACET_OK)
        status = ytf_video(y, f[2], &pair.b, err);
    if (status != FACET_OK)
        return status;
    templates = y->builder.protocol.templates;
    if (pair.mated != (templates[pair.a].subject == templates[pair.b].subject))
        return facet__lines_fail(
            &y->lines, err, "the label contradicts the names of the folders");
    return facet__lines_explain(
        &y->lines, facet__builder_pair(&y->builder, pair), err);
}

facet_status facet_protocol_read_ytf(const char *path, const char *frames,
    size_t max_frames, const facet_protocol_opts *opts, facet_protocol *out,
    facet_error *err)
{
    ytf y = { .frames = frames, .max_frames = max_frames };
    facet_status status = facet__builder_init(&y.builder, opts, out, err);
    uint32_t split;

    if (status == FACET_OK)
        status = path && frames
                     ? facet__lines_open(path, &y.lines, err)
                     : facet__fail(err, FACET_EINVAL, "no list or no frames");
    while (status == FACET_OK && facet__lines_next(&y.lines, ',')) {
        if (y.builder.protocol.n_pairs == 0 &&
            !facet__number(y.lines.fields[0], UINT32_MAX, &split))
            continue; /* headlines */
        status = ytf_pair(&y, err);
    }
    if (status == FACET_OK)
        status = facet__builder_finish(&y.builder, path, out, err);
    facet__names_free(&y.videos);
    facet__lines_close(&y.lines);
    facet__builder_free(&y.builder);
    return status;
}

/* ---- IJB ---- */

/* Columns of a metadata table. */
typedef struct columns {
    size_t template_id, subject, file, medium;
} columns;

typedef struct ijb {
    facet__builder builder;
    facet__names templates; /* ids, numbered like the templates */
    facet__names media;     /* "template medium" */
} ijb;

static size_t column_of(
    const facet__lines *lines, const char *name, const char *other)
{
    for (size_t i = 0; i < lines->n_fields; i++)
        if (strcasecmp(lines->fields[i], name) == 0)
            return i;
    return other ? column_of(lines, other, NULL) : SIZE_MAX;
}

static facet_status ijb_head(facet__lines *lines, columns *at, facet_error *err)
{
    if (!facet__lines_next(lines, ','))
        return facet__lines_fail(lines, err, "the table is empty");
    at->template_id = column_of(lines, "TEMPLATE_ID", NULL);
    at->subject = column_of(lines, "SUBJECT_ID", NULL);
    at->file = column_of(lines, "FILE", "FILENAME");
    at->medium = column_of(lines, "MEDIA_ID", "SIGHTING_ID");
    if (at->template_id == SIZE_MAX || at->subject == SIZE_MAX ||
        at->file == SIZE_MAX || at->medium == SIZE_MAX)
        return facet__lines_fail(lines, err,
            "want columns TEMPLATE_ID, SUBJECT_ID, FILE or FILENAME, and "
            "MEDIA_ID or SIGHTING_ID");
    return FACET_OK;
}

/* Rows of one template stand together; `entries` notes each template as a
 * gallery entry or a probe. */
static facet_status ijb_row(ijb *t, facet__lines *lines, const columns *at,
    const bool *probes, facet_error *err)
{
    facet_protocol *p = &t->builder.protocol;
    char *const *f = lines->fields;
    const size_t needed[] = { at->template_id, at->subject, at->file,
        at->medium };
    const size_t known = t->templates.count;
    uint32_t subject, id, made, file, medium;
    facet_status status;

    for (size_t i = 0; i < 4; i++)
        if (needed[i] >= lines->n_fields || f[needed[i]][0] == '\0')
            return facet__lines_fail(
                lines, err, "column %zu is missing or empty", needed[i] + 1);
    status = facet__names_add(&t->builder.subjects, f[at->subject], &subject);
    if (status == FACET_OK)
        status = facet__names_add(&t->templates, f[at->template_id], &id);
    if (status == FACET_OK && t->templates.count > known) {
        const facet_entry entry = { id, (uint32_t)lines->line };

        status = facet__builder_template(&t->builder, subject, &made);
        if (status == FACET_OK && probes)
            status = facet__builder_entry(&t->builder, *probes, entry);
    } else if (status == FACET_OK && p->templates[id].subject != subject) {
        return facet__lines_fail(lines, err,
            "template %.40s had another subject before", f[at->template_id]);
    } else if (status == FACET_OK && id + 1 != p->n_templates) {
        return facet__lines_fail(lines, err,
            "the rows of template %.40s do not stand together: sort the table",
            f[at->template_id]);
    }
    if (status == FACET_OK)
        status = facet__names_add(&t->media, f[at->medium], &medium);
    if (status == FACET_OK)
        status =
            facet__builder_file(&t->builder, f[at->file], lines->line, &file);
    if (status == FACET_OK)
        status = facet__builder_member(&t->builder, file, medium);
    return facet__lines_explain(lines, status, err);
}

/* `probes` is NULL for a table of 1:1 templates. */
static facet_status ijb_table(
    ijb *t, const char *path, const bool *probes, facet_error *err)
{
    facet__lines lines;
    columns at = { 0, 0, 0, 0 };
    facet_status status = facet__lines_open(path, &lines, err);

    if (status == FACET_OK)
        status = ijb_head(&lines, &at, err);
    while (status == FACET_OK && facet__lines_next(&lines, ','))
        status = ijb_row(t, &lines, &at, probes, err);
    facet__lines_close(&lines);
    return status;
}

static facet_status ijb_matches(ijb *t, const char *path, facet_error *err)
{
    facet__lines lines;
    facet_status status = facet__lines_open(path, &lines, err);

    while (status == FACET_OK && facet__lines_next(&lines, ',')) {
        facet_pair pair = { .line = (uint32_t)lines.line };

        if (lines.n_fields < 2) {
            status =
                facet__lines_fail(&lines, err, "want `template, template`");
            break;
        }
        pair.a = facet__names_find(&t->templates, lines.fields[0]);
        pair.b = facet__names_find(&t->templates, lines.fields[1]);
        if (pair.a == UINT32_MAX || pair.b == UINT32_MAX) {
            status =
                facet__lines_fail(&lines, err, "template %.40s is in no table",
                    lines.fields[pair.a == UINT32_MAX ? 0 : 1]);
            break;
        }
        pair.mated = t->builder.protocol.templates[pair.a].subject ==
                     t->builder.protocol.templates[pair.b].subject;
        status = facet__lines_explain(
            &lines, facet__builder_pair(&t->builder, pair), err);
    }
    facet__lines_close(&lines);
    return status;
}

/* Identification counts on one gallery template for a subject. */
static facet_status check_gallery(
    const facet__builder *b, const char *path, facet_error *err)
{
    uint32_t *lines = facet__calloc(b->subjects.count, sizeof *lines);
    facet_status status = FACET_OK;

    if (!lines)
        return facet__fail_memory(err);
    for (size_t i = 0; i < b->protocol.n_gallery && status == FACET_OK; i++) {
        const facet_entry *at = &b->protocol.gallery[i];
        uint32_t *line =
            &lines[b->protocol.templates[at->template_index].subject];

        if (*line)
            status = facet__fail(err, FACET_EDAMAGED,
                "%.80s, line %u: the subject has a template in line %u "
                "already",
                path, at->line, *line);
        *line = at->line;
    }
    facet__free(lines);
    return status;
}

facet_status facet_protocol_read_ijb(const char *const *metadata,
    size_t n_metadata, const char *matches, const char *gallery,
    const char *probes, const facet_protocol_opts *opts, facet_protocol *out,
    facet_error *err)
{
    static const bool is_gallery = false, is_probe = true;
    ijb t = { .templates = { 0 } };
    facet_status status = facet__builder_init(&t.builder, opts, out, err);

    if (status == FACET_OK && !gallery != !probes)
        status = facet__fail(
            err, FACET_EINVAL, "a gallery needs probes, and probes a gallery");
    for (size_t i = 0; status == FACET_OK && i < n_metadata; i++)
        status = ijb_table(&t, metadata[i], NULL, err);
    if (status == FACET_OK && gallery)
        status = ijb_table(&t, gallery, &is_gallery, err);
    if (status == FACET_OK && gallery)
        status = check_gallery(&t.builder, gallery, err);
    if (status == FACET_OK && probes)
        status = ijb_table(&t, probes, &is_probe, err);
    if (status == FACET_OK && matches)
        status = ijb_matches(&t, matches, err);
    if (status == FACET_OK)
        status = facet__builder_finish(
            &t.builder, matches ? matches : "IJB", out, err);
    facet__names_free(&t.templates);
    facet__names_free(&t.media);
    facet__builder_free(&t.builder);
    return status;
}

/* ---- CFP ---- */

enum { CFP_FOLDS = 10 };

/* Pair_list_F.txt: `number path`, paths like ../Data/Images/001/frontal/01.jpg;
 * the person is the folder before the last. */
static facet_status cfp_pictures(
    facet__builder *builder, const char *path, facet_error *err)
{
    facet__lines lines;
    facet_status status = facet__lines_open(path, &lines, err);
    uint32_t place = 0;

    while (status == FACET_OK && facet__lines_next(&lines, ' ')) {
        char person[64];
        const char *images, *file;
        uint32_t number, ignored;

        if (lines.n_fields != 2 ||
            !facet__number(lines.fields[0], UINT32_MAX, &number) ||
            !(images = strstr(lines.fields[1], "Images/")) ||
            sscanf(images, "Images/%63[^/]", person) != 1) {
            status = facet__lines_fail(
                &lines, err, "want `number .../Images/person/kind/file`");
            break;
        }
        if (number != ++place) { /* pairs mean pictures by their place */
            status = facet__lines_fail(&lines, err,
                "picture %u is number %u: put the list in order", number,
                place);
            break;
        }
        file = strstr(lines.fields[1], "Data/");
        status = facet__lines_explain(&lines,
            facet__builder_single(
                builder, file ? file : images, person, lines.line, &ignored),
            err);
    }
    facet__lines_close(&lines);
    return status;
}

/* same.txt or diff.txt: `i,j`, numbers from 1 in the two lists. */
static facet_status cfp_pairs(facet__builder *builder, const char *path,
    size_t fold, bool mated, size_t second_from, facet_error *err)
{
    facet__lines lines;
    const uint32_t last = (uint32_t)builder->protocol.n_templates;
    facet_status status = facet__lines_open(path, &lines, err);

    while (status == FACET_OK && facet__lines_next(&lines, ',')) {
        facet_pair pair = {
            .line = (uint32_t)lines.line, .fold = (uint16_t)fold, .mated = mated
        };

        if (lines.n_fields != 2 ||
            !facet__number(lines.fields[0], last, &pair.a) ||
            !facet__number(
                lines.fields[1], last - (uint32_t)second_from, &pair.b) ||
            pair.a-- == 0 || pair.b-- == 0) {
            status = facet__lines_fail(
                &lines, err, "want two numbers of listed pictures");
            break;
        }
        pair.b += (uint32_t)second_from;
        if ((builder->protocol.templates[pair.a].subject ==
                builder->protocol.templates[pair.b].subject) != mated) {
            status = facet__lines_fail(
                &lines, err, "the people of this pair contradict the file");
            break;
        }
        status = facet__lines_explain(
            &lines, facet__builder_pair(builder, pair), err);
    }
    facet__lines_close(&lines);
    return status;
}

facet_status facet_protocol_read_cfp(const char *root, bool profile,
    const facet_protocol_opts *opts, facet_protocol *out, facet_error *err)
{
    facet__builder builder;
    char path[1024];
    size_t second_from = 0;
    facet_status status = facet__builder_init(&builder, opts, out, err);

    if (status == FACET_OK && (!root || strlen(root) > 900))
        status = facet__fail(err, FACET_EINVAL, "no folder, or too long");
    if (status == FACET_OK) {
        snprintf(path, sizeof path, "%s/Protocol/Pair_list_F.txt", root);
        status = cfp_pictures(&builder, path, err);
    }
    if (status == FACET_OK && profile) {
        second_from = builder.protocol.n_templates;
        snprintf(path, sizeof path, "%s/Protocol/Pair_list_P.txt", root);
        status = cfp_pictures(&builder, path, err);
    }
    for (size_t i = 0; status == FACET_OK && i < 2 * (size_t)CFP_FOLDS; i++) {
        snprintf(path, sizeof path, "%s/Protocol/Split/%s/%02zu/%s.txt", root,
            profile ? "FP" : "FF", i / 2 + 1, i % 2 ? "diff" : "same");
        status = cfp_pairs(&builder, path, i / 2, i % 2 == 0, second_from, err);
    }
    if (status == FACET_OK)
        status = facet__builder_finish(&builder, root, out, err);
    facet__builder_free(&builder);
    return status;
}
