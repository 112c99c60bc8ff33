/* SPDX-License-Identifier: Apache-2.0 */
/* loss_detection.c - what a YuNet learns by (Wu, Peng, Yu 2023, after YOLOX):
 *
 *   L = 1 / P  (  cls    sum over taken cells of H(cls, overlap of its box)
 *               + obj    sum over all cells of H(obj, taken or not)
 *               + box    sum over taken cells of EIoU
 *               + points sum over taken cells of smooth L1 of the landmarks )
 *
 * with H the binary cross entropy, P the taken cells of the batch (assign.h; at
 * least 1), and the words before the sums the loss's options. Cells in ignored
 * faces have no part in the second sum. EIoU (Zhang et al. 2021) is
 *
 *   1 - IoU + d^2 / c^2 + dw^2 / cw^2 + dh^2 / ch^2
 *
 * d the distance of the middles, dw and dh the differences of the sides, cw and
 * ch the sides of the box around both, c its diagonal. Landmarks are measured
 * in sides (root of the area) of their face, so that small faces count as large
 * ones do; smooth L1 bends at a fiftieth of a side. The overlap that cls learns
 * is taken as a constant.
 *
 * distill-detection learns the same of every cell from another network of the
 * same outputs: obj everywhere; cls, box and landmarks where the product of its
 * scores is above a twentieth, weighed by it, and P is the sum of these
 * products. */
#include <math.h>
#include <string.h>

#include "train/assign.h"
#include "train/loss.h"

enum { CLS, OBJ, BOX, POINTS };

static const facet__loss_option options[] = {
    [CLS] = { "cls", 1, 0, 100, NULL, false },
    [OBJ] = { "obj", 1, 0, 100, NULL, false },
    [BOX] = { "box", 5, 0, 100, NULL, false },
    [POINTS] = { "points", 5, 0, 100, NULL, false },
    { .name = NULL },
};

static const double bend = .02;

/* A number and its derivatives after the four of a cell's box. */
typedef struct dual {
    double v, d[4];
} dual;

static dual constant(double v)
{
    return (dual){ v, { 0 } };
}

/* x + k y */
static dual sum(dual x, double k, dual y)
{
    x.v += k * y.v;
    for (int i = 0; i < 4; i++)
        x.d[i] += k * y.d[i];
    return x;
}

static dual product(dual x, dual y)
{
    dual z = { .v = x.v * y.v };

    for (int i = 0; i < 4; i++)
        z.d[i] = x.d[i] * y.v + x.v * y.d[i];
    return z;
}

static dual quotient(dual x, dual y)
{
    dual z = { .v = x.v / y.v };

    for (int i = 0; i < 4; i++)
        z.d[i] = (x.d[i] - z.v * y.d[i]) / y.v;
    return z;
}

static dual smaller(dual x, dual y)
{
    return x.v <= y.v ? x : y;
}

static dual larger(dual x, dual y)
{
    return x.v >= y.v ? x : y;
}

/* One axis of two boxes: middle and side of the cell's against [low, high]. */
typedef struct axis {
    dual both;   /* length that both share, at least 0 */
    dual around; /* length of both together */
    dual apart;  /* square of the distance of the middles */
    dual off;    /* square of the difference of the sides */
} axis;

static axis compare(dual middle, dual side, double low, double high)
{
    const dual from = sum(middle, -.5, side), to = sum(middle, .5, side);
    const dual d = sum(middle, -.5, constant(low + high));
    const dual off = sum(side, -1, constant(high - low));
    axis a;

    a.both = larger(constant(0),
        sum(smaller(to, constant(high)), -1, larger(from, constant(low))));
    a.around =
        sum(larger(to, constant(high)), -1, smaller(from, constant(low)));
    a.apart = product(d, d);
    a.off = product(off, off);
    return a;
}

/* EIoU of a cell's box; *overlap is the IoU. */
static dual eiou(const facet__grid *grid, const facet__answers *answers,
    size_t cell, const facet__target *t, double *overlap)
{
    double box[4], stride;
    int32_t column, row;
    int level;
    dual middle_x, middle_y, width, height, both, all, iou, loss, diagonal;
    axis x, y;

    facet__answer_box(grid, answers, cell, box);
    facet__grid_place(grid, cell, &level, &column, &row);
    stride = facet__grid_stride(level);
    middle_x = (dual){ box[0], { stride, 0, 0, 0 } };
    middle_y = (dual){ box[1], { 0, stride, 0, 0 } };
    width = (dual){ box[2], { 0, 0, box[2], 0 } };
    height = (dual){ box[3], { 0, 0, 0, box[3] } };
    x = compare(middle_x, width, t->x, t->x + t->width);
    y = compare(middle_y, height, t->y, t->y + t->height);
    both = product(x.both, y.both);
    all = sum(sum(product(width, height), 1, constant(t->width * t->height)),
        -1, both);
    iou = quotient(both, all);
    diagonal = sum(product(x.around, x.around), 1, product(y.around, y.around));
    loss = sum(constant(1), -1, iou);
    loss = sum(loss, 1, quotient(sum(x.apart, 1, y.apart), diagonal));
    loss = sum(loss, 1, quotient(x.off, product(x.around, x.around)));
    loss = sum(loss, 1, quotient(y.off, product(y.around, y.around)));
    *overlap = iou.v;
    return loss;
}

