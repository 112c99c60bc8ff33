/* SPDX-License-Identifier: Apache-2.0 */
/* A teacher whose answers can be computed by hand is asked about eight
 * pictures. */
#include "folder.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/npy.h"
#include "facet/train.h"
#include "nn/build.h"
#include "nn/onnx.h"
#include "train/toy.h"

enum { BROKEN = 3 };

static char recipe[128], out[128];

/* The mean over all pictures that are asked about together. */
static int mean_of_all(facet__builder *b, int x)
{
    const facet__shape unknown = { .n = -1 };
    const int64_t batch = 0;
    const int mean =
        facet__graph_add_value(b->graph, "mean", FACET__F32, &unknown);
    const int node = facet__graph_add_node(
        b->graph, FACET__OP_REDUCE_MEAN, "mean", &x, 1, &mean, 1);

    CHECK_OK(facet__node_set_ints(&b->graph->nodes[node], "axes", &batch, 1));
    return mean;
}

/* Answers (first pixel's red, three times the last of its line's), or the mean
 * answer to all. */
static void write_teacher(const char *path, bool to_all)
{
    const facet__conv_spec spec = { 2, .kernel = TOY_SIDE };
    facet__builder b;
    facet__graph *graph;
    float *weights;
    int x;

    facet__build_begin(&b, "teacher", 1);
    x = facet__build_input(&b, "input", 3, TOY_SIDE, TOY_SIDE);
    x = facet__build_conv(&b, "look", x, spec);
    x = facet__build_flatten(&b, "flat", x);
    facet__build_output(&b, "embedding", to_all ? mean_of_all(&b, x) : x);
    CHECK_OK(facet__build_finish(&b, &graph, NULL));
    weights =
        graph->values[facet__graph_find_value(graph, "look.weight")].data->data;
    memset(weights, 0, sizeof(float) * 2 * TOY_IN);
    weights[0] = 1;
    weights[TOY_IN + TOY_SIDE - 1] = 3;
    CHECK_OK(facet__onnx_write(graph, path, NULL));
    facet__graph_free(graph);
}

static void write_recipe(const char *teacher)
{
    char text[512];
    const int n = snprintf(text, sizeof text,
        "network: { kind: mobilefacenet-tiny, dim: 2, width: 8, height: 8 }\n"
        "data: { paths: pictures, frame: 8, max-broken: 0.2 }\n"
        "teacher: { %s }\n"
        "loss: { kind: distill-cosine }\n"
        "schedule: { rate: 0.01, steps: 2 }\n"
        "run: { threads: 2 }\n",
        teacher);

    CHECK_OK(facet__file_write(recipe, text, (size_t)n, NULL));
}

static void path_of_picture(int i, char *path, size_t room)
{
    snprintf(path, room, "%s/pictures/%c/%d.png", folder, 'a' + i / 2, i);
}

static int begin(void **state)
{
    char path[128];

    (void)state;
    make_folder("teach");
    toy_pictures(folder);
    snprintf(recipe, sizeof recipe, "%s/recipe.yaml", folder);
    snprintf(out, sizeof out, "%s/answers", folder);
    snprintf(path, sizeof path, "%s/teacher.onnx", folder);
    write_teacher(path, false);
    snprintf(path, sizeof path, "%s/chorus.onnx", folder);
    write_teacher(path, true);
    return 0;
}

static void unit(double *x)
{
    const double length = sqrt(x[0] * x[0] + x[1] * x[1]);

    x[0] /= length;
    x[1] /= length;
}

/* What should be said of a picture. */
static void expect(int i, double answer[2])
{
    char path[160];
    facet_image *image;
    double plain[2], mirrored[2], left, right;

    path_of_picture(i, path, sizeof path);
    CHECK_OK(facet_image_read(path, NULL, &image, NULL));
    left = (facet_image_data(image)[0] - 127.5) / 128;
    right = (facet_image_data(image)[3 * (TOY_SIDE - 1)] - 127.5) / 128;
    facet_image_free(image);
    plain[0] = left;
    plain[1] = 3 * right;
    mirrored[0] = right;
    mirrored[1] = 3 * left;
    unit(plain);
    unit(mirrored);
    answer[0] = plain[0] + mirrored[0];
    answer[1] = plain[1] + mirrored[1];
    unit(answer);
}

static void break_a_picture(void)
{
    char path[160];

    path_of_picture(BROKEN, path, sizeof path);
    CHECK_OK(facet__file_write(path, "no picture", 10, NULL));
}

static void test_the_middle_of_both_sides_stands_in_the_row_of_its_name(
    void **state)
{
    char path[160];
    float *values;
    size_t rows, columns, size;
    facet_error err;
    void *names;

    (void)state;
    write_recipe("init: teacher.onnx");
    break_a_picture();
    if (facet_teach(recipe, out, NULL, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    snprintf(path, sizeof path, "%s/names.txt", out);
    CHECK_OK(facet__file_read(path, 1 << 20, &names, &size, NULL));
    assert_int_equal(size, 16);
    snprintf(path, sizeof path, "%s/answers.npy", out);
    CHECK_OK(facet__npy_read(path, &values, &rows, &columns, NULL));
    assert_int_equal(rows, 8);
    assert_int_equal(columns, 2);
    for (size_t r = 0; r < rows; r++) {
        const int i = ((const char *)names)[2 * r] - '0';
        double want[2] = { 0, 0 };

        if (i != BROKEN)
            expect(i, want);
        CHECK_NEAR(values[2 * r], want[0], 0.02); /* bf16 */
        CHECK_NEAR(values[2 * r + 1], want[1], 0.02);
    }
    facet__free(names);
    facet__free(values);
}

static void test_who_cannot_be_asked_is_told(void **state)
{
    const facet_comm comm = { .size = sizeof comm, .count = 2 };
    facet_train_opts opts;
    facet_error err;

    (void)state;
    write_recipe("embeddings: a.npy, names: a.txt");
    assert_int_equal(facet_teach(recipe, out, NULL, &err), FACET_EINVAL);
    assert_non_null(strstr(err.msg, "teacher.init is missing"));
    write_recipe("init: teacher.onnx");
    facet_train_opts_init(&opts);
    opts.comm = &comm;
    assert_int_equal(facet_teach(recipe, out, &opts, &err), FACET_EINVAL);
    assert_non_null(strstr(err.msg, "one process"));
    assert_int_equal(facet_teach(NULL, out, NULL, &err), FACET_EINVAL);
    write_recipe("init: chorus.onnx"); /* one answer to four pictures */
    assert_int_equal(facet_teach(recipe, out, NULL, &err), FACET_EMODEL);
    assert_non_null(strstr(err.msg, "to 4 pictures is not 2 numbers each"));
}

static void test_a_stop_leaves_the_older_answers(void **state)
{
    static const volatile sig_atomic_t stop = 1;
    facet_train_opts opts;
    facet_error err;
    char path[160];

    (void)state;
    write_recipe("init: teacher.onnx");
    facet_train_opts_init(&opts);
    opts.stop = &stop;
    assert_int_equal(facet_teach(recipe, out, &opts, &err), FACET_ECANCELED);
    snprintf(path, sizeof path, "%s/answers.npy", out);
    assert_int_equal(access(path, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_the_middle_of_both_sides_stands_in_the_row_of_its_name),
        cmocka_unit_test(test_who_cannot_be_asked_is_told),
        cmocka_unit_test(test_a_stop_leaves_the_older_answers),
    };

    return cmocka_run_group_tests(tests, begin, remove_folder);
}
