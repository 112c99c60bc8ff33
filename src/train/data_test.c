/* SPDX-License-Identifier: Apache-2.0 */
/* From files to batches: data set, order, augmentation, loader. */
#include "folder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "train/loader.h"

#define FACES FACET_SHARED_DIR "/data/faces/"

static const char *in_folder(const char *name)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_text(const char *name, const char *text)
{
    CHECK_OK(facet__file_write(in_folder(name), text, strlen(text), NULL));
}

/* A picture whose pixels tell its number. */
static void write_picture(const char *name, int number)
{
    facet_image *image;
    uint8_t *data;

    CHECK_OK(facet_image_create(128, 128, &image));
    data = facet_image_data_mutable(image);
    for (size_t i = 0; i < 128 * facet_image_stride(image); i++)
        data[i] = (uint8_t)((size_t)number * 16 + (i * 7919) % 13);
    CHECK_OK(facet_image_write(image, in_folder(name), 90, NULL));
    facet_image_free(image);
}

/* Four people with 3, 2, 2 and 1 pictures; the last one's is broken if asked.
 */
static int setup_folder(void **state)
{
    static const char *const names[] = { "ann/1.png", "ann/2.png", "ann/3.png",
        "bob/1.png", "bob/2.png", "cy/1.png", "cy/2.png", "dan/1.png" };
    static const char *const people[] = { "ann", "bob", "cy", "dan" };

    (void)state;
    make_folder("data");
    for (int i = 0; i < 4; i++)
        assert_int_equal(mkdir(in_folder(people[i]), 0755), 0);
    for (int i = 0; i < 8; i++)
        write_picture(names[i], i);
    write_text("ann/notes.md", "not a picture");
    return 0;
}

static facet__dataset *open_folder(uint32_t least)
{
    facet__dataset_setup setup;
    facet__dataset *d;
    facet_error err;

    facet__dataset_setup_init(&setup);
    setup.paths[0] = folder;
    setup.n_paths = 1;
    setup.least = least;
    CHECK_OK(facet__dataset_open(&setup, &d, &err));
    return d;
}

static void test_a_folder_a_person_becomes_a_sorted_list(void **state)
{
    facet__dataset *d = open_folder(0);

    (void)state;
    assert_int_equal(facet__dataset_count(d), 8);
    assert_int_equal(facet__dataset_classes(d), 4);
    assert_string_equal(facet__dataset_class_name(d, 2), "cy");
    assert_int_equal(facet__dataset_example(d, 4)->label, 1);
    assert_string_equal(facet__dataset_example(d, 4)->key, "2");
    facet__dataset_close(d);
    d = open_folder(2);
    assert_int_equal(facet__dataset_count(d), 7);
    assert_int_equal(facet__dataset_classes(d), 3);
    facet__dataset_close(d);
}

static void test_a_list_gives_paths_and_labels(void **state)
{
    facet__dataset_setup setup;
    facet__dataset *d;
    facet_error err;

    (void)state;
    write_text("list.tsv", "path\tlabel\r\nann/1.png\tx\nbob/1.png\t-\n"
                           "\ncy/1.png\tw\n");
    facet__dataset_setup_init(&setup);
    setup.paths[0] = in_folder("list.tsv");
    setup.n_paths = 1;
    CHECK_OK(facet__dataset_open(&setup, &d, &err));
    assert_int_equal(facet__dataset_count(d), 2);
    assert_string_equal(facet__dataset_class_name(d, 0), "w");
    facet__dataset_close(d);
    setup.unlabelled = true;
    CHECK_OK(facet__dataset_open(&setup, &d, &err));
    assert_int_equal(facet__dataset_count(d), 3);
    assert_int_equal(facet__dataset_classes(d), 2);
    facet__dataset_close(d);
}

static void test_what_cannot_be_a_data_set_is_told(void **state)
{
    facet__dataset_setup setup;
    facet__dataset *d;
    facet_error err;

    (void)state;
    facet__dataset_setup_init(&setup);
    setup.paths[0] = "no/such/folder";
    setup.n_paths = 1;
    assert_int_equal(facet__dataset_open(&setup, &d, &err), FACET_ENOTFOUND);
    assert_null(d);
    write_text("bad.tsv", "path\tlabel\nann/1.png\n");
    setup.paths[0] = in_folder("bad.tsv");
    assert_int_equal(facet__dataset_open(&setup, &d, &err), FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "line 2 does not have 2 columns"));
    write_text("empty.tsv", "path\tlabel\n");
    setup.paths[0] = in_folder("empty.tsv");
    assert_int_equal(facet__dataset_open(&setup, &d, &err), FACET_EEMPTY);
    write_text("table.tsv", "key\twho\n1\tx\n");
    setup.paths[0] = folder;
    char table[512];
    snprintf(table, sizeof table, "%s", in_folder("table.tsv"));
    setup.table = table;
    assert_int_equal(facet__dataset_open(&setup, &d, &err), FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "no column 'person'; there are key, who"));
}

