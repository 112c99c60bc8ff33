/* SPDX-License-Identifier: Apache-2.0 */
/* train.c - a recipe to a network. The run's own record is metrics.jsonl and
 * curves.svg in its folder; here a person watches it go. */
#include <argp.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exits.h"
#include "facet/train.h"
#include "processes.h"
#include "train_projection.h"
#include "verbs.h"

typedef struct training {
    const char *recipe, *out;
    int resume, quiet;
    int teach;  /* ask the teacher, train nothing */
    int live;   /* the last thing on stderr is a line that will be replaced */
    int report; /* tell what happens on stderr, if it is a terminal */
    facet_train_progress last;
} training;

static volatile sig_atomic_t asked_to_stop;

static void ask_to_stop(int number)
{
    (void)number;
    asked_to_stop = 1;
}

static const struct argp_option options[] = {
    { "out", 'o', "DIR", 0,
        "Where checkpoint, metrics, curves and networks go (needed)", 0 },
    { "resume", 'r', NULL, 0, "Go on from the checkpoint in DIR, if any", 0 },
    { "quiet", 'q', NULL, 0, "No progress on the terminal", 0 },
    { 0 },
};

static const struct argp_option teach_options[] = {
    { "out", 'o', "DIR", 0, "Where answers.npy and names.txt go (needed)", 0 },
    { "quiet", 'q', NULL, 0, "No progress on the terminal", 0 },
    { 0 },
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    training *t = state->input;

    switch (key) {
    case 'o':
        t->out = text;
        return 0;
    case 'r':
        t->resume = 1;
        return 0;
    case 'q':
        t->quiet = 1;
        return 0;
    case ARGP_KEY_ARG:
        if (t->recipe)
            argp_error(state, "one recipe at a time, not '%s' too", text);
        t->recipe = text;
        return 0;
    case ARGP_KEY_END:
        if (!t->recipe || !t->out)
            argp_error(state, "a RECIPE and --out DIR are needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* "1:02:03", or "2:03" below an hour. */
static void print_time(double seconds)
{
    const long s = lround(seconds);

    if (s >= 3600)
        fprintf(stderr, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        fprintf(stderr, "%ld:%02ld", s / 60, s % 60);
}

/* Something worth keeping gets a line of its own. */
static void begin_line(training *t)
{
    if (t->live)
        fputs("\r\033[K", stderr);
    t->live = 0;
}

static void show_asked(training *t, const facet_train_progress *p)
{
    begin_line(t);
    fprintf(stderr, "asked about %llu of %llu pictures, %.1f images/s, ",
        (unsigned long long)p->step, (unsigned long long)p->steps,
        p->per_second);
    print_time(p->seconds_left);
    fputs(" left", stderr);
    t->live = 1;
}

static void show_step(training *t, const facet_train_progress *p)
{
    begin_line(t);
    fprintf(stderr,
        "step %llu of %llu, epoch %.1f: loss %.4f, mined %.0f %%, rate %.2g, "
        "%.1f images/s, ",
        (unsigned long long)p->step, (unsigned long long)p->steps, p->epoch,
        p->loss, 100 * p->mined, p->rate, p->per_second);
    print_time(p->seconds_left);
    fputs(" left", stderr);
    t->live = 1;
}

static void on_progress(void *context, const facet_train_progress *p)
{
    training *t = context;
    const unsigned long long step = p->step;

    t->last = *p;
    if (!strcmp(
            p->event, "rollback")) { /* a person must know, terminal or not */
        begin_line(t);
        complain("step %llu: %s; back there with half the rate", step, p->why);
    }
    if (!t->report)
        return;
    if (!strcmp(p->event, "step")) {
        show_step(t, p);
    } else if (!strcmp(p->event, "teach")) {
        show_asked(t, p);
    } else if (!strcmp(p->event, "validation")) {
        begin_line(t);
        fprintf(stderr, "step %llu: validation %.4f\n", step, p->score);
    } else if (!strcmp(p->event, "resumed")) {
        fprintf(stderr, "going on from step %llu\n", step);
    }
    fflush(stderr);
}

static void on_broken(void *context, const char *name, const char *why)
{
    (void)context;
    complain("%s: left out: %s", name, why);
}

/* The number of a failure: what is wrong is the recipe, a network, or a file
 * or folder. */
static int exit_of(facet_status status)
{
    switch (status) {
    case FACET_OK:
        return EXIT_YES;
    case FACET_EINVAL:
    case FACET_ENOMEM:
    case FACET_EINTERNAL:
    case FACET_EMODEL:
        return (int)exit_for_model(status);
    default:
        return EXIT_IO;
    }
}

/* For the program that waits: one line of JSON. Names are not repeated here,
 * so nothing needs escaping. */
static void print_result(const training *t, int finished)
{
    if (t->teach) {
        printf("{\"finished\":%s,\"asked\":%llu,\"pictures\":%llu,"
               "\"broken\":%zu}\n",
            finished ? "true" : "false", (unsigned long long)t->last.step,
            (unsigned long long)t->last.steps, t->last.broken);
        return;
    }
    printf("{\"finished\":%s,\"step\":%llu,\"steps\":%llu",
        finished ? "true" : "false", (unsigned long long)t->last.step,
        (unsigned long long)t->last.steps);
    if (t->last.loss >= 0) /* before the first step there is none */
        printf(",\"loss\":%.6g", t->last.loss);
    printf(",\"broken\":%zu", t->last.broken);
    if (isfinite(t->last.score))
        printf(",\"validation\":%.6g", t->last.score);
    puts("}");
}

/* What came of it, told by one process. */
static int tell_end(training *t, facet_status st, const facet_error *err)
{
    if (t->live)
        fputc('\n', stderr);
    if (st == FACET_OK || st == FACET_ECANCELED) {
        print_result(t, st == FACET_OK);
        if (st == FACET_ECANCELED && !t->quiet)
            complain("%s%s", err->msg, t->teach ? "" : "; --resume goes on");
        return st == FACET_ECANCELED && t->teach ? EXIT_INTERRUPTED : EXIT_YES;
    }
    complain("%s", *err->msg ? err->msg : facet_status_str(st));
    return exit_of(st);
}

static int run(training *t)
{
    const struct sigaction action = { .sa_handler = ask_to_stop };
    facet_train_opts opts;
    facet_error err = { FACET_OK, "" };
    facet_status st;
    int number;

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    facet_train_opts_init(&opts);
    opts.resume = t->resume;
    opts.stop = &asked_to_stop;
    opts.on_progress = on_progress;
    opts.on_broken = on_broken;
    opts.context = t;
    t->report = !t->quiet && isatty(STDERR_FILENO);
    st = processes_join(&opts.comm, &err);
    if (st == FACET_OK)
        st = t->teach ? facet_teach(t->recipe, t->out, &opts, &err)
                      : facet_train(t->recipe, t->out, &opts, &err);
    number = processes_first(opts.comm) ? tell_end(t, st, &err)
             : st == FACET_ECANCELED    ? EXIT_YES
                                        : exit_of(st);
    processes_leave();
    return number;
}

int verb_train(int argc, char **argv)
{
    static const struct argp argp = { options, parse,
        "RECIPE\nteacher RECIPE\ntpe|tse|tde|vgg-triplet LIST|FOLDER",
        "Train a network after a recipe (docs/recipes.md; recipes/ has some). "
        "DIR receives checkpoint.bin, metrics.jsonl, curves.svg, best.onnx and "
        "last.onnx. SIGINT and SIGTERM write a checkpoint and end with 0; "
        "--resume goes on with the same steps as if nothing had been. Under "
        "mpirun several processes share each batch. The second form asks a "
        "teacher before the training, the third learns a better map for "
        "embeddings that are there already, in seconds: see `facet train "
        "teacher --help` and `facet train tpe --help`.",
        NULL, NULL, NULL };
    static const struct argp teach_argp = { teach_options, parse, "RECIPE",
        "Ask a recipe's teacher about every picture, as it is and mirrored. "
        "DIR receives answers.npy and names.txt, from which recipes learn "
        "without asking (teacher.embeddings, teacher.names). Nothing is kept "
        "of a teacher that was not asked to the end.",
        NULL, NULL, NULL };
    training t = { .last.score = NAN };
    char name[] = "facet train", teach[] = "facet train teacher";

    if (argc > 1 && is_projection_loss(argv[1]))
        return train_projection(argc - 1, argv + 1);
    t.teach = argc > 1 && !strcmp(argv[1], "teacher");
    argc -= t.teach;
    argv += t.teach;
    argv[0] = t.teach ? teach : name;
    argp_parse(t.teach ? &teach_argp : &argp, argc, argv, 0, NULL, &t);
    return run(&t);
}
