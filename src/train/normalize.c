/* SPDX-License-Identifier: Apache-2.0 */
#include "train/normalize.h"

#include <math.h>

static const double tiny = 1e-12;

void facet__normalize_rows(
    const float *x, size_t n, size_t d, float *unit, float *norms)
{
    for (size_t i = 0; i < n; i++, x += d, unit += d) {
        double square = 0, norm;

        for (size_t k = 0; k < d; k++)
            square += (double)x[k] * (double)x[k];
        norm = fmax(sqrt(square), tiny);
        norms[i] = (float)norm;
        for (size_t k = 0; k < d; k++)
            unit[k] = (float)((double)x[k] / norm);
    }
}

void facet__normalize_rows_back(
    const float *unit, const float *norms, size_t n, size_t d, float *dy)
{
    for (size_t i = 0; i < n; i++, unit += d, dy += d) {
        /* A row of no length has no direction: its gradient is left out rather
         * than blown up by 1e12. */
        const double scale =
            (double)norms[i] > 2 * tiny ? 1 / (double)norms[i] : 0;
        double along = 0;

        for (size_t k = 0; k < d; k++)
            along += (double)unit[k] * (double)dy[k];
        for (size_t k = 0; k < d; k++)
            dy[k] = (float)(((double)dy[k] - along * (double)unit[k]) * scale);
    }
}
