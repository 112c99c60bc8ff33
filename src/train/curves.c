/* SPDX-License-Identifier: Apache-2.0 */
/* curves.c - plain line plots, written as SVG text: the same bytes on every
 * machine, whatever fonts it has. */
#include "train/curves.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "train/metrics.h"

/* A panel and its plot's distance from the panel's edges, pixels. */
enum {
    WIDTH = 760,
    HEIGHT = 260,
    LEFT = 70,
    RIGHT = 20,
    TOP = 30,
    BOTTOM = 40
};

/* The growing file. */
typedef struct page {
    char *text;
    size_t size, room;
    bool failed; /* for want of memory */
} page;

static void put(page *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(page *p, const char *format, ...)
{
    enum { LONGEST = 256 }; /* of one call */
    va_list arguments;

    if (p->room - p->size < LONGEST && !p->failed) {
        const size_t room = 2 * p->room + 16384;
        char *bigger = facet__grow(p->text, p->size, room);

        p->failed = !bigger;
        if (bigger) {
            p->text = bigger;
            p->room = room;
        }
    }
    if (p->failed)
        return;
    va_start(arguments, format);
    p->size += (size_t)vsnprintf(p->text + p->size, LONGEST, format, arguments);
    va_end(arguments);
}

/* A plot: where it stands and what its axes mean. */
typedef struct plot {
    int top; /* of the frame, from the page's top */
    double last_step, low, high;
} plot;

static int x_of(const plot *p, double step)
{
    return LEFT +
           (int)lround((WIDTH - LEFT - RIGHT) * step / fmax(p->last_step, 1));
}

static int y_of(const plot *p, double value)
{
    const double share =
        p->high > p->low ? (value - p->low) / (p->high - p->low) : .5;

    return p->top + (int)lround((HEIGHT - TOP - BOTTOM) * (1 - share));
}

/* The value of `key` in line i of the metrics; false when it has none. */
static bool value_at(
    const json_t *lines, size_t i, const char *key, double *value)
{
    const json_t *v = json_object_get(json_array_get(lines, i), key);

    *value = json_number_value(v);
    return json_is_number(v);
}

/* Find the range of a key; false when no line has it. */
static bool range_of(const json_t *lines, const char *key, plot *p)
{
    bool any = false;

    for (size_t i = 0; i < json_array_size(lines); i++) {
        double step, value;

        if (value_at(lines, i, "step", &step))
            p->last_step = fmax(p->last_step, step);
        if (!value_at(lines, i, key, &value))
            continue;
        p->low = any ? fmin(p->low, value) : value;
        p->high = any ? fmax(p->high, value) : value;
        any = true;
    }
    return any;
}

static void draw_line(page *out, const plot *p, const json_t *lines,
    const char *key, const char *style)
{
    put(out, "<polyline fill=\"none\" %s points=\"", style);
    for (size_t i = 0; i < json_array_size(lines); i++) {
        double step, value;

        if (value_at(lines, i, "step", &step) &&
            value_at(lines, i, key, &value))
            put(out, "%d,%d ", x_of(p, step), y_of(p, value));
    }
    put(out, "\"/>\n");
}

static void draw_axes(page *out, const plot *p, const char *title)
{
    const int bottom = p->top + HEIGHT - TOP - BOTTOM;

    put(out, "<text x=\"%d\" y=\"%d\">%s</text>\n", LEFT, p->top - 100, title);
    for (int i = 0; i <= 4; i++) {
        const double value = p->low + (p->high - p->low) * i / 4;
        const double step = p->last_step * i / 4;

        put(out,
            "<path stroke=\"#ddd\" stroke-width=\"10\" d=\"M%d %dH%d\"/>\n"
            "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.4g</text>\n",
            LEFT, y_of(p, value), WIDTH - RIGHT, LEFT - 80, y_of(p, value) + 40,
            value);
        put(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%.0f</text>\n",
            x_of(p, step), bottom + 180, i == 4 ? "end" : "middle", step);
    }
}

static void draw(page *out, const json_t *lines)
{
    plot loss = { .top = TOP }, score = { .top = HEIGHT + TOP };

    put(out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
        "viewBox=\"0 0 %d %d\" "
        "font-family=\"sans-serif\" font-size=\"120\">\n"
        "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
        WIDTH / 10, HEIGHT / 5, WIDTH, 2 * HEIGHT);
    if (range_of(lines, "loss", &loss)) {
        draw_axes(out, &loss, "loss over steps, and its running mean");
        draw_line(out, &loss, lines, "loss",
            "stroke=\"#a8c0e8\" stroke-width=\"10\"");
        draw_line(out, &loss, lines, "smooth",
            "stroke=\"#1a4db3\" stroke-width=\"20\"");
    }
    if (range_of(lines, "score", &score)) {
        draw_axes(out, &score, "validation score over steps");
        draw_line(out, &score, lines, "score",
            "stroke=\"#cc4d1a\" stroke-width=\"20\"");
    }
    put(out, "</svg>\n");
}

facet_status facet__curves_draw(
    const char *metrics, const char *svg, facet_error *err)
{
    page out = { .size = 0 };
    json_t *lines;
    facet_status st = facet__metrics_read(metrics, &lines, err);

    if (st == FACET_OK && json_array_size(lines) > 0) {
        draw(&out, lines);
        st = out.failed ? facet__fail_memory(err)
                        : facet__file_write(svg, out.text, out.size, err);
    }
    json_decref(lines);
    facet__free(out.text);
    return st;
}
