/* SPDX-License-Identifier: Apache-2.0 */
/* found.c - a worker packs what it found into one block of memory, which goes
 * through the ring of work.c to the caller's thread and is unpacked there:
 *
 *     head, then for each face: fixed part, embedding, crop, filled to 8 bytes
 */
#include "found.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "facet/align.h"
#include "facet/settings.h"
#include "limits.h"
#include "numbers.h"
#include "work.h"

enum { MAX_THREADS = 1024, CROP_QUALITY = 92, FILL = 8 };

typedef struct head {
    facet_status status;
    int width, height;
    size_t count;
    char message[sizeof((facet_error *)0)->msg];
} head;

typedef struct fixed {
    facet_face face;
    facet_quality quality;
    size_t crop_size;
} fixed;

typedef struct errand {
    finder *f;
    found_take *take;
    void *context;
    inputs *in;
    progress progress;
} errand;

/* ---- Options ---- */

enum { KEY_FILES_FROM = 0x200 };

static const struct argp_option options[] = {
    { "files-from", KEY_FILES_FROM, "FILE", 0,
        "photos listed in FILE, one a line; - is stdin", 0 },
    { "null", '0', NULL, 0, "names in the list end with a zero byte", 0 },
    { "threads", 't', "N", 0, "photos at a time; default: every core", 0 },
    { "quiet", 'q', NULL, 0, "no progress on the terminal", 0 },
    { 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    finder *f = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &f->nets;
        state->child_inputs[1] = &f->limits;
        break;
    case KEY_FILES_FROM:
        f->list = text;
        break;
    case '0':
        f->separator = '\0';
        break;
    case 't':
        f->threads =
            (int)whole_option(state, "--threads", text, 1, MAX_THREADS);
        break;
    case 'q':
        f->quiet = true;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static const struct argp_child children[] = { { &faces_argp, 0, NULL, 0 },
    { &limits_argp, 0, NULL, 0 }, { NULL, 0, NULL, 0 } };
const struct argp finder_argp = {
    .options = options, .parser = parse, .children = children
};

void finder_init(finder *f)
{
    *f = (finder){ .separator = '\n' };
    networks_init(&f->nets);
    facet_image_opts_init(&f->limits);
    f->threads = threads_for_cores(MAX_THREADS);
}

/* ---- Networks ---- */

static int learn_dim(finder *f)
{
    facet_embedder *embedder = NULL;
    facet_error err = { FACET_OK, "" };
    const facet_status st = facet_embedder_create(
        facet_pipeline_embedder_model(f->pipelines[0]), NULL, &embedder, &err);

    if (st == FACET_OK)
        f->dim = facet_embedder_dim(embedder);
    else
        complain("%s", err.msg);
    facet_embedder_free(embedder);
    return (int)exit_for_model(st);
}

int finder_open(finder *f)
{
    facet_error err = { FACET_OK, "" };
    int status;

    f->pipelines = calloc((size_t)f->threads, sizeof *f->pipelines);
    if (!f->pipelines)
        return EXIT_NO_MEMORY;
    status = networks_open(&f->nets, 1, &f->pipelines[0]);
    if (status == EXIT_YES) {
        f->contract = facet_pipeline_contract(f->pipelines[0]);
        status = learn_dim(f);
    }
    for (int t = 1; t < f->threads && status == EXIT_YES; t++) {
        status = (int)exit_for_model(
            facet_pipeline_clone(f->pipelines[0], &f->pipelines[t], &err));
        if (status != EXIT_YES)
            complain("%s", err.msg);
    }
    return status;
}

void finder_close(finder *f)
{
    for (int t = f->threads - 1; f->pipelines && t >= 0; t--)
        facet_pipeline_close(f->pipelines[t]);
    free(f->pipelines);
    f->pipelines = NULL;
}

inputs *finder_inputs(const finder *f, char *const *words, int count)
{
    return inputs_open(words, count, f->list, f->separator);
}

/* ---- One photo, in a worker ---- */

static void fill(FILE *to, size_t size)
{
    static const char zeros[FILL];

    fwrite(zeros, 1, (FILL - size % FILL) % FILL, to);
}

static facet_status pack_face(const finder *f, const facet_image *image,
    const facet_faces *faces, size_t index, FILE *to, facet_error *err)
{
    const facet_face *face = facet_faces_face(faces, index);
    fixed part = { .face = *face };
    facet_image *crop = NULL;
    uint8_t *jpeg = NULL;
    facet_status st = facet_align(
        image, face->landmarks, facet_template_find(CROP_TEMPLATE), &crop, err);

    if (st == FACET_OK)
        st = facet_face_quality(face, crop, &part.quality, err);
    if (st == FACET_OK)
        st = facet_image_encode(
            crop, FACET_IMAGE_JPEG, CROP_QUALITY, &jpeg, &part.crop_size, err);
    if (st == FACET_OK) {
        fwrite(&part, sizeof part, 1, to);
        fill(to, sizeof part);
        fwrite(facet_faces_embedding(faces, index)->values, sizeof(float),
            f->dim, to);
        fill(to, f->dim * sizeof(float));
        fwrite(jpeg, 1, part.crop_size, to);
        fill(to, part.crop_size);
    }
    facet_image_bytes_free(jpeg);
    facet_image_free(crop);
    return st;
}

/* All faces of a photo behind its head. On failure what was written is not
 * read. */
static facet_status pack_photo(const finder *f, const facet_image *image,
    const facet_faces *faces, FILE *to, facet_error *err)
{
    facet_status st = FACET_OK;

    for (size_t i = 0; i < facet_faces_count(faces) && st == FACET_OK; i++)
        st = pack_face(f, image, faces, i, to, err);
    return st;
}

static void do_photo(void *context, int thread, work_item *item)
{
    const errand *e = context;
    facet_error err = { FACET_OK, "" };
    facet_image *image = NULL;
    facet_faces *faces = NULL;
    head *at;
    head top = { .status =
                     limits_read(item->path, &e->f->limits, &image, &err) };
    FILE *to = open_memstream(&item->bytes, &item->size);

    if (top.status == FACET_OK)
        top.status =
            facet_pipeline_faces(e->f->pipelines[thread], image, &faces, &err);
    if (to) {
        fwrite(&top, sizeof top, 1, to);
        fill(to, sizeof top);
        if (top.status == FACET_OK)
            top.status = pack_photo(e->f, image, faces, to, &err);
    }
    if (!to || fclose(to) != 0) {
        free(item->bytes);
        item->bytes = NULL;
        item->size = 0;
    }
    if (item->bytes) {
        top.width = image ? facet_image_width(image) : 0;
        top.height = image ? facet_image_height(image) : 0;
        top.count = facet_faces_count(faces);
        snprintf(top.message, sizeof top.message, "%s",
            *err.msg ? err.msg : facet_status_str(top.status));
        at = (head *)(void *)item->bytes;
        *at = top;
    }
    facet_faces_free(faces);
    facet_image_free(image);
}

/* ---- One photo, in the caller's thread ---- */

static const char *pass(const char **at, size_t size)
{
    const char *here = *at;

    *at += size + (FILL - size % FILL) % FILL;
    return here;
}

static void unpack(
    const finder *f, const char *at, size_t count, found_face *faces)
{
    for (size_t i = 0; i < count; i++) {
        const fixed *part = (const void *)pass(&at, sizeof *part);

        faces[i] = (found_face){ .face = part->face,
            .quality = part->quality,
            .crop_size = part->crop_size };
        faces[i].embedding = (const void *)pass(&at, f->dim * sizeof(float));
        faces[i].crop = pass(&at, part->crop_size);
    }
}

static bool take_photo(void *context, const work_item *item)
{
    errand *e = context;
    const char *at = item->bytes;
    const head *top;
    found_photo photo = { .path = item->path,
        .status = FACET_ENOMEM,
        .message = facet_status_str(FACET_ENOMEM) };
    found_face *faces = NULL;
    bool going;

    progress_step(&e->progress, inputs_total(e->in));
    if (at) {
        top = (const void *)pass(&at, sizeof *top);
        faces = calloc(top->count + 1, sizeof *faces);
        if (faces) {
            photo = (found_photo){ item->path, top->status, top->message,
                top->width, top->height,
                top->status == FACET_OK ? top->count : 0, faces };
            unpack(e->f, at, photo.count, faces);
        }
    }
    going = e->take(e->context, &photo);
    free(faces);
    return going;
}

exit_number finder_run(finder *f, inputs *in, found_take *take, void *context)
{
    errand e = { .f = f, .take = take, .context = context, .in = in };
    exit_number status;

    progress_start(&e.progress, f->quiet);
    status = work_run(in, f->threads, NULL, do_photo, take_photo, &e);
    progress_end(&e.progress);
    return status == EXIT_YES && inputs_failed(in) ? EXIT_IO : status;
}
