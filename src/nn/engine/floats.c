/* SPDX-License-Identifier: Apache-2.0 */
/* floats.c - what steps share: floats whatever a view holds, rows in parallel.
 */
#include "nn/engine/step.h"

const float *facet__floats(const facet__run *run, const facet__view *view,
    size_t at, size_t n, float *buffer)
{
    if (view->type == FACET__F32)
        return (const float *)view->data + at;
    if (view->type == FACET__U8)
        run->kernels->vec->from_bytes(
            (const uint8_t *)view->data + at, view->grid, buffer, n);
    else
        run->kernels->vec->widen((const uint16_t *)view->data + at, buffer, n);
    return buffer;
}

float *facet__target(const facet__view *view, size_t at, float *buffer)
{
    return view->type == FACET__F32 ? (float *)view->data + at : buffer;
}

void facet__store(const facet__run *run, const facet__view *view, size_t at,
    size_t n, const float *values)
{
    if (view->type == FACET__U8)
        run->kernels->vec->to_bytes(
            values, view->grid, (uint8_t *)view->data + at, n);
    else if (view->type == FACET__BF16)
        run->kernels->vec->narrow(values, (uint16_t *)view->data + at, n);
}

typedef struct rows_task {
    const facet__step *step;
    const facet__run *run;
    size_t rows, grain;
} rows_task;

static void task(void *context, size_t index, int thread)
{
    const rows_task *t = context;
    const size_t first = index * t->grain;
    const size_t end = first + t->grain;

    t->step->class->rows(
        t->step, t->run, thread, first, end < t->rows ? end : t->rows);
}

void facet__run_by_rows(
    const facet__step *step, const facet__run *run, size_t grain)
{
    const facet__view *out = facet__out(step, run, 0);
    const size_t threads = (size_t)facet__pool_size(run->pool);
    rows_task t = { step, run, facet__view_n(out) * facet__view_h(out), 0 };

    t.grain = (t.rows + 4 * threads - 1) / (4 * threads);
    t.grain = t.grain < grain ? grain : t.grain;
    if (threads == 1)
        t.grain = t.rows;
    facet__pool_run(run->pool, (t.rows + t.grain - 1) / t.grain, task, &t);
}
