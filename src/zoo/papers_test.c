/* SPDX-License-Identifier: Apache-2.0 */
/* The networks of the four papers against their tables: shapes, parameters and
 * multiply-adds of each layer, exactly and as the papers print them
 * (papers.md A.1 to A.3, B.2, C.2, D.1). */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "nn/cost.h"
#include "zoo/zoo.h"

/* A network whose every size is known. */
typedef struct network {
    facet__graph *graph;
    facet__fact *facts;
} network;

static network network_of(const char *name, int64_t dim, bool batch_norm)
{
    const facet__zoo_opts opts = {
        .dim = dim, .batch_norm = batch_norm, .blank = true
    };
    facet_error err = { 0 };
    facet__shape shape;
    network n;

    if (facet__zoo_build_as(name, &opts, &n.graph, &err) != FACET_OK)
        fail_msg("%s: %s", name, err.msg);
    shape = n.graph->values[n.graph->inputs[0]].shape;
    shape.d[0] = 1;
    if (facet__infer(n.graph, &shape, 0, &n.facts, &err) != FACET_OK)
        fail_msg("%s: %s", name, err.msg);
    return n;
}

static void release(network *n)
{
    facet__facts_free(n->facts, n->graph->n_values);
    facet__graph_free(n->graph);
}

/* A layer: the node of that name and those called "name.part". */
static bool belongs(const char *node, const char *layer)
{
    const size_t n = strlen(layer);

    return strncmp(node, layer, n) == 0 && (node[n] == '\0' || node[n] == '.');
}

static facet__cost cost_of(const network *n, const char *layer)
{
    facet__cost sum = { 0 };
    int found = 0;

    for (int i = 0; i < n->graph->n_nodes; i++) {
        const facet__node *node = &n->graph->nodes[i];

        if (*layer && !belongs(node->name, layer))
            continue;
        const facet__cost c = facet__node_cost(n->graph, n->facts, node);

        found++;
        sum.filters += c.filters;
        sum.macs += c.macs;
        sum.bias_adds += c.bias_adds;
        if (c.filters) /* not the ratio of a dropout or a norm's numbers */
            sum.parameters += c.parameters;
    }
    if (found == 0)
        fail_msg("there is no layer '%s'", layer);
    return sum;
}

static void check_shape(
    const network *n, const char *value, int64_t c, int64_t h, int64_t w)
{
    const int v = facet__graph_find_value(n->graph, value);

    if (v == FACET__NONE)
        fail_msg("there is no value '%s'", value);
    const facet__shape *s = &n->facts[v].shape;

    if (s->n != (h ? 4 : 2) || s->d[1] != c ||
        (h && (s->d[2] != h || s->d[3] != w)))
        fail_msg("'%s': %lld channels of %lldx%lld", value, (long long)s->d[1],
            (long long)s->d[2], (long long)s->d[3]);
}

/* As the papers round: 9K, 664K, 1.6M, 103M; multiply-adds below 1M as 0.5M. */
static void check_printed(
    const char *layer, uint64_t number, bool thousands, const char *printed)
{
    const double x = (double)number;
    char text[32];

    if (!printed)
        return;
    if (thousands && x < 999.5e3)
        snprintf(text, sizeof text, "%.0fK", x / 1e3);
    else if (x < 9.95e6)
        snprintf(text, sizeof text, "%.1fM", x / 1e6);
    else if (x < 999.5e6)
        snprintf(text, sizeof text, "%.0fM", x / 1e6);
    else
        snprintf(text, sizeof text, "%.1fB", x / 1e9);
    if (strcmp(text, printed) != 0)
        fail_msg("'%s': %s where the paper prints %s", layer, text, printed);
}

/* A row of FaceNet's tables; the paper counts biases in both numbers. */
typedef struct facenet_row {
    const char *layer, *out; /* nodes; the value it makes */
    int64_t c, h;
    uint64_t weights, params, macs;
    const char *params_printed, *macs_printed;
} facenet_row;

static void check_rows(const network *n, const facenet_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const facenet_row *r = &rows[i];
        const facet__cost cost = cost_of(n, r->layer);

        check_shape(n, r->out, r->c, r->h, r->h);
        assert_int_equal(cost.filters, r->weights);
        assert_int_equal(cost.parameters, r->params);
        assert_int_equal(cost.macs + cost.bias_adds, r->macs);
        check_printed(r->layer, r->params, true, r->params_printed);
        check_printed(r->layer, r->macs, false, r->macs_printed);
    }
}

