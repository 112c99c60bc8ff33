/* SPDX-License-Identifier: Apache-2.0 */
/* collect.c - the automatic stages of a data set's making (Parkhi et al. 2015,
 * section 3), a name at a time.
 *
 * Departures from the paper: descriptors are embeddings, not Fisher vectors and
 * VLAD; what stays after ranking is a share, not a number; and blocks are in
 * order of the same machine's scores. The paper trains a network on what it has
 * so far to order them; fitting the machine anew on all that was kept was tried
 * and changed nothing. */
#include "facet/collect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/random.h"
#include "base/threads.h"
#include "base/unit.h"
#include "facet/cluster.h"
#include "facet/metric.h"

/* How far the cosine of two equal rows may be off 1 by rounding. */
static const double ROUNDING = 1e-6;

/* A candidate of a name. */
typedef struct member {
    uint32_t index, name;
    bool has_face;
    float score;
} member;

/* The candidates of one name: members [first, first + count), of which the
 * first `faces` have one. */
typedef struct group {
    size_t first, count, faces;
    size_t trusted; /* where its first ones begin in the list of all */
    facet_status status;
} group;

typedef struct collection {
    const facet_collect_opts *opts;
    size_t dim, count;
    float *unit;     /* [count][dim]; unset where there is no face */
    member *members; /* [count], by name */
    group *groups;
    size_t n_groups;
    uint32_t *trusted; /* [n_trusted], first ones of all names, by name */
    size_t n_trusted;
    facet_collected *out;
} collection;

void facet_collect_opts_init(facet_collect_opts *opts)
{
    *opts = (facet_collect_opts){ .size = sizeof *opts,
        .first = 50,
        .others = 5000,
        .cost = 1.0,
        .keep = 0.5,
        .duplicate = 0.03,
        .block = 200,
        .threads = 1 };
}

