/* SPDX-License-Identifier: Apache-2.0 */
#include "train/run_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"

/* Is it what a killed run left half written? */
static bool is_temporary(const char *name)
{
    const char *mark = strstr(name, FACET__TEMPORARY);

    return mark && strlen(mark) == strlen(FACET__TEMPORARY "XXXXXX");
}

static facet_status sweep(const char *folder, facet_error *err)
{
    DIR *listing = opendir(folder);
    struct dirent *entry;

    if (!listing)
        return facet__fail(err, FACET_EIO, "%s: %s", folder, strerror(errno));
    while ((entry = readdir(listing)))
        if (is_temporary(entry->d_name))
            (void)unlinkat(dirfd(listing), entry->d_name, 0);
    closedir(listing);
    return FACET_OK;
}

static facet_status make_folder(const char *folder, facet_error *err)
{
    char *path = facet__strdup(folder);

    if (!path)
        return facet__fail_memory(err);
    for (char *slash = strchr(path, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)!mkdir(path, 0755); /* "" for /; what is wrong shows below */
        *slash = '/';
    }
    facet__free(path);
    return mkdir(folder, 0755) == 0 || errno == EEXIST
               ? FACET_OK
               : facet__fail(err, FACET_EIO, "%s: %s", folder, strerror(errno));
}

static facet_status hold(
    const char *path, facet__run_folder *folder, facet_error *err)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return facet__fail(err, FACET_EIO, "%s: %s", path, strerror(errno));
    folder->held = fd + 1;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return FACET_OK;
    return facet__fail(err, FACET_EBUSY,
        "%s: a training is writing there: wait for its end, or take another "
        "folder",
        path);
}

facet_status facet__run_folder_open(
    const char *path, facet__run_folder *out, facet_error *err)
{
    facet_status st = make_folder(path, err);

    *out = (facet__run_folder){ 0 };
    if (st == FACET_OK)
        st = hold(path, out, err);
    return st == FACET_OK ? sweep(path, err) : st;
}

void facet__run_folder_close(facet__run_folder *folder)
{
    if (folder->held > 0)
        close(folder->held - 1);
    folder->held = 0;
}
