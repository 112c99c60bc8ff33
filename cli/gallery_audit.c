/* SPDX-License-Identifier: Apache-2.0 */
/* gallery_audit.c - what does not look right among those enrolled. */
#include <math.h>

#include "gallery.h"
#include "output.h"

static facet_status print_finding(
    void *context, const facet_audit_finding *found)
{
    const facet_gallery *g = context;
    json_t *line = json_pack("{s:s, s:o, s:I}", "finding",
        facet_audit_name(found->kind), "person", json_person(g, found->person),
        "template", (json_int_t)found->id);

    if (found->other_id) {
        json_object_set_new(line, "other", json_person(g, found->other_person));
        json_object_set_new(
            line, "other_template", json_integer((json_int_t)found->other_id));
    }
    json_object_set_new(
        line, "similarity", json_rounded((double)found->score, 6));
    if (found->own_score > -2)
        json_object_set_new(
            line, "own_similarity", json_rounded((double)found->own_score, 6));
    if (found->kind == FACET_AUDIT_POISON)
        json_object_set_new(
            line, "people", json_integer((json_int_t)found->people));
    return json_line(line) ? FACET_OK : FACET_ENOMEM;
}

int gallery_audit(int argc, char **argv)
{
    static const gallery_usage usage = { .name = "facet gallery audit",
        .args_doc = "FILE",
        .doc = "Look for mixed identities, people enrolled twice, photos that "
               "are like many people, outliers and repeated photos.\v"
               "The networks in use say from which similarity on people look "
               "alike; with --threshold none are needed.",
        .embeds = true,
        .decides = true };
    gallery_run run;
    facet_gallery *g = NULL;
    facet_gallery_info info;
    facet_enroll_rule rule;
    facet_error err = { FACET_OK, "" };
    int status = EXIT_YES;

    gallery_parse(&run, &usage, argc, argv);
    run.finder.threads = 1;
    if (isnan(run.limits.threshold))
        status = finder_open(&run.finder);
    if (status == EXIT_YES)
        status = run.finder.pipelines ? gallery_open_for(&run, true, &g)
                                      : store_open(&run.store, true, &g);
    if (status == EXIT_YES)
        status =
            store_fail(&run.store, facet_gallery_stats(g, &info, NULL), NULL);
    if (status == EXIT_YES && run.finder.pipelines)
        status = thresholds_settle(
            &run.limits, run.finder.pipelines[0], info.templates);
    if (status == EXIT_YES) {
        rule = gallery_enroll_rule(&run);
        status = store_fail(&run.store,
            facet_gallery_audit(g, &rule, print_finding, g, &err), &err);
    }
    facet_gallery_free(g);
    gallery_free(&run);
    return status;
}
