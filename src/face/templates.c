/* SPDX-License-Identifier: Apache-2.0 */
/* templates.c - alignment templates, which are data: a network's accuracy hangs
 * on being fed with the template it was trained on, so every one in use is a
 * row here, and the others travel as ten numbers in the network's metadata. */
#include "facet/align.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"

enum { MAX_SIDE = 4096 };

/* Left eye, right eye, nose tip, left and right mouth corner. */
static const facet_align_template templates[] = {
    { "arcface-112", 112, 112,
        { { 38.2946F, 51.6963F }, { 73.5318F, 51.5014F },
            { 56.0252F, 71.7366F }, { 41.5493F, 92.3655F },
            { 70.7299F, 92.2041F } } },
    { "arcface-96x112", 96, 112,
        { { 30.2946F, 51.6963F }, { 65.5318F, 51.5014F },
            { 48.0252F, 71.7366F }, { 33.5493F, 92.3655F },
            { 62.7299F, 92.2041F } } },
    /* Fractions of 128, as OpenVINO publishes them. */
    { "0095-128", 128, 128,
        { { 40.3928F, 59.08149F }, { 87.37573F, 59.08149F },
            { 64.0336F, 81.98469F }, { 44.7324F, 105.56057F },
            { 83.63987F, 105.56057F } } },
    /* arcface-112 with 24 pixels more on every side: the whole head. */
    { "loose-160", 160, 160,
        { { 62.2946F, 75.6963F }, { 97.5318F, 75.5014F },
            { 80.0252F, 95.7366F }, { 65.5493F, 116.3655F },
            { 94.7299F, 116.2041F } } },
};

enum { N_TEMPLATES = sizeof templates / sizeof templates[0] };

size_t facet_template_count(void)
{
    return N_TEMPLATES;
}

const facet_align_template *facet_template_at(size_t index)
{
    return index < N_TEMPLATES ? &templates[index] : NULL;
}

const facet_align_template *facet_template_find(const char *name)
{
    for (size_t i = 0; name && i < N_TEMPLATES; i++)
        if (strcmp(templates[i].name, name) == 0)
            return &templates[i];
    return NULL;
}

static bool usable_size(int width, int height)
{
    return width >= 1 && width <= MAX_SIDE && height >= 1 && height <= MAX_SIDE;
}

facet_status facet_template_resize(const facet_align_template *from, int width,
    int height, facet_align_template *out)
{
    facet_align_template made;
    double scale, shift;

    if (!from || !out || !usable_size(width, height) ||
        !usable_size(from->width, from->height))
        return FACET_EINVAL;
    made = *from;
    scale = (double)height / from->height;
    shift = (width - from->width * scale) / 2;
    made.width = width;
    made.height = height;
    for (int i = 0; i < FACET_LANDMARKS; i++) {
        made.points[i].x = (float)((double)from->points[i].x * scale + shift);
        made.points[i].y = (float)((double)from->points[i].y * scale);
    }
    *out = made;
    return FACET_OK;
}

/* Ten finite numbers and nothing else. */
static bool parse_numbers(const char *text, float numbers[10])
{
    for (int i = 0; i < 10; i++) {
        text += strspn(text, " ,\t\n");
        if (!facet__number_parse(text, &text, &numbers[i]))
            return false;
    }
    return text[strspn(text, " ,\t\n")] == '\0';
}

facet_status facet_template_parse(const char *text, int width, int height,
    facet_align_template *out, facet_error *err)
{
    facet_align_template made = { .width = width, .height = height };
    const facet_align_template *named = facet_template_find(text);
    facet_similarity unused;
    float numbers[10];

    if (!text || !out || !usable_size(width, height))
        return facet__fail(err, FACET_EINVAL,
            "template: no text, or a crop of %d x %d (use 1 to %d)", width,
            height, MAX_SIDE);
    if (named)
        return facet_template_resize(named, width, height, out);
    if (!parse_numbers(text, numbers))
        return facet__fail(err, FACET_EMODEL,
            "template \"%.60s\" is neither a name (%s, ...) nor ten numbers",
            text, templates[0].name);
    for (int i = 0; i < FACET_LANDMARKS; i++)
        made.points[i] = (facet_point){ numbers[2 * i], numbers[2 * i + 1] };
    if (facet_similarity_fit(made.points, made.points, FACET_LANDMARKS, &unused,
            NULL) != FACET_OK)
        return facet__fail(err, FACET_EMODEL,
            "template \"%.60s\": the five points are the same", text);
    *out = made;
    return FACET_OK;
}
