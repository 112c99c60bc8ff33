/* SPDX-License-Identifier: Apache-2.0 */
/* The public networks of ../shared/models give their golden outputs. */
#include "check.h"

#include <math.h>
#include <string.h>

#include "npy.h"

#include "nn/engine/kernels.h"
#include "nn/model.h"

#define GOLDEN FACET_SHARED_DIR "/models/golden/"

/* Each image of `in` by itself, or all as one batch. */
static void run(const char *name, facet_precision precision, int threads,
    const npy *in, size_t batch, size_t output, float *out)
{
    char path[512];
    facet_model_opts opts;
    facet_session_opts session_opts;
    facet_model *model;
    facet_session *session;
    facet_error err = { 0 };
    int64_t dims[6];
    const size_t image = in->count / (size_t)in->d[0];
    const float *result;

    snprintf(path, sizeof path, FACET_SHARED_DIR "/models/%s.onnx", name);
    facet_model_opts_init(&opts);
    opts.precision = precision;
    facet_session_opts_init(&session_opts);
    session_opts.threads = threads;
    if (facet_model_load(path, &opts, &model, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    CHECK_OK(facet_session_create(model, &session_opts, &session, &err));
    memcpy(dims, in->d, sizeof dims);
    dims[0] = (int64_t)batch;
    if (facet_session_reshape(session, dims, &err) != FACET_OK)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < (size_t)in->d[0]; i += batch) {
        facet_tensor_info info;
        size_t count = 1;

        memcpy(facet_session_input(session, 0), in->data + i * image,
            batch * image * sizeof *in->data);
        CHECK_OK(facet_session_run(session, &err));
        result = facet_session_output(session, output, &info);
        for (int k = 0; k < info.n_dims; k++)
            count *= (size_t)info.dims[k];
        memcpy(out, result, count * sizeof *out);
        out += count;
    }
    facet_session_free(session);
    facet_model_free(model);
}

static double range_of(const npy *a)
{
    float lo = a->data[0], hi = a->data[0];

    for (size_t i = 0; i < a->count; i++) {
        lo = a->data[i] < lo ? a->data[i] : lo;
        hi = a->data[i] > hi ? a->data[i] : hi;
    }
    return (double)(hi - lo);
}

/* The reference's own sigmoid is exact to 1e-7 only, which is more than 1e-4
 * of the range where a map of scores is all but empty. */
static void check_close(const float *got, const npy *want, double tolerance)
{
    const double limit = fmax(tolerance * range_of(want), 2e-7);
    double worst = 0;

    for (size_t i = 0; i < want->count; i++)
        worst = fmax(worst, fabs((double)(got[i] - want->data[i])));
    print_message("  max difference %.3g of the range %.3g\n",
        worst / range_of(want), range_of(want));
    assert_true(worst <= limit);
}

static double cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;

    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

static void read_pair(
    const char *in_name, const char *out_name, npy *in, npy *out)
{
    char path[512];

    snprintf(path, sizeof path, GOLDEN "%s", in_name);
    assert_true(npy_read(path, in));
    snprintf(path, sizeof path, GOLDEN "%s", out_name);
    assert_true(npy_read(path, out));
}

static bool has_bf16(void)
{
    return facet__kernels_of(facet__cpu_level_get())->gemm_bf16 != NULL;
}

/* fp32 within 1e-4 of the range, singly, as a batch, on two threads; bf16 by
 * cosine. */
static void check_network(const char *name, const char *in_name,
    const char *out_name, size_t output, bool embedding)
{
    npy in, want;
    float *got, *again;

    read_pair(in_name, out_name, &in, &want);
    got = malloc(want.count * sizeof *got);
    again = malloc(want.count * sizeof *again);
    print_message("%s\n", name);
    run(name, FACET_PRECISION_FP32, 1, &in, 1, output, got);
    check_close(got, &want, 1e-4);
    run(name, FACET_PRECISION_FP32, 2, &in, (size_t)in.d[0], output, again);
    assert_memory_equal(got, again, want.count * sizeof *got);
    if (embedding && has_bf16()) {
        const size_t dim = want.count / (size_t)in.d[0];

        run(name, FACET_PRECISION_BF16, 1, &in, 1, output, got);
        for (size_t i = 0; i < (size_t)in.d[0]; i++) {
            const double c = cosine(got + i * dim, want.data + i * dim, dim);

            print_message("  bf16 cosine %.6f\n", c);
            assert_true(c >= 0.999);
        }
        run(name, FACET_PRECISION_BF16, 2, &in, (size_t)in.d[0], output, again);
        assert_memory_equal(got, again, want.count * sizeof *got);
    }
    free(got);
    free(again);
    npy_free(&in);
    npy_free(&want);
}

static void test_embedders_give_their_golden_outputs(void **state)
{
    (void)state;
    NEED_SHARED("models/golden/reid0095.in.npy");
    check_network("reid0095", "reid0095.in.npy", "reid0095.out.npy", 0, true);
    check_network("mobilefacenet", "mobilefacenet.in.npy",
        "mobilefacenet.out.npy", 0, true);
}

static void test_landmark_networks_give_their_golden_outputs(void **state)
{
    (void)state;
    NEED_SHARED("models/golden/landmarks0009.in.npy");
    check_network("landmarks0009", "landmarks0009.in.npy",
        "landmarks0009.out.npy", 0, false);
    check_network("facemesh468", "facemesh468.in.npy",
        "facemesh468.landmarks.npy", 0, false);
    check_network(
        "facemesh468", "facemesh468.in.npy", "facemesh468.flag.npy", 1, false);
}

/* The twelve outputs of a YuNet, one after the other. */
static void check_detector(const char *name, const char *example)
{
    char in_name[64], out_name[64];
    npy in, want;
    size_t at = 0;

    snprintf(in_name, sizeof in_name, "%s.%s.in.npy", name, example);
    snprintf(out_name, sizeof out_name, "%s.%s.out.npy", name, example);
    read_pair(in_name, out_name, &in, &want);
    print_message("%s\n", in_name);
    for (size_t output = 0; output < 12; output++) {
        const size_t stride = (size_t)8 << output % 3;
        const size_t width = output < 6 ? 1 : output < 9 ? 4 : 10;
        const size_t count =
            (size_t)(in.d[2] * in.d[3]) / (stride * stride) * width;
        npy part = { .count = count, .data = want.data + at };
        float *got = malloc(count * sizeof *got);

        run(name, FACET_PRECISION_FP32, 1, &in, 1, output, got);
        check_close(got, &part, 1e-4);
        free(got);
        at += count;
    }
    assert_int_equal(at, want.count);
    npy_free(&in);
    npy_free(&want);
}

static void test_detectors_give_their_golden_outputs(void **state)
{
    (void)state;
    NEED_SHARED("models/golden/yunet_2026may.a.in.npy");
    check_detector("yunet_2026may", "a");
    check_detector("yunet_2026may", "b");
    check_detector("yunet_2023mar_640", "a");
    check_detector("yunet_2023mar_640", "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_embedders_give_their_golden_outputs),
        cmocka_unit_test(test_landmark_networks_give_their_golden_outputs),
        cmocka_unit_test(test_detectors_give_their_golden_outputs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
