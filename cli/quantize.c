/* SPDX-License-Identifier: Apache-2.0 */
/* quantize.c - facet model quantize: pictures of the kind a network is for, and
 * a copy of it in 8 bits. */
#include "quantize.h"

#include <argp.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "exits.h"
#include "facet/pictures.h"
#include "facet/quantize.h"
#include "inputs.h"
#include "networks.h"
#include "numbers.h"
#include "output.h"

enum { MAX_PLACES = 64, DETECTOR_SIDE = 640 };

typedef struct quantize {
    const char *paths[2];
    int count;
    char *folders[MAX_PLACES];
    const char *archives[MAX_PLACES];
    int n_folders, n_archives;
    size_t wanted; /* pictures */
    double margin; /* of crops; -1: photos, in which faces are found */
    networks nets;
    facet_quantize_opts opts;
    int json;
} quantize;

enum { KEY_MARGIN = 0x400, KEY_COUNT, KEY_LOSS, KEY_THREADS, KEY_DETECTOR };

static void add_place(struct argp_state *state, quantize *q, char *place)
{
    const size_t length = strlen(place);

    if (q->n_folders + q->n_archives == MAX_PLACES)
        argp_error(state, "more than %d places", MAX_PLACES);
    else if (length > 4 && strcmp(place + length - 4, ".tar") == 0)
        q->archives[q->n_archives++] = place;
    else
        q->folders[q->n_folders++] = place;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    quantize *q = state->input;

    switch (key) {
    case 'i':
        add_place(state, q, text);
        break;
    case KEY_COUNT:
        q->wanted = (size_t)whole_option(state, "--count", text, 1, 100000);
        break;
    case KEY_MARGIN:
        q->margin = number_option(state, "--margin", text, 0, 1000);
        break;
    case KEY_DETECTOR:
        q->nets.detector = text;
        break;
    case KEY_LOSS:
        q->opts.loss = number_option(state, "--loss", text, 0, 1);
        break;
    case KEY_THREADS:
        q->opts.threads = (int)whole_option(state, "--threads", text, 1, 256);
        break;
    case 'j':
        q->json = 1;
        break;
    case ARGP_KEY_ARG:
        if (q->count == 2)
            argp_error(state, "more than two file names");
        q->paths[q->count++] = text;
        break;
    case ARGP_KEY_END:
        if (q->count < 2)
            argp_error(state, "two file names are needed: from and to");
        if (q->n_folders + q->n_archives == 0)
            argp_error(state, "--images is needed: pictures like those that "
                              "the network is for");
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* ---- pictures ---- */

/* Pictures as they are collected. */
typedef struct collection {
    const quantize *q;
    facet_settings settings;
    facet_pipeline *pipeline; /* finds faces; NULL where nobody needs it */
    facet_image **images;
    size_t count, skipped;
} collection;

/* The points of an ArcFace crop with a margin. */
static void points_of_crop(double margin, facet_point *points)
{
    const facet_align_template *arcface = facet_template_find("arcface-112");

    for (int i = 0; i < FACET_LANDMARKS; i++) {
        points[i].x = arcface->points[i].x + (float)margin;
        points[i].y = arcface->points[i].y + (float)margin;
    }
}

/* The crop that an embedder sees. */
static facet_status cut(const collection *c, const facet_image *photo,
    facet_image **out, facet_error *err)
{
    facet_point points[FACET_LANDMARKS];
    facet_faces *faces = NULL;
    facet_status st = FACET_OK;

    if (c->q->margin >= 0) {
        points_of_crop(c->q->margin, points);
    } else {
        st = facet_pipeline_faces(c->pipeline, photo, &faces, err);
        if (st == FACET_OK && facet_faces_count(faces) == 0)
            st = FACET_ENOFACE;
        if (st == FACET_OK)
            memcpy(
                points, facet_faces_face(faces, 0)->landmarks, sizeof points);
    }
    if (st == FACET_OK)
        st = facet_align(photo, points, &c->settings.align, out, err);
    facet_faces_free(faces);
    return st;
}

/* The photo as any other network sees it: not larger than its input. */
static facet_status shrink(const collection *c, const facet_image *photo,
    facet_image **out, facet_error *err)
{
    const double width = c->settings.width ? c->settings.width : DETECTOR_SIDE;
    const double height =
        c->settings.height ? c->settings.height : DETECTOR_SIDE;
    const double scale = fmin(1.0, fmin(width / facet_image_width(photo),
                                       height / facet_image_height(photo)));
    const int32_t w = (int32_t)(facet_image_width(photo) * scale);
    const int32_t h = (int32_t)(facet_image_height(photo) * scale);

    (void)err;
    return facet_image_resize(photo, w > 0 ? w : 1, h > 0 ? h : 1, out);
}

/* Takes a photo in; one that is none, or has no face, is left out. */
static void collect(
    collection *c, facet_image *photo, const char *name, facet_status st)
{
    facet_error err = { FACET_OK, "" };
    facet_image *image = NULL;

    if (st == FACET_OK)
        st = c->settings.task == FACET_TASK_EMBEDDER
                 ? cut(c, photo, &image, &err)
                 : shrink(c, photo, &image, &err);
    if (st == FACET_OK)
        c->images[c->count++] = image;
    else if (c->skipped++ == 0)
        complain("%s: left out: %s", name,
            *err.msg ? err.msg : facet_status_str(st));
    facet_image_free(photo);
}

/* Is the i-th of `total` one of `wanted` that lie evenly? */
static bool is_chosen(size_t i, size_t total, size_t wanted)
{
    return total <= wanted || i * wanted / total != (i + 1) * wanted / total;
}

static int collect_archives(collection *c)
{
    facet_pictures *pictures = NULL;
    facet_error err = { FACET_OK, "" };
    size_t total = 0;
    const char *name;

    if (c->q->n_archives == 0)
        return EXIT_YES;
    if (facet_pictures_open(c->q->archives, (size_t)c->q->n_archives, &pictures,
            &err) != FACET_OK) {
        complain("%s", err.msg);
        return EXIT_IO;
    }
    while (facet_pictures_member(pictures, total))
        total++;
    for (size_t i = 0; (name = facet_pictures_member(pictures, i)); i++) {
        facet_image *photo = NULL;
        uint8_t *bytes = NULL;
        size_t size = 0;
        facet_status st;

        if (c->count == c->q->wanted || !is_chosen(i, total, c->q->wanted))
            continue;
        st = facet_pictures_read(pictures, name, &bytes, &size, &err);
        if (st == FACET_OK)
            st = facet_image_read_memory(bytes, size, NULL, &photo, &err);
        collect(c, photo, name, st);
        facet_pictures_free_bytes(bytes);
    }
    facet_pictures_close(pictures);
    return EXIT_YES;
}

static int collect_folders(collection *c)
{
    const size_t left = c->q->wanted - c->count;
    inputs *in;
    char *name;
    bool failed;

    if (c->q->n_folders == 0)
        return EXIT_YES;
    in = inputs_open(c->q->folders, c->q->n_folders, NULL, '\n');
    if (!in)
        return EXIT_IO;
    for (size_t i = 0; (name = inputs_next(in)); i++) {
        facet_image *photo = NULL;
        facet_error err = { FACET_OK, "" };

        if (c->count < c->q->wanted && is_chosen(i, inputs_total(in), left))
            collect(c, photo, name, facet_image_read(name, NULL, &photo, &err));
        free(name);
    }
    failed = inputs_failed(in);
    inputs_close(in);
    return failed ? EXIT_IO : EXIT_YES;
}

static int find_settings(collection *c)
{
    facet_model_opts opts;
    facet_model *model = NULL;
    facet_error err = { FACET_OK, "" };
    facet_status st;

    facet_model_opts_init(&opts);
    opts.precision = FACET_PRECISION_FP32;
    st = facet_model_load(c->q->paths[0], &opts, &model, &err);
    if (st == FACET_OK)
        st = facet_settings_read(model, &c->settings, &err);
    facet_model_free(model);
    if (st != FACET_OK)
        complain_of(c->q->paths[0], err.msg);
    if (st == FACET_OK && c->settings.task == FACET_TASK_EMBEDDER &&
        c->q->margin < 0)
        return networks_open(&c->q->nets, 0, &c->pipeline);
    return st == FACET_OK ? EXIT_YES : (int)exit_for_model(st);
}

/* ---- the whole ---- */

static void tell(const quantize *q, const facet_quantize_report *r, size_t n)
{
    json_t *o = json_object();

    if (!q->json) {
        printf("%d of %d convolutions in int8, %d of %d maps kept wide; loss "
               "%.3g on %zu pictures (%.3g with every map in bytes)\n",
            r->int8_convolutions, r->convolutions, r->kept, r->maps, r->loss, n,
            r->loss_at_first);
        json_decref(o);
        return;
    }
    json_object_set_new(o, "model", json_path(q->paths[1]));
    json_object_set_new(o, "pictures", json_integer((json_int_t)n));
    json_object_set_new(o, "convolutions", json_integer(r->convolutions));
    json_object_set_new(
        o, "int8_convolutions", json_integer(r->int8_convolutions));
    json_object_set_new(o, "maps", json_integer(r->maps));
    json_object_set_new(o, "kept", json_integer(r->kept));
    json_object_set_new(o, "loss_at_first", json_rounded(r->loss_at_first, 9));
    json_object_set_new(o, "loss", json_rounded(r->loss, 9));
    json_line(o);
}

/* Of nothing there are no ranges. Why pictures were left out is told already.
 */
static int refuse_nothing(const quantize *q)
{
    for (int i = 0; i < q->n_archives + q->n_folders; i++)
        complain("no picture in %s that can be used",
            i < q->n_archives ? q->archives[i] : q->folders[i - q->n_archives]);
    return EXIT_IO;
}

static int run(const quantize *q)
{
    collection c = { .q = q, .images = calloc(q->wanted, sizeof *c.images) };
    facet_quantize_report report;
    facet_error err = { FACET_OK, "" };
    int status = c.images ? find_settings(&c) : EXIT_NO_MEMORY;

    if (status == EXIT_YES)
        status = collect_archives(&c);
    if (status == EXIT_YES)
        status = collect_folders(&c);
    if (status == EXIT_YES && c.skipped > 1)
        complain("%zu pictures were left out in all", c.skipped);
    if (status == EXIT_YES && c.count == 0)
        status = refuse_nothing(q);
    if (status == EXIT_YES) {
        const facet_status st = facet_model_quantize(q->paths[0],
            (const facet_image *const *)c.images, c.count, &q->opts,
            q->paths[1], &report, &err);

        if (st != FACET_OK)
            complain_of(q->paths[0], err.msg);
        else
            tell(q, &report, c.count);
        status = (int)exit_for_model(st);
    }
    for (size_t i = 0; i < c.count; i++)
        facet_image_free(c.images[i]);
    free(c.images);
    facet_pipeline_close(c.pipeline);
    return status;
}

int model_quantize(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "images", 'i', "PLACE", 0,
            "a folder or a tar archive of pictures like those that the network "
            "is for; may be given again",
            0 },
        { "count", KEY_COUNT, "N", 0,
            "look at so many of them, evenly chosen (64)", 0 },
        { "margin", KEY_MARGIN, "PIXELS", 0,
            "the pictures are ArcFace crops with this margin: no face is "
            "looked for",
            0 },
        { "detector", KEY_DETECTOR, "FILE", 0,
            "network that finds the faces of an embedder's photos", 0 },
        { "loss", KEY_LOSS, "L", 0,
            "compute the maps that do most harm in bf16 until the outputs' "
            "squared error is at most L of their squares (0: none)",
            0 },
        { "threads", KEY_THREADS, "N", 0, "cores to use (1)", 0 },
        { "json", 'j', NULL, 0, "answer in JSON", 0 },
        { 0 },
    };
    const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "FROM.onnx TO.onnx",
        .doc = "Write a copy of a network that the precision int8 can run: "
               "filters and maps in bytes, their ranges chosen by looking at "
               "pictures. The copy stays an ONNX file for everybody else.",
    };
    quantize q = { .wanted = 64, .margin = -1 };
    int status;

    networks_init(&q.nets);
    facet_quantize_opts_init(&q.opts);
    argp_parse(&argp, argc, argv, 0, NULL, &q);
    status = need_place(q.paths[1]);
    return status == EXIT_YES ? run(&q) : status;
}
