/* SPDX-License-Identifier: Apache-2.0 */
/* compare.c - from embeddings of files to scores of a protocol.
 *
 * A failure is a row of NaN. It stays one on the way: files without a face drop
 * out of their template, a template without files is NaN, and its comparisons
 * are -INFINITY. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "eval/builder.h"

void facet_fusion_opts_init(facet_fusion_opts *opts)
{
    *opts = (facet_fusion_opts){ sizeof *opts, FACET_FUSION_MEDIA, 100, NULL };
}

static bool failed(const float *row)
{
    return isnan(row[0]);
}

/* `sum` [dim] += row * weight */
static void add_scaled(double *sum, const float *row, double weight, size_t dim)
{
    for (size_t k = 0; k < dim; k++)
        sum[k] += (double)row[k] * weight;
}

/* What a template is fused with. */
typedef struct fuser {
    const facet_protocol *protocol;
    const float *files;
    size_t dim;
    const facet_fusion_opts *opts;
    double *sum;           /* [dim] */
    struct ranked *ranked; /* as many as the largest template */
} fuser;

typedef struct ranked {
    float quality;
    uint32_t file;
} ranked;

static const float *row_of(const fuser *f, const facet_member *member)
{
    return f->files + (size_t)member->file * f->dim;
}

/* Every file alike. Returns how many there are. */
static size_t sum_files(fuser *f, const facet_member *members, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (!failed(row_of(f, &members[i]))) {
            add_scaled(f->sum, row_of(f, &members[i]), 1, f->dim);
            n++;
        }
    return n;
}

/* Every medium alike: a file weighs one over the files of its medium. */
static size_t sum_media(fuser *f, const facet_member *members, size_t count)
{
    size_t media = 0;

    for (size_t i = 0; i < count; i++) {
        size_t n = 0;

        for (size_t j = 0; j < count; j++)
            n += members[j].medium == members[i].medium &&
                 !failed(row_of(f, &members[j]));
        if (failed(row_of(f, &members[i])))
            continue;
        add_scaled(f->sum, row_of(f, &members[i]), 1 / (double)n, f->dim);
        media++;
    }
    return media;
}

static int by_quality(const void *left, const void *right)
{
    const ranked *a = left, *b = right;

    if (a->quality != b->quality)
        return a->quality < b->quality ? 1 : -1;
    return a->file < b->file ? -1 : a->file > b->file;
}

static size_t sum_best(fuser *f, const facet_member *members, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (!failed(row_of(f, &members[i])))
            f->ranked[n++] =
                (ranked){ f->opts->quality[members[i].file], members[i].file };
    qsort(f->ranked, n, sizeof *f->ranked, by_quality);
    if (n > f->opts->best)
        n = f->opts->best;
    for (size_t i = 0; i < n; i++)
        add_scaled(
            f->sum, f->files + (size_t)f->ranked[i].file * f->dim, 1, f->dim);
    return n;
}

static void fuse_template(
    fuser *f, const facet_protocol_template *t, float *out)
{
    const facet_member *members = f->protocol->members + t->first;
    double square = 0, scale;
    size_t n;

    memset(f->sum, 0, f->dim * sizeof *f->sum);
    if (f->opts->fusion == FACET_FUSION_MEDIA)
        n = sum_media(f, members, t->count);
    else if (f->opts->fusion == FACET_FUSION_BEST)
        n = sum_best(f, members, t->count);
    else
        n = sum_files(f, members, t->count);
    for (size_t k = 0; k < f->dim; k++)
        square += f->sum[k] * f->sum[k];
    scale = f->opts->fusion == FACET_FUSION_MEAN_SIMILARITY ? (double)n
                                                            : sqrt(square);
    for (size_t k = 0; k < f->dim; k++)
        out[k] = n == 0 || square == 0 ? NAN : (float)(f->sum[k] / scale);
}

static size_t largest_template(const facet_protocol *protocol)
{
    size_t largest = 0;

    for (size_t i = 0; i < protocol->n_templates; i++)
        if (protocol->templates[i].count > largest)
            largest = protocol->templates[i].count;
    return largest;
}

facet_status facet_protocol_fuse(const facet_protocol *protocol,
    const float *files, size_t dim, const facet_fusion_opts *opts, float *out)
{
    facet_fusion_opts own;
    fuser f = { protocol, files, dim, &own, NULL, NULL };

    facet_fusion_opts_init(&own);
    if (opts)
        own = *opts;
    if (!protocol || !files || !out || dim == 0 || own.size != sizeof own ||
        (own.fusion == FACET_FUSION_BEST && (!own.quality || !own.best)))
        return FACET_EINVAL;
    f.sum = facet__calloc(dim, sizeof *f.sum);
    f.ranked = facet__calloc(largest_template(protocol), sizeof *f.ranked);
    for (size_t i = 0; f.sum && f.ranked && i < protocol->n_templates; i++)
        fuse_template(&f, &protocol->templates[i], out + i * dim);
    facet__free(f.ranked);
    facet__free(f.sum);
    return f.sum && f.ranked ? FACET_OK : FACET_ENOMEM;
}