static void check_total(
    const network *n, uint64_t weights, uint64_t params, uint64_t macs)
{
    const facet__cost cost = cost_of(n, "");

    assert_int_equal(cost.filters, weights);
    assert_int_equal(cost.parameters, params);
    assert_int_equal(cost.macs + cost.bias_adds, macs);
}

static void test_nn1_is_table_1(void **state)
{
    static const facenet_row rows[] = {
        { "conv1", "conv1.relu", 64, 110, 9408, 9472, 114611200, "9K", "115M" },
        { "conv2a", "conv2a.relu", 64, 55, 4096, 4160, 12584000, "4K", "13M" },
        { "conv2", "conv2.relu", 192, 55, 110592, 110784, 335121600, "111K",
            "335M" },
        { "conv3a", "conv3a.relu", 192, 28, 36864, 37056, 29051904, "37K",
            "29M" },
        { "conv3", "conv3.relu", 384, 28, 663552, 663936, 520525824, "664K",
            "521M" },
        { "conv4a", "conv4a.relu", 384, 14, 147456, 147840, 28976640, "148K",
            "29M" },
        { "conv4", "conv4.relu", 256, 14, 884736, 884992, 173458432, "885K",
            "173M" },
        { "conv5a", "conv5a.relu", 256, 14, 65536, 65792, 12895232, "66K",
            "13M" },
        { "conv5", "conv5.relu", 256, 14, 589824, 590080, 115655680, "590K",
            "116M" },
        { "conv6a", "conv6a.relu", 256, 14, 65536, 65792, 12895232, "66K",
            "13M" },
        { "conv6", "conv6.relu", 256, 14, 589824, 590080, 115655680, "590K",
            "116M" },
        { "fc1", "fc1.maxout", 4096, 0, 102760448, 102768640, 102768640, "103M",
            "103M" },
        { "fc2", "fc2.maxout", 4096, 0, 33554432, 33562624, 33562624, "34M",
            "34M" },
        { "fc7128", "embedding", 128, 0, 524288, 524416, 524416, "524K",
            "0.5M" },
    };
    network n = network_of("facenet-nn1", 0, false);

    (void)state;
    check_rows(&n, rows, sizeof rows / sizeof rows[0]);
    check_total(&n, 140006592, 140025664, 1608287104);
    check_printed("total", 140025664, true, "140M");
    check_printed("total", 1608287104, false, "1.6B");
    check_shape(&n, "pool1", 64, 55, 55);
    check_shape(&n, "rnorm1", 64, 55, 55);
    check_shape(&n, "pool2", 192, 28, 28);
    check_shape(&n, "pool3", 384, 14, 14);
    check_shape(&n, "pool4", 256, 7, 7);
    release(&n);
}

/* Of 4a the paper prints 545K parameters, cut off or without biases. */
static void test_nn2_is_table_2(void **state)
{
    static const facenet_row rows[] = {
        { "conv1", "conv1.relu", 64, 112, 9408, 9472, 118816768, "9K", "119M" },
        { "2", "2.3x3.relu", 192, 56, 114688, 114944, 360464384, "115K",
            "360M" },
        { "3a", "3a", 256, 28, 163328, 163696, 128337664, "164K", "128M" },
        { "3b", "3b", 320, 28, 227328, 227776, 178576384, "228K", "179M" },
        { "3c", "3c", 640, 14, 397312, 397792, 108166912, "398K", "108M" },
        { "4a", "4a", 640, 14, 544768, 545536, 106925056, NULL, "107M" },
        { "4b", "4b", 640, 14, 594432, 595216, 116662336, "595K", "117M" },
        { "4c", "4c", 640, 14, 653312, 654112, 128205952, "654K", "128M" },
        { "4d", "4d", 640, 14, 721408, 722224, 141555904, "722K", "142M" },
        { "4e", "4e", 1024, 7, 716800, 717408, 56259840, "717K", "56M" },
        { "5a", "5a", 1024, 7, 1587200, 1588464, 77834736, "1.6M", "78M" },
        { "5b", "5b", 1024, 7, 1587200, 1588464, 77834736, "1.6M", "78M" },
        { "fc", "embedding", 128, 0, 131072, 131200, 131200, "131K", "0.1M" },
    };
    network n = network_of("facenet-nn2", 0, false);

    (void)state;
    check_rows(&n, rows, sizeof rows / sizeof rows[0]);
    check_total(&n, 7448256, 7456304, 1599771872);
    check_printed("total", 7456304, true, "7.5M");
    check_printed("total", 1599771872, false, "1.6B");
    check_shape(&n, "norm1", 64, 56, 56);
    check_shape(&n, "pool2", 192, 28, 28);
    check_shape(&n, "pool", 1024, 1, 1);
    release(&n);
}

