/* SPDX-License-Identifier: Apache-2.0 */
/* matmul.c - blocked product with packed panels (Goto's scheme, without its
 * innermost tuning).
 *
 * The result is cut into blocks of 256 x 256 that threads take one by one. For
 * each block and each 256 of the inner dimension both factors are packed into
 * narrow panels, the transposition happening on the way, and a register tile
 * runs along them. */
#include "train/matmul.h"

#include <string.h>

#include "base/alloc.h"
#include "base/cpu.h"

enum {
    BLOCK = 256,
    PACKED = BLOCK + 32, /* with room to round up to whole panels */
    TILE_MAX = 8 * 32,
};

_Static_assert(FACET__MATMUL_SCRATCH == 2 * PACKED * BLOCK, "a panel of each");

typedef struct shape {
    facet__tile_kernel *kernel;
    size_t rows, columns;
} shape;

typedef struct product {
    size_t m, n, k;
    facet__matrix a, b;
    bool add;
    float *out;
    shape tile;
    size_t blocks_across;
    float *scratch; /* [threads][FACET__MATMUL_SCRATCH] */
} product;

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

void facet__tile_plain(size_t k, const float *a, const float *b, float *tile)
{
    float sum[4][8] = { { 0 } };

    for (size_t p = 0; p < k; p++, a += 4, b += 8)
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 8; j++)
                sum[i][j] += a[i] * b[j];
    memcpy(tile, sum, sizeof sum);
}

static shape pick_tile(void)
{
    const facet__cpu_level level = facet__cpu_level_get();

    if (level >= FACET__CPU_AVX512)
        return (shape){ facet__tile_avx512, 8, 32 };
    if (level >= FACET__CPU_AVX2)
        return (shape){ facet__tile_avx2, 6, 16 };
    return (shape){ facet__tile_plain, 4, 8 };
}

/* Pack `lines` x k elements into panels of `width` lines, k by k, the last
 * panel filled up with zeros. `line` and `step` say how far apart elements of
 * neighbouring lines and of neighbouring k are. */
static void pack(float *to, const float *from, size_t lines, size_t k,
    size_t width, size_t line, size_t step)
{
    for (size_t first = 0; first < lines; first += width, to += width * k) {
        const size_t here = least(width, lines - first);
        const float *panel = from + first * line;

        if (here < width)
            memset(to, 0, width * k * sizeof *to);
        if (line == 1)
            for (size_t p = 0; p < k; p++)
                memcpy(to + p * width, panel + p * step, here * sizeof *to);
        else
            for (size_t i = 0; i < here; i++)
                for (size_t p = 0; p < k; p++)
                    to[p * width + i] = panel[i * line + p * step];
    }
}

/* Put a tile into the result, or add it, cut to rows x columns. */
static void place(float *out, size_t out_step, const float *tile,
    size_t tile_step, size_t rows, size_t columns, bool add)
{
    for (size_t i = 0; i < rows; i++) {
        float *to = out + i * out_step;
        const float *from = tile + i * tile_step;

        if (add)
            for (size_t j = 0; j < columns; j++)
                to[j] += from[j];
        else
            memcpy(to, from, columns * sizeof *to);
    }
}

/* All tiles of one packed block. */
static void multiply_block(const product *job, float *out, size_t rows,
    size_t columns, size_t k, const float *a, const float *b, bool add)
{
    const shape t = job->tile;
    float tile[TILE_MAX];

    for (size_t j = 0; j < columns; j += t.columns)
        for (size_t i = 0; i < rows; i += t.rows) {
            t.kernel(k, a + i * k, b + j * k, tile);
            place(out + i * job->n + j, job->n, tile, t.columns,
                least(t.rows, rows - i), least(t.columns, columns - j), add);
        }
}

static void run_block(void *context, size_t index, int thread)
{
    const product *job = context;
    const size_t i = index / job->blocks_across * BLOCK;
    const size_t j = index % job->blocks_across * BLOCK;
    const size_t rows = least(BLOCK, job->m - i);
    const size_t columns = least(BLOCK, job->n - j);
    float *a = job->scratch + (size_t)thread * FACET__MATMUL_SCRATCH;
    float *b = a + PACKED * BLOCK;

    for (size_t p = 0; p < job->k; p += BLOCK) {
        const size_t k = least(BLOCK, job->k - p);

        pack(a, job->a.data + i * job->a.row_step + p * job->a.column_step,
            rows, k, job->tile.rows, job->a.row_step, job->a.column_step);
        pack(b, job->b.data + p * job->b.row_step + j * job->b.column_step,
            columns, k, job->tile.columns, job->b.column_step, job->b.row_step);
        multiply_block(job, job->out + i * job->n + j, rows, columns, k, a, b,
            job->add || p > 0);
    }
}

static void multiply(float *scratch, facet__pool *pool, product job)
{
    const size_t down = (job.m + BLOCK - 1) / BLOCK;

    job.tile = pick_tile();
    job.blocks_across = (job.n + BLOCK - 1) / BLOCK;
    job.scratch = scratch;
    if (job.k == 0 && !job.add && job.m * job.n > 0)
        memset(job.out, 0, job.m * job.n * sizeof *job.out);
    if (job.k > 0)
        facet__pool_run(pool, down * job.blocks_across, run_block, &job);
}

facet_status facet__matmul(facet__pool *pool, size_t m, size_t n, size_t k,
    facet__matrix a, facet__matrix b, bool add, float *out)
{
    const size_t threads = (size_t)facet__pool_size(pool);
    float *scratch = NULL; /* not needed where there is nothing to sum */

    if (m > 0 && n > 0 && k > 0) {
        scratch =
            facet__alloc(threads * FACET__MATMUL_SCRATCH * sizeof *scratch);
        if (!scratch)
            return FACET_ENOMEM;
    }
    multiply(scratch, pool,
        (product){
            .m = m, .n = n, .k = k, .a = a, .b = b, .add = add, .out = out });
    facet__free(scratch);
    return FACET_OK;
}

void facet__matmul_in(float *scratch, size_t m, size_t n, size_t k,
    facet__matrix a, facet__matrix b, bool add, float *out)
{
    multiply(scratch, NULL,
        (product){
            .m = m, .n = n, .k = k, .a = a, .b = b, .add = add, .out = out });
}
