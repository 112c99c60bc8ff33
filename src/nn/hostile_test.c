/* SPDX-License-Identifier: Apache-2.0 */
/* Files whose nodes ask for what cannot be: numbers of two types in one array,
 * a cut of the same axis twice, sizes that only the pictures tell. Each is
 * refused where it is read, where it is fitted to a picture, or where it is
 * run - and what can be computed is computed right. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "check.h"
#include "facet/facet.h"
#include "facet/frontal.h"
#include "net.h"
#include "nn/graph.h"
#include "nn/learn/learner.h"
#include "nn/model.h"
#include "nn/onnx.h"
#include "nn/onnx_private.h"

enum { MOST = 4096 };

static const facet__shape unknown = { .n = -1 };

static int one(net *t, int64_t number)
{
    return ints(t, &number, 1);
}

static int floats(net *t, const float *numbers, int count)
{
    return constant(
        t, FACET__F32, &(facet__shape){ 1, { count } }, numbers, NULL);
}

static facet_error problem; /* what the last refusal said */

/* The graph, whose output is `out`, becomes the model's or is freed. */
static facet_status load(net *t, int out, facet_model **model)
{
    problem = (facet_error){ FACET_OK, "" };
    CHECK_OK(facet__graph_add_output(t->graph, out));
    return facet__model_create(t->graph, FACET_PRECISION_FP32, model, &problem);
}

/* Load, fit, run with x = 0, 1, 2, ... The first output goes to y[MOST]. */
static facet_status run(net *t, int out, const int64_t *dims, float *y)
{
    facet_model *model;
    facet_session *session = NULL;
    facet_tensor_info info;
    facet_status st = load(t, out, &model);

    if (st == FACET_OK)
        st = facet_session_create(model, NULL, &session, &problem);
    if (st == FACET_OK)
        st = facet_session_reshape(session, dims, &problem);
    if (st == FACET_OK) {
        float *x = facet_session_input(session, 0);
        size_t count = 1, made = 1;

        CHECK_OK(facet_model_input_info(model, 0, &info));
        for (int i = 0; i < info.n_dims; i++)
            count *= (size_t)dims[i];
        for (size_t i = 0; i < count; i++)
            x[i] = (float)i;
        st = facet_session_run(session, &problem);
        if (st == FACET_OK && y) {
            const float *from = facet_session_output(session, 0, &info);

            for (int i = 0; i < info.n_dims; i++)
                made *= (size_t)info.dims[i];
            assert_true(made <= MOST);
            memcpy(y, from, made * sizeof *y);
        }
    }
    facet_session_free(session);
    facet_model_free(model);
    return st;
}

static void says(const char *text)
{
    if (!strstr(problem.msg, text))
        fail_msg("\"%s\" does not say \"%s\"", problem.msg, text);
}

/* The network is refused when it is read. */
static void refused(net *t, int out, facet_status want, const char *text)
{
    facet_model *model;
    const facet_status st = load(t, out, &model);

    facet_model_free(model);
    if (st != want)
        fail_msg("%s, not %s: %s", facet_status_str(st), facet_status_str(want),
            problem.msg);
    says(text);
}

/* shapes and types */

static void test_an_array_has_one_type(void **state)
{
    static const int64_t wide[64] = { 0 };
    static const float narrow[1] = { 1.0f };
    net t = begin(1, (const int64_t[]){ 4 });

    (void)state;
    refused(&t,
        binary(&t, FACET__OP_CONCAT, "join", floats(&t, narrow, 1),
            ints(&t, wide, 64)),
        FACET_EMODEL, "two types");
    t = begin(1, (const int64_t[]){ 4 });
    refused(&t, binary(&t, FACET__OP_ADD, "sum", t.x, ints(&t, wide, 4)),
        FACET_EMODEL, "two types");
}

static void test_sizes_beyond_any_machine_are_not_joined(void **state)
{
    static const int64_t huge[2] = { (int64_t)1 << 62, 1 };
    net t = begin(2, (const int64_t[]){ 1, 1 });
    const int big = binary(&t, FACET__OP_EXPAND, "big", t.x, ints(&t, huge, 2));

    (void)state;
    refused(&t, binary(&t, FACET__OP_CONCAT, "join", big, big), FACET_ELIMIT,
        "too many");
}

/* A Softmax over `axis` as a file of that opset has it. */
static int softmax(net *t, int opset, int64_t axis)
{
    const int out = unary(t, FACET__OP_SOFTMAX, "soft", t->x);

    CHECK_OK(facet__node_set_int(last(t), "axis", axis));
    CHECK_OK(
        facet__onnx_upgrade(t->graph, t->graph->n_nodes - 1, opset, &problem));
    return out;
}

