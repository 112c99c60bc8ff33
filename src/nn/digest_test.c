/* SPDX-License-Identifier: Apache-2.0 */
/* What changes a network's digest, and what does not. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "check.h"
#include "nn/build.h"
#include "nn/model_private.h"
#include "nn/onnx.h"

typedef struct form {
    int64_t stride;
    float slope; /* of a leaky ReLU */
    float shift; /* added to a bias */
    float step;  /* of the first map's bytes; 0: none */
    bool swapped;
} form;

static const form usual = { 1, .1f, 0, 0, false };

/* Two convolutions of one input, the first under a leaky ReLU, subtracted. */
static facet__graph *network(form f)
{
    const facet__conv_spec spec = {
        .out = 3, .kernel = 3, .pad = 1, .stride = f.stride, .bias = true
    };
    facet__builder b;
    facet__graph *g;
    int x, first, second, leaky;

    facet__build_begin(&b, "test", 3);
    x = facet__build_input(&b, "input", 3, 8, 8);
    first = facet__build_conv(&b, "first", x, spec);
    second = facet__build_conv(&b, "second", x, spec);
    facet__build_output(&b, "out", facet__build_add(&b, "sum", first, second));
    CHECK_OK(facet__build_finish(&b, &g, NULL));
    leaky = facet__graph_add_value(
        g, "leaky", FACET__F32, &(facet__shape){ 4, { -1, 3, -1, -1 } });
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op == FACET__OP_ADD) {
            const int from = g->nodes[i].in[0];

            g->nodes[i].op = FACET__OP_SUB;
            g->nodes[i].in[0] = f.swapped ? g->nodes[i].in[1] : leaky;
            g->nodes[i].in[1] = f.swapped ? leaky : g->nodes[i].in[1];
            i = facet__graph_add_node(
                g, FACET__OP_LEAKY_RELU, "leaky", &from, 1, &leaky, 1);
            CHECK_OK(facet__node_set_float(&g->nodes[i], "alpha", f.slope));
            g->values[from].grid.step = f.step;
        }
    for (int v = 0; v < g->n_values; v++)
        if (g->values[v].data && g->values[v].data->shape.n == 1) {
            *(float *)g->values[v].data->data += f.shift;
            break;
        }
    CHECK_OK(facet__graph_sort(g, NULL));
    return g;
}

static void digest(form f, uint8_t out[32])
{
    facet__graph *g = network(f);

    CHECK_OK(facet__graph_digest(g, out));
    facet__graph_free(g);
}

static void test_it_tells_networks_apart(void **state)
{
    const form others[] = { { 2, .1f, 0, 0, false }, { 1, .2f, 0, 0, false },
        { 1, .1f, 1, 0, false }, { 1, .1f, 0, .5f, false },
        { 1, .1f, 0, 0, true } };
    uint8_t a[32], b[32];

    (void)state;
    digest(usual, a);
    digest(usual, b);
    assert_memory_equal(a, b, sizeof a);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        digest(others[i], b);
        assert_memory_not_equal(a, b, sizeof a);
    }
}

static void reverse_attributes(facet__node *node)
{
    for (int i = 0, k = node->n_attr - 1; i < k; i++, k--) {
        const facet__attr swap = node->attr[i];

        node->attr[i] = node->attr[k];
        node->attr[k] = swap;
    }
}

static void test_what_a_writer_may_change_does_not_count(void **state)
{
    facet__graph *g = network(usual);
    uint8_t a[32], b[32];

    (void)state;
    CHECK_OK(facet__graph_digest(g, a));
    CHECK_OK(facet__graph_set_meta(g, "facet.note", "later"));
    for (int i = 0; i < g->n_nodes; i++) {
        snprintf(g->nodes[i].name, strlen(g->nodes[i].name) + 1, "%d", i);
        reverse_attributes(&g->nodes[i]);
    }
    for (int v = 0; v < g->n_values; v++)
        if (!g->values[v].data)
            g->values[v].name[0] = '#';
    CHECK_OK(facet__graph_digest(g, b));
    assert_memory_equal(a, b, sizeof a);
    facet__graph_free(g);
}

/* Joined along axis 1: the input and a constant, of which the node may have an
 * attribute instead. */
static facet__graph *joined(bool as_attribute, const char *name)
{
    static const int64_t seven[1] = { 7 };
    const facet__shape row = { 2, { 1, 1 } };
    facet__tensor *t = facet__tensor_create(FACET__F32, &row);
    facet__graph *g;
    int in[2], out;

    CHECK_OK(facet__graph_create(14, &g));
    in[0] = facet__graph_add_value(g, "x", FACET__F32, &row);
    CHECK_OK(facet__graph_add_input(g, in[0]));
    *(float *)t->data = 7;
    in[1] = facet__graph_add_constant(g, name, t);
    out = facet__graph_add_value(g, "y", FACET__F32, NULL);
    facet__graph_add_node(
        g, FACET__OP_CONCAT, "join", in, as_attribute ? 1 : 2, &out, 1);
    CHECK_OK(facet__node_set_int(&g->nodes[0], "axis", 1));
    if (as_attribute)
        CHECK_OK(facet__node_set_ints(&g->nodes[0], name, seven, 1));
    CHECK_OK(facet__graph_add_output(g, out));
    return g;
}

