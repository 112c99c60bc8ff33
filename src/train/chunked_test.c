/* SPDX-License-Identifier: Apache-2.0 */
/* A batch in chunks gives what it gives at once, whatever the loss mines. */
#include "train/chunked.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "train/loss.h"
#include "train/network.h"

enum { N = 12 };

/* The smallest of FaceNet's full networks. */
static facet__recipe recipe_of(int chunk)
{
    facet__recipe r = { .network = "facenet-nn4",
        .dim = 16,
        .width = 96,
        .height = 96,
        .threads = 1,
        .chunk = chunk };

    r.run.data.seed = 3;
    return r;
}

static float *pictures(void)
{
    const size_t n = (size_t)N * 96 * 96 * 3;
    float *x = malloc(n * sizeof *x);
    facet__random random = facet__random_stream(5, 0, 0);

    for (size_t i = 0; i < n; i++)
        x[i] = (float)facet__random_between(&random, -1.0, 1.0);
    return x;
}

/* One step of the loss; the gradients stay in the network's parameters. */
static double step(facet__trainable *net, const float *x, float *dx)
{
    const facet__loss_type *type = facet__loss_find("triplet");
    int32_t labels[N];
    facet__loss_setup setup;
    facet__loss *loss;
    facet__loss_result result;
    facet__batch batch = { .n = N, .labels = labels };

    for (int i = 0; i < N; i++)
        labels[i] = i / 3;
    facet__loss_setup_init(&setup, type, net->dim);
    CHECK_OK(facet__loss_create(type, &setup, NULL, &loss, NULL));
    CHECK_OK(net->forward(net->self, x, N, 9, &batch.x, NULL));
    CHECK_OK(facet__loss_run(loss, &batch, dx, &result, NULL));
    CHECK_OK(net->backward(net->self, dx, NULL));
    facet__loss_free(loss);
    return result.value;
}

static void test_chunks_give_the_gradients_of_the_whole_batch(void **state)
{
    facet__recipe whole_recipe = recipe_of(0), recipe = recipe_of(5);
    facet__trainable whole, net;
    float *x = pictures(), dx[N * 16];
    double a, b;

    (void)state;
    CHECK_OK(facet__trainable_open(&whole_recipe, &whole, NULL));
    CHECK_OK(facet__trainable_open(&recipe, &net, NULL));
    assert_false(facet__is_chunked(&whole));
    assert_true(facet__is_chunked(&net));
    a = step(&whole, x, dx);
    b = step(&net, x, dx); /* chunks of 5, 5 and 2 */
    assert_true(a > 0.0);
    CHECK_NEAR(b, a, 1e-6 * a);
    assert_int_equal(whole.n_params, net.n_params);
    for (size_t i = 0; i < net.n_params; i++) {
        double size = 0.0, difference = 0.0;

        for (size_t k = 0; k < net.params[i].count; k++) {
            const double p = (double)whole.params[i].grad[k];
            const double q = (double)net.params[i].grad[k];

            size += p * p;
            difference += (p - q) * (p - q);
        }
        if (difference > 1e-8 * size)
            fail_msg("%s: off by %g of %g", net.params[i].name,
                sqrt(difference), sqrt(size));
    }
    facet__trainable_close(&whole);
    facet__trainable_close(&net);
    free(x);
}

/* A network that does nothing but remember which pictures it was shown, and
 * under which name of randomness. */
typedef struct witness {
    uint64_t streams[16];
    size_t sizes[16], calls;
    float out[4], weight, grad, mean;
    facet__param params[2];
} witness;

static facet_status see(void *self, const float *x, size_t n, uint64_t stream,
    const float **out, facet_error *err)
{
    witness *w = self;

    (void)err;
    w->streams[w->calls] = stream;
    w->sizes[w->calls++] = n;
    w->mean += 1; /* a running statistic */
    memcpy(w->out, x, n * sizeof *x);
    *out = w->out;
    return FACET_OK;
}

static facet_status turn(void *self, const float *dout, facet_error *err)
{
    witness *w = self;

    (void)err;
    w->grad = dout[0];
    return FACET_OK;
}

static void test_each_chunk_has_the_same_randomness_both_times(void **state)
{
    const float x[7] = { 1, 2, 3, 4, 5, 6, 7 };
    witness w = { .calls = 0 };
    facet__trainable inner = { .self = &w,
        .dim = 1,
        .params = w.params,
        .n_params = 2,
        .forward = see,
        .backward = turn };
    facet__trainable net;
    const float *out;

    (void)state;
    w.params[0] = (facet__param){ "w", 1, &w.weight, &w.grad, true, false, 0 };
    w.params[1] = (facet__param){ "mean", 1, &w.mean, NULL, false, true, 0 };
    CHECK_OK(facet__chunked_wrap(&inner, 3, 1, &net));
    CHECK_OK(net.forward(net.self, x, 7, 40, &out, NULL));
    assert_memory_equal(out, x, sizeof x);
    CHECK_OK(net.backward(net.self, x, NULL));
    assert_int_equal(w.calls, 6);
    CHECK_NEAR(w.mean, 3, 0); /* followed each chunk once */
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(w.sizes[i], i < 2 ? 3 : 1);
        assert_int_equal(w.sizes[i], w.sizes[i + 3]);
        assert_true(w.streams[i] == w.streams[i + 3]);
        assert_true(i == 0 || w.streams[i] != w.streams[i - 1]);
    }
    CHECK_NEAR(net.params[0].grad[0], 1.0 + 4.0 + 7.0, 0.0);
    assert_ptr_equal(facet__chunked_unwrap(&net).self, &w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunks_give_the_gradients_of_the_whole_batch),
        cmocka_unit_test(test_each_chunk_has_the_same_randomness_both_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