static void test_an_old_softmax_of_several_axes_is_refused(void **state)
{
    const int64_t rows[2] = { 2, 2 }, column[4] = { 1, 2, 1, 1 };
    const float wanted[2] = { .26894142f, .73105858f };
    net t = begin_map(2, 3, 2, 2);
    float y[MOST];
    void *bytes;
    size_t size;

    (void)state;
    refused(&t, softmax(&t, 11, 1), FACET_EUNSUPPORTED, "opset 13");
    t = begin(2, (const int64_t[]){ 2, 2 });
    refused(&t, softmax(&t, 13, 2), FACET_EMODEL, "axis 2");
    t = begin(2, rows);
    CHECK_OK(run(&t, softmax(&t, 11, 1), rows, y));
    for (int i = 0; i < 4; i++)
        CHECK_NEAR(y[i], wanted[i % 2], 1e-6);
    t = begin_map(1, 2, -1, -1);
    CHECK_OK(facet__graph_add_output(t.graph, softmax(&t, 11, 1)));
    assert_int_equal(facet__onnx_serialize(t.graph, &bytes, &size, &problem),
        FACET_EUNSUPPORTED); /* its copy would not know */
    says("opset 13");
    facet__graph_free(t.graph);
    t = begin_map(1, 2, -1, -1); /* one pixel, it turns out */
    CHECK_OK(run(&t, softmax(&t, 11, 1), column, y));
    CHECK_NEAR(y[1], wanted[1], 1e-6);
    t = begin_map(1, 2, 2, 1); /* of each row */
    CHECK_OK(run(&t, softmax(&t, 13, 2), (const int64_t[]){ 1, 2, 2, 1 }, y));
    CHECK_NEAR(y[3], wanted[1], 1e-6);
}

/* A row of `count` nodes of one operator, the last one first. */
static net backward_row(facet__op_kind op, int count, int *out)
{
    net t = begin(2, (const int64_t[]){ 1, 4 });
    int to = facet__graph_add_value(t.graph, "y", 0, &unknown);

    *out = to;
    for (int i = 0; i < count; i++) {
        char name[32];
        int from = t.x;

        snprintf(name, sizeof name, "v%d", i);
        if (i + 1 < count)
            from = facet__graph_add_value(t.graph, name, 0, &unknown);
        assert_true(facet__graph_add_node(
                        t.graph, op, name, &from, 1, &to, 1) != FACET__NONE);
        to = from;
    }
    return t;
}

static facet_status parse_row(facet__op_kind op, int count)
{
    facet_model *model = NULL;
    facet__graph *read = NULL;
    void *bytes = NULL;
    size_t size;
    int out;
    net t = backward_row(op, count, &out);
    facet_status st;

    CHECK_OK(facet__graph_add_output(t.graph, out));
    CHECK_OK(facet__onnx_serialize(t.graph, &bytes, &size, &problem));
    facet__graph_free(t.graph);
    st = facet__onnx_parse(bytes, size, NULL, NULL, &read, &problem);
    if (st == FACET_OK)
        st = facet__model_create(read, FACET_PRECISION_FP32, &model, &problem);
    facet_model_free(model);
    facet__free(bytes);
    return st;
}

/* `count` nodes of 16 ends, all but the last for nothing. */
static facet_status parse_wide(int count)
{
    net t = begin(2, (const int64_t[]){ 1, 4 });
    facet__graph *read = NULL;
    void *bytes = NULL;
    size_t size;
    int in[15], out = FACET__NONE;
    facet_status st;

    for (int i = 0; i < 15; i++)
        in[i] = t.x;
    for (int i = 0; i < count; i++)
        out = node(&t, FACET__OP_CONCAT, NULL, in, 15);
    for (int i = 0; i < t.graph->n_nodes; i++)
        CHECK_OK(facet__node_set_int(&t.graph->nodes[i], "axis", 1));
    CHECK_OK(facet__graph_add_output(t.graph, out));
    CHECK_OK(facet__onnx_serialize(t.graph, &bytes, &size, &problem));
    facet__graph_free(t.graph);
    st = facet__onnx_parse(bytes, size, NULL, NULL, &read, &problem);
    facet__graph_free(read);
    facet__free(bytes);
    return st;
}

static void test_a_node_has_not_too_many_attributes(void **state)
{
    (void)state;
    for (int count = 64; count <= 65; count++) {
        net t = begin(2, (const int64_t[]){ 1, 4 });
        facet__graph *read = NULL;
        void *bytes = NULL;
        size_t size;
        const int out = unary(&t, FACET__OP_RELU, "relu", t.x);

        for (int i = 0; i < count; i++) {
            char name[16];

            snprintf(name, sizeof name, "a%d", i);
            CHECK_OK(facet__node_set_int(last(&t), name, i));
        }
        CHECK_OK(facet__graph_add_output(t.graph, out));
        CHECK_OK(facet__onnx_serialize(t.graph, &bytes, &size, &problem));
        facet__graph_free(t.graph);
        assert_int_equal(
            facet__onnx_parse(bytes, size, NULL, NULL, &read, &problem),
            count == 64 ? FACET_OK : FACET_EUNSUPPORTED);
        facet__graph_free(read);
        facet__free(bytes);
    }
    says("attributes");
}

