/* SPDX-License-Identifier: Apache-2.0 */
/* The rarer forms of operators: what the engine computes is what plain C says,
 * and what neither computes is refused where the network is read, by name. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "check.h"
#include "net.h"
#include "nn/graph.h"
#include "nn/model_private.h"
#include "nn/onnx.h"
#include "nn/onnx_private.h"
#include "nn/reference.h"

enum { MOST = 4096 };

static facet_error problem; /* what the last refusal said */

static int floats(net *t, facet__shape shape, const float *numbers)
{
    return constant(t, FACET__F32, &shape, numbers, NULL);
}

static void set_ints(const net *t, const char *name, const int64_t *x, size_t n)
{
    CHECK_OK(facet__node_set_ints(last(t), name, x, n));
}

static void set_text(const net *t, const char *name, const char *text)
{
    CHECK_OK(facet__node_set_string(last(t), name, text));
}

static void says(facet_status st, facet_status want, const char *text)
{
    if (st != want || !strstr(problem.msg, text))
        fail_msg("%s: \"%s\", not %s: \"%s\"", facet_status_name(st),
            problem.msg, facet_status_name(want), text);
}

/* x: from -1.5 up, with a number that is none at `none`. */
static facet__tensor *picture(const facet__shape *shape, int64_t none)
{
    facet__tensor *x = facet__tensor_create(FACET__F32, shape);

    assert_non_null(x);
    for (int64_t i = 0; i < facet__shape_count(shape); i++)
        ((float *)x->data)[i] =
            i == none ? NAN : (float)(i * 7 % 19) * 0.5f - 1.5f;
    return x;
}

/* The engine's output 0. */
static facet_status run(
    facet_model *model, const facet__tensor *x, float *y, size_t *count)
{
    facet_session *session;
    facet_tensor_info info;
    facet_status st;

    CHECK_OK(facet_session_create(model, NULL, &session, &problem));
    st = facet_session_reshape(session, x->shape.d, &problem);
    if (st == FACET_OK) {
        memcpy(facet_session_input(session, 0), x->data, x->bytes);
        st = facet_session_run(session, &problem);
    }
    if (st == FACET_OK) {
        const float *from = facet_session_output(session, 0, &info);

        *count = 1;
        for (int i = 0; i < info.n_dims; i++)
            *count *= (size_t)info.dims[i];
        assert_true(*count <= MOST);
        memcpy(y, from, *count * sizeof *y);
    }
    facet_session_free(session);
    return st;
}

static facet_status load(net *t, int out, facet_model **model)
{
    problem = (facet_error){ FACET_OK, "" };
    CHECK_OK(facet__graph_add_output(t->graph, out));
    return facet__model_create(t->graph, FACET_PRECISION_FP32, model, &problem);
}

static bool is_close(float got, float want)
{
    if (isnan((double)want))
        return isnan((double)got);
    if (isinf((double)want))
        return got == want;
    return fabsf(got - want) <= 1e-5f * (1.0f + fabsf(want));
}

static void check_equal(const float *got, const float *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_close(got[i], want[i]))
            fail_msg(
                "number %zu is %g, not %g", i, (double)got[i], (double)want[i]);
}

/* The engine gives what plain C gives; y[MOST], where given, is that. */
static void same_with(
    net *t, int out, const int64_t *dims, int64_t none, float *y)
{
    facet__shape shape = t->graph->values[t->x].shape;
    facet__tensor *x, *want = NULL;
    facet_model *model;
    float got[MOST];
    size_t n = 0;

    memcpy(shape.d, dims, (size_t)shape.n * sizeof *dims);
    x = picture(&shape, none);
    problem = (facet_error){ FACET_OK, "" };
    CHECK_OK(facet__graph_add_output(t->graph, out));
    if (facet__reference_run(t->graph, (const facet__tensor *[]){ x }, &want,
            &problem) != FACET_OK ||
        facet__model_create(t->graph, FACET_PRECISION_FP32, &model, &problem) !=
            FACET_OK ||
        run(model, x, got, &n) != FACET_OK)
        fail_msg("%s", problem.msg);
    assert_int_equal(n * sizeof *got, want->bytes);
    check_equal(got, want->data, n);
    if (y)
        memcpy(y, got, n * sizeof *y);
    facet_model_free(model);
    facet__tensor_free(want);
    facet__tensor_free(x);
}

