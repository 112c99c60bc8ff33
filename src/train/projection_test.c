/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <math.h>
#include <string.h>

#include "facet/eval.h"
#include "train/normalize.h"
#include "train/projection.h"

enum { D = 16, K = 4, PEOPLE = 40, IMAGES = 6, N = PEOPLE * IMAGES };

/* Who a person is shows in the first K coordinates; the others are louder, and
 * noise. */
static void make_faces(float *x, int32_t *labels, uint64_t seed)
{
    for (int i = 0; i < N; i++) {
        facet__random who =
            facet__random_stream(seed, 1, (uint64_t)(i / IMAGES));
        facet__random noise = facet__random_stream(seed, 2, (uint64_t)i);

        for (int c = 0; c < D; c++)
            x[i * D + c] = (float)(c < K ? facet__random_normal(&who) +
                                               .1 * facet__random_normal(&noise)
                                         : facet__random_normal(&noise) * .7);
        labels[i] = i / IMAGES;
    }
}

static double tar_of(const float *x, size_t d, const int32_t *labels)
{
    static float unit[N * D], norms[N];
    static facet_comparison pairs[N * N / 2];
    facet_curve *curve;
    double tar;
    size_t n = 0;

    facet__normalize_rows(x, N, d, unit, norms);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < i; j++, n++) {
            double sum = 0;

            for (size_t c = 0; c < d; c++)
                sum += (double)unit[(size_t)i * d + c] *
                       (double)unit[(size_t)j * d + c];
            pairs[n] = (facet_comparison){ .score = sum,
                .mated = labels[i] == labels[j] };
        }
    CHECK_OK(facet_curve_create(pairs, n, &curve, NULL));
    tar = facet_curve_rate(curve, 1e-2, 0).tar;
    facet_curve_free(curve);
    return tar;
}

static void project(const float *x, const float *w, float *out)
{
    for (int i = 0; i < N; i++)
        for (int k = 0; k < K; k++) {
            out[i * K + k] = 0;
            for (int c = 0; c < D; c++)
                out[i * K + k] += w[k * D + c] * x[i * D + c];
        }
}

/* Every loss with a projection finds what the training people differ in, and
 * that serves for people it has not seen. */
static void test_a_projection_improves_on_unseen_people(void **state)
{
    const char *const names[] = { "tpe", "tse", "tde", "vgg-triplet" };
    static float x[N * D], unseen[N * D], out[N * K], w[K * D];
    static int32_t labels[N];
    double before;

    (void)state;
    make_faces(x, labels, 1);
    make_faces(unseen, labels, 2);
    before = tar_of(unseen, D, labels);
    for (int t = 0; t < 4; t++) {
        facet__projection_setup setup;
        facet__loss_setup options;
        facet_error err;
        double value, after;

        facet__projection_setup_init(&setup);
        setup.type = facet__loss_find(names[t]);
        facet__loss_setup_init(&options, setup.type, D);
        options.options[t == 3 ? 1 : 0] = K;
        memcpy(setup.options, options.options, sizeof setup.options);
        setup.principal = t == 0; /* the others from random numbers */
        setup.steps = 300;
        setup.rate = t == 0 ? .5 : .05;
        CHECK_OK(facet__projection_fit(
            &setup, x, labels, N, D, NULL, w, &value, &err));
        project(unseen, w, out);
        after = tar_of(out, K, labels);
        if (!(after > before + .2))
            fail_msg("%s: TAR %.3f, before %.3f", names[t], after, before);
    }
}

/* Data along three known axes: the space of two is that of the longer ones. */
static void test_the_principal_space_is_found(void **state)
{
    enum { ROWS = 200, WIDE = 5 };
    float x[ROWS * WIDE], w[2 * WIDE];
    facet__random r = facet__random_stream(4, 0, 0);
    double dot = 0;

    (void)state;
    for (int i = 0; i < ROWS; i++) {
        const double a = 5 * facet__random_normal(&r);
        const double b = 3 * facet__random_normal(&r);
        const double c = .5 * facet__random_normal(&r);

        x[i * WIDE] = (float)(100 + c); /* a mean is no component */
        x[i * WIDE + 1] = (float)(.6 * a + .8 * b);
        x[i * WIDE + 2] = (float)(.8 * a - .6 * b);
        x[i * WIDE + 3] = x[i * WIDE + 4] = 0;
    }
    CHECK_OK(facet__principal_space(x, ROWS, WIDE, 2, 1, NULL, w));
    for (int k = 0; k < 2; k++) {
        CHECK_NEAR(w[k * WIDE], 0, .02);
        CHECK_NEAR(
            hypot((double)w[k * WIDE + 1], (double)w[k * WIDE + 2]), 1, 1e-3);
    }
    for (int c = 0; c < WIDE; c++)
        dot += (double)w[c] * (double)w[WIDE + c];
    CHECK_NEAR(dot, 0, 1e-6);
}

static void test_rows_of_nobody_take_no_part(void **state)
{
    enum { NOBODY = 30 };
    static float x[(N + NOBODY) * D], w[2][K * D];
    static int32_t labels[N + NOBODY];
    facet__projection_setup setup;
    facet_error err;
    double value;

    (void)state;
    make_faces(x, labels, 1);
    for (int i = N; i < N + NOBODY; i++) {
        x[i * D + D - 1] = 100;
        labels[i] = -1;
    }
    facet__projection_setup_init(&setup);
    setup.options[0] = K;
    setup.steps = 3;
    for (size_t i = 0; i < 2; i++)
        CHECK_OK(facet__projection_fit(
            &setup, x, labels, N + i * NOBODY, D, NULL, w[i], &value, &err));
    assert_memory_equal(w[0], w[1], sizeof w[0]);
}

static void test_too_few_people_are_told(void **state)
{
    const float x[4] = { 0 };
    const int32_t labels[] = { 0, 0, 1, -1 };
    facet__projection_setup setup;
    facet_error err;
    float w[4];
    double value;

    (void)state;
    facet__projection_setup_init(&setup);
    setup.options[0] = 1;
    assert_int_equal(
        facet__projection_fit(&setup, x, labels, 4, 1, NULL, w, &value, &err),
        FACET_EINVAL);
    setup.type = facet__loss_find("softmax");
    assert_int_equal(
        facet__projection_fit(&setup, x, labels, 4, 1, NULL, w, &value, &err),
        FACET_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_projection_improves_on_unseen_people),
        cmocka_unit_test(test_the_principal_space_is_found),
        cmocka_unit_test(test_rows_of_nobody_take_no_part),
        cmocka_unit_test(test_too_few_people_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
