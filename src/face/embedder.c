/* SPDX-License-Identifier: Apache-2.0 */
/* embedder.c - aligned crops through the network, vectors of length 1 out. */
#include "facet/embedder.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "face/contract.h"
#include "face/input.h"
#include "face/settings.h"

enum { MAX_BATCH = 256 };

struct facet_embedder {
    const facet_model *model; /* borrowed */
    facet_settings settings;
    facet__input input;
    facet_session *session;
    facet_contract contract;
    size_t dim, batch, output;
    size_t planned; /* crops that the session is planned for */
};

void facet_embedder_opts_init(facet_embedder_opts *opts)
{
    if (opts)
        *opts = (facet_embedder_opts){
            .size = sizeof *opts, .batch = 8, .threads = 1
        };
}

/* Plan the session for `batch` crops; how many numbers the last output then
 * has. */
static facet_status reshape(
    facet_embedder *e, size_t batch, int64_t *count, facet_error *err)
{
    facet_tensor_info info;
    int64_t dims[4];
    facet_status st;

    facet__input_dims(
        &e->input, (int64_t)batch, e->settings.height, e->settings.width, dims);
    e->planned = 0;
    st = facet_session_reshape(e->session, dims, err);
    if (st != FACET_OK)
        return st;
    if (!facet_session_output(e->session, e->output, &info))
        return facet__fail(err, FACET_EMODEL, "the network has no output");
    *count = facet__info_count(&info);
    return FACET_OK;
}

static facet_status plan(facet_embedder *e, size_t batch, facet_error *err)
{
    int64_t count = 0;
    facet_status st;

    if (e->planned == batch)
        return FACET_OK;
    st = reshape(e, batch, &count, err);
    if (st == FACET_OK && count != (int64_t)(batch * e->dim))
        st = facet__fail(err, FACET_EMODEL,
            "the network gives %lld numbers for %zu crops and %zu for one: its "
            "answers cannot be told apart",
            (long long)count, batch, e->dim);
    if (st == FACET_OK)
        e->planned = batch;
    return st;
}

/* The length of the last output for one crop. */
static facet_status find_dim(facet_embedder *e, facet_error *err)
{
    int64_t count = 0;
    facet_status st;

    e->output = facet_model_output_count(e->model) - 1;
    st = reshape(e, 1, &count, err);
    if (st != FACET_OK)
        return st;
    if (count < 2 || count > 65536)
        return facet__fail(err, FACET_EMODEL,
            "the network gives %lld numbers a crop: no embedding",
            (long long)count);
    e->dim = (size_t)count;
    return FACET_OK;
}

static facet_status take_settings(
    facet_embedder *e, const facet_embedder_opts *o, facet_error *err)
{
    facet_tensor_info info;
    facet_status st;

    if (!o->settings) {
        st = facet_settings_read(e->model, &e->settings, err);
    } else {
        facet_settings_init(&e->settings);
        st = facet__options_take(&e->settings, sizeof e->settings, o->settings,
            "facet_settings_init", err);
        if (st == FACET_OK)
            st = facet__settings_check(&e->settings, err);
    }
    if (st == FACET_OK && e->settings.task != FACET_TASK_EMBEDDER)
        st = facet__fail(err, FACET_EMODEL,
            "the network is no embedder that facet knows: facet model import "
            "says how one is fed");
    if (st == FACET_OK)
        st = facet__input_only(e->model, &info, err);
    if (st == FACET_OK)
        st = facet__settings_fit(&e->settings, &info, err);
    return st == FACET_OK ? facet__input_of(&info, &e->input, err) : st;
}

static facet_status open(
    facet_embedder *e, const facet_embedder_opts *o, facet_error *err)
{
    facet_session_opts session_opts;
    facet_status st;

    if (o->batch < 1 || o->batch > MAX_BATCH)
        return facet__fail(err, FACET_EINVAL, "embedder: batch is %zu, 1 to %d",
            o->batch, MAX_BATCH);
    e->batch = o->batch;
    st = take_settings(e, o, err);
    facet_session_opts_init(&session_opts);
    session_opts.threads = o->threads;
    if (st == FACET_OK)
        st = facet_session_create(e->model, &session_opts, &e->session, err);
    if (st == FACET_OK && e->input.batch > 0)
        e->batch = (size_t)e->input.batch;
    if (st == FACET_OK)
        st = find_dim(e, err);
    if (st == FACET_OK)
        e->contract = facet__contract_of(o->detector, e->model, &e->settings);
    return st;
}

facet_status facet_embedder_create(const facet_model *model,
    const facet_embedder_opts *opts, facet_embedder **out, facet_error *err)
{
    facet_embedder_opts o;
    facet_embedder *e;
    facet_status st;

    if (!model || !out)
        return facet__fail(err, FACET_EINVAL, "embedder: an argument is NULL");
    *out = NULL;
    facet_embedder_opts_init(&o);
    st = facet__options_take(
        &o, sizeof o, opts, "facet_embedder_opts_init", err);
    if (st != FACET_OK)
        return st;
    e = facet__calloc(1, sizeof *e);
    if (!e)
        return facet__fail_memory(err);
    e->model = model;
    st = open(e, &o, err);
    if (st != FACET_OK) {
        facet_embedder_free(e);
        return st;
    }
    *out = e;
    return FACET_OK;
}

