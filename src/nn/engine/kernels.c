/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/engine/kernels.h"

static const facet__kernels tables[] = {
    { FACET__CPU_BASELINE, facet__gemm_f32_ref, NULL, facet__gemm_int8_ref,
        facet__depthwise_ref, facet__depthwise_ref, facet__depthwise_int8_ref,
        &facet__vec_ref, facet__gradient_f32_ref, facet__gradient_bf16_ref,
        &facet__winograd_ref },
#if defined(__x86_64__)
    { FACET__CPU_AVX2, facet__gemm_f32_avx2, NULL, facet__gemm_int8_ref,
        facet__depthwise_ref, facet__depthwise_ref, facet__depthwise_int8_ref,
        &facet__vec_avx2, facet__gradient_f32_ref, facet__gradient_bf16_ref,
        &facet__winograd_avx2 },
    { FACET__CPU_AVX512, facet__gemm_f32_avx512, NULL, facet__gemm_int8_avx512,
        facet__depthwise_f32_avx512, facet__depthwise_ref,
        facet__depthwise_int8_avx512, &facet__vec_avx512,
        facet__gradient_f32_avx512, facet__gradient_bf16_ref,
        &facet__winograd_avx512 },
    { FACET__CPU_AVX512BF16, facet__gemm_f32_avx512,
        facet__gemm_bf16_avx512bf16, facet__gemm_int8_avx512,
        facet__depthwise_f32_avx512, facet__depthwise_bf16_avx512bf16,
        facet__depthwise_int8_avx512, &facet__vec_avx512bf16,
        facet__gradient_f32_avx512, facet__gradient_bf16_avx512bf16,
        &facet__winograd_avx512bf16 },
#endif
};

const facet__kernels *facet__kernels_of(facet__cpu_level level)
{
    size_t best = 0;

    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (tables[i].level <= level)
            best = i;
    return &tables[best];
}

facet__gemm_kernel *facet__kernels_gemm(
    const facet__kernels *kernels, facet__dtype type)
{
    return type == FACET__I8     ? kernels->gemm_int8
           : type == FACET__BF16 ? kernels->gemm_bf16
                                 : kernels->gemm_f32;
}

bool facet__kernels_favor_int8(const facet__kernels *kernels)
{
    return kernels->gemm_int8 != facet__gemm_int8_ref;
}
