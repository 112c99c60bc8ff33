/* SPDX-License-Identifier: Apache-2.0 */
/* album.c - an album's faces on disk and in memory. */
#include "album.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_ROOM = 4096 };

static const char alone_name[] = "(alone)";
/* Clusters that nobody has named. */
static const char unnamed[] = "cluster ";

int album_fail(const album *a, facet_status st, const facet_error *err)
{
    if (a->store.path)
        return store_fail(&a->store, st, err);
    if (st != FACET_OK)
        complain("%s", err && *err->msg ? err->msg : facet_status_str(st));
    return (int)exit_for_gallery(st);
}

static int no_memory(void)
{
    complain("not enough memory");
    return EXIT_NO_MEMORY;
}

/* ---- Open and close ---- */

static int check_contract(const album *a, const finder *f)
{
    facet_gallery_info info;
    facet_error err = { FACET_OK, "" };
    const facet_status st = facet_gallery_stats(a->g, &info, &err);

    if (st != FACET_OK)
        return album_fail(a, st, &err);
    if (!memcmp(info.contract, f->contract.id, sizeof info.contract))
        return EXIT_YES;
    complain("%s: made with other networks than those in use: name them with "
             "--detector and --model, or change it with facet gallery migrate",
        a->store.path);
    return EXIT_BAD_MODEL;
}

/* A lock on the folder leaves no file behind, and ends with the process. Where
 * the file system has no locks there is none. */
