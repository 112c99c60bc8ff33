/* SPDX-License-Identifier: Apache-2.0 */
/* recipe.c - see recipe.h.
 *
 * The keys are a table: section, name, where the value goes, what it may be.
 * Reading is one walk over the document that looks every key up. To add a key,
 * add a line to the table (and one to docs/recipes.md). */
#include "train/recipe.h"

#include <locale.h>
#include <math.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"

enum { RECIPE_MAX = 1 << 20 };

typedef enum key_kind {
    TEXT,
    PATH,
    REAL,
    INT,
    UINT32,
    UINT64,
    BOOL,
    CHOICE
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

    { "network", "kind", TEXT, AT(network), 0, 0, NULL },
    { "network", "init", PATH, AT(init), 0, 0, NULL },
    { "network", "dim", INT, AT(dim), 1, 8192, NULL },
    { "network", "width", INT, AT(width), 8, 1024, NULL },
    { "network", "height", INT, AT(height), 8, 1024, NULL },
    { "network", "bgr", BOOL, AT(bgr), 0, 1, NULL },
    { "network", "bf16", BOOL, AT(bf16), 0, 1, NULL },
    { "network", "batch-norm", BOOL, AT(batch_norm), 0, 1, NULL },
    { "network", "chunk", INT, AT(chunk), 0, 8192, NULL },
    { "network", "recompute", BOOL, AT(recompute), 0, 1, NULL },
    { "network", "train-last", INT, AT(train_last), 0, 4096, NULL },

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
    { "teacher", "template", CHOICE, AT(teacher_template), 0, 0, templates },
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
    { "schedule", "steps", UINT64, AT(run.schedule.total), 1, 1e9, NULL },
    { "schedule", "rate", REAL, AT(run.schedule.rate), 1e-9, 1e3, NULL },
    { "schedule", "last", REAL, AT(run.schedule.last), 0, 1e3, NULL },
    { "schedule", "factor", REAL, AT(run.schedule.factor), 1e-3, 1, NULL },
    { "schedule", "power", REAL, AT(run.schedule.power), .1, 10, NULL },
    { "schedule", "least", REAL, AT(run.schedule.least), 0, 1, NULL },
    { "schedule", "patience", INT, AT(run.schedule.patience), 0, 1000, NULL },
    { "schedule", "warmup", UINT64, AT(run.schedule.warmup), 0, 1e9, NULL },

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

/* A document being read. */
typedef struct reader {
    const char *path;
    yaml_document_t document;
    facet__recipe *recipe;
    facet_error *err;
    bool seen[KEYS];
} reader;

static unsigned line_of(const yaml_node_t *node)
{
    return (unsigned)node->start_mark.line + 1;
}

static yaml_node_t *node_at(reader *r, int index)
{
    return yaml_document_get_node(&r->document, index);
}

static const char *scalar(const yaml_node_t *node)
{
    return node && node->type == YAML_SCALAR_NODE
               ? (const char *)node->data.scalar.value
               : NULL;
}

/* Text that lives as long as the recipe; NULL without memory or room. */
static const char *hold(facet__recipe *recipe, char *text)
{
    if (!text || recipe->n_strings == FACET__RECIPE_STRINGS) {
        facet__free(text);
        return NULL;
    }
    return recipe->strings[recipe->n_strings++] = text;
}

/* A path of the recipe, seen from the present folder. */
static const char *hold_path(reader *r, const char *path)
{
    const char *slash = strrchr(r->path, '/');
    const int folder =
        path[0] == '/' || !slash ? 0 : (int)(slash - r->path + 1);
    const size_t room = (size_t)folder + strlen(path) + 1;
    char *joined = facet__alloc(room);

    if (joined)
        snprintf(joined, room, "%.*s%s", folder, r->path, path);
    return hold(r->recipe, joined);
}

/* The words of a choice, with commas between. */
static void list_words(const char *const *words, char *out, size_t room)
{
    *out = 0;
    for (size_t i = 0; words[i]; i++)
        snprintf(out + strlen(out), room - strlen(out), "%s%s", i ? ", " : "",
            words[i]);
}

static facet_status choose(reader *r, const yaml_node_t *node, const char *name,
    const char *const *choices, int *out)
{
    const char *word = scalar(node);
    char words[160];

    for (int i = 0; word && choices[i]; i++)
        if (strcmp(word, choices[i]) == 0) {
            *out = i;
            return FACET_OK;
        }
    list_words(choices, words, sizeof words);
    return facet__fail(r->err, FACET_EINVAL, "%s:%u: %s is one of %s", r->path,
        line_of(node), name, words);
}

static facet_status read_number(reader *r, const yaml_node_t *node,
    const char *name, double low, double high, bool whole, double *out)
{
    const char *word = scalar(node);
    char *end = NULL;
    const double value = word ? strtod(word, &end) : HUGE_VAL;

    if (!word || end == word || *end || !isfinite(value))
        return facet__fail(r->err, FACET_EINVAL, "%s:%u: %s is a number",
            r->path, line_of(node), name);
    if (whole && floor(value) < value)
        return facet__fail(r->err, FACET_EINVAL, "%s:%u: %s is a whole number",
            r->path, line_of(node), name);
    if (value < low || value > high)
        return facet__fail(r->err, FACET_EINVAL,
            "%s:%u: %s = %s is not within %g to %g", r->path, line_of(node),
            name, word, low, high);
    *out = value;
    return FACET_OK;
}

static facet_status read_text(
    reader *r, const yaml_node_t *node, const key *k, const char *name)
{
    const char *word = scalar(node);
    const char **to = (const char **)(void *)((char *)r->recipe + k->offset);

    if (!word || !*word)
        return facet__fail(r->err, FACET_EINVAL, "%s:%u: %s is a text", r->path,
            line_of(node), name);
    *to = k->kind == PATH ? hold_path(r, word)
                          : hold(r->recipe, facet__strdup(word));
    return *to ? FACET_OK : facet__fail_memory(r->err);
}

/* Put a value where its key says. */
static facet_status read_value(reader *r, const yaml_node_t *node, const key *k)
{
    void *to = (char *)r->recipe + k->offset;
    char name[64];
    double number = 0;
    int choice = 0;
    facet_status st;

    snprintf(name, sizeof name, "%s%s%s", k->section, *k->section ? "." : "",
        k->name);
    if (k->kind == TEXT || k->kind == PATH)
        return read_text(r, node, k, name);
    if (k->kind == BOOL || k->kind == CHOICE)
        st = choose(
            r, node, name, k->kind == BOOL ? no_yes : k->choices, &choice);
    else
        st = read_number(
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
    case CHOICE: /* all of them are enums, which have the size of int */
    case TEXT:
    case PATH:
        *(int *)to = choice;
        break;
    }
    return FACET_OK;
}

/* The keys of a section, for a message. */
static void list_keys(const char *section, char *out, size_t room)
{
    *out = 0;
    for (size_t i = 0; i < KEYS; i++)
        if (strcmp(keys[i].section, section) == 0)
            snprintf(out + strlen(out), room - strlen(out), "%s%s",
                *out ? ", " : "", keys[i].name);
}

static facet_status unknown_key(
    reader *r, const yaml_node_t *node, const char *section, const char *word)
{
    char there[176];

    list_keys(section, there, sizeof there);
    return facet__fail(r->err, FACET_EINVAL,
        "%s:%u: unknown key %s%s%s; there are %s", r->path, line_of(node),
        section, *section ? "." : "", word ? word : "?", there);
}

/* data.paths and validation.paths: one text or a list of them. */
static facet_status read_paths(
    reader *r, yaml_node_t *node, facet__dataset_setup *to)
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
            line_of(node), FACET__SOURCES);
    to->n_paths = 0;
    for (size_t i = 0; i < n; i++) {
        const char *word =
            scalar(one ? node : node_at(r, node->data.sequence.items.start[i]));

        if (!word || !*word)
            return facet__fail(r->err, FACET_EINVAL, "%s:%u: a path is a text",
                r->path, line_of(node));
        to->paths[i] = hold_path(r, word);
        if (!to->paths[i])
            return facet__fail_memory(r->err);
        to->n_paths++;
    }
    return FACET_OK;
}

