/* SPDX-License-Identifier: Apache-2.0 */
/* eval_more.c - clusterings, and two networks on the same pairs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval.h"
#include "exits.h"
#include "output.h"

/* ---- clusters ---- */

/* Items and labels, sorted by item. */
typedef struct labeled {
    char *item, *label;
    unsigned line;
} labeled;

typedef struct label_list {
    labeled *rows;
    size_t count, room;
} label_list;

static void free_labels(label_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->rows[i].item);
    free(list->rows);
}

static int by_item(const void *left, const void *right)
{
    return strcmp(
        ((const labeled *)left)->item, ((const labeled *)right)->item);
}

/* `text` becomes the row's: item, zero, label. */
static bool add_label(label_list *list, const char *text, unsigned line)
{
    char *item = strdup(text);
    char *tab = item ? strchr(item, '\t') : NULL;

    if (list->count == list->room) {
        const size_t room = list->room ? 2 * list->room : 256;
        labeled *grown = realloc(list->rows, room * sizeof *grown);

        if (grown) {
            list->rows = grown;
            list->room = room;
        }
    }
    if (!tab || list->count == list->room) {
        free(item);
        return false;
    }
    *tab = '\0';
    list->rows[list->count++] = (labeled){ item, tab + 1, line };
    return true;
}

static int read_labels(const char *path, label_list *list)
{
    FILE *file = fopen(path, "r");
    char text[2048];
    unsigned line = 0;

    if (!file) {
        complain("%s cannot be read", path);
        return EXIT_IO;
    }
    while (fgets(text, sizeof text, file)) {
        line++;
        text[strcspn(text, "\r\n")] = '\0';
        if (*text == '\0' || *text == '#')
            continue;
        if (!add_label(list, text, line)) {
            complain(
                "%s, line %u: want an item, a tab and a label", path, line);
            fclose(file);
            return EXIT_IO;
        }
    }
    fclose(file);
    if (list->count == 0) {
        complain(
            "%s has no line: want an item, a tab and a label on each", path);
        return EXIT_IO;
    }
    qsort(list->rows, list->count, sizeof *list->rows, by_item);
    for (size_t i = 1; i < list->count; i++)
        if (by_item(&list->rows[i - 1], &list->rows[i]) == 0) {
            complain("%s, line %u: '%s' a second time", path,
                list->rows[i].line, list->rows[i].item);
            return EXIT_IO;
        }
    return EXIT_YES;
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Labels as numbers: their places among the sorted ones. */
static uint32_t *number_labels(const label_list *list)
{
    char **sorted = calloc(list->count + 1, sizeof *sorted);
    uint32_t *numbers = calloc(list->count + 1, sizeof *numbers);

    if (!sorted || !numbers) {
        free(sorted);
        free(numbers);
        return NULL;
    }
    for (size_t i = 0; i < list->count; i++)
        sorted[i] = list->rows[i].label;
    qsort(sorted, list->count, sizeof *sorted, by_text);
    for (size_t i = 0; i < list->count; i++) {
        char **at = bsearch(
            &list->rows[i].label, sorted, list->count, sizeof *sorted, by_text);

        while (at > sorted && strcmp(at[-1], *at) == 0)
            at--;
        numbers[i] = (uint32_t)(at - sorted);
    }
    free(sorted);
    return numbers;
}

static int same_items(const label_list *a, const label_list *b,
    const char *path_a, const char *path_b)
{
    for (size_t i = 0; i < a->count || i < b->count; i++) {
        const bool only_b =
            i >= a->count ||
            (i < b->count && by_item(&b->rows[i], &a->rows[i]) < 0);
        const labeled *lost = only_b ? &b->rows[i] : &a->rows[i];

        if (i < a->count && i < b->count &&
            by_item(&a->rows[i], &b->rows[i]) == 0)
            continue;
        complain("%s, line %u: '%s' is not in %s", only_b ? path_b : path_a,
            lost->line, lost->item, only_b ? path_a : path_b);
        return EXIT_IO;
    }
    return EXIT_YES;
}

static json_t *json_precision(const facet_precision_recall *p)
{
    return json_pack("{s:o, s:o, s:o}", "precision", eval_number(p->precision),
        "recall", eval_number(p->recall), "f", eval_number(p->f));
}

static int print_clusters(
    eval_run *run, const facet_cluster_scores *s, size_t items)
{
    if (run->json)
        return json_line(json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o}",
                   "items", (json_int_t)items, "clusters",
                   (json_int_t)s->clusters, "subjects", (json_int_t)s->subjects,
                   "pairwise", json_precision(&s->pairwise), "bcubed",
                   json_precision(&s->bcubed), "nmi", eval_number(s->nmi),
                   "ari", eval_number(s->ari)))
                   ? EXIT_YES
                   : EXIT_NO_MEMORY;
    printf("%zu items, %zu clusters, %zu people\n", items, s->clusters,
        s->subjects);
    printf("%-10s %9s %9s %9s\n", "", "precision", "recall", "F");
    printf("%-10s %9.5f %9.5f %9.5f\n", "pairwise", s->pairwise.precision,
        s->pairwise.recall, s->pairwise.f);
    printf("%-10s %9.5f %9.5f %9.5f\n", "B-cubed", s->bcubed.precision,
        s->bcubed.recall, s->bcubed.f);
    printf("NMI %.5f, ARI %.5f\n", s->nmi, s->ari);
    return EXIT_YES;
}

