/* SPDX-License-Identifier: Apache-2.0 */
/* presets.h - networks that facet recognises by their weights. */
#ifndef FACET__PRESETS_H
#define FACET__PRESETS_H

#include <stdint.h>

#include "facet/settings.h"

/* The settings of a known network, by facet__model_digest; FACET_EMODEL for
 * others. */
facet_status facet__settings_known(
    const uint8_t digest[32], facet_settings *out, facet_error *err);

#endif
