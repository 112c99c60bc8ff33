/* SPDX-License-Identifier: Apache-2.0 */
/* numbers.h - numbers given as options. */
#ifndef FACET_CLI_NUMBERS_H
#define FACET_CLI_NUMBERS_H

#include <argp.h>

/* The number in `text`; a usage error unless it is within [low, high]. */
double number_option(const struct argp_state *state, const char *option,
    const char *text, double low, double high);

/* The same for whole numbers. */
double whole_option(const struct argp_state *state, const char *option,
    const char *text, double low, double high);

/* As many threads as there are cores, at most `most`. */
int threads_for_cores(int most);

#endif
