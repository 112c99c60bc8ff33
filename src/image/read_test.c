/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "damage.h"
#include "image/image.h"
#include "pictures.h"

enum { W = PICTURE_WIDTH, H = PICTURE_HEIGHT };

static facet_image *read_whole(picture p, const facet_image_opts *opts)
{
    facet_image *image = NULL;
    facet_error err = { FACET_OK, "" };

    if (facet_image_read_memory(p.bytes, p.size, opts, &image, &err) !=
        FACET_OK)
        fail_msg("%s", err.msg);
    return image;
}

static int at(const facet_image *image, int x, int y, int c)
{
    return image->data[(size_t)y * image->stride + (size_t)(x * 3 + c)];
}

/* Upright place of stored (x, y), written out for each orientation as the EXIF
 * standard puts it: where row 0 and column 0 of the file are seen. */
static void upright(int orientation, int x, int y, int *to_x, int *to_y)
{
    const int places[9][2] = { { 0, 0 }, { x, y }, { W - 1 - x, y },
        { W - 1 - x, H - 1 - y }, { x, H - 1 - y }, { y, x }, { H - 1 - y, x },
        { H - 1 - y, W - 1 - x }, { y, W - 1 - x } };

    *to_x = places[orientation][0];
    *to_y = places[orientation][1];
}

static void check_shows(
    const facet_image *image, const picture_kind *kind, int orientation)
{
    const bool turns = orientation >= 5;

    assert_int_equal(image->width, turns ? H : W);
    assert_int_equal(image->height, turns ? W : H);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < 3; c++) {
                const int want = picture_expected(kind->look, x, y, c);
                int u, v;

                upright(orientation, x, y, &u, &v);
                if (abs(at(image, u, v, c) - want) > kind->tolerance)
                    fail_msg("%s, orientation %d, (%d, %d) channel %d: %d, "
                             "want %d",
                        kind->name, orientation, x, y, c, at(image, u, v, c),
                        want);
            }
}

static void test_every_kind_shows_its_picture(void **state)
{
    (void)state;
    for (size_t i = 0; i < picture_kind_count; i++) {
        const picture_kind *kind = &picture_kinds[i];
        const char *ending = strrchr(kind->name, '.') + 1;
        picture p = kind->make();
        facet_image *image;

        if (!p.bytes)
            continue;
        image = read_whole(p, NULL);
        check_shows(image, kind, 1);
        assert_int_equal(facet_image_orientation(image), 1);
        assert_string_equal(
            facet_image_format_name(facet_image_source_format(image)),
            strcmp(ending, "jpg") ? ending : "jpeg");
        facet_image_free(image);
        picture_free(&p);
    }
}

static void test_every_orientation_comes_upright(void **state)
{
    (void)state;
    for (size_t i = 0; i < picture_kind_count; i++) {
        picture plain = picture_kinds[i].make();

        for (int o = 1; o <= 8; o++) {
            picture p;
            facet_image *image;

            if (!plain.bytes || strstr(picture_kinds[i].name, ".heic"))
                break;
            p = picture_with_orientation(plain, o);
            image = read_whole(p, NULL);
            check_shows(image, &picture_kinds[i], o);
            assert_int_equal(facet_image_orientation(image), o);
            assert_int_equal(facet_image_stored_width(image), W);
            assert_int_equal(facet_image_stored_height(image), H);
            facet_image_free(image);
            picture_free(&p);
        }
        picture_free(&plain);
    }
}

static void test_orientation_can_be_ignored(void **state)
{
    static const char *const names[] = { "baseline.jpg", "rgb8.png",
        "lossless.webp" };
    facet_image_opts opts;

    (void)state;
    facet_image_opts_init(&opts);
    opts.ignore_orientation = 1;
    for (size_t i = 0; i < picture_kind_count; i++) {
        for (size_t k = 0; k < 3; k++) {
            picture plain, p;
            facet_image *image;

            if (strcmp(picture_kinds[i].name, names[k]) != 0)
                continue;
            plain = picture_kinds[i].make();
            p = picture_with_orientation(plain, 7);
            image = read_whole(p, &opts);
            check_shows(image, &picture_kinds[i], 1);
            facet_image_free(image);
            picture_free(&p);
            picture_free(&plain);
        }
    }
}

