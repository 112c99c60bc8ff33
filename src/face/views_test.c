/* SPDX-License-Identifier: Apache-2.0 */
/* Thirty looks at a face. */
#include "check.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "facet/embedder.h"

static facet_image *noise(int32_t width, int32_t height)
{
    facet__random draw = facet__random_stream(3, 0, 0);
    facet_image *image;

    CHECK_OK(facet_image_create(width, height, &image));
    for (int32_t y = 0; y < height; y++)
        for (int32_t k = 0; k < 3 * width; k++)
            facet_image_data_mutable(
                image)[(size_t)y * facet_image_stride(image) + (size_t)k] =
                (uint8_t)facet__random_below(&draw, 256);
    return image;
}

static const uint8_t *pixel(const facet_image *image, int32_t x, int32_t y)
{
    return facet_image_data(image) + (size_t)y * facet_image_stride(image) +
           (size_t)x * 3;
}

static void test_views_are_corners_middle_and_their_mirror_images(void **state)
{
    enum { W = 9, H = 7, VW = 5, VH = 4 };
    const int32_t places[5][2] = { { 0, 0 }, { 4, 0 }, { 0, 3 }, { 4, 3 },
        { 2, 1 } };
    facet_image *face = noise(W, H), *views[FACET_VIEWS];

    (void)state;
    CHECK_OK(facet_views_cut(face, VW, VH, views));
    for (int i = 0; i < 5; i++)
        for (int32_t y = 0; y < VH; y++)
            for (int32_t x = 0; x < VW; x++) {
                const uint8_t *want =
                    pixel(face, places[i][0] + x, places[i][1] + y);

                assert_memory_equal(pixel(views[i], x, y), want, 3);
                assert_memory_equal(
                    pixel(views[5 + i], VW - 1 - x, y), want, 3);
            }
    facet_views_free(views);
    assert_null(views[9]);
    facet_image_free(face);
}

/* papers.md B.7, 2: to mirror twice is to do nothing. */
static void test_a_mirror_image_of_a_mirror_image_is_the_picture(void **state)
{
    facet_image *face = noise(6, 5), *once[FACET_VIEWS], *twice[FACET_VIEWS];

    (void)state;
    CHECK_OK(facet_views_cut(face, 6, 5, once));
    CHECK_OK(facet_views_cut(once[9], 6, 5, twice));
    for (int32_t y = 0; y < 5; y++)
        assert_memory_equal(pixel(twice[9], 0, y), pixel(face, 0, y), 18);
    facet_views_free(once);
    facet_views_free(twice);
    facet_image_free(face);
}

static facet_embedder *open_embedder(facet_model **model)
{
    facet_model_opts opts;
    facet_embedder *embedder;
    facet_error err = { FACET_OK, "" };

    facet_model_opts_init(&opts);
    opts.precision = FACET_PRECISION_FP32;
    if (facet_model_load(FACET_SHARED_DIR "/models/mobilefacenet.onnx", &opts,
            model, &err) != FACET_OK ||
        facet_embedder_create(*model, NULL, &embedder, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    return embedder;
}

/* papers.md B.7, 2: thirty views of a face; the mean of equal vectors is the
 * vector. Of one color all views are equal. */
static void test_the_mean_of_equal_views_is_the_view(void **state)
{
    facet_image *face;
    float one[128], mean[128];
    facet_model *model;
    facet_embedder *embedder;

    (void)state;
    NEED_SHARED("models/mobilefacenet.onnx");
    embedder = open_embedder(&model);
    CHECK_OK(facet_image_create(112, 112, &face));
    for (int32_t y = 0; y < 112; y++)
        memset(facet_image_data_mutable(face) +
                   (size_t)y * facet_image_stride(face),
            90, 3 * 112);
    CHECK_OK(facet_embedder_run(
        embedder, (const facet_image *const[]){ face }, 1, one, NULL));
    for (size_t scales = 1; scales <= FACET_VIEW_SCALES; scales++) {
        CHECK_OK(facet_embedder_run_views(embedder, face, scales, mean, NULL));
        for (int k = 0; k < 128; k++)
            CHECK_NEAR(mean[k], one[k], 1e-6);
    }
    facet_image_free(face);
    facet_embedder_free(embedder);
    facet_model_free(model);
}

/* Each view counts alike: the mean of ten runs, done by hand. */
static void test_the_mean_is_over_all_views(void **state)
{
    facet_image *face = noise(112, 112), *larger, *views[FACET_VIEWS];
    float rows[FACET_VIEWS * 128], mean[128];
    double sum[128] = { 0 }, square = 0;
    facet_model *model;
    facet_embedder *embedder;

    (void)state;
    NEED_SHARED("models/mobilefacenet.onnx");
    embedder = open_embedder(&model);
    CHECK_OK(facet_image_resize(face, 128, 128, &larger));
    CHECK_OK(facet_views_cut(larger, 112, 112, views));
    CHECK_OK(facet_embedder_run(
        embedder, (const facet_image *const *)views, FACET_VIEWS, rows, NULL));
    for (int i = 0; i < FACET_VIEWS * 128; i++)
        sum[i % 128] += (double)rows[i];
    for (int k = 0; k < 128; k++)
        square += sum[k] * sum[k];
    CHECK_OK(facet_embedder_run_views(embedder, face, 1, mean, NULL));
    for (int k = 0; k < 128; k++)
        CHECK_NEAR(mean[k], sum[k] / sqrt(square), 1e-6);
    facet_views_free(views);
    facet_image_free(larger);
    facet_image_free(face);
    facet_embedder_free(embedder);
    facet_model_free(model);
}

static void test_what_cannot_be_cut_is_refused(void **state)
{
    facet_image *face = noise(6, 5), *views[FACET_VIEWS];
    float values[1];

    (void)state;
    assert_int_equal(facet_views_cut(face, 7, 5, views), FACET_EINVAL);
    assert_int_equal(facet_views_cut(face, 6, 6, views), FACET_EINVAL);
    assert_int_equal(facet_views_cut(face, 0, 5, views), FACET_EINVAL);
    assert_int_equal(facet_views_cut(NULL, 6, 5, views), FACET_EINVAL);
    assert_null(views[0]);
    assert_int_equal(
        facet_embedder_run_views(NULL, face, 1, values, NULL), FACET_EINVAL);
    facet_views_free(NULL);
    facet_image_free(face);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views_are_corners_middle_and_their_mirror_images),
        cmocka_unit_test(test_a_mirror_image_of_a_mirror_image_is_the_picture),
        cmocka_unit_test(test_the_mean_of_equal_views_is_the_view),
        cmocka_unit_test(test_the_mean_is_over_all_views),
        cmocka_unit_test(test_what_cannot_be_cut_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
