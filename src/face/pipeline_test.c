/* SPDX-License-Identifier: Apache-2.0 */
/* The twelve golden photos, from the file to the embedding; policies, clones,
 * contracts and what goes wrong. */
#include "check.h"

#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "facet/facet.h"

#define MODELS FACET_SHARED_DIR "/models/"
#define PHOTOS FACET_SHARED_DIR "/photos/"

static facet_pipeline *open_pipeline(
    facet_precision precision, facet_policy policy)
{
    facet_pipeline_opts opts;
    facet_pipeline *p;
    facet_error err = { 0 };

    facet_pipeline_opts_init(&opts);
    opts.detector = MODELS "yunet_2026may.onnx";
    opts.embedder = MODELS "reid0095.onnx";
    opts.precision = precision;
    opts.policy = policy;
    if (facet_pipeline_open(&opts, &p, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    return p;
}

static facet_image *read_photo(const char *name)
{
    char path[512];
    facet_image_opts opts;
    facet_image *image;
    facet_error err = { 0 };

    snprintf(path, sizeof path, PHOTOS "%s", name);
    facet_image_opts_init(&opts);
    opts.ignore_orientation = true; /* as the golden recipe says */
    if (facet_image_read(path, &opts, &image, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    return image;
}

static double number(const json_t *array, size_t i)
{
    return json_number_value(json_array_get(array, i));
}

static double overlap(facet_box a, const json_t *box)
{
    const double x = number(box, 0), y = number(box, 1);
    const double w = number(box, 2), h = number(box, 3);
    const double iw =
        fmin((double)(a.x + a.width), x + w) - fmax((double)a.x, x);
    const double ih =
        fmin((double)(a.y + a.height), y + h) - fmax((double)a.y, y);
    const double both = iw > 0 && ih > 0 ? iw * ih : 0;

    return both / ((double)(a.width * a.height) + w * h - both);
}

/* The worst of what has been seen. */
typedef struct worst {
    double overlap, landmark, cosine;
    size_t faces;
} worst;

static void compare_face(const facet_face *face,
    const facet_embedding *embedding, const json_t *want, worst *w)
{
    const json_t *box = json_object_get(want, "box");
    const json_t *values = json_object_get(want, "embedding");
    const double side = fmax(number(box, 2), number(box, 3));
    double dot = 0.0;

    w->overlap = fmin(w->overlap, overlap(face->box, box));
    for (size_t i = 0; i < FACET_LANDMARKS; i++) {
        const json_t *p = json_array_get(json_object_get(want, "landmarks"), i);
        const double off = hypot((double)face->landmarks[i].x - number(p, 0),
            (double)face->landmarks[i].y - number(p, 1));

        /* 2 pixels or 2 % of the box, whichever is more */
        w->landmark = fmax(w->landmark, off / fmax(2.0, 0.02 * side));
    }
    for (size_t i = 0; i < embedding->dim; i++)
        dot += (double)embedding->values[i] * number(values, i);
    w->cosine = fmin(w->cosine, dot);
    w->faces++;
}

static void compare_photo(facet_pipeline *p, const json_t *line, worst *w)
{
    const char *name = json_string_value(json_object_get(line, "photo"));
    const json_t *wanted = json_object_get(line, "faces");
    facet_image *image = read_photo(name);
    facet_faces *faces;
    facet_error err = { 0 };

    if (facet_pipeline_faces(p, image, &faces, &err) != FACET_OK)
        fail_msg("%s: %s", name, err.msg);
    if (facet_faces_count(faces) != json_array_size(wanted))
        fail_msg("%s: %zu faces, want %zu", name, facet_faces_count(faces),
            json_array_size(wanted));
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        const json_t *want = json_array_get(wanted, i);
        size_t best = 0;

        for (size_t k = 1; k < facet_faces_count(faces); k++)
            if (overlap(facet_faces_face(faces, k)->box,
                    json_object_get(want, "box")) >
                overlap(facet_faces_face(faces, best)->box,
                    json_object_get(want, "box")))
                best = k;
        compare_face(facet_faces_face(faces, best),
            facet_faces_embedding(faces, best), want, w);
    }
    facet_faces_free(faces);
    facet_image_free(image);
}

static void compare_all(facet_precision precision, double cosine)
{
    facet_pipeline *p = open_pipeline(precision, FACET_POLICY_ALL);
    FILE *file = fopen(MODELS "golden/golden.jsonl", "r");
    worst w = { 1.0, 0.0, 1.0, 0 };
    char *text = malloc(1 << 20);

    assert_non_null(file);
    while (fgets(text, 1 << 20, file)) {
        json_t *line = json_loads(text, 0, NULL);

        assert_non_null(line);
        compare_photo(p, line, &w);
        json_decref(line);
    }
    print_message("%zu faces: overlap >= %.4f, landmarks <= %.3f of what is "
                  "allowed, cosine >= %.5f\n",
        w.faces, w.overlap, w.landmark, w.cosine);
    assert_true(w.overlap >= 0.9);
    assert_true(w.landmark <= 1.0);
    assert_true(w.cosine >= cosine);
    free(text);
    fclose(file);
    facet_pipeline_close(p);
}

static void test_golden_photos_give_golden_faces(void **state)
{
    (void)state;
    NEED_SHARED("models/golden/golden.jsonl");
    compare_all(FACET_PRECISION_FP32, 0.99);
}

static void test_golden_photos_in_the_fastest_precision(void **state)
{
    (void)state;
    NEED_SHARED("models/golden/golden.jsonl");
    compare_all(FACET_PRECISION_AUTO, 0.98);
}

static size_t count_faces(
    facet_pipeline *p, const facet_image *image, facet_status *st)
{
    facet_faces *faces = NULL;
    size_t n;

    *st = facet_pipeline_faces(p, image, &faces, NULL);
    n = facet_faces_count(faces);
    facet_faces_free(faces);
    return n;
}

static void test_policies_say_which_faces_count(void **state)
{
    static const struct {
        facet_policy policy;
        facet_status of_many, of_none;
    } cases[] = {
        { FACET_POLICY_LARGEST, FACET_OK, FACET_ENOFACE },
        { FACET_POLICY_CENTRAL, FACET_OK, FACET_ENOFACE },
        { FACET_POLICY_SINGLE, FACET_EMANYFACES, FACET_ENOFACE },
    };
    facet_image *many, *none;

    (void)state;
    NEED_SHARED("photos/photo-10.jpg");
    many = read_photo("photo-10.jpg");
    CHECK_OK(facet_image_create(200, 100, &none));
    memset(facet_image_data_mutable(none), 128, facet_image_stride(none) * 100);
    for (size_t i = 0; i < 3; i++) {
        facet_pipeline *p =
            open_pipeline(FACET_PRECISION_FP32, cases[i].policy);
        facet_status st;

        count_faces(p, many, &st);
        assert_int_equal(st, cases[i].of_many);
        count_faces(p, none, &st);
        assert_int_equal(st, cases[i].of_none);
        facet_pipeline_close(p);
    }
    facet_image_free(many);
    facet_image_free(none);
}

/* An aligned crop that was kept embeds to the very same numbers. */
static void test_a_kept_crop_gives_the_same_embedding(void **state)
{
    facet_pipeline_opts opts;
    facet_pipeline *photos, *crops;
    facet_faces *a, *b;
    facet_image *image;
    float similarity;

    (void)state;
    NEED_SHARED("photos/photo-01.jpg");
    facet_pipeline_opts_init(&opts);
    opts.detector = MODELS "yunet_2026may.onnx";
    opts.embedder = MODELS "mobilefacenet.onnx";
    opts.crops = true;
    CHECK_OK(facet_pipeline_open(&opts, &photos, NULL));
    opts.aligned = true;
    CHECK_OK(facet_pipeline_open(&opts, &crops, NULL));
    image = read_photo("photo-01.jpg");
    CHECK_OK(facet_pipeline_faces(photos, image, &a, NULL));
    CHECK_OK(facet_pipeline_faces(crops, facet_faces_crop(a, 0), &b, NULL));
    CHECK_OK(facet_embedding_compare(facet_faces_embedding(a, 0),
        facet_faces_embedding(b, 0), &similarity, NULL));
    assert_memory_equal(facet_faces_embedding(a, 0)->values,
        facet_faces_embedding(b, 0)->values, 128 * sizeof(float));
    facet_faces_free(a);
    facet_faces_free(b);
    facet_image_free(image);
    facet_pipeline_close(photos);
    facet_pipeline_close(crops);
}

static void test_embeddings_of_two_contracts_do_not_compare(void **state)
{
    float values[4] = { 1.0F, 0.0F, 0.0F, 0.0F }, similarity = 5.0F;
    facet_embedding a = { { { 1 } }, 4, values }, b = { { { 2 } }, 4, values };
    facet_error err;

    (void)state;
    assert_int_equal(
        facet_embedding_compare(&a, &b, &similarity, &err), FACET_ECONTRACT);
    CHECK_NEAR(similarity, 0.0, 0.0);
    b.contract = a.contract;
    CHECK_OK(facet_embedding_compare(&a, &b, &similarity, &err));
    CHECK_NEAR(similarity, 1.0, 1e-6);
    values[0] = NAN;
    assert_int_equal(
        facet_embedding_compare(&a, &b, &similarity, &err), FACET_EINVAL);
}

static void test_options_that_nobody_initialized_are_told(void **state)
{
    facet_pipeline_opts opts;
    facet_model_opts model_opts;
    facet_pipeline *pipeline;
    facet_model *model;
    facet_error err;

    (void)state;
    memset(&opts, 0, sizeof opts);
    assert_int_equal(facet_pipeline_open(&opts, &pipeline, &err), FACET_EINVAL);
    assert_non_null(strstr(err.msg, "facet_pipeline_opts_init"));
    memset(&model_opts, 0, sizeof model_opts);
    assert_int_equal(
        facet_model_load_memory("onnx", 4, &model_opts, &model, &err),
        FACET_EINVAL);
    assert_non_null(strstr(err.msg, "facet_model_opts_init"));
}

static void test_an_unknown_network_names_the_remedy(void **state)
{
    facet_pipeline_opts opts;
    facet_pipeline *p = NULL;
    facet_error err;

    (void)state;
    NEED_SHARED("models/facemesh468.onnx");
    facet_pipeline_opts_init(&opts);
    opts.detector = MODELS "yunet_2026may.onnx";
    opts.embedder = MODELS "facemesh468.onnx";
    assert_int_equal(facet_pipeline_open(&opts, &p, &err), FACET_EMODEL);
    assert_null(p);
    assert_non_null(strstr(err.msg, "facet model import"));
}

/* The imported copy says its settings itself and computes the same. */
static void test_an_imported_copy_keeps_contract_and_embedding(void **state)
{
    const char *copy = "facet-import-test.onnx";
    facet_pipeline *a, *b;
    facet_pipeline_opts opts;
    facet_settings settings;
    facet_contract ca, cb;
    facet_error err = { 0 };

    (void)state;
    NEED_SHARED("models/mobilefacenet.onnx");
    CHECK_OK(facet_settings_preset("mobilefacenet-foamliu", &settings, NULL));
    snprintf(settings.license, sizeof settings.license, "Apache-2.0");
    if (facet_model_import(
            MODELS "mobilefacenet.onnx", &settings, copy, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    facet_pipeline_opts_init(&opts);
    opts.detector = MODELS "yunet_2026may.onnx";
    opts.embedder = MODELS "mobilefacenet.onnx";
    CHECK_OK(facet_pipeline_open(&opts, &a, NULL));
    opts.embedder = copy;
    if (facet_pipeline_open(&opts, &b, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    assert_string_equal(facet_pipeline_settings(b)->license, "Apache-2.0");
    ca = facet_pipeline_contract(a);
    cb = facet_pipeline_contract(b);
    assert_memory_equal(ca.id, cb.id, sizeof ca.id);
    facet_pipeline_close(a);
    facet_pipeline_close(b);
    remove(copy);
}

typedef struct worker {
    facet_pipeline *pipeline;
    const facet_image *image;
    float first; /* of the embedding */
    size_t runs;
} worker;

static void *work(void *argument)
{
    worker *w = argument;

    for (size_t i = 0; i < w->runs; i++) {
        facet_faces *faces = NULL;

        if (facet_pipeline_faces(w->pipeline, w->image, &faces, NULL) !=
            FACET_OK)
            return NULL;
        w->first = facet_faces_embedding(faces, 0)->values[0];
        facet_faces_free(faces);
    }
    return NULL;
}

static void test_clones_work_side_by_side(void **state)
{
    enum { THREADS = 8 };
    facet_pipeline *p;
    facet_image *image;
    pthread_t threads[THREADS];
    worker workers[THREADS];

    (void)state;
    NEED_SHARED("photos/photo-04.jpg");
    p = open_pipeline(FACET_PRECISION_AUTO, FACET_POLICY_LARGEST);
    image = read_photo("photo-04.jpg");
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){ .image = image, .runs = 2 };
        CHECK_OK(facet_pipeline_clone(p, &workers[i].pipeline, NULL));
        assert_int_equal(
            pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    facet_pipeline_close(p); /* the clones keep the networks alive */
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(workers[i].first != 0.0F);
        assert_true(workers[i].first == workers[0].first);
        facet_pipeline_close(workers[i].pipeline);
    }
    facet_image_free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_photos_give_golden_faces),
        cmocka_unit_test(test_golden_photos_in_the_fastest_precision),
        cmocka_unit_test(test_policies_say_which_faces_count),
        cmocka_unit_test(test_a_kept_crop_gives_the_same_embedding),
        cmocka_unit_test(test_embeddings_of_two_contracts_do_not_compare),
        cmocka_unit_test(test_options_that_nobody_initialized_are_told),
        cmocka_unit_test(test_an_unknown_network_names_the_remedy),
        cmocka_unit_test(test_an_imported_copy_keeps_contract_and_embedding),
        cmocka_unit_test(test_clones_work_side_by_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
