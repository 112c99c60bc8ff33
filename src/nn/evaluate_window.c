/* SPDX-License-Identifier: Apache-2.0 */
/* evaluate_window.c - convolutions, pools, products and resizing in plain C:
 * the textbook's loops, sums in double. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "nn/evaluate.h"
#include "nn/shapes.h"

/* A map's sizes. */
typedef struct map {
    int64_t n, c, h, w;
} map;

static map map_of(const facet__shape *s)
{
    return (map){ s->d[0], s->d[1], s->d[2], s->d[3] };
}

/* The window's positions inside [0, size) along one axis, for output `at`. */
static int64_t row_of(const facet__window *w, int axis, int64_t at, int64_t k)
{
    return at * w->stride[axis] - w->pad_begin[axis] + k * w->dilation[axis];
}

/* The sum over channels and window of x * filter, for one output position.
 * x: first channel's plane; f: [channels, kh, kw]. */
static double correlate(const float *x, const map *in, int64_t channels,
    const float *f, const facet__window *w, int64_t oy, int64_t ox)
{
    double sum = 0.0;

    for (int64_t c = 0; c < channels; c++)
        for (int64_t ky = 0; ky < w->kernel[0]; ky++) {
            const int64_t y = row_of(w, 0, oy, ky);

            if (y < 0 || y >= in->h)
                continue;
            for (int64_t kx = 0; kx < w->kernel[1]; kx++) {
                const int64_t at = row_of(w, 1, ox, kx);

                if (at >= 0 && at < in->w)
                    sum +=
                        (double)x[(c * in->h + y) * in->w + at] *
                        (double)f[(c * w->kernel[0] + ky) * w->kernel[1] + kx];
            }
        }
    return sum;
}

/* The optional bias, of `count` numbers. False when it does not fit. */
static bool take_bias(
    const facet__op_call *c, int64_t count, const float **bias)
{
    *bias = facet__call_floats(c, 2);
    return !c->in[2] ||
           (*bias && facet__shape_count(&c->in[2]->data->shape) == count);
}

facet_status facet__evaluate_conv(
    const facet__op_call *c, facet__tensor *const *out)
{
    const float *x = facet__call_floats(c, 0), *f = facet__call_floats(c, 1),
                *bias;
    const facet__shape *fs = &c->in[1]->shape;
    const int64_t groups = facet__node_int(c->node, "group", 1);
    const map in = map_of(&c->in[0]->shape), to = map_of(&out[0]->shape);
    const int64_t per_group = to.c / groups, channels = fs->d[1];
    facet__window w;
    float *y = out[0]->data;

    if (!x || !f || !take_bias(c, to.c, &bias))
        return FACET_EUNSUPPORTED;
    if (facet__window_of(
            c->node, &c->in[0]->shape.d[2], &fs->d[2], &w, c->err) != FACET_OK)
        return FACET_EMODEL;
    for (int64_t i = 0; i < facet__shape_count(&out[0]->shape); i++) {
        const int64_t ox = i % to.w, oy = i / to.w % to.h;
        const int64_t o = i / (to.w * to.h) % to.c;
        const int64_t n = i / (to.w * to.h * to.c);
        const int64_t first = n * in.c + o / per_group * channels;

        y[i] = (float)(correlate(x + first * in.h * in.w, &in, channels,
                           f + o * channels * fs->d[2] * fs->d[3], &w, oy, ox) +
                       (bias ? (double)bias[o] : 0.0));
    }
    return FACET_OK;
}

/* The same with the filter of one position, [kh, kw, channels, out], and its
 * output `o`. x: the image. */
static double correlate_local(const float *x, const map *in, const float *f,
    const facet__shape *fs, const facet__window *w, int64_t oy, int64_t ox)
{
    double sum = 0.0;

    for (int64_t ky = 0; ky < w->kernel[0]; ky++)
        for (int64_t kx = 0; kx < w->kernel[1]; kx++) {
            const int64_t y = row_of(w, 0, oy, ky), at = row_of(w, 1, ox, kx);
            const float *tap =
                f + (ky * w->kernel[1] + kx) * fs->d[3] * fs->d[4];

            if (y < 0 || y >= in->h || at < 0 || at >= in->w)
                continue;
            for (int64_t c = 0; c < in->c; c++)
                sum += (double)x[(c * in->h + y) * in->w + at] *
                       (double)tap[c * fs->d[4]];
        }
    return sum;
}

