/* SPDX-License-Identifier: Apache-2.0 */
/* step_lrn.c - local response normalisation across channels, a pixel at a
 * time; what it computes stands in lrn.h. */
#include "nn/engine/lrn.h"
#include "nn/engine/params.h"

typedef struct lrn_run {
    const facet__step *step;
    const facet__run *run;
} lrn_run;

static void lrn_pixel(void *context, size_t pixel, int thread)
{
    const lrn_run *t = context;
    const facet__view *out = facet__out(t->step, t->run, 0);
    const size_t n = facet__view_c(out);
    float *x = (float *)(void *)(t->run->scratch +
                                 (size_t)thread * t->run->scratch_stride);
    float *s = x + n, *factor = s + n;
    const float *from =
        facet__floats(t->run, facet__in(t->step, t->run, 0), pixel * n, n, x);
    float *to = facet__target(out, pixel * n, s);

    facet__lrn_factors(
        t->step->params, t->run->kernels->vec, from, n, s, factor);
    for (size_t c = 0; c < n; c++)
        to[c] = from[c] * factor[c];
    facet__store(t->run, out, pixel * n, n, to);
}

static size_t lrn_scratch(const facet__step *step, const facet__run *run)
{
    return 3 * facet__view_c(facet__out(step, run, 0)) * sizeof(float);
}

static void run_lrn(const facet__step *step, const facet__run *run)
{
    lrn_run t = { step, run };

    facet__pool_run(
        run->pool, facet__view_pixels(facet__out(step, run, 0)), lrn_pixel, &t);
}

const facet__step_class facet__step_lrn = {
    .name = "lrn", .scratch = lrn_scratch, .run = run_lrn
};
