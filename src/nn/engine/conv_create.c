/* SPDX-License-Identifier: Apache-2.0 */
/* conv_create.c - filters to packed filters, BatchNorm folded in.
 *
 * A BatchNormalization after a convolution is a factor and a shift of each
 * output channel; both disappear into the filters and the bias. */
#include <string.h>

#include "base/alloc.h"
#include "nn/engine/conv_params.h"
#include "nn/engine/kernels.h"
#include "nn/graph.h"

static float factor_of(const facet__filters *f, size_t out)
{
    return f->factor ? f->factor[out] : 1.0f;
}

/* What one of the network's numbers is in those of `grid`: times this. */
static float per_step(facet__grid grid)
{
    return grid.step > 0.0f ? 1.0f / grid.step : 1.0f;
}

/* What the kernel multiplies by, [out][in / groups * taps]: the filters times
 * the BatchNorm's factor, or what they are in steps. */
static float *scaled_filters(
    const facet__filters *f, const facet__conv_form *form)
{
    const size_t inner = f->in / f->groups * f->kernel_h * f->kernel_w;
    float *w = facet__alloc(f->out * inner * sizeof *w);

    for (size_t o = 0; w && o < f->out; o++)
        for (size_t i = 0; i < inner; i++) {
            const float x =
                f->weight[f->transposed ? i * f->out + o : o * inner + i];

            w[o * inner + i] = form->product == FACET__I8
                                   ? (float)facet__filter_byte(x, f->steps[o])
                                   : factor_of(f, o) * x * per_step(form->out);
        }
    return w;
}

/* The tail's scale: what a sum of bytes times bytes counts. */
static float *scales(const facet__filters *f, const facet__conv_form *form)
{
    float *scale = facet__calloc(facet__panel_room(f->out), sizeof *scale);

    for (size_t o = 0; scale && o < f->out; o++)
        scale[o] =
            f->steps[o] * factor_of(f, o) * form->in.step * per_step(form->out);
    return scale;
}

/* The bias, in the numbers that are written. Bytes count from the zero of their
 * grid, which the sums do not know: what it adds is taken off here. */
static float *folded_bias(const facet__filters *f, const facet__conv_form *form,
    const float *w, const float *scale)
{
    const size_t inner = f->in / f->groups * f->kernel_h * f->kernel_w;
    float *bias = facet__calloc(facet__panel_room(f->out), sizeof *bias);

    for (size_t o = 0; bias && o < f->out; o++) {
        const float x = (f->bias ? f->bias[o] * factor_of(f, o) : 0.0f) +
                        (f->shift ? f->shift[o] : 0.0f);
        double sum = 0.0;

        for (size_t i = 0; scale && i < inner; i++)
            sum += (double)w[o * inner + i];
        bias[o] = x * per_step(form->out) + (float)form->out.zero;
        if (scale)
            bias[o] -= (float)(sum * form->in.zero * (double)scale[o]);
    }
    return bias;
}

/* The caller's tail in the numbers that are written. */
static facet_status make_tail(conv_params *p, const facet__filters *f,
    const facet__conv_form *form, const float *w)
{
    const float times = per_step(form->out), zero = (float)form->out.zero;
    facet__tail *t = &p->tail;

    if (form->product == FACET__I8) {
        t->scale = scales(f, form);
        if (!t->scale)
            return FACET_ENOMEM;
    }
    t->bias = folded_bias(f, form, w, t->scale);
    t->zero = zero;
    t->lo = t->lo * times + zero;
    t->hi = t->hi * times + zero;
    t->residual_scale = form->residual.step * times;
    t->residual_shift = -(float)form->residual.zero * t->residual_scale;
    return t->bias ? FACET_OK : FACET_ENOMEM;
}

/* [o][c][y][x] to the order in which a pixel's neighbourhood comes:
 * [o][y][x][c] from pixels, [o][y][c][x] from planes; a segment (a filter's
 * row, of all channels or of one) may be padded with a zero. */