/* Filters [positions, kh, kw, channels, out], bias [positions, out]. */
facet_status facet__evaluate_local_conv(
    const facet__op_call *c, facet__tensor *const *out)
{
    const float *x = facet__call_floats(c, 0), *f = facet__call_floats(c, 1),
                *bias;
    const facet__shape *fs = &c->in[1]->shape;
    const map in = map_of(&c->in[0]->shape), to = map_of(&out[0]->shape);
    const int64_t filter = fs->d[1] * fs->d[2] * fs->d[3] * fs->d[4];
    facet__window w;
    float *y = out[0]->data;

    if (!x || !f || fs->d[3] != in.c ||
        !take_bias(c, fs->d[0] * fs->d[4], &bias))
        return FACET_EUNSUPPORTED;
    if (facet__window_of(
            c->node, &c->in[0]->shape.d[2], &fs->d[1], &w, c->err) != FACET_OK)
        return FACET_EMODEL;
    for (int64_t i = 0; i < facet__shape_count(&out[0]->shape); i++) {
        const int64_t place = i % (to.w * to.h);
        const int64_t o = i / (to.w * to.h) % to.c;
        const int64_t n = i / (to.w * to.h * to.c);

        y[i] = (float)(correlate_local(x + n * in.c * in.h * in.w, &in,
                           f + place * filter + o, fs, &w, place / to.w,
                           place % to.w) +
                       (bias ? (double)bias[place * to.c + o] : 0.0));
    }
    return FACET_OK;
}

/* pools */

typedef struct pooling {
    facet__op_kind op;
    bool count_padding;
    double p; /* of LpPool */
    map in;
    facet__window w;
} pooling;

static double pool_take(const pooling *p, double sum, double v)
{
    switch (p->op) {
    case FACET__OP_MAX_POOL:
    case FACET__OP_GLOBAL_MAX_POOL:
        return v > sum ? v : sum;
    case FACET__OP_LP_POOL:
        return sum + (p->p == 2.0 ? v * v : pow(fabs(v), p->p));
    default:
        return sum + v;
    }
}

static bool inside(int64_t at, int64_t size)
{
    return at >= 0 && at < size;
}

/* One output. The average counts positions in the picture or, where padding
 * counts, in the padded picture; what hangs over that for ceil_mode never
 * counts. */
static double pool_one(
    const pooling *p, const float *plane, int64_t oy, int64_t ox)
{
    const facet__window *w = &p->w;
    double sum = p->op == FACET__OP_MAX_POOL ? -(double)INFINITY : 0.0;
    int64_t count = 0;

    for (int64_t ky = 0; ky < w->kernel[0]; ky++)
        for (int64_t kx = 0; kx < w->kernel[1]; kx++) {
            const int64_t y = row_of(w, 0, oy, ky), x = row_of(w, 1, ox, kx);

            if (inside(y, p->in.h) && inside(x, p->in.w)) {
                sum = pool_take(p, sum, (double)plane[y * p->in.w + x]);
                count++;
            } else if (p->count_padding && y < p->in.h + w->pad_end[0] &&
                       x < p->in.w + w->pad_end[1]) {
                count++;
            }
        }
    if (p->op == FACET__OP_LP_POOL)
        return p->p == 2.0 ? sqrt(sum) : pow(sum, 1.0 / p->p);
    if (p->op == FACET__OP_AVERAGE_POOL)
        return count ? sum / (double)count : 0.0;
    return sum;
}

facet_status facet__evaluate_pool(
    const facet__op_call *c, facet__tensor *const *out)
{
    const facet__attr *kernel = facet__node_attr(c->node, "kernel_shape");
    const map to = map_of(&out[0]->shape);
    const float *x = facet__call_floats(c, 0);
    pooling p = { .op = c->node->op, .in = map_of(&c->in[0]->shape) };
    float *y = out[0]->data;

    p.count_padding = facet__node_int(c->node, "count_include_pad", 0) != 0;
    p.p = (double)facet__node_int(c->node, "p", 2);
    if (!x || p.p < 1.0)
        return FACET_EUNSUPPORTED;
    if (facet__window_of(c->node, &c->in[0]->shape.d[2], kernel->ints, &p.w,
            c->err) != FACET_OK)
        return FACET_EMODEL;
    for (int64_t i = 0; i < facet__shape_count(&out[0]->shape); i++)
        y[i] = (float)pool_one(&p, x + i / (to.h * to.w) * p.in.h * p.in.w,
            i / to.w % to.h, i % to.w);
    return FACET_OK;
}

