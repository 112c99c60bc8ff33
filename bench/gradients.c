/* SPDX-License-Identifier: Apache-2.0 */
/* gradients.c - a small network's gradients, for another library to check.
 *
 *   bench_gradients            the names of the cases
 *   bench_gradients CASE fp32|bf16 [PICTURES]
 *
 * One training pass forward and back. Prints one line of JSON that says what
 * the network is, then floats: the pictures [n][h][w][3], dL/dout, the output,
 * and of each constant its value before the pass and, if it learns, its
 * gradient. tools/check_gradients_torch.py reads it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/build.h"
#include "nn/learn/learner.h"
#include "nn/ops.h"

enum { HEIGHT = 17, WIDTH = 15, DIM = 8, STREAM = 5 };

static uint32_t noise = 7;

static float uniform(void)
{
    noise = noise * 1664525u + 1013904223u;
    return (float)(noise >> 8) / 8388608.0f - 1.0f;
}

/* the cases: what stands between a first 1x1 convolution of 8 channels and a
 * dense layer */

static int conv(facet__builder *b, int x)
{
    return facet__build_conv(b, "conv", x,
        (facet__conv_spec){
            .out = 6, .kernel = 3, .stride = 2, .pad = 1, .bias = true });
}

static int dilated(facet__builder *b, int x)
{
    return facet__build_conv(b, "conv", x,
        (facet__conv_spec){ .out = 6, .kernel = 3, .pad = 2, .dilation = 2 });
}

static int grouped(facet__builder *b, int x)
{
    return facet__build_conv(b, "conv", x,
        (facet__conv_spec){ .out = 8, .kernel = 3, .pad = 1, .group = 4 });
}

static int depthwise(facet__builder *b, int x)
{
    x = facet__build_conv(b, "one", x,
        (facet__conv_spec){ .out = 8, .kernel = 3, .pad = 1, .group = 8 });
    return facet__build_conv(b, "two", x,
        (facet__conv_spec){ .out = 8,
            .kernel = 3,
            .stride = 2,
            .pad = 1,
            .group = 8,
            .bias = true });
}

static int local(facet__builder *b, int x)
{
    return facet__build_local_conv(b, "local", x,
        (facet__conv_spec){ .out = 6, .kernel = 3, .stride = 2, .bias = true });
}

static int batch_norm(facet__builder *b, int x)
{
    return facet__build_batch_norm(b, "bn", x);
}

static int prelu(facet__builder *b, int x)
{
    return facet__build_prelu(b, "prelu", x);
}

static int relu(facet__builder *b, int x)
{
    return facet__build_relu(b, "relu", x);
}

static int sigmoid(facet__builder *b, int x)
{
    return facet__build_sigmoid(b, "sigmoid", x);
}

static int hyperbolic(facet__builder *b, int x)
{
    return facet__build_tanh(b, "tanh", x);
}

static int hard_swish(facet__builder *b, int x)
{
    return facet__build_hard_swish(b, "swish", x);
}

static int lrn(facet__builder *b, int x)
{
    return facet__build_lrn(
        b, "lrn", x, (facet__lrn_spec){ 5, 0.5f, 0.75f, 1.0f });
}

static int max_pool(facet__builder *b, int x)
{
    return facet__build_max_pool(
        b, "pool", x, (facet__pool_spec){ .kernel = 3, .stride = 2, .pad = 1 });
}

static int average_pool(facet__builder *b, int x)
{
    return facet__build_average_pool(
        b, "pool", x, (facet__pool_spec){ .kernel = 3, .stride = 2, .pad = 1 });
}

static int l2_pool(facet__builder *b, int x)
{
    return facet__build_l2_pool(
        b, "pool", x, (facet__pool_spec){ .kernel = 3, .stride = 2 });
}

static int global_pool(facet__builder *b, int x)
{
    return facet__build_global_average_pool(b, "pool", x);
}

static int maxout(facet__builder *b, int x)
{
    return facet__build_maxout(b, "maxout", x, 2);
}

static int dropout(facet__builder *b, int x)
{
    return facet__build_dropout(b, "drop", x, 0.3f);
}

static int add(facet__builder *b, int x)
{
    return facet__build_add(b, "sum", x,
        facet__build_conv(
            b, "conv", x, (facet__conv_spec){ .out = 8, .kernel = 1 }));
}

static int mul(facet__builder *b, int x)
{
    int gate = facet__build_global_average_pool(b, "pool", x);

    gate = facet__build_conv(
        b, "gate", gate, (facet__conv_spec){ .out = 8, .kernel = 1 });
    return facet__build_mul(
        b, "scale", x, facet__build_sigmoid(b, "open", gate));
}

