/* SPDX-License-Identifier: Apache-2.0 */
/* step_layout.c - the same numbers in another order, type or shape, and
 * tensors put side by side. */
#include <string.h>

#include "nn/engine/params.h"

enum { PIXELS = 64, MAX_BUFFER = 1024 };

typedef struct pair {
    const facet__step *step;
    const facet__run *run;
} pair;

/* to_nhwc: PLAIN [n, c, h, w] to NHWC, a task a row */

static void nhwc_row(void *context, size_t row, int thread)
{
    const pair *t = context;
    const facet__view *in = facet__in(t->step, t->run, 0);
    const facet__view *out = facet__out(t->step, t->run, 0);
    const size_t c = facet__view_c(out), w = facet__view_w(out);
    const size_t h = facet__view_h(out), plane = h * w;
    const size_t image = row / h, y = row % h;
    const float *from = (const float *)in->data + image * c * plane + y * w;
    const size_t most = MAX_BUFFER / c;
    const size_t step = most < 1 ? 1 : most;
    float buffer[MAX_BUFFER];

    (void)thread;
    for (size_t x = 0; x < w; x += step) {
        const size_t m = w - x < step ? w - x : step;
        const size_t at = (row * w + x) * c;

        if (c > MAX_BUFFER) { /* one pixel, its channels in pieces */
            for (size_t k = 0; k < c; k += MAX_BUFFER) {
                const size_t n = c - k < MAX_BUFFER ? c - k : MAX_BUFFER;
                float *to = facet__target(out, at + k, buffer);

                for (size_t i = 0; i < n; i++)
                    to[i] = from[(k + i) * plane + x];
                facet__store(t->run, out, at + k, n, to);
            }
        } else {
            float *to = facet__target(out, at, buffer);

            t->run->kernels->vec->interleave(from + x, plane, c, to, m);
            facet__store(t->run, out, at, m * c, to);
        }
    }
}

static void run_to_nhwc(const facet__step *step, const facet__run *run)
{
    const facet__view *out = facet__out(step, run, 0);
    pair t = { step, run };

    facet__pool_run(
        run->pool, facet__view_n(out) * facet__view_h(out), nhwc_row, &t);
}

const facet__step_class facet__step_to_nhwc = { .name = "to_nhwc",
    .run = run_to_nhwc };

/* to_plain: NHWC to PLAIN [n, c, h, w], a task an image */

static void plain_image(void *context, size_t image, int thread)
{
    const pair *t = context;
    const facet__view *in = facet__in(t->step, t->run, 0);
    const facet__view *out = facet__out(t->step, t->run, 0);
    const size_t c = facet__view_c(in);
    const size_t plane = facet__view_h(in) * facet__view_w(in);
    float *to = (float *)out->data + image * c * plane;
    float buffer[MAX_BUFFER];

    (void)thread;
    for (size_t x = 0; x < plane; x++)
        for (size_t k = 0; k < c; k += MAX_BUFFER) {
            const size_t n = c - k < MAX_BUFFER ? c - k : MAX_BUFFER;
            const float *from = facet__floats(
                t->run, in, (image * plane + x) * c + k, n, buffer);

            for (size_t i = 0; i < n; i++)
                to[(k + i) * plane + x] = from[i];
        }
}

static void run_to_plain(const facet__step *step, const facet__run *run)
{
    pair t = { step, run };

    facet__pool_run(
        run->pool, facet__view_n(facet__in(step, run, 0)), plain_image, &t);
}

const facet__step_class facet__step_to_plain = { .name = "to_plain",
    .run = run_to_plain };

/* convert: the same order, another type */

static void run_convert(const facet__step *step, const facet__run *run)
{
    const facet__view *in = facet__in(step, run, 0);
    const facet__view *out = facet__out(step, run, 0);
    const size_t count = facet__view_count(out);
    float buffer[MAX_BUFFER];

    if (in->type == out->type) {
        memcpy(out->data, in->data, facet__view_bytes(out));
        return;
    }
    for (size_t at = 0; at < count; at += MAX_BUFFER) {
        const size_t n = count - at < MAX_BUFFER ? count - at : MAX_BUFFER;
        float *to = facet__target(out, at, buffer);

        facet__store(run, out, at, n, facet__floats(run, in, at, n, to));
    }
}

const facet__step_class facet__step_convert = { .name = "convert",
    .run = run_convert };

/* alias: the plan lets both slots share their memory */