facet_status facet__evaluate_global_pool(
    const facet__op_call *c, facet__tensor *const *out)
{
    const bool max = c->node->op == FACET__OP_GLOBAL_MAX_POOL;
    const int64_t planes = facet__shape_count(&out[0]->shape);
    const int64_t area =
        planes ? facet__shape_count(&c->in[0]->shape) / planes : 0;
    const float *x = facet__call_floats(c, 0);
    float *y = out[0]->data;

    if (!x || area < 1)
        return FACET_EUNSUPPORTED;
    for (int64_t i = 0; i < planes; i++) {
        double sum = max ? -(double)INFINITY : 0.0;

        for (int64_t k = 0; k < area; k++) {
            const double v = (double)x[i * area + k];

            sum = !max ? sum + v : v > sum ? v : sum;
        }
        y[i] = (float)(max ? sum : sum / (double)area);
    }
    return FACET_OK;
}

/* products */

/* sum over k of a[k * da] * b[k * db] */
static double dot(
    const float *a, int64_t da, const float *b, int64_t db, int64_t count)
{
    double sum = 0.0;

    for (int64_t k = 0; k < count; k++)
        sum += (double)a[k * da] * (double)b[k * db];
    return sum;
}

/* Element (i, j) of C, which is broadcast to [rows, cols]. */
static double addend(
    const facet__shape *s, const float *data, int64_t i, int64_t j)
{
    const int64_t cols = s->n > 0 ? s->d[s->n - 1] : 1;
    const int64_t rows = s->n > 1 ? s->d[s->n - 2] : 1;

    return (double)data[(rows == 1 ? 0 : i) * cols + (cols == 1 ? 0 : j)];
}

static bool fits(const facet__shape *s, int64_t rows, int64_t cols)
{
    return s->n <= 2 &&
           (s->n < 1 || s->d[s->n - 1] == 1 || s->d[s->n - 1] == cols) &&
           (s->n < 2 || s->d[0] == 1 || s->d[0] == rows);
}

facet_status facet__evaluate_gemm(
    const facet__op_call *c, facet__tensor *const *out)
{
    const bool ta = facet__node_int(c->node, "transA", 0) != 0;
    const bool tb = facet__node_int(c->node, "transB", 0) != 0;
    const double alpha = (double)facet__node_float(c->node, "alpha", 1.0f);
    const double beta = (double)facet__node_float(c->node, "beta", 1.0f);
    const facet__shape *sa = &c->in[0]->shape, *sb = &c->in[1]->shape;
    const int64_t rows = out[0]->shape.d[0], cols = out[0]->shape.d[1];
    const int64_t count = sa->d[ta ? 0 : 1];
    const float *a = facet__call_floats(c, 0), *b = facet__call_floats(c, 1);
    const float *add = facet__call_floats(c, 2);
    float *y = out[0]->data;

    if (!a || !b || (c->in[2] && !add) ||
        (add && !fits(&c->in[2]->shape, rows, cols)))
        return FACET_EUNSUPPORTED;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) {
            const double product =
                dot(a + (ta ? i : i * count), ta ? sa->d[1] : 1,
                    b + (tb ? j * count : j), tb ? 1 : sb->d[1], count);

            y[i * cols + j] =
                (float)(alpha * product +
                        (add ? beta * addend(&c->in[2]->shape, add, i, j)
                             : 0.0));
        }
    return FACET_OK;
}

/* Where the matrix of `s` begins that belongs to output matrix `index`. */
static int64_t matrix_offset(
    const facet__shape *s, const facet__shape *out, int64_t index)
{
    int64_t step = s->d[s->n - 2] * s->d[s->n - 1], at = 0;

    for (int k = out->n - 3; k >= 0; k--) {
        const int own = k - (out->n - s->n);

        if (own >= 0) {
            at += s->d[own] == 1 ? 0 : index % out->d[k] * step;
            step *= s->d[own];
        }
        index /= out->d[k];
    }
    return at;
}

facet_status facet__evaluate_matmul(
    const facet__op_call *c, facet__tensor *const *out)
{
    const facet__shape *sa = &c->in[0]->shape, *sb = &c->in[1]->shape;
    const facet__shape *s = &out[0]->shape;
    const int64_t rows = s->d[s->n - 2], cols = s->d[s->n - 1];
    const int64_t count = sa->d[sa->n - 1];
    const float *a = facet__call_floats(c, 0), *b = facet__call_floats(c, 1);
    float *y = out[0]->data;

    if (!a || !b)
        return FACET_EUNSUPPORTED;
    for (int64_t i = 0; i < facet__shape_count(s); i++) {
        const int64_t matrix = i / (rows * cols);

        y[i] = (float)dot(
            a + matrix_offset(sa, s, matrix) + i / cols % rows * count, 1,
            b + matrix_offset(sb, s, matrix) + i % cols, cols, count);
    }
    return FACET_OK;
}

