/* SPDX-License-Identifier: Apache-2.0 */
/* recipe_keys.c - the keys of a recipe.
 *
 * They are a table: section, name, where the value goes, what it may be.
 * Reading is one walk over the document that looks every key up. To add a key,
 * add a line to the table (and one to docs/recipes.md). */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "train/recipe_private.h"
#include "zoo/zoo.h"

typedef enum key_kind {
    TEXT,
    PATH,
    REAL,
    INT,
    UINT32,
    UINT64,
    BOOL,
    CHOICE,
    NETWORK,    /* a name of the zoo */
    PATHS,      /* a text or a list of them */
    COLORS,     /* a number, or a list of three */
    MILESTONES, /* a list of steps, ascending */
} key_kind;

typedef struct key {
    const char *section, *name;
    key_kind kind;
    size_t offset; /* in facet__recipe */
    double low, high;
    const char *const *choices;
} key;

/* What a teacher's crop shows. */
static const char *const templates[] = { "arcface", "0095", NULL };

#define AT(member) offsetof(facet__recipe, member)

static const key keys[] = {
    { "", "name", TEXT, AT(name), 0, 0, NULL },

    { "network", "kind", NETWORK, AT(network), 0, 0, NULL },
    { "network", "init", PATH, AT(init), 0, 0, NULL },
    { "network", "dim", INT, AT(dim), 1, 8192, NULL },
    { "network", "width", INT, AT(width), 8, 1024, NULL },
    { "network", "height", INT, AT(height), 8, 1024, NULL },
    { "network", "mean", COLORS, AT(mean), 0, 255, NULL },
    { "network", "scale", COLORS, AT(scale), 1e-6, 1e3, NULL },
    { "network", "bgr", BOOL, AT(bgr), 0, 1, NULL },
    { "network", "bf16", BOOL, AT(bf16), 0, 1, NULL },
    { "network", "batch-norm", BOOL, AT(batch_norm), 0, 1, NULL },
    { "network", "chunk", INT, AT(chunk), 0, 8192, NULL },
    { "network", "recompute", BOOL, AT(recompute), 0, 1, NULL },
    { "network", "train-last", INT, AT(train_last), 0, 4096, NULL },

    { "data", "paths", PATHS, AT(dataset), 0, 0, NULL },
    { "data", "table", PATH, AT(dataset.table), 0, 0, NULL },
    { "data", "key-column", TEXT, AT(dataset.key_column), 0, 0, NULL },
    { "data", "label-column", TEXT, AT(dataset.label_column), 0, 0, NULL },
    { "data", "split-column", TEXT, AT(dataset.split_column), 0, 0, NULL },
    { "data", "split", TEXT, AT(dataset.split), 0, 0, NULL },
    { "data", "unlabelled", BOOL, AT(dataset.unlabelled), 0, 1, NULL },
    { "data", "least", UINT32, AT(dataset.least), 0, 1e6, NULL },
    { "data", "frame", REAL, AT(run.data.frame), 8, 4096, NULL },
    { "data", "detector", PATH, AT(detector), 0, 0, NULL },
    { "data", "max-broken", REAL, AT(run.data.max_broken), 0, 1, NULL },
    { "data", "threads", INT, AT(run.data.threads), 1, 256, NULL },
    { "data", "faces", PATH, AT(faces), 0, 0, NULL },
    { "data", "landmarks", PATH, AT(landmarks), 0, 0, NULL },
    { "data", "cache", REAL, AT(cache), 0, 1e6, NULL },
    { "data", "ring", INT, AT(run.data.ring), 2, 64, NULL },

    { "sampler", "kind", CHOICE, AT(run.data.order.kind), 0, 0,
        facet__order_names },
    { "sampler", "batch", UINT32, AT(run.data.order.batch), 1, 8192, NULL },
    { "sampler", "people", UINT32, AT(run.data.order.people), 1, 4096, NULL },
    { "sampler", "images", UINT32, AT(run.data.order.images), 1, 4096, NULL },

    { "augment", "flip", REAL, AT(run.data.augment.flip), 0, 1, NULL },
    { "augment", "shift", REAL, AT(run.data.augment.shift), 0, 64, NULL },
    { "augment", "scale", REAL, AT(run.data.augment.scale), 0, 1, NULL },
    { "augment", "rotate", REAL, AT(run.data.augment.rotate), 0, 180, NULL },
    { "augment", "brightness", REAL, AT(run.data.augment.brightness), 0, 1,
        NULL },
    { "augment", "contrast", REAL, AT(run.data.augment.contrast), 0, 1, NULL },
    { "augment", "saturation", REAL, AT(run.data.augment.saturation), 0, 1,
        NULL },
    { "augment", "gray", REAL, AT(run.data.augment.gray), 0, 1, NULL },
    { "augment", "blur", REAL, AT(run.data.augment.blur), 0, 1, NULL },
    { "augment", "blur-sigma", REAL, AT(run.data.augment.blur_sigma), .5, 8,
        NULL },
    { "augment", "jpeg", REAL, AT(run.data.augment.jpeg), 0, 1, NULL },
    { "augment", "jpeg-low", REAL, AT(run.data.augment.jpeg_low), 1, 95, NULL },
    { "augment", "shrink", REAL, AT(run.data.augment.shrink), 0, 1, NULL },
    { "augment", "shrink-low", REAL, AT(run.data.augment.shrink_low), .05, 1,
        NULL },
    { "augment", "erase", REAL, AT(run.data.augment.erase), 0, 1, NULL },
    { "augment", "erase-area", REAL, AT(run.data.augment.erase_area), .02, 1,
        NULL },

    { "augment", "mosaic", REAL, AT(scene.mosaic), 0, 1, NULL },
    { "augment", "natural", REAL, AT(scene.natural), 0, 1, NULL },
    { "augment", "least-face", REAL, AT(scene.least), 4, 1024, NULL },
    { "augment", "small-face", REAL, AT(scene.small), 0, 1024, NULL },

    { "teacher", "init", PATH, AT(teacher), 0, 0, NULL },
    { "teacher", "embeddings", PATH, AT(teacher_embeddings), 0, 0, NULL },
    { "teacher", "names", PATH, AT(teacher_names), 0, 0, NULL },
    { "teacher", "person", REAL, AT(teacher_person), 0, 1, NULL },
    { "teacher", "template", CHOICE, AT(teacher_template), 0, 0, templates },
    { "teacher", "mean", COLORS, AT(teacher_mean), 0, 255, NULL },
    { "teacher", "scale", COLORS, AT(teacher_scale), 1e-6, 1e3, NULL },
    { "teacher", "bgr", BOOL, AT(teacher_bgr), 0, 1, NULL },

    { "optimizer", "kind", CHOICE, AT(run.optimizer.rule), 0, 0,
        facet__rule_names },
    { "optimizer", "momentum", REAL, AT(run.optimizer.momentum), 0, .9999,
        NULL },
    { "optimizer", "nesterov", BOOL, AT(run.optimizer.nesterov), 0, 1, NULL },
    { "optimizer", "beta1", REAL, AT(run.optimizer.beta1), 0, .9999, NULL },
    { "optimizer", "beta2", REAL, AT(run.optimizer.beta2), 0, .999999, NULL },
    { "optimizer", "epsilon", REAL, AT(run.optimizer.epsilon), 0, 1, NULL },
    { "optimizer", "accumulator", REAL, AT(run.optimizer.accumulator), 0, 1e6,
        NULL },
    { "optimizer", "decay", REAL, AT(run.optimizer.decay), 0, 1, NULL },
    { "optimizer", "clip", REAL, AT(run.optimizer.clip), 0, 1e6, NULL },
    { "optimizer", "accumulate", INT, AT(run.optimizer.accumulate), 1, 4096,
        NULL },
    { "optimizer", "ema", REAL, AT(run.optimizer.ema), 0, .999999, NULL },

    { "schedule", "kind", CHOICE, AT(run.schedule.kind), 0, 0,
        facet__schedule_names },
    { "schedule", "milestones", MILESTONES, AT(run.schedule), 0, 0, NULL },
    { "schedule", "steps", UINT64, AT(run.schedule.total), 1, 1e9, NULL },
    { "schedule", "rate", REAL, AT(run.schedule.rate), 1e-9, 1e3, NULL },
    { "schedule", "last", REAL, AT(run.schedule.last), 0, 1e3, NULL },
    { "schedule", "factor", REAL, AT(run.schedule.factor), 1e-3, 1, NULL },
    { "schedule", "power", REAL, AT(run.schedule.power), .1, 10, NULL },
    { "schedule", "least", REAL, AT(run.schedule.least), 0, 1, NULL },
    { "schedule", "patience", INT, AT(run.schedule.patience), 0, 1000, NULL },
    { "schedule", "warmup", UINT64, AT(run.schedule.warmup), 0, 1e9, NULL },

    { "validation", "paths", PATHS, AT(validation), 0, 0, NULL },
    { "validation", "pairs", PATH, AT(pairs), 0, 0, NULL },
    { "validation", "faces", PATH, AT(validation_faces), 0, 0, NULL },
    { "validation", "landmarks", PATH, AT(validation_landmarks), 0, 0, NULL },
    { "validation", "table", PATH, AT(validation.table), 0, 0, NULL },
    { "validation", "detector", PATH, AT(validation_detector), 0, 0, NULL },
    { "validation", "every", UINT64, AT(run.validate_every), 1, 1e9, NULL },

    { "run", "seed", UINT64, AT(run.data.seed), 0, 9e15, NULL },
    { "run", "threads", INT, AT(threads), 0, 1024, NULL },
    { "run", "log", UINT64, AT(run.log_every), 1, 1e9, NULL },
    { "run", "checkpoint", UINT64, AT(run.checkpoint_every), 1, 1e9, NULL },
    { "run", "explode", REAL, AT(run.explode), 1.5, 1e9, NULL },
    { "run", "norms", CHOICE, AT(run.norms), 0, 0, facet__norms_names },
    { "run", "rollbacks", INT, AT(run.max_rollbacks), 0, 1000, NULL },
};

