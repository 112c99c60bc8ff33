/* SPDX-License-Identifier: Apache-2.0 */
/* quantize.c - the whole of it: which maps and filters, in which order. */
#include "nn/quantize/quantize.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/infer.h"

enum {
    FEW_CHANNELS = 4,     /* pictures: read as floats in any case */
    MOST_DEPTH = 1 << 16, /* of a product whose sums fit 32 bits */
};

/* Filters and bias of a convolution as they came and for int8: values. */
typedef struct weights {
    int filters[2], bias[2];
} weights;

typedef struct quantizer {
    facet__graph *graph;
    const facet__samples *samples;
    const facet__quantize_opts *opts;
    facet_error *err;
    int *maps;   /* values to put on grids, in the order of their makers */
    int *pooled; /* [n_maps]: what such a map is the maxima of, or NONE: it goes
                  * on the same grid, and the maxima are those of bytes */
    size_t n_maps;
    facet__seen *seen;  /* [n_maps] */
    facet__grid *grids; /* [n_maps] */
    weights *weights;   /* [n_nodes] of convolutions that read a map */
    float *want;        /* the outputs in fp32 */
    size_t floats;      /* of a sample */
} quantizer;

/* Filters that int8 can have. */
static const facet__tensor *filters_of(
    const facet__graph *g, const facet__node *node)
{
    const facet__tensor *t =
        node->op == FACET__OP_CONV ? g->values[node->in[1]].data : NULL;

    if (!t || t->type != FACET__F32 || t->shape.n != 4 ||
        facet__shape_count(&t->shape) / t->shape.d[0] >= MOST_DEPTH ||
        t->shape.d[1] * facet__node_int(node, "group", 1) <= FEW_CHANNELS)
        return NULL;
    return t;
}

static size_t index_of(const quantizer *q, int value)
{
    size_t i = 0;

    while (i < q->n_maps && q->maps[i] != value)
        i++;
    return i;
}

/* Has it more than a pixel? A squeeze or a last layer of one costs nothing, and
 * every number of it counts. */
static bool is_map(const facet__fact *fact)
{
    const facet__shape *s = &fact->shape;

    return s->n == 4 && s->d[2] * s->d[3] > 1;
}

/* The map that `value` is the maxima of and nobody else reads: others may need
 * numbers that are no maxima. */
static int pooled_map(const facet__graph *g, int value)
{
    const int maker = facet__graph_maker(g, value);
    const int map = g->nodes[maker].in[0];

    return g->nodes[maker].op == FACET__OP_MAX_POOL &&
                   facet__graph_maker(g, map) != FACET__NONE &&
                   facet__graph_only_reader(g, map) == maker
               ? map
               : FACET__NONE;
}

/* The maps that convolutions read. */
static facet_status find_maps(quantizer *q)
{
    const facet__graph *g = q->graph;
    facet__fact *facts;
    const facet_status st =
        facet__infer(g, &q->samples->shape, 0, &facts, q->err);

    if (st != FACET_OK)
        return st;
    q->maps = facet__alloc((size_t)g->n_nodes * sizeof *q->maps);
    q->pooled = facet__alloc((size_t)g->n_nodes * sizeof *q->pooled);
    for (int i = 0; q->maps && q->pooled && i < g->n_nodes; i++) {
        const facet__node *node = &g->nodes[i];

        if (filters_of(g, node) &&
            facet__graph_maker(g, node->in[0]) != FACET__NONE &&
            is_map(&facts[node->in[0]]) &&
            index_of(q, node->in[0]) == q->n_maps) {
            q->pooled[q->n_maps] = pooled_map(g, node->in[0]);
            q->maps[q->n_maps++] = node->in[0];
        }
    }
    facet__facts_free(facts, g->n_values);
    if (!q->maps || !q->pooled)
        return facet__fail_memory(q->err);
    if (q->n_maps == 0)
        return facet__fail(q->err, FACET_EUNSUPPORTED,
            "no convolution of this network reads a map that int8 could keep");
    return FACET_OK;
}

/* filters */

/* What rounding the filters adds to output channel `o` on average, given the
 * means of the channels it reads. */
static double added_by_rounding(const facet__node *node,
    const facet__tensor *before, const float *after, const facet__seen *seen,
    size_t o)
{
    const size_t out = (size_t)before->shape.d[0];
    const size_t inner = (size_t)before->shape.d[1];
    const size_t taps = (size_t)(before->shape.d[2] * before->shape.d[3]);
    const size_t groups = (size_t)facet__node_int(node, "group", 1);
    const size_t first = o / (out / groups) * inner;
    const float *x = (const float *)before->data + o * inner * taps;
    double sum = 0.0;

    for (size_t c = 0; c < inner; c++)
        for (size_t t = 0; t < taps; t++)
            sum +=
                (double)(after[(o * inner + c) * taps + t] - x[c * taps + t]) *
                seen->mean[first + c];
    return sum;
}

