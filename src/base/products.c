/* SPDX-License-Identifier: Apache-2.0 */
/* products.c - the specification of the kernels, and the choice of one. */
#include "base/products.h"

#include <string.h>

#include "base/cpu.h"

enum { ROWS = FACET__PRODUCT_ROWS, COLUMNS = FACET__PRODUCT_COLUMNS };

void facet__products_ref(const float *restrict a, const float *restrict b,
    size_t dim, float *restrict out)
{
    memset(out, 0, ROWS * COLUMNS * sizeof *out);
    for (size_t k = 0; k < dim; k++, a += ROWS, b += COLUMNS)
        for (size_t row = 0; row < ROWS; row++)
            for (size_t column = 0; column < COLUMNS; column++)
                out[row * COLUMNS + column] += a[row] * b[column];
}

void facet__products_pack(const float *rows, const uint32_t *order,
    size_t count, size_t dim, size_t width, float *out)
{
    const size_t panels = (count + width - 1) / width;

    for (size_t i = 0; i < panels * width; i++) {
        const float *row = rows + (order && i < count ? order[i] : i) * dim;
        float *panel = out + i / width * width * dim + i % width;

        for (size_t k = 0; k < dim; k++)
            panel[k * width] = i < count ? row[k] : 0.0F;
    }
}

facet__products *facet__products_pick(void)
{
    const facet__cpu_level level = facet__cpu_level_get();

    if (level >= FACET__CPU_AVX512)
        return facet__products_avx512;
    if (level >= FACET__CPU_AVX2)
        return facet__products_avx2;
    return facet__products_ref;
}
