/* SPDX-License-Identifier: Apache-2.0 */
/* eval_detect.c - how well does a detector find marked faces? */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "eval.h"
#include "exits.h"
#include "facet/detection.h"

enum { FACES = 4096 };

/* Average precision looks at finds of every score; below this they cost more
 * time than they add. */
static const float lowest_score = 0.02F;

typedef struct judging {
    facet_labels *labels;
    facet_model *model;
    facet_detector *detector;
    facet_detection *detection;
    facet_face *faces; /* [FACES] */
    facet_detection_result result;
} judging;

static facet_status open_all(
    eval_run *run, judging *j, const char *network, facet_error *err)
{
    facet_model_opts model;
    facet_detector_opts detector;
    facet_status st = facet_labels_read(run->boxes, &j->labels, err);

    facet_model_opts_init(&model);
    model.precision = run->nets.opts.precision;
    facet_detector_opts_init(&detector);
    detector.score_threshold = lowest_score;
    detector.min_face = run->nets.opts.min_face;
    detector.threads = run->threads;
    if (st == FACET_OK)
        st = facet_pictures_open(
            run->images.items, run->images.count, &run->pictures, err);
    if (st == FACET_OK)
        st = facet_model_load(network, &model, &j->model, err);
    if (st == FACET_OK)
        st = facet_detector_create(j->model, &detector, &j->detector, err);
    if (st == FACET_OK)
        st = facet_detection_create(NULL, &j->detection, err);
    j->faces = calloc(FACES, sizeof *j->faces);
    return st == FACET_OK && !j->faces ? FACET_ENOMEM : st;
}

static void close_all(judging *j)
{
    free(j->faces);
    facet_detection_free(j->detection);
    facet_detector_free(j->detector);
    facet_model_free(j->model);
    facet_labels_free(j->labels);
}

static facet_status judge_picture(
    const eval_run *run, judging *j, size_t index, facet_error *err)
{
    const char *name = facet_labels_name(j->labels, index);
    const facet_label *labels;
    facet_image *image = NULL;
    uint8_t *bytes = NULL;
    size_t size, found = 0, n;
    facet_status st =
        facet_pictures_read(run->pictures, name, &bytes, &size, err);

    if (st == FACET_OK)
        st = facet_image_read_memory(bytes, size, NULL, &image, err);
    if (st == FACET_OK)
        st = facet_detector_find(
            j->detector, image, j->faces, FACES, &found, err);
    labels = facet_labels_faces(j->labels, index, &n);
    if (st == FACET_OK)
        st = facet_detection_add(
            j->detection, labels, n, j->faces, found < FACES ? found : FACES);
    facet_image_free(image);
    facet_pictures_free_bytes(bytes);
    return st;
}

/* All of the list; the first that fails is named, and ends it. */
static int judge_all(const eval_run *run, judging *j)
{
    for (size_t i = 0; i < facet_labels_count(j->labels); i++) {
        facet_error err = { FACET_OK, "" };
        const facet_status st = judge_picture(run, j, i, &err);

        if (st == FACET_OK)
            continue;
        complain_of(facet_labels_name(j->labels, i),
            *err.msg ? err.msg : facet_status_str(st));
        return (int)exit_for_photo(st);
    }
    return EXIT_YES;
}

static void add_metrics(eval_run *run, const facet_detection_result *r)
{
    const struct {
        const char *name;
        double value;
    } metrics[] = { { "ap_easy", r->ap_easy }, { "ap_medium", r->ap_medium },
        { "ap_hard", r->ap_hard }, { "recall", r->recall },
        { "landmark_error", r->landmark_error } };

    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        eval_add_metric(run, (eval_metric){ .name = metrics[i].name,
                                 .value = metrics[i].value,
                                 .interval = { (double)NAN, (double)NAN },
                                 .threshold = (double)NAN });
}

static int print_json(const facet_detection_result *r)
{
    json_t *o = json_pack("{sI sI sI sI sI so so so so so sI}", "pictures",
        (json_int_t)r->pictures, "finds", (json_int_t)r->finds, "faces_easy",
        (json_int_t)r->easy, "faces_medium", (json_int_t)r->medium,
        "faces_hard", (json_int_t)r->hard, "ap_easy", eval_number(r->ap_easy),
        "ap_medium", eval_number(r->ap_medium), "ap_hard",
        eval_number(r->ap_hard), "recall", eval_number(r->recall),
        "landmark_error", eval_number(r->landmark_error), "landmark_faces",
        (json_int_t)r->landmark_faces);
    char *text = o ? json_dumps(o, JSON_REAL_PRECISION(9)) : NULL;
    const int status = text ? EXIT_YES : EXIT_NO_MEMORY;

    if (text)
        puts(text);
    free(text);
    json_decref(o);
    return status;
}

static int print_table(const facet_detection_result *r)
{
    const struct {
        const char *name;
        size_t faces;
        double precision;
    } rows[] = { { "easy", r->easy, r->ap_easy },
        { "medium", r->medium, r->ap_medium },
        { "hard", r->hard, r->ap_hard } };

    printf("%zu pictures, %zu finds\n", r->pictures, r->finds);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        printf("%-8s %7zu faces   average precision %.4f\n", rows[i].name,
            rows[i].faces, rows[i].precision);
    printf("recall %.4f\n", r->recall);
    if (r->landmark_faces)
        printf("landmarks of %zu faces: off by %.4f of a side\n",
            r->landmark_faces, r->landmark_error);
    return EXIT_YES;
}

int eval_detect(eval_run *run)
{
    facet_error err = { FACET_OK, "" };
    judging j = { .model = NULL };
    facet_status st;
    char *network;
    int status;

    if (!run->boxes || run->images.count == 0) {
        complain("detect needs --images DIR|TAR and --boxes FILE");
        return EXIT_USAGE;
    }
    network = network_find(NETWORK_DETECTOR, run->nets.detector);
    if (!network)
        return EXIT_IO;
    st = open_all(run, &j, network, &err);
    status = st == FACET_OK ? judge_all(run, &j) : eval_fail(st, &err);
    if (status == EXIT_YES)
        status =
            eval_fail(facet_detection_finish(j.detection, &j.result), NULL);
    if (status == EXIT_YES) {
        add_metrics(run, &j.result);
        status = run->json ? print_json(&j.result) : print_table(&j.result);
    }
    close_all(&j);
    free(network);
    return status == EXIT_YES ? eval_conditions(run) : status;
}