enum { KEYS = sizeof keys / sizeof *keys };

static const char *const no_yes[] = { "false", "true", NULL };

static facet_status read_text(
    facet__reader *r, const yaml_node_t *node, const key *k, const char *name)
{
    const char *word = facet__node_text(node);
    const char **to = (const char **)(void *)((char *)r->recipe + k->offset);

    if (!word || !*word)
        return facet__fail(r->err, FACET_EINVAL, "%s:%u: %s is a text", r->path,
            facet__node_line(node), name);
    *to = k->kind == PATH ? facet__recipe_hold_path(r, word)
                          : facet__recipe_hold(r->recipe, facet__strdup(word));
    return *to ? FACET_OK : facet__fail_memory(r->err);
}

static facet_status read_network(
    facet__reader *r, const yaml_node_t *node, const key *k, const char *name)
{
    const char *word = facet__node_text(node);
    char there[170] = "";
    size_t n;
    const facet__zoo_row *rows = facet__zoo_rows(&n);

    for (size_t i = 0; i < n; i++) {
        if (word && strcmp(rows[i].name, word) == 0)
            return read_text(r, node, k, name);
        facet__list_word(there, sizeof there, rows[i].name);
    }
    return facet__fail(r->err, FACET_EINVAL, "%s:%u: %s is one of %s", r->path,
        facet__node_line(node), name, there);
}