static int concat(facet__builder *b, int x)
{
    const int parts[2] = { x,
        facet__build_conv(
            b, "conv", x, (facet__conv_spec){ .out = 4, .kernel = 1 }) };

    return facet__build_concat(b, "both", parts, 2);
}

static int l2_normalize(facet__builder *b, int x)
{
    return facet__build_l2_normalize(
        b, "unit", facet__build_flatten(b, "flat", x));
}

/* Convolution, norm and, unless it is linear, PReLU. */
static int layer(facet__builder *b, const char *name, int x, bool linear,
    facet__conv_spec spec)
{
    char part[96];

    x = facet__build_conv(b, name, x, spec);
    snprintf(part, sizeof part, "%s.bn", name);
    x = facet__build_batch_norm(b, part, x);
    snprintf(part, sizeof part, "%s.prelu", name);
    return linear ? x : facet__build_prelu(b, part, x);
}

static int bottleneck(
    facet__builder *b, int x, const char *name, int64_t stride)
{
    char part[64];
    int y;

    snprintf(part, sizeof part, "%s.expand", name);
    y = layer(b, part, x, false, (facet__conv_spec){ .out = 32, .kernel = 1 });
    snprintf(part, sizeof part, "%s.dw", name);
    y = layer(b, part, y, false,
        (facet__conv_spec){
            .out = 32, .kernel = 3, .stride = stride, .pad = 1, .group = 32 });
    snprintf(part, sizeof part, "%s.project", name);
    y = layer(b, part, y, true, (facet__conv_spec){ .out = 16, .kernel = 1 });
    snprintf(part, sizeof part, "%s.sum", name);
    return stride == 1 ? facet__build_add(b, part, x, y) : y;
}

/* The head and the blocks of a MobileFaceNet. */
static int mobilefacenet_blocks(facet__builder *b, int x)
{
    x = layer(b, "head", x, false,
        (facet__conv_spec){ .out = 16, .kernel = 3, .pad = 1 });
    x = bottleneck(b, x, "a", 2);
    x = bottleneck(b, x, "b", 1);
    return bottleneck(b, x, "c", 1);
}

static const struct {
    const char *name;
    int (*build)(facet__builder *b, int x);
} cases[] = { { "conv", conv }, { "dilated", dilated }, { "grouped", grouped },
    { "depthwise", depthwise }, { "local", local },
    { "batch_norm", batch_norm }, { "prelu", prelu }, { "relu", relu },
    { "sigmoid", sigmoid }, { "tanh", hyperbolic },
    { "hard_swish", hard_swish }, { "lrn", lrn }, { "max_pool", max_pool },
    { "average_pool", average_pool }, { "l2_pool", l2_pool },
    { "global_pool", global_pool }, { "maxout", maxout },
    { "dropout", dropout }, { "add", add }, { "mul", mul },
    { "concat", concat }, { "l2_normalize", l2_normalize },
    { "mobilefacenet_blocks", mobilefacenet_blocks } };

static facet__graph *graph_of(const char *name, facet_error *err)
{
    facet__builder b;
    facet__graph *graph = NULL;
    int x;

    facet__build_begin(&b, name, 3);
    x = facet__build_input(&b, "input", 3, HEIGHT, WIDTH);
    x = facet__build_conv(&b, "first", x,
        (facet__conv_spec){ .out = 8, .kernel = 1, .bias = true });
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (strcmp(cases[i].name, name) == 0)
            x = cases[i].build(&b, x);
    if (facet__build_shape(&b, x).n == 4)
        x = facet__build_flatten(&b, "flatten", x);
    x = facet__build_dense(&b, "dense", x, DIM, true);
    facet__build_output(&b, "out", x);
    if (facet__build_finish(&b, &graph, err) != FACET_OK)
        return NULL;
    return graph;
}

/* what it prints */

static const char *op_name(const facet__node *node)
{
    if (node->op == FACET__OP_LOCAL_CONV)
        return "LocalConv";
    return node->op == FACET__OP_MAXOUT ? "Maxout"
                                        : facet__op_of(node->op)->name;
}

static void print_attr(const facet__attr *a)
{
    printf("\"%s\":", a->name);
    if (a->type == FACET__ATTR_FLOAT)
        printf("%.9g", (double)a->f);
    else if (a->type == FACET__ATTR_STRING)
        printf("\"%s\"", a->s);
    else if (a->type == FACET__ATTR_INTS)
        for (size_t i = 0; i < a->count; i++)
            printf("%s%lld%s", i ? "," : "[", (long long)a->ints[i],
                i + 1 == a->count ? "]" : "");
    else
        printf("%lld", (long long)a->i);
}

