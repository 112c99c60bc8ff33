/* SPDX-License-Identifier: Apache-2.0 */
/* loss.c - the table of losses, and what all of them share: checks at the door,
 * normalisation to the unit sphere and back, memory. */
#include "train/loss.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "train/normalize.h"

extern const facet__loss_type facet__loss_softmax, facet__loss_center,
    facet__loss_normface, facet__loss_sphereface, facet__loss_cosface,
    facet__loss_am_softmax, facet__loss_arcface, facet__loss_combined,
    facet__loss_contrastive, facet__loss_triplet, facet__loss_vgg_triplet,
    facet__loss_tpe, facet__loss_tse, facet__loss_tde, facet__loss_verify,
    facet__loss_harmonic, facet__loss_distill_cosine, facet__loss_distill_mse,
    facet__loss_detection, facet__loss_distill_detection, facet__loss_landmarks;

const facet__loss_type *const facet__loss_types[] = {
    &facet__loss_softmax,
    &facet__loss_center,
    &facet__loss_normface,
    &facet__loss_sphereface,
    &facet__loss_cosface,
    &facet__loss_am_softmax,
    &facet__loss_arcface,
    &facet__loss_combined,
    &facet__loss_contrastive,
    &facet__loss_triplet,
    &facet__loss_vgg_triplet,
    &facet__loss_tpe,
    &facet__loss_tse,
    &facet__loss_tde,
    &facet__loss_verify,
    &facet__loss_harmonic,
    &facet__loss_distill_cosine,
    &facet__loss_distill_mse,
    &facet__loss_detection,
    &facet__loss_distill_detection,
    &facet__loss_landmarks,
    NULL,
};

enum { SLOT_UNIT = 4, SLOT_ROWS = 6, SLOT_LABELS };

const facet__loss_type *facet__loss_find(const char *name)
{
    for (size_t i = 0; facet__loss_types[i]; i++)
        if (strcmp(facet__loss_types[i]->name, name) == 0)
            return facet__loss_types[i];
    return NULL;
}

void facet__loss_setup_init(
    facet__loss_setup *setup, const facet__loss_type *type, size_t dim)
{
    *setup = (facet__loss_setup){ .dim = dim };
    for (size_t i = 0; type->options && type->options[i].name; i++)
        setup->options[i] = type->options[i].value;
}

static facet_status check_setup(const facet__loss_type *type,
    const facet__loss_setup *setup, facet_error *err)
{
    if (setup->dim < 1)
        return facet__fail(
            err, FACET_EINVAL, "loss %s: dimension 0", type->name);
    if (type->needs_classes && setup->classes < 1)
        return facet__fail(err, FACET_EINVAL,
            "loss %s: the data have no labelled class", type->name);
    for (size_t i = 0; type->options && type->options[i].name; i++) {
        const facet__loss_option *o = &type->options[i];

        if (!(setup->options[i] >= o->low && setup->options[i] <= o->high))
            return facet__fail(err, FACET_EINVAL,
                "loss %s: %s = %g is not within %g to %g", type->name, o->name,
                setup->options[i], o->low, o->high);
    }
    return FACET_OK;
}

facet_status facet__loss_create(const facet__loss_type *type,
    const facet__loss_setup *setup, facet__pool *pool, facet__loss **out,
    facet_error *err)
{
    facet__loss *loss;
    facet_status st = check_setup(type, setup, err);

    *out = NULL;
    if (st != FACET_OK)
        return st;
    loss = facet__calloc(1, sizeof *loss);
    if (!loss)
        return facet__fail_memory(err);
    loss->type = type;
    loss->dim = setup->dim;
    loss->classes = setup->classes;
    loss->width = setup->width;
    loss->height = setup->height;
    loss->seed = setup->seed;
    loss->pool = pool;
    memcpy(loss->options, setup->options, sizeof loss->options);
    if (type->create && type->create(loss) != FACET_OK) {
        facet__loss_free(loss);
        return facet__fail_memory(err);
    }
    *out = loss;
    return FACET_OK;
}

