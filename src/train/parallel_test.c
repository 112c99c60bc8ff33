/* SPDX-License-Identifier: Apache-2.0 */
/* One training by several processes, played by threads: the same losses as one
 * process has, and what one of them meets ends or turns all. */
#include "folder.h"

#include "crowd.h"
#include "small_network.h"
#include "train/metrics.h"
#include "train/network.h"
#include "train/reduce.h"
#include "train/toy.h"
#include "train/train.h"

enum {
    PEOPLE = 6,
    IMAGES = 4,
    BATCH = 13,
    DIM = SMALL_NETWORK_DIM,
    STEPS = 50
};

static void write_pictures(void)
{
    char path[128];

    for (int i = 0; i < PEOPLE * IMAGES; i++) {
        facet__random random = facet__random_stream(6, (uint64_t)i, 0);
        facet_image *image;

        snprintf(path, sizeof path, "%s/faces", folder);
        mkdir(path, 0755);
        snprintf(path, sizeof path, "%s/faces/%c", folder, 'a' + i / IMAGES);
        mkdir(path, 0755);
        snprintf(path, sizeof path, "%s/faces/%c/%02d.png", folder,
            'a' + i / IMAGES, i);
        CHECK_OK(facet_image_create(TOY_SIDE, TOY_SIDE, &image));
        for (int y = 0; y < TOY_SIDE; y++)
            for (int k = 0; k < TOY_SIDE * 3; k++)
                facet_image_data_mutable(
                    image)[(size_t)y * facet_image_stride(image) + (size_t)k] =
                    (uint8_t)facet__random_below(&random, 256);
        CHECK_OK(facet_image_write(image, path, 90, NULL));
        facet_image_free(image);
    }
}

static int setup_folder(void **state)
{
    char path[128];

    (void)state;
    make_folder("parallel");
    write_pictures();
    snprintf(path, sizeof path, "%s/small.onnx", folder);
    CHECK_OK(small_network_write(path, TOY_SIDE, NULL));
    return 0;
}

/* The run and what it is made of, one for each process. */
typedef struct process {
    char recipe[1024];
    char out[128];
    const facet_comm *comm;
    bool resume;
    volatile sig_atomic_t stop;
    uint64_t stop_at;  /* step at which this one is asked to stop; 0: never */
    int64_t poison_at; /* this forward pass gives NaN; -1: none */
    int64_t fail_at;   /* this forward pass fails; -1: none */
    facet__trainable inner;
    int64_t calls;
    int rollbacks, stopped, steps;
    float weights[4096];
    size_t n_weights;
    facet_status status;
    facet_error err;
} process;

/* A network that can be made to stumble. */
static facet_status stumble(void *self, const float *x, size_t n,
    uint64_t stream, const float **out, facet_error *err)
{
    process *p = self;
    const int64_t call = p->calls++;
    facet_status st = p->inner.forward(p->inner.self, x, n, stream, out, err);

    if (st == FACET_OK && call == p->poison_at)
        ((float *)(uintptr_t)*out)[1] = NAN;
    if (call == p->fail_at) {
        snprintf(err->msg, sizeof err->msg, "stumbled");
        return FACET_ENOMEM;
    }
    if (p->stop_at && (uint64_t)call == p->stop_at)
        p->stop = 1;
    return st;
}

static facet_status back(void *self, const float *dout, facet_error *err)
{
    const process *p = self;

    return p->inner.backward(p->inner.self, dout, err);
}

static void share(void *self, const facet__peers *peers)
{
    const process *p = self;

    p->inner.share(p->inner.self, peers);
}

static void on_final(
    void *self, void (*final)(void *context, size_t param), void *context)
{
    const process *p = self;

    p->inner.on_final(p->inner.self, final, context);
}

static void watch(void *context, const facet__progress *progress)
{
    process *p = context;

    p->rollbacks += progress->what == FACET__PROGRESS_ROLLBACK;
    p->stopped += progress->what == FACET__PROGRESS_STOPPED;
    p->steps += progress->what == FACET__PROGRESS_STEP;
}

