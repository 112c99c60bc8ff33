/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.h - what one can do to an album; argv begins with the verb's name. */
#ifndef FACET_CLI_CLUSTER_H
#define FACET_CLI_CLUSTER_H

int cluster_name(int argc, char **argv);
int cluster_merge(int argc, char **argv);
int cluster_split(int argc, char **argv);
int cluster_explain(int argc, char **argv);
int cluster_list(int argc, char **argv);

#endif
