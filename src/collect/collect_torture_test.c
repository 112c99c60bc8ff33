/* SPDX-License-Identifier: Apache-2.0 */
/* collect_torture_test.c - every allocation fails once: the call says so, and
 * gives everything back. */
#include "base/alloc.h"
#include "base/random.h"
#include "check.h"
#include "facet/collect.h"

enum { DIM = 6, COUNT = 24 };

static size_t allocations, fail_at;

void *__real_facet__alloc(size_t size);
void *__wrap_facet__alloc(size_t size);

void *__wrap_facet__alloc(size_t size)
{
    return ++allocations == fail_at ? NULL : __real_facet__alloc(size);
}

static void test_every_failed_allocation_is_told(void **state)
{
    float rows[COUNT * DIM];
    uint32_t names[COUNT];
    facet_collected out[COUNT];
    const facet_candidates candidates = { rows, names, COUNT, DIM };
    facet_status st = FACET_ENOMEM;
    facet__random draw = facet__random_stream(1, 0, 0);

    (void)state;
    for (size_t i = 0; i < COUNT * DIM; i++)
        rows[i] = (float)facet__random_normal(&draw);
    for (size_t i = 0; i < COUNT; i++)
        names[i] = (uint32_t)i % 3;
    for (fail_at = 1; st != FACET_OK; fail_at++) {
        facet_error err = { FACET_OK, "" };

        allocations = 0;
        st = facet_collect(&candidates, NULL, out, &err);
        if (st != FACET_OK)
            assert_true(st == FACET_ENOMEM && err.code == FACET_ENOMEM);
        assert_true(fail_at < 1000);
    }
    assert_true(fail_at > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_failed_allocation_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
