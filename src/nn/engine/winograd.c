/* SPDX-License-Identifier: Apache-2.0 */
#define FACET__WINOGRAD facet__winograd_ref
#include "nn/engine/winograd.inc"

void facet__winograd_filter(
    const float *g, float places[FACET__WINOGRAD_PLACES])
{
    double half[4][3]; /* G g */

    for (int x = 0; x < 3; x++) {
        const double a = (double)g[x], b = (double)g[3 + x];
        const double c = (double)g[6 + x];

        half[0][x] = a;
        half[1][x] = (a + b + c) / 2;
        half[2][x] = (a - b + c) / 2;
        half[3][x] = c;
    }
    for (int y = 0; y < 4; y++) {
        const double a = half[y][0], b = half[y][1], c = half[y][2];

        places[4 * y] = (float)a;
        places[4 * y + 1] = (float)((a + b + c) / 2);
        places[4 * y + 2] = (float)((a - b + c) / 2);
        places[4 * y + 3] = (float)c;
    }
}
