/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - a page of HTML that needs nothing from outside.
 *
 * Plots stand in it as SVG, pictures as data: URIs. Cairo names the parts of
 * each SVG alike, so the names get the number of the plot before them: in one
 * page they would be taken for each other. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "eval/plot.h"

struct facet_report {
    facet__text text;
    unsigned plots;
};

static const char style[] =
    "body{font:15px/1.5 sans-serif;max-width:76em;margin:2em auto;"
    "padding:0 1em;color:#222}"
    "h1{font-size:1.6em}h2{font-size:1.2em;margin:1.6em 0 .4em}"
    "table{border-collapse:collapse;margin:.6em 0}"
    "td,th{border-bottom:1px solid #ddd;padding:.2em 1em .2em 0;"
    "text-align:left;overflow-wrap:anywhere}"
    "th{border-bottom:2px solid #888}"
    "figure{display:inline-block;margin:.5em;vertical-align:top}"
    "figure.pair{border:1px solid #ddd;padding:.5em;font-size:.8em}"
    "figure.pair>div{display:inline-block;width:10em;margin:.2em;"
    "overflow-wrap:anywhere;vertical-align:top}"
    "figure.pair img{width:10em;display:block}"
    "svg{max-width:100%;height:auto}";

static void put(facet_report *report, const char *text)
{
    facet__text_add(&report->text, text, strlen(text));
}

/* Text in HTML. */
static void put_escaped(facet_report *report, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            put(report, "&amp;");
            break;
        case '<':
            put(report, "&lt;");
            break;
        case '>':
            put(report, "&gt;");
            break;
        case '"':
            put(report, "&quot;");
            break;
        default:
            facet__text_add(&report->text, text, 1);
        }
    }
}

facet_status facet_report_create(const char *title, facet_report **out)
{
    facet_report *report;

    if (!out)
        return FACET_EINVAL;
    *out = NULL;
    if (!title)
        return FACET_EINVAL;
    report = facet__calloc(1, sizeof *report);
    if (!report)
        return FACET_ENOMEM;
    put(report, "<!doctype html>\n<html lang=\"en\"><head>"
                "<meta charset=\"utf-8\"><meta name=\"viewport\" "
                "content=\"width=device-width\">"
                "<link rel=\"icon\" href=\"data:,\"><title>");
    put_escaped(report, title);
    put(report, "</title><style>");
    put(report, style);
    put(report, "</style></head>\n<body><h1>");
    put_escaped(report, title);
    put(report, "</h1>\n");
    *out = report;
    return FACET_OK;
}

void facet_report_free(facet_report *report)
{
    if (!report)
        return;
    facet__text_free(&report->text);
    facet__free(report);
}

void facet_report_heading(facet_report *report, const char *text)
{
    put(report, "<h2>");
    put_escaped(report, text);
    put(report, "</h2>\n");
}

void facet_report_paragraph(facet_report *report, const char *text)
{
    put(report, "<p>");
    put_escaped(report, text);
    put(report, "</p>\n");
}

void facet_report_table(
    facet_report *report, const char *const *cells, size_t columns, size_t rows)
{
    put(report, "<table>\n");
    for (size_t row = 0; row < rows; row++) {
        put(report, "<tr>");
        for (size_t column = 0; column < columns; column++) {
            put(report, row == 0 ? "<th>" : "<td>");
            put_escaped(report, cells[row * columns + column]);
            put(report, row == 0 ? "</th>" : "</td>");
        }
        put(report, "</tr>\n");
    }
    put(report, "</table>\n");
}

/* SVG with "p3-" before every name, from its <svg> tag on. */
static void put_svg(facet_report *report, const char *svg)
{
    static const char *const before[] = { " id=\"", "href=\"#", "url(#" };
    char prefix[16];

    snprintf(prefix, sizeof prefix, "p%u-", report->plots);
    svg = strstr(svg, "<svg");
    while (svg && *svg) {
        size_t length = 1;
        bool name = false;

        for (size_t i = 0; i < 3 && !name; i++)
            if (strncmp(svg, before[i], strlen(before[i])) == 0) {
                length = strlen(before[i]);
                name = true;
            }
        facet__text_add(&report->text, svg, length);
        if (name)
            put(report, prefix);
        svg += length;
    }
}

void facet_report_plot(facet_report *report, const facet_plot *plot)
{
    facet__text svg = { 0 };
    const facet_status status =
        facet__plot_draw(plot, FACET__PLOT_SVG, &svg, NULL);

    report->plots++;
    if (status == FACET_OK) {
        put(report, "<figure role=\"img\" aria-label=\"");
        put_escaped(report, plot->title);
        put(report, "\">");
        put_svg(report, svg.bytes);
        put(report, "</figure>\n");
    } else if (report->text.status == FACET_OK)
        report->text.status = status;
    facet__text_free(&svg);
}

static void put_base64(
    facet_report *report, const unsigned char *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < size; i += 3) {
        const unsigned a = bytes[i];
        const unsigned b = i + 1 < size ? bytes[i + 1] : 0;
        const unsigned c = i + 2 < size ? bytes[i + 2] : 0;
        const char four[4] = { digits[a >> 2], digits[(a & 3) << 4 | b >> 4],
            i + 1 < size ? digits[(b & 15) << 2 | c >> 6] : '=',
            i + 2 < size ? digits[c & 63] : '=' };

        facet__text_add(&report->text, four, sizeof four);
    }
}

static const char *media_type(const unsigned char *bytes, size_t size)
{
    if (size > 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0)
        return "image/jpeg";
    if (size > 12 && memcmp(bytes + 8, "WEBP", 4) == 0)
        return "image/webp";
    return "image/png";
}

static void put_picture(
    facet_report *report, const facet_report_picture *picture)
{
    put(report, "<div>");
    if (picture->bytes) {
        put(report, "<img alt=\"\" src=\"data:");
        put(report, media_type(picture->bytes, picture->size));
        put(report, ";base64,");
        put_base64(report, picture->bytes, picture->size);
        put(report, "\">");
    }
    put_escaped(report, picture->caption);
    put(report, "</div>");
}

void facet_report_pair(facet_report *report, const facet_report_picture *left,
    const facet_report_picture *right, const char *text)
{
    put(report, "<figure class=\"pair\">");
    put_picture(report, left);
    put_picture(report, right);
    put(report, "<figcaption>");
    put_escaped(report, text);
    put(report, "</figcaption></figure>\n");
}

facet_status facet_report_write(
    const facet_report *report, const char *path, facet_error *err)
{
    static const char end[] = "</body></html>\n";
    const facet__piece pieces[] = { { report ? report->text.bytes : NULL,
                                        report ? report->text.size : 0 },
        { end, sizeof end - 1 } };

    if (!report || !path)
        return facet__fail(err, FACET_EINVAL, "no report, or no path");
    if (report->text.status != FACET_OK)
        return facet__fail(err, report->text.status,
            "the report could not be put together: %s",
            facet_status_str(report->text.status));
    return facet__file_write_pieces(path, pieces, 2, err);
}
