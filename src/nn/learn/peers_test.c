/* SPDX-License-Identifier: Apache-2.0 */
/* A batch that is spread over several networks gives what one network gives
 * for the whole of it. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "crowd.h"
#include "nn/build.h"
#include "nn/learn/learner.h"

enum { N = 7, H = 9, W = 7, IN = 3 * H * W, DIM = 6 };

/* Everything whose answer hangs on more than one picture. */
static facet__graph *make_graph(void)
{
    facet__builder b;
    facet__graph *graph;
    facet_error err = { 0 };
    int x, y;

    facet__build_begin(&b, "test", 3);
    x = facet__build_input(&b, "input", 3, H, W);
    x = facet__build_conv(
        &b, "first", x, (facet__conv_spec){ .out = 20, .kernel = 3, .pad = 1 });
    x = facet__build_batch_norm(&b, "first.bn", x);
    x = facet__build_prelu(&b, "first.act", x);
    y = facet__build_conv(&b, "dw", x,
        (facet__conv_spec){ .out = 20, .kernel = 3, .pad = 1, .group = 20 });
    y = facet__build_batch_norm(&b, "dw.bn", y);
    x = facet__build_add(&b, "sum", x, y);
    x = facet__build_dropout(&b, "drop", x, .3f);
    x = facet__build_flatten(&b, "flat", x);
    x = facet__build_dense(&b, "dense", x, DIM, true);
    x = facet__build_batch_norm(&b, "dense.bn", x);
    facet__build_output(&b, "out", x);
    if (facet__build_finish(&b, &graph, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    return graph;
}

/* One of the networks: its pictures, what it computes, what it was told. */
typedef struct peer {
    const facet__graph *graph;
    const facet_comm *comm;
    const float *x, *direction;
    size_t first, count;
    bool alone; /* norms of its own pictures */
    facet__learner *net;
    float out[N * DIM];
    size_t order[64], told;
    bool whole; /* each gradient had its last value when it was told */
    facet_status status;
} peer;

static facet_status sum(void *context, double *numbers, size_t n)
{
    const facet_comm *comm = context;

    return comm->sum(comm->self, numbers, n);
}

/* Squared lengths of gradients when they are told, to be compared with those
 * at the end. */
static double length_of(const facet__weight *w)
{
    double total = 0;

    for (size_t i = 0; i < w->count; i++)
        total += (double)w->gradient[i] * (double)w->gradient[i];
    return total;
}

typedef struct told {
    peer *p;
    double length[64];
} told;

static void on_final(void *context, size_t weight)
{
    told *t = context;
    const facet__weight *w;

    facet__learner_weights(t->p->net, &w);
    t->p->order[t->p->told++] = weight;
    t->length[weight] = length_of(&w[weight]);
}

static void *run_peer(void *context)
{
    peer *p = context;
    told t = { .p = p };
    const facet__learner_opts opts = { .threads = 1 };
    const facet__peers peers = { p->alone ? NULL : sum,
        (void *)(uintptr_t)p->comm, p->first };
    const facet__weight *w;
    const float *out;
    size_t n;

    p->status = facet__learner_create(p->graph, &opts, &p->net, NULL);
    if (p->comm)
        facet__learner_share(p->net, &peers);
    facet__learner_on_final(p->net, on_final, &t);
    if (p->status == FACET_OK)
        p->status = facet__learner_forward(
            p->net, p->x + p->first * IN, p->count, true, 5, &out, NULL);
    if (p->status == FACET_OK) {
        memcpy(p->out, out, p->count * DIM * sizeof *out);
        p->status = facet__learner_backward(
            p->net, p->direction + p->first * DIM, NULL);
    }
    n = facet__learner_weights(p->net, &w);
    p->whole = true;
    for (size_t i = 0; i < n; i++)
        if (w[i].gradient && t.length[i] != length_of(&w[i]))
            p->whole = false;
    return NULL;
}

static void random_numbers(float *x, size_t n, uint64_t stream)
{
    facet__random random = facet__random_stream(4, stream, 0);

    for (size_t i = 0; i < n; i++)
        x[i] = (float)facet__random_normal(&random);
}

/* Spread the batch over `count` networks; how far the outcome is from that of
 * one network, relative to the largest number of its kind. */
static void spread(int count, bool alone, double *outputs, double *gradients,
    double *statistics)
{
    facet__graph *graph = make_graph();
    static float x[N * IN], direction[N * DIM];
    static peer whole, parts[CROWD_MAX];
    void *contexts[CROWD_MAX];
    const facet__weight *w, *v[CROWD_MAX];
    crowd c;
    size_t n;

    random_numbers(x, N * IN, 1);
    random_numbers(direction, N * DIM, 2);
    whole =
        (peer){ .graph = graph, .x = x, .direction = direction, .count = N };
    run_peer(&whole);
    CHECK_OK(whole.status);
    crowd_start(&c, count);
    for (int r = 0; r < count; r++) {
        const size_t first = N * (size_t)r / (size_t)count;
        const size_t end = N * (size_t)(r + 1) / (size_t)count;

        parts[r] = (peer){ .graph = graph,
            .comm = &c.members[r].comm,
            .x = x,
            .direction = direction,
            .first = first,
            .count = end - first,
            .alone = alone };
        contexts[r] = &parts[r];
    }
    crowd_run(&c, run_peer, contexts);
    crowd_end(&c);
    *outputs = *gradients = *statistics = 0;
    n = facet__learner_weights(whole.net, &w);
    for (int r = 0; r < count; r++) {
        CHECK_OK(parts[r].status);
        assert_true(parts[r].whole);
        assert_int_equal(parts[r].told, whole.told);
        assert_memory_equal(parts[r].order, whole.order, sizeof whole.order);
        facet__learner_weights(parts[r].net, &v[r]);
        for (size_t i = 0; i < parts[r].count * DIM; i++)
            *outputs = fmax(
                *outputs, fabs((double)(parts[r].out[i] -
                                        whole.out[parts[r].first * DIM + i])));
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < w[i].count; k++) {
            double total = 0;

            for (int r = 0; r < count && w[i].gradient; r++)
                total += (double)v[r][i].gradient[k];
            if (w[i].gradient)
                *gradients =
                    fmax(*gradients, fabs(total - (double)w[i].gradient[k]));
            else
                *statistics = fmax(*statistics,
                    fabs((double)(v[0][i].value[k] - w[i].value[k])));
        }
    for (int r = 0; r < count; r++)
        facet__learner_free(parts[r].net);
    facet__learner_free(whole.net);
    facet__graph_free(graph);
}

/* Seven pictures over 2, 3 and 4 networks: outputs (with dropout), gradients
 * and running statistics are those of one network. Numbers are of the order of
 * 1, gradients of 10. */
static void test_networks_that_share_a_batch_agree_with_one(void **state)
{
    (void)state;
    for (int count = 1; count <= CROWD_MAX; count++) {
        double outputs, gradients, statistics;

        spread(count, false, &outputs, &gradients, &statistics);
        print_message("%d networks: outputs off by %.2g, gradients %.2g, "
                      "statistics %.2g\n",
            count, outputs, gradients, statistics);
        CHECK_NEAR(outputs, 0, 2e-6);
        CHECK_NEAR(gradients, 0, 2e-5);
        CHECK_NEAR(statistics, 0, 1e-6);
    }
}

/* The measure above sees a difference: norms of a network's own pictures give
 * other outputs. */
static void test_norms_of_a_part_are_not_those_of_the_whole(void **state)
{
    double outputs, gradients, statistics;

    (void)state;
    spread(2, true, &outputs, &gradients, &statistics);
    assert_true(outputs > 1e-3 && statistics > 1e-4);
}

/* Every weight that learns is told once, the last layer's first. */
static void test_gradients_are_told_from_the_last_layer_to_the_first(
    void **state)
{
    facet__graph *graph = make_graph();
    static float x[N * IN], direction[N * DIM];
    static peer p;
    const facet__weight *w;
    size_t n, learn = 0;
    int seen[64] = { 0 };

    (void)state;
    random_numbers(x, N * IN, 1);
    random_numbers(direction, N * DIM, 2);
    p = (peer){ .graph = graph, .x = x, .direction = direction, .count = N };
    run_peer(&p);
    CHECK_OK(p.status);
    n = facet__learner_weights(p.net, &w);
    for (size_t i = 0; i < n; i++)
        learn += w[i].gradient != NULL;
    assert_int_equal(p.told, learn);
    for (size_t i = 0; i < p.told; i++)
        assert_int_equal(seen[p.order[i]]++, 0);
    assert_string_equal(w[p.order[0]].name, "dense.bn.scale");
    assert_string_equal(w[p.order[p.told - 1]].name, "first.weight");
    facet__learner_free(p.net);
    facet__graph_free(graph);
}

static facet_status refuse(void *context, double *numbers, size_t n)
{
    (void)context;
    (void)numbers;
    (void)n;
    return FACET_EIO;
}

static void test_peers_that_fail_end_the_pass(void **state)
{
    facet__graph *graph = make_graph();
    const facet__learner_opts opts = { .threads = 1 };
    const facet__peers peers = { refuse, NULL, 0 };
    static float x[N * IN], direction[N * DIM];
    facet__learner *net;
    const float *out;

    (void)state;
    CHECK_OK(facet__learner_create(graph, &opts, &net, NULL));
    CHECK_OK(facet__learner_forward(net, x, N, true, 0, &out, NULL));
    facet__learner_share(net, &peers);
    assert_int_equal(facet__learner_backward(net, direction, NULL), FACET_EIO);
    assert_int_equal(
        facet__learner_forward(net, x, N, true, 0, &out, NULL), FACET_EIO);
    /* running statistics need nobody */
    CHECK_OK(facet__learner_forward(net, x, N, false, 0, &out, NULL));
    facet__learner_share(net, NULL);
    CHECK_OK(facet__learner_forward(net, x, N, true, 0, &out, NULL));
    facet__learner_free(net);
    facet__graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks_that_share_a_batch_agree_with_one),
        cmocka_unit_test(test_norms_of_a_part_are_not_those_of_the_whole),
        cmocka_unit_test(
            test_gradients_are_told_from_the_last_layer_to_the_first),
        cmocka_unit_test(test_peers_that_fail_end_the_pass),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
