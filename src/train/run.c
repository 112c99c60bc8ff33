/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - the loop.
 *
 * A step is a pure function of the state: data, augmentation, mining and
 * dropout draw their randomness from (seed, batch), so going on after a stop
 * and going back after an explosion are the same thing: load the checkpoint,
 * set the data to its batch. */
#include "train/run.h"

#include <errno.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "train/curves.h"
#include "train/metrics.h"
#include "train/run_state.h"

enum { PATH_ROOM = 4096 };

typedef struct run {
    const facet__run_setup *setup;
    facet__run_state state;
    facet__loader *loader;
    float *dx, *part; /* [batch][dim] gradient, that of one loss */
    char metrics[PATH_ROOM];
    facet_error *err;
    /* Of the last batch. */
    double loss, rate, norm, mined;
    double score;
    /* For images a second: since the last line. */
    struct timespec since;
    uint64_t images;
    double per_second;
} run;

void facet__run_setup_init(facet__run_setup *setup)
{
    *setup = (facet__run_setup){
        .log_every = 20,
        .checkpoint_every = 500,
        .explode = 20,
        .max_rollbacks = 8,
    };
    facet__loader_setup_init(&setup->data);
    facet__optimizer_setup_init(&setup->optimizer);
    facet__schedule_init(&setup->schedule);
}

static void path_of(const run *r, const char *name, char out[PATH_ROOM])
{
    snprintf(out, PATH_ROOM, "%s/%s", r->setup->folder, name);
}

static double seconds_since(const struct timespec *then)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) +
           1e-9 * (double)(now.tv_nsec - then->tv_nsec);
}

static void tell(run *r, facet__event what, const char *why)
{
    const facet__run_state *s = &r->state;
    const double batches = (double)facet__loader_batches(r->loader);
    const double images = (double)r->setup->data.order.batch *
                          r->setup->optimizer.accumulate *
                          (double)(r->setup->schedule.total - s->step);
    const facet__progress p = { .what = what,
        .step = s->step,
        .steps = r->setup->schedule.total,
        .epoch = (double)s->batch / batches,
        .loss = s->smooth,
        .rate = r->rate,
        .norm = r->norm,
        .mined = r->mined,
        .per_second = r->per_second,
        .seconds_left = r->per_second > 0 ? images / r->per_second : 0,
        .score = r->score,
        .broken = facet__loader_broken(r->loader),
        .why = why };

    if (r->setup->on_progress)
        r->setup->on_progress(r->setup->on_progress_context, &p);
}

/* Start the data anew at the state's batch. */
static facet_status open_loader(run *r)
{
    facet__loader_setup data = r->setup->data;

    facet__loader_free(r->loader);
    data.first = r->state.batch;
    return facet__loader_create(&data, &r->loader, r->err);
}

/* The teacher's view of the batch; NULL in *out without a teacher. */
static facet_status ask_teacher(
    run *r, const facet__load *load, const float **out)
{
    const facet__teacher *t = r->setup->teacher;

    *out = NULL;
    if (!t)
        return FACET_OK;
    if (t->recall)
        return t->recall(t->self, load->indices, load->n, out, r->err);
    return t->embed(t->self, load->crops[1], load->n, out, r->err);
}

/* Sum the losses and their gradients. */
static facet_status run_losses(
    run *r, const facet__load *load, const float *x, const float *teacher)
{
    const facet__run_setup *setup = r->setup;
    const size_t count = load->n * setup->net.dim;
    const facet__batch batch = { load->n, x, load->labels, teacher,
        load->number };
    size_t terms = 0, active = 0;

    r->loss = 0;
    memset(r->dx, 0, count * sizeof *r->dx);
    for (size_t l = 0; l < setup->n_losses; l++) {
        const float weight = (float)setup->weights[l];
        facet__loss *loss = setup->losses[l];
        facet__loss_result result;
        facet_status st =
            facet__loss_run(loss, &batch, r->part, &result, r->err);

        if (st != FACET_OK)
            return st;
        r->loss += setup->weights[l] * result.value;
        terms += result.terms;
        active += result.active;
        for (size_t i = 0; i < count; i++)
            r->dx[i] += weight * r->part[i];
        for (size_t p = 0; p < loss->n_params; p++)
            for (size_t i = 0;
                 i < loss->params[p].count && !loss->params[p].state; i++)
                loss->params[p].grad[i] *= weight;
    }
    r->mined = terms ? (double)active / (double)terms : 0;
    return FACET_OK;
}

