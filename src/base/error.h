/* SPDX-License-Identifier: Apache-2.0 */
/* error.h - filling the caller's facet_error. */
#ifndef FACET__ERROR_H
#define FACET__ERROR_H

#include "facet/status.h"

/* Note `code` and the message in `err` (which may be NULL) and return `code`,
 * so that a failure is one line: return facet__fail(err, FACET_EDAMAGED, ...).
 */
facet_status facet__fail(facet_error *err, facet_status code,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Put "`what`: " before the message in `err`: the outer place of an error that
 * an inner call has described. Returns `code`. */
facet_status facet__fail_in(
    facet_error *err, facet_status code, const char *what);

/* The failure that needs no explanation beyond its name. */
facet_status facet__fail_memory(facet_error *err);

/* Static analysis sees one file at a time: tell it that these never return
 * FACET_OK, so that what follows a failed allocation is not taken for real. */
#if defined(__clang_analyzer__)
#define facet__fail(err, code, ...)                                            \
    ((facet__fail)(err, code, __VA_ARGS__), (code))
#define facet__fail_memory(err) ((facet__fail_memory)(err), FACET_ENOMEM)
#endif

#endif
