/* SPDX-License-Identifier: Apache-2.0 */
/* quantize.h - facet model quantize, a part of the verb model. */
#ifndef FACET_CLI_QUANTIZE_H
#define FACET_CLI_QUANTIZE_H

int model_quantize(int argc, char **argv);

#endif
