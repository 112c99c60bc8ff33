/* SPDX-License-Identifier: Apache-2.0 */
/* teacher.c - a session a thread, each of one thread, a few pictures at a time:
 * what a picture is turned into on its way stays in the cache, and no thread
 * waits for another within the network. */
#include "train/teacher.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/threads.h"
#include "face/input.h"
#include "face/yunet.h"
#include "facet/model.h"

enum {
    PIECE = 4,              /* pictures a session sees at a time */
    MOST_NUMBERS = 1 << 16, /* of an embedding */
    MOST_CELLS = 1 << 22    /* numbers of all outputs of a detector */
};

/* What a thread has. */
typedef struct seat {
    facet_session *session;
    int64_t batch; /* it is planned for */
} seat;

typedef struct loaded {
    facet_model *model;
    facet__pool *pool;
    seat *seats; /* [pool's size] */
    int64_t height, width;
    bool one_by_one; /* the file's batch is fixed at 1 */
    size_t outputs;  /* of the network's, that are told one behind the other */
    size_t dim;
    float *out; /* [room][dim] */
    size_t room;
} loaded;

/* One call of embed. */
typedef struct lesson {
    loaded *teacher;
    const float *x;
    size_t n, piece;
    facet_status *status; /* [pieces] */
    facet_error *errors;
} lesson;

/* Numbers of an output for one of n pictures. */
static size_t numbers_of(const facet_tensor_info *info, size_t n)
{
    return (size_t)facet__info_count(info) / n;
}

/* What a session answered to n pictures: out [n][dim]. False: with n pictures
 * it is of another length than with one, so no answer about each. */
static bool take(
    const loaded *t, const facet_session *session, size_t n, float *out)
{
    size_t at = 0;

    for (size_t o = 0; o < t->outputs; o++) {
        facet_tensor_info info;
        const float *from = facet_session_output(session, o, &info);
        const size_t numbers = numbers_of(&info, n);

        if (numbers > t->dim - at)
            return false;
        for (size_t i = 0; i < n; i++)
            memcpy(out + i * t->dim + at, from + i * numbers,
                numbers * sizeof *out);
        at += numbers;
    }
    return at == t->dim;
}