static void keep_weights(process *p)
{
    p->n_weights = 0;
    for (size_t i = 0; i < p->inner.n_params; i++) {
        const facet__param *param = &p->inner.params[i];

        if (p->n_weights + param->count > sizeof p->weights / sizeof(float))
            abort();
        memcpy(p->weights + p->n_weights, param->value,
            param->count * sizeof(float));
        p->n_weights += param->count;
    }
}

/* A teacher: sums of every eighth number. */
static facet_status teach(void *self, const uint32_t *indices, const float *x,
    size_t n, const float **out, facet_error *err)
{
    float *y = self; /* [BATCH][DIM] */

    (void)indices;
    (void)err;
    memset(y, 0, n * DIM * sizeof *y);
    for (size_t i = 0; i < n * TOY_IN; i++)
        y[i / TOY_IN * DIM + i % DIM] += x[i];
    *out = y;
    return FACET_OK;
}

static void *run_process(void *context)
{
    process *p = context;
    facet__train_opts opts = { .folder = p->out,
        .resume = p->resume,
        .stop = &p->stop,
        .comm = p->comm,
        .on_progress = watch,
        .context = p };
    float taught[BATCH * DIM];
    const facet__teacher teacher = {
        .self = taught, .dim = DIM, .sees = true, .answer = teach
    };
    facet__recipe *recipe = NULL;
    char path[96];

    snprintf(path, sizeof path, "%s/recipe.yaml", folder);
    p->status = facet__recipe_parse(
        path, p->recipe, strlen(p->recipe), &recipe, &p->err);
    if (p->status == FACET_OK) {
        recipe->threads = 1;
        p->status = facet__trainable_open(recipe, &p->inner, &p->err);
    }
    if (p->status == FACET_OK) {
        facet__trainable net = p->inner;

        net.self = p;
        net.forward = stumble;
        net.backward = back;
        net.share = share;
        net.on_final = on_final;
        net.save = NULL;
        p->status = facet__train(
            recipe, &net, recipe->teacher ? &teacher : NULL, &opts, &p->err);
        keep_weights(p);
    }
    facet__trainable_close(&p->inner);
    facet__recipe_free(recipe);
    return NULL;
}

static const char recipe_form[] =
    "network: { init: small.onnx, dim: 8, width: 8, height: 8 }\n"
    "data: { paths: faces, frame: 8, threads: 2 }\n"
    "sampler: { kind: people-by-images, batch: %d, people: 4, images: 3 }\n"
    "augment: { flip: .5, brightness: .2, shift: 1 }\n"
    "%s"
    "loss: %s\n"
    "optimizer: { momentum: .9, decay: 1e-3, ema: .9 }\n"
    "schedule: { rate: %g, steps: %d }\n"
    "run: { log: 1, checkpoint: 10, explode: 1e6%s }\n";

static process processes[CROWD_MAX];

/* For losses that want one; `teach` takes its place. */
static const char *teacher_of(const char *loss)
{
    for (size_t t = 0; facet__loss_types[t]; t++)
        if (facet__loss_types[t]->needs_teacher &&
            strstr(loss, facet__loss_types[t]->name))
            return "teacher: { init: small.onnx }\n";
    return "";
}

/* Fill in `count` processes of a run in folder/`name`. Only process 0 has a
 * folder that can be written to. */
static void prepare(int count, const char *name, const char *loss, double rate,
    const char *more)
{
    for (int r = 0; r < count; r++) {
        process *p = &processes[r];

        *p = (process){ .poison_at = -1, .fail_at = -1 };
        snprintf(p->recipe, sizeof p->recipe, recipe_form, BATCH,
            teacher_of(loss), loss, rate, STEPS, more);
        snprintf(p->out, sizeof p->out, "%s/%s", r ? "no/such" : folder, name);
    }
}

