/* SPDX-License-Identifier: Apache-2.0 */
/* cluster_verbs.c - what people know better: names, clusters that are one,
 * clusters that are two; and why faces are together. Each changes the album's
 * gallery, and writes its page anew. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "album.h"
#include "cluster.h"
#include "numbers.h"
#include "output.h"

typedef struct change {
    const char *folder;
    const char *gallery; /* that named people are copied to; or NULL */
    size_t parts;
    char **words; /* [count], after the folder */
    int count;
    album album;
    bool done; /* at least in part: the page is out of date */
} change;

enum { KEY_GALLERY = 0x780, KEY_PARTS, MOST_PARTS = 1000 };

/* How a verb is used. */
typedef struct usage {
    const char *name, *args_doc, *doc;
    const struct argp_option *options;
    int least;  /* words after the folder */
    bool reads; /* changes nothing */
} usage;

typedef struct parsing {
    change *change;
    const usage *usage;
} parsing;

static error_t parse(int key, char *text, struct argp_state *state)
{
    parsing *p = state->input;
    change *c = p->change;

    switch (key) {
    case KEY_GALLERY:
        c->gallery = text;
        break;
    case KEY_PARTS:
        c->parts = (size_t)whole_option(state, "--parts", text, 2, MOST_PARTS);
        break;
    case ARGP_KEY_ARGS:
        c->folder = state->argv[state->next];
        c->words = state->argv + state->next + 1;
        c->count = state->argc - state->next - 1;
        break;
    case ARGP_KEY_END:
        if (!c->folder || c->count < p->usage->least)
            argp_error(state, "an argument is missing: %s", p->usage->args_doc);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* Read the arguments, open and load the album; the exit status. */
static int begin(change *c, const usage *u, int argc, char **argv)
{
    const struct argp argp = { .options = u->options,
        .parser = parse,
        .args_doc = u->args_doc,
        .doc = u->doc };
    parsing p = { c, u };
    char name[64];
    int status;

    *c = (change){ .parts = 2 };
    snprintf(name, sizeof name, "%s", u->name);
    argv[0] = name;
    argp_parse(&argp, argc, argv, 0, NULL, &p);
    status = album_open(&c->album, c->folder, NULL, !u->reads);
    if (status == EXIT_YES)
        status = album_load(&c->album);
    if (status == EXIT_YES)
        status = album_list(&c->album, 2);
    return status;
}

/* List clusters anew and write the page, also after a change that ended half
 * way. */
static int finish(change *c, int status)
{
    const float threshold =
        facet_cluster_threshold(FACET_CLUSTER_AVERAGE, NAN) - 0.06F;
    int written = EXIT_YES;

    if (c->done)
        written = album_list(&c->album, threshold);
    if (c->done && written == EXIT_YES)
        written = album_write(&c->album);
    album_close(&c->album);
    return status == EXIT_YES ? written : status;
}

/* A cluster's number, "12" or "#12"; 0, having complained, for none. */
static uint64_t cluster_of(const change *c, const char *word)
{
    char *end;
    const char *digits = word + (*word == '#');
    const uint64_t id = strtoull(digits, &end, 10);

    if (*digits && !*end && album_find(&c->album, id))
        return id;
    complain("%s: there is no cluster %s", c->folder, word);
    return 0;
}

/* The clusters that every `step`th word names, before any is changed: a wrong
 * word changes nothing. */
static int clusters_of(const change *c, int step, uint64_t **out)
{
    uint64_t *ids = calloc((size_t)c->count + 1, sizeof *ids);
    int status = ids ? EXIT_YES : EXIT_NO_MEMORY;

    if (!ids)
        complain("%s", facet_status_str(FACET_ENOMEM));
    for (int i = 0; i < c->count && status == EXIT_YES; i += step) {
        ids[i / step] = cluster_of(c, c->words[i]);
        status = ids[i / step] ? EXIT_YES : EXIT_USAGE;
    }
    *out = ids;
    return status;
}

/* ---- name ---- */

/* A face: where it is in which photo. */
typedef struct place {
    char *source;
    float box[4];
} place;

/* A person of the album, copied into a gallery. */
typedef struct copying {
    facet_gallery *to;
    uint8_t contract[FACET_CONTRACT_BYTES];
    uint64_t person;
    place *there; /* [count]: what the gallery has of the person */
    size_t count, room;
    facet_error *err;
} copying;

static facet_status note_place(void *context, const facet_template *t)
{
    copying *c = context;
    place *at;

    if (!t->source)
        return FACET_OK;
    if (c->count == c->room) {
        const size_t room = c->room ? 2 * c->room : 64;
        place *more = realloc(c->there, room * sizeof *more);

        if (!more)
            return FACET_ENOMEM;
        c->there = more;
        c->room = room;
    }
    at = &c->there[c->count++];
    memcpy(at->box, t->box, sizeof t->box);
    at->source = strdup(t->source);
    return at->source ? FACET_OK : FACET_ENOMEM;
}

static bool is_there(const copying *c, const facet_template *t)
{
    for (size_t i = 0; t->source && i < c->count; i++)
        if (strcmp(c->there[i].source, t->source) == 0 &&
            memcmp(c->there[i].box, t->box, sizeof t->box) == 0)
            return true;
    return false;
}

static facet_status copy_template(void *context, const facet_template *t)
{
    copying *c = context;
    facet_template copy = *t;

    if (is_there(c, t))
        return FACET_OK;
    copy.person = c->person;
    return facet_gallery_enroll(c->to, c->contract, &copy, 1, NULL, c->err);
}

static int copy_person(
    const change *c, facet_gallery *to, uint64_t id, const char *name)
{
    facet_gallery_info info;
    facet_error err = { FACET_OK, "" };
    copying copy = { .to = to, .err = &err };
    facet_status st = facet_gallery_stats(c->album.g, &info, &err);

    memcpy(copy.contract, info.contract, sizeof copy.contract);
    if (st == FACET_OK)
        st = facet_gallery_add_people(to, &name, 1, &copy.person, &err);
    if (st == FACET_OK)
        st = facet_gallery_templates(to, copy.person, note_place, &copy, &err);
    if (st == FACET_OK)
        st =
            facet_gallery_templates(c->album.g, id, copy_template, &copy, &err);
    for (size_t i = 0; i < copy.count; i++)
        free(copy.there[i].source);
    free(copy.there);
    return store_fail(&(store){ .path = c->gallery }, st, &err);
}

static int name_one(change *c, facet_gallery *to, uint64_t id, const char *name)
{
    facet_error err = { FACET_OK, "" };
    const facet_status st =
        facet_gallery_rename_person(c->album.g, id, name, &err);
    int status = album_fail(&c->album, st, &err);

    c->done |= st == FACET_OK;
    if (st == FACET_EEXISTS)
        complain(
            "(clusters of one person are joined with facet cluster merge)");
    if (status == EXIT_YES && to)
        status = copy_person(c, to, id, name);
    if (status == EXIT_YES && !json_line(json_pack("{s:I, s:o}", "cluster",
                                  (json_int_t)id, "name", json_path(name))))
        status = EXIT_NO_MEMORY;
    return status;
}

int cluster_name(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "gallery", KEY_GALLERY, "WHERE", 0,
            "add the named people to this gallery, too, with those of their "
            "faces that it has not",
            0 },
        { 0 },
    };
    static const usage u = { "facet cluster name", "DIR CLUSTER NAME...",
        "Say who a cluster is. The album's album.db is a gallery, and the name "
        "one of its people: facet identify DIR/album.db PHOTO.",
        options, 2, false };
    change c;
    facet_gallery *to = NULL;
    store target;
    uint64_t *ids = NULL;
    int status = begin(&c, &u, argc, argv);

    store_init(&target);
    target.path = c.gallery;
    if (status == EXIT_YES && c.count % 2) {
        complain("a name is missing");
        status = EXIT_USAGE;
    }
    if (status == EXIT_YES)
        status = clusters_of(&c, 2, &ids);
    if (status == EXIT_YES && c.gallery)
        status = store_open(&target, false, &to);
    for (int i = 0; i < c.count && status == EXIT_YES; i += 2)
        status = name_one(&c, to, ids[i / 2], c.words[i + 1]);
    free(ids);
    facet_gallery_free(to);
    store_free(&target);
    return finish(&c, status);
}

