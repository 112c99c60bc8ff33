/* SPDX-License-Identifier: Apache-2.0 */
/* crash_test.c - what was acknowledged survives: kill -9 at random moments, a
 * power cut at every write and sync, a disk that is full.
 *
 * A child enrolls and removes by a fixed plan and tells its parent through a
 * pipe after each call that returned. The parent ends it, opens the gallery and
 * holds it against the plan: everything acknowledged is there, the one call
 * that was not is there wholly or not at all, and nothing else.
 *
 * FACET_KILLS=1000 in the environment sets the number of kills. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "gallery/gallery_fixture.h"
#include "gallery/power_vfs.h"

enum { STEPS = 400 };

/* Step s enrolls person s with s % 7 + 1 photos; every fourth also removes the
 * person of two steps before, in a call of its own. */
static int photos_of(int step)
{
    return step % 7 + 1;
}

static bool removes(int call)
{
    return call % 5 == 4;
}

/* Which person call number `call` is about. */
static int person_of(int call)
{
    return removes(call) ? call - 2 : call;
}

static facet_status enroll_person(facet_gallery *g, int person)
{
    facet_template t[8] = { { .id = 0 } };
    float rows[8][DIM];
    char name[16];
    uint64_t id;
    facet_status st;

    snprintf(name, sizeof name, "p%d", person);
    st = facet_gallery_add_person(g, name, &id, NULL);
    for (int i = 0; i < photos_of(person); i++) {
        fixture_row(person, i, rows[i]);
        t[i] = (facet_template){ .person = id, .embedding = rows[i] };
    }
    return st == FACET_OK || st == FACET_EEXISTS
               ? facet_gallery_enroll(g, fixture_contract, t,
                     (size_t)photos_of(person), NULL, NULL)
               : st;
}

static facet_status remove_person(facet_gallery *g, int person)
{
    char name[16];
    uint64_t id;
    facet_status st;

    snprintf(name, sizeof name, "p%d", person);
    st = facet_gallery_find_person(g, name, &id, NULL);
    return st == FACET_OK ? facet_gallery_remove_person(g, id, NULL, NULL) : st;
}

static void acknowledge(int pipe, int call)
{
    if (write(pipe, &call, sizeof call) != (ssize_t)sizeof call)
        _exit(3);
}

/* The child: create (call 0), then the plan from call `first` on. */
static void work(const fixture *f, int pipe, int first, int end)
{
    facet_gallery *g = NULL;

    if (facet_gallery_create(f->path, fixture_contract, DIM, NULL, &g, NULL) !=
            FACET_OK &&
        facet_gallery_open(f->path, NULL, &g, NULL) != FACET_OK)
        _exit(4);
    acknowledge(pipe, 0);
    for (int call = first; call < end; call++) {
        const facet_status st = removes(call)
                                    ? remove_person(g, person_of(call))
                                    : enroll_person(g, person_of(call));

        if (st != FACET_OK)
            _exit(5);
        acknowledge(pipe, call);
    }
    facet_gallery_free(g);
    _exit(0);
}

static facet_status count_one(void *context, const facet_template *t)
{
    (void)t;
    ++*(int *)context;
    return FACET_OK;
}

static int templates_of(const facet_gallery *g, int person)
{
    char name[16];
    uint64_t id;
    int n = 0;

    snprintf(name, sizeof name, "p%d", person);
    if (facet_gallery_find_person(g, name, &id, NULL) != FACET_OK)
        return 0;
    CHECK_OK(facet_gallery_templates(g, id, count_one, &n, NULL));
    return n;
}

/* Is the person as calls 1 .. last leave it? */
static bool as_planned(const facet_gallery *g, int person, int last)
{
    const bool removed = removes(person + 2) && person + 2 <= last;
    const int want = person <= last && !removed ? photos_of(person) : 0;

    return templates_of(g, person) == want;
}

/* Hold the gallery against the plan. Returns the last call that is in it. */
static int check_gallery(const fixture *f, int acknowledged)
{
    facet_gallery *g = fixture_open(f, NULL);
    const int next = acknowledged + 1;
    int last = acknowledged;
    uint64_t damaged;

    for (int p = 1; p <= acknowledged; p++)
        if (!removes(p) && !(removes(next) && p == person_of(next)) &&
            !as_planned(g, p, acknowledged))
            fail_msg(
                "person %d is not as acknowledged by call %d", p, acknowledged);
    if (!as_planned(g, person_of(next), acknowledged)) {
        assert_true(as_planned(g, person_of(next), next));
        last = next;
    }
    CHECK_OK(facet_gallery_check(g, &damaged, NULL));
    assert_int_equal(damaged, 0);
    for (int p = 1; p <= last; p++)
        if (!removes(p) && !(removes(p + 2) && p + 2 <= last))
            CHECK_NEAR(fixture_best(g, p, 0).score, 1.0, 1e-6);
    facet_gallery_free(g);
    return last;
}

