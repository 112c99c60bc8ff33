/* SPDX-License-Identifier: Apache-2.0 */
/* Damaged networks are told apart from whole ones, by an error that says where,
 * and those whose damage is in the weights alone run without harm. */
#include "check.h"

#include <string.h>

#include "damage.h"
#include "facet/model.h"

typedef struct tally {
    int errors, networks;
} tally;

/* What each lie of damage_models.c must be called, and what must be named. */
static const struct {
    const char *name;
    facet_status status;
    const char *names;
} lies[] = {
    { "lie-unknown-operator", FACET_EUNSUPPORTED, "QRelu" },
    { "lie-cycle", FACET_EDAMAGED, "on a cycle" },
    { "lie-reads-itself", FACET_EDAMAGED, "one" },
    { "lie-no-such-value", FACET_EDAMAGED, "'nil', which no node" },
    { "lie-no-such-weight", FACET_EDAMAGED, "two.weight" },
    { "lie-weight-of-another", FACET_EMODEL, "one" },
    { "lie-made-twice", FACET_EDAMAGED, "sum" },
    { "lie-smaller-weight", FACET_EDAMAGED, "one.weight" },
    { "lie-bigger-weight", FACET_EDAMAGED, "one.weight" },
    { "lie-weight-type", FACET_EUNSUPPORTED, "one.weight" },
    { "lie-int-weight", FACET_EDAMAGED, "one.weight" },
};

static void check_lie(const char *name, facet_status st, const facet_error *err)
{
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        if (!strcmp(lies[i].name, name) &&
            (st != lies[i].status || !strstr(err->msg, lies[i].names)))
            fail_msg("%s: %s: %s", name, facet_status_str(st), err->msg);
}

/* Run once where that can be; a run that cannot be done says why. */
static facet_status run(const facet_model *model)
{
    const int64_t dims[4] = { 1, 3, 12, 12 };
    facet_tensor_info input;
    facet_session *session;
    facet_error err = { 0 };
    facet_status st = FACET_OK;

    if (facet_model_input_count(model) != 1 ||
        facet_model_input_info(model, 0, &input) != FACET_OK ||
        input.n_dims != 4 ||
        facet_session_create(model, NULL, &session, &err) != FACET_OK)
        return FACET_OK;
    if (facet_session_reshape(session, dims, &err) == FACET_OK) {
        memset(facet_session_input(session, 0), 0, 3 * 144 * sizeof(float));
        st = facet_session_run(session, &err);
        assert_int_equal(err.code, st);
        assert_true(st == FACET_OK || err.msg[0] != '\0');
    }
    facet_session_free(session);
    return st;
}

static void load_damaged(
    const char *name, const uint8_t *bytes, size_t size, void *context)
{
    tally *t = context;
    facet_model_opts opts;
    facet_model *model;
    facet_error err = { 0 };
    facet_status st;

    facet_model_opts_init(&opts);
    opts.precision =
        strstr(name, "quantized") ? FACET_PRECISION_INT8 : FACET_PRECISION_FP32;
    opts.max_bytes = 1 << 22;
    st = facet_model_load_memory(bytes, size, &opts, &model, &err);
    check_lie(name, st, &err);
    if (st == FACET_OK) {
        assert_null(strstr(name, "cut-"));
        t->networks++;
        (void)run(model); /* an index may point beyond its map */
    } else {
        assert_null(model);
        assert_int_equal(err.code, st);
        assert_true(err.msg[0] != '\0');
        t->errors++;
    }
    facet_model_free(model);
}

static void test_damaged_networks_are_told_and_nothing_else(void **state)
{
    tally t = { 0 };
    const int count = damage_models_each(load_damaged, &t);

    (void)state;
    print_message("%d damaged networks: %d errors, %d that run\n", count,
        t.errors, t.networks);
    assert_true(count >= 60);
    assert_true(t.errors >= 40);
}

static void load_whole(
    const char *name, const uint8_t *bytes, size_t size, void *context)
{
    facet_model *model;
    facet_error err = { 0 };

    (void)context;
    if (facet_model_load_memory(bytes, size, NULL, &model, &err) != FACET_OK)
        fail_msg("%s: %s", name, err.msg);
    CHECK_OK(run(model));
    facet_model_free(model);
}

static void test_whole_networks_load_and_run(void **state)
{
    (void)state;
    damage_models_none(load_whole, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_networks_load_and_run),
        cmocka_unit_test(test_damaged_networks_are_told_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
