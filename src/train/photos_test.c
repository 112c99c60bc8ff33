/* SPDX-License-Identifier: Apache-2.0 */
/* Whole photos as training data. */
#include "train/photos.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/threads.h"
#include "check.h"
#include "facet/align.h"
#include "facet/detector.h"
#include "facet/model.h"

enum { FRAME = 256, PHOTOS = 12, LARGEST_FILE = 1 << 20 };

static const char detector_path[] =
    FACET_SHARED_DIR "/models/yunet_2026may.onnx";

static void read_photo(int number, void **bytes, size_t *size)
{
    char path[256];

    snprintf(
        path, sizeof path, FACET_SHARED_DIR "/photos/photo-%02d.jpg", number);
    CHECK_OK(facet__file_read(path, LARGEST_FILE, bytes, size, NULL));
}

static facet__photos *open_photos(void)
{
    facet__photos *photos;
    facet_error err;

    if (facet__photos_open(detector_path, FRAME, PHOTOS, &photos, &err) !=
        FACET_OK)
        fail_msg("%s", err.msg);
    return photos;
}

static facet_image *align_photo(facet__photos *photos, int number)
{
    facet_image *image;
    facet_error err;
    void *bytes;
    size_t size;

    read_photo(number, &bytes, &size);
    if (facet__photos_read(photos, (uint32_t)number - 1, bytes, size, &image,
            &err) != FACET_OK)
        fail_msg("photo %d: %s", number, err.msg);
    facet__free(bytes);
    return image;
}

/* Where an ArcFace crop with a margin, enlarged to the frame, has point i. */
static facet_point wanted(int i)
{
    facet_point p = facet_template_find("arcface-112")->points[i];

    p.x = (p.x + 8.5f) * (FRAME / 128.f) - .5f;
    p.y = (p.y + 8.5f) * (FRAME / 128.f) - .5f;
    return p;
}

/* Mean distance of the points of a face from where they should be. */
static float distance(const facet_face *face)
{
    float sum = 0;

    for (int i = 0; i < FACET_LANDMARKS; i++)
        sum += hypotf(face->landmarks[i].x - wanted(i).x,
            face->landmarks[i].y - wanted(i).y);
    return sum / FACET_LANDMARKS;
}

static void test_the_largest_face_lies_where_the_template_says(void **state)
{
    facet__photos *photos;
    facet_image *frame;
    facet_model *model;
    facet_detector *detector;
    facet_face faces[8];
    facet_error err;
    size_t count;

    (void)state;
    NEED_SHARED("models/yunet_2026may.onnx");
    photos = open_photos();
    CHECK_OK(facet_model_load(detector_path, NULL, &model, &err));
    CHECK_OK(facet_detector_create(model, NULL, &detector, &err));
    for (int number = 1; number <= 4; number++) {
        frame = align_photo(photos, number);
        assert_int_equal(facet_image_width(frame), FRAME);
        assert_int_equal(facet_image_height(frame), FRAME);
        CHECK_OK(facet_detector_find(detector, frame, faces, 8, &count, &err));
        assert_true(count >= 1);
        /* Two detections of one face, and a similarity of four numbers for
         * five points: 5 % of the frame. */
        if (distance(&faces[0]) > .05f * FRAME)
            fail_msg("photo %d: the points are %g pixels away", number,
                (double)distance(&faces[0]));
        facet_image_free(frame);
    }
    facet_detector_free(detector);
    facet_model_free(model);
    facet__photos_close(photos);
}

typedef struct crowd {
    facet__photos *photos;
    facet_image *frames[2 * PHOTOS];
} crowd;

static void align_one(void *context, size_t i, int thread)
{
    crowd *c = context;

    (void)thread;
    c->frames[i] = align_photo(c->photos, (int)(i % PHOTOS) + 1);
}

static void test_threads_and_memory_give_the_same_pictures(void **state)
{
    crowd c;
    facet__pool *pool;

    (void)state;
    NEED_SHARED("models/yunet_2026may.onnx");
    c.photos = open_photos();
    CHECK_OK(facet__pool_create(4, &pool));
    facet__pool_run(pool, 2 * PHOTOS, align_one, &c);
    for (size_t i = 0; i < PHOTOS; i++) {
        facet_image *again = align_photo(c.photos, (int)i + 1);

        for (int y = 0; y < FRAME; y++)
            for (size_t k = 0; k < 2; k++)
                assert_memory_equal(facet_image_data(again) +
                                        (size_t)y * facet_image_stride(again),
                    facet_image_data(c.frames[i + k * PHOTOS]) +
                        (size_t)y * facet_image_stride(c.frames[i]),
                    (size_t)3 * FRAME);
        facet_image_free(again);
        facet_image_free(c.frames[i]);
        facet_image_free(c.frames[i + PHOTOS]);
    }
    facet__pool_free(pool);
    facet__photos_close(c.photos);
}

/* A picture of one color, as PNG. */
static void make_flat(void **bytes, size_t *size)
{
    facet_image *image;
    facet_error err;

    CHECK_OK(facet_image_create(96, 64, &image));
    memset(facet_image_data_mutable(image), 90,
        (size_t)64 * facet_image_stride(image));
    CHECK_OK(facet_image_write(image, "photos-test.png", 90, &err));
    facet_image_free(image);
    CHECK_OK(
        facet__file_read("photos-test.png", LARGEST_FILE, bytes, size, &err));
    remove("photos-test.png");
}

static void test_a_photo_without_a_face_is_told(void **state)
{
    static const uint8_t nothing[] = "no picture";
    facet__photos *photos;
    facet_image *image;
    facet_error err;
    void *bytes;
    size_t size;

    (void)state;
    NEED_SHARED("models/yunet_2026may.onnx");
    photos = open_photos();
    make_flat(&bytes, &size);
    assert_int_equal(facet__photos_read(photos, 0, bytes, size, &image, &err),
        FACET_ENOFACE);
    assert_null(image);
    assert_int_equal(
        facet__photos_read(photos, 0, nothing, sizeof nothing, &image, &err),
        FACET_ENOTIMAGE);
    facet__free(bytes);
    facet__photos_close(photos);
}

static void test_aligned_pictures_are_taken_as_they_are(void **state)
{
    facet_image *image;
    facet_error err;
    void *bytes;
    size_t size;

    (void)state;
    make_flat(&bytes, &size);
    CHECK_OK(facet__photos_read(NULL, 0, bytes, size, &image, &err));
    assert_int_equal(facet_image_width(image), 96);
    assert_int_equal(facet_image_height(image), 64);
    facet_image_free(image);
    facet__free(bytes);
}

static void test_a_missing_detector_is_told(void **state)
{
    facet__photos *photos;
    facet_error err;

    (void)state;
    assert_int_equal(
        facet__photos_open("/nowhere/d.onnx", 128, 1, &photos, &err),
        FACET_ENOTFOUND);
    assert_null(photos);
    assert_non_null(strstr(err.msg, "/nowhere/d.onnx"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_largest_face_lies_where_the_template_says),
        cmocka_unit_test(test_threads_and_memory_give_the_same_pictures),
        cmocka_unit_test(test_a_photo_without_a_face_is_told),
        cmocka_unit_test(test_aligned_pictures_are_taken_as_they_are),
        cmocka_unit_test(test_a_missing_detector_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
