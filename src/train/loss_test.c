/* SPDX-License-Identifier: Apache-2.0 */
/* The losses against the worked values of papers.md, against finite differences
 * and at the edges. */
#include "check.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "train/loss.h"
#include "train/normalize.h"
#include "train/pairs.h"
#include "train/softmax.h"

enum { MAX = 4096 };

static facet__loss *make(const char *name, size_t dim, size_t classes,
    const double *options, int count, facet__pool *pool)
{
    const facet__loss_type *type = facet__loss_find(name);
    facet__loss_setup setup;
    facet__loss *loss;
    facet_error err;

    assert_non_null(type);
    facet__loss_setup_init(&setup, type, dim);
    setup.classes = classes;
    setup.seed = 5;
    for (int i = 0; i < count; i++)
        setup.options[i] = options[i];
    CHECK_OK(facet__loss_create(type, &setup, pool, &loss, &err));
    return loss;
}

/* The value without the normalisation that stands before the loss. */
static double bare(facet__loss *loss, const float *x, const int32_t *labels,
    size_t n, float *dx)
{
    const facet__batch batch = { n, x, labels, NULL, 0, NULL };
    facet__loss_result result = { .terms = 0 };

    if (dx)
        memset(dx, 0, n * loss->dim * sizeof *dx);
    CHECK_OK(loss->type->run(loss, &batch, dx, &result));
    if (dx && loss->type->settle)
        CHECK_OK(loss->type->settle(loss, &batch));
    return result.value;
}

static void check_floats(
    const float *got, const double *want, size_t count, double tolerance)
{
    for (size_t i = 0; i < count; i++)
        CHECK_NEAR(got[i], want[i], tolerance);
}

/* papers.md A.8.3. With one other person in the batch the pair (p, a) finds no
 * semi-hard negative, so one triplet is left. */
static void test_triplet_equals_the_worked_values(void **state)
{
    const int32_t labels[] = { 0, 0, 1 };
    const double semihard_gradient[] = { -0.185786438, 0.214213562, -0.4, 1.2,
        0.585786438, -1.414213562 };
    const double hard[] = { .2, 2 };
    float x[] = { 1, 0, .8f, .6f, .6f, .8f }, dx[6];
    facet__loss *loss = make("triplet", 2, 0, NULL, 0, NULL);

    (void)state;
    CHECK_NEAR(bare(loss, x, labels, 3, dx), 0, 0);
    x[4] = x[5] = (float)sqrt(.5);
    CHECK_NEAR(bare(loss, x, labels, 3, dx), 0.0142135624, 1e-6);
    check_floats(dx, semihard_gradient, 6, 1e-6);
    x[4] = .9f;
    x[5] = (float)sqrt(.19);
    CHECK_NEAR(bare(loss, x, labels, 3, dx), 0, 0);
    facet__loss_free(loss);
    /* Mined hard, both pairs count: .4 - .2 + .2 and .4 - |p-n|^2 + .2. */
    loss = make("triplet", 2, 0, hard, 2, NULL);
    CHECK_NEAR(bare(loss, x, labels, 3, dx),
        (.4 + .6 - (.1 * .1 + pow(.6 - sqrt(.19), 2))) / 2, 1e-6);
    facet__loss_free(loss);
}

/* papers.md A.8.3 with anchor and negative of the old network and the positive
 * of the new one. Of the four pairs no other finds a semi-hard negative. */
static void test_harmonic_triplets_equal_the_worked_values(void **state)
{
    const float half = (float)sqrt(.5);
    const float old[] = { 1, 0, half, half }, x[] = { .8f, .6f, 0, -1 };
    const int32_t labels[] = { 0, 1 };
    const double want[] = { -.4, 1.2, 0, 0 };
    const facet__batch batch = { 2, x, labels, old, 0, NULL };
    facet__loss *loss = make("harmonic", 2, 0, NULL, 0, NULL);
    facet__loss_result result = { .terms = 0 };
    float dx[4];

    (void)state;
    CHECK_OK(loss->type->run(loss, &batch, dx, &result));
    assert_int_equal(result.terms, 4);
    assert_int_equal(result.active, 1);
    CHECK_NEAR(result.value, 0.0142135624, 1e-6);
    check_floats(dx, want, 4, 1e-6);
    facet__loss_free(loss);
}

/* Where only the old network has something to say nothing is learnt. */
static void test_old_triplets_alone_are_none(void **state)
{
    const float half = (float)sqrt(.5);
    const float old[] = { 1, 0, .8f, .6f, half, half };
    const float high = (float)sqrt(.75); /* at 120, 120 and 300 degrees */
    const float x[] = { -.5f, high, -.5f, high, .5f, -high };
    const int32_t labels[] = { 0, 0, 1 };
    const facet__batch batch = { 3, x, labels, old, 0, NULL };
    facet__loss *loss = make("harmonic", 2, 0, NULL, 0, NULL);
    facet__loss_result result = { .terms = 0 };
    float dx[6];

    (void)state;
    CHECK_OK(loss->type->run(loss, &batch, dx, &result));
    assert_int_equal(result.active, 0);
    for (int i = 0; i < 6; i++)
        CHECK_NEAR(dx[i], 0, 0);
    facet__loss_free(loss);
}

