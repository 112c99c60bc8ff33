/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_metadata.c - hunts what a network's file says of itself and is believed:
 * settings and golden answers. The input is entries "key=text", ended
 * by zero bytes, of a small network that is sound otherwise. */
#include <stdlib.h>
#include <string.h>

#include "facet/golden.h"
#include "facet/settings.h"
#include "fuzz.h"
#include "nn/build.h"
#include "nn/model.h"

enum { SIDE = 32, NUMBERS = 8, MAX_CASES = 8 };

static facet__graph *network(void)
{
    const facet__conv_spec spec = { NUMBERS, .kernel = 3, .stride = 8 };
    facet__builder b;
    facet__graph *graph = NULL;
    int x;

    facet__build_begin(&b, "small", 1);
    x = facet__build_input(&b, "input", 3, SIDE, SIDE);
    x = facet__build_conv(&b, "conv", x, spec);
    x = facet__build_global_average_pool(&b, "mean", x);
    facet__build_output(&b, "embedding", facet__build_flatten(&b, "flat", x));
    if (facet__build_finish(&b, &graph, NULL) != FACET_OK)
        abort();
    return graph;
}

/* Entries of `text`, which ends with a zero byte. */
static void add_entries(facet__graph *graph, char *text, size_t size)
{
    for (size_t at = 0; at < size; at += strlen(text + at) + 1) {
        char *equals = strchr(text + at, '=');

        if (!equals)
            continue;
        *equals = '\0';
        if (facet__graph_set_meta(graph, text + at, equals + 1) != FACET_OK)
            abort();
        at += strlen(text + at) + 1;
    }
}

static void read_all(const facet_model *model)
{
    facet_settings settings;
    const size_t cases = facet_golden_count(model);

    if (cases > MAX_CASES)
        abort();
    if (facet_settings_read(model, &settings, NULL) == FACET_OK &&
        settings.task != FACET_TASK_EMBEDDER &&
        settings.task != FACET_TASK_DETECTOR &&
        settings.task != FACET_TASK_LANDMARKS)
        abort();
    for (size_t i = 0; i <= cases; i++) {
        double off = 0;
        facet_error err = { FACET_OK, "" };

        if (facet_golden_check(model, i, &off, &err) != FACET_OK && !*err.msg)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(size + 1, 1);
    facet__graph *graph = network();
    facet_model *model;

    if (!text)
        abort();
    if (size > 0)
        memcpy(text, data, size);
    add_entries(graph, text, size);
    if (facet__model_create(graph, FACET_PRECISION_FP32, &model, NULL) !=
        FACET_OK)
        abort();
    read_all(model);
    facet_model_free(model);
    free(text);
    return 0;
}
