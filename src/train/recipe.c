/* SPDX-License-Identifier: Apache-2.0 */
/* recipe.c - from a file to a recipe: recipe_keys.c and recipe_losses.c read
 * it, recipe_check.c looks at the whole, and what hangs on several keys is
 * settled here. */
#include "train/recipe.h"

#include <locale.h>
#include <math.h>
#include <sodium.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "train/recipe_private.h"

enum { RECIPE_MAX = 1 << 20, FRAME = 128, ARCFACE = 112 };

static void set_defaults(facet__recipe *c)
{
    c->name = "";
    c->dim = 128;
    c->width = c->height = 112;
    for (int i = 0; i < 3; i++) {
        c->mean[i] = c->teacher_mean[i] = 127.5;
        c->scale[i] = c->teacher_scale[i] = 1 / 128.;
    }
    facet__dataset_setup_init(&c->dataset);
    facet__dataset_setup_init(&c->validation);
    facet__scene_setup_init(&c->scene);
    c->cache = (double)(c->scene.cache >> 20);
    facet__run_setup_init(&c->run);
    c->run.data.frame = 0; /* not said */
}

/* The one whose middle is the crop that the network's file will ask for: the
 * ArcFace template in the network's height. */
static void choose_frame(facet__recipe *c)
{
    if (c->run.data.frame > 0)
        return;
    c->run.data.frame = c->faces || c->landmarks
                            ? FRAME
                            : round((double)c->height * FRAME / ARCFACE);
}

static void set_values(
    facet__crop *crop, const double mean[3], const double scale[3], bool bgr)
{
    memcpy(crop->mean, mean, sizeof crop->mean);
    memcpy(crop->scale, scale, sizeof crop->scale);
    crop->bgr = bgr;
}

/* From the keys to the setups that hang on several of them. */
static void settle(facet__recipe *c)
{
    facet__crop *crops = c->run.data.crops;

    facet__crop_init(&crops[0], c->width, c->height, c->run.data.frame);
    set_values(&crops[0], c->mean, c->scale, c->bgr);
    if (c->teacher) {
        crops[1] = crops[0];
        if (c->teacher_template == 1)
            facet__crop_init_0095(&crops[1], c->run.data.frame);
        set_values(
            &crops[1], c->teacher_mean, c->teacher_scale, c->teacher_bgr);
        crops[1].nchw = true; /* as its session takes them */
        c->run.data.n_crops = 2;
    }
    if (c->faces || c->landmarks)
        c->dim = 0; /* as many numbers as the cells or the points have */
    c->scene.cache = (size_t)(c->cache * 1048576);
    c->run.n_losses = c->n_losses;
    for (size_t i = 0; i < c->n_losses; i++)
        c->run.weights[i] = c->losses[i].weight;
    c->run.recipe_hash = c->hash;
    if (!c->validation.table) {
        c->validation.table = c->dataset.table;
        c->validation.key_column = c->dataset.key_column;
        c->validation.label_column = c->dataset.label_column;
    }
    /* Validation takes the keys that its pairs name, whatever their labels. */
    c->validation.unlabelled = true;
}

/* Of all lines but those of comments: what is said of a recipe may get better
 * while it trains. */
static void hash_lines(const char *text, size_t size, char hex[65])
{
    const char *const end = text + size;
    unsigned char sum[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state hash;

    crypto_hash_sha256_init(&hash);
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        const char *first = text;

        stop = stop ? stop + 1 : end;
        while (first < stop && (*first == ' ' || *first == '\t'))
            first++;
        if (first == stop || *first != '#')
            crypto_hash_sha256_update(
                &hash, (const unsigned char *)text, (size_t)(stop - text));
        text = stop;
    }
    crypto_hash_sha256_final(&hash, sum);
    sodium_bin2hex(hex, 65, sum, sizeof sum);
}

facet_status facet__recipe_parse(const char *path, const char *text,
    size_t size, facet__recipe **out, facet_error *err)
{
    facet__reader r = { .path = path, .err = err };
    yaml_parser_t parser;
    locale_t plain, before;
    facet_status st;

    *out = NULL;
    r.recipe = facet__calloc(1, sizeof *r.recipe);
    if (!r.recipe || !yaml_parser_initialize(&parser)) {
        facet__free(r.recipe);
        return facet__fail_memory(err);
    }
    /* Decimal points whatever the country of the calling program. */
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    before = plain ? uselocale(plain) : (locale_t)0;
    set_defaults(r.recipe);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    if (yaml_parser_load(&parser, &r.document)) {
        st = facet__recipe_document(&r);
        yaml_document_delete(&r.document);
    } else {
        st = facet__fail(err, FACET_EDAMAGED, "%s:%u: %s", path,
            (unsigned)parser.problem_mark.line + 1,
            parser.problem ? parser.problem : "not YAML");
    }
    yaml_parser_delete(&parser);
    if (st == FACET_OK) {
        choose_frame(r.recipe);
        st = facet__recipe_check(&r);
    }
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
    if (st != FACET_OK) {
        facet__recipe_free(r.recipe);
        return st;
    }
    hash_lines(text, size, r.recipe->hash);
    settle(r.recipe);
    *out = r.recipe;
    return FACET_OK;
}

facet_status facet__recipe_read(
    const char *path, facet__recipe **out, facet_error *err)
{
    void *text;
    size_t size;
    facet_status st = facet__file_read(path, RECIPE_MAX, &text, &size, err);

    *out = NULL;
    if (st != FACET_OK)
        return st;
    st = facet__recipe_parse(path, text, size, out, err);
    facet__free(text);
    return st;
}

void facet__recipe_free(facet__recipe *recipe)
{
    if (!recipe)
        return;
    for (size_t i = 0; i < recipe->n_strings; i++)
        facet__free(recipe->strings[i]);
    facet__free(recipe);
}
