/* SPDX-License-Identifier: Apache-2.0 */
#include "numbers.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

double number_option(const struct argp_state *state, const char *option,
    const char *text, double low, double high)
{
    char *end;
    const double number = strtod(text, &end);

    if (end == text || *end || !(number >= low && number <= high))
        argp_error(state, "%s wants a number from %g to %g, not '%s'", option,
            low, high, text);
    return number;
}

double whole_option(const struct argp_state *state, const char *option,
    const char *text, double low, double high)
{
    const double number = number_option(state, option, text, low, high);

    if (number != floor(number))
        argp_error(state, "%s wants a whole number, not '%s'", option, text);
    return number;
}

int threads_for_cores(int most)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores < 1 ? 1 : cores > most ? most : (int)cores;
}
