/* SPDX-License-Identifier: Apache-2.0 */
/* Projections as callers meet them: options, and networks that end in one. */
#include "facet/projection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "facet/model.h"
#include "nn/build.h"
#include "nn/onnx.h"

enum { SIDE = 4, DIM = 6, ROWS = 3 };

static char path[] = "/tmp/facet-projection-XXXXXX";

static int make_path(void **state)
{
    const int file = mkstemp(path);

    (void)state;
    return file < 0 || close(file) != 0;
}

static int drop_path(void **state)
{
    (void)state;
    return unlink(path);
}

/* [n, 3, 4, 4] to [n, 6, 1, 1], as many embedders end, with a threshold. */
static void write_embedder(void)
{
    facet__builder b;
    facet__graph *graph;
    facet_error err;
    int x;

    facet__build_begin(&b, "embedder", 1);
    x = facet__build_input(&b, "input", 3, SIDE, SIDE);
    x = facet__build_conv(
        &b, "conv", x, (facet__conv_spec){ .out = DIM, .kernel = SIDE });
    facet__build_output(&b, "embedding", x);
    CHECK_OK(facet__build_finish(&b, &graph, &err));
    CHECK_OK(facet__graph_set_meta(graph, "facet.threshold", "0.3"));
    CHECK_OK(facet__graph_set_meta(graph, "facet.golden", "old"));
    CHECK_OK(facet__graph_set_meta(graph, "facet.license", "ours"));
    CHECK_OK(facet__onnx_write(graph, path, &err));
    facet__graph_free(graph);
}

/* The network of the file on a fixed picture; how many numbers it gave. */
static size_t run_file(float out[DIM])
{
    const int64_t shape[] = { 1, 3, SIDE, SIDE };
    facet_model_opts opts;
    facet_model *model;
    facet_session *session;
    facet_tensor_info info;
    facet_error err;
    const float *y;
    size_t n = 1;

    facet_model_opts_init(&opts);
    opts.precision = FACET_PRECISION_FP32;
    CHECK_OK(facet_model_load(path, &opts, &model, &err));
    CHECK_OK(facet_session_create(model, NULL, &session, &err));
    CHECK_OK(facet_session_reshape(session, shape, &err));
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        facet_session_input(session, 0)[i] = sinf((float)i);
    CHECK_OK(facet_session_run(session, &err));
    y = facet_session_output(session, 0, &info);
    for (int i = 0; i < info.n_dims; i++)
        n *= (size_t)info.dims[i];
    assert_true(n <= DIM);
    memcpy(out, y, n * sizeof *y);
    facet_session_free(session);
    facet_model_free(model);
    return n;
}

static void test_an_appended_projection_is_the_map_of_the_unit_vector(
    void **state)
{
    float w[ROWS * DIM], before[DIM], after[DIM];
    double norm = 0;
    facet_error err;

    (void)state;
    for (int i = 0; i < ROWS * DIM; i++)
        w[i] = cosf((float)(3 * i));
    write_embedder();
    assert_int_equal(run_file(before), DIM);
    CHECK_OK(facet_projection_append(path, w, ROWS, DIM, path, &err));
    assert_int_equal(run_file(after), ROWS);
    for (int c = 0; c < DIM; c++)
        norm += (double)before[c] * (double)before[c];
    for (int r = 0; r < ROWS; r++) {
        double sum = 0;

        for (int c = 0; c < DIM; c++)
            sum += (double)w[r * DIM + c] * (double)before[c];
        assert_true(fabs(sum / sqrt(norm) - (double)after[r]) < 1e-5);
    }
}

static void test_a_second_projection_follows_the_first(void **state)
{
    const float first[ROWS * DIM] = { 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,
        1, 0, 0, 0 };
    const float second[ROWS] = { 0, 2, 0 };
    float out[DIM], once[DIM];
    facet_error err;

    (void)state;
    write_embedder();
    CHECK_OK(facet_projection_append(path, first, ROWS, DIM, path, &err));
    assert_int_equal(run_file(once), ROWS);
    CHECK_OK(facet_projection_append(path, second, 1, ROWS, path, &err));
    assert_int_equal(run_file(out), 1);
    assert_true(fabsf(out[0] - 2 * once[1] /
                                   sqrtf(once[0] * once[0] + once[1] * once[1] +
                                         once[2] * once[2])) < 1e-5f);
}

static void test_thresholds_go_and_licences_stay(void **state)
{
    const float w[DIM] = { 1 };
    facet_model *model;
    facet_error err;
    char text[32];

    (void)state;
    write_embedder();
    CHECK_OK(facet_projection_append(path, w, 1, DIM, path, &err));
    CHECK_OK(facet_model_load(path, NULL, &model, &err));
    assert_true(
        facet_model_metadata(model, "facet.threshold", text, sizeof text) < 0);
    assert_true(
        facet_model_metadata(model, "facet.golden", text, sizeof text) < 0);
    assert_int_equal(
        facet_model_metadata(model, "facet.license", text, sizeof text), 4);
    assert_string_equal(text, "ours");
    facet_model_free(model);
}

