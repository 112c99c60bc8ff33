/* SPDX-License-Identifier: Apache-2.0 */
/* depthwise.c - packing, and the plain C twin. */
#include "nn/engine/depthwise.h"

#include <string.h>

#include "nn/engine/bf16.h"

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

    return r->bf16 ? facet__bf16_widen(((const uint16_t *)r->rows[y])[at])
                   : ((const float *)r->rows[y])[at];
}

static float sum_at(
    const facet__depthwise_row *r, size_t first_row, size_t x, size_t c)
{
    float sum = r->epilogue.bias[c];

    for (size_t ky = 0; ky < r->kernel_h; ky++)
        for (size_t kx = 0; r->rows[first_row + ky] && kx < r->kernel_w; kx++) {
            const size_t at = x * r->stride + kx * r->dilation - r->pad;
            const size_t tap = ky * r->kernel_w + kx;

            if (at < r->in_width) /* padding wraps to huge numbers */
                sum += pixel(r, first_row + ky, at, c) *
                       r->weights[tap * padded(r->channels) + c];
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
                v = (v > 0.0f ? v : 0.0f) + e->slope[c] * (v < 0.0f ? v : 0.0f);
            v = v > e->lo ? v : e->lo;
            v = v < e->hi ? v : e->hi;
            if (r->bf16)
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
