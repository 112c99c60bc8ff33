/* SPDX-License-Identifier: Apache-2.0 */
/* damage.c - see damage.h. Every kind of picture is cut at many points and has
 * bits flipped; then come the lies that take knowledge of the format. */
#include "damage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "damage_bytes.h"

static const picture_kind *kind_named(const char *name)
{
    for (size_t i = 0; i < picture_kind_count; i++)
        if (!strcmp(picture_kinds[i].name, name))
            return &picture_kinds[i];
    return NULL;
}

/* What a picture says of itself, and is not true. */
typedef struct lie {
    const char *what;
    size_t at;
    const char *patch;
    size_t count;
} lie;

/* `lies` end with a nameless one; their places count from `from`. */
static void give_lies(damage_giver *g, const char *how, const char *kind,
    picture p, size_t from, const lie *lies)
{
    for (; lies->what; lies++) {
        char name[96];

        snprintf(name, sizeof name, "%s-%s-%s", how, lies->what, kind);
        damage_give_patched(
            g, name, p, from + lies->at, lies->patch, lies->count);
    }
}

/* The frame header holds height and width, big-endian, 5 bytes in. */
static void give_lying_jpegs(damage_giver *g)
{
    static const char *const kinds[] = { "baseline.jpg", "progressive.jpg" };

    for (size_t i = 0; i < 2; i++) {
        picture p = kind_named(kinds[i])->make();
        const size_t frame = damage_find(p, i ? "\xff\xc2" : "\xff\xc0", 2) + 5;
        const size_t table = damage_find(p, "\xff\xdb", 2) + 2;
        const lie lies[] = {
            { "taller", frame, "\x03\xe8", 2 },
            { "wider", frame + 2, "\x03\xe8", 2 },
            { "bomb", frame, "\xff\xdc\xff\xdc", 4 },
            { "just-under-the-limit", frame, "\x27\x10\x27\x10", 4 },
            { "no-rows", frame, "\0\0", 2 },
            { "no-columns", frame + 2, "\0\0", 2 },
            { "components-9", frame + 4, "\x09", 1 },
            { "sampling-0", frame + 6, "\0", 1 },
            { "depth-12", frame - 1, "\x0c", 1 },
            { "table-length-0", table, "\0\0", 2 },
            { "table-length-64k", table, "\xff\xff", 2 },
            { .what = NULL },
        };

        give_lies(g, "lie", kinds[i], p, 0, lies);
        picture_free(&p);
    }
}

/* IHDR: width at 16, height at 20, depth, color, compression, filter, interlace
 * from 24 on; IDAT follows. */
static void give_lying_pngs(damage_giver *g)
{
    static const char *const kinds[] = { "rgb8.png", "rgb8-interlaced.png",
        "palette8-interlaced.png", "rgba16.png" };
    static const lie lies[] = {
        { "taller", 20, "\0\0\x03\xe8", 4 },
        { "wider", 16, "\0\0\x03\xe8", 4 },
        { "bomb", 16, "\0\x01\x86\xa0\0\x01\x86\xa0", 8 },
        { "just-under-the-limit", 16, "\0\0\x27\x10\0\0\x27\x10", 8 },
        { "widest", 16, "\x7f\xff\xff\xff\0\0\0\x01", 8 },
        { "no-rows", 20, "\0\0\0\0", 4 },
        { "negative", 16, "\xff\xff\xff\xff", 4 },
        { "depth-3", 24, "\x03", 1 },
        { "color-5", 25, "\x05", 1 },
        { "compression-1", 26, "\x01", 1 },
        { "interlace-2", 28, "\x02", 1 },
        { "wrong-crc", 29, "\0\0\0\0", 4 },
        { "ihdr-length", 8, "\xff\xff\xff\xf0", 4 },
        { "idat-length", 33, "\x7f\xff\xff\xff", 4 },
        { "unknown-critical-chunk", 37, "QQQQ", 4 },
        { .what = NULL },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        picture p = kind_named(kinds[i])->make();

        give_lies(g, "lie", kinds[i], p, 0, lies);
        picture_free(&p);
    }
}

/* RIFF length at 4, first chunk's length at 16, VP8X sizes at 24. */
static void give_lying_webps(damage_giver *g)
{
    static const char *const kinds[] = { "lossy.webp", "lossless.webp",
        "lossy-alpha.webp" };
    static const lie lies[] = {
        { "riff-length-0", 4, "\0\0\0\0", 4 },
        { "riff-length-4g", 4, "\xff\xff\xff\xff", 4 },
        { "chunk-length-4g", 16, "\xfe\xff\xff\xff", 4 },
        { "chunk-length-0", 16, "\0\0\0\0", 4 },
        { "largest", 24, "\xff\xff\xff\xff\xff\xff", 6 },
        { "larger", 24, "\xff\x03\0\xff\x03\0", 6 },
        { "animation", 20, "\x02", 1 },
        { "chunk-type", 12, "VP8Q", 4 },
        { .what = NULL },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        picture p = kind_named(kinds[i])->make();

        give_lies(g, "lie", kinds[i], p, 0, lies);
        picture_free(&p);
    }
}