/* The bias of a convolution less what rounding adds, as a new constant. */
static facet_status correct_bias(quantizer *q, int i,
    const facet__tensor *before, const float *after, const facet__seen *seen)
{
    facet__graph *g = q->graph;
    const int old = q->weights[i].bias[0];
    const facet__tensor *from = old == FACET__NONE ? NULL : g->values[old].data;
    const facet__shape shape = { 1, { before->shape.d[0] } };
    facet__tensor *bias;

    if (old != FACET__NONE && (!from || from->type != FACET__F32))
        return FACET_OK; /* not a constant: as it was */
    bias = facet__tensor_create(FACET__F32, &shape);
    if (!bias)
        return FACET_ENOMEM;
    for (size_t o = 0; o < (size_t)shape.d[0]; o++)
        ((float *)bias->data)[o] =
            (float)((from ? (double)((const float *)from->data)[o] : 0.0) -
                    added_by_rounding(&g->nodes[i], before, after, seen, o));
    q->weights[i].bias[1] = facet__graph_add_constant(g, NULL, bias);
    return q->weights[i].bias[1] == FACET__NONE ? FACET_ENOMEM : FACET_OK;
}

/* Rounded filters for convolution i and a bias that makes up for it, as new
 * constants beside the old. */
static facet_status round_filters(quantizer *q, int i, const facet__seen *seen)
{
    facet__graph *g = q->graph;
    const facet__tensor *before = filters_of(g, &g->nodes[i]);
    const size_t out = (size_t)before->shape.d[0];
    const size_t inner = (size_t)facet__shape_count(&before->shape) / out;
    facet__tensor *after = facet__tensor_copy(before);
    facet__tensor *steps = facet__tensor_create(
        FACET__F32, &(facet__shape){ 1, { (int64_t)out } });
    const int bias = facet__node_input(&g->nodes[i], 2);
    facet_status st =
        after && steps ? facet__conv_make_room(&g->nodes[i]) : FACET_ENOMEM;
    int value;

    q->weights[i] =
        (weights){ .filters = { g->nodes[i].in[1] }, .bias = { bias, bias } };
    if (st == FACET_OK) {
        facet__filters_round(after->data, out, inner, steps->data);
        st = correct_bias(q, i, before, after->data, seen);
    }
    if (st != FACET_OK) {
        facet__tensor_free(after);
        facet__tensor_free(steps);
        return st;
    }
    value = facet__graph_add_constant(g, NULL, after);
    if (value == FACET__NONE) {
        facet__tensor_free(steps);
        return FACET_ENOMEM;
    }
    g->values[value].steps = steps;
    q->weights[i].filters[1] = value;
    return FACET_OK;
}

static facet_status round_all(quantizer *q)
{
    for (int i = 0; i < q->graph->n_nodes; i++) {
        const facet__node *node = &q->graph->nodes[i];
        size_t map;

        if (!filters_of(q->graph, node))
            continue;
        map = index_of(q, node->in[0]);
        if (map < q->n_maps && round_filters(q, i, &q->seen[map]) != FACET_OK)
            return facet__fail_memory(q->err);
    }
    return FACET_OK;
}

/* Map m on its grid, read by rounded filters, or neither. */
static void put(quantizer *q, size_t m, bool on_grid)
{
    facet__graph *g = q->graph;

    g->values[q->maps[m]].grid = on_grid ? q->grids[m] : (facet__grid){ 0 };
    if (q->pooled[m] != FACET__NONE)
        g->values[q->pooled[m]].grid = g->values[q->maps[m]].grid;
    for (int i = 0; i < g->n_nodes; i++) {
        facet__node *node = &g->nodes[i];

        if (q->weights[i].filters[1] == 0 || node->in[0] != q->maps[m])
            continue;
        node->in[1] = q->weights[i].filters[on_grid];
        node->in[2] = q->weights[i].bias[on_grid];
    }
}

static void put_all(quantizer *q, bool on_grids)
{
    for (size_t m = 0; m < q->n_maps; m++)
        put(q, m, on_grids);
}

/* losses */

/* Squared differences of the outputs to fp32's by the squares of those, with
 * the grids as they are. */
static facet_status measure(quantizer *q, double *loss)
{
    float *made;
    size_t floats;
    double errors = 0.0, squares = 0.0;
    const facet_status st = facet__sample_outputs(q->graph, q->samples,
        FACET_PRECISION_INT8, q->opts->threads, &made, &floats, q->err);

    *loss = 0.0;
    if (st != FACET_OK)
        return st;
    for (size_t i = 0; i < q->samples->count * floats; i++) {
        const double e = (double)(made[i] - q->want[i]);

        errors += e * e;
        squares += (double)q->want[i] * (double)q->want[i];
    }
    facet__free(made);
    *loss = squares > 0.0 ? errors / squares : 0.0;
    return FACET_OK;
}

