/* SPDX-License-Identifier: Apache-2.0 */
/* golden.c - see golden.h and docs/formats/golden.md.
 *
 * The pictures are whole numbers made from a seed, the same on every machine:
 * smooth blotches as large as the features of a face, since networks are tame
 * on such and wild on noise. Of all outputs, one after the other, some numbers
 * are kept. */
#include "facet/golden.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/random.h"
#include "face/input.h"
#include "facet/settings.h"

enum {
    VERSION = 1,
    NUMBERS = 256, /* kept of an answer, at most */
    ANY_SIDE = 96, /* of a picture for networks that take any */
    CELL = 8,      /* pixels of a blotch */
    LARGEST = 1024 /* side of an input */
};

/* 1 - cosine: in fp32 and rounded; and between a network in 8 bits and itself
 * in other numbers, which leave its maps unrounded. */
static const double allowed_fp32 = 1e-5, allowed_rounded = 2e-3,
                    allowed_other = 2e-2;

/* A network made ready to be asked. */
typedef struct asked {
    facet_settings settings;
    facet__input input;
    facet_session *session;
    int32_t width, height;
    uint8_t *picture; /* [height, width, 3] */
    uint8_t *grid;    /* [corners, corners, 3] of its blotches */
} asked;

static void close_asked(asked *a)
{
    facet_session_free(a->session);
    facet__free(a->picture);
    facet__free(a->grid);
}

static int32_t side(int from_settings, int64_t from_input)
{
    return from_settings > 0 ? from_settings
           : from_input > 0  ? (int32_t)from_input
                             : ANY_SIDE;
}

/* Columns of corners that a side of blotches has. */
static size_t corners(int32_t pixels)
{
    return (size_t)pixels / CELL + 2;
}

static facet_status open_asked(
    const facet_model *model, asked *a, facet_error *err)
{
    facet_tensor_info info;
    facet_session_opts opts;
    int64_t dims[4];
    facet_status st;

    *a = (asked){ .session = NULL };
    st = facet_settings_read(model, &a->settings, err);
    if (st == FACET_OK)
        st = facet__input_only(model, &info, err);
    if (st == FACET_OK)
        st = facet__input_of(&info, &a->input, err);
    if (st != FACET_OK)
        return st;
    a->width = side(a->settings.width, a->input.width);
    a->height = side(a->settings.height, a->input.height);
    if (a->width > LARGEST || a->height > LARGEST)
        return facet__fail(err, FACET_EMODEL,
            "golden: an input of %d x %d pixels", a->width, a->height);
    a->picture = facet__alloc(3 * (size_t)a->width * (size_t)a->height);
    a->grid = facet__alloc(3 * corners(a->width) * corners(a->height));
    if (!a->picture || !a->grid)
        return facet__fail_memory(err);
    facet_session_opts_init(&opts);
    st = facet_session_create(model, &opts, &a->session, err);
    if (st != FACET_OK)
        return st;
    facet__input_dims(&a->input, 1, a->height, a->width, dims);
    return facet_session_reshape(a->session, dims, err);
}

static void draw_corners(const asked *a, uint64_t seed)
{
    const size_t columns = corners(a->width);

    for (size_t i = 0; i < columns * corners(a->height) * 3; i++) {
        facet__random r = facet__random_stream(seed, i / 3, i % 3);

        a->grid[i] = (uint8_t)(facet__random_u64(&r) >> 56);
    }
}

/* Between four corners, linear, in whole numbers; `at` is the upper left. */
static uint8_t between(const uint8_t *at, size_t row, size_t right, size_t down)
{
    const size_t top = (CELL - right) * at[0] + right * at[3];
    const size_t bottom = (CELL - right) * at[row] + right * at[row + 3];

    return (uint8_t)(((CELL - down) * top + down * bottom) / (CELL * CELL));
}

static void draw(const asked *a, uint64_t seed)
{
    const size_t row = 3 * corners(a->width);
    uint8_t *to = a->picture;

    draw_corners(a, seed);
    for (size_t y = 0; y < (size_t)a->height; y++)
        for (size_t x = 0; x < (size_t)a->width; x++)
            for (size_t c = 0; c < 3; c++)
                *to++ = between(a->grid + y / CELL * row + x / CELL * 3 + c,
                    row, x % CELL, y % CELL);
}

