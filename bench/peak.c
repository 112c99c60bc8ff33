/* SPDX-License-Identifier: Apache-2.0 */
/* peak.c - how many operations a second one core of this processor does.
 *
 *   bench_peak
 *
 * prints GFLOP/s of fp32 multiply-adds and of bf16 dot products (0: it has
 * none), one line: what engines are measured against. Chains that do not wait
 * for each other, nothing read from memory; the best of some runs, since
 * whatever disturbs makes it less. */
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/cpu.h"

enum { RUNS = 20, TURNS = 500000 };

typedef void loop(uint64_t turns);

#if defined(__x86_64__)

/* `op` on ten registers, d0 .. d9, with a and b as its other operands. */
#define ONE(op, a, b, d) op " %%" a ", %%" b ", %%" d "\n"
#define TEN(op, a, b, d)                                                       \
    ONE(op, a, b, d "0")                                                       \
    ONE(op, a, b, d "1")                                                       \
    ONE(op, a, b, d "2")                                                       \
    ONE(op, a, b, d "3")                                                       \
    ONE(op, a, b, d "4")                                                       \
    ONE(op, a, b, d "5")                                                       \
    ONE(op, a, b, d "6")                                                       \
    ONE(op, a, b, d "7")                                                       \
    ONE(op, a, b, d "8")                                                       \
    ONE(op, a, b, d "9")
/* Registers begin as zeros: odd numbers might cost more. The compiler was told
 * of no AVX, so that it keeps nothing in what is not named as spoilt. */
#define LOOP(name, begin, turn)                                                \
    static void name(uint64_t turns)                                           \
    {                                                                          \
        __asm__ volatile("vzeroall\n" begin "1:\n" turn                        \
                         "dec %0\njnz 1b\nvzeroupper\n"                        \
                         : "+r"(turns)                                         \
                         :                                                     \
                         : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",       \
                         "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",      \
                         "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");         \
    }
#define ZERO(r) "vpxorq %%" r ", %%" r ", %%" r "\n"
#define ZEROS                                                                  \
    ZERO("zmm16")                                                              \
    ZERO("zmm17") ZERO("zmm18") ZERO("zmm19") ZERO("zmm20") ZERO("zmm21")
#define TWENTY(op)                                                             \
    TEN(op, "zmm20", "zmm21", "zmm") TEN(op, "zmm20", "zmm21", "zmm1")

LOOP(fma_256, "", TEN("vfmadd231ps", "ymm14", "ymm15", "ymm"))
LOOP(fma_512, ZEROS, TWENTY("vfmadd231ps"))
LOOP(dot_512, ZEROS, TWENTY("vdpbf16ps"))

#endif

static double seconds(loop *function)
{
    const double begin = facet__clock();

    function(TURNS);
    return facet__clock() - begin;
}

/* GFLOP/s of a loop whose turn does so many operations. */
static double rate(loop *function, double operations)
{
    double least = seconds(function);

    for (int i = 0; i < RUNS; i++) {
        const double again = seconds(function);

        least = again < least ? again : least;
    }
    return operations * TURNS / least * 1e-9;
}

int main(void)
{
#if defined(__x86_64__)
    const facet__cpu_level level = facet__cpu_level_get();

    if (level >= FACET__CPU_AVX512)
        printf("%.0f %.0f\n", rate(fma_512, 20 * 16 * 2.0),
            level >= FACET__CPU_AVX512BF16 ? rate(dot_512, 20 * 32 * 2.0)
                                           : 0.0);
    else if (level >= FACET__CPU_AVX2)
        printf("%.0f 0\n", rate(fma_256, 10 * 8 * 2.0));
    else
#endif
        printf("0 0\n");
    return 0;
}