static double product(const float *a, const float *b, size_t dim)
{
    double sum = 0;

    for (size_t k = 0; k < dim; k++)
        sum += (double)a[k] * (double)b[k];
    return isnan(sum) ? -HUGE_VAL : sum;
}

static facet_comparison comparison_of(
    const facet_protocol *protocol, const facet_pair *pair, double score)
{
    return (facet_comparison){ score, protocol->templates[pair->a].subject,
        protocol->templates[pair->b].subject, pair->fold, pair->mated };
}

facet_status facet_protocol_compare(const facet_protocol *protocol,
    const float *templates, size_t dim, facet_comparison *out)
{
    return facet_protocol_compare_across(
        protocol, templates, templates, dim, out);
}

facet_status facet_protocol_compare_across(const facet_protocol *protocol,
    const float *first, const float *second, size_t dim, facet_comparison *out)
{
    if (!protocol || !first || !second || !out || dim == 0)
        return FACET_EINVAL;
    for (size_t i = 0; i < protocol->n_pairs; i++) {
        const facet_pair *pair = &protocol->pairs[i];

        out[i] = comparison_of(protocol, pair,
            product(first + pair->a * dim, second + pair->b * dim, dim));
    }
    return FACET_OK;
}

/* The files of a template that did not fail, to draw from. */
typedef struct usable {
    const float **rows; /* as many as the largest template */
    size_t count;
} usable;

static void find_usable(const facet_protocol *protocol, uint32_t template_index,
    const float *files, size_t dim, usable *out)
{
    const facet_protocol_template *t = &protocol->templates[template_index];

    out->count = 0;
    for (size_t i = 0; i < t->count; i++) {
        const float *row =
            files + (size_t)protocol->members[t->first + i].file * dim;

        if (!failed(row))
            out->rows[out->count++] = row;
    }
}

static const float *draw(const usable *from, facet__random *random)
{
    return from->rows[facet__random_below(random, from->count)];
}

/* The mean over `frames` random pairs of files. */
static double frames_score(const usable *a, const usable *b, size_t dim,
    size_t frames, facet__random *random)
{
    double sum = 0;

    if (a->count == 0 || b->count == 0)
        return -HUGE_VAL;
    for (size_t i = 0; i < frames; i++) {
        const float *first = draw(a, random);

        sum += product(first, draw(b, random), dim);
    }
    return sum / (double)frames;
}

facet_status facet_protocol_compare_frames(const facet_protocol *protocol,
    const float *files, size_t dim, size_t frames, uint64_t seed,
    facet_comparison *out)
{
    usable a = { NULL, 0 }, b = { NULL, 0 };
    size_t room;
    bool good;

    if (!protocol || !files || !out || dim == 0 || frames == 0)
        return FACET_EINVAL;
    room = largest_template(protocol);
    a.rows = facet__calloc(room, sizeof *a.rows);
    b.rows = facet__calloc(room, sizeof *b.rows);
    good = a.rows && b.rows;
    for (size_t i = 0; good && i < protocol->n_pairs; i++) {
        const facet_pair *pair = &protocol->pairs[i];
        facet__random random = facet__random_stream(seed, i, 0);

        find_usable(protocol, pair->a, files, dim, &a);
        find_usable(protocol, pair->b, files, dim, &b);
        out[i] = comparison_of(
            protocol, pair, frames_score(&a, &b, dim, frames, &random));
    }
    facet__free(a.rows);
    facet__free(b.rows);
    return good ? FACET_OK : FACET_ENOMEM;
}

/* Where each subject is in the gallery; SIZE_MAX for those who are not. */
static size_t *gallery_places(const facet_protocol *protocol)
{
    size_t *places = facet__calloc(protocol->n_subjects, sizeof *places);

    for (size_t i = 0; places && i < protocol->n_subjects; i++)
        places[i] = SIZE_MAX;
    for (size_t i = 0; places && i < protocol->n_gallery; i++)
        places[protocol->templates[protocol->gallery[i].template_index]
                   .subject] = i;
    return places;
}

facet_status facet_protocol_search(const facet_protocol *protocol,
    const float *templates, size_t dim, facet_search *out, uint32_t *nearest)
{
    facet_status status = FACET_OK;
    float *scores;
    size_t *places;

    if (!protocol || !templates || !out || dim == 0 || protocol->n_gallery == 0)
        return FACET_EINVAL;
    scores = facet__calloc(protocol->n_gallery, sizeof *scores);
    places = gallery_places(protocol);
    if (!scores || !places)
        status = FACET_ENOMEM;
    for (size_t i = 0; status == FACET_OK && i < protocol->n_probes; i++) {
        const uint32_t probe = protocol->probes[i].template_index;
        const uint32_t subject = protocol->templates[probe].subject;
        size_t best = 0;

        for (size_t j = 0; j < protocol->n_gallery; j++) {
            scores[j] = (float)product(templates + probe * dim,
                templates + protocol->gallery[j].template_index * dim, dim);
            if (scores[j] > scores[best])
                best = j;
        }
        status = facet_search_row(
            scores, protocol->n_gallery, places[subject], &out[i]);
        out[i].subject = subject;
        if (nearest)
            nearest[i] = (uint32_t)best;
    }
    facet__free(scores);
    facet__free(places);
    return status;
}
