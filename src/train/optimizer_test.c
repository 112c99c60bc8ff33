/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "train/optimizer.h"
#include "train/schedule.h"

/* One weight under a constant gradient of 1/2: its values after three steps. */
static void run_three(
    const facet__optimizer_setup *setup, double rate, double out[3])
{
    float w = 1, g = .5f;
    const facet__param param = { "w", 1, &w, &g, true, false, 0 };
    facet__optimizer *o;

    CHECK_OK(facet__optimizer_create(setup, &param, 1, NULL, &o));
    for (int i = 0; i < 3; i++) {
        const facet__step step = facet__optimizer_step(o, rate);

        assert_true(step.applied);
        CHECK_NEAR(step.norm, .5, 0);
        out[i] = (double)w;
    }
    facet__optimizer_free(o);
}

static void check_three(const facet__optimizer_setup *setup, double rate,
    double a, double b, double c)
{
    double w[3];

    run_three(setup, rate, w);
    CHECK_NEAR(w[0], a, 2e-7);
    CHECK_NEAR(w[1], b, 2e-7);
    CHECK_NEAR(w[2], c, 2e-7);
}

/* papers.md A.8.5 for AdaGrad; the others worked out by hand. */
static void test_rules_equal_the_worked_values(void **state)
{
    facet__optimizer_setup s;

    (void)state;
    facet__optimizer_setup_init(&s);
    s.rule = FACET__ADAGRAD;
    s.epsilon = 0;
    check_three(&s, .05, 0.95, 0.914644661, 0.885777147);

    facet__optimizer_setup_init(&s);
    s.momentum = 0;
    check_three(&s, .1, .95, .9, .85);
    s.momentum = .9; /* v = .5, .95, 1.355 */
    check_three(&s, .1, .95, .855, .7195);
    s.nesterov = true; /* g + .9 v = .95, 1.355, 1.7195 */
    check_three(&s, .1, .905, .7695, .59755);

    facet__optimizer_setup_init(&s);
    s.rule = FACET__ADAM; /* a constant gradient: steps of the rate */
    s.epsilon = 0;
    check_three(&s, .1, .9, .8, .7);
    s.rule = FACET__ADAMW;
    s.decay = .5; /* w (1 - .05) - .1 */
    check_three(&s, .1, .85, .7075, .572125);
}

/* A matrix of one number is a singular value, and its direction its sign; what
 * is no matrix moves as with AdamW. */
static void test_muon_moves_matrices_and_adamw_the_rest(void **state)
{
    const double one = .2 * .6964364; /* muon_test.c: five rounds from 1 */
    facet__optimizer_setup s;
    float w[2] = { 1, 1 }, g[2] = { -3, .5f };
    const facet__param params[] = { { "m", 1, w, g, true, false, 1 },
        { "v", 1, w + 1, g + 1, true, false, 0 } };
    const facet__optimizer_state *states;
    facet__optimizer *o;

    (void)state;
    facet__optimizer_setup_init(&s);
    s.rule = FACET__MUON;
    s.epsilon = 0;
    s.decay = .5;
    CHECK_OK(facet__optimizer_create(&s, params, 2, NULL, &o));
    assert_int_equal(facet__optimizer_states(o, &states), 3);
    assert_string_equal(states[0].kind, "momentum");
    assert_string_equal(states[1].kind, "mean");
    facet__optimizer_step(o, .1);
    CHECK_NEAR(w[0], .95 + .1 * one, 2e-6);
    CHECK_NEAR(w[1], .95 - .1, 2e-6);
    CHECK_NEAR(states[0].value[0], -3, 0);
    g[0] = 2; /* .9 x -3 + 2 is still less than 0 */
    facet__optimizer_step(o, .1);
    CHECK_NEAR(w[0], (.95 + .1 * one) * .95 + .1 * one, 2e-6);
    CHECK_NEAR(states[0].value[0], -.7, 1e-6);
    facet__optimizer_free(o);

    s.nesterov = true; /* and here 2 - .9 x .7 is more */
    CHECK_OK(facet__optimizer_create(&s, params, 1, NULL, &o));
    w[0] = 1;
    g[0] = -3;
    facet__optimizer_step(o, .1);
    g[0] = 2;
    facet__optimizer_step(o, .1);
    CHECK_NEAR(w[0], (.95 + .1 * one) * .95 - .1 * one, 2e-6);
    facet__optimizer_free(o);
}