void facet__loss_free(facet__loss *loss)
{
    if (!loss)
        return;
    for (size_t i = 0; i < FACET__LOSS_PARAMS; i++) {
        facet__free(loss->params[i].value);
        facet__free(loss->params[i].grad);
    }
    for (size_t i = 0; i < FACET__LOSS_SCRATCH; i++)
        facet__free(loss->scratch[i]);
    facet__free(loss);
}

void *facet__loss_scratch(
    facet__loss *loss, int slot, size_t count, size_t size)
{
    size_t bytes;

    if (!facet__mul_size(count, size, &bytes))
        return NULL;
    if (!loss->scratch[slot] || bytes > loss->scratch_bytes[slot]) {
        facet__free(loss->scratch[slot]);
        loss->scratch[slot] = facet__alloc(bytes);
        loss->scratch_bytes[slot] = loss->scratch[slot] ? bytes : 0;
    }
    return loss->scratch[slot];
}

facet_status facet__loss_param(facet__loss *loss, const char *name,
    size_t count, double deviation, bool decay)
{
    facet__param *p = &loss->params[loss->n_params];
    facet__random random =
        facet__random_stream(loss->seed, 0x10550000, loss->n_params);

    loss->n_params++;
    p->name = name;
    p->count = count;
    p->decay = decay;
    p->value = facet__calloc(count, sizeof *p->value);
    p->grad = facet__calloc(count, sizeof *p->grad);
    if (!p->value || !p->grad)
        return FACET_ENOMEM;
    for (size_t i = 0; i < count && deviation > 0; i++)
        p->value[i] = (float)(deviation * facet__random_normal(&random));
    return FACET_OK;
}

static facet_status check_batch(
    const facet__loss *loss, const facet__batch *batch, facet_error *err)
{
    const facet__loss_type *type = loss->type;

    if (type->needs_teacher && !batch->teacher)
        return facet__fail(err, FACET_EINVAL,
            "loss %s: the batch has no embeddings of a teacher", type->name);
    if (type->needs_targets && !batch->targets)
        return facet__fail(err, FACET_EINVAL,
            "loss %s: the batch has no faces to find", type->name);
    if (type->needs_labels && !batch->labels)
        return facet__fail(
            err, FACET_EINVAL, "loss %s: the batch has no labels", type->name);
    for (size_t i = 0; batch->labels && i < batch->n; i++)
        if (batch->labels[i] < -1 ||
            (type->needs_classes && batch->labels[i] >= (int32_t)loss->classes))
            return facet__fail(err, FACET_EINVAL,
                "loss %s: label %d of sample %zu is not within 0 to %zu",
                type->name, (int)batch->labels[i], i,
                loss->classes ? loss->classes - 1 : 0);
    return FACET_OK;
}

/* Run on x / |x| and take the gradient back through the division. */
static facet_status run_on_sphere(facet__loss *loss, const facet__batch *batch,
    float *dx, facet__loss_result *result)
{
    const size_t n = batch->n, d = loss->dim;
    float *unit =
        facet__loss_scratch(loss, SLOT_UNIT, n * (d + 1), sizeof *unit);
    facet__batch inner = *batch;
    facet_status st;

    if (!unit)
        return FACET_ENOMEM;
    facet__normalize_rows(batch->x, n, d, unit, unit + n * d);
    inner.x = unit;
    st = loss->type->run(loss, &inner, dx, result);
    if (st == FACET_OK && dx)
        facet__normalize_rows_back(unit, unit + n * d, n, d, dx);
    return st;
}

static facet_status run_type(facet__loss *loss, const facet__batch *batch,
    float *dx, facet__loss_result *result)
{
    return loss->type->on_unit_sphere
               ? run_on_sphere(loss, batch, dx, result)
               : loss->type->run(loss, batch, dx, result);
}

