/* SPDX-License-Identifier: Apache-2.0 */
#define FACET__ROWS facet__rows_ref
#include "nn/learn/rows.inc"

const facet__row_kernels *facet__row_kernels_of(facet__cpu_level level)
{
#if defined(__x86_64__)
    if (level >= FACET__CPU_AVX512BF16)
        return &facet__rows_avx512bf16;
    if (level >= FACET__CPU_AVX512)
        return &facet__rows_avx512;
    if (level >= FACET__CPU_AVX2)
        return &facet__rows_avx2;
#else
    (void)level;
#endif
    return &facet__rows_ref;
}