static size_t output_floats(const facet_session *s, size_t output)
{
    facet_tensor_info info;

    (void)facet_session_output(s, output, &info);
    return (size_t)facet__info_count(&info);
}

/* The answer to picture `seed`: every so-manieth number of all outputs. */
static facet_status ask(const asked *a, const facet_model *model, uint64_t seed,
    double numbers[NUMBERS], size_t *count, facet_error *err)
{
    const facet__view view = { a->picture, a->width, a->height,
        3 * (size_t)a->width };
    const size_t outputs = facet_model_output_count(model);
    size_t all = 0, step, at = 0;
    facet_status st;

    draw(a, seed);
    facet__input_fill(&a->input, &a->settings, view, 0, 0, a->width, a->height,
        facet_session_input(a->session, 0));
    st = facet_session_run(a->session, err);
    if (st != FACET_OK)
        return st;
    for (size_t o = 0; o < outputs; o++)
        all += output_floats(a->session, o);
    step = (all + NUMBERS - 1) / NUMBERS;
    *count = 0;
    for (size_t o = 0; o < outputs; o++) {
        const float *out = facet_session_output(a->session, o, NULL);
        const size_t n = output_floats(a->session, o);

        for (size_t i = 0; i < n; i++, at++)
            if (at % step == 0)
                numbers[(*count)++] = (double)out[i];
    }
    return FACET_OK;
}

/* The entry */

/* The list of cases, to be given back; NULL when there is none to read. */
static json_t *read_cases(const facet_model *model)
{
    const ptrdiff_t length =
        facet_model_metadata(model, FACET_GOLDEN_KEY, NULL, 0);
    char *text = length > 0 ? facet__alloc((size_t)length + 1) : NULL;
    json_t *object = NULL, *cases;

    if (text) {
        (void)facet_model_metadata(
            model, FACET_GOLDEN_KEY, text, (size_t)length + 1);
        object = json_loads(text, 0, NULL);
    }
    facet__free(text);
    cases = json_object_get(object, "cases");
    if (json_integer_value(json_object_get(object, "version")) != VERSION ||
        !json_is_array(cases) || json_array_size(cases) > FACET_GOLDEN_CASES)
        cases = NULL;
    json_incref(cases);
    json_decref(object);
    return cases;
}

size_t facet_golden_count(const facet_model *model)
{
    json_t *cases = model ? read_cases(model) : NULL;
    const size_t n = json_array_size(cases);

    json_decref(cases);
    return n;
}

/* 1 - cosine of an answer and what a case holds; 2 when they cannot be
 * compared. */
static double compare(const json_t *golden, const double *numbers, size_t count)
{
    double ab = 0, aa = 0, bb = 0;

    if (json_array_size(golden) != count)
        return 2;
    for (size_t i = 0; i < count; i++) {
        const double g = json_number_value(json_array_get(golden, i));

        ab += g * numbers[i];
        aa += g * g;
        bb += numbers[i] * numbers[i];
    }
    return aa > 0 && isfinite(bb) && bb > 0 ? 1 - ab / sqrt(aa * bb) : 2;
}

static double allowed(const facet_model *model, const json_t *one)
{
    const bool made_in_int8 = json_is_true(json_object_get(one, "int8"));
    const facet_precision precision = facet_model_precision(model);

    if (made_in_int8)
        return precision == FACET_PRECISION_INT8 ? allowed_rounded
                                                 : allowed_other;
    return precision == FACET_PRECISION_FP32 ? allowed_fp32 : allowed_rounded;
}

static facet_status check_case(
    const facet_model *model, const json_t *one, double *off, facet_error *err)
{
    const json_int_t seed = json_integer_value(json_object_get(one, "seed"));
    double numbers[NUMBERS];
    size_t count;
    asked a;
    facet_status st = open_asked(model, &a, err);

    if (st == FACET_OK)
        st = ask(&a, model, (uint64_t)seed, numbers, &count, err);
    close_asked(&a);
    if (st != FACET_OK)
        return st;
    *off = compare(json_object_get(one, "numbers"), numbers, count);
    return *off <= allowed(model, one)
               ? FACET_OK
               : facet__fail(err, FACET_EMODEL,
                     "its golden answer comes out wrong (1 - cosine %.2g): a "
                     "damaged file, or a fault of facet; see \"facet "
                     "selftest\"",
                     *off);
}