static void same(net *t, int out, const int64_t *dims, float *y)
{
    same_with(t, out, dims, -1, y);
}

/* The network is refused when it is read. */
static void refused(net *t, int out, facet_status want, const char *text)
{
    facet_model *model;
    const facet_status st = load(t, out, &model);

    facet_model_free(model);
    says(st, want, text);
}

/* The graph as a file, read again. */
static facet_status parse(net *t, int out, facet__graph **again)
{
    void *bytes;
    size_t size;
    facet_status st;

    problem = (facet_error){ FACET_OK, "" };
    CHECK_OK(facet__graph_add_output(t->graph, out));
    CHECK_OK(facet__onnx_serialize(t->graph, &bytes, &size, &problem));
    facet__graph_free(t->graph);
    st = facet__onnx_parse(bytes, size, NULL, NULL, again, &problem);
    facet__free(bytes);
    return st;
}

static void not_read(net *t, int out, facet_status want, const char *text)
{
    facet__graph *again = NULL;
    const facet_status st = parse(t, out, &again);

    facet__graph_free(again);
    says(st, want, text);
}

/* windows */

static int pool(net *t, facet__op_kind op, const int64_t *kernel,
    const int64_t *pads, const int64_t *dilations)
{
    const int y = unary(t, op, "form", t->x);

    set_ints(t, "kernel_shape", kernel, 2);
    set_ints(t, "pads", pads, 4);
    if (dilations)
        set_ints(t, "dilations", dilations, 2);
    return y;
}

static void test_rows_that_see_nothing(void **state)
{
    static const int64_t dims[4] = { 2, 3, 2, 5 };
    static const facet__op_kind kinds[] = { FACET__OP_MAX_POOL,
        FACET__OP_AVERAGE_POOL, FACET__OP_LP_POOL };

    (void)state;
    for (int k = 0; k < 3; k++) {
        net t = begin_map(-1, 3, -1, -1);

        same(&t,
            pool(&t, kinds[k], (const int64_t[]){ 1, 1 },
                (const int64_t[]){ 1, 0, 1, 0 }, NULL),
            dims, NULL);
        t = begin_map(-1, 3, -1, -1);
        same(&t,
            pool(&t, kinds[k], (const int64_t[]){ 2, 2 },
                (const int64_t[]){ 2, 1, 2, 1 },
                k ? NULL : (const int64_t[]){ 4, 1 }),
            dims, NULL);
    }
}

static int resize(net *t, const float scales[4], const char *mode,
    const char *coordinates, const char *nearest)
{
    const int in[3] = { t->x, FACET__NONE,
        floats(t, (facet__shape){ 1, { 4 } }, scales) };
    const int y = node(t, FACET__OP_RESIZE, "form", in, 3);

    set_text(t, "mode", mode);
    set_text(t, "coordinate_transformation_mode", coordinates);
    set_text(t, "nearest_mode", nearest);
    return y;
}

static void test_scales_are_the_models(void **state)
{
    static const float scales[][4] = { { 1, 1, 2, 3 }, { 1, 1, 0.4f, 1.5f },
        { 1, 1, 1.3f, 0.7f }, { 1, 1.4f, 1, 1 } };
    static const char *const modes[] = { "nearest", "linear", "bilinear" };
    static const char *const nearest[] = { "floor", "round_prefer_floor",
        "ceil" };
    static const char *const coordinates[] = { "half_pixel", "asymmetric",
        "align_corners", "pytorch_half_pixel" };
    static const int64_t dims[4] = { 1, 2, 7, 5 };

    (void)state;
    for (int i = 0; i < 4 * 3 * 3 * 4; i++) {
        net t = begin_map(-1, 2, -1, -1);

        same(&t,
            resize(&t, scales[i % 4], modes[i / 4 % 3], coordinates[i / 12 % 4],
                nearest[i / 48]),
            dims, NULL);
    }
}