static void test_a_network_has_not_too_many_nodes(void **state)
{
    (void)state;
    CHECK_OK(parse_row(FACET__OP_IDENTITY, 16384)); /* the slowest order */
    CHECK_OK(parse_row(FACET__OP_RELU, 1000));
    assert_int_equal(parse_row(FACET__OP_IDENTITY, 16385), FACET_ELIMIT);
    says("16385 nodes: the limit is 16384");
    assert_int_equal(parse_wide(4097), FACET_ELIMIT);
    says("65552 inputs and outputs of nodes: the limit is 65536");
    assert_int_equal(parse_wide(1), FACET_OK);
}

/* A Split into `parts`, of which number `absent` is not named. */
static int split(net *t, int parts, int absent)
{
    int out[8];

    for (int i = 0; i < parts; i++)
        out[i] = i == absent
                     ? FACET__NONE
                     : facet__graph_add_value(t->graph, NULL, 0, &unknown);
    facet__graph_add_node(
        t->graph, FACET__OP_SPLIT, "cut", &t->x, 1, out, parts);
    CHECK_OK(facet__node_set_int(last(t), "axis", 1));
    return out[0];
}

static void test_a_split_makes_every_part(void **state)
{
    net t = begin_map(1, 4, 2, 2);

    (void)state;
    refused(&t, split(&t, 2, 1), FACET_EDAMAGED, "output 1 is missing");
    t = begin_map(1, 5, 2, 2);
    refused(&t, split(&t, 4, FACET__NONE), FACET_EMODEL, "even parts");
}

static void test_nothing_does_not_expand(void **state)
{
    static const int64_t more[2] = { 1, 64 };
    net t = begin(2, (const int64_t[]){ 1, 4 });
    const int none = unary(&t, FACET__OP_CONSTANT_OF_SHAPE, "none",
        ints(&t, (const int64_t[]){ 1, 0 }, 2));

    (void)state;
    refused(&t, binary(&t, FACET__OP_EXPAND, "more", none, ints(&t, more, 2)),
        FACET_EMODEL, "does not expand");
}

/* x of 16 numbers, cut from `from` to `to` along `axes` in steps. */
static int cut(net *t, const int64_t *from, const int64_t *to,
    const int64_t *axes, const int64_t *steps, int count)
{
    const int in[5] = { t->x, ints(t, from, count), ints(t, to, count),
        ints(t, axes, count), ints(t, steps, count) };

    return node(t, FACET__OP_SLICE, "cut", in, 5);
}

static void test_an_axis_is_cut_once(void **state)
{
    static const int64_t from[2] = { 0, 8 }, to[2] = { 16, 16 };
    static const int64_t axes[2] = { 1, -1 }, steps[2] = { 1, 1 };
    net t = begin(2, (const int64_t[]){ 1, 16 });

    (void)state;
    refused(&t, cut(&t, from, to, axes, steps, 2), FACET_EDAMAGED, "twice");
}

static void test_steps_beyond_the_end_take_one_number(void **state)
{
    static const int64_t from[] = { 3, 3, INT64_MAX, 16 };
    static const int64_t to[] = { 16, INT64_MIN, INT64_MIN, INT64_MAX };
    static const int64_t steps[] = { INT64_MAX, INT64_MIN, INT64_MIN, 1 };
    static const float want[] = { 3.0f, 3.0f, 15.0f, -1.0f };
    static const int64_t axis = 1, dims[2] = { 1, 16 };

    (void)state;
    for (int i = 0; i < 4; i++) {
        float y[MOST] = { -1.0f };
        net t = begin(2, dims);

        CHECK_OK(
            run(&t, cut(&t, &from[i], &to[i], &axis, &steps[i], 1), dims, y));
        CHECK_NEAR(y[0], want[i], 0.0);
    }
}

static int prelu(net *t, int n, const int64_t *dims)
{
    static const float slopes[16] = { 0.5f };
    facet__shape shape = { .n = n };

    memcpy(shape.d, dims, (size_t)n * sizeof *dims);
    return binary(t, FACET__OP_PRELU, "slopes", t->x,
        constant(t, FACET__F32, &shape, slopes, NULL));
}

