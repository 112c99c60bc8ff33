/* SPDX-License-Identifier: Apache-2.0 */
/* crash_test.c - what was acknowledged survives: kill -9 at random moments, a
 * power cut at every write and sync, a disk that is full.
 *
 * A child enrolls and removes by a fixed plan and tells its parent through a
 * pipe after each call that returned. The parent ends it, opens the gallery and
 * holds it against the plan: everything acknowledged is there, the one call
 * that was not is there wholly or not at all, and nothing else. Of those who
 * were removed the bytes of the vector file are looked through, too, for
 * facet_gallery_check might pass over what search passes over.
 *
 * FACET_KILLS=1000 in the environment sets the number of kills. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
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

/* The child: create (call 0), then the plan from call `first` on, with one
 * handle or a new one for each call. */
static void work(
    const fixture *f, int pipe, int first, int end, bool handle_each)
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
        if (handle_each) {
            facet_gallery_free(g);
            if (facet_gallery_open(f->path, NULL, &g, NULL) != FACET_OK)
                _exit(6);
        }
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

/* Has the person a row anywhere in the floats of the first segment, whatever
 * count and ids say? */
static bool has_row(const unsigned char *vectors, size_t size, int person)
{
    const size_t bytes = DIM * sizeof(float);
    const size_t first = FACET__ROWS_HEADER + facet__layout_of(DIM).row;
    float rows[8][DIM];

    for (int i = 0; i < photos_of(person); i++)
        fixture_row(person, i, rows[i]);
    for (size_t at = first; at + bytes <= size; at += bytes)
        for (int i = 0; i < photos_of(person); i++)
            if (memcmp(vectors + at, rows[i], bytes) == 0)
                return true;
    return false;
}

static void check_erased(const fixture *f, int last)
{
    char *path = fixture_vectors(f);
    size_t size = 0;
    unsigned char *vectors = fixture_read(path, &size);

    for (int call = 1; vectors && call <= last; call++)
        if (removes(call) && has_row(vectors, size, person_of(call)))
            fail_msg("person %d is still in the vector file after call %d",
                person_of(call), last);
    free(vectors);
    free(path);
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
    check_erased(f, last);
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
            work(f, ends[1], last + 1, INT32_MAX, false);
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

/* -- The vector file in a power cut -------------------------------------- */

enum { PAGE = 4096, BOOT = 136, SIGNED = 184 }; /* docs/formats/gallery.md */

/* The file as it was at its last sync, and when the power fails. */
static struct {
    long countdown; /* syncs left; < 0: never */
    unsigned char *image;
    size_t size;
    ino_t file;
} disk = { .countdown = -1 };

static unsigned char *read_open(int file, struct stat *s)
{
    unsigned char *bytes;

    assert_int_equal(fstat(file, s), 0);
    bytes = malloc((size_t)s->st_size + 1);
    assert_non_null(bytes);
    assert_int_equal(pread(file, bytes, (size_t)s->st_size, 0), s->st_size);
    return bytes;
}

/* Of the pages that are not as they were, some come to the disk. */
static void lose_pages(int file)
{
    struct stat s;
    unsigned char *now = read_open(file, &s), was[PAGE];

    for (off_t at = 0; at < s.st_size; at += PAGE) {
        const size_t left = (size_t)(s.st_size - at);
        const size_t size = left < PAGE ? left : PAGE;
        const bool known =
            disk.file == s.st_ino && (size_t)at + size <= disk.size;

        memset(was, 0, sizeof was);
        if (known)
            memcpy(was, disk.image + at, size);
        if (memcmp(was, now + at, size) != 0 &&
            fixture_noise(
                ((uint64_t)power.seed << 20) + (uint64_t)(at / PAGE)) < 0.0F)
            assert_int_equal(pwrite(file, was, size, at), size);
    }
    free(now);
}

/* In place of the C library's. SQLite's files are synced by power_vfs.h. */
int fdatasync(int file)
{
    struct stat s;

    if (disk.countdown < 0)
        return fsync(file);
    if (disk.countdown-- == 0) {
        lose_pages(file);
        power.countdown = 0;
        power_operation();
    }
    free(disk.image);
    disk.image = read_open(file, &s);
    disk.size = (size_t)s.st_size;
    disk.file = s.st_ino;
    return 0;
}

/* Let the vector file be one that another boot of the machine has written. */
static void restart_machine(const fixture *f)
{
    char path[PATH_SIZE];
    unsigned char header[SIGNED + 8];
    uint64_t hash = 0xcbf29ce484222325U;
    FILE *file;

    path_of(f, "-shm", path);
    unlink(path);
    path_of(f, ".1.vectors", path);
    file = fopen(path, "r+b");
    if (!file)
        return;
    if (fread(header, 1, sizeof header, file) == sizeof header &&
        memcmp(header, "FACETVEC", 8) == 0) {
        header[BOOT] ^= 1;
        for (int i = 0; i < SIGNED; i++)
            hash = (hash ^ header[i]) * 0x100000001b3U;
        memcpy(header + SIGNED, &hash, sizeof hash);
        rewind(file);
        fwrite(header, 1, sizeof header, file);
    }
    fclose(file);
}

/* When the power fails: at operation `n` of SQLite, or at sync `n` of the
 * vector file. */
typedef struct power_cut {
    bool of_vectors;
    long n;
    unsigned seed;
} power_cut;

/* Run the plan until the power fails; true when it did. */
static bool run_until_cut(const fixture *f, power_cut cut, int *acknowledged)
{
    int ends[2], status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        power_install(cut.of_vectors ? -1 : cut.n, cut.seed);
        disk.countdown = cut.of_vectors ? cut.n : -1;
        work(f, ends[1], 1, 8, cut.of_vectors);
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

        cut = run_until_cut(
            f, (power_cut){ .n = n, .seed = (unsigned)n }, &acknowledged);
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

static void test_nobody_who_was_removed_comes_back_by_power_cuts(void **state)
{
    enum { SEEDS = 8 };
    fixture *f = *state;
    bool cut = true;
    long n = 0;

    for (; cut; n++)
        for (unsigned seed = 0; seed < SEEDS; seed++) {
            int acknowledged;

            cut = run_until_cut(f,
                (power_cut){ true, n, (unsigned)n * SEEDS + seed },
                &acknowledged);
            restart_machine(f);
            if (acknowledged >= 0)
                check_gallery(f, acknowledged);
            fixture_remove(f);
            assert_int_equal(fixture_init(f), 0);
        }
    print_message("cut at %ld syncs of the vector file\n", n - 1);
    assert_true(n > 10);
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
        FIXTURE_TEST(test_nobody_who_was_removed_comes_back_by_power_cuts),
        FIXTURE_TEST(test_a_full_disk_is_told_and_loses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
