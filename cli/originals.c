/* SPDX-License-Identifier: Apache-2.0 */
#include "originals.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

typedef struct identity {
    char text[48];
} identity;

/* Of the file that a path leads to; false where there is none. */
static bool identify(const char *path, identity *out)
{
    struct stat about;

    if (stat(path, &about) != 0)
        return false;
    snprintf(out->text, sizeof out->text, "%jx:%jx", (uintmax_t)about.st_dev,
        (uintmax_t)about.st_ino);
    return true;
}

void originals_init(originals *all)
{
    *all = (originals){ .incomplete = false };
    pthread_mutex_init(&all->lock, NULL);
}

void originals_free(originals *all)
{
    claims_free(&all->files);
    pthread_mutex_destroy(&all->lock);
}

void originals_add(originals *all, const char *photo)
{
    identity file;

    if (!identify(photo, &file))
        return; /* that is told when it is read */
    pthread_mutex_lock(&all->lock);
    all->incomplete |= !claims_make(&all->files, file.text, photo);
    pthread_mutex_unlock(&all->lock);
}

const char *originals_find(originals *all, const char *file)
{
    const char *photo;
    bool incomplete;
    identity wanted;

    if (!identify(file, &wanted))
        return NULL;
    pthread_mutex_lock(&all->lock);
    photo = claims_find(&all->files, wanted.text);
    incomplete = all->incomplete;
    pthread_mutex_unlock(&all->lock);
    return photo || !incomplete ? photo : file;
}
