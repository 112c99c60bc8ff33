/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options.h"

#include <string.h>

#include "base/error.h"

/* No struct will ever be larger; what lay in memory before mostly is. */
static const size_t most = 65536;

facet_status facet__options_take(void *to, size_t room, const void *given,
    const char *init, facet_error *err)
{
    size_t size;

    if (!given)
        return FACET_OK;
    memcpy(&size, given, sizeof size);
    if (size < sizeof size || size > most)
        return facet__fail(err, FACET_EINVAL,
            "the options are not initialized: call %s first", init);
    memcpy(to, given, size < room ? size : room);
    return FACET_OK;
}
