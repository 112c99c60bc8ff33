/* SPDX-License-Identifier: Apache-2.0 */
/* labels.c - lists of pictures and the faces marked in them, as WIDER FACE has
 * them. A picture is found by its name without folder and ending, which is what
 * data sets are told apart by. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/number.h"
#include "eval/builder.h"
#include "facet/detection.h"

enum {
    PLAIN = 10,                           /* numbers of a face */
    MARKED = PLAIN + 2 * FACET_LANDMARKS, /* the same with landmarks */
    MAX_FACES = 100000,
};

typedef struct picture {
    char *name;
    size_t first, count; /* in `faces` */
} picture;

struct facet_labels {
    picture *pictures;
    size_t count, room;
    facet_label *faces;
    size_t n_faces, faces_room;
    facet__names keys; /* number of a key: that of the picture */
};

/* The name without folder and ending, to be freed; NULL without memory. */
static char *key_of(const char *name)
{
    const char *slash = strrchr(name, '/');
    char *key = facet__strdup(slash ? slash + 1 : name);
    char *dot = key ? strrchr(key, '.') : NULL;

    if (dot && dot != key)
        *dot = '\0';
    return key;
}

static facet_status begin_picture(
    facet_labels *l, const facet__lines *lines, facet_error *err)
{
    const char *name = lines->fields[0];
    char *key = key_of(name);
    picture *larger =
        facet__make_room(l->pictures, l->count, &l->room, sizeof *larger);
    uint32_t number;
    facet_status st = FACET_OK;

    if (larger)
        l->pictures = larger;
    if (!key || !larger || facet__names_add(&l->keys, key, &number))
        st = FACET_ENOMEM;
    facet__free(key);
    if (st != FACET_OK)
        return facet__fail_memory(err);
    if (number != l->count)
        return facet__lines_fail(
            lines, err, "the picture '%.80s' is there twice", name);
    l->pictures[l->count] = (picture){ .first = l->n_faces };
    l->pictures[l->count].name = facet__strdup(name);
    return l->pictures[l->count++].name ? FACET_OK : facet__fail_memory(err);
}

static bool read_numbers(const facet__lines *lines, float *numbers)
{
    for (size_t i = 0; i < lines->n_fields; i++) {
        const char *end;

        if (!facet__number_parse(lines->fields[i], &end, &numbers[i]) || *end)
            return false;
    }
    return true;
}

static uint8_t attribute(float value)
{
    return value >= 0 && value <= 255 ? (uint8_t)value : 0;
}

static facet_status read_face(
    facet_labels *l, const facet__lines *lines, facet_error *err)
{
    float n[MARKED];
    facet_label *larger, *f;

    if ((lines->n_fields != PLAIN && lines->n_fields != MARKED) ||
        !read_numbers(lines, n))
        return facet__lines_fail(
            lines, err, "want a face: ten numbers, or twenty with landmarks");
    larger =
        facet__make_room(l->faces, l->n_faces, &l->faces_room, sizeof *larger);
    if (!larger)
        return facet__fail_memory(err);
    l->faces = larger;
    f = &l->faces[l->n_faces++];
    *f = (facet_label){ .box = { n[0], n[1], n[2], n[3] },
        .blur = attribute(n[4]),
        .expression = attribute(n[5]),
        .illumination = attribute(n[6]),
        .invalid = n[7] != 0.0F || !(n[2] > 0) || !(n[3] > 0),
        .occlusion = attribute(n[8]),
        .pose = attribute(n[9]),
        .has_landmarks = lines->n_fields == MARKED };
    for (size_t i = 0; f->has_landmarks && i < FACET_LANDMARKS; i++)
        f->landmarks[i] =
            (facet_point){ n[PLAIN + 2 * i], n[PLAIN + 2 * i + 1] };
    l->pictures[l->count - 1].count++;
    return FACET_OK;
}

/* Is this line the face of zeros that follows a count of 0? */
static bool is_nothing(const facet__lines *lines)
{
    if (lines->n_fields != PLAIN)
        return false;
    for (size_t i = 0; i < PLAIN; i++)
        if (strcmp(lines->fields[i], "0") != 0)
            return false;
    return true;
}

static facet_status read_list(
    facet_labels *l, facet__lines *lines, facet_error *err)
{
    facet_status st = FACET_OK;
    bool more = facet__lines_next(lines, ' ');

    while (st == FACET_OK && more) {
        uint32_t left;

        if (lines->n_fields == 1)
            st = begin_picture(l, lines, err);
        else
            st = facet__lines_fail(lines, err, "want the name of a picture");
        if (st != FACET_OK)
            return st;
        if (!facet__lines_next(lines, ' ') || lines->n_fields != 1 ||
            !facet__number(lines->fields[0], MAX_FACES, &left))
            return facet__lines_fail(
                lines, err, "want the number of its faces");
        more = facet__lines_next(lines, ' ');
        if (left == 0 && more && is_nothing(lines))
            more = facet__lines_next(lines, ' ');
        for (; left > 0 && st == FACET_OK; left--) {
            st = more ? read_face(l, lines, err)
                      : facet__lines_fail(
                            lines, err, "%u faces are missing", left);
            more = more && facet__lines_next(lines, ' ');
        }
    }
    return st;
}

facet_status facet_labels_read(
    const char *path, facet_labels **out, facet_error *err)
{
    facet__lines lines;
    facet_labels *l;
    facet_status st;

    if (out)
        *out = NULL;
    if (!path || !out)
        return facet__fail(err, FACET_EINVAL, "path or result is NULL");
    st = facet__lines_open(path, &lines, err);
    if (st != FACET_OK)
        return st;
    l = facet__calloc(1, sizeof *l);
    st = l ? read_list(l, &lines, err) : facet__fail_memory(err);
    if (st == FACET_OK && l->count == 0)
        st = facet__fail(err, FACET_EEMPTY, "%s: no picture in it", path);
    facet__lines_close(&lines);
    if (st == FACET_OK)
        *out = l;
    else
        facet_labels_free(l);
    return st;
}

void facet_labels_free(facet_labels *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->count; i++)
        facet__free(l->pictures[i].name);
    facet__free(l->pictures);
    facet__free(l->faces);
    facet__names_free(&l->keys);
    facet__free(l);
}

size_t facet_labels_count(const facet_labels *labels)
{
    return labels->count;
}

const char *facet_labels_name(const facet_labels *labels, size_t index)
{
    return labels->pictures[index].name;
}

const facet_label *facet_labels_faces(
    const facet_labels *labels, size_t index, size_t *count)
{
    const picture *p = &labels->pictures[index];

    *count = p->count;
    return p->count ? labels->faces + p->first : NULL;
}

size_t facet_labels_find(const facet_labels *labels, const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name;
    const char *dot = strrchr(base, '.');
    uint32_t number = facet__names_find(&labels->keys, base);
    char key[512];

    if (number == UINT32_MAX && dot && dot != base &&
        (size_t)(dot - base) < sizeof key) {
        memcpy(key, base, (size_t)(dot - base));
        key[dot - base] = '\0';
        number = facet__names_find(&labels->keys, key);
    }
    return number == UINT32_MAX ? SIZE_MAX : number;
}
