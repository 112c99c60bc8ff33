/* SPDX-License-Identifier: Apache-2.0 */
/* quantize.h - grids for a network that was trained in floats.
 *
 * What int8 needs is chosen here from a few inputs alone, without labels and
 * without training: the range of every map between convolutions, a step for
 * each channel of filters, biases that take off what rounding the filters adds
 * on average, and which maps had better stay as they are. docs/quantization.md
 * has the method and what each part of it is worth. */
#ifndef FACET__QUANTIZE_H
#define FACET__QUANTIZE_H

#include "facet/model.h"
#include "nn/graph.h"

/* What the choices are made from: `count` inputs of one shape, the first of
 * which is the batch and 1. */
typedef struct facet__samples {
    facet__shape shape;
    float **x; /* [count][elements] */
    size_t count;
} facet__samples;

typedef struct facet__quantize_opts {
    /* Keep maps wide, the most harmful first, until the loss is at most so
     * much; 0: keep none. */
    double loss;
    int threads;
} facet__quantize_opts;

typedef struct facet__quantized {
    int convolutions, in_int8; /* all of the graph; those of bytes */
    int maps, kept;            /* that could be on a grid; that are not */
    /* Squared error of the outputs by their squares, over the samples. */
    double loss_at_first, loss;
} facet__quantized;

/* Put a graph's maps and filters on grids, in place: constants are folded,
 * BatchNormalizations go into the filters before them. FACET_EINVAL: the graph
 * is quantized already, or has not one input; FACET_EUNSUPPORTED: it has no
 * convolution that int8 could compute; FACET_EMODEL: a map is not finite on the
 * samples. */
facet_status facet__graph_quantize(facet__graph *graph,
    const facet__samples *samples, const facet__quantize_opts *opts,
    facet__quantized *report, facet_error *err);

/* The parts, for one another and for tests. */

/* norms.c: what alone reads a convolution and is a factor or a shift of each
 * channel (BatchNormalization, sums and products with constants) goes into its
 * filters and bias. */
facet_status facet__graph_fold_norms(facet__graph *graph, facet_error *err);
/* Let a convolution have room for a bias, if only an absent one. */
facet_status facet__conv_make_room(facet__node *node);

/* calibrate.c: what the samples show of a map. */
enum { FACET__BINS = 2048 };

typedef struct facet__seen {
    float lo, hi; /* the least and the largest number; lo <= 0 <= hi */
    size_t channels;
    double *mean;             /* [channels] */
    float *most;              /* [channels]: the largest magnitude */
    double bins[FACET__BINS]; /* how many numbers, from lo to hi */
} facet__seen;

/* Of each of the `n` values (maps of known rank), as fp32 computes them. *out
 * receives n of them, freed by facet__seen_free. */
facet_status facet__calibrate(const facet__graph *graph,
    const facet__samples *samples, const int *values, size_t n, int threads,
    facet__seen **out, facet_error *err);
void facet__seen_free(facet__seen *seen, size_t n);

/* The outputs of each sample one behind the other, the caller's; `*floats` of
 * them a sample. The graph is copied. */
facet_status facet__sample_outputs(const facet__graph *graph,
    const facet__samples *samples, facet_precision precision, int threads,
    float **out, size_t *floats, facet_error *err);

/* equalize.c: give the channels of maps equal ranges where the network computes
 * the same. `seen` is of the maps before. */
facet_status facet__graph_equalize(facet__graph *graph, const int *maps,
    const facet__seen *seen, size_t n, facet_error *err);

/* grids.c: the grid with the least squared error. */
facet__grid facet__grid_choose(const facet__seen *seen);
/* Round filters [out][inner] to whole multiples of steps, which are chosen for
 * the least squared error of each channel. */
void facet__filters_round(
    float *filters, size_t out, size_t inner, float *steps);

#endif
