/* SPDX-License-Identifier: Apache-2.0 */
/* optimizer.c - SGD, AdaGrad, Adam, AdamW, Muon.
 *
 * Every array is cut into blocks of 16 Ki elements which threads take one by
 * one; the length of the gradient is the sum of the blocks' sums in order. A
 * matrix that Muon moves is first one thread's, as a whole. So the bits do not
 * depend on the number of threads. */
#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "train/muon.h"

const char *const facet__rule_names[] = { "sgd", "adagrad", "adam", "adamw",
    "muon", NULL };

enum { BLOCK = 16384 };

/* The arrays kept for each parameter; NULL where the rule has no use for it. */
enum { FIRST, SECOND, SUM, EMA, KINDS };

typedef struct slot {
    const facet__param *param;
    facet__rule rule;
    float *direction; /* [count], of this step; NULL but for Muon */
    float *kept[KINDS];
} slot;

typedef struct block {
    uint32_t slot;
    size_t first, count;
    double square; /* of the gradient there */
} block;

struct facet__optimizer {
    facet__optimizer_setup setup;
    facet__optimizer_count count;
    facet__pool *pool;
    slot *slots; /* [n_slots] */
    size_t n_slots;
    block *blocks; /* [n_blocks] */
    size_t n_blocks;
    facet__optimizer_state *states; /* [n_states] */
    size_t n_states;
    float *scratch; /* [threads][scratch_step]; NULL without Muon */
    size_t scratch_step;
    /* The step in hand. */
    double rate, shrink;
};

void facet__optimizer_setup_init(facet__optimizer_setup *setup)
{
    *setup = (facet__optimizer_setup){
        .rule = FACET__SGD,
        .momentum = .9,
        .beta1 = .9,
        .beta2 = .999,
        .epsilon = 1e-8,
        .accumulate = 1,
    };
}

/* What is no matrix Muon leaves to AdamW. */
static facet__rule rule_for(facet__rule rule, const facet__param *param)
{
    return rule == FACET__MUON && param->rows == 0 ? FACET__ADAMW : rule;
}

static bool keeps(const facet__optimizer_setup *setup, const slot *s, int kind)
{
    const bool adam = s->rule == FACET__ADAM || s->rule == FACET__ADAMW;

    switch (kind) {
    case FIRST:
        return !s->param->state &&
               (adam || (s->rule != FACET__ADAGRAD && setup->momentum > 0));
    case SECOND:
        return !s->param->state && (adam || s->rule == FACET__ADAGRAD);
    case SUM:
        return !s->param->state && setup->accumulate > 1;
    default: /* running statistics have a running mean too */
        return setup->ema > 0;
    }
}

static facet_status make_slot(facet__optimizer *o, const facet__param *param)
{
    static const char *const names[KINDS] = { "mean", "square", "sum", "ema" };
    slot *s = &o->slots[o->n_slots++];

    s->param = param;
    s->rule = rule_for(o->setup.rule, param);
    for (int k = 0; k < KINDS; k++) {
        if (!keeps(&o->setup, s, k))
            continue;
        s->kept[k] = facet__calloc(param->count, sizeof(float));
        if (!s->kept[k])
            return FACET_ENOMEM;
        o->states[o->n_states++] = (facet__optimizer_state){
            k == FIRST && !keeps(&o->setup, s, SECOND) ? "momentum" : names[k],
            param, s->kept[k]
        };
    }
    if (s->kept[SECOND] && s->rule == FACET__ADAGRAD)
        for (size_t i = 0; i < param->count; i++)
            s->kept[SECOND][i] = (float)o->setup.accumulator;
    if (s->kept[EMA])
        memcpy(s->kept[EMA], param->value, param->count * sizeof(float));
    if (!param->state && s->rule == FACET__MUON) {
        s->direction = facet__calloc(param->count, sizeof *s->direction);
        if (!s->direction)
            return FACET_ENOMEM;
    }
    return FACET_OK;
}

static facet_status make_scratch(facet__optimizer *o)
{
    const size_t threads = (size_t)facet__pool_size(o->pool);

    for (size_t i = 0; i < o->n_slots; i++) {
        const facet__param *p = o->slots[i].param;
        const size_t needed =
            o->slots[i].direction
                ? facet__muon_scratch(p->rows, p->count / p->rows)
                : 0;

        if (needed > o->scratch_step)
            o->scratch_step = needed;
    }
    if (o->scratch_step > 0)
        o->scratch = facet__calloc(threads, o->scratch_step * sizeof(float));
    return o->scratch_step > 0 && !o->scratch ? FACET_ENOMEM : FACET_OK;
}

static size_t blocks_of(const facet__param *param)
{
    return (param->count + BLOCK - 1) / BLOCK;
}

