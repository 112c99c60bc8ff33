/* SPDX-License-Identifier: Apache-2.0 */
/* recipe_check.c - what no single key of a recipe can say. Each check looks at
 * one matter and says what is wrong with it, or NULL. */
#include <string.h>

#include "base/error.h"
#include "train/recipe_private.h"

typedef const char *check(const facet__recipe *c);

static const char *check_parts(const facet__recipe *c)
{
    if (!c->network && !c->init)
        return "network.kind or network.init is missing";
    if (c->dataset.n_paths == 0)
        return "data.paths is missing";
    if (c->n_losses == 0)
        return "loss is missing";
    if (c->run.schedule.total < 2)
        return "schedule.steps is missing, or less than 2";
    return NULL;
}

/* Whom or what do the losses learn from? */
static const char *check_teacher(const facet__recipe *c)
{
    const int teachers = (c->teacher != NULL) + (c->teacher_embeddings != NULL);
    bool taught = false;

    for (size_t i = 0; i < c->n_losses; i++)
        taught = taught || c->losses[i].type->needs_teacher;
    if (taught && teachers == 0 && !c->landmarks)
        return "a loss needs teacher.init, teacher.embeddings or "
               "data.landmarks";
    if (!taught && teachers > 0)
        return "no loss learns from the teacher: leave it out, or take a "
               "distill loss or harmonic";
    if (teachers > 1)
        return "teacher.init and teacher.embeddings: one teacher only";
    if (c->teacher_person > 0 && !c->teacher_embeddings)
        return "teacher.person needs teacher.embeddings";
    if (!c->teacher_embeddings != !c->teacher_names)
        return "teacher.embeddings and teacher.names come together";
    return NULL;
}

/* Columns are those of a table. */
static const char *check_table(const facet__recipe *c)
{
    facet__dataset_setup usual;

    if (c->dataset.table)
        return NULL;
    if (c->dataset.split)
        return "data.split needs data.table; without it all pictures are taken";
    facet__dataset_setup_init(&usual);
    if (strcmp(c->dataset.key_column, usual.key_column) != 0 ||
        strcmp(c->dataset.label_column, usual.label_column) != 0 ||
        strcmp(c->dataset.split_column, usual.split_column) != 0)
        return "data.key-column, label-column and split-column need data.table";
    return NULL;
}

static const char *check_schedule(const facet__recipe *c)
{
    const bool validated =
        c->pairs || c->validation_faces || c->validation_landmarks;

    if (c->run.schedule.kind == FACET__STEPS &&
        c->run.schedule.n_milestones == 0)
        return "schedule.kind steps needs schedule.milestones";
    if (c->run.schedule.kind == FACET__PLATEAU && !validated)
        return "schedule.kind plateau needs validation.pairs, faces or "
               "landmarks";
    return NULL;
}

static const char *check_validation(const facet__recipe *c)
{
    /* The network's answers are read as 136 numbers. */
    if (c->validation_landmarks && !c->landmarks)
        return "validation.landmarks needs data.landmarks";
    if (c->validation.n_paths > 0)
        return NULL;
    if (c->pairs)
        return "validation.pairs needs validation.paths";
    if (c->validation_faces)
        return "validation.faces needs validation.paths";
    if (c->validation_landmarks)
        return "validation.landmarks needs validation.paths";
    return NULL;
}

static const char *check_sampler(const facet__recipe *c)
{
    const uint64_t people = c->run.data.order.people;

    if (c->run.data.order.kind == FACET__ORDER_PK &&
        people * c->run.data.order.images > c->run.data.order.batch)
        return "sampler.people times images is more than sampler.batch";
    return NULL;
}

/* An embedder sees crops of frames. */
static const char *check_frame(const facet__recipe *c)
{
    const double frame = c->run.data.frame;

    if (c->faces || c->landmarks || (c->width <= frame && c->height <= frame))
        return NULL;
    return "network.width and height are larger than data.frame";
}

static const char *check_detector(const facet__recipe *c)
{
    for (size_t i = 0; i < c->n_losses; i++)
        if (c->losses[i].type->needs_cells != (c->faces != NULL))
            return "the losses detection and distill-detection and data.faces "
                   "need each other";
    if (!c->faces)
        return NULL;
    if (c->width % 32 || c->height % 32)
        return "network.width and height of a detector are multiples of 32";
    if (c->teacher_embeddings || c->teacher_template)
        return "a detector's teacher is teacher.init, and sees what it sees";
    return NULL;
}

static const char *check_landmarks(const facet__recipe *c)
{
    if (!c->landmarks)
        return NULL;
    if (c->teacher || c->teacher_embeddings)
        return "a landmark network has no teacher; its points stand in "
               "data.landmarks";
    if (c->faces)
        return "data.faces and data.landmarks: one network at a time";
    if (c->width != c->height)
        return "a landmark network sees squares: network.width is not its "
               "height";
    for (size_t i = 0; i < c->n_losses; i++)
        if (!c->losses[i].type->needs_teacher)
            return "data.landmarks needs the loss landmarks";
    return NULL;
}

facet_status facet__recipe_check(facet__reader *r)
{
    static check *const checks[] = { check_parts, check_table, check_teacher,
        check_schedule, check_detector, check_landmarks, check_validation,
        check_frame, check_sampler };

    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        const char *wrong = checks[i](r->recipe);

        if (wrong)
            return facet__fail(r->err, FACET_EINVAL, "%s: %s", r->path, wrong);
    }
    return FACET_OK;
}
