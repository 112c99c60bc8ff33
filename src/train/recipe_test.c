/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "train/recipe.h"
#include "zoo/zoo.h"

static const char whole[] = "name: test\n"
                            "network: { kind: mobilefacenet, dim: 64 }\n"
                            "data:\n"
                            "  paths: [a/*.tar, /b]\n"
                            "  table: faces.tsv\n"
                            "  split: train\n"
                            "sampler:\n"
                            "  kind: people-by-images\n"
                            "  batch: 64\n"
                            "  people: 16\n"
                            "  images: 4\n"
                            "augment: { flip: 0.5, jpeg: .2 }\n"
                            "loss:\n"
                            "  - kind: arcface\n"
                            "    margin: 0.4\n"
                            "  - { kind: triplet, mining: hard, weight: 2 }\n"
                            "optimizer: { kind: adamw, decay: 1e-4 }\n"
                            "schedule:\n"
                            "  kind: steps\n"
                            "  steps: 1000\n"
                            "  milestones: [500, 800]\n"
                            "run: { seed: 9 }\n";

static facet_status parse(
    const char *text, facet__recipe **recipe, facet_error *err)
{
    return facet__recipe_parse(
        "recipes/x.yaml", text, strlen(text), recipe, err);
}

static void test_a_recipe_is_read_key_by_key(void **state)
{
    facet__recipe *r;
    facet_error err;

    (void)state;
    if (parse(whole, &r, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    assert_string_equal(r->network, "mobilefacenet");
    assert_int_equal(r->dim, 64);
    assert_int_equal(r->dataset.n_paths, 2);
    assert_string_equal(r->dataset.paths[0], "recipes/a/*.tar");
    assert_string_equal(r->dataset.paths[1], "/b");
    assert_string_equal(r->dataset.table, "recipes/faces.tsv");
    assert_string_equal(r->dataset.label_column, "person");
    assert_int_equal(r->run.data.order.kind, FACET__ORDER_PK);
    assert_int_equal(r->run.data.order.people, 16);
    CHECK_NEAR(r->run.data.augment.jpeg, .2, 0);
    assert_int_equal(r->n_losses, 2);
    assert_string_equal(r->losses[0].type->name, "arcface");
    CHECK_NEAR(r->losses[0].options[0], 64, 0);
    CHECK_NEAR(r->losses[0].options[1], .4, 0);
    CHECK_NEAR(r->losses[1].options[1], 2, 0); /* hard */
    CHECK_NEAR(r->run.weights[1], 2, 0);
    assert_int_equal(r->run.optimizer.rule, FACET__ADAMW);
    assert_int_equal(r->run.schedule.milestones[1], 800);
    assert_int_equal(r->run.data.seed, 9);
    assert_int_equal(strlen(r->hash), 64);
    facet__recipe_free(r);
}

static void hash_of(const char *text, char hash[65])
{
    facet__recipe *r;

    CHECK_OK(facet__recipe_parse("x.yaml", text, strlen(text), &r, NULL));
    memcpy(hash, r->hash, 65);
    facet__recipe_free(r);
}

static void test_comments_are_no_part_of_what_is_trained(void **state)
{
    char plain[65], commented[65], other[65], text[4096];

    (void)state;
    hash_of(whole, plain);
    snprintf(text, sizeof text, "# why\n%s  # and so on", whole);
    hash_of(text, commented);
    assert_string_equal(commented, plain);
    snprintf(text, sizeof text, "%s\n", whole);
    hash_of(text, other);
    assert_string_not_equal(other, plain);
}

/* `from` replaced by `to` in the recipe above must fail with `message`. */
static void check_refused(const char *from, const char *to, const char *message)
{
    static char text[4096];
    const char *at = strstr(whole, from);
    facet__recipe *r;
    facet_error err;

    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - whole), whole, to,
        at + strlen(from));
    if (parse(text, &r, &err) == FACET_OK)
        fail_msg("'%s' was taken", to);
    assert_null(r);
    if (!strstr(err.msg, message))
        fail_msg("'%s' does not say '%s'", err.msg, message);
}