static void test_slopes_fit_the_map(void **state)
{
    static const int64_t two[1] = { 2 }, deep[3] = { 2, 1, 1 };
    static const int64_t more[5] = { 1, 1, 2, 1, 1 };
    net t = begin_map(1, 2, 4, 4);

    (void)state;
    refused(&t, prelu(&t, 1, two), FACET_EMODEL, "do not fit");
    t = begin_map(1, 2, 4, 4);
    refused(&t, prelu(&t, 5, more), FACET_EMODEL, "do not fit");
    t = begin_map(1, 2, 4, 4);
    CHECK_OK(
        run(&t, prelu(&t, 3, deep), (const int64_t[]){ 1, 2, 4, 4 }, NULL));
}

/* [2] against [n, 2, h, 2] is a slope a column, whatever the channels. */
static void test_slopes_of_columns_are_not_of_channels(void **state)
{
    static const float slopes[2] = { 1.0f, 0.0f };
    static const int64_t dims[4] = { 1, 2, 1, 2 };
    static const float minus[1] = { -1.0f };
    net t = begin_map(1, 2, 1, 2);
    const int y = binary(&t, FACET__OP_MUL, "minus", t.x, floats(&t, minus, 1));
    float got[MOST];

    (void)state;
    CHECK_OK(
        run(&t, binary(&t, FACET__OP_PRELU, "slopes", y, floats(&t, slopes, 2)),
            dims, got));
    for (int i = 0; i < 4; i++)
        CHECK_NEAR(got[i], i % 2 ? 0.0f : (float)-i, 0.0);
}

/* x of 2 x 2, to 4 x 4 by sizes, with scales beside them. */
static int resize(net *t, const float *scales, int count)
{
    static const int64_t sizes[4] = { 1, 1, 4, 4 };
    const int in[4] = { t->x, FACET__NONE, floats(t, scales, count),
        ints(t, sizes, 4) };
    const int out = node(t, FACET__OP_RESIZE, "up", in, 4);

    CHECK_OK(facet__node_set_string(
        last(t), "coordinate_transformation_mode", "pytorch_half_pixel"));
    return out;
}

static void test_scales_are_read_beside_sizes(void **state)
{
    const float zero[4] = { 1.0f, 1.0f, 0.0f, 0.0f };
    const float nan[4] = { 1.0f, 1.0f, NAN, NAN };
    net t = begin_map(1, 1, 2, 2);

    (void)state;
    refused(&t, resize(&t, zero, 4), FACET_EDAMAGED, "scale");
    t = begin_map(1, 1, 2, 2);
    refused(&t, resize(&t, nan, 4), FACET_EDAMAGED, "scale");
    t = begin_map(1, 1, 2, 2);
    CHECK_OK(
        run(&t, resize(&t, zero, 0), (const int64_t[]){ 1, 1, 2, 2 }, NULL));
}

static int pad(net *t, int fill)
{
    static const int64_t sides[4] = { 0, 1, 0, 1 };

    return node(t, FACET__OP_PAD, "pad",
        (const int[]){ t->x, ints(t, sides, 4), fill }, 3);
}

static void test_padding_is_one_number_of_the_type(void **state)
{
    static const int64_t dims[2] = { 1, 4 };
    static const float seven[1] = { 7.0f };
    float y[MOST];
    net t = begin(2, dims);

    (void)state;
    refused(&t, pad(&t, floats(&t, seven, 0)), FACET_EMODEL, "one number");
    t = begin(2, dims);
    refused(&t, pad(&t, one(&t, 7)), FACET_EMODEL, "one number");
    t = begin(2, dims);
    CHECK_OK(run(&t, pad(&t, floats(&t, seven, 1)), dims, y));
    CHECK_NEAR(y[0], 7.0f, 0.0);
    CHECK_NEAR(y[4], 3.0f, 0.0);
}

static void test_casts_keep_signs(void **state)
{
    static const int8_t bytes[2] = { -3, 5 };
    static const int64_t dims[1] = { 2 };
    float y[MOST];
    net t = begin(1, dims);
    const int small =
        constant(&t, FACET__I8, &(facet__shape){ 1, { 2 } }, bytes, "bytes");
    const int wide = unary(&t, FACET__OP_CAST, "wide", small);

    (void)state;
    CHECK_OK(facet__node_set_int(last(&t), "to", 1));
    CHECK_OK(run(&t, binary(&t, FACET__OP_ADD, "sum", t.x, wide), dims, y));
    CHECK_NEAR(y[0], -3.0f, 0.0);
    CHECK_NEAR(y[1], 6.0f, 0.0);
}

/* what a run finds out */

