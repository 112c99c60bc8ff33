/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.h - what `facet` can do, one file a verb. Each takes the arguments from
 * its own name on and returns the exit status. */
#ifndef FACET_CLI_VERBS_H
#define FACET_CLI_VERBS_H

int verb_detect(int argc, char **argv);
int verb_align(int argc, char **argv);
int verb_embed(int argc, char **argv);
int verb_verify(int argc, char **argv);
int verb_identify(int argc, char **argv);
int verb_enroll(int argc, char **argv);
int verb_gallery(int argc, char **argv);
int verb_cluster(int argc, char **argv);
int verb_eval(int argc, char **argv);
int verb_calibrate(int argc, char **argv);
int verb_dataset(int argc, char **argv);
int verb_train(int argc, char **argv);
int verb_synth(int argc, char **argv);
int verb_model(int argc, char **argv);
int verb_bench(int argc, char **argv);
int verb_selftest(int argc, char **argv);

#endif
