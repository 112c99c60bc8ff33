/* SPDX-License-Identifier: Apache-2.0 */
/* fuse.c - see norm.h for why.
 *
 * A sum hands its gradient on unchanged, so its terms may use the same memory:
 * along a row of residual blocks there is one gradient map, to which each block
 * adds. What a layer adds is meant for the term that it reads and for those
 * handed theirs by that term; that holds as long as everybody else who has the
 * memory has looked before. */
#include "nn/learn/fuse.h"

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

/* Is the sum `layer` the first to write to the gradient of the value? The
 * other readers then add to what it hands on. `alone`: is it the only one? */
static bool is_first(const facet__fusion *f, int layer, int value, bool alone)
{
    bool first = !f->ends[value] && f->wanted[value];

    for (int i = 0; i < f->n_layers; i++)
        for (int k = 0; k < f->layers[i].n_in; k++)
            if (f->layers[i].in[k] == value && i != layer)
                first = first && i < layer && !alone;
    return first;
}

/* Is the gradient of `value` that of `below` as well, handed down by sums? */
static bool hands_down(const facet__fusion *f, int value, int below)
{
    for (int i = 0; i < f->n_layers && below != value; i++)
        for (int k = 0; k < f->layers[i].n_in; k++)
            if (f->layers[i].same[k] && f->layers[i].in[k] == below)
                below = f->layers[i].out;
    return below == value;
}

/* What reads `value` adds to its gradient: does it all come after the last look
 * at that of `other`, which has the same memory but no part in this? */
static bool leaves_intact(const facet__fusion *f, int value, int other)
{
    const int last = last_reader(f, other);

    if (hands_down(f, value, other))
        return true;
    for (int i = 0; i < f->n_layers; i++)
        for (int k = 0; k < f->layers[i].n_in; k++)
            if (f->layers[i].in[k] == value && !f->layers[i].same[k] &&
                i >= last)
                return false;
    return true;
}

/* Let the term have the memory of its sum, unless it and those that have it
 * already would spoil one another's gradients. */
static void share(const facet__fusion *f, int layer, int input)
{
    facet__layer *l = &f->layers[layer];
    const int term = l->in[input], root = f->root[l->out];

    l->same[input] = true;
    for (int v = 0; v < f->n_values && l->same[input]; v++)
        if (f->root[v] == root)
            l->same[input] =
                leaves_intact(f, v, term) && leaves_intact(f, term, v);
    if (l->same[input])
        f->root[term] = root;
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
    /* A term that no other layer reads comes first: only it leaves room for
     * the other one. */
    lone = is_first(f, layer, l->in[1], true) ? 1 : 0;
    for (int i = 0; i < 2; i++) {
        const int input = i == 0 ? lone : 1 - lone;

        if (is_first(f, layer, l->in[input], false))
            share(f, layer, input);
    }
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
