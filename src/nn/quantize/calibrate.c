/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate.c - what maps hold when the network runs on samples.
 *
 * The maps become outputs of a copy of the graph, which runs twice over the
 * samples: once for the ends of each map's range, once to count between them.
 */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "nn/model.h"
#include "nn/quantize/quantize.h"

/* A model of a copy of the graph with more outputs, planned for a sample. */
typedef struct runner {
    facet_model *model;
    facet_session *session;
} runner;

static facet_status runner_open(runner *r, const facet__graph *graph,
    const facet__samples *samples, const int *more, size_t n,
    facet_precision precision, int threads, facet_error *err)
{
    facet__graph *copy = NULL;
    facet_session_opts opts;
    facet_status st = facet__graph_copy(graph, &copy);

    *r = (runner){ NULL, NULL };
    for (size_t i = 0; i < n && st == FACET_OK; i++)
        st = facet__graph_add_output(copy, more[i]);
    if (st != FACET_OK) {
        facet__graph_free(copy);
        return facet__fail_memory(err);
    }
    st = facet__model_create(copy, precision, &r->model, err);
    facet_session_opts_init(&opts);
    opts.threads = threads;
    if (st == FACET_OK)
        st = facet_session_create(r->model, &opts, &r->session, err);
    if (st == FACET_OK)
        st = facet_session_reshape(r->session, samples->shape.d, err);
    return st;
}

static void runner_close(runner *r)
{
    facet_session_free(r->session);
    facet_model_free(r->model);
}

static facet_status runner_run(
    runner *r, const facet__samples *samples, size_t i, facet_error *err)
{
    memcpy(facet_session_input(r->session, 0), samples->x[i],
        (size_t)facet__shape_count(&samples->shape) * sizeof(float));
    return facet_session_run(r->session, err);
}

static size_t count_of(const facet_tensor_info *info)
{
    size_t n = 1;

    for (int i = 0; i < info->n_dims; i++)
        n *= (size_t)info->dims[i];
    return n;
}

static facet_status strange(const facet_tensor_info *info, facet_error *err)
{
    return facet__fail(err, FACET_EMODEL,
        "map '%.80s' is empty or not finite on the pictures given: it has no "
        "range to put on a grid",
        info->name);
}

/* The first time: ends and means. A number that is not finite shows in the sum
 * of its channel. */
static facet_status see_ends(facet__seen *seen, const float *x,
    const facet_tensor_info *info, facet_error *err)
{
    const size_t channels = info->n_dims < 2 ? 0 : (size_t)info->dims[1];
    const size_t plane = channels ? count_of(info) / channels : 0;

    if (plane == 0)
        return strange(info, err);
    if (!seen->mean) {
        seen->mean = facet__calloc(channels, sizeof *seen->mean);
        seen->most = facet__calloc(channels, sizeof *seen->most);
        seen->channels = channels;
    }
    if (!seen->mean || !seen->most)
        return facet__fail_memory(err);
    for (size_t c = 0; c < channels; c++) {
        double sum = 0.0;

        for (size_t i = 0; i < plane; i++) {
            const float y = x[c * plane + i];

            sum += (double)y;
            seen->lo = fminf(seen->lo, y);
            seen->hi = fmaxf(seen->hi, y);
            seen->most[c] = fmaxf(seen->most[c], fabsf(y));
        }
        if (!isfinite(sum))
            return strange(info, err);
        seen->mean[c] += sum / (double)plane;
    }
    return isfinite(seen->hi - seen->lo) ? FACET_OK : strange(info, err);
}

/* The second time: how many lie where. */
static void see_places(
    facet__seen *seen, const float *x, const facet_tensor_info *info)
{
    const float width = (seen->hi - seen->lo) / FACET__BINS;
    const size_t n = count_of(info);

    for (size_t i = 0; width > 0.0f && i < n; i++) {
        const int bin = (int)((x[i] - seen->lo) / width);

        seen->bins[bin < FACET__BINS ? bin : FACET__BINS - 1] += 1.0;
    }
}

static facet_status see(runner *r, const facet__samples *samples,
    size_t first_output, facet__seen *seen, size_t n, bool places,
    facet_error *err)
{
    facet_status st = FACET_OK;

    for (size_t s = 0; s < samples->count && st == FACET_OK; s++) {
        st = runner_run(r, samples, s, err);
        for (size_t i = 0; i < n && st == FACET_OK; i++) {
            facet_tensor_info info;
            const float *x =
                facet_session_output(r->session, first_output + i, &info);

            if (places)
                see_places(&seen[i], x, &info);
            else
                st = see_ends(&seen[i], x, &info, err);
        }
    }
    return st;
}

facet_status facet__calibrate(const facet__graph *graph,
    const facet__samples *samples, const int *values, size_t n, int threads,
    facet__seen **out, facet_error *err)
{
    const size_t outputs = (size_t)graph->n_outputs;
    facet__seen *seen = facet__calloc(n, sizeof *seen);
    runner r = { NULL, NULL };
    facet_status st = seen ? runner_open(&r, graph, samples, values, n,
                                 FACET_PRECISION_FP32, threads, err)
                           : facet__fail_memory(err);

    *out = NULL;
    if (st == FACET_OK)
        st = see(&r, samples, outputs, seen, n, false, err);
    if (st == FACET_OK)
        st = see(&r, samples, outputs, seen, n, true, err);
    runner_close(&r);
    if (st != FACET_OK) {
        facet__seen_free(seen, n);
        return st;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < seen[i].channels; c++)
            seen[i].mean[c] /= (double)samples->count;
    *out = seen;
    return FACET_OK;
}

void facet__seen_free(facet__seen *seen, size_t n)
{
    for (size_t i = 0; seen && i < n; i++) {
        facet__free(seen[i].mean);
        facet__free(seen[i].most);
    }
    facet__free(seen);
}

/* All outputs of a run; `to` may be NULL for their count alone. */
static size_t take_outputs(const runner *r, float *to)
{
    size_t floats = 0;

    for (size_t i = 0; i < facet_model_output_count(r->model); i++) {
        facet_tensor_info info;
        const float *x = facet_session_output(r->session, i, &info);
        const size_t n = count_of(&info);

        if (to)
            memcpy(to + floats, x, n * sizeof *to);
        floats += n;
    }
    return floats;
}

facet_status facet__sample_outputs(const facet__graph *graph,
    const facet__samples *samples, facet_precision precision, int threads,
    float **out, size_t *floats, facet_error *err)
{
    runner r;
    facet_status st =
        runner_open(&r, graph, samples, NULL, 0, precision, threads, err);

    *out = NULL;
    *floats = st == FACET_OK ? take_outputs(&r, NULL) : 0;
    if (st == FACET_OK) {
        *out = facet__alloc(samples->count * *floats * sizeof **out);
        st = *out ? FACET_OK : facet__fail_memory(err);
    }
    for (size_t s = 0; s < samples->count && st == FACET_OK; s++) {
        st = runner_run(&r, samples, s, err);
        if (st == FACET_OK)
            take_outputs(&r, *out + s * *floats);
    }
    runner_close(&r);
    if (st != FACET_OK) {
        facet__free(*out);
        *out = NULL;
    }
    return st;
}