static facet_status read_milestones(reader *r, yaml_node_t *node)
{
    facet__schedule *s = &r->recipe->run.schedule;
    double before = 0;

    s->n_milestones = 0;
    if (node->type != YAML_SEQUENCE_NODE ||
        node->data.sequence.items.top - node->data.sequence.items.start >
            FACET__MILESTONES)
        return facet__fail(r->err, FACET_EINVAL,
            "%s:%u: schedule.milestones is a list of up to %d steps", r->path,
            line_of(node), FACET__MILESTONES);
    for (yaml_node_item_t *i = node->data.sequence.items.start;
         i < node->data.sequence.items.top; i++) {
        double step;
        facet_status st = read_number(r, node_at(r, *i), "schedule.milestones",
            before + 1, 1e9, true, &step);

        if (st != FACET_OK)
            return st;
        s->milestones[s->n_milestones++] = (uint64_t)step;
        before = step;
    }
    return FACET_OK;
}

/* One number for all three colors, or a list of three. */
static facet_status read_colors(reader *r, const yaml_node_t *node,
    const char *name, double low, double high, double out[3])
{
    const bool list = node->type == YAML_SEQUENCE_NODE;

    if (list &&
        node->data.sequence.items.top - node->data.sequence.items.start != 3)
        return facet__fail(r->err, FACET_EINVAL,
            "%s:%u: %s is a number or a list of three", r->path, line_of(node),
            name);
    for (int i = 0; i < 3; i++) {
        const facet_status st = read_number(r,
            list ? node_at(r, node->data.sequence.items.start[i]) : node, name,
            low, high, false, &out[i]);

        if (st != FACET_OK)
            return st;
    }
    return FACET_OK;
}