/* A map of no columns, to 3 x 3 by sizes. */
static void test_nothing_is_not_resized(void **state)
{
    static const int64_t sizes[4] = { 1, 2, 3, 3 };
    net t = begin_map(-1, 2, 4, 4);
    const int in[4] = { t.x, ints(&t, (const int64_t[]){ 4 }, 1),
        ints(&t, (const int64_t[]){ 9 }, 1),
        ints(&t, (const int64_t[]){ 3 }, 1) };
    const int none = node(&t, FACET__OP_SLICE, "form", in, 4);
    const int to[4] = { none, FACET__NONE, FACET__NONE, ints(&t, sizes, 4) };

    (void)state;
    refused(&t, node(&t, FACET__OP_RESIZE, "form", to, 4), FACET_EMODEL,
        "no pixels");
}

static void test_whole_scales_are_a_step(void **state)
{
    static const float twice[4] = { 1, 1, 2, 2 };
    net t = begin_map(-1, 2, -1, -1);
    facet_model *model;
    const char *name, *of;
    bool found = false;

    (void)state;
    CHECK_OK(
        load(&t, resize(&t, twice, "linear", "half_pixel", "floor"), &model));
    for (size_t i = 0; (name = facet__model_step(model, i, &of)); i++)
        found = found || strcmp(name, "upsample") == 0;
    assert_true(found);
    facet_model_free(model);
}

/* attributes */

static void test_texts_that_say_nothing_known_are_refused(void **state)
{
    static const int64_t one[2] = { 1, 1 };
    static const float twice[4] = { 1, 1, 2, 2 };
    static const struct {
        const char *name, *text;
    } bad[] = { { "mode", "foo" }, { "mode", "cubic" },
        { "coordinate_transformation_mode", "tf_crop_and_resize" },
        { "nearest_mode", "simple" },
        { "keep_aspect_ratio_policy", "not_larger" } };
    net t;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int y;

        t = begin_map(-1, 2, -1, -1);
        y = resize(&t, twice, "linear", "half_pixel", "floor");
        set_text(&t, bad[i].name, bad[i].text);
        not_read(&t, y, FACET_EUNSUPPORTED, bad[i].name);
        assert_non_null(strstr(problem.msg, "node 'form' (Resize)"));
    }
    for (int i = 0; i < 2; i++) {
        int y;

        t = begin_map(-1, 2, -1, -1);
        y = unary(&t, FACET__OP_MAX_POOL, "form", t.x);
        set_ints(&t, "kernel_shape", one, 2);
        set_text(&t, "auto_pad", i ? "FOO" : "SAMEISH");
        not_read(&t, y, FACET_EUNSUPPORTED, "auto_pad");
    }
}

static void test_numbers_that_nobody_heeds_are_refused(void **state)
{
    static const float twice[4] = { 1, 1, 2, 2 };
    static const int64_t axes[2] = { 2, 3 };
    net t = begin_map(-1, 2, -1, -1);
    int y = resize(&t, twice, "linear", "half_pixel", "floor");
    facet__graph *again;

    (void)state;
    CHECK_OK(facet__node_set_int(last(&t), "antialias", 1));
    not_read(&t, y, FACET_EUNSUPPORTED, "antialias 1");
    t = begin_map(-1, 2, -1, -1);
    y = resize(&t, twice, "linear", "half_pixel", "floor");
    set_ints(&t, "axes", axes, 2);
    not_read(&t, y, FACET_EUNSUPPORTED, "some axes");
    t = begin_map(-1, 2, -1, -1);
    y = resize(&t, twice, "linear", "half_pixel", "floor");
    CHECK_OK(facet__node_set_int(last(&t), "antialias", 0));
    set_text(&t, "keep_aspect_ratio_policy", "stretch");
    CHECK_OK(parse(&t, y, &again)); /* and opset 14 has neither */
    assert_null(facet__node_attr(&again->nodes[0], "antialias"));
    assert_null(facet__node_attr(&again->nodes[0], "keep_aspect_ratio_policy"));
    facet__graph_free(again);
}