static facet__dataset *open_faces(
    const char *split, const char *shards, bool unlabelled)
{
    facet__dataset_setup setup;
    facet__dataset *d;
    facet_error err;

    facet__dataset_setup_init(&setup);
    setup.paths[0] = shards;
    setup.n_paths = 1;
    setup.table = FACES "faces.tsv";
    setup.split = split;
    setup.unlabelled = unlabelled;
    CHECK_OK(facet__dataset_open(&setup, &d, &err));
    return d;
}

/* The numbers of ../shared/data/README.md; no picture of the validation split
 * can come in through the training split. */
static void test_the_shards_hold_what_their_table_says(void **state)
{
    facet__dataset *d;

    (void)state;
    NEED_SHARED("data/faces/faces.tsv");
    d = open_faces("train", FACES "faces-train-*.tar", true);
    assert_int_equal(facet__dataset_count(d), 60050);
    assert_int_equal(facet__dataset_classes(d), 3073);
    facet__dataset_close(d);
    d = open_faces("train", FACES "*.tar", false);
    assert_int_equal(facet__dataset_count(d), 33045);
    facet__dataset_close(d);
    d = open_faces("val", FACES "*.tar", false);
    assert_int_equal(facet__dataset_count(d), 3081);
    assert_int_equal(facet__dataset_classes(d), 390);
    facet__dataset_close(d);
}

static facet__order *make_order(
    const facet__dataset *d, facet__order_setup setup)
{
    facet__order *o;
    facet_error err;

    CHECK_OK(facet__order_create(&setup, d, &o, &err));
    return o;
}

static void test_a_shuffled_epoch_shows_every_picture_once(void **state)
{
    facet__dataset *d = open_folder(0);
    facet__order *o =
        make_order(d, (facet__order_setup){ FACET__ORDER_SHUFFLE, 4, 0, 0, 3 });
    uint32_t first[8];

    (void)state;
    assert_int_equal(facet__order_batches(o), 2);
    memcpy(first, facet__order_epoch(o, 0), sizeof first);
    for (uint64_t epoch = 0; epoch < 20; epoch++) {
        const uint32_t *list = facet__order_epoch(o, epoch);
        int seen[8] = { 0 };

        for (int i = 0; i < 8; i++)
            seen[list[i]]++;
        for (int i = 0; i < 8; i++)
            assert_int_equal(seen[i], 1);
    }
    assert_memory_not_equal(first, facet__order_epoch(o, 1), sizeof first);
    assert_memory_equal(first, facet__order_epoch(o, 0), sizeof first);
    facet__order_free(o);
    facet__dataset_close(d);
}

static void test_people_by_images_fills_batches_as_asked(void **state)
{
    facet__dataset *d = open_folder(0);
    facet__order *o =
        make_order(d, (facet__order_setup){ FACET__ORDER_PK, 7, 3, 2, 3 });

    (void)state;
    for (uint64_t epoch = 0; epoch < 50; epoch++) {
        const uint32_t *list = facet__order_epoch(o, epoch);
        int people[4] = { 0 };

        for (int i = 0; i < 6; i++)
            people[facet__dataset_example(d, list[i])->label]++;
        for (int p = 0; p < 4; p++) /* two of each of three people */
            assert_true(people[p] == 0 || people[p] == 2);
        for (int i = 0; i < 6; i += 2) /* and not the same picture twice */
            if (facet__dataset_example(d, list[i])->label != 3)
                assert_int_not_equal(list[i], list[i + 1]);
        assert_true(list[6] < 8);
    }
    facet__order_free(o);
    facet__dataset_close(d);
}

static void test_the_balanced_order_shows_people_equally_often(void **state)
{
    facet__dataset *d = open_folder(0);
    facet__order *o = make_order(
        d, (facet__order_setup){ FACET__ORDER_BALANCED, 4, 0, 0, 3 });
    int people[4] = { 0 };

    (void)state;
    for (uint64_t epoch = 0; epoch < 50; epoch++) {
        const uint32_t *list = facet__order_epoch(o, epoch);

        for (int i = 0; i < 8; i++)
            people[facet__dataset_example(d, list[i])->label]++;
    }
    for (int p = 0; p < 4; p++)
        assert_int_equal(people[p], 100);
    facet__order_free(o);
    facet__dataset_close(d);
}

