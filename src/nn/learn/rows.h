/* SPDX-License-Identifier: Apache-2.0 */
/* rows.h - loops over rows of channels that training needs: statistics, norms
 * with their activation, depthwise gradients. One source for each processor
 * level (rows.inc). Arrays of one number a channel are padded to 16. */
#ifndef FACET__ROWS_H
#define FACET__ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"

/* Some rows of a map: row r begins at data + r * channels elements. */
typedef struct facet__rows {
    const void *data;
    size_t count, channels;
    bool bf16;
} facet__rows;

/* z = act(x a + b), act(u) = min(max(u, 0) + slope min(u, 0), hi); dz and what
 * follows from it. */
typedef struct facet__norm_rows {
    facet__rows x;
    const void *dz;     /* like x; backward only */
    void *out;          /* like x: z, or dx */
    const void *plus;   /* like x, added to z; or NULL */
    bool add;           /* dx is added to what is there */
    const float *a, *b; /* [channels] */
    const float *slope; /* [channels]; NULL: no activation */
    float hi;
    bool bounded;               /* hi counts */
    const float *mean;          /* of x */
    const float *k0, *k1;       /* dx = a du + k1 x + k0 */
    float *sum_du, *sum_dslope; /* [channels], added to */
    float *sum_du_x;            /* likewise: sums of du (x - mean) */
} facet__norm_rows;

/* Gradient of depthwise filters from one output row. */
typedef struct facet__depthwise_grad {
    const void *const *in_rows; /* [kernel_h], NULL: padding */
    const void *out_row;        /* dy of the row */
    size_t kernel_h, kernel_w, stride, pad, in_width, out_width, channels;
    bool bf16;
    float *dw; /* [taps][channels padded to 16], added to */
} facet__depthwise_grad;

/* Gradient of a depthwise layer's input row from the output rows that see it.
 */
typedef struct facet__depthwise_back {
    const void *const *out_rows; /* [kernel_h] dy rows by kernel row; NULL */
    size_t kernel_h, kernel_w, stride, pad, in_width, out_width, channels;
    bool bf16, add;
    const float *w; /* [taps][channels padded to 16] */
    void *in_row;   /* dx */
} facet__depthwise_back;

typedef struct facet__row_kernels {
    /* sum and sum of squares of each channel, added to */
    void (*moments)(const facet__rows *x, float *sum, float *squares);
    void (*sums)(const facet__rows *x, float *sum);
    void (*norm_forward)(const facet__norm_rows *r);
    void (*norm_reduce)(const facet__norm_rows *r);
    void (*norm_backward)(const facet__norm_rows *r);
    void (*depthwise_grad)(const facet__depthwise_grad *g);
    void (*depthwise_back)(const facet__depthwise_back *b);
} facet__row_kernels;

const facet__row_kernels *facet__row_kernels_of(facet__cpu_level level);

extern const facet__row_kernels facet__rows_ref;
#if defined(__x86_64__)
extern const facet__row_kernels facet__rows_avx2;
extern const facet__row_kernels facet__rows_avx512;
extern const facet__row_kernels facet__rows_avx512bf16;
#endif

#endif