/* One text or a list of them. */
static facet_status read_paths(
    facet__reader *r, const yaml_node_t *node, facet__dataset_setup *to)
{
    const bool one = node->type == YAML_SCALAR_NODE;
    const size_t n = one ? 1
                     : node->type == YAML_SEQUENCE_NODE
                         ? (size_t)(node->data.sequence.items.top -
                                    node->data.sequence.items.start)
                         : 0;

    if (n < 1 || n > FACET__SOURCES)
        return facet__fail(r->err, FACET_EINVAL,
            "%s:%u: paths is a text or a list of up to %d", r->path,
            facet__node_line(node), FACET__SOURCES);
    to->n_paths = 0;
    for (size_t i = 0; i < n; i++) {
        const char *word = facet__node_text(
            one ? node : facet__node_at(r, node->data.sequence.items.start[i]));

        if (!word || !*word)
            return facet__fail(r->err, FACET_EINVAL, "%s:%u: a path is a text",
                r->path, facet__node_line(node));
        to->paths[i] = facet__recipe_hold_path(r, word);
        if (!to->paths[i])
            return facet__fail_memory(r->err);
        to->n_paths++;
    }
    return FACET_OK;
}

static facet_status read_milestones(
    facet__reader *r, const yaml_node_t *node, facet__schedule *s)
{
    double before = 0;

    s->n_milestones = 0;
    if (node->type != YAML_SEQUENCE_NODE ||
        node->data.sequence.items.top - node->data.sequence.items.start >
            FACET__MILESTONES)
        return facet__fail(r->err, FACET_EINVAL,
            "%s:%u: schedule.milestones is a list of up to %d steps", r->path,
            facet__node_line(node), FACET__MILESTONES);
    for (yaml_node_item_t *i = node->data.sequence.items.start;
         i < node->data.sequence.items.top; i++) {
        double step;
        facet_status st = facet__node_number(r, facet__node_at(r, *i),
            "schedule.milestones", before + 1, 1e9, true, &step);

        if (st != FACET_OK)
            return st;
        s->milestones[s->n_milestones++] = (uint64_t)step;
        before = step;
    }
    return FACET_OK;
}

