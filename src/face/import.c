/* SPDX-License-Identifier: Apache-2.0 */
/* import.c - a copy of an ONNX file that says how it wants to be fed. */
#include "base/error.h"
#include "base/file.h"
#include "face/input.h"
#include "face/settings.h"
#include "nn/answers.h"
#include "nn/model.h"
#include "nn/onnx.h"

/* Does the network run at all, and do the settings fit it? */
static facet_status check(
    const char *path, const facet_settings *settings, facet_error *err)
{
    facet_model_opts opts;
    facet_model *model = NULL;
    facet_tensor_info info;
    facet_status st;

    facet_model_opts_init(&opts);
    opts.precision = FACET_PRECISION_FP32;
    st = facet_model_load(path, &opts, &model, err);
    if (st == FACET_OK)
        st = facet__input_only(model, &info, err);
    if (st == FACET_OK)
        st = facet__settings_fit(settings, &info, err);
    facet_model_free(model);
    return st;
}

facet_status facet__settings_annotate(
    facet__graph *graph, const facet_settings *settings, facet_error *err)
{
    facet__entry entries[FACET__ENTRIES];

    facet__settings_entries(settings, entries);
    for (int i = 0; i < FACET__ENTRIES; i++)
        if (facet__answers_set_meta(graph, entries[i].key,
                entries[i].text[0] ? entries[i].text : NULL) != FACET_OK)
            return facet__fail_memory(err);
    return FACET_OK;
}

facet_status facet_model_import(const char *source_path,
    const facet_settings *settings, const char *path, facet_error *err)
{
    facet__graph *graph = NULL;
    facet_status st;

    if (!source_path || !settings || !path)
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    st = facet__file_check_copy(source_path, path, err);
    if (st == FACET_OK)
        st = facet__settings_check(settings, err);
    if (st == FACET_OK)
        st = check(source_path, settings, err);
    if (st == FACET_OK)
        st = facet__onnx_read(source_path, NULL, &graph, err);
    if (st == FACET_OK)
        st = facet__settings_annotate(graph, settings, err);
    if (st == FACET_OK)
        st = facet__onnx_write(graph, path, err);
    facet__graph_free(graph);
    return st;
}