static bool alias_fits(const facet__step *step, const facet__run *run)
{
    return facet__view_count(facet__in(step, run, 0)) ==
           facet__view_count(facet__out(step, run, 0));
}

const facet__step_class facet__step_alias = {
    .name = "alias", .fits = alias_fits, .alias = true
};

/* concat: channels of NHWC side by side */

static void run_concat(const facet__step *step, const facet__run *run)
{
    const facet__view *out = facet__out(step, run, 0);
    const size_t size = facet__dtype_size(out->type);
    const size_t pixels = facet__view_pixels(out);
    const size_t out_bytes = facet__view_c(out) * size;
    size_t offset = 0;

    for (int i = 0; i < step->n_in; i++) {
        const facet__view *in = facet__in(step, run, i);
        const size_t bytes = facet__view_c(in) * size;

        for (size_t x = 0; x < pixels; x++)
            memcpy((char *)out->data + x * out_bytes + offset,
                (const char *)in->data + x * bytes, bytes);
        offset += bytes;
    }
}

const facet__step_class facet__step_concat = { .name = "concat",
    .run = run_concat };

/* split: channels of NHWC to maps of their own, a task an image's row */

/* `n` of the `c` numbers of each pixel, from the first of them on. Inlined for
 * the sizes of a detector's heads. */
static inline void pick(
    const float *from, size_t c, size_t pixels, size_t n, float *to)
{
    for (size_t x = 0; x < pixels; x++)
        for (size_t i = 0; i < n; i++)
            to[x * n + i] = from[x * c + i];
}

static void pick_any(
    const float *from, size_t c, size_t pixels, size_t n, float *to)
{
    switch (n) {
    case 1:
        pick(from, c, pixels, 1, to);
        break;
    case 4:
        pick(from, c, pixels, 4, to);
        break;
    case 10:
        pick(from, c, pixels, 10, to);
        break;
    default:
        pick(from, c, pixels, n, to);
    }
}

/* Some pixels, few enough for buffers. */
static void split_pixels(const pair *t, size_t first, size_t pixels)
{
    const facet__view *in = facet__in(t->step, t->run, 0);
    const size_t c = facet__view_c(in);
    float buffer[MAX_BUFFER], part[MAX_BUFFER];
    const float *from =
        facet__floats(t->run, in, first * c, pixels * c, buffer);

    for (int i = 0; i < t->step->n_out; i++) {
        const facet__view *out = facet__out(t->step, t->run, i);
        const size_t n = facet__view_c(out), at = first * n;
        float *to = facet__target(out, at, part);

        pick_any(from, c, pixels, n, to);
        facet__store(t->run, out, at, pixels * n, to);
        from += n;
    }
}

/* A pixel too wide for the buffers, part by part. */
static void split_wide(const pair *t, size_t pixel)
{
    const facet__view *in = facet__in(t->step, t->run, 0);
    const size_t c = facet__view_c(in);
    size_t channel = 0;

    for (int i = 0; i < t->step->n_out; i++) {
        const facet__view *out = facet__out(t->step, t->run, i);
        const size_t all = facet__view_c(out);

        for (size_t k = 0; k < all; k += MAX_BUFFER) {
            const size_t n = all - k < MAX_BUFFER ? all - k : MAX_BUFFER;
            const size_t at = pixel * all + k;
            float buffer[MAX_BUFFER], part[MAX_BUFFER];
            float *to = facet__target(out, at, part);

            memcpy(to,
                facet__floats(t->run, in, pixel * c + channel + k, n, buffer),
                n * sizeof *to);
            facet__store(t->run, out, at, n, to);
        }
        channel += all;
    }
}

static void split_row(void *context, size_t row, int thread)
{
    const pair *t = context;
    const facet__view *in = facet__in(t->step, t->run, 0);
    const size_t width = facet__view_w(in), c = facet__view_c(in);
    const size_t most = MAX_BUFFER / c;

    (void)thread;
    for (size_t x = 0; most > 0 && x < width; x += most)
        split_pixels(t, row * width + x, width - x < most ? width - x : most);
    for (size_t x = 0; most == 0 && x < width; x++)
        split_wide(t, row * width + x);
}

static void run_split(const facet__step *step, const facet__run *run)
{
    const facet__view *in = facet__in(step, run, 0);
    pair t = { step, run };

    facet__pool_run(
        run->pool, facet__view_n(in) * facet__view_h(in), split_row, &t);
}

const facet__step_class facet__step_split = { .name = "split",
    .run = run_split };