/* Offsets into the EXIF block: 4 where IFD 0 is, 8 how many entries, 12 type,
 * 14 count, 18 value. */
static void give_bad_exif(damage_giver *g)
{
    static const char *const kinds[] = { "baseline.jpg", "rgb8.png",
        "lossy.webp" };
    static const lie lies[] = {
        { "byte-order", 0, "XX", 2 },
        { "offset-far", 4, "\xff\xff\xff\xff", 4 },
        { "offset-itself", 4, "\0\0\0\0", 4 },
        { "entries-64k", 8, "\xff\xff", 2 },
        { "type-0", 12, "\0\0", 2 },
        { "type-double", 12, "\x0c\0", 2 },
        { "count-4g", 14, "\xff\xff\xff\xff", 4 },
        { "value-0", 18, "\0\0", 2 },
        { "value-9", 18, "\x09\0", 2 },
        { "next-ifd-itself", 22, "\x08\0\0\0", 4 },
        { .what = NULL },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        picture plain = kind_named(kinds[i])->make();
        picture p = picture_with_orientation(plain, 6);
        const size_t exif = damage_find(p, "II*", 4);

        give_lies(g, "exif", kinds[i], p, exif, lies);
        picture_free(&p);
        picture_free(&plain);
    }
}

static void give_other_files(damage_giver *g)
{
    static const char text[] = "This is a letter, not a picture.\n";
    static const char html[] = "<html><body>404 Not Found</body></html>";
    static const char svg[] = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
    uint8_t noise[4096];
    uint32_t state = 7;
    picture png = kind_named("rgb8.png")->make();

    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)damage_random(&state);
    damage_give(g, "empty.jpg", noise, 0);
    damage_give(g, "text.jpg", (const uint8_t *)text, sizeof text - 1);
    damage_give(g, "page.png", (const uint8_t *)html, sizeof html - 1);
    damage_give(g, "drawing.webp", (const uint8_t *)svg, sizeof svg - 1);
    damage_give(g, "noise.heic", noise, sizeof noise);
    damage_give(g, "gif.png", (const uint8_t *)"GIF89a\1\0\1\0\0\0\0;", 14);
    damage_give(g, "really-a-png.jpg", png.bytes, png.size);
    /* Right beginnings, wrong everything else. */
    memcpy(noise, "\xff\xd8\xff\xe0", 4);
    damage_give(g, "noise.jpg", noise, sizeof noise);
    memcpy(noise, "\x89PNG\r\n\x1a\n", 8);
    damage_give(g, "noise.png", noise, sizeof noise);
    memcpy(noise, "RIFF\xf8\x0f\0\0WEBPVP8 ", 16);
    damage_give(g, "noise.webp", noise, sizeof noise);
    memcpy(noise,
        "\0\0\0\x18"
        "ftypheic",
        12);
    damage_give(g, "noise-in.heic", noise, sizeof noise);
    picture_free(&png);
}

int damage_each(damage_use *use, void *context)
{
    damage_giver g = { use, context, 0 };

    for (size_t i = 0; i < picture_kind_count; i++) {
        picture p = picture_kinds[i].make();

        if (!p.bytes)
            continue;
        damage_give_truncated(&g, picture_kinds[i].name, p);
        damage_give_flipped(&g, picture_kinds[i].name, p);
        picture_free(&p);
    }
    give_lying_jpegs(&g);
    give_lying_pngs(&g);
    give_lying_webps(&g);
    give_bad_exif(&g);
    give_other_files(&g);
    return g.count;
}

int damage_none(damage_use *use, void *context)
{
    damage_giver g = { use, context, 0 };

    for (size_t i = 0; i < picture_kind_count; i++) {
        picture p = picture_kinds[i].make();
        char name[96];

        if (!p.bytes)
            continue;
        damage_give(&g, picture_kinds[i].name, p.bytes, p.size);
        if (!strstr(picture_kinds[i].name, ".heic")) {
            picture turned = picture_with_orientation(p, 6);

            snprintf(name, sizeof name, "turned-%s", picture_kinds[i].name);
            damage_give(&g, name, turned.bytes, turned.size);
            picture_free(&turned);
        }
        picture_free(&p);
    }
    return g.count;
}