static void test_constants_count_where_they_are_read(void **state)
{
    facet__graph *g = joined(false, "zz");
    const facet__shape one = { 1, { 1 } };
    uint8_t a[32], b[32];

    (void)state;
    CHECK_OK(facet__graph_digest(g, a));
    assert_int_not_equal(facet__graph_add_constant(g, "unread",
                             facet__tensor_create(FACET__I64, &one)),
        FACET__NONE);
    CHECK_OK(facet__graph_digest(g, b));
    assert_memory_equal(a, b, sizeof a);
    facet__graph_free(g);
    g = joined(false, "another");
    CHECK_OK(facet__graph_digest(g, b));
    assert_memory_equal(a, b, sizeof a);
    facet__graph_free(g);
    g = joined(true, "zz");
    CHECK_OK(facet__graph_digest(g, b));
    assert_memory_not_equal(a, b, sizeof a);
    facet__graph_free(g);
}

/* Write the graph, read it again in its place, and keep its digest. */
static void write_and_read(facet__graph **g, uint8_t digest[32])
{
    facet__graph *read;
    facet_error err;
    void *bytes;
    size_t size;

    CHECK_OK(facet__onnx_serialize(*g, &bytes, &size, NULL));
    if (facet__onnx_parse(bytes, size, NULL, NULL, &read, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    CHECK_OK(facet__graph_digest(read, digest));
    facet__graph_free(*g);
    facet__free(bytes);
    *g = read;
}

static void test_a_written_network_keeps_it(void **state)
{
    facet__graph *g = network(usual);
    uint8_t a[32], b[32];

    (void)state;
    CHECK_OK(facet__graph_digest(g, a));
    write_and_read(&g, b);
    assert_memory_equal(a, b, sizeof a);
    facet__graph_free(g);
}

/* Its axes are an attribute here and an input in files. */
static void test_a_sum_is_written_again_and_again(void **state)
{
    static const int64_t axes[1] = { 1 };
    facet__graph *g;
    uint8_t a[32], b[32];
    int x, y;

    (void)state;
    CHECK_OK(facet__graph_create(14, &g));
    x = facet__graph_add_value(
        g, "x", FACET__F32, &(facet__shape){ 2, { -1, 4 } });
    CHECK_OK(facet__graph_add_input(g, x));
    y = facet__graph_add_value(g, "y", FACET__F32, NULL);
    facet__graph_add_node(g, FACET__OP_REDUCE_SUM, "sum", &x, 1, &y, 1);
    CHECK_OK(facet__node_set_ints(&g->nodes[0], "axes", axes, 1));
    CHECK_OK(facet__graph_add_output(g, y));
    write_and_read(&g, a);
    write_and_read(&g, b);
    assert_memory_equal(a, b, sizeof a);
    facet__graph_free(g);
}

/* It drops nothing where a network runs. */
static void test_how_much_a_dropout_drops_does_not_count(void **state)
{
    uint8_t digests[3][32];

    (void)state;
    for (int i = 0; i < 3; i++) {
        facet__builder b;
        facet__graph *g;
        int x;

        facet__build_begin(&b, "dropping", 3);
        x = facet__build_input(&b, "x", 3, 4, 4);
        x = facet__build_dropout(&b, "drop", x, i == 0 ? 0.5f : 0.25f);
        facet__build_output(&b, "y", facet__build_relu(&b, "relu", x));
        CHECK_OK(facet__build_finish(&b, &g, NULL));
        if (i == 2) { /* as older opsets have it */
            g->nodes[0].n_in = 1;
            CHECK_OK(facet__node_set_float(&g->nodes[0], "ratio", 0.25f));
        }
        write_and_read(&g, digests[i]);
        facet__graph_free(g);
    }
    assert_memory_equal(digests[0], digests[1], sizeof digests[0]);
    assert_memory_equal(digests[0], digests[2], sizeof digests[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_tells_networks_apart),
        cmocka_unit_test(test_what_a_writer_may_change_does_not_count),
        cmocka_unit_test(test_constants_count_where_they_are_read),
        cmocka_unit_test(test_a_written_network_keeps_it),
        cmocka_unit_test(test_a_sum_is_written_again_and_again),
        cmocka_unit_test(test_how_much_a_dropout_drops_does_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
