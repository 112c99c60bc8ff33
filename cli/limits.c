/* SPDX-License-Identifier: Apache-2.0 */
#include "limits.h"

#include <stdio.h>
#include <string.h>

#include "numbers.h"

enum { KEY_MEGAPIXELS = 0x280, KEY_MEGABYTES };

static const double pixels = 1e6, bytes = 1048576.0;

static const struct argp_option options[] = {
    { "max-megapixels", KEY_MEGAPIXELS, "N", 0,
        "refuse larger photos; default 100", 0 },
    { "max-megabytes", KEY_MEGABYTES, "N", 0, "refuse larger files; default 64",
        0 },
    { 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    facet_image_opts *limits = state->input;

    switch (key) {
    case KEY_MEGAPIXELS:
        limits->max_pixels =
            (size_t)(pixels *
                     number_option(state, "--max-megapixels", text, 0.01, 1e5));
        break;
    case KEY_MEGABYTES:
        limits->max_bytes =
            (size_t)(bytes *
                     number_option(state, "--max-megabytes", text, 0.001, 1e6));
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

const struct argp limits_argp = { .options = options, .parser = parse };

facet_status limits_read(const char *path, const facet_image_opts *limits,
    facet_image **image, facet_error *err)
{
    const facet_status st = facet_image_read(path, limits, image, err);
    const size_t used = strlen(err->msg);

    if (st == FACET_ELIMIT)
        snprintf(err->msg + used, sizeof err->msg - used, " (%s)",
            strstr(err->msg, "max_bytes") ? "--max-megabytes"
                                          : "--max-megapixels");
    return st;
}
