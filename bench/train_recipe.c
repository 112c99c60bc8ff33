/* SPDX-License-Identifier: Apache-2.0 */
/* train_recipe.c - a run of a recipe, for experiments: what `facet train` does
 * with plain lines. bench_train_recipe RECIPE FOLDER [resume] */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "facet/train.h"

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static void tell(void *context, const facet_train_progress *p)
{
    (void)context;
    printf("%s %llu/%llu epoch %.2f loss %.4f rate %.5f %.1f/s score %.4f "
           "left %.0f s%s%s\n",
        p->event, (unsigned long long)p->step, (unsigned long long)p->steps,
        p->epoch, p->loss, p->rate, p->per_second, p->score, p->seconds_left,
        p->why ? " " : "", p->why ? p->why : "");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    facet_train_opts opts;
    facet_error err = { 0 };
    facet_status st;

    if (argc < 3)
        return 2;
    facet_train_opts_init(&opts);
    opts.resume = argc > 3;
    opts.stop = &stop;
    opts.on_progress = tell;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    st = facet_train(argv[1], argv[2], &opts, &err);
    if (st != FACET_OK)
        fprintf(stderr, "%s\n", err.msg);
    return st == FACET_OK || st == FACET_ECANCELED ? 0 : 1;
}
