/* SPDX-License-Identifier: Apache-2.0 */
/* small_network.h - a network that trains in milliseconds and has what makes a
 * picture's embedding depend on the whole batch: norms and dropout. */
#ifndef FACET_TESTS_SMALL_NETWORK_H
#define FACET_TESTS_SMALL_NETWORK_H

#include "facet/status.h"

enum { SMALL_NETWORK_DIM = 8 };

/* Write it, for pictures of side x side, as ONNX. */
facet_status small_network_write(const char *path, int side, facet_error *err);

/* One that takes two pictures, which nothing here can feed. */
facet_status small_network_write_pair(
    const char *path, int side, facet_error *err);

#endif