static int hold(album *a)
{
    a->held = open(a->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (a->held < 0 || flock(a->held, LOCK_EX | LOCK_NB) == 0 ||
        errno != EWOULDBLOCK)
        return EXIT_YES;
    complain("%s: another facet cluster is changing this album: wait for its "
             "end",
        a->folder);
    return EXIT_IO;
}

static int open_store(album *a, const finder *f, bool changes)
{
    int status = f ? need_folder(a->folder) : EXIT_YES;
    struct stat about;

    if (status == EXIT_YES && changes)
        status = hold(a);
    if (status != EXIT_YES)
        return status;
    if (f && stat(a->store.path, &about) != 0 && errno == ENOENT)
        return store_create(&a->store, &f->contract, f->dim, &a->g);
    return store_open(&a->store, !changes, &a->g);
}

int album_open(album *a, const char *folder, const finder *f, bool changes)
{
    static const char file[] = "/" ALBUM_STORE;
    facet_gallery_info info;
    char *path;
    int status;

    *a = (album){ .folder = folder, .dim = f ? f->dim : 0, .held = -1 };
    store_init(&a->store);
    if (!folder)
        return EXIT_YES;
    path = malloc(strlen(folder) + sizeof file);
    if (!path)
        return no_memory();
    snprintf(path, strlen(folder) + sizeof file, "%s%s", folder, file);
    a->store.path = path;
    status = open_store(a, f, changes);
    if (status == EXIT_YES && f)
        status = check_contract(a, f);
    if (status == EXIT_YES) {
        status = album_fail(a, facet_gallery_stats(a->g, &info, NULL), NULL);
        a->dim = info.dim;
    }
    return status;
}

static void free_clusters(album *a)
{
    for (size_t i = 0; i < a->n_clusters; i++)
        free(a->clusters[i].name);
    free(a->clusters);
    a->clusters = NULL;
    a->n_clusters = 0;
}

void album_close(album *a)
{
    char *path = (char *)(uintptr_t)a->store.path;

    free_clusters(a);
    for (size_t i = 0; i < a->count; i++)
        free(a->faces[i].source);
    free(a->faces);
    free(a->embeddings);
    facet_gallery_free(a->g);
    store_free(&a->store);
    if (a->folder && a->held >= 0) /* one that was never opened has none */
        close(a->held);
    free(path);
}

/* ---- Faces ---- */

/* Room for one more face; NULL without memory. */
static album_face *append(album *a, const float *embedding, const char *source)
{
    album_face *face;

    if (a->count == a->room) {
        const size_t room = a->room ? 2 * a->room : 256;
        album_face *faces = realloc(a->faces, room * sizeof *faces);
        float *rows = NULL;

        if (faces)
            a->faces = faces;
        if (faces)
            rows = realloc(a->embeddings, room * a->dim * sizeof *rows);
        if (!rows)
            return NULL;
        a->embeddings = rows;
        a->room = room;
    }
    face = &a->faces[a->count];
    *face = (album_face){ .source = strdup(source ? source : "") };
    if (!face->source)
        return NULL;
    memcpy(a->embeddings + a->count * a->dim, embedding,
        a->dim * sizeof *embedding);
    a->count++;
    return face;
}

static facet_status load_face(void *context, const facet_template *t)
{
    album *a = context;
    album_face *face;

    if (!t->embedding) /* not there since a migration */
        return FACET_OK;
    face = append(a, t->embedding, t->source);
    if (!face)
        return FACET_ENOMEM;
    face->id = t->id;
    face->cluster = t->person == a->alone ? 0 : t->person;
    face->quality = t->quality;
    memcpy(face->box, t->box, sizeof face->box);
    return FACET_OK;
}

typedef struct by_source {
    const char *source;
    size_t face;
} by_source;

static int compare_sources(const void *left, const void *right)
{
    return strcmp(
        ((const by_source *)left)->source, ((const by_source *)right)->source);
}

/* Faces of one source get one number. */
static int number_photos(album *a)
{
    by_source *list = calloc(a->count + 1, sizeof *list);
    uint64_t number = 0;

    if (!list)
        return no_memory();
    for (size_t i = 0; i < a->count; i++)
        list[i] = (by_source){ a->faces[i].source, i };
    qsort(list, a->count, sizeof *list, compare_sources);
    for (size_t i = 0; i < a->count; i++) {
        number += i == 0 || strcmp(list[i].source, list[i - 1].source) != 0;
        a->faces[list[i].face].photo = number;
    }
    free(list);
    return EXIT_YES;
}

int album_load(album *a)
{
    facet_error err = { FACET_OK, "" };
    facet_status st =
        facet_gallery_find_person(a->g, alone_name, &a->alone, &err);

    if (st == FACET_OK || st == FACET_ENOTFOUND)
        st = facet_gallery_templates(a->g, 0, load_face, a, &err);
    return st == FACET_OK ? number_photos(a) : album_fail(a, st, &err);
}

/* One photo's faces into the gallery. */
static facet_status enroll(album *a, const finder *f, const found_photo *photo,
    uint64_t *ids, facet_error *err)
{
    const char *const name = alone_name;
    facet_template *list = calloc(photo->count, sizeof *list);
    facet_status st = list ? FACET_OK : FACET_ENOMEM;

    if (st == FACET_OK && !a->alone)
        st = facet_gallery_add_people(a->g, &name, 1, &a->alone, err);
    for (size_t i = 0; i < photo->count && st == FACET_OK; i++) {
        const found_face *face = &photo->faces[i];
        const facet_box box = face->face.box;

        list[i] = (facet_template){ .person = a->alone,
            .embedding = face->embedding,
            .quality = face->quality.value,
            .source = photo->path,
            .box = { box.x, box.y, box.width, box.height },
            .metadata = "{\"crop\": \"" CROP_TEMPLATE "\"}",
            .crop = face->crop,
            .crop_size = face->crop_size };
    }
    if (st == FACET_OK)
        st = facet_gallery_enroll(
            a->g, f->contract.id, list, photo->count, ids, err);
    free(list);
    return st;
}

int album_add(album *a, const finder *f, const found_photo *photo)
{
    uint64_t *ids = calloc(photo->count + 1, sizeof *ids);
    facet_error err = { FACET_OK, "" };
    facet_status st = ids ? FACET_OK : FACET_ENOMEM;

    if (st == FACET_OK && a->g && photo->count)
        st = enroll(a, f, photo, ids, &err);
    for (size_t i = 0; i < photo->count && st == FACET_OK; i++) {
        const facet_box box = photo->faces[i].face.box;
        album_face *face = append(a, photo->faces[i].embedding, photo->path);

        if (!face) {
            st = FACET_ENOMEM;
            break;
        }
        face->id = a->g ? ids[i] : a->count;
        face->quality = photo->faces[i].quality.value;
        face->box[0] = box.x;
        face->box[1] = box.y;
        face->box[2] = box.width;
        face->box[3] = box.height;
    }
    free(ids);
    return album_fail(a, st, &err);
}

facet_cluster_faces album_faces(const album *a, uint64_t *photos)
{
    for (size_t i = 0; i < a->count; i++)
        photos[i] = a->faces[i].photo;
    return (facet_cluster_faces){ .embeddings = a->embeddings,
        .count = a->count,
        .dim = a->dim,
        .photos = photos };
}

/* ---- Changes ---- */

static int by_group(const void *left, const void *right)
{
    const album_change *a = left, *b = right;

    if (a->cluster != b->cluster)
        return a->cluster < b->cluster ? -1 : 1;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return a->face < b->face ? -1 : a->face > b->face;
}

/* A person for a new cluster. The name has its number, which is only known once
 * the person is there. */
static facet_status found_cluster(album *a, uint64_t *id, facet_error *err)
{
    char name[64];
    facet_status st;

    if (!a->g) {
        *id = 1;
        for (size_t i = 0; i < a->count; i++)
            if (a->faces[i].cluster >= *id)
                *id = a->faces[i].cluster + 1;
        return FACET_OK;
    }
    st = facet_gallery_add_person(a->g, "(new cluster)", id, err);
    if (st == FACET_EEXISTS) /* left behind by a run that was ended */
        st = FACET_OK;
    snprintf(name, sizeof name, "%s%" PRIu64, unnamed, *id);
    return st == FACET_OK ? facet_gallery_rename_person(a->g, *id, name, err)
                          : st;
}

int album_change_all(album *a, album_change *changes, size_t count)
{
    uint64_t *ids = calloc(count + 1, sizeof *ids);
    uint64_t *people = calloc(count + 1, sizeof *people);
    facet_error err = { FACET_OK, "" };
    facet_status st = ids && people ? FACET_OK : FACET_ENOMEM;
    uint64_t founded = 0;

    qsort(changes, count, sizeof *changes, by_group);
    for (size_t i = 0; i < count && st == FACET_OK; i++) {
        album_change *c = &changes[i];

        if (c->cluster == 0) {
            if (!founded || c->group != changes[i - 1].group)
                st = found_cluster(a, &founded, &err);
        }
        ids[i] = a->faces[c->face].id;
        people[i] = c->cluster ? c->cluster : founded;
        a->faces[c->face].cluster = people[i];
    }
    if (st == FACET_OK && a->g)
        st = facet_gallery_move_templates(a->g, ids, people, count, &err);
    free(people);
    free(ids);
    return album_fail(a, st, &err);
}

/* Changes that a grouping asks for: of those who were alone, whoever is in a
 * cluster now. `known` [n_known] are the clusters that labels below n_known
 * mean. */
static int apply_labels(album *a, const uint32_t *labels, const uint64_t *known,
    size_t n_known, size_t n_labels)
{
    size_t *sizes = calloc(n_labels + 1, sizeof *sizes);
    album_change *changes = calloc(a->count + 1, sizeof *changes);
    size_t n = 0;
    int status = EXIT_NO_MEMORY;

    if (sizes && changes) {
        for (size_t i = 0; i < a->count; i++)
            sizes[labels[i]]++;
        for (size_t i = 0; i < a->count; i++)
            if (a->faces[i].cluster == 0 &&
                (labels[i] < n_known || sizes[labels[i]] > 1))
                changes[n++] = (album_change){ i,
                    labels[i] < n_known ? known[labels[i]] : 0, labels[i] };
        status = album_change_all(a, changes, n);
    }
    free(changes);
    free(sizes);
    return status;
}

static int by_number(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

/* The numbers of all clusters, ascending; labels[i] is the place of face i's
 * among them. */
static size_t label_known(const album *a, uint64_t *known, uint32_t *labels)
{
    size_t n = 0, kept = 0;

    for (size_t i = 0; i < a->count; i++)
        if (a->faces[i].cluster)
            known[n++] = a->faces[i].cluster;
    qsort(known, n, sizeof *known, by_number);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || known[i] != known[i - 1])
            known[kept++] = known[i];
    for (size_t i = 0; i < a->count; i++) {
        const uint64_t *at = bsearch(
            &a->faces[i].cluster, known, kept, sizeof *known, by_number);

        labels[i] = at ? (uint32_t)(at - known) : FACET_CLUSTER_NEW;
    }
    return kept;
}

/* Options with a threshold; those of an addition when there are clusters. */
static facet_cluster_opts settled(
    const facet_cluster_opts *given, bool adding, float match_at)
{
    facet_cluster_opts opts = *given;

    if (adding && opts.method != FACET_CLUSTER_AVERAGE) {
        opts.method = FACET_CLUSTER_AVERAGE;
        opts.threshold = NAN;
    }
    if (isnan(opts.threshold))
        opts.threshold = facet_cluster_threshold(opts.method, match_at);
    return opts;
}

int album_group(album *a, const facet_cluster_opts *given, float match_at)
{
    uint64_t *photos = calloc(a->count + 1, sizeof *photos);
    uint64_t *known = calloc(a->count + 1, sizeof *known);
    uint32_t *labels = calloc(a->count + 1, sizeof *labels);
    facet_error err = { FACET_OK, "" };
    facet_cluster_faces faces;
    facet_cluster_opts opts;
    int status = photos && known && labels ? number_photos(a) : no_memory();
    size_t n_known;

    if (status == EXIT_YES) {
        faces = album_faces(a, photos);
        n_known = label_known(a, known, labels);
        opts = settled(given, n_known > 0, match_at);
        status = album_fail(a,
            n_known ? facet_cluster_add(&faces, &opts, labels, NULL, &err)
                    : facet_cluster(&faces, &opts, labels, NULL, &err),
            &err);
        if (status == EXIT_YES)
            status =
                apply_labels(a, labels, known, n_known, n_known + a->count);
    }
    free(labels);
    free(known);
    free(photos);
    return status;
}

/* ---- The list of clusters ---- */

static int by_size(const void *left, const void *right)
{
    const album_cluster *a = left, *b = right;

    if (a->size != b->size)
        return a->size > b->size ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Names of the clusters of album->clusters, which are by number. */
static facet_status learn_name(void *context, const facet_person *person)
{
    album *a = context;

    for (size_t low = 0, high = a->n_clusters; low < high;) {
        const size_t middle = low + (high - low) / 2;
        album_cluster *c = &a->clusters[middle];

        if (c->id == person->id) {
            if (strncmp(person->name, unnamed, sizeof unnamed - 1) != 0)
                c->name = strdup(person->name);
            return FACET_OK;
        }
        if (c->id < person->id)
            low = middle + 1;
        else
            high = middle;
    }
    return FACET_OK;
}

/* Sums of the clusters' faces, and who is like whom. */
static void find_alike(
    album *a, const uint32_t *labels, float *sums, float threshold)
{
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; labels[i] != FACET_CLUSTER_NEW && k < a->dim; k++)
            sums[labels[i] * a->dim + k] += a->embeddings[i * a->dim + k];
    for (size_t i = 0; i < a->n_clusters; i++)
        for (size_t j = 0; j < i; j++) {
            album_cluster *x = &a->clusters[i], *y = &a->clusters[j];
            double product = 0;
            float mean;

            for (size_t k = 0; k < a->dim; k++)
                product +=
                    (double)sums[i * a->dim + k] * (double)sums[j * a->dim + k];
            mean = (float)(product / ((double)x->size * (double)y->size));
            if (mean < threshold)
                continue;
            if (!x->like || mean > x->like_similarity) {
                x->like = y->id;
                x->like_similarity = mean;
            }
            if (!y->like || mean > y->like_similarity) {
                y->like = x->id;
                y->like_similarity = mean;
            }
        }
}

int album_list(album *a, float threshold)
{
    enum { TOO_MANY = 5000 }; /* to compare all with all */
    uint64_t *known = calloc(a->count + 1, sizeof *known);
    uint32_t *labels = calloc(a->count + 1, sizeof *labels);
    float *sums = NULL;
    facet_status st = FACET_OK;
    facet_error err = { FACET_OK, "" };

    free_clusters(a);
    if (known && labels) {
        a->n_clusters = label_known(a, known, labels);
        a->clusters = calloc(a->n_clusters + 1, sizeof *a->clusters);
        sums = calloc(a->n_clusters + 1, a->dim * sizeof *sums);
    }
    if (!sums || !a->clusters) {
        a->n_clusters = 0;
        st = FACET_ENOMEM;
    }
    for (size_t i = 0; st == FACET_OK && i < a->n_clusters; i++)
        a->clusters[i].id = known[i];
    for (size_t i = 0; st == FACET_OK && i < a->count; i++)
        if (labels[i] != FACET_CLUSTER_NEW)
            a->clusters[labels[i]].size++;
    if (st == FACET_OK && a->n_clusters <= TOO_MANY)
        find_alike(a, labels, sums, threshold);
    if (st == FACET_OK && a->g)
        st = facet_gallery_people(a->g, learn_name, a, &err);
    if (st == FACET_OK)
        qsort(a->clusters, a->n_clusters, sizeof *a->clusters, by_size);
    free(sums);
    free(labels);
    free(known);
    return album_fail(a, st, &err);
}

const album_cluster *album_find(const album *a, uint64_t id)
{
    for (size_t i = 0; i < a->n_clusters; i++)
        if (a->clusters[i].id == id)
            return &a->clusters[i];
    return NULL;
}
