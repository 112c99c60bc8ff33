/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "train/checkpoint.h"

static char path[] = "facet-checkpoint-XXXXXX";
static float a[3] = { 1, 2, 3 }, b[100];
static facet__array arrays[] = { { "net/a", 3, a }, { "net/b", 100, b } };

static void write_one(void)
{
    json_t *numbers =
        json_pack("{sIsf}", "step", (json_int_t)7, "scale", 1 / 3.);

    for (int i = 0; i < 100; i++)
        b[i] = (float)i;
    a[0] = 1;
    CHECK_OK(facet__checkpoint_write(path, numbers, arrays, 2, NULL));
    json_decref(numbers);
}

static void test_what_is_written_comes_back(void **state)
{
    json_t *numbers;

    (void)state;
    write_one();
    memset(a, 0, sizeof a);
    memset(b, 0, sizeof b);
    CHECK_OK(facet__checkpoint_read(path, &numbers, arrays, 2, NULL));
    CHECK_NEAR(a[2], 3, 0);
    CHECK_NEAR(b[99], 99, 0);
    assert_int_equal(json_integer_value(json_object_get(numbers, "step")), 7);
    assert_true(json_real_value(json_object_get(numbers, "scale")) == 1 / 3.);
    json_decref(numbers);
}

static facet_status read_status(size_t n)
{
    json_t *numbers;
    facet_error err;
    facet_status st = facet__checkpoint_read(path, &numbers, arrays, n, &err);

    json_decref(numbers);
    return st;
}

static void test_every_damaged_byte_is_noticed(void **state)
{
    void *bytes;
    size_t size;

    (void)state;
    write_one();
    CHECK_OK(facet__file_read(path, 1 << 20, &bytes, &size, NULL));
    a[0] = 5;
    for (size_t i = 0; i < size; i++) {
        ((uint8_t *)bytes)[i] ^= 0x40;
        CHECK_OK(facet__file_write(path, bytes, size, NULL));
        assert_int_not_equal(read_status(2), FACET_OK);
        ((uint8_t *)bytes)[i] ^= 0x40;
    }
    for (size_t cut = 1; cut < size; cut += 13) {
        CHECK_OK(facet__file_write(path, bytes, cut, NULL));
        assert_int_not_equal(read_status(2), FACET_OK);
    }
    CHECK_NEAR(a[0], 5, 0); /* nothing was touched */
    facet__free(bytes);
}

static void test_the_arrays_of_another_run_are_refused(void **state)
{
    (void)state;
    write_one();
    assert_int_equal(read_status(1), FACET_EMODEL);
    arrays[1].count = 99;
    assert_int_equal(read_status(2), FACET_EMODEL);
    arrays[1].count = 100;
    arrays[0].name[4] = 'x';
    assert_int_equal(read_status(2), FACET_EMODEL);
    arrays[0].name[4] = 'a';
    assert_int_equal(read_status(2), FACET_OK);
}

static int make_file(void **state)
{
    (void)state;
    return close(mkstemp(path));
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_comes_back),
        cmocka_unit_test(test_every_damaged_byte_is_noticed),
        cmocka_unit_test(test_the_arrays_of_another_run_are_refused),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