static void test_decay_leaves_marked_weights_alone(void **state)
{
    facet__optimizer_setup s;
    float w[2] = { 1, 1 }, g[2] = { 0, 0 };
    const facet__param params[] = { { "w", 1, w, g, true, false, 0 },
        { "b", 1, w + 1, g + 1, false, false, 0 } };
    facet__optimizer *o;

    (void)state;
    facet__optimizer_setup_init(&s);
    s.decay = .1;
    CHECK_OK(facet__optimizer_create(&s, params, 2, NULL, &o));
    facet__optimizer_step(o, .5);
    CHECK_NEAR(w[0], .95, 1e-7);
    CHECK_NEAR(w[1], 1, 0);
    facet__optimizer_free(o);
}

static void test_the_gradient_is_clipped_by_its_common_length(void **state)
{
    facet__optimizer_setup s;
    float w[2] = { 0, 0 }, g[2] = { 3, 4 };
    const facet__param params[] = { { "a", 1, w, g, true, false, 0 },
        { "b", 1, w + 1, g + 1, true, false, 0 } };
    facet__optimizer *o;

    (void)state;
    facet__optimizer_setup_init(&s);
    s.momentum = 0;
    s.clip = 1;
    CHECK_OK(facet__optimizer_create(&s, params, 2, NULL, &o));
    CHECK_NEAR(facet__optimizer_step(o, 1).norm, 5, 1e-9);
    CHECK_NEAR(w[0], -.6, 1e-7);
    CHECK_NEAR(w[1], -.8, 1e-7);
    g[0] = NAN; /* a broken gradient moves nothing */
    assert_false(facet__optimizer_step(o, 1).applied);
    CHECK_NEAR(w[0], -.6, 1e-7);
    CHECK_NEAR(w[1], -.8, 1e-7);
    facet__optimizer_free(o);
}

static void test_gathered_batches_equal_one_large_batch(void **state)
{
    facet__optimizer_setup s;
    float w = 0, g;
    const facet__param param = { "w", 1, &w, &g, true, false, 0 };
    facet__optimizer *o;

    (void)state;
    facet__optimizer_setup_init(&s);
    s.momentum = 0;
    s.accumulate = 3;
    CHECK_OK(facet__optimizer_create(&s, &param, 1, NULL, &o));
    for (int i = 0; i < 6; i++) {
        g = (float)i;
        assert_true(facet__optimizer_step(o, 1).applied == (i % 3 == 2));
        CHECK_NEAR(w, i < 2 ? 0 : i < 5 ? -1 : -5, 1e-6);
    }
    facet__optimizer_free(o);
}

static void test_the_running_mean_follows_the_weights(void **state)
{
    facet__optimizer_setup s;
    float w = 0, g = -1, statistic = 0;
    const facet__param params[] = { { "w", 1, &w, &g, true, false, 0 },
        { "s", 1, &statistic, NULL, false, true, 0 } };
    facet__optimizer *o;

    (void)state;
    facet__optimizer_setup_init(&s);
    s.momentum = 0;
    s.ema = .5;
    CHECK_OK(facet__optimizer_create(&s, params, 2, NULL, &o));
    statistic = 4;
    facet__optimizer_step(o, 1); /* w 1, mean .9: e is 1/10 */
    facet__optimizer_step(o, 1); /* w 2, mean 1.8: e is 2/11 */
    facet__optimizer_swap_ema(o);
    CHECK_NEAR(w, 1.8, 1e-6);
    CHECK_NEAR(statistic, 4 - 4 * .1 * 2 / 11, 1e-6);
    facet__optimizer_swap_ema(o);
    CHECK_NEAR(w, 2, 1e-7);
    CHECK_NEAR(statistic, 4, 1e-7);
    facet__optimizer_free(o);
}

/* Run `steps` with each rule and all options, 0 or 3 threads; the state is
 * moved to a second optimizer at step `move_at`. */
static void run_random(
    int rule, size_t count, float *w, facet__pool *pool, int steps, int move_at)
{
    float *g = facet__alloc(count * sizeof *g);
    const facet__param param = { "w", count, w, g, true, false, 200 };
    facet__optimizer_setup s;
    facet__optimizer *o;

    facet__optimizer_setup_init(&s);
    s.rule = (facet__rule)rule;
    s.decay = 1e-3;
    s.clip = 10;
    s.accumulate = 2;
    s.ema = .9;
    memset(w, 0, count * sizeof *w);
    CHECK_OK(facet__optimizer_create(&s, &param, 1, pool, &o));
    for (int i = 0; i < steps; i++) {
        facet__random r = facet__random_stream(3, (uint64_t)i, 0);

        if (i == move_at) {
            const facet__optimizer_state *from, *to;
            facet__optimizer *other;
            size_t n;

            CHECK_OK(facet__optimizer_create(&s, &param, 1, pool, &other));
            n = facet__optimizer_states(o, &from);
            assert_int_equal(facet__optimizer_states(other, &to), n);
            for (size_t k = 0; k < n; k++) {
                assert_string_equal(from[k].kind, to[k].kind);
                memcpy(to[k].value, from[k].value, count * sizeof *w);
            }
            *facet__optimizer_counter(other) = *facet__optimizer_counter(o);
            facet__optimizer_free(o);
            o = other;
        }
        for (size_t k = 0; k < count; k++)
            g[k] = (float)facet__random_normal(&r);
        facet__optimizer_step(o, .1);
    }
    facet__optimizer_free(o);
    facet__free(g);
}