static void test_boxes_map_back_to_stored_coordinates(void **state)
{
    const facet_box stored = { 10, 4, 7, 12 };

    (void)state;
    for (int o = 1; o <= 8; o++) {
        facet_image *image = NULL;
        int ax, ay, bx, by;
        facet_box back;
        facet_point point;

        CHECK_OK(facet__image_create_stored(W, H, o, FACET_IMAGE_RAW, &image));
        upright(o, 10, 4, &ax, &ay);
        upright(o, 17, 16, &bx, &by);
        back = facet_image_box_to_stored(image,
            (facet_box){ (float)(ax < bx ? ax : bx), (float)(ay < by ? ay : by),
                (float)abs(ax - bx), (float)abs(ay - by) });
        assert_memory_equal(&back, &stored, sizeof back);
        point = facet_image_point_to_stored(
            image, (facet_point){ (float)ax, (float)ay });
        CHECK_NEAR(point.x, 10, 0);
        CHECK_NEAR(point.y, 4, 0);
        facet_image_free(image);
    }
}

static picture make(const char *name)
{
    for (size_t i = 0; i < picture_kind_count; i++)
        if (!strcmp(picture_kinds[i].name, name))
            return picture_kinds[i].make();
    fail_msg("no picture called %s", name);
    return (picture){ NULL, 0 };
}

static void test_limits_are_kept_and_can_be_raised(void **state)
{
    static const char *const names[] = { "baseline.jpg", "rgb8.png",
        "lossy.webp", "lossless-alpha.webp" };
    facet_image *image = NULL;
    facet_error err;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        picture p = make(names[i]);
        facet_image_opts opts;

        facet_image_opts_init(&opts);
        opts.max_pixels = (size_t)W * H - 1;
        assert_int_equal(
            facet_image_read_memory(p.bytes, p.size, &opts, &image, &err),
            FACET_ELIMIT);
        assert_null(image);
        assert_non_null(strstr(err.msg, "max_pixels"));
        opts.max_pixels++;
        opts.max_bytes = p.size - 1;
        assert_int_equal(
            facet_image_read_memory(p.bytes, p.size, &opts, &image, &err),
            FACET_ELIMIT);
        assert_non_null(strstr(err.msg, "max_bytes"));
        opts.max_bytes++;
        CHECK_OK(facet_image_read_memory(p.bytes, p.size, &opts, &image, &err));
        facet_image_free(image);
        picture_free(&p);
    }
}

/* What each damage of damage.c must be called. */
static const struct {
    const char *name;
    facet_status status;
} verdicts[] = {
    { "empty.jpg", FACET_EEMPTY },
    { "text.jpg", FACET_ENOTIMAGE },
    { "page.png", FACET_ENOTIMAGE },
    { "drawing.webp", FACET_ENOTIMAGE },
    { "noise.heic", FACET_ENOTIMAGE },
    { "gif.png", FACET_ENOTIMAGE },
    { "really-a-png.jpg", FACET_OK },
    { "noise.jpg", FACET_ETRUNCATED },
    { "noise.png", FACET_EDAMAGED },
    { "noise.webp", FACET_EDAMAGED },
    { "lie-taller-baseline.jpg", FACET_ETRUNCATED },
    { "lie-bomb-baseline.jpg", FACET_ELIMIT },
    { "lie-bomb-progressive.jpg", FACET_ELIMIT },
    { "lie-just-under-the-limit-baseline.jpg", FACET_ETRUNCATED },
    { "lie-no-columns-baseline.jpg", FACET_EDAMAGED },
    { "lie-depth-12-baseline.jpg", FACET_EUNSUPPORTED },
    { "lie-table-length-0-baseline.jpg", FACET_EDAMAGED },
    { "lie-taller-rgb8.png", FACET_EDAMAGED },
    { "lie-wider-rgb8.png", FACET_EDAMAGED },
    { "lie-bomb-rgb8.png", FACET_ELIMIT },
    { "lie-bomb-rgb8-interlaced.png", FACET_ELIMIT },
    { "lie-just-under-the-limit-rgb8.png", FACET_EDAMAGED },
    { "lie-widest-rgb8.png", FACET_ELIMIT },
    { "lie-no-rows-rgb8.png", FACET_EDAMAGED },
    { "lie-wrong-crc-rgb8.png", FACET_EDAMAGED },
    { "lie-idat-length-rgb8.png", FACET_ETRUNCATED },
    { "lie-unknown-critical-chunk-rgb8.png", FACET_EDAMAGED },
    { "lie-largest-lossy-alpha.webp", FACET_EDAMAGED },
    { "lie-animation-lossy-alpha.webp", FACET_EUNSUPPORTED },
    { "exif-offset-far-baseline.jpg", FACET_OK },
    { "exif-next-ifd-itself-baseline.jpg", FACET_OK },
    { "exif-value-9-rgb8.png", FACET_OK },
    { "exif-entries-64k-lossy.webp", FACET_OK },
};