static void make_blocks(facet__optimizer *o)
{
    block *b = o->blocks;

    for (size_t s = 0; s < o->n_slots; s++)
        for (size_t i = 0; i < blocks_of(o->slots[s].param); i++, b++) {
            const size_t left = o->slots[s].param->count - i * BLOCK;

            *b = (block){ (uint32_t)s, i * BLOCK, left < BLOCK ? left : BLOCK,
                0 };
        }
}

facet_status facet__optimizer_create(const facet__optimizer_setup *setup,
    const facet__param *params, size_t n_params, facet__pool *pool,
    facet__optimizer **out)
{
    facet__optimizer *o = facet__calloc(1, sizeof *o);
    facet_status st = FACET_OK;

    *out = NULL;
    if (!o)
        return FACET_ENOMEM;
    o->setup = *setup;
    o->pool = pool;
    for (size_t i = 0; i < n_params; i++)
        o->n_blocks += blocks_of(&params[i]);
    o->slots = facet__calloc(n_params, sizeof *o->slots);
    o->blocks = facet__calloc(o->n_blocks, sizeof *o->blocks);
    o->states = facet__calloc(n_params * KINDS, sizeof *o->states);
    if (!o->slots || !o->blocks || !o->states)
        st = FACET_ENOMEM;
    for (size_t i = 0; i < n_params && st == FACET_OK; i++)
        st = make_slot(o, &params[i]);
    if (st == FACET_OK)
        st = make_scratch(o);
    if (st != FACET_OK) {
        facet__optimizer_free(o);
        return st;
    }
    make_blocks(o);
    *out = o;
    return FACET_OK;
}

void facet__optimizer_free(facet__optimizer *o)
{
    if (!o)
        return;
    for (size_t s = 0; s < o->n_slots; s++) {
        for (int k = 0; k < KINDS; k++)
            facet__free(o->slots[s].kept[k]);
        facet__free(o->slots[s].direction);
    }
    facet__free(o->slots);
    facet__free(o->scratch);
    facet__free(o->blocks);
    facet__free(o->states);
    facet__free(o);
}

/* Gather the gradient of one block, and at the last batch measure it. */
static void gather(void *context, size_t index, int thread)
{
    facet__optimizer *o = context;
    block *b = &o->blocks[index];
    const slot *s = &o->slots[b->slot];
    const float *grad;
    float *sum;
    double square = 0;

    (void)thread;
    if (s->param->state)
        return;
    grad = s->param->grad + b->first;
    if (s->kept[SUM]) {
        sum = s->kept[SUM] + b->first;
        for (size_t i = 0; i < b->count; i++)
            sum[i] += grad[i] / (float)o->setup.accumulate;
        grad = sum;
    }
    for (size_t i = 0; i < b->count; i++)
        square += (double)grad[i] * (double)grad[i];
    b->square = square;
}

/* Where element i goes with what it still has of earlier steps in v; NULL:
 * nothing. */
static float carried(const facet__optimizer *o, float *v, size_t i, float g)
{
    const float mu = (float)o->setup.momentum;

    if (!v)
        return g;
    v[i] = mu * v[i] + g;
    return o->setup.nesterov ? g + mu * v[i] : v[i];
}

/* The rules. g has been clipped; `from` is the first element of the block. */
static void move_sgd(
    const facet__optimizer *o, float *w, float *v, const float *g, size_t n)
{
    const float rate = (float)o->rate;

    for (size_t i = 0; i < n; i++)
        w[i] -= rate * carried(o, v, i, g[i]);
}

static void move_adagrad(
    const facet__optimizer *o, float *w, float *sum, const float *g, size_t n)
{
    const float epsilon = (float)o->setup.epsilon, rate = (float)o->rate;

    for (size_t i = 0; i < n; i++) {
        sum[i] += g[i] * g[i];
        /* A weight that never had a gradient stays, also with epsilon 0. */
        if (g[i] < 0 || g[i] > 0)
            w[i] -= rate * g[i] / (sqrtf(sum[i]) + epsilon);
    }
}

static void move_adam(const facet__optimizer *o, float *w, float *mean,
    float *square, const float *g, size_t n)
{
    const double t = (double)(o->count.steps + 1);
    const float b1 = (float)o->setup.beta1, b2 = (float)o->setup.beta2;
    /* 1 - beta taken before rounding: in float .001 would lose 1e-5 of it. */
    const float c1 = (float)(1 - o->setup.beta1);
    const float c2 = (float)(1 - o->setup.beta2);
    const float fix1 = (float)(1 / (1 - pow(o->setup.beta1, t)));
    const float fix2 = (float)(1 / (1 - pow(o->setup.beta2, t)));
    const float epsilon = (float)o->setup.epsilon, rate = (float)o->rate;

    for (size_t i = 0; i < n; i++) {
        mean[i] = b1 * mean[i] + c1 * g[i];
        square[i] = b2 * square[i] + c2 * g[i] * g[i];
        w[i] -= rate * mean[i] * fix1 / (sqrtf(square[i] * fix2) + epsilon);
    }
}

