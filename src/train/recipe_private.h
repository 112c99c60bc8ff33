/* SPDX-License-Identifier: Apache-2.0 */
/* recipe_private.h - a recipe being read, for recipe*.c. */
#ifndef FACET__RECIPE_PRIVATE_H
#define FACET__RECIPE_PRIVATE_H

#include <yaml.h>

#include "train/recipe.h"

/* A document being read. */
typedef struct facet__reader {
    const char *path;
    yaml_document_t document;
    facet__recipe *recipe;
    facet_error *err;
} facet__reader;

/* Nodes; NULL is no node. A message names the recipe, the line and `name`. */
unsigned facet__node_line(const yaml_node_t *node);
yaml_node_t *facet__node_at(facet__reader *r, int index);
/* NULL unless it is a scalar. */
const char *facet__node_text(const yaml_node_t *node);
/* Append a word to a list for a message; dots, once, where it is full. */
void facet__list_word(char *list, size_t room, const char *word);
/* One of `choices` (ended by NULL): its place. */
facet_status facet__node_choose(facet__reader *r, const yaml_node_t *node,
    const char *name, const char *const *choices, int *out);
facet_status facet__node_number(facet__reader *r, const yaml_node_t *node,
    const char *name, double low, double high, bool whole, double *out);

/* Refuse a key that stands twice in a mapping, `name`, whose keys are known. */
facet_status facet__mapping_once(
    facet__reader *r, const yaml_node_t *mapping, const char *name);

/* Text that lives as long as the recipe, which takes it; NULL without memory or
 * room. */
const char *facet__recipe_hold(facet__recipe *recipe, char *text);
/* A path of the recipe, seen from the present folder. */
const char *facet__recipe_hold_path(facet__reader *r, const char *path);

/* Read all of the document into the recipe. */
facet_status facet__recipe_document(facet__reader *r);
/* One loss, or a list of them. */
facet_status facet__recipe_losses(facet__reader *r, const yaml_node_t *node);
/* Do the keys go together? */
facet_status facet__recipe_check(facet__reader *r);

#endif
