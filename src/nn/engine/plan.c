/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - a program fitted to input shapes.
 *
 * Every slot gets a place in one arena (arena.h) for the steps between which it
 * matters. Inputs and outputs live all the time. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "nn/engine/arena.h"
#include "nn/engine/bands.h"
#include "nn/engine/program.h"

struct facet__plan {
    const facet__program *program;
    facet__fact *facts;
    facet__view *views;     /* [n_slots] */
    facet__block *blocks;   /* [n_slots] */
    facet__window *windows; /* [n_steps] */
    char *arena;
    size_t arena_bytes;
    facet__band *bands; /* [n_steps], n_bands of them used */
    int n_bands;
    facet_error failed; /* of a run: the first step's that could not */
    facet__run run;
};

static int root_of(const facet__program *p, int slot)
{
    while (p->slots[slot].alias_of != FACET__NONE)
        slot = p->slots[slot].alias_of;
    return slot;
}

static bool is_integer(facet__dtype type)
{
    return type != 0 && type != FACET__F32;
}

static const char *maker_of(const facet__graph *g, int value)
{
    const int node = facet__graph_maker(g, value);

    return node == FACET__NONE ? "" : g->nodes[node].name;
}

static facet_status view_slots(facet__plan *plan, facet_error *err)
{
    const facet__program *p = plan->program;

    for (int s = 0; s < p->n_slots; s++) {
        const facet__slot *slot = &p->slots[s];
        const facet__fact *fact = &plan->facts[slot->value];
        const int64_t count = facet__shape_count(&fact->shape);

        if (count < 0)
            return facet__fail(err, FACET_EMODEL,
                "the shape of '%.80s' cannot be told from the input shapes",
                p->graph->values[slot->value].name);
        if (count > FACET__MOST_NUMBERS)
            return facet__fail(err, FACET_ELIMIT,
                "'%.80s' would have %lld numbers: too many for any machine",
                p->graph->values[slot->value].name, (long long)count);
        if (slot->given ? !fact->data || fact->data->type != slot->type
                        : is_integer(fact->type))
            return facet__fail(err, FACET_EUNSUPPORTED,
                "'%.80s', made by node '%.80s', holds integers that only the "
                "picture tells",
                p->graph->values[slot->value].name,
                maker_of(p->graph, slot->value));
        if (slot->layout == FACET__NHWC && fact->shape.n != 4)
            return facet__fail(err, FACET_EUNSUPPORTED,
                "'%.80s', made by node '%.80s', is no map for this input",
                p->graph->values[slot->value].name,
                maker_of(p->graph, slot->value));
        plan->views[s] = (facet__view){ NULL, slot->type, slot->layout,
            fact->shape, p->graph->values[slot->value].grid };
        plan->blocks[s] = facet__block_of(facet__view_bytes(&plan->views[s]));
    }
    return FACET_OK;
}

/* Windows of convolutions and pools for the sizes at hand. */
static facet_status fit_windows(facet__plan *plan, facet_error *err)
{
    const facet__program *p = plan->program;

    for (int i = 0; i < p->n_steps; i++) {
        const facet__step *step = &p->steps[i];
        const facet__node *node;
        const facet__shape *in;
        facet_status st;

        if (!step->windowed)
            continue;
        node = &p->graph->nodes[step->node];
        in = &plan->views[step->in[0]].shape;
        st = facet__window_of(node, &in->d[2], facet__kernel_of(p->graph, node),
            &plan->windows[i], err);
        if (st != FACET_OK)
            return st;
    }
    return FACET_OK;
}

/* What a windowed step writes is what its window makes, and what it adds on the
 * way is as large. */
static bool window_fits(const facet__step *step, const facet__run *run)
{
    const facet__shape *in = &facet__in(step, run, 0)->shape;
    const facet__shape *out = &facet__out(step, run, 0)->shape;

    return in->d[0] == out->d[0] && run->window->out[0] == out->d[2] &&
           run->window->out[1] == out->d[3] &&
           (step->n_in == 1 ||
               facet__shape_equal(&facet__in(step, run, 1)->shape, out));
}

static facet_status check_fits(facet__plan *plan, facet_error *err)
{
    const facet__program *p = plan->program;

    for (int i = 0; i < p->n_steps; i++) {
        const facet__step *step = &p->steps[i];

        plan->run.window = &plan->windows[i];
        if ((step->windowed && !window_fits(step, &plan->run)) ||
            (step->class->fits && !step->class->fits(step, &plan->run)))
            return facet__fail(err, FACET_EUNSUPPORTED,
                "node '%.80s': operands of different sizes, which were open "
                "when the network was read, are not supported in this form",
                step->node == FACET__NONE ? ""
                                          : p->graph->nodes[step->node].name);
    }
    return FACET_OK;
}

/* Cut the program into bands; on several threads each step by itself. A
 * windowed map needs only its window's bytes. */