typedef struct harm {
    size_t map;
    double loss; /* of the network with this map alone on its grid */
} harm;

static int worst_first(const void *a, const void *b)
{
    const double x = ((const harm *)a)->loss, y = ((const harm *)b)->loss;

    return (x < y) - (x > y);
}

/* Take maps off their grids, those that do most harm by themselves first, until
 * the loss is as wanted. */
static facet_status keep_some(quantizer *q, facet__quantized *report)
{
    harm *harms = facet__alloc(q->n_maps * sizeof *harms);
    facet_status st = harms ? FACET_OK : facet__fail_memory(q->err);

    put_all(q, false);
    for (size_t m = 0; m < q->n_maps && st == FACET_OK; m++) {
        put(q, m, true);
        harms[m].map = m;
        st = measure(q, &harms[m].loss);
        put(q, m, false);
    }
    put_all(q, true);
    if (st == FACET_OK)
        qsort(harms, q->n_maps, sizeof *harms, worst_first);
    for (size_t i = 0;
         i + 1 < q->n_maps && st == FACET_OK && report->loss > q->opts->loss;
         i++) {
        put(q, harms[i].map, false);
        report->kept++;
        st = measure(q, &report->loss);
    }
    facet__free(harms);
    return st;
}

/* the whole */

static facet_status check(const facet__graph *g, facet_error *err)
{
    for (int v = 0; v < g->n_values; v++)
        if (g->values[v].grid.step > 0)
            return facet__fail(err, FACET_EINVAL,
                "the network is quantized already: begin with the original");
    if (g->n_inputs != 1)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "the network has %d inputs: only networks of one are quantized",
            g->n_inputs);
    return FACET_OK;
}

static void count(const quantizer *q, facet__quantized *report)
{
    const facet__graph *g = q->graph;

    report->maps = (int)q->n_maps;
    report->convolutions = report->in_int8 = 0;
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op == FACET__OP_CONV) {
            report->convolutions++;
            report->in_int8 += g->values[g->nodes[i].in[0]].grid.step > 0;
        }
}

/* See what the maps hold now. */
static facet_status look(quantizer *q)
{
    facet__seen_free(q->seen, q->n_maps);
    return facet__calibrate(q->graph, q->samples, q->maps, q->n_maps,
        q->opts->threads, &q->seen, q->err);
}

static facet_status prepare(quantizer *q)
{
    facet_status st = facet__graph_fold(q->graph, q->err);

    if (st == FACET_OK)
        st = facet__graph_fold_norms(q->graph, q->err);
    if (st == FACET_OK)
        st = find_maps(q);
    if (st == FACET_OK)
        st = facet__sample_outputs(q->graph, q->samples, FACET_PRECISION_FP32,
            q->opts->threads, &q->want, &q->floats, q->err);
    if (st == FACET_OK)
        st = look(q);
    if (st == FACET_OK)
        st = facet__graph_equalize(
            q->graph, q->maps, q->seen, q->n_maps, q->err);
    return st == FACET_OK ? look(q) : st;
}

static facet_status choose(quantizer *q)
{
    q->grids = facet__alloc(q->n_maps * sizeof *q->grids);
    q->weights = facet__calloc((size_t)q->graph->n_nodes, sizeof *q->weights);
    if (!q->grids || !q->weights)
        return facet__fail_memory(q->err);
    for (size_t m = 0; m < q->n_maps; m++)
        q->grids[m] = facet__grid_choose(&q->seen[m]);
    return round_all(q);
}

facet_status facet__graph_quantize(facet__graph *graph,
    const facet__samples *samples, const facet__quantize_opts *opts,
    facet__quantized *report, facet_error *err)
{
    quantizer q = {
        .graph = graph, .samples = samples, .opts = opts, .err = err
    };
    facet_status st = check(graph, err);

    *report = (facet__quantized){ 0 };
    if (st == FACET_OK)
        st = prepare(&q);
    if (st == FACET_OK)
        st = choose(&q);
    if (st == FACET_OK) {
        put_all(&q, true);
        st = measure(&q, &report->loss_at_first);
    }
    report->loss = report->loss_at_first;
    if (st == FACET_OK && opts->loss > 0 && report->loss > opts->loss)
        st = keep_some(&q, report);
    if (st == FACET_OK)
        count(&q, report);
    facet__seen_free(q.seen, q.n_maps);
    facet__free(q.maps);
    facet__free(q.pooled);
    facet__free(q.grids);
    facet__free(q.weights);
    facet__free(q.want);
    return st == FACET_OK && facet__graph_prune(graph) != FACET_OK
               ? facet__fail_memory(err)
               : st;
}
