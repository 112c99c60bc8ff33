/* SPDX-License-Identifier: Apache-2.0 */
/* cpu.h - what this processor can do, asked once and then held by whoever
 * picks kernels. FACET_CPU=baseline|avx2|avx512|avx512bf16 in the environment
 * lowers the answer (never raises it), for tests and for support. */
#ifndef FACET__CPU_H
#define FACET__CPU_H

#include <stdbool.h>

/* Each level includes the ones above it. */
typedef enum facet__cpu_level {
    FACET__CPU_BASELINE,   /* plain C, SSE2 */
    FACET__CPU_AVX2,       /* AVX2, FMA, F16C */
    FACET__CPU_AVX512,     /* AVX-512 F, BW, DQ, VL and VNNI */
    FACET__CPU_AVX512BF16, /* vdpbf16ps */
} facet__cpu_level;

facet__cpu_level facet__cpu_level_get(void);
const char *facet__cpu_level_name(facet__cpu_level level);

/* Has it SHA-256 instructions? Not at the level "baseline". */
bool facet__cpu_has_sha(void);

#endif
