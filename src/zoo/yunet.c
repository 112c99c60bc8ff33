/* SPDX-License-Identifier: Apache-2.0 */
/* yunet.c - YuNet (Wu, Peng, Yu: "YuNet: a tiny millisecond-level face
 * detector", Machine Intelligence Research 2023), the larger of its two.
 *
 * A unit is a 1x1 convolution that mixes channels and a 3x3 one for each of
 * them; nothing bends between the two. Three strides are joined from the
 * coarse to the fine (a tiny feature pyramid), and every cell of each answers
 * for itself: a class and an objectness score, a box, five points. The
 * channels of a picture are blue, green, red, 0 to 255, as in the networks of
 * its authors. */
#include <stdio.h>

#include "zoo/zoo.h"

enum { STAGES = 6, LEVELS = 3, NECK = 64 };

/* Two units a stage; a pool of 2x2 behind it, or none. */
typedef struct stage {
    int64_t middle, out;
    bool pool;
} stage;

/* The first has a full convolution of stride 2 in place of its first unit. */
static const stage stages[STAGES] = {
    { 16, 16, true },
    { 16, 32, false },
    { 32, 64, true },
    { 64, 64, true },
    { 64, 64, true },
    { 64, 64, false },
};

/* What a cell says. A score begins low, since nearly all cells hold nothing:
 * -4.6 is the logit of one in a hundred. */
static const struct head {
    const char *name;
    int64_t numbers;
    bool score;
} heads[] = {
    { "cls", 1, true },
    { "obj", 1, true },
    { "bbox", 4, false },
    { "kps", 10, false },
};

static int norm(facet__builder *b, const char *name, int x)
{
    char part[64];

    snprintf(part, sizeof part, "%s.bn", name);
    x = facet__build_batch_norm(b, part, x);
    snprintf(part, sizeof part, "%s.relu", name);
    return facet__build_relu(b, part, x);
}

/* Mix the channels, then look at each one's neighborhood; `level` is what the
 * biases of the last begin with. */
static int unit(
    facet__builder *b, const char *name, int x, int64_t out, float level)
{
    char part[64];

    snprintf(part, sizeof part, "%s.point", name);
    x = facet__build_conv(b, part, x,
        (facet__conv_spec){ .out = out, .kernel = 1, .bias = true });
    b->bias = level;
    x = facet__build_conv(b, name, x,
        (facet__conv_spec){
            .out = out, .kernel = 3, .pad = 1, .group = out, .bias = true });
    b->bias = 0;
    return x;
}

static int block(facet__builder *b, const char *name, int x, int64_t out)
{
    return norm(b, name, unit(b, name, x, out, 0));
}

/* The maps of strides 8, 16 and 32. */
static void backbone(facet__builder *b, int x, int maps[LEVELS])
{
    char name[32];

    for (int i = 0; i < STAGES; i++) {
        snprintf(name, sizeof name, "stage%d.1", i);
        if (i == 0)
            x = norm(b, name,
                facet__build_conv(b, name, x,
                    (facet__conv_spec){ .out = stages[0].middle,
                        .kernel = 3,
                        .stride = 2,
                        .pad = 1,
                        .bias = true }));
        else
            x = block(b, name, x, stages[i].middle);
        snprintf(name, sizeof name, "stage%d.2", i);
        x = block(b, name, x, stages[i].out);
        if (i >= STAGES - LEVELS)
            maps[i - (STAGES - LEVELS)] = x;
        snprintf(name, sizeof name, "stage%d.pool", i);
        if (stages[i].pool)
            x = facet__build_max_pool(
                b, name, x, (facet__pool_spec){ .kernel = 2, .stride = 2 });
    }
}

/* From the coarsest to the finest: a block, doubled, is added to the next. */
static void neck(facet__builder *b, int maps[LEVELS])
{
    char name[32];

    for (int i = LEVELS - 1; i >= 0; i--) {
        snprintf(name, sizeof name, "neck%d", 8 << i);
        maps[i] = block(b, name, maps[i], NECK);
        if (i == 0)
            break;
        snprintf(name, sizeof name, "neck%d.up", 8 << i);
        maps[i - 1] = facet__build_add(b, i == 1 ? "sum8" : "sum16",
            maps[i - 1], facet__build_upsample(b, name, maps[i], 2));
    }
}

static void answer(
    facet__builder *b, const struct head *h, int level, const int maps[LEVELS])
{
    char name[32], part[48];
    int x;

    snprintf(name, sizeof name, "%s_%d", h->name, 8 << level);
    snprintf(part, sizeof part, "%s.head", name);
    x = unit(b, part, maps[level], h->numbers, h->score ? -4.6f : 0);
    snprintf(part, sizeof part, "%s.cells", name);
    x = facet__build_cells(b, part, x);
    snprintf(part, sizeof part, "%s.sigmoid", name);
    if (h->score)
        x = facet__build_sigmoid(b, part, x);
    facet__build_output(b, name, x);
}

void facet__yunet(facet__builder *b)
{
    int maps[LEVELS];

    backbone(b, facet__build_input(b, "input", 3, -1, -1), maps);
    neck(b, maps);
    for (size_t h = 0; h < sizeof heads / sizeof heads[0]; h++)
        for (int level = 0; level < LEVELS; level++)
            answer(b, &heads[h], level, maps);
}
