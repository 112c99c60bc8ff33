/* SPDX-License-Identifier: Apache-2.0 */
/* step_upsample.c - Resize and Upsample of NHWC maps, a task an output row. */
#include <math.h>
#include <string.h>

#include "nn/engine/params.h"

enum { CHANNELS = 512 };

typedef struct resize_run {
    const facet__step *step;
    const facet__run *run;
} resize_run;

/* One axis: the sizes there are, and the scale the model gives. */
typedef struct axis {
    size_t in, out;
    double scale;
} axis;

/* `x` of the output's pixels in those of the input. A scale whose product was
 * no whole number is not the ratio of the sizes. */
static double shrunk(const axis *a, double x)
{
    const bool exact =
        a->scale == 0.0 || (double)a->in * a->scale == (double)a->out;

    return exact ? x * ((double)a->in / (double)a->out) : x / a->scale;
}

/* Where output position `o` lies in the input. */
static double source(const facet__upsample_params *p, const axis *a, size_t o)
{
    switch (p->coordinates) {
    case FACET__COORD_HALF_PIXEL:
        return shrunk(a, (double)o + 0.5) - 0.5;
    case FACET__COORD_ALIGN_CORNERS:
        return a->out > 1
                   ? (double)o * (double)(a->in - 1) / (double)(a->out - 1)
                   : 0.0;
    default:
        return shrunk(a, (double)o);
    }
}

static size_t limit(double x, size_t size)
{
    return x <= 0.0 ? 0 : x >= (double)(size - 1) ? size - 1 : (size_t)x;
}

/* Two neighbours and the weight of the second. */
typedef struct blend {
    size_t a, b;
    float t;
} blend;

static blend blend_of(const facet__upsample_params *p, const axis *a, size_t o)
{
    const double x = source(p, a, o);
    const size_t in = a->in;
    blend m;

    if (!p->linear) {
        m.a = m.b = limit(p->round_nearest ? ceil(x - 0.5) : floor(x), in);
        m.t = 0.0f;
        return m;
    }
    m.a = limit(floor(x), in);
    m.b = limit(floor(x) + 1.0, in);
    m.t = x <= 0.0 ? 0.0f : (float)(x - floor(x));
    return m;
}

/* y += weight * pixel */
static void add_pixel(
    const resize_run *t, size_t at, size_t n, float weight, float *y)
{
    float buffer[CHANNELS], scaled[CHANNELS];
    const float *x =
        facet__floats(t->run, facet__in(t->step, t->run, 0), at, n, buffer);

    if (weight == 0.0f)
        return;
    memcpy(scaled, x, n * sizeof *scaled);
    t->run->kernels->vec->scale(weight, scaled, n);
    t->run->kernels->vec->accumulate(scaled, y, n);
}

static void linear_pixel(
    const resize_run *t, const size_t line[2], blend by, blend bx, size_t at)
{
    const facet__view *out = facet__out(t->step, t->run, 0);
    const size_t channels = facet__view_c(out);

    for (size_t c = 0; c < channels; c += CHANNELS) {
        const size_t n = channels - c < CHANNELS ? channels - c : CHANNELS;
        float y[CHANNELS] = { 0 };

        add_pixel(
            t, (line[0] + bx.a) * channels + c, n, (1 - by.t) * (1 - bx.t), y);
        add_pixel(t, (line[0] + bx.b) * channels + c, n, (1 - by.t) * bx.t, y);
        add_pixel(t, (line[1] + bx.a) * channels + c, n, by.t * (1 - bx.t), y);
        add_pixel(t, (line[1] + bx.b) * channels + c, n, by.t * bx.t, y);
        if (out->type == FACET__F32)
            memcpy((float *)out->data + at + c, y, n * sizeof *y);
        else
            facet__store(t->run, out, at + c, n, y);
    }
}

static void resize_row(void *context, size_t row, int thread)
{
    const resize_run *t = context;
    const facet__upsample_params *p = t->step->params;
    const facet__view *in = facet__in(t->step, t->run, 0);
    const facet__view *out = facet__out(t->step, t->run, 0);
    const size_t h = facet__view_h(out), w = facet__view_w(out);
    const size_t bytes = facet__view_c(out) * facet__dtype_size(out->type);
    const axis y = { facet__view_h(in), h, p->scale[0] };
    const axis along = { facet__view_w(in), w, p->scale[1] };
    const blend by = blend_of(p, &y, row % h);
    const size_t image = row / h * facet__view_h(in);
    const size_t line[2] = { (image + by.a) * facet__view_w(in),
        (image + by.b) * facet__view_w(in) };

    (void)thread;
    for (size_t x = 0; x < w; x++) {
        const blend bx = blend_of(p, &along, x);

        if (p->linear)
            linear_pixel(t, line, by, bx, (row * w + x) * facet__view_c(out));
        else
            memcpy((char *)out->data + (row * w + x) * bytes,
                (const char *)in->data + (line[0] + bx.a) * bytes, bytes);
    }
}

static void run_upsample(const facet__step *step, const facet__run *run)
{
    const facet__view *out = facet__out(step, run, 0);
    resize_run t = { step, run };

    facet__pool_run(
        run->pool, facet__view_n(out) * facet__view_h(out), resize_row, &t);
}

/* Height and width alone are resized. */
static bool upsample_fits(const facet__step *step, const facet__run *run)
{
    const facet__view *in = facet__in(step, run, 0);
    const facet__view *out = facet__out(step, run, 0);

    return facet__view_n(in) == facet__view_n(out) &&
           facet__view_c(in) == facet__view_c(out);
}

const facet__step_class facet__step_upsample = {
    .name = "upsample", .run = run_upsample, .fits = upsample_fits
};
