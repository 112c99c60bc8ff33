/* SPDX-License-Identifier: Apache-2.0 */
/* model_set.h - facet model set. */
#ifndef FACET_CLI_MODEL_SET_H
#define FACET_CLI_MODEL_SET_H

int model_set(int argc, char **argv);

#endif
