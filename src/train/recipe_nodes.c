/* SPDX-License-Identifier: Apache-2.0 */
/* recipe_nodes.c - values of a YAML document, with their place in messages. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "train/recipe_private.h"

unsigned facet__node_line(const yaml_node_t *node)
{
    return (unsigned)node->start_mark.line + 1;
}

yaml_node_t *facet__node_at(facet__reader *r, int index)
{
    return yaml_document_get_node(&r->document, index);
}

const char *facet__node_text(const yaml_node_t *node)
{
    return node && node->type == YAML_SCALAR_NODE
               ? (const char *)node->data.scalar.value
               : NULL;
}

facet_status facet__mapping_once(
    facet__reader *r, const yaml_node_t *mapping, const char *name)
{
    const yaml_node_pair_t *first = mapping->data.mapping.pairs.start;
    const yaml_node_pair_t *end = mapping->data.mapping.pairs.top;

    for (const yaml_node_pair_t *p = first; p < end; p++)
        for (const yaml_node_pair_t *q = first; q < p; q++) {
            const yaml_node_t *key = facet__node_at(r, p->key);
            const char *a = facet__node_text(key);
            const char *b = facet__node_text(facet__node_at(r, q->key));

            if (a && b && strcmp(a, b) == 0)
                return facet__fail(r->err, FACET_EINVAL, "%s:%u: %s%s%s twice",
                    r->path, facet__node_line(key), name, *name ? "." : "", a);
        }
    return FACET_OK;
}

/* Text that lives as long as the recipe; NULL without memory or room. */
const char *facet__recipe_hold(facet__recipe *recipe, char *text)
{
    if (!text || recipe->n_strings == FACET__RECIPE_STRINGS) {
        facet__free(text);
        return NULL;
    }
    return recipe->strings[recipe->n_strings++] = text;
}

/* A path of the recipe, seen from the present folder. */
const char *facet__recipe_hold_path(facet__reader *r, const char *path)
{
    const char *slash = strrchr(r->path, '/');
    const int folder =
        path[0] == '/' || !slash ? 0 : (int)(slash - r->path + 1);
    const size_t room = (size_t)folder + strlen(path) + 1;
    char *joined = facet__alloc(room);

    if (joined)
        snprintf(joined, room, "%.*s%s", folder, r->path, path);
    return facet__recipe_hold(r->recipe, joined);
}

void facet__list_word(char *list, size_t room, const char *word)
{
    static const char more[] = ", ...";
    const size_t at = strlen(list);

    if (at + 1 >= sizeof more && strcmp(list + at + 1 - sizeof more, more) == 0)
        return;
    if (at + strlen(word) + sizeof ", " + sizeof more <= room)
        snprintf(list + at, room - at, "%s%s", at ? ", " : "", word);
    else
        snprintf(list + at, room - at, "%s", more);
}

facet_status facet__node_choose(facet__reader *r, const yaml_node_t *node,
    const char *name, const char *const *choices, int *out)
{
    const char *word = facet__node_text(node);
    char words[170] = "";

    for (int i = 0; choices[i]; i++) {
        if (word && strcmp(word, choices[i]) == 0) {
            *out = i;
            return FACET_OK;
        }
        facet__list_word(words, sizeof words, choices[i]);
    }
    return facet__fail(r->err, FACET_EINVAL, "%s:%u: %s is one of %s", r->path,
        facet__node_line(node), name, words);
}

facet_status facet__node_number(facet__reader *r, const yaml_node_t *node,
    const char *name, double low, double high, bool whole, double *out)
{
    const char *word = facet__node_text(node);
    char *end = NULL;
    const double value = word ? strtod(word, &end) : HUGE_VAL;

    if (!word || end == word || *end || !isfinite(value))
        return facet__fail(r->err, FACET_EINVAL, "%s:%u: %s is a number",
            r->path, facet__node_line(node), name);
    if (whole && floor(value) < value)
        return facet__fail(r->err, FACET_EINVAL, "%s:%u: %s is a whole number",
            r->path, facet__node_line(node), name);
    if (value < low || value > high)
        return facet__fail(r->err, FACET_EINVAL,
            "%s:%u: %s = %s is not within %g to %g", r->path,
            facet__node_line(node), name, word, low, high);
    *out = value;
    return FACET_OK;
}
