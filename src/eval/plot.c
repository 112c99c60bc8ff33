/* SPDX-License-Identifier: Apache-2.0 */
/* plot.c - ROC, DET, CMC and histograms through cairo.
 *
 * An axis is a function from values to [0, 1] and a list of ticks; the four
 * kinds of plot differ in their axes only. */
#include "eval/plot.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"

enum { WIDTH = 560, HEIGHT = 420, MAX_TICKS = 12, PNG_SCALE = 2 };
static const double left = 64, right = 16, top = 36, bottom = 52;

/* ---- growing text ---- */

void facet__text_add(facet__text *text, const void *bytes, size_t size)
{
    if (text->status != FACET_OK)
        return;
    if (text->size + size + 1 > text->room) {
        const size_t room = 2 * text->room + size + 1024;
        char *grown = facet__grow(text->bytes, text->room, room);

        if (!grown) {
            text->status = FACET_ENOMEM;
            return;
        }
        text->bytes = grown;
        text->room = room;
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
}

void facet__text_free(facet__text *text)
{
    facet__free(text->bytes);
    memset(text, 0, sizeof *text);
}

/* ---- axes ---- */

/* The upper half by Newton's method on erfc, from a start that is good to
 * 5e-4 (Abramowitz and Stegun 26.2.23). */
double facet__probit(double p)
{
    const double tail = p < .5 ? p : 1 - p;
    const double t = sqrt(-2 * log(tail));
    double x =
        t - (2.515517 + .802853 * t + .010328 * t * t) /
                (1 + 1.432788 * t + .189269 * t * t + .001308 * t * t * t);

    for (int i = 0; i < 3; i++) {
        const double excess = erfc(x / sqrt(2)) / 2 - tail;
        const double density = exp(-x * x / 2) / sqrt(2 * acos(-1));

        x += excess / density;
    }
    return p < .5 ? -x : x;
}

static double identity(double value)
{
    return value;
}

typedef struct axis {
    double (*scale)(double value);
    double low, high; /* values at its ends */
    const char *label;
    const char *format; /* of a tick */
    double ticks[MAX_TICKS];
    size_t n_ticks;
} axis;

/* Beyond 0 and 1 at the ends, for values that do not show. */
static double place(const axis *a, double value)
{
    const double from = a->scale(a->low), to = a->scale(a->high);

    if (a->scale != identity) /* rates of 0 and 1 have no place */
        value = fmax(1e-9, fmin(1 - 1e-9, value));
    return (a->scale(value) - from) / (to - from);
}

static void even_ticks(axis *a, double step)
{
    for (double at = ceil(a->low / step - 1e-9) * step;
         at <= a->high + 1e-9 * step && a->n_ticks < MAX_TICKS; at += step)
        a->ticks[a->n_ticks++] = at;
}

/* Powers of ten from the lowest rate, and for probits the round ones above. */
static void rate_ticks(axis *a, bool upper)
{
    static const double more[] = { .3, .5, .7, .9 };

    for (double at = 1e-6; at < .2; at *= 10)
        if (at >= a->low * .999)
            a->ticks[a->n_ticks++] = at;
    for (size_t i = 0; upper && i < sizeof more / sizeof *more; i++)
        if (more[i] <= a->high)
            a->ticks[a->n_ticks++] = more[i];
    if (!upper)
        a->ticks[a->n_ticks++] = 1;
}

/* A step of 1, 2 or 5 times a power of ten, for about six ticks. */
static double round_step(double span)
{
    const double power = pow(10, floor(log10(span / 6)));
    const double digits = span / 6 / power;

    return power * (digits > 7 ? 10 : digits > 3.2 ? 5 : digits > 1.4 ? 2 : 1);
}

static void bounds_of(const facet_plot *plot, bool vertical, axis *a)
{
    a->low = HUGE_VAL;
    a->high = -HUGE_VAL;
    for (size_t i = 0; i < plot->n_series; i++)
        for (size_t k = 0; k < plot->series[i].count; k++) {
            const double value =
                vertical ? plot->series[i].y[k] : plot->series[i].x[k];

            a->low = fmin(a->low, value);
            a->high = fmax(a->high, value);
        }
    if (!(a->low < a->high)) {
        a->low = a->low < HUGE_VAL ? a->low : 0;
        a->high = a->low + 1;
    }
}

static void set_axes(const facet_plot *plot, axis *x, axis *y)
{
    const double floor_rate = plot->floor > 0 ? fmin(.01, plot->floor) : 1e-6;

    *x = (axis){ .scale = identity, .format = "%.4g" };
    *y = (axis){ .scale = identity, .format = "%.4g" };
    switch (plot->kind) {
    case FACET_PLOT_ROC:
        *x = (axis){ log10, floor_rate, 1, "false match rate (FMR)", "%.0e",
            { 0 }, 0 };
        rate_ticks(x, false);
        bounds_of(plot, true, y);
        y->low = y->low < .5 ? 0 : .5;
        y->high = 1;
        y->label = "true accept rate (TAR)";
        break;
    case FACET_PLOT_DET:
        *x = (axis){ facet__probit, floor_rate, .5, "false match rate (FMR)",
            "%g", { 0 }, 0 };
        *y = (axis){ facet__probit, fmax(floor_rate, 1e-4), .9,
            "false non-match rate (FNMR)", "%g", { 0 }, 0 };
        rate_ticks(x, true);
        rate_ticks(y, true);
        return;
    case FACET_PLOT_CMC:
        bounds_of(plot, false, x);
        bounds_of(plot, true, y);
        x->label = "rank";
        y->label = "identification rate";
        y->high = 1;
        y->low = y->low < .8 ? 0 : floor(y->low * 20 - .5) / 20;
        break;
    case FACET_PLOT_HISTOGRAM:
        bounds_of(plot, false, x);
        bounds_of(plot, true, y);
        x->label = "similarity";
        y->label = "share of comparisons";
        y->low = 0;
        break;
    }
    if (x->n_ticks == 0)
        even_ticks(x, fmax(round_step(x->high - x->low),
                          plot->kind == FACET_PLOT_CMC ? 1 : 0));
    even_ticks(y, round_step(y->high - y->low));
}

/* ---- drawing ---- */

static const double colors[][3] = { { .12, .37, .66 }, { .80, .33, .13 },
    { .20, .55, .30 }, { .50, .30, .60 }, { .60, .45, .10 },
    { .25, .25, .25 } };
enum { COLORS = sizeof colors / sizeof *colors };

static double x_pixel(const axis *x, double value)
{
    return left + place(x, value) * (WIDTH - left - right);
}

static double y_pixel(const axis *y, double value)
{
    return HEIGHT - bottom - place(y, value) * (HEIGHT - top - bottom);
}

/* Text with its anchor at a share of its width. */
static void show(
    cairo_t *c, double x, double y, double anchor, const char *text)
{
    cairo_text_extents_t size;

    cairo_text_extents(c, text, &size);
    cairo_move_to(c, x - anchor * size.x_advance, y);
    cairo_show_text(c, text);
}

/* "1e-03" reads better as "1e-3". */
static void tick_text(const axis *a, double value, char text[32])
{
    char *zero;

    snprintf(text, 32, strcmp(a->format, "%.0e") == 0 ? "%.0e" : "%.4g",
        fabs(value) < 1e-12 ? 0 : value);
    zero = strstr(text, "e-0");
    if (zero)
        memmove(zero + 2, zero + 3, strlen(zero + 3) + 1);
    if (strcmp(text, "1e+00") == 0)
        memcpy(text, "1", 2);
}

static void draw_frame(
    cairo_t *c, const facet_plot *plot, const axis *x, const axis *y)
{
    char text[32];

    cairo_set_line_width(c, .6);
    for (size_t i = 0; i < x->n_ticks; i++) {
        const double at = x_pixel(x, x->ticks[i]);

        cairo_set_source_rgb(c, .86, .86, .86);
        cairo_move_to(c, at, top);
        cairo_line_to(c, at, HEIGHT - bottom);
        cairo_stroke(c);
        cairo_set_source_rgb(c, .2, .2, .2);
        tick_text(x, x->ticks[i], text);
        show(c, at, HEIGHT - bottom + 16, .5, text);
    }
    for (size_t i = 0; i < y->n_ticks; i++) {
        const double at = y_pixel(y, y->ticks[i]);

        cairo_set_source_rgb(c, .86, .86, .86);
        cairo_move_to(c, left, at);
        cairo_line_to(c, WIDTH - right, at);
        cairo_stroke(c);
        cairo_set_source_rgb(c, .2, .2, .2);
        tick_text(y, y->ticks[i], text);
        show(c, left - 6, at + 4, 1, text);
    }
    cairo_rectangle(c, left, top, WIDTH - left - right, HEIGHT - top - bottom);
    cairo_stroke(c);
    show(c, (left + WIDTH - right) / 2, HEIGHT - 14, .5, x->label);
    cairo_save(c);
    cairo_translate(c, 14, (top + HEIGHT - bottom) / 2);
    cairo_rotate(c, -acos(-1) / 2);
    show(c, 0, 0, .5, y->label);
    cairo_restore(c);
    cairo_set_font_size(c, 14);
    show(c, (left + WIDTH - right) / 2, 22, .5, plot->title);
    cairo_set_font_size(c, 11);
}

/* Histograms are steps: a point's y holds from its x to the next. */
static void draw_series(cairo_t *c, const facet_plot *plot,
    const facet_plot_series *s, const axis *x, const axis *y)
{
    for (size_t i = 0; i < s->count; i++) {
        const double px = x_pixel(x, s->x[i]), py = y_pixel(y, s->y[i]);

        if (i == 0)
            cairo_move_to(c, px, py);
        else if (plot->kind == FACET_PLOT_HISTOGRAM)
            cairo_line_to(c, px, y_pixel(y, s->y[i - 1]));
        cairo_line_to(c, px, py);
    }
    cairo_stroke(c);
}

/* The names, where the curves of that kind leave room. */
static void draw_legend(cairo_t *c, const facet_plot *plot)
{
    const bool low =
        plot->kind == FACET_PLOT_ROC || plot->kind == FACET_PLOT_CMC;
    const double first =
        low ? HEIGHT - bottom - 16 * (double)plot->n_series : top + 18;

    for (size_t i = 0; i < plot->n_series; i++) {
        const double *rgb = colors[i % COLORS];
        const double at = first + 16 * (double)i;
        cairo_text_extents_t size;

        cairo_text_extents(c, plot->series[i].name, &size);
        cairo_set_source_rgb(c, rgb[0], rgb[1], rgb[2]);
        cairo_move_to(c, WIDTH - right - size.x_advance - 36, at - 4);
        cairo_line_to(c, WIDTH - right - size.x_advance - 16, at - 4);
        cairo_stroke(c);
        cairo_set_source_rgb(c, .2, .2, .2);
        show(c, WIDTH - right - 10, at, 1, plot->series[i].name);
    }
}

static void draw_plot(cairo_t *c, const facet_plot *plot)
{
    axis x, y;

    set_axes(plot, &x, &y);
    cairo_set_source_rgb(c, 1, 1, 1);
    cairo_paint(c);
    cairo_select_font_face(
        c, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(c, 11);
    draw_frame(c, plot, &x, &y);
    cairo_set_line_width(c, 1.6);
    cairo_save(c);
    cairo_rectangle(c, left, top, WIDTH - left - right, HEIGHT - top - bottom);
    cairo_clip(c);
    for (size_t i = 0; i < plot->n_series; i++) {
        const double *rgb = colors[i % COLORS];

        cairo_set_source_rgb(c, rgb[0], rgb[1], rgb[2]);
        draw_series(c, plot, &plot->series[i], &x, &y);
    }
    cairo_restore(c);
    draw_legend(c, plot);
}

static cairo_status_t take_bytes(
    void *closure, const unsigned char *bytes, unsigned size)
{
    facet__text *text = closure;

    facet__text_add(text, bytes, size);
    return text->status == FACET_OK ? CAIRO_STATUS_SUCCESS
                                    : CAIRO_STATUS_NO_MEMORY;
}

facet_status facet__plot_draw(const facet_plot *plot, facet__plot_format format,
    facet__text *out, facet_error *err)
{
    cairo_surface_t *surface;
    cairo_status_t status;
    cairo_t *c;

    if (format == FACET__PLOT_SVG)
        surface =
            cairo_svg_surface_create_for_stream(take_bytes, out, WIDTH, HEIGHT);
    else if (format == FACET__PLOT_PDF)
        surface =
            cairo_pdf_surface_create_for_stream(take_bytes, out, WIDTH, HEIGHT);
    else
        surface = cairo_image_surface_create(
            CAIRO_FORMAT_RGB24, PNG_SCALE * WIDTH, PNG_SCALE * HEIGHT);
    c = cairo_create(surface);
    if (format == FACET__PLOT_PNG)
        cairo_scale(c, PNG_SCALE, PNG_SCALE);
    draw_plot(c, plot);
    status = cairo_status(c);
    cairo_destroy(c);
    if (status == CAIRO_STATUS_SUCCESS && format == FACET__PLOT_PNG)
        status = cairo_surface_write_to_png_stream(surface, take_bytes, out);
    cairo_surface_finish(surface);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    if (out->status != FACET_OK)
        return facet__fail_memory(err);
    if (status != CAIRO_STATUS_SUCCESS)
        return facet__fail(err, FACET_EIO, "the plot cannot be drawn: %s",
            cairo_status_to_string(status));
    return FACET_OK;
}

/* ---- the public side ---- */

size_t facet_plot_points(
    const facet_curve *curve, bool det, double *x, double *y, size_t cap)
{
    const size_t count = facet_curve_count(curve);
    double last_x = -1, last_y = -1;
    size_t n = 0;

    for (size_t i = 0; i < count && n < cap; i++) {
        const facet_curve_point at = facet_curve_at(curve, i);
        const double px = log10(fmax(at.fmr, 1e-9)) * 200;
        const double py = at.tar * 800 - log10(fmax(1 - at.tar, 1e-6)) * 100;

        if (i + 1 < count && fabs(px - last_x) < .5 && fabs(py - last_y) < .5)
            continue;
        if (at.threshold == -HUGE_VAL) /* not a threshold one can set */
            continue;
        last_x = px;
        last_y = py;
        x[n] = at.fmr;
        y[n++] = det ? 1 - at.tar : at.tar;
    }
    return n;
}

static bool valid(const facet_plot *plot)
{
    if (!plot || !plot->title || !plot->series || plot->n_series == 0)
        return false;
    for (size_t i = 0; i < plot->n_series; i++)
        if (!plot->series[i].name || !plot->series[i].x || !plot->series[i].y)
            return false;
    return plot->kind >= FACET_PLOT_ROC && plot->kind <= FACET_PLOT_HISTOGRAM;
}

facet_status facet_plot_write(
    const facet_plot *plot, const char *path, facet_error *err)
{
    static const char *const endings[] = { ".svg", ".png", ".pdf" };
    const char *ending = path ? strrchr(path, '.') : NULL;
    facet__text text = { 0 };
    facet_status status;
    size_t format = 0;

    if (!valid(plot) || !path)
        return facet__fail(err, FACET_EINVAL, "a plot needs title and series");
    while (format < 3 && (!ending || strcmp(ending, endings[format]) != 0))
        format++;
    if (format == 3)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "%.150s: plots end in .svg, .png or .pdf", path);
    status = facet__plot_draw(plot, (facet__plot_format)format, &text, err);
    if (status == FACET_OK)
        status = facet__file_write(path, text.bytes, text.size, err);
    facet__text_free(&text);
    return status;
}
