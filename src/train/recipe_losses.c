/* SPDX-License-Identifier: Apache-2.0 */
/* recipe_losses.c - the losses of a recipe; each type says what its keys are.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "train/recipe_private.h"

static facet_status read_loss_key(facet__reader *r, facet__recipe_loss *loss,
    const yaml_node_t *name, const yaml_node_t *value)
{
    const char *word = facet__node_text(name);
    char there[160] = "weight", where[64];

    snprintf(where, sizeof where, "loss.%s", word ? word : "?");
    if (word && strcmp(word, "weight") == 0)
        return facet__node_number(
            r, value, where, 0, 1e6, false, &loss->weight);
    for (size_t i = 0; loss->type->options && loss->type->options[i].name;
         i++) {
        const facet__loss_option *o = &loss->type->options[i];
        int choice = 0;
        facet_status st;

        snprintf(there + strlen(there), sizeof there - strlen(there), ", %s",
            o->name);
        if (!word || strcmp(word, o->name) != 0)
            continue;
        if (!o->choices)
            return facet__node_number(
                r, value, where, o->low, o->high, o->whole, &loss->options[i]);
        st = facet__node_choose(r, value, where, o->choices, &choice);
        loss->options[i] = choice;
        return st;
    }
    return facet__fail(r->err, FACET_EINVAL,
        "%s:%u: loss %s has no key %s; there are %s", r->path,
        facet__node_line(name), loss->type->name, word ? word : "?", there);
}

/* The value of `kind` in a loss; NULL when it is not there. */
static const yaml_node_t *loss_kind(facet__reader *r, const yaml_node_t *node)
{
    if (node->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top; p++) {
        const char *word = facet__node_text(facet__node_at(r, p->key));

        if (word && strcmp(word, "kind") == 0)
            return facet__node_at(r, p->value);
    }
    return NULL;
}

static facet_status read_loss(facet__reader *r, const yaml_node_t *node)
{
    const yaml_node_t *kind = loss_kind(r, node);
    const char *names[32];
    facet__recipe_loss *loss = &r->recipe->losses[r->recipe->n_losses];
    facet__loss_setup setup;
    int which = 0;
    size_t n = 0;
    facet_status st;

    for (; facet__loss_types[n] && n < 31; n++)
        names[n] = facet__loss_types[n]->name;
    names[n] = NULL;
    if (r->recipe->n_losses == FACET__RUN_LOSSES)
        return facet__fail(r->err, FACET_EINVAL, "%s:%u: more than %d losses",
            r->path, facet__node_line(node), FACET__RUN_LOSSES);
    st = facet__node_choose(r, kind ? kind : node, "loss.kind", names, &which);
    if (st != FACET_OK)
        return st;
    loss->type = facet__loss_types[which];
    loss->weight = 1;
    facet__loss_setup_init(&setup, loss->type, 1);
    memcpy(loss->options, setup.options, sizeof loss->options);
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top && st == FACET_OK; p++)
        if (facet__node_at(r, p->value) != kind)
            st = read_loss_key(r, loss, facet__node_at(r, p->key),
                facet__node_at(r, p->value));
    r->recipe->n_losses++;
    return st == FACET_OK ? facet__mapping_once(r, node, "loss") : st;
}

/* One loss, or a list of them. */
facet_status facet__recipe_losses(facet__reader *r, const yaml_node_t *node)
{
    facet_status st = FACET_OK;

    if (node->type != YAML_SEQUENCE_NODE)
        return read_loss(r, node);
    for (yaml_node_item_t *i = node->data.sequence.items.start;
         i < node->data.sequence.items.top && st == FACET_OK; i++)
        st = read_loss(r, facet__node_at(r, *i));
    return st;
}
