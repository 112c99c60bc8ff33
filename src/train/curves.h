/* SPDX-License-Identifier: Apache-2.0 */
/* curves.h - a run's metrics as a picture. */
#ifndef FACET__CURVES_H
#define FACET__CURVES_H

#include "facet/status.h"

/* Draw the loss with its running mean, the scores of validations and the rate
 * of learning over steps, one panel each where there are any, from
 * metrics.jsonl into an SVG file. With no line yet, nothing is written. Errors:
 * FACET_EIO, FACET_ENOMEM. */
facet_status facet__curves_draw(
    const char *metrics, const char *svg, facet_error *err);

#endif