/* Keys that are lists; *done tells that this was one. */
static facet_status read_list(reader *r, const char *section, const char *word,
    yaml_node_t *value, bool *done)
{
    *done = true;
    if (strcmp(word, "paths") == 0 && strcmp(section, "data") == 0)
        return read_paths(r, value, &r->recipe->dataset);
    if (strcmp(word, "paths") == 0 && strcmp(section, "validation") == 0)
        return read_paths(r, value, &r->recipe->validation);
    if (strcmp(word, "milestones") == 0 && strcmp(section, "schedule") == 0)
        return read_milestones(r, value);
    if (strcmp(section, "network") == 0 && strcmp(word, "mean") == 0)
        return read_colors(r, value, word, 0, 255, r->recipe->mean);
    if (strcmp(section, "network") == 0 && strcmp(word, "scale") == 0)
        return read_colors(r, value, word, 1e-6, 1e3, r->recipe->scale);
    if (strcmp(section, "teacher") == 0 && strcmp(word, "mean") == 0)
        return read_colors(r, value, word, 0, 255, r->recipe->teacher_mean);
    if (strcmp(section, "teacher") == 0 && strcmp(word, "scale") == 0)
        return read_colors(r, value, word, 1e-6, 1e3, r->recipe->teacher_scale);
    *done = false;
    return FACET_OK;
}

static facet_status read_key(
    reader *r, const char *section, yaml_node_t *name, yaml_node_t *value)
{
    const char *word = scalar(name);
    bool done = false;
    facet_status st =
        word ? read_list(r, section, word, value, &done) : FACET_OK;

    if (st != FACET_OK || done)
        return st;
    for (size_t i = 0; word && i < KEYS; i++) {
        if (strcmp(keys[i].section, section) != 0 ||
            strcmp(keys[i].name, word) != 0)
            continue;
        if (r->seen[i])
            return facet__fail(r->err, FACET_EINVAL, "%s:%u: %s%s%s twice",
                r->path, line_of(name), section, *section ? "." : "", word);
        r->seen[i] = true;
        return read_value(r, value, &keys[i]);
    }
    return unknown_key(r, name, section, word);
}

