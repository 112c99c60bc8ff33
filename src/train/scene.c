/* SPDX-License-Identifier: Apache-2.0 */
/* scene.c - see scene.h. A scene is drawn in this order: mosaic or not, where
 * its pictures meet, then for each picture which one, which of its faces is in
 * view, how large, turned how far, mirrored, and where. */
#include "train/scene.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "image/warp.h"

static const double pi = 3.14159265358979323846;

struct facet__scenes {
    facet__scene_setup setup;
    size_t *labels;     /* [count of the data set]: its place in the list */
    facet_image **kept; /* [count]: decoded, or NULL; never taken back */
    size_t kept_bytes;
    pthread_mutex_t mutex; /* of the two above */
};

/* A picture's place in the scene: left, top, right, bottom edge. */
typedef struct tile {
    int32_t x0, y0, x1, y1;
} tile;

void facet__scene_setup_init(facet__scene_setup *setup)
{
    *setup = (facet__scene_setup){ .mosaic = .5,
        .natural = .5,
        .least = 10,
        .small = 6,
        .cache = (size_t)256 << 20 };
}

facet_status facet__scenes_create(
    const facet__scene_setup *setup, facet__scenes **out, facet_error *err)
{
    const size_t n = facet__dataset_count(setup->dataset);
    facet__scenes *s = facet__calloc(1, sizeof *s);

    *out = NULL;
    if (!s)
        return facet__fail_memory(err);
    s->setup = *setup;
    pthread_mutex_init(&s->mutex, NULL);
    s->labels = facet__calloc(n, sizeof *s->labels);
    s->kept = facet__calloc(n, sizeof *s->kept);
    if (!s->labels || !s->kept) {
        facet__scenes_free(s);
        return facet__fail_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        const char *key = facet__dataset_example(setup->dataset, i)->key;

        s->labels[i] = facet_labels_find(setup->labels, key);
        if (s->labels[i] == SIZE_MAX) {
            facet__scenes_free(s);
            return facet__fail(err, FACET_ENOTFOUND,
                "the list of faces has no picture '%.80s'", key);
        }
    }
    *out = s;
    return FACET_OK;
}

void facet__scenes_free(facet__scenes *s)
{
    if (!s)
        return;
    for (size_t i = 0; s->kept && i < facet__dataset_count(s->setup.dataset);
         i++)
        facet_image_free(s->kept[i]);
    pthread_mutex_destroy(&s->mutex);
    facet__free(s->kept);
    facet__free(s->labels);
    facet__free(s);
}

/* pictures */

/* Keep a picture if there is room; whether it is kept. Two threads may have
 * decoded the same: the first is kept. */
static bool keep(facet__scenes *s, uint32_t index, facet_image *image)
{
    const size_t bytes =
        facet_image_stride(image) * (size_t)facet_image_height(image);
    bool kept = false;

    pthread_mutex_lock(&s->mutex);
    if (!s->kept[index] && s->kept_bytes + bytes <= s->setup.cache) {
        s->kept[index] = image;
        s->kept_bytes += bytes;
        kept = true;
    }
    pthread_mutex_unlock(&s->mutex);
    return kept;
}

/* Picture `index`, decoded; the caller's to free where *own. */
static facet_status get_picture(facet__scenes *s, facet__hand *hand,
    uint32_t index, facet_image **image, bool *own, facet_error *err)
{
    size_t size;
    facet_status st;

    pthread_mutex_lock(&s->mutex);
    *image = s->kept[index];
    pthread_mutex_unlock(&s->mutex);
    *own = false;
    if (*image)
        return FACET_OK;
    st = facet__dataset_read(
        s->setup.dataset, index, &hand->bytes, &hand->room, &size, err);
    if (st == FACET_OK)
        st = facet_image_read_memory(hand->bytes, size, NULL, image, err);
    if (st == FACET_OK)
        *own = !keep(s, index, *image);
    return st;
}

/* geometry */

