/* SPDX-License-Identifier: Apache-2.0 */
#include "claims.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

typedef struct claim {
    const char *name, *photo; /* in `text` */
    char text[];
} claim;

static int compare(const void *left, const void *right)
{
    return strcmp(((const claim *)left)->name, ((const claim *)right)->name);
}

static claim *copy(const char *name, const char *photo)
{
    const size_t n = strlen(name) + 1, m = strlen(photo) + 1;
    claim *c = malloc(sizeof *c + n + m);

    if (!c)
        return NULL;
    c->name = memcpy(c->text, name, n);
    c->photo = memcpy(c->text + n, photo, m);
    return c;
}

const char *claims_make(claims *all, const char *name, const char *photo)
{
    claim *own = copy(name, photo);
    claim **at = own ? tsearch(own, &all->tree, compare) : NULL;

    if (own && (!at || *at != own))
        free(own);
    return at ? (*at)->photo : NULL;
}

const char *claims_find(const claims *all, const char *name)
{
    const claim wanted = { .name = name };
    claim **at = tfind(&wanted, &all->tree, compare);

    return at ? (*at)->photo : NULL;
}

void claims_free(claims *all)
{
    while (all->tree) {
        claim *c = *(claim **)all->tree;

        tdelete(c, &all->tree, compare);
        free(c);
    }
}
