/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_gallery.h - a gallery in a folder of its own, for targets that attack
 * what stands beside or goes into it. */
#ifndef FACET_FUZZ_GALLERY_H
#define FACET_FUZZ_GALLERY_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "facet/gallery.h"
#include "fuzz.h"

enum { FUZZ_DIM = 8 };

static const uint8_t fuzz_contract[FACET_CONTRACT_BYTES] = { 0 };

typedef struct fuzz_place {
    char folder[64], gallery[96], vectors[128];
} fuzz_place;

/* A new gallery with one person and two templates. */
static inline facet_gallery *fuzz_gallery(fuzz_place *p)
{
    const float rows[2][FUZZ_DIM] = { { 1, 2, 3 }, { 3, 2, 1, 1 } };
    facet_template t[2] = { { .embedding = rows[0] },
        { .embedding = rows[1] } };
    facet_gallery *g = NULL;

    snprintf(p->folder, sizeof p->folder, "%s/facet-fuzz-XXXXXX",
        access("/dev/shm", W_OK) == 0 ? "/dev/shm" : P_tmpdir);
    if (!mkdtemp(p->folder))
        exit(1);
    snprintf(p->gallery, sizeof p->gallery, "%s/g.db", p->folder);
    snprintf(p->vectors, sizeof p->vectors, "%s.1.vectors", p->gallery);
    if (facet_gallery_create(
            p->gallery, fuzz_contract, FUZZ_DIM, NULL, &g, NULL) != FACET_OK ||
        facet_gallery_add_person(g, "Ada", &t[0].person, NULL) != FACET_OK)
        exit(1);
    t[1].person = t[0].person;
    if (facet_gallery_enroll(g, fuzz_contract, t, 2, NULL, NULL) != FACET_OK)
        exit(1);
    return g;
}

static inline void fuzz_gallery_end(const fuzz_place *p, facet_gallery *g)
{
    facet_gallery_free(g);
    unlink(p->vectors);
    unlink(p->gallery);
    rmdir(p->folder);
}

#endif