static void test_nn3_and_nn4_are_nn2_on_smaller_pictures(void **state)
{
    network nn3 = network_of("facenet-nn3", 0, false);
    network nn4 = network_of("facenet-nn4", 0, false);
    const facet__cost c3 = cost_of(&nn3, ""), c4 = cost_of(&nn4, "");

    (void)state;
    assert_int_equal(c3.parameters, 7456304);
    assert_int_equal((c3.macs + c3.bias_adds + 50000) / 100000, 8163);
    check_shape(&nn3, "conv1.relu", 64, 80, 80);
    check_shape(&nn3, "2.3x3.relu", 192, 40, 40);
    check_shape(&nn3, "3b", 320, 20, 20);
    check_shape(&nn3, "4d", 640, 10, 10);
    check_shape(&nn3, "5b", 1024, 5, 5);
    assert_int_equal(c4.parameters, 6607888);
    check_printed("NN4", c4.parameters, false, "6.6M");
    check_printed("NN4", c4.macs + c4.bias_adds, false, "285M");
    check_shape(&nn4, "conv1.relu", 64, 48, 48);
    check_shape(&nn4, "3b", 320, 12, 12);
    check_shape(&nn4, "4d", 640, 6, 6);
    check_shape(&nn4, "4e", 896, 3, 3);
    check_shape(&nn4, "5b", 896, 3, 3);
    release(&nn3);
    release(&nn4);
}

/* OpenFace prints 7,472,144 for NN2 with batch normalisation: a factor and a
 * shift for each of the 7,920 channels that a convolution makes. */
static void test_nn2_with_batch_norm_has_openface_s_count(void **state)
{
    network n = network_of("facenet-nn2", 0, true);
    uint64_t learned = cost_of(&n, "").parameters;

    (void)state;
    for (int i = 0; i < n.graph->n_nodes; i++)
        if (n.graph->nodes[i].op == FACET__OP_BATCH_NORM)
            learned += 2 * (uint64_t)facet__shape_count(
                               &n.facts[n.graph->nodes[i].in[1]].shape);
    assert_int_equal(learned, 7472144);
    release(&n);
}

/* What is published of them: input, 26M and 220M; 4.3M and 20M. */
static void test_nns1_and_nns2_have_their_published_sizes(void **state)
{
    network s1 = network_of("facenet-nns1", 0, false);
    network s2 = network_of("facenet-nns2", 0, false);
    const facet__cost c1 = cost_of(&s1, ""), c2 = cost_of(&s2, "");

    (void)state;
    check_shape(&s1, "input", 3, 165, 165);
    check_printed("NNS1", c1.parameters, false, "26M");
    check_printed("NNS1", c1.macs + c1.bias_adds, false, "220M");
    check_shape(&s2, "input", 3, 140, 116);
    check_printed("NNS2", c2.parameters, false, "4.3M");
    check_printed("NNS2", c2.macs + c2.bias_adds, false, "20M");
    release(&s1);
    release(&s2);
}

typedef struct layer_row {
    const char *layer, *out;
    int64_t c, h;
    uint64_t params, macs; /* with biases; without */
} layer_row;