/* Run them; how many sums were under way at once. */
static int run_together(int count)
{
    void *contexts[CROWD_MAX];
    crowd c;
    int at_once = 0;

    crowd_start(&c, count);
    for (int r = 0; r < count; r++) {
        processes[r].comm = count > 1 ? &c.members[r].comm : NULL;
        contexts[r] = &processes[r];
    }
    crowd_run(&c, run_process, contexts);
    for (int r = 0; r < count; r++)
        at_once =
            c.members[r].at_once > at_once ? c.members[r].at_once : at_once;
    crowd_end(&c);
    return at_once;
}

static void must_succeed(int count)
{
    for (int r = 0; r < count; r++)
        if (processes[r].status != FACET_OK)
            fail_msg("process %d: %s", r, processes[r].err.msg);
    for (int r = 1; r < count; r++) { /* to the bit */
        assert_int_equal(processes[r].n_weights, processes[0].n_weights);
        assert_memory_equal(processes[r].weights, processes[0].weights,
            processes[0].n_weights * sizeof(float));
    }
}

/* `key` of every line of a run's metrics. */
static size_t read_metric(
    const char *name, const char *key, double values[STEPS])
{
    char path[160];
    json_t *lines, *line;
    size_t i;

    snprintf(path, sizeof path, "%s/%s/metrics.jsonl", folder, name);
    CHECK_OK(facet__metrics_read(path, &lines, NULL));
    json_array_foreach(lines, i, line)
    {
        assert_true(i < STEPS);
        values[i] = json_real_value(json_object_get(line, key));
    }
    i = json_array_size(lines);
    json_decref(lines);
    return i;
}

/* The largest relative difference between the losses of two runs. */
static double compare_losses(const char *a, const char *b)
{
    double x[STEPS], y[STEPS], most = 0;

    assert_int_equal(read_metric(a, "loss", x), STEPS);
    assert_int_equal(read_metric(b, "loss", y), STEPS);
    for (int i = 0; i < STEPS; i++)
        most = fmax(most, fabs(x[i] - y[i]) / fmax(fabs(x[i]), 1e-3));
    return most;
}

/* The rate at which a loss's first fifty steps are a descent. Where the weights
 * are thrown about (by a projection whose rows are not of length 1, or by
 * angles near half a turn, where a margin in the angle has its bend), two runs
 * part for the least difference, as those of one process with another order of
 * summation would. */
static double rate_of(const char *loss)
{
    static const char *const steep[] = { "vgg-triplet", "tpe", "tse", "tde",
        "arcface", "combined" };

    for (size_t i = 0; i < sizeof steep / sizeof *steep; i++)
        if (strcmp(loss, steep[i]) == 0)
            return 1e-4;
    return .01;
}

/* Fifty steps of every loss, by one process and by two: losses agree to 1e-5.
 * A batch of 13 does not divide evenly. */
static void test_two_processes_have_the_losses_of_one(void **state)
{
    int wrong = 0;

    (void)state;
    for (size_t t = 0; facet__loss_types[t]; t++) {
        const char *kind = facet__loss_types[t]->name;
        char loss[64], alone[64], shared[64];
        double first[STEPS], difference;

        if (facet__loss_types[t]->needs_cells)
            continue; /* refused: it is no mean over pictures */
        snprintf(loss, sizeof loss, "{ kind: %s }", kind);
        snprintf(alone, sizeof alone, "%s-1", kind);
        snprintf(shared, sizeof shared, "%s-2", kind);
        prepare(1, alone, loss, rate_of(kind), "");
        run_together(1);
        must_succeed(1);
        prepare(2, shared, loss, rate_of(kind), "");
        run_together(2);
        must_succeed(2);
        difference = compare_losses(alone, shared);
        read_metric(alone, "loss", first);
        print_message("%-16s loss %8.5f to %8.5f, off by %.1e\n", kind,
            first[0], first[STEPS - 1], difference);
        wrong += !(difference < 1e-5);
        assert_true(fabs(first[0] - first[STEPS - 1]) > 1e-4);
    }
    assert_int_equal(wrong, 0);
}

