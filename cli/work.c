/* SPDX-License-Identifier: Apache-2.0 */
/* work.c - a ring of slots. `taken` counts the photos that workers took from
 * the inputs, `given` those that the caller's thread took from the ring; photo
 * number n has slot n % room, and is only taken once that slot is free.
 *
 * Inputs are read under a lock of their own: a list on stdin may make a worker
 * wait, and finished photos shall be printed meanwhile. */
#include "work.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_PER_THREAD = 4 };

typedef struct slot {
    work_item item;
    bool done;
} slot;

typedef struct work {
    inputs *in;
    work_meet *meet;
    work_do *run;
    void *context;
    pthread_mutex_t reading; /* held while a photo is taken */
    pthread_mutex_t lock;    /* of all below */
    pthread_cond_t changed;
    slot *slots; /* [room] */
    size_t room, taken, given;
    bool ended; /* no photo will be taken any more */
    bool stop;
} work;

typedef struct worker {
    work *work;
    int number;
    pthread_t thread;
} worker;

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static void catch_interrupts(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = interrupt;
    action.sa_flags = (int)SA_RESETHAND; /* the second one kills */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Wait until there is a slot for photo `taken`; false when none is wanted. */
static bool await_room(work *w)
{
    bool wanted;

    pthread_mutex_lock(&w->lock);
    while (!w->stop && w->taken - w->given >= w->room)
        pthread_cond_wait(&w->changed, &w->lock);
    wanted = !w->stop && !interrupted;
    pthread_mutex_unlock(&w->lock);
    return wanted;
}

/* The next photo and its number; false when there is none. */
static bool take(work *w, work_item *item, size_t *number)
{
    *item = (work_item){ .status = EXIT_YES };
    pthread_mutex_lock(&w->reading);
    item->path = !w->ended && await_room(w) ? inputs_next(w->in) : NULL;
    if (item->path && w->meet)
        w->meet(w->context, item);
    pthread_mutex_lock(&w->lock);
    *number = w->taken;
    if (item->path)
        w->taken++;
    else
        w->ended = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_mutex_unlock(&w->reading);
    return item->path != NULL;
}

static void *work_on(void *argument)
{
    const worker *self = argument;
    work *w = self->work;
    work_item item;
    size_t number;

    while (take(w, &item, &number)) {
        w->run(w->context, self->number, &item);
        pthread_mutex_lock(&w->lock);
        w->slots[number % w->room] = (slot){ item, true };
        pthread_cond_broadcast(&w->changed);
        pthread_mutex_unlock(&w->lock);
    }
    return NULL;
}

/* The next result in order; false after the last. */
static bool give(work *w, work_item *item)
{
    slot *next;
    bool there;

    pthread_mutex_lock(&w->lock);
    next = &w->slots[w->given % w->room];
    while (!next->done && !(w->ended && w->given == w->taken))
        pthread_cond_wait(&w->changed, &w->lock);
    there = next->done;
    if (there) {
        *item = next->item;
        next->done = false;
        w->given++;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return there;
}

static void stop(work *w)
{
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/* Print what the workers hand out, until they have ended. */
static void print_all(work *w, work_take *print)
{
    work_item item;
    bool printing = true;

    while (give(w, &item)) {
        if (printing && !print(w->context, &item)) {
            printing = false;
            stop(w);
        }
        free(item.path);
        free(item.bytes);
    }
}

exit_number work_run(inputs *in, int threads, work_meet *meet, work_do *run,
    work_take *print, void *context)
{
    work w = { .in = in, .meet = meet, .run = run, .context = context };
    worker *workers = calloc((size_t)threads, sizeof *workers);
    int started = 0;

    w.room = SLOTS_PER_THREAD * (size_t)threads;
    w.slots = calloc(w.room, sizeof *w.slots);
    pthread_mutex_init(&w.reading, NULL);
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.changed, NULL);
    catch_interrupts();
    while (w.slots && workers && started < threads) {
        workers[started] = (worker){ .work = &w, .number = started };
        if (pthread_create(
                &workers[started].thread, NULL, work_on, &workers[started]))
            break;
        started++;
    }
    if (started)
        print_all(&w, print);
    for (int i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    pthread_cond_destroy(&w.changed);
    pthread_mutex_destroy(&w.lock);
    pthread_mutex_destroy(&w.reading);
    free(w.slots);
    free(workers);
    if (!started)
        complain("not enough memory for %d threads", threads);
    return !started      ? EXIT_NO_MEMORY
           : interrupted ? EXIT_INTERRUPTED
                         : EXIT_YES;
}
