/* SPDX-License-Identifier: Apache-2.0 */
#include "train/run_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
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

facet_status facet__run_folder_open(const char *folder, facet_error *err)
{
    const facet_status st = make_folder(folder, err);

    return st == FACET_OK ? sweep(folder, err) : st;
}
