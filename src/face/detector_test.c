/* SPDX-License-Identifier: Apache-2.0 */
/* A face is the same face however large the photo of it is. */
#include "check.h"

#include <math.h>

#include "face/candidates.h"
#include "facet/facet.h"

#define MODELS FACET_SHARED_DIR "/models/"
#define PHOTOS FACET_SHARED_DIR "/photos/"

/* The surest face of a photo stretched to `scale` times its size. What else is
 * found (a hand, a shirt) may not share its place: one face is one find. */
static facet_face face_at(
    facet_detector *detector, const facet_image *photo, double scale)
{
    facet_image *copy = NULL;
    facet_face faces[4];
    size_t count = 0;

    CHECK_OK(
        facet_image_resize(photo, (int32_t)(facet_image_width(photo) * scale),
            (int32_t)(facet_image_height(photo) * scale), &copy));
    CHECK_OK(facet_detector_find(detector, copy, faces, 4, &count, NULL));
    assert_in_range(count, 1, 4);
    for (size_t i = 1; i < count; i++)
        if (facet__box_overlap(faces[0].box, faces[i].box) > 0.05F)
            fail_msg("one face is found twice in %d x %d pixels",
                facet_image_width(copy), facet_image_height(copy));
    facet_image_free(copy);
    return faces[0];
}

/* How far the points of a face lie from those of another, as a part of that
 * one's box, when its photo is `ratio` times as large. */
static double worst_point(
    const facet_face *a, const facet_face *b, double ratio)
{
    const double side = fmax((double)b->box.width, (double)b->box.height);
    double worst = 0.0;

    for (int i = 0; i < FACET_LANDMARKS; i++)
        worst = fmax(worst,
            hypot((double)a->landmarks[i].x / ratio - (double)b->landmarks[i].x,
                (double)a->landmarks[i].y / ratio - (double)b->landmarks[i].y) /
                side);
    return worst;
}

static void test_a_selfie_has_its_face_at_every_size(void **unused)
{
    static const char *const photos[] = { "photo-01.jpg", "photo-02.jpg",
        "photo-03.jpg", "photo-06.jpg" };
    static const double heights[] = { 900, 1280, 2000, 4000, 8000 };
    facet_model *model = NULL;
    facet_detector *detector = NULL;

    (void)unused;
    NEED_SHARED("models/yunet_2026may.onnx");
    CHECK_OK(facet_model_load(MODELS "yunet_2026may.onnx", NULL, &model, NULL));
    CHECK_OK(facet_detector_create(model, NULL, &detector, NULL));
    for (size_t i = 0; i < sizeof photos / sizeof *photos; i++) {
        facet_image *photo = NULL;
        facet_face small;
        char path[512];
        double own;

        snprintf(path, sizeof path, PHOTOS "%s", photos[i]);
        CHECK_OK(facet_image_read(path, NULL, &photo, NULL));
        own = facet_image_height(photo);
        small = face_at(detector, photo, 400 / own);
        for (size_t k = 0; k < sizeof heights / sizeof *heights; k++) {
            const facet_face large = face_at(detector, photo, heights[k] / own);
            const double off = worst_point(&large, &small, heights[k] / 400);

            if (!(off < 0.08))
                fail_msg("%s at height %g: a point is off by %.3f of the box",
                    photos[i], heights[k], off);
        }
        facet_image_free(photo);
    }
    facet_detector_free(detector);
    facet_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_selfie_has_its_face_at_every_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