/* x [n, 8] from column n on: where to begin is told by x's own shape. */
static void test_integers_made_of_shapes_are_read(void **state)
{
    static const int64_t dims[2] = { 2, 8 };
    net t = begin(2, (const int64_t[]){ -1, 8 });
    const int shape = unary(&t, FACET__OP_SHAPE, "shape", t.x);
    const int n = binary(&t, FACET__OP_GATHER, "n", shape, one(&t, 0));
    const int from = unary(&t, FACET__OP_CONCAT, "from", n);
    const int in[4] = { t.x, from, one(&t, 8), one(&t, 1) };
    float y[MOST];

    (void)state;
    CHECK_OK(run(&t, node(&t, FACET__OP_SLICE, "cut", in, 4), dims, y));
    for (int i = 0; i < 12; i++)
        CHECK_NEAR(y[i], i / 6 * 8 + 2 + i % 6, 0.0);
}

static void test_integers_made_of_pictures_are_refused(void **state)
{
    static const int64_t dims[2] = { 2, 8 };
    net t = begin(2, (const int64_t[]){ -1, 8 });
    const int whole = unary(&t, FACET__OP_CAST, "whole", t.x);
    int back;

    (void)state;
    CHECK_OK(facet__node_set_int(last(&t), "to", 7));
    back = unary(&t, FACET__OP_CAST, "back", whole);
    CHECK_OK(facet__node_set_int(last(&t), "to", 1));
    assert_int_equal(run(&t, back, dims, NULL), FACET_EUNSUPPORTED);
    says("whole");
}

static void test_a_run_tells_what_it_could_not_do(void **state)
{
    static const int64_t dims[2] = { 2, 8 };
    static const int64_t sides[4] = { 0, 1, 0, 1 };
    net t = begin(2, (const int64_t[]){ -1, 8 });
    int y = binary(&t, FACET__OP_GATHER, "far", t.x, one(&t, 99));

    (void)state;
    CHECK_OK(facet__node_set_int(last(&t), "axis", 1));
    assert_int_equal(run(&t, y, dims, NULL), FACET_EMODEL);
    says("node 'far' (Gather): index 99 of 8");

    t = begin(2, (const int64_t[]){ -1, 8 });
    y = binary(&t, FACET__OP_PAD, "mirror", t.x, ints(&t, sides, 4));
    CHECK_OK(facet__node_set_string(last(&t), "mode", "reflect"));
    assert_int_equal(run(&t, y, dims, NULL), FACET_EUNSUPPORTED);
    says("node 'mirror' (Pad)");
}

/* what is read */

/* The graph as a file has it, with the one attribute of type `from` made one of
 * type `to` by a byte. */
static facet_status parse_with(net *t, int out, uint8_t from, uint8_t to)
{
    facet__graph *graph = NULL;
    uint8_t *bytes;
    void *written;
    size_t size, changed = 0;
    facet_status st;

    problem = (facet_error){ FACET_OK, "" };
    CHECK_OK(facet__graph_add_output(t->graph, out));
    CHECK_OK(facet__onnx_serialize(t->graph, &written, &size, &problem));
    facet__graph_free(t->graph);
    bytes = written;
    for (size_t i = 0; i + 2 < size; i++) /* field 20: the type */
        if (bytes[i] == 0xa0 && bytes[i + 1] == 1 && bytes[i + 2] == from) {
            bytes[i + 2] = to;
            changed++;
        }
    assert_int_equal(changed, 1);
    st = facet__onnx_parse(bytes, size, NULL, NULL, &graph, &problem);
    facet__graph_free(graph);
    facet__free(bytes);
    return st;
}

/* Types of attributes as ONNX numbers them. */
enum { AN_INT = 2, A_TENSOR = 4, THE_FLOATS = 6, THE_INTS = 7 };

static void test_attributes_are_of_their_type(void **state)
{
    static const int64_t perm[2] = { 1, 0 };
    static const float two[1] = { 2.0f };
    net t = begin(2, (const int64_t[]){ 3, 4 });
    int y = unary(&t, FACET__OP_TRANSPOSE, "turn", t.x);

    (void)state;
    CHECK_OK(facet__node_set_ints(last(&t), "perm", perm, 2));
    assert_int_equal(parse_with(&t, y, THE_INTS, THE_FLOATS), FACET_EDAMAGED);
    says("'perm' is of another type");

    t = begin(2, (const int64_t[]){ 3, 4 });
    y = unary(&t, FACET__OP_CONSTANT_OF_SHAPE, "twos", ints(&t, perm, 2));
    CHECK_OK(facet__node_set_tensor(last(&t), "value",
        facet__tensor_copy(t.graph->values[floats(&t, two, 1)].data)));
    assert_int_equal(parse_with(&t, y, A_TENSOR, AN_INT), FACET_EDAMAGED);
    says("'value' is of another type");
}

/* A product of x and nothing; it is looked at before shapes are inferred. */
static void test_a_product_of_nothing_is_refused(void **state)
{
    net t = begin(2, (const int64_t[]){ 3, 4 });
    facet_error err;

    (void)state;
    binary(&t, FACET__OP_MATMUL, "half", t.x, FACET__NONE);
    CHECK_OK(facet__onnx_join(t.graph, &err));
    facet__graph_free(t.graph);
}

