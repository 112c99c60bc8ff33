/* SPDX-License-Identifier: Apache-2.0 */
#include "train/train.h"

#include <string.h>

#include "base/error.h"
#include "train/comm.h"
#include "train/inputs.h"
#include "train/judge.h"
#include "train/landmarks.h"
#include "train/teacher.h"

/* What a run needs and train owns. */
typedef struct parts {
    facet__run_setup run;
    facet__dataset *data;
    facet__photos *photos;
    facet__teacher
        remembered; /* what a teacher thought of `data`, from a file */
    facet_labels *labels;
    facet__scenes *scenes;
    facet__landmarks *landmarks;
    facet__judge judge;
    size_t dim;
    char inputs_hash[65];
} parts;

static facet_status make_losses(
    const facet__recipe *recipe, parts *p, facet__pool *pool, facet_error *err)
{
    for (size_t i = 0; i < recipe->n_losses; i++) {
        const facet__recipe_loss *from = &recipe->losses[i];
        facet__loss_setup setup;
        facet_status st;

        facet__loss_setup_init(&setup, from->type, p->dim);
        setup.classes = facet__dataset_classes(p->data);
        setup.width = (size_t)recipe->width;
        setup.height = (size_t)recipe->height;
        setup.seed = recipe->run.data.seed + i;
        memcpy(setup.options, from->options, sizeof setup.options);
        st = facet__loss_create(
            from->type, &setup, pool, &p->run.losses[i], err);
        if (st != FACET_OK)
            return st;
    }
    return FACET_OK;
}

/* A detector's data: scenes instead of crops. */
static facet_status open_scenes(
    const facet__recipe *recipe, parts *p, facet_error *err)
{
    facet__scene_setup setup = recipe->scene;
    facet_status st = facet_labels_read(recipe->faces, &p->labels, err);

    setup.dataset = p->data;
    setup.labels = p->labels;
    if (st == FACET_OK)
        st = facet__scenes_create(&setup, &p->scenes, err);
    p->run.data.maker = (facet__maker){
        .make = facet__scene_make, .self = p->scenes, .with_targets = true
    };
    return st;
}

/* A landmark network's data: faces in the squares that their points ask for. */
static facet_status open_landmarks(
    const facet__recipe *recipe, parts *p, facet_error *err)
{
    const facet_status st =
        p->dim == FACET__LANDMARK_NUMBERS
            ? facet__landmarks_open(
                  recipe->landmarks, p->data, &p->landmarks, err)
            : facet__fail(err, FACET_EMODEL,
                  "the network gives %zu numbers, x and y of 68 points are %d",
                  p->dim, FACET__LANDMARK_NUMBERS);

    p->run.data.maker = (facet__maker){ .make = facet__landmarks_make,
        .self = p->landmarks,
        .wanted = FACET__LANDMARK_NUMBERS };
    return st;
}

/* Whoever the recipe names as a judge is asked as often as it says, else with
 * each checkpoint. */
static facet_status open_judge(const facet__recipe *recipe, parts *p,
    const facet__train_opts *opts, facet_error *err)
{
    const facet_status st =
        facet__judge_open(recipe, facet__comm_first(opts->comm), opts->folder,
            opts->pool, &p->judge, err);

    p->run.validate = p->judge.score;
    p->run.validate_context = p->judge.self;
    if (p->judge.score && p->run.validate_every == 0)
        p->run.validate_every = p->run.checkpoint_every;
    return st;
}

static facet_status open_parts(const facet__recipe *recipe, parts *p,
    const facet__train_opts *opts, facet_error *err)
{
    facet_status st = facet__dataset_open(&recipe->dataset, &p->data, err);

    if (st == FACET_OK && recipe->detector)
        st = facet__photos_open(recipe->detector, recipe->run.data.frame,
            facet__dataset_count(p->data), &p->photos, err);
    if (st == FACET_OK && recipe->teacher_embeddings)
        st = facet__teacher_remember(recipe->teacher_embeddings,
            recipe->teacher_names, recipe->teacher_person, p->data,
            &p->remembered, err);
    if (st == FACET_OK)
        st = make_losses(recipe, p, opts->pool, err);
    if (st == FACET_OK && recipe->faces)
        st = open_scenes(recipe, p, err);
    if (st == FACET_OK && recipe->landmarks)
        st = open_landmarks(recipe, p, err);
    return st == FACET_OK ? open_judge(recipe, p, opts, err) : st;
}

/* All processes see the same pictures under the same labels, for a batch is
 * shared out by their numbers; and so does a run that goes on. */
static facet_status compare_inputs(const facet__recipe *recipe, parts *p,
    const facet_comm *comm, facet_error *err)
{
    const facet_status st = facet__comm_agree(comm,
        facet__inputs_hash(recipe, p->data, p->inputs_hash, err), NULL, err);

    p->run.inputs_hash = p->inputs_hash;
    return st == FACET_OK
               ? facet__comm_same(comm, p->inputs_hash, sizeof p->inputs_hash,
                     "the data, or the files beside them, are", err)
               : st;
}

/* Process 0 alone has a judge, and keeps the checkpoint. */
static facet_status note_judge(const facet__recipe *recipe, parts *p,
    const facet_comm *comm, facet_error *err)
{
    const facet__judge *judge = &p->judge;
    facet_status st = FACET_OK;

    if (judge->self)
        st = facet__inputs_hash_judge(recipe,
            judge->data ? judge->data(judge->self) : NULL, p->inputs_hash, err);
    return facet__comm_agree(comm, st, NULL, err);
}

facet_status facet__train(const facet__recipe *recipe,
    const facet__trainable *net, const facet__teacher *teacher,
    const facet__train_opts *opts, facet_error *err)
{
    parts p = { .run = recipe->run, .dim = net->dim };
    facet_status st = open_parts(recipe, &p, opts, err);

    st = facet__comm_agree(opts->comm, st, NULL, err);
    if (st == FACET_OK)
        st = compare_inputs(recipe, &p, opts->comm, err);
    if (st == FACET_OK)
        st = note_judge(recipe, &p, opts->comm, err);
    p.run.folder = opts->folder;
    p.run.resume = opts->resume;
    p.run.pool = opts->pool;
    p.run.stop = opts->stop;
    p.run.comm = opts->comm;
    p.run.on_progress = opts->on_progress;
    p.run.on_progress_context = opts->context;
    p.run.data.dataset = p.data;
    p.run.data.photos = p.photos;
    p.run.data.on_broken = opts->on_broken;
    p.run.data.on_broken_context = opts->context;
    p.run.net = *net;
    p.run.teacher = p.remembered.self ? &p.remembered : teacher;
    if (st == FACET_OK)
        st = facet__run(&p.run, err);
    facet__judge_close(&p.judge);
    facet__teacher_close(&p.remembered);
    facet__photos_close(p.photos);
    facet__scenes_free(p.scenes);
    facet__landmarks_close(p.landmarks);
    facet_labels_free(p.labels);
    for (size_t i = 0; i < recipe->n_losses; i++)
        facet__loss_free(p.run.losses[i]);
    facet__dataset_close(p.data);
    return st;
}
