/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_calibration.c - hunts more rates or knots than there is room for, and
 * numbers that later divide by zero. */
#include <stdlib.h>
#include <string.h>

#include "facet/calibration.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    facet_calibration calibration;
    facet_calibration_rate rate;

    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (facet_calibration_parse(text, &calibration, NULL) == FACET_OK) {
        if (facet_calibration_threshold(&calibration, .01, &rate, NULL) !=
            FACET_OK)
            rate.threshold = 0;
        facet_calibration_fmr(&calibration, rate.threshold);
        facet_calibration_llr_isotonic(&calibration, rate.threshold);
    }
    free(text);
    return 0;
}
