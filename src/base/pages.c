/* SPDX-License-Identifier: Apache-2.0 */
/* pages.c - large pages where the system has them. */
#define _DEFAULT_SOURCE /* madvise */

#include <sys/mman.h>

#include <stdint.h>

#include "base/alloc.h"

void facet__use_large_pages(void *block, size_t size)
{
#if defined(MADV_HUGEPAGE)
    enum { PAGE = 2 << 20 };
    char *from = block;
    const size_t skip = (size_t)(-(uintptr_t)from & (PAGE - 1));

    if (size >= skip + PAGE)
        (void)madvise(from + skip, (size - skip) & ~(size_t)(PAGE - 1),
            MADV_HUGEPAGE); /* only advice: nothing to do if it is not taken */
#else
    (void)block;
    (void)size;
#endif
}
