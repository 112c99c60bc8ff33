/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/engine/bands.h"

#include <string.h>

enum {
    /* A map that fits L2 with what is worked on beside it is read from there,
     * and turns would only cost. */
    SMALL_BYTES = 1300 << 10,
    CACHE_BYTES = 400 << 10, /* of a core's, for one turn */
    MAX_WEIGHTS = 96 << 10,  /* filters that may be read anew each turn */
    ROOM = 2, /* times the rows needed at once: windows move less often */
};

/* A band on its way down an image. */
typedef struct progress {
    const facet__program *program;
    const facet__band *band;
    const facet__window *windows;
    const facet__view *views;
    size_t done[FACET__BAND_MAX]; /* rows that each step has made */
    size_t need[FACET__BAND_MAX]; /* rows it has to have after this turn */
    size_t base[FACET__BAND_MAX]; /* the first row its window holds */
} progress;

static const facet__step *step_of(const progress *p, int k)
{
    return &p->program->steps[p->band->first + k];
}

static const facet__view *out_of(const progress *p, int k)
{
    return &p->views[step_of(p, k)->out[0]];
}

static size_t height_of(const progress *p, int k)
{
    return facet__view_h(out_of(p, k));
}

/* The first input row that output row `row` of step k sees. */
static size_t first_seen(const progress *p, int k, size_t row)
{
    const facet__step *step = step_of(p, k);
    const facet__window *w = &p->windows[p->band->first + k];
    const size_t have = facet__view_h(&p->views[step->in[0]]);
    const size_t make = height_of(p, k);
    int64_t first = (int64_t)row;

    if (step->windowed)
        first = first * w->stride[0] - w->pad_begin[0];
    else if (have != make)
        first = (int64_t)(row * have / make) - 1;
    return first < 0 ? 0 : (size_t)first < have ? (size_t)first : have;
}

/* Input rows [0, answer) are seen by output rows [0, end) of step k. */
static size_t rows_seen(const progress *p, int k, size_t end)
{
    const facet__step *step = step_of(p, k);
    const facet__window *w = &p->windows[p->band->first + k];
    const size_t have = facet__view_h(&p->views[step->in[0]]);
    const size_t make = height_of(p, k);
    int64_t seen = (int64_t)end;

    if (end >= make)
        return have;
    if (step->windowed)
        seen = (int64_t)(end - 1) * w->stride[0] - w->pad_begin[0] +
               (w->kernel[0] - 1) * w->dilation[0] + 1;
    else if (have != make)
        seen = (int64_t)((end * have + make - 1) / make) + 1;
    return seen < 0 ? 0 : (size_t)seen > have ? have : (size_t)seen;
}

/* Say what each step has to make so that the last has `end` rows. */
static void plan_turn(progress *p, size_t end)
{
    const int last = p->band->length - 1;

    p->need[last] = end;
    for (int k = last; k > 0; k--) {
        p->need[k - 1] = rows_seen(p, k, p->need[k]);
        if (p->need[k - 1] < p->done[k - 1])
            p->need[k - 1] = p->done[k - 1];
    }
}

/* The first row of step k's map that a step behind it may still read. */
static size_t first_kept(const progress *p, int k)
{
    const int slot = step_of(p, k)->out[0];
    size_t first = p->done[k];

    for (int j = k + 1; j < p->band->length; j++)
        for (int i = 0; i < step_of(p, j)->n_in; i++)
            if (step_of(p, j)->in[i] == slot) {
                const size_t seen =
                    i == 0 ? first_seen(p, j, p->done[j]) : p->done[j];

                first = seen < first ? seen : first;
            }
    return first;
}

static void finish_turn(progress *p)
{
    memcpy(p->done, p->need, sizeof p->done);
    for (int k = 0; k < p->band->length; k++)
        p->base[k] = first_kept(p, k);
}

static progress start(const facet__program *program, const facet__band *band,
    const facet__window *windows, const facet__view *views)
{
    return (progress){
        .program = program, .band = band, .windows = windows, .views = views
    };
}

/* finding bands */

static bool is_map(const facet__step *step, const facet__view *views)
{
    const facet__view *out = &views[step->out[0]];

    return step->class->rows && step->n_out == 1 &&
           step->weight_bytes <= MAX_WEIGHTS && out->layout == FACET__NHWC &&
           out->shape.n == 4 && facet__view_count(out) > 0;
}

static bool is_large(const facet__step *step, const facet__view *views)
{
    const facet__view *out = &views[step->out[0]];

    return facet__view_bytes(out) / facet__view_n(out) >= SMALL_BYTES;
}

static int length_from(
    const facet__program *p, const facet__view *views, int first)
{
    int n = 1;

    while (first + n < p->n_steps && n < FACET__BAND_MAX &&
           is_map(&p->steps[first + n - 1], views) &&
           is_large(&p->steps[first + n - 1], views) &&
           is_map(&p->steps[first + n], views) &&
           p->steps[first + n].in[0] == p->steps[first + n - 1].out[0])
        n++;
    return n;
}

