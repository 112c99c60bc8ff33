/* SPDX-License-Identifier: Apache-2.0 */
#include "claims.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

typedef struct claim {
    char *name, *photo;
} claim;

static int compare(const void *left, const void *right)
{
    return strcmp(((const claim *)left)->name, ((const claim *)right)->name);
}

static void free_claim(claim *c)
{
    free(c->name);
    free(c->photo);
    free(c);
}

static claim *copy(const char *name, const char *photo)
{
    claim *c = malloc(sizeof *c);

    if (!c)
        return NULL;
    *c = (claim){ strdup(name), strdup(photo) };
    if (c->name && c->photo)
        return c;
    free_claim(c);
    return NULL;
}

const char *claims_make(claims *all, const char *name, const char *photo)
{
    claim *own = copy(name, photo);
    claim **at = own ? tsearch(own, &all->tree, compare) : NULL;

    if (own && (!at || *at != own))
        free_claim(own);
    return at ? (*at)->photo : NULL;
}

void claims_free(claims *all)
{
    while (all->tree) {
        claim *c = *(claim **)all->tree;

        tdelete(c, &all->tree, compare);
        free_claim(c);
    }
}
