/* SPDX-License-Identifier: Apache-2.0 */
#include "image/heic_items.h"

#include <string.h>

#include "base/error.h"
#include "check.h"

/* A file of ftyp and meta, with entries of "dimg" in its iref. */
typedef struct file {
    uint8_t bytes[65536];
    size_t size;
    size_t meta, iref; /* where they begin */
} file;

static void put(file *f, size_t count, uint64_t number)
{
    for (size_t i = 0; i < count; i++)
        f->bytes[f->size++] = (uint8_t)(number >> 8 * (count - 1 - i));
}

static void name(file *f, const char *text)
{
    memcpy(f->bytes + f->size, text, 4);
    f->size += 4;
}

static void begin(file *f, unsigned version)
{
    memset(f, 0, sizeof *f);
    put(f, 4, 16);
    name(f, "ftyp");
    name(f, "heic");
    put(f, 4, 0);
    f->meta = f->size;
    put(f, 4, 0);
    name(f, "meta");
    put(f, 4, 0);
    f->iref = f->size;
    put(f, 4, 0);
    name(f, "iref");
    put(f, 4, (uint64_t)version << 24);
}

/* Item `whole` is made of `count` parts from `first` on. */
static void entry(
    file *f, size_t bytes, uint32_t whole, uint32_t first, uint32_t count)
{
    put(f, 4, 8 + bytes + 2 + count * bytes);
    name(f, "dimg");
    put(f, bytes, whole);
    put(f, 2, count);
    for (uint32_t i = 0; i < count; i++)
        put(f, bytes, first + i);
}

static void set_size(file *f, size_t at, size_t size)
{
    const size_t end = f->size;

    f->size = at;
    put(f, 4, size);
    f->size = end;
}

static facet_status verdict(file *f, facet_error *err)
{
    set_size(f, f->meta, f->size - f->meta);
    set_size(f, f->iref, f->size - f->iref);
    return facet__heic_check_items(f->bytes, f->size, err);
}

static void test_grids_of_tiles_pass(void **state)
{
    facet_error err;
    file f;

    (void)state;
    begin(&f, 0);
    entry(&f, 2, 50, 1, 48);  /* a grid */
    entry(&f, 2, 90, 60, 20); /* another */
    entry(&f, 2, 91, 90, 1);  /* turned */
    assert_int_equal(verdict(&f, &err), FACET_OK);
    begin(&f, 1); /* numbers of 32 bits */
    entry(&f, 4, 100000, 100001, 4);
    assert_int_equal(verdict(&f, &err), FACET_OK);
}

static void test_circles_are_damage(void **state)
{
    facet_error err;
    file f;

    (void)state;
    begin(&f, 0);
    entry(&f, 2, 2, 2, 1); /* of itself */
    assert_int_equal(verdict(&f, &err), FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "made of itself"));
    begin(&f, 1);
    entry(&f, 4, 7, 1, 3);
    entry(&f, 4, 2, 9, 1);
    entry(&f, 4, 9, 7, 1); /* in three turns */
    assert_int_equal(verdict(&f, &err), FACET_EDAMAGED);
}

static void test_avalanches_are_damage(void **state)
{
    facet_error err;
    file f;

    (void)state;
    begin(&f, 0); /* four levels of thirty: 810,000 tiles */
    for (uint32_t level = 0; level < 4; level++)
        for (uint32_t i = 0; i < 30; i++)
            entry(&f, 2, 100 * level + i, 100 * (level + 1), 30);
    assert_int_equal(verdict(&f, &err), FACET_EDAMAGED);
    begin(&f, 0);
    entry(&f, 2, 1, 2, 5000);
    assert_int_equal(verdict(&f, &err), FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "thousands of parts"));
}

/* Wherever it is cut, and with any byte of its boxes changed, an answer comes,
 * and no circle gets through by a lie about sizes. */
static void test_lies_end_in_an_answer(void **state)
{
    facet_error err;
    file f, cut;

    (void)state;
    begin(&f, 0);
    entry(&f, 2, 2, 2, 1);
    assert_int_equal(verdict(&f, &err), FACET_EDAMAGED);
    for (size_t size = 0; size < f.size; size++) {
        const facet_status st = facet__heic_check_items(f.bytes, size, &err);

        assert_int_equal(st, size < f.meta + 8 ? FACET_OK : FACET_ETRUNCATED);
    }
    for (size_t at = f.meta; at < f.size; at++)
        for (int bit = 0; bit < 8; bit++) {
            cut = f;
            cut.bytes[at] ^= (uint8_t)(1 << bit);
            (void)facet__heic_check_items(cut.bytes, cut.size, &err);
        }
    set_size(&f, f.iref, 0); /* to the end */
    assert_int_equal(
        facet__heic_check_items(f.bytes, f.size, &err), FACET_EDAMAGED);
    set_size(&f, f.iref, 3);
    assert_int_equal(
        facet__heic_check_items(f.bytes, f.size, &err), FACET_EDAMAGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grids_of_tiles_pass),
        cmocka_unit_test(test_circles_are_damage),
        cmocka_unit_test(test_avalanches_are_damage),
        cmocka_unit_test(test_lies_end_in_an_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
