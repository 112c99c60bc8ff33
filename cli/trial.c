/* SPDX-License-Identifier: Apache-2.0 */
#include "trial.h"

#include <stdio.h>
#include <string.h>

static size_t elements(const facet_tensor_info *info)
{
    size_t n = 1;

    for (int i = 0; i < info->n_dims; i++)
        n *= (size_t)info->dims[i];
    return n;
}

/* Give every size that may vary a value: the batch one, the rest those of the
 * picture. */
static void settle(
    facet_tensor_info *info, int64_t width, int64_t height, trial *t)
{
    const int channels_last = info->n_dims == 4 && info->dims[3] == 3;
    const int row = channels_last ? 1 : 2;

    for (int i = 0; i < info->n_dims; i++)
        if (info->dims[i] < 0)
            info->dims[i] = i == row ? height : i == row + 1 ? width : 1;
    if (info->n_dims == 4) {
        t->height = info->dims[row];
        t->width = info->dims[row + 1];
    }
}

/* One input is laid out and filled: a network of two would be laid out by sizes
 * that nobody gave. */
static facet_status only_input(
    const facet_model *model, facet_tensor_info *info, facet_error *err)
{
    const size_t count = facet_model_input_count(model);

    if (count == 1)
        return facet_model_input_info(model, 0, info);
    if (err) {
        err->code = FACET_EMODEL;
        snprintf(err->msg, sizeof err->msg,
            "the network has %zu inputs: only networks of one are tried",
            count);
    }
    return FACET_EMODEL;
}

facet_status trial_open(trial *t, const char *path, facet_precision precision,
    int threads, int64_t width, int64_t height, facet_error *err)
{
    facet_model_opts opts;
    facet_session_opts session_opts;
    facet_tensor_info info;
    facet_status st;

    memset(t, 0, sizeof *t);
    facet_model_opts_init(&opts);
    facet_session_opts_init(&session_opts);
    opts.precision = precision;
    session_opts.threads = threads;
    st = facet_model_load(path, &opts, &t->model, err);
    if (st == FACET_OK)
        st = only_input(t->model, &info, err);
    if (st == FACET_OK)
        st = facet_session_create(t->model, &session_opts, &t->session, err);
    if (st == FACET_OK) {
        settle(&info, width, height, t);
        st = facet_session_reshape(t->session, info.dims, err);
    }
    if (st != FACET_OK)
        trial_close(t);
    return st;
}

void trial_close(trial *t)
{
    facet_session_free(t->session);
    facet_model_free(t->model);
    memset(t, 0, sizeof *t);
}

void trial_fill(trial *t, unsigned seed)
{
    facet_tensor_info info;
    float *input = facet_session_input(t->session, 0);
    unsigned state = seed * 2654435761u + 1;

    if (facet_model_input_info(t->model, 0, &info) != FACET_OK)
        return;
    settle(&info, t->width, t->height, t);
    for (size_t i = 0; i < elements(&info); i++) {
        state = state * 1664525u + 1013904223u;
        input[i] = (float)(state >> 24);
    }
}

facet_status trial_run(trial *t, facet_error *err)
{
    return facet_session_run(t->session, err);
}

size_t trial_output(const trial *t, float *out, size_t cap)
{
    size_t total = 0;

    for (size_t i = 0; i < facet_model_output_count(t->model); i++) {
        facet_tensor_info info;
        const float *values = facet_session_output(t->session, i, &info);
        const size_t count = values ? elements(&info) : 0;

        if (total < cap && count)
            memcpy(out + total, values,
                (count < cap - total ? count : cap - total) * sizeof *out);
        total += count;
    }
    return total;
}
