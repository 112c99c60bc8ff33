/* SPDX-License-Identifier: Apache-2.0 */
#include "train/teacher.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "facet/model.h"

typedef struct loaded {
    facet_model *model;
    facet_session *session;
    int64_t shape[4]; /* as the session is planned */
    bool one_by_one;  /* the file's batch is fixed at 1 */
    size_t dim;
    float *out; /* [room][dim] */
    size_t room;
} loaded;

/* Plan for a batch of n. */
static facet_status plan(loaded *t, int64_t n, facet_error *err)
{
    if (t->shape[0] == n)
        return FACET_OK;
    t->shape[0] = n;
    return facet_session_reshape(t->session, t->shape, err);
}

static facet_status make_room(loaded *t, size_t n)
{
    if (n <= t->room)
        return FACET_OK;
    facet__free(t->out);
    t->out = facet__calloc(n, t->dim * sizeof *t->out);
    t->room = t->out ? n : 0;
    return t->out ? FACET_OK : FACET_ENOMEM;
}

static facet_status embed(
    void *self, const float *x, size_t n, const float **out, facet_error *err)
{
    loaded *t = self;
    const size_t floats = (size_t)(3 * t->shape[2] * t->shape[3]);
    const size_t step = t->one_by_one ? 1 : n;
    facet_status st = make_room(t, n);

    if (st != FACET_OK)
        return facet__fail_memory(err);
    for (size_t i = 0; i < n && st == FACET_OK; i += step) {
        facet_tensor_info info;

        st = plan(t, (int64_t)step, err);
        if (st != FACET_OK)
            break;
        memcpy(facet_session_input(t->session, 0), x + i * floats,
            step * floats * sizeof *x);
        st = facet_session_run(t->session, err);
        if (st == FACET_OK)
            memcpy(t->out + i * t->dim,
                facet_session_output(t->session, 0, &info),
                step * t->dim * sizeof *x);
    }
    *out = t->out;
    return st;
}

/* One picture in? */
static facet_status check(
    loaded *t, const char *path, int width, int height, facet_error *err)
{
    facet_tensor_info in;

    if (facet_model_input_count(t->model) != 1 ||
        facet_model_output_count(t->model) < 1 ||
        facet_model_input_info(t->model, 0, &in) != FACET_OK ||
        in.n_dims != 4 || in.dims[1] != 3)
        return facet__fail(err, FACET_EMODEL,
            "%s: not a network from pictures [n, 3, height, width] to "
            "embeddings",
            path);
    if ((in.dims[2] >= 0 && in.dims[2] != height) ||
        (in.dims[3] >= 0 && in.dims[3] != width))
        return facet__fail(err, FACET_EMODEL,
            "%s: its pictures are %lld x %lld, the crops %d x %d", path,
            (long long)in.dims[3], (long long)in.dims[2], width, height);
    t->one_by_one = in.dims[0] == 1;
    t->shape[1] = 3;
    t->shape[2] = height;
    t->shape[3] = width;
    return FACET_OK;
}

/* Run once on nothing, to learn the embedding's length: files often leave it
 * open. */
static facet_status probe(loaded *t, const char *path, facet_error *err)
{
    facet_tensor_info info;
    int64_t dim = 1;
    facet_status st = plan(t, 1, err);

    if (st != FACET_OK)
        return st;
    memset(facet_session_input(t->session, 0), 0,
        (size_t)(3 * t->shape[2] * t->shape[3]) * sizeof(float));
    st = facet_session_run(t->session, err);
    if (st != FACET_OK)
        return st;
    facet_session_output(t->session, 0, &info);
    for (int i = 0; i < info.n_dims; i++)
        dim *= info.dims[i];
    if (dim < 2 || dim > 65536)
        return facet__fail(err, FACET_EMODEL,
            "%s: its output of %lld numbers is no embedding", path,
            (long long)dim);
    t->dim = (size_t)dim;
    return FACET_OK;
}

static void close_network(void *self)
{
    loaded *t = self;

    facet_session_free(t->session);
    facet_model_free(t->model);
    facet__free(t->out);
    facet__free(t);
}

facet_status facet__teacher_open(const char *path, int width, int height,
    int threads, facet__teacher *teacher, facet_error *err)
{
    loaded *t = facet__calloc(1, sizeof *t);
    facet_session_opts opts;
    facet_status st;

    *teacher =
        (facet__teacher){ .self = t, .embed = embed, .close = close_network };
    if (!t)
        return facet__fail_memory(err);
    facet_session_opts_init(&opts);
    opts.threads = threads;
    st = facet_model_load(path, NULL, &t->model, err);
    if (st == FACET_OK)
        st = check(t, path, width, height, err);
    if (st == FACET_OK)
        st = facet_session_create(t->model, &opts, &t->session, err);
    if (st == FACET_OK)
        st = probe(t, path, err);
    if (st != FACET_OK) {
        facet__teacher_close(teacher);
        return st;
    }
    teacher->dim = t->dim;
    return FACET_OK;
}

void facet__teacher_close(facet__teacher *teacher)
{
    if (teacher->self && teacher->close)
        teacher->close(teacher->self);
    *teacher = (facet__teacher){ .self = NULL };
}
