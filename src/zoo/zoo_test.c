/* SPDX-License-Identifier: Apache-2.0 */
#include "zoo/zoo.h"

#include <string.h>

#include "check.h"
#include "nn/cost.h"

static facet__graph *build(const char *name)
{
    facet__graph *graph;
    facet_error err;

    if (facet__zoo_build(name, 1, 0, &graph, &err) != FACET_OK)
        fail_msg("%s: %s", name, err.msg);
    return graph;
}

/* Filters of convolutions alone, as papers count them. */
static uint64_t conv_filters(const facet__graph *g)
{
    uint64_t n = 0;

    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op == FACET__OP_CONV)
            n += (uint64_t)facet__shape_count(
                &g->values[g->nodes[i].in[1]].shape);
    return n;
}

/* Numbers that nodes of this kind hold in their input `in`. */
static uint64_t weights_of(const facet__graph *g, facet__op_kind op, int in)
{
    uint64_t n = 0;

    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op == op)
            n += (uint64_t)facet__shape_count(
                &g->values[g->nodes[i].in[in]].shape);
    return n;
}

static facet__cost cost_of(const facet__graph *g)
{
    facet__cost cost;
    facet_error err;

    if (facet__graph_cost(g, NULL, &cost, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    return cost;
}

/* MobileFaceNet's table: 976,000 conv weights, one folded bias a channel of
 * each convolution (9,792), 7,552 slopes, 220,965,376 multiply-adds. */
static void test_mobilefacenet_has_the_published_counts(void **state)
{
    facet__graph *g = build("mobilefacenet");
    const facet__cost cost = cost_of(g);

    (void)state;
    assert_int_equal(conv_filters(g), 976000);
    assert_int_equal(weights_of(g, FACET__OP_BATCH_NORM, 1), 9792);
    assert_int_equal(weights_of(g, FACET__OP_PRELU, 1), 7552);
    assert_int_equal(cost.filters, 976000);
    assert_int_equal(cost.macs, 220965376);
    assert_int_equal(cost.bias_adds, 0);
    assert_int_equal(cost.parameters, 976000 + 4 * 9792 + 7552);
    facet__graph_free(g);
}

/* Ours: what docs/models promises of their sizes. */
static void test_small_networks_are_small(void **state)
{
    facet__graph *tiny, *points = build("landmarks68");

    (void)state;
    CHECK_OK(facet__zoo_build("mobilefacenet-tiny", 1, 256, &tiny, NULL));
    assert_in_range(cost_of(tiny).parameters, 200000, 300000);
    assert_in_range(cost_of(points).parameters, 150000, 240000);
    facet__graph_free(tiny);
    facet__graph_free(points);
}

/* Stem 1,728; stages 151,552, 524,288, 2,097,152, 8,388,608. The stem and the
 * first convolution work on the whole 112x112. */
static void test_iresnet18_has_the_counts_of_its_layers(void **state)
{
    facet__graph *g = build("iresnet18");
    const facet__cost cost = cost_of(g);
    const uint64_t conv_macs =
        1728ull * 112 * 112 +  /* stem */
        36864ull * 112 * 112 + /* layer1.0.conv1 */
        (3 * 36864ull + 4096) * 56 * 56 +
        73728ull * 56 * 56 + /* layer2.0.conv1 */
        (3 * 147456ull + 8192) * 28 * 28 + 294912ull * 28 * 28 +
        (3 * 589824ull + 32768) * 14 * 14 + 1179648ull * 14 * 14 +
        (3 * 2359296ull + 131072) * 7 * 7;

    (void)state;
    assert_int_equal(conv_filters(g), 11163328);
    assert_int_equal(weights_of(g, FACET__OP_GEMM, 1), 512ull * 512 * 7 * 7);
    assert_int_equal(cost.macs, conv_macs + 512ull * 25088);
    assert_int_equal((cost.macs + 5000000) / 10000000, 261); /* 2.61 G */
    assert_int_equal(cost.bias_adds, 512);
    facet__graph_free(g);
}

/* The filters of the YuNet of its authors, 320 x 320: counted in their file. */
static void test_yunet_has_the_counts_of_its_layers(void **state)
{
    facet__graph *g = build("yunet");
    const uint64_t point = 16 * 16 + 16 * 16 + 16 * 32 + 32 * 32 + 32 * 64 +
                           6 * 64 * 64 + 3 * 64 * 64 + 3 * 64 * 16;
    const uint64_t depth =
        9 * (16 + 16 + 32 + 32 + 64 + 6 * 64 + 3 * 64 + 3 * 16);

    (void)state;
    assert_int_equal(conv_filters(g), 3 * 16 * 9 + point + depth);
    assert_int_equal(g->n_outputs, 12);
    assert_string_equal(g->values[g->outputs[0]].name, "cls_8");
    assert_string_equal(g->values[g->outputs[11]].name, "kps_32");
    facet__graph_free(g);
}

static void test_every_network_builds_with_one_input(void **state)
{
    size_t count;
    const facet__zoo_row *rows = facet__zoo_rows(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const facet__zoo_opts opts = { .blank = true };
        facet__graph *g;

        CHECK_OK(facet__zoo_build_as(rows[i].name, &opts, &g, NULL));
        assert_int_equal(g->n_inputs, 1);
        assert_true(g->n_outputs >= 1);
        assert_true(i == 0 || strcmp(rows[i - 1].name, rows[i].name) < 0);
        facet__graph_free(g);
    }
}

static void test_weights_depend_on_the_seed_alone(void **state)
{
    facet__graph *a = build("mobilefacenet"), *b = build("mobilefacenet"), *c;
    const int v = facet__graph_find_value(a, "conv1.weight");
    const size_t bytes = a->values[v].data->bytes;

    (void)state;
    CHECK_OK(facet__zoo_build("mobilefacenet", 2, 0, &c, NULL));
    assert_memory_equal(
        a->values[v].data->data, b->values[v].data->data, bytes);
    assert_memory_not_equal(
        a->values[v].data->data, c->values[v].data->data, bytes);
    facet__graph_free(a);
    facet__graph_free(b);
    facet__graph_free(c);
}

static void test_an_unknown_network_is_not_found(void **state)
{
    facet__graph *g;
    facet_error err;

    (void)state;
    assert_int_equal(
        facet__zoo_build("nosuchnet", 1, 0, &g, &err), FACET_ENOTFOUND);
    assert_null(g);
    assert_non_null(strstr(err.msg, "nosuchnet"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mobilefacenet_has_the_published_counts),
        cmocka_unit_test(test_small_networks_are_small),
        cmocka_unit_test(test_iresnet18_has_the_counts_of_its_layers),
        cmocka_unit_test(test_yunet_has_the_counts_of_its_layers),
        cmocka_unit_test(test_every_network_builds_with_one_input),
        cmocka_unit_test(test_weights_depend_on_the_seed_alone),
        cmocka_unit_test(test_an_unknown_network_is_not_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