static void test_vgg_face_d_is_the_released_network(void **state)
{
    static const layer_row rows[] = {
        { "conv1_1", "conv1_1.relu", 64, 224, 1792, 86704128 },
        { "conv1_2", "conv1_2.relu", 64, 224, 36928, 1849688064 },
        { "conv2_1", "conv2_1.relu", 128, 112, 73856, 924844032 },
        { "conv2_2", "conv2_2.relu", 128, 112, 147584, 1849688064 },
        { "conv3_1", "conv3_1.relu", 256, 56, 295168, 924844032 },
        { "conv3_2", "conv3_2.relu", 256, 56, 590080, 1849688064 },
        { "conv3_3", "conv3_3.relu", 256, 56, 590080, 1849688064 },
        { "conv4_1", "conv4_1.relu", 512, 28, 1180160, 924844032 },
        { "conv4_2", "conv4_2.relu", 512, 28, 2359808, 1849688064 },
        { "conv4_3", "conv4_3.relu", 512, 28, 2359808, 1849688064 },
        { "conv5_1", "conv5_1.relu", 512, 14, 2359808, 462422016 },
        { "conv5_2", "conv5_2.relu", 512, 14, 2359808, 462422016 },
        { "conv5_3", "conv5_3.relu", 512, 14, 2359808, 462422016 },
        { "fc6", "drop6", 4096, 0, 102764544, 102760448 },
        { "fc7", "drop7", 4096, 0, 16781312, 16777216 },
        { "fc8", "embedding", 2622, 0, 10742334, 10739712 },
    };
    network n = network_of("vgg-face-d", 2622, false);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const facet__cost cost = cost_of(&n, rows[i].layer);

        check_shape(&n, rows[i].out, rows[i].c, rows[i].h, rows[i].h);
        assert_int_equal(cost.parameters, rows[i].params);
        assert_int_equal(cost.macs, rows[i].macs);
    }
    check_shape(&n, "pool5", 512, 7, 7);
    release(&n);
}

static void test_vgg_face_has_its_totals(void **state)
{
    static const struct {
        const char *name;
        uint64_t classes, metric, macs;
    } rows[] = {
        { "vgg-face-a", 139508670, 132961664, 7615733760 },
        { "vgg-face-b", 139693182, 133146176, 11315109888 },
        { "vgg-face-d", 145002878, 138455872, 15476908032 },
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        network n = network_of(rows[i].name, 2622, false);
        network m = network_of(rows[i].name, 1024, false);
        network d = network_of(rows[i].name, 0, false);

        assert_int_equal(cost_of(&n, "").parameters, rows[i].classes);
        assert_int_equal(cost_of(&n, "").macs, rows[i].macs);
        assert_int_equal(cost_of(&m, "").parameters, rows[i].metric);
        check_shape(&d, "embedding", 4096, 0, 0);
        assert_int_equal(
            cost_of(&d, "").parameters, rows[i].classes - 10742334);
        release(&n);
        release(&m);
        release(&d);
    }
}

/* B and D are grown from a trained A: all that A has, they have. */
static void test_vgg_face_b_and_d_have_the_layers_of_a(void **state)
{
    network a = network_of("vgg-face-a", 0, false);

    (void)state;
    for (int k = 0; k < 2; k++) {
        network b = network_of(k ? "vgg-face-d" : "vgg-face-b", 0, false);

        for (int v = 0; v < a.graph->n_values; v++) {
            const facet__value *value = &a.graph->values[v];
            int w;

            if (!value->data)
                continue;
            w = facet__graph_find_value(b.graph, value->name);
            assert_true(w != FACET__NONE);
            assert_true(facet__shape_equal(
                &value->data->shape, &b.graph->values[w].data->shape));
        }
        release(&b);
    }
    release(&a);
}

static void test_deepface_is_its_figure(void **state)
{
    static const struct {
        const char *layer, *out;
        int64_t c, h;
        uint64_t weights, biases, macs;
    } rows[] = {
        { "C1", "C1.relu", 32, 142, 11616, 32, 234225024 },
        { "C3", "C3.relu", 16, 63, 41472, 16, 164602368 },
        { "L4", "L4.relu", 16, 55, 62726400, 48400, 62726400 },
        { "L5", "L5.relu", 16, 25, 7840000, 10000, 7840000 },
        { "L6", "L6.relu", 16, 21, 2822400, 7056, 2822400 },
        { "F7", "F7.drop", 4096, 0, 28901376, 4096, 28901376 },
        { "F8", "embedding", 4030, 0, 16506880, 4030, 16506880 },
    };
    network n = network_of("deepface", 4030, false);
    const facet__cost all = cost_of(&n, "");

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const facet__cost cost = cost_of(&n, rows[i].layer);

        check_shape(&n, rows[i].out, rows[i].c, rows[i].h, rows[i].h);
        assert_int_equal(cost.filters, rows[i].weights);
        assert_int_equal(cost.parameters - cost.filters, rows[i].biases);
        assert_int_equal(cost.macs, rows[i].macs);
    }
    check_shape(&n, "M2", 32, 71, 71);
    assert_int_equal(all.filters, 118850144);
    assert_int_equal(all.parameters - all.filters, 73630);
    assert_int_equal(all.macs, 517624448);
    release(&n);
}