facet_status facet_golden_check(
    const facet_model *model, size_t index, double *off, facet_error *err)
{
    double own;
    json_t *cases;
    facet_status st;

    if (!model)
        return facet__fail(err, FACET_EINVAL, "golden: NULL argument");
    cases = read_cases(model);
    if (!cases && facet_model_metadata(model, FACET_GOLDEN_KEY, NULL, 0) >= 0)
        st = facet__fail(err, FACET_EMODEL,
            FACET_GOLDEN_KEY " cannot be read; write it anew with \"facet "
                             "model set --golden\"");
    else if (index >= json_array_size(cases))
        st = facet__fail(
            err, FACET_EINVAL, "golden: there is no case %zu", index);
    else
        st = check_case(
            model, json_array_get(cases, index), off ? off : &own, err);
    json_decref(cases);
    return st;
}

/* Writing */

static facet_status add_case(const asked *a, const facet_model *model,
    size_t seed, json_t *cases, facet_error *err)
{
    double numbers[NUMBERS];
    size_t count;
    json_t *one, *list;
    const facet_status st = ask(a, model, seed, numbers, &count, err);

    if (st != FACET_OK)
        return st;
    one = json_object();
    list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_real(numbers[i]));
    json_object_set_new(one, "seed", json_integer((json_int_t)seed));
    if (facet_model_precision(model) == FACET_PRECISION_INT8)
        json_object_set_new(one, "int8", json_true());
    json_object_set_new(one, "numbers", list);
    return json_array_append_new(cases, one) == 0 ? FACET_OK
                                                  : facet__fail_memory(err);
}

/* The entry's text, of jansson's own allocation. */
static facet_status make_text(const asked *a, const facet_model *model,
    size_t count, char **text, facet_error *err)
{
    json_t *object = json_object(), *cases = json_array();
    facet_status st = FACET_OK;

    for (size_t i = 1; i <= count && st == FACET_OK; i++)
        st = add_case(a, model, i, cases, err);
    json_object_set_new(object, "version", json_integer(VERSION));
    json_object_set_new(object, "cases", cases);
    if (st == FACET_OK) {
        *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6));
        st = *text ? FACET_OK : facet__fail_memory(err);
    }
    json_decref(object);
    return st;
}

/* In int8 a network that was made for it, in fp32 any other. */
static facet_status load_exact(
    const char *path, facet_model **out, facet_error *err)
{
    facet_model_opts opts;
    facet_status st;

    facet_model_opts_init(&opts);
    st = facet_model_load(path, &opts, out, err);
    if (st != FACET_OK || facet_model_precision(*out) == FACET_PRECISION_INT8)
        return st;
    facet_model_free(*out);
    opts.precision = FACET_PRECISION_FP32;
    return facet_model_load(path, &opts, out, err);
}

facet_status facet_golden_write(
    const char *source_path, size_t count, const char *path, facet_error *err)
{
    facet_model *model = NULL;
    char *text = NULL;
    asked a = { .session = NULL };
    facet_status st;

    if (!source_path || !path || count < 1 || count > FACET_GOLDEN_CASES)
        return facet__fail(err, FACET_EINVAL,
            "golden: a network, 1 to %d cases and a path for the copy are "
            "needed",
            FACET_GOLDEN_CASES);
    st = load_exact(source_path, &model, err);
    if (st == FACET_OK)
        st = open_asked(model, &a, err);
    if (st == FACET_OK)
        st = make_text(&a, model, count, &text, err);
    close_asked(&a);
    if (st == FACET_OK)
        st = facet_model_set_metadata(
            source_path, FACET_GOLDEN_KEY, text, path, err);
    free(text); /* jansson's */
    facet_model_free(model);
    return st;
}
