/* SPDX-License-Identifier: Apache-2.0 */
/* Quantized networks as others write them. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "check.h"
#include "nn/onnx.h"
#include "nn/reference.h"

enum { IN = 2, OUT = 3, SIDE = 2 };

static int tensor(facet__graph *g, const char *name, facet__dtype type,
    const facet__shape *shape, const void *data)
{
    facet__tensor *t = facet__tensor_create(type, shape);

    assert_non_null(t);
    memcpy(t->data, data, t->bytes);
    return facet__graph_add_constant(g, name, t);
}

static int scalar(facet__graph *g, const char *name, float x)
{
    return tensor(g, name, FACET__F32, &(facet__shape){ .n = 0 }, &x);
}

static int value(facet__graph *g, const char *name)
{
    const facet__shape map = { 4, { 1, -1, SIDE, SIDE } };

    return facet__graph_add_value(g, name, FACET__F32, &map);
}

static int node(
    facet__graph *g, facet__op_kind op, int a, int b, int c, const char *out)
{
    const int in[3] = { a, b, c }, made = value(g, out);

    assert_true(facet__graph_add_node(g, op, out, in, c == FACET__NONE ? 2 : 3,
                    &made, 1) != FACET__NONE);
    return made;
}

/* The forms that exporters differ in. */
typedef struct form {
    bool signed_maps;  /* zero points of signed bytes */
    bool one_step;     /* one step for all filters */
    bool integer_bias; /* 32 bits with steps of its own */
    bool alone;        /* a QuantizeLinear without its other half */
} form;

/* input, pair, Conv of byte filters, pair from 0 on (a ReLU left out), Conv. */
static facet__graph *network(form f)
{
    static const int8_t w[OUT * IN] = { 100, -50, 20, 7, -128, 127 };
    static const float steps[OUT] = { 0.01f, 0.02f, 0.003f };
    static const int32_t bias[OUT] = { 40, -7, 0 };
    static const float bias_steps[OUT] = { 0.01f, 0.02f, 0.03f };
    static const float ones[IN * OUT] = { 1, 1, 1, 1, 1, 1 };
    static const float floats[OUT] = { 0.4f, -0.14f, 0.0f };
    const facet__shape filters = { 4, { OUT, IN, 1, 1 } };
    const facet__shape back = { 4, { IN, OUT, 1, 1 } };
    const facet__shape out = { 1, { OUT } };
    const uint8_t unsigned_zero = 130;
    const int8_t signed_zero = 2, least = -128, none = 0;
    const facet__dtype type = f.signed_maps ? FACET__I8 : FACET__U8;
    const facet__shape in_shape = { 4, { 1, IN, SIDE, SIDE } };
    facet__graph *g;
    int x, step, zero, wide, b;

    assert_int_equal(facet__graph_create(14, &g), FACET_OK);
    x = facet__graph_add_value(g, "x", FACET__F32, &in_shape);
    CHECK_OK(facet__graph_add_input(g, x));
    step = scalar(g, "step", 0.02f);
    zero = tensor(g, "zero", type, &(facet__shape){ .n = 0 },
        f.signed_maps ? (const void *)&signed_zero : &unsigned_zero);
    x = node(g, FACET__OP_QUANTIZE, x, step, zero, "q");
    if (!f.alone)
        x = node(g, FACET__OP_DEQUANTIZE, x, step, zero, "dq");
    wide = tensor(g, "w8", FACET__I8, &filters, w);
    wide = node(g, FACET__OP_DEQUANTIZE, wide,
        f.one_step ? scalar(g, "ws", 0.02f)
                   : tensor(g, "ws", FACET__F32, &out, steps),
        FACET__NONE, "w");
    CHECK_OK(facet__node_set_int(&g->nodes[g->n_nodes - 1], "axis", 0));
    b = f.integer_bias ? node(g, FACET__OP_DEQUANTIZE,
                             tensor(g, "b32", FACET__I32, &out, bias),
                             tensor(g, "bs", FACET__F32, &out, bias_steps),
                             FACET__NONE, "b")
                       : tensor(g, "b", FACET__F32, &out, floats);
    if (f.integer_bias)
        CHECK_OK(facet__node_set_int(&g->nodes[g->n_nodes - 1], "axis", 0));
    x = node(g, FACET__OP_CONV, x, wide, b, "conv");
    zero = f.signed_maps
               ? tensor(g, "z2", FACET__I8, &(facet__shape){ .n = 0 }, &least)
               : tensor(g, "z2", FACET__U8, &(facet__shape){ .n = 0 }, &none);
    step = scalar(g, "step2", 0.005f);
    x = node(g, FACET__OP_QUANTIZE, x, step, zero, "q2");
    x = node(g, FACET__OP_DEQUANTIZE, x, step, zero, "dq2");
    x = node(g, FACET__OP_CONV, x, tensor(g, "sum", FACET__F32, &back, ones),
        FACET__NONE, "y");
    CHECK_OK(facet__graph_add_output(g, x));
    return g;
}