/* A section: a mapping of keys. */
static facet_status read_section(
    reader *r, const char *section, const yaml_node_t *node)
{
    facet_status st = FACET_OK;

    if (node->type != YAML_MAPPING_NODE)
        return facet__fail(r->err, FACET_EINVAL,
            "%s:%u: %s is a section of keys", r->path, line_of(node), section);
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top && st == FACET_OK; p++)
        st = read_key(r, section, node_at(r, p->key), node_at(r, p->value));
    return st;
}

static facet_status read_loss_key(reader *r, facet__recipe_loss *loss,
    const yaml_node_t *name, const yaml_node_t *value)
{
    const char *word = scalar(name);
    char there[160] = "weight", where[64];

    snprintf(where, sizeof where, "loss.%s", word ? word : "?");
    if (word && strcmp(word, "weight") == 0)
        return read_number(r, value, where, 0, 1e6, false, &loss->weight);
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
            return read_number(
                r, value, where, o->low, o->high, false, &loss->options[i]);
        st = choose(r, value, where, o->choices, &choice);
        loss->options[i] = choice;
        return st;
    }
    return facet__fail(r->err, FACET_EINVAL,
        "%s:%u: loss %s has no key %s; there are %s", r->path, line_of(name),
        loss->type->name, word ? word : "?", there);
}

/* The value of `kind` in a loss; NULL when it is not there. */
static const yaml_node_t *loss_kind(reader *r, const yaml_node_t *node)
{
    if (node->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top; p++) {
        const char *word = scalar(node_at(r, p->key));

        if (word && strcmp(word, "kind") == 0)
            return node_at(r, p->value);
    }
    return NULL;
}

static facet_status read_loss(reader *r, const yaml_node_t *node)
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
            r->path, line_of(node), FACET__RUN_LOSSES);
    st = choose(r, kind ? kind : node, "loss.kind", names, &which);
    if (st != FACET_OK)
        return st;
    loss->type = facet__loss_types[which];
    loss->weight = 1;
    facet__loss_setup_init(&setup, loss->type, 1);
    memcpy(loss->options, setup.options, sizeof loss->options);
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top && st == FACET_OK; p++)
        if (node_at(r, p->value) != kind)
            st = read_loss_key(
                r, loss, node_at(r, p->key), node_at(r, p->value));
    r->recipe->n_losses++;
    return st;
}

/* One loss, or a list of them. */
static facet_status read_losses(reader *r, const yaml_node_t *node)
{
    facet_status st = FACET_OK;

    if (node->type != YAML_SEQUENCE_NODE)
        return read_loss(r, node);
    for (yaml_node_item_t *i = node->data.sequence.items.start;
         i < node->data.sequence.items.top && st == FACET_OK; i++)
        st = read_loss(r, node_at(r, *i));
    return st;
}

static bool is_section(const char *word)
{
    for (size_t i = 0; i < KEYS; i++)
        if (*word && strcmp(keys[i].section, word) == 0)
            return true;
    return false;
}

static facet_status read_document(reader *r)
{
    const yaml_node_t *root = yaml_document_get_root_node(&r->document);
    facet_status st = FACET_OK;

    if (!root || root->type != YAML_MAPPING_NODE)
        return facet__fail(r->err, FACET_EINVAL,
            "%s: a recipe is a mapping of sections", r->path);
    for (yaml_node_pair_t *p = root->data.mapping.pairs.start;
         p < root->data.mapping.pairs.top && st == FACET_OK; p++) {
        yaml_node_t *name = node_at(r, p->key), *value = node_at(r, p->value);
        const char *word = scalar(name);

        if (word && strcmp(word, "loss") == 0)
            st = read_losses(r, value);
        else if (word && is_section(word))
            st = read_section(r, word, value);
        else
            st = read_key(r, "", name, value);
    }
    return st;
}

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
static facet_status check_whole(reader *r)
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

