/* SPDX-License-Identifier: Apache-2.0 */
/* cluster_test.c - linkages against a search of all pairs, constraints, order,
 * threads, additions, splits and explanations. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "check.h"
#include "facet/cluster.h"

enum { DIM = 24, COUNT = 300, PEOPLE = 40 };

/* Faces of people of uneven number, some of them strangers. */
static void random_faces(
    float *rows, uint32_t *people, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; i++) {
        facet__random draw = facet__random_stream(seed, i, 0), center;
        const uint64_t a = facet__random_below(&draw, PEOPLE);
        const uint64_t b = facet__random_below(&draw, PEOPLE);
        const uint32_t who = (uint32_t)(a < b ? a : b);
        const bool stranger = facet__random_below(&draw, 6) == 0;

        people[i] = stranger ? (uint32_t)(1000 + i) : who;
        center = facet__random_stream(seed, people[i], 1);
        for (int k = 0; k < DIM; k++)
            rows[i * DIM + (size_t)k] =
                (float)(facet__random_normal(&center) +
                        0.8 * facet__random_normal(&draw));
    }
}

static double cosine(const float *a, const float *b)
{
    double dot = 0, x = 0, y = 0;

    for (int k = 0; k < DIM; k++) {
        dot += (double)a[k] * (double)b[k];
        x += (double)a[k] * (double)a[k];
        y += (double)b[k] * (double)b[k];
    }
    return dot / sqrt(x * y);
}

/* ---- An oracle: all pairs of clusters, again and again ---- */

typedef struct oracle {
    double all[COUNT][COUNT]; /* similarities of faces */
    uint32_t labels[COUNT];
} oracle;

static double linkage(const oracle *o, facet_cluster_method method, uint32_t a,
    uint32_t b, const uint64_t *photos)
{
    double sum = 0, least = 2, most = -2, n = 0;

    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < COUNT; j++) {
            if (o->labels[i] != a || o->labels[j] != b)
                continue;
            if (photos && photos[i] && photos[i] == photos[j])
                return -2;
            sum += o->all[i][j];
            n++;
            least = fmin(least, o->all[i][j]);
            most = fmax(most, o->all[i][j]);
        }
    return method == FACET_CLUSTER_AVERAGE    ? sum / n
           : method == FACET_CLUSTER_COMPLETE ? least
                                              : most;
}

/* Join the best pair until none reaches the threshold. Values of pairs are
 * kept and renewed where something joined. */
static void solve(oracle *o, const float *rows, facet_cluster_method method,
    double threshold, const uint64_t *photos)
{
    static double value[COUNT][COUNT];

    for (uint32_t i = 0; i < COUNT; i++) {
        o->labels[i] = i;
        for (uint32_t j = 0; j < COUNT; j++)
            value[i][j] = o->all[i][j] = cosine(rows + i * DIM, rows + j * DIM);
    }
    for (uint32_t i = 0; photos && i < COUNT; i++)
        for (uint32_t j = 0; j < COUNT; j++)
            if (photos[i] && photos[i] == photos[j])
                value[i][j] = -2;
    for (;;) {
        uint32_t a = 0, b = 0;
        double best = -2;

        for (uint32_t i = 0; i < COUNT; i++)
            for (uint32_t j = i + 1; j < COUNT; j++)
                if (value[i][j] > best) {
                    best = value[i][j];
                    a = i;
                    b = j;
                }
        if (best < threshold)
            return;
        for (uint32_t i = 0; i < COUNT; i++) {
            if (o->labels[i] == b)
                o->labels[i] = a;
            value[i][b] = value[b][i] = -2;
        }
        for (uint32_t i = 0; i < COUNT; i++)
            if (i != a && o->labels[i] == i)
                value[a][i] = value[i][a] = linkage(o, method, a, i, photos);
    }
}

static void check_same_partition(
    const uint32_t *a, const uint32_t *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            if ((a[i] == a[j]) != (b[i] == b[j]))
                fail_msg("faces %zu and %zu: %u %u, want %u %u", i, j, a[i],
                    a[j], b[i], b[j]);
}