/* What a node of an older file says in attributes stands among its inputs, once
 * it is read: nothing of it is written again. */
static void test_what_has_moved_is_said_once(void **state)
{
    static const int64_t pads[8] = { 0, 0, 1, 1, 0, 0, 1, 1 };
    static const float scales[4] = { 1, 1, 2, 2 };
    static const char *const moved[] = { "min", "max", "pads", "value",
        "scales", "axes" };
    net t = begin_map(-1, 2, -1, -1);
    int y = unary(&t, FACET__OP_CLIP, "form", t.x);

    (void)state;
    CHECK_OK(facet__node_set_float(last(&t), "min", 0.0f));
    CHECK_OK(facet__node_set_float(last(&t), "max", 6.0f));
    y = unary(&t, FACET__OP_UPSAMPLE, "form", y);
    CHECK_OK(facet__node_set_floats(last(&t), "scales", scales, 4));
    y = unary(&t, FACET__OP_PAD, "form", y);
    set_ints(&t, "pads", pads, 8);
    CHECK_OK(facet__node_set_float(last(&t), "value", 1.0f));
    y = unary(&t, FACET__OP_UNSQUEEZE, "form", y);
    set_ints(&t, "axes", (const int64_t[]){ 4 }, 1);
    for (int i = 0; i < t.graph->n_nodes; i++) {
        CHECK_OK(facet__onnx_upgrade(t.graph, i, 7, &problem));
        for (size_t k = 0; k < sizeof moved / sizeof *moved; k++)
            assert_null(facet__node_attr(&t.graph->nodes[i], moved[k]));
        assert_true(t.graph->nodes[i].n_in > 1);
    }
    same(&t, y, (const int64_t[]){ 1, 2, 3, 2 }, NULL);
}

static void not_written(net *t, int out)
{
    void *bytes;
    size_t size;

    CHECK_OK(facet__graph_add_output(t->graph, out));
    says(facet__onnx_serialize(t->graph, &bytes, &size, &problem),
        FACET_EUNSUPPORTED, "not in opset 14");
    facet__graph_free(t->graph);
}

static void test_what_opset_14_cannot_say_is_not_written(void **state)
{
    static const int64_t kernel[2] = { 2, 2 }, ones[2] = { 1, 1 };
    const facet__shape unknown = { .n = -1 };
    net t = begin_map(-1, 5, 4, 4);
    int out[2];

    (void)state;
    for (int i = 0; i < 2; i++)
        out[i] = facet__graph_add_value(t.graph, NULL, 0, &unknown);
    facet__graph_add_node(t.graph, FACET__OP_SPLIT, "form", &t.x, 1, out, 2);
    CHECK_OK(facet__node_set_int(last(&t), "axis", 1));
    not_written(&t, out[0]);
    t = begin_map(-1, 5, 4, 4);
    out[0] = unary(&t, FACET__OP_LP_POOL, "form", t.x);
    set_ints(&t, "kernel_shape", kernel, 2);
    set_ints(&t, "dilations", ones, 2);
    CHECK_OK(facet__onnx_upgrade(t.graph, 0, 18, &problem));
    assert_null(facet__node_attr(last(&t), "dilations"));
    CHECK_OK(facet__node_set_int(last(&t), "ceil_mode", 1));
    not_written(&t, out[0]);
}

/* reductions */

