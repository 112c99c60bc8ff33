/* SPDX-License-Identifier: Apache-2.0 */
/* album.h - faces of photos in clusters, in memory and in a folder.
 *
 * A folder's album.db is a gallery: clusters are its people, faces their
 * templates, so names given to clusters are names of people and `facet
 * identify` can ask it. Faces that are alone belong to one person of their own
 * until company comes. A cluster's number is its person's id, and never used
 * again. */
#ifndef FACET_CLI_ALBUM_H
#define FACET_CLI_ALBUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facet/cluster.h"
#include "found.h"
#include "store.h"

#define ALBUM_STORE "album.db" /* the gallery in an album's folder */

typedef struct album_face {
    uint64_t id;      /* of the template */
    uint64_t cluster; /* 0: alone */
    char *source;
    uint64_t photo; /* a number for the source, from 1 on */
    float box[4];
    float quality;
} album_face;

typedef struct album_cluster {
    uint64_t id;
    char *name;  /* NULL: nobody has named it */
    size_t size; /* faces */
    /* The nearest other cluster by the mean similarity of pairs; 0: none comes
     * close. */
    uint64_t like;
    float like_similarity;
} album_cluster;

typedef struct album {
    const char *folder; /* NULL: in memory only */
    store store;
    facet_gallery *g;
    uint64_t alone; /* the person of faces that are alone, once there is one */
    size_t dim;
    int held; /* the folder, locked against other writers; or -1 */

    album_face *faces; /* [count], by id */
    float *embeddings; /* [count][dim] */
    size_t count, room;
    album_cluster *clusters; /* [n_clusters], largest first */
    size_t n_clusters;
} album;

/* Open the folder's gallery; with a finder (open already) make both when they
 * are not there, and check the contract. NULL folder: in memory. Only one
 * process of a machine has an album open that it `changes`. Complains on
 * failure; the exit status. */
int album_open(album *a, const char *folder, const finder *f, bool changes);
void album_close(album *a);

/* Read faces and clusters from the gallery. */
int album_load(album *a);

/* Take in the faces of a photo, alone for the time being; durable on return. */
int album_add(album *a, const finder *f, const found_photo *photo);

/* Group what is alone: with given->method when there is no cluster yet, else
 * into and beside those that are there. A threshold NaN is chosen by the
 * network's own, `match_at`. */
int album_group(album *a, const facet_cluster_opts *given, float match_at);

/* Give faces [count] to clusters (0: a new one for each distinct `group`), in
 * memory and on disk. */
typedef struct album_change {
    size_t face;      /* index */
    uint64_t cluster; /* 0: new */
    uint32_t group;
} album_change;
int album_change_all(album *a, album_change *changes, size_t count);

/* The faces as the library takes them; photos [count], to be filled in. */
facet_cluster_faces album_faces(const album *a, uint64_t *photos);

/* Count clusters again, and find who is like whom at `threshold`. */
int album_list(album *a, float threshold);
/* NULL when there is none of this number. */
const album_cluster *album_find(const album *a, uint64_t id);

/* Write index.html and clusters.json into the folder. */
int album_write(const album *a);
/* Print a line for each cluster. */
int album_print(const album *a);

/* Complain; the exit status. */
int album_fail(const album *a, facet_status st, const facet_error *err);

#endif