static void print_node(const facet__graph *g, const facet__node *node)
{
    printf("{\"op\":\"%s\",\"out\":%d,\"in\":[", op_name(node), node->out[0]);
    for (int i = 0; i < node->n_in; i++)
        printf("%s%d", i ? "," : "", node->in[i]);
    printf("],\"attrs\":{");
    for (int i = 0; i < node->n_attr; i++) {
        if (i)
            printf(",");
        print_attr(&node->attr[i]);
    }
    printf("}}%s", node == &g->nodes[g->n_nodes - 1] ? "" : ",");
}

static const facet__weight *weight_of(facet__learner *net, const char *name)
{
    const facet__weight *w;
    const size_t n = facet__learner_weights(net, &w);

    for (size_t i = 0; i < n; i++)
        if (strcmp(w[i].name, name) == 0)
            return &w[i];
    return NULL;
}

static bool is_float(const facet__value *v)
{
    return v->data && v->data->type == FACET__F32;
}

static void print_network(
    const facet__graph *g, facet__learner *net, size_t pictures)
{
    const char *comma = "";

    printf("{\"input\":%d,\"output\":%d,\"shape\":[%zu,%d,%d,3],\"dim\":%d,"
           "\"stream\":%d,\"nodes\":[",
        g->inputs[0], g->outputs[0], pictures, HEIGHT, WIDTH, DIM, STREAM);
    for (int i = 0; i < g->n_nodes; i++)
        print_node(g, &g->nodes[i]);
    printf("],\"constants\":[");
    for (int v = 0; v < g->n_values; v++) {
        const facet__weight *w = weight_of(net, g->values[v].name);

        if (!is_float(&g->values[v]))
            continue;
        printf("%s{\"value\":%d,\"name\":\"%s\",\"learns\":%s,\"shape\":[",
            comma, v, g->values[v].name, w && w->gradient ? "true" : "false");
        for (int i = 0; i < g->values[v].data->shape.n; i++)
            printf("%s%lld", i ? "," : "",
                (long long)g->values[v].data->shape.d[i]);
        printf("]}");
        comma = ",";
    }
    printf("]}\n");
}

static void print_floats(const float *x, size_t n)
{
    fwrite(x, sizeof *x, n, stdout);
}

static void shake(facet__learner *net)
{
    const facet__weight *w;
    const size_t n = facet__learner_weights(net, &w);

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; w[i].gradient && k < w[i].count; k++)
            w[i].value[k] += 0.1f * uniform();
}

/* Constants as they were before the pass, with the gradients. */
static void print_constants(const facet__graph *before, facet__learner *net)
{
    for (int v = 0; v < before->n_values; v++) {
        const facet__value *value = &before->values[v];
        const facet__weight *w = weight_of(net, value->name);
        size_t count;

        if (!is_float(value))
            continue;
        count = (size_t)facet__shape_count(&value->data->shape);
        print_floats(value->data->data, count);
        if (w && w->gradient)
            print_floats(w->gradient, count);
    }
}

static int run(facet__learner *net, size_t pictures, facet_error *err)
{
    const size_t numbers = pictures * HEIGHT * WIDTH * 3;
    float *x = malloc(numbers * sizeof *x);
    float *direction = malloc(pictures * DIM * sizeof *direction);
    facet__graph *before = NULL;
    const float *out;
    int failed = 1;

    if (!x || !direction)
        goto done;
    for (size_t i = 0; i < numbers; i++)
        x[i] = uniform();
    for (size_t i = 0; i < pictures * DIM; i++)
        direction[i] = uniform();
    shake(net);
    if (facet__graph_copy(facet__learner_export(net), &before) != FACET_OK ||
        facet__learner_forward(net, x, pictures, true, STREAM, &out, err) !=
            FACET_OK ||
        facet__learner_backward(net, direction, err) != FACET_OK)
        goto done;
    print_network(before, net, pictures);
    print_floats(x, numbers);
    print_floats(direction, pictures * DIM);
    print_floats(out, pictures * DIM);
    print_constants(before, net);
    failed = 0;
done:
    facet__graph_free(before);
    free(x);
    free(direction);
    return failed;
}

int main(int argc, char **argv)
{
    facet__learner_opts opts = { .threads = 2 };
    facet__graph *graph;
    facet__learner *net = NULL;
    facet_error err = { 0 };
    int failed = 1;

    for (size_t i = 0; argc == 1 && i < sizeof cases / sizeof cases[0]; i++)
        puts(cases[i].name);
    if (argc < 3)
        return argc == 1 ? 0 : 2;
    opts.bf16 = strcmp(argv[2], "bf16") == 0;
    graph = graph_of(argv[1], &err);
    if (graph && facet__learner_create(graph, &opts, &net, &err) == FACET_OK)
        failed = run(net, argc > 3 ? strtoul(argv[3], NULL, 10) : 6, &err);
    if (failed)
        fprintf(stderr, "%s: %s\n", argv[1], err.msg);
    facet__learner_free(net);
    facet__graph_free(graph);
    return failed;
}