static void test_linkages_join_what_a_search_of_all_pairs_joins(void **state)
{
    static const struct {
        facet_cluster_method method;
        float threshold;
    } cases[] = {
        { FACET_CLUSTER_AVERAGE, 0.35F },
        { FACET_CLUSTER_AVERAGE, 0.15F },
        { FACET_CLUSTER_COMPLETE, 0.25F },
        { FACET_CLUSTER_SINGLE, 0.6F },
    };
    static float rows[COUNT * DIM];
    static uint32_t people[COUNT], labels[COUNT];
    static uint64_t photos[COUNT];
    static oracle o;

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (int apart = 0; apart < 2; apart++) {
            facet_cluster_faces faces = { rows, COUNT, DIM, photos, NULL, 0,
                NULL, 0 };
            facet_cluster_opts opts;

            random_faces(rows, people, COUNT, 10 + c);
            for (size_t i = 0; i < COUNT; i++)
                photos[i] = i % 7 ? i / 4 + 1 : 0;
            facet_cluster_opts_init(&opts);
            opts.method = cases[c].method;
            opts.threshold = cases[c].threshold;
            opts.neighbors = COUNT;
            opts.photos_apart = apart;
            CHECK_OK(facet_cluster(&faces, &opts, labels, NULL, NULL));
            solve(&o, rows, opts.method, (double)opts.threshold,
                apart ? photos : NULL);
            check_same_partition(labels, o.labels, COUNT);
        }
}

/* ---- Every method ---- */

