/* SPDX-License-Identifier: Apache-2.0 */
/* scan.h - how a row of floats becomes a code, and the loops over codes.
 *
 * A coordinate is coded in 8 bits, u = floor(16 x / step) + 128 cut to 0..255,
 * whose upper half h = u >> 4 is a 4-bit code of its own:
 *
 *     x ~ step * (h - 7.5)            error of the row: error_high
 *     x ~ step / 16 * (u - 127.5)     error of the row: error_full
 *
 * Both errors are upper bounds of the Euclidean norm of what the code leaves
 * out. A query q is coded as scale * k with error f, so by Cauchy-Schwarz
 *
 *     |<q, x> - <scale k, x code>| <= f (|x| + error) + |q| error
 *
 * and a row whose estimate plus this bound stays below a score that k other
 * rows reach cannot be among the k best, whatever its exact score. Everything
 * here rests on |x| <= 1 and |q| <= 1, up to rounding.
 *
 * Layout. Eight coordinates (an "oct") are four bytes: byte j has coordinate j
 * in its lower nibble and coordinate 4 + j in its upper one. The h nibbles of
 * 16 rows are interleaved, [oct][16 rows][4], so that a register holds one oct
 * of 16 rows and no sum crosses lanes; they are all that a single query reads
 * of most rows. The lower nibbles lie row by row, [row][oct][4], for they are
 * read of few. Coordinates beyond dim are 0 in every query code. */
#ifndef FACET__GALLERY_SCAN_H
#define FACET__GALLERY_SCAN_H

#include <stddef.h>
#include <stdint.h>

enum {
    FACET__GROUP = 16, /* rows interleaved */
    FACET__PIECE = 8,  /* groups scanned at one threshold */
    FACET__CHUNK_GROUPS = 64,
    FACET__CHUNK_ROWS = FACET__GROUP * FACET__CHUNK_GROUPS,
    FACET__FULL_GROUPS = 4, /* groups whose full codes lie in the L1 cache */
    FACET__TILE = 4,        /* queries held in registers at once */
    FACET__MAX_DIM = 8192,  /* sums of products stay within int32 */
};

/* The codes of a chunk. */
typedef struct facet__codes {
    size_t octs;
    const uint8_t *high;                         /* [64][oct][16][4] */
    const uint8_t *low;                          /* [1024][oct][4] */
    const float *step, *error_high, *error_full; /* [1024] */
} facet__codes;

/* A query's code. An upper bound of <q, x> is, with dot = <code, u> or
 * <code, h>:
 *
 *     (2 dot - offset) * scale * step + error * slope + slack */
typedef struct facet__probe {
    const int8_t *code; /* [2][oct][4]: coordinates 0..3, then 4..7 of octs */
    int32_t offset_high, offset_full;
    float scale_high, scale_full;
    float slope, slack;
    float threshold; /* rows whose bound is below it do not matter */
} facet__probe;

/* The loops, for one instruction set. All give the same dots; bounds may
 * differ by rounding, for which the slack allows. */
typedef struct facet__scan_kernels {
    int query_limit; /* largest magnitude of a query's code */

    /* For each row of FACET__PIECE groups dots = <code, h>, and a bit in masks
     * where the bound by error_high reaches the threshold. */
    void (*high)(const facet__codes *codes, size_t first_group,
        const facet__probe *probe, int32_t *dots, uint16_t *masks);

    /* <code, u & 15> of one row, [oct][4]. */
    int32_t (*low)(const uint8_t *row, const int8_t *code, size_t octs);

    /* Full codes u of FACET__FULL_GROUPS groups: [group][oct][2][16][4]. */
    void (*unpack)(
        const facet__codes *codes, size_t first_group, uint8_t *full);

    /* Bits for FACET__TILE queries where the bound by error_full reaches the
     * threshold: masks [FACET__TILE][FACET__FULL_GROUPS]. `step` and `error`
     * are those of the first of the groups. */
    void (*full)(const uint8_t *full, size_t octs, const float *step,
        const float *error, const facet__probe *const *probes, uint16_t *masks);

    /* The exact score: products and sums in double, coordinate i in partial
     * sum i % 16, partial sums added in a fixed tree. The same bits on every
     * processor. */
    float (*dot)(const float *a, const float *b, size_t dim);
} facet__scan_kernels;

/* Those of this processor; FACET_CPU lowers the choice. */
const facet__scan_kernels *facet__scan_kernels_get(void);

extern const facet__scan_kernels facet__scan_baseline;
#if defined(__x86_64__)
extern const facet__scan_kernels facet__scan_avx2, facet__scan_avx512;
#endif

/* Sixteen partial sums to one score, in the order that all kernels share. */
static inline float facet__sum16(const double *partial)
{
    double sum[8];

    for (int i = 0; i < 8; i++)
        sum[i] = partial[i] + partial[i + 8];
    for (int i = 0; i < 4; i++)
        sum[i] += sum[i + 4];
    return (float)((sum[0] + sum[2]) + (sum[1] + sum[3]));
}

/* Where the code of one row goes. */
typedef struct facet__row_code {
    uint8_t *high; /* first byte of the row's first oct; octs are 64 apart */
    uint8_t *low;  /* [oct][4] */
    float *step, *error_high, *error_full;
} facet__row_code;

/* Code a row of at most unit length; `octs` = dim / 8 rounded up. */
void facet__code_row(const float *row, size_t dim, facet__row_code *out);

/* Code a query of at most unit length into code[8 * octs]; the threshold
 * becomes -infinity. */
void facet__code_query(
    const float *query, size_t dim, int limit, int8_t *code, facet__probe *out);

#endif
