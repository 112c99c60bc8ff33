/* SPDX-License-Identifier: Apache-2.0 */
/* gradient.c - weaving, and the plain C twins. */
#include "nn/engine/gradient.h"

#include "nn/engine/bf16.h"

void facet__gradient_weave(const uint16_t *rows, size_t stride, size_t k,
    size_t columns, uint16_t *woven)
{
    for (size_t i = 0; i < k; i += 2) {
        const uint16_t *even = rows + i * stride;

        if (i + 1 < k) {
            const uint16_t *odd = even + stride;

            for (size_t c = 0; c < columns; c++) {
                woven[2 * c] = even[c];
                woven[2 * c + 1] = odd[c];
            }
        } else {
            for (size_t c = 0; c < columns; c++) {
                woven[2 * c] = even[c];
                woven[2 * c + 1] = 0;
            }
        }
        woven += 2 * columns;
    }
}

void facet__gradient_f32_ref(const facet__gradient_tile *t)
{
    const float *a = t->a, *b = t->b;

    for (size_t i = 0; i < t->m; i++)
        for (size_t j = 0; j < t->n; j++) {
            float sum = t->c[i * t->c_stride + j];

            for (size_t q = 0; q < t->k; q++)
                sum += a[q * t->a_stride + i] * b[q * t->b_stride + j];
            t->c[i * t->c_stride + j] = sum;
        }
}

void facet__gradient_bf16_ref(const facet__gradient_tile *t)
{
    const uint16_t *a = t->a, *b = t->b;

    for (size_t i = 0; i < t->m; i++)
        for (size_t j = 0; j < t->n; j++) {
            float sum = t->c[i * t->c_stride + j];

            for (size_t q = 0; q < 2 * t->k; q++)
                sum +=
                    facet__bf16_widen(
                        a[(q / 2 * t->a_stride + i) * 2 + q % 2]) *
                    facet__bf16_widen(b[(q / 2 * t->b_stride + j) * 2 + q % 2]);
            t->c[i * t->c_stride + j] = sum;
        }
}