/* Two losses with weights, gathered batches, three and four processes. */
static void test_more_processes_and_losses_agree_too(void **state)
{
    const char *losses =
        "[{ kind: center, weight: .7 }, { kind: triplet, weight: .4 }]";

    (void)state;
    prepare(1, "two-losses-1", losses, .01, "");
    run_together(1);
    must_succeed(1);
    for (int count = 3; count <= CROWD_MAX; count++) {
        char name[64];

        snprintf(name, sizeof name, "two-losses-%d", count);
        prepare(count, name, losses, .01, "");
        run_together(count);
        must_succeed(count);
        assert_true(compare_losses("two-losses-1", name) < 1e-5);
    }
}

/* Norms of each process's own pictures: another training, but still one. */
static void test_own_norms_train_one_network(void **state)
{
    (void)state;
    prepare(1, "norms-1", "{ kind: cosface }", .01, "");
    run_together(1);
    must_succeed(1);
    prepare(3, "norms-3", "{ kind: cosface }", .01, ", norms: own");
    run_together(3);
    must_succeed(3);
    assert_true(compare_losses("norms-1", "norms-3") > 1e-3);
}

/* Of the weights that are kept from learning, how many floats are others than
 * in the file. */
static size_t count_moved(const process *p)
{
    facet__trainable net;
    facet__recipe *recipe;
    facet_error err;
    char path[96];
    size_t moved = 0, at = 0, kept = 0;

    snprintf(path, sizeof path, "%s/recipe.yaml", folder);
    CHECK_OK(
        facet__recipe_parse(path, p->recipe, strlen(p->recipe), &recipe, &err));
    recipe->threads = 1;
    CHECK_OK(facet__trainable_open(recipe, &net, &err));
    for (size_t i = 0; i < net.n_params; at += net.params[i++].count)
        for (size_t k = 0; k < net.params[i].count; k++)
            if (net.params[i].state && net.params[i].grad) {
                kept++;
                moved += net.params[i].value[k] != p->weights[at + k];
            }
    assert_true(kept > 0);
    facet__trainable_close(&net);
    facet__recipe_free(recipe);
    return moved;
}

static void test_weights_that_are_kept_do_not_drift(void **state)
{
    (void)state;
    prepare(3, "kept", "{ kind: cosface }", .01, ", norms: own");
    for (int r = 0; r < 3; r++) {
        process *p = &processes[r];
        char *dim = strstr(p->recipe, "dim: 8,");
        static const char more[] = " train-last: 1,";

        assert_true(strlen(p->recipe) + sizeof more < sizeof p->recipe);
        dim += strlen("dim: 8,");
        memmove(dim + sizeof more - 1, dim, strlen(dim) + 1);
        memcpy(dim, more, sizeof more - 1);
    }
    run_together(3);
    must_succeed(3);
    assert_int_equal(count_moved(&processes[0]), 0);
}

/* Asked to stop in one process, all write down the same step; what goes on
 * ends with the bits of the unbroken run. */
static void test_a_stop_in_one_process_stops_all(void **state)
{
    static float whole[4096];

    (void)state;
    prepare(2, "unbroken", "{ kind: center }", .01, "");
    run_together(2);
    must_succeed(2);
    memcpy(whole, processes[0].weights, sizeof whole);
    prepare(2, "stopped", "{ kind: center }", .01, "");
    processes[1].stop_at = 17;
    run_together(2);
    for (int r = 0; r < 2; r++) {
        assert_int_equal(processes[r].status, FACET_ECANCELED);
        assert_non_null(strstr(processes[r].err.msg, "stopped at step 18"));
    }
    assert_int_equal(processes[0].stopped, 1);
    assert_int_equal(processes[1].stopped, 0); /* process 0 speaks */
    prepare(2, "stopped", "{ kind: center }", .01, "");
    processes[0].resume = processes[1].resume = true;
    run_together(2);
    must_succeed(2);
    assert_memory_equal(
        whole, processes[0].weights, processes[0].n_weights * sizeof(float));
}