static float *reorder(const conv_params *p, const float *w)
{
    const size_t c = p->in_group, width = p->kernel_w;
    float *t = facet__calloc(p->out * p->k, sizeof *t);

    for (size_t o = 0; t && o < p->out; o++)
        for (size_t i = 0; i < c; i++)
            for (size_t y = 0; y < p->kernel_h; y++)
                for (size_t x = 0; x < width; x++) {
                    const size_t at = p->planar ? (y * c + i) * p->segment + x
                                                : y * p->segment + x * c + i;

                    t[o * p->k + at] =
                        w[((o * c + i) * p->kernel_h + y) * width + x];
                }
    return t;
}

/* b[k][columns], given by columns. */
static void pack_matrix(
    facet__dtype type, const float *b, size_t k, size_t columns, void *to)
{
    if (type == FACET__I8)
        facet__gemm_pack_int8(b, k, columns, 1, k, to);
    else if (type == FACET__BF16)
        facet__gemm_pack_bf16(b, k, columns, 1, k, to);
    else
        facet__gemm_pack_f32(b, k, columns, 1, k, to);
}

static facet_status pack_groups(
    conv_params *p, const facet__filters *f, const float *w)
{
    const size_t columns = f->out / f->groups;
    const size_t size = facet__dtype_size(p->type);
    float *ordered = reorder(p, w);

    p->packed_count = f->groups;
    p->packed_group = facet__gemm_packed_size(p->k, columns, p->type) * size;
    p->packed = facet__alloc(p->packed_group * f->groups);
    for (size_t g = 0; ordered && p->packed && g < f->groups; g++) {
        const float *from = ordered + g * columns * p->k;
        void *to = (char *)p->packed + g * p->packed_group;

        pack_matrix(p->type, from, p->k, columns, to);
    }
    facet__free(ordered);
    return ordered && p->packed ? FACET_OK : FACET_ENOMEM;
}

static facet_status pack_depthwise(
    conv_params *p, const facet__filters *f, const float *w)
{
    const size_t taps = f->kernel_h * f->kernel_w;

    if (p->type == FACET__I8) {
        p->packed = facet__alloc(facet__depthwise_packed_size_int8(
            f->kernel_h, f->kernel_w, f->out));
        if (!p->packed)
            return FACET_ENOMEM;
        facet__depthwise_pack_int8(
            w, f->kernel_h, f->kernel_w, f->out, p->packed);
        return FACET_OK;
    }
    p->packed = facet__alloc(
        facet__depthwise_packed_size(taps, f->out) * sizeof(float));
    if (!p->packed)
        return FACET_ENOMEM;
    facet__depthwise_pack(w, taps, f->out, p->packed);
    return FACET_OK;
}

/* The sixteen matrices [in][out] of winograd.h. */
static facet_status pack_winograd(
    conv_params *p, const facet__filters *f, const float *w)
{
    const size_t inner = f->in * f->out;
    float *places =
        facet__alloc(FACET__WINOGRAD_PLACES * inner * sizeof *places);

    p->packed_count = FACET__WINOGRAD_PLACES;
    p->packed_group = facet__gemm_packed_size(f->in, f->out, p->type) *
                      facet__dtype_size(p->type);
    p->packed = facet__alloc(p->packed_group * p->packed_count);
    for (size_t i = 0; places && p->packed && i < inner; i++) {
        float u[FACET__WINOGRAD_PLACES];

        facet__winograd_filter(w + i * 9, u);
        for (size_t k = 0; k < FACET__WINOGRAD_PLACES; k++)
            places[k * inner + i] = u[k];
    }
    for (size_t k = 0; places && p->packed && k < p->packed_count; k++) {
        void *to = (char *)p->packed + k * p->packed_group;

        pack_matrix(p->type, places + k * inner, f->in, f->out, to);
    }
    facet__free(places);
    return places && p->packed ? FACET_OK : FACET_ENOMEM;
}

static facet_status pack(conv_params *p, const facet__filters *f,
    const float *w, const facet__step_class *class)
{
    return class == &facet__step_depthwise  ? pack_depthwise(p, f, w)
           : class == &facet__step_winograd ? pack_winograd(p, f, w)
                                            : pack_groups(p, f, w);
}