/* resizing */

typedef struct axis_map {
    int64_t in, out;
    double scale; /* out / in, as the model says it */
} axis_map;

typedef struct resizing {
    bool linear;
    const char *coordinates, *nearest;
    int n;
    axis_map axis[FACET__MAX_DIMS];
} resizing;

/* Where output position `at` lies in the input. */
static double source_of(const resizing *r, const axis_map *a, int64_t at)
{
    if (strcmp(r->coordinates, "align_corners") == 0)
        return a->out == 1
                   ? 0.0
                   : (double)at * (double)(a->in - 1) / (double)(a->out - 1);
    if (strcmp(r->coordinates, "asymmetric") == 0)
        return (double)at / a->scale;
    if (strcmp(r->coordinates, "pytorch_half_pixel") == 0 && a->out == 1)
        return 0.0;
    return ((double)at + 0.5) / a->scale - 0.5;
}

static double round_nearest(const char *mode, double x)
{
    if (strcmp(mode, "floor") == 0)
        return floor(x);
    if (strcmp(mode, "ceil") == 0)
        return ceil(x);
    if (strcmp(mode, "round_prefer_ceil") == 0)
        return floor(x + 0.5);
    return ceil(x - 0.5); /* round_prefer_floor */
}

/* What is no number becomes 0. */
static double clamp(double x, int64_t size)
{
    return x > 0.0 ? fmin(x, (double)(size - 1)) : 0.0;
}

/* The weighted sum over the corners around `x` in the dimensions from `k` on;
 * `offset` counts elements of those before. */
static double sample(const resizing *r, const float *data, const double *x,
    int k, int64_t offset)
{
    double low, part;
    int64_t next;

    if (k == r->n)
        return (double)data[offset];
    low = floor(x[k]);
    part = x[k] - low;
    next = offset * r->axis[k].in + (int64_t)low;
    if (part == 0.0)
        return sample(r, data, x, k + 1, next);
    return (1.0 - part) * sample(r, data, x, k + 1, next) +
           part * sample(r, data, x, k + 1, next + 1);
}

static bool read_resizing(
    const facet__op_call *c, const facet__shape *out, resizing *r)
{
    const facet__shape *in = &c->in[0]->shape;
    const char *mode = facet__node_string(c->node, "mode", "nearest");
    const float *scales = facet__call_floats(c, 2);
    const bool has_scales =
        scales && facet__shape_count(&c->in[2]->data->shape) == in->n;

    r->n = in->n;
    r->linear = strcmp(mode, "linear") == 0 || strcmp(mode, "bilinear") == 0;
    r->coordinates = facet__node_string(
        c->node, "coordinate_transformation_mode", "half_pixel");
    r->nearest =
        facet__node_string(c->node, "nearest_mode", "round_prefer_floor");
    for (int i = 0; i < r->n; i++) {
        r->axis[i] = (axis_map){ in->d[i], out->d[i],
            has_scales ? (double)scales[i]
                       : (double)out->d[i] / (double)in->d[i] };
        if (in->d[i] < 1)
            return false;
    }
    return (!has_scales || facet__scales_are_usable(scales, r->n)) &&
           (r->linear || strcmp(mode, "nearest") == 0) &&
           strncmp(r->coordinates, "tf_", 3) != 0;
}

facet_status facet__evaluate_resize(
    const facet__op_call *c, facet__tensor *const *out)
{
    const float *data = facet__call_floats(c, 0);
    float *y = out[0]->data;
    resizing r;

    if (!data || !read_resizing(c, &out[0]->shape, &r))
        return FACET_EUNSUPPORTED;
    for (int64_t i = 0; i < facet__shape_count(&out[0]->shape); i++) {
        double x[FACET__MAX_DIMS];
        int64_t rest = i;

        for (int k = r.n - 1; k >= 0; k--) {
            x[k] = source_of(&r, &r.axis[k], rest % r.axis[k].out);
            rest /= r.axis[k].out;
            if (!r.linear)
                x[k] = round_nearest(r.nearest, x[k]);
            x[k] = clamp(x[k], r.axis[k].in);
        }
        y[i] = (float)sample(&r, data, x, 0, 0);
    }
    return FACET_OK;
}
