/* SPDX-License-Identifier: Apache-2.0 */
#include "train/run_state.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

/* The owner of a param, for its name in the checkpoint. */
static void owner_name(
    const facet__run_state *s, size_t param, char *out, size_t room)
{
    size_t first = s->setup->net.n_params;

    snprintf(out, room, "net");
    for (size_t l = 0; l < s->setup->n_losses && param >= first; l++) {
        snprintf(out, room, "loss%u", (unsigned)l);
        first += s->setup->losses[l]->n_params;
    }
}

static void name_array(const facet__run_state *s, const facet__param *param,
    const char *kind, facet__array *to)
{
    char owner[16];

    owner_name(s, (size_t)(param - s->params), owner, sizeof owner);
    snprintf(to->name, sizeof to->name, "%s/%.80s%s%s", owner, param->name,
        kind ? "/" : "", kind ? kind : "");
    to->count = param->count;
}

static facet_status gather_params(facet__run_state *s)
{
    const facet__run_setup *setup = s->setup;
    size_t n = setup->net.n_params;

    for (size_t l = 0; l < setup->n_losses; l++)
        n += setup->losses[l]->n_params;
    s->params = facet__calloc(n, sizeof *s->params);
    if (!s->params)
        return FACET_ENOMEM;
    if (setup->net.n_params)
        memcpy(s->params, setup->net.params,
            setup->net.n_params * sizeof *s->params);
    s->n_params = setup->net.n_params;
    for (size_t l = 0; l < setup->n_losses; l++)
        for (size_t i = 0; i < setup->losses[l]->n_params; i++)
            s->params[s->n_params++] = setup->losses[l]->params[i];
    return FACET_OK;
}

static facet_status gather_arrays(facet__run_state *s)
{
    const facet__optimizer_state *states;
    const size_t n_states = facet__optimizer_states(s->optimizer, &states);

    s->arrays = facet__calloc(s->n_params + n_states, sizeof *s->arrays);
    if (!s->arrays)
        return FACET_ENOMEM;
    for (size_t i = 0; i < s->n_params; i++) {
        name_array(s, &s->params[i], NULL, &s->arrays[s->n_arrays]);
        s->arrays[s->n_arrays++].value = s->params[i].value;
    }
    for (size_t i = 0; i < n_states; i++) {
        name_array(s, states[i].param, states[i].kind, &s->arrays[s->n_arrays]);
        s->arrays[s->n_arrays++].value = states[i].value;
    }
    return FACET_OK;
}

facet_status facet__run_state_open(
    const facet__run_setup *setup, facet__run_state *s, facet_error *err)
{
    const size_t room = strlen(setup->folder) + sizeof "/checkpoint.bin";
    facet_status st;

    *s = (facet__run_state){
        .setup = setup, .schedule = facet__schedule_start(), .smooth = -1
    };
    s->path = facet__alloc(room);
    st = s->path ? gather_params(s) : FACET_ENOMEM;
    if (st == FACET_OK)
        st = facet__optimizer_create(&setup->optimizer, s->params, s->n_params,
            setup->pool, &s->optimizer);
    if (st == FACET_OK)
        st = gather_arrays(s);
    if (st != FACET_OK) {
        facet__run_state_close(s);
        return facet__fail_memory(err);
    }
    snprintf(s->path, room, "%s/checkpoint.bin", setup->folder);
    return FACET_OK;
}

void facet__run_state_close(facet__run_state *s)
{
    facet__free(s->arrays);
    facet__optimizer_free(s->optimizer);
    facet__free(s->params);
    facet__free(s->path);
    *s = (facet__run_state){ .setup = NULL };
}

bool facet__run_state_sound(const facet__run_state *s)
{
    for (size_t i = 0; i < s->n_params; i++)
        for (size_t k = 0; k < s->params[i].count; k++)
            if (!isfinite(s->params[i].value[k]))
                return false;
    return true;
}

static const char *text_of(const char *hash)
{
    return hash ? hash : "";
}

