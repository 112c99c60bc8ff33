/* SPDX-License-Identifier: Apache-2.0 */
/* selftest.c - does the engine compute on this machine what it should?
 *
 * Every set of kernels that the processor can run is given the same random
 * pictures as plain C, and must answer the same: within rounding in fp32, in
 * the same direction in bf16. Golden answers in a network's file, and golden
 * vectors beside it (golden/NAME.in.npy and .out.npy), must come out as well.
 */
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "exits.h"
#include "facet/golden.h"
#include "facet/version.h"
#include "networks.h"
#include "processor.h"
#include "trial.h"
#include "verbs.h"

/* Largest difference in fp32, as a part of the output's range, and the lowest
 * cosine in bf16. */
#define FP32_TOLERANCE 1e-4
#define BF16_COSINE 0.999

enum { PICTURES = 2 };

typedef struct vectors {
    float *values;
    size_t count;
} vectors;

static error_t parse(int key, char *text, struct argp_state *state)
{
    if (key == ARGP_KEY_INIT) {
        state->child_inputs[0] = state->input;
        return 0;
    }
    if (key == ARGP_KEY_ARG)
        argp_error(state, "'%s': no argument is wanted", text);
    return ARGP_ERR_UNKNOWN;
}

/* ---- Comparing ---- */

static double difference(const float *a, const float *b, size_t count)
{
    double low = HUGE_VAL, high = -HUGE_VAL, worst = 0;

    for (size_t i = 0; i < count; i++) {
        low = fmin(low, (double)b[i]);
        high = fmax(high, (double)b[i]);
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
        if (isnan(a[i]))
            return HUGE_VAL;
    }
    return worst / fmax(high - low, 1e-6);
}

static double cosine(const float *a, const float *b, size_t count)
{
    double ab = 0, aa = 0, bb = 0;

    for (size_t i = 0; i < count; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb + 1e-30);
}

/* Print a line of the report; is it good? */
static bool judge(const char *what, const char *level,
    facet_precision precision, const float *got, vectors want)
{
    const bool fp32 = precision == FACET_PRECISION_FP32;
    const double value = fp32 ? difference(got, want.values, want.count)
                              : cosine(got, want.values, want.count);
    const bool good = fp32 ? value <= FP32_TOLERANCE : value >= BF16_COSINE;

    printf("%-6s %-9s %-11s %-5s %s %.2g\n", good ? "ok" : "FAILED", what,
        level, precision_name(precision), fp32 ? "difference" : "1 - cosine",
        fp32 ? value : 1 - value);
    return good;
}

/* ---- Running ---- */

/* The answers of a network at a level, to `PICTURES` random pictures. */
static facet_status answers(const char *path, const char *level,
    facet_precision precision, vectors *out, facet_error *err)
{
    trial t;
    facet_status st;
    size_t each;

    setenv("FACET_CPU", level, 1);
    *out = (vectors){ NULL, 0 };
    st = trial_open(&t, path, precision, 1, 160, 128, err);
    for (unsigned i = 0; i < PICTURES && st == FACET_OK; i++) {
        trial_fill(&t, i + 1);
        st = trial_run(&t, err);
        each = st == FACET_OK ? trial_output(&t, NULL, 0) : 0;
        if (st == FACET_OK && !out->values)
            out->values = calloc(PICTURES * each, sizeof *out->values);
        if (st == FACET_OK && !out->values)
            st = FACET_ENOMEM;
        if (st == FACET_OK)
            out->count += trial_output(&t, out->values + out->count, each);
    }
    trial_close(&t);
    return st;
}

/* How many levels of the list this processor has. */
static int levels_here(void)
{
    int n = 1;

    unsetenv("FACET_CPU");
    while (n < PROCESSOR_LEVELS &&
           strcmp(processor_levels[n - 1], facet_processor()) != 0)
        n++;
    return n;
}

static bool check_level(const char *path, const char *what, const char *level,
    facet_precision precision, vectors plain, facet_status *st,
    facet_error *err)
{
    vectors got;
    bool good = true;

    *st = answers(path, level, precision, &got, err);
    if (*st == FACET_OK)
        good = got.count == plain.count &&
               judge(what, level, precision, got.values, plain);
    free(got.values);
    return good;
}

static bool check_network(
    const char *path, const char *what, facet_status *st, facet_error *err)
{
    const int n = levels_here();
    vectors plain;
    bool good = true;

    *st = answers(path, processor_levels[0], FACET_PRECISION_FP32, &plain, err);
    for (int i = 1; i < n && *st == FACET_OK; i++)
        good &= check_level(path, what, processor_levels[i],
            FACET_PRECISION_FP32, plain, st, err);
    if (n == PROCESSOR_LEVELS && *st == FACET_OK)
        good &= check_level(path, what, processor_levels[PROCESSOR_LEVELS - 1],
            FACET_PRECISION_BF16, plain, st, err);
    free(plain.values);
    return good;
}

/* ---- Golden vectors ---- */

/* FOLDER/golden/NAME.KIND.npy for FOLDER/NAME.onnx. */
static FILE *open_golden(const char *path, const char *kind)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    const int length = (int)(dot ? dot - name : (ptrdiff_t)strlen(name));
    char file[4096];

    snprintf(file, sizeof file, "%.*sgolden/%.*s.%s.npy", (int)(name - path),
        path, length, name, kind);
    return fopen(file, "rb");
}

