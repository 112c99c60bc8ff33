/* SPDX-License-Identifier: Apache-2.0 */
/* landmarker.c - the 68 points of a face by any landmark network.
 *
 * A network of this kind expects the face upright in the middle of its square,
 * and is the better the truer that is. So its own points set the square anew,
 * again and again until it stays: T = T1 * T2 * ... (papers.md C.1, step 1;
 * landmarks.h). */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "face/input.h"
#include "face/landmarks.h"
#include "facet/frontal.h"
#include "image/warp.h"

enum { MESH_POINTS = 468, MOST_NUMBERS = 16 };

/* Which points of the 468 of a face mesh (MediaPipe's canonical topology) lie
 * where the 68 do. */
static const int mesh_points[FACET_HEAD_POINTS] = { 127, 234, 93, 58, 172, 136,
    149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356,     /* jaw */
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,             /* brows */
    168, 197, 5, 4, 75, 97, 2, 326, 305,                       /* nose */
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380, /* eyes */
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, /* lips outside */
    78, 82, 13, 312, 308, 317, 14, 87 };                 /* and inside */

struct facet_landmarker {
    facet_landmarker_opts opts;
    facet_settings settings;
    facet__input input;
    int64_t width, height; /* of the network's input */
    int points[FACET_HEAD_POINTS];
    int numbers;
    facet_session *session;
    uint8_t *crop; /* [height, width, 3] */
};

void facet_landmarker_opts_init(facet_landmarker_opts *opts)
{
    if (opts)
        *opts = (facet_landmarker_opts){ .size = sizeof *opts,
            .margin = 1.25F,
            .iterations = 3,
            .settled = 0.02F };
}

/* ---- Making one ---- */

static facet_status check_opts(const facet_landmarker_opts *o, facet_error *err)
{
    if (!(o->margin >= 1 && o->margin <= 4) || o->iterations < 0 ||
        o->iterations > 16 || !(o->settled >= 0 && o->settled <= 1) ||
        o->numbers < 0 || o->numbers > MOST_NUMBERS || o->numbers == 1)
        return facet__fail(err, FACET_EINVAL,
            "landmarker: margin %g, iterations %d, settled %g or numbers %d "
            "out of range",
            (double)o->margin, o->iterations, (double)o->settled, o->numbers);
    return FACET_OK;
}

static facet_status choose_settings(
    facet_landmarker *l, const facet_model *model, facet_error *err)
{
    if (l->opts.settings) {
        l->settings = *l->opts.settings;
        return FACET_OK;
    }
    if (facet_model_metadata(model, "facet.task", NULL, 0) >= 0)
        return facet_settings_read(model, &l->settings, err);
    facet_settings_init(&l->settings);
    l->settings.task = FACET_TASK_LANDMARKS;
    l->settings.color = FACET_COLOR_RGB;
    for (int c = 0; c < 3; c++) {
        l->settings.mean[c] = 0;
        l->settings.scale[c] = 1 / 255.0F;
    }
    return FACET_OK;
}

/* How many floats the output holds, as planned. */
static int64_t output_size(const facet_landmarker *l)
{
    facet_tensor_info info;

    return facet_session_output(l->session, 0, &info) ? facet__info_count(&info)
                                                      : 0;
}

static facet_status choose_points(facet_landmarker *l, facet_error *err)
{
    const int64_t size = output_size(l);
    const bool mesh = !l->opts.points && size == 3 * MESH_POINTS;

    l->numbers = l->opts.numbers ? l->opts.numbers : mesh ? 3 : 2;
    for (int i = 0; i < FACET_HEAD_POINTS; i++) {
        l->points[i] = l->opts.points ? l->opts.points[i]
                       : mesh         ? mesh_points[i]
                                      : i;
        if (l->points[i] < 0 || (l->points[i] + 1) * l->numbers > size)
            return facet__fail(err, FACET_EMODEL,
                "landmarker: the network's first output has %lld numbers, none "
                "for its point %d of %d numbers each",
                (long long)size, l->points[i], l->numbers);
    }
    if (!l->opts.points && !mesh && size != 2 * FACET_HEAD_POINTS)
        return facet__fail(err, FACET_EMODEL,
            "landmarker: the network's first output has %lld numbers, neither "
            "68 points nor a mesh of 468; say which are the 68",
            (long long)size);
    return FACET_OK;
}