/* Run pictures x [n] through the seat's session. */
static facet_status see(
    const loaded *t, seat *s, const float *x, size_t n, facet_error *err)
{
    const int64_t shape[4] = { (int64_t)n, 3, t->height, t->width };
    const size_t floats = n * (size_t)(3 * t->height * t->width);
    facet_status st = FACET_OK;

    if (s->batch != (int64_t)n)
        st = facet_session_reshape(s->session, shape, err);
    if (st != FACET_OK) {
        s->batch = 0;
        return st;
    }
    s->batch = (int64_t)n;
    if (x)
        memcpy(facet_session_input(s->session, 0), x, floats * sizeof *x);
    else
        memset(facet_session_input(s->session, 0), 0, floats * sizeof *x);
    return facet_session_run(s->session, err);
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

static void see_piece(void *context, size_t index, int thread)
{
    const lesson *l = context;
    loaded *t = l->teacher;
    const size_t floats = (size_t)(3 * t->height * t->width);
    const size_t first = index * l->piece, left = l->n - first;
    const size_t n = left < l->piece ? left : l->piece;
    seat *s = &t->seats[thread];

    l->status[index] = see(t, s, l->x + first * floats, n, &l->errors[index]);
    if (l->status[index] == FACET_OK &&
        !take(t, s->session, n, t->out + first * t->dim))
        l->status[index] = facet__fail(&l->errors[index], FACET_EMODEL,
            "the teacher's answer to %zu pictures is not %zu numbers each", n,
            t->dim);
}

static facet_status embed(void *self, const uint32_t *indices,
    const float *crops, size_t n, const float **out, facet_error *err)
{
    loaded *t = self;
    lesson l = { t, crops, n, t->one_by_one ? 1 : PIECE, NULL, NULL };
    const size_t pieces = (n + l.piece - 1) / l.piece;
    facet_status st = make_room(t, n);

    (void)indices;
    l.status = facet__calloc(pieces, sizeof *l.status);
    l.errors = facet__calloc(pieces, sizeof *l.errors);
    if (st != FACET_OK || !l.status || !l.errors) {
        st = facet__fail_memory(err);
    } else {
        facet__pool_run(t->pool, pieces, see_piece, &l);
        for (size_t i = 0; i < pieces && st == FACET_OK; i++) {
            st = l.status[i];
            if (st != FACET_OK && err)
                *err = l.errors[i];
        }
    }
    facet__free(l.status);
    facet__free(l.errors);
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
    t->height = height;
    t->width = width;
    return FACET_OK;
}

/* All outputs one behind the other are the cells of a detector (assign.h) only
 * in the order of its files. */
static facet_status check_outputs(
    const loaded *t, const char *path, facet_error *err)
{
    facet_tensor_info info;

    for (size_t o = 0; o < FACET__YUNET_OUTPUTS; o++)
        if (t->outputs != FACET__YUNET_OUTPUTS ||
            facet_model_output_info(t->model, o, &info) != FACET_OK ||
            strcmp(info.name, facet__yunet_output[o]) != 0)
            return facet__fail(err, FACET_EMODEL,
                "%s: no teacher of detectors: it lacks output %zu of a YuNet, "
                "%s",
                path, o + 1, facet__yunet_output[o]);
    return FACET_OK;
}

/* Run once on nothing, to learn the embedding's length: files often leave it
 * open. */
static facet_status probe(loaded *t, const char *path, facet_error *err)
{
    const facet_status st = see(t, &t->seats[0], NULL, 1, err);

    if (st != FACET_OK)
        return st;
    for (size_t o = 0; o < t->outputs; o++) {
        facet_tensor_info info;

        facet_session_output(t->seats[0].session, o, &info);
        t->dim += numbers_of(&info, 1);
    }
    if (t->dim < 2 || t->dim > (t->outputs > 1 ? MOST_CELLS : MOST_NUMBERS))
        return facet__fail(err, FACET_EMODEL,
            "%s: %zu numbers in its answer are nothing to learn from", path,
            t->dim);
    return FACET_OK;
}

static void close_network(void *self)
{
    loaded *t = self;

    for (int i = 0; t->seats && i < facet__pool_size(t->pool); i++)
        facet_session_free(t->seats[i].session);
    facet__pool_free(t->pool);
    facet_model_free(t->model);
    facet__free(t->seats);
    facet__free(t->out);
    facet__free(t);
}

static facet_status take_seats(loaded *t, int threads, facet_error *err)
{
    facet_session_opts opts;
    facet_status st = facet__pool_create(threads, &t->pool);

    t->seats = facet__calloc((size_t)threads, sizeof *t->seats);
    if (st != FACET_OK || !t->seats)
        return facet__fail_memory(err);
    facet_session_opts_init(&opts);
    opts.threads = 1;
    for (int i = 0; i < threads && st == FACET_OK; i++)
        st = facet_session_create(t->model, &opts, &t->seats[i].session, err);
    return st;
}

facet_status facet__teacher_open(const char *path, int width, int height,
    bool all, int threads, facet__teacher *teacher, facet_error *err)
{
    loaded *t = facet__calloc(1, sizeof *t);
    facet_status st;

    *teacher = (facet__teacher){
        .self = t, .sees = true, .answer = embed, .close = close_network
    };
    if (!t)
        return facet__fail_memory(err);
    st = facet_model_load(path, NULL, &t->model, err);
    if (st == FACET_OK)
        st = check(t, path, width, height, err);
    if (st == FACET_OK)
        t->outputs = all ? facet_model_output_count(t->model) : 1;
    if (st == FACET_OK && all)
        st = check_outputs(t, path, err);
    if (st == FACET_OK)
        st = take_seats(t, threads, err);
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