static void test_impossible_orders_are_told(void **state)
{
    facet__dataset *d = open_folder(0);
    const facet__order_setup bad[] = { { FACET__ORDER_SHUFFLE, 9, 0, 0, 0 },
        { FACET__ORDER_PK, 8, 5, 1, 0 }, { FACET__ORDER_PK, 8, 3, 3, 0 },
        { FACET__ORDER_PK, 8, 0, 3, 0 },
        { FACET__ORDER_BALANCED, 0, 0, 0, 0 } };
    facet__order *o;
    facet_error err;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(
            facet__order_create(&bad[i], d, &o, &err), FACET_EINVAL);
        assert_null(o);
    }
    facet__dataset_close(d);
}

static void everything(facet__augment *a)
{
    facet__augment_init(a);
    a->flip = .5;
    a->shift = 4;
    a->scale = .1;
    a->rotate = 10;
    a->brightness = a->contrast = a->saturation = .3;
    a->gray = a->blur = a->jpeg = a->shrink = a->erase = .4;
}

static void test_without_augmentation_the_middle_is_cut(void **state)
{
    facet__augment none;
    facet__random random = facet__random_stream(1, 2, 3);
    facet__crop crop;
    facet__jitter jitter;
    facet_image *image;
    static uint8_t rgb[112 * 112 * 3];
    static float out[112 * 112 * 3];
    const uint8_t *pixel;

    (void)state;
    facet__augment_init(&none);
    facet__crop_init(&crop, 112, 112, 128);
    CHECK_OK(facet_image_create(128, 128, &image));
    for (size_t i = 0; i < 128 * facet_image_stride(image); i++)
        facet_image_data_mutable(image)[i] = (uint8_t)(i * 31 % 251);
    jitter = facet__jitter_draw(&none, &random, 128);
    CHECK_OK(facet__crop_cut(&crop, &jitter, 128, image, rgb));
    CHECK_OK(facet__augment_pixels(&none, &random, rgb, 112, 112));
    for (size_t y = 0; y < 112; y++) {
        pixel = facet_image_data(image) + (y + 8) * facet_image_stride(image) +
                8 * 3;
        assert_memory_equal(rgb + y * 112 * 3, pixel, 112 * 3);
    }
    facet__crop_floats(&crop, rgb, out);
    CHECK_NEAR(out[5], (rgb[5] - 127.5) / 128, 1e-6);
    crop.nchw = crop.bgr = true;
    facet__crop_floats(&crop, rgb, out);
    CHECK_NEAR(out[5], (rgb[5 * 3 + 2] - 127.5) / 128, 1e-6);
    facet_image_free(image);
}

/* Eyes and mouth of the README in the frame; where each crop shows them. */
static void test_both_crops_show_the_same_face(void **state)
{
    facet__crop arc, other;
    facet__augment a;
    facet__random random = facet__random_stream(1, 2, 3);
    facet__jitter jitter;

    (void)state;
    facet__crop_init(&arc, 112, 112, 128);
    facet__crop_init_0095(&other, 128);
    /* The left eye: 38.2946, 51.6963 in the ArcFace template. */
    CHECK_NEAR(arc.map[0] * 38.2946 + arc.map[2], 46.2946, 1e-4);
    CHECK_NEAR(arc.map[4] * 51.6963 + arc.map[5], 59.6963, 1e-4);
    {
        const double x = 46.2946, y = 59.6963;
        const double u = 1.21634228 * x - 0.00220557 * y - 13.6666;
        const double v = 0.00220557 * x + 1.21634228 * y - 15.0742;

        CHECK_NEAR(other.map[0] * u + other.map[1] * v + other.map[2], x, 1e-4);
        CHECK_NEAR(other.map[3] * u + other.map[4] * v + other.map[5], y, 1e-4);
    }
    /* The jitter is a similarity about the middle, within its bounds. */
    everything(&a);
    for (int i = 0; i < 200; i++) {
        double det, x, y;

        jitter = facet__jitter_draw(&a, &random, 128);
        det =
            fabs(jitter.map[0] * jitter.map[4] - jitter.map[1] * jitter.map[3]);
        assert_true(det > 1 / 1.2101 && det < 1.2101);
        x = jitter.map[0] * 63.5 + jitter.map[1] * 63.5 + jitter.map[2];
        y = jitter.map[3] * 63.5 + jitter.map[4] * 63.5 + jitter.map[5];
        assert_true(fabs(x - 63.5) <= 4 && fabs(y - 63.5) <= 4);
    }
}