static void set_defaults(facet__recipe *c)
{
    c->name = "";
    c->dim = 128;
    c->width = c->height = 112;
    for (int i = 0; i < 3; i++) {
        c->mean[i] = c->teacher_mean[i] = 127.5;
        c->scale[i] = c->teacher_scale[i] = 1 / 128.;
    }
    facet__dataset_setup_init(&c->dataset);
    facet__dataset_setup_init(&c->validation);
    facet__scene_setup_init(&c->scene);
    c->cache = (double)(c->scene.cache >> 20);
    facet__run_setup_init(&c->run);
}

static void set_values(
    facet__crop *crop, const double mean[3], const double scale[3], bool bgr)
{
    memcpy(crop->mean, mean, sizeof crop->mean);
    memcpy(crop->scale, scale, sizeof crop->scale);
    crop->bgr = bgr;
}

/* From the keys to the setups that hang on several of them. */
static void settle(facet__recipe *c)
{
    facet__crop *crops = c->run.data.crops;

    facet__crop_init(&crops[0], c->width, c->height, c->run.data.frame);
    set_values(&crops[0], c->mean, c->scale, c->bgr);
    if (c->teacher) {
        crops[1] = crops[0];
        if (c->teacher_template == 1)
            facet__crop_init_0095(&crops[1]);
        set_values(
            &crops[1], c->teacher_mean, c->teacher_scale, c->teacher_bgr);
        crops[1].nchw = true; /* as its session takes them */
        c->run.data.n_crops = 2;
    }
    if (c->faces || c->landmarks)
        c->dim = 0; /* as many numbers as the cells or the points have */
    c->scene.cache = (size_t)(c->cache * 1048576);
    c->run.n_losses = c->n_losses;
    for (size_t i = 0; i < c->n_losses; i++)
        c->run.weights[i] = c->losses[i].weight;
    c->run.recipe_hash = c->hash;
    if (!c->validation.table)
        c->validation.table = c->dataset.table;
    /* Validation takes the keys that its pairs name, whatever their labels. */
    c->validation.unlabelled = true;
}

static void hash_text(const char *text, size_t size, char hex[65])
{
    unsigned char sum[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(sum, (const unsigned char *)text, size);
    sodium_bin2hex(hex, 65, sum, sizeof sum);
}

facet_status facet__recipe_parse(const char *path, const char *text,
    size_t size, facet__recipe **out, facet_error *err)
{
    reader r = { .path = path, .err = err };
    yaml_parser_t parser;
    locale_t plain, before;
    facet_status st;

    *out = NULL;
    r.recipe = facet__calloc(1, sizeof *r.recipe);
    if (!r.recipe || !yaml_parser_initialize(&parser)) {
        facet__free(r.recipe);
        return facet__fail_memory(err);
    }
    /* Decimal points whatever the country of the calling program. */
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    before = plain ? uselocale(plain) : (locale_t)0;
    set_defaults(r.recipe);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    if (yaml_parser_load(&parser, &r.document)) {
        st = read_document(&r);
        yaml_document_delete(&r.document);
    } else {
        st = facet__fail(err, FACET_EDAMAGED, "%s:%u: %s", path,
            (unsigned)parser.problem_mark.line + 1,
            parser.problem ? parser.problem : "not YAML");
    }
    yaml_parser_delete(&parser);
    if (st == FACET_OK)
        st = check_whole(&r);
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
    if (st != FACET_OK) {
        facet__recipe_free(r.recipe);
        return st;
    }
    hash_text(text, size, r.recipe->hash);
    settle(r.recipe);
    *out = r.recipe;
    return FACET_OK;
}

facet_status facet__recipe_read(
    const char *path, facet__recipe **out, facet_error *err)
{
    void *text;
    size_t size;
    facet_status st = facet__file_read(path, RECIPE_MAX, &text, &size, err);

    *out = NULL;
    if (st != FACET_OK)
        return st;
    st = facet__recipe_parse(path, text, size, out, err);
    facet__free(text);
    return st;
}

void facet__recipe_free(facet__recipe *recipe)
{
    if (!recipe)
        return;
    for (size_t i = 0; i < recipe->n_strings; i++)
        facet__free(recipe->strings[i]);
    facet__free(recipe);
}
