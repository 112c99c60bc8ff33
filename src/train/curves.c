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
    HEIGHT = 250,
    LEFT = 70,
    RIGHT = 24,
    TOP = 36,
    BOTTOM = 34,
    TICKS = 5 /* about so many on an axis */
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
    double tick; /* from one line of the grid to the next */
} plot;

/* A round distance, 1, 2 or 5 times a power of ten, that cuts `span` into
 * about TICKS parts. */
static double tick_of(double span)
{
    const double rough = span / TICKS;
    const double unit = pow(10, floor(log10(rough)));
    const double parts = rough / unit;

    return unit * (parts < 1.5 ? 1 : parts < 3.5 ? 2 : parts < 7.5 ? 5 : 10);
}

/* Widen the range to whole ticks, so that the frame ends on round numbers. */
static void round_range(plot *p)
{
    if (!(p->high > p->low)) { /* one value: give it some room */
        p->low -= fabs(p->low) / 10 + 1e-9;
        p->high += fabs(p->high) / 10 + 1e-9;
    }
    p->tick = tick_of(p->high - p->low);
    p->low = p->tick * floor(p->low / p->tick + 1e-9);
    p->high = p->tick * ceil(p->high / p->tick - 1e-9);
}

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
    const double step = fmax(tick_of(fmax(p->last_step, 1)), 1);

    put(out, "<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s</text>\n", LEFT,
        p->top - 12, title);
    for (double v = p->low; v < p->high + p->tick / 2; v += p->tick)
        put(out,
            "<path stroke=\"#ddd\" d=\"M%d %d.5H%d\"/>\n"
            "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.4g</text>\n",
            LEFT, y_of(p, v), WIDTH - RIGHT, LEFT - 8, y_of(p, v) + 4,
            fabs(v) < p->tick / 1e3 ? 0 : v);
    for (double s = 0; s <= p->last_step; s += step)
        put(out,
            "<path stroke=\"#888\" d=\"M%d.5 %dv4\"/>\n"
            "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%.0f</text>\n",
            x_of(p, s), bottom, x_of(p, s), bottom + 18, s);
}

/* One panel: a key over the steps, and a smoother one over it. */
typedef struct panel {
    const char *title, *key, *color, *smooth, *smooth_color;
} panel;

static const panel panels[] = {
    { "loss of a batch, and its running mean", "loss", "#a8c0e8", "smooth",
        "#1a4db3" },
    { "validation: score (docs/recipes.md)", "score", "#cc4d1a", NULL, NULL },
    { "learning rate", "rate", "#3a8a4d", NULL, NULL },
};
enum { PANELS = sizeof panels / sizeof *panels };

static void draw_panel(
    page *out, const panel *what, plot p, const json_t *lines)
{
    char style[64];

    round_range(&p);
    draw_axes(out, &p, what->title);
    snprintf(style, sizeof style, "stroke=\"%s\" stroke-width=\"%s\"",
        what->color, what->smooth ? "1" : "2");
    draw_line(out, &p, lines, what->key, style);
    if (!what->smooth)
        return;
    snprintf(style, sizeof style, "stroke=\"%s\" stroke-width=\"2\"",
        what->smooth_color);
    draw_line(out, &p, lines, what->smooth, style);
}

/* Panels of keys that no line has are left out. */
static void draw(page *out, const json_t *lines)
{
    plot plots[PANELS];
    bool there[PANELS];
    int height = 0;

    for (int i = 0; i < PANELS; i++) {
        plots[i] = (plot){ .top = height + TOP };
        there[i] = range_of(lines, panels[i].key, &plots[i]);
        height += there[i] ? HEIGHT : 0;
    }
    put(out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
        "viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
        "font-size=\"12\">\n"
        "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
        WIDTH, height, WIDTH, height);
    for (int i = 0; i < PANELS; i++)
        if (there[i])
            draw_panel(out, &panels[i], plots[i], lines);
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
