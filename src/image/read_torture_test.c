/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation fails once: each answer must be FACET_ENOMEM, and nothing
 * may be lost, which LeakSanitizer sees in the asan build. */
#include "torture.h"

#include "image/draw.h"
#include "image/image.h"
#include "image/warp.h"
#include "pictures.h"

static facet_status read_picture(void *context)
{
    const picture *p = context;
    facet_image *image = NULL;
    facet_error err;
    const facet_status status =
        facet_image_read_memory(p->bytes, p->size, NULL, &image, &err);

    assert_int_equal(status == FACET_OK, image != NULL);
    facet_image_free(image);
    return status;
}

static void test_decoders_survive_any_failing_allocation(void **state)
{
    (void)state;
    for (size_t i = 0; i < picture_kind_count; i++) {
        picture p = picture_kinds[i].make();

        if (!p.bytes)
            continue;
        torture(picture_kinds[i].name, read_picture, &p, 1);
        if (p.bytes[0]) { /* all but HEIC */
            picture turned = picture_with_orientation(p, 6);

            torture(picture_kinds[i].name, read_picture, &turned, 1);
            picture_free(&turned);
        }
        picture_free(&p);
    }
}

static facet_status encode_all(void *context)
{
    static const facet_image_format formats[] = { FACET_IMAGE_JPEG,
        FACET_IMAGE_PNG, FACET_IMAGE_WEBP };
    facet_status status = FACET_OK;

    for (size_t i = 0; i < 3 && status == FACET_OK; i++) {
        uint8_t *bytes = NULL;
        size_t size;

        status =
            facet_image_encode(context, formats[i], 90, &bytes, &size, NULL);
        facet_image_bytes_free(bytes);
    }
    return status;
}

static facet_status resize_and_warp(void *context)
{
    const float m[6] = { 3, 0, 0, 0, 3, 0 };
    const facet_image *image = context;
    facet_image *small = NULL;
    facet_status status = facet_image_resize(image, 9, 5, &small);

    if (status == FACET_OK)
        status = facet__warp_similarity(
            facet__image_view(image), m, small->data, 9, 5, small->stride);
    facet_image_free(small);
    return status;
}

static facet_status draw(void *context)
{
    const facet_image *image = context;
    facet_image *copy = NULL;
    facet__drawing *drawing = NULL;
    facet_status status = facet_image_resize(image, 80, 60, &copy);

    if (status == FACET_OK)
        status = facet__draw_begin(copy, &drawing);
    if (status == FACET_OK)
        status = facet__draw_end(drawing);
    facet_image_free(copy);
    return status;
}

static void test_the_rest_survives_any_failing_allocation(void **state)
{
    facet_image *image = NULL;

    (void)state;
    CHECK_OK(facet_image_create(40, 30, &image));
    torture("encode", encode_all, image, 1);
    torture("resize and warp", resize_and_warp, image, 1);
    torture("draw", draw, image, 1);
    facet_image_free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decoders_survive_any_failing_allocation),
        cmocka_unit_test(test_the_rest_survives_any_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