static void test_what_is_wrong_is_told_with_its_line(void **state)
{
    (void)state;
    check_refused("batch: 64", "batch: 0",
        "recipes/x.yaml:9: sampler.batch = 0 is not within 1 to 8192");
    check_refused("batch: 64", "batch: many", "9: sampler.batch is a number");
    check_refused(
        "batch: 64", "batch: 64.5", "sampler.batch is a whole number");
    check_refused("batch: 64", "batch: nan", "sampler.batch is a number");
    check_refused("batch: 64", "bath: 64",
        "x.yaml:9: unknown key sampler.bath; there are kind, batch, people");
    check_refused("name: test", "nam: test",
        "x.yaml:1: unknown key nam; there are name, network, data, sampler");
    check_refused("name: test", "nam: test", "run, loss");
    check_refused(
        "[500, 800]", "[500, 800]\n  stps: 9", "there are kind, milestones,");
    check_refused("kind: mobilefacenet,", "kind: m,", "mobilefacenet, ...");
    check_refused("kind: mobilefacenet,", "kind: mobilefacenett,",
        "x.yaml:2: network.kind is one of deepface, facenet-nn1");
    check_refused("kind: people-by-images", "kind: pk",
        "8: sampler.kind is one of shuffle, balanced, people-by-images");
    check_refused("margin: 0.4", "margin: 4",
        "15: loss.margin = 4 is not within 0 to 1.5");
    check_refused("margin: 0.4", "margn: 4",
        "15: loss arcface has no key margn; there are weight, scale, margin");
    check_refused("kind: arcface", "kind: arcfase",
        "14: loss.kind is one of softmax, center");
    check_refused("kind: arcface", "kind: arcfase", ", ...");
    check_refused(
        "mining: hard", "mining: soft", "16: loss.mining is one of semihard");
    check_refused("[500, 800]", "[800, 500]", "milestones = 500 is not within");
    check_refused("[500, 800]", "5", "milestones is a list");
    check_refused(
        "split: train", "split: train\n  split: val", "7: data.split twice");
    check_refused("milestones: [500, 800]",
        "milestones: [500, 800]\n  milestones: [500]",
        "schedule.milestones twice");
    check_refused(
        "mining: hard, weight: 2", "weight: 1, weight: 2", "loss.weight twice");
    check_refused("{ kind: triplet, mining: hard, weight: 2 }",
        "{ kind: sphereface, margin: 2.5 }", "loss.margin is a whole number");
    check_refused("{ kind: triplet, mining: hard, weight: 2 }",
        "{ kind: tpe, dim: 100.7 }", "loss.dim is a whole number");
    check_refused("run: { seed: 9 }", "loss: { kind: softmax }", "loss twice");
    check_refused("run: { seed: 9 }", "run: 9", "run is a section of keys");
    check_refused(
        "steps: 1000", "rate: 1", "schedule.steps is missing, or less than 2");
    check_refused("people: 16", "people: 17", "people times images is more");
    check_refused("kind: triplet", "kind: distill-mse", "loss distill-mse has");
    check_refused("{ kind: triplet, mining: hard, weight: 2 }",
        "{ kind: distill-mse }", "a loss needs teacher.init");
    check_refused("run: { seed: 9 }",
        "validation: { landmarks: a.txt, paths: b }",
        "validation.landmarks needs data.landmarks");
    check_refused("  table: faces.tsv\n", "", "data.split needs data.table");
    check_refused("  table: faces.tsv\n  split: train\n",
        "  label-column: who\n", "label-column and split-column need");
    check_refused("run: { seed: 9 }", "teacher: { init: a.onnx }",
        "no loss learns from the teacher");
    check_refused("split: train", "landmarks: a.txt",
        "data.landmarks needs the loss landmarks");
    check_refused("seed: 9 }", "seed: 9", "x.yaml:2");
}

static void test_no_cut_recipe_is_taken_for_a_whole_one_or_crashes(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        char text[sizeof whole];
        facet__recipe *r;
        facet_error err;

        memcpy(text, whole, n);
        if (facet__recipe_parse("x", text, n, &r, &err) == FACET_OK)
            assert_true(n > strlen(whole) - 60);
        facet__recipe_free(r);
        memcpy(text, whole, sizeof whole);
        text[n] ^= 9;
        if (facet__recipe_parse("x", text, sizeof whole - 1, &r, &err) !=
            FACET_OK)
            assert_true(strlen(err.msg) > 0);
        facet__recipe_free(r);
    }
}