static void test_mirroring_twice_is_the_identity(void **state)
{
    facet__augment a;
    facet__random random = facet__random_stream(1, 2, 3);
    facet__jitter j;
    double twice[4];

    (void)state;
    facet__augment_init(&a);
    a.flip = 1;
    j = facet__jitter_draw(&a, &random, 128);
    CHECK_NEAR(j.map[0], -1, 0);
    CHECK_NEAR(j.map[2], 127, 1e-12);
    twice[0] = j.map[0] * j.map[0];
    CHECK_NEAR(twice[0], 1, 0);
    CHECK_NEAR(j.map[0] * j.map[2] + j.map[2], 0, 1e-12);
}

/* Each operation by itself does what its name says to a picture. */
static void test_each_pixel_operation_changes_what_it_should(void **state)
{
    enum { SIDE = 32, BYTES = SIDE * SIDE * 3 };
    uint8_t old[BYTES], rgb[BYTES];
    facet__augment a;

    (void)state;
    for (int i = 0; i < BYTES; i++)
        old[i] = (uint8_t)(i * 7919 % 256);
    for (int what = 0; what < 5; what++) {
        facet__random random = facet__random_stream(1, 2, 3);
        int changed = 0, gray = 0, color = 0;
        double roughness = 0, rough_before = 0;

        facet__augment_init(&a);
        a.gray = what == 0;
        a.blur = what == 1;
        a.jpeg = what == 2;
        a.shrink = what == 3;
        a.erase = what == 4;
        memcpy(rgb, old, sizeof rgb);
        CHECK_OK(facet__augment_pixels(&a, &random, rgb, SIDE, SIDE));
        for (int i = 0; i < BYTES; i++)
            changed += rgb[i] != old[i];
        for (int i = 3; i < BYTES; i++) {
            roughness += abs(rgb[i] - rgb[i - 3]);
            rough_before += abs(old[i] - old[i - 3]);
        }
        for (int i = 0; i < BYTES; i += 3) {
            gray += rgb[i] == 128 && rgb[i + 1] == 128 && rgb[i + 2] == 128;
            color += rgb[i] != rgb[i + 1] || rgb[i] != rgb[i + 2];
        }
        assert_true(changed > 0);
        if (what == 0)
            assert_int_equal(color, 0);
        if (what == 1 || what == 3)
            assert_true(roughness < .8 * rough_before);
        if (what == 4) {
            assert_true(gray > SIDE * SIDE / 60 && gray < SIDE * SIDE / 5);
            assert_true(changed <= 3 * gray);
        }
    }
}

static facet__loader *make_loader(const facet__dataset *d, uint32_t batch,
    int threads, int ring, uint64_t first)
{
    facet__loader_setup setup;
    facet__loader *l;
    facet_error err;

    facet__loader_setup_init(&setup);
    setup.dataset = d;
    setup.order = (facet__order_setup){ FACET__ORDER_PK, batch, 2, 2, 0 };
    setup.seed = 11;
    setup.first = first;
    setup.threads = threads;
    setup.ring = ring;
    setup.n_crops = 2;
    setup.max_broken = .2;
    facet__crop_init_0095(&setup.crops[1], 128);
    everything(&setup.augment);
    CHECK_OK(facet__loader_create(&setup, &l, &err));
    return l;
}

/* A sum over labels, indices and pixels of a batch. */
static uint64_t digest(const facet__load *load)
{
    uint64_t sum = 1469598103934665603u;
    const size_t sizes[] = { load->n * 112 * 112 * 3, load->n * 128 * 128 * 3 };

    for (size_t i = 0; i < load->n; i++)
        sum = (sum ^ (uint64_t)load->labels[i] ^ load->indices[i]) *
              1099511628211u;
    for (int c = 0; c < 2; c++)
        for (size_t i = 0; i < sizes[c]; i++) {
            uint32_t bits;

            memcpy(&bits, &load->crops[c][i], sizeof bits);
            sum = (sum ^ bits) * 1099511628211u;
        }
    return sum;
}

