/* SPDX-License-Identifier: Apache-2.0 */
/* processor.h - the levels of kernels that FACET_CPU names. */
#ifndef FACET_CLI_PROCESSOR_H
#define FACET_CLI_PROCESSOR_H

enum { PROCESSOR_LEVELS = 4 };

/* Plain C first. */
extern const char *const processor_levels[PROCESSOR_LEVELS];

/* Does FACET_CPU, where it is set, name one? Complains if not; the exit
 * status. The library passes over what it does not know. */
int check_processor(void);

#endif
