/* SPDX-License-Identifier: Apache-2.0 */
/* outputs.c - what a network makes of noise, for another runtime to compare.
 *
 *   bench_outputs MODEL.onnx BATCH [HEIGHT WIDTH]
 *
 * In fp32; prints the floats of the first output. tools/check_export.js feeds
 * ONNX Runtime the same. */
#include <stdio.h>
#include <stdlib.h>

#include "facet/model.h"

static int fail(const facet_error *err)
{
    fprintf(stderr, "%s\n", err->msg);
    return 1;
}

static size_t count_of(const facet_tensor_info *info)
{
    size_t count = 1;

    for (int i = 0; i < info->n_dims; i++)
        count *= (size_t)info->dims[i];
    return count;
}

int main(int argc, char **argv)
{
    facet_model_opts opts;
    facet_model *model = NULL;
    facet_session *session = NULL;
    facet_tensor_info info;
    facet_error err;
    uint32_t noise = 1;
    const float *out;
    float *x;

    if (argc != 3 && argc != 5)
        return 2;
    facet_model_opts_init(&opts);
    opts.precision = FACET_PRECISION_FP32;
    if (facet_model_load(argv[1], &opts, &model, &err) != FACET_OK ||
        facet_model_input_info(model, 0, &info) != FACET_OK ||
        facet_session_create(model, NULL, &session, &err) != FACET_OK)
        return fail(&err);
    info.dims[0] = strtol(argv[2], NULL, 10);
    for (int i = 2; i < info.n_dims && argc == 5; i++)
        info.dims[i] = strtol(argv[1 + i], NULL, 10);
    if (facet_session_reshape(session, info.dims, &err) != FACET_OK)
        return fail(&err);
    x = facet_session_input(session, 0);
    for (size_t i = 0; i < count_of(&info); i++) {
        noise = noise * 1664525u + 1013904223u;
        x[i] = (float)(noise >> 24) / 128.0f - 1.0f;
    }
    if (facet_session_run(session, &err) != FACET_OK)
        return fail(&err);
    out = facet_session_output(session, 0, &info);
    fwrite(out, sizeof *out, count_of(&info), stdout);
    facet_session_free(session);
    facet_model_free(model);
    return 0;
}
