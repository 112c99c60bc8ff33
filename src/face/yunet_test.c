/* SPDX-License-Identifier: Apache-2.0 */
/* Golden: the decoded faces of ../shared/models/golden, from the network's raw
 * outputs. And what a network must not be able to do to its decoder. */
#include "face/yunet.h"

#include <math.h>

#include "base/alloc.h"
#include "check.h"
#include "npy.h"

/* Point `heads` into the twelve outputs joined in the order cls, obj, bbox,
 * kps, each at strides 8, 16, 32. */
static void split_outputs(const float *joined, int32_t width, int32_t height,
    facet__yunet_head heads[FACET__YUNET_STRIDES])
{
    const float **parts[4];
    static const size_t numbers[4] = { 1, 1, 4, 10 };

    for (int part = 0; part < 4; part++)
        for (int i = 0; i < FACET__YUNET_STRIDES; i++) {
            const int32_t stride = facet__yunet_stride[i];

            parts[0] = &heads[i].class_score;
            parts[1] = &heads[i].object_score;
            parts[2] = &heads[i].box;
            parts[3] = &heads[i].points;
            *parts[part] = joined;
            joined += numbers[part] * (size_t)(width / stride) *
                      (size_t)(height / stride);
        }
}

static void check_face(const facet_face *face, const float *want)
{
    /* The golden values were computed in single precision by another
     * implementation of exp(): a few units in the last place of ~300. */
    const double tolerance = 1e-3;

    CHECK_NEAR(face->box.x, want[0], tolerance);
    CHECK_NEAR(face->box.y, want[1], tolerance);
    CHECK_NEAR(face->box.width, want[2], tolerance);
    CHECK_NEAR(face->box.height, want[3], tolerance);
    CHECK_NEAR(face->score, want[4], 1e-5);
    for (int i = 0; i < FACET_LANDMARKS; i++) {
        CHECK_NEAR(face->landmarks[i].x, want[5 + 2 * i], tolerance);
        CHECK_NEAR(face->landmarks[i].y, want[6 + 2 * i], tolerance);
    }
}

static void check_golden(const char *name, int32_t width, int32_t height)
{
    char path[512];
    facet__yunet_head heads[FACET__YUNET_STRIDES];
    facet__candidates list = { 0 };
    npy outputs, faces;

    snprintf(path, sizeof path, "%s/models/golden/%s.out.npy", FACET_SHARED_DIR,
        name);
    assert_true(npy_read(path, &outputs));
    snprintf(path, sizeof path, "%s/models/golden/%s.faces.npy",
        FACET_SHARED_DIR, name);
    assert_true(npy_read(path, &faces));
    split_outputs(outputs.data, width, height, heads);
    CHECK_OK(facet__yunet_decode(heads, width, height, 0.6F, &list));
    facet__candidates_suppress(&list, 0, 0.3F);
    assert_int_equal(faces.d[1], 15);
    assert_int_equal(list.count, faces.d[0]);
    for (size_t i = 0; i < list.count; i++)
        check_face(&list.items[i].face, faces.data + 15 * i);
    facet__candidates_clear(&list);
    npy_free(&outputs);
    npy_free(&faces);
}

static void test_golden_outputs_decode_to_golden_faces(void **state)
{
    (void)state;
    NEED_SHARED("models/golden/yunet_2026may.a.out.npy");
    check_golden("yunet_2026may.a", 320, 256);
    check_golden("yunet_2026may.b", 320, 192);
    check_golden("yunet_2023mar_640.a", 640, 640);
    check_golden("yunet_2023mar_640.b", 640, 640);
}

/* A 32x32 input: 16, 4 and 1 cells, all numbers the same. */
static size_t decode_constant(float score, float box, float point)
{
    float scores[16], boxes[64], points[160];
    facet__yunet_head heads[FACET__YUNET_STRIDES];
    facet__candidates list = { 0 };
    size_t count;

    for (int i = 0; i < 160; i++) {
        scores[i % 16] = score;
        boxes[i % 64] = box;
        points[i] = point;
    }
    for (int i = 0; i < FACET__YUNET_STRIDES; i++)
        heads[i] = (facet__yunet_head){ scores, scores, boxes, points };
    CHECK_OK(facet__yunet_decode(heads, 32, 32, 0.6F, &list));
    count = list.count;
    facet__candidates_clear(&list);
    return count;
}

static void test_cells_that_are_not_finite_are_skipped(void **state)
{
    (void)state;
    assert_int_equal(decode_constant(0.9F, 0.1F, 0.5F), 21);
    assert_int_equal(decode_constant(0.5F, 0.1F, 0.5F), 0);
    assert_int_equal(decode_constant(NAN, 0.1F, 0.5F), 0);
    assert_int_equal(decode_constant(0.9F, NAN, 0.5F), 0);
    assert_int_equal(decode_constant(0.9F, 1000.0F, 0.5F), 0);
    assert_int_equal(decode_constant(0.9F, 0.1F, -INFINITY), 0);
    assert_int_equal(decode_constant(INFINITY, 0.1F, 0.5F), 21); /* is 1 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_outputs_decode_to_golden_faces),
        cmocka_unit_test(test_cells_that_are_not_finite_are_skipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
