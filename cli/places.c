/* SPDX-License-Identifier: Apache-2.0 */
#include "places.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

char *place_in(const char *folder, const char *photo, const char *ending)
{
    const size_t size = strlen(folder) + strlen(photo) + strlen(ending) + 2;
    char *path = malloc(size);
    size_t skip = strspn(photo, "./");

    if (!path)
        return NULL;
    if (!photo[skip])
        skip = 0;
    snprintf(path, size, "%s/%s%s", folder, photo + skip, ending);
    for (char *c = path + strlen(folder) + 1; *c; c++)
        if (*c == '/')
            *c = '_';
    return path;
}

static bool writable_ending(const char *name)
{
    static const char *const endings[] = { ".jpg", ".jpeg", ".png", ".webp" };
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot, endings[i]))
            return true;
    return false;
}

char *place_of_drawing(const char *folder, const char *photo)
{
    return place_in(folder, photo, writable_ending(photo) ? "" : ".jpg");
}