/* One batch through the network and back. *moved: a step was made. *broken:
 * what is wrong with the numbers, or NULL. */
static facet_status do_batch(run *r, bool *moved, const char **broken)
{
    facet__run_state *s = &r->state;
    const facet__trainable *net = &r->setup->net;
    const float *x, *teacher;
    facet__load load;
    facet__step step;
    facet_status st = facet__loader_next(r->loader, &load, r->err);

    *moved = false;
    *broken = NULL;
    if (st == FACET_OK)
        st = ask_teacher(r, &load, &teacher);
    if (st == FACET_OK)
        st = net->forward(net->self, load.crops[0], load.n,
            r->setup->data.seed ^ load.number, &x, r->err);
    if (st == FACET_OK)
        st = run_losses(r, &load, x, teacher);
    if (st != FACET_OK)
        return st;
    if (!isfinite(r->loss))
        *broken = "the loss is not finite";
    else if (s->smooth >= 0 && r->loss > r->setup->explode * (s->smooth + 1))
        *broken = "the loss explodes";
    if (*broken)
        return FACET_OK;
    st = net->backward(net->self, r->dx, r->err);
    if (st != FACET_OK)
        return st;
    r->rate = facet__schedule_rate(&r->setup->schedule, &s->schedule, s->step);
    step = facet__optimizer_step(s->optimizer, r->rate);
    if (!isfinite(step.norm)) {
        *broken = "the gradient is not finite";
        return FACET_OK;
    }
    r->norm = step.norm;
    s->smooth = s->smooth < 0 ? r->loss : .98 * s->smooth + .02 * r->loss;
    s->batch = load.number + 1;
    s->step += step.applied;
    r->images += load.n;
    *moved = step.applied;
    return FACET_OK;
}

/* Back to the last checkpoint with half the rate. */
static facet_status roll_back(run *r, const char *why)
{
    facet__run_state *s = &r->state;
    const double scale = s->schedule.scale;
    const int rollbacks = s->rollbacks + 1;
    const uint64_t at = s->step;
    facet_status st;

    if (rollbacks > r->setup->max_rollbacks)
        return facet__fail(r->err, FACET_EDAMAGED,
            "step %llu: %s, after %d times going back with half the rate; "
            "lower schedule.rate or clip the gradient",
            (unsigned long long)at, why, r->setup->max_rollbacks);
    st = facet__run_state_load(s, r->err);
    if (st == FACET_OK)
        st = facet__metrics_rewind(r->metrics, s->step, r->err);
    if (st != FACET_OK)
        return st;
    s->schedule.scale = scale / 2;
    s->rollbacks = rollbacks;
    /* Written down, or a kill now would meet the same explosion again. */
    st = facet__run_state_save(s, r->err);
    if (st == FACET_OK)
        st = open_loader(r);
    if (st == FACET_OK)
        tell(r, FACET__PROGRESS_ROLLBACK, why);
    return st;
}

static facet_status save_network(run *r, const char *name)
{
    const facet__trainable *net = &r->setup->net;
    char path[PATH_ROOM];

    path_of(r, name, path);
    return net->save ? net->save(net->self, path, r->err) : FACET_OK;
}

