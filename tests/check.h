/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - cmocka with the headers it needs, and two words of our own. */
#ifndef FACET_TESTS_CHECK_H
#define FACET_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "facet/status.h"

/* The call succeeded. */
#define CHECK_OK(call) assert_int_equal((call), FACET_OK)

/* |a - b| <= tolerance, telling the numbers otherwise. */
#define CHECK_NEAR(a, b, tolerance)                                            \
    do {                                                                       \
        const double near_a = (double)(a), near_b = (double)(b);               \
        if (!(near_a - near_b <= (tolerance) &&                                \
                near_b - near_a <= (tolerance)))                               \
            fail_msg("%s = %.10g, want %.10g +- %g", #a, near_a, near_b,       \
                (double)(tolerance));                                          \
    } while (0)

/* Leave the test, saying why, when ../shared lacks a file. */
#define NEED_SHARED(relative)                                                  \
    do {                                                                       \
        FILE *shared_file = fopen(FACET_SHARED_DIR "/" relative, "rb");        \
        if (!shared_file) {                                                    \
            print_message("skipped: ../shared/%s is not here\n", relative);    \
            skip();                                                            \
        }                                                                      \
        fclose(shared_file);                                                   \
    } while (0)

#endif
