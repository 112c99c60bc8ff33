/* SPDX-License-Identifier: Apache-2.0 */
/* crowd.h - the processes of a training, played by threads: a facet_comm whose
 * calls meet at a barrier. Sums go in the order of ranks, so every run has the
 * same bits. When one gives up, all calls of the others fail. */
#ifndef FACET_TESTS_CROWD_H
#define FACET_TESTS_CROWD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "facet/comm.h"

enum { CROWD_MAX = 4, CROWD_SUMS = 256 };

/* A sum under way: it is made when it is waited for. */
typedef struct crowd_sum {
    float *numbers;
    size_t n;
} crowd_sum;

typedef struct crowd crowd;

typedef struct crowd_member {
    crowd *all;
    int rank;
    const void *mine; /* what the others may read between two meetings */
    size_t n;         /* of it, to check that all say the same */
    crowd_sum sums[CROWD_SUMS];
    int begun;
    int at_once;  /* most sums that were under way together */
    int advances; /* calls of advance */
    facet_comm comm;
} crowd_member;

struct crowd {
    int count;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int waiting;
    unsigned round;
    bool broken;
    char why[256];
    crowd_member members[CROWD_MAX];
};

/* Wait for everybody; false when somebody has given up. */
static inline bool crowd_meet(crowd *c)
{
    bool whole;

    pthread_mutex_lock(&c->mutex);
    if (++c->waiting == c->count) {
        c->waiting = 0;
        c->round++;
        pthread_cond_broadcast(&c->changed);
    } else {
        const unsigned round = c->round;

        while (!c->broken && round == c->round)
            pthread_cond_wait(&c->changed, &c->mutex);
    }
    whole = !c->broken;
    pthread_mutex_unlock(&c->mutex);
    return whole;
}

/* Show the others n things and see theirs; a differing n is a failure. */
static inline bool crowd_show(crowd_member *m, const void *mine, size_t n)
{
    m->mine = mine;
    m->n = n;
    if (!crowd_meet(m->all))
        return false;
    for (int r = 0; r < m->all->count; r++)
        if (m->all->members[r].n != n)
            abort();
    return true;
}

static inline facet_status crowd_total(void *self, double *numbers, size_t n)
{
    crowd_member *m = self;
    double *total = calloc(n + 1, sizeof *total);
    bool good = crowd_show(m, numbers, n);

    for (int r = 0; good && r < m->all->count; r++)
        for (size_t i = 0; i < n; i++)
            total[i] += ((const double *)m->all->members[r].mine)[i];
    good = good && crowd_meet(m->all);
    if (good)
        memcpy(numbers, total, n * sizeof *total);
    free(total);
    return good ? FACET_OK : FACET_EIO;
}

static inline facet_status crowd_begin(
    void *self, float *numbers, size_t n, void **token)
{
    crowd_member *m = self;

    if (m->begun == CROWD_SUMS)
        abort();
    m->sums[m->begun] = (crowd_sum){ numbers, n };
    *token = &m->sums[m->begun++];
    if (m->begun > m->at_once)
        m->at_once = m->begun;
    return FACET_OK;
}

static inline facet_status crowd_advance(void *self)
{
    ((crowd_member *)self)->advances++;
    return FACET_OK;
}

static inline facet_status crowd_wait(void *self, void *token)
{
    crowd_member *m = self;
    const crowd_sum *sum = token;
    float *total = calloc(sum->n + 1, sizeof *total);
    bool good = crowd_show(m, sum->numbers, sum->n);

    for (int r = 0; good && r < m->all->count; r++)
        for (size_t i = 0; i < sum->n; i++)
            total[i] += ((const float *)m->all->members[r].mine)[i];
    good = good && crowd_meet(m->all);
    if (good)
        memcpy(sum->numbers, total, sum->n * sizeof *total);
    free(total);
    m->begun = 0; /* they are waited for in a row */
    return good ? FACET_OK : FACET_EIO;
}

static inline facet_status crowd_broadcast(void *self, void *bytes, size_t n)
{
    crowd_member *m = self;
    bool good = crowd_show(m, bytes, n);

    if (good && m->rank > 0)
        memcpy(bytes, m->all->members[0].mine, n);
    return good && crowd_meet(m->all) ? FACET_OK : FACET_EIO;
}

static inline facet_status crowd_gather(
    void *self, const void *mine, void *all, const size_t *sizes)
{
    crowd_member *m = self;
    bool good = crowd_show(m, mine, 0);

    for (int r = 0; good && r < m->all->count; r++) {
        memcpy(all, m->all->members[r].mine, sizes[r]);
        all = (char *)all + sizes[r];
    }
    return good && crowd_meet(m->all) ? FACET_OK : FACET_EIO;
}

static inline void crowd_abandon(void *self, const char *why)
{
    crowd_member *m = self;

    pthread_mutex_lock(&m->all->mutex);
    m->all->broken = true;
    snprintf(m->all->why, sizeof m->all->why, "%s", why);
    pthread_cond_broadcast(&m->all->changed);
    pthread_mutex_unlock(&m->all->mutex);
}

static inline void crowd_start(crowd *c, int count)
{
    memset(c, 0, sizeof *c);
    c->count = count;
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->changed, NULL);
    for (int r = 0; r < count; r++) {
        crowd_member *m = &c->members[r];

        m->all = c;
        m->rank = r;
        m->comm = (facet_comm){ .size = sizeof m->comm,
            .rank = r,
            .count = count,
            .local = count,
            .self = m,
            .sum = crowd_total,
            .begin = crowd_begin,
            .advance = crowd_advance,
            .wait = crowd_wait,
            .broadcast = crowd_broadcast,
            .gather = crowd_gather,
            .abandon = crowd_abandon };
    }
}

static inline void crowd_end(crowd *c)
{
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->mutex);
}

/* Run `body` once for each member, each in a thread of its own. `contexts` has
 * a pointer for each. */
static inline void crowd_run(
    crowd *c, void *(*body)(void *context), void *const *contexts)
{
    pthread_t threads[CROWD_MAX];

    for (int r = 0; r < c->count; r++)
        if (pthread_create(&threads[r], NULL, body, contexts[r]))
            abort();
    for (int r = 0; r < c->count; r++)
        pthread_join(threads[r], NULL);
}

#endif