static facet_status read_model(
    facet_landmarker *l, const facet_model *model, facet_error *err)
{
    facet_tensor_info info;
    int64_t dims[4];
    facet_session_opts opts;
    facet_status st = facet__input_only(model, &info, err);

    if (st == FACET_OK)
        st = facet__input_of(&info, &l->input, err);
    if (st != FACET_OK)
        return st;
    l->width = l->input.width;
    l->height = l->input.height;
    if (l->width < 8 || l->width > 2048 || l->height != l->width)
        return facet__fail(err, FACET_EMODEL,
            "landmarker: the network's input is no square of 8 to 2048 pixels");
    facet_session_opts_init(&opts);
    st = facet_session_create(model, &opts, &l->session, err);
    if (st != FACET_OK)
        return st;
    facet__input_dims(&l->input, 1, l->height, l->width, dims);
    return facet_session_reshape(l->session, dims, err);
}

facet_status facet_landmarker_create(const facet_model *model,
    const facet_landmarker_opts *opts, facet_landmarker **out, facet_error *err)
{
    facet_landmarker *l;
    facet_status st;

    if (!model || !out)
        return facet__fail(err, FACET_EINVAL, "landmarker: NULL argument");
    *out = NULL;
    l = facet__calloc(1, sizeof *l);
    if (!l)
        return facet__fail_memory(err);
    facet_landmarker_opts_init(&l->opts);
    st = facet__options_take(
        &l->opts, sizeof l->opts, opts, "facet_landmarker_opts_init", err);
    if (st == FACET_OK)
        st = check_opts(&l->opts, err);
    if (st == FACET_OK)
        st = choose_settings(l, model, err);
    if (st == FACET_OK)
        st = read_model(l, model, err);
    if (st == FACET_OK)
        st = choose_points(l, err);
    if (st == FACET_OK) {
        l->crop = facet__alloc((size_t)(3 * l->width * l->height));
        if (!l->crop)
            st = facet__fail_memory(err);
    }
    if (st != FACET_OK) {
        facet_landmarker_free(l);
        return st;
    }
    /* The caller's lists may go. */
    l->opts.settings = NULL;
    l->opts.points = NULL;
    *out = l;
    return FACET_OK;
}

void facet_landmarker_free(facet_landmarker *landmarker)
{
    if (!landmarker)
        return;
    facet_session_free(landmarker->session);
    facet__free(landmarker->crop);
    facet__free(landmarker);
}

/* ---- Finding ---- */

static facet_point moved(const facet_similarity *s, facet_point p)
{
    const double x = (double)p.x, y = (double)p.y;

    return (facet_point){ (float)(s->a * x - s->b * y + s->tx),
        (float)(s->b * x + s->a * y + s->ty) };
}

/* outer after inner. */
static facet_similarity composed(
    const facet_similarity *outer, const facet_similarity *inner)
{
    const facet_similarity *o = outer, *i = inner;

    return (facet_similarity){ o->a * i->a - o->b * i->b,
        o->b * i->a + o->a * i->b, o->a * i->tx - o->b * i->ty + o->tx,
        o->b * i->tx + o->a * i->ty + o->ty };
}

/* Around the box, turned with the eyes. */
static facet_similarity first_square(
    const facet_landmarker *l, const facet_face *face)
{
    const facet_point *eyes = face->landmarks;
    const facet_box *b = &face->box;
    const facet_point middle = { b->x + 0.5F * b->width,
        b->y + 0.5F * b->height };

    return facet__square_around(middle, (double)fmaxf(b->width, b->height),
        (double)l->opts.margin,
        atan2((double)(eyes[1].y - eyes[0].y), (double)(eyes[1].x - eyes[0].x)),
        l->width);
}

