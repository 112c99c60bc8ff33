/* SPDX-License-Identifier: Apache-2.0 */
/* depthwise.c - packing, and the plain C twin. */
#include "nn/engine/depthwise.h"

#include <string.h>

#include "nn/engine/bf16.h"
#include "nn/engine/byte.h"

static size_t padded(size_t channels)
{
    return (channels + 31) & ~(size_t)31;
}

size_t facet__depthwise_packed_size(size_t taps, size_t channels)
{
    return taps * padded(channels);
}

void facet__depthwise_pack(
    const float *w, size_t taps, size_t channels, float *packed)
{
    memset(packed, 0,
        facet__depthwise_packed_size(taps, channels) * sizeof *packed);
    for (size_t t = 0; t < taps; t++)
        for (size_t c = 0; c < channels; c++)
            packed[t * padded(channels) + c] = w[c * taps + t];
}

static float pixel(const facet__depthwise_row *r, size_t y, size_t x, size_t c)
{
    const size_t at = x * r->channels + c;

    return r->type == FACET__BF16
               ? facet__bf16_widen(((const uint16_t *)r->rows[y])[at])
               : ((const float *)r->rows[y])[at];
}

static float sum_at(
    const facet__depthwise_row *r, size_t first_row, size_t x, size_t c)
{
    const float *weights = r->weights;
    float sum = r->epilogue.bias[c];

    for (size_t ky = 0; ky < r->kernel_h; ky++)
        for (size_t kx = 0; r->rows[first_row + ky] && kx < r->kernel_w; kx++) {
            const size_t at = x * r->stride + kx * r->dilation - r->pad;
            const size_t tap = ky * r->kernel_w + kx;

            if (at < r->in_width) /* padding wraps to huge numbers */
                sum += pixel(r, first_row + ky, at, c) *
                       weights[tap * padded(r->channels) + c];
        }
    return sum;
}

static void one_row(const facet__depthwise_row *r, size_t row)
{
    const facet__epilogue *e = &r->epilogue;

    for (size_t x = 0; x < r->out_width; x++)
        for (size_t c = 0; c < r->channels; c++) {
            const size_t at = (row * r->out_width + x) * r->channels + c;
            float v = sum_at(r, row, x, c);

            if (e->slope)
                v = (0.0f > v ? 0.0f : v) + e->slope[c] * (v < 0.0f ? v : 0.0f);
            v = e->lo > v ? e->lo : v;
            v = e->hi < v ? e->hi : v;
            if (r->type == FACET__BF16)
                ((uint16_t *)r->out)[at] = facet__bf16_round(v);
            else
                ((float *)r->out)[at] = v;
        }
}

void facet__depthwise_ref(const facet__depthwise_row *r)
{
    one_row(r, 0);
    if (r->two_rows)
        one_row(r, 1);
}

/* int8 */

enum { BLOCK = FACET__DEPTHWISE_BLOCK, FOUR = 4 };

static size_t fours(size_t kernel_w)
{
    return (kernel_w + FOUR - 1) / FOUR;
}

size_t facet__depthwise_packed_size_int8(
    size_t kernel_h, size_t kernel_w, size_t channels)
{
    const size_t blocks = (channels + BLOCK - 1) / BLOCK;

    return blocks * kernel_h * fours(kernel_w) * BLOCK * FOUR;
}

/* Where the weight of a tap of channel c is packed. */
static size_t packed_at(
    size_t kernel_h, size_t kernel_w, size_t c, size_t ky, size_t kx)
{
    const size_t row = c / BLOCK * kernel_h + ky;
    const size_t four = row * fours(kernel_w) + kx / FOUR;

    return (four * BLOCK + facet__depthwise_lane(c % BLOCK)) * FOUR + kx % FOUR;
}

void facet__depthwise_pack_int8(const float *w, size_t kernel_h,
    size_t kernel_w, size_t channels, int8_t *packed)
{
    memset(packed, 0,
        facet__depthwise_packed_size_int8(kernel_h, kernel_w, channels));
    for (size_t c = 0; c < channels; c++)
        for (size_t ky = 0; ky < kernel_h; ky++)
            for (size_t kx = 0; kx < kernel_w; kx++)
                packed[packed_at(kernel_h, kernel_w, c, ky, kx)] =
                    (int8_t)w[(c * kernel_h + ky) * kernel_w + kx];
}

static int32_t int8_sum_at(
    const facet__depthwise_row *r, size_t first_row, size_t x, size_t c)
{
    int32_t sum = 0;

    for (size_t ky = 0; ky < r->kernel_h; ky++)
        for (size_t kx = 0; kx < r->kernel_w; kx++) {
            const uint8_t *row = r->rows[first_row + ky];
            const size_t at = x * r->stride + kx * r->dilation - r->pad;
            const int q = row && at < r->in_width ? row[at * r->channels + c]
                                                  : r->padding;

            sum += q * ((const int8_t *)r->weights)[packed_at(
                           r->kernel_h, r->kernel_w, c, ky, kx)];
        }
    return sum;
}

static void int8_row(const facet__depthwise_row *r, size_t row)
{
    const facet__epilogue *e = &r->epilogue;

    for (size_t x = 0; x < r->out_width; x++)
        for (size_t c = 0; c < r->channels; c++) {
            const size_t at = (row * r->out_width + x) * r->channels + c;
            float v =
                fmaf((float)int8_sum_at(r, row, x, c), e->scale[c], e->bias[c]);

            if (e->slope && v < e->zero)
                v = fmaf(v, e->slope[c], fmaf(-e->slope[c], e->zero, e->zero));
            v = e->lo > v ? e->lo : v;
            v = e->hi < v ? e->hi : v;
            if (r->out_type == FACET__U8)
                ((uint8_t *)r->out)[at] = facet__byte_round(v);
            else if (r->out_type == FACET__BF16)
                ((uint16_t *)r->out)[at] = facet__bf16_round(v);
            else
                ((float *)r->out)[at] = v;
        }
}

void facet__depthwise_int8_ref(const facet__depthwise_row *r)
{
    int8_row(r, 0);
    if (r->two_rows)
        int8_row(r, 1);
}