static void find_bands(facet__plan *plan)
{
    const facet__program *p = plan->program;

    if (facet__pool_size(plan->run.pool) > 1) {
        for (int i = 0; i < p->n_steps; i++)
            plan->bands[i] = (facet__band){ .first = i, .length = 1 };
        plan->n_bands = p->n_steps;
        return;
    }
    plan->n_bands =
        facet__bands_find(p, plan->views, plan->windows, plan->bands);
    for (int b = 0; b < plan->n_bands; b++) {
        const facet__band *band = &plan->bands[b];

        for (int k = 0; k < band->length; k++) {
            const int slot = p->steps[band->first + k].out[0];
            const facet__view *view = &plan->views[slot];

            if (band->window[k] > 0)
                plan->blocks[slot].bytes =
                    band->window[k] * facet__view_w(view) *
                    facet__view_c(view) * facet__dtype_size(view->type);
        }
    }
}

static int slot_of_step(const facet__step *step, int i)
{
    return i < step->n_in ? step->in[i] : step->out[i - step->n_in];
}

/* The steps of a band take turns: what one of them touches matters from the
 * first to the last. */
static void extend_over_bands(facet__plan *plan)
{
    const facet__program *p = plan->program;

    for (int b = 0; b < plan->n_bands; b++) {
        const facet__band *band = &plan->bands[b];

        for (int k = 0; k < band->length; k++) {
            const facet__step *step = &p->steps[band->first + k];

            for (int i = 0; i < step->n_in + step->n_out; i++) {
                const int root = root_of(p, slot_of_step(step, i));

                facet__block_touch(&plan->blocks[root], band->first);
                facet__block_touch(
                    &plan->blocks[root], band->first + band->length - 1);
            }
        }
    }
}

static void note_lives(facet__plan *plan)
{
    const facet__program *p = plan->program;
    const int end = p->n_steps;

    for (int i = 0; i < p->n_steps; i++) {
        const facet__step *step = &p->steps[i];

        for (int k = 0; k < step->n_in; k++)
            facet__block_touch(&plan->blocks[root_of(p, step->in[k])], i);
        for (int k = 0; k < step->n_out; k++)
            facet__block_touch(&plan->blocks[root_of(p, step->out[k])], i);
    }
    extend_over_bands(plan);
    for (int k = 0; k < p->graph->n_inputs; k++) {
        facet__block_touch(&plan->blocks[p->inputs[k]], -1);
        facet__block_touch(&plan->blocks[p->inputs[k]], end);
    }
    for (int k = 0; k < p->graph->n_outputs; k++)
        facet__block_touch(&plan->blocks[root_of(p, p->outputs[k])], end);
    for (int s = 0; s < p->n_slots; s++)
        if (p->slots[s].given)
            plan->blocks[s].used = false;
}

/* An elementwise step may write over its input when nobody reads that later:
 * then the output's bytes are the input's. */
static void share_in_place(facet__plan *plan, int *shared)
{
    const facet__program *p = plan->program;

    for (int b = 0; b < plan->n_bands; b++) {
        const int i = plan->bands[b].first;
        const facet__step *step = &p->steps[i];
        facet__block *in, *out;
        int from, to;

        if (!step->class->in_place || plan->bands[b].length > 1)
            continue;
        from = root_of(p, step->in[0]);
        to = root_of(p, step->out[0]);
        while (shared[from] != FACET__NONE)
            from = shared[from];
        in = &plan->blocks[from];
        out = &plan->blocks[to];
        if (!in->used || in->dies != i || out->born != i ||
            in->bytes != out->bytes || from == to ||
            p->slots[from].type != p->slots[to].type)
            continue;
        in->dies = out->dies;
        out->used = false;
        shared[to] = from;
    }
}

/* A file may ask for maps without a channel or a row: steps need not think of
 * that, nor divide by it. */
static bool makes_nothing(const facet__step *step, const facet__run *run)
{
    size_t count = 0;

    for (int i = 0; i < step->n_out; i++)
        count += facet__view_count(facet__out(step, run, i));
    return count == 0;
}

static void size_scratch(facet__plan *plan)
{
    const facet__program *p = plan->program;

    for (int i = 0; i < p->n_steps; i++) {
        const facet__step *step = &p->steps[i];
        size_t need;

        plan->run.window = &plan->windows[i];
        if (!step->class->scratch || makes_nothing(step, &plan->run))
            continue;
        need = (step->class->scratch(step, &plan->run) + 127) & ~(size_t)63;
        if (need > plan->run.scratch_stride)
            plan->run.scratch_stride = need;
    }
}

