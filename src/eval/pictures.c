/* SPDX-License-Identifier: Apache-2.0 */
/* pictures.c - pictures by name, from folders and tar archives. */
#include "facet/pictures.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/tar.h"
#include "eval/builder.h"

static const size_t max_members = 50000000;
static const size_t max_bytes = (size_t)256 << 20;

/* Where a member lies, by the number of its name. */
typedef struct location {
    uint64_t offset, size;
} location;

typedef struct archive {
    facet__tar *tar;
    facet__names names; /* without their endings */
    location *locations;
    size_t room;
} archive;

typedef struct source {
    char *folder; /* NULL for an archive */
    archive archive;
} source;

struct facet_pictures {
    source *sources;
    size_t count;
};

/* Cut the ending of a file name off. */
static void cut_ending(char *name)
{
    char *slash = strrchr(name, '/');
    char *dot = strrchr(slash ? slash : name, '.');

    if (dot && dot != name)
        *dot = '\0';
}

/* Notes the first member of a name; later ones do not count. */
static facet_status note_member(archive *a, facet__tar_member *member)
{
    const size_t known = a->names.count;
    const char *name = member->name;
    uint32_t number;

    if (strncmp(name, "./", 2) == 0)
        name += 2;
    cut_ending(member->name);
    if (facet__names_add(&a->names, name, &number) != FACET_OK)
        return FACET_ENOMEM;
    if (a->names.count == known)
        return FACET_OK;
    if (number == a->room) {
        const size_t room = a->room ? 2 * a->room : 256;
        location *grown = facet__grow(
            a->locations, a->room * sizeof *grown, room * sizeof *grown);

        if (!grown)
            return FACET_ENOMEM;
        a->locations = grown;
        a->room = room;
    }
    a->locations[number] = (location){ member->offset, member->size };
    return FACET_OK;
}

static facet_status list_archive(archive *a, const char *path, facet_error *err)
{
    facet__tar_member member;
    int more = 1;
    facet_status status = facet__tar_open(path, &a->tar, err);

    while (status == FACET_OK) {
        status = facet__tar_next(a->tar, &member, &more, err);
        if (status != FACET_OK || !more)
            break;
        if (a->names.count >= max_members)
            status = facet__fail(
                err, FACET_ELIMIT, "%.150s has too many members", path);
        else if (note_member(a, &member) != FACET_OK)
            status = facet__fail_memory(err);
    }
    return status;
}

static bool is_tar(const char *path)
{
    const size_t length = strlen(path);

    return length > 4 && strcmp(path + length - 4, ".tar") == 0;
}

facet_status facet_pictures_open(const char *const *paths, size_t count,
    facet_pictures **out, facet_error *err)
{
    facet_pictures *made;
    facet_status status = FACET_OK;

    if (out)
        *out = NULL;
    if (!out || !paths || count == 0)
        return facet__fail(err, FACET_EINVAL, "no folder and no archive");
    made = facet__calloc(1, sizeof *made);
    if (made)
        made->sources = facet__calloc(count, sizeof *made->sources);
    if (!made || !made->sources)
        status = facet__fail_memory(err);
    for (size_t i = 0; status == FACET_OK && i < count; i++) {
        source *s = &made->sources[made->count++];

        if (is_tar(paths[i]))
            status = list_archive(&s->archive, paths[i], err);
        else if (!(s->folder = facet__strdup(paths[i])))
            status = facet__fail_memory(err);
    }
    if (status == FACET_OK)
        *out = made;
    else
        facet_pictures_close(made);
    return status;
}

void facet_pictures_close(facet_pictures *pictures)
{
    if (!pictures)
        return;
    for (size_t i = 0; i < pictures->count; i++) {
        source *s = &pictures->sources[i];

        facet__free(s->folder);
        facet__tar_close(s->archive.tar);
        facet__names_free(&s->archive.names);
        facet__free(s->archive.locations);
    }
    facet__free(pictures->sources);
    facet__free(pictures);
}

static facet_status read_member(const archive *a, const char *name,
    uint8_t **bytes, size_t *size, facet_error *err)
{
    char *stem = facet__strdup(name);
    facet_status status;
    uint32_t number;
    const location *at;

    if (!stem)
        return facet__fail_memory(err);
    number = facet__names_find(&a->names, stem);
    if (number == UINT32_MAX) { /* with its ending, as files have it */
        cut_ending(stem);
        number = facet__names_find(&a->names, stem);
    }
    facet__free(stem);
    if (number == UINT32_MAX)
        return FACET_ENOTFOUND;
    at = &a->locations[number];
    if (at->size > max_bytes)
        return facet__fail(err, FACET_ELIMIT, "%.150s is over 256 MiB", name);
    *size = (size_t)at->size;
    *bytes = facet__alloc(*size);
    if (!*bytes)
        return facet__fail_memory(err);
    status = facet__tar_read(a->tar, at->offset, *bytes, *size, err);
    if (status != FACET_OK) {
        facet__free(*bytes);
        *bytes = NULL;
    }
    return status;
}

static facet_status read_below(const char *folder, const char *name,
    uint8_t **bytes, size_t *size, facet_error *err)
{
    char *path = facet__path_join(folder, name);
    void *content = NULL;
    facet_status status;

    if (!path)
        return facet__fail_memory(err);
    status = facet__file_read(path, max_bytes, &content, size, err);
    *bytes = content;
    facet__free(path);
    return status;
}

facet_status facet_pictures_read(const facet_pictures *pictures,
    const char *name, uint8_t **bytes, size_t *size, facet_error *err)
{
    if (!pictures || !name || !bytes || !size)
        return facet__fail(err, FACET_EINVAL, "a NULL argument");
    *bytes = NULL;
    for (size_t i = 0; i < pictures->count; i++) {
        const source *s = &pictures->sources[i];
        const facet_status status =
            s->folder ? read_below(s->folder, name, bytes, size, err)
                      : read_member(&s->archive, name, bytes, size, err);

        if (status != FACET_ENOTFOUND)
            return status;
    }
    return facet__fail(err, FACET_ENOTFOUND,
        "'%.150s' is in none of the %zu places given", name, pictures->count);
}

void facet_pictures_free_bytes(uint8_t *bytes)
{
    facet__free(bytes);
}

const char *facet_pictures_member(const facet_pictures *pictures, size_t index)
{
    for (size_t i = 0; pictures && i < pictures->count; i++) {
        const facet__names *names = &pictures->sources[i].archive.names;

        if (index < names->count)
            return names->names[index];
        index -= names->count;
    }
    return NULL;
}
