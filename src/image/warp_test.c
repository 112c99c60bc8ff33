/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/warp.h"

enum { CROP = 32 };

static facet_image *picture_of(
    int32_t width, int32_t height, double (*at)(int x, int y, int c))
{
    facet_image *image = NULL;

    CHECK_OK(facet_image_create(width, height, &image));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                image->data[(size_t)y * image->stride + (size_t)(3 * x + c)] =
                    (uint8_t)(at(x, y, c) + 0.5);
    return image;
}

/* Hashed noise: any wrong neighbour shows. */
static double noise(int x, int y, int c)
{
    uint32_t h = (uint32_t)x * 73856093u ^ (uint32_t)y * 19349663u ^
                 (uint32_t)c * 83492791u;

    h = (h ^ h >> 13) * 0x5bd1e995u;
    return (h >> 16) % 256;
}

static double smooth(int x, int y, int c)
{
    return 128 + 60 * sin(x * 0.05 + c) + 60 * cos(y * 0.04 - c);
}

static void similarity(
    float m[6], double scale, double angle, double x, double y)
{
    m[0] = (float)(scale * cos(angle));
    m[1] = (float)(-scale * sin(angle));
    m[3] = (float)(scale * sin(angle));
    m[4] = (float)(scale * cos(angle));
    m[2] = (float)x;
    m[5] = (float)y;
}

static double pixel_or_zero(const facet_image *image, int x, int y, int c)
{
    if (x < 0 || y < 0 || x >= image->width || y >= image->height)
        return 0;
    return image->data[(size_t)y * image->stride + (size_t)(3 * x + c)];
}

/* The plain recipe: bilinear, every neighbour outside is 0, no shrinking. */
static double bilinear(const facet_image *image, double x, double y, int c)
{
    const int i = (int)floor(x), j = (int)floor(y);
    const double fx = x - i, fy = y - j;

    return (1 - fx) * (1 - fy) * pixel_or_zero(image, i, j, c) +
           fx * (1 - fy) * pixel_or_zero(image, i + 1, j, c) +
           (1 - fx) * fy * pixel_or_zero(image, i, j + 1, c) +
           fx * fy * pixel_or_zero(image, i + 1, j + 1, c);
}

static void test_warp_up_to_one_and_a_half_is_plain_bilinear(void **state)
{
    static const double maps[][4] = { { 1.49, 0.4, 3, 5 },
        { 0.7, -1.0, 20, 40 }, { 1.0, 0, -10, -12 }, { 1.2, 3.0, 60, 70 },
        { 0.3, 2.0, 79, 59 } };
    facet_image *src = picture_of(80, 60, noise);
    uint8_t crop[CROP * CROP * 3];

    (void)state;
    for (size_t k = 0; k < sizeof maps / sizeof *maps; k++) {
        float m[6];

        similarity(m, maps[k][0], maps[k][1], maps[k][2], maps[k][3]);
        CHECK_OK(facet__warp_similarity(
            facet__image_view(src), m, crop, CROP, CROP, CROP * 3));
        for (int j = 0; j < CROP; j++)
            for (int i = 0; i < CROP; i++)
                for (int c = 0; c < 3; c++)
                    CHECK_NEAR(crop[(j * CROP + i) * 3 + c],
                        bilinear(src,
                            (double)m[0] * i + (double)m[1] * j + (double)m[2],
                            (double)m[3] * i + (double)m[4] * j + (double)m[5],
                            c),
                        0.501);
    }
    facet_image_free(src);
}

static void test_warp_and_its_inverse_give_the_picture_back(void **state)
{
    enum { BIG = 96 };
    const double scale = 0.8, angle = 0.6, c = cos(angle), s = sin(angle);
    facet_image *src = picture_of(BIG, BIG, smooth);
    facet_image *there = NULL, *back = NULL;
    float m[6], inverse[6];

    (void)state;
    CHECK_OK(facet_image_create(BIG, BIG, &there));
    CHECK_OK(facet_image_create(BIG, BIG, &back));
    similarity(m, scale, angle, 30, -5);
    similarity(inverse, 1 / scale, -angle, -(c * 30 + s * -5) / scale,
        (s * 30 - c * -5) / scale);
    CHECK_OK(facet__warp_similarity(
        facet__image_view(src), m, there->data, BIG, BIG, there->stride));
    CHECK_OK(facet__warp_similarity(
        facet__image_view(there), inverse, back->data, BIG, BIG, back->stride));
    for (int y = 40; y < 56; y++)
        for (int x = 40; x < 56; x++)
            for (int k = 0; k < 3; k++)
                CHECK_NEAR(pixel_or_zero(back, x, y, k),
                    pixel_or_zero(src, x, y, k), 2);
    facet_image_free(src);
    facet_image_free(there);
    facet_image_free(back);
}

