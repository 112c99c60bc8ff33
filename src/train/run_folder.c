/* SPDX-License-Identifier: Apache-2.0 */
#include "train/run_folder.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"

/* Whose temporary files look like "NAME.XXXXXX". */
static const char *const written[] = { "/checkpoint.bin.", "/curves.svg.",
    ".onnx.", "/metrics.jsonl.", "/answers.npy.", "/names.txt." };

static void sweep(const char *path)
{
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++)
        if (strstr(path, written[i])) {
            unlink(path);
            return;
        }
}

static facet_status sweep_all(const char *folder, facet_error *err)
{
    const size_t size = strlen(folder) + sizeof "/*.??????";
    char *pattern = facet__alloc(size);
    glob_t match;

    if (!pattern)
        return facet__fail_memory(err);
    snprintf(pattern, size, "%s/*.??????", folder);
    if (glob(pattern, 0, NULL, &match) == 0) {
        for (size_t i = 0; i < match.gl_pathc; i++)
            sweep(match.gl_pathv[i]);
        globfree(&match);
    }
    facet__free(pattern);
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

    return st == FACET_OK ? sweep_all(folder, err) : st;
}