/* papers.md A.8.4 */
static void test_normalisation_equals_the_worked_values(void **state)
{
    const double want[] = { -0.064, 0.048 };
    const float x[] = { 3, 4 };
    float unit[2], norm, dy[] = { 1, 2 };

    (void)state;
    facet__normalize_rows(x, 1, 2, unit, &norm);
    CHECK_NEAR(norm, 5, 1e-6);
    facet__normalize_rows_back(unit, &norm, 1, 2, dy);
    check_floats(dy, want, 2, 1e-7);
}

/* papers.md B.7.3. The batch holds the pair both ways, (a, p) and (p, a); the
 * second triplet is worked out here by the formula of B.4 and taken off. */
static void test_vgg_triplet_equals_the_worked_values(void **state)
{
    const double options[] = { 5, 2 };
    const double want[] = { 0.088888889, -0.248888889, 0.053333333,
        -0.355555556, 0.195555556, 0.053333333 };
    const float x[] = { 1 / 3.f, 2 / 3.f, 2 / 3.f, 2 / 3.f, 1 / 3.f, 2 / 3.f, 0,
        .6f, .8f };
    const float w[] = { 1, 0, 1, 0, 1, -1 };
    const int32_t labels[] = { 0, 0, 1 };
    double value = 5, other[6] = { 0 };
    facet__loss *loss = make("vgg-triplet", 3, 0, options, 2, NULL);
    float dx[9];
    double both;

    (void)state;
    memcpy(loss->params[0].value, w, sizeof w);
    both = 2 * bare(loss, x, labels, 3, dx);
    for (int sign = 1, j = 0; sign >= -1; sign -= 2, j = 2)
        for (int r = 0; r < 2; r++) {
            double y = 0; /* (W (x_1 - x_j))_r */

            for (int k = 0; k < 3; k++)
                y += (double)w[r * 3 + k] * (double)(x[3 + k] - x[j * 3 + k]);
            value += sign * y * y;
            for (int k = 0; k < 3; k++)
                other[r * 3 + k] +=
                    sign * 2 * y * (double)(x[3 + k] - x[j * 3 + k]);
        }
    CHECK_NEAR(both - value, 5.142222222, 3e-6);
    for (int i = 0; i < 6; i++)
        CHECK_NEAR(
            2 * (double)loss->params[0].grad[i] - other[i], want[i], 1e-6);
    facet__loss_free(loss);
}

/* papers.md D.5.1 and D.5.2; the second triplet, anchored at v_j, is taken off
 * as above. */
static void test_tpe_equals_the_worked_values(void **state)
{
    const double options[] = { 2 };
    const double want[] = { -0.180066401, -0.270099602, 0.360132802,
        -0.270099602, 0, 0 };
    const double stepped[] = { 1.01800664, 0.02700996, -0.03601328, 0.02700996,
        1, 0 };
    const float x[] = { 1, 0, 0, .8f, .6f, 0, .6f, 0, .8f };
    const float w[] = { 1, 0, 0, 0, 1, 0 };
    const int32_t labels[] = { 0, 0, 1 };
    facet__loss *loss = make("tpe", 3, 0, options, 1, NULL);
    /* Anchor j: S_ji = .8, S_jk = .48; u = (v_i - v_k), W u = (.4, 0). */
    const double q = 1 / (1 + exp(.8 - .48)); /* 1 - P */
    double other[6];
    float dx[9];

    (void)state;
    memcpy(loss->params[0].value, w, sizeof w);
    CHECK_NEAR(2 * bare(loss, x, labels, 3, dx) - log1p(exp(.48 - .8)),
        0.5981388694, 1e-6);
    for (int r = 0; r < 2; r++)
        for (int k = 0; k < 3; k++) {
            const double u[] = { .4, 0, -.8 }, v[] = { .8, .6, 0 };

            other[r * 3 + k] = -q * (v[r] * u[k] + u[r] * v[k]);
        }
    for (int i = 0; i < 6; i++) {
        const double grad = 2 * (double)loss->params[0].grad[i] - other[i];

        CHECK_NEAR(grad, want[i], 1e-6);
        loss->params[0].value[i] -= (float)(.1 * grad);
        CHECK_NEAR(loss->params[0].value[i], stepped[i], 1e-6);
    }
    /* Of the stepped W the paper file gives the loss anchored at i. */
    {
        double s_ij = 0, s_ik = 0, s_jk = 0;

        for (int r = 0; r < 2; r++) {
            double y[3] = { 0 };

            for (int s = 0; s < 3; s++)
                for (int k = 0; k < 3; k++)
                    y[s] += stepped[r * 3 + k] * (double)x[s * 3 + k];
            s_ij += y[0] * y[1];
            s_ik += y[0] * y[2];
            s_jk += y[1] * y[2];
        }
        CHECK_NEAR(log1p(exp(s_ik - s_ij)), 0.5674717498, 1e-7);
        CHECK_NEAR(2 * bare(loss, x, labels, 3, NULL) - log1p(exp(s_jk - s_ij)),
            0.5674717498, 1e-6);
    }
    facet__loss_free(loss);
}