/* Binary cross entropy of a sigmoid's output; *slope by that output. */
static double entropy(float output, double wanted, double *slope)
{
    const double p = fmin(fmax((double)output, 1e-6), 1 - 1e-6);

    *slope = (p - wanted) / (p * (1 - p));
    return -wanted * log(p) - (1 - wanted) * log1p(-p);
}

static double smooth(double x, double *slope)
{
    const bool near = fabs(x) < bend;

    *slope = near ? x / bend : x > 0 ? 1 : -1;
    return near ? x * x / (2 * bend) : fabs(x) - bend / 2;
}

/* All that one batch needs, and what each picture gives. */
typedef struct work {
    const facet__loss *loss;
    const facet__batch *batch;
    facet__grid grid;
    int32_t *face;         /* [n][cells]; this and the next two by targets */
    float *cost;           /* [n][cells] */
    facet__asking *asking; /* [n][cells] */
    double *taken;         /* [n]: cells, or how sure a teacher is of cells */
    double *value;         /* [n] */
    float *dx;             /* or NULL */
    double share;          /* 1 / P */
} work;

static facet__answers answers_of(const work *w, const float *x, size_t i)
{
    return facet__answers_of(&w->grid, x + i * w->loss->dim);
}

static void assign_picture(void *context, size_t i, int thread)
{
    const work *w = context;
    const size_t cells = w->grid.cells;
    const facet__answers a = answers_of(w, w->batch->x, i);

    (void)thread;
    w->taken[i] = (double)facet__assign(&w->grid, &a, &w->batch->targets[i],
        w->face + i * cells, w->cost + i * cells, w->asking + i * cells);
}

static double add_points(const work *w, const facet__answers *a, size_t cell,
    const facet__target *t, double share, float *dx)
{
    const double weight = w->loss->options[POINTS] / 10;
    const double side = sqrt(t->width * t->height);
    int32_t place[2];
    double stride, value = 0;
    int level;

    facet__grid_place(&w->grid, cell, &level, &place[0], &place[1]);
    stride = facet__grid_stride(level);
    for (size_t k = 0; k < 10; k++) {
        const double said =
            ((double)a->points[10 * cell + k] + place[k % 2]) * stride;
        double slope;

        value += weight * smooth((said - t->points[k]) / side, &slope);
        if (dx)
            dx[6 * w->grid.cells + 10 * cell + k] =
                (float)(weight * slope * stride / side * share);
    }
    return value;
}

/* A cell that has a face. `cls` is what that answer should be, or NULL for the
 * overlap; the cell counts `share`. */
static double add_taken(const work *w, const facet__answers *a, size_t cell,
    const facet__target *t, const float *cls, double share, float *dx)
{
    const double *weight = w->loss->options;
    double overlap, slope;
    const dual box = eiou(&w->grid, a, cell, t, &overlap);
    double value = weight[BOX] * box.v +
                   weight[CLS] * entropy(a->cls[cell],
                                     cls ? (double)*cls : overlap, &slope);

    for (size_t k = 0; dx && k < 4; k++)
        dx[2 * w->grid.cells + 4 * cell + k] =
            (float)(weight[BOX] * box.d[k] * share);
    if (dx)
        dx[cell] = (float)(weight[CLS] * slope * share);
    if (t->has_points)
        value += add_points(w, a, cell, t, share, dx);
    return share * value;
}

static void run_picture(void *context, size_t i, int thread)
{
    const work *w = context;
    const size_t cells = w->grid.cells;
    const facet__answers a = answers_of(w, w->batch->x, i);
    const int32_t *face = w->face + i * cells;
    const double weight = w->loss->options[OBJ];
    float *dx = w->dx ? w->dx + i * w->loss->dim : NULL;
    double value = 0;

    (void)thread;
    for (size_t c = 0; c < cells; c++) {
        double slope;

        if (face[c] == FACET__CELL_IGNORED)
            continue;
        value += w->share * weight * entropy(a.obj[c], face[c] >= 0, &slope);
        if (dx)
            dx[cells + c] = (float)(weight * slope * w->share);
        if (face[c] >= 0)
            value += add_taken(w, &a, c, &w->batch->targets[i].items[face[c]],
                NULL, w->share, dx);
    }
    w->value[i] = value;
}

/* Faces that are wanted, and those of them that have a cell. */
static void count_faces(const work *w, facet__loss_result *result)
{
    for (size_t i = 0; i < w->batch->n; i++) {
        const facet__targets *t = &w->batch->targets[i];
        const int32_t *face = w->face + i * w->grid.cells;
        bool has[FACET__TARGETS] = { false };

        for (size_t c = 0; c < w->grid.cells; c++)
            if (face[c] >= 0)
                has[face[c]] = true;
        for (uint32_t k = 0; k < t->count; k++) {
            result->terms += !t->items[k].ignored;
            result->active += has[k];
        }
    }
}

