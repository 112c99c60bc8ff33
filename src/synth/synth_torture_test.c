/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation of head and picture fails once: the answer must be
 * FACET_ENOMEM, and nothing may be lost (LeakSanitizer sees that). */
#include "torture.h"

#include "facet/synth.h"

static facet_status make_head(void *context)
{
    facet_head *other;
    const facet_status st = facet_head_create(&other, NULL);

    (void)context;
    assert_true((st == FACET_OK) == (other != NULL));
    facet_head_free(other);
    return st;
}

static facet_status take_picture(void *head)
{
    facet_synth_person people[2];
    facet_synth_pose poses[2];
    facet_synth_scene scene;
    facet_image *image;
    facet_status st;

    facet_synth_scene_init(&scene, 32, 32);
    for (int i = 0; i < 2; i++) {
        facet_synth_person_init(&people[i]);
        facet_synth_pose_init(&poses[i], 32, 32);
        people[i].glasses = 1;
    }
    st = facet_synth_render(head, people, poses, 2, &scene, &image, NULL, NULL);
    assert_true((st == FACET_OK) == (image != NULL));
    facet_image_free(image);
    return st;
}

static void test_a_head_survives_any_failing_allocation(void **state)
{
    (void)state;
    torture("head", make_head, NULL, 1);
}

static void test_a_picture_survives_any_failing_allocation(void **state)
{
    facet_head *head;

    (void)state;
    CHECK_OK(facet_head_create(&head, NULL));
    torture("picture", take_picture, head, 1);
    facet_head_free(head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_head_survives_any_failing_allocation),
        cmocka_unit_test(test_a_picture_survives_any_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
