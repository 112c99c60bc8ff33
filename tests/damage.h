/* SPDX-License-Identifier: Apache-2.0 */
/* damage.h - some hundreds of damaged pictures and some sixty damaged
 * networks, the same ones every time. */
#ifndef FACET_TESTS_DAMAGE_H
#define FACET_TESTS_DAMAGE_H

#include <stddef.h>
#include <stdint.h>

/* Gets each picture once; `name` is fit for a file and says what was done. The
 * bytes are borrowed for the time of the call. */
typedef void damage_use(
    const char *name, const uint8_t *bytes, size_t size, void *context);

/* How many there were. */
int damage_each(damage_use *use, void *context);

/* The pictures of pictures.h as they were, with and without EXIF. */
int damage_none(damage_use *use, void *context);

/* The same of three small networks in ONNX. */
int damage_models_each(damage_use *use, void *context);
int damage_models_none(damage_use *use, void *context);

#endif
