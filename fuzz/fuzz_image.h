/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_image.h - what the four picture targets share: decode within a small
 * limit of pixels, then touch every pixel, so that a row that was never written
 * shows under MemorySanitizer and one out of bounds under AddressSanitizer. */
#ifndef FACET_FUZZ_IMAGE_H
#define FACET_FUZZ_IMAGE_H

#include <stdlib.h>

#include "fuzz.h"

#include "facet/image.h"

static inline void fuzz_image(
    const uint8_t *data, size_t size, facet_image_format expected)
{
    enum { MAX_PIXELS = 1 << 18 };
    facet_image_opts opts;
    facet_image *image = NULL;
    facet_error err = { 0 };
    uint32_t sum = 0;
    facet_status status;

    facet_image_opts_init(&opts);
    opts.max_pixels = MAX_PIXELS;
    status = facet_image_read_memory(data, size, &opts, &image, &err);
    if ((status == FACET_OK) != (image != NULL) ||
        (status != FACET_OK && err.code != status))
        abort();
    if (!image)
        return;
    if (facet_image_source_format(image) != expected)
        abort();
    for (int32_t y = 0; y < facet_image_height(image); y++)
        for (int32_t x = 0; x < facet_image_width(image) * 3; x++)
            sum += facet_image_data(
                image)[(size_t)y * facet_image_stride(image) + (size_t)x];
    if (sum == UINT32_MAX) /* never: keeps the loop */
        abort();
    facet_image_free(image);
}

#endif
