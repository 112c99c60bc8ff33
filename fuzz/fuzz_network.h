/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_network.h - what the targets of networks share: load within small
 * limits, and run what is small enough. */
#ifndef FACET_FUZZ_NETWORK_H
#define FACET_FUZZ_NETWORK_H

#include <stdlib.h>

#include "facet/model.h"
#include "fuzz.h"

enum { MAX_BYTES = 1 << 22, MAX_SCRATCH = 1 << 22, OPEN_DIM = 16 };

/* The inputs' sizes with the open ones closed; false when they are many. */
static inline int close_dims(
    const facet_model *model, int64_t *dims, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0; i < facet_model_input_count(model); i++) {
        facet_tensor_info info;

        if (facet_model_input_info(model, i, &info) != FACET_OK)
            abort();
        for (int d = 0; d < info.n_dims; d++, n++) {
            if (n == cap)
                return 0;
            dims[n] = info.dims[d] >= 0 ? info.dims[d] : d ? OPEN_DIM : 1;
        }
    }
    return 1;
}

static inline void run(const facet_model *model)
{
    facet_session *session;
    int64_t dims[24] = { 0 };
    facet_status st;

    if (!close_dims(model, dims, 24) ||
        facet_session_create(model, NULL, &session, NULL) != FACET_OK)
        return;
    st = facet_session_reshape(session, dims, NULL);
    if (st == FACET_OK && facet_session_memory(session) < MAX_SCRATCH)
        st = facet_session_run(session, NULL);
    facet_session_free(session);
    (void)st;
}

/* NULL when it does not load, which has to be told. */
static inline facet_model *load(
    const uint8_t *data, size_t size, facet_precision precision)
{
    facet_model_opts opts;
    facet_model *model;
    facet_error err = { 0 };
    facet_status st;

    facet_model_opts_init(&opts);
    opts.max_bytes = MAX_BYTES;
    opts.precision = precision;
    st = facet_model_load_memory(data, size, &opts, &model, &err);
    if ((st == FACET_OK) != (model != NULL) ||
        (st != FACET_OK && (err.code != st || !err.msg[0])))
        abort();
    return model;
}

#endif