facet__target facet__target_move(const facet_label *label, const double map[6])
{
    const double a = (double)label->box.width / 2;
    const double b = (double)label->box.height / 2;
    const double x = (double)label->box.x + a - .5;
    const double y = (double)label->box.y + b - .5;
    const double half_w = hypot(map[0] * a, map[1] * b);
    const double half_h = hypot(map[3] * a, map[4] * b);
    const bool mirrored = map[0] * map[4] - map[1] * map[3] < 0;
    static const int other[FACET_LANDMARKS] = { 1, 0, 2, 4, 3 };
    facet__target t = { .width = 2 * half_w,
        .height = 2 * half_h,
        .ignored = label->invalid != 0,
        .has_points = label->has_landmarks != 0 };

    t.x = map[0] * x + map[1] * y + map[2] - half_w + .5;
    t.y = map[3] * x + map[4] * y + map[5] - half_h + .5;
    for (int i = 0; i < FACET_LANDMARKS; i++) {
        const facet_point *p = &label->landmarks[mirrored ? other[i] : i];
        const double px = (double)p->x, py = (double)p->y;

        t.points[2 * i] = map[0] * px + map[1] * py + map[2];
        t.points[2 * i + 1] = map[3] * px + map[4] * py + map[5];
    }
    return t;
}

bool facet__target_clip(
    facet__target *t, const double place[4], double half, double small)
{
    const double left = fmax(t->x, place[0]), top = fmax(t->y, place[1]);
    const double w = fmin(t->x + t->width, place[2]) - left;
    const double h = fmin(t->y + t->height, place[3]) - top;
    const double area = t->width * t->height;

    if (!(w > 1) || !(h > 1) || w * h < .05 * area)
        return false;
    t->ignored =
        t->ignored || w * h < half * area || h < small || w < small / 2;
    t->x = left;
    t->y = top;
    t->width = w;
    t->height = h;
    return true;
}

/* The valid face to put in view; NULL for none. */
static const facet_label *pick_face(
    const facet_label *faces, size_t n, facet__random *random)
{
    const size_t start = n ? (size_t)facet__random_below(random, n) : 0;

    for (size_t i = 0; i < n; i++)
        if (!faces[(start + i) % n].invalid)
            return &faces[(start + i) % n];
    return NULL;
}

/* How much larger a picture is shown; `face` may be NULL. At scale `cover` it
 * fills its place one way: much less would teach emptiness. */
static double draw_scale(const facet__scene_setup *setup,
    const facet_label *face, double room, double cover, facet__random *random)
{
    const bool natural = facet__random_unit(random) < setup->natural;
    const double near = pow(1.6, facet__random_between(random, -1, 1));
    const double aim = setup->least * pow(.95 * room / setup->least,
                                          facet__random_unit(random));

    return fmin(fmax(natural || !face ? near : aim / (double)face->box.height,
                    fmax(.2, .7 * cover)),
        3);
}

/* Along one axis: where the middle of the tile lies from point `at` of the
 * picture, so that `at` is in view and as little as possible beside the
 * picture. All in pixels of the scene; `before` and `after` is how far the
 * picture reaches from `at`. */
static double draw_offset(
    double side, double before, double after, facet__random *random)
{
    const double half = side / 2;
    double low = -.9 * half, high = .9 * half;

    if (before + after > side) {
        low = fmax(low, half - before);
        high = fmin(high, after - half);
        if (low > high)
            low = high = (low + high) / 2;
    }
    return facet__random_between(random, low, high);
}

/* Picture -> scene. */
static void draw_map(const facet__scene_setup *setup,
    const facet__augment *augment, const facet_image *image,
    const facet_label *face, const tile *t, facet__random *random,
    double map[6])
{
    const double w = facet_image_width(image), h = facet_image_height(image);
    const double tile_w = t->x1 - t->x0, tile_h = t->y1 - t->y0;
    const double s = draw_scale(setup, face, fmin(tile_w, tile_h),
        fmin(tile_w / w, tile_h / h), random);
    const bool turned = facet__random_unit(random) < .4;
    const double drawn =
        facet__random_between(random, -augment->rotate, augment->rotate);
    const double angle = turned ? drawn * pi / 180 : 0;
    const double side = facet__random_unit(random) < augment->flip ? -1 : 1;
    const double x = face ? (double)face->box.x + (double)face->box.width / 2
                          : facet__random_between(random, 0, w);
    const double y = face ? (double)face->box.y + (double)face->box.height / 2
                          : facet__random_between(random, 0, h);
    const double before = side > 0 ? x : w - x;
    const double dx = draw_offset(tile_w, s * before, s * (w - before), random);
    const double dy = draw_offset(tile_h, s * y, s * (h - y), random);

    map[0] = side * s * cos(angle);
    map[1] = -s * sin(angle);
    map[3] = side * s * sin(angle);
    map[4] = s * cos(angle);
    map[2] = (t->x0 + t->x1) / 2. - dx - map[0] * x - map[1] * y;
    map[5] = (t->y0 + t->y1) / 2. - dy - map[3] * x - map[4] * y;
}

