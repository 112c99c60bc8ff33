/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation of the frontal warp fails once: the answer must be
 * FACET_ENOMEM, and nothing may be lost (LeakSanitizer sees that). */
#include "check.h"

#include "base/alloc.h"
#include "facet/frontal.h"

void *__real_facet__alloc(size_t size);
void *__wrap_facet__alloc(size_t size);

static int until_failure = -1; /* -1: never */

void *__wrap_facet__alloc(size_t size)
{
    if (until_failure == 0)
        return NULL;
    if (until_failure > 0)
        until_failure--;
    return __real_facet__alloc(size);
}

static facet_head *head;
static facet_image *photo;
static facet_point points[FACET_HEAD_POINTS];

static facet_status turn_a_face(void)
{
    facet_frontal *frontal;
    facet_image *crop = NULL;
    facet_status st = facet_frontal_create(head, NULL, &frontal, NULL);

    if (st == FACET_OK)
        st = facet_frontal_warp(frontal, photo, points, &crop, NULL, NULL);
    assert_true((st == FACET_OK) == (crop != NULL));
    facet_image_free(crop);
    facet_frontal_free(frontal);
    return st;
}

static void test_warp_survives_any_failing_allocation(void **state)
{
    facet_point3 mean[FACET_HEAD_POINTS];

    (void)state;
    CHECK_OK(facet_head_create(&head, NULL));
    CHECK_OK(facet_image_create(400, 400, &photo));
    facet_head_mean_points(head, mean);
    for (int i = 0; i < FACET_HEAD_POINTS; i++)
        points[i] = (facet_point){ 200 + 2 * mean[i].x, 200 - 2 * mean[i].y };
    for (int n = 0; n < 100; n++) {
        facet_status status;

        until_failure = n;
        status = turn_a_face();
        until_failure = -1;
        if (status == FACET_OK) {
            assert_true(n > 8); /* the wrapper is in place */
            facet_image_free(photo);
            facet_head_free(head);
            return;
        }
        assert_int_equal(status, FACET_ENOMEM);
    }
    fail_msg("never succeeds");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warp_survives_any_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