static void test_a_map_of_another_length_is_refused_and_nothing_changes(
    void **state)
{
    const float w[DIM + 1] = { 1 };
    float out[DIM];
    facet_error err;

    (void)state;
    write_embedder();
    assert_int_equal(
        facet_projection_append(path, w, 1, DIM + 1, path, &err), FACET_EMODEL);
    assert_non_null(strstr(err.msg, "6 numbers"));
    assert_int_equal(run_file(out), DIM);
}

/* Ten people around ten directions; the last four numbers are loud noise. */
static void make_people(float x[40][8], int32_t labels[40])
{
    for (int i = 0; i < 40; i++) {
        labels[i] = i / 4;
        for (int c = 0; c < 8; c++)
            x[i][c] = c < 4 ? sinf((float)(labels[i] * 7 + c * 3))
                            : 2 * sinf((float)(i * 13 + c * 29));
    }
}

static double loss_after(const facet_projection_opts *opts)
{
    float x[40][8], w[4 * 8];
    int32_t labels[40];
    double loss;
    facet_error err;

    make_people(x, labels);
    CHECK_OK(facet_projection_fit(opts, x[0], labels, 40, 8, w, &loss, &err));
    return loss;
}

static void test_every_loss_learns(void **state)
{
    static const char *const names[] = { "tpe", "tse", "tde", "vgg-triplet" };
    facet_projection_opts opts;

    (void)state;
    facet_projection_opts_init(&opts);
    opts.dim = 4;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        double early;

        opts.loss = names[i];
        opts.steps = 2;
        early = loss_after(&opts);
        opts.steps = 300;
        assert_true(loss_after(&opts) < .9 * early);
    }
}

static void test_threads_do_not_change_the_map(void **state)
{
    float x[40][8], one[4 * 8], two[4 * 8];
    int32_t labels[40];
    facet_projection_opts opts;
    facet_error err;

    (void)state;
    make_people(x, labels);
    facet_projection_opts_init(&opts);
    opts.dim = 4;
    opts.steps = 50;
    CHECK_OK(facet_projection_fit(&opts, x[0], labels, 40, 8, one, NULL, &err));
    opts.threads = 2;
    CHECK_OK(facet_projection_fit(&opts, x[0], labels, 40, 8, two, NULL, &err));
    assert_memory_equal(one, two, sizeof one);
}

static void expect_refusal(const facet_projection_opts *opts, const char *word)
{
    float x[40][8], w[16 * 8];
    int32_t labels[40];
    facet_error err;

    make_people(x, labels);
    assert_int_equal(
        facet_projection_fit(opts, x[0], labels, 40, 8, w, NULL, &err),
        FACET_EINVAL);
    assert_non_null(strstr(err.msg, word));
}

static void test_options_out_of_range_are_told(void **state)
{
    facet_projection_opts good, o;

    (void)state;
    facet_projection_opts_init(&good);
    good.dim = 4;
    o = good;
    o.loss = "softmax";
    expect_refusal(&o, "softmax");
    o = good;
    o.dim = 9; /* more than there are */
    expect_refusal(&o, "8 to 9");
    o = good;
    o.dim = 0;
    expect_refusal(&o, "dimensions");
    o = good;
    o.margin = 1; /* tpe has none */
    expect_refusal(&o, "margin");
    o = good;
    o.steps = 0;
    expect_refusal(&o, "steps");
    o = good;
    o.loss = "tde"; /* whose gradient has no bound */
    o.rate = 1e30;
    expect_refusal(&o, "diverges");
    o = good;
    o.people = 1;
    expect_refusal(&o, "two people");
}

static void test_an_embedding_without_direction_is_told(void **state)
{
    float x[40][8], w[4 * 8];
    int32_t labels[40];
    facet_projection_opts opts;
    facet_error err;

    (void)state;
    facet_projection_opts_init(&opts);
    opts.dim = 4;
    make_people(x, labels);
    memset(x[7], 0, sizeof x[7]);
    assert_int_equal(
        facet_projection_fit(&opts, x[0], labels, 40, 8, w, NULL, &err),
        FACET_EINVAL);
    assert_non_null(strstr(err.msg, "embedding 7"));
    x[7][2] = NAN;
    assert_int_equal(
        facet_projection_fit(&opts, x[0], labels, 40, 8, w, NULL, &err),
        FACET_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_an_appended_projection_is_the_map_of_the_unit_vector),
        cmocka_unit_test(test_a_second_projection_follows_the_first),
        cmocka_unit_test(test_thresholds_go_and_licences_stay),
        cmocka_unit_test(
            test_a_map_of_another_length_is_refused_and_nothing_changes),
        cmocka_unit_test(test_every_loss_learns),
        cmocka_unit_test(test_threads_do_not_change_the_map),
        cmocka_unit_test(test_options_out_of_range_are_told),
        cmocka_unit_test(test_an_embedding_without_direction_is_told),
    };

    return cmocka_run_group_tests(tests, make_path, drop_path);
}