/* papers.md D.5.1 and D.5.3 */
static void test_tpe_of_equal_similarities_is_ln_2(void **state)
{
    const double options[] = { 3 };
    const float x[] = { 1, 0, 0, 0, 1, 0, 0, 0, 1 };
    const int32_t labels[] = { 0, 0, 1 };
    const float turn[] = { .6f, -.8f, 0, .8f, .6f, 0, 0, 0, 1 };
    facet__loss *loss = make("tpe", 3, 0, options, 1, NULL);
    float turned[9];
    double before;

    (void)state;
    for (int i = 0; i < 9; i++)
        loss->params[0].value[i] = i % 4 == 0;
    CHECK_NEAR(bare(loss, x, labels, 3, NULL), 0.693147, 1e-6);
    for (int i = 0; i < 9; i++)
        loss->params[0].value[i] = (float)(i * i % 7) - 3;
    before = bare(loss, x, labels, 3, NULL);
    for (int r = 0; r < 3; r++)
        for (int k = 0; k < 3; k++) {
            turned[r * 3 + k] = 0;
            for (int s = 0; s < 3; s++)
                turned[r * 3 + k] +=
                    turn[r * 3 + s] * loss->params[0].value[s * 3 + k];
        }
    memcpy(loss->params[0].value, turned, sizeof turned);
    CHECK_NEAR(bare(loss, x, labels, 3, NULL), before, 1e-4);
    facet__loss_free(loss);
}

/* papers.md C.7.5 */
static void test_cross_entropy_equals_the_worked_values(void **state)
{
    const double want[] = { 0.090030573, 0.244728471, -0.334759044 };
    const int32_t label = 2;
    float logits[] = { 1, 2, 3 };
    double value;

    (void)state;
    facet__cross_entropy(NULL, logits, 1, 3, &label, 0, &value);
    CHECK_NEAR(value, 0.4076059644, 1e-7);
    check_floats(logits, want, 3, 1e-7);
}

/* papers.md C.7.3: a weighted L1 distance of 1.8. */
static void test_verification_equals_the_worked_values(void **state)
{
    const float x[] = { .6f, .8f, 0, 0, .8f, 0, .6f, 0 };
    const float alpha[] = { 1, .5f, 2, 1 };
    int32_t labels[] = { 0, 0 };
    facet__loss *loss = make("verify", 4, 0, NULL, 0, NULL);

    (void)state;
    memcpy(loss->params[0].value, alpha, sizeof alpha);
    loss->params[1].value[0] = 1;
    CHECK_NEAR(bare(loss, x, labels, 2, NULL), log1p(exp(1.8 - 1)), 1e-6);
    labels[1] = 1;
    CHECK_NEAR(bare(loss, x, labels, 2, NULL), log1p(exp(1 - 1.8)), 1e-6);
    facet__loss_free(loss);
}

/* The loss of x = (1, 0) against unit weights at the given cosines. */
static double at_cosines(const char *name, const double *options, int count,
    const double *cosines, size_t classes, float *dcosine)
{
    facet__loss *loss = make(name, 2, classes, options, count, NULL);
    const float x[] = { 1, 0 };
    const int32_t label = 0;
    float dx[2];
    double value;

    for (size_t j = 0; j < classes; j++) {
        loss->params[0].value[2 * j] = (float)cosines[j];
        loss->params[0].value[2 * j + 1] =
            (float)sqrt(1 - cosines[j] * cosines[j]);
    }
    value = bare(loss, x, &label, 1, dx);
    if (dcosine)
        *dcosine = loss->params[0].grad[0];
    facet__loss_free(loss);
    return value;
}

/* papers.md F.1 */
static void test_margins_equal_the_worked_values(void **state)
{
    const double c[] = { .8, .3, -.1 };
    const double four[] = { 4, .35 }, many[] = { 64, .35 };
    const double arc_four[] = { 4, .5 }, arc_many[] = { 64, .5 };
    const double as_arc[] = { 4, 1, .5, 0 }, as_cos[] = { 4, 1, 0, .35 };

    (void)state;
    CHECK_NEAR(at_cosines("normface", four, 1, c, 3, NULL), 0.1507096282, 1e-6);
    CHECK_NEAR(at_cosines("cosface", four, 2, c, 3, NULL), 0.5065855239, 1e-6);
    CHECK_NEAR(
        at_cosines("arcface", arc_four, 2, c, 3, NULL), 0.5656138442, 1e-6);
    CHECK_NEAR(
        at_cosines("combined", as_arc, 4, c, 3, NULL), 0.5656138442, 1e-6);
    CHECK_NEAR(
        at_cosines("combined", as_cos, 4, c, 3, NULL), 0.5065855239, 1e-6);
    CHECK_NEAR(at_cosines("cosface", many, 2, c, 3, NULL), 6.7726443e-05, 1e-9);
    CHECK_NEAR(
        at_cosines("arcface", arc_many, 2, c, 3, NULL), 6.6043178e-04, 5e-9);
}

