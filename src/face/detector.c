/* SPDX-License-Identifier: Apache-2.0 */
/* detector.c - a photo through the network: levels of a pyramid, tiles of a
 * level, finds of a tile.
 *
 * All tiles of a level have one size, and a session is planned for it; a few
 * sessions are kept, so that photo after photo of one size allocates nothing.
 */
#include "facet/detector.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "face/candidates.h"
#include "face/input.h"
#include "face/pyramid.h"
#include "face/settings.h"
#include "face/yunet.h"
#include "image/resize.h"

enum { SESSIONS = 4 };

/* A session planned for tiles of one size. */
typedef struct slot {
    facet_session *session;
    int32_t width, height;
    unsigned used; /* the detector's clock when it was last of use */
} slot;

struct facet_detector {
    const facet_model *model; /* borrowed */
    facet_detector_opts opts;
    facet_settings settings;
    facet__input input;
    /* By stride: class, object, box and points, as outputs of the network. */
    size_t outputs[FACET__YUNET_STRIDES][FACET__YUNET_KINDS];
    slot slots[SESSIONS];
    unsigned clock;
    uint8_t *copy; /* a level's pixels, and scratch to make them */
    size_t copy_size;
    facet__candidates list;
};

void facet_detector_opts_init(facet_detector_opts *opts)
{
    if (opts)
        *opts = (facet_detector_opts){ .size = sizeof *opts,
            .score_threshold = 0.6F,
            .nms_iou = 0.3F,
            .threads = 1 };
}

/* which output is which */

static bool find_output(
    const facet_model *model, const char *name, size_t *index)
{
    facet_tensor_info info;

    for (size_t i = 0; i < facet_model_output_count(model); i++)
        if (facet_model_output_info(model, i, &info) == FACET_OK &&
            strcmp(info.name, name) == 0) {
            *index = i;
            return true;
        }
    return false;
}

static facet_status find_outputs(facet_detector *d, facet_error *err)
{
    for (int i = 0; i < FACET__YUNET_OUTPUTS; i++)
        if (!find_output(d->model, facet__yunet_output[i],
                &d->outputs[i % FACET__YUNET_STRIDES]
                           [i / FACET__YUNET_STRIDES]))
            return facet__fail(err, FACET_EMODEL,
                "not a YuNet: it has no output \"%s\"", facet__yunet_output[i]);
    return FACET_OK;
}

static facet_status check_opts(const facet_detector_opts *o, facet_error *err)
{
    if (!(o->score_threshold > 0.0F && o->score_threshold <= 1.0F) ||
        !(o->nms_iou > 0.0F && o->nms_iou <= 1.0F) ||
        !(o->min_face >= 0.0F && o->min_face < 1e6F) || o->threads < 1 ||
        o->threads > 256)
        return facet__fail(err, FACET_EINVAL,
            "detector: score %g, overlap %g, smallest face %g or threads %d "
            "out of range",
            (double)o->score_threshold, (double)o->nms_iou, (double)o->min_face,
            o->threads);
    return FACET_OK;
}

/* Photos of any size are cut into tiles (pyramid.h) whatever the network takes,
 * but not into tiles that are all overlap. */
static facet_status check_input(const facet__input *input, facet_error *err)
{
    const int64_t least = FACET__TILE_OVERLAP + 2 * FACET__TILE_UNIT;
    const int64_t w = input->width, h = input->height;
    const bool open = w < 0 && h < 0;

    if (!open && (w < least || h < least || w % FACET__TILE_UNIT != 0 ||
                     h % FACET__TILE_UNIT != 0))
        return facet__fail(err, FACET_EMODEL,
            "a detector takes any size or a fixed one of multiples of %d from "
            "%lld on, not %lld x %lld",
            FACET__TILE_UNIT, (long long)least, (long long)w, (long long)h);
    return FACET_OK;
}

static facet_status read_model(facet_detector *d, facet_error *err)
{
    facet_tensor_info info;
    facet_status st = facet_settings_read(d->model, &d->settings, err);

    if (st == FACET_OK && d->settings.task != FACET_TASK_DETECTOR)
        st = facet__fail(err, FACET_EMODEL,
            "the network is no detector that facet knows: facet model import "
            "says how one is fed");
    if (st == FACET_OK)
        st = facet__input_only(d->model, &info, err);
    if (st == FACET_OK)
        st = facet__input_of(&info, &d->input, err);
    if (st == FACET_OK)
        st = check_input(&d->input, err);
    return st == FACET_OK ? find_outputs(d, err) : st;
}

