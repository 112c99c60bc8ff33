/* SPDX-License-Identifier: Apache-2.0 */
/* curves.c - plain line plots by cairo; the picture is made in memory and
 * replaces the old one whole. */
#include "train/curves.h"

#include <cairo-svg.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "train/metrics.h"

enum {
    WIDTH = 760,
    HEIGHT = 260,
    LEFT = 70,
    RIGHT = 20,
    TOP = 30,
    BOTTOM = 40
};

/* A growing file in memory, as cairo hands it out. */
typedef struct text {
    unsigned char *bytes;
    size_t size, room;
} text;

static cairo_status_t take(
    void *closure, const unsigned char *bytes, unsigned int length)
{
    text *t = closure;

    if (t->room - t->size < length) {
        const size_t room = 2 * t->room + length + 65536;
        unsigned char *bigger = facet__grow(t->bytes, t->size, room);

        if (!bigger)
            return CAIRO_STATUS_NO_MEMORY;
        t->bytes = bigger;
        t->room = room;
    }
    memcpy(t->bytes + t->size, bytes, length);
    t->size += length;
    return CAIRO_STATUS_SUCCESS;
}

/* One panel: where it stands and what its axes mean. */
typedef struct panel {
    double top; /* of the plot's frame, from the page's top */
    double last_step, low, high;
} panel;

static double x_of(const panel *p, double step)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * step / fmax(p->last_step, 1);
}

static double y_of(const panel *p, double value)
{
    const double share =
        p->high > p->low ? (value - p->low) / (p->high - p->low) : .5;

    return p->top + (HEIGHT - TOP - BOTTOM) * (1 - share);
}

/* The value of `key` in a line of metrics; false when it has none. */
static bool value_of(const json_t *line, const char *key, double *value)
{
    const json_t *v = json_object_get(line, key);

    *value = json_number_value(v);
    return json_is_number(v);
}

static double step_of(const json_t *line)
{
    return (double)json_integer_value(json_object_get(line, "step"));
}

/* Find the range of a key; false when no line has it. */
static bool range_of(const json_t *lines, const char *key, panel *p)
{
    bool any = false;
    size_t i;
    json_t *line;

    json_array_foreach((json_t *)(uintptr_t)lines, i, line)
    {
        double value;

        p->last_step = fmax(p->last_step, step_of(line));
        if (!value_of(line, key, &value))
            continue;
        p->low = any ? fmin(p->low, value) : value;
        p->high = any ? fmax(p->high, value) : value;
        any = true;
    }
    return any;
}

static void draw_line(cairo_t *c, const panel *p, const json_t *lines,
    const char *key, double width, double red, double green, double blue)
{
    size_t i;
    json_t *line;

    cairo_new_path(c);
    json_array_foreach((json_t *)(uintptr_t)lines, i, line)
    {
        double value;

        if (value_of(line, key, &value))
            cairo_line_to(c, x_of(p, step_of(line)), y_of(p, value));
    }
    cairo_set_source_rgb(c, red, green, blue);
    cairo_set_line_width(c, width);
    cairo_stroke(c);
}

static void write_at(
    cairo_t *c, double x, double y, double align, const char *words)
{
    cairo_text_extents_t extents;

    cairo_text_extents(c, words, &extents);
    cairo_move_to(c, x - align * extents.width, y);
    cairo_show_text(c, words);
}

static void draw_axes(cairo_t *c, const panel *p, const char *title)
{
    char words[64];

    cairo_set_source_rgb(c, .85, .85, .85);
    cairo_set_line_width(c, 1);
    for (int i = 0; i <= 4; i++) {
        const double value = p->low + (p->high - p->low) * i / 4;

        cairo_move_to(c, LEFT, y_of(p, value));
        cairo_line_to(c, WIDTH - RIGHT, y_of(p, value));
    }
    cairo_stroke(c);
    cairo_set_source_rgb(c, .2, .2, .2);
    write_at(c, LEFT, p->top - 10, 0, title);
    for (int i = 0; i <= 4; i++) {
        const double value = p->low + (p->high - p->low) * i / 4;
        const double step = p->last_step * i / 4;

        snprintf(words, sizeof words, "%.4g", value);
        write_at(c, LEFT - 8, y_of(p, value) + 4, 1, words);
        snprintf(words, sizeof words, "%.0f", step);
        write_at(c, x_of(p, step), p->top + HEIGHT - TOP - BOTTOM + 18,
            i == 4 ? 1 : .5, words);
    }
}

static void draw(cairo_t *c, const json_t *lines)
{
    panel loss = { .top = TOP }, score = { .top = HEIGHT + TOP };

    cairo_set_source_rgb(c, 1, 1, 1);
    cairo_paint(c);
    cairo_select_font_face(
        c, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(c, 12);
    if (range_of(lines, "loss", &loss)) {
        draw_axes(c, &loss, "loss over steps, and its running mean");
        draw_line(c, &loss, lines, "loss", 1, .65, .75, .9);
        draw_line(c, &loss, lines, "smooth", 2, .1, .3, .7);
    }
    if (range_of(lines, "score", &score)) {
        draw_axes(c, &score, "validation score over steps");
        draw_line(c, &score, lines, "score", 2, .8, .3, .1);
    }
}

facet_status facet__curves_draw(
    const char *metrics, const char *svg, facet_error *err)
{
    text file = { .size = 0 };
    json_t *lines;
    facet_status st = facet__metrics_read(metrics, &lines, err);
    cairo_surface_t *surface;
    cairo_t *c;

    if (st != FACET_OK || json_array_size(lines) == 0) {
        json_decref(lines);
        return st;
    }
    surface =
        cairo_svg_surface_create_for_stream(take, &file, WIDTH, 2 * HEIGHT);
    c = cairo_create(surface);
    draw(c, lines);
    cairo_surface_finish(surface);
    if (cairo_status(c) != CAIRO_STATUS_SUCCESS ||
        cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS)
        st = facet__fail_memory(err);
    else
        st = facet__file_write(svg, file.bytes, file.size, err);
    cairo_destroy(c);
    cairo_surface_destroy(surface);
    json_decref(lines);
    facet__free(file.bytes);
    return st;
}
