/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/tar.h"

static uint8_t archive[16384];
static size_t length;

static void put_checksum(uint8_t *header)
{
    unsigned sum = 0;

    memset(header + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += header[i];
    snprintf((char *)header + 148, 8, "%06o", sum);
}

/* Append a member with its header; returns the header. */
static uint8_t *put(
    const char *prefix, const char *name, char type, const char *content)
{
    uint8_t *header = archive + length;
    const size_t size = strlen(content);

    memset(header, 0, 512);
    memcpy(header, name, strnlen(name, 100));
    snprintf((char *)header + 124, 12, "%011o", (unsigned)size);
    header[156] = (uint8_t)type;
    memcpy(header + 257, "ustar\00000", 8);
    memcpy(header + 345, prefix, strlen(prefix));
    put_checksum(header);
    memset(header + 512, 0, (size + 511) / 512 * 512);
    memcpy(header + 512, content, size);
    length += 512 + (size + 511) / 512 * 512;
    return header;
}

static facet__tar *open_archive(void)
{
    char path[] = "facet-tar-XXXXXX";
    const int file = mkstemp(path);
    facet__tar *tar;

    assert_true(file >= 0);
    assert_int_equal(write(file, archive, length), (ssize_t)length);
    close(file);
    CHECK_OK(facet__tar_open(path, &tar, NULL));
    unlink(path);
    return tar;
}

/* The status of reading all members; the last one stays in *member. */
static facet_status read_all(facet__tar_member *member, int *count)
{
    facet__tar *tar = open_archive();
    facet_error err;
    facet_status st;
    int more = 1;

    *count = 0;
    while ((st = facet__tar_next(tar, member, &more, &err)) == FACET_OK && more)
        ++*count;
    facet__tar_close(tar);
    return st;
}

static void test_regular_members_are_listed_and_read(void **state)
{
    facet__tar_member member;
    facet__tar *tar;
    char text[6] = "";
    int more;

    (void)state;
    length = 0;
    put("", "folder/", '5', "");
    put("", "a.webp", '0', "hello");
    put("deep/er", "b.webp", '0', "");
    memset(archive + length, 0, 1024);
    length += 1024;
    tar = open_archive();
    CHECK_OK(facet__tar_next(tar, &member, &more, NULL));
    assert_true(more);
    assert_string_equal(member.name, "a.webp");
    assert_int_equal(member.size, 5);
    CHECK_OK(facet__tar_read(tar, member.offset, text, 5, NULL));
    assert_string_equal(text, "hello");
    CHECK_OK(facet__tar_next(tar, &member, &more, NULL));
    assert_string_equal(member.name, "deep/er/b.webp");
    CHECK_OK(facet__tar_next(tar, &member, &more, NULL));
    assert_false(more);
    facet__tar_close(tar);
}

static void test_long_names_of_pax_and_gnu_are_followed(void **state)
{
    facet__tar_member member;
    char name[200], record[256];
    int count;

    (void)state;
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = 0;
    length = 0;
    put("", "././@LongLink", 'L', name);
    put("", "short", '0', "x");
    CHECK_OK(read_all(&member, &count));
    assert_int_equal(count, 1);
    assert_string_equal(member.name, name);

    length = 0;
    snprintf(record, sizeof record, "%zu path=%s\n", strlen(name) + 10, name);
    put("", "pax", 'x', record);
    put("", "short", '0', "x");
    put("", "next", '0', "y");
    CHECK_OK(read_all(&member, &count));
    assert_int_equal(count, 2);
    assert_string_equal(member.name, "next");
}

static void test_damage_is_refused(void **state)
{
    facet__tar_member member;
    uint8_t *header;
    int count;

    (void)state;
    length = 0;
    put("", "a", '0', "hello");
    archive[3] ^= 1;
    assert_int_equal(read_all(&member, &count), FACET_EDAMAGED);

    length = 0; /* a size far past the end, octal and binary */
    header = put("", "a", '0', "hello");
    memcpy(header + 124, "77777777777", 11);
    put_checksum(header);
    assert_int_equal(read_all(&member, &count), FACET_ETRUNCATED);
    memset(header + 124, 0xff, 12);
    header[124] = 0x80;
    put_checksum(header);
    assert_int_equal(read_all(&member, &count), FACET_ETRUNCATED);

    length = 0; /* a pax record that claims more than there is */
    put("", "pax", 'x', "99 path=a\n");
    put("", "a", '0', "hello");
    assert_int_equal(read_all(&member, &count), FACET_EDAMAGED);
    length = 0;
    put("", "pax", 'x', "0 a\n");
    assert_int_equal(read_all(&member, &count), FACET_EDAMAGED);

    length = 0; /* cut inside a header, cut inside a content */
    put("", "a", '0', "hello");
    length = 300;
    assert_int_equal(read_all(&member, &count), FACET_ETRUNCATED);
    length = 515;
    assert_int_equal(read_all(&member, &count), FACET_ETRUNCATED);
}

static void test_no_flipped_byte_leads_out_of_the_file(void **state)
{
    facet__tar_member member;
    int count;

    (void)state;
    for (int i = 0; i < 512; i++) {
        uint8_t *header;

        length = 0;
        put("", "pax", 'x', "14 path=abcde\n");
        header = put("", "a", '0', "hello");
        header[i] = (uint8_t)(header[i] ^ (1 + i % 255));
        put_checksum(header);
        if (read_all(&member, &count) == FACET_OK && count) {
            assert_true(member.offset + member.size <= length);
            assert_true(strlen(member.name) < FACET__TAR_NAME);
        }
    }
}

static void test_a_missing_or_empty_file_is_told(void **state)
{
    facet__tar *tar;
    facet_error err;

    (void)state;
    assert_int_equal(
        facet__tar_open("no/such.tar", &tar, &err), FACET_ENOTFOUND);
    assert_null(tar);
    assert_int_equal(facet__tar_open("/dev/null", &tar, &err), FACET_EIO);
    assert_int_equal(facet__tar_open(".", &tar, &err), FACET_EIO);
}

static void test_the_training_shards_are_read_whole(void **state)
{
    facet__tar_member member;
    facet__tar *tar;
    int more, count = 0;

    (void)state;
    NEED_SHARED("data/faces/faces-val.tar");
    CHECK_OK(facet__tar_open(
        FACET_SHARED_DIR "/data/faces/faces-val.tar", &tar, NULL));
    for (;;) {
        char magic[4];

        CHECK_OK(facet__tar_next(tar, &member, &more, NULL));
        if (!more)
            break;
        CHECK_OK(facet__tar_read(tar, member.offset, magic, 4, NULL));
        assert_memory_equal(magic, "RIFF", 4);
        count++;
    }
    assert_int_equal(count, 3081);
    facet__tar_close(tar);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regular_members_are_listed_and_read),
        cmocka_unit_test(test_long_names_of_pax_and_gnu_are_followed),
        cmocka_unit_test(test_damage_is_refused),
        cmocka_unit_test(test_no_flipped_byte_leads_out_of_the_file),
        cmocka_unit_test(test_a_missing_or_empty_file_is_told),
        cmocka_unit_test(test_the_training_shards_are_read_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
