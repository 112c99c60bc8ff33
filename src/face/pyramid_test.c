/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of levels and tiles, for photos of every size and shape. */
#include "face/pyramid.h"

#include <math.h>
#include <stdlib.h>

#include "check.h"

static const facet__input_size any_size = { 0, 0 };

static uint32_t seed = 20261124;

static int32_t random_below(int32_t limit)
{
    seed = seed * 1664525U + 1013904223U;
    return (int32_t)((seed >> 8) % (uint32_t)limit);
}

static void test_small_photo_is_one_tile_at_its_own_size(void **state)
{
    const facet__pyramid p = facet__pyramid_plan(505, 600, 0, any_size);

    (void)state;
    assert_int_equal(p.count, 1);
    assert_int_equal(p.levels[0].width, 505);
    assert_int_equal(p.levels[0].tile_width, 512);
    assert_int_equal(p.levels[0].tile_height, 608);
    assert_int_equal(p.levels[0].columns * p.levels[0].rows, 1);
}

static void test_photo_of_12_megapixels_costs_one_run_at_1280x960(void **state)
{
    const facet__pyramid p = facet__pyramid_plan(4000, 3000, 0, any_size);
    double cost = 0;

    (void)state;
    for (int i = 0; i < p.count; i++)
        cost += (double)p.levels[i].tile_width * p.levels[i].tile_height *
                p.levels[i].columns * p.levels[i].rows;
    assert_int_equal(p.levels[0].width, 1280);
    assert_true(cost <= 1.1 * 1280 * 960);
}

static void test_face_that_fills_any_photo_fits_the_last_level(void **state)
{
    (void)state;
    for (int32_t side = 16; side < 40000; side += side / 7 + 1) {
        const facet__pyramid p = facet__pyramid_plan(side, side, 0, any_size);
        const facet__level *last = &p.levels[p.count - 1];

        assert_true(last->width <= 640);
        assert_true(last->columns * last->rows == 1);
        assert_true(last->min_side < 0.8F * (float)last->width);
    }
}

static void test_min_face_sets_the_finest_scale(void **state)
{
    facet__pyramid p = facet__pyramid_plan(4000, 3000, 20, any_size);

    (void)state;
    assert_int_equal(p.levels[0].width, 2000); /* 10 pixels a face of 20 */
    p = facet__pyramid_plan(4000, 3000, 8, any_size);
    assert_int_equal(p.levels[0].width, 4000); /* never enlarged */
    p = facet__pyramid_plan(4000, 3000, 200, any_size);
    assert_int_equal(p.levels[0].width, 400); /* 20 pixels a face of 200 */
}

/* Run `visit` on plans for random photos of all shapes. */
static void for_random_plans(
    void (*visit)(const facet__level *level), facet__input_size fixed)
{
    for (int round = 0; round < 3000; round++) {
        const int32_t w = 1 + random_below(1 << (1 + random_below(15)));
        const int32_t h = 1 + random_below(1 << (1 + random_below(15)));
        const float min_face = (float)(random_below(3) * random_below(64));
        const facet__pyramid p = facet__pyramid_plan(w, h, min_face, fixed);

        assert_in_range(p.count, 1, FACET__MAX_LEVELS);
        for (int i = 0; i < p.count; i++)
            visit(&p.levels[i]);
    }
}

static void check_tiles_cover(const facet__level *level)
{
    const facet__tile last =
        facet__level_tile(level, level->columns - 1, level->rows - 1);

    assert_true(level->tile_width % 32 == 0 && level->tile_height % 32 == 0);
    assert_true(level->tile_width * level->tile_height <= FACET__TILE_PIXELS);
    assert_true(last.x + level->tile_width >= level->width);
    assert_true(last.y + level->tile_height >= level->height);
    assert_true(last.x < level->width && last.y < level->height);
    if (level->columns > 1)
        assert_true(facet__level_tile(level, 1, 0).x % 32 == 0);
}

static void test_tiles_cover_every_level_in_bounded_size(void **state)
{
    (void)state;
    for_random_plans(check_tiles_cover, any_size);
    for_random_plans(check_tiles_cover, (facet__input_size){ 640, 640 });
    for_random_plans(check_tiles_cover, (facet__input_size){ 320, 256 });
}

/* Is the box, in pixels of the level, whole in a tile and not dropped there? */
static bool seen_whole(const facet__level *level, float x, float y, float side)
{
    for (int32_t row = 0; row < level->rows; row++)
        for (int32_t column = 0; column < level->columns; column++) {
            const facet__tile tile = facet__level_tile(level, column, row);
            const float left = x - (float)tile.x, top = y - (float)tile.y;

            if ((left >= 0 || !tile.cut_left) && (top >= 0 || !tile.cut_top) &&
                (left + side <= (float)level->tile_width || !tile.cut_right) &&
                (top + side <= (float)level->tile_height || !tile.cut_bottom) &&
                !facet__tile_cuts(level, &tile, left, top, side, side))
                return true;
        }
    return false;
}

static void check_faces_are_whole(const facet__level *level)
{
    const float side = (float)FACET__TILE_WHOLE;

    for (int i = 0; i < 40; i++)
        assert_true(seen_whole(level, (float)random_below(level->width) - side,
            (float)random_below(level->height), side));
}

static void test_every_face_of_allowed_size_is_whole_in_some_tile(void **state)
{
    (void)state;
    for_random_plans(check_faces_are_whole, any_size);
    for_random_plans(check_faces_are_whole, (facet__input_size){ 640, 640 });
}

/* What a tiled level may have cut, the next level has to accept. */
static void test_levels_leave_no_gap_between_their_sizes(void **state)
{
    (void)state;
    for (int32_t side = 1300; side < 60000; side += side / 5) {
        const facet__pyramid p =
            facet__pyramid_plan(side, side * 2 / 3, 0, any_size);

        for (int i = 1; i < p.count; i++) {
            const facet__level *fine = &p.levels[i - 1];
            const float ratio = (float)p.levels[i].width / (float)fine->width;

            if (fine->columns * fine->rows > 1)
                assert_true(
                    p.levels[i].min_side <= (float)FACET__TILE_WHOLE * ratio);
            assert_true(p.levels[i].min_side >= 10);
        }
    }
}

static void test_extreme_shapes_have_a_plan(void **state)
{
    const int32_t shapes[][2] = { { 1, 1 }, { 1, 100000 }, { 100000, 1 },
        { 65535, 65535 }, { 2147483647, 1 } };

    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const facet__pyramid p =
            facet__pyramid_plan(shapes[i][0], shapes[i][1], 0, any_size);

        for (int k = 0; k < p.count; k++)
            check_tiles_cover(&p.levels[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_photo_is_one_tile_at_its_own_size),
        cmocka_unit_test(test_photo_of_12_megapixels_costs_one_run_at_1280x960),
        cmocka_unit_test(test_face_that_fills_any_photo_fits_the_last_level),
        cmocka_unit_test(test_min_face_sets_the_finest_scale),
        cmocka_unit_test(test_tiles_cover_every_level_in_bounded_size),
        cmocka_unit_test(test_every_face_of_allowed_size_is_whole_in_some_tile),
        cmocka_unit_test(test_levels_leave_no_gap_between_their_sizes),
        cmocka_unit_test(test_extreme_shapes_have_a_plan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
