/* SPDX-License-Identifier: Apache-2.0 */
/* facet_train.c - the public call: recipe, network, teacher, run. */
#include "facet/train.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/options.h"
#include "train/comm.h"
#include "train/network.h"
#include "train/teacher.h"
#include "train/train.h"

void facet_train_opts_init(facet_train_opts *opts)
{
    *opts = (facet_train_opts){ .size = sizeof *opts };
}

static void tell(void *context, const facet__progress *p)
{
    static const char *const events[] = {
        [FACET__PROGRESS_STEP] = "step",
        [FACET__PROGRESS_VALIDATION] = "validation",
        [FACET__PROGRESS_ROLLBACK] = "rollback",
        [FACET__PROGRESS_RESUMED] = "resumed",
        [FACET__PROGRESS_STOPPED] = "stopped",
    };
    const facet_train_opts *o = context;
    const facet_train_progress progress = { .step = p->step,
        .steps = p->steps,
        .epoch = p->epoch,
        .loss = p->loss,
        .rate = p->rate,
        .mined = p->mined,
        .per_second = p->per_second,
        .seconds_left = p->seconds_left,
        .score = p->score,
        .broken = p->broken,
        .event = events[p->what],
        .why = p->why };

    if (o->on_progress)
        o->on_progress(o->context, &progress);
}

static void tell_broken(void *context, const char *key, const char *why)
{
    const facet_train_opts *o = context;

    if (o->on_broken)
        o->on_broken(o->context, key, why);
}

/* Width and height of what the teacher sees. */
static void teacher_size(const facet__recipe *r, int *width, int *height)
{
    *width = (int)r->run.data.crops[1].width;
    *height = (int)r->run.data.crops[1].height;
}

static facet_status run(const facet__recipe *recipe, const char *folder,
    facet_train_opts *o, facet_error *err)
{
    const int threads = recipe->threads;
    facet__trainable net = { .self = NULL };
    facet__teacher teacher = { .self = NULL };
    facet__train_opts opts = { .folder = folder,
        .resume = o->resume != 0,
        .stop = o->stop,
        .on_progress = tell,
        .on_broken = tell_broken,
        .context = o,
        .comm = o->comm };
    facet_status st = facet__trainable_open(recipe, &net, err);

    if (st == FACET_OK && recipe->teacher) {
        int width, height;

        teacher_size(recipe, &width, &height);
        st = facet__teacher_open(recipe->teacher, width, height,
            recipe->faces != NULL, threads, &teacher, err);
    }
    if (st == FACET_OK && facet__pool_create(threads, &opts.pool) != FACET_OK)
        st = facet__fail_memory(err);
    st = facet__comm_agree(o->comm, st, NULL, err);
    if (st == FACET_OK)
        st = facet__train(
            recipe, &net, recipe->teacher ? &teacher : NULL, &opts, err);
    facet__pool_free(opts.pool);
    facet__teacher_close(&teacher);
    facet__trainable_close(&net);
    return st;
}

/* All processes have the recipe, and the same one. */
static facet_status open_recipe(const char *path, const facet_comm *comm,
    facet__recipe **out, facet_error *err)
{
    facet_status st = facet__recipe_read(path, out, err);

    st = facet__comm_agree(comm, st, NULL, err);
    if (st == FACET_OK)
        st = facet__comm_same(
            comm, (*out)->hash, sizeof(*out)->hash, "the recipe is", err);
    return st;
}

/* Threads of this process where the recipe leaves it open. A launcher that has
 * bound it to some processors has divided them already. */
static int choose_threads(const facet_comm *comm)
{
    const bool bound = facet__cpu_count() < sysconf(_SC_NPROCESSORS_ONLN);
    const bool divide = comm && !bound;
    const int threads = facet__cpu_count() / (divide ? comm->local : 1);

    return threads > 0 ? threads : 1;
}

facet_status facet_train(const char *recipe, const char *folder,
    const facet_train_opts *opts, facet_error *err)
{
    facet__recipe *r = NULL;
    facet_train_opts o;
    facet_error own;
    facet_status st;

    if (!recipe || !folder)
        return facet__fail(err, FACET_EINVAL, "recipe or folder is NULL");
    err = err ? err : &own;
    facet_train_opts_init(&o);
    st = facet__options_take(&o, sizeof o, opts, "facet_train_opts_init", err);
    if (st == FACET_OK)
        st = facet__comm_check(o.comm, err);
    if (st == FACET_OK)
        st = open_recipe(recipe, o.comm, &r, err);
    if (st == FACET_OK && r->threads == 0)
        r->threads = choose_threads(o.comm);
    if (st == FACET_OK)
        st = run(r, folder, &o, err);
    facet__recipe_free(r);
    return st;
}
