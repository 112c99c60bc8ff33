/* SPDX-License-Identifier: Apache-2.0 */
/* Whole runs of the toy: learning, stopping, dying, going on. */
#include "folder.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "train/metrics.h"
#include "train/run_folder.h"
#include "train/run_state.h"
#include "train/toy.h"

static facet__dataset *dataset;
static toy net;

static int setup_folder(void **state)
{
    (void)state;
    make_folder("run");
    toy_pictures(folder);
    dataset = toy_dataset(folder);
    return 0;
}

static int close_folder(void **state)
{
    facet__dataset_close(dataset);
    return remove_folder(state);
}

static const char *run_folder(const char *name)
{
    static char path[3][128];
    static int next;
    char *p = path[next++ % 3];

    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static facet__loss *make_loss(const char *name)
{
    const facet__loss_type *type = facet__loss_find(name);
    facet__loss_setup setup;
    facet__loss *loss;

    facet__loss_setup_init(&setup, type, TOY_DIM);
    setup.classes = 4;
    setup.seed = 3;
    CHECK_OK(facet__loss_create(type, &setup, NULL, &loss, NULL));
    return loss;
}

/* What the teacher of the distillation says of a crop: another linear layer. */
static facet_status teach(void *self, const uint32_t *indices, const float *x,
    size_t n, const float **out, facet_error *err)
{
    (void)indices;
    return toy_embed(self, x, n, out, err);
}

typedef struct last_seen {
    double loss;
    int steps, validations, rollbacks, resumed, stopped;
    char why[64];     /* of the last roll-back */
    uint64_t stop_at; /* 0: never */
    volatile sig_atomic_t stop;
} last_seen;

static void watch(void *context, const facet__progress *p)
{
    last_seen *seen = context;

    seen->loss = p->loss;
    seen->steps += p->what == FACET__PROGRESS_STEP;
    seen->validations += p->what == FACET__PROGRESS_VALIDATION;
    seen->rollbacks += p->what == FACET__PROGRESS_ROLLBACK;
    if (p->what == FACET__PROGRESS_ROLLBACK)
        snprintf(seen->why, sizeof seen->why, "%s", p->why);
    seen->resumed += p->what == FACET__PROGRESS_RESUMED;
    seen->stopped += p->what == FACET__PROGRESS_STOPPED;
    if (seen->stop_at && p->step == seen->stop_at)
        seen->stop = 1;
}

/* Every loss brings eight pictures below 1e-3. */
static void test_every_loss_learns_eight_pictures_by_heart(void **state)
{
    static toy teacher_net;
    const facet__trainable as_net = toy_start(&teacher_net);
    const facet__teacher teacher = {
        .self = as_net.self, .dim = TOY_DIM, .sees = true, .answer = teach
    };

    (void)state;
    for (int i = 0; i < TOY_DIM * TOY_IN; i++)
        teacher_net.weight[i] = (float)(i * 7919 % 101) / 100 - .5f;
    for (size_t t = 0; facet__loss_types[t]; t++) {
        const char *name = facet__loss_types[t]->name;
        /* The wing loss is steepest at the goal: it takes small steps. */
        const uint64_t steps = strcmp(name, "landmarks") ? 1500 : 8000;
        facet__run_setup s;
        last_seen seen = { .loss = 1 };
        facet_error err;

        if (facet__loss_types[t]->needs_cells)
            continue; /* the toy is no detector */
        toy_setup(&s, run_folder(name), &net, dataset);
        s.losses[0] = make_loss(name);
        s.optimizer.rule = FACET__ADAM;
        s.schedule.rate = .05;
        s.schedule.kind = FACET__COSINE;
        s.schedule.total = steps;
        s.checkpoint_every = s.log_every = steps;
        s.on_progress = watch;
        s.on_progress_context = &seen;
        if (s.losses[0]->type->needs_teacher) {
            s.data.n_crops = 2;
            s.data.crops[1] = s.data.crops[0];
            s.teacher = &teacher;
        }
        if (facet__run(&s, &err) != FACET_OK)
            fail_msg("%s: %s", name, err.msg);
        if (!(seen.loss < 1e-3))
            fail_msg("%s: the loss is still %g", name, seen.loss);
        facet__loss_free(s.losses[0]);
    }
}

static facet_status score_by_weight(
    void *context, const facet__trainable *n, double *score, facet_error *err)
{
    (void)context;
    (void)err;
    *score = (double)n->params[0].value[0];
    return FACET_OK;
}

static facet__rule rule = FACET__SGD; /* of the runs below */

/* A run with everything that has a memory: center loss, momentum, running
 * means, gathered batches, augmentation, validation with a plateau. `weights`
 * receives the end of it. */
static facet_status run_full(const char *out, bool resume, uint64_t steps,
    last_seen *seen, float *weights, facet_error *err)
{
    facet__run_setup s;
    facet_status st;

    toy_setup(&s, out, &net, dataset);
    s.losses[0] = make_loss("center");
    s.losses[1] = make_loss("triplet");
    s.weights[1] = .5;
    s.n_losses = 2;
    s.schedule.total = steps;
    s.schedule.kind = FACET__PLATEAU;
    s.schedule.patience = 0;
    s.schedule.factor = .9;
    s.optimizer.rule = rule;
    s.optimizer.nesterov = true;
    s.optimizer.decay = 1e-3;
    s.optimizer.accumulate = 2;
    s.optimizer.ema = .9;
    s.validate = score_by_weight;
    s.validate_every = 7;
    s.data.augment.flip = .5;
    s.data.augment.brightness = .2;
    s.data.threads = 2;
    s.recipe_hash = "abc";
    s.resume = resume;
    s.stop = &seen->stop;
    s.on_progress = watch;
    s.on_progress_context = seen;
    st = facet__run(&s, err);
    if (weights)
        memcpy(weights, net.weight, sizeof net.weight);
    facet__loss_free(s.losses[0]);
    facet__loss_free(s.losses[1]);
    return st;
}

static void same_files(const char *a, const char *b)
{
    void *x, *y;
    size_t n, m;

    CHECK_OK(facet__file_read(a, 1 << 24, &x, &n, NULL));
    CHECK_OK(facet__file_read(b, 1 << 24, &y, &m, NULL));
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    facet__free(x);
    facet__free(y);
}

static void check_stops(const char *whole_run, const char *run)
{
    static float whole[TOY_DIM * TOY_IN], parts[TOY_DIM * TOY_IN];
    const uint64_t stops[] = { 5, 20, 35, 55 };
    last_seen seen = { .loss = 1 };
    facet_error err;
    char a[256], b[256];

    CHECK_OK(run_full(run_folder(whole_run), false, 60, &seen, whole, &err));
    assert_int_equal(seen.validations, 9);
    seen = (last_seen){ .loss = 1 };
    for (int i = 0; i < 4; i++) {
        seen.stop = 0;
        seen.stop_at = stops[i];
        assert_int_equal(
            run_full(run_folder(run), i > 0, 60, &seen, NULL, &err),
            FACET_ECANCELED);
    }
    seen.stop = 0;
    seen.stop_at = 0;
    CHECK_OK(run_full(run_folder(run), true, 60, &seen, parts, &err));
    assert_int_equal(seen.stopped, 4);
    assert_int_equal(seen.resumed, 4);
    assert_memory_equal(whole, parts, sizeof whole);
    snprintf(a, sizeof a, "%s/checkpoint.bin", run_folder(whole_run));
    snprintf(b, sizeof b, "%s/checkpoint.bin", run_folder(run));
    same_files(a, b);
}

static void test_a_stopped_run_goes_on_with_the_same_bits(void **state)
{
    (void)state;
    check_stops("whole", "parts");
    rule = FACET__MUON;
    check_stops("whole-muon", "parts-muon");
    rule = FACET__SGD;
}

static double seconds_of(const char *out)
{
    const double begin = facet__clock();
    facet_error err;
    last_seen seen = { .loss = 1 };

    CHECK_OK(run_full(out, false, 400, &seen, NULL, &err));
    return facet__clock() - begin;
}

/* Ten kills at random moments, ten resumes: the final checkpoint is that of the
 * unbroken run, and no half file is left. */
static void test_killed_runs_end_like_the_unbroken_one(void **state)
{
    facet__random random = facet__random_stream((uint64_t)getpid(), 1, 1);
    const double seconds = seconds_of(run_folder("unbroken"));
    char command[256];
    int kills = 0;

    (void)state;
    print_message("seed %d, %.3f s unbroken\n", (int)getpid(), seconds);
    while (kills < 10) {
        const double wait = facet__random_between(&random, 0, seconds / 8);
        const struct timespec pause = { (time_t)wait,
            (long)(1e9 * (wait - floor(wait))) };
        int status;
        const pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
            facet_error err;
            last_seen seen = { .loss = 1 };

            _exit(run_full(run_folder("killed"), true, 400, &seen, NULL,
                      &err) != FACET_OK);
        }
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        kills += WIFSIGNALED(status);
        if (WIFEXITED(status)) { /* it was done before: again, from the start */
            assert_int_equal(WEXITSTATUS(status), 0);
            snprintf(command, sizeof command, "rm -r -- %s/killed", folder);
            assert_int_equal(system(command), 0);
        }
    }
    {
        facet_error err;
        last_seen seen = { .loss = 1 };

        CHECK_OK(run_full(run_folder("killed"), true, 400, &seen, NULL, &err));
    }
    same_files(run_folder("unbroken/checkpoint.bin"),
        run_folder("killed/checkpoint.bin"));
    snprintf(command, sizeof command,
        "test `ls %s/killed | wc -l` = `ls %s/unbroken | wc -l`", folder,
        folder);
    assert_int_equal(system(command), 0);
}

