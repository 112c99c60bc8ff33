/* SPDX-License-Identifier: Apache-2.0 */
/* bands.h - running neighbouring steps a few rows at a time.
 *
 * The maps of a detector's first layers are larger than a core's cache. Run
 * step after step they travel to memory and back between any two of them. A
 * band is a chain of steps, each reading what the one before made, that takes
 * turns: a turn makes a few rows of the last map and just what these need of
 * the maps before. A map that only the band reads never exists as a whole: its
 * slot holds a window of rows that slides down the map. The results are the
 * same numbers. */
#ifndef FACET__BANDS_H
#define FACET__BANDS_H

#include "nn/engine/program.h"

enum { FACET__BAND_MAX = 16 };

typedef struct facet__band {
    int first, length; /* steps; length 1: a step by itself */
    size_t rows;       /* of the last map made in a turn */
    /* By step of the band: rows that its map's window holds; 0: the slot holds
     * the whole map. */
    size_t window[FACET__BAND_MAX];
} facet__band;

/* Cut the program into bands (at most n_steps); their number. */
int facet__bands_find(const facet__program *program, const facet__view *views,
    const facet__window *windows, facet__band *bands);

/* Run a band of more than one step on one thread. `views` are run->views;
 * those of windowed maps are moved about. `windows` is by step. */
void facet__band_run(const facet__program *program, const facet__band *band,
    const facet__window *windows, facet__view *views, facet__run *run);

#endif