/* Nodes without an output beside a DequantizeLinear, which makes the reader
 * look at all. */
static void test_nodes_that_make_nothing_are_passed_by(void **state)
{
    static const int8_t bytes[2] = { -3, 5 };
    static const float step[1] = { 0.5f };
    const int none = FACET__NONE;
    net t = begin(1, (const int64_t[]){ 2 });
    const int small =
        constant(&t, FACET__I8, &(facet__shape){ 1, { 2 } }, bytes, "bytes");
    const int wide =
        binary(&t, FACET__OP_DEQUANTIZE, "wide", small, floats(&t, step, 1));
    const int in[2] = { t.x, wide };
    facet_error err;

    (void)state;
    facet__graph_add_node(t.graph, FACET__OP_ADD, "lost", in, 2, &none, 1);
    facet__graph_add_node(t.graph, FACET__OP_MUL, "void", in, 2, NULL, 0);
    CHECK_OK(facet__graph_add_output(
        t.graph, binary(&t, FACET__OP_ADD, "sum", t.x, wide)));
    CHECK_OK(facet__onnx_take_grids(t.graph, &err));
    assert_int_equal(t.graph->n_nodes, 1);
    facet__graph_free(t.graph);
}

static void test_a_value_is_made_once(void **state)
{
    net t = begin(1, (const int64_t[]){ 2 });
    const facet__shape two = { 1, { 2 } };
    facet_error err;

    (void)state;
    CHECK_OK(facet__graph_add_output(
        t.graph, unary(&t, FACET__OP_RELU, "relu", t.x)));
    t.graph->values[t.x].data = facet__tensor_create(FACET__F32, &two);
    assert_int_equal(facet__graph_check(t.graph, &err), FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "'x' is a constant"));
    facet__graph_free(t.graph);
}

/* networks of two inputs */

static facet_model *two_inputs(const char *task)
{
    const facet__shape shape = { 4, { -1, 3, 128, 128 } };
    net t = begin_map(-1, 3, 128, 128);
    const int more =
        facet__graph_add_value(t.graph, "more", FACET__F32, &shape);
    facet_model *model;

    CHECK_OK(facet__graph_add_input(t.graph, more));
    CHECK_OK(facet__graph_set_meta(t.graph, "facet.task", task));
    CHECK_OK(load(&t, binary(&t, FACET__OP_ADD, "sum", t.x, more), &model));
    return model;
}

static void test_pictures_are_the_only_input(void **state)
{
    facet_model *model = two_inputs("detector");
    facet_detector *detector;
    facet_embedder *embedder;
    facet_landmarker *landmarker;
    facet_embedder_opts opts;
    facet_settings settings;

    (void)state;
    assert_int_equal(
        facet_detector_create(model, NULL, &detector, &problem), FACET_EMODEL);
    says("2 inputs");
    assert_int_equal(
        facet_landmarker_create(model, NULL, &landmarker, &problem),
        FACET_EMODEL);
    says("2 inputs");
    facet_settings_init(&settings);
    facet_embedder_opts_init(&opts);
    opts.settings = &settings;
    assert_int_equal(
        facet_embedder_create(model, &opts, &embedder, &problem), FACET_EMODEL);
    says("2 inputs");
    facet_model_free(model);
}

/* sizes that are open when the network is read */

/* The middle pixel of every 64 x 64. */
static int thin(net *t, const char *name, int x)
{
    static const int64_t kernel[2] = { 1, 1 }, strides[2] = { 64, 64 };
    const int y = unary(t, FACET__OP_MAX_POOL, name, x);

    CHECK_OK(facet__node_set_ints(last(t), "kernel_shape", kernel, 2));
    CHECK_OK(facet__node_set_ints(last(t), "strides", strides, 2));
    return y;
}

/* y = x + b for maps of two channels, one pixel in 64 x 64 of x. */
static int thin_conv(net *t, int x)
{
    static const int64_t strides[2] = { 64, 64 };
    static const float same[4] = { 1, 0, 0, 1 };
    const int filters = constant(
        t, FACET__F32, &(facet__shape){ 4, { 2, 2, 1, 1 } }, same, "filters");
    const int y = binary(t, FACET__OP_CONV, "conv", x, filters);

    CHECK_OK(facet__node_set_ints(last(t), "strides", strides, 2));
    return y;
}

