/* SPDX-License-Identifier: Apache-2.0 */
/* step_conv.c - convolutions and dense layers as matrix products.
 *
 * Output pixels are the rows of the product. A 1x1 convolution reads its rows
 * where they lie; any other gathers, for a chunk of rows at a time, what each
 * output pixel sees (im2col, but only ever a chunk that stays in cache).
 * Chunks go to threads; in a chunk the columns' blocks run one after the other
 * over the same rows. */
#include <string.h>

#include "nn/engine/conv_params.h"

enum {
    CHUNK_BYTES = 160 << 10, /* of gathered rows: they share L2 with B */
    TILE = 14,               /* rows of the widest kernel's tile */
};

typedef struct conv_run {
    const facet__step *step;
    const facet__run *run;
    const conv_params *p;
    const facet__view *in, *out;
    const facet__window *window;
    bool direct;  /* rows are read in place */
    size_t rows;  /* output pixels */
    size_t k;     /* depth as the kernel wants it */
    size_t pitch; /* numbers from one gathered row to the next */
    size_t chunk; /* rows of a task */
    size_t parts; /* tasks a chunk is split into by columns */
} conv_run;

static size_t depth(const conv_params *p)
{
    return facet__gemm_depth(p->k, p->type);
}

static size_t element(const conv_params *p)
{
    return facet__dtype_size(p->type);
}

static bool is_pointwise(const conv_params *p, const facet__window *w)
{
    return p->kernel_h == 1 && p->kernel_w == 1 &&
           (!w || (w->stride[0] == 1 && w->stride[1] == 1 &&
                      w->pad_begin[0] == 0 && w->pad_begin[1] == 0 &&
                      w->pad_end[0] == 0 && w->pad_end[1] == 0));
}

static size_t pixels_of(const facet__view *v)
{
    return v->layout == FACET__NHWC
               ? facet__view_pixels(v)
               : facet__view_count(v) / (size_t)v->shape.d[v->shape.n - 1];
}

/* Rows a multiple of 1 KiB apart share few sets of L1, and a tile of fourteen
 * pushes its own numbers out. */
static bool crowds(size_t k, size_t element)
{
    return k * element % 1024 == 0;
}

static conv_run setup(const facet__step *step, const facet__run *run)
{
    const conv_params *p = step->params;
    conv_run c = { .step = step, .run = run, .p = p };
    const size_t threads = (size_t)facet__pool_size(run->pool);
    size_t chunks;

    c.in = facet__in(step, run, 0);
    c.out = facet__out(step, run, 0);
    c.window = step->windowed ? run->window : NULL;
    c.rows = pixels_of(c.out);
    c.k = depth(p);
    c.direct = is_pointwise(p, c.window) && p->groups == 1 &&
               c.in->type == facet__conv_reads(p) && c.k == p->k;
    c.pitch = c.k + (crowds(c.k, element(p)) ? 64 / element(p) : 0);
    c.chunk = CHUNK_BYTES / (c.pitch * element(p)) / TILE * TILE;
    c.chunk = c.chunk < 4 * TILE ? 4 * TILE : c.chunk;
    if (c.chunk * threads > c.rows) /* at least a chunk a thread */
        c.chunk = ((c.rows + threads - 1) / threads + TILE - 1) / TILE * TILE;
    chunks = (c.rows + c.chunk - 1) / c.chunk;
    c.parts = chunks >= threads ? 1 : (threads + chunks - 1) / chunks;
    return c;
}

static size_t scratch(const facet__step *step, const facet__run *run)
{
    const conv_run c = setup(step, run);

    return c.direct ? 0 : c.chunk * c.pitch * element(c.p);
}

/* `count` channels of a pixel, or of one outside for NULL. */
static inline void copy_channels(
    const conv_run *c, const char *from, char *to, size_t count)
{
    facet__conv_copy(c->p, c->run->kernels, c->in, from, to, count);
}

/* What one tap of row `y` (NULL: outside) from column x on contributes. */
static char *gather_row(
    const conv_run *c, const char *line, int64_t x, size_t group, char *to)
{
    const conv_params *p = c->p;
    const size_t in_size = facet__dtype_size(c->in->type);
    const int64_t width = c->in->shape.d[3];
    const int64_t step = c->window->dilation[1];
    const size_t channels = facet__view_c(c->in);
    const int64_t last = x + (int64_t)(p->kernel_w - 1) * step;

    if (line && step == 1 && x >= 0 && last < width && p->groups == 1) {
        copy_channels(c, line + (size_t)x * channels * in_size, to,
            channels * p->kernel_w);
        return to + channels * p->kernel_w * element(p);
    }
    for (size_t kx = 0; kx < p->kernel_w; kx++, x += step) {
        const bool in = line && x >= 0 && x < width;

        copy_channels(c,
            in ? line + ((size_t)x * channels + group * p->in_group) * in_size
               : NULL,
            to, p->in_group);
        to += p->in_group * element(p);
    }
    return to;
}

