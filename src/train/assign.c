/* SPDX-License-Identifier: Apache-2.0 */
/* assign.c - see assign.h. */
#include "train/assign.h"

#include <math.h>

enum { BEST = 10 /* overlaps that say how many cells a face takes */ };

static const double radius = 2.5;  /* cells around a face's middle */
static const double box_cost = 3;  /* of -log overlap against -log score */
static const float outside = 1e5F; /* not both in the box and near its middle */

facet__grid facet__grid_of(size_t width, size_t height)
{
    facet__grid g = { .cells = 0 };

    for (int l = 0; l < FACET__LEVELS; l++) {
        g.columns[l] = (int32_t)width / facet__grid_stride(l);
        g.rows[l] = (int32_t)height / facet__grid_stride(l);
        g.first[l] = g.cells;
        g.cells += (size_t)g.columns[l] * (size_t)g.rows[l];
    }
    return g;
}

facet__answers facet__answers_of(const facet__grid *grid, const float *x)
{
    return (facet__answers){ x, x + grid->cells, x + 2 * grid->cells,
        x + 6 * grid->cells };
}

void facet__grid_place(const facet__grid *grid, size_t cell, int *level,
    int32_t *column, int32_t *row)
{
    *level = cell >= grid->first[2] ? 2 : cell >= grid->first[1] ? 1 : 0;
    cell -= grid->first[*level];
    *column = (int32_t)(cell % (size_t)grid->columns[*level]);
    *row = (int32_t)(cell / (size_t)grid->columns[*level]);
}

void facet__answer_box(const facet__grid *grid, const facet__answers *answers,
    size_t cell, double box[4])
{
    const float *b = answers->box + 4 * cell;
    int32_t column, row;
    int level;
    double stride;

    facet__grid_place(grid, cell, &level, &column, &row);
    stride = facet__grid_stride(level);
    box[0] = (column + (double)b[0]) * stride;
    box[1] = (row + (double)b[1]) * stride;
    box[2] = exp(fmin((double)b[2], 10)) * stride;
    box[3] = exp(fmin((double)b[3], 10)) * stride;
}

static double overlap(const double box[4], const facet__target *t)
{
    const double w = fmin(box[0] + box[2] / 2, t->x + t->width) -
                     fmax(box[0] - box[2] / 2, t->x);
    const double h = fmin(box[1] + box[3] / 2, t->y + t->height) -
                     fmax(box[1] - box[3] / 2, t->y);
    const double both = w > 0 && h > 0 ? w * h : 0;

    return both / (box[2] * box[3] + t->width * t->height - both + 1e-9);
}

/* Cells of one axis, [*from, *to), whose middles lie between two places. */
static void span(double low, double high, double stride, int32_t count,
    int32_t *from, int32_t *to)
{
    *from = (int32_t)fmax(0, ceil(low / stride - .5));
    *to = (int32_t)fmin(count, floor(high / stride - .5) + 1);
}

static bool within(double x, double low, double high)
{
    return x >= low && x <= high;
}

/* A run of one target's questions. */
typedef struct asker {
    const facet__grid *grid;
    const facet__answers *answers;
    const facet__target *target;
    facet__asking *list;
    size_t count;
} asker;

static void ask_cell(asker *a, int level, int32_t column, int32_t row)
{
    const facet__target *t = a->target;
    const double stride = facet__grid_stride(level);
    const double x = (column + .5) * stride, y = (row + .5) * stride;
    const double mid_x = t->x + t->width / 2;
    const double mid_y = t->y + t->height / 2;
    const bool inside =
        within(x, t->x, t->x + t->width) && within(y, t->y, t->y + t->height);
    const bool near = fabs(x - mid_x) <= radius * stride &&
                      fabs(y - mid_y) <= radius * stride;
    const size_t cell = a->grid->first[level] +
                        (size_t)row * (size_t)a->grid->columns[level] +
                        (size_t)column;
    double box[4], o, score;

    if (!inside && !near)
        return;
    facet__answer_box(a->grid, a->answers, cell, box);
    o = overlap(box, t);
    score = sqrt((double)a->answers->cls[cell] * (double)a->answers->obj[cell]);
    a->list[a->count++] = (facet__asking){ (uint32_t)cell,
        (float)(-log(fmax(score, 1e-7)) - box_cost * log(fmax(o, 1e-8))) +
            (inside && near ? 0 : outside),
        (float)o };
}