static void test_open_sizes_are_compared_when_known(void **state)
{
    static const int64_t dims[4] = { 1, 2, 8, 8 };
    net t = begin_map(-1, 2, -1, -1);
    float y[MOST];

    (void)state;
    assert_int_equal(
        run(&t, binary(&t, FACET__OP_ADD, "sum", thin(&t, "pool", t.x), t.x),
            dims, NULL),
        FACET_EUNSUPPORTED);
    says("'sum'");
    t = begin_map(-1, 2, -1, -1);
    CHECK_OK(run(&t,
        binary(&t, FACET__OP_ADD, "sum", t.x, thin(&t, "pool", t.x)), dims, y));
    for (int i = 0; i < 128; i++)
        CHECK_NEAR(y[i], i + i / 64 * 64, 0.0);
    t = begin_map(-1, 2, -1, -1);
    assert_int_equal(
        run(&t, binary(&t, FACET__OP_ADD, "sum", thin_conv(&t, t.x), t.x), dims,
            NULL),
        FACET_EUNSUPPORTED);
    says("'conv'");
}

/* A map that is none for one picture: Squeeze takes what happens to be 1. */
static void test_a_map_stays_a_map(void **state)
{
    static const int64_t dims[4] = { 1, 2, 1, 8 };
    net t = begin_map(-1, 2, -1, -1);
    const int y = unary(&t, FACET__OP_SQUEEZE, "thin", t.x);

    (void)state;
    assert_int_equal(
        run(&t, unary(&t, FACET__OP_GLOBAL_MAX_POOL, "top", y), dims, NULL),
        FACET_EUNSUPPORTED);
    says("no map");
}

/* Two images become two channels; then three. */
static void test_norms_fit_their_map(void **state)
{
    static const int64_t dims[4] = { 3, 4, 2, 2 }, perm[4] = { 1, 0, 2, 3 };
    static const float ones[2] = { 1, 1 };
    net t = begin_map(2, 4, 2, 2);
    const int turned = unary(&t, FACET__OP_TRANSPOSE, "turn", t.x);
    int in[5] = { turned };

    (void)state;
    CHECK_OK(facet__node_set_ints(last(&t), "perm", perm, 4));
    for (int i = 1; i < 5; i++)
        in[i] = floats(&t, ones, 2);
    assert_int_equal(
        run(&t, node(&t, FACET__OP_BATCH_NORM, "norm", in, 5), dims, NULL),
        FACET_EMODEL);
    says("'norm'");
}

static void test_outputs_are_floats(void **state)
{
    net t = begin(2, (const int64_t[]){ -1, 4 });

    (void)state;
    refused(&t, unary(&t, FACET__OP_SHAPE, "shape", t.x), FACET_EUNSUPPORTED,
        "not of floats");
}

/* Sixteen gigabytes of zeros, of which one number is wanted. */
static void test_folding_has_a_budget(void **state)
{
    static const int64_t sizes[4] = { 1, 1024, 2048, 2048 };
    net t = begin_map(-1, 1, 1, 1);
    const int zeros =
        unary(&t, FACET__OP_CONSTANT_OF_SHAPE, "zeros", ints(&t, sizes, 4));
    const int sum = binary(&t, FACET__OP_ADD, "sum", t.x, zeros);
    facet_model *model;

    (void)state;
    CHECK_OK(load(
        &t, unary(&t, FACET__OP_GLOBAL_AVERAGE_POOL, "mean", sum), &model));
    assert_int_equal(facet_model_parameter_count(model), 0);
    facet_model_free(model);
}

/* training */

/* One training pass over two pictures of x = [n, 2, 4, 4]. */
static facet_status train(net *t, int out)
{
    const facet__learner_opts opts = { .threads = 1, .apart = true };
    const int flat = unary(t, FACET__OP_FLATTEN, "flat", out);
    static const float x[2 * 2 * 4 * 4] = { 1.0f };
    float direction[2 * 64] = { 1.0f };
    facet__learner *learner = NULL;
    const float *y;
    facet_status st;

    problem = (facet_error){ FACET_OK, "" };
    CHECK_OK(facet__graph_add_output(t->graph, flat));
    st = facet__learner_create(t->graph, &opts, &learner, &problem);
    facet__graph_free(t->graph);
    if (st == FACET_OK)
        st = facet__learner_forward(learner, x, 2, true, 1, &y, &problem);
    if (st == FACET_OK)
        st = facet__learner_backward(learner, direction, &problem);
    facet__learner_free(learner);
    return st;
}

static int conv(net *t, int x, int stride)
{
    static const float same[4] = { 1, 0, 0, 1 };
    const int filters = constant(
        t, FACET__F32, &(facet__shape){ 4, { 2, 2, 1, 1 } }, same, NULL);
    const int y =
        binary(t, FACET__OP_CONV, stride > 1 ? "far" : "near", x, filters);

    CHECK_OK(facet__node_set_ints(
        last(t), "strides", (const int64_t[]){ stride, stride }, 2));
    return y;
}