static void test_a_folder_in_use_and_another_recipe_are_refused(void **state)
{
    last_seen seen = { .loss = 1 };
    facet__run_folder other = { 0 };
    facet__run_setup s;
    facet_error err;

    (void)state;
    CHECK_OK(run_full(run_folder("mine"), false, 5, &seen, NULL, &err));
    assert_int_equal(run_full(run_folder("mine"), false, 5, &seen, NULL, &err),
        FACET_EEXISTS);
    CHECK_OK(facet__run_folder_open(run_folder("mine"), &other, &err));
    assert_int_equal(
        run_full(run_folder("mine"), true, 9, &seen, NULL, &err), FACET_EBUSY);
    assert_non_null(strstr(err.msg, "mine"));
    facet__run_folder_close(&other);
    CHECK_OK(run_full(run_folder("mine"), true, 9, &seen, NULL, &err));
    toy_setup(&s, run_folder("mine"), &net, dataset);
    s.losses[0] = make_loss("softmax");
    s.resume = true;
    assert_int_equal(facet__run(&s, &err), FACET_EMODEL);
    facet__loss_free(s.losses[0]);
    toy_setup(&s, "/dev/null/run", &net, dataset); /* that is no folder */
    s.losses[0] = make_loss("softmax");
    assert_int_equal(facet__run(&s, &err), FACET_EIO);
    facet__loss_free(s.losses[0]);
}

