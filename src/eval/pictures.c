/* SPDX-License-Identifier: Apache-2.0 */
/* pictures.c - pictures by name, from folders and tar archives. */
#include "facet/pictures.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

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
    facet__names files;  /* as the archive names them */
    location *locations; /* [files.count], room for location_room */
    size_t location_room;
    facet__names stems; /* of pictures, without their endings */
    uint32_t *stem_of;  /* [stems.count]: the file, likewise */
    size_t stem_room;
} archive;

typedef struct source {
    char *path;
    bool is_archive;
    archive archive;
} source;

struct facet_pictures {
    source *sources;
    size_t count;
};

/* Cut the ending of a file name off if it is a picture's. False for another
 * ending; a name without one may be a picture. */
static bool cut_ending(char *name)
{
    static const char *const endings[] = { ".jpg", ".jpeg", ".png", ".webp",
        ".heic", ".heif" };
    char *slash = strrchr(name, '/');
    char *dot = strrchr(slash ? slash : name, '.');

    if (!dot)
        return true;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot, endings[i])) {
            *dot = '\0';
            return true;
        }
    return false;
}

static facet_status note_stem(archive *a, const char *name, uint32_t file)
{
    const size_t known = a->stems.count;
    uint32_t *list =
        facet__make_room(a->stem_of, known, &a->stem_room, sizeof *list);
    uint32_t number;

    if (!list)
        return FACET_ENOMEM;
    a->stem_of = list;
    if (facet__names_add(&a->stems, name, &number) != FACET_OK)
        return FACET_ENOMEM;
    if (a->stems.count > known)
        a->stem_of[number] = file;
    return FACET_OK;
}

/* Notes the first member of a name; later ones do not count. */
static facet_status note_member(archive *a, facet__tar_member *member)
{
    const size_t known = a->files.count;
    char *name = member->name;
    location *list =
        facet__make_room(a->locations, known, &a->location_room, sizeof *list);
    uint32_t number;

    if (strncmp(name, "./", 2) == 0)
        name += 2;
    if (!list)
        return FACET_ENOMEM;
    a->locations = list;
    if (facet__names_add(&a->files, name, &number) != FACET_OK)
        return FACET_ENOMEM;
    if (a->files.count == known)
        return FACET_OK;
    a->locations[number] = (location){ member->offset, member->size };
    return cut_ending(name) ? note_stem(a, name, number) : FACET_OK;
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
        if (a->files.count >= max_members)
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

        s->path = facet__strdup(paths[i]);
        s->is_archive = is_tar(paths[i]);
        if (!s->path)
            status = facet__fail_memory(err);
        else if (s->is_archive)
            status = list_archive(&s->archive, paths[i], err);
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

        facet__free(s->path);
        facet__tar_close(s->archive.tar);
        facet__names_free(&s->archive.files);
        facet__free(s->archive.locations);
        facet__names_free(&s->archive.stems);
        facet__free(s->archive.stem_of);
    }
    facet__free(pictures->sources);
    facet__free(pictures);
}

/* The file of that name, else the picture that is called so without its ending,
 * or with another picture's; UINT32_MAX for none. */
static facet_status find_member(
    const archive *a, const char *name, uint32_t *file)
{
    char *stem;
    uint32_t number;

    *file = facet__names_find(&a->files, name);
    if (*file != UINT32_MAX)
        return FACET_OK;
    number = facet__names_find(&a->stems, name);
    if (number == UINT32_MAX) {
        stem = facet__strdup(name);
        if (!stem)
            return FACET_ENOMEM;
        if (cut_ending(stem))
            number = facet__names_find(&a->stems, stem);
        facet__free(stem);
    }
    if (number != UINT32_MAX)
        *file = a->stem_of[number];
    return FACET_OK;
}

static facet_status read_member(const archive *a, const char *name,
    uint8_t **bytes, size_t *size, facet_error *err)
{
    const location *at;
    uint32_t number;
    facet_status status = find_member(a, name, &number);

    if (status != FACET_OK)
        return facet__fail_memory(err);
    if (number == UINT32_MAX)
        return FACET_ENOTFOUND;
    at = &a->locations[number];
    if (at->size == 0)
        return facet__fail(err, FACET_EEMPTY, "%.150s has no bytes", name);
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

/* In a folder a name without an ending is none of a picture. */
static facet_status fail_nowhere(
    const facet_pictures *pictures, const char *name, facet_error *err)
{
    const char *slash = strrchr(name, '/');
    const bool ends = strchr(slash ? slash : name, '.') != NULL;
    const bool wants = !ends && !pictures->sources[0].is_archive;
    char others[60] = "";

    if (pictures->count > 1)
        snprintf(others, sizeof others, ", nor in the %zu place%s after it",
            pictures->count - 1, pictures->count > 2 ? "s" : "");
    return facet__fail(err, FACET_ENOTFOUND, "'%.80s' is not in %.80s%s: %s",
        name, pictures->sources[0].path, others,
        wants ? "in a folder, files are to be named with their endings"
              : "a list names pictures by their paths below it");
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
            s->is_archive ? read_member(&s->archive, name, bytes, size, err)
                          : read_below(s->path, name, bytes, size, err);

        if (status != FACET_ENOTFOUND)
            return status;
    }
    return fail_nowhere(pictures, name, err);
}

void facet_pictures_free_bytes(uint8_t *bytes)
{
    facet__free(bytes);
}

const char *facet_pictures_member(const facet_pictures *pictures, size_t index)
{
    for (size_t i = 0; pictures && i < pictures->count; i++) {
        const facet__names *names = &pictures->sources[i].archive.stems;

        if (index < names->count)
            return names->names[index];
        index -= names->count;
    }
    return NULL;
}