/* f(c) of the true class, from the loss against a second class at cosine 0 and
 * scale 1: L = log(1 + exp(-f)). */
static double target_at(
    const char *name, const double *options, int count, double c)
{
    const double cosines[] = { c, 0 };

    return -log(expm1(at_cosines(name, options, count, cosines, 2, NULL)));
}

static void test_psi_of_sphereface_equals_the_worked_values(void **state)
{
    const double options[] = { 4, 0, 0, 0 };
    const double angles[] = { 20, 50, 100, 140, 170 };
    const double want[] = { 0.1736481777, -1.0603073792, -3.2339555569,
        -5.0603073792, -6.7660444431 };

    (void)state;
    for (int i = 0; i < 5; i++)
        CHECK_NEAR(target_at("sphereface", options, 4,
                       cos(angles[i] * 3.14159265358979 / 180)),
            want[i], 5e-6);
}

static void test_arcface_is_monotone_past_pi(void **state)
{
    const double options[] = { 1, .5 };
    double before = -2;

    (void)state;
    CHECK_NEAR(target_at("arcface", options, 2, .8), 0.4144107263, 1e-6);
    CHECK_NEAR(target_at("arcface", options, 2, -.9), -.9 - 0.2397127693, 1e-6);
    for (double c = -.877; c < 1; c += .01) {
        const double f = target_at("arcface", options, 2, c);

        assert_true(f > before);
        before = f;
    }
}

/* papers.md F.1: loss 7 (a sum; here the mean of three) and the moved centers.
 */
static void test_center_loss_equals_the_worked_values(void **state)
{
    const double options[] = { 1, .5, 0 };
    const double want[] = { 0.666666667, 0, 0, .5 };
    const float x[] = { 1, 0, 3, 0, 0, 2 };
    const int32_t labels[] = { 0, 0, 1 };
    facet__loss *loss = make("center", 2, 2, options, 3, NULL);
    float dx[6];

    (void)state;
    memset(loss->params[0].value, 0, 4 * sizeof(float));
    CHECK_NEAR(bare(loss, x, labels, 3, dx), log(2) + 7 / 3., 1e-6);
    check_floats(loss->params[2].value, want, 4, 1e-7);
    assert_true(loss->params[2].state);
    facet__loss_free(loss);
}

/* Each loss with options that make it smooth enough for finite differences. */
typedef struct sample {
    const char *name;
    int count;
    double options[FACET__LOSS_OPTIONS];
} sample;

static const sample samples[] = {
    { "softmax", 0, { 0 } },
    { "softmax", 1, { .1 } },
    { "center", 3, { .3, .5, 0 } },
    { "normface", 1, { 8 } },
    { "sphereface", 4, { 4, 3, .1, 1 } },
    { "cosface", 2, { 8, .35 } },
    { "am-softmax", 2, { 8, .35 } },
    { "arcface", 2, { 8, .5 } },
    { "arcface", 3, { 8, .5, 1 } },
    { "combined", 4, { 8, 1.2, .3, .2 } },
    { "contrastive", 1, { 1.5 } },
    { "triplet", 2, { .5, 0 } },
    { "triplet", 2, { .5, 1 } },
    { "triplet", 2, { .5, 2 } },
    { "triplet", 2, { .5, 3 } },
    { "vgg-triplet", 2, { 2, 4 } },
    { "tpe", 2, { 4, 2 } },
    { "tpe", 2, { 0, 4 } },
    { "tse", 3, { 4, 2, .5 } },
    { "tde", 3, { 4, 3, .5 } },
    { "verify", 0, { 0 } },
    { "harmonic", 2, { .5, 0 } },
    { "harmonic", 2, { .5, 2 } },
    { "distill-cosine", 0, { 0 } },
    { "distill-mse", 0, { 0 } },
    { "distill-mse", 1, { 0 } },
};

enum { SAMPLES = sizeof samples / sizeof *samples };

static void random_floats(float *x, size_t count, uint64_t seed)
{
    facet__random r = facet__random_stream(seed, 0, 1);

    for (size_t i = 0; i < count; i++)
        x[i] = (float)facet__random_normal(&r);
}

static double value_at(facet__loss *loss, const facet__batch *batch)
{
    facet__loss_result result;
    facet_error err;

    CHECK_OK(facet__loss_run(loss, batch, NULL, &result, &err));
    return result.value;
}

/* Along a random direction u of everything: (L(+hu) - L(-hu)) / 2h = g . u.
 * False where the two halves differ: a triplet was mined anew in between, and L
 * jumped. */
