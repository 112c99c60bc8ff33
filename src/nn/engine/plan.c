/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - a program fitted to input shapes.
 *
 * Every slot gets a place in one arena (arena.h) for the steps between which it
 * matters. Inputs and outputs live all the time. */
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/engine/arena.h"
#include "nn/engine/program.h"

struct facet__plan {
    const facet__program *program;
    facet__fact *facts;
    facet__view *views;     /* [n_slots] */
    facet__block *blocks;   /* [n_slots] */
    facet__window *windows; /* [n_steps] */
    char *arena;
    size_t arena_bytes;
    facet__run run;
};

static int root_of(const facet__program *p, int slot)
{
    while (p->slots[slot].alias_of != FACET__NONE)
        slot = p->slots[slot].alias_of;
    return slot;
}

static facet_status view_slots(facet__plan *plan, facet_error *err)
{
    const facet__program *p = plan->program;

    for (int s = 0; s < p->n_slots; s++) {
        const facet__slot *slot = &p->slots[s];
        const facet__fact *fact = &plan->facts[slot->value];

        if (facet__shape_count(&fact->shape) < 0)
            return facet__fail(err, FACET_EMODEL,
                "the shape of '%.80s' cannot be told from the input shapes",
                p->graph->values[slot->value].name);
        plan->views[s] =
            (facet__view){ NULL, slot->type, slot->layout, fact->shape };
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
        const facet__attr *kernel;
        int64_t size[2];
        facet_status st;

        if (!step->windowed)
            continue;
        node = &p->graph->nodes[step->node];
        in = &plan->views[step->in[0]].shape;
        kernel = facet__node_attr(node, "kernel_shape");
        for (int k = 0; k < 2; k++)
            size[k] = kernel ? kernel->ints[k]
                             : p->graph->values[node->in[1]].shape.d[k + 2];
        st = facet__window_of(node, &in->d[2], size, &plan->windows[i], err);
        if (st != FACET_OK)
            return st;
    }
    return FACET_OK;
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
    for (int k = 0; k < p->graph->n_inputs; k++) {
        facet__block_touch(&plan->blocks[p->inputs[k]], -1);
        facet__block_touch(&plan->blocks[p->inputs[k]], end);
    }
    for (int k = 0; k < p->graph->n_outputs; k++)
        facet__block_touch(&plan->blocks[root_of(p, p->outputs[k])], end);
    for (int s = 0; s < p->n_slots; s++)
        if (p->slots[s].constant)
            plan->blocks[s].used = false;
}

/* An elementwise step may write over its input when nobody reads that later:
 * then the output's bytes are the input's. */
static void share_in_place(facet__plan *plan, int *shared)
{
    const facet__program *p = plan->program;

    for (int i = 0; i < p->n_steps; i++) {
        const facet__step *step = &p->steps[i];
        facet__block *in, *out;
        int from, to;

        if (!step->class->in_place)
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

static void size_scratch(facet__plan *plan)
{
    const facet__program *p = plan->program;

    for (int i = 0; i < p->n_steps; i++) {
        const facet__step *step = &p->steps[i];
        size_t need;

        plan->run.window = &plan->windows[i];
        if (!step->class->scratch)
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
        plan->views[s].data = p->slots[root].constant
                                  ? p->slots[root].constant->data
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
    plan->windows =
        facet__calloc((size_t)program->n_steps, sizeof *plan->windows);
    plan->run = (facet__run){
        .kernels = program->kernels, .views = plan->views, .pool = pool
    };
    if (!plan->views || !plan->blocks || !plan->windows)
        st = facet__fail_memory(err);
    if (st == FACET_OK)
        st = facet__infer(program->graph, shapes, false, &plan->facts, err);
    if (st == FACET_OK)
        st = view_slots(plan, err);
    if (st == FACET_OK)
        st = fit_windows(plan, err);
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

static void run_step(facet__plan *plan, int i)
{
    const facet__step *step = &plan->program->steps[i];

    plan->run.window = &plan->windows[i];
    if (!step->class->alias)
        step->class->run(step, &plan->run);
}

void facet__plan_run(facet__plan *plan)
{
    for (int i = 0; i < plan->program->n_steps; i++)
        run_step(plan, i);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void facet__plan_profile(facet__plan *plan, double *seconds)
{
    for (int i = 0; i < plan->program->n_steps; i++) {
        const double begin = now();

        run_step(plan, i);
        seconds[i] += now() - begin;
    }
}
