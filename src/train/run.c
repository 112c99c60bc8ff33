/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - the loop.
 *
 * A step is a pure function of the state: data, augmentation, mining and
 * dropout draw their randomness from (seed, batch), so going on after a stop
 * and going back after an explosion are the same thing: load the checkpoint,
 * set the data to its batch.
 *
 * With several processes every one runs this loop and takes the same turns,
 * because what decides them (the loss, the norm of the gradient, the step) is
 * the same in all. What can fail in one alone (data, disk) is told to the
 * others before the next thing they do together. */
#include "train/run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "train/comm.h"
#include "train/curves.h"
#include "train/metrics.h"
#include "train/reduce.h"
#include "train/run_folder.h"
#include "train/run_losses.h"
#include "train/run_state.h"

enum { PATH_ROOM = 4096 };

const char *const facet__norms_names[] = { "whole", "own", NULL };

typedef struct run {
    const facet__run_setup *setup;
    const facet_comm *comm; /* NULL: alone */
    facet__run_state state;
    facet__loader *loader;
    facet__run_losses losses;
    facet__reduce *reduce; /* NULL: alone */
    facet__run_folder folder;
    char metrics[PATH_ROOM];
    facet_error *err;
    /* The batch in hand. */
    facet__load load;
    const float *teacher;
    /* Of the last batch. */
    double rate, norm;
    double score;
    size_t broken;
    /* For images a second: since the last line. */
    double since;
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

/* Process 0 touches the folder. */
static bool writes(const run *r)
{
    return facet__comm_first(r->comm);
}

static facet_status agree(run *r, facet_status status)
{
    return facet__comm_agree(r->comm, status, NULL, r->err);
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
        .mined = r->losses.mined,
        .per_second = r->per_second,
        .seconds_left = r->per_second > 0 ? images / r->per_second : 0,
        .score = r->score,
        .broken = r->broken,
        .why = why };

    if (r->setup->on_progress && writes(r))
        r->setup->on_progress(r->setup->on_progress_context, &p);
}

/* Start the data anew at the state's batch. */
static facet_status open_loader(run *r)
{
    facet__loader_setup data = r->setup->data;

    facet__loader_free(r->loader);
    data.first = r->state.batch;
    data.share_first = r->losses.first;
    data.share_count = r->losses.count;
    return agree(r, facet__loader_create(&data, &r->loader, r->err));
}

/* Own pictures and the teacher's view of them, or what their makers know that
 * should be said of them: what can go wrong with data goes wrong here, where
 * the others are not waiting yet. */
static facet_status next_load(run *r)
{
    const facet__teacher *t = r->setup->teacher;
    facet_status st = facet__loader_next(r->loader, &r->load, r->err);

    r->teacher = r->load.wanted;
    if (st != FACET_OK || !t)
        return st;
    return t->answer(t->self, r->load.indices, r->load.crops[1], r->load.n,
        &r->teacher, r->err);
}

static void take_gradient(void *context, size_t param)
{
    facet__reduce_add(context, param);
}

/* Each process has running statistics of its own. */
static bool own_norms(const facet__run_setup *setup)
{
    return setup->norms == FACET__NORMS_OWN || !setup->net.share;
}

/* Gradients of all parameters, summed over processes. Those of the losses are
 * there before the network's backward pass begins, and travel during it. */
static facet_status go_back(run *r)
{
    const facet__trainable *net = &r->setup->net;
    facet_status st;

    for (size_t i = net->n_params; r->reduce && i < r->state.n_params; i++)
        facet__reduce_add(r->reduce, i);
    st = net->backward(net->self, r->losses.dx, r->err);
    if (st != FACET_OK || !r->reduce)
        return st;
    st = facet__reduce_finish(r->reduce);
    if (st == FACET_OK && own_norms(r->setup))
        st = facet__reduce_states(r->reduce);
    return facet__comm_lost(r->comm, st, r->err);
}

/* One batch through the network and back. *moved: a step was made. *broken:
 * what is wrong with the numbers, or NULL. */
static facet_status do_batch(run *r, bool *moved, const char **broken)
{
    facet__run_state *s = &r->state;
    const facet__trainable *net = &r->setup->net;
    const facet__load *load = &r->load;
    const float *x;
    double loss;
    facet__step step;
    facet_status st = net->forward(net->self, load->crops[0], load->n,
        r->setup->data.seed ^ load->number, &x, r->err);

    *moved = false;
    *broken = NULL;
    if (st == FACET_OK)
        st = facet__run_losses_take(&r->losses, load, x, r->teacher, r->err);
    if (st != FACET_OK)
        return st;
    loss = r->losses.value;
    if (!isfinite(loss))
        *broken = "the loss is not finite";
    else if (s->smooth >= 0 && loss > r->setup->explode * (s->smooth + 1))
        *broken = "the loss explodes";
    if (*broken)
        return FACET_OK;
    st = go_back(r);
    if (st != FACET_OK)
        return st;
    r->rate = facet__schedule_rate(&r->setup->schedule, &s->schedule, s->step);
    step = facet__optimizer_step(s->optimizer, r->rate);
    if (!isfinite(step.norm)) {
        *broken = "the gradient is not finite";
        return FACET_OK;
    }
    r->norm = step.norm;
    s->smooth = s->smooth < 0 ? loss : .98 * s->smooth + .02 * loss;
    s->batch = load->number + 1;
    s->step += step.applied;
    r->images += r->losses.whole;
    *moved = step.applied;
    return FACET_OK;
}