/* ---- merge ---- */

static int merge_into(change *c, uint64_t into, uint64_t from)
{
    album *a = &c->album;
    facet_error err = { FACET_OK, "" };
    const int status =
        album_fail(a, facet_gallery_merge_people(a->g, from, into, &err), &err);

    c->done |= status == EXIT_YES;
    for (size_t i = 0; status == EXIT_YES && i < a->count; i++)
        if (a->faces[i].cluster == from)
            a->faces[i].cluster = into;
    return status;
}

static int all_different(const change *c, const uint64_t *ids)
{
    for (int i = 0; i < c->count; i++)
        for (int j = 0; j < i; j++)
            if (ids[i] == ids[j]) {
                complain("%s: cluster %" PRIu64 " is named twice: a cluster "
                         "cannot be merged with itself",
                    c->folder, ids[i]);
                return EXIT_USAGE;
            }
    return EXIT_YES;
}

int cluster_merge(int argc, char **argv)
{
    static const usage u = { "facet cluster merge", "DIR CLUSTER CLUSTER...",
        "Make one cluster of several: the first keeps its number and name.",
        NULL, 2, false };
    change c;
    uint64_t *ids = NULL;
    int status = begin(&c, &u, argc, argv);

    if (status == EXIT_YES)
        status = clusters_of(&c, 1, &ids);
    if (status == EXIT_YES)
        status = all_different(&c, ids);
    for (int i = 1; i < c.count && status == EXIT_YES; i++)
        status = merge_into(&c, ids[0], ids[i]);
    if (status == EXIT_YES &&
        !json_line(json_pack("{s:I}", "cluster", (json_int_t)ids[0])))
        status = EXIT_NO_MEMORY;
    free(ids);
    return finish(&c, status);
}

