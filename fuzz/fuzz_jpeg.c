/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_jpeg.c - hunts leaks and stale state where libjpeg jumps out of the
 * middle of a row, rows placed outside a turned picture, damaged EXIF, and
 * headers whose scans or sizes cost minutes. */
#include <string.h>

#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || memcmp(data, "\xff\xd8\xff", 3) != 0)
        return 0; /* another target's business */
    fuzz_image(data, size, FACET_IMAGE_JPEG);
    return 0;
}