facet_status facet_detector_create(const facet_model *model,
    const facet_detector_opts *opts, facet_detector **out, facet_error *err)
{
    facet_detector *d;
    facet_status st;

    if (!model || !out)
        return facet__fail(err, FACET_EINVAL, "detector: an argument is NULL");
    *out = NULL;
    d = facet__calloc(1, sizeof *d);
    if (!d)
        return facet__fail_memory(err);
    d->model = model;
    facet_detector_opts_init(&d->opts);
    st = facet__options_take(
        &d->opts, sizeof d->opts, opts, "facet_detector_opts_init", err);
    if (st == FACET_OK)
        st = check_opts(&d->opts, err);
    if (st == FACET_OK)
        st = read_model(d, err);
    if (st != FACET_OK) {
        facet_detector_free(d);
        return st;
    }
    *out = d;
    return FACET_OK;
}

void facet_detector_free(facet_detector *d)
{
    if (!d)
        return;
    for (int i = 0; i < SESSIONS; i++)
        facet_session_free(d->slots[i].session);
    facet__candidates_clear(&d->list);
    facet__free(d->copy);
    facet__free(d);
}

size_t facet_detector_memory(const facet_detector *d)
{
    size_t bytes = 0;

    for (int i = 0; d && i < SESSIONS; i++)
        bytes += facet_session_memory(d->slots[i].session);
    return d ? bytes + d->copy_size + d->list.capacity * sizeof *d->list.items
             : 0;
}

/* sessions */

/* A session for tiles of this size: one at hand, or the one of longest disuse
 * planned anew. */
static facet_status session_for(facet_detector *d, int32_t width,
    int32_t height, facet_session **out, facet_error *err)
{
    slot *oldest = &d->slots[0];
    facet_session_opts opts;
    int64_t dims[4];
    facet_status st = FACET_OK;

    d->clock++;
    for (int i = 0; i < SESSIONS; i++) {
        slot *s = &d->slots[i];

        if (s->session && s->width == width && s->height == height) {
            s->used = d->clock;
            *out = s->session;
            return FACET_OK;
        }
        if (s->used < oldest->used)
            oldest = s;
    }
    facet_session_opts_init(&opts);
    opts.threads = d->opts.threads;
    if (!oldest->session)
        st = facet_session_create(d->model, &opts, &oldest->session, err);
    facet__input_dims(&d->input, 1, height, width, dims);
    oldest->width = oldest->height = 0;
    if (st == FACET_OK)
        st = facet_session_reshape(oldest->session, dims, err);
    if (st != FACET_OK)
        return st;
    oldest->width = width;
    oldest->height = height;
    oldest->used = d->clock;
    *out = oldest->session;
    return FACET_OK;
}

/* a tile */

static facet_status read_heads(const facet_detector *d,
    const facet_session *session, const facet__level *level,
    facet__yunet_head heads[FACET__YUNET_STRIDES], facet_error *err)
{
    static const int64_t widths[FACET__YUNET_KINDS] = { 1, 1, 4, 10 };

    for (int s = 0; s < FACET__YUNET_STRIDES; s++) {
        const int32_t stride = facet__yunet_stride[s];
        const int64_t cells = (int64_t)(level->tile_width / stride) *
                              (level->tile_height / stride);
        const float *parts[FACET__YUNET_KINDS];

        for (int h = 0; h < FACET__YUNET_KINDS; h++) {
            facet_tensor_info info;

            parts[h] = facet_session_output(session, d->outputs[s][h], &info);
            if (!parts[h] || facet__info_count(&info) != cells * widths[h])
                return facet__fail(err, FACET_EMODEL,
                    "not a YuNet: output \"%.40s\" has %lld numbers, not %lld",
                    info.name, (long long)facet__info_count(&info),
                    (long long)(cells * widths[h]));
        }
        heads[s] =
            (facet__yunet_head){ parts[0], parts[1], parts[2], parts[3] };
    }
    return FACET_OK;
}

/* From pixels of the tile to pixels of the photo. A level's pixel centers lie
 * at (i + 0.5) / scale - 0.5 of the photo. */
static void to_photo(
    facet__candidate *c, const facet__tile *tile, double sx, double sy)
{
    facet_box *box = &c->face.box;

    box->x = (float)(((double)box->x + tile->x + 0.5) * sx - 0.5);
    box->y = (float)(((double)box->y + tile->y + 0.5) * sy - 0.5);
    box->width = (float)((double)box->width * sx);
    box->height = (float)((double)box->height * sy);
    for (int i = 0; i < FACET_LANDMARKS; i++) {
        facet_point *p = &c->face.landmarks[i];

        p->x = (float)(((double)p->x + tile->x + 0.5) * sx - 0.5);
        p->y = (float)(((double)p->y + tile->y + 0.5) * sy - 0.5);
    }
}

/* Keep the finds from `first` on that are this tile's to report. */
static void keep_own(facet_detector *d, size_t first, const facet__level *level,
    const facet__tile *tile, double sx, double sy)
{
    size_t kept = first;

    for (size_t i = first; i < d->list.count; i++) {
        facet__candidate c = d->list.items[i];
        const facet_box b = c.face.box;

        if (facet__tile_cuts(level, tile, b.x, b.y, b.width, b.height) ||
            c.side < level->min_side)
            continue;
        to_photo(&c, tile, sx, sy);
        d->list.items[kept++] = c;
    }
    d->list.count = kept;
}

