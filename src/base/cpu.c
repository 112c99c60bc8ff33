/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    [FACET__CPU_BASELINE] = "baseline",
    [FACET__CPU_AVX2] = "avx2",
    [FACET__CPU_AVX512] = "avx512",
    [FACET__CPU_AVX512BF16] = "avx512bf16",
};

const char *facet__cpu_level_name(facet__cpu_level level)
{
    return names[level];
}

static facet__cpu_level detect(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return FACET__CPU_BASELINE;
    if (!__builtin_cpu_supports("avx512f") ||
        !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl") ||
        !__builtin_cpu_supports("avx512vnni"))
        return FACET__CPU_AVX2;
    return __builtin_cpu_supports("avx512bf16") ? FACET__CPU_AVX512BF16
                                                : FACET__CPU_AVX512;
#else
    return FACET__CPU_BASELINE;
#endif
}

facet__cpu_level facet__cpu_level_get(void)
{
    const facet__cpu_level here = detect();
    const char *wish = getenv("FACET_CPU");

    for (facet__cpu_level level = FACET__CPU_BASELINE; wish && level < here;
         level++)
        if (strcmp(wish, names[level]) == 0)
            return level;
    return here;
}

bool facet__cpu_has_sha(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;

    return facet__cpu_level_get() > FACET__CPU_BASELINE &&
           __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
#else
    return false;
#endif
}
