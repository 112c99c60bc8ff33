/* SPDX-License-Identifier: Apache-2.0 */
/* A picture of a run that a person can read: everything lies on the page. */
#include "train/curves.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "check.h"

static const char metrics[] = "curves-test.jsonl", svg[] = "curves-test.svg";

/* The page that these lines make, to be freed. */
static char *draw(const char *lines)
{
    void *bytes;
    size_t size;
    char *text;
    facet_error err;

    CHECK_OK(facet__file_write(metrics, lines, strlen(lines), &err));
    CHECK_OK(facet__curves_draw(metrics, svg, &err));
    CHECK_OK(facet__file_read(svg, 1 << 20, &bytes, &size, &err));
    text = facet__alloc(size + 1);
    memcpy(text, bytes, size);
    text[size] = '\0';
    facet__free(bytes);
    unlink(metrics);
    unlink(svg);
    return text;
}

/* The number behind `name="` after `at`. */
static double number(const char *at, const char *name)
{
    const char *found = strstr(at, name);

    assert_non_null(found);
    return strtod(found + strlen(name), NULL);
}

static void expect_text_on_page(const char *page)
{
    const double width = number(page, "width=\""),
                 height = number(page, "height=\"");
    int texts = 0;

    assert_true(number(page, "font-size=\"") < 20);
    for (const char *t = page; (t = strstr(t, "<text ")) != NULL; t++) {
        const double x = number(t, "x=\""), y = number(t, "y=\"");

        texts++;
        assert_true(x >= 0 && x <= width && y >= 10 && y <= height);
    }
    assert_true(texts > 4);
}

static void test_axes_and_titles_lie_on_the_page(void **state)
{
    char *page =
        draw("{\"step\":20,\"loss\":18.6,\"smooth\":18.6,\"rate\":0.1}\n"
             "{\"step\":40,\"score\":0.61}\n"
             "{\"step\":40,\"loss\":12.1,\"smooth\":18.0,\"rate\":0.1}\n"
             "{\"step\":1234,\"loss\":2,\"smooth\":3,\"rate\":0.001}\n");

    (void)state;
    expect_text_on_page(page);
    assert_non_null(strstr(page, "validation"));
    assert_non_null(strstr(page, ">1000<")); /* round steps */
    assert_non_null(strstr(page, ">0.08<"));
    assert_non_null(strstr(page, ">20<")); /* the loss, from 2 to 18.6 */
    assert_non_null(strstr(page, ">18<"));
    assert_null(strstr(page, "nan"));
    facet__free(page);
}

static void test_what_was_not_measured_has_no_panel(void **state)
{
    char *page = draw("{\"step\":1,\"loss\":0,\"smooth\":0,\"rate\":0.1}\n");

    (void)state;
    expect_text_on_page(page); /* one value that never changes */
    assert_null(strstr(page, "validation"));
    assert_null(strstr(page, "nan"));
    facet__free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_axes_and_titles_lie_on_the_page),
        cmocka_unit_test(test_what_was_not_measured_has_no_panel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