/* The network's answer for a square, in its own pixels. */
static facet_status ask(facet_landmarker *l, facet__view photo,
    const facet_similarity *square, facet_point points[FACET_HEAD_POINTS],
    facet_error *err)
{
    const float map[6] = { (float)square->a, (float)-square->b,
        (float)square->tx, (float)square->b, (float)square->a,
        (float)square->ty };
    const int32_t side = (int32_t)l->width;
    const facet__view crop = { l->crop, side, side, (size_t)side * 3 };
    const float unit = l->opts.unit ? (float)side : 1.0F;
    const float *out;
    facet_status st =
        facet__warp_similarity(photo, map, l->crop, side, side, crop.stride);

    if (st != FACET_OK)
        return facet__fail(err, st, "landmarker: the face cannot be cut out");
    facet__input_fill(&l->input, &l->settings, crop, 0, 0, side, side,
        facet_session_input(l->session, 0));
    st = facet_session_run(l->session, err);
    if (st != FACET_OK)
        return st;
    out = facet_session_output(l->session, 0, NULL);
    for (int i = 0; i < FACET_HEAD_POINTS; i++) {
        const float *at = out + l->points[i] * l->numbers;

        if (!isfinite(at[0]) || !isfinite(at[1]))
            return facet__fail(err, FACET_EMODEL,
                "landmarker: the network answered what is no number");
        points[i] = (facet_point){ at[0] * unit, at[1] * unit };
    }
    return FACET_OK;
}

/* The next square in pixels of this one, by the points found in it; how far the
 * farthest of its corners lies from this one's. */
static facet_status next_square(const facet_landmarker *l,
    const facet_point points[FACET_HEAD_POINTS], facet_similarity *next,
    float *farthest)
{
    const float end = (float)(l->width - 1);
    const facet_point corners[4] = { { 0, 0 }, { end, 0 }, { 0, end },
        { end, end } };
    const facet_status st =
        facet__landmark_square(points, (double)l->opts.margin, l->width, next);

    if (st != FACET_OK)
        return st;
    *farthest = 0;
    for (int i = 0; i < 4; i++) {
        const facet_point to = moved(next, corners[i]);

        *farthest =
            fmaxf(*farthest, hypotf(to.x - corners[i].x, to.y - corners[i].y));
    }
    return FACET_OK;
}

facet_status facet_landmarker_find(facet_landmarker *landmarker,
    const facet_image *image, const facet_face *face,
    facet_point points[FACET_HEAD_POINTS], facet_error *err)
{
    facet_similarity square;
    facet_status st;

    if (!landmarker || !image || !face || !points)
        return facet__fail(err, FACET_EINVAL, "landmarker: NULL argument");
    if (!(face->box.width > 0) || !(face->box.height > 0) ||
        !isfinite(
            face->box.x + face->box.y + face->box.width + face->box.height))
        return facet__fail(
            err, FACET_EINVAL, "landmarker: the face has no extent");
    square = first_square(landmarker, face);
    st = ask(landmarker, facet__image_view(image), &square, points, err);
    for (int i = 0; st == FACET_OK && i < landmarker->opts.iterations; i++) {
        facet_similarity next;
        float farthest;

        /* Points that no camera fits are no face: keep what there is. */
        if (next_square(landmarker, points, &next, &farthest) != FACET_OK ||
            farthest < landmarker->opts.settled * (float)landmarker->width)
            break;
        square = composed(&square, &next);
        st = ask(landmarker, facet__image_view(image), &square, points, err);
    }
    for (int i = 0; st == FACET_OK && i < FACET_HEAD_POINTS; i++)
        points[i] = moved(&square, points[i]);
    return st;
}
