/* SPDX-License-Identifier: Apache-2.0 */
/* eval_output.c - numbers for people and for programs, by group, as plots. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval.h"
#include "eval_plots.h"
#include "exits.h"
#include "output.h"

/* ---- for people ---- */

static void print_metric(const eval_metric *m)
{
    char name[48];

    if (m->at > 0)
        snprintf(name, sizeof name, "%s @ %g", m->name, m->at);
    else
        snprintf(name, sizeof name, "%s", m->name);
    if (m->resolution == FACET_UNRESOLVABLE) {
        printf("%-18s %-10s too few comparisons for this rate\n", name, "-");
        return;
    }
    printf("%-18s %-10.5f", name, m->value);
    if (!isnan(m->interval.low))
        printf(" %.5f to %.5f ", m->interval.low, m->interval.high);
    if (!isnan(m->threshold))
        printf(" threshold %.4f", m->threshold);
    if (m->resolution == FACET_COARSE)
        printf("  (coarse)");
    putchar('\n');
}

static void print_counts(const eval_run *run)
{
    const facet_protocol *p = &run->protocol;

    printf("%-18s %zu, failures to enrol %zu\n", "pictures", p->n_files,
        run->failed);
    if (run->curve) {
        const facet_curve_size n = facet_curve_total(run->curve);

        printf("%-18s %zu mated (%zu failed), %zu non-mated (%zu failed)\n",
            "comparisons", (size_t)n.mated, (size_t)n.mated_failed,
            (size_t)n.nonmated, (size_t)n.nonmated_failed);
    }
    if (p->n_probes > 0)
        printf("%-18s %zu probes, gallery of %zu\n", "searches", p->n_probes,
            p->n_gallery);
}

/* ---- for programs ---- */

json_t *eval_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *json_interval(facet_interval interval)
{
    return isnan(interval.low) ? json_null()
                               : json_pack("[o, o]", eval_number(interval.low),
                                     eval_number(interval.high));
}

/* tar and val are listed by FAR, tpir by FPIR; a single number stands alone,
 * with its interval beside it where there is one. */
static void add_json(json_t *object, const eval_metric *m)
{
    static const char *const lists[][3] = { { "tar", "tar_at_far", "far" },
        { "val", "val_at_far", "far" }, { "tpir", "tpir_at_fpir", "fpir" } };
    json_t *entry, *list;
    char name[48];

    for (size_t i = 0; i < 3; i++) {
        if (strcmp(m->name, lists[i][0]) != 0)
            continue;
        list = json_object_get(object, lists[i][1]);
        if (!list) {
            list = json_array();
            json_object_set_new(object, lists[i][1], list);
        }
        entry = json_pack("{s:f, s:o, s:o, s:o, s:s}", lists[i][2], m->at,
            m->name, eval_number(m->value), "threshold",
            eval_number(m->threshold), "interval", json_interval(m->interval),
            "resolution", facet_resolution_name(m->resolution));
        json_array_append_new(list, entry);
        return;
    }
    json_object_set_new(object, m->name, eval_number(m->value));
    snprintf(name, sizeof name, "%s_interval", m->name);
    if (!isnan(m->interval.low))
        json_object_set_new(object, name, json_interval(m->interval));
    snprintf(name, sizeof name, "%s_threshold", m->name);
    if (!isnan(m->threshold))
        json_object_set_new(object, name, eval_number(m->threshold));
}

static int print_json(const eval_run *run, const char *label)
{
    json_t *object = json_object();

    if (label)
        json_object_set_new(object, "measured", json_path(label));
    json_object_set_new(
        object, "pictures", json_integer((json_int_t)run->protocol.n_files));
    json_object_set_new(
        object, "failures_to_enrol", json_integer((json_int_t)run->failed));
    if (*run->contract)
        json_object_set_new(object, "contract", json_string(run->contract));
    if (run->curve) {
        const facet_curve_size n = facet_curve_total(run->curve);

        json_object_set_new(object, "comparisons",
            json_pack("{s:I, s:I, s:I, s:I}", "mated", (json_int_t)n.mated,
                "nonmated", (json_int_t)n.nonmated, "mated_failed",
                (json_int_t)n.mated_failed, "nonmated_failed",
                (json_int_t)n.nonmated_failed));
    }
    if (run->protocol.n_probes > 0)
        json_object_set_new(object, "searches",
            json_pack("{s:I, s:I}", "probes",
                (json_int_t)run->protocol.n_probes, "gallery",
                (json_int_t)run->protocol.n_gallery));
    for (size_t i = 0; i < run->n_metrics; i++)
        add_json(object, &run->metrics[i]);
    return json_line(object) ? EXIT_YES : EXIT_NO_MEMORY;
}