/* A sum over `axes`, an input, or none; as the reader settles it. */
static int sum_over(net *t, const int64_t *axes, int count, bool noop)
{
    const int in[2] = { t->x, axes ? ints(t, axes, count) : FACET__NONE };
    const int y = node(t, FACET__OP_REDUCE_SUM, "form", in, axes ? 2 : 1);

    CHECK_OK(facet__node_set_int(last(t), "noop_with_empty_axes", noop));
    CHECK_OK(facet__onnx_settle(t->graph, &problem));
    return y;
}

static void test_no_axes_are_all_or_none(void **state)
{
    static const int64_t dims[4] = { 1, 2, 2, 3 }, none[1] = { 0 };
    float y[MOST];

    (void)state;
    for (int i = 0; i < 4; i++) {
        net t = begin_map(-1, 2, -1, -1);

        same(&t, sum_over(&t, i & 1 ? none : NULL, 0, i & 2), dims, y);
        if (i & 2)
            CHECK_NEAR(y[1], 2.0, 1e-6);
        else
            CHECK_NEAR(y[0], 32.5, 1e-4);
    }
}

/* integers */

/* x + a to the power of b */
static int power(net *t, int64_t a, int64_t b)
{
    const int whole =
        binary(t, FACET__OP_POW, "form", ints(t, &a, 1), ints(t, &b, 1));
    const int number = unary(t, FACET__OP_CAST, "form", whole);

    CHECK_OK(facet__node_set_int(last(t), "to", 1));
    return binary(t, FACET__OP_ADD, "form", t->x, number);
}

static void test_powers_of_integers(void **state)
{
    static const struct {
        int64_t a, b;
        double is;
    } cases[] = { { 5, 2, 25 }, { -2, 3, -8 }, { 7, 0, 1 }, { 0, 0, 1 },
        { -1, INT64_MAX, -1 }, { 1, -5, 1 }, { 3, -1, 0 }, { 0, 4, 0 } };
    static const int64_t dims[1] = { 2 };
    float y[MOST];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        net t = begin(1, dims);

        same(&t, power(&t, cases[i].a, cases[i].b), dims, y);
        CHECK_NEAR(y[0], cases[i].is - 1.5, 1e-6);
    }
    for (int i = 0; i < 2; i++) {
        net t = begin(1, dims);

        refused(&t, i ? power(&t, 0, -1) : power(&t, 10, 19), FACET_EMODEL,
            "integers overflow");
    }
}

/* products */

static int gemm(net *t, facet__shape c)
{
    static const float filters[16] = { 1, 0, 0, 2, 0, 1, 0, 0, 3, 0, 1, 0, 0, 0,
        0, 1 };
    static const float add[16] = { 10, 20, 30, 40 };
    const int in[3] = { t->x, floats(t, (facet__shape){ 2, { 4, 4 } }, filters),
        floats(t, c, add) };

    return node(t, FACET__OP_GEMM, "form", in, 3);
}

static void test_a_column_is_added_to_columns(void **state)
{
    static const facet__shape forms[] = { { 2, { 4, 1 } }, { 2, { 1, 4 } },
        { 1, { 4 } }, { 1, { 1 } }, { 0, { 0 } }, { 2, { 4, 4 } } };
    static const int64_t dims[2] = { 4, 4 };
    net t;

    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        t = begin(2, (const int64_t[]){ -1, 4 });
        same(&t, gemm(&t, forms[i]), dims, NULL);
    }
    t = begin(2, (const int64_t[]){ -1, 4 });
    refused(&t, gemm(&t, (facet__shape){ 1, { 3 } }), FACET_EMODEL, "C");
}

static void test_a_column_fits_the_rows(void **state)
{
    const facet__shape two = { 2, { 2, 4 } };
    facet__tensor *x = picture(&two, -1);
    net t = begin(2, (const int64_t[]){ -1, 4 });
    facet_model *model;
    float y[MOST];
    size_t n;

    (void)state;
    CHECK_OK(load(&t, gemm(&t, (facet__shape){ 2, { 4, 1 } }), &model));
    says(run(model, x, y, &n), FACET_EMODEL, "node 'form' (Gemm)");
    facet_model_free(model);
    facet__tensor_free(x);
}

