/* SPDX-License-Identifier: Apache-2.0 */
/* report_test.c - plots of every kind in every format, and the page. */
#include "facet/report.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/random.h"
#include "check.h"
#include "eval/plot.h"

enum { COUNT = 3000, POINTS = 2000 };

static facet_curve *normal_curve(double shift)
{
    static facet_comparison list[COUNT];
    facet__random random = facet__random_stream(2, 0, 0);
    facet_curve *curve;

    for (int i = 0; i < COUNT; i++)
        list[i] = (facet_comparison){ .1 * facet__random_normal(&random) +
                                          (i % 2 ? shift : 0),
            0, 0, 0, i % 2 };
    CHECK_OK(facet_curve_create(list, COUNT, &curve, NULL));
    return curve;
}

static void test_probit_inverts_the_normal_distribution(void **state)
{
    (void)state;
    CHECK_NEAR(facet__probit(.5), 0, 1e-12);
    CHECK_NEAR(facet__probit(.975), 1.959963984540054, 1e-9);
    CHECK_NEAR(facet__probit(1e-6), -4.753424308822899, 1e-9);
}

/* The size of a file, and that it begins as it should. */
static void check_file(const char *path, const char *start)
{
    void *bytes;
    size_t size;

    CHECK_OK(facet__file_read(path, 1 << 20, &bytes, &size, NULL));
    assert_true(size > 2000);
    assert_memory_equal(bytes, start, strlen(start));
    facet__free(bytes);
    assert_int_equal(unlink(path), 0);
}

static void test_plots_in_every_format(void **state)
{
    static double x[POINTS], y[POINTS];
    facet_curve *curve = normal_curve(.3);
    facet_error err;

    (void)state;
    for (int det = 0; det < 2; det++) {
        const facet_plot_series series = { "all <&> one", x, y,
            facet_plot_points(curve, det, x, y, POINTS) };
        const facet_plot plot = { det ? FACET_PLOT_DET : FACET_PLOT_ROC,
            "A title", &series, 1, 1. / 1500 };

        assert_true(series.count > 50);
        CHECK_OK(facet_plot_write(&plot, "report_test.svg", &err));
        check_file("report_test.svg", "<?xml");
        CHECK_OK(facet_plot_write(&plot, "report_test.png", &err));
        check_file("report_test.png", "\x89PNG");
        CHECK_OK(facet_plot_write(&plot, "report_test.pdf", &err));
        check_file("report_test.pdf", "%PDF");
        assert_int_equal(facet_plot_write(&plot, "report_test.gif", &err),
            FACET_EUNSUPPORTED);
    }
    assert_int_equal(
        facet_plot_write(&(facet_plot){ 0 }, "x.svg", &err), FACET_EINVAL);
    facet_curve_free(curve);
}

static void test_points_hold_every_corner_that_shows(void **state)
{
    static double x[POINTS], y[POINTS];
    facet_curve *curve = normal_curve(.2);
    const size_t n = facet_plot_points(curve, false, x, y, POINTS);

    (void)state;
    for (size_t i = 1; i < n; i++)
        assert_true(x[i] >= x[i - 1] && y[i] >= y[i - 1]);
    CHECK_NEAR(x[n - 1], 1, 0);
    CHECK_NEAR(y[n - 1], 1, 0);
    facet_curve_free(curve);
}

/* Build a page and return its text, to be freed. */
static char *page(void)
{
    static const double x[] = { 1, 2, 3 }, y[] = { .7, .8, .9 };
    static const char *const cells[] = { "a<b", "c", "1", "2 & 3" };
    const facet_plot_series series = { "s", x, y, 3 };
    const facet_plot plot = { FACET_PLOT_CMC, "CMC", &series, 1, 0 };
    const facet_report_picture one = { "\xff\xd8\xff\xe0", 4, "left" };
    const facet_report_picture none = { NULL, 0, "right" };
    facet_report *report;
    facet_error err;
    void *bytes;
    char *text;
    size_t size;

    CHECK_OK(facet_report_create("T & <x>", &report));
    facet_report_heading(report, "H");
    facet_report_paragraph(report, "\"quoted\"");
    facet_report_table(report, cells, 2, 2);
    facet_report_plot(report, &plot);
    facet_report_plot(report, &plot);
    facet_report_pair(report, &one, &none, "0.5");
    CHECK_OK(facet_report_write(report, "report_test.html", &err));
    facet_report_free(report);
    CHECK_OK(
        facet__file_read("report_test.html", 1 << 20, &bytes, &size, NULL));
    assert_int_equal(unlink("report_test.html"), 0);
    text = facet__calloc(size + 1, 1);
    assert_non_null(text);
    memcpy(text, bytes, size);
    facet__free(bytes);
    return text;
}

static void test_page_is_escaped_and_needs_nothing_from_outside(void **state)
{
    char *text = page();

    (void)state;
    assert_non_null(strstr(text, "<title>T &amp; &lt;x&gt;</title>"));
    assert_non_null(strstr(text, "<th>a&lt;b</th>"));
    assert_non_null(strstr(text, "<td>2 &amp; 3</td>"));
    assert_non_null(strstr(text, "data:image/jpeg;base64,/9j/4A=="));
    assert_null(strstr(text, "src=\"http"));
    assert_null(strstr(text, "href=\"http"));
    assert_null(strstr(text, "<script"));
    facet__free(text);
}

/* Cairo's names are alike in both plots; the page keeps them apart. */
static void test_names_of_plots_do_not_clash(void **state)
{
    char *text = page();
    size_t ids = 0;

    (void)state;
    for (const char *at = text; (at = strstr(at, " id=\"")); at++) {
        const size_t length = strcspn(at + 5, "\"");
        const char *again = at + 1;

        ids++;
        while ((again = strstr(again, " id=\""))) {
            assert_false(strcspn(again + 5, "\"") == length &&
                         strncmp(again + 5, at + 5, length) == 0);
            again++;
        }
    }
    assert_true(ids > 10);
    facet__free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probit_inverts_the_normal_distribution),
        cmocka_unit_test(test_plots_in_every_format),
        cmocka_unit_test(test_points_hold_every_corner_that_shows),
        cmocka_unit_test(test_page_is_escaped_and_needs_nothing_from_outside),
        cmocka_unit_test(test_names_of_plots_do_not_clash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