static bool check_direction(
    facet__loss *loss, facet__batch *batch, const float *dx, uint64_t seed)
{
    /* Where triplets are mined a step must be too small to change the choice.
     */
    const double h = loss->type->on_unit_sphere ? 3e-4 : 2e-3;
    const size_t count = batch->n * loss->dim;
    float u[MAX], x[MAX], w[FACET__LOSS_PARAMS][MAX];
    const double here = value_at(loss, batch);
    double along = 0, values[2], slopes[2];

    random_floats(u, count, seed);
    for (size_t i = 0; i < count; i++)
        along += (double)dx[i] * (double)u[i];
    for (size_t p = 0; p < loss->n_params; p++) {
        const facet__param *param = &loss->params[p];

        memcpy(w[p], param->value, param->count * sizeof(float));
    }
    for (int side = 0; side < 2; side++) {
        const double step = side ? -h : h;
        const float *old = batch->x;

        for (size_t i = 0; i < count; i++)
            x[i] = (float)((double)old[i] + step * (double)u[i]);
        batch->x = x;
        for (size_t p = 0; p < loss->n_params; p++) {
            facet__param *param = &loss->params[p];
            facet__random r = facet__random_stream(seed, 9, p);

            for (size_t i = 0; i < param->count && !param->state; i++) {
                const double move = facet__random_normal(&r);

                param->value[i] = (float)((double)w[p][i] + step * move);
                if (side == 0)
                    along += move * (double)param->grad[i];
            }
        }
        values[side] = value_at(loss, batch);
        batch->x = old;
    }
    for (size_t p = 0; p < loss->n_params; p++)
        memcpy(
            loss->params[p].value, w[p], loss->params[p].count * sizeof(float));
    slopes[0] = (values[0] - here) / h;
    slopes[1] = (here - values[1]) / h;
    if (fabs(slopes[0] - slopes[1]) > .3 * (fabs(along) + .1))
        return false;
    CHECK_NEAR((slopes[0] + slopes[1]) / 2, along,
        2e-3 * (fabs(along) + fabs(values[0])) + 1e-3);
    return true;
}

static void test_gradients_equal_finite_differences(void **state)
{
    enum { N = 10, D = 6, C = 4 };
    float x[N * D], teacher[N * D], dx[N * D];
    int32_t labels[N];
    facet__loss_result result;
    facet_error err;

    (void)state;
    random_floats(x, N * D, 1);
    random_floats(teacher, N * D, 2);
    for (int i = 0; i < N; i++)
        labels[i] = i % 3;
    for (int s = 0; s < SAMPLES; s++) {
        facet__loss *loss = make(
            samples[s].name, D, C, samples[s].options, samples[s].count, NULL);
        facet__batch batch = { N, x, labels, teacher, 3, NULL };
        int smooth = 0;

        if (strcmp(samples[s].name, "center") == 0)
            random_floats(loss->params[2].value, C * D, 3);
        /* The centers move after the gradient has been taken. */
        for (uint64_t seed = 10; seed < 18; seed++) {
            float centers[C * D];
            const bool moves = loss->n_params > 2;

            if (moves)
                memcpy(centers, loss->params[2].value, sizeof centers);
            CHECK_OK(facet__loss_run(loss, &batch, dx, &result, &err));
            assert_true(result.value > 0);
            if (moves)
                memcpy(loss->params[2].value, centers, sizeof centers);
            smooth += check_direction(loss, &batch, dx, seed);
        }
        if (smooth < 6)
            fail_msg("%s: %d smooth directions of 8", samples[s].name, smooth);
        facet__loss_free(loss);
    }
}

static void check_finite(facet__loss *loss, const float *x, size_t n,
    const int32_t *labels, const char *what)
{
    const facet__batch batch = { n, x, labels, x, 7, NULL };
    float dx[MAX];
    facet__loss_result result;
    facet_error err;

    CHECK_OK(facet__loss_run(loss, &batch, dx, &result, &err));
    if (!isfinite(result.value) || result.value < -1e-6)
        fail_msg("%s: %s gives %g", loss->type->name, what, result.value);
    for (size_t i = 0; i < n * loss->dim; i++)
        if (!isfinite(dx[i]))
            fail_msg("%s: %s gives a gradient of %g", loss->type->name, what,
                (double)dx[i]);
    for (size_t p = 0; p < loss->n_params; p++)
        for (size_t i = 0; i < loss->params[p].count; i++)
            if (!isfinite(loss->params[p].grad[i]))
                fail_msg("%s: %s gives a gradient of %s of %g",
                    loss->type->name, what, loss->params[p].name,
                    (double)loss->params[p].grad[i]);
}

/* Identical, zero, huge, exactly on and exactly against the class weight; one
 * sample, one class, no pair. */
