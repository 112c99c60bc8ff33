/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_png.c - hunts leaks where libpng jumps, the walk over chunks that looks
 * for EXIF, rows of unusual depth or interlace that are wider than their room.
 */
#include <string.h>

#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 8 || memcmp(data, "\x89PNG\r\n\x1a\n", 8) != 0)
        return 0; /* another target's business */
    fuzz_image(data, size, FACET_IMAGE_PNG);
    return 0;
}