/* P of a batch, and each picture's part of the loss. */
static void sum_up(work *w, facet__task *picture, facet__loss_result *result)
{
    double taken = 0;

    for (size_t i = 0; i < w->batch->n; i++)
        taken += w->taken[i];
    w->share = 1 / (taken > 1 ? taken : 1);
    facet__pool_run(w->loss->pool, w->batch->n, picture, w);
    for (size_t i = 0; i < w->batch->n; i++)
        result->value += w->value[i];
}

static facet_status begin(
    work *w, facet__loss *loss, const facet__batch *batch, float *dx)
{
    *w = (work){ .loss = loss,
        .batch = batch,
        .grid = facet__grid_of(loss->width, loss->height),
        .dx = dx };
    if (w->grid.cells * FACET__CELL_NUMBERS != loss->dim)
        return FACET_EMODEL;
    w->value = facet__loss_scratch(loss, 0, 2 * batch->n, sizeof *w->value);
    w->taken = w->value + batch->n;
    return w->value ? FACET_OK : FACET_ENOMEM;
}

static facet_status learn(facet__loss *loss, const facet__batch *batch,
    float *dx, facet__loss_result *result)
{
    work w;
    const facet_status st = begin(&w, loss, batch, dx);
    const size_t all = batch->n * w.grid.cells;

    if (st != FACET_OK)
        return st;
    w.face = facet__loss_scratch(loss, 1, all, sizeof *w.face);
    w.cost = facet__loss_scratch(loss, 2, all, sizeof *w.cost);
    w.asking = facet__loss_scratch(loss, 3, all, sizeof *w.asking);
    if (!w.face || !w.cost || !w.asking)
        return FACET_ENOMEM;
    facet__pool_run(loss->pool, batch->n, assign_picture, &w);
    sum_up(&w, run_picture, result);
    count_faces(&w, result);
    return FACET_OK;
}

const facet__loss_type facet__loss_detection = {
    .name = "detection",
    .what = "scores, boxes and landmarks of the cells of a YuNet",
    .needs_targets = true,
    .needs_cells = true,
    .options = options,
    .run = learn,
};

/* ---- from another detector ---- */

static const double least_sure = .05; /* of a cell, to teach more than that */

static double sure_of(const facet__answers *taught, size_t cell)
{
    return (double)taught->cls[cell] * (double)taught->obj[cell];
}

/* The face that a teacher's cell speaks of. */
static facet__target face_of(
    const facet__grid *grid, const facet__answers *taught, size_t cell)
{
    facet__target t = { .has_points = true };
    int32_t place[2];
    double box[4];
    int level;

    facet__answer_box(grid, taught, cell, box);
    facet__grid_place(grid, cell, &level, &place[0], &place[1]);
    t.width = box[2];
    t.height = box[3];
    t.x = box[0] - box[2] / 2;
    t.y = box[1] - box[3] / 2;
    for (size_t k = 0; k < 10; k++)
        t.points[k] = ((double)taught->points[10 * cell + k] + place[k % 2]) *
                      facet__grid_stride(level);
    return t;
}

static void weigh_picture(void *context, size_t i, int thread)
{
    const work *w = context;
    const facet__answers taught = answers_of(w, w->batch->teacher, i);

    (void)thread;
    w->taken[i] = 0;
    for (size_t c = 0; c < w->grid.cells; c++)
        if (sure_of(&taught, c) > least_sure)
            w->taken[i] += sure_of(&taught, c);
}

static void follow_picture(void *context, size_t i, int thread)
{
    const work *w = context;
    const facet__answers a = answers_of(w, w->batch->x, i);
    const facet__answers taught = answers_of(w, w->batch->teacher, i);
    const double weight = w->loss->options[OBJ];
    float *dx = w->dx ? w->dx + i * w->loss->dim : NULL;
    double value = 0;

    (void)thread;
    for (size_t c = 0; c < w->grid.cells; c++) {
        const double sure = sure_of(&taught, c);
        double slope;

        value += w->share * weight *
                 entropy(a.obj[c], (double)taught.obj[c], &slope);
        if (dx)
            dx[w->grid.cells + c] = (float)(weight * slope * w->share);
        if (sure > least_sure) {
            const facet__target face = face_of(&w->grid, &taught, c);

            value +=
                add_taken(w, &a, c, &face, &taught.cls[c], sure * w->share, dx);
        }
    }
    w->value[i] = value;
}

static facet_status follow(facet__loss *loss, const facet__batch *batch,
    float *dx, facet__loss_result *result)
{
    work w;
    const facet_status st = begin(&w, loss, batch, dx);

    if (st != FACET_OK)
        return st;
    facet__pool_run(loss->pool, batch->n, weigh_picture, &w);
    sum_up(&w, follow_picture, result);
    result->terms = result->active = batch->n * w.grid.cells;
    return FACET_OK;
}

const facet__loss_type facet__loss_distill_detection = {
    .name = "distill-detection",
    .what = "every cell's answer, from another YuNet",
    .needs_teacher = true,
    .needs_cells = true,
    .options = options,
    .run = follow,
};
