/* SPDX-License-Identifier: Apache-2.0 */
/* eval.h - what the files of `facet eval` and `facet calibrate` share.
 *
 * A run goes one way: options, the list, embeddings for its files, scores,
 * numbers, output. Each step fills in its part of eval_run. Steps return an
 * exit status, having complained. */
#ifndef FACET_CLI_EVAL_H
#define FACET_CLI_EVAL_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "facet/eval.h"
#include "facet/pictures.h"
#include "facet/protocol.h"
#include "networks.h"

enum { EVAL_MANY = 16, EVAL_METRICS = 64, EVAL_OPTIONS = 64 };

/* Options that come several times. */
typedef struct eval_words {
    const char *items[EVAL_MANY];
    size_t count;
} eval_words;

/* A number with a name: "tar" at 1e-3, "accuracy" at nothing (0). */
typedef struct eval_metric {
    const char *name;
    double at, value;
    facet_interval interval; /* NaN where there is none */
    double threshold;        /* NaN where there is none */
    facet_resolution resolution;
} eval_metric;

/* What the pictures or embeddings of a study go through. */
typedef enum eval_change {
    EVAL_AS_IS,
    EVAL_JPEG,   /* crops are compressed in this quality */
    EVAL_PIXELS, /* crops are shrunk to so many pixels */
    EVAL_DIMS,   /* embeddings are cut off after so many numbers */
} eval_change;

/* The same measurement for several values of one thing. */
typedef struct eval_study {
    eval_change change;           /* AS_IS: no study */
    double values[EVAL_MANY + 1]; /* [count], then 0 */
    size_t count;
} eval_study;

typedef struct eval_run {
    /* options */
    const char *given[EVAL_OPTIONS]; /* their names, once each */
    size_t n_given;
    networks nets;
    eval_words words; /* the kind, then its arguments */
    eval_words images, plots, tables, conditions;
    const char *list, *embeddings, *names, *cache, *report, *cohort;
    const char *boxes; /* of `facet eval detect` */
    const char *frames, *matches, *gallery, *probes, *out;
    const char *fusion;
    facet_protocol_opts protocol_opts;
    facet_bootstrap_opts bootstrap;
    double margin; /* pixels around ArcFace crops; < 0: whole photos */
    size_t max_frames;
    int threads;
    size_t scales;  /* at which ten views are looked at; 0: the crop alone */
    bool unaligned; /* faces are cut out by their boxes */
    size_t best;    /* frames that fusion `best` takes */
    bool json, flat, profile, compact;
    bool goes_on; /* a picture that cannot be read is told, and has no face */
    eval_study study;
    /* what is in force while embeddings are made */
    eval_change change;
    double value;
    /* the list */
    facet_protocol protocol;
    /* embeddings of its files */
    facet_pictures *pictures; /* may be NULL with --embeddings */
    float *files;             /* [n_files, dim] */
    float *quality;           /* [n_files] of the faces, with fusion `best` */
    size_t dim, failed;
    int broken; /* exit status of the first picture that could not be read */
    char contract[FACET_CONTRACT_TEXT]; /* "" if --embeddings do not say */
    facet_precision precision;          /* that the embedder runs in */
    /* scores */
    facet_comparison *comparisons; /* [n_pairs] */
    facet_search *searches;        /* [n_probes] */
    facet_curve *curve;            /* of the comparisons */
    /* numbers */
    eval_metric metrics[EVAL_METRICS];
    size_t n_metrics;
} eval_run;

/* Options of a run; their input is an eval_run. The first are of where
 * embeddings come from, and among the others. */
extern const struct argp eval_source_argp;
extern const struct argp eval_argp;

/* Keep the name of an option that was given. */
void eval_note_option(
    eval_run *run, const struct argp_option *options, int key);
/* Is each that was given for this kind, or for "calibrate"? */
int eval_check_options(const eval_run *run, const char *kind);

void eval_init(eval_run *run);
void eval_free(eval_run *run);

/* Complain with the message; the exit status. */
int eval_fail(facet_status status, const facet_error *err);

int eval_read_list(eval_run *run, const char *kind);
/* The only word: a list of `file person`, or a folder with a folder for each
 * person, which is then where the pictures are too. */
int eval_read_people(eval_run *run);
int eval_embed(eval_run *run);
/* Has the list folds, without which there is no accuracy? */
bool eval_has_folds(const eval_run *run);
/* Drop the embeddings, for the next network. */
void eval_forget(eval_run *run);
/* Scores of all pairs and searches. */
int eval_score(eval_run *run);
/* All of these for a kind of list. */
int eval_scores_of(eval_run *run, const char *kind);
/* The list, and what options leave open; then what follows the scores. */
int eval_begin(eval_run *run, const char *kind);
int eval_numbers(eval_run *run);

/* Numbers of the pairs, and of the searches. */
int eval_verify_metrics(eval_run *run);
int eval_search_metrics(eval_run *run);
void eval_add_metric(eval_run *run, eval_metric metric);

/* The table or JSON on stdout, plots, the page, conditions. */
int eval_print(const eval_run *run);
/* null for what is not finite, which JSON does not know. */
json_t *eval_number(double value);
int eval_print_cohorts(const eval_run *run);
int eval_plots(const eval_run *run);
int eval_page(const eval_run *run);
int eval_conditions(const eval_run *run);

/* While options are read: does the name of a plot end as plots do; what is
 * wrong with a condition, NULL for nothing. */
bool eval_plot_named(const char *path);
const char *eval_condition_fault(const char *text);

const char *eval_change_name(eval_change change);
/* Numbers separated by commas; false when they are none, or too many. */
bool eval_study_parse(eval_study *study, const char *text);
/* A line for each value. */
int eval_studied(eval_run *run, const char *kind);
/* A line of a table: what is measured, and the few numbers that tables of
 * papers have; the head of the table before the first. In JSON all numbers. */
int eval_print_row(const eval_run *run, const char *label, bool first);

/* `facet eval cluster`, `compare`, `mixed` and `detect`. */
int eval_cluster(eval_run *run);
int eval_compare(eval_run *run);
int eval_mixed(eval_run *run);
int eval_detect(eval_run *run);

#endif