static void move_muon(
    const facet__optimizer *o, float *w, const float *direction, size_t n)
{
    const float rate = (float)o->rate;

    for (size_t i = 0; i < n; i++)
        w[i] -= rate * direction[i];
}

/* A matrix moves as a whole: where to, before its blocks go. */
static void find_direction(void *context, size_t index, int thread)
{
    const facet__optimizer *o = context;
    const slot *s = &o->slots[index];
    const float *g = s->kept[SUM] ? s->kept[SUM] : s->param->grad;
    const float shrink = (float)o->shrink;

    if (!s->direction)
        return;
    for (size_t i = 0; i < s->param->count; i++)
        s->direction[i] = carried(o, s->kept[FIRST], i, shrink * g[i]);
    facet__muon_direct(s->param->rows, s->param->count / s->param->rows,
        s->direction, o->scratch + (size_t)thread * o->scratch_step);
}

/* Clip and decay: the gradient as the rules see it. */
static void prepare(const facet__optimizer *o, const slot *s, const float *g,
    float *w, float *out, size_t n)
{
    const float shrink = (float)o->shrink;
    const float decay = s->param->decay ? (float)o->setup.decay : 0;
    const bool coupled = s->rule != FACET__ADAMW && s->rule != FACET__MUON;

    for (size_t i = 0; i < n; i++)
        out[i] = shrink * g[i] + (coupled ? decay * w[i] : 0);
    if (!coupled && decay > 0)
        for (size_t i = 0; i < n; i++)
            w[i] -= (float)o->rate * decay * w[i];
}

/* At first the mean is short, or it would remember the weights of the start for
 * thousands of steps. */
static void average(const facet__optimizer *o, const slot *s, const block *b)
{
    const double t = (double)o->count.steps;
    const float keep = (float)fmin(o->setup.ema, (1 + t) / (10 + t));
    const float *w = s->param->value + b->first;

    for (size_t i = 0; s->kept[EMA] && i < b->count; i++) {
        float *mean = &s->kept[EMA][b->first + i];

        *mean = keep * *mean + (1 - keep) * w[i];
    }
}

static void move(void *context, size_t index, int thread)
{
    const facet__optimizer *o = context;
    const block *b = &o->blocks[index];
    const slot *s = &o->slots[b->slot];
    float *w = s->param->value + b->first, g[BLOCK];
    float *first = s->kept[FIRST] ? s->kept[FIRST] + b->first : NULL;
    float *second = s->kept[SECOND] ? s->kept[SECOND] + b->first : NULL;

    (void)thread;
    if (!s->param->state) {
        float *sum = s->kept[SUM] ? s->kept[SUM] + b->first : NULL;

        prepare(o, s, sum ? sum : s->param->grad + b->first, w, g, b->count);
        if (sum)
            memset(sum, 0, b->count * sizeof *sum);
        if (s->rule == FACET__SGD)
            move_sgd(o, w, first, g, b->count);
        else if (s->rule == FACET__MUON)
            move_muon(o, w, s->direction + b->first, b->count);
        else if (s->rule == FACET__ADAGRAD)
            move_adagrad(o, w, second, g, b->count);
        else
            move_adam(o, w, first, second, g, b->count);
    }
    average(o, s, b);
}

facet__step facet__optimizer_step(facet__optimizer *o, double rate)
{
    double square = 0;

    facet__pool_run(o->pool, o->n_blocks, gather, o);
    for (size_t i = 0; i < o->n_blocks; i++)
        square += o->blocks[i].square;
    if (!isfinite(square))
        return (facet__step){ false, square };
    if (++o->count.held < (uint64_t)o->setup.accumulate)
        return (facet__step){ false, sqrt(square) };
    o->count.held = 0;
    o->rate = rate;
    o->shrink = o->setup.clip > 0 && sqrt(square) > o->setup.clip
                    ? o->setup.clip / sqrt(square)
                    : 1;
    if (o->scratch)
        facet__pool_run(o->pool, o->n_slots, find_direction, o);
    facet__pool_run(o->pool, o->n_blocks, move, o);
    o->count.steps++;
    return (facet__step){ true, sqrt(square) };
}

void facet__optimizer_swap_ema(facet__optimizer *o)
{
    for (size_t s = 0; s < o->n_slots; s++) {
        float *ema = o->slots[s].kept[EMA], *w = o->slots[s].param->value;

        for (size_t i = 0; ema && i < o->slots[s].param->count; i++) {
            const float swap = w[i];

            w[i] = ema[i];
            ema[i] = swap;
        }
    }
}

size_t facet__optimizer_states(
    const facet__optimizer *o, const facet__optimizer_state **states)
{
    *states = o->states;
    return o->n_states;
}

facet__optimizer_count *facet__optimizer_counter(facet__optimizer *o)
{
    return &o->count;
}
