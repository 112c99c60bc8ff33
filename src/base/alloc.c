/* SPDX-License-Identifier: Apache-2.0 */
/* alloc.c - the two calls that everything else is made of. They stand in a file
 * of their own because a linker can only wrap calls from another file.
 *
 * A fresh block of the system is given page by page as it is first written to,
 * and each page costs a trap: for the 36 MB of a 12-megapixel photo that took
 * half as long as decoding it. Large blocks therefore ask for huge pages. Only
 * whole ones, so that a block never takes more memory than its size. */
#define _DEFAULT_SOURCE /* madvise */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

static const size_t huge_page = (size_t)2 << 20;
static const size_t large = (size_t)8 << 20;

void *facet__alloc(size_t size)
{
    const size_t align = size >= large ? huge_page : FACET__ALIGN;
    void *block = NULL;

    if (size > PTRDIFF_MAX || posix_memalign(&block, align, size | 1))
        return NULL;
#ifdef MADV_HUGEPAGE
    if (size >= large) /* advice: a kernel that does not know it may refuse */
        (void)madvise(block, size / huge_page * huge_page, MADV_HUGEPAGE);
#endif
    return block;
}

void facet__free(void *block)
{
    free(block);
}
