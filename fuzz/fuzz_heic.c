/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_heic.c - hunts decoded sizes that differ from those the header claims,
 * grids and tiles that cost memory beyond the limit of pixels, missing planes.
 */
#include <string.h>

#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 12 || memcmp(data + 4, "ftyp", 4) != 0)
        return 0; /* another target's business */
    fuzz_image(data, size, FACET_IMAGE_HEIC);
    return 0;
}