static void test_threads_and_a_moved_state_do_not_change_a_bit(void **state)
{
    enum { COUNT = 40000 };
    float *a = facet__alloc(COUNT * sizeof *a);
    float *b = facet__alloc(COUNT * sizeof *b);
    facet__pool *pool;

    (void)state;
    CHECK_OK(facet__pool_create(3, &pool));
    for (int rule = 0; facet__rule_names[rule]; rule++) {
        run_random(rule, COUNT, a, NULL, 7, -1);
        run_random(rule, COUNT, b, pool, 7, 3);
        assert_memory_equal(a, b, COUNT * sizeof *a);
    }
    facet__pool_free(pool);
    facet__free(a);
    facet__free(b);
}

static void test_schedules_follow_their_curves(void **state)
{
    facet__schedule s;
    facet__schedule_state at = facet__schedule_start();

    (void)state;
    facet__schedule_init(&s);
    s.rate = 1;
    s.warmup = 10;
    s.total = 110;
    CHECK_NEAR(facet__schedule_rate(&s, &at, 0), .1, 1e-12);
    CHECK_NEAR(facet__schedule_rate(&s, &at, 9), 1, 1e-12);
    CHECK_NEAR(facet__schedule_rate(&s, &at, 1000), 1, 1e-12);
    s.kind = FACET__COSINE;
    s.last = .2;
    CHECK_NEAR(facet__schedule_rate(&s, &at, 10), 1, 1e-12);
    CHECK_NEAR(facet__schedule_rate(&s, &at, 60), .6, 1e-12);
    CHECK_NEAR(facet__schedule_rate(&s, &at, 500), .2, 1e-12);
    s.kind = FACET__POLYNOMIAL;
    CHECK_NEAR(facet__schedule_rate(&s, &at, 60), .2 + .8 * .25, 1e-12);
    s.kind = FACET__STEPS;
    s.milestones[0] = 20;
    s.milestones[1] = 30;
    s.n_milestones = 2;
    CHECK_NEAR(facet__schedule_rate(&s, &at, 19), 1, 1e-12);
    CHECK_NEAR(facet__schedule_rate(&s, &at, 20), .1, 1e-12);
    CHECK_NEAR(facet__schedule_rate(&s, &at, 30), .01, 1e-12);
}

static void test_a_plateau_divides_after_its_patience(void **state)
{
    facet__schedule s;
    facet__schedule_state at = facet__schedule_start();

    (void)state;
    facet__schedule_init(&s);
    s.kind = FACET__PLATEAU;
    s.rate = 1;
    s.patience = 1;
    s.last = .05;
    assert_true(facet__schedule_validated(&s, &at, -5));
    assert_true(facet__schedule_validated(&s, &at, .5));
    assert_false(facet__schedule_validated(&s, &at, .5));
    CHECK_NEAR(facet__schedule_rate(&s, &at, 3), 1, 0);
    assert_false(facet__schedule_validated(&s, &at, .4));
    CHECK_NEAR(facet__schedule_rate(&s, &at, 3), .1, 1e-12);
    for (int i = 0; i < 4; i++)
        facet__schedule_validated(&s, &at, .4);
    CHECK_NEAR(facet__schedule_rate(&s, &at, 3), .05, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_equal_the_worked_values),
        cmocka_unit_test(test_muon_moves_matrices_and_adamw_the_rest),
        cmocka_unit_test(test_decay_leaves_marked_weights_alone),
        cmocka_unit_test(test_the_gradient_is_clipped_by_its_common_length),
        cmocka_unit_test(test_gathered_batches_equal_one_large_batch),
        cmocka_unit_test(test_the_running_mean_follows_the_weights),
        cmocka_unit_test(test_threads_and_a_moved_state_do_not_change_a_bit),
        cmocka_unit_test(test_schedules_follow_their_curves),
        cmocka_unit_test(test_a_plateau_divides_after_its_patience),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
