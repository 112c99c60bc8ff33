/* SPDX-License-Identifier: Apache-2.0 */
/* Networks that nobody would make, but a file may hold: maps of no pixels or of
 * more than there is memory, answers that do not grow with the batch, detectors
 * of odd sizes. Each is refused with a reason, or runs; none is believed. */
#include <string.h>

#include "facet/facet.h"
#include "facet/frontal.h"
#include "folder.h"
#include "nn/build.h"
#include "nn/onnx.h"
#include "zoo/zoo.h"

enum { SIDE = 16, LISTS = 5 };

static int make_this_folder(void **state)
{
    (void)state;
    make_folder("foreign");
    return 0;
}

static int list(
    facet__builder *b, const char *name, const int64_t *values, int count)
{
    const facet__shape shape = { 1, { count } };
    facet__tensor *t = facet__tensor_create(FACET__I64, &shape);

    assert_non_null(t);
    memcpy(t->data, values, (size_t)count * sizeof *values);
    return facet__graph_add_constant(b->graph, name, t);
}

/* A node that reads x and lists of one number each. */
static int node(facet__builder *b, facet__op_kind op, const char *name, int x,
    const int64_t *numbers, int count)
{
    const facet__shape unknown = { .n = -1 };
    int in[LISTS] = { x }, out;
    char list_name[64];

    for (int i = 0; i < count; i++) {
        snprintf(list_name, sizeof list_name, "%s.%d", name, i);
        in[1 + i] = list(b, list_name, numbers + i, 1);
    }
    out = facet__graph_add_value(b->graph, name, FACET__F32, &unknown);
    facet__graph_add_node(b->graph, op, name, in, 1 + count, &out, 1);
    return out;
}

static int slice(facet__builder *b, const char *name, int x, int64_t from,
    int64_t to, int64_t axis)
{
    const int64_t numbers[3] = { from, to, axis };

    return node(b, FACET__OP_SLICE, name, x, numbers, 3);
}

typedef int ending(facet__builder *b, int x);

static int no_pictures(facet__builder *b, int x)
{
    const facet__conv_spec point = { 4, .kernel = 1 };

    return slice(b, "none", facet__build_conv(b, "conv", x, point), 0, 0, 0);
}

static int no_pictures_before(facet__builder *b, int x)
{
    const facet__conv_spec point = { 4, .kernel = 1 };
    const int y = slice(b, "none", x, 0, 0, 0);
    const facet__shape shape = { 4, { 0, 3, SIDE, SIDE } };

    b->graph->values[y].shape = shape;
    return facet__build_conv(b, "conv", y, point);
}

static int no_channels(facet__builder *b, int x)
{
    static const char *const names[4] = { "scale", "shift", "mean", "var" };
    const facet__shape unknown = { .n = -1 }, none = { 1, { 0 } };
    int in[5] = { slice(b, "none", x, 0, 0, 1) };
    const int out =
        facet__graph_add_value(b->graph, "norm", FACET__F32, &unknown);

    for (int i = 0; i < 4; i++)
        in[1 + i] = facet__graph_add_constant(
            b->graph, names[i], facet__tensor_create(FACET__F32, &none));
    facet__graph_add_node(
        b->graph, FACET__OP_BATCH_NORM, "norm", in, 5, &out, 1);
    return out;
}

/* One pixel becomes 2^31 x 2^31. */
static int expand(facet__builder *b, int x, int64_t side)
{
    const int64_t sizes[4] = { 1, 1, side, side };
    const facet__shape unknown = { .n = -1 };
    const int y = facet__build_global_average_pool(b, "mean", x);
    int in[2] = { y, list(b, "sizes", sizes, 4) };
    const int out =
        facet__graph_add_value(b->graph, "large", FACET__F32, &unknown);

    facet__graph_add_node(b->graph, FACET__OP_EXPAND, "large", in, 2, &out, 1);
    return out;
}

static int larger_than_numbers(facet__builder *b, int x)
{
    return expand(b, x, (int64_t)1 << 31);
}

static int larger_than_memory(facet__builder *b, int x)
{
    return expand(b, x, (int64_t)1 << 20);
}

static int crop_to_eight(facet__builder *b, int x)
{
    return facet__build_dense(
        b, "dense", facet__build_flatten(b, "flat", x), 8, false);
}

/* Of all crops together: 8 numbers whatever the batch. */
static int first_of_all(facet__builder *b, int x)
{
    return slice(b, "first", crop_to_eight(b, x), 0, 1, 0);
}

static int second_of_all(facet__builder *b, int x)
{
    const int y = facet__build_dense(
        b, "dense", facet__build_flatten(b, "flat", x), 136, false);

    return slice(b, "second", y, 1, 2, 0);
}

/* To a file, and from there. */
static facet_status load(facet__graph *graph, facet_model **model)
{
    facet_error err = { FACET_OK, "" };
    char path[128];
    facet_status st;

    snprintf(path, sizeof path, "%s/net.onnx", folder);
    st = facet__onnx_write(graph, path, &err);
    facet__graph_free(graph);
    if (st == FACET_OK)
        st = facet_model_load(path, NULL, model, &err);
    if (st != FACET_OK)
        print_message("%s\n", err.msg);
    return st;
}