static void test_every_method_is_indifferent_to_order_and_threads(void **state)
{
    static float rows[COUNT * DIM], turned[COUNT * DIM];
    static uint32_t people[COUNT], labels[COUNT], other[COUNT], back[COUNT];
    static uint64_t photos[COUNT], turned_photos[COUNT];
    uint32_t order[COUNT];
    facet__random draw = facet__random_stream(3, 4, 5);

    (void)state;
    random_faces(rows, people, COUNT, 1);
    memcpy(rows + DIM, rows, DIM * sizeof(float)); /* and two equal ones */
    for (uint32_t i = 0; i < COUNT; i++)
        order[i] = i;
    facet__random_shuffle(&draw, order, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        photos[i] = 1 + i / 3;
    for (size_t i = 0; i < COUNT; i++) {
        memcpy(turned + i * DIM, rows + order[i] * DIM, DIM * sizeof(float));
        turned_photos[i] = photos[order[i]];
    }
    for (int m = 0; m <= FACET_CLUSTER_WHISPERS; m++) {
        const facet_cluster_faces faces = { rows, COUNT, DIM, photos, NULL, 0,
            NULL, 0 };
        const facet_cluster_faces shuffled = { turned, COUNT, DIM,
            turned_photos, NULL, 0, NULL, 0 };
        facet_cluster_report report;
        facet_cluster_opts opts;

        facet_cluster_opts_init(&opts);
        opts.method = (facet_cluster_method)m;
        opts.neighbors = 20;
        CHECK_OK(facet_cluster(&faces, &opts, labels, &report, NULL));
        opts.threads = 3;
        CHECK_OK(facet_cluster(&shuffled, &opts, other, NULL, NULL));
        for (size_t i = 0; i < COUNT; i++)
            back[order[i]] = other[i];
        check_same_partition(labels, back, COUNT);
        assert_in_range(report.clusters, 20, COUNT - 20);
        assert_true(report.alone < report.clusters);
    }
}

static void test_every_method_keeps_what_the_user_knows(void **state)
{
    static float rows[COUNT * DIM];
    static uint32_t people[COUNT], labels[COUNT];
    static uint64_t photos[COUNT];
    facet_cluster_pair must[10], cannot[10];
    facet_cluster_faces faces = { rows, COUNT, DIM, photos, must, 10, cannot,
        10 };

    (void)state;
    random_faces(rows, people, COUNT, 2);
    for (size_t i = 0; i < COUNT; i++)
        photos[i] = 1 + i / 2;
    for (uint32_t i = 0, n = 0; n < 10; i++) /* one person's faces */
        for (uint32_t j = i + 2; j < COUNT && n < 10; j++)
            if (people[i] == people[j]) {
                cannot[n++] = (facet_cluster_pair){ i, j };
                break;
            }
    for (uint32_t i = 0; i < 10; i++) /* strangers, the first two of a photo */
        must[i] = (facet_cluster_pair){ 200 + 2 * i, i ? 299 - 2 * i : 201 };
    for (int m = 0; m <= FACET_CLUSTER_WHISPERS; m++) {
        facet_cluster_opts opts;

        facet_cluster_opts_init(&opts);
        opts.method = (facet_cluster_method)m;
        CHECK_OK(facet_cluster(&faces, &opts, labels, NULL, NULL));
        for (int i = 0; i < 10; i++) {
            assert_int_equal(labels[must[i].a], labels[must[i].b]);
            assert_int_not_equal(labels[cannot[i].a], labels[cannot[i].b]);
        }
        for (size_t i = 0; i < 200; i += 2)
            assert_int_not_equal(labels[i], labels[i + 1]);
    }
}

/* B-cubed F of a labelling, in its plainest form. */
static double bcubed(
    const uint32_t *labels, const uint32_t *people, size_t count)
{
    double precision = 0, recall = 0;

    for (size_t i = 0; i < count; i++) {
        double both = 0, cluster = 0, person = 0;

        for (size_t j = 0; j < count; j++) {
            both += labels[i] == labels[j] && people[i] == people[j];
            cluster += labels[i] == labels[j];
            person += people[i] == people[j];
        }
        precision += both / cluster / (double)count;
        recall += both / person / (double)count;
    }
    return 2 * precision * recall / (precision + recall);
}

static void test_every_method_finds_people_that_are_far_apart(void **state)
{
    static float rows[COUNT * DIM];
    static uint32_t people[COUNT], labels[COUNT];
    const facet_cluster_faces faces = { rows, COUNT, DIM, NULL, NULL, 0, NULL,
        0 };

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        facet__random draw = facet__random_stream(7, i, 0), center;

        people[i] = (uint32_t)(i % 15);
        center = facet__random_stream(7, people[i], 1);
        for (size_t k = 0; k < DIM; k++)
            rows[i * DIM + k] = (float)(facet__random_normal(&center) +
                                        0.2 * facet__random_normal(&draw));
    }
    for (int m = 0; m <= FACET_CLUSTER_WHISPERS; m++) {
        facet_cluster_opts opts;
        double f;

        facet_cluster_opts_init(&opts);
        opts.method = (facet_cluster_method)m;
        opts.neighbors = 30;
        opts.threshold = m == FACET_CLUSTER_RANK_ORDER ? 0.5F : 0.75F;
        CHECK_OK(facet_cluster(&faces, &opts, labels, NULL, NULL));
        f = bcubed(labels, people, COUNT);
        if (f < 0.97)
            fail_msg("%s: B-cubed F %.3f",
                facet_cluster_method_name(opts.method), f);
    }
}

static void test_a_cut_graph_is_told(void **state)
{
    static float rows[COUNT * DIM];
    static uint32_t people[COUNT], labels[COUNT];
    const facet_cluster_faces faces = { rows, COUNT, DIM, NULL, NULL, 0, NULL,
        0 };
    facet_cluster_report report;
    facet_cluster_opts opts;

    (void)state;
    random_faces(rows, people, COUNT, 5);
    facet_cluster_opts_init(&opts);
    opts.method = FACET_CLUSTER_SINGLE;
    opts.threshold = -1;
    opts.neighbors = COUNT;
    CHECK_OK(facet_cluster(&faces, &opts, labels, &report, NULL));
    assert_int_equal(report.truncated, 0);
    assert_int_equal(report.clusters, 1);
    opts.neighbors = COUNT - 2;
    CHECK_OK(facet_cluster(&faces, &opts, labels, &report, NULL));
    assert_int_equal(report.truncated, COUNT);
}