void facet_embedder_free(facet_embedder *e)
{
    if (!e)
        return;
    facet_session_free(e->session);
    facet__free(e);
}

size_t facet_embedder_dim(const facet_embedder *e)
{
    return e ? e->dim : 0;
}

const facet_settings *facet_embedder_settings(const facet_embedder *e)
{
    return e ? &e->settings : NULL;
}

facet_contract facet_embedder_contract(const facet_embedder *e)
{
    return e ? e->contract : (facet_contract){ { 0 } };
}

size_t facet_embedder_memory(const facet_embedder *e)
{
    return e ? facet_session_memory(e->session) : 0;
}

/* Scale to length 1, sums in double. */
static facet_status normalize(
    const float *from, size_t dim, float *to, facet_error *err)
{
    double sum = 0.0;

    for (size_t i = 0; i < dim; i++)
        sum += (double)from[i] * (double)from[i];
    if (!(sum > 1e-24) || !isfinite(sum))
        return facet__fail(err, FACET_EMODEL,
            "the network answered with zeros or with numbers that are not "
            "finite");
    for (size_t i = 0; i < dim; i++)
        to[i] = (float)((double)from[i] / sqrt(sum));
    return FACET_OK;
}

static facet_status run_batch(facet_embedder *e,
    const facet_image *const *crops, size_t count, float *values,
    facet_error *err)
{
    const size_t floats =
        (size_t)e->settings.width * (size_t)e->settings.height * 3;
    const float *raw;
    facet_status st = plan(e, count, err);

    for (size_t i = 0; i < count && st == FACET_OK; i++) {
        if (!crops[i] || crops[i]->width != e->settings.width ||
            crops[i]->height != e->settings.height)
            return facet__fail(err, FACET_EINVAL,
                "a crop of %d x %d pixels, and the network wants %d x %d: "
                "align with its template%s%s",
                crops[i] ? crops[i]->width : 0, crops[i] ? crops[i]->height : 0,
                e->settings.width, e->settings.height,
                *e->settings.align.name ? ", " : "", e->settings.align.name);
        facet__input_fill(&e->input, &e->settings, facet__image_view(crops[i]),
            0, 0, e->settings.width, e->settings.height,
            facet_session_input(e->session, 0) + i * floats);
    }
    if (st == FACET_OK)
        st = facet_session_run(e->session, err);
    raw = st == FACET_OK ? facet_session_output(e->session, e->output, NULL)
                         : NULL;
    for (size_t i = 0; i < count && st == FACET_OK; i++)
        st = normalize(raw + i * e->dim, e->dim, values + i * e->dim, err);
    return st;
}

facet_status facet_embedder_run(facet_embedder *e,
    const facet_image *const *crops, size_t count, float *values,
    facet_error *err)
{
    facet_status st = FACET_OK;

    if (!e || (count > 0 && (!crops || !values)))
        return facet__fail(err, FACET_EINVAL, "embedder: an argument is NULL");
    /* whole batches, then crop by crop: two plans, never one for every count */
    for (size_t i = 0; i < count && st == FACET_OK;) {
        const size_t n = count - i >= e->batch ? e->batch : 1;

        st = run_batch(e, crops + i, n, values + i * e->dim, err);
        i += n;
    }
    return st;
}

facet_status facet_embedding_compare(const facet_embedding *a,
    const facet_embedding *b, float *similarity, facet_error *err)
{
    double dot = 0.0, aa = 0.0, bb = 0.0;

    if (similarity)
        *similarity = 0.0F;
    if (!a || !b || !similarity || !a->values || !b->values || a->dim == 0)
        return facet__fail(
            err, FACET_EINVAL, "compare: an argument is NULL or empty");
    if (a->dim != b->dim ||
        memcmp(a->contract.id, b->contract.id, sizeof a->contract.id) != 0)
        return facet__fail(err, FACET_ECONTRACT,
            "the embeddings were made in different ways (detector, alignment, "
            "network): make both with one pipeline");
    for (size_t i = 0; i < a->dim; i++) {
        dot += (double)a->values[i] * (double)b->values[i];
        aa += (double)a->values[i] * (double)a->values[i];
        bb += (double)b->values[i] * (double)b->values[i];
    }
    if (!(fabs(aa - 1.0) < 1e-3) || !(fabs(bb - 1.0) < 1e-3))
        return facet__fail(
            err, FACET_EINVAL, "compare: an embedding is not of length 1");
    *similarity = (float)fmin(fmax(dot, -1.0), 1.0);
    return FACET_OK;
}
