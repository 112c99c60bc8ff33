/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - taking the options of a caller.
 *
 * Their first member is a size_t that the _init function sets: a program that
 * was compiled when the struct had fewer members gives fewer bytes. */
#ifndef FACET__OPTIONS_H
#define FACET__OPTIONS_H

#include <stddef.h>

#include "facet/status.h"

/* Copy what there is of `given`, which may be NULL, over the defaults in `to`,
 * `room` bytes. FACET_EINVAL, naming the function `init`, where it has not been
 * called. */
facet_status facet__options_take(void *to, size_t room, const void *given,
    const char *init, facet_error *err);

#endif