static void test_a_nan_in_one_process_takes_all_back(void **state)
{
    double rates[STEPS];

    (void)state;
    prepare(2, "poisoned", "{ kind: softmax }", .01, "");
    processes[1].poison_at = 25;
    run_together(2);
    must_succeed(2);
    assert_int_equal(processes[0].rollbacks, 1);
    assert_int_equal(read_metric("poisoned", "rate", rates), STEPS);
    CHECK_NEAR(rates[19], .01, 1e-12);
    CHECK_NEAR(rates[20], .005, 1e-12);
}

static void all_say(int count, facet_status status, const char *text)
{
    for (int r = 0; r < count; r++) {
        assert_int_equal(processes[r].status, status);
        if (!strstr(processes[r].err.msg, text))
            fail_msg("process %d says: %s", r, processes[r].err.msg);
    }
}

/* Whatever one process cannot do is told to all, with its number. */
static void test_a_failure_in_one_process_is_the_answer_of_all(void **state)
{
    char path[160];
    FILE *f;

    (void)state;
    prepare(2, "without-data", "{ kind: softmax }", .01, "");
    memcpy(strstr(processes[1].recipe, "paths: faces"), "paths: nowhe", 12);
    run_together(2);
    all_say(2, FACET_ENOTFOUND, "process 1 of 2: ");

    snprintf(path, sizeof path, "%s/taken", folder); /* by a file */
    f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    prepare(3, "taken/run", "{ kind: softmax }", .01, "");
    run_together(3);
    all_say(3, FACET_EIO, "process 0 of 3: ");

    prepare(2, "other-data", "{ kind: softmax }", .01, "");
    memcpy(strstr(processes[1].recipe, "paths: faces"), "paths: fac*s", 12);
    run_together(2);
    must_succeed(2); /* the same data under another name */

    prepare(3, "small-batch", "{ kind: softmax }", .01, "");
    for (int r = 0; r < 3; r++) {
        char *at = strstr(processes[r].recipe, "sampler:");
        const char *rest = strchr(at, '\n');
        char line[] = "sampler: { batch: 2 }";

        memmove(at + strlen(line), rest, strlen(rest) + 1);
        memcpy(at, line, strlen(line));
    }
    run_together(3);
    all_say(3, FACET_EINVAL, "raise sampler.batch");
}

/* Too many pictures that cannot be read, met by one process in the midst of a
 * run. */
static void test_unreadable_data_of_one_process_end_all(void **state)
{
    char from[160], to[160], path[160];
    FILE *f;

    (void)state;
    /* A folder of links, so that process 1 sees a broken picture. */
    snprintf(path, sizeof path, "cp -r %s/faces %s/worse", folder, folder);
    assert_int_equal(system(path), 0);
    for (int i = 0; i < PEOPLE * IMAGES; i++) {
        snprintf(from, sizeof from, "%s/worse/%c/%02d.png", folder,
            'a' + i / IMAGES, i);
        f = fopen(from, "w");
        assert_non_null(f);
        fputs("not a picture", f);
        fclose(f);
    }
    snprintf(to, sizeof to, "paths: worse");
    prepare(2, "broken-data", "{ kind: softmax }", .01, "");
    memcpy(strstr(processes[1].recipe, "paths: faces"), to, strlen(to));
    run_together(2);
    all_say(2, FACET_EDAMAGED, "process 1 of 2: ");
}

/* In the midst of a step the others wait for what will never come: they are
 * ended and told why. */
static void test_a_failure_within_a_step_abandons_the_others(void **state)
{
    (void)state;
    prepare(2, "fallen", "{ kind: softmax }", .01, "");
    processes[1].fail_at = 5;
    run_together(2);
    assert_int_equal(processes[1].status, FACET_ENOMEM);
    assert_string_equal(processes[1].err.msg, "stumbled");
    assert_int_equal(processes[0].status, FACET_EIO);
    assert_non_null(
        strstr(processes[0].err.msg, "cannot reach the others any more"));
}

