/* SPDX-License-Identifier: Apache-2.0 */
/* The row kernels of every processor level against those in plain C. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/engine/bf16.h"
#include "nn/learn/rows.h"

enum { ROWS = 21, CHANNELS = 77, PADDED = 96, NUMBERS = ROWS * CHANNELS };

static uint32_t seed = 5;

static float uniform(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / 8388608.0f - 1.0f;
}

static void fill(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = uniform();
}

/* Numbers of a map, as floats or bf16. */
typedef struct map {
    float floats[NUMBERS];
    uint16_t halves[NUMBERS];
} map;

static void *data_of(map *m, bool bf16)
{
    return bf16 ? (void *)m->halves : (void *)m->floats;
}

static void fill_map(map *m)
{
    fill(m->floats, NUMBERS);
    for (size_t i = 0; i < NUMBERS; i++)
        m->halves[i] = facet__bf16_round(m->floats[i]);
}

static float get(const map *m, bool bf16, size_t i)
{
    return bf16 ? facet__bf16_widen(m->halves[i]) : m->floats[i];
}

enum { A, B, SLOPE, MEAN, K0, K1, CONSTANTS };

/* Everything a call may read or write. */
typedef struct world {
    map x, dz, plus, out;
    float channel[CONSTANTS][PADDED], sums[3][PADDED];
    float filters[9 * 80], dw[9 * 80];
} world;

static world fresh(void)
{
    world w;

    memset(&w, 0, sizeof w);
    fill_map(&w.x);
    fill_map(&w.dz);
    fill_map(&w.plus);
    fill_map(&w.out);
    for (size_t i = 0; i < CONSTANTS; i++)
        fill(w.channel[i], CHANNELS);
    for (size_t i = 0; i < 3; i++)
        fill(w.sums[i], PADDED);
    fill(w.filters, 9 * 80);
    fill(w.dw, 9 * 80);
    return w;
}

typedef void call(const facet__row_kernels *k, world *w, bool bf16);

static facet__norm_rows rows_of(world *w, bool bf16)
{
    return (
        facet__norm_rows){ .x = { data_of(&w->x, bf16), ROWS, CHANNELS, bf16 },
        .dz = data_of(&w->dz, bf16),
        .out = data_of(&w->out, bf16),
        .a = w->channel[A],
        .b = w->channel[B],
        .slope = w->channel[SLOPE],
        .hi = INFINITY,
        .mean = w->channel[MEAN],
        .k0 = w->channel[K0],
        .k1 = w->channel[K1],
        .sum_du = w->sums[0],
        .sum_du_x = w->sums[1],
        .sum_dslope = w->sums[2] };
}

static void moments(const facet__row_kernels *k, world *w, bool bf16)
{
    const facet__norm_rows r = rows_of(w, bf16);

    k->moments(&r.x, w->sums[0], w->sums[1]);
    k->sums(&r.x, w->sums[2]);
}

static void forward(const facet__row_kernels *k, world *w, bool bf16)
{
    const facet__norm_rows r = rows_of(w, bf16);

    k->norm_forward(&r);
}

static void forward_plus(const facet__row_kernels *k, world *w, bool bf16)
{
    facet__norm_rows r = rows_of(w, bf16);

    r.slope = NULL;
    r.plus = data_of(&w->plus, bf16);
    k->norm_forward(&r);
}

static void capped(const facet__row_kernels *k, world *w, bool bf16)
{
    facet__norm_rows r = rows_of(w, bf16);

    r.hi = 0.3f;
    r.bounded = true;
    k->norm_forward(&r);
    k->norm_reduce(&r);
}

static void reduce(const facet__row_kernels *k, world *w, bool bf16)
{
    const facet__norm_rows r = rows_of(w, bf16);

    k->norm_reduce(&r);
}

static void backward(const facet__row_kernels *k, world *w, bool bf16)
{
    facet__norm_rows r = rows_of(w, bf16);

    k->norm_backward(&r);
    r.add = true;
    k->norm_backward(&r);
}

/* Rows of seven pixels each: the first three of x, seen by a row of dz. */
static void depthwise_stride(
    const facet__row_kernels *k, world *w, bool bf16, size_t stride)
{
    const size_t size = bf16 ? 2 : 4, row = 7 * CHANNELS * size;
    const char *x = data_of(&w->x, bf16), *dz = data_of(&w->dz, bf16);
    const void *const in[3] = { NULL, x, x + row };
    const void *const out[3] = { dz, NULL, dz + row };
    const size_t width = stride == 1 ? 7 : 4;

    k->depthwise_grad(&(facet__depthwise_grad){
        in, dz, 3, 3, stride, 1, 7, width, CHANNELS, bf16, w->dw });
    k->depthwise_back(&(facet__depthwise_back){ out, 3, 3, stride, 1, 7, width,
        CHANNELS, bf16, true, w->filters, data_of(&w->out, bf16) });
}

static void depthwise(const facet__row_kernels *k, world *w, bool bf16)
{
    depthwise_stride(k, w, bf16, 1);
}

static void strided(const facet__row_kernels *k, world *w, bool bf16)
{
    depthwise_stride(k, w, bf16, 2);
}

static void compare(const char *name, const world *a, const world *b, bool bf16)
{
    const double near = bf16 ? 0.03 : 1e-5;

    for (size_t i = 0; i < NUMBERS; i++)
        if (fabs((double)get(&a->out, bf16, i) -
                 (double)get(&b->out, bf16, i)) > near)
            fail_msg("%s: number %zu", name, i);
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < PADDED; i++)
            if (fabs((double)a->sums[k][i] - (double)b->sums[k][i]) > 1e-4)
                fail_msg("%s: sum %zu of channel %zu", name, k, i);
    for (size_t i = 0; i < (size_t)9 * 80; i++)
        if (fabs((double)a->dw[i] - (double)b->dw[i]) > 1e-4)
            fail_msg("%s: filter %zu", name, i);
}

static void test_every_level_computes_what_plain_c_does(void **state)
{
    static const struct {
        const char *name;
        call *run;
    } calls[] = { { "moments", moments }, { "forward", forward },
        { "forward plus", forward_plus }, { "capped", capped },
        { "reduce", reduce }, { "backward", backward },
        { "depthwise", depthwise }, { "strided", strided } };

    (void)state;
    for (facet__cpu_level level = FACET__CPU_AVX2;
         level <= facet__cpu_level_get(); level++)
        for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
            for (int bf16 = 0; bf16 < 2; bf16++) {
                world a = fresh(), b = a;

                calls[i].run(&facet__rows_ref, &a, bf16);
                calls[i].run(facet__row_kernels_of(level), &b, bf16);
                compare(calls[i].name, &a, &b, bf16);
            }
}

static void test_not_a_number_stays_one(void **state)
{
    (void)state;
    for (facet__cpu_level level = FACET__CPU_BASELINE;
         level <= facet__cpu_level_get(); level++) {
        world w = fresh();

        w.x.floats[3] = NAN;
        forward(facet__row_kernels_of(level), &w, false);
        assert_true(isnan((double)w.out.floats[3]));
        assert_true(isfinite((double)w.out.floats[4]));
        reduce(facet__row_kernels_of(level), &w, false);
        assert_true(isnan((double)w.sums[1][3]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_level_computes_what_plain_c_does),
        cmocka_unit_test(test_not_a_number_stays_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
