/* SPDX-License-Identifier: Apache-2.0 */
/* write_network.c - a network of the zoo with random weights, as ONNX, so that
 * every engine is measured on the same file.
 *
 *   bench_write_network NAME SEED FILE.onnx */
#include <stdio.h>
#include <stdlib.h>

#include "nn/onnx.h"
#include "zoo/zoo.h"

int main(int argc, char **argv)
{
    facet__graph *graph = NULL;
    facet_error err;
    facet_status st;

    if (argc != 4)
        return 2;
    st =
        facet__zoo_build(argv[1], strtoull(argv[2], NULL, 10), 0, &graph, &err);
    if (st == FACET_OK)
        st = facet__onnx_write(graph, argv[3], &err);
    if (st != FACET_OK)
        fprintf(stderr, "%s\n", err.msg);
    facet__graph_free(graph);
    return st == FACET_OK ? 0 : 1;
}
