/* SPDX-License-Identifier: Apache-2.0 */
/* concurrency_test.c - many threads on one handle, many processes on one file.
 * Run under TSan to see what the threads share. */
#include <pthread.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "gallery/gallery_fixture.h"

enum { PEOPLE = 40, PHOTOS = 5, THREADS = 4, ROUNDS = 60, READERS = 3 };

static void name_of(int person, char name[16])
{
    snprintf(name, 16, "p%d", person);
}

typedef struct searcher {
    const facet_gallery *g;
    int number, wrong;
} searcher;

/* One search in each rank, one name; counts what is not as it has to be. */
static void search_once(searcher *s, int round)
{
    const int person = (s->number * 17 + round) % PEOPLE;
    const facet_rank rank = (facet_rank)(round % 4);
    facet_search_opts opts;
    facet_match best = { .score = -1 };
    float row[DIM];
    char name[16], want[16];
    size_t n = 0;

    facet_search_opts_init(&opts);
    opts.rank = rank;
    fixture_row(person, round % PHOTOS, row);
    name_of(person, want);
    if (facet_gallery_search(s->g, fixture_contract, row, 1, &opts, 1, &best,
            &n, NULL) != FACET_OK ||
        n != 1 ||
        facet_gallery_person_name(s->g, best.person, name, sizeof name, NULL) !=
            FACET_OK ||
        strcmp(name, want) != 0)
        s->wrong++;
}

static void *search_often(void *argument)
{
    searcher *s = argument;

    for (int round = 0; round < ROUNDS; round++)
        search_once(s, round);
    return NULL;
}

static void test_threads_search_one_handle_at_once(void **state)
{
    fixture *f = *state;
    facet_gallery_opts opts = fixture_opts();
    facet_gallery *g;
    pthread_t threads[THREADS];
    searcher searchers[THREADS];

    opts.threads = 2;
    g = fixture_create(f, &opts);
    for (int p = 0; p < PEOPLE; p++) {
        char name[16];

        name_of(p, name);
        fixture_enroll(g, name, p, PHOTOS);
    }
    for (int t = 0; t < THREADS; t++) {
        searchers[t] = (searcher){ .g = g, .number = t };
        assert_int_equal(
            pthread_create(&threads[t], NULL, search_often, &searchers[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
        assert_int_equal(searchers[t].wrong, 0);
    }
    facet_gallery_free(g);
}

/* How many of the person's photos are found exactly. */
static size_t photos_found(const facet_gallery *g, int person)
{
    size_t found = 0;

    for (int photo = 0; photo < PHOTOS; photo++)
        found += fixture_best(g, person, photo).score > 0.999999F;
    return found;
}

/* People come in order and whole. So at any generation all of those up to some
 * number are there with all photos, and nobody after. */
static bool consistent(const facet_gallery *g, int *people)
{
    int n = 0;

    while (n < PEOPLE && photos_found(g, n) == PHOTOS)
        n++;
    *people = n;
    for (int p = n; p < PEOPLE; p++)
        if (photos_found(g, p) != 0)
            return false;
    return true;
}

/* A reader's process: refresh until everybody has come. Exit code 0 when each
 * generation was consistent and none went back. */
static void read_all(const fixture *f, bool read_only)
{
    facet_gallery_opts opts = fixture_opts();
    facet_gallery *g;
    facet_gallery_info info;
    int before = 0, people = 0;

    opts.read_only = read_only;
    g = fixture_open(f, &opts);
    while (people < PEOPLE) {
        if (facet_gallery_refresh(g, NULL) != FACET_OK)
            _exit(1);
        if (!consistent(g, &people))
            _exit(2);
        if (people < before)
            _exit(3);
        before = people;
        /* Never so unlucky that it had to copy the rows. */
        if (facet_gallery_stats(g, &info, NULL) != FACET_OK || !info.mapped)
            _exit(4);
    }
    facet_gallery_free(g);
    _exit(0);
}

static void test_processes_read_while_one_writes(void **state)
{
    fixture *f = *state;
    pid_t readers[READERS];
    facet_gallery *g = fixture_create(f, NULL);

    facet_gallery_free(g);
    for (int r = 0; r < READERS; r++) {
        readers[r] = fork();
        assert_true(readers[r] >= 0);
        if (readers[r] == 0)
            read_all(f, r % 2 == 0);
    }
    g = fixture_open(f, NULL);
    for (int p = 0; p < PEOPLE; p++) {
        char name[16];

        name_of(p, name);
        fixture_enroll(g, name, p, PHOTOS);
    }
    facet_gallery_free(g);
    for (int r = 0; r < READERS; r++) {
        int status;

        waitpid(readers[r], &status, 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

/* A reader that never refreshes still does not find who was removed. */
static void test_removal_reaches_readers_at_once(void **state)
{
    fixture *f = *state;
    facet_gallery *g = fixture_create(f, NULL), *reader;
    facet_removal receipt;

    fixture_enroll(g, "p0", 0, PHOTOS);
    fixture_enroll(g, "p1", 1, PHOTOS);
    reader = fixture_open(f, NULL);
    assert_int_equal(photos_found(reader, 1), PHOTOS);
    CHECK_OK(facet_gallery_remove_person(g, 2, &receipt, NULL));
    assert_int_equal(photos_found(reader, 1), 0);
    assert_int_equal(photos_found(reader, 0), PHOTOS);
    facet_gallery_free(reader);
    facet_gallery_free(g);
}

static void test_a_second_writer_waits_and_then_gives_up(void **state)
{
    fixture *f = *state;
    facet_gallery_opts opts = fixture_opts();
    facet_gallery *g = fixture_create(f, NULL), *other;
    sqlite3 *holder = NULL;
    facet_error err;
    uint64_t id;

    opts.busy_ms = 20;
    other = fixture_open(f, &opts);
    assert_int_equal(sqlite3_open(f->path, &holder), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(holder, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(
        facet_gallery_add_person(other, "Ada", &id, &err), FACET_EBUSY);
    assert_non_null(strstr(err.msg, "another process"));
    assert_int_equal(
        sqlite3_exec(holder, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(holder);
    CHECK_OK(facet_gallery_add_person(other, "Ada", &id, &err));
    facet_gallery_free(other);
    facet_gallery_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_threads_search_one_handle_at_once),
        FIXTURE_TEST(test_processes_read_while_one_writes),
        FIXTURE_TEST(test_removal_reaches_readers_at_once),
        FIXTURE_TEST(test_a_second_writer_waits_and_then_gives_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