static void cannot_train(net *t, int out, const char *name)
{
    assert_int_equal(train(t, out), FACET_EUNSUPPORTED);
    says(name);
}

static net learner_net(void)
{
    return begin_map(-1, 2, 4, 4);
}

static void test_sums_that_learn_are_of_equal_maps(void **state)
{
    static const float two[1] = { 2.0f };
    net t = learner_net();

    (void)state;
    cannot_train(&t,
        binary(&t, FACET__OP_ADD, "sum", conv(&t, t.x, 1), floats(&t, two, 1)),
        "'sum' cannot be trained");
    t = learner_net();
    cannot_train(&t,
        binary(
            &t, FACET__OP_MUL, "times", floats(&t, two, 1), conv(&t, t.x, 1)),
        "'times' cannot be trained");
    t = learner_net();
    cannot_train(&t,
        binary(&t, FACET__OP_ADD, "sum", conv(&t, t.x, 1), conv(&t, t.x, 4)),
        "'sum' cannot be trained");
    t = learner_net();
    cannot_train(&t,
        binary(&t, FACET__OP_MUL, "times", conv(&t, t.x, 4), conv(&t, t.x, 1)),
        "'times' cannot be trained");
    t = learner_net();
    CHECK_OK(train(&t, binary(&t, FACET__OP_MUL, "times", conv(&t, t.x, 1),
                           conv(&t, t.x, 4))));
}

/* A kernel_shape beside filters is not believed. */
static void test_windows_that_learn_are_their_filters(void **state)
{
    net t = learner_net();
    const int y = conv(&t, t.x, 1);

    (void)state;
    CHECK_OK(facet__node_set_ints(
        last(&t), "kernel_shape", (const int64_t[]){ 3 }, 1));
    CHECK_OK(train(&t, y));
}

static void test_weights_that_learn_fit_their_map(void **state)
{
    static const float ones[4] = { 1, 1, 1, 1 };
    net t = learner_net();
    int in[3] = { t.x };
    int y = binary(
        &t, FACET__OP_PRELU, "slopes", conv(&t, t.x, 1), floats(&t, ones, 4));

    (void)state;
    cannot_train(&t, y, "'slopes' cannot be trained");
    t = learner_net();
    in[0] = unary(&t, FACET__OP_FLATTEN, "row", t.x);
    in[1] = constant(&t, FACET__F32, &(facet__shape){ 2, { 2, 32 } },
        (const float[64]){ 1 }, NULL);
    in[2] = floats(&t, ones, 1);
    y = node(&t, FACET__OP_GEMM, "dense", in, 3);
    CHECK_OK(facet__node_set_int(last(&t), "transB", 1));
    cannot_train(&t, y, "'dense' cannot be trained");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_network_has_not_too_many_nodes),
        cmocka_unit_test(test_a_node_has_not_too_many_attributes),
        cmocka_unit_test(test_an_old_softmax_of_several_axes_is_refused),
        cmocka_unit_test(test_an_array_has_one_type),
        cmocka_unit_test(test_sizes_beyond_any_machine_are_not_joined),
        cmocka_unit_test(test_a_split_makes_every_part),
        cmocka_unit_test(test_nothing_does_not_expand),
        cmocka_unit_test(test_an_axis_is_cut_once),
        cmocka_unit_test(test_steps_beyond_the_end_take_one_number),
        cmocka_unit_test(test_slopes_fit_the_map),
        cmocka_unit_test(test_slopes_of_columns_are_not_of_channels),
        cmocka_unit_test(test_scales_are_read_beside_sizes),
        cmocka_unit_test(test_padding_is_one_number_of_the_type),
        cmocka_unit_test(test_casts_keep_signs),
        cmocka_unit_test(test_integers_made_of_shapes_are_read),
        cmocka_unit_test(test_integers_made_of_pictures_are_refused),
        cmocka_unit_test(test_a_run_tells_what_it_could_not_do),
        cmocka_unit_test(test_attributes_are_of_their_type),
        cmocka_unit_test(test_a_product_of_nothing_is_refused),
        cmocka_unit_test(test_nodes_that_make_nothing_are_passed_by),
        cmocka_unit_test(test_a_value_is_made_once),
        cmocka_unit_test(test_pictures_are_the_only_input),
        cmocka_unit_test(test_open_sizes_are_compared_when_known),
        cmocka_unit_test(test_a_map_stays_a_map),
        cmocka_unit_test(test_norms_fit_their_map),
        cmocka_unit_test(test_outputs_are_floats),
        cmocka_unit_test(test_folding_has_a_budget),
        cmocka_unit_test(test_sums_that_learn_are_of_equal_maps),
        cmocka_unit_test(test_windows_that_learn_are_their_filters),
        cmocka_unit_test(test_weights_that_learn_fit_their_map),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