static void ask_level(asker *a, int level)
{
    const facet__target *t = a->target;
    const double stride = facet__grid_stride(level);
    const double mid_x = t->x + t->width / 2;
    const double mid_y = t->y + t->height / 2;
    const double reach_x = fmax(t->width / 2, radius * stride);
    const double reach_y = fmax(t->height / 2, radius * stride);
    int32_t left, right, top, bottom;

    span(mid_x - reach_x, mid_x + reach_x, stride, a->grid->columns[level],
        &left, &right);
    span(mid_y - reach_y, mid_y + reach_y, stride, a->grid->rows[level], &top,
        &bottom);
    for (int32_t row = top; row < bottom; row++)
        for (int32_t column = left; column < right; column++)
            ask_cell(a, level, column, row);
}

/* How many cells a target takes: the sum of its largest overlaps. */
static size_t wanted(const asker *a)
{
    float best[BEST] = { 0 };
    double sum = 0;

    for (size_t i = 0; i < a->count; i++) {
        float o = a->list[i].overlap;

        for (int k = 0; k < BEST; k++)
            if (o > best[k]) {
                const float down = best[k];

                best[k] = o;
                o = down;
            }
    }
    for (int k = 0; k < BEST; k++)
        sum += (double)best[k];
    return sum < 1 ? 1 : (size_t)sum;
}

/* Take the cheapest cells that no other target has cheaper. */
static void take(const asker *a, int32_t number, int32_t *face, float *cost)
{
    const size_t n = wanted(a);

    for (size_t k = 0; k < n && k < a->count; k++) {
        facet__asking *at = &a->list[k], first;

        for (size_t i = k + 1; i < a->count; i++)
            if (a->list[i].cost < at->cost)
                at = &a->list[i];
        first = *at;
        *at = a->list[k];
        a->list[k] = first;
        if (face[first.cell] >= 0 && !(first.cost < cost[first.cell]))
            continue;
        face[first.cell] = number;
        cost[first.cell] = first.cost;
    }
}

static void ignore_cells(
    const facet__grid *grid, const facet__target *t, int32_t *face)
{
    for (int l = 0; l < FACET__LEVELS; l++) {
        const double stride = facet__grid_stride(l);
        int32_t left, right, top, bottom;

        span(t->x, t->x + t->width, stride, grid->columns[l], &left, &right);
        span(t->y, t->y + t->height, stride, grid->rows[l], &top, &bottom);
        for (int32_t row = top; row < bottom; row++)
            for (int32_t column = left; column < right; column++) {
                int32_t *f = &face[grid->first[l] +
                                   (size_t)row * (size_t)grid->columns[l] +
                                   (size_t)column];

                if (*f == FACET__CELL_EMPTY)
                    *f = FACET__CELL_IGNORED;
            }
    }
}

size_t facet__assign(const facet__grid *grid, const facet__answers *answers,
    const facet__targets *targets, int32_t *face, float *cost,
    facet__asking *asking)
{
    asker a = { .grid = grid, .answers = answers, .list = asking };
    size_t taken = 0;

    for (size_t i = 0; i < grid->cells; i++)
        face[i] = FACET__CELL_EMPTY;
    for (uint32_t i = 0; i < targets->count; i++) {
        a.target = &targets->items[i];
        a.count = 0;
        for (int l = 0; l < FACET__LEVELS && !a.target->ignored; l++)
            ask_level(&a, l);
        take(&a, (int32_t)i, face, cost);
    }
    for (uint32_t i = 0; i < targets->count; i++)
        if (targets->items[i].ignored)
            ignore_cells(grid, &targets->items[i], face);
    for (size_t i = 0; i < grid->cells; i++)
        taken += face[i] >= 0;
    return taken;
}
