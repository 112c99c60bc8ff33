/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz.h - what libFuzzer and standalone_main.c call. */
#ifndef FACET_FUZZ_H
#define FACET_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