/* All floats of a version 1.0 .npy file of little-endian floats. */
static vectors read_npy(FILE *from)
{
    enum { MOST = 1 << 26 };
    unsigned char head[10];
    char dict[256] = "";
    vectors v = { NULL, 0 };
    size_t length;
    long end;

    if (!from || fread(head, 1, sizeof head, from) != sizeof head ||
        memcmp(head, "\x93NUMPY\x01", 7) != 0)
        return v;
    length = head[8] + 256u * head[9];
    if (fread(dict, 1, length < 255 ? length : 255, from) == 0 ||
        !strstr(dict, "'<f4'") || fseek(from, 0, SEEK_END))
        return v;
    end = ftell(from) - (long)(sizeof head + length);
    if (end <= 0 || end > MOST ||
        fseek(from, (long)(sizeof head + length), SEEK_SET))
        return v;
    v.count = (size_t)end / sizeof(float);
    v.values = malloc(v.count * sizeof(float));
    if (v.values && fread(v.values, sizeof(float), v.count, from) != v.count) {
        free(v.values);
        v.values = NULL;
    }
    return v;
}

static facet_status run_golden(
    trial *t, vectors in, vectors *got, vectors want, facet_error *err)
{
    const size_t each = trial_output(t, NULL, 0);
    const size_t images = each ? want.count / each : 0;
    const size_t pixels = images ? in.count / images : 0;
    facet_status st = FACET_OK;

    if (!images || pixels != 3 * (size_t)(t->width * t->height))
        return FACET_EDAMAGED;
    got->values = calloc(want.count, sizeof *got->values);
    if (!got->values)
        return FACET_ENOMEM;
    for (size_t i = 0; i < images && st == FACET_OK; i++) {
        memcpy(facet_session_input(t->session, 0), in.values + i * pixels,
            pixels * sizeof *in.values);
        st = trial_run(t, err);
        got->count += trial_output(t, got->values + i * each, each);
    }
    return st;
}

/* A network without golden vectors passes. */
static bool check_golden(
    const char *path, const char *what, facet_status *st, facet_error *err)
{
    FILE *in_file = open_golden(path, "in"),
         *out_file = open_golden(path, "out");
    vectors in = read_npy(in_file), want = read_npy(out_file);
    vectors got = { NULL, 0 };
    bool good = true;
    trial t = { NULL, NULL, 0, 0 };

    unsetenv("FACET_CPU");
    if (in.values && want.values) {
        *st = trial_open(&t, path, FACET_PRECISION_FP32, 1, 160, 128, err);
        trial_fill(&t, 1);
        if (*st == FACET_OK)
            *st = trial_run(&t, err);
        if (*st == FACET_OK)
            *st = run_golden(&t, in, &got, want, err);
        if (*st == FACET_OK)
            good =
                judge(what, "golden", FACET_PRECISION_FP32, got.values, want);
    }
    trial_close(&t);
    free(got.values);
    free(in.values);
    free(want.values);
    if (in_file)
        fclose(in_file);
    if (out_file)
        fclose(out_file);
    return good;
}

/* ---- Golden answers in the file ---- */

static bool check_cases(const char *path, const char *what,
    facet_precision precision, facet_status *st, facet_error *err)
{
    facet_model_opts opts;
    facet_model *model;
    bool good = true;

    facet_model_opts_init(&opts);
    opts.precision = precision;
    *st = facet_model_load(path, &opts, &model, err);
    for (size_t i = 0; *st == FACET_OK && i < facet_golden_count(model); i++) {
        double off = 2;
        facet_status one = facet_golden_check(model, i, &off, err);

        good &= one == FACET_OK;
        if (one != FACET_OK && one != FACET_EMODEL)
            *st = one;
        printf("%-6s %-9s golden %-4zu %-5s 1 - cosine %.2g\n",
            one == FACET_OK ? "ok" : "FAILED", what, i + 1,
            precision_name(facet_model_precision(model)), off);
    }
    facet_model_free(model);
    return good;
}

/* ---- All of it ---- */

/* A network that is not there is no fault unless it was asked for. */
static int check(
    network_kind kind, const char *what, const char *given, bool needed)
{
    char *path = needed ? network_find(kind, given) : network_seek(kind, given);
    facet_error err = { FACET_OK, "" };
    facet_status st = path || !needed ? FACET_OK : FACET_ENOTFOUND;
    bool good = true;

    if (path)
        good = check_network(path, what, &st, &err);
    if (path && st == FACET_OK)
        good &= check_golden(path, what, &st, &err);
    if (path && st == FACET_OK)
        good &= check_cases(path, what, FACET_PRECISION_FP32, &st, &err);
    if (path && st == FACET_OK)
        good &= check_cases(path, what, FACET_PRECISION_AUTO, &st, &err);
    if (st != FACET_OK && path)
        complain_of(path, *err.msg ? err.msg : facet_status_str(st));
    free(path);
    return st != FACET_OK ? (int)exit_for_model(st)
           : good         ? EXIT_YES
                          : EXIT_FAULT;
}

int verb_selftest(int argc, char **argv)
{
    const struct argp_child children[] = { { &networks_argp, 0, NULL, 0 },
        { NULL, 0, NULL, 0 } };
    const struct argp argp = {
        .parser = parse,
        .doc = "Check that the engine computes on this machine what it should: "
               "every set of kernels against plain C on random pictures, and "
               "golden answers where a network has them.",
        .children = children,
    };
    networks nets;
    char name[] = "facet selftest";
    int detector, embedder, landmarks;

    argv[0] = name;
    networks_init(&nets);
    argp_parse(&argp, argc, argv, 0, NULL, &nets);
    printf("processor: %s\n", processor_levels[levels_here() - 1]);
    detector = check(NETWORK_DETECTOR, "detector", nets.detector, true);
    embedder = check(NETWORK_EMBEDDER, "embedder", nets.embedder, true);
    landmarks = check(NETWORK_LANDMARKS, "landmarks", NULL, false);
    return detector != EXIT_YES   ? detector
           : embedder != EXIT_YES ? embedder
                                  : landmarks;
}
