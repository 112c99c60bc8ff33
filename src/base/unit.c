/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"

#include <math.h>

bool facet__to_unit(const float *row, size_t dim, float *out)
{
    double square = 0;

    for (size_t k = 0; k < dim; k++)
        square += (double)row[k] * (double)row[k];
    if (!(square > 0) || !isfinite(square))
        return false;
    for (size_t k = 0; k < dim; k++) /* -0 + 0 is 0 */
        out[k] = (float)((double)row[k] / sqrt(square)) + 0.0F;
    return true;
}
