/* SPDX-License-Identifier: Apache-2.0 */
/* resize.c - separable triangle filter in fixed point, see resize.h.
 *
 * Rows first: each output row mixes a few whole source rows into one row of
 * bytes, which streams through memory at full width; then the columns of that
 * row, which is in the nearest cache by then. Nothing larger is ever kept. */
#include "image/resize.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cpu.h"

enum { ONE = 1 << FACET__RESIZE_BITS, TAP_MULTIPLE = 4, CHANNELS = 3 };

void facet__resize_rows_ref(const uint8_t *src, size_t stride,
    const int16_t *weights, int32_t count, uint8_t *out, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        int32_t sum = ONE / 2;

        for (int32_t k = 0; k < count; k++)
            if (weights[k]) /* padding may stand past the last row */
                sum += weights[k] * src[(size_t)k * stride + i];
        out[i] = (uint8_t)(sum >> FACET__RESIZE_BITS);
    }
}

void facet__resize_columns_ref(
    const uint8_t *row, const facet__taps *taps, uint8_t *out, int32_t width)
{
    for (int32_t x = 0; x < width; x++) {
        const uint8_t *first = row + (size_t)taps[x].first * CHANNELS;

        for (int32_t c = 0; c < CHANNELS; c++) {
            int32_t sum = ONE / 2;

            for (int32_t k = 0; k < taps[x].count; k++)
                sum += taps[x].weights[k] * first[k * CHANNELS + c];
            *out++ = (uint8_t)(sum >> FACET__RESIZE_BITS);
        }
    }
}

/* One direction: `from` source pixels become `to`. */
typedef struct axis {
    double scale, support;
    int32_t from;
    int32_t room; /* taps of one output pixel at most, a multiple of 4 */
} axis;

static axis axis_of(int32_t from, int32_t to)
{
    const double scale = (double)from / to;
    const double support = scale > 1 ? scale : 1;
    /* Whole source pixels strictly within the triangle. */
    const int32_t most = (int32_t)fmin(2 * support + 1, from);

    return (axis){ scale, support, from,
        (most + TAP_MULTIPLE - 1) / TAP_MULTIPLE * TAP_MULTIPLE };
}

/* The taps of output pixel `i`; `weights` has axis->room entries. Each weight
 * is rounded together with what the ones before it lost, so that they add up
 * exactly, however many and small they are. */
static facet__taps taps_of(const axis *a, int32_t i, int16_t *weights)
{
    const double center = (i + 0.5) * a->scale - 0.5;
    const double low = ceil(center - a->support + 1e-9);
    const double high = floor(center + a->support - 1e-9);
    const int32_t first = low > 0 ? (int32_t)low : 0;
    const int32_t last = high < a->from - 1 ? (int32_t)high : a->from - 1;
    double total = 0, sum = 0;
    int32_t given = 0;

    for (int32_t k = first; k <= last; k++)
        total += 1 - fabs(k - center) / a->support;
    memset(weights, 0, (size_t)a->room * sizeof *weights);
    for (int32_t k = first; k <= last; k++) {
        sum += 1 - fabs(k - center) / a->support;
        const int32_t upto = (int32_t)lround(sum / total * ONE);
        weights[k - first] = (int16_t)(upto - given);
        given = upto;
    }
    return (facet__taps){ first,
        (last - first + TAP_MULTIPLE) / TAP_MULTIPLE * TAP_MULTIPLE, weights };
}

/* Where things lie in the caller's scratch, in bytes. */
typedef struct layout {
    size_t taps;        /* facet__taps[width] */
    size_t weights;     /* int16_t[width, room of columns] */
    size_t row_weights; /* int16_t[room of rows] */
    size_t row;         /* uint8_t[source row and padding] */
    size_t size;
} layout;

static bool lay(const axis *x, const axis *y, int32_t width, layout *out)
{
    const size_t parts[] = { (size_t)width * sizeof(facet__taps),
        (size_t)x->room * sizeof(int16_t), (size_t)y->room * sizeof(int16_t),
        (size_t)x->from * CHANNELS + FACET__RESIZE_PAD };
    const size_t counts[] = { 1, (size_t)width, 1, 1 };
    size_t *const places[] = { &out->taps, &out->weights, &out->row_weights,
        &out->row };
    size_t at = 0;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t bytes;

        *places[i] = at;
        if (!facet__mul_size(parts[i], counts[i], &bytes) ||
            bytes > SIZE_MAX / 2 - at)
            return false;
        at = (at + bytes + FACET__ALIGN - 1) / FACET__ALIGN * FACET__ALIGN;
    }
    out->size = at;
    return true;
}

size_t facet__resize_room(
    int32_t from_width, int32_t from_height, int32_t width, int32_t height)
{
    const axis x = axis_of(from_width, width);
    const axis y = axis_of(from_height, height);
    layout at;

    return lay(&x, &y, width, &at) ? at.size : 0;
}

void facet__resize_in(facet__view src, uint8_t *dst, int32_t width,
    int32_t height, size_t dst_stride, void *room)
{
    const bool avx2 = facet__cpu_level_get() >= FACET__CPU_AVX2;
    facet__resize_rows *const rows =
        avx2 ? facet__resize_rows_avx2 : facet__resize_rows_ref;
    facet__resize_columns *const columns =
        avx2 ? facet__resize_columns_avx2 : facet__resize_columns_ref;
    const axis x = axis_of(src.width, width);
    const axis y = axis_of(src.height, height);
    layout at = { 0 };
    facet__taps *taps;
    int16_t *weights, *row_weights;
    uint8_t *row;

    (void)lay(&x, &y, width, &at); /* it was laid when it was counted */
    taps = (facet__taps *)((char *)room + at.taps);
    weights = (int16_t *)((char *)room + at.weights);
    row_weights = (int16_t *)((char *)room + at.row_weights);
    row = (uint8_t *)room + at.row;
    /* read by the columns' kernel with weights of zero */
    memset(row + (size_t)src.width * CHANNELS, 0, FACET__RESIZE_PAD);
    for (int32_t i = 0; i < width; i++)
        taps[i] = taps_of(&x, i, weights + (size_t)i * (size_t)x.room);
    for (int32_t i = 0; i < height; i++) {
        const facet__taps own = taps_of(&y, i, row_weights);

        rows(src.data + (size_t)own.first * src.stride, src.stride, own.weights,
            own.count, row, (size_t)src.width * CHANNELS);
        columns(row, taps, dst + (size_t)i * dst_stride, width);
    }
}

facet_status facet__resize(facet__view src, uint8_t *dst, int32_t width,
    int32_t height, size_t dst_stride)
{
    const size_t size =
        facet__resize_room(src.width, src.height, width, height);
    void *room = size ? facet__alloc(size) : NULL;

    if (!room)
        return FACET_ENOMEM;
    facet__resize_in(src, dst, width, height, dst_stride, room);
    facet__free(room);
    return FACET_OK;
}

facet_status facet_image_resize(
    const facet_image *image, int32_t width, int32_t height, facet_image **out)
{
    facet_status status;

    if (out)
        *out = NULL;
    if (!image || !out || width < 1 || height < 1)
        return FACET_EINVAL;
    status = facet__image_create_stored(width, height, 1, FACET_IMAGE_RAW, out);
    if (status == FACET_OK)
        status = facet__resize(facet__image_view(image), (*out)->data, width,
            height, (*out)->stride);
    if (status != FACET_OK) {
        facet_image_free(*out);
        *out = NULL;
    }
    return status;
}
