/* SPDX-License-Identifier: Apache-2.0 */
/* torture.h - allocations that fail, for the tests named *_torture_test: they
 * alone are linked so that facet__alloc comes through here. LeakSanitizer sees
 * what is lost meanwhile, in the asan build. */
#ifndef FACET_TESTS_TORTURE_H
#define FACET_TESTS_TORTURE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/alloc.h"
#include "check.h"

void *__real_facet__alloc(size_t size);
void *__wrap_facet__alloc(size_t size);

static atomic_int allocations;   /* yet */
static atomic_int failing;       /* the one that fails; 0: none */
static atomic_bool failing_ever; /* and all behind it */

void *__wrap_facet__alloc(size_t size)
{
    const int first = atomic_load(&failing);
    const int n = first < 0 ? 0 : atomic_fetch_add(&allocations, 1) + 1;
    const bool fails =
        first > 0 && (n == first || (n > first && atomic_load(&failing_ever)));

    return fails ? NULL : __real_facet__alloc(size);
}

/* The answer of a scenario that may do without what it was not given. */
static inline facet_status torture_may_do_without(facet_status st)
{
    const int first = atomic_load(&failing);
    const bool met = first > 0 && atomic_load(&allocations) >= first;

    return met && st == FACET_OK ? FACET_ENOMEM : st;
}

/* From a scenario: what it allocates from here on is not part of it. */
static inline void torture_over(void)
{
    atomic_store(&failing, -1);
}

typedef facet_status torture_scenario(void *context);

static inline facet_status torture_once(
    torture_scenario *run, void *context, int n, bool ever)
{
    facet_status st;

    atomic_store(&allocations, 0);
    atomic_store(&failing_ever, ever);
    atomic_store(&failing, n);
    st = run(context);
    atomic_store(&failing, 0);
    return st;
}

/* The scenario with its first, second ... allocation failing, from the 200th on
 * only each `step`th, once alone and once with all behind it. The answer must
 * be FACET_ENOMEM, and FACET_OK when there are not so many. */
static inline void torture(
    const char *name, torture_scenario *run, void *context, int step)
{
    for (int n = 1;; n += n < 200 ? 1 : step)
        for (int ever = 0; ever < 2; ever++) {
            const facet_status st = torture_once(run, context, n, ever);
            const bool met = atomic_load(&allocations) >= n;

            if (st != (met ? FACET_ENOMEM : FACET_OK))
                fail_msg("%s, allocation %d%s: status %d", name, n,
                    ever ? " and all behind it" : "", (int)st);
            if (!met) {
                print_message("%s: under %d allocations\n", name, n);
                assert_true(n > 1); /* the wrapper is in place */
                return;
            }
        }
}

#endif
