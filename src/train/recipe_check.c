/* SPDX-License-Identifier: Apache-2.0 */
/* recipe_check.c - what no single key of a recipe can say. */
#include "base/error.h"
#include "train/recipe_private.h"

/* What a detector's recipe must say; NULL when all is well. */
static const char *check_faces(const facet__recipe *c)
{
    if (c->width % 32 || c->height % 32)
        return "network.width and height of a detector are multiples of 32";
    if (c->teacher)
        return "a detector has no teacher; its landmarks stand in data.faces";
    if (c->validation_faces && c->validation.n_paths == 0)
        return "validation.faces needs validation.paths";
    return NULL;
}

/* What a landmark network's recipe must say. */
static const char *check_landmarks(const facet__recipe *c)
{
    if (c->teacher || c->teacher_embeddings)
        return "a landmark network has no teacher; its points stand in "
               "data.landmarks";
    if (c->faces)
        return "data.faces and data.landmarks: one network at a time";
    for (size_t i = 0; i < c->n_losses; i++)
        if (!c->losses[i].type->needs_teacher)
            return "data.landmarks needs the loss landmarks";
    if (c->validation_landmarks && c->validation.n_paths == 0)
        return "validation.landmarks needs validation.paths";
    return NULL;
}

/* What no single key can say. */
facet_status facet__recipe_check(facet__reader *r)
{
    const facet__recipe *c = r->recipe;
    const char *wrong = NULL;
    bool taught = false, finds = true, embeds = true;

    for (size_t i = 0; i < c->n_losses; i++) {
        taught = taught || c->losses[i].type->needs_teacher;
        finds = finds && c->losses[i].type->needs_targets;
        embeds = embeds && !c->losses[i].type->needs_targets;
    }
    if (!c->network && !c->init)
        wrong = "network.kind or network.init is missing";
    else if (c->dataset.n_paths == 0)
        wrong = "data.paths is missing";
    else if (c->n_losses == 0)
        wrong = "loss is missing";
    else if (c->run.schedule.total < 2)
        wrong = "schedule.steps is missing";
    else if (taught && !c->teacher && !c->teacher_embeddings && !c->landmarks)
        wrong = "a loss needs teacher.init, teacher.embeddings or "
                "data.landmarks";
    else if (c->teacher && c->teacher_embeddings)
        wrong = "teacher.init and teacher.embeddings: one teacher only";
    else if (!c->teacher_embeddings != !c->teacher_names)
        wrong = "teacher.embeddings and teacher.names come together";
    else if (c->run.schedule.kind == FACET__STEPS &&
             c->run.schedule.n_milestones == 0)
        wrong = "schedule.kind steps needs schedule.milestones";
    else if (c->faces ? !finds : !embeds)
        wrong = "the loss detection and data.faces need each other";
    else if (c->run.schedule.kind == FACET__PLATEAU && !c->pairs &&
             !c->validation_faces && !c->validation_landmarks)
        wrong =
            "schedule.kind plateau needs validation.pairs, faces or landmarks";
    else if (c->pairs && c->validation.n_paths == 0)
        wrong = "validation.pairs needs validation.paths";
    else if (!c->faces && !c->landmarks &&
             (c->width > c->run.data.frame || c->height > c->run.data.frame))
        wrong = "network.width and height are larger than data.frame";
    else if (c->run.data.order.kind == FACET__ORDER_PK &&
             (uint64_t)c->run.data.order.people * c->run.data.order.images >
                 c->run.data.order.batch)
        wrong = "sampler.people times images is more than sampler.batch";
    if (!wrong && c->faces)
        wrong = check_faces(c);
    if (!wrong && c->landmarks)
        wrong = check_landmarks(c);
    return wrong ? facet__fail(r->err, FACET_EINVAL, "%s: %s", r->path, wrong)
                 : FACET_OK;
}