/* The last acknowledged call, -1 when there was none. */
static int read_acknowledged(int pipe)
{
    int call, last = -1;

    while (read(pipe, &call, sizeof call) == (ssize_t)sizeof call)
        last = call;
    return last;
}

static void pause_for(long microseconds)
{
    const struct timespec t = { microseconds / 1000000,
        microseconds % 1000000 * 1000 };

    nanosleep(&t, NULL);
}

static void test_nothing_acknowledged_is_lost_by_kill(void **state)
{
    fixture *f = *state;
    const char *wish = getenv("FACET_KILLS");
    const int kills = wish ? atoi(wish) : 30;
    unsigned seed = wish ? (unsigned)time(NULL) : 1;
    int last = 0;

    print_message("%d kills, seed %u\n", kills, seed);
    for (int k = 0; k < kills; k++) {
        int ends[2];
        pid_t child;
        int acknowledged;

        if (last > STEPS) {
            fixture_remove(f);
            assert_int_equal(fixture_init(f), 0);
            last = 0;
        }
        assert_int_equal(pipe(ends), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0)
            work(f, ends[1], last + 1, INT32_MAX);
        close(ends[1]);
        seed = seed * 1664525U + 1013904223U;
        pause_for(2000 + (long)(seed >> 8) % 60000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        acknowledged = read_acknowledged(ends[0]);
        close(ends[0]);
        if (acknowledged > last)
            last = acknowledged;
        if (acknowledged >= 0)
            last = check_gallery(f, last);
    }
}

static void path_of(const fixture *f, const char *suffix, char out[PATH_SIZE])
{
    snprintf(out, PATH_SIZE, "%.200s%s", f->path, suffix);
}

/* What a power cut also takes: shared memory, and with it the vector file's
 * unsynced pages; as it is rebuilt, all of it may go. */
static void forget_memory(const fixture *f)
{
    char path[PATH_SIZE];

    path_of(f, "-shm", path);
    unlink(path);
    path_of(f, ".1.vectors", path);
    unlink(path);
}

/* Run the plan until the power fails at operation n; true when it did. */
static bool run_until_cut(const fixture *f, long n, int *acknowledged)
{
    int ends[2], status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        power_install(n, (unsigned)n);
        work(f, ends[1], 1, 8);
    }
    close(ends[1]);
    waitpid(child, &status, 0);
    *acknowledged = read_acknowledged(ends[0]);
    close(ends[0]);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 9);
    return WEXITSTATUS(status) == 9;
}

static void test_nothing_acknowledged_is_lost_by_power_cuts(void **state)
{
    fixture *f = *state;
    long n = 0;

    for (bool cut = true; cut; n++) {
        facet_gallery *g = NULL;
        int acknowledged;

        cut = run_until_cut(f, n, &acknowledged);
        forget_memory(f);
        if (acknowledged >= 0) {
            check_gallery(f, acknowledged);
        } else if (facet_gallery_create(f->path, fixture_contract, DIM, NULL,
                       &g, NULL) != FACET_OK) {
            /* Made, but not told: then it is whole. */
            g = fixture_open(f, NULL);
        }
        facet_gallery_free(g);
        fixture_remove(f);
        assert_int_equal(fixture_init(f), 0);
    }
    print_message("cut at %ld writes and syncs\n", n - 1);
    assert_true(n > 40);
}

/* Files of this process may not grow beyond `bytes`. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_a_full_disk_is_told_and_loses_nothing(void **state)
{
    fixture *f = *state;
    facet_gallery *g = fixture_create(f, NULL);
    facet_error err = { FACET_OK, "" };
    facet_status st = FACET_OK;
    struct rlimit before;
    int person = 1;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    limit_files(600000);
    for (; st == FACET_OK && person < 500; person++) {
        char name[16];
        uint64_t id;

        snprintf(name, sizeof name, "p%d", person);
        st = facet_gallery_add_person(g, name, &id, &err);
        if (st == FACET_OK)
            st = enroll_person(g, person);
    }
    assert_int_equal(st, FACET_EIO);
    /* Still open, and still answering. */
    CHECK_NEAR(fixture_best(g, 1, 0).score, 1.0, 1e-6);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    CHECK_OK(enroll_person(g, 600));
    CHECK_NEAR(fixture_best(g, 600, 0).score, 1.0, 1e-6);
    facet_gallery_free(g);
    g = fixture_open(f, NULL);
    for (int p = 1; p < person - 1; p++)
        assert_int_equal(templates_of(g, p), photos_of(p));
    facet_gallery_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_nothing_acknowledged_is_lost_by_kill),
        FIXTURE_TEST(test_nothing_acknowledged_is_lost_by_power_cuts),
        FIXTURE_TEST(test_a_full_disk_is_told_and_loses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
