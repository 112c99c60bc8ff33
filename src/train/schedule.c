/* SPDX-License-Identifier: Apache-2.0 */
#include "train/schedule.h"

#include <math.h>
#include <stddef.h>

const char *const facet__schedule_names[] = { "constant", "steps", "plateau",
    "cosine", "polynomial", NULL };

void facet__schedule_init(facet__schedule *schedule)
{
    *schedule = (facet__schedule){
        .kind = FACET__CONSTANT,
        .rate = .1,
        .factor = .1,
        .power = 2,
        .patience = 3,
        .total = 1,
    };
}

facet__schedule_state facet__schedule_start(void)
{
    return (facet__schedule_state){ .scale = 1 };
}

static double power_of(double factor, const facet__schedule *s, uint64_t step)
{
    double scale = 1;

    for (int i = 0; i < s->n_milestones && step >= s->milestones[i]; i++)
        scale *= factor;
    return scale;
}

/* The share of the way behind warm-up that has been gone, 0 to 1. */
static double progress(const facet__schedule *s, uint64_t step)
{
    if (step >= s->total || s->total <= s->warmup)
        return 1;
    return (double)(step - s->warmup) / (double)(s->total - s->warmup);
}

double facet__schedule_rate(
    const facet__schedule *s, const facet__schedule_state *state, uint64_t step)
{
    const double pi = 3.14159265358979323846;
    double rate = s->rate;

    if (step < s->warmup)
        return state->scale * rate * (double)(step + 1) / (double)s->warmup;
    switch (s->kind) {
    case FACET__STEPS:
        rate *= power_of(s->factor, s, step);
        break;
    case FACET__COSINE:
        rate =
            s->last + (rate - s->last) * .5 * (1 + cos(pi * progress(s, step)));
        break;
    case FACET__POLYNOMIAL:
        rate =
            s->last + (rate - s->last) * pow(1 - progress(s, step), s->power);
        break;
    case FACET__CONSTANT:
    case FACET__PLATEAU:
        break;
    }
    rate *= state->scale;
    /* A roll-back may go under the lowest rate of a schedule: it knows why. */
    return s->kind == FACET__PLATEAU ? fmax(rate, s->last) : rate;
}

bool facet__schedule_validated(
    const facet__schedule *s, facet__schedule_state *state, double score)
{
    const bool better = !state->any || score > state->best;

    if (!state->any || score > state->best + s->least)
        state->waited = 0;
    else if (s->kind == FACET__PLATEAU && ++state->waited > s->patience) {
        state->scale *= s->factor;
        state->waited = 0;
    }
    if (better)
        state->best = score;
    state->any = true;
    return better;
}