/* Run with a NaN in the forward pass of batch 25, which goes back once; what
 * the run in folder/`name` wrote down, to be freed. */
static json_t *roll_back_once(facet__run_setup *s, const char *name)
{
    last_seen seen = { .loss = 1 };
    facet_error err;
    json_t *lines;
    char path[128];

    s->losses[0] = make_loss("softmax");
    s->on_progress = watch;
    s->on_progress_context = &seen;
    net.poison_at = 25;
    CHECK_OK(facet__run(s, &err));
    assert_int_equal(seen.rollbacks, 1);
    facet__loss_free(s->losses[0]);
    snprintf(path, sizeof path, "%s/%s/metrics.jsonl", folder, name);
    CHECK_OK(facet__metrics_read(path, &lines, &err));
    return lines;
}

/* Good between the checkpoint of step 20 and the roll-back to it alone. */
static facet_status score_well_once(
    void *context, const facet__trainable *n, double *score, facet_error *err)
{
    int *count = context;

    (void)n;
    (void)err;
    *score = ++*count == 11 ? .9 : .5;
    return FACET_OK;
}

static void test_a_roll_back_keeps_the_best_score(void **state)
{
    facet__run_setup s;
    json_t *lines, *line;
    size_t i;
    int count = 0;
    double best = 0;

    (void)state;
    toy_setup(&s, run_folder("best"), &net, dataset);
    s.validate = score_well_once;
    s.validate_context = &count;
    s.validate_every = 2;
    lines = roll_back_once(&s, "best");
    json_array_foreach(lines, i, line) if (json_object_get(line, "best")) best =
        json_real_value(json_object_get(line, "best"));
    json_decref(lines);
    CHECK_NEAR(best, .9, 1e-12);
}

