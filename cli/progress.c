/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void progress_start(progress *p, bool quiet)
{
    p->shown = !quiet && isatty(STDERR_FILENO);
    p->start = p->last = seconds_now();
    p->done = 0;
}

static void show(const progress *p, double now, size_t total)
{
    const double rate = (double)p->done / (now - p->start + 1e-9);

    fprintf(stderr, "\r%zu", p->done);
    if (total)
        fprintf(stderr, " of %zu", total);
    fprintf(stderr, " photos, %.1f a second", rate);
    if (total && rate > 0) {
        const long left = (long)((double)(total - p->done) / rate + 0.5);

        fprintf(stderr, ", %ld:%02ld left", left / 60, left % 60);
    }
    fputs("\033[K", stderr);
    fflush(stderr);
}

void progress_step(progress *p, size_t total)
{
    const double now = seconds_now();

    p->done++;
    if (!p->shown || (now - p->last < 0.2 && p->done != total))
        return;
    p->last = now;
    show(p, now, total);
}

void progress_end(progress *p)
{
    if (p->shown && p->done)
        fputc('\n', stderr);
}
