/* SPDX-License-Identifier: Apache-2.0 */
/* Validation, and a whole training from a recipe. */
#include "folder.h"

#include <math.h>

#include "base/file.h"
#include "train/metrics.h"
#include "train/toy.h"
#include "train/train.h"
#include "train/validate.h"

static toy net;

static const char *in_folder(const char *name)
{
    static char path[2][256];
    static int next;
    char *p = path[next++ % 2];

    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static void write_text(const char *name, const char *text)
{
    CHECK_OK(facet__file_write(in_folder(name), text, strlen(text), NULL));
}

/* Two folds of one same and one different pair each, over four people. */
static const char pairs[] = "2\t1\n0\t1\t1\n0\t2\t0\n4\t5\t1\n4\t6\t0\n";

static int setup_folder(void **state)
{
    (void)state;
    make_folder("train");
    toy_pictures(folder);
    write_text("pairs.txt", pairs);
    return 0;
}

static facet_status open_list(facet__dataset *d, const char *text,
    facet__validation **v, facet_error *err)
{
    facet__validation_setup setup = { .from = {
                                          .dataset = d, .frame = TOY_SIDE } };

    facet__crop_init(&setup.from.crop, TOY_SIDE, TOY_SIDE, TOY_SIDE);
    write_text("some.txt", text);
    setup.pairs = in_folder("some.txt");
    return facet__validation_open(&setup, v, err);
}

/* Of every second picture (1, 0), of those between what makes the scores. */
static facet_status say_scores(
    void *self, const float *x, size_t n, const float **out, facet_error *err)
{
    static float said[TOY_N][2];
    const float *scores = self;

    (void)x;
    (void)err;
    assert_int_equal(n, TOY_N);
    for (size_t i = 0; i < n; i++) {
        const float along = i % 2 ? scores[i / 2] : 1;

        said[i][0] = along;
        said[i][1] = sqrtf(1 - along * along);
    }
    *out = said[0];
    return FACET_OK;
}

static void check_accuracy(float scores[4], double wanted)
{
    facet__dataset *d = toy_dataset(folder);
    const facet__trainable says = {
        .self = scores, .dim = 2, .embed = say_scores
    };
    facet__validation *v;
    double accuracy;

    CHECK_OK(
        open_list(d, "2\t1\n0\t1\t1\n2\t3\t0\n4\t5\t1\n6\t7\t0\n", &v, NULL));
    CHECK_OK(facet__validation_run(v, &says, &accuracy, NULL));
    CHECK_NEAR(accuracy, wanted, 1e-12);
    facet__validation_close(v);
    facet__dataset_close(d);
}

/* As facet eval has it: the lowest score that is best on the other folds. */
static void test_thresholds_come_from_the_other_folds(void **state)
{
    (void)state;
    check_accuracy((float[]){ .9f, .35f, .9f, .1f }, 1);
    check_accuracy((float[]){ .5f, .3f, .9f, .4f }, .75);
    check_accuracy((float[]){ .5f, .5f, .5f, .5f }, .5);
    check_accuracy((float[]){ NAN, .35f, .8f, .1f }, .5);
}

static facet_status open_pairs(const char *text, facet_error *err)
{
    facet__dataset *d = toy_dataset(folder);
    facet__validation *v;
    const facet_status st = open_list(d, text, &v, err);

    facet__validation_close(v);
    facet__dataset_close(d);
    return st;
}

static void test_a_bad_pairs_file_is_told_with_its_line(void **state)
{
    facet_error err;

    (void)state;
    CHECK_OK(open_pairs(pairs, &err));
    assert_int_equal(
        open_pairs("2\t1\n0\t1\t1\n0\tx\t0\n", &err), FACET_ENOTFOUND);
    assert_non_null(strstr(err.msg, "line 3: the data have no picture 'x'"));
    assert_int_equal(open_pairs("2\t1\n0\t1\n", &err), FACET_EDAMAGED);
    assert_int_equal(open_pairs("x\n", &err), FACET_EDAMAGED);
    assert_int_equal(open_pairs("2\t1\n0\t1\t1\n", &err), FACET_EDAMAGED);
}

static void test_a_recipe_trains_and_validates(void **state)
{
    const facet__trainable as_net = toy_start(&net);
    facet__train_opts opts = { .folder = NULL };
    facet__recipe *recipe;
    facet_error err;
    json_t *lines, *line;
    size_t i;
    double score = 0;

    (void)state;
    write_text("recipe.yaml",
        "network: { kind: mobilefacenet-tiny, dim: 8, width: 8, height: 8 }\n"
        "data: { paths: pictures, frame: 8 }\n"
        "sampler: { kind: people-by-images, batch: 8, people: 4, images: 2 }\n"
        "loss: { kind: cosface, scale: 16 }\n"
        "optimizer: { kind: adam, ema: 0.9 }\n"
        "schedule: { kind: cosine, rate: 0.02, steps: 300, warmup: 10 }\n"
        "validation: { pairs: pairs.txt, paths: pictures, every: 100 }\n");
    if (facet__recipe_read(in_folder("recipe.yaml"), &recipe, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    opts.folder = in_folder("run");
    if (facet__train(recipe, &as_net, NULL, &opts, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    CHECK_OK(facet__metrics_read(in_folder("run/metrics.jsonl"), &lines, &err));
    json_array_foreach(lines, i, line) if (json_object_get(line, "score"))
        score = json_real_value(json_object_get(line, "score"));
    json_decref(lines);
    /* Of two mated pairs the less alike is below the other's threshold. */
    CHECK_NEAR(score, .75, 0);
    assert_int_equal(access(in_folder("run/curves.svg"), F_OK), 0);
    facet__recipe_free(recipe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thresholds_come_from_the_other_folds),
        cmocka_unit_test(test_a_bad_pairs_file_is_told_with_its_line),
        cmocka_unit_test(test_a_recipe_trains_and_validates),
    };

    return cmocka_run_group_tests(tests, setup_folder, remove_folder);
}
