/* SPDX-License-Identifier: Apache-2.0 */
/* fuse.c - see norm.h for why.
 *
 * A sum hands its gradient on unchanged, so its terms may use the same memory:
 * along a row of residual blocks there is one gradient map, to which each block
 * adds. That holds as long as nobody writes to a term's gradient before those
 * that need the sum's have read it. */
#include "nn/learn/fuse.h"

#include <limits.h>

typedef struct reader {
    int layer, input, count; /* the reader nearest the network's input */
} reader;

static reader readers_of(const facet__fusion *f, int value)
{
    reader r = { FACET__NONE, 0, f->ends[value] };

    for (int i = f->n_layers - 1; i >= 0; i--)
        for (int k = 0; k < f->layers[i].n_in; k++)
            if (f->layers[i].in[k] == value)
                r = (reader){ i, k, r.count + 1 };
    return r;
}

static int maker_of(const facet__fusion *f, int value)
{
    for (int i = 0; i < f->n_layers; i++)
        if (f->layers[i].out == value)
            return i;
    return FACET__NONE;
}

static bool can(const facet__fusion *f, int layer, int input, unsigned ability)
{
    const facet__layer *l = &f->layers[layer];

    return l->class->can && (l->class->can(l, f->pass, input) & ability) != 0;
}

static void reset(const facet__fusion *f)
{
    for (int v = 0; v < f->n_values; v++)
        f->root[v] = v;
    for (int i = 0; i < f->n_layers; i++) {
        facet__layer *l = &f->layers[i];

        l->norm_out = NULL;
        l->moments_taken = l->sums_taken = l->hidden = l->passes_back = false;
        for (int k = 0; k < 8; k++) {
            l->norm_in[k] = l->reduces[k] = NULL;
            l->same[k] = false;
            l->wants[k] = k < l->n_in && f->wanted[l->in[k]];
        }
    }
}

/* gradients in place */

/* The layer that goes backward last of those that may read the gradient. */
static int last_reader(const facet__fusion *f, int value)
{
    const int maker = maker_of(f, value);

    if (maker == FACET__NONE || f->layers[maker].class != &facet__layer_norm)
        return maker;
    return maker_of(f, f->layers[maker].in[0]);
}

/* Does only the sum `layer` hand on to the value, or after it others whose
 * turn comes once `before` has been? INT_MAX: whenever. */
static bool may_share(const facet__fusion *f, int layer, int value, int before)
{
    bool may = !f->ends[value] && f->wanted[value];

    for (int i = 0; i < f->n_layers; i++)
        for (int k = 0; k < f->layers[i].n_in; k++)
            if (f->layers[i].in[k] == value && i != layer)
                may = may && i < layer && i < before;
    return may;
}

static void share(const facet__fusion *f, int layer, int input)
{
    facet__layer *l = &f->layers[layer];

    l->same[input] = true;
    f->root[l->in[input]] = f->root[l->out];
}

static void share_sum(const facet__fusion *f, int layer)
{
    const facet__layer *l = &f->layers[layer];
    const facet__view *a = &f->pass->maps[l->in[0]];
    const facet__view *b = &f->pass->maps[l->in[1]];
    int lone;

    if (l->class != &facet__layer_add || l->n_in != 2 || l->in[0] == l->in[1] ||
        a->type != b->type || !facet__shape_equal(&a->shape, &b->shape))
        return;
    lone = may_share(f, layer, l->in[1], INT_MIN) ? 1 : 0;
    if (!may_share(f, layer, l->in[lone], INT_MIN)) {
        if (may_share(f, layer, l->in[0], INT_MAX))
            share(f, layer, 0); /* the other term gets a copy at once */
        return;
    }
    share(f, layer, lone);
    if (may_share(f, layer, l->in[1 - lone], last_reader(f, l->in[lone])))
        share(f, layer, 1 - lone);
}

/* norms */

static void ask_maker(const facet__fusion *f, facet__layer *norm)
{
    const int x = norm->in[0], maker = maker_of(f, x);
    const bool statistics = norm->node->op == FACET__OP_BATCH_NORM;

    if (maker == FACET__NONE || readers_of(f, x).count != 1)
        return;
    norm->moments_taken = statistics && can(f, maker, 0, FACET__TAKES_MOMENTS);
    norm->passes_back = f->wanted[x] && can(f, maker, 0, FACET__GOES_BACK);
    if (norm->moments_taken || norm->passes_back)
        f->layers[maker].norm_out = norm;
}

static void ask_readers(const facet__fusion *f, facet__layer *norm)
{
    norm->hidden = !f->ends[norm->out];
    for (int i = 0; i < f->n_layers; i++)
        for (int k = 0; k < f->layers[i].n_in; k++)
            if (f->layers[i].in[k] == norm->out)
                norm->hidden &= can(f, i, k, FACET__READS_NORM);
    for (int i = 0; norm->hidden && i < f->n_layers; i++)
        for (int k = 0; k < f->layers[i].n_in; k++)
            if (f->layers[i].in[k] == norm->out)
                f->layers[i].norm_in[k] = norm;
}

/* Who writes the last of the gradient of what the norm makes? */
static void ask_last_writer(const facet__fusion *f, facet__layer *norm)
{
    int value = norm->out;
    reader r = readers_of(f, value);

    while (r.count == 1 && r.layer != FACET__NONE &&
           f->layers[r.layer].same[r.input]) {
        value = f->layers[r.layer].out;
        r = readers_of(f, value);
    }
    if (r.layer == FACET__NONE || f->ends[value] || !f->wanted[value] ||
        f->layers[r.layer].reduces[r.input] ||
        !can(f, r.layer, r.input, FACET__REDUCES))
        return;
    f->layers[r.layer].reduces[r.input] = norm;
    norm->sums_taken = true;
}

void facet__fuse(const facet__fusion *f)
{
    reset(f);
    if (f->apart)
        return;
    for (int i = f->n_layers - 1; i >= 0; i--)
        share_sum(f, i);
    for (int i = 0; i < f->n_layers; i++)
        if (f->layers[i].class == &facet__layer_norm &&
            f->pass->maps[f->layers[i].out].shape.n == 4) {
            ask_maker(f, &f->layers[i]);
            ask_readers(f, &f->layers[i]);
            ask_last_writer(f, &f->layers[i]);
        }
}
