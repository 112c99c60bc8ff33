/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_webp.c - hunts the walk over RIFF chunks that looks for EXIF, alpha and
 * turned pictures written past their room, headers that disagree. */
#include <string.h>

#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 12 || memcmp(data, "RIFF", 4) || memcmp(data + 8, "WEBP", 4))
        return 0; /* another target's business */
    fuzz_image(data, size, FACET_IMAGE_WEBP);
    return 0;
}