/* what is no number */

static void test_what_is_no_number_stays_none(void **state)
{
    static const facet__op_kind kinds[] = { FACET__OP_RELU,
        FACET__OP_LEAKY_RELU, FACET__OP_ELU, FACET__OP_SIGMOID,
        FACET__OP_HARD_SIGMOID, FACET__OP_HARD_SWISH, FACET__OP_TANH };
    static const int64_t dims[4] = { 1, 3, 4, 5 };
    float y[MOST];

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int64_t none = 3; none < 60; none += 55) {
            net t = begin_map(-1, 3, -1, -1);

            same_with(&t, unary(&t, kinds[i], "form", t.x), dims, none, y);
            assert_true(isnan((double)y[none]));
        }
}

/* A convolution of `group` groups that keeps its 20 channels, and a ReLU or
 * PRelu behind. */
static int conv(net *t, int64_t group, int64_t kernel, bool slope)
{
    static const float ones[20 * 20 * 25] = { 1, -1, 1, 0, -1 };
    static const float slopes[20] = { 0.5f, 0.25f };
    const int64_t pads[4] = { kernel / 2, kernel / 2, kernel / 2, kernel / 2 };
    const int y = binary(t, FACET__OP_CONV, "form", t->x,
        floats(
            t, (facet__shape){ 4, { 20, 20 / group, kernel, kernel } }, ones));

    set_ints(t, "pads", pads, 4);
    CHECK_OK(facet__node_set_int(last(t), "group", group));
    return slope ? binary(t, FACET__OP_PRELU, "form", y,
                       floats(t, (facet__shape){ 3, { 20, 1, 1 } }, slopes))
                 : unary(t, FACET__OP_RELU, "form", y);
}

static void test_convolutions_keep_what_is_no_number(void **state)
{
    static const int64_t dims[4] = { 1, 20, 4, 5 };

    (void)state;
    for (int i = 0; i < 8; i++) {
        net t = begin_map(-1, 20, -1, -1);

        same_with(
            &t, conv(&t, i & 1 ? 20 : 1, i & 2 ? 5 : 1, i & 4), dims, 7, NULL);
    }
}

/* Tiles have it in more places than plain C. */
static void test_tiles_keep_what_is_no_number(void **state)
{
    const facet__shape shape = { 4, { 1, 20, 8, 8 } };
    facet__tensor *x = picture(&shape, 27);
    float y[MOST];
    size_t n;

    (void)state;
    for (int i = 0; i < 2; i++) {
        net t = begin_map(-1, 20, -1, -1);
        facet_model *model;

        CHECK_OK(load(&t, conv(&t, 1, 3, i), &model));
        CHECK_OK(run(model, x, y, &n));
        assert_true(isnan((double)y[27]));
        facet_model_free(model);
    }
    facet__tensor_free(x);
}

static void test_weights_are_finite(void **state)
{
    float filters[16] = { 1, 0, NAN };
    net t = begin(2, (const int64_t[]){ -1, 4 });

    (void)state;
    for (int i = 0; i < 2; i++) {
        refused(&t,
            binary(&t, FACET__OP_MATMUL, "form", t.x,
                floats(&t, (facet__shape){ 2, { 4, 4 } }, filters)),
            FACET_EMODEL, "of node 'form' are not all finite");
        t = begin(2, (const int64_t[]){ -1, 4 });
        filters[2] = -INFINITY;
    }
    same(&t, /* a mask */
        binary(&t, FACET__OP_ADD, "form", t.x,
            floats(&t, (facet__shape){ 1, { 4 } }, filters)),
        (const int64_t[]){ 1, 4 }, NULL);
}

/* forms */

