/* SPDX-License-Identifier: Apache-2.0 */
/* heic_items.c - who is made of whom, from the boxes of ISO/IEC 14496-12: the
 * file's "meta" has an "iref", whose "dimg" entries give an item and its parts.
 * Several boxes of a kind count as one: more entries than libheif takes can
 * only make this stricter. */
#include "image/heic_items.h"

#include <string.h>

#include "base/error.h"

enum {
    MOST_PARTS = 4096, /* of all items; 100 megapixels in tiles of 512: 381 */
    MOST_DEPTH = 4,    /* a grid in an overlay, turned, is 3 */
    MOST_VISITS = 16384,
};

typedef struct span {
    const uint8_t *at;
    size_t left;
} span;

typedef struct part {
    uint32_t whole, part; /* numbers of items */
} part;

typedef struct parts {
    part list[MOST_PARTS];
    size_t count;
    size_t visits;
} parts;

static facet_status damaged(const char *what, facet_error *err)
{
    return facet__fail(err, FACET_EDAMAGED,
        "HEIC: %s; the file is damaged, copy it again", what);
}

/* The next `count` bytes as a number, most significant first. */
static bool take(span *s, size_t count, uint64_t *number)
{
    if (s->left < count)
        return false;
    for (*number = 0; count; count--, s->left--)
        *number = *number << 8 | *s->at++;
    return true;
}

/* The next box: its type and what is in it. False when it is not whole. */
static bool take_box(span *s, uint32_t *type, span *inside)
{
    const size_t all = s->left;
    uint64_t size, name;

    *type = 0;
    if (!take(s, 4, &size) || !take(s, 4, &name))
        return false;
    *type = (uint32_t)name;
    if (size == 1 && !take(s, 8, &size))
        return false;
    if (size == 0)
        size = all; /* to the end */
    if (size < all - s->left || size > all)
        return false;
    *inside = (span){ s->at, (size_t)size - (all - s->left) };
    s->at += inside->left;
    s->left -= inside->left;
    return true;
}

static uint32_t type_of(const char name[5])
{
    return (uint32_t)(uint8_t)name[0] << 24 | (uint32_t)(uint8_t)name[1] << 16 |
           (uint32_t)(uint8_t)name[2] << 8 | (uint8_t)name[3];
}

/* What is in a box, of a version of its form, to the parts. */
typedef facet_status read_box(
    span inside, unsigned version, parts *p, facet_error *err);

/* An entry of "iref": an item, how many parts, the parts. */
static facet_status read_parts(
    span entry, unsigned version, parts *p, facet_error *err)
{
    const size_t number_bytes = version == 0 ? 2 : 4;
    uint64_t whole, count, of;

    if (!take(&entry, number_bytes, &whole) || !take(&entry, 2, &count))
        return damaged("an entry of its references is cut short", err);
    if (count > MOST_PARTS - p->count)
        return damaged("its pictures have thousands of parts", err);
    for (; count; count--) {
        if (!take(&entry, number_bytes, &of))
            return damaged("an entry of its references is cut short", err);
        p->list[p->count++] = (part){ (uint32_t)whole, (uint32_t)of };
    }
    return FACET_OK;
}

/* `read` the boxes called `name` in a box that begins with a version. */
static facet_status read_each(
    span box, const char name[5], read_box *read, parts *p, facet_error *err)
{
    uint64_t version_and_flags;
    facet_status st = FACET_OK;

    if (!take(&box, 4, &version_and_flags))
        return damaged("its description is cut short", err);
    while (st == FACET_OK && box.left) {
        uint32_t type;
        span inside;

        if (!take_box(&box, &type, &inside))
            return damaged("its description is cut short", err);
        if (type == type_of(name))
            st = read(inside, (unsigned)(version_and_flags >> 24), p, err);
    }
    return st;
}

static facet_status read_references(
    span iref, unsigned version, parts *p, facet_error *err)
{
    (void)version; /* of the box around it */
    return read_each(iref, "dimg", read_parts, p, err);
}

/* Walk an item's parts as a decoder would. */
static bool ends(parts *p, uint32_t whole, int depth)
{
    if (depth > MOST_DEPTH || ++p->visits > MOST_VISITS)
        return false;
    for (size_t i = 0; i < p->count; i++)
        if (p->list[i].whole == whole && !ends(p, p->list[i].part, depth + 1))
            return false;
    return true;
}

facet_status facet__heic_check_items(
    const uint8_t *bytes, size_t size, facet_error *err)
{
    span file = { bytes, size };
    parts p = { .count = 0 };
    facet_status st = FACET_OK;
    uint32_t type;
    span inside;

    while (st == FACET_OK && file.left) {
        const bool whole = take_box(&file, &type, &inside);

        if (type == type_of("meta"))
            st = whole ? read_each(inside, "iref", read_references, &p, err)
                       : facet__fail(err, FACET_ETRUNCATED,
                             "HEIC: the file is cut short, copy it again");
        if (!whole)
            break; /* pixels that are cut short are libheif's to tell */
    }
    for (size_t i = 0; st == FACET_OK && i < p.count; i++)
        if ((i == 0 || p.list[i].whole != p.list[i - 1].whole) &&
            !ends(&p, p.list[i].whole, 0))
            st = damaged("a picture in it is made of itself, or of too many "
                         "others",
                err);
    return st;
}