static facet_status read_colors(facet__reader *r, const yaml_node_t *node,
    const char *name, double low, double high, double out[3])
{
    const bool list = node->type == YAML_SEQUENCE_NODE;

    if (list &&
        node->data.sequence.items.top - node->data.sequence.items.start != 3)
        return facet__fail(r->err, FACET_EINVAL,
            "%s:%u: %s is a number or a list of three", r->path,
            facet__node_line(node), name);
    for (int i = 0; i < 3; i++) {
        const facet_status st = facet__node_number(r,
            list ? facet__node_at(r, node->data.sequence.items.start[i]) : node,
            name, low, high, false, &out[i]);

        if (st != FACET_OK)
            return st;
    }
    return FACET_OK;
}

/* A number, a truth or a choice. */
static facet_status read_scalar(
    facet__reader *r, const yaml_node_t *node, const key *k, const char *name)
{
    void *to = (char *)r->recipe + k->offset;
    double number = 0;
    int choice = 0;
    facet_status st;

    if (k->kind == BOOL || k->kind == CHOICE)
        st = facet__node_choose(
            r, node, name, k->kind == BOOL ? no_yes : k->choices, &choice);
    else
        st = facet__node_number(
            r, node, name, k->low, k->high, k->kind != REAL, &number);
    if (st != FACET_OK)
        return st;
    switch (k->kind) {
    case REAL:
        *(double *)to = number;
        break;
    case INT:
        *(int *)to = (int)number;
        break;
    case UINT32:
        *(uint32_t *)to = (uint32_t)number;
        break;
    case UINT64:
        *(uint64_t *)to = (uint64_t)number;
        break;
    case BOOL:
        *(bool *)to = choice != 0;
        break;
    default: /* CHOICE: all of them are enums, which have the size of int */
        *(int *)to = choice;
        break;
    }
    return FACET_OK;
}

