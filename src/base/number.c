/* SPDX-License-Identifier: Apache-2.0 */
/* number.c - the C library's own conversions under the "C" locale, which is set
 * for the calling thread only and for the length of the call. */
#include "base/number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* newlocale("C") gives glibc's static object: it cannot fail and costs nothing.
 * Elsewhere a failure leaves the thread's locale as it is. */
static locale_t enter_c_locale(locale_t *c)
{
    *c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    return uselocale(*c);
}

static void leave_c_locale(locale_t c, locale_t before)
{
    uselocale(before);
    if (c)
        freelocale(c);
}

bool facet__number_parse(const char *text, const char **end, float *out)
{
    locale_t c;
    const locale_t before = enter_c_locale(&c);
    char *stop;
    const float value = strtof(text, &stop);

    leave_c_locale(c, before);
    if (stop == text || !isfinite(value))
        return false;
    *end = stop;
    *out = value;
    return true;
}

char *facet__number_print(float value, char text[FACET__NUMBER_TEXT])
{
    locale_t c;
    const locale_t before = enter_c_locale(&c);

    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, FACET__NUMBER_TEXT, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    leave_c_locale(c, before);
    return text;
}