static void test_json_is_taken_too(void **state)
{
    facet__recipe *r;
    facet_error err;

    (void)state;
    CHECK_OK(parse(
        "{\"network\": {\"kind\": \"facenet-nn4\"}, \"data\": {\"paths\": "
        "\"faces\"}, \"loss\": {\"kind\": \"softmax\"}, "
        "\"schedule\": {\"steps\": 10}}",
        &r, &err));
    assert_string_equal(r->dataset.paths[0], "recipes/faces");
    facet__recipe_free(r);
}

static void check_frame(const char *size, double wanted)
{
    char text[512];
    facet__recipe *r;
    facet_error err;

    snprintf(text, sizeof text,
        "{network: {kind: mobilefacenet%s}, data: {paths: a}, "
        "loss: {kind: softmax}, schedule: {steps: 9}}",
        size);
    if (parse(text, &r, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    CHECK_NEAR(r->run.data.frame, wanted, 0);
    facet__recipe_free(r);
}

static void test_the_frame_is_that_of_the_networks_template(void **state)
{
    (void)state;
    check_frame("", 128);
    check_frame(", width: 96, height: 96", 110);
    check_frame(", width: 116, height: 140", 160);
}

/* Where the corners of the teacher's crop lie in a frame, in sides of it. */
static void find_corners(double frame, double at[4])
{
    char text[512];
    facet__recipe *r;
    facet_error err;

    snprintf(text, sizeof text,
        "{network: {kind: mobilefacenet}, data: {paths: a, frame: %g}, "
        "teacher: {init: a.onnx, template: '0095'}, "
        "loss: {kind: distill-cosine}, schedule: {steps: 9}}",
        frame);
    if (parse(text, &r, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    for (int i = 0; i < 4; i++) {
        const double *row = r->run.data.crops[1].map + i % 2 * 3;
        const double p = i < 2 ? -.5 : 127.5;

        at[i] = (row[0] * p + row[1] * p + row[2] + .5) / frame;
    }
    facet__recipe_free(r);
}

static void test_a_teachers_template_grows_with_the_frame(void **state)
{
    double at[4], larger[4];

    (void)state;
    find_corners(128, at);
    find_corners(180, larger);
    for (int i = 0; i < 4; i++)
        CHECK_NEAR(larger[i], at[i], 1e-12);
}

/* Is the network there, and does it take pictures of the recipe's size? */
static void check_network(const facet__recipe *r)
{
    const facet__zoo_opts opts = { .dim = r->dim, .blank = true };
    facet__graph *g;
    facet_error err;
    const facet__shape *s;

    if (!r->network)
        return;
    if (facet__zoo_build_as(r->network, &opts, &g, &err) != FACET_OK)
        fail_msg("%s: %s", r->name, err.msg);
    s = &g->values[g->inputs[0]].shape;
    if ((s->d[2] >= 0 && s->d[2] != r->height) ||
        (s->d[3] >= 0 && s->d[3] != r->width)) /* below 0: any size */
        fail_msg(
            "%s: '%s' is not %dx%d", r->name, r->network, r->width, r->height);
    facet__graph_free(g);
}

/* The recipes that are shipped, so that none rots. */
static void test_shipped_recipes_are_valid(void **state)
{
    glob_t match;

    (void)state;
    assert_int_equal(
        glob(FACET_SOURCE_DIR "/recipes/*.yaml", 0, NULL, &match), 0);
    assert_true(match.gl_pathc >= 5);
    for (size_t i = 0; i < match.gl_pathc; i++) {
        facet__recipe *r;
        facet_error err;

        if (facet__recipe_read(match.gl_pathv[i], &r, &err) != FACET_OK)
            fail_msg("%s", err.msg);
        check_network(r);
        facet__recipe_free(r);
    }
    globfree(&match);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comments_are_no_part_of_what_is_trained),
        cmocka_unit_test(test_a_recipe_is_read_key_by_key),
        cmocka_unit_test(test_what_is_wrong_is_told_with_its_line),
        cmocka_unit_test(
            test_no_cut_recipe_is_taken_for_a_whole_one_or_crashes),
        cmocka_unit_test(test_json_is_taken_too),
        cmocka_unit_test(test_the_frame_is_that_of_the_networks_template),
        cmocka_unit_test(test_a_teachers_template_grows_with_the_frame),
        cmocka_unit_test(test_shipped_recipes_are_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
