/* SPDX-License-Identifier: Apache-2.0 */
/* step_local.c - locally connected layers: a matrix product a position.
 *
 * What one position sees of all images is the left matrix, a row an image; it
 * is read where it lies, a stretch of the depth for each row of the window. The
 * right one is that position's filters, [k][out] in the graph. Each filter is
 * read once a run and used once an image, so a single image waits for memory
 * and only a batch for arithmetic (docs/design/local-layers.md). */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/engine/compiler.h"
#include "nn/engine/gemm.h"
#include "nn/engine/step.h"

typedef struct local_params {
    size_t kernel_h, line; /* line: depth of one row of the window */
    size_t out;
    bool bf16;
    /* A position's filters, packed; the graph's own where those are packed as
     * they stand. */
    const void *filters;
    size_t filter_bytes; /* of a position */
    void *owned;         /* filters, or NULL */
    float *bias;         /* [positions][out] and room for a panel */
} local_params;

typedef struct local_run {
    const facet__step *step;
    const facet__run *run;
} local_run;

static void multiply(
    const local_run *t, const local_params *p, size_t y, size_t x)
{
    const facet__view *in = facet__in(t->step, t->run, 0);
    const facet__view *out = facet__out(t->step, t->run, 0);
    const facet__window *w = t->run->window;
    const size_t channels = facet__view_c(in), width = facet__view_w(in);
    const size_t position = y * facet__view_w(out) + x;
    const size_t places = facet__view_h(out) * facet__view_w(out);
    const size_t first = y * (size_t)w->stride[0] * width * channels +
                         x * (size_t)w->stride[1] * channels;
    const size_t element = p->bf16 ? 2 : 4;
    const char *filters = (const char *)p->filters + position * p->filter_bytes;

    for (size_t n = 0; n < p->out; n += FACET__NR) {
        const facet__gemm_panel panel = { .a = facet__view_at(in, first),
            .a_stride = facet__view_h(in) * width * channels,
            .m = facet__view_n(in),
            .k = p->line,
            .segments = p->kernel_h,
            .segment_stride = width * channels,
            .b = filters + n * p->kernel_h * p->line * element,
            .n = p->out - n < FACET__NR ? p->out - n : FACET__NR,
            .c = facet__view_at(out, position * p->out + n),
            .c_stride = places * p->out,
            .c_type = out->type,
            .epilogue = { .bias = p->bias + position * p->out + n,
                .lo = -INFINITY,
                .hi = INFINITY } };

        (p->bf16 ? t->run->kernels->gemm_bf16 : t->run->kernels->gemm_f32)(
            &panel);
    }
}

/* The positions of one row of the map. */
static void row_task(void *context, size_t y, int thread)
{
    const local_run *t = context;
    const size_t width = facet__view_w(facet__out(t->step, t->run, 0));

    (void)thread;
    for (size_t x = 0; x < width; x++)
        multiply(t, t->step->params, y, x);
}

static void run_local(const facet__step *step, const facet__run *run)
{
    local_run t = { step, run };

    facet__pool_run(
        run->pool, facet__view_h(facet__out(step, run, 0)), row_task, &t);
}

static void free_local(void *params)
{
    local_params *p = params;

    if (p) {
        facet__free(p->owned);
        facet__free(p->bias);
    }
    facet__free(p);
}

const facet__step_class facet__step_local = {
    .name = "local", .run = run_local, .free = free_local
};

/* making the step */

/* One whole block of columns in the order of its depth is packed already. */
static bool is_packed(const local_params *p)
{
    return !p->bf16 && (p->out == 16 || p->out == FACET__NR);
}

static facet_status pack_filters(
    local_params *p, const float *filters, size_t positions)
{
    const size_t k = p->kernel_h * p->line;

    p->filter_bytes =
        facet__gemm_packed_size(k, p->out, p->bf16 ? FACET__BF16 : FACET__F32) *
        (p->bf16 ? 2 : 4);
    if (is_packed(p)) {
        p->filters = filters;
        return FACET_OK;
    }
    p->filters = p->owned = facet__alloc(positions * p->filter_bytes);
    for (size_t i = 0; p->owned && i < positions; i++) {
        void *to = (char *)p->owned + i * p->filter_bytes;
        const float *from = filters + i * k * p->out;

        if (p->bf16)
            facet__gemm_pack_bf16(from, k, p->out, p->out, 1, to);
        else
            facet__gemm_pack_f32(from, k, p->out, p->out, 1, to);
    }
    return p->owned ? FACET_OK : FACET_ENOMEM;
}

static local_params *make_params(
    const facet__compiler *c, const facet__node *node, bool bf16)
{
    const facet__shape *f = &c->graph->values[node->in[1]].shape;
    const size_t positions = (size_t)f->d[0];
    local_params *p = facet__calloc(1, sizeof *p);
    int64_t n;
    const float *bias = facet__constant(c, facet__node_input(node, 2), &n);

    if (!p)
        return NULL;
    *p = (local_params){ .kernel_h = (size_t)f->d[1],
        .line = (size_t)(f->d[2] * f->d[3]),
        .out = (size_t)f->d[4],
        .bf16 = bf16 };
    p->bias =
        facet__calloc(facet__panel_room(positions * p->out), sizeof *p->bias);
    if (!p->bias || pack_filters(p, facet__constant(c, node->in[1], &n),
                        positions) != FACET_OK) {
        free_local(p);
        return NULL;
    }
    if (bias)
        memcpy(p->bias, bias, positions * p->out * sizeof *bias);
    return p;
}

/* Constant filters and biases that fit, and no padding? */
static bool fits(const facet__compiler *c, const facet__node *node)
{
    const facet__shape *f = &c->graph->values[node->in[1]].shape;
    const facet__shape *in = &c->facts[node->in[0]].shape;
    const facet__attr *pads = facet__node_attr(node, "pads");
    const facet__attr *dilations = facet__node_attr(node, "dilations");
    int64_t n = 0;

    if (!facet__constant(c, node->in[1], &n) || in->n != 4 || in->d[2] < 0 ||
        in->d[3] < 0 || dilations || facet__node_attr(node, "auto_pad"))
        return false;
    for (size_t i = 0; pads && i < pads->count; i++)
        if (pads->ints[i] != 0)
            return false;
    if (facet__node_input(node, 2) == FACET__NONE)
        return true;
    return facet__constant(c, node->in[2], &n) && n == f->d[0] * f->d[4];
}

facet_status facet__lower_local(facet__compiler *c, int i)
{
    const facet__node *node = &c->graph->nodes[i];
    const facet__shape *f = &c->graph->values[node->in[1]].shape;
    local_params *p;
    bool bf16;
    int in, out;

    if (!fits(c, node))
        return facet__lower_evaluate(c, i);
    bf16 = facet__map_type(c, node->in[0]) == FACET__BF16 &&
           f->d[2] * f->d[3] % 2 == 0; /* products take pairs */
    in = facet__slot_of(
        c, node->in[0], FACET__NHWC, bf16 ? FACET__BF16 : FACET__F32);
    out = facet__slot_new(
        c, node->out[0], FACET__NHWC, facet__map_type(c, node->out[0]));
    p = make_params(c, node, bf16);
    if (!p)
        return facet__fail_memory(c->err);
    return facet__emit(c, &facet__step_local, p, i, &in, 1, &out, 1);
}