typedef struct tally {
    int pictures, errors, judged;
} tally;

static bool is_picture_error(facet_status status)
{
    return status == FACET_EEMPTY || status == FACET_ETRUNCATED ||
           status == FACET_EDAMAGED || status == FACET_ENOTIMAGE ||
           status == FACET_ELIMIT || status == FACET_EUNSUPPORTED;
}

/* What libheif makes of a cut file is its own affair. The other formats must
 * notice a lost tail, if enough is left to tell the format. */
static void check_cut(const char *name, size_t size, facet_status status)
{
    enum { RECOGNIZED = 12 };

    if (!strncmp(name, "cut-", 4) && !strstr(name, ".heic") &&
        size >= RECOGNIZED && status != FACET_ETRUNCATED)
        fail_msg("%s: status %d", name, (int)status);
}

static void read_damaged(
    const char *name, const uint8_t *bytes, size_t size, void *context)
{
    tally *t = context;
    facet_image *image = NULL;
    facet_error err = { FACET_OK, "" };
    const facet_status status =
        facet_image_read_memory(bytes, size, NULL, &image, &err);

    check_cut(name, size, status);
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        if (strcmp(name, verdicts[i].name) != 0)
            continue;
        if (status != verdicts[i].status)
            fail_msg("%s: status %d, want %d: %s", name, (int)status,
                (int)verdicts[i].status, err.msg);
        t->judged++;
    }
    if (status == FACET_OK) {
        assert_non_null(image);
        t->pictures++;
    } else {
        if (!is_picture_error(status) || err.code != status || image ||
            strlen(err.msg) < 20)
            fail_msg("%s: status %d: %s", name, (int)status, err.msg);
        t->errors++;
    }
    facet_image_free(image);
}

static void test_damaged_pictures_are_told_and_nothing_else(void **state)
{
    tally t = { 0, 0, 0 };
    const int count = damage_each(read_damaged, &t);
    picture p = make("baseline.jpg");

    (void)state;
    print_message("%d damaged pictures: %d errors, %d pictures\n", count,
        t.errors, t.pictures);
    assert_true(count >= 200);
    assert_int_equal(t.judged, sizeof verdicts / sizeof *verdicts);
    facet_image_free(read_whole(p, NULL)); /* the next photo is processed */
    picture_free(&p);
}

static void check_file(const char *path, facet_status want)
{
    facet_image *image = NULL;
    facet_error err = { FACET_OK, "" };

    assert_int_equal(facet_image_read(path, NULL, &image, &err), want);
    assert_null(image);
    assert_int_equal(err.code, want);
    assert_non_null(strstr(err.msg, path));
}

static void check_reads_as(const facet_image *want, picture p)
{
    facet_image *image = read_whole(p, NULL);

    assert_int_equal(image->width, want->width);
    assert_int_equal(image->height, want->height);
    for (int32_t y = 0; y < want->height; y++)
        assert_memory_equal(image->data + (size_t)y * image->stride,
            want->data + (size_t)y * want->stride, (size_t)want->width * 3);
    facet_image_free(image);
}

static void check_fails(picture p, facet_status wanted)
{
    facet_image *image = NULL;
    facet_error err;

    assert_int_equal(
        facet_image_read_memory(p.bytes, p.size, NULL, &image, &err), wanted);
    assert_null(image);
}

/* A lost end marker takes no pixel along; one byte more does, and so does a
 * missing scan. Arithmetic coding does not tell. */
static void test_of_a_jpeg_the_end_marker_alone_may_be_missing(void **state)
{
    int jpegs = 0;

    (void)state;
    for (size_t i = 0; i < picture_kind_count; i++) {
        const bool tells = !strstr(picture_kinds[i].name, "arithmetic");
        picture p = { 0 };
        facet_image *want;

        if (strstr(picture_kinds[i].name, ".jpg"))
            p = picture_kinds[i].make();
        if (!p.bytes)
            continue;
        want = read_whole(p, NULL);
        for (size_t cut = 1; cut <= 12; cut++) {
            const picture shorter = { p.bytes, p.size - cut };

            if (cut <= 2 && tells)
                check_reads_as(want, shorter);
            else if (cut > 2)
                check_fails(shorter, FACET_ETRUNCATED);
        }
        facet_image_free(want);
        picture_free(&p);
        jpegs++;
    }
    assert_true(jpegs > 3);
}

static picture picture_named(const char *name)
{
    for (size_t i = 0; i < picture_kind_count; i++)
        if (!strcmp(picture_kinds[i].name, name))
            return picture_kinds[i].make();
    return (picture){ NULL, 0 };
}

