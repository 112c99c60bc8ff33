/* SPDX-License-Identifier: Apache-2.0 */
#include "places.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    /* Of a name, bytes: with an ending and the letters of a file that is being
     * written it keeps within the 255 that file systems take. */
    LONGEST = 200,
    HASH = 17,
};

/* FNV-1a, 64 bits: to tell long paths apart, not to withstand anybody. */
static uint64_t hash(const char *text)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);

    for (; *text; text++)
        sum = (sum ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return sum;
}

/* The end of a long text, from the beginning of a character on. */
static const char *end_of(const char *text, size_t most)
{
    text += strlen(text) - most;
    while ((*text & 0xc0) == 0x80) /* within one of UTF-8 */
        text++;
    return text;
}

char *place_in(const char *folder, const char *photo, const char *ending)
{
    const size_t skip = strspn(photo, "./");
    const char *name = photo[skip] ? photo + skip : photo;
    const size_t size =
        strlen(folder) + strlen(name) + strlen(ending) + 2 + HASH;
    char *path = malloc(size);

    if (!path)
        return NULL;
    if (strlen(name) > LONGEST)
        snprintf(path, size, "%s/%016" PRIx64 "-%s%s", folder, hash(photo),
            end_of(name, LONGEST - HASH), ending);
    else
        snprintf(path, size, "%s/%s%s", folder, name, ending);
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