static double stripes(int x, int y, int c)
{
    (void)y;
    (void)c;
    return x % 2 ? 255 : 0;
}

/* Stripes of one pixel, four times smaller: gray, not a moire. */
static void test_warp_that_shrinks_does_not_alias(void **state)
{
    facet_image *src = picture_of(400, 400, stripes);
    uint8_t crop[CROP * CROP * 3];
    float m[6];

    (void)state;
    similarity(m, 4.0, 0.1, 100, 100);
    CHECK_OK(facet__warp_similarity(
        facet__image_view(src), m, crop, CROP, CROP, CROP * 3));
    for (size_t i = 0; i < sizeof crop; i++)
        CHECK_NEAR(crop[i], 127.5, 1);
    facet_image_free(src);
}

/* Block means must stand where their pixels stood: no shift, at any factor. */
static void test_warp_that_shrinks_keeps_places(void **state)
{
    facet_image *src = picture_of(700, 500, smooth);
    uint8_t crop[CROP * CROP * 3];
    float m[6];

    (void)state;
    for (double scale = 1.6; scale < 12; scale *= 1.4) {
        similarity(m, scale, 0.2, 150, 60);
        CHECK_OK(facet__warp_similarity(
            facet__image_view(src), m, crop, CROP, CROP, CROP * 3));
        for (int j = 0; j < CROP; j++)
            for (int i = 0; i < CROP; i++) {
                const double x = scale * (cos(0.2) * i - sin(0.2) * j) + 150;
                const double y = scale * (sin(0.2) * i + cos(0.2) * j) + 60;

                if (x < 20 || y < 20 || x > 680 || y > 480)
                    continue;
                CHECK_NEAR(crop[(j * CROP + i) * 3],
                    128 + 60 * sin(x * 0.05) + 60 * cos(y * 0.04), 5);
            }
    }
    facet_image_free(src);
}

static double white(int x, int y, int c)
{
    (void)x;
    (void)y;
    (void)c;
    return 255;
}

/* The border is 0 for the shrinking path too: half a block out is half lit. */
static void test_outside_is_black_whatever_the_scale(void **state)
{
    facet_image *src = picture_of(101, 101, white);
    uint8_t crop[CROP * CROP * 3];
    static const double scales[] = { 0.5, 1, 3, 8, 40 };
    float m[6];

    (void)state;
    for (size_t k = 0; k < 5; k++) {
        similarity(m, scales[k], 0, -1000, -1000);
        m[2] = m[5] = (float)(-scales[k] * (CROP - 3));
        CHECK_OK(facet__warp_similarity(
            facet__image_view(src), m, crop, CROP, CROP, CROP * 3));
        for (int i = 0; i < CROP; i++)
            assert_int_equal(crop[i * 3], 0);
        if (scales[k] < 10)
            assert_int_equal(crop[sizeof crop - 1], 255);
        m[2] = 5000; /* wholly outside */
        CHECK_OK(facet__warp_similarity(
            facet__image_view(src), m, crop, CROP, CROP, CROP * 3));
        for (size_t i = 0; i < sizeof crop; i++)
            assert_int_equal(crop[i], 0);
    }
    facet_image_free(src);
}

static void test_maps_that_are_not_finite_are_refused(void **state)
{
    facet_image *src = picture_of(8, 8, noise);
    uint8_t crop[12];
    float m[6] = { 1, 0, NAN, 0, 1, 0 };

    (void)state;
    assert_int_equal(
        facet__warp_similarity(facet__image_view(src), m, crop, 2, 2, 6),
        FACET_EINVAL);
    m[2] = 0;
    m[4] = INFINITY;
    assert_int_equal(
        facet__warp_similarity(facet__image_view(src), m, crop, 2, 2, 6),
        FACET_EINVAL);
    m[4] = 3e38F; /* finite, and everything is far away */
    CHECK_OK(facet__warp_similarity(facet__image_view(src), m, crop, 2, 1, 6));
    facet_image_free(src);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warp_up_to_one_and_a_half_is_plain_bilinear),
        cmocka_unit_test(test_warp_and_its_inverse_give_the_picture_back),
        cmocka_unit_test(test_warp_that_shrinks_does_not_alias),
        cmocka_unit_test(test_warp_that_shrinks_keeps_places),
        cmocka_unit_test(test_outside_is_black_whatever_the_scale),
        cmocka_unit_test(test_maps_that_are_not_finite_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