/* Put a value where its key says. */
static facet_status read_value(
    facet__reader *r, const yaml_node_t *node, const key *k)
{
    void *to = (char *)r->recipe + k->offset;
    char name[64];

    snprintf(name, sizeof name, "%s%s%s", k->section, *k->section ? "." : "",
        k->name);
    switch (k->kind) {
    case TEXT:
    case PATH:
        return read_text(r, node, k, name);
    case NETWORK:
        return read_network(r, node, k, name);
    case PATHS:
        return read_paths(r, node, to);
    case COLORS:
        return read_colors(r, node, name, k->low, k->high, to);
    case MILESTONES:
        return read_milestones(r, node, to);
    default:
        return read_scalar(r, node, k, name);
    }
}

/* Does row i begin a section? */
static bool is_first(size_t i)
{
    return i == 0 || strcmp(keys[i].section, keys[i - 1].section) != 0;
}

/* The keys of a section, for a message; of the whole recipe (""): its sections
 * too. */
static void list_keys(const char *section, char *out, size_t room)
{
    *out = 0;
    for (size_t i = 0; i < KEYS; i++)
        if (strcmp(keys[i].section, section) == 0)
            facet__list_word(out, room, keys[i].name);
        else if (!*section && is_first(i))
            facet__list_word(out, room, keys[i].section);
    if (!*section)
        facet__list_word(out, room, "loss");
}

static facet_status unknown_key(facet__reader *r, const yaml_node_t *node,
    const char *section, const char *word)
{
    char there[170];

    list_keys(section, there, sizeof there);
    return facet__fail(r->err, FACET_EINVAL,
        "%s:%u: unknown key %s%s%s; there are %s", r->path,
        facet__node_line(node), section, *section ? "." : "", word ? word : "?",
        there);
}

static facet_status read_key(facet__reader *r, const char *section,
    yaml_node_t *name, yaml_node_t *value)
{
    const char *word = facet__node_text(name);

    for (size_t i = 0; word && i < KEYS; i++) {
        if (strcmp(keys[i].section, section) != 0 ||
            strcmp(keys[i].name, word) != 0)
            continue;
        return read_value(r, value, &keys[i]);
    }
    return unknown_key(r, name, section, word);
}

/* A section: a mapping of keys. */
static facet_status read_section(
    facet__reader *r, const char *section, const yaml_node_t *node)
{
    facet_status st = FACET_OK;

    if (node->type != YAML_MAPPING_NODE)
        return facet__fail(r->err, FACET_EINVAL,
            "%s:%u: %s is a section of keys", r->path, facet__node_line(node),
            section);
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top && st == FACET_OK; p++)
        st = read_key(
            r, section, facet__node_at(r, p->key), facet__node_at(r, p->value));
    return st == FACET_OK ? facet__mapping_once(r, node, section) : st;
}

static bool is_section(const char *word)
{
    for (size_t i = 0; i < KEYS; i++)
        if (*word && strcmp(keys[i].section, word) == 0)
            return true;
    return false;
}

facet_status facet__recipe_document(facet__reader *r)
{
    const yaml_node_t *root = yaml_document_get_root_node(&r->document);
    facet_status st = FACET_OK;

    if (!root || root->type != YAML_MAPPING_NODE)
        return facet__fail(r->err, FACET_EINVAL,
            "%s: a recipe is a mapping of sections", r->path);
    for (yaml_node_pair_t *p = root->data.mapping.pairs.start;
         p < root->data.mapping.pairs.top && st == FACET_OK; p++) {
        yaml_node_t *name = facet__node_at(r, p->key),
                    *value = facet__node_at(r, p->value);
        const char *word = facet__node_text(name);

        if (word && strcmp(word, "loss") == 0)
            st = facet__recipe_losses(r, value);
        else if (word && is_section(word))
            st = read_section(r, word, value);
        else
            st = read_key(r, "", name, value);
    }
    return st == FACET_OK ? facet__mapping_once(r, root, "") : st;
}