int eval_cluster(eval_run *run)
{
    label_list truth = { NULL, 0, 0 }, found = { NULL, 0, 0 };
    uint32_t *a = NULL, *b = NULL;
    facet_cluster_scores scores;
    int status;

    if (run->words.count != 3) {
        complain("cluster wants two files: the truth and the clusters");
        return EXIT_USAGE;
    }
    status = read_labels(run->words.items[1], &truth);
    if (status == EXIT_YES)
        status = read_labels(run->words.items[2], &found);
    if (status == EXIT_YES)
        status = same_items(
            &truth, &found, run->words.items[1], run->words.items[2]);
    if (status == EXIT_YES) {
        a = number_labels(&truth);
        b = number_labels(&found);
        status =
            eval_fail(a && b ? facet_cluster_compare(b, a, truth.count, &scores)
                             : FACET_ENOMEM,
                NULL);
    }
    if (status == EXIT_YES)
        status = print_clusters(run, &scores, truth.count);
    free(a);
    free(b);
    free_labels(&truth);
    free_labels(&found);
    return status;
}

/* ---- two networks ---- */

/* Right decisions at each network's own threshold of the EER. */
static void count_decisions(const eval_run *run, const facet_comparison *first,
    double first_threshold, uint64_t only[2])
{
    const double threshold = facet_curve_eer(run->curve).threshold;

    only[0] = only[1] = 0;
    for (size_t i = 0; i < run->protocol.n_pairs; i++) {
        const facet_comparison *second = &run->comparisons[i];
        const bool a = (first[i].score >= first_threshold) == first[i].mated;
        const bool b = (second->score >= threshold) == second->mated;

        only[0] += a && !b;
        only[1] += b && !a;
    }
}

static int print_difference(
    const eval_run *run, const facet_difference *d, double at)
{
    if (run->json)
        return json_line(json_pack("{s:f, s:o, s:[o, o], s:o}", "far", at,
                   "tar_difference", eval_number(d->difference), "interval",
                   eval_number(d->interval.low), eval_number(d->interval.high),
                   "p", eval_number(d->p)))
                   ? EXIT_YES
                   : EXIT_NO_MEMORY;
    printf("TAR @ %g: second less first %+.5f, %.5f to %.5f, p = %.4f\n", at,
        d->difference, d->interval.low, d->interval.high, d->p);
    return EXIT_YES;
}

static int print_accuracies(
    const eval_run *run, const facet_folds folds[2], const facet_difference *d)
{
    const double a = folds[0].summary.mean, b = folds[1].summary.mean;

    if (run->json)
        return json_line(json_pack("{s:[o, o], s:o, s:[o, o], s:o}", "accuracy",
                   eval_number(a), eval_number(b), "accuracy_difference",
                   eval_number(d->difference), "interval",
                   eval_number(d->interval.low), eval_number(d->interval.high),
                   "p", eval_number(d->p)))
                   ? EXIT_YES
                   : EXIT_NO_MEMORY;
    printf("accuracy %.5f and %.5f: second less first %+.5f, %.5f to %.5f, "
           "p = %.4f\n",
        a, b, d->difference, d->interval.low, d->interval.high, d->p);
    return EXIT_YES;
}

static int compare_accuracies(
    const eval_run *run, const facet_comparison *first)
{
    facet_error err = { FACET_OK, "" };
    facet_folds folds[2];
    facet_difference d;
    facet_status st;

    if (!eval_has_folds(run))
        return EXIT_YES;
    st = facet_paired_accuracy(first, run->comparisons, run->protocol.n_pairs,
        &run->bootstrap, folds, &d, &err);
    return st == FACET_OK ? print_accuracies(run, folds, &d)
                          : eval_fail(st, &err);
}

static int compare_scores(
    const eval_run *run, const facet_comparison *first, double threshold)
{
    uint64_t only[2];
    int status = compare_accuracies(run, first);
    double p;

    for (double at = 1e-1; at > 5e-5 && status == EXIT_YES; at /= 10) {
        facet_error err = { FACET_OK, "" };
        facet_difference d;
        facet_status st;

        if (facet_curve_rate(run->curve, at, 1).resolution ==
            FACET_UNRESOLVABLE)
            break;
        st = facet_paired_bootstrap(first, run->comparisons,
            run->protocol.n_pairs, at, &run->bootstrap, &d, &err);
        status = st == FACET_OK ? print_difference(run, &d, at)
                                : eval_fail(st, &err);
    }
    count_decisions(run, first, threshold, only);
    p = facet_mcnemar(only[0], only[1]);
    if (status != EXIT_YES)
        return status;
    if (run->json)
        return json_line(json_pack("{s:I, s:I, s:f}", "only_first_right",
                   (json_int_t)only[0], "only_second_right",
                   (json_int_t)only[1], "mcnemar_p", p))
                   ? EXIT_YES
                   : EXIT_NO_MEMORY;
    printf("decisions at each one's EER: right with the first only %zu, with "
           "the second only %zu, McNemar p = %.4g\n",
        (size_t)only[0], (size_t)only[1], p);
    return EXIT_YES;
}

int eval_compare(eval_run *run)
{
    facet_comparison *first;
    double threshold;
    int status;

    if (run->words.count != 3) {
        complain("compare wants two networks, and --pairs and --images");
        return EXIT_USAGE;
    }
    run->nets.embedder = run->words.items[1];
    status = eval_scores_of(run, "pairs");
    if (status != EXIT_YES)
        return status;
    first = run->comparisons;
    run->comparisons = NULL;
    threshold = facet_curve_eer(run->curve).threshold;
    eval_forget(run);
    run->nets.embedder = run->words.items[2];
    status = eval_embed(run);
    if (status == EXIT_YES)
        status = eval_score(run);
    if (status == EXIT_YES)
        status = compare_scores(run, first, threshold);
    free(first);
    return status;
}