/* ---- split ---- */

static int split(change *c, uint64_t id)
{
    album *a = &c->album;
    uint64_t *photos = calloc(a->count + 1, sizeof *photos);
    uint32_t *labels = calloc(a->count + 1, sizeof *labels);
    album_change *changes = calloc(a->count + 1, sizeof *changes);
    facet_cluster_opts opts;
    facet_error err = { FACET_OK, "" };
    size_t n = 0;
    int status = EXIT_NO_MEMORY;

    facet_cluster_opts_init(&opts);
    opts.photos_apart = false;
    if (photos && labels && changes) {
        const facet_cluster_faces faces = album_faces(a, photos);

        for (size_t i = 0; i < a->count; i++)
            labels[i] = a->faces[i].cluster == id ? 1 : 0;
        status = album_fail(a,
            facet_cluster_split(&faces, &opts, 1, c->parts, labels, &err),
            &err);
        for (size_t i = 0; i < a->count; i++)
            if (labels[i] > 1)
                changes[n++] = (album_change){ i, 0, labels[i] };
    }
    if (status == EXIT_YES)
        status = album_change_all(a, changes, n);
    c->done = status == EXIT_YES;
    for (size_t i = 0; i < n && status == EXIT_YES; i++)
        if ((i == 0 || changes[i].group != changes[i - 1].group) &&
            !json_line(json_pack("{s:I, s:I}", "cluster", (json_int_t)id,
                "apart", (json_int_t)a->faces[changes[i].face].cluster)))
            status = EXIT_NO_MEMORY;
    free(changes);
    free(labels);
    free(photos);
    return status;
}

int cluster_split(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "parts", KEY_PARTS, "N", 0, "how many; default 2", 0 },
        { 0 },
    };
    static const usage u = { "facet cluster split", "DIR CLUSTER",
        "Take a cluster apart where its faces are least alike. The largest "
        "part keeps number and name.",
        options, 1, false };
    change c;
    int status = begin(&c, &u, argc, argv);
    const uint64_t id = status == EXIT_YES ? cluster_of(&c, c.words[0]) : 0;

    if (status == EXIT_YES)
        status = id ? split(&c, id) : EXIT_USAGE;
    return finish(&c, status);
}

/* ---- explain ---- */