static void test_edges_stay_finite(void **state)
{
    enum { N = 6, D = 4, C = 3 };
    const int32_t one[N] = { 0 }, all[N] = { 0, 0, 1, 1, 2, 2 };
    const int32_t different[3] = { 0, 1, 2 };

    (void)state;
    for (int s = 0; s < SAMPLES; s++)
        for (int scale = 0; scale < 2; scale++) {
            /* The options of the table, then the defaults. */
            facet__loss *loss = make(samples[s].name, D, C, samples[s].options,
                scale ? 0 : samples[s].count, NULL);
            float x[N * D];

            for (int i = 0; i < N * D; i++)
                x[i] = (float)(i % D) - 1;
            check_finite(loss, x, N, all, "identical embeddings");
            check_finite(loss, x, N, one, "one class");
            check_finite(loss, x, 1, all, "one sample");
            check_finite(loss, x, 3, different, "no pair");
            for (int i = 0; i < N * D; i++)
                x[i] *= i / D % 2 ? -1.f : 1.f;
            check_finite(loss, x, N, all, "opposite embeddings");
            random_floats(x, N * D, 4);
            for (int i = 0; i < N * D; i++)
                x[i] *= 1e15f;
            check_finite(loss, x, N, all, "huge embeddings");
            for (int i = 0; i < N * D; i++)
                x[i] *= 1e-35f;
            check_finite(loss, x, N, all, "tiny embeddings");
            memset(x, 0, sizeof x);
            check_finite(loss, x, N, all, "embeddings of zeros");
            if (loss->n_params && loss->params[0].count == C * D) {
                for (int i = 0; i < N * D; i++)
                    x[i] = loss->params[0].value[all[i / D] * D + i % D];
                check_finite(loss, x, N, all, "cosines of 1");
                for (int i = 0; i < N * D; i++)
                    x[i] = -x[i];
                check_finite(loss, x, N, all, "cosines of -1");
            }
            facet__loss_free(loss);
        }
}

/* Exactly on its class's weight, and exactly against it: the logit is scale
 * times f(+-1), that of the other class scale times -+1, and the gradient,
 * which has no direction to go, is as good as none. */
static void test_margins_have_their_value_at_cosines_of_one(void **state)
{
    const struct {
        const char *name;
        int count;
        double options[2], at[2]; /* f(1), f(-1) */
    } margins[] = {
        { "normface", 1, { 8 }, { 1, -1 } },
        { "cosface", 2, { 8, .35 }, { 1 - .35, -1 - .35 } },
        { "am-softmax", 2, { 8, .35 }, { 1 - .35, -1 - .35 } },
        { "arcface", 2, { 8, .5 }, { cos(.5), -1 - .5 * sin(.5) } },
    };
    const float weights[] = { 1, 0, -1, 0 };
    const int32_t label = 0;

    (void)state;
    for (int k = 0; k < 4; k++)
        for (int side = 0; side < 2; side++) {
            const float x[] = { side ? -2 : 2, 0 };
            const double gap = 8 * ((side ? 1 : -1) - margins[k].at[side]);
            facet__loss *loss = make(margins[k].name, 2, 2, margins[k].options,
                margins[k].count, NULL);
            float dx[2];

            memcpy(loss->params[0].value, weights, sizeof weights);
            CHECK_NEAR(bare(loss, x, &label, 1, dx), log1p(exp(gap)), 2e-5);
            CHECK_NEAR(dx[0], 0, 1e-3);
            CHECK_NEAR(dx[1], 0, 1e-3);
            facet__loss_free(loss);
        }
}

static void test_smoothing_and_one_class_are_bounded_below(void **state)
{
    const int32_t label = 0;
    float logits[] = { 1000, -1000 };
    double value;

    (void)state;
    facet__cross_entropy(NULL, logits, 1, 2, &label, 0, &value);
    CHECK_NEAR(value, 0, 0);
    logits[0] = -3e38f;
    logits[1] = 3e38f;
    facet__cross_entropy(NULL, logits, 1, 1, &label, .1, &value);
    CHECK_NEAR(value, 0, 0);
}

/* papers.md B.7.4 and D.5.5: what mining returns is allowed, and empty mining
 * gives no loss and no gradient. */
static void test_mining_that_finds_nothing_costs_nothing(void **state)
{
    const char *const names[] = { "triplet", "vgg-triplet", "tse", "tde" };
    const float x[] = { 1, 0, 1, 0, -1, 0 };
    const int32_t labels[] = { 0, 0, 1 };

    (void)state;
    for (int i = 0; i < 4; i++) {
        facet__loss *loss = make(names[i], 2, 0, NULL, 0, NULL);
        const facet__batch batch = { 3, x, labels, NULL, 0, NULL };
        facet__loss_result result;
        float dx[6];

        if (loss->n_params)
            for (size_t k = 0; k < loss->params[0].count; k++)
                loss->params[0].value[k] = k == 0 || k == 3;
        CHECK_OK(facet__loss_run(loss, &batch, dx, &result, NULL));
        CHECK_NEAR(result.value, 0, 0);
        assert_int_equal(result.terms, 2);
        assert_int_equal(result.active, 0);
        for (int k = 0; k < 6; k++)
            CHECK_NEAR(dx[k], 0, 0);
        facet__loss_free(loss);
    }
}

/* papers.md B.7.4: a drawn negative always violates the margin, and a pair that
 * has none gets none. D.5.5: the hardest is the most similar of those allowed,
 * never one of the same subject. */
