/* SPDX-License-Identifier: Apache-2.0 */
/* plot.h - what plots and reports share. */
#ifndef FACET__PLOT_H
#define FACET__PLOT_H

#include "facet/report.h"

/* Bytes that grow. A failure sticks, and further text is dropped. */
typedef struct facet__text {
    char *bytes;
    size_t size, room;
    facet_status status;
} facet__text;

void facet__text_add(facet__text *text, const void *bytes, size_t size);
void facet__text_free(facet__text *text);

/* The quantile of the standard normal distribution, 0 < p < 1; to 1e-9. */
double facet__probit(double p);

typedef enum facet__plot_format {
    FACET__PLOT_SVG,
    FACET__PLOT_PNG,
    FACET__PLOT_PDF,
} facet__plot_format;

facet_status facet__plot_draw(const facet_plot *plot, facet__plot_format format,
    facet__text *out, facet_error *err);

#endif
