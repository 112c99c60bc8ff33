/* SPDX-License-Identifier: Apache-2.0 */
/* damage_bytes.h - damage that takes no knowledge of the format, for damage.c
 * (pictures) and damage_models.c (networks). */
#ifndef FACET_TESTS_DAMAGE_BYTES_H
#define FACET_TESTS_DAMAGE_BYTES_H

#include "damage.h"
#include "pictures.h"

/* Who gets the files, and how many there were. */
typedef struct damage_giver {
    damage_use *use;
    void *context;
    int count;
} damage_giver;

void damage_give(
    damage_giver *g, const char *name, const uint8_t *bytes, size_t size);
/* A small generator of our own, so that the corpus never changes: 24 bits. */
uint32_t damage_random(uint32_t *state);
/* Cut after 1/CUTS, 2/CUTS ... of the bytes, and shortly before the end. */
void damage_give_truncated(damage_giver *g, const char *kind, picture whole);
/* One to eight bits flipped, eight times. */
void damage_give_flipped(damage_giver *g, const char *kind, picture whole);
/* Overwrite `count` bytes at `at` in a copy. */
void damage_give_patched(damage_giver *g, const char *name, picture whole,
    size_t at, const void *patch, size_t count);
/* Where `what` first stands; 0 when it does not. */
size_t damage_find(picture p, const void *what, size_t count);

#endif
