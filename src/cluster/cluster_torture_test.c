/* SPDX-License-Identifier: Apache-2.0 */
/* cluster_torture_test.c - every allocation fails once: each call says so, and
 * gives everything back. */
#include <string.h>

#include "base/random.h"
#include "facet/cluster.h"
#include "torture.h"

enum { DIM = 8, COUNT = 60 };

static float rows[COUNT * DIM];
static uint64_t photos[COUNT];
static const facet_cluster_pair must = { 3, 40 },
                                cannot[2] = { { 1, 2 }, { 1, 9 } };
static const facet_cluster_faces faces = { rows, COUNT, DIM, photos, &must, 1,
    cannot, 2 };

static void make_faces(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        facet__random draw = facet__random_stream(1, i, 0);
        facet__random center = facet__random_stream(2, i % 7, 0);

        photos[i] = 1 + i / 3;
        for (size_t k = 0; k < DIM; k++)
            rows[i * DIM + k] = (float)(facet__random_normal(&center) +
                                        0.5 * facet__random_normal(&draw));
    }
}

typedef facet_status scenario(int which, uint32_t *labels);

static facet_status group(int which, uint32_t *labels)
{
    facet_cluster_opts opts;

    facet_cluster_opts_init(&opts);
    opts.method = (facet_cluster_method)which;
    opts.threads = 2;
    opts.neighbors = 10;
    return facet_cluster(&faces, &opts, labels, NULL, NULL);
}

static facet_status add(int which, uint32_t *labels)
{
    (void)which;
    for (size_t i = 0; i < COUNT; i++)
        labels[i] = i < 30 ? (uint32_t)(i % 7) : FACET_CLUSTER_NEW;
    labels[40] = labels[3];
    return facet_cluster_add(&faces, NULL, labels, NULL, NULL);
}

static facet_status split_and_explain(int which, uint32_t *labels)
{
    facet_cluster_step steps[9];
    size_t n;
    facet_status st;

    (void)which;
    memset(labels, 0, COUNT * sizeof *labels);
    st = facet_cluster_explain(&faces, labels, 2, 50, steps, 9, &n, NULL, NULL);
    return st == FACET_OK
               ? facet_cluster_split(&faces, NULL, 0, 12, labels, NULL)
               : st;
}

typedef struct call {
    scenario *run;
    int which;
    uint32_t calm[COUNT]; /* the answer when nothing fails */
} call;

static facet_status repeat(void *context)
{
    const call *c = context;
    uint32_t labels[COUNT];
    const facet_status st = c->run(c->which, labels);

    if (st == FACET_OK)
        assert_memory_equal(labels, c->calm, sizeof labels);
    return st;
}

static void torture_call(const char *name, scenario *run, int which)
{
    call c = { run, which, { 0 } };

    CHECK_OK(run(which, c.calm));
    torture(name, repeat, &c, 1);
}

static void test_every_call_survives_every_failed_allocation(void **state)
{
    (void)state;
    make_faces();
    for (int m = 0; m <= FACET_CLUSTER_WHISPERS; m++)
        torture_call(
            facet_cluster_method_name((facet_cluster_method)m), group, m);
    torture_call("add", add, 0);
    torture_call("split and explain", split_and_explain, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
