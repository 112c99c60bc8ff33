/* SPDX-License-Identifier: Apache-2.0 */
/* resize.c - separable triangle filter in fixed point, see resize.h.
 *
 * Rows first: each output row mixes a few whole source rows into one row of
 * bytes, which streams through memory at full width; then the columns of that
 * row, which is in the nearest cache by then. Nothing larger is ever kept. */
#include "image/resize.h"

#include <math.h>
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

typedef struct scratch {
    facet__taps *taps;    /* [width] */
    int16_t *weights;     /* [width, room] */
    int16_t *row_weights; /* [room of rows] */
    uint8_t *row;
} scratch;

static facet_status scratch_take(
    scratch *s, const axis *x, const axis *y, int32_t width)
{
    const size_t row = (size_t)x->from * CHANNELS + FACET__RESIZE_PAD;

    *s = (scratch){ NULL, NULL, NULL, NULL };
    s->taps = facet__calloc((size_t)width, sizeof *s->taps);
    s->weights =
        facet__calloc((size_t)width, (size_t)x->room * sizeof *s->weights);
    s->row_weights = facet__calloc((size_t)y->room, sizeof *s->row_weights);
    s->row = facet__calloc(1, row);
    if (!s->taps || !s->weights || !s->row_weights || !s->row)
        return FACET_ENOMEM;
    for (int32_t i = 0; i < width; i++)
        s->taps[i] = taps_of(x, i, s->weights + (size_t)i * (size_t)x->room);
    return FACET_OK;
}

static void scratch_give_back(scratch *s)
{
    facet__free(s->row);
    facet__free(s->row_weights);
    facet__free(s->weights);
    facet__free(s->taps);
}

facet_status facet__resize(facet__view src, uint8_t *dst, int32_t width,
    int32_t height, size_t dst_stride)
{
    const bool avx2 = facet__cpu_level_get() >= FACET__CPU_AVX2;
    facet__resize_rows *const rows =
        avx2 ? facet__resize_rows_avx2 : facet__resize_rows_ref;
    facet__resize_columns *const columns =
        avx2 ? facet__resize_columns_avx2 : facet__resize_columns_ref;
    const axis x = axis_of(src.width, width);
    const axis y = axis_of(src.height, height);
    scratch s;
    facet_status status = scratch_take(&s, &x, &y, width);

    for (int32_t i = 0; i < height && status == FACET_OK; i++) {
        const facet__taps taps = taps_of(&y, i, s.row_weights);

        rows(src.data + (size_t)taps.first * src.stride, src.stride,
            taps.weights, taps.count, s.row, (size_t)src.width * CHANNELS);
        columns(s.row, s.taps, dst + (size_t)i * dst_stride, width);
    }
    scratch_give_back(&s);
    return status;
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