/* Are there enough channels to make up for the transforms? */
static bool suits_winograd(const facet__filters *f)
{
    enum { ENOUGH = 32 };

    return f->groups == 1 && f->kernel_h == 3 && f->kernel_w == 3 &&
           !f->dilated && !f->strided && f->in >= ENOUGH && f->out >= ENOUGH &&
           f->in % 2 == 0;
}

const facet__step_class *facet__conv_class(
    const facet__filters *f, const facet__tail *tail, facet__dtype product)
{
    const bool depthwise = f->groups > 1 && f->groups == f->in &&
                           f->in == f->out &&
                           f->kernel_h <= FACET__DEPTHWISE_MAX;

    if (depthwise && !tail->residual)
        return &facet__step_depthwise;
    if (product != FACET__I8 && suits_winograd(f))
        return &facet__step_winograd;
    if (f->groups == 1 && f->kernel_w > 1 && !f->dilated)
        return &facet__step_conv_rows;
    return &facet__step_conv;
}

bool facet__conv_writes_bytes(
    const facet__step_class *class, facet__dtype product)
{
    return class == &facet__step_conv || class == &facet__step_conv_rows ||
           product == FACET__I8;
}

static conv_params params_of(const facet__filters *f, const facet__tail *tail,
    const facet__conv_form *form, const facet__step_class *class)
{
    conv_params p = { .kernel_h = f->kernel_h,
        .kernel_w = f->kernel_w,
        .groups = f->groups,
        .out = f->out,
        .in_group = f->in / f->groups,
        .type = form->product,
        .padding = (uint8_t)form->in.zero,
        .tail = *tail };

    p.tail.slope = NULL;
    p.segment = p.in_group * p.kernel_w;
    if (class == &facet__step_conv_rows) {
        p.planar = f->in <= FACET__FEW_CHANNELS && p.type != FACET__I8;
        if (p.planar)
            p.segment = p.kernel_w;
        p.segment = facet__gemm_depth(p.segment, p.type);
    }
    if (class == &facet__step_winograd)
        p.segment = p.in_group;
    p.k = class == &facet__step_winograd
              ? p.in_group
              : p.segment * p.kernel_h * (p.planar ? p.in_group : 1);
    return p;
}

void *facet__conv_create(const facet__filters *f, const facet__tail *tail,
    const facet__conv_form *form, const facet__step_class *class)
{
    conv_params *p = facet__calloc(1, sizeof *p);
    float *w = scaled_filters(f, form);
    facet_status st = FACET_ENOMEM;

    if (p && w) {
        *p = params_of(f, tail, form, class);
        st = make_tail(p, f, form, w);
        if (st == FACET_OK)
            st = pack(p, f, w, class);
    }
    facet__free(w);
    if (st != FACET_OK) {
        facet__conv_free(p);
        return NULL;
    }
    p->tail.slope = tail->slope;
    return p;
}

void facet__conv_free(void *params)
{
    conv_params *p = params;

    if (!p)
        return;
    facet__free(p->packed);
    facet__free(p->tail.scale);
    facet__free(p->tail.bias);
    facet__free(p->tail.slope);
    facet__free(p);
}

size_t facet__conv_bytes(const void *params)
{
    const conv_params *p = params;

    return p->packed_group * p->packed_count;
}

bool facet__conv_is_planar(const void *params)
{
    const conv_params *p = params;

    return p->planar;
}

facet__epilogue facet__conv_epilogue(const conv_params *p, size_t column)
{
    const facet__tail *t = &p->tail;

    return (facet__epilogue){ .scale = t->scale ? t->scale + column : NULL,
        .bias = t->bias + column,
        .slope = t->slope ? t->slope + column : NULL,
        .zero = t->zero,
        .lo = t->lo,
        .hi = t->hi,
        .residual_scale = t->residual_scale,
        .residual_shift = t->residual_shift,
        .residual_first = t->residual_first };
}

void facet__conv_copy(const conv_params *p, const facet__kernels *kernels,
    const facet__view *in, const void *from, void *to, size_t count)
{
    if (!from)
        memset(to, p->padding, count * facet__dtype_size(p->type));
    else if (in->type == FACET__F32 && p->type == FACET__BF16)
        kernels->vec->narrow(from, to, count);
    else
        memcpy(to, from, count * facet__dtype_size(p->type));
}