int eval_print(const eval_run *run)
{
    if (run->json)
        return print_json(run, NULL);
    print_counts(run);
    for (size_t i = 0; i < run->n_metrics; i++)
        print_metric(&run->metrics[i]);
    return EXIT_YES;
}

/* ---- as a line of a table ---- */

static const struct {
    const char *name;
    double at;
    const char *head;
} columns[] = {
    { "accuracy", 0, "accuracy" },
    { "accuracy_se", 0, "+-" },
    { "val", 1e-2, "VAL@1e-2" },
    { "val", 1e-3, "VAL@1e-3" },
    { "tar", 1e-2, "TAR@1e-2" },
    { "tar", 1e-3, "TAR@1e-3" },
    { "eer", 0, "EER" },
    { "rank1", 0, "rank 1" },
    { "tpir", 1e-2, "TPIR@1e-2" },
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static const eval_metric *find_metric(
    const eval_run *run, const char *name, double at)
{
    for (size_t i = 0; i < run->n_metrics; i++)
        if (!strcmp(run->metrics[i].name, name) &&
            fabs(run->metrics[i].at - at) <= 1e-9 * at)
            return &run->metrics[i];
    return NULL;
}

int eval_print_row(const eval_run *run, const char *label, bool first)
{
    if (run->json)
        return print_json(run, label);
    if (first) {
        printf("%-16s %6s", "", "failed");
        for (size_t i = 0; i < COLUMNS; i++)
            if (find_metric(run, columns[i].name, columns[i].at))
                printf(" %9s", columns[i].head);
        putchar('\n');
    }
    printf("%-16s %6zu", label, run->failed);
    for (size_t i = 0; i < COLUMNS; i++) {
        const eval_metric *m = find_metric(run, columns[i].name, columns[i].at);

        if (m && m->resolution == FACET_UNRESOLVABLE)
            printf(" %9s", "-");
        else if (m)
            printf(" %9.4f", m->value);
    }
    putchar('\n');
    return EXIT_YES;
}

/* ---- by group ---- */

enum { MAX_GROUPS = 64 };

typedef struct cohorts {
    char *names[MAX_GROUPS];
    int count;
    int *of; /* [n_templates] group of a template, -1 for none */
} cohorts;

static int group_number(cohorts *c, const char *name)
{
    for (int i = 0; i < c->count; i++)
        if (strcmp(c->names[i], name) == 0)
            return i;
    if (c->count == MAX_GROUPS || !(c->names[c->count] = strdup(name)))
        return -1;
    return c->count++;
}

/* The templates that a line of the file is about. */
static void assign(const eval_run *run, cohorts *c, const char *who, int group)
{
    const facet_protocol *p = &run->protocol;

    for (size_t i = 0; i < p->n_templates; i++) {
        const facet_protocol_template *t = &p->templates[i];

        if (strcmp(p->subjects[t->subject], who) == 0 ||
            strcmp(p->files[p->members[t->first].file], who) == 0)
            c->of[i] = group;
    }
}

static int read_cohorts(const eval_run *run, cohorts *c)
{
    FILE *file = fopen(run->cohort, "r");
    char line[1024];
    unsigned number_of_line = 0;

    if (!file) {
        complain("%s cannot be read", run->cohort);
        return EXIT_IO;
    }
    while (fgets(line, sizeof line, file)) {
        char *state = NULL;
        char *who = strtok_r(line, "\t\r\n", &state);
        char *group = strtok_r(NULL, "\t\r\n", &state);
        int n;

        number_of_line++;
        if (!who || *who == '#')
            continue;
        n = group ? group_number(c, group) : -1;
        if (n < 0) {
            complain("%s, line %u: want a person or file, a tab and a group "
                     "(of at most %d)",
                run->cohort, number_of_line, MAX_GROUPS);
            fclose(file);
            return EXIT_IO;
        }
        assign(run, c, who, n);
    }
    fclose(file);
    return EXIT_YES;
}

/* Comparisons within one group. */
static size_t select_group(
    const eval_run *run, const cohorts *c, int group, facet_comparison *out)
{
    const facet_protocol *p = &run->protocol;
    size_t n = 0;

    for (size_t i = 0; i < p->n_pairs; i++)
        if (c->of[p->pairs[i].a] == group && c->of[p->pairs[i].b] == group)
            out[n++] = run->comparisons[i];
    return n;
}

/* A group's EER, its rates at FMR 1e-2 and 1e-3, and its FMR at the threshold
 * that gives all people together 1e-2 and 1e-3. */
static int print_group(
    const eval_run *run, const char *name, const facet_curve *curve)
{
    const facet_curve_size n = facet_curve_total(curve);
    json_t *object = NULL;

    if (run->json) {
        object = json_pack("{s:s, s:I, s:I, s:o}", "group", name, "mated",
            (json_int_t)n.mated, "nonmated", (json_int_t)n.nonmated, "eer",
            eval_number(facet_curve_eer(curve).eer));
        json_object_set_new(object, "rates", json_array());
    } else
        printf("%-12s %6zu %8zu  %.4f", name, (size_t)n.mated,
            (size_t)n.nonmated, facet_curve_eer(curve).eer);
    for (double at = 1e-2; at > 5e-4; at /= 10) {
        const facet_rate all = facet_curve_rate(run->curve, at, 1);
        const facet_rate own = facet_curve_rate(curve, at, 1);
        const facet_curve_point common =
            facet_curve_at_threshold(curve, all.threshold);
        const bool resolved = all.resolution != FACET_UNRESOLVABLE;

        if (run->json)
            json_array_append_new(json_object_get(object, "rates"),
                json_pack("{s:f, s:o, s:o, s:o}", "fmr", at, "fnmr",
                    eval_number(1 - own.tar), "fmr_at_common_threshold",
                    eval_number(resolved ? common.fmr : (double)NAN),
                    "fnmr_at_common_threshold",
                    eval_number(resolved ? 1 - common.tar : (double)NAN)));
        else
            printf("  %7.4f %8.5f %7.4f", 1 - own.tar,
                resolved ? common.fmr : (double)NAN,
                resolved ? 1 - common.tar : (double)NAN);
    }
    if (run->json)
        return json_line(object) ? EXIT_YES : EXIT_NO_MEMORY;
    putchar('\n');
    return EXIT_YES;
}

int eval_print_cohorts(const eval_run *run)
{
    cohorts c = { { NULL }, 0, NULL };
    facet_comparison *list;
    int status;

    if (!run->curve) {
        complain("--cohort is for comparisons of pairs");
        return EXIT_USAGE;
    }
    c.of = calloc(run->protocol.n_templates, sizeof *c.of);
    list = calloc(run->protocol.n_pairs, sizeof *list);
    if (!c.of || !list) {
        free(c.of);
        free(list);
        return eval_fail(FACET_ENOMEM, NULL);
    }
    for (size_t i = 0; i < run->protocol.n_templates; i++)
        c.of[i] = -1;
    status = read_cohorts(run, &c);
    if (status == EXIT_YES && !run->json)
        printf("\n%-12s %6s %8s  %6s  at FMR 1e-2: FNMR, then FMR and FNMR "
               "at everybody's threshold; the same at 1e-3\n",
            "group", "mated", "others", "EER");
    for (int g = 0; g < c.count && status == EXIT_YES; g++) {
        const size_t n = select_group(run, &c, g, list);
        facet_curve *curve;
        facet_error err;

        if (facet_curve_create(list, n, &curve, &err) != FACET_OK) {
            complain("group %s: %s", c.names[g], err.msg);
            continue;
        }
        status = print_group(run, c.names[g], curve);
        facet_curve_free(curve);
    }
    for (int g = 0; g < c.count; g++)
        free(c.names[g]);
    free(c.of);
    free(list);
    return status;
}