/* ---- Additions ---- */

static void test_known_labels_stay_and_new_faces_find_them(void **state)
{
    enum { KNOWN = 200 };
    static float rows[COUNT * DIM];
    static uint32_t people[COUNT], labels[COUNT], before[COUNT];
    facet_cluster_faces faces = { rows, KNOWN, DIM, NULL, NULL, 0, NULL, 0 };
    facet_cluster_report report;
    facet_cluster_opts opts;
    size_t joined = 0, founded = 0;
    uint32_t largest = 0;

    (void)state;
    random_faces(rows, people, COUNT, 3);
    facet_cluster_opts_init(&opts);
    CHECK_OK(facet_cluster(&faces, NULL, labels, NULL, NULL));
    for (size_t i = 0; i < KNOWN; i++)
        labels[i] = 3 * labels[i] + 5; /* any numbers will do */
    for (size_t i = 0; i < KNOWN; i++)
        largest = labels[i] > largest ? labels[i] : largest;
    for (size_t i = KNOWN; i < COUNT; i++)
        labels[i] = FACET_CLUSTER_NEW;
    memcpy(before, labels, sizeof before);
    faces.count = COUNT;
    CHECK_OK(facet_cluster_add(&faces, NULL, labels, &report, NULL));
    assert_memory_equal(labels, before, KNOWN * sizeof *labels);
    for (size_t i = KNOWN; i < COUNT; i++) {
        bool known = false, first = true;

        for (size_t j = 0; j < KNOWN; j++)
            known |= labels[j] == labels[i];
        for (size_t j = KNOWN; j < i; j++)
            first &= labels[j] != labels[i];
        joined += known;
        founded += !known && first;
        assert_true(known || labels[i] > largest);
    }
    assert_true(joined > 20 && founded > 3);
    assert_int_equal(report.joined, joined);
    assert_int_equal(report.founded, founded);
    assert_int_equal(report.given_way, 0);
}

static void test_adding_everything_is_clustering_everything(void **state)
{
    static float rows[COUNT * DIM];
    static uint32_t people[COUNT], labels[COUNT], added[COUNT];
    facet_cluster_opts opts;
    const facet_cluster_faces faces = { rows, COUNT, DIM, NULL, NULL, 0, NULL,
        0 };

    (void)state;
    random_faces(rows, people, COUNT, 4);
    for (size_t i = 0; i < COUNT; i++)
        added[i] = FACET_CLUSTER_NEW;
    facet_cluster_opts_init(&opts);
    opts.method = FACET_CLUSTER_AVERAGE;
    CHECK_OK(facet_cluster(&faces, &opts, labels, NULL, NULL));
    CHECK_OK(facet_cluster_add(&faces, NULL, added, NULL, NULL));
    assert_memory_equal(labels, added, sizeof labels);
    CHECK_OK(facet_cluster_add(&faces, NULL, added, NULL, NULL));
    assert_memory_equal(labels, added, sizeof labels);
}

static void test_known_clusters_join_only_when_asked(void **state)
{
    /* Two faces of 60 degrees, later one half way between. */
    const float rows[] = { 1, 0, 0.5F, 0.8660254F, 0.8660254F, 0.5F };
    facet_cluster_faces faces = { rows, 2, 2, NULL, NULL, 0, NULL, 0 };
    facet_cluster_report report;
    facet_cluster_opts opts;
    uint32_t labels[3];

    (void)state;
    facet_cluster_opts_init(&opts);
    opts.method = FACET_CLUSTER_AVERAGE;
    opts.threshold = 0.6F;
    CHECK_OK(facet_cluster(&faces, &opts, labels, NULL, NULL));
    assert_int_not_equal(labels[0], labels[1]);
    faces.count = 3;
    labels[2] = FACET_CLUSTER_NEW;
    CHECK_OK(facet_cluster_add(&faces, &opts, labels, &report, NULL));
    assert_int_not_equal(labels[0], labels[1]);
    assert_int_equal(report.joined, 1);
    labels[2] = FACET_CLUSTER_NEW;
    opts.join_known = true;
    CHECK_OK(facet_cluster_add(&faces, &opts, labels, &report, NULL));
    assert_int_equal(labels[0], 0);
    assert_int_equal(labels[1], 0);
    assert_int_equal(labels[2], 0);
    assert_int_equal(report.given_way, 1);
}

