/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_REPORT_H
#define FACET_REPORT_H

/**
 * @file
 * Results for people: plots as SVG, PNG or PDF, and a page that holds all of a
 * run in one HTML file without a reference to anything outside.
 *
 * Thread safety: plots may be drawn at once; one report belongs to one thread
 * at a time.
 */

#include <stddef.h>
#include <stdint.h>

#include "facet/eval.h"
#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum facet_plot_kind {
    FACET_PLOT_ROC = 0,       /**< x FMR on a logarithmic axis, y TAR */
    FACET_PLOT_DET = 1,       /**< x FMR, y FNMR, both on probit axes */
    FACET_PLOT_CMC = 2,       /**< x rank, y identification rate */
    FACET_PLOT_HISTOGRAM = 3, /**< x similarity, y share of comparisons */
} facet_plot_kind;

/** One line of a plot: `count` points, borrowed. At most six are told apart by
 * color. */
typedef struct facet_plot_series {
    const char *name;
    const double *x, *y;
    size_t count;
} facet_plot_series;

typedef struct facet_plot {
    facet_plot_kind kind;
    const char *title;
    const facet_plot_series *series;
    size_t n_series;
    double floor; /**< ROC and DET: the lowest rate shown, such as one over the
                       number of non-mated comparisons; 0 for 1e-6 */
} facet_plot;

/**
 * The points of a ROC or DET from a curve, thinned so that none of a plot's
 * pixels is lost.
 *
 * @param det   y is FNMR instead of TAR.
 * @param x  Receives the points' places, `cap` at most; `y` likewise.
 * @return How many.
 */
FACET_API size_t facet_plot_points(
    const facet_curve *curve, bool det, double *x, double *y, size_t cap);

/**
 * Draw into a file; its ending says which kind: .svg, .png or .pdf.
 * Errors: FACET_EINVAL, FACET_EUNSUPPORTED (another ending), FACET_EIO,
 *         FACET_ENOMEM.
 */
FACET_API FACET_MUST_USE facet_status facet_plot_write(
    const facet_plot *plot, const char *path, facet_error *err);

/** A page under construction. */
typedef struct facet_report facet_report;

/** Errors: FACET_EINVAL, FACET_ENOMEM. */
FACET_API FACET_MUST_USE facet_status facet_report_create(
    const char *title, facet_report **out);
/** NULL is a no-op. */
FACET_API void facet_report_free(facet_report *report);

/* The parts of a page, in the order of the calls. Text is escaped. A failure
 * is remembered and told by facet_report_write. */

FACET_API void facet_report_heading(facet_report *report, const char *text);
FACET_API void facet_report_paragraph(facet_report *report, const char *text);

/** A table: `columns` cells a row, the first row being its head. */
FACET_API void facet_report_table(facet_report *report,
    const char *const *cells, size_t columns, size_t rows);

FACET_API void facet_report_plot(facet_report *report, const facet_plot *plot);

/** A picture of a comparison. */
typedef struct facet_report_picture {
    const void *bytes; /**< a whole JPEG, PNG or WebP file; NULL for none */
    size_t size;
    const char *caption;
} facet_report_picture;

/** Two pictures side by side with a line below. */
FACET_API void facet_report_pair(facet_report *report,
    const facet_report_picture *left, const facet_report_picture *right,
    const char *text);

/** Write the page. Errors: FACET_ENOMEM (also of the calls before),
 * FACET_EIO, those of drawing. */
FACET_API FACET_MUST_USE facet_status facet_report_write(
    const facet_report *report, const char *path, facet_error *err);

#ifdef __cplusplus
}
#endif

#endif
