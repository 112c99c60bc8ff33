/* SPDX-License-Identifier: Apache-2.0 */
/* threads.c - a pool whose threads spin for a moment before they sleep.
 *
 * A network at batch 1 is hundreds of loops of a few microseconds; waking a
 * sleeping thread for each costs more than the loop. So a worker spins some ten
 * microseconds for the next loop, then waits on a condition. The spin is short
 * on purpose: with more threads than cores, long spins starve the worker.
 *
 * Nobody waits for a worker that slept through a loop. A loop is a gate: open,
 * it lets workers in and counts them; once all indices are taken the caller
 * shuts it and waits only for those inside. */
#include "base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/alloc.h"

enum { SPINS = 4000 };

/* The gate's highest bit; below it stands how many workers are inside. */
#define SHUT 0x80000000u

struct facet__pool {
    int threads;
    pthread_t *workers; /* [threads - 1] */
    int started;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    atomic_uint generation; /* one a loop */
    atomic_int sleeping;
    atomic_bool stop;
    atomic_uint gate;
    /* The loop in hand: written while the gate is shut and nobody inside. */
    facet__task *task;
    void *context;
    size_t count;
    atomic_size_t next;
};

typedef struct worker_start {
    facet__pool *pool;
    int thread;
    atomic_bool taken;
} worker_start;

static inline void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void work(facet__pool *pool, int thread)
{
    size_t i;

    while ((i = atomic_fetch_add(&pool->next, 1)) < pool->count)
        pool->task(pool->context, i, thread);
}

/* Wait until the generation is no longer `seen`; the new one. */
static unsigned await_loop(facet__pool *pool, unsigned seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&pool->generation) != seen)
            return atomic_load(&pool->generation);
        relax();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleeping, 1);
    while (atomic_load(&pool->generation) == seen)
        pthread_cond_wait(&pool->wake, &pool->mutex);
    atomic_fetch_sub(&pool->sleeping, 1);
    pthread_mutex_unlock(&pool->mutex);
    return atomic_load(&pool->generation);
}

/* Step inside unless the gate is shut. */
static bool enter(facet__pool *pool)
{
    unsigned gate = atomic_load(&pool->gate);

    while (!(gate & SHUT))
        if (atomic_compare_exchange_weak(&pool->gate, &gate, gate + 1))
            return true;
    return false;
}

static void *worker(void *argument)
{
    worker_start *start = argument;
    facet__pool *pool = start->pool;
    const int thread = start->thread;
    unsigned seen = 0;

    atomic_store(&start->taken, true);
    for (;;) {
        seen = await_loop(pool, seen);
        if (atomic_load(&pool->stop))
            return NULL;
        if (!enter(pool))
            continue;
        work(pool, thread);
        atomic_fetch_sub(&pool->gate, 1);
    }
}

/* Let every worker see a new generation. */
static void announce(facet__pool *pool)
{
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->sleeping) > 0) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->mutex);
    }
}

static facet_status start_worker(facet__pool *pool, int thread)
{
    worker_start start = { .pool = pool, .thread = thread };

    if (pthread_create(&pool->workers[thread - 1], NULL, worker, &start))
        return FACET_ENOMEM;
    pool->started++;
    while (!atomic_load(&start.taken))
        sched_yield();
    return FACET_OK;
}

facet_status facet__pool_create(int threads, facet__pool **out)
{
    facet__pool *pool;
    facet_status st = FACET_OK;

    *out = NULL;
    if (threads < 1)
        return FACET_EINVAL;
    pool = facet__calloc(1, sizeof *pool);
    if (!pool)
        return FACET_ENOMEM;
    pool->threads = threads;
    atomic_store(&pool->gate, SHUT);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->workers = facet__calloc((size_t)threads, sizeof *pool->workers);
    if (!pool->workers)
        st = FACET_ENOMEM;
    for (int t = 1; t < threads && st == FACET_OK; t++)
        st = start_worker(pool, t);
    if (st != FACET_OK) {
        facet__pool_free(pool);
        return st;
    }
    *out = pool;
    return FACET_OK;
}

void facet__pool_free(facet__pool *pool)
{
    if (!pool)
        return;
    atomic_store(&pool->stop, true);
    announce(pool);
    for (int t = 0; t < pool->started; t++)
        pthread_join(pool->workers[t], NULL);
    facet__free(pool->workers);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    facet__free(pool);
}

int facet__pool_size(const facet__pool *pool)
{
    return pool ? pool->threads : 1;
}

void facet__pool_run(
    facet__pool *pool, size_t count, facet__task *task, void *context)
{
    if (!pool || pool->threads == 1 || count < 2) {
        for (size_t i = 0; i < count; i++)
            task(context, i, 0);
        return;
    }
    pool->task = task;
    pool->context = context;
    pool->count = count;
    atomic_store(&pool->next, 0);
    atomic_store(&pool->gate, 0);
    announce(pool);
    work(pool, 0);
    atomic_fetch_or(&pool->gate, SHUT);
    for (int i = 0; atomic_load(&pool->gate) != SHUT; i++) {
        if (i < SPINS)
            relax();
        else
            sched_yield();
    }
}