/* The inverse of `map`, from pixels of the tile. */
static void invert(const double map[6], const tile *t, float inverse[6])
{
    const double det = map[0] * map[4] - map[1] * map[3];
    const double a = map[4] / det, b = -map[1] / det;
    const double c = -map[3] / det, d = map[0] / det;
    const double x = t->x0 - map[2], y = t->y0 - map[5];

    inverse[0] = (float)a;
    inverse[1] = (float)b;
    inverse[2] = (float)(a * x + b * y);
    inverse[3] = (float)c;
    inverse[4] = (float)d;
    inverse[5] = (float)(c * x + d * y);
}

static void add_targets(const facet__scene_setup *setup,
    const facet_label *faces, size_t n, const double map[6], const tile *t,
    facet__targets *targets)
{
    const double place[4] = { t->x0 - .5, t->y0 - .5, t->x1 - .5, t->y1 - .5 };

    for (size_t i = 0; i < n && targets->count < FACET__TARGETS; i++) {
        facet__target moved = facet__target_move(&faces[i], map);

        if (facet__target_clip(&moved, place, .4, setup->small))
            targets->items[targets->count++] = moved;
    }
}

static facet_status fill_tile(facet__scenes *s,
    const facet__loader_setup *loader, facet__hand *hand, uint32_t index,
    const tile *t, facet__random *random, facet__targets *targets,
    facet_error *err)
{
    const size_t stride = (size_t)loader->crops[0].width * 3;
    facet_image *image = NULL;
    const facet_label *faces;
    double map[6];
    float inverse[6];
    size_t n;
    bool own;
    facet_status st = get_picture(s, hand, index, &image, &own, err);

    if (st != FACET_OK)
        return st;
    faces = facet_labels_faces(s->setup.labels, s->labels[index], &n);
    draw_map(&s->setup, &loader->augment, image, pick_face(faces, n, random), t,
        random, map);
    invert(map, t, inverse);
    st = facet__warp_similarity(facet__image_view(image), inverse,
        hand->rgb + (size_t)t->y0 * stride + (size_t)t->x0 * 3, t->x1 - t->x0,
        t->y1 - t->y0, stride);
    if (st == FACET_OK)
        add_targets(&s->setup, faces, n, map, t, targets);
    if (own)
        facet_image_free(image);
    return st == FACET_OK ? st : facet__fail_memory(err);
}

facet_status facet__scene_make(void *self, const facet__loader_setup *setup,
    facet__hand *hand, const facet__place *place, facet_error *err)
{
    facet__scenes *s = self;
    const facet__crop *crop = &setup->crops[0];
    const int32_t w = crop->width, h = crop->height;
    facet__random random = facet__random_stream(setup->seed, place->batch,
        place->number | place->attempt << 32); /* others, after a broken one */
    const bool mosaic = facet__random_unit(&random) < s->setup.mosaic;
    const int32_t x = (int32_t)(w * facet__random_between(&random, .3, .7));
    const int32_t y = (int32_t)(h * facet__random_between(&random, .3, .7));
    const tile four[4] = { { 0, 0, x, y }, { x, 0, w, y }, { 0, y, x, h },
        { x, y, w, h } };
    const tile one = { 0, 0, w, h };
    const size_t n = facet__dataset_count(s->setup.dataset);
    facet_status st = FACET_OK;

    place->targets->count = 0;
    for (int i = 0; i < (mosaic ? 4 : 1) && st == FACET_OK; i++) {
        if (i > 0)
            *place->reading = (uint32_t)facet__random_below(&random, n);
        st = fill_tile(s, setup, hand, *place->reading,
            mosaic ? &four[i] : &one, &random, place->targets, err);
    }
    if (st == FACET_OK && setup->n_crops > 1) /* a teacher's, undamaged */
        facet__crop_floats(&setup->crops[1], hand->rgb, place->crops[1]);
    if (st == FACET_OK && facet__augment_pixels(&setup->augment, &random,
                              hand->rgb, w, h) != FACET_OK)
        st = facet__fail_memory(err);
    if (st == FACET_OK)
        facet__crop_floats(crop, hand->rgb, place->crops[0]);
    return st;
}
