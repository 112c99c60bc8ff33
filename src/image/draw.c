/* SPDX-License-Identifier: Apache-2.0 */
/* draw.c - see draw.h. cairo draws on 32-bit pixels, so the picture is widened
 * to them and narrowed again; every mark has a dark rim, which keeps it visible
 * on any background. */
#include "image/draw.h"

#include <math.h>

#include <cairo.h>

#include "base/alloc.h"

enum { MAX_SIDE = 32767 };

struct facet__drawing {
    facet_image *image;
    uint32_t *pixels; /* xRGB, as cairo wants it */
    cairo_surface_t *surface;
    cairo_t *cairo;
    double unit; /* width of a line, pixels */
};

static void widen(const facet_image *image, uint32_t *pixels)
{
    for (int32_t y = 0; y < image->height; y++) {
        const uint8_t *row = image->data + (size_t)y * image->stride;

        for (int32_t x = 0; x < image->width; x++, row += 3)
            *pixels++ = (uint32_t)row[0] << 16 | (uint32_t)row[1] << 8 | row[2];
    }
}

static void narrow(const uint32_t *pixels, facet_image *image)
{
    for (int32_t y = 0; y < image->height; y++) {
        uint8_t *row = image->data + (size_t)y * image->stride;

        for (int32_t x = 0; x < image->width; x++, row += 3, pixels++) {
            row[0] = (uint8_t)(*pixels >> 16);
            row[1] = (uint8_t)(*pixels >> 8);
            row[2] = (uint8_t)*pixels;
        }
    }
}

static void drawing_free(facet__drawing *drawing)
{
    cairo_destroy(drawing->cairo);
    cairo_surface_destroy(drawing->surface);
    facet__free(drawing->pixels);
    facet__free(drawing);
}

facet_status facet__draw_begin(facet_image *image, facet__drawing **out)
{
    const size_t count = (size_t)image->width * (size_t)image->height;
    facet__drawing *d;

    *out = NULL;
    if (image->width > MAX_SIDE || image->height > MAX_SIDE)
        return FACET_ELIMIT;
    d = facet__calloc(1, sizeof *d);
    if (!d)
        return FACET_ENOMEM;
    d->image = image;
    d->unit = fmax(1, (image->width + image->height) / 800.0);
    d->pixels = facet__alloc(count * sizeof *d->pixels);
    if (!d->pixels) {
        facet__free(d);
        return FACET_ENOMEM;
    }
    widen(image, d->pixels);
    d->surface = cairo_image_surface_create_for_data((unsigned char *)d->pixels,
        CAIRO_FORMAT_RGB24, image->width, image->height,
        image->width * (int)sizeof *d->pixels);
    d->cairo = cairo_create(d->surface);
    if (cairo_status(d->cairo) != CAIRO_STATUS_SUCCESS) {
        drawing_free(d);
        return FACET_ENOMEM;
    }
    /* cairo's integers are pixel corners, ours are centers. */
    cairo_translate(d->cairo, 0.5, 0.5);
    cairo_set_line_join(d->cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(d->cairo, CAIRO_LINE_CAP_ROUND);
    *out = d;
    return FACET_OK;
}

/* Stroke the current path: a dark rim, then the ink. */
static void stroke(facet__drawing *d, facet__ink ink)
{
    cairo_set_source_rgb(d->cairo, 0, 0, 0);
    cairo_set_line_width(d->cairo, 2 * d->unit);
    cairo_stroke_preserve(d->cairo);
    cairo_set_source_rgb(d->cairo, ink.red, ink.green, ink.blue);
    cairo_set_line_width(d->cairo, d->unit);
    cairo_stroke(d->cairo);
}

void facet__draw_box(facet__drawing *d, facet_box box, facet__ink ink)
{
    cairo_rectangle(d->cairo, (double)box.x, (double)box.y, (double)box.width,
        (double)box.height);
    stroke(d, ink);
}

void facet__draw_point(facet__drawing *d, facet_point at, facet__ink ink)
{
    cairo_move_to(d->cairo, (double)at.x, (double)at.y);
    cairo_close_path(d->cairo);
    cairo_set_source_rgb(d->cairo, 0, 0, 0);
    cairo_set_line_width(d->cairo, 4 * d->unit);
    cairo_stroke_preserve(d->cairo);
    cairo_set_source_rgb(d->cairo, ink.red, ink.green, ink.blue);
    cairo_set_line_width(d->cairo, 3 * d->unit);
    cairo_stroke(d->cairo);
}

void facet__draw_line(
    facet__drawing *d, facet_point from, facet_point to, facet__ink ink)
{
    cairo_move_to(d->cairo, (double)from.x, (double)from.y);
    cairo_line_to(d->cairo, (double)to.x, (double)to.y);
    stroke(d, ink);
}

/* Black or white, whichever is legible on the ink. */
static void set_contrast(cairo_t *cairo, facet__ink ink)
{
    const double light = 0.299 * ink.red + 0.587 * ink.green + 0.114 * ink.blue;
    const double tone = light > 0.5 ? 0 : 1;

    cairo_set_source_rgb(cairo, tone, tone, tone);
}

void facet__draw_label(
    facet__drawing *d, facet_point at, const char *text, facet__ink ink)
{
    const double size = 10 + 4 * d->unit, margin = size / 5;
    cairo_text_extents_t text_box;
    cairo_font_extents_t font;
    double x, y, width, height;

    cairo_select_font_face(d->cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
        CAIRO_FONT_WEIGHT_BOLD);
    cairo_set_font_size(d->cairo, size);
    cairo_text_extents(d->cairo, text, &text_box);
    cairo_font_extents(d->cairo, &font);
    width = text_box.x_advance + 2 * margin;
    height = font.ascent + font.descent;
    x = fmax(0, fmin((double)at.x, d->image->width - width));
    y = (double)at.y - height - d->unit;
    if (y < 0)
        y = fmin((double)at.y + d->unit, d->image->height - height);
    cairo_rectangle(d->cairo, x, y, width, height);
    cairo_set_source_rgb(d->cairo, ink.red, ink.green, ink.blue);
    cairo_fill(d->cairo);
    set_contrast(d->cairo, ink);
    cairo_move_to(d->cairo, x + margin, y + font.ascent);
    cairo_show_text(d->cairo, text);
    cairo_new_path(d->cairo);
}

facet_status facet__draw_end(facet__drawing *d)
{
    facet_status status = FACET_OK;

    if (!d)
        return FACET_OK;
    cairo_surface_flush(d->surface);
    /* A label that is not UTF-8 stops cairo; so does a lack of memory. */
    if (cairo_status(d->cairo) == CAIRO_STATUS_NO_MEMORY)
        status = FACET_ENOMEM;
    else if (cairo_status(d->cairo) != CAIRO_STATUS_SUCCESS)
        status = FACET_EINVAL;
    if (status == FACET_OK)
        narrow(d->pixels, d->image);
    drawing_free(d);
    return status;
}
