/* SPDX-License-Identifier: Apache-2.0 */
/* step_lrn.c - local response normalisation across channels (ONNX's form):
 * y = x / (bias + alpha / size * sum of x^2 over `size` neighbours)^beta. */
#include <math.h>

#include "nn/engine/params.h"

enum { CHANNELS = 1024 };

typedef struct lrn_run {
    const facet__step *step;
    const facet__run *run;
} lrn_run;

/* Channels [c, c + n) of one pixel of `all` channels. */
static void lrn_part(
    const lrn_run *t, size_t pixel, size_t c, size_t n, size_t all)
{
    const facet__lrn_params *p = t->step->params;
    const facet__view *out = facet__out(t->step, t->run, 0);
    const size_t before = (p->size - 1) / 2, after = p->size / 2;
    const size_t from = c < before ? 0 : c - before;
    const size_t to = c + n + after < all ? c + n + after : all;
    float buffer[CHANNELS + 64], y[CHANNELS];
    const float *x = facet__floats(t->run, facet__in(t->step, t->run, 0),
        pixel * all + from, to - from, buffer);

    for (size_t i = c; i < c + n; i++) {
        const size_t lo = i < before ? 0 : i - before;
        const size_t hi = i + after + 1 < all ? i + after + 1 : all;
        float sum = 0.0f;

        for (size_t k = lo; k < hi; k++)
            sum += x[k - from] * x[k - from];
        y[i - c] = x[i - from] *
                   powf(p->bias + p->alpha / (float)p->size * sum, -p->beta);
    }
    for (size_t i = 0; out->type == FACET__F32 && i < n; i++)
        ((float *)out->data)[pixel * all + c + i] = y[i];
    facet__store(t->run, out, pixel * all + c, n, y);
}

static void lrn_pixel(void *context, size_t pixel, int thread)
{
    const lrn_run *t = context;
    const size_t all = facet__view_c(facet__out(t->step, t->run, 0));

    (void)thread;
    for (size_t c = 0; c < all; c += CHANNELS)
        lrn_part(t, pixel, c, all - c < CHANNELS ? all - c : CHANNELS, all);
}

static void run_lrn(const facet__step *step, const facet__run *run)
{
    lrn_run t = { step, run };

    facet__pool_run(
        run->pool, facet__view_pixels(facet__out(step, run, 0)), lrn_pixel, &t);
}

const facet__step_class facet__step_lrn = { .name = "lrn", .run = run_lrn };
