/* SPDX-License-Identifier: Apache-2.0 */
/* gemm.c - packing, and the plain C twins of the kernels. */
#include "nn/engine/gemm.h"

#include "nn/engine/bf16.h"

static size_t even(size_t k)
{
    return (k + 1) & ~(size_t)1;
}

size_t facet__gemm_block_width(size_t columns, size_t first)
{
    return columns - first > 16 ? 32 : 16;
}

size_t facet__gemm_packed_size(size_t k, size_t columns, bool bf16)
{
    const size_t whole = columns / FACET__NR * FACET__NR;
    const size_t last =
        whole < columns ? facet__gemm_block_width(columns, whole) : 0;

    return (bf16 ? even(k) : k) * (whole + last);
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

        for (size_t q = 0; q < even(k); q += 2)
            for (size_t n = first; n < first + width; n++)
                for (size_t i = q; i < q + 2; i++)
                    *packed++ =
                        n < columns && i < k
                            ? facet__bf16_round(b[i * k_stride + n * n_stride])
                            : 0;
    }
}

static float load(const void *array, size_t i, bool bf16)
{
    return bf16 ? facet__bf16_widen(((const uint16_t *)array)[i])
                : ((const float *)array)[i];
}

/* Store the sum for row i, column j of the panel. */
static void finish(const facet__gemm_panel *p, size_t i, size_t j, float x)
{
    const facet__epilogue *e = &p->epilogue;
    const size_t at = i * p->c_stride + j;
    const float r = e->residual ? load(e->residual, i * e->residual_stride + j,
                                      e->residual_bf16)
                                : 0.0f;

    x += e->bias[j];
    if (e->residual_first)
        x += r;
    if (e->slope)
        x = (x > 0.0f ? x : 0.0f) + e->slope[j] * (x < 0.0f ? x : 0.0f);
    x = x > e->lo ? x : e->lo;
    x = x < e->hi ? x : e->hi;
    if (!e->residual_first)
        x += r;
    if (p->c_bf16)
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
            finish(p, i, j, sum[j]);
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
            finish(p, i, j, sum[j]);
    }
}
