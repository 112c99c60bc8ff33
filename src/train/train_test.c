/* SPDX-License-Identifier: Apache-2.0 */
/* Validation, and a whole training from a recipe. */
#include "folder.h"

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

static void test_thresholds_come_from_the_other_folds(void **state)
{
    const float scores[] = { .9f, .35f, .8f, .1f, .5f, .3f, .2f, .05f };
    const uint8_t same[] = { 1, 0, 1, 0, 1, 0, 1, 0 };
    const uint16_t fold[] = { 0, 0, 0, 0, 1, 1, 1, 1 };
    facet__verdict v;

    (void)state;
    CHECK_OK(facet__verify_folds(scores, same, fold, 8, 2, &v));
    /* Fold 1 says .4, between .5 and .3: fold 0 is all right. Fold 0 says .575:
     * of fold 1 only the different pairs are right. */
    CHECK_NEAR(v.accuracy, (1 + .5) / 2, 1e-12);
    CHECK_NEAR(v.tar, .75, 1e-12); /* the best different pair has .35 */
}

static void test_equal_scores_are_accepted_together(void **state)
{
    const float scores[] = { .5f, .5f, .5f, .5f };
    const uint8_t same[] = { 1, 0, 1, 0 };
    const uint16_t fold[] = { 0, 0, 1, 1 };
    facet__verdict v;

    (void)state;
    CHECK_OK(facet__verify_folds(scores, same, fold, 4, 2, &v));
    CHECK_NEAR(v.accuracy, .5, 1e-12);
    CHECK_NEAR(v.tar, 0, 1e-12);
}

static facet_status open_pairs(const char *text, facet_error *err)
{
    facet__dataset *d = toy_dataset(folder);
    facet__validation_setup setup = { .from = {
                                          .dataset = d, .frame = TOY_SIDE } };
    facet__validation *v;
    facet_status st;

    write_text("some.txt", text);
    setup.pairs = in_folder("some.txt");
    st = facet__validation_open(&setup, &v, err);
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
    CHECK_NEAR(score, 1, 0);
    assert_int_equal(access(in_folder("run/curves.svg"), F_OK), 0);
    facet__recipe_free(recipe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thresholds_come_from_the_other_folds),
        cmocka_unit_test(test_equal_scores_are_accepted_together),
        cmocka_unit_test(test_a_bad_pairs_file_is_told_with_its_line),
        cmocka_unit_test(test_a_recipe_trains_and_validates),
    };

    return cmocka_run_group_tests(tests, setup_folder, remove_folder);
}
