/* SPDX-License-Identifier: Apache-2.0 */
/* params.h - what the smaller steps are told when a network is compiled. */
#ifndef FACET__PARAMS_H
#define FACET__PARAMS_H

#include "nn/engine/step.h"

typedef struct facet__unary_params {
    facet__unary op;
    float a, b;
} facet__unary_params;

/* y = x * scale[c] + shift[c]; y = max(y,0) + slope[c] min(y,0); bounds. */
typedef struct facet__channel_params {
    size_t channels;              /* the numbers repeat after so many */
    float *scale, *shift, *slope; /* owned; NULL: that part is left out */
    float lo, hi;
} facet__channel_params;

/* Few channels: repeat the numbers, so that loops over them are long. */
facet_status facet__channel_repeat(facet__channel_params *params);

typedef struct facet__binary_params {
    facet__binary op;
    /* A constant operand, or NULL: both are slots. `channels` numbers, or one.
     */
    float *constant;
    size_t channels;
    bool constant_first; /* it stands on the left */
} facet__binary_params;

typedef enum facet__pool_kind {
    FACET__POOL_MAX,
    FACET__POOL_AVERAGE,     /* of the pixels inside */
    FACET__POOL_AVERAGE_ALL, /* padding counts, as zeros */
    FACET__POOL_L2,          /* square root of the sum of squares */
} facet__pool_kind;

typedef struct facet__pool_params {
    facet__pool_kind kind;
    size_t kernel_h, kernel_w; /* of windows; unused by global pools */
} facet__pool_params;

typedef struct facet__upsample_params {
    bool linear;
    double scale[2]; /* of height and width as the model says; 0: by sizes */
    enum {
        FACET__COORD_ASYMMETRIC,
        FACET__COORD_HALF_PIXEL,
        FACET__COORD_ALIGN_CORNERS,
    } coordinates;
    bool round_nearest; /* nearest rounds half down, else floors */
} facet__upsample_params;

#endif