/* Other recipes under the same data are found out by the weights at the
 * latest. */
static void test_processes_that_drift_apart_are_noticed(void **state)
{
    (void)state;
    prepare(2, "drift", "{ kind: softmax }", .01, "");
    memcpy(strstr(processes[1].recipe, "rate: 0.01"), "rate: 0.02", 10);
    run_together(2);
    all_say(2, FACET_EMODEL, "process 1 of 2: the weights");
}

/* Sums of buckets, in any order of arrival, several under way. */
typedef struct reducing {
    const facet_comm *comm;
    facet__param params[5];
    float value[5][40], grad[5][40];
    facet_status status;
} reducing;

static void *reduce_some(void *context)
{
    static const size_t order[] = { 3, 0, 4 }; /* 2 is left to finish */
    reducing *r = context;
    facet__reduce *reduce;

    for (int i = 0; i < 5; i++) {
        r->params[i] = (facet__param){ .name = "p",
            .count = 10 + 7 * (size_t)i,
            .value = r->value[i],
            .grad = i == 1 ? NULL : r->grad[i],
            .state = i == 1 };
        for (int k = 0; k < 40; k++) {
            r->grad[i][k] = (float)(i * 100 + k + r->comm->rank);
            r->value[i][k] = (float)(k + 10 * r->comm->rank);
        }
    }
    r->status = facet__reduce_create(
        r->comm, r->params, 5, 20 * sizeof(float), &reduce);
    for (int round = 0; round < 2 && r->status == FACET_OK; round++) {
        for (int i = 0; i < 3; i++)
            facet__reduce_add(reduce, order[i]);
        r->status = facet__reduce_finish(reduce);
    }
    if (r->status == FACET_OK)
        r->status = facet__reduce_states(reduce);
    facet__reduce_free(reduce);
    return NULL;
}

static void test_buckets_bring_every_gradient_its_sum(void **state)
{
    static reducing all[3];
    void *contexts[3];
    crowd c;

    (void)state;
    crowd_start(&c, 3);
    for (int r = 0; r < 3; r++) {
        all[r].comm = &c.members[r].comm;
        contexts[r] = &all[r];
    }
    crowd_run(&c, reduce_some, contexts);
    for (int r = 0; r < 3; r++) {
        CHECK_OK(all[r].status);
        assert_int_equal(c.members[r].at_once, 3); /* 31, 10 + 38, 24 */
        for (size_t i = 0; i < 5; i++)
            for (size_t k = 0; k < all[r].params[i].count; k++) {
                const double one = (double)(i * 100 + k);

                /* Two rounds: (3 one + 3) summed once more. */
                CHECK_NEAR(
                    all[r].grad[i][k], i == 1 ? one + r : 3 * (3 * one + 3), 0);
                CHECK_NEAR(all[r].value[i][k],
                    i == 1 ? (double)k + 10 : (double)k + 10 * r, 1e-6);
            }
    }
    crowd_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_processes_have_the_losses_of_one),
        cmocka_unit_test(test_more_processes_and_losses_agree_too),
        cmocka_unit_test(test_own_norms_train_one_network),
        cmocka_unit_test(test_weights_that_are_kept_do_not_drift),
        cmocka_unit_test(test_a_stop_in_one_process_stops_all),
        cmocka_unit_test(test_a_nan_in_one_process_takes_all_back),
        cmocka_unit_test(test_a_failure_in_one_process_is_the_answer_of_all),
        cmocka_unit_test(test_unreadable_data_of_one_process_end_all),
        cmocka_unit_test(test_a_failure_within_a_step_abandons_the_others),
        cmocka_unit_test(test_processes_that_drift_apart_are_noticed),
        cmocka_unit_test(test_buckets_bring_every_gradient_its_sum),
    };

    return cmocka_run_group_tests(tests, setup_folder, remove_folder);
}