static void test_mined_negatives_are_the_allowed_ones(void **state)
{
    enum { N = 12, D = 3 };
    const double margin = .3;
    float x[N * D], products[N * N];
    int32_t labels[N];
    facet__loss *loss = make("triplet", D, 0, NULL, 0, NULL);
    const facet__pairs p = { .loss = loss,
        .labels = labels,
        .n = N,
        .d = D,
        .x = x,
        .products = products };
    int found = 0, missing = 0;

    (void)state;
    random_floats(x, N * D, 6);
    for (int i = 0; i < N; i++) {
        float norm;

        facet__normalize_rows(x + i * D, 1, D, x + i * D, &norm);
        labels[i] = i % 4;
    }
    for (int i = 0; i < N * N; i++) {
        products[i] = 0;
        for (int k = 0; k < D; k++)
            products[i] += x[i / N * D + k] * x[i % N * D + k];
    }
    for (size_t a = 0; a < N; a++)
        for (size_t q = (a + 4) % N; q != a; q = (q + 4) % N) {
            const double limit = facet__pairs_distance(&p, a, q) + margin;
            const size_t drawn = facet__pairs_negative(
                &p, FACET__PAIRS_DISTANCE, a, q, -HUGE_VAL, limit, true);
            const size_t hardest = facet__pairs_negative(
                &p, FACET__PAIRS_PRODUCT, a, q, -HUGE_VAL, HUGE_VAL, false);
            bool any = false;

            for (size_t j = 0; j < N; j++) {
                if (labels[j] == labels[a])
                    continue;
                any = any || facet__pairs_distance(&p, a, j) < limit;
                assert_true(products[a * N + j] <= products[a * N + hardest]);
            }
            assert_int_not_equal(labels[hardest], labels[a]);
            assert_true(any == (drawn < N));
            found += any;
            missing += !any;
            if (drawn == N)
                continue;
            assert_int_not_equal(labels[drawn], labels[a]);
            assert_true(facet__pairs_distance(&p, a, drawn) < limit);
        }
    assert_true(found > 0 && missing > 0);
    facet__loss_free(loss);
}

static double cosine(const float *a, const float *b, int dim)
{
    double ab = 0, aa = 0, bb = 0;

    for (int k = 0; k < dim; k++) {
        ab += (double)a[k] * (double)b[k];
        aa += (double)a[k] * (double)a[k];
        bb += (double)b[k] * (double)b[k];
    }
    return ab / sqrt(aa * bb);
}

/* papers.md D.5.4: with W = I similarities are cosines, however long the
 * embeddings. */
static void test_tpe_without_a_map_compares_by_cosine(void **state)
{
    enum { D = 5 };
    const double options[] = { D };
    const int32_t labels[] = { 0, 0, 1 };
    facet__loss *loss = make("tpe", D, 0, options, 1, NULL);
    float x[3 * D];
    const facet__batch batch = { 3, x, labels, NULL, 0, NULL };
    double same, want;

    (void)state;
    random_floats(x, 3 * D, 8);
    for (int i = 0; i < D * D; i++)
        loss->params[0].value[i] = i % (D + 1) == 0;
    same = cosine(x, x + D, D);
    want = log1p(exp(cosine(x, x + 2 * D, D) - same)) +
           log1p(exp(cosine(x + D, x + 2 * D, D) - same));
    CHECK_NEAR(value_at(loss, &batch), want / 2, 1e-6);
    facet__loss_free(loss);
}

static void test_threads_and_repetition_do_not_change_a_bit(void **state)
{
    enum { N = 32, D = 16, C = 40 };
    float x[N * D], dx[2][N * D];
    int32_t labels[N];
    facet__pool *pool;

    (void)state;
    CHECK_OK(facet__pool_create(3, &pool));
    random_floats(x, N * D, 1);
    for (int i = 0; i < N; i++)
        labels[i] = i / 4;
    for (int s = 0; s < SAMPLES; s++) {
        facet__loss_result results[2];
        facet__loss *loss[2];

        for (int t = 0; t < 2; t++) {
            const facet__batch batch = { N, x, labels, x + 1, 3, NULL };

            loss[t] = make(samples[s].name, D, C, samples[s].options,
                samples[s].count, t ? pool : NULL);
            x[N * D - 1] = 0;
            CHECK_OK(facet__loss_run(loss[t],
                &(facet__batch){ N - 1, x, labels, batch.teacher, 3, NULL },
                dx[t], &results[t], NULL));
        }
        assert_memory_equal(&results[0], &results[1], sizeof results[0]);
        assert_memory_equal(dx[0], dx[1], (N - 1) * D * sizeof(float));
        for (size_t p = 0; p < loss[0]->n_params; p++)
            assert_memory_equal(loss[0]->params[p].grad,
                loss[1]->params[p].grad,
                loss[0]->params[p].count * sizeof(float));
        facet__loss_free(loss[0]);
        facet__loss_free(loss[1]);
    }
    facet__pool_free(pool);
}

