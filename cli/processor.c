/* SPDX-License-Identifier: Apache-2.0 */
#include "processor.h"

#include <stdlib.h>
#include <string.h>

#include "exits.h"

const char *const processor_levels[PROCESSOR_LEVELS] = { "baseline", "avx2",
    "avx512", "avx512bf16" };

int check_processor(void)
{
    const char *wish = getenv("FACET_CPU");

    if (!wish || !*wish)
        return EXIT_YES;
    for (int i = 0; i < PROCESSOR_LEVELS; i++)
        if (strcmp(wish, processor_levels[i]) == 0)
            return EXIT_YES;
    complain("FACET_CPU=%s: give baseline, avx2, avx512 or avx512bf16", wish);
    return EXIT_USAGE;
}