/* Validate with the weights that will be exported, keep the best network. */
static facet_status validate(run *r)
{
    facet__run_state *s = &r->state;
    json_t *line;
    facet_status st;
    char path[PATH_ROOM];

    facet__optimizer_swap_ema(s->optimizer);
    st = r->setup->validate(
        r->setup->validate_context, &r->setup->net, &r->score, r->err);
    if (st == FACET_OK &&
        facet__schedule_validated(&r->setup->schedule, &s->schedule, r->score))
        st = save_network(r, "best.onnx");
    facet__optimizer_swap_ema(s->optimizer);
    if (st != FACET_OK)
        return st;
    line = json_pack("{sIsfsf}", "step", (json_int_t)s->step, "score", r->score,
        "best", s->schedule.best);
    if (!line)
        return facet__fail(
            r->err, FACET_EDAMAGED, "the validation's score is not finite");
    st = facet__metrics_append(r->metrics, line, r->err);
    json_decref(line);
    path_of(r, "curves.svg", path);
    if (st == FACET_OK)
        st = facet__curves_draw(r->metrics, path, r->err);
    if (st == FACET_OK)
        tell(r, FACET__PROGRESS_VALIDATION, NULL);
    return st;
}

static facet_status log_step(run *r)
{
    const double seconds = seconds_since(&r->since);
    json_t *line;
    facet_status st;

    r->per_second = seconds > 0 ? (double)r->images / seconds : 0;
    r->images = 0;
    clock_gettime(CLOCK_MONOTONIC, &r->since);
    line = json_pack("{sIsfsfsfsfsfsf}", "step", (json_int_t)r->state.step,
        "loss", r->loss, "smooth", r->state.smooth, "rate", r->rate, "norm",
        r->norm, "mined", r->mined, "images_per_second", r->per_second);
    if (!line)
        return facet__fail_memory(r->err);
    st = facet__metrics_append(r->metrics, line, r->err);
    json_decref(line);
    if (st == FACET_OK)
        tell(r, FACET__PROGRESS_STEP, NULL);
    return st;
}

/* What is due after a step. Validation comes before the checkpoint, which then
 * knows of it: a resumed run does not validate twice. */
static facet_status after_step(run *r, const char **broken)
{
    const facet__run_setup *setup = r->setup;
    const uint64_t step = r->state.step, total = setup->schedule.total;
    facet_status st = FACET_OK;

    if (step % setup->log_every == 0 || step == total)
        st = log_step(r);
    if (st == FACET_OK && setup->validate && setup->validate_every &&
        (step % setup->validate_every == 0 || step == total))
        st = validate(r);
    if (st != FACET_OK ||
        (step % setup->checkpoint_every != 0 && step != total))
        return st;
    if (!facet__run_state_sound(&r->state)) {
        *broken = "a weight is not finite";
        return FACET_OK;
    }
    return facet__run_state_save(&r->state, r->err);
}

static bool stop_asked(const run *r)
{
    return r->setup->stop && *r->setup->stop;
}

static facet_status loop(run *r)
{
    facet_status st = FACET_OK;

    clock_gettime(CLOCK_MONOTONIC, &r->since);
    while (st == FACET_OK && r->state.step < r->setup->schedule.total) {
        const char *broken;
        bool moved;

        if (stop_asked(r)) {
            st = facet__run_state_save(&r->state, r->err);
            if (st == FACET_OK)
                tell(r, FACET__PROGRESS_STOPPED, NULL);
            return st == FACET_OK ? facet__fail(r->err, FACET_ECANCELED,
                                        "stopped at step %llu",
                                        (unsigned long long)r->state.step)
                                  : st;
        }
        st = do_batch(r, &moved, &broken);
        if (st == FACET_OK && moved)
            st = after_step(r, &broken);
        if (st == FACET_OK && broken)
            st = roll_back(r, broken);
    }
    return st;
}

/* Take away what a killed write left beside its file. */
static void sweep(const run *r)
{
    char pattern[PATH_ROOM];
    glob_t match;

    path_of(r, "*.??????", pattern);
    if (glob(pattern, 0, NULL, &match) == 0) {
        for (size_t i = 0; i < match.gl_pathc; i++)
            if (strstr(match.gl_pathv[i], "/checkpoint.bin.") ||
                strstr(match.gl_pathv[i], "/curves.svg.") ||
                strstr(match.gl_pathv[i], ".onnx.") ||
                strstr(match.gl_pathv[i], "/metrics.jsonl."))
                unlink(match.gl_pathv[i]);
        globfree(&match);
    }
}

