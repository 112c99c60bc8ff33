/* SPDX-License-Identifier: Apache-2.0 */
#include "facet/version.h"

#include "base/cpu.h"

const char *facet_version(void)
{
    return FACET_VERSION;
}

const char *facet_processor(void)
{
    return facet__cpu_level_name(facet__cpu_level_get());
}
