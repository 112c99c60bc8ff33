/* SPDX-License-Identifier: Apache-2.0 */
/* presets.h - networks that facet recognises by their weights. */
#ifndef FACET__PRESETS_H
#define FACET__PRESETS_H

#include <stdint.h>

/* The preset of a known network, by the digest of its weights; NULL: not
 * known. */
const char *facet__known_network(const uint8_t digest[32]);

#endif
