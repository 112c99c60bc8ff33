/* SPDX-License-Identifier: Apache-2.0 */
/* step_winograd.c - 3x3 convolutions of stride 1 by winograd.h.
 *
 * The output is cut into tiles of 2x2 pixels, counted through all images. For
 * a chunk of tiles, small enough that what is made of them stays in cache, the
 * input is transformed into sixteen matrices [tile][channel]; then, for each
 * block of output columns, sixteen products make [place][tile][column], which
 * is transformed into output pixels. Chunks go to threads, and where they are
 * fewer, parts of the columns. */
#include <math.h>
#include <string.h>

#include "nn/engine/conv_params.h"

enum {
    PLACES = FACET__WINOGRAD_PLACES,
    CHUNK_BYTES = 512 << 10, /* of transformed input */
    TILE = 14,               /* rows of the widest kernel's tile */
};

typedef struct winograd_run {
    const facet__step *step;
    const facet__run *run;
    const conv_params *p;
    const facet__view *in, *out;
    size_t across, down;      /* tiles of an image */
    size_t tiles;             /* of all images */
    size_t chunk, parts;      /* tiles of a task; tasks that share a chunk */
    size_t element;           /* bytes of a transformed number */
    size_t pitch;             /* numbers from tile to tile */
    size_t zeros, made, sums; /* bytes of the three pieces of scratch */
} winograd_run;

