/* SPDX-License-Identifier: Apache-2.0 */
/* digest.c - one number for what a network computes.
 *
 * Operators in their order, then weights in the order of their names: what a
 * writer may change (metadata, the order of weights, the way a weight is
 * stored) does not count. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/sha256.h"
#include "nn/model_private.h"
#include "nn/ops.h"

static int by_name(const void *a, const void *b)
{
    const facet__value *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static void add_text(facet__sha256 *s, const char *text)
{
    facet__sha256_add(s, text, strlen(text) + 1);
}

/* What int8 computes depends on the grids; networks without any keep the
 * digests they had. */
static void add_grid(facet__sha256 *s, const facet__value *v)
{
    const unsigned char zero = (unsigned char)v->grid.zero;

    add_text(s, v->name);
    facet__sha256_add(s, &v->grid.step, sizeof v->grid.step);
    facet__sha256_add(s, &zero, 1);
}

static void add_weight(facet__sha256 *s, const facet__value *v)
{
    unsigned char dims[FACET__MAX_DIMS + 1];

    dims[0] = (unsigned char)v->data->shape.n;
    for (int i = 0; i < v->data->shape.n;
         i++) /* low bytes: sizes are in data */
        dims[i + 1] = (unsigned char)(v->data->shape.d[i] & 0xff);
    add_text(s, v->name);
    facet__sha256_add(s, dims, (size_t)v->data->shape.n + 1);
    facet__sha256_add(s, v->data->data, v->data->bytes);
}

facet_status facet__graph_digest(const facet__graph *graph, uint8_t digest[32])
{
    const facet__value **weights =
        facet__alloc((size_t)graph->n_values * sizeof *weights);
    facet__sha256 s;
    size_t n = 0;

    if (!weights)
        return FACET_ENOMEM;
    for (int v = 0; v < graph->n_values; v++)
        if (graph->values[v].data && graph->values[v].data->type == FACET__F32)
            weights[n++] = &graph->values[v];
    qsort(weights, n, sizeof *weights, by_name);
    facet__sha256_begin(&s);
    for (int i = 0; i < graph->n_nodes; i++) {
        const char *name = facet__op_of(graph->nodes[i].op)->name;

        add_text(&s, name ? name : "internal");
    }
    for (size_t i = 0; i < n; i++)
        add_weight(&s, weights[i]);
    for (int v = 0; v < graph->n_values; v++)
        if (graph->values[v].grid.step > 0)
            add_grid(&s, &graph->values[v]);
    facet__sha256_end(&s, digest);
    facet__free(weights);
    return FACET_OK;
}