/* A NaN in the forward pass of batch 25: back to step 20, half the rate. */
static void test_a_nan_rolls_back_and_halves_the_rate(void **state)
{
    facet__run_setup s;
    json_t *lines, *line;
    size_t i;
    char path[128];

    (void)state;
    toy_setup(&s, run_folder("nan"), &net, dataset);
    lines = roll_back_once(&s, "nan");
    assert_int_equal(json_array_size(lines), 12); /* each step once */
    json_array_foreach(lines, i, line)
    {
        const json_int_t step =
            json_integer_value(json_object_get(line, "step"));

        assert_int_equal(step, 5 * (i + 1));
        CHECK_NEAR(json_real_value(json_object_get(line, "rate")),
            step <= 20 ? .05 : .025, 1e-9);
    }
    json_decref(lines);
    snprintf(path, sizeof path, "%s/nan/curves.svg", folder);
    assert_int_equal(access(path, F_OK), 0);
}

/* A number, but one that the loss has never been near to. */
static void test_an_exploding_loss_rolls_back_and_says_so(void **state)
{
    facet__run_setup s;
    last_seen seen = { .loss = 1 };
    facet_error err;

    (void)state;
    toy_setup(&s, run_folder("explosion"), &net, dataset);
    s.losses[0] = make_loss("softmax");
    s.on_progress = watch;
    s.on_progress_context = &seen;
    net.poison_at = 33;
    net.poison = 1e9f;
    CHECK_OK(facet__run(&s, &err));
    assert_int_equal(seen.rollbacks, 1);
    assert_string_equal(seen.why, "the loss explodes");
    facet__loss_free(s.losses[0]);
}

/* A rate that no halving can save: an error that names the key to change. */
static void test_a_hopeless_rate_ends_with_advice(void **state)
{
    facet__run_setup s;
    facet_error err;

    (void)state;
    toy_setup(&s, run_folder("hopeless"), &net, dataset);
    s.losses[0] = make_loss("softmax");
    s.schedule.rate = 1e30;
    s.max_rollbacks = 3;
    assert_int_equal(facet__run(&s, &err), FACET_EDAMAGED);
    assert_non_null(strstr(err.msg, "lower schedule.rate"));
    facet__loss_free(s.losses[0]);
}

static void test_metrics_lose_the_lines_that_are_made_again(void **state)
{
    char path[128];
    json_t *lines;
    void *text;
    size_t size;
    const char *before = "{\"step\":1,\"loss\":2}\n{\"step\":2,\"loss\":1}\n"
                         "not json\n{\"step\":9,\"loss\":1}\n{\"step\":2,\"lo";

    (void)state;
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    CHECK_OK(facet__metrics_rewind(path, 2, NULL)); /* no file yet */
    CHECK_OK(facet__file_write(path, before, strlen(before), NULL));
    CHECK_OK(facet__metrics_rewind(path, 2, NULL));
    CHECK_OK(facet__file_read(path, 1 << 20, &text, &size, NULL));
    assert_int_equal(size, 40);
    assert_memory_equal(text, before, 40);
    facet__free(text);
    CHECK_OK(facet__metrics_read(path, &lines, NULL));
    assert_int_equal(json_array_size(lines), 2);
    json_decref(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_loss_learns_eight_pictures_by_heart),
        cmocka_unit_test(test_a_stopped_run_goes_on_with_the_same_bits),
        cmocka_unit_test(test_killed_runs_end_like_the_unbroken_one),
        cmocka_unit_test(test_a_folder_in_use_and_another_recipe_are_refused),
        cmocka_unit_test(test_a_nan_rolls_back_and_halves_the_rate),
        cmocka_unit_test(test_a_roll_back_keeps_the_best_score),
        cmocka_unit_test(test_an_exploding_loss_rolls_back_and_says_so),
        cmocka_unit_test(test_a_hopeless_rate_ends_with_advice),
        cmocka_unit_test(test_metrics_lose_the_lines_that_are_made_again),
    };

    return cmocka_run_group_tests(tests, setup_folder, close_folder);
}