static facet_status load_ending(ending *end, facet_model **model)
{
    facet__builder b;
    facet__graph *graph;
    facet_error err;

    facet__build_begin(&b, "foreign", 3);
    facet__build_output(
        &b, "out", end(&b, facet__build_input(&b, "in", 3, SIDE, SIDE)));
    if (facet__build_finish(&b, &graph, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    return load(graph, model);
}

/* Load, plan for two pictures, run. */
static facet_status run(ending *end)
{
    const int64_t dims[4] = { 2, 3, SIDE, SIDE };
    facet_model *model = NULL;
    facet_session *session = NULL;
    facet_error err = { FACET_OK, "" };
    facet_status st = load_ending(end, &model);

    if (st == FACET_OK)
        st = facet_session_create(model, NULL, &session, &err);
    if (st == FACET_OK)
        st = facet_session_reshape(session, dims, &err);
    if (st == FACET_OK)
        st = facet_session_run(session, &err);
    facet_session_free(session);
    facet_model_free(model);
    return st;
}

static void test_maps_of_nothing_are_no_trap(void **state)
{
    (void)state;
    CHECK_OK(run(no_pictures));
    CHECK_OK(run(no_pictures_before));
    CHECK_OK(run(no_channels));
}

static void test_maps_beyond_memory_are_refused(void **state)
{
    (void)state;
    assert_int_equal(run(larger_than_numbers), FACET_ELIMIT);
    assert_int_equal(run(larger_than_memory), FACET_ELIMIT);
}

static void test_an_embedder_answers_for_each_crop(void **state)
{
    facet_settings settings;
    facet_embedder_opts opts;
    facet_embedder *embedder = NULL;
    facet_model *model = NULL;
    facet_image *crop = NULL;
    const facet_image *crops[8];
    float values[8 * 8];
    facet_error err;

    (void)state;
    facet_settings_init(&settings);
    settings.width = settings.align.width = SIDE;
    settings.height = settings.align.height = SIDE;
    facet_embedder_opts_init(&opts);
    opts.settings = &settings;
    CHECK_OK(facet_image_create(SIDE, SIDE, &crop));
    memset(facet_image_data_mutable(crop), 90, SIDE * SIDE * 3);
    for (int i = 0; i < 8; i++)
        crops[i] = crop;
    CHECK_OK(load_ending(crop_to_eight, &model));
    if (facet_embedder_create(model, &opts, &embedder, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    CHECK_OK(facet_embedder_run(embedder, crops, 8, values, &err));
    facet_embedder_free(embedder);
    facet_model_free(model);
    CHECK_OK(load_ending(first_of_all, &model));
    CHECK_OK(facet_embedder_create(model, &opts, &embedder, &err));
    CHECK_OK(facet_embedder_run(embedder, crops, 1, values, &err));
    assert_int_equal(
        facet_embedder_run(embedder, crops, 8, values, &err), FACET_EMODEL);
    assert_non_null(strstr(err.msg, "8 numbers for 8 crops and 8 for one"));
    facet_embedder_free(embedder);
    facet_model_free(model);
    facet_image_free(crop);
}

static void test_a_landmarker_must_answer_at_all(void **state)
{
    facet_landmarker *landmarker = NULL;
    facet_model *model = NULL;
    facet_error err;

    (void)state;
    CHECK_OK(load_ending(second_of_all, &model));
    assert_int_equal(
        facet_landmarker_create(model, NULL, &landmarker, &err), FACET_EMODEL);
    assert_non_null(strstr(err.msg, "has 0 numbers"));
    facet_model_free(model);
}

static facet_status create_detector(int64_t width, int64_t height)
{
    facet_detector *detector = NULL;
    facet_model *model = NULL;
    facet_image *photo = NULL;
    facet__graph *graph = NULL;
    facet_face faces[4];
    facet_error err = { FACET_OK, "" };
    size_t count;
    facet_status st;

    CHECK_OK(facet__zoo_build("yunet", 1, 0, &graph, &err));
    graph->values[graph->inputs[0]].shape.d[2] = height;
    graph->values[graph->inputs[0]].shape.d[3] = width;
    CHECK_OK(facet__graph_set_meta(graph, "facet.task", "detector"));
    CHECK_OK(load(graph, &model));
    st = facet_detector_create(model, NULL, &detector, &err);
    CHECK_OK(facet_image_create(700, 500, &photo));
    if (st == FACET_OK)
        CHECK_OK(facet_detector_find(detector, photo, faces, 4, &count, &err));
    facet_image_free(photo);
    facet_detector_free(detector);
    facet_model_free(model);
    return st;
}

static void test_detectors_of_odd_sizes_are_refused(void **state)
{
    (void)state;
    CHECK_OK(create_detector(-1, -1));
    CHECK_OK(create_detector(256, 256));
    CHECK_OK(create_detector(640, 320));
    assert_int_equal(create_detector(224, 224), FACET_EMODEL);
    assert_int_equal(create_detector(160, 640), FACET_EMODEL);
    assert_int_equal(create_detector(640, 192), FACET_EMODEL);
    assert_int_equal(create_detector(320, -1), FACET_EMODEL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_maps_of_nothing_are_no_trap),
        cmocka_unit_test(test_maps_beyond_memory_are_refused),
        cmocka_unit_test(test_an_embedder_answers_for_each_crop),
        cmocka_unit_test(test_a_landmarker_must_answer_at_all),
        cmocka_unit_test(test_detectors_of_odd_sizes_are_refused),
    };

    return cmocka_run_group_tests(tests, make_this_folder, remove_folder);
}