/* A new run writes a checkpoint of its first state, so that there always is a
 * way back; and a full or forbidden disk is noticed before any work. */
static facet_status begin(run *r)
{
    const facet__run_setup *setup = r->setup;
    facet__run_state *s = &r->state;
    facet_status st;
    bool there;

    if (mkdir(setup->folder, 0755) && errno != EEXIST)
        return facet__fail(
            r->err, FACET_EIO, "%s: %s", setup->folder, strerror(errno));
    sweep(r);
    there = access(s->path, F_OK) == 0;
    if (there && !setup->resume)
        return facet__fail(r->err, FACET_EEXISTS,
            "%s: a run is there already; resume it, or take another folder",
            setup->folder);
    if (there)
        st = facet__run_state_load(s, r->err);
    else
        st = facet__run_state_save(s, r->err);
    if (st == FACET_OK)
        st = facet__metrics_rewind(r->metrics, s->step, r->err);
    if (st == FACET_OK)
        st = open_loader(r);
    if (st == FACET_OK && there)
        tell(r, FACET__PROGRESS_RESUMED, NULL);
    return st;
}

static facet_status finish(run *r)
{
    char path[PATH_ROOM];
    facet_status st;

    facet__optimizer_swap_ema(r->state.optimizer);
    st = save_network(r, "last.onnx");
    facet__optimizer_swap_ema(r->state.optimizer);
    path_of(r, "curves.svg", path);
    return st == FACET_OK ? facet__curves_draw(r->metrics, path, r->err) : st;
}

static facet_status check(const facet__run_setup *setup, facet_error *err)
{
    if (setup->n_losses < 1 || setup->n_losses > FACET__RUN_LOSSES)
        return facet__fail(
            err, FACET_EINVAL, "a run has 1 to %d losses", FACET__RUN_LOSSES);
    if (setup->log_every < 1 || setup->checkpoint_every < 1 ||
        setup->optimizer.accumulate < 1)
        return facet__fail(
            err, FACET_EINVAL, "log, checkpoint and accumulate are at least 1");
    if (setup->teacher && setup->teacher->embed && setup->data.n_crops < 2)
        return facet__fail(
            err, FACET_EINVAL, "a teacher needs a crop of its own");
    if (setup->teacher && setup->teacher->dim != setup->net.dim)
        return facet__fail(err, FACET_EINVAL,
            "the teacher's embedding has %zu numbers, the network's %zu",
            setup->teacher->dim, setup->net.dim);
    if (strlen(setup->folder) + 32 > PATH_ROOM)
        return facet__fail(err, FACET_EINVAL, "the folder's name is too long");
    return FACET_OK;
}

facet_status facet__run(const facet__run_setup *setup, facet_error *err)
{
    run r = { .setup = setup, .err = err };
    const size_t room = (size_t)setup->data.order.batch * setup->net.dim;
    facet_status st = check(setup, err);

    if (st != FACET_OK)
        return st;
    path_of(&r, "metrics.jsonl", r.metrics);
    st = facet__run_state_open(setup, &r.state, err);
    if (st != FACET_OK)
        return st;
    r.dx = facet__calloc(room, sizeof *r.dx);
    r.part = facet__calloc(room, sizeof *r.part);
    if (!r.dx || !r.part)
        st = facet__fail_memory(err);
    if (st == FACET_OK)
        st = begin(&r);
    if (st == FACET_OK)
        st = loop(&r);
    if (st == FACET_OK)
        st = finish(&r);
    facet__loader_free(r.loader);
    facet__free(r.dx);
    facet__free(r.part);
    facet__run_state_close(&r.state);
    return st;
}
