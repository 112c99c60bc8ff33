/* SPDX-License-Identifier: Apache-2.0 */
/* gemm.c - packing, and the plain C twins of the kernels. */
#include "nn/engine/gemm.h"

#include <math.h>

#include "nn/engine/bf16.h"
#include "nn/engine/byte.h"

size_t facet__gemm_depth(size_t k, facet__dtype type)
{
    const size_t step = type == FACET__I8 ? 4 : type == FACET__BF16 ? 2 : 1;

    return (k + step - 1) & ~(step - 1);
}

size_t facet__gemm_block_width(size_t columns, size_t first)
{
    return columns - first > 16 ? 32 : 16;
}

size_t facet__gemm_packed_size(size_t k, size_t columns, facet__dtype type)
{
    const size_t whole = columns / FACET__NR * FACET__NR;
    const size_t last =
        whole < columns ? facet__gemm_block_width(columns, whole) : 0;

    return facet__gemm_depth(k, type) * (whole + last);
}

void facet__gemm_pack_f32(const float *b, size_t k, size_t columns,
    size_t k_stride, size_t n_stride, float *packed)
{
    for (size_t first = 0; first < columns; first += FACET__NR) {
        const size_t width = facet__gemm_block_width(columns, first);

        for (size_t q = 0; q < k; q++)
            for (size_t n = first; n < first + width; n++)
                *packed++ = n < columns ? b[q * k_stride + n * n_stride] : 0.0f;
    }
}

void facet__gemm_pack_bf16(const float *b, size_t k, size_t columns,
    size_t k_stride, size_t n_stride, uint16_t *packed)
{
    for (size_t first = 0; first < columns; first += FACET__NR) {
        const size_t width = facet__gemm_block_width(columns, first);

        for (size_t q = 0; q < facet__gemm_depth(k, FACET__BF16); q += 2)
            for (size_t n = first; n < first + width; n++)
                for (size_t i = q; i < q + 2; i++)
                    *packed++ =
                        n < columns && i < k
                            ? facet__bf16_round(b[i * k_stride + n * n_stride])
                            : 0;
    }
}

void facet__gemm_pack_int8(const float *b, size_t k, size_t columns,
    size_t k_stride, size_t n_stride, int8_t *packed)
{
    for (size_t first = 0; first < columns; first += FACET__NR) {
        const size_t width = facet__gemm_block_width(columns, first);

        for (size_t q = 0; q < facet__gemm_depth(k, FACET__I8); q += 4)
            for (size_t n = first; n < first + width; n++)
                for (size_t i = q; i < q + 4; i++)
                    *packed++ = n < columns && i < k
                                    ? (int8_t)b[i * k_stride + n * n_stride]
                                    : 0;
    }
}

static float residual_at(const facet__epilogue *e, size_t at)
{
    if (e->residual_type == FACET__U8)
        return fmaf(((const uint8_t *)e->residual)[at], e->residual_scale,
            e->residual_shift);
    if (e->residual_type == FACET__BF16)
        return facet__bf16_widen(((const uint16_t *)e->residual)[at]);
    return ((const float *)e->residual)[at];
}

/* The sum for row i, column j of the panel, its bias added, to memory. Where
 * kernels fuse, fmaf says so: the twin of an int8 kernel gives its bytes. */
static void finish(const facet__gemm_panel *p, size_t i, size_t j, float x)
{
    const facet__epilogue *e = &p->epilogue;
    const size_t at = i * p->c_stride + j;
    const float r =
        e->residual ? residual_at(e, i * e->residual_stride + j) : 0.0f;

    if (e->residual_first)
        x += r;
    if (e->slope && x < e->zero)
        x = fmaf(x, e->slope[j], fmaf(-e->slope[j], e->zero, e->zero));
    x = e->lo > x ? e->lo : x;
    x = e->hi < x ? e->hi : x;
    if (!e->residual_first)
        x += r;
    if (p->c_type == FACET__U8)
        ((uint8_t *)p->c)[at] = facet__byte_round(x);
    else if (p->c_type == FACET__BF16)
        ((uint16_t *)p->c)[at] = facet__bf16_round(x);
    else
        ((float *)p->c)[at] = x;
}

static size_t depth(const facet__gemm_panel *p)
{
    return p->segments > 1 ? p->segments * p->k : p->k;
}

/* Where number q of the depth lies in a row of A. */
static size_t place(const facet__gemm_panel *p, size_t q)
{
    return q / p->k * p->segment_stride + q % p->k;
}

void facet__gemm_f32_ref(const facet__gemm_panel *p)
{
    const size_t width = facet__gemm_block_width(p->n, 0);
    const float *a = p->a, *b = p->b;

    for (size_t i = 0; i < p->m; i++) {
        float sum[FACET__NR] = { 0 };

        for (size_t q = 0; q < depth(p); q++)
            for (size_t j = 0; j < width; j++)
                sum[j] += a[i * p->a_stride + place(p, q)] * b[q * width + j];
        for (size_t j = 0; j < p->n; j++)
            finish(p, i, j, sum[j] + p->epilogue.bias[j]);
    }
}

void facet__gemm_bf16_ref(const facet__gemm_panel *p)
{
    const size_t width = facet__gemm_block_width(p->n, 0);
    const uint16_t *a = p->a, *b = p->b;

    for (size_t i = 0; i < p->m; i++) {
        float sum[FACET__NR] = { 0 };

        for (size_t q = 0; q < depth(p); q++)
            for (size_t j = 0; j < width; j++)
                sum[j] += facet__bf16_widen(a[i * p->a_stride + place(p, q)]) *
                          facet__bf16_widen(b[(q / 2 * width + j) * 2 + q % 2]);
        for (size_t j = 0; j < p->n; j++)
            finish(p, i, j, sum[j] + p->epilogue.bias[j]);
    }
}

void facet__gemm_int8_ref(const facet__gemm_panel *p)
{
    const facet__epilogue *e = &p->epilogue;
    const size_t width = facet__gemm_block_width(p->n, 0);
    const uint8_t *a = p->a;
    const int8_t *b = p->b;

    for (size_t i = 0; i < p->m; i++) {
        int32_t sum[FACET__NR] = { 0 };

        for (size_t q = 0; q < depth(p); q++)
            for (size_t j = 0; j < width; j++)
                sum[j] += a[i * p->a_stride + place(p, q)] *
                          b[(q / 4 * width + j) * 4 + q % 4];
        for (size_t j = 0; j < p->n; j++)
            finish(p, i, j, fmaf((float)sum[j], e->scale[j], e->bias[j]));
    }
}