/* papers.md C.7: a unit of L6 sees 73x73 pixels (the paper says 74x74). */
static void test_deepface_s_l6_sees_73_pixels(void **state)
{
    network n = network_of("deepface", 0, false);
    int64_t field = 1, step = 1;

    (void)state;
    for (int i = 0; i < n.graph->n_nodes; i++) {
        const facet__node *node = &n.graph->nodes[i];
        const facet__attr *strides = facet__node_attr(node, "strides");
        const facet__attr *kernel = facet__node_attr(node, "kernel_shape");

        if (!strides || !kernel)
            continue;
        field += (kernel->ints[0] - 1) * step;
        step *= strides->ints[0];
    }
    assert_int_equal(field, 73);
    assert_int_equal(step, 4);
    release(&n);
}

static void test_deepface_begins_as_the_paper_says(void **state)
{
    const facet__zoo_opts opts = { .seed = 1, .dim = 0 };
    facet__graph *g;
    double sum = 0.0, squares = 0.0;
    const float *w, *bias;
    size_t n;
    int v;

    (void)state;
    CHECK_OK(facet__zoo_build_as("deepface", &opts, &g, NULL));
    v = facet__graph_find_value(g, "C3.weight");
    w = g->values[v].data->data;
    n = g->values[v].data->bytes / sizeof *w;
    for (size_t i = 0; i < n; i++) {
        sum += (double)w[i];
        squares += (double)w[i] * (double)w[i];
    }
    CHECK_NEAR(sum / (double)n, 0.0, 3e-4);
    CHECK_NEAR(squares / (double)n, 1e-4, 3e-6);
    bias = g->values[facet__graph_find_value(g, "L6.bias")].data->data;
    for (size_t i = 0; i < 7056; i++)
        assert_true(bias[i] == 0.5f);
    facet__graph_free(g);
}

static void test_tpe_base_is_the_consistent_reading(void **state)
{
    static const layer_row rows[] = {
        { "conv1", "conv1.prelu", 96, 55, 34848, 0 },
        { "conv2", "conv2.prelu", 256, 27, 614400, 0 },
        { "conv3", "conv3.prelu", 384, 13, 884736, 0 },
        { "conv4", "conv4.prelu", 384, 13, 1327104, 0 },
        { "conv5", "conv5.prelu", 512, 13, 1769472, 0 },
        { "conv6", "conv6.prelu", 512, 13, 2359296, 0 },
        { "conv7", "conv7.prelu", 512, 13, 2359296, 0 },
        { "fc6", "fc6.prelu", 1024, 0, 18874368, 0 },
        { "fc7", "fc7", 512, 0, 524288, 0 },
        { "fc8", "embedding", 10548, 0, 5400576, 0 },
    };
    network n = network_of("tpe-base", 10548, false);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_shape(&n, rows[i].out, rows[i].c, rows[i].h, rows[i].h);
        assert_int_equal(cost_of(&n, rows[i].layer).filters, rows[i].params);
    }
    check_shape(&n, "pool7", 512, 6, 6);
    assert_int_equal(cost_of(&n, "").filters, 34148384);
    release(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nn1_is_table_1),
        cmocka_unit_test(test_nn2_is_table_2),
        cmocka_unit_test(test_nn3_and_nn4_are_nn2_on_smaller_pictures),
        cmocka_unit_test(test_nn2_with_batch_norm_has_openface_s_count),
        cmocka_unit_test(test_nns1_and_nns2_have_their_published_sizes),
        cmocka_unit_test(test_vgg_face_d_is_the_released_network),
        cmocka_unit_test(test_vgg_face_has_its_totals),
        cmocka_unit_test(test_vgg_face_b_and_d_have_the_layers_of_a),
        cmocka_unit_test(test_deepface_is_its_figure),
        cmocka_unit_test(test_deepface_s_l6_sees_73_pixels),
        cmocka_unit_test(test_deepface_begins_as_the_paper_says),
        cmocka_unit_test(test_tpe_base_is_the_consistent_reading),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
