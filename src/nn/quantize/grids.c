/* SPDX-License-Identifier: Apache-2.0 */
/* grids.c - which numbers a byte stands for.
 *
 * A grid over all that was seen is coarse for the sake of a few: numbers beyond
 * its ends are better cut. How many, is searched for: what cutting and rounding
 * cost together, squared, is known from a histogram. */
#include <math.h>

#include "nn/quantize/quantize.h"

enum { TRIES = 16 }; /* ends of a range, from all of it to a quarter */

static float share(int i)
{
    return 1.0f - 0.75f * (float)i / (float)TRIES;
}

static facet__grid grid_of(float lo, float hi)
{
    const float step = (hi - lo) / 255.0f;

    return (facet__grid){ step, (int)rintf(-lo / step) };
}

static double error_of(const facet__seen *seen, facet__grid grid)
{
    const double width = ((double)seen->hi - (double)seen->lo) / FACET__BINS;
    const double step = (double)grid.step;
    double sum = 0.0;

    for (int i = 0; i < FACET__BINS; i++) {
        const double x = (double)seen->lo + ((double)i + 0.5) * width;
        const double q = rint(x / step) + grid.zero;
        const double kept = q < 0.0 ? 0.0 : q > 255.0 ? 255.0 : q;
        const double e = (kept - grid.zero) * step - x;

        sum += seen->bins[i] * e * e;
    }
    return sum;
}

facet__grid facet__grid_choose(const facet__seen *seen)
{
    const bool one_sided = seen->lo >= 0.0f;
    facet__grid best = { 0 };
    double least = (double)INFINITY;

    if (!(seen->hi > seen->lo)) /* it is always 0 */
        return (facet__grid){ 1.0f, 0 };
    for (int a = 0; a < (one_sided ? 1 : TRIES); a++)
        for (int b = 0; b < TRIES; b++) {
            const facet__grid grid =
                grid_of(seen->lo * share(a), seen->hi * share(b));
            const double error = error_of(seen, grid);

            if (error < least) {
                least = error;
                best = grid;
            }
        }
    return best;
}

/* A step of 17 bits: multiples of it by a signed byte are floats, exactly. */
static float short_step(float step)
{
    int exponent;
    const float mantissa = frexpf(step, &exponent);

    return ldexpf(rintf(ldexpf(mantissa, 17)), exponent - 17);
}

static double filter_error(const float *w, size_t n, float step)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        const double e =
            (double)((float)facet__filter_byte(w[i], step) * step - w[i]);

        sum += e * e;
    }
    return sum;
}

static float best_step(const float *w, size_t n)
{
    float most = 0.0f, best = 1.0f;
    double least = (double)INFINITY;

    for (size_t i = 0; i < n; i++)
        most = fmaxf(most, fabsf(w[i]));
    if (most < 1e-30f)
        return best;
    for (int i = 0; i < TRIES; i++) {
        const float step = short_step(most * share(i) / 127.0f);
        const double error = filter_error(w, n, step);

        if (error < least) {
            least = error;
            best = step;
        }
    }
    return best;
}

void facet__filters_round(
    float *filters, size_t out, size_t inner, float *steps)
{
    for (size_t o = 0; o < out; o++) {
        float *w = filters + o * inner;

        steps[o] = best_step(w, inner);
        for (size_t i = 0; i < inner; i++)
            w[i] = (float)facet__filter_byte(w[i], steps[o]) * steps[o];
    }
}
