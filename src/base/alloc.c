/* SPDX-License-Identifier: Apache-2.0 */
/* alloc.c - the two calls that everything else is made of. They stand in a file
 * of their own because a linker can only wrap calls from another file. */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>

void *facet__alloc(size_t size)
{
    void *block = NULL;

    if (size > PTRDIFF_MAX || posix_memalign(&block, FACET__ALIGN, size | 1))
        return NULL;
    return block;
}

void facet__free(void *block)
{
    free(block);
}