/* The samples of a batch whose label is known, in their order. */
static facet_status pick_labelled(
    facet__loss *loss, const facet__batch *batch, facet__batch *out)
{
    const size_t d = loss->dim, n = batch->n;
    float *x = facet__loss_scratch(loss, SLOT_ROWS, 2 * n * d, sizeof *x);
    int32_t *labels = facet__loss_scratch(loss, SLOT_LABELS, n, sizeof *labels);
    float *teacher = batch->teacher && x ? x + n * d : NULL;

    if (!x || !labels)
        return FACET_ENOMEM;
    *out = (facet__batch){
        .x = x, .labels = labels, .teacher = teacher, .step = batch->step
    };
    for (size_t i = 0; i < n; i++) {
        if (batch->labels[i] < 0)
            continue;
        memcpy(x + out->n * d, batch->x + i * d, d * sizeof *x);
        if (teacher)
            memcpy(teacher + out->n * d, batch->teacher + i * d,
                d * sizeof *teacher);
        labels[out->n++] = batch->labels[i];
    }
    return FACET_OK;
}

/* Gradients of the picked samples to their places in the batch, and theirs and
 * those of the parameters times `scale`; of none picked the latter are of an
 * earlier batch, and whatever they are, 0 now. */
static void put_back(facet__loss *loss, const facet__batch *batch,
    size_t picked, double scale, float *dx)
{
    const size_t d = loss->dim;
    const bool none = picked == 0;

    for (size_t i = batch->n; i-- > 0;) {
        const bool known = batch->labels[i] >= 0;

        picked -= known;
        for (size_t k = 0; k < d; k++)
            dx[i * d + k] =
                known ? (float)(scale * (double)dx[picked * d + k]) : 0.0f;
    }
    for (size_t p = 0; p < loss->n_params; p++)
        for (size_t i = 0; i < loss->params[p].count && !loss->params[p].state;
             i++)
            loss->params[p].grad[i] =
                none ? 0.0f : (float)scale * loss->params[p].grad[i];
}

static bool knows_all(const facet__loss *loss, const facet__batch *batch)
{
    bool all = true;

    for (size_t i = 0; loss->type->needs_labels && i < batch->n; i++)
        all = all && batch->labels[i] >= 0;
    return all;
}

/* A loss that asks for labels sees the samples that have one. Where it is a
 * mean over samples, one without adds nothing to the sum but counts. */
static facet_status run_labelled(facet__loss *loss, const facet__batch *batch,
    float *dx, facet__loss_result *result)
{
    facet__batch known;
    facet_status st = pick_labelled(loss, batch, &known);
    double scale;

    if (st != FACET_OK)
        return st;
    scale = loss->type->looks_at_pairs ? 1 : (double)known.n / (double)batch->n;
    if (known.n > 0)
        st = run_type(loss, &known, dx, result);
    result->value *= scale;
    if (st == FACET_OK && dx)
        put_back(loss, batch, known.n, scale, dx);
    return st;
}

facet_status facet__loss_run_part(facet__loss *loss, const facet__batch *batch,
    float *dx, facet__loss_result *result, facet_error *err)
{
    facet_status st = check_batch(loss, batch, err);

    *result = (facet__loss_result){ .terms = 0 };
    if (st != FACET_OK)
        return st;
    if (dx)
        memset(dx, 0, batch->n * loss->dim * sizeof *dx);
    if (batch->n == 0)
        return FACET_OK;
    st = knows_all(loss, batch) ? run_type(loss, batch, dx, result)
                                : run_labelled(loss, batch, dx, result);
    if (st == FACET_EMODEL)
        return facet__fail(err, st,
            "loss %s: the network's outputs are not those it needs",
            loss->type->name);
    return st == FACET_OK ? st : facet__fail_memory(err);
}

facet_status facet__loss_settle(
    facet__loss *loss, const facet__batch *whole, facet_error *err)
{
    facet__batch known = *whole;
    facet_status st = check_batch(loss, whole, err);

    if (st != FACET_OK || !loss->type->settle)
        return st;
    if (!knows_all(loss, whole))
        st = pick_labelled(loss, whole, &known);
    if (st == FACET_OK && known.n > 0)
        st = loss->type->settle(loss, &known);
    return st == FACET_OK ? st : facet__fail_memory(err);
}

facet_status facet__loss_run(facet__loss *loss, const facet__batch *batch,
    float *dx, facet__loss_result *result, facet_error *err)
{
    facet_status st = facet__loss_run_part(loss, batch, dx, result, err);

    return st == FACET_OK && dx ? facet__loss_settle(loss, batch, err) : st;
}