/* Does nobody outside the band read the slot? */
static bool is_internal(
    const facet__program *p, const facet__band *band, int slot)
{
    for (int i = 0; i < p->n_steps; i++)
        for (int k = 0; k < p->steps[i].n_in; k++)
            if (p->steps[i].in[k] == slot &&
                (i < band->first || i >= band->first + band->length))
                return false;
    for (int i = 0; i < p->graph->n_outputs; i++)
        if (p->outputs[i] == slot)
            return false;
    return true;
}

static size_t rows_of_turn(const progress *p)
{
    const int last = p->band->length - 1;
    const size_t images = facet__view_n(out_of(p, 0));
    const size_t height = height_of(p, last);
    size_t bytes = 1, rows;

    for (int k = 0; k <= last; k++)
        bytes += facet__view_bytes(out_of(p, k)) / images;
    rows = CACHE_BYTES * height / bytes;
    return rows < 1 ? 1 : rows > height ? height : rows;
}

/* Go through an image without computing, to see how many rows each window has
 * to hold. */
static void size_windows(progress *p, facet__band *band)
{
    const size_t height = height_of(p, band->length - 1);
    bool internal[FACET__BAND_MAX];

    for (int k = 0; k < band->length; k++)
        internal[k] = k + 1 < band->length &&
                      is_internal(p->program, band, step_of(p, k)->out[0]);
    for (size_t y = 0; y < height; y += band->rows) {
        plan_turn(p, y + band->rows < height ? y + band->rows : height);
        for (int k = 0; k < band->length; k++) {
            const size_t rows = p->need[k] - p->base[k];

            if (internal[k] && rows > band->window[k])
                band->window[k] = rows;
        }
        finish_turn(p);
    }
    for (int k = 0; k < band->length; k++) {
        const size_t all = height_of(p, k);

        band->window[k] *= ROOM;
        band->window[k] = band->window[k] < all ? band->window[k] : all;
    }
}

int facet__bands_find(const facet__program *program, const facet__view *views,
    const facet__window *windows, facet__band *bands)
{
    int n = 0;

    for (int i = 0; i < program->n_steps; n++) {
        facet__band *band = &bands[n];

        *band = (facet__band){ .first = i,
            .length = length_from(program, views, i) };
        if (band->length > 1) {
            progress p = start(program, band, windows, views);

            band->rows = rows_of_turn(&p);
            size_windows(&p, band);
        }
        i += band->length;
    }
    return n;
}

/* running a band */

/* Where the windows' memory begins: a windowed view points `base` rows (of its
 * image) before it, so that rows keep their numbers. */
typedef struct slide {
    progress p;
    facet__view *views;
    facet__run *run;
    char *memory[FACET__BAND_MAX];
    size_t origin[FACET__BAND_MAX]; /* the row that memory begins with */
    size_t row_bytes[FACET__BAND_MAX];
} slide;

/* Let row `base` of image `image` be the first in step k's window; those that
 * are kept move there. */
static void move_window(slide *s, int k, size_t image)
{
    facet__view *view = &s->views[step_of(&s->p, k)->out[0]];
    const size_t base = s->p.base[k], kept = s->p.done[k] - base;

    memmove(s->memory[k],
        s->memory[k] + (base - s->origin[k]) * s->row_bytes[k],
        kept * s->row_bytes[k]);
    s->origin[k] = base;
    view->data =
        s->memory[k] - (image * height_of(&s->p, k) + base) * s->row_bytes[k];
}

static void take_turn(slide *s, size_t image, size_t end)
{
    plan_turn(&s->p, end);
    for (int k = 0; k < s->p.band->length; k++) {
        const facet__step *step = step_of(&s->p, k);
        const size_t above = image * height_of(&s->p, k);
        const size_t window = s->p.band->window[k];

        if (window > 0 && s->p.need[k] - s->origin[k] > window)
            move_window(s, k, image);
        s->run->window = &s->p.windows[s->p.band->first + k];
        if (s->p.need[k] > s->p.done[k])
            step->class->rows(
                step, s->run, 0, above + s->p.done[k], above + s->p.need[k]);
    }
    finish_turn(&s->p);
}

static void run_image(slide *s, size_t image)
{
    const facet__band *band = s->p.band;
    const size_t height = height_of(&s->p, band->length - 1);

    memset(s->p.done, 0, sizeof s->p.done);
    memset(s->p.base, 0, sizeof s->p.base);
    memset(s->origin, 0, sizeof s->origin);
    for (int k = 0; k < band->length; k++)
        if (band->window[k] > 0)
            move_window(s, k, image);
    for (size_t y = 0; y < height; y += band->rows)
        take_turn(s, image, y + band->rows < height ? y + band->rows : height);
}

void facet__band_run(const facet__program *program, const facet__band *band,
    const facet__window *windows, facet__view *views, facet__run *run)
{
    slide s = {
        .p = start(program, band, windows, views), .views = views, .run = run
    };
    const size_t images = facet__view_n(out_of(&s.p, 0));

    for (int k = 0; k < band->length; k++) {
        const facet__view *view = out_of(&s.p, k);

        s.memory[k] = view->data;
        s.row_bytes[k] = facet__view_w(view) * facet__view_c(view) *
                         facet__dtype_size(view->type);
    }
    for (size_t image = 0; image < images; image++)
        run_image(&s, image);
    for (int k = 0; k < band->length; k++)
        views[step_of(&s.p, k)->out[0]].data = s.memory[k];
}