static facet_status run_tile(facet_detector *d, facet_session *session,
    facet__view view, const facet__level *level, const facet__tile *tile,
    const facet_image *image, facet_error *err)
{
    const size_t first = d->list.count;
    facet__yunet_head heads[FACET__YUNET_STRIDES];
    facet_status st;

    facet__input_fill(&d->input, &d->settings, view, tile->x, tile->y,
        level->tile_width, level->tile_height, facet_session_input(session, 0));
    st = facet_session_run(session, err);
    if (st == FACET_OK)
        st = read_heads(d, session, level, heads, err);
    if (st == FACET_OK &&
        facet__yunet_decode(heads, level->tile_width, level->tile_height,
            d->opts.score_threshold, &d->list) != FACET_OK)
        st = facet__fail_memory(err);
    if (st == FACET_OK)
        keep_own(d, first, level, tile, (double)image->width / level->width,
            (double)image->height / level->height);
    return st;
}

/* a level */

/* The photo at the level's size: itself, or a shrunken copy. */
static facet_status shrink(facet_detector *d, const facet_image *image,
    const facet__level *level, facet__view *view, facet_error *err)
{
    const size_t stride = (size_t)level->width * 3;
    const size_t room = facet__resize_room(
        image->width, image->height, level->width, level->height);
    const size_t pixels = (stride * (size_t)level->height + FACET__ALIGN - 1) /
                          FACET__ALIGN * FACET__ALIGN;
    const size_t need = pixels + room;

    *view = facet__image_view(image);
    if (level->width == image->width && level->height == image->height)
        return FACET_OK;
    if (need > d->copy_size) {
        facet__free(d->copy);
        d->copy = facet__alloc(need);
        d->copy_size = d->copy ? need : 0;
    }
    if (!room || !d->copy)
        return facet__fail_memory(err);
    facet__resize_in(
        *view, d->copy, level->width, level->height, stride, d->copy + pixels);
    *view = (facet__view){ d->copy, level->width, level->height, stride };
    return FACET_OK;
}

static facet_status run_level(facet_detector *d, const facet_image *image,
    const facet__level *level, facet_error *err)
{
    const size_t first = d->list.count;
    facet_session *session = NULL;
    facet__view view;
    facet_status st = shrink(d, image, level, &view, err);

    if (st == FACET_OK)
        st = session_for(
            d, level->tile_width, level->tile_height, &session, err);
    for (int32_t row = 0; row < level->rows && st == FACET_OK; row++)
        for (int32_t col = 0; col < level->columns && st == FACET_OK; col++) {
            const facet__tile tile = facet__level_tile(level, col, row);

            st = run_tile(d, session, view, level, &tile, image, err);
        }
    if (st == FACET_OK)
        facet__candidates_suppress(&d->list, first, d->opts.nms_iou);
    return st;
}

/* the photo */

static void drop_small(facet_detector *d)
{
    size_t kept = 0;

    for (size_t i = 0; i < d->list.count; i++) {
        const facet_box b = d->list.items[i].face.box;

        if ((b.width > b.height ? b.width : b.height) >= d->opts.min_face)
            d->list.items[kept++] = d->list.items[i];
    }
    d->list.count = kept;
    if (d->opts.max_faces > 0 && d->list.count > d->opts.max_faces)
        d->list.count = d->opts.max_faces;
}

facet_status facet_detector_find(facet_detector *d, const facet_image *image,
    facet_face *faces, size_t cap, size_t *count, facet_error *err)
{
    const facet__input_size fixed = {
        d && d->input.width > 0 ? (int32_t)d->input.width : 0,
        d && d->input.height > 0 ? (int32_t)d->input.height : 0
    };
    facet__pyramid pyramid;
    facet_status st = FACET_OK;

    if (count)
        *count = 0;
    if (!d || !image || !count || (cap > 0 && !faces))
        return facet__fail(err, FACET_EINVAL, "detector: an argument is NULL");
    pyramid = facet__pyramid_plan(
        image->width, image->height, d->opts.min_face, fixed);
    d->list.count = 0;
    for (int i = 0; i < pyramid.count && st == FACET_OK; i++) {
        const size_t split = d->list.count;

        st = run_level(d, image, &pyramid.levels[i], err);
        if (st == FACET_OK && i > 0)
            facet__candidates_merge(&d->list, split, d->opts.nms_iou);
    }
    if (st != FACET_OK)
        return st;
    facet__candidates_sort(&d->list);
    drop_small(d);
    for (size_t i = 0; i < d->list.count && i < cap; i++)
        faces[i] = d->list.items[i].face;
    *count = d->list.count;
    return FACET_OK;
}