const char *facet_collect_stage_name(facet_collect_stage stage)
{
    static const char *const names[] = { "proposed", "no-face", "unlike",
        "duplicate" };
    const size_t index = (size_t)stage;

    return index < sizeof names / sizeof *names ? names[index] : "unknown";
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- Names ---- */

static int by_name(const void *left, const void *right)
{
    const member *a = left, *b = right;

    if (a->name != b->name)
        return a->name < b->name ? -1 : 1;
    if (a->has_face != b->has_face)
        return a->has_face ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

static int by_score(const void *left, const void *right)
{
    const member *a = left, *b = right;

    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

/* Unit rows, and members by name. */
static facet_status take_in(
    collection *c, const facet_candidates *given, facet_error *err)
{
    for (size_t i = 0; i < c->count; i++) {
        const float *row = given->embeddings + i * c->dim;
        const bool has_face = !isnan(row[0]);

        c->members[i] =
            (member){ (uint32_t)i, given->names[i], has_face, (float)NAN };
        if (has_face && !facet__to_unit(row, c->dim, c->unit + i * c->dim))
            return facet__fail(err, FACET_EINVAL,
                "the embedding of candidate %zu is zero or not finite", i);
    }
    qsort(c->members, c->count, sizeof *c->members, by_name);
    return FACET_OK;
}

/* Where each name's members begin and end. */
static facet_status part(collection *c, facet_error *err)
{
    size_t with_faces = 0;

    for (size_t i = 0; i < c->count; i++) {
        group *g = &c->groups[c->n_groups];

        if (i > 0 && c->members[i].name == c->members[i - 1].name)
            g--;
        else {
            g->first = i;
            c->n_groups++;
        }
        g->count++;
        g->faces += c->members[i].has_face;
    }
    for (size_t i = 0; i < c->n_groups; i++) {
        group *g = &c->groups[i];

        g->trusted = c->n_trusted;
        for (size_t k = 0; k < least(g->faces, c->opts->first); k++)
            c->trusted[c->n_trusted++] = c->members[g->first + k].index;
        with_faces += g->faces > 0;
    }
    if (with_faces < 2)
        return facet__fail(err, FACET_EEMPTY,
            "%zu names with a face: two at least are needed, for what shows "
            "one person is told by what does not",
            with_faces);
    return FACET_OK;
}

/* ---- Ranking ---- */

/* What a name's machine is fitted on: its own first ones, then others'. */
typedef struct sample {
    uint32_t *from;  /* [n_trusted], the candidates */
    float *rows;     /* [count][dim] */
    uint8_t *labels; /* [count] */
    size_t count;
} sample;

static void sample_free(sample *s)
{
    facet__free(s->from);
    facet__free(s->rows);
    facet__free(s->labels);
}

static facet_status draw(const collection *c, size_t name, sample *s)
{
    facet__random random = facet__random_stream(1, name, 0);
    const group *g = &c->groups[name];
    const size_t own = least(g->faces, c->opts->first);
    const size_t others = c->n_trusted - own, bytes = c->dim * sizeof *s->rows;

    s->count = own + least(others, c->opts->others);
    s->from = facet__calloc(c->n_trusted, sizeof *s->from);
    s->rows = facet__calloc(s->count, bytes);
    s->labels = facet__calloc(s->count, 1);
    if (!s->from || !s->rows || !s->labels)
        return FACET_ENOMEM;
    memcpy(s->from, c->trusted + g->trusted, own * sizeof *s->from);
    memcpy(s->from + own, c->trusted, g->trusted * sizeof *s->from);
    memcpy(s->from + own + g->trusted, c->trusted + g->trusted + own,
        (others - g->trusted) * sizeof *s->from);
    facet__random_shuffle(&random, s->from + own, others);
    for (size_t i = 0; i < s->count; i++) {
        memcpy(s->rows + i * c->dim, c->unit + s->from[i] * c->dim, bytes);
        s->labels[i] = i < own;
    }
    return FACET_OK;
}

/* Scores of a name's members; they are in order of score then. */
static facet_status rank(const collection *c, size_t name)
{
    const group *g = &c->groups[name];
    member *members = c->members + g->first;
    float *weights = facet__calloc(c->dim, sizeof *weights);
    sample s = { NULL, NULL, NULL, 0 };
    double bias = 0;
    facet_status st = weights ? draw(c, name, &s) : FACET_ENOMEM;

    if (st == FACET_OK)
        st = facet_svm_fit(
            s.rows, s.labels, s.count, c->dim, c->opts->cost, weights, &bias);
    for (size_t i = 0; st == FACET_OK && i < g->faces; i++) {
        const float *x = c->unit + members[i].index * c->dim;
        double score = bias;

        for (size_t k = 0; k < c->dim; k++)
            score += (double)weights[k] * (double)x[k];
        members[i].score = (float)score;
    }
    sample_free(&s);
    facet__free(weights);
    if (st == FACET_OK)
        qsort(members, g->faces, sizeof *members, by_score);
    return st;
}

/* ---- Near duplicates ---- */

/* Labels of the best `kept` members: groups in which every two are near
 * duplicates, numbered in order of their best. */
static facet_status find_duplicates(
    const collection *c, const member *members, size_t kept, uint32_t *labels)
{
    float *rows = facet__calloc(kept, c->dim * sizeof *rows);
    const facet_cluster_faces faces = {
        .embeddings = rows, .count = kept, .dim = c->dim
    };
    facet_cluster_opts opts;
    facet_status st;

    if (!rows)
        return FACET_ENOMEM;
    for (size_t i = 0; i < kept; i++)
        memcpy(rows + i * c->dim, c->unit + members[i].index * c->dim,
            c->dim * sizeof *rows);
    facet_cluster_opts_init(&opts);
    opts.method = FACET_CLUSTER_COMPLETE;
    opts.threshold = (float)(1.0 - c->opts->duplicate - ROUNDING);
    st = facet_cluster(&faces, &opts, labels, NULL, NULL);
    facet__free(rows);
    return st;
}

/* ---- A name ---- */

/* How many of a name's members stay after ranking. A share in decimals is
 * seldom a whole number of faces in binary: 0.07 of 100 are 7, not the 8 next
 * above 7.000000000000001. */
static size_t count_kept(const collection *c, const group *g)
{
    const double share = ceil(c->opts->keep * (double)g->faces - 1e-9);

    return share >= 1 ? (size_t)share : least(g->faces, 1);
}

/* What becomes of a name's members, which are in order of score. Of those that
 * share a label the first is proposed. */
static void settle(const collection *c, const group *g, size_t kept,
    const uint32_t *labels, uint32_t *best)
{
    const member *members = c->members + g->first;
    size_t n = 0; /* labels seen, and so proposed */

    for (size_t i = 0; i < g->count; i++) {
        facet_collected *out = &c->out[members[i].index];

        *out = (facet_collected){ .stage = FACET_COLLECT_PROPOSED,
            .score = members[i].score,
            .rank = (uint32_t)i };
        if (!members[i].has_face)
            out->stage = FACET_COLLECT_NO_FACE;
        else if (i >= kept)
            out->stage = FACET_COLLECT_UNLIKE;
        else if (labels && labels[i] < n) {
            out->stage = FACET_COLLECT_DUPLICATE;
            out->of = best[labels[i]];
        } else {
            out->block = (uint32_t)(n / c->opts->block);
            best[n++] = members[i].index;
        }
    }
}

static facet_status collect_name(const collection *c, size_t name)
{
    const group *g = &c->groups[name];
    const size_t kept = count_kept(c, g);
    uint32_t *labels = facet__calloc(kept, sizeof *labels);
    uint32_t *best = facet__calloc(kept, sizeof *best);
    const bool merging = c->opts->duplicate >= 0;
    facet_status st = labels && best ? FACET_OK : FACET_ENOMEM;

    if (st == FACET_OK && g->faces)
        st = rank(c, name);
    if (st == FACET_OK && merging && kept)
        st = find_duplicates(c, c->members + g->first, kept, labels);
    if (st == FACET_OK)
        settle(c, g, kept, merging ? labels : NULL, best);
    facet__free(best);
    facet__free(labels);
    return st;
}

static void task(void *context, size_t index, int thread)
{
    const collection *c = context;

    (void)thread;
    c->groups[index].status = collect_name(c, index);
}

/* ---- The whole ---- */

static facet_status check(const facet_candidates *given,
    const facet_collect_opts *o, const facet_collected *out, facet_error *err)
{
    if (!given || !given->embeddings || !given->names || !out ||
        given->dim == 0 || given->count > INT32_MAX)
        return facet__fail(
            err, FACET_EINVAL, "candidates are missing, or too many");
    if (o->first == 0 || o->others == 0 || !(o->cost > 0) || !(o->keep > 0) ||
        !(o->keep <= 1) || !(o->duplicate <= 1) || o->block == 0 ||
        o->threads < 1)
        return facet__fail(
            err, FACET_EINVAL, "an option of facet_collect is out of range");
    return FACET_OK;
}

static facet_status run(collection *c)
{
    facet__pool *pool = NULL;
    facet_status st = facet__pool_create(c->opts->threads, &pool);

    if (st != FACET_OK)
        return st;
    facet__pool_run(pool, c->n_groups, task, c);
    facet__pool_free(pool);
    for (size_t i = 0; i < c->n_groups; i++)
        if (c->groups[i].status != FACET_OK)
            return c->groups[i].status;
    return FACET_OK;
}

facet_status facet_collect(const facet_candidates *candidates,
    const facet_collect_opts *opts, facet_collected *out, facet_error *err)
{
    facet_collect_opts defaults;
    collection c = { .opts = opts, .out = out };
    facet_status st;

    facet_collect_opts_init(&defaults);
    if (!opts)
        c.opts = &defaults;
    st = check(candidates, c.opts, out, err);
    if (st != FACET_OK)
        return st;
    c.dim = candidates->dim;
    c.count = candidates->count;
    c.unit = facet__calloc(c.count, c.dim * sizeof *c.unit);
    c.members = facet__calloc(c.count, sizeof *c.members);
    c.groups = facet__calloc(c.count, sizeof *c.groups);
    c.trusted = facet__calloc(c.count, sizeof *c.trusted);
    if (!c.unit || !c.members || !c.groups || !c.trusted)
        st = facet__fail_memory(err);
    if (st == FACET_OK)
        st = take_in(&c, candidates, err);
    if (st == FACET_OK)
        st = part(&c, err);
    if (st == FACET_OK && (st = run(&c)) != FACET_OK)
        st = facet__fail_memory(err);
    facet__free(c.trusted);
    facet__free(c.groups);
    facet__free(c.members);
    facet__free(c.unit);
    return st;
}
