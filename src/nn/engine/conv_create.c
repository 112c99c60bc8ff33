/* SPDX-License-Identifier: Apache-2.0 */
/* conv_create.c - filters to packed filters, BatchNorm folded in.
 *
 * A BatchNormalization after a convolution is a factor and a shift of each
 * output channel; both disappear into the filters and the bias. */
#include <string.h>

#include "base/alloc.h"
#include "nn/engine/conv_params.h"
#include "nn/engine/kernels.h"

static float factor_of(const facet__filters *f, size_t out)
{
    return f->factor ? f->factor[out] : 1.0f;
}

/* The filters times the BatchNorm's factor, [out][in / groups * taps]. */
static float *scaled_filters(const facet__filters *f)
{
    const size_t inner = f->in / f->groups * f->kernel_h * f->kernel_w;
    float *w = facet__alloc(f->out * inner * sizeof *w);

    for (size_t o = 0; w && o < f->out; o++)
        for (size_t i = 0; i < inner; i++)
            w[o * inner + i] =
                factor_of(f, o) *
                f->weight[f->transposed ? i * f->out + o : o * inner + i];
    return w;
}

static float *folded_bias(const facet__filters *f)
{
    float *bias = facet__calloc(facet__panel_room(f->out), sizeof *bias);

    for (size_t o = 0; bias && o < f->out; o++)
        bias[o] = (f->bias ? f->bias[o] * factor_of(f, o) : 0.0f) +
                  (f->shift ? f->shift[o] : 0.0f);
    return bias;
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

static facet_status pack_groups(
    conv_params *p, const facet__filters *f, const float *w)
{
    const size_t columns = f->out / f->groups;
    const size_t size = p->bf16 ? 2 : 4;
    float *ordered = reorder(p, w);

    p->packed_count = f->groups;
    p->packed_group = facet__gemm_packed_size(p->k, columns, p->bf16) * size;
    p->packed = facet__alloc(p->packed_group * f->groups);
    for (size_t g = 0; ordered && p->packed && g < f->groups; g++) {
        const float *from = ordered + g * columns * p->k;
        void *to = (char *)p->packed + g * p->packed_group;

        if (p->bf16)
            facet__gemm_pack_bf16(from, p->k, columns, 1, p->k, to);
        else
            facet__gemm_pack_f32(from, p->k, columns, 1, p->k, to);
    }
    facet__free(ordered);
    return ordered && p->packed ? FACET_OK : FACET_ENOMEM;
}

static facet_status pack_depthwise(
    conv_params *p, const facet__filters *f, const float *w)
{
    const size_t taps = f->kernel_h * f->kernel_w;

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
    p->packed_group =
        facet__gemm_packed_size(f->in, f->out, p->bf16) * (p->bf16 ? 2 : 4);
    p->packed = facet__alloc(p->packed_group * p->packed_count);
    for (size_t i = 0; places && p->packed && i < inner; i++) {
        float u[FACET__WINOGRAD_PLACES];

        facet__winograd_filter(w + i * 9, u);
        for (size_t k = 0; k < FACET__WINOGRAD_PLACES; k++)
            places[k * inner + i] = u[k];
    }
    for (size_t k = 0; places && p->packed && k < p->packed_count; k++) {
        void *to = (char *)p->packed + k * p->packed_group;

        if (p->bf16)
            facet__gemm_pack_bf16(
                places + k * inner, f->in, f->out, 1, f->in, to);
        else
            facet__gemm_pack_f32(
                places + k * inner, f->in, f->out, 1, f->in, to);
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

/* Which step suits the filters. */
static const facet__step_class *class_of(
    const facet__filters *f, const facet__tail *tail)
{
    const bool depthwise = f->groups > 1 && f->groups == f->in &&
                           f->in == f->out &&
                           f->kernel_h <= FACET__DEPTHWISE_MAX;

    if (depthwise && !tail->residual)
        return &facet__step_depthwise;
    if (suits_winograd(f))
        return &facet__step_winograd;
    if (f->groups == 1 && f->kernel_w > 1 && !f->dilated)
        return &facet__step_conv_rows;
    return &facet__step_conv;
}

static conv_params params_of(const facet__filters *f, const facet__tail *tail,
    bool bf16, const facet__step_class *class)
{
    conv_params p = { .kernel_h = f->kernel_h,
        .kernel_w = f->kernel_w,
        .groups = f->groups,
        .out = f->out,
        .in_group = f->in / f->groups,
        .bf16 = bf16,
        .tail = *tail };

    p.tail.slope = NULL;
    p.segment = p.in_group * p.kernel_w;
    if (class == &facet__step_conv_rows) {
        p.planar = f->in <= FACET__FEW_CHANNELS;
        if (p.planar)
            p.segment = p.kernel_w;
        if (bf16)
            p.segment = (p.segment + 1) & ~(size_t)1;
    }
    if (class == &facet__step_winograd)
        p.segment = p.in_group;
    p.k = class == &facet__step_winograd
              ? p.in_group
              : p.segment * p.kernel_h * (p.planar ? p.in_group : 1);
    return p;
}

void *facet__conv_create(const facet__filters *f, const facet__tail *tail,
    bool bf16, const facet__step_class **class)
{
    conv_params *p = facet__calloc(1, sizeof *p);
    float *w = scaled_filters(f);
    facet_status st = FACET_ENOMEM;

    *class = class_of(f, tail);
    if (p && w) {
        *p = params_of(f, tail, bf16, *class);
        p->tail.bias = folded_bias(f);
        st = pack(p, f, w, *class);
        if (!p->tail.bias)
            st = FACET_ENOMEM;
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
