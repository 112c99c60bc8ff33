/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation of head and picture fails once: the answer must be
 * FACET_ENOMEM, and nothing may be lost (LeakSanitizer sees that). */
#include "check.h"

#include "base/alloc.h"
#include "facet/synth.h"

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

typedef facet_status scenario(void);

static void torture(scenario *run)
{
    for (int n = 0; n < 1000; n++) {
        facet_status status;

        until_failure = n;
        status = run();
        until_failure = -1;
        if (status == FACET_OK) {
            assert_true(n > 5); /* the wrapper is in place */
            return;
        }
        assert_int_equal(status, FACET_ENOMEM);
    }
    fail_msg("never succeeds");
}

static facet_head *head;

static facet_status make_head(void)
{
    facet_head *other;
    const facet_status st = facet_head_create(&other, NULL);

    assert_true((st == FACET_OK) == (other != NULL));
    facet_head_free(other);
    return st;
}

static facet_status take_picture(void)
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
    torture(make_head);
}

static void test_a_picture_survives_any_failing_allocation(void **state)
{
    (void)state;
    CHECK_OK(facet_head_create(&head, NULL));
    torture(take_picture);
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