static facet_status read_back(form f, facet__graph **out, facet_error *err)
{
    facet__graph *g = network(f);
    void *bytes;
    size_t size;
    facet_status st = facet__onnx_serialize(g, &bytes, &size, err);

    assert_int_equal(st, FACET_OK);
    st = facet__onnx_parse(bytes, size, NULL, NULL, out, err);
    facet__free(bytes);
    facet__graph_free(g);
    return st;
}

static const facet__value *called(const facet__graph *g, const char *name)
{
    const int v = facet__graph_find_value(g, name);

    assert_true(v != FACET__NONE);
    return &g->values[v];
}

/* What the network of the ONNX text computes, by hand. */
static double expected(form f, const float *x, int pixel)
{
    static const double w[OUT][IN] = { { 100, -50 }, { 20, 7 }, { -128, 127 } };
    static const double steps[OUT] = { 0.01, 0.02, 0.003 };
    static const double bias[OUT] = { 0.4, -0.14, 0 };
    double sum = 0.0;

    for (int o = 0; o < OUT; o++) {
        double y = bias[o];

        for (int i = 0; i < IN; i++) {
            const double q =
                rint((double)x[i * SIDE * SIDE + pixel] / 0.02) + 130;
            const double seen = (fmin(fmax(q, 0), 255) - 130) * 0.02;

            y += w[o][i] * (f.one_step ? 0.02 : steps[o]) * seen;
        }
        sum += fmin(fmax(rint(y / 0.005), 0), 255) * 0.005;
    }
    return sum;
}

static void check_form(form f)
{
    const facet__shape shape = { 4, { 1, IN, SIDE, SIDE } };
    facet__tensor *x = facet__tensor_create(FACET__F32, &shape), *y;
    const facet__tensor *const inputs[] = { x };
    facet__graph *g;
    facet_error err;

    if (read_back(f, &g, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(called(g, "x")->grid.zero, 130);
    CHECK_NEAR(called(g, "x")->grid.step, 0.02, 1e-7);
    assert_int_equal(called(g, "conv")->grid.zero, 0);
    assert_non_null(called(g, "w")->steps);
    for (int i = 0; i < IN * SIDE * SIDE; i++) /* on the grid, not between */
        ((float *)x->data)[i] = 0.02f * (float)(i * 29 % 90 - 40);
    if (facet__reference_run(g, inputs, &y, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    for (int i = 0; i < SIDE * SIDE; i++)
        CHECK_NEAR(((float *)y->data)[i], expected(f, x->data, i), 0.0051);
    facet__tensor_free(x);
    facet__tensor_free(y);
    facet__graph_free(g);
}

static void test_every_form_of_pairs_is_read(void **state)
{
    (void)state;
    check_form((form){ .alone = false });
    check_form((form){ .signed_maps = true });
    check_form((form){ .one_step = true });
    check_form((form){ .integer_bias = true });
    check_form((form){ true, true, true, false });
}

static void test_half_a_pair_is_refused(void **state)
{
    facet__graph *g;
    facet_error err;

    (void)state;
    assert_int_equal(
        read_back((form){ .alone = true }, &g, &err), FACET_EUNSUPPORTED);
    assert_non_null(strstr(err.msg, "'q'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_of_pairs_is_read),
        cmocka_unit_test(test_half_a_pair_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