/* ---- Split and explain ---- */

static void test_a_cluster_splits_where_it_is_weakest(void **state)
{
    static float rows[COUNT * DIM];
    static uint32_t people[COUNT], labels[COUNT];
    const facet_cluster_faces faces = { rows, COUNT, DIM, NULL, NULL, 0, NULL,
        0 };
    uint32_t a = 0;

    (void)state;
    random_faces(rows, people, COUNT, 8);
    for (size_t i = 0; i < COUNT; i++) /* 1 is 1; 2 and 3 were put together */
        labels[i] = people[i] == 3 ? 2 : people[i];
    while (people[a] != 3)
        a++;
    CHECK_OK(facet_cluster_split(&faces, NULL, 2, 2, labels, NULL));
    for (size_t i = 0; i < COUNT; i++) {
        if (people[i] != 2 && people[i] != 3)
            assert_int_equal(labels[i], people[i]);
        for (size_t j = 0; j < COUNT && people[i] == 2; j++)
            assert_int_equal(labels[i] == labels[j], people[j] == 2);
    }
    assert_true(labels[a] == 2 || labels[a] > 1000);
    assert_int_equal(facet_cluster_split(&faces, NULL, 77777, 2, labels, NULL),
        FACET_ENOTFOUND);
    assert_int_equal(
        facet_cluster_split(&faces, NULL, 1, 1, labels, NULL), FACET_EINVAL);
}

/* Three faces of one photo, one that must meet none of them, and a free one. */
static void test_a_split_into_fewer_parts_than_may_be_is_refused(void **state)
{
    const float rows[] = { 1, 0, .99F, .1F, .98F, .15F, .97F, .2F, 0, 1 };
    const uint64_t photos[] = { 7, 7, 7, 8, 9 };
    const facet_cluster_pair cannot[] = { { 0, 3 }, { 1, 3 }, { 2, 3 } };
    const facet_cluster_faces faces = { rows, 5, 2, photos, NULL, 0, cannot,
        3 };
    uint32_t labels[] = { 5, 5, 5, 5, 5 };
    facet_error err = { 0 };

    (void)state;
    assert_int_equal(
        facet_cluster_split(&faces, NULL, 5, 3, labels, &err), FACET_EINVAL);
    assert_non_null(strstr(err.msg, "4 parts"));
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(labels[i], 5);
    CHECK_OK(facet_cluster_split(&faces, NULL, 5, 4, labels, &err));
    assert_int_equal(labels[3], labels[4]);
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(labels[i], labels[j]);
}

static void test_an_explanation_is_the_strongest_chain(void **state)
{
    /* Angles of 0, 20, 45 and 80 degrees: from the first to the last the
     * chain through the others is stronger than the direct way. */
    const float rows[] = { 1, 0, 0.9396926F, 0.3420201F, 0.7071068F, 0.7071068F,
        0.1736482F, 0.9848078F, 0, -1 };
    const facet_cluster_faces faces = { rows, 5, 2, NULL, NULL, 0, NULL, 0 };
    uint32_t labels[] = { 4, 4, 4, 4, 9 };
    facet_cluster_step steps[3];
    double mean;
    size_t n;

    (void)state;
    CHECK_OK(
        facet_cluster_explain(&faces, labels, 0, 3, steps, 3, &n, &mean, NULL));
    assert_int_equal(n, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(steps[i].from, i);
        assert_int_equal(steps[i].to, i + 1);
    }
    CHECK_NEAR(steps[2].similarity, cos(35 * acos(-1) / 180), 1e-6);
    CHECK_NEAR(mean,
        (0.9396926 + 0.7071068 + 0.1736482 + 0.9063078 + 0.5 + 0.8191520) / 6,
        1e-6);
    CHECK_OK(
        facet_cluster_explain(&faces, labels, 2, 2, steps, 3, &n, NULL, NULL));
    assert_int_equal(n, 0);
    assert_int_equal(
        facet_cluster_explain(&faces, labels, 0, 4, steps, 3, &n, NULL, NULL),
        FACET_ENOTFOUND);
}

