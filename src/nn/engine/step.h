/* SPDX-License-Identifier: Apache-2.0 */
/* step.h - one stride of a compiled network: a kernel with its packed weights.
 *
 * Steps are made once, when a model is loaded, and never change; what depends
 * on the shapes of a run (views, windows, scratch) belongs to a plan. A class
 * of steps is one file step_*.c. */
#ifndef FACET__STEP_H
#define FACET__STEP_H

#include "base/threads.h"
#include "nn/engine/kernels.h"
#include "nn/engine/view.h"
#include "nn/infer.h"

enum { FACET__STEP_MAX = 8 }; /* inputs and outputs a step may have */

typedef struct facet__step facet__step;
typedef struct facet__run facet__run;

typedef struct facet__step_class {
    const char *name; /* as profiles and tests call it */
    /* Scratch bytes a thread needs with these views; NULL: none. */
    size_t (*scratch)(const facet__step *step, const facet__run *run);
    void (*run)(const facet__step *step, const facet__run *run);
    /* Output rows [first, end) of a map, all images' rows counted through, by
     * thread `thread`. NULL: the step runs as a whole only. */
    void (*rows)(const facet__step *step, const facet__run *run, int thread,
        size_t first, size_t end);
    /* Are the views what the step was made for? Sizes that were open then and
     * taken for equal may differ now. NULL: they are. */
    bool (*fits)(const facet__step *step, const facet__run *run);
    void (*free)(void *params); /* NULL: facet__free */
    bool alias;    /* the output is the input under another shape: no run */
    bool in_place; /* the output may take the place of input 0 */
} facet__step_class;

struct facet__step {
    const facet__step_class *class;
    void *params; /* the class's own, immutable */
    int node;     /* of the graph, for messages; FACET__NONE: a conversion */
    int in[FACET__STEP_MAX], n_in; /* slots */
    int out[FACET__STEP_MAX], n_out;
    bool windowed;       /* wants a facet__window */
    size_t weight_bytes; /* read again each time rows are run */
};

/* What steps see of a plan while they run. */
struct facet__run {
    const facet__kernels *kernels;
    const facet__view *views;    /* by slot */
    const facet__window *window; /* of the step in hand, if it wants one */
    facet__pool *pool;
    char *scratch; /* of thread t: scratch + t * scratch_stride */
    size_t scratch_stride;
    facet_error *failed; /* set by a step that could not do its work; one that
                            runs as a whole only */
};

static inline const facet__view *facet__in(
    const facet__step *step, const facet__run *run, int i)
{
    return &run->views[step->in[i]];
}

static inline const facet__view *facet__out(
    const facet__step *step, const facet__run *run, int i)
{
    return &run->views[step->out[i]];
}

/* Run all rows of a step that has `rows`, `grain` or more a task. */
void facet__run_by_rows(
    const facet__step *step, const facet__run *run, size_t grain);

/* n floats of a view from element `at` on: where they lie when they are
 * floats, else widened into `buffer`. */
const float *facet__floats(const facet__run *run, const facet__view *view,
    size_t at, size_t n, float *buffer);
/* The buffer to compute n floats of a view into (the view itself when it holds
 * floats), and its way to the view afterwards. */
float *facet__target(const facet__view *view, size_t at, float *buffer);
void facet__store(const facet__run *run, const facet__view *view, size_t at,
    size_t n, const float *values);

/* The classes, one constructor each: see the step_*.c of the name. Each makes
 * the params of a step of its class; NULL without memory. */
extern const facet__step_class facet__step_conv, facet__step_depthwise,
    facet__step_conv_rows, facet__step_winograd, facet__step_to_nhwc,
    facet__step_to_plain, facet__step_convert, facet__step_alias,
    facet__step_unary, facet__step_channel, facet__step_binary,
    facet__step_pool, facet__step_global_pool, facet__step_concat,
    facet__step_split, facet__step_upsample, facet__step_lrn, facet__step_local,
    facet__step_evaluate;

#endif
