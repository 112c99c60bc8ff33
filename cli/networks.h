/* SPDX-License-Identifier: Apache-2.0 */
/* networks.h - which networks, and how they look at photos: the options that
 * the verbs share, and where networks are looked for. */
#ifndef FACET_CLI_NETWORKS_H
#define FACET_CLI_NETWORKS_H

#include <argp.h>

#include "facet/pipeline.h"

typedef enum network_kind {
    NETWORK_DETECTOR,
    NETWORK_EMBEDDER,
    NETWORK_LANDMARKS,
} network_kind;

/* Filled in by one of the groups of options below; begin with networks_init. */
typedef struct networks {
    facet_pipeline_opts opts;        /* without paths and threads */
    const char *detector, *embedder; /* as given; NULL to be looked for */
} networks;

/* Options --detector --precision --min-face --max-faces --score --policy: for
 * those that only find faces. The input of all is a networks. */
extern const struct argp finding_argp;
/* Option --model. */
extern const struct argp model_argp;
/* Options --detector --model --precision. */
extern const struct argp networks_argp;
/* All of these and --aligned: for those that embed. */
extern const struct argp faces_argp;

void networks_init(networks *nets);

/* Where a network lies: as given, else by the environment, else installed, else
 * (when run from a build tree) in its models/ or in ../shared/models. To be
 * freed; NULL, having complained, when there is none. */
char *network_find(network_kind kind, const char *given);
char *network_seek(network_kind kind, const char *given); /* says nothing */

/* "fp32", "bf16", "int8" or "auto"; -1 for something else. */
int precision_parse(const char *text);
const char *precision_name(facet_precision precision);

/* Open the pipeline, with an embedder or without. Complains on failure; the
 * return value is the exit status then. */
int networks_open(const networks *nets, int embed, facet_pipeline **out);

#endif
