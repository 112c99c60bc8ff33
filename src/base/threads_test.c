/* SPDX-License-Identifier: Apache-2.0 */
#include "base/threads.h"

#include <stdatomic.h>
#include <time.h>

#include "check.h"

enum { MAX_COUNT = 1000 };

/* Plain counters on purpose: a thread sanitizer sees here whether the end of a
 * loop orders what the workers wrote before what the caller reads. */
typedef struct tally {
    int runs[MAX_COUNT];
    int by[MAX_COUNT];
} tally;

static void count_index(void *context, size_t index, int thread)
{
    tally *t = context;

    t->runs[index]++;
    t->by[index] = thread;
}

static void check_loop(facet__pool *pool, size_t count)
{
    tally t = { { 0 }, { 0 } };

    facet__pool_run(pool, count, count_index, &t);
    for (size_t i = 0; i < MAX_COUNT; i++) {
        assert_int_equal(t.runs[i], i < count);
        assert_in_range(t.by[i], 0, facet__pool_size(pool) - 1);
    }
}

static void test_every_index_runs_exactly_once(void **state)
{
    static const size_t counts[] = { 0, 1, 2, 3, 7, 64, MAX_COUNT };
    (void)state;

    check_loop(NULL, MAX_COUNT);
    for (int threads = 1; threads <= 5; threads++) {
        facet__pool *pool;

        CHECK_OK(facet__pool_create(threads, &pool));
        assert_int_equal(facet__pool_size(pool), threads);
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            check_loop(pool, counts[i]);
        facet__pool_free(pool);
    }
}

static void add_index(void *context, size_t index, int thread)
{
    long *sums = context; /* [threads] */

    sums[thread] += (long)index;
}

/* Thousands of loops shorter than a wake-up: a worker that comes late for one
 * must neither run an index of the next twice nor see its old context. */
static void test_late_workers_disturb_no_later_loop(void **state)
{
    enum { THREADS = 4, LOOPS = 20000 };
    facet__pool *pool;
    (void)state;

    CHECK_OK(facet__pool_create(THREADS, &pool));
    for (int loop = 0; loop < LOOPS; loop++) {
        const size_t count = (size_t)(2 + loop % 7);
        long sums[THREADS] = { 0 }; /* on the stack: gone after the loop */
        long sum = 0;

        facet__pool_run(pool, count, add_index, sums);
        for (int t = 0; t < THREADS; t++)
            sum += sums[t];
        assert_int_equal(sum, (long)(count * (count - 1) / 2));
    }
    facet__pool_free(pool);
}

static void rest(long microseconds)
{
    nanosleep(&(struct timespec){ 0, microseconds * 1000 }, NULL);
}

/* Between these loops the workers fall asleep, and sometimes not quite. */
static void test_loops_after_a_rest_are_whole(void **state)
{
    facet__pool *pool;
    (void)state;

    CHECK_OK(facet__pool_create(3, &pool));
    for (int loop = 0; loop < 200; loop++) {
        rest(loop % 20 * 10);
        check_loop(pool, 16);
    }
    facet__pool_free(pool);
}

static void test_pools_are_made_and_freed_in_numbers(void **state)
{
    facet__pool *pool;
    (void)state;

    for (int i = 0; i < 200; i++) {
        CHECK_OK(facet__pool_create(1 + i % 4, &pool));
        if (i % 3)
            check_loop(pool, 5);
        facet__pool_free(pool);
    }
    facet__pool_free(NULL);
}

static void test_a_pool_without_threads_is_refused(void **state)
{
    facet__pool *pool;
    (void)state;

    assert_int_equal(facet__pool_create(0, &pool), FACET_EINVAL);
    assert_null(pool);
    assert_int_equal(facet__pool_size(NULL), 1);
    assert_true(facet__cpu_count() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_index_runs_exactly_once),
        cmocka_unit_test(test_late_workers_disturb_no_later_loop),
        cmocka_unit_test(test_loops_after_a_rest_are_whole),
        cmocka_unit_test(test_pools_are_made_and_freed_in_numbers),
        cmocka_unit_test(test_a_pool_without_threads_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
