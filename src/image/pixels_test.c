/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <math.h>
#include <string.h>

#include "image/image.h"

enum { W = 7, H = 5, STRIDE = 40, PLANE = STRIDE * H };

static uint8_t planes[3][PLANE];

/* Bytes between rows differ from those of rows, so a wrong stride shows. */
static void fill(void)
{
    for (int p = 0; p < 3; p++)
        for (int i = 0; i < PLANE; i++)
            planes[p][i] = (uint8_t)((i * 37 + p * 101 + i / STRIDE) % 256);
}

static uint8_t byte_at(int plane, int row, int index)
{
    return planes[plane][row * STRIDE + index];
}

static facet_pixels pixels_of(facet_pixel_format format)
{
    fill();
    return (facet_pixels){ format, W, H, { planes[0], planes[1], planes[2] },
        { STRIDE, STRIDE, STRIDE } };
}

/* BT.601, video range, from the standard's own constants. */
static double yuv(int channel, double y, double u, double v)
{
    const double light = (y - 16) * 255 / 219;
    const double cb = (u - 128) * 255 / 224, cr = (v - 128) * 255 / 224;
    const double rgb[3] = { light + 1.402 * cr,
        light - 0.344136 * cb - 0.714136 * cr, light + 1.772 * cb };

    return fmin(fmax(rgb[channel], 0), 255);
}

static double expected(facet_pixel_format format, int x, int y, int c)
{
    switch (format) {
    case FACET_PIXELS_RGB:
        return byte_at(0, y, 3 * x + c);
    case FACET_PIXELS_BGR:
        return byte_at(0, y, 3 * x + 2 - c);
    case FACET_PIXELS_RGBA:
        return byte_at(0, y, 4 * x + c);
    case FACET_PIXELS_BGRA:
        return byte_at(0, y, 4 * x + 2 - c);
    case FACET_PIXELS_GRAY:
        return byte_at(0, y, x);
    case FACET_PIXELS_NV12:
        return yuv(c, byte_at(0, y, x), byte_at(1, y / 2, x / 2 * 2),
            byte_at(1, y / 2, x / 2 * 2 + 1));
    case FACET_PIXELS_I420:
        return yuv(c, byte_at(0, y, x), byte_at(1, y / 2, x / 2),
            byte_at(2, y / 2, x / 2));
    }
    return -1;
}

static void test_every_format_follows_its_formula(void **state)
{
    (void)state;
    for (int f = FACET_PIXELS_RGB; f <= FACET_PIXELS_I420; f++) {
        const facet_pixels src = pixels_of((facet_pixel_format)f);
        facet_image *image = NULL;

        CHECK_OK(facet_image_from_pixels(&src, &image, NULL));
        assert_int_equal(facet_image_width(image), W);
        assert_int_equal(facet_image_height(image), H);
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++)
                for (int c = 0; c < 3; c++)
                    CHECK_NEAR(
                        facet_image_data(image)[(size_t)y * image->stride +
                                                (size_t)(3 * x + c)],
                        expected(src.format, x, y, c), f < 6 ? 0 : 0.51);
        memset(planes, 0, sizeof planes); /* it was a copy */
        CHECK_NEAR(facet_image_data(image)[image->stride],
            (fill(), expected(src.format, 0, 1, 0)), f < 6 ? 0 : 0.51);
        facet_image_free(image);
    }
}

static void check_refused(const facet_pixels *src)
{
    facet_image *image = NULL;
    facet_error err = { FACET_OK, "" };

    assert_int_equal(facet_image_from_pixels(src, &image, &err), FACET_EINVAL);
    assert_null(image);
    assert_true(strlen(err.msg) > 0);
}

static void test_unusable_buffers_are_refused(void **state)
{
    facet_pixels src;

    (void)state;
    check_refused(NULL);
    src = pixels_of((facet_pixel_format)0);
    check_refused(&src);
    src = pixels_of((facet_pixel_format)8);
    check_refused(&src);
    src = pixels_of(FACET_PIXELS_RGB);
    src.width = 0;
    check_refused(&src);
    src = pixels_of(FACET_PIXELS_RGB);
    src.strides[0] = 3 * W - 1;
    check_refused(&src);
    src = pixels_of(FACET_PIXELS_NV12);
    src.strides[1] = W; /* four pairs need eight bytes */
    check_refused(&src);
    src = pixels_of(FACET_PIXELS_I420);
    src.planes[2] = NULL;
    check_refused(&src);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_format_follows_its_formula),
        cmocka_unit_test(test_unusable_buffers_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
