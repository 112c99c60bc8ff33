/* SPDX-License-Identifier: Apache-2.0 */
/* collect_torture_test.c - every allocation fails once: the call says so, and
 * gives everything back. */
#include "base/random.h"
#include "facet/collect.h"
#include "torture.h"

enum { DIM = 6, COUNT = 24 };

static facet_status collect(void *context)
{
    facet_collected out[COUNT];
    facet_error err = { FACET_OK, "" };
    const facet_status st = facet_collect(context, NULL, out, &err);

    assert_int_equal(err.code, st);
    return st;
}

static void test_every_failed_allocation_is_told(void **state)
{
    float rows[COUNT * DIM];
    uint32_t names[COUNT];
    facet_candidates candidates = { rows, names, COUNT, DIM };
    facet__random draw = facet__random_stream(1, 0, 0);

    (void)state;
    for (size_t i = 0; i < COUNT * DIM; i++)
        rows[i] = (float)facet__random_normal(&draw);
    for (size_t i = 0; i < COUNT; i++)
        names[i] = (uint32_t)i % 3;
    torture("collect", collect, &candidates, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_failed_allocation_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