static void test_the_largest_of_three(void **state)
{
    static const float one[1] = { 1.0f }, row[4] = { 0, 3, -2, 9 };
    static const int64_t dims[2] = { 3, 4 };

    (void)state;
    for (int i = 0; i < 3; i++) {
        net t = begin(2, (const int64_t[]){ -1, 4 });
        const int in[3] = {
            i == 2 ? t.x : floats(&t, (facet__shape){ 1, { 1 } }, one),
            floats(&t, (facet__shape){ 2, { 1, 4 } }, row), t.x
        };

        same(&t,
            node(&t, i == 1 ? FACET__OP_MIN : FACET__OP_MAX, "form", in,
                i == 2 ? 1 : 3),
            dims, NULL);
    }
}

static int pad(net *t, int64_t before, const char *mode)
{
    const int64_t sides[4] = { 0, before, 0, 1 };
    const int y = binary(t, FACET__OP_PAD, "form", t->x, ints(t, sides, 4));

    set_text(t, "mode", mode);
    return y;
}

static void test_forms_that_are_not_computed_are_named(void **state)
{
    static const int64_t row[2] = { -1, 4 };
    static const float ones[4] = { 1, 1, 1, 1 };
    const int64_t less[2] = { -2, 4 }, one[2] = { 1, 1 };
    net t = begin(2, row);
    int y;

    (void)state;
    refused(&t, pad(&t, 1, "reflect"), FACET_EUNSUPPORTED, "'reflect'");
    t = begin(2, row);
    refused(&t, pad(&t, -1, "constant"), FACET_EUNSUPPORTED, "a padding of -1");
    t = begin(2, row);
    y = node(&t, FACET__OP_PAD, "form",
        (const int[]){ t.x, ints(&t, one, 2), FACET__NONE, ints(&t, one, 1) },
        4);
    refused(&t, y, FACET_EUNSUPPORTED, "some axes");
    t = begin(2, row);
    y = binary(&t, FACET__OP_MATMUL, "form", t.x,
        floats(&t, (facet__shape){ 1, { 4 } }, ones));
    refused(&t, y, FACET_EUNSUPPORTED, "a vector");
    t = begin(2, row);
    y = binary(&t, FACET__OP_RESHAPE, "form", t.x, ints(&t, less, 2));
    refused(&t, y, FACET_EDAMAGED, "size -2");
    t = begin_map(1, 2, 4, 4);
    y = unary(&t, FACET__OP_MAX_POOL, "form", t.x);
    set_ints(&t, "kernel_shape", one, 2);
    last(&t)->out = facet__grow(last(&t)->out, sizeof y, 2 * sizeof y);
    last(&t)->n_out = 2;
    last(&t)->out[1] = y;
    says(facet__onnx_upgrade(t.graph, 0, 14, &problem), FACET_EUNSUPPORTED,
        "Indices");
    facet__graph_free(t.graph);
}

static void test_what_is_required_is_there(void **state)
{
    net t = begin_map(1, 2, 4, 4);

    (void)state;
    unary(&t, FACET__OP_LRN, "form", t.x);
    for (int i = 0; i < 2; i++) {
        says(facet__onnx_upgrade(t.graph, 0, 14, &problem), FACET_EDAMAGED,
            "size is missing");
        CHECK_OK(facet__node_set_int(last(&t), "size", 0));
    }
    CHECK_OK(facet__node_set_int(last(&t), "size", 1));
    CHECK_OK(facet__onnx_upgrade(t.graph, 0, 14, &problem));
    facet__graph_free(t.graph);
}

static void test_indices_of_32_bits_cut(void **state)
{
    static const int32_t from[1] = { 1 }, to[1] = { 3 }, axis[1] = { 1 };
    const facet__shape one = { 1, { 1 } };
    net t = begin(2, (const int64_t[]){ -1, 4 });
    const int in[4] = { t.x, constant(&t, FACET__I32, &one, from, NULL),
        constant(&t, FACET__I32, &one, to, NULL),
        constant(&t, FACET__I32, &one, axis, NULL) };
    const int y = node(&t, FACET__OP_SLICE, "form", in, 4);
    float got[MOST];

    (void)state;
    CHECK_OK(facet__onnx_settle(t.graph, &problem));
    same(&t, y, (const int64_t[]){ 1, 4 }, got);
    CHECK_NEAR(got[0], 2.0, 1e-6);
}