static void test_bad_setups_and_batches_are_refused(void **state)
{
    const facet__loss_type *type = facet__loss_find("arcface");
    const float x[] = { 1, 2 };
    const int32_t label = 3;
    facet__batch batch = { 1, x, &label, NULL, 0, NULL };
    facet__loss_setup setup;
    facet__loss_result result;
    facet__loss *loss;
    facet_error err;

    (void)state;
    assert_null(facet__loss_find("arcfase"));
    facet__loss_setup_init(&setup, type, 2);
    assert_int_equal(
        facet__loss_create(type, &setup, NULL, &loss, &err), FACET_EINVAL);
    setup.classes = 3;
    setup.options[1] = 9;
    assert_int_equal(
        facet__loss_create(type, &setup, NULL, &loss, &err), FACET_EINVAL);
    assert_string_equal(
        err.msg, "loss arcface: margin = 9 is not within 0 to 1.5");
    setup.options[1] = .5;
    CHECK_OK(facet__loss_create(type, &setup, NULL, &loss, &err));
    assert_int_equal(
        facet__loss_run(loss, &batch, NULL, &result, &err), FACET_EINVAL);
    assert_string_equal(
        err.msg, "loss arcface: label 3 of sample 0 is not within 0 to 2");
    facet__loss_free(loss);
    loss = make("distill-mse", 2, 0, NULL, 0, NULL);
    assert_int_equal(
        facet__loss_run(loss, &batch, NULL, &result, &err), FACET_EINVAL);
    facet__loss_free(loss);
}

/* Pictures without a label count in a mean and add nothing to it. */
static void test_samples_without_a_label_are_passed_over(void **state)
{
    enum { N = 4, D = 3, CLASSES = 3 };
    static const char *const names[] = { "cosface", "softmax", "center",
        "triplet" };
    const float known[2 * D] = { 1, 2, -1, .5f, -1, 2 };
    const int32_t labels[2] = { 2, 0 }, mixed_labels[N] = { -1, 2, -1, 0 };
    const float mixed[N * D] = { 9, 9, 9, 1, 2, -1, 7, -7, 7, .5f, -1, 2 };

    (void)state;
    for (size_t t = 0; t < sizeof names / sizeof *names; t++) {
        facet__loss *loss = make(names[t], D, CLASSES, NULL, 0, NULL);
        const float scale = loss->type->looks_at_pairs ? 1 : .5f;
        facet__batch batch = { 2, known, labels, NULL, 0, NULL };
        facet__loss_result alone, among;
        float dx[2 * D], mixed_dx[N * D], weight = 0;
        facet_error err;

        CHECK_OK(facet__loss_run_part(loss, &batch, dx, &alone, &err));
        if (loss->n_params)
            weight = loss->params[0].grad[1];
        batch = (facet__batch){ N, mixed, mixed_labels, NULL, 0, NULL };
        CHECK_OK(facet__loss_run_part(loss, &batch, mixed_dx, &among, &err));
        assert_float_equal(
            (float)among.value, scale * (float)alone.value, 1e-6);
        for (size_t k = 0; k < D; k++) {
            assert_float_equal(mixed_dx[k], 0, 0);
            assert_float_equal(mixed_dx[2 * D + k], 0, 0);
            assert_float_equal(mixed_dx[D + k], scale * dx[k], 1e-6);
            assert_float_equal(mixed_dx[3 * D + k], scale * dx[D + k], 1e-6);
        }
        if (loss->n_params)
            assert_float_equal(loss->params[0].grad[1], scale * weight, 1e-6);
        batch.n = 1; /* nothing to learn from, and nothing left over */
        if (loss->n_params)
            loss->params[0].grad[1] = NAN; /* of a batch that was given up */
        CHECK_OK(facet__loss_run(loss, &batch, mixed_dx, &among, &err));
        assert_float_equal(among.value, 0, 0);
        if (loss->n_params)
            assert_float_equal(loss->params[0].grad[1], 0, 0);
        facet__loss_free(loss);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_triplet_equals_the_worked_values),
        cmocka_unit_test(test_harmonic_triplets_equal_the_worked_values),
        cmocka_unit_test(test_old_triplets_alone_are_none),
        cmocka_unit_test(test_normalisation_equals_the_worked_values),
        cmocka_unit_test(test_vgg_triplet_equals_the_worked_values),
        cmocka_unit_test(test_tpe_equals_the_worked_values),
        cmocka_unit_test(test_tpe_of_equal_similarities_is_ln_2),
        cmocka_unit_test(test_cross_entropy_equals_the_worked_values),
        cmocka_unit_test(test_verification_equals_the_worked_values),
        cmocka_unit_test(test_margins_equal_the_worked_values),
        cmocka_unit_test(test_psi_of_sphereface_equals_the_worked_values),
        cmocka_unit_test(test_arcface_is_monotone_past_pi),
        cmocka_unit_test(test_center_loss_equals_the_worked_values),
        cmocka_unit_test(test_gradients_equal_finite_differences),
        cmocka_unit_test(test_edges_stay_finite),
        cmocka_unit_test(test_margins_have_their_value_at_cosines_of_one),
        cmocka_unit_test(test_smoothing_and_one_class_are_bounded_below),
        cmocka_unit_test(test_mining_that_finds_nothing_costs_nothing),
        cmocka_unit_test(test_mined_negatives_are_the_allowed_ones),
        cmocka_unit_test(test_tpe_without_a_map_compares_by_cosine),
        cmocka_unit_test(test_threads_and_repetition_do_not_change_a_bit),
        cmocka_unit_test(test_bad_setups_and_batches_are_refused),
        cmocka_unit_test(test_samples_without_a_label_are_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
