/* SPDX-License-Identifier: Apache-2.0 */
#include "originals.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct original {
    dev_t device;
    ino_t number;
    char *photo;
} original;

static int compare(const void *left, const void *right)
{
    const original *a = left, *b = right;

    if (a->device != b->device)
        return a->device < b->device ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static void free_original(original *o)
{
    free(o->photo);
    free(o);
}

static original *original_of(const struct stat *about, const char *photo)
{
    original *o = calloc(1, sizeof *o);

    if (!o)
        return NULL;
    *o = (original){ about->st_dev, about->st_ino, strdup(photo) };
    if (o->photo)
        return o;
    free_original(o);
    return NULL;
}

void originals_init(originals *all)
{
    all->tree = NULL;
    all->incomplete = false;
    pthread_mutex_init(&all->lock, NULL);
}

void originals_free(originals *all)
{
    while (all->tree) {
        original *o = *(original **)all->tree;

        tdelete(o, &all->tree, compare);
        free_original(o);
    }
    pthread_mutex_destroy(&all->lock);
}

/* False without memory. `own` is the tree's or free afterwards. */
static bool insert(originals *all, original *own)
{
    original **at = own ? tsearch(own, &all->tree, compare) : NULL;

    if (own && (!at || *at != own))
        free_original(own);
    return at != NULL;
}

void originals_add(originals *all, const char *photo)
{
    struct stat about;

    if (stat(photo, &about) != 0)
        return; /* that is told when it is read */
    pthread_mutex_lock(&all->lock);
    if (!insert(all, original_of(&about, photo)))
        all->incomplete = true;
    pthread_mutex_unlock(&all->lock);
}

const char *originals_find(originals *all, const char *file)
{
    const char *photo = NULL;
    struct stat about;
    original wanted, **at;

    if (stat(file, &about) != 0)
        return NULL;
    wanted = (original){ about.st_dev, about.st_ino, NULL };
    pthread_mutex_lock(&all->lock);
    at = tfind(&wanted, &all->tree, compare);
    if (at)
        photo = (*at)->photo;
    else if (all->incomplete)
        photo = file;
    pthread_mutex_unlock(&all->lock);
    return photo;
}