/* sizes */

static void test_a_session_stays_as_it_was(void **state)
{
    static const int64_t fits[4] = { 1, 3, 2, 2 }, other[4] = { 1, 4, 2, 2 };
    static const int64_t huge[4] = { (int64_t)1 << 62, 3, 2, 2 };
    static const int64_t many[4] = { 1 << 20, 3, 1 << 20, 1 << 20 };
    net t = begin_map(-1, 3, -1, -1);
    facet_model *model;
    facet_session *session;

    (void)state;
    CHECK_OK(load(&t, unary(&t, FACET__OP_RELU, "form", t.x), &model));
    CHECK_OK(facet_session_create(model, NULL, &session, &problem));
    CHECK_OK(facet_session_reshape(session, fits, &problem));
    says(facet_session_reshape(session, other, &problem), FACET_EINVAL,
        "input 'x' is");
    assert_non_null(facet_session_input(session, 0));
    says(facet_session_reshape(session, huge, &problem), FACET_ELIMIT,
        "input 'x'");
    assert_non_null(facet_session_input(session, 0));
    CHECK_OK(facet_session_run(session, &problem));
    says(facet_session_reshape(session, many, &problem), FACET_ELIMIT,
        "too many");
    assert_null(facet_session_input(session, 0));
    facet_session_free(session);
    facet_model_free(model);
}

static void test_no_size_is_larger_than_any_machine(void **state)
{
    static const float scales[4] = { 1, 1, 65535, 1 };
    static const int64_t sizes[4] = { 1, 1, INT64_MAX, 2 };
    net t = begin_map(1, 1, (int64_t)1 << 38, 2);
    int in[4] = { FACET__NONE, FACET__NONE, FACET__NONE, FACET__NONE };

    (void)state;
    refused(&t, resize(&t, scales, "linear", "asymmetric", "floor"),
        FACET_ELIMIT, "too many");
    t = begin_map(1, 1, 2, 2);
    in[0] = t.x;
    in[3] = ints(&t, sizes, 4);
    refused(&t, node(&t, FACET__OP_RESIZE, "form", in, 4), FACET_ELIMIT,
        "too many");
    t = begin_map(1, 1, INT64_MAX, 2);
    not_read(&t, t.x, FACET_ELIMIT, "input 'x'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_that_see_nothing),
        cmocka_unit_test(test_scales_are_the_models),
        cmocka_unit_test(test_nothing_is_not_resized),
        cmocka_unit_test(test_whole_scales_are_a_step),
        cmocka_unit_test(test_texts_that_say_nothing_known_are_refused),
        cmocka_unit_test(test_numbers_that_nobody_heeds_are_refused),
        cmocka_unit_test(test_what_has_moved_is_said_once),
        cmocka_unit_test(test_what_opset_14_cannot_say_is_not_written),
        cmocka_unit_test(test_no_axes_are_all_or_none),
        cmocka_unit_test(test_powers_of_integers),
        cmocka_unit_test(test_a_column_is_added_to_columns),
        cmocka_unit_test(test_a_column_fits_the_rows),
        cmocka_unit_test(test_what_is_no_number_stays_none),
        cmocka_unit_test(test_convolutions_keep_what_is_no_number),
        cmocka_unit_test(test_tiles_keep_what_is_no_number),
        cmocka_unit_test(test_weights_are_finite),
        cmocka_unit_test(test_the_largest_of_three),
        cmocka_unit_test(test_forms_that_are_not_computed_are_named),
        cmocka_unit_test(test_what_is_required_is_there),
        cmocka_unit_test(test_indices_of_32_bits_cut),
        cmocka_unit_test(test_a_session_stays_as_it_was),
        cmocka_unit_test(test_no_size_is_larger_than_any_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