static void test_batches_do_not_depend_on_threads_or_start(void **state)
{
    enum { BATCHES = 10 };
    uint64_t want[BATCHES];
    facet__dataset *d = open_folder(0);

    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        const uint64_t first = threads == 3 ? 4 : 0;
        facet__loader *l = make_loader(d, 5, threads, 1 + threads, first);

        for (uint64_t b = first; b < BATCHES; b++) {
            facet__load load;

            CHECK_OK(facet__loader_next(l, &load, NULL));
            assert_int_equal(load.number, b);
            if (threads == 1)
                want[b] = digest(&load);
            assert_true(digest(&load) == want[b]);
        }
        for (uint64_t b = 1; b < BATCHES; b++)
            assert_true(want[b] != want[b - 1]);
        facet__loader_free(l);
    }
    facet__dataset_close(d);
}

static int told;

static void count_broken(void *context, const char *name, const char *why)
{
    (void)context;
    assert_non_null(strstr(name, "/bob/2.png")); /* where to look for it */
    assert_non_null(why);
    told++;
}

static void test_a_broken_picture_is_told_once_and_replaced(void **state)
{
    facet__loader_setup setup;
    facet__dataset *d = open_folder(0);
    facet__loader *l;
    facet__load load;
    facet_error err;

    (void)state;
    write_text("bob/2.png", "no picture");
    facet__loader_setup_init(&setup);
    setup.dataset = d;
    setup.order = (facet__order_setup){ FACET__ORDER_SHUFFLE, 8, 0, 0, 0 };
    setup.max_broken = .2;
    setup.on_broken = count_broken;
    setup.threads = 2;
    told = 0;
    CHECK_OK(facet__loader_create(&setup, &l, &err));
    for (int b = 0; b < 6; b++) {
        int bobs = 0;

        CHECK_OK(facet__loader_next(l, &load, &err));
        for (size_t i = 0; i < load.n; i++) {
            bobs += load.labels[i] == 1;
            assert_int_not_equal(load.indices[i], 4);
        }
        assert_int_equal(bobs, 2);
    }
    assert_int_equal(told, 1);
    assert_int_equal(facet__loader_broken(l), 1);
    facet__loader_free(l);
    setup.max_broken = .1; /* one of eight is more */
    CHECK_OK(facet__loader_create(&setup, &l, &err));
    for (int b = 0; b < 6; b++)
        if (facet__loader_next(l, &load, &err) != FACET_OK)
            break;
    assert_int_equal(err.code, FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "/bob/2.png: "));
    facet__loader_free(l);
    facet__dataset_close(d);
    write_picture("bob/2.png", 4);
}

/* Not a benchmark, but a floor: a machine in other use makes 400 images/s too.
 */
static void test_real_shards_are_loaded_fast(void **state)
{
    facet__loader_setup setup;
    facet__loader *l;
    facet__load load;
    facet__dataset *d;
    facet_error err;
    double begin, seconds;

    (void)state;
    NEED_SHARED("data/faces/faces.tsv");
    d = open_faces("val", FACES "faces-val.tar", false);
    facet__loader_setup_init(&setup);
    setup.dataset = d;
    setup.threads = 2;
    everything(&setup.augment);
    setup.augment.gray = setup.augment.blur = setup.augment.jpeg =
        setup.augment.shrink = setup.augment.erase = .2;
    CHECK_OK(facet__loader_create(&setup, &l, &err));
    begin = facet__clock();
    for (int b = 0; b < 20; b++)
        CHECK_OK(facet__loader_next(l, &load, &err));
    seconds = facet__clock() - begin;
    print_message("%.0f images/s\n", 20 * 64 / seconds);
    assert_true(20 * 64 / seconds > 100);
    facet__loader_free(l);
    facet__dataset_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_folder_a_person_becomes_a_sorted_list),
        cmocka_unit_test(test_a_list_gives_paths_and_labels),
        cmocka_unit_test(test_what_cannot_be_a_data_set_is_told),
        cmocka_unit_test(test_the_shards_hold_what_their_table_says),
        cmocka_unit_test(test_a_shuffled_epoch_shows_every_picture_once),
        cmocka_unit_test(test_people_by_images_fills_batches_as_asked),
        cmocka_unit_test(test_the_balanced_order_shows_people_equally_often),
        cmocka_unit_test(test_impossible_orders_are_told),
        cmocka_unit_test(test_without_augmentation_the_middle_is_cut),
        cmocka_unit_test(test_both_crops_show_the_same_face),
        cmocka_unit_test(test_mirroring_twice_is_the_identity),
        cmocka_unit_test(test_each_pixel_operation_changes_what_it_should),
        cmocka_unit_test(test_batches_do_not_depend_on_threads_or_start),
        cmocka_unit_test(test_a_broken_picture_is_told_once_and_replaced),
        cmocka_unit_test(test_real_shards_are_loaded_fast),
    };

    return cmocka_run_group_tests(tests, setup_folder, remove_folder);
}
