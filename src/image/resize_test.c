/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "image/resize.h"

static uint32_t state = 1;

static uint8_t next_byte(void)
{
    state = state * 1664525u + 1013904223u;
    return (uint8_t)(state >> 24);
}

static facet_image *noise(int32_t width, int32_t height)
{
    facet_image *image = NULL;

    CHECK_OK(facet_image_create(width, height, &image));
    for (size_t i = 0; i < image->stride * (size_t)height; i++)
        image->data[i] = next_byte();
    return image;
}

/* The definition in resize.h, in double precision, for one direction. */
static double weight(double center, double support, int32_t k)
{
    const double w = 1 - fabs(k - center) / support;

    return w > 0 ? w : 0;
}

static double exact(const facet_image *src, int32_t width, int32_t height,
    int32_t x, int32_t y, int c)
{
    const double sx = (double)src->width / width;
    const double sy = (double)src->height / height;
    const double cx = (x + 0.5) * sx - 0.5, cy = (y + 0.5) * sy - 0.5;
    double sum = 0, total = 0;

    for (int32_t j = 0; j < src->height; j++) {
        const double wy = weight(cy, sy > 1 ? sy : 1, j);

        for (int32_t i = 0; i < src->width && wy > 0; i++) {
            const double w = wy * weight(cx, sx > 1 ? sx : 1, i);

            sum +=
                w *
                src->data[(size_t)j * src->stride + (size_t)i * 3 + (size_t)c];
            total += w;
        }
    }
    return sum / total;
}

static void test_resize_is_the_triangle_mean(void **unused)
{
    static const int32_t sizes[][4] = { { 64, 48, 20, 15 }, { 97, 61, 31, 60 },
        { 40, 30, 13, 1 }, { 200, 7, 3, 7 }, { 30, 20, 30, 20 },
        { 12, 9, 40, 33 }, { 1, 1, 5, 4 }, { 300, 200, 1, 1 },
        { 61, 50, 60, 49 } };

    (void)unused;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int32_t width = sizes[i][2], height = sizes[i][3];
        facet_image *src = noise(sizes[i][0], sizes[i][1]), *out = NULL;

        CHECK_OK(facet_image_resize(src, width, height, &out));
        assert_int_equal(out->width, width);
        assert_int_equal(out->height, height);
        for (int32_t y = 0; y < height; y++)
            for (int32_t x = 0; x < width * 3; x++)
                CHECK_NEAR(out->data[(size_t)y * out->stride + (size_t)x],
                    exact(src, width, height, x / 3, y, x % 3), 1.1);
        facet_image_free(src);
        facet_image_free(out);
    }
}

static void test_resize_keeps_a_flat_color(void **unused)
{
    facet_image *src = NULL, *out = NULL;

    (void)unused;
    CHECK_OK(facet_image_create(1000, 700, &src));
    memset(src->data, 255, src->stride * 700);
    CHECK_OK(facet_image_resize(src, 33, 7, &out));
    for (int32_t y = 0; y < 7; y++)
        for (int32_t i = 0; i < 33 * 3; i++)
            assert_int_equal(
                out->data[(size_t)y * out->stride + (size_t)i], 255);
    facet_image_free(src);
    facet_image_free(out);
}

static void test_resize_of_a_part_reads_only_that_part(void **unused)
{
    facet_image *src = noise(60, 50), *part = NULL, *a = NULL, *b = NULL;
    facet__view view = facet__image_view(src);

    (void)unused;
    CHECK_OK(facet_image_create(31, 22, &part));
    for (size_t y = 0; y < 22; y++)
        memcpy(part->data + y * part->stride,
            src->data + (y + 9) * src->stride + 17 * 3, 31 * 3);
    view.data += 9 * view.stride + 17 * 3;
    view.width = 31;
    view.height = 22;
    CHECK_OK(facet_image_resize(part, 12, 10, &a));
    CHECK_OK(facet_image_create(12, 10, &b));
    CHECK_OK(facet__resize(view, b->data, 12, 10, b->stride));
    for (size_t y = 0; y < 10; y++)
        assert_memory_equal(
            a->data + y * a->stride, b->data + y * b->stride, 36);
    facet_image_free(src);
    facet_image_free(part);
    facet_image_free(a);
    facet_image_free(b);
}

static void test_kernels_equal_their_plain_twins(void **unused)
{
    enum { BYTES = 333, COUNT = 8, PIXELS = 40 };
    uint8_t src[BYTES * COUNT + FACET__RESIZE_PAD], plain[BYTES], fast[BYTES];
    const int16_t weights[COUNT] = { 100, 2000, 5000, 6000, 3000, 284, 0, 0 };
    facet__taps taps[PIXELS];

    (void)unused;
    if (facet__cpu_level_get() < FACET__CPU_AVX2)
        skip();
    for (size_t i = 0; i < sizeof src; i++)
        src[i] = i % 7 ? next_byte() : 255;
    facet__resize_rows_ref(src, BYTES, weights, COUNT, plain, BYTES);
    facet__resize_rows_avx2(src, BYTES, weights, COUNT, fast, BYTES);
    assert_memory_equal(plain, fast, BYTES);
    for (int32_t i = 0; i < PIXELS; i++)
        taps[i] = (facet__taps){ 2 * i, i % 2 ? 4 : COUNT, weights };
    facet__resize_columns_ref(src, taps, plain, PIXELS);
    facet__resize_columns_avx2(src, taps, fast, PIXELS);
    assert_memory_equal(plain, fast, (size_t)PIXELS * 3);
}

static void test_resize_rejects_unusable_sizes(void **unused)
{
    facet_image *src = noise(4, 4), *out = src;

    (void)unused;
    assert_int_equal(facet_image_resize(src, 0, 1, &out), FACET_EINVAL);
    assert_null(out);
    assert_int_equal(facet_image_resize(src, 1, -1, &out), FACET_EINVAL);
    assert_int_equal(facet_image_resize(NULL, 1, 1, &out), FACET_EINVAL);
    facet_image_free(src);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resize_is_the_triangle_mean),
        cmocka_unit_test(test_resize_keeps_a_flat_color),
        cmocka_unit_test(test_resize_of_a_part_reads_only_that_part),
        cmocka_unit_test(test_kernels_equal_their_plain_twins),
        cmocka_unit_test(test_resize_rejects_unusable_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
