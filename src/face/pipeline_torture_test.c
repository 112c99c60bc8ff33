/* SPDX-License-Identifier: Apache-2.0 */
/* What a photo costs in memory: every allocation on its way fails once, a
 * second photo of the same size allocates no scratch, and the thousandth leaves
 * no more behind than the hundredth. */
#include "torture.h"

#include <malloc.h>
#include <stdlib.h>

#include "facet/facet.h"

#define MODELS FACET_SHARED_DIR "/models/"
#define PHOTOS FACET_SHARED_DIR "/photos/"

static void open_options(facet_pipeline_opts *opts)
{
    facet_pipeline_opts_init(opts);
    opts->detector = MODELS "yunet_2026may.onnx";
    opts->embedder = MODELS "reid0095.onnx";
    opts->precision = FACET_PRECISION_FP32;
}

static facet_image *read_photo(const char *path)
{
    facet_image *image = NULL;
    facet_error err = { FACET_OK, "" };

    if (facet_image_read(path, NULL, &image, &err) != FACET_OK)
        fail_msg("%s: %s", path, err.msg);
    return image;
}

/* From nothing to the faces of one photo and back. */
static facet_status once(void *context)
{
    facet_pipeline_opts opts;
    facet_pipeline *pipeline = NULL;
    facet_image *photo = NULL;
    facet_faces *faces = NULL;
    facet_error err = { FACET_OK, "" };
    facet_status st;

    (void)context;
    open_options(&opts);
    st = facet_pipeline_open(&opts, &pipeline, &err);
    if (st == FACET_OK)
        st = facet_image_read(PHOTOS "photo-05.jpg", NULL, &photo, &err);
    if (st == FACET_OK)
        st = facet_pipeline_faces(pipeline, photo, &faces, &err);
    if (st == FACET_OK)
        assert_int_equal(facet_faces_count(faces), 1);
    else
        assert_int_equal(err.code, st);
    facet_faces_free(faces);
    facet_image_free(photo);
    facet_pipeline_close(pipeline);
    return st;
}

/* The first so many one by one, then in growing strides: the weights alone are
 * some hundreds, all alike. */
static void test_any_failing_allocation_is_an_answer(void **unused)
{
    (void)unused;
    NEED_SHARED("models/reid0095.onnx");
    torture("photo", once, NULL, 60);
}

/* A photo that takes two levels of the pyramid, one of them shrunken. */
static void test_a_second_photo_needs_no_scratch(void **unused)
{
    facet_model *model = NULL;
    facet_detector *detector = NULL;
    facet_image *photo;
    facet_face faces[8];
    size_t count;

    (void)unused;
    NEED_SHARED("models/yunet_2026may.onnx");
    photo = read_photo(PHOTOS "photo-08.jpg");
    CHECK_OK(facet_model_load(MODELS "yunet_2026may.onnx", NULL, &model, NULL));
    CHECK_OK(facet_detector_create(model, NULL, &detector, NULL));
    CHECK_OK(facet_detector_find(detector, photo, faces, 8, &count, NULL));
    allocations = 0;
    CHECK_OK(facet_detector_find(detector, photo, faces, 8, &count, NULL));
    assert_int_equal(count, 1);
    assert_int_equal(allocations, 0);
    facet_detector_free(detector);
    facet_model_free(model);
    facet_image_free(photo);
}

static void check_runs_of(const char *path, int64_t height, int64_t width)
{
    facet_model *model = NULL;
    facet_session *session = NULL;
    facet_tensor_info info;

    CHECK_OK(facet_model_load(path, NULL, &model, NULL));
    CHECK_OK(facet_session_create(model, NULL, &session, NULL));
    CHECK_OK(facet_model_input_info(model, 0, &info));
    info.dims[0] = 1;
    if (info.dims[2] < 0)
        info.dims[2] = height;
    if (info.dims[3] < 0)
        info.dims[3] = width;
    CHECK_OK(facet_session_reshape(session, info.dims, NULL));
    allocations = 0;
    for (int i = 0; i < 3; i++)
        CHECK_OK(facet_session_run(session, NULL));
    if (allocations)
        fail_msg("%s: %d allocations in three runs", path, allocations);
    facet_session_free(session);
    facet_model_free(model);
}

static void test_a_run_allocates_nothing(void **unused)
{
    (void)unused;
    NEED_SHARED("models/facemesh468.onnx");
    check_runs_of(MODELS "reid0095.onnx", 128, 128);
    check_runs_of(MODELS "mobilefacenet.onnx", 112, 112);
    check_runs_of(MODELS "yunet_2026may.onnx", 480, 640);
    check_runs_of(MODELS "yunet_2023mar_640.onnx", 640, 640);
    check_runs_of(MODELS "landmarks0009.onnx", 48, 48);
    check_runs_of(MODELS "facemesh468.onnx", 192, 192);
}

/* Bytes that malloc has given out and not got back. */
static size_t bytes_in_use(void)
{
    const struct mallinfo2 about = mallinfo2();

    return about.uordblks + about.hblkhd;
}

static void embed_photos(facet_pipeline *pipeline, int count)
{
    static const char *const photos[] = { PHOTOS "photo-04.jpg",
        PHOTOS "photo-05.jpg", PHOTOS "photo-07.jpg", PHOTOS "photos.tsv" };

    for (int i = 0; i < count; i++) {
        facet_image *photo = NULL;
        facet_faces *faces = NULL;
        const facet_status st =
            facet_image_read(photos[i % 4], NULL, &photo, NULL);

        if (i % 4 == 3) {
            assert_int_equal(st, FACET_ENOTIMAGE);
            continue;
        }
        CHECK_OK(st);
        CHECK_OK(facet_pipeline_faces(pipeline, photo, &faces, NULL));
        assert_int_equal(facet_faces_count(faces), 1);
        facet_faces_free(faces);
        facet_image_free(photo);
    }
}

static void test_a_thousand_photos_leave_what_a_hundred_leave(void **unused)
{
    facet_pipeline_opts opts;
    facet_pipeline *pipeline = NULL;
    size_t hundred;

    (void)unused;
    NEED_SHARED("models/reid0095.onnx");
    open_options(&opts);
    opts.precision = FACET_PRECISION_AUTO;
    CHECK_OK(facet_pipeline_open(&opts, &pipeline, NULL));
    embed_photos(pipeline, 100);
    hundred = bytes_in_use();
    if (hundred == 0) {
        print_message("skipped: this malloc does not count (a sanitizer's)\n");
        facet_pipeline_close(pipeline);
        skip();
    }
    embed_photos(pipeline, 900);
    assert_int_equal(bytes_in_use(), hundred);
    facet_pipeline_close(pipeline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_failing_allocation_is_an_answer),
        cmocka_unit_test(test_a_second_photo_needs_no_scratch),
        cmocka_unit_test(test_a_run_allocates_nothing),
        cmocka_unit_test(test_a_thousand_photos_leave_what_a_hundred_leave),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