static void test_a_jpeg_without_its_last_scans_is_cut_short(void **state)
{
    picture p = picture_named("progressive.jpg");
    int scans = 0;

    (void)state;
    for (size_t at = 2; at + 2 < p.size; at++)
        if (p.bytes[at] == 0xff &&
            (p.bytes[at + 1] == 0xda || p.bytes[at + 1] == 0xc4)) {
            scans += p.bytes[at + 1] == 0xda;
            check_fails((picture){ p.bytes, at }, FACET_ETRUNCATED);
        }
    assert_true(scans > 4);
    picture_free(&p);
}

/* A copy with `count` zeros before the segment of `marker`. */
static picture padded(picture p, uint8_t marker, size_t count)
{
    picture new = { malloc(p.size + count), p.size + count };
    size_t at = 2;

    assert_non_null(new.bytes);
    while (p.bytes[at] != 0xff || p.bytes[at + 1] != marker)
        at++;
    memcpy(new.bytes, p.bytes, at);
    memset(new.bytes + at, 0, count);
    memcpy(new.bytes + at + count, p.bytes + at, p.size - at);
    return new;
}

static void test_padding_and_scans_without_a_range_change_no_pixel(void **state)
{
    picture p = picture_named("baseline.jpg");
    facet_image *want = read_whole(p, NULL);
    size_t scan = 2;

    (void)state;
    for (size_t count = 0; count < 8; count += 2) {
        picture more = padded(p, 0xdb, count);

        if (count < 4)
            check_reads_as(want, more);
        else
            check_fails(more, FACET_EDAMAGED);
        picture_free(&more);
    }
    while (p.bytes[scan] != 0xff || p.bytes[scan + 1] != 0xda)
        scan++;
    scan += 5 + 2 * (size_t)p.bytes[scan + 4]; /* Ss, Se, Ah and Al */
    assert_int_equal(p.bytes[scan + 1], 63);
    p.bytes[scan + 1] = 0;
    check_reads_as(want, p);
    p.bytes[scan + 2] = 1;
    check_fails(p, FACET_EDAMAGED);
    facet_image_free(want);
    picture_free(&p);
}

static void test_files_that_cannot_be_read_are_told_apart(void **state)
{
    char folder[] = "facet-read-XXXXXX";
    char path[64];
    int file;

    (void)state;
    assert_non_null(mkdtemp(folder));
    check_file(folder, FACET_EIO);
    snprintf(path, sizeof path, "%s/none.jpg", folder);
    check_file(path, FACET_ENOTFOUND);
    file = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(file >= 0);
    check_file(path, FACET_EEMPTY);
    assert_int_equal(write(file, "hello", 5), 5);
    close(file);
    check_file(path, FACET_ENOTIMAGE);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    check_file(path, FACET_EIO); /* and does not wait for a writer */
    unlink(path);
    rmdir(folder);
}

static void test_calls_without_arguments_are_refused(void **state)
{
    facet_image *image = NULL;
    facet_image_opts opts = { 0, 1, 1, 0 };

    (void)state;
    assert_int_equal(facet_image_read(NULL, NULL, &image, NULL), FACET_EINVAL);
    assert_int_equal(facet_image_read("x", NULL, NULL, NULL), FACET_EINVAL);
    assert_int_equal(
        facet_image_read_memory(NULL, 3, NULL, &image, NULL), FACET_EINVAL);
    assert_int_equal(
        facet_image_read_memory(NULL, 0, NULL, &image, NULL), FACET_EEMPTY);
    assert_int_equal(
        facet_image_read_memory("x", 1, &opts, &image, NULL), FACET_EINVAL);
    facet_image_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_shows_its_picture),
        cmocka_unit_test(test_every_orientation_comes_upright),
        cmocka_unit_test(test_orientation_can_be_ignored),
        cmocka_unit_test(test_boxes_map_back_to_stored_coordinates),
        cmocka_unit_test(test_limits_are_kept_and_can_be_raised),
        cmocka_unit_test(test_damaged_pictures_are_told_and_nothing_else),
        cmocka_unit_test(test_of_a_jpeg_the_end_marker_alone_may_be_missing),
        cmocka_unit_test(test_a_jpeg_without_its_last_scans_is_cut_short),
        cmocka_unit_test(
            test_padding_and_scans_without_a_range_change_no_pixel),
        cmocka_unit_test(test_files_that_cannot_be_read_are_told_apart),
        cmocka_unit_test(test_calls_without_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
