/* SPDX-License-Identifier: Apache-2.0 */
/* curves.h - a run's metrics as a picture. */
#ifndef FACET__CURVES_H
#define FACET__CURVES_H

#include "facet/status.h"

/* Draw loss (above, with its running mean) and, where there are any, the scores
 * of validations (below) over steps, from metrics.jsonl into an SVG file. With
 * no line yet, nothing is written. Errors: FACET_EIO, FACET_ENOMEM. */
facet_status facet__curves_draw(
    const char *metrics, const char *svg, facet_error *err);

#endif