/* What the folder has, to all processes. */
static facet_status load_state(run *r)
{
    facet_status st =
        writes(r) ? facet__run_state_load(&r->state, r->err) : FACET_OK;

    st = agree(r, st);
    return st == FACET_OK ? facet__run_state_share(&r->state, r->comm, r->err)
                          : st;
}

static facet_status save_state(run *r)
{
    facet_status st = facet__run_state_compare(&r->state, r->comm, r->err);

    if (st != FACET_OK)
        return st;
    return agree(
        r, writes(r) ? facet__run_state_save(&r->state, r->err) : FACET_OK);
}

/* Back to the last checkpoint with half the rate. */
static facet_status roll_back(run *r, const char *why)
{
    facet__run_state *s = &r->state;
    const facet__schedule_state before = s->schedule;
    const int rollbacks = s->rollbacks + 1;
    const uint64_t at = s->step;
    facet_status st;

    if (rollbacks > r->setup->max_rollbacks)
        return facet__fail(r->err, FACET_EDAMAGED,
            "step %llu: %s, after %d times going back with half the rate; "
            "lower schedule.rate or clip the gradient",
            (unsigned long long)at, why, r->setup->max_rollbacks);
    st = load_state(r);
    if (st != FACET_OK)
        return st;
    s->schedule.scale = before.scale / 2;
    s->schedule.best = before.best; /* of best.onnx, which stays */
    s->schedule.any = before.any;
    s->rollbacks = rollbacks;
    if (writes(r))
        st = facet__metrics_rewind(r->metrics, s->step, r->err);
    st = agree(r, st);
    /* Written down, or a kill now would meet the same explosion again. */
    if (st == FACET_OK)
        st = save_state(r);
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

/* The score of the weights that will be exported, from process 0 to all. The
 * others wait: they could share the pairs, but validation is rare. */
static facet_status find_score(run *r)
{
    facet_status st = FACET_OK;

    if (writes(r)) {
        facet__optimizer_swap_ema(r->state.optimizer);
        st = r->setup->validate(
            r->setup->validate_context, &r->setup->net, &r->score, r->err);
        facet__optimizer_swap_ema(r->state.optimizer);
    }
    st = agree(r, st);
    if (st == FACET_OK)
        st = facet__comm_broadcast(r->comm, &r->score, sizeof r->score, r->err);
    return st;
}

static facet_status note_score(run *r)
{
    const facet__run_state *s = &r->state;
    json_t *line;
    facet_status st;
    char path[PATH_ROOM];

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

static facet_status save_best(run *r)
{
    facet_status st;

    facet__optimizer_swap_ema(r->state.optimizer);
    st = save_network(r, "best.onnx");
    facet__optimizer_swap_ema(r->state.optimizer);
    return st;
}

/* Validate, keep the best network. */
static facet_status validate(run *r)
{
    facet__run_state *s = &r->state;
    facet_status st = find_score(r);
    bool best;

    if (st != FACET_OK)
        return st;
    best =
        facet__schedule_validated(&r->setup->schedule, &s->schedule, r->score);
    if (writes(r) && best)
        st = save_best(r);
    if (writes(r) && st == FACET_OK)
        st = note_score(r);
    return agree(r, st);
}

/* Broken pictures of all processes. */
static facet_status count_broken(run *r)
{
    double broken = (double)facet__loader_broken(r->loader);
    facet_status st = FACET_OK;

    if (!facet__comm_alone(r->comm))
        st = facet__comm_lost(
            r->comm, r->comm->sum(r->comm->self, &broken, 1), r->err);
    r->broken = (size_t)broken;
    return st;
}

static facet_status write_step(run *r)
{
    const double seconds = facet__clock() - r->since;
    json_t *line;
    facet_status st;

    r->per_second = seconds > 0 ? (double)r->images / seconds : 0;
    r->images = 0;
    r->since = facet__clock();
    line = json_pack("{sIsfsfsfsfsfsf}", "step", (json_int_t)r->state.step,
        "loss", r->losses.value, "smooth", r->state.smooth, "rate", r->rate,
        "norm", r->norm, "mined", r->losses.mined, "images_per_second",
        r->per_second);
    if (!line)
        return facet__fail_memory(r->err);
    st = facet__metrics_append(r->metrics, line, r->err);
    json_decref(line);
    if (st == FACET_OK)
        tell(r, FACET__PROGRESS_STEP, NULL);
    return st;
}

static facet_status log_step(run *r)
{
    facet_status st = count_broken(r);

    if (st != FACET_OK)
        return st;
    return agree(r, writes(r) ? write_step(r) : FACET_OK);
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
    return save_state(r);
}

/* Asked to stop. Weights that are not finite are left to the checkpoint before
 * them. */
static facet_status stop_here(run *r)
{
    facet_status st =
        facet__run_state_sound(&r->state) ? save_state(r) : FACET_OK;

    if (st != FACET_OK)
        return st;
    tell(r, FACET__PROGRESS_STOPPED, NULL);
    return facet__fail(r->err, FACET_ECANCELED, "stopped at step %llu",
        (unsigned long long)r->state.step);
}

static facet_status loop(run *r)
{
    facet_status st = FACET_OK;

    r->since = facet__clock();
    while (st == FACET_OK && r->state.step < r->setup->schedule.total) {
        bool moved, stop = r->setup->stop && *r->setup->stop;
        const char *broken;

        if (!stop || r->comm)
            st = next_load(r);
        st = facet__comm_agree(r->comm, st, &stop, r->err);
        if (st == FACET_OK && stop)
            return stop_here(r);
        if (st == FACET_OK)
            st = facet__comm_abandon(
                r->comm, do_batch(r, &moved, &broken), r->err);
        if (st == FACET_OK && moved)
            st = after_step(r, &broken);
        if (st == FACET_OK && broken)
            st = roll_back(r, broken);
    }
    return st;
}

/* A new run writes a checkpoint of its first state, so that there always is a
 * way back; and a full or forbidden disk is noticed before any work. */
static facet_status open_folder(run *r, bool *resumed)
{
    const facet__run_setup *setup = r->setup;
    facet__run_state *s = &r->state;
    facet_status st;
    bool there;

    st = facet__run_folder_open(setup->folder, &r->folder, r->err);
    if (st != FACET_OK)
        return st;
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
    *resumed = there;
    return st;
}

/* All begin with process 0's state. */
static facet_status begin(run *r)
{
    bool resumed = false;
    facet_status st = agree(r, writes(r) ? open_folder(r, &resumed) : FACET_OK);

    if (st == FACET_OK)
        st = facet__run_state_share(&r->state, r->comm, r->err);
    if (st == FACET_OK)
        st = open_loader(r);
    if (st == FACET_OK && resumed)
        tell(r, FACET__PROGRESS_RESUMED, NULL);
    return st;
}

static facet_status finish(run *r)
{
    char path[PATH_ROOM];
    facet_status st;

    if (!writes(r))
        return agree(r, FACET_OK);
    facet__optimizer_swap_ema(r->state.optimizer);
    st = save_network(r, "last.onnx");
    facet__optimizer_swap_ema(r->state.optimizer);
    path_of(r, "curves.svg", path);
    if (st == FACET_OK)
        st = facet__curves_draw(r->metrics, path, r->err);
    return agree(r, st);
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
    if (setup->teacher && setup->teacher->sees && setup->data.n_crops < 2)
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

/* For norms; a network does not know what its peers are. */
static facet_status sum_for_network(void *context, double *numbers, size_t n)
{
    run *r = context;

    return facet__comm_lost(
        r->comm, r->comm->sum(r->comm->self, numbers, n), r->err);
}

/* Make the network one of several, or alone again. */
static void join(run *r, bool in)
{
    const facet__trainable *net = &r->setup->net;
    const facet_comm *comm = r->comm;
    facet__peers peers = { .first = r->losses.first };

    if (facet__comm_alone(comm))
        return;
    if (!own_norms(r->setup)) {
        peers.sum = sum_for_network;
        peers.context = r;
    }
    if (net->share)
        net->share(net->self, in ? &peers : NULL);
    if (net->on_final)
        net->on_final(
            net->self, in && r->reduce ? take_gradient : NULL, r->reduce);
}

static facet_status open_parts(run *r)
{
    const facet__run_setup *setup = r->setup;
    facet_status st = facet__run_state_open(setup, &r->state, r->err);

    if (st == FACET_OK)
        st = facet__run_losses_open(setup, &r->losses, r->err);
    if (st == FACET_OK && !facet__comm_alone(r->comm) &&
        facet__reduce_create(r->comm, r->state.params, r->state.n_params,
            FACET__BUCKET, &r->reduce) != FACET_OK)
        st = facet__fail_memory(r->err);
    return st;
}

facet_status facet__run(const facet__run_setup *setup, facet_error *err)
{
    facet_error own;
    run r = { .setup = setup,
        .comm = setup->comm,
        .score = (double)NAN, /* before the first validation */
        .err = err ? err : &own };
    facet_status st = facet__comm_check(r.comm, r.err);

    if (st != FACET_OK)
        return st;
    st = check(setup, r.err);
    if (st == FACET_OK) {
        path_of(&r, "metrics.jsonl", r.metrics);
        st = open_parts(&r);
    }
    st = agree(&r, st);
    join(&r, true);
    if (st == FACET_OK)
        st = begin(&r);
    if (st == FACET_OK)
        st = loop(&r);
    if (st == FACET_OK)
        st = finish(&r);
    join(&r, false);
    facet__loader_free(r.loader);
    facet__reduce_free(r.reduce);
    facet__run_losses_close(&r.losses);
    facet__run_state_close(&r.state);
    facet__run_folder_close(&r.folder);
    return st;
}
