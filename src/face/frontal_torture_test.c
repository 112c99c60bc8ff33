/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation of the frontal warp fails once: the answer must be
 * FACET_ENOMEM, and nothing may be lost (LeakSanitizer sees that). */
#include "torture.h"

#include "facet/frontal.h"

static facet_head *head;
static facet_image *photo;
static facet_point points[FACET_HEAD_POINTS];

static facet_status turn_a_face(void *context)
{
    facet_frontal *frontal;
    facet_image *crop = NULL;
    facet_status st = facet_frontal_create(head, NULL, &frontal, NULL);

    (void)context;
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
    torture("warp", turn_a_face, NULL, 1);
    facet_image_free(photo);
    facet_head_free(head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warp_survives_any_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