static size_t padded(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

/* Tiles a multiple of 256 bytes apart would share few sets of L1. */
static size_t pitch_of(size_t channels, size_t element)
{
    return channels * element % 256 == 0 ? channels + 64 / element : channels;
}

static winograd_run setup(const facet__step *step, const facet__run *run)
{
    const size_t threads = (size_t)facet__pool_size(run->pool);
    winograd_run r = { .step = step,
        .run = run,
        .p = step->params,
        .in = facet__in(step, run, 0),
        .out = facet__out(step, run, 0) };
    size_t row, chunks;

    r.element = facet__dtype_size(r.p->type);
    r.across = (facet__view_w(r.out) + 1) / 2;
    r.down = (facet__view_h(r.out) + 1) / 2;
    r.tiles = facet__view_n(r.out) * r.across * r.down;
    r.pitch = pitch_of(r.p->in_group, r.element);
    row = PLACES * r.pitch * r.element;
    r.chunk = CHUNK_BYTES / row / TILE * TILE;
    r.chunk = r.chunk < 2 * TILE ? 2 * TILE : r.chunk;
    if (r.chunk * threads > r.tiles) /* at least a chunk a thread */
        r.chunk = ((r.tiles + threads - 1) / threads + TILE - 1) / TILE * TILE;
    r.chunk = r.chunk < r.tiles ? r.chunk : r.tiles;
    chunks = (r.tiles + r.chunk - 1) / r.chunk;
    r.parts = chunks >= threads ? 1 : (threads + chunks - 1) / chunks;
    r.zeros = padded(r.p->in_group * 4);
    r.made = padded(r.chunk * row);
    r.sums = PLACES * r.chunk * FACET__NR * sizeof(float);
    return r;
}

static size_t scratch(const facet__step *step, const facet__run *run)
{
    const winograd_run r = setup(step, run);

    return r.zeros + r.made + r.sums;
}

/* The first output pixel of a tile. */
typedef struct corner {
    size_t image;
    int64_t y, x;
} corner;

static corner corner_of(const winograd_run *r, size_t tile)
{
    const size_t row = tile / r->across;

    return (corner){ row / r->down, 2 * (int64_t)(row % r->down),
        2 * (int64_t)(tile % r->across) };
}

/* Pixel y, x of a view, or `outside` where there is none. */
static void *pixel_at(
    const facet__view *v, size_t image, int64_t y, int64_t x, void *outside)
{
    const size_t row = image * facet__view_h(v) + (size_t)y;

    if (y < 0 || y >= v->shape.d[2] || x < 0 || x >= v->shape.d[3])
        return outside;
    return facet__view_at(
        v, (row * facet__view_w(v) + (size_t)x) * facet__view_c(v));
}

static void transform_in(
    const winograd_run *r, size_t first, size_t count, char *zeros, char *made)
{
    const facet__window *w = r->run->window;
    const size_t channels = r->p->in_group;
    facet__winograd_in t = { .channels = channels,
        .from_bf16 = r->in->type == FACET__BF16,
        .to_bf16 = r->p->type == FACET__BF16,
        .to_stride = r->chunk * r->pitch };

    memset(zeros, 0, r->zeros);
    for (size_t i = 0; i < count; i++) {
        const corner c = corner_of(r, first + i);

        for (int k = 0; k < PLACES; k++)
            t.pixel[k] = pixel_at(r->in, c.image, c.y - w->pad_begin[0] + k / 4,
                c.x - w->pad_begin[1] + k % 4, zeros);
        t.to = made + i * r->pitch * r->element;
        r->run->kernels->winograd->in(&t);
    }
}

/* The sixteen products of a chunk with the columns from n0 on. */
static void multiply(const winograd_run *r, size_t count, size_t n0, size_t n,
    const char *made, float *sums)
{
    static const float no_bias[FACET__NR];
    const conv_params *p = r->p;
    facet__gemm_kernel *kernel = facet__kernels_gemm(r->run->kernels, p->type);

    for (size_t k = 0; k < PLACES; k++) {
        const facet__gemm_panel panel = { .a = made + k * r->chunk * r->pitch *
                                                          r->element,
            .a_stride = r->pitch,
            .m = count,
            .k = p->k,
            .b = (const char *)p->packed + k * p->packed_group +
                 n0 * p->k * r->element,
            .n = n,
            .c = sums + k * r->chunk * FACET__NR,
            .c_stride = FACET__NR,
            .c_type = FACET__F32,
            .epilogue = { .bias = no_bias, .lo = -INFINITY, .hi = INFINITY } };

        kernel(&panel);
    }
}

static void transform_out(const winograd_run *r, size_t first, size_t count,
    size_t n0, size_t n, const float *sums)
{
    const facet__tail *tail = &r->p->tail;
    const facet__view *residual =
        tail->residual ? facet__in(r->step, r->run, 1) : NULL;
    facet__winograd_out t = { .from_stride = r->chunk * FACET__NR,
        .n = n,
        .to_bf16 = r->out->type == FACET__BF16,
        .epilogue = { .bias = tail->bias + n0,
            .slope = tail->slope ? tail->slope + n0 : NULL,
            .lo = tail->lo,
            .hi = tail->hi,
            .residual_type = residual ? residual->type : FACET__F32,
            .residual_first = tail->residual_first } };
    const size_t out_offset = n0 * facet__dtype_size(r->out->type);

    for (size_t i = 0; i < count; i++) {
        const corner c = corner_of(r, first + i);

        for (int k = 0; k < 4; k++) {
            char *to =
                pixel_at(r->out, c.image, c.y + k / 2, c.x + k % 2, NULL);

            t.pixel[k] = to ? to + out_offset : NULL;
            if (residual && to)
                t.residual[k] = (const char *)pixel_at(residual, c.image,
                                    c.y + k / 2, c.x + k % 2, NULL) +
                                n0 * facet__dtype_size(residual->type);
        }
        t.from = sums + i * FACET__NR;
        r->run->kernels->winograd->out(&t);
    }
}

static void task(void *context, size_t index, int thread)
{
    const winograd_run *r = context;
    const size_t first = index / r->parts * r->chunk, part = index % r->parts;
    const size_t left = r->tiles - first;
    const size_t count = left < r->chunk ? left : r->chunk;
    const size_t blocks = (r->p->out + FACET__NR - 1) / FACET__NR;
    char *zeros = r->run->scratch + (size_t)thread * r->run->scratch_stride;
    char *made = zeros + r->zeros;
    float *sums = (float *)(void *)(made + r->made);

    transform_in(r, first, count, zeros, made);
    for (size_t b = blocks * part / r->parts;
         b < blocks * (part + 1) / r->parts; b++) {
        const size_t n0 = b * FACET__NR, more = r->p->out - n0;
        const size_t n = more < FACET__NR ? more : FACET__NR;

        multiply(r, count, n0, n, made, sums);
        transform_out(r, first, count, n0, n, sums);
    }
}

static void run_winograd(const facet__step *step, const facet__run *run)
{
    winograd_run r = setup(step, run);
    const size_t chunks = (r.tiles + r.chunk - 1) / r.chunk;

    facet__pool_run(run->pool, chunks * r.parts, task, &r);
}

const facet__step_class facet__step_winograd = { .name = "winograd",
    .scratch = scratch,
    .run = run_winograd,
    .free = facet__conv_free };