facet_status facet__run_state_save(const facet__run_state *s, facet_error *err)
{
    const facet__optimizer_count *count =
        facet__optimizer_counter(s->optimizer);
    json_t *numbers = json_pack("{sIsIs[II]s[ffib]sfsissss}", "step",
        (json_int_t)s->step, "batch", (json_int_t)s->batch, "optimizer",
        (json_int_t)count->steps, (json_int_t)count->held, "schedule",
        s->schedule.scale, s->schedule.best, s->schedule.waited,
        (int)s->schedule.any, "smooth", s->smooth, "rollbacks", s->rollbacks,
        "recipe", text_of(s->setup->recipe_hash), "inputs",
        text_of(s->setup->inputs_hash));
    facet_status st;

    if (!numbers)
        return facet__fail_memory(err);
    st = facet__checkpoint_write(s->path, numbers, s->arrays, s->n_arrays, err);
    json_decref(numbers);
    return st;
}

facet_status facet__run_state_load(facet__run_state *s, facet_error *err)
{
    facet__optimizer_count *count = facet__optimizer_counter(s->optimizer);
    json_int_t step, batch, steps, held;
    const char *recipe, *inputs;
    int any;
    json_t *numbers;
    facet_status st =
        facet__checkpoint_read(s->path, &numbers, s->arrays, s->n_arrays, err);

    if (st != FACET_OK)
        return st;
    if (json_unpack(numbers, "{sIsIs[II]s[FFib]sFsissss}", "step", &step,
            "batch", &batch, "optimizer", &steps, &held, "schedule",
            &s->schedule.scale, &s->schedule.best, &s->schedule.waited, &any,
            "smooth", &s->smooth, "rollbacks", &s->rollbacks, "recipe", &recipe,
            "inputs", &inputs))
        st = facet__fail(err, FACET_EDAMAGED,
            "%s: its numbers are not those of a run", s->path);
    else if (strcmp(recipe, text_of(s->setup->recipe_hash)) != 0)
        st = facet__fail(err, FACET_EMODEL,
            "%s: made by another recipe; use the old one or a new folder",
            s->path);
    else if (strcmp(inputs, text_of(s->setup->inputs_hash)) != 0)
        st = facet__fail(err, FACET_EMODEL,
            "%s: made from other pictures, labels, teachers or lists than are "
            "there now; bring the old ones back or use a new folder",
            s->path);
    if (st == FACET_OK) {
        s->step = (uint64_t)step;
        s->batch = (uint64_t)batch;
        s->schedule.any = any;
        count->steps = (uint64_t)steps;
        count->held = (uint64_t)held;
    }
    json_decref(numbers);
    return st;
}

/* The numbers of a state as they travel. */
typedef struct numbers {
    uint64_t step, batch, steps, held;
    facet__schedule_state schedule;
    double smooth;
    int rollbacks;
} numbers;

facet_status facet__run_state_share(
    facet__run_state *s, const facet_comm *comm, facet_error *err)
{
    facet__optimizer_count *count = facet__optimizer_counter(s->optimizer);
    numbers n;
    facet_status st;

    memset(&n, 0, sizeof n);
    n.step = s->step;
    n.batch = s->batch;
    n.steps = count->steps;
    n.held = count->held;
    n.schedule = s->schedule;
    n.smooth = s->smooth;
    n.rollbacks = s->rollbacks;
    st = facet__comm_broadcast(comm, &n, sizeof n, err);
    for (size_t i = 0; i < s->n_arrays && st == FACET_OK; i++)
        st = facet__comm_broadcast(comm, s->arrays[i].value,
            s->arrays[i].count * sizeof *s->arrays[i].value, err);
    s->step = n.step;
    s->batch = n.batch;
    count->steps = n.steps;
    count->held = n.held;
    s->schedule = n.schedule;
    s->smooth = n.smooth;
    s->rollbacks = n.rollbacks;
    return st;
}

facet_status facet__run_state_compare(
    const facet__run_state *s, const facet_comm *comm, facet_error *err)
{
    crypto_generichash_state hash;
    uint8_t sum[32];

    if (facet__comm_alone(comm))
        return FACET_OK;
    crypto_generichash_init(&hash, NULL, 0, sizeof sum);
    for (size_t i = 0; i < s->n_arrays; i++)
        crypto_generichash_update(&hash,
            (const uint8_t *)(const void *)s->arrays[i].value,
            s->arrays[i].count * sizeof *s->arrays[i].value);
    crypto_generichash_final(&hash, sum, sizeof sum);
    return facet__comm_same(
        comm, sum, sizeof sum, "the weights, after the same steps, are", err);
}