static facet_status lay_out(facet__plan *plan, facet_error *err)
{
    const facet__program *p = plan->program;
    const size_t threads = (size_t)facet__pool_size(plan->run.pool);
    int *shared = facet__alloc((size_t)p->n_slots * sizeof *shared);
    facet_status st;

    if (!shared)
        return facet__fail_memory(err);
    for (int s = 0; s < p->n_slots; s++)
        shared[s] = FACET__NONE;
    find_bands(plan);
    note_lives(plan);
    share_in_place(plan, shared);
    st = facet__arena_place(
        plan->blocks, (size_t)p->n_slots, &plan->arena_bytes);
    if (st != FACET_OK)
        facet__fail_memory(err);
    size_scratch(plan);
    if (st == FACET_OK)
        plan->arena = facet__calloc(
            1, plan->arena_bytes + threads * plan->run.scratch_stride + 64);
    if (st == FACET_OK && !plan->arena)
        st = facet__fail_memory(err);
    for (int s = 0; st == FACET_OK && s < p->n_slots; s++) {
        int root = root_of(p, s);

        while (shared[root] != FACET__NONE)
            root = shared[root];
        plan->views[s].data = p->slots[root].given
                                  ? plan->facts[p->slots[root].value].data->data
                                  : plan->arena + plan->blocks[root].offset;
    }
    plan->run.scratch = plan->arena ? plan->arena + plan->arena_bytes : NULL;
    facet__free(shared);
    return st;
}

facet_status facet__plan_create(const facet__program *program,
    const facet__shape *shapes, facet__pool *pool, facet__plan **out,
    facet_error *err)
{
    const size_t slots = (size_t)program->n_slots;
    facet__plan *plan = facet__calloc(1, sizeof *plan);
    facet_status st = FACET_OK;

    *out = NULL;
    if (!plan)
        return facet__fail_memory(err);
    plan->program = program;
    plan->views = facet__calloc(slots, sizeof *plan->views);
    plan->blocks = facet__calloc(slots, sizeof *plan->blocks);
    plan->bands = facet__calloc((size_t)program->n_steps, sizeof *plan->bands);
    plan->windows =
        facet__calloc((size_t)program->n_steps, sizeof *plan->windows);
    plan->run = (facet__run){ .kernels = program->kernels,
        .views = plan->views,
        .pool = pool,
        .failed = &plan->failed };
    if (!plan->views || !plan->blocks || !plan->bands || !plan->windows)
        st = facet__fail_memory(err);
    if (st == FACET_OK)
        st = facet__infer(program->graph, shapes, 0, &plan->facts, err);
    if (st == FACET_OK)
        st = view_slots(plan, err);
    if (st == FACET_OK)
        st = fit_windows(plan, err);
    if (st == FACET_OK)
        st = check_fits(plan, err);
    if (st == FACET_OK)
        st = lay_out(plan, err);
    if (st != FACET_OK) {
        facet__plan_free(plan);
        return st;
    }
    *out = plan;
    return FACET_OK;
}

void facet__plan_free(facet__plan *plan)
{
    if (!plan)
        return;
    facet__facts_free(plan->facts, plan->program->graph->n_values);
    facet__free(plan->views);
    facet__free(plan->blocks);
    facet__free(plan->windows);
    facet__free(plan->bands);
    facet__free(plan->arena);
    facet__free(plan);
}

const facet__view *facet__plan_input(const facet__plan *plan, size_t index)
{
    return &plan->views[plan->program->inputs[index]];
}

const facet__view *facet__plan_output(const facet__plan *plan, size_t index)
{
    return &plan->views[plan->program->outputs[index]];
}

size_t facet__plan_bytes(const facet__plan *plan)
{
    return plan->arena_bytes +
           (size_t)facet__pool_size(plan->run.pool) * plan->run.scratch_stride;
}

static void run_band(facet__plan *plan, const facet__band *band)
{
    const facet__step *step = &plan->program->steps[band->first];

    plan->run.window = &plan->windows[band->first];
    if (band->length > 1)
        facet__band_run(
            plan->program, band, plan->windows, plan->views, &plan->run);
    else if (!step->class->alias && !makes_nothing(step, &plan->run))
        step->class->run(step, &plan->run);
}

static facet_status tell_failure(const facet__plan *plan, facet_error *err)
{
    return plan->failed.code == FACET_OK
               ? FACET_OK
               : facet__fail(err, plan->failed.code, "%s", plan->failed.msg);
}

facet_status facet__plan_run(facet__plan *plan, facet_error *err)
{
    plan->failed = (facet_error){ FACET_OK, "" };
    for (int b = 0; b < plan->n_bands && plan->failed.code == FACET_OK; b++)
        run_band(plan, &plan->bands[b]);
    return tell_failure(plan, err);
}

facet_status facet__plan_profile(
    facet__plan *plan, double *seconds, facet_error *err)
{
    plan->failed = (facet_error){ FACET_OK, "" };
    for (int b = 0; b < plan->n_bands && plan->failed.code == FACET_OK; b++) {
        const double begin = facet__clock();

        run_band(plan, &plan->bands[b]);
        seconds[plan->bands[b].first] += facet__clock() - begin;
    }
    return tell_failure(plan, err);
}