/* ---- What cannot be ---- */

static void test_contradictions_and_nonsense_are_refused(void **state)
{
    float rows[] = { 1, 0, 0, 1, 1, 1 };
    const facet_cluster_pair both = { 0, 1 }, beyond = { 0, 3 };
    facet_cluster_faces faces = { rows, 3, 2, NULL, &both, 1, &both, 1 };
    facet_cluster_opts opts;
    uint32_t labels[3];
    facet_error err;

    (void)state;
    facet_cluster_opts_init(&opts);
    assert_int_equal(
        facet_cluster(&faces, NULL, labels, NULL, &err), FACET_EINVAL);
    assert_non_null(strstr(err.msg, "faces 0 and 1"));
    faces.cannot = &beyond;
    assert_int_equal(
        facet_cluster(&faces, NULL, labels, NULL, &err), FACET_EINVAL);
    faces.n_must = faces.n_cannot = 0;
    CHECK_OK(facet_cluster(&faces, NULL, labels, NULL, &err));
    opts.min_points = 200;
    assert_int_equal(
        facet_cluster(&faces, &opts, labels, NULL, &err), FACET_EINVAL);
    rows[2] = rows[3] = 0;
    assert_int_equal(
        facet_cluster(&faces, NULL, labels, NULL, &err), FACET_EINVAL);
    assert_non_null(strstr(err.msg, "face 1"));
    rows[2] = NAN;
    assert_int_equal(
        facet_cluster(&faces, NULL, labels, NULL, &err), FACET_EINVAL);
    faces.count = 0;
    CHECK_OK(facet_cluster(&faces, NULL, labels, NULL, &err));
}

static void test_names_of_methods_are_read_back(void **state)
{
    facet_cluster_method method;

    (void)state;
    for (int m = 0; m <= FACET_CLUSTER_WHISPERS; m++) {
        assert_true(facet_cluster_method_parse(
            facet_cluster_method_name((facet_cluster_method)m), &method));
        assert_int_equal(method, m);
    }
    assert_false(facet_cluster_method_parse("unknown", &method));
    assert_string_equal(
        facet_cluster_method_name((facet_cluster_method)99), "unknown");
    CHECK_NEAR(facet_cluster_threshold(FACET_CLUSTER_AVERAGE, 0.41F) -
                   facet_cluster_threshold(FACET_CLUSTER_AVERAGE, NAN),
        0.1, 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linkages_join_what_a_search_of_all_pairs_joins),
        cmocka_unit_test(test_every_method_is_indifferent_to_order_and_threads),
        cmocka_unit_test(test_every_method_keeps_what_the_user_knows),
        cmocka_unit_test(test_every_method_finds_people_that_are_far_apart),
        cmocka_unit_test(test_a_cut_graph_is_told),
        cmocka_unit_test(test_known_labels_stay_and_new_faces_find_them),
        cmocka_unit_test(test_adding_everything_is_clustering_everything),
        cmocka_unit_test(test_known_clusters_join_only_when_asked),
        cmocka_unit_test(test_a_cluster_splits_where_it_is_weakest),
        cmocka_unit_test(test_a_split_into_fewer_parts_than_may_be_is_refused),
        cmocka_unit_test(test_an_explanation_is_the_strongest_chain),
        cmocka_unit_test(test_contradictions_and_nonsense_are_refused),
        cmocka_unit_test(test_names_of_methods_are_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
