/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/answers.h"

#include <stdbool.h>
#include <string.h>

facet_status facet__answers_forget(facet__graph *graph)
{
    const facet_status st = facet__graph_set_meta(graph, "facet.golden", NULL);

    return st == FACET_OK
               ? facet__graph_set_meta(graph, "facet.calibration", NULL)
               : st;
}

/* Those of docs/formats/metadata.md on which the input's numbers hang. */
static bool feeds(const char *key)
{
    static const char *const keys[] = { "facet.task", "facet.input",
        "facet.color", "facet.mean", "facet.scale", "facet.template" };

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

static bool differ(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) != 0 : a != b;
}

facet_status facet__answers_set_meta(
    facet__graph *graph, const char *key, const char *text)
{
    facet_status st = FACET_OK;

    if (feeds(key) && differ(facet__graph_meta(graph, key), text))
        st = facet__answers_forget(graph);
    return st == FACET_OK ? facet__graph_set_meta(graph, key, text) : st;
}