static void gather_pixel(const conv_run *c, size_t row, size_t group, char *to)
{
    const facet__window *w = c->window;
    const size_t out_w = facet__view_w(c->out), out_h = facet__view_h(c->out);
    const size_t line_bytes = facet__view_w(c->in) * facet__view_c(c->in) *
                              facet__dtype_size(c->in->type);
    const size_t image = row / (out_w * out_h);
    const int64_t oy = (int64_t)(row / out_w % out_h);
    const int64_t ox = (int64_t)(row % out_w);
    char *const begin = to;

    for (size_t ky = 0; ky < c->p->kernel_h; ky++) {
        const int64_t y =
            oy * w->stride[0] - w->pad_begin[0] + (int64_t)ky * w->dilation[0];
        const bool in = y >= 0 && y < c->in->shape.d[2];
        const char *line =
            in ? (const char *)c->in->data +
                     (image * facet__view_h(c->in) + (size_t)y) * line_bytes
               : NULL;

        to =
            gather_row(c, line, ox * w->stride[1] - w->pad_begin[1], group, to);
    }
    memset(to, 0, c->k * element(c->p) - (size_t)(to - begin));
}

/* Rows of a PLAIN input (a dense layer) in the kernel's type. */
static void gather_plain(const conv_run *c, size_t row, char *to)
{
    copy_channels(c,
        (const char *)c->in->data +
            row * c->p->k * facet__dtype_size(c->in->type),
        to, c->p->k);
    memset(to + c->p->k * element(c->p), 0, (c->k - c->p->k) * element(c->p));
}

static facet__epilogue epilogue_at(const conv_run *c, size_t row, size_t column)
{
    facet__epilogue e = facet__conv_epilogue(c->p, column);

    if (c->p->tail.residual) {
        const facet__view *r = facet__in(c->step, c->run, 1);

        e.residual = facet__view_at(r, row * c->p->out + column);
        e.residual_stride = c->p->out;
        e.residual_type = r->type;
    }
    return e;
}

/* Rows [first, first + m) of a group, the blocks of columns of one part. */
static void multiply(const conv_run *c, const void *a, size_t a_stride,
    size_t first, size_t m, size_t group, size_t part)
{
    const conv_params *p = c->p;
    const size_t columns = p->out / p->groups;
    const size_t blocks = (columns + FACET__NR - 1) / FACET__NR;
    const size_t from = blocks * part / c->parts;
    const size_t to = blocks * (part + 1) / c->parts;
    const char *b = (const char *)p->packed + group * p->packed_group;

    for (size_t i = from; i < to; i++) {
        const size_t n0 = i * FACET__NR, column = group * columns + n0;
        const size_t left = columns - n0;
        facet__gemm_panel panel = { .a = a,
            .a_stride = a_stride,
            .m = m,
            .k = c->k,
            .b = b + n0 * c->k * element(p),
            .n = left < FACET__NR ? left : FACET__NR,
            .c = facet__view_at(c->out, first * p->out + column),
            .c_stride = p->out,
            .c_type = c->out->type,
            .epilogue = epilogue_at(c, first, column) };

        facet__kernels_gemm(c->run->kernels, p->type)(&panel);
    }
}

/* Rows [first, first + m) of the product, at most a chunk. */
static void chunk_of_rows(
    const conv_run *c, int thread, size_t first, size_t m, size_t part)
{
    char *const gathered =
        c->run->scratch + (size_t)thread * c->run->scratch_stride;
    const size_t row_bytes = c->pitch * element(c->p);

    if (c->direct) {
        multiply(
            c, facet__view_at(c->in, first * c->k), c->k, first, m, 0, part);
        return;
    }
    for (size_t g = 0; g < c->p->groups; g++) {
        for (size_t i = 0; i < m; i++)
            if (c->window)
                gather_pixel(c, first + i, g, gathered + i * row_bytes);
            else
                gather_plain(c, first + i, gathered + i * row_bytes);
        multiply(c, gathered, c->pitch, first, m, g, part);
    }
}

static void task(void *context, size_t index, int thread)
{
    const conv_run *c = context;
    const size_t first = index / c->parts * c->chunk;
    const size_t m = c->rows - first < c->chunk ? c->rows - first : c->chunk;

    chunk_of_rows(c, thread, first, m, index % c->parts);
}

static void run_conv(const facet__step *step, const facet__run *run)
{
    conv_run c = setup(step, run);
    const size_t chunks = (c.rows + c.chunk - 1) / c.chunk;

    facet__pool_run(run->pool, chunks * c.parts, task, &c);
}

/* Rows of the map: whole lines of the product's rows. */
static void map_rows(const facet__step *step, const facet__run *run, int thread,
    size_t first, size_t end)
{
    conv_run c = setup(step, run);
    const size_t width = facet__view_w(c.out);

    c.parts = 1;
    for (size_t i = first * width; i < end * width; i += c.chunk)
        chunk_of_rows(&c, thread, i,
            end * width - i < c.chunk ? end * width - i : c.chunk, 0);
}

const facet__step_class facet__step_conv = { .name = "conv",
    .scratch = scratch,
    .run = run_conv,
    .rows = map_rows,
    .free = facet__conv_free };
