/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - how large a photo may be, for all verbs that look at photos. */
#ifndef FACET_CLI_LIMITS_H
#define FACET_CLI_LIMITS_H

#include <argp.h>

#include "facet/image.h"

/* Options --max-megapixels --max-megabytes; its input is a facet_image_opts,
 * begun with facet_image_opts_init. */
extern const struct argp limits_argp;

/* facet_image_read, whose error names the option for a photo that is too large.
 */
facet_status limits_read(const char *path, const facet_image_opts *limits,
    facet_image **image, facet_error *err);

#endif
