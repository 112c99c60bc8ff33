/* SPDX-License-Identifier: Apache-2.0 */
/* damage_bytes.c - see damage_bytes.h. */
#include "damage_bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void damage_give(
    damage_giver *g, const char *name, const uint8_t *bytes, size_t size)
{
    g->use(name, bytes, size, g->context);
    g->count++;
}

uint32_t damage_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

void damage_give_truncated(damage_giver *g, const char *kind, picture whole)
{
    enum { CUTS = 8, END = 24 }; /* what follows the pixels is shorter */
    char name[96];

    for (size_t i = 0; i < CUTS; i++) {
        const size_t last = whole.size - whole.size / 40 - END;
        const size_t cut = whole.size * i / CUTS;
        const size_t size = i && cut < last ? cut : last;

        snprintf(name, sizeof name, "cut-%zu-%s", size, kind);
        damage_give(g, name, whole.bytes, size);
    }
}

void damage_give_flipped(damage_giver *g, const char *kind, picture whole)
{
    enum { ROUNDS = 8 };
    uint32_t state = 1;
    char name[96];

    for (int round = 0; round < ROUNDS; round++) {
        picture p = { malloc(whole.size), whole.size };

        memcpy(p.bytes, whole.bytes, whole.size);
        for (int i = 0; i < 1 << (round % 4); i++) {
            const uint32_t at = damage_random(&state) % (uint32_t)whole.size;

            p.bytes[at] =
                (uint8_t)(p.bytes[at] ^ 1u << damage_random(&state) % 8);
        }
        snprintf(name, sizeof name, "flip-%d-%s", round, kind);
        damage_give(g, name, p.bytes, p.size);
        picture_free(&p);
    }
}

void damage_give_patched(damage_giver *g, const char *name, picture whole,
    size_t at, const void *patch, size_t count)
{
    picture p = { malloc(whole.size), whole.size };

    memcpy(p.bytes, whole.bytes, whole.size);
    memcpy(p.bytes + at, patch, count);
    if (p.bytes[0] == 0x89 && at >= 16 && at < 29) { /* a credible IHDR */
        const uint32_t crc = picture_crc(p.bytes + 12, 17);

        for (int i = 0; i < 4; i++)
            p.bytes[29 + i] = (uint8_t)(crc >> (24 - 8 * i));
    }
    damage_give(g, name, p.bytes, p.size);
    picture_free(&p);
}

size_t damage_find(picture p, const void *what, size_t count)
{
    for (size_t at = 0; at + count <= p.size; at++)
        if (!memcmp(p.bytes + at, what, count))
            return at;
    return 0;
}
