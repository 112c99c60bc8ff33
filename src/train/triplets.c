/* SPDX-License-Identifier: Apache-2.0 */
#include "train/triplets.h"

#include <math.h>

const char *const facet__mining_names[] = { "semihard", "semihard-hardest",
    "hard", "violating", "random", NULL };

double facet__triplet_hinge(
    double t_ap, double t_an, double margin, double *derivative)
{
    const double value = t_ap - t_an + margin;

    *derivative = value > 0 ? 1 : 0;
    return value > 0 ? value : 0;
}

static double measure(
    const facet__pairs *p, facet__pairs_kind kind, size_t i, size_t j)
{
    return kind == FACET__PAIRS_DISTANCE ? facet__pairs_distance(p, i, j)
                                         : -(double)p->products[i * p->n + j];
}

static size_t mine(const facet__pairs *p, facet__pairs_kind kind,
    facet__mining mining, double margin, size_t a, size_t positive)
{
    const double t = measure(p, kind, a, positive);
    const bool semihard = mining == FACET__MINE_SEMIHARD ||
                          mining == FACET__MINE_SEMIHARD_HARDEST;
    const bool bounded = semihard || mining == FACET__MINE_VIOLATING;
    const bool pick_random = mining == FACET__MINE_SEMIHARD ||
                             mining == FACET__MINE_VIOLATING ||
                             mining == FACET__MINE_RANDOM;

    return facet__pairs_negative(p, kind, a, positive, semihard ? t : -HUGE_VAL,
        bounded ? t + margin : HUGE_VAL, pick_random);
}

void facet__triplets_fill(facet__pairs *p, facet__pairs_kind kind,
    facet__mining mining, double margin, facet__triplet_value *value,
    facet__loss_result *result)
{
    /* Derivatives are with respect to t; products are minus t. */
    const double sign = kind == FACET__PAIRS_DISTANCE ? 1 : -1;
    size_t found = 0;

    for (size_t a = 0; a < p->n; a++)
        for (size_t i = 0; i < p->n; i++) {
            size_t negative;
            double slope, term;

            if (i == a || p->labels[i] != p->labels[a])
                continue;
            result->terms++;
            negative = mine(p, kind, mining, margin, a, i);
            if (negative == p->n ||
                (a < p->fixed && i < p->fixed && negative < p->fixed))
                continue;
            term = value(measure(p, kind, a, i), measure(p, kind, a, negative),
                margin, &slope);
            found++;
            result->active += term > 0;
            result->value += term;
            p->coefficients[a * p->n + i] += (float)(sign * slope);
            p->coefficients[a * p->n + negative] -= (float)(sign * slope);
        }
    if (found == 0)
        return;
    result->value /= (double)found;
    for (size_t i = 0; i < p->n * p->n; i++)
        p->coefficients[i] /= (float)found;
}