/* The place of a face by its number; `count` when there is none. */
static size_t face_of(const change *c, const char *word)
{
    char *end;
    const uint64_t id = strtoull(word, &end, 10);
    size_t i = 0;

    while (i < c->album.count && (*end || c->album.faces[i].id != id))
        i++;
    if (i == c->album.count)
        complain("%s: there is no face %s", c->folder, word);
    return i;
}

/* "in cluster 3" or "alone". */
static const char *where_is(const album_face *face, char *text, size_t room)
{
    if (!face->cluster)
        return "alone";
    snprintf(text, room, "in cluster %" PRIu64, face->cluster);
    return text;
}

static bool are_together(const change *c, size_t from, size_t to)
{
    const album_face *a = &c->album.faces[from], *b = &c->album.faces[to];
    char here[64], there[64];

    if (from == to || (a->cluster && a->cluster == b->cluster))
        return true;
    complain("%s: face %" PRIu64 " is %s, face %" PRIu64 " %s", c->folder,
        a->id, where_is(a, here, sizeof here), b->id,
        where_is(b, there, sizeof there));
    return false;
}

static bool print_step(const album *a, const facet_cluster_step *step)
{
    const album_face *from = &a->faces[step->from], *to = &a->faces[step->to];

    return json_line(json_pack("{s:{s:I, s:o}, s:{s:I, s:o}, s:o}", "from",
        "face", (json_int_t)from->id, "image", json_path(from->source), "to",
        "face", (json_int_t)to->id, "image", json_path(to->source),
        "similarity", json_rounded((double)step->similarity, 4)));
}

static int explain(change *c, size_t from, size_t to)
{
    const album *a = &c->album;
    uint64_t *photos = calloc(a->count + 1, sizeof *photos);
    uint32_t *labels = calloc(a->count + 1, sizeof *labels);
    facet_cluster_step *steps = calloc(a->count + 1, sizeof *steps);
    facet_error err = { FACET_OK, "" };
    double mean = 0;
    size_t n = 0;
    int status = EXIT_NO_MEMORY;

    if (photos && labels && steps) {
        const facet_cluster_faces faces = album_faces(a, photos);
        const uint64_t cluster = a->faces[from].cluster;

        for (size_t i = 0; i < a->count; i++)
            labels[i] = cluster ? a->faces[i].cluster != cluster : (uint32_t)i;
        status = album_fail(a,
            facet_cluster_explain(&faces, labels, (uint32_t)from, (uint32_t)to,
                steps, a->count, &n, &mean, &err),
            &err);
    }
    for (size_t i = 0; i < n && status == EXIT_YES; i++)
        if (!print_step(a, &steps[i]))
            status = EXIT_NO_MEMORY;
    if (status == EXIT_YES && !json_line(json_pack("{s:I, s:o}", "cluster",
                                  (json_int_t)a->faces[from].cluster,
                                  "mean_similarity", json_rounded(mean, 4))))
        status = EXIT_NO_MEMORY;
    free(steps);
    free(labels);
    free(photos);
    return status;
}

int cluster_explain(int argc, char **argv)
{
    static const usage u = { "facet cluster explain", "DIR FACE FACE",
        "Why two faces are in one cluster: the chain of faces between them "
        "whose weakest link is strongest. Faces have numbers in clusters.json "
        "and on the page.\vThe exit status is 1 when they are in none or in "
        "two.",
        NULL, 2, true };
    change c;
    int status = begin(&c, &u, argc, argv);

    if (status == EXIT_YES) {
        const size_t from = face_of(&c, c.words[0]);
        const size_t to = face_of(&c, c.words[1]);

        if (from == c.album.count || to == c.album.count)
            status = EXIT_USAGE;
        else if (!are_together(&c, from, to))
            status = EXIT_NO_MATCH;
        else
            status = explain(&c, from, to);
    }
    album_close(&c.album);
    return status;
}

/* ---- list ---- */

int cluster_list(int argc, char **argv)
{
    static const usage u = { "facet cluster list", "DIR",
        "The clusters of an album, one a line.", NULL, 0, true };
    change c;
    int status = begin(&c, &u, argc, argv);

    if (status == EXIT_YES)
        status = album_print(&c.album);
    album_close(&c.album);
    return status;
}
