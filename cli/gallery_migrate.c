/* SPDX-License-Identifier: Apache-2.0 */
/* gallery_migrate.c - to another network, out of the crops that are stored.
 *
 * The new embeddings grow beside the old ones, a batch at a time and durably,
 * so that the command may be stopped and started again. Then both are compared,
 * and the gallery switches unless it was asked not to. */
#include <stdlib.h>
#include <string.h>

#include "facet/align.h"
#include "gallery.h"
#include "output.h"

enum { BATCH = 64 };

typedef struct migration {
    gallery_run *run;
    facet_gallery *g;
    facet_embedder *embedder;
    progress progress;
    uint64_t total;
    /* A batch: templates that are to be embedded. */
    uint64_t ids[BATCH];
    facet_image *crops[BATCH];
    size_t count;
    uint64_t last;   /* the largest id that was looked at */
    uint64_t broken; /* without a crop that can be read */
    bool more;
} migration;

/* A stored crop as the new network wants it: it was cut by CROP_TEMPLATE, or by
 * what its metadata says. */
static facet_status cut(
    const migration *m, const facet_template *t, facet_image **crop)
{
    json_t *metadata = t->metadata ? json_loads(t->metadata, 0, NULL) : NULL;
    const char *name = json_string_value(json_object_get(metadata, "crop"));
    const facet_align_template *from =
        facet_template_find(name ? name : CROP_TEMPLATE);
    facet_image *stored = NULL;
    facet_status st = from ? facet_image_read_memory(
                                 t->crop, t->crop_size, NULL, &stored, NULL)
                           : FACET_ENOTFOUND;

    if (st == FACET_OK)
        st = facet_align(stored, from->points,
            &facet_embedder_settings(m->embedder)->align, crop, NULL);
    facet_image_free(stored);
    json_decref(metadata);
    return st;
}

/* Gather a batch of those that are missing. */
static facet_status gather(void *context, const facet_template *t)
{
    migration *m = context;

    if (t->id <= m->last)
        return FACET_OK;
    if (m->count == BATCH) {
        m->more = true;
        return FACET_ECANCELED;
    }
    m->last = t->id;
    if (!t->crop_size || cut(m, t, &m->crops[m->count]) != FACET_OK) {
        m->broken++;
        return FACET_OK;
    }
    m->ids[m->count++] = t->id;
    return FACET_OK;
}

static facet_status embed_batch(migration *m, facet_error *err)
{
    const size_t dim = facet_embedder_dim(m->embedder);
    float *values = calloc(BATCH, dim * sizeof *values);
    facet_status st = values ? facet_embedder_run(m->embedder,
                                   (const facet_image *const *)m->crops,
                                   m->count, values, err)
                             : FACET_ENOMEM;

    if (st == FACET_OK)
        st = facet_gallery_shadow_put(
            m->g, m->run->finder.contract.id, m->ids, values, m->count, err);
    for (size_t i = 0; i < m->count; i++) {
        facet_image_free(m->crops[i]);
        m->crops[i] = NULL;
        if (st == FACET_OK)
            progress_step(&m->progress, (size_t)m->total);
    }
    m->count = 0;
    free(values);
    return st;
}

static facet_status embed_missing(migration *m, facet_error *err)
{
    facet_status st;

    do {
        m->more = false;
        st = facet_gallery_shadow_missing(m->g, gather, m, err);
        if (st == FACET_ECANCELED && m->more)
            st = FACET_OK;
        if (st == FACET_OK && m->count)
            st = embed_batch(m, err);
    } while (st == FACET_OK && m->more);
    return st;
}

static int print_report(
    const migration *m, const facet_shadow_report *r, bool switched)
{
    const char *const action = switched ? "switched" : "waiting";

    return json_line(json_pack(
               "{s:s, s:I, s:I, s:I, s:I, s:{s:I, s:I}, s:I, s:I, "
               "s:{s:o, s:o}, s:{s:o, s:o}}",
               "migration", action, "templates", (json_int_t)r->templates,
               "missing", (json_int_t)r->missing, "without_crop",
               (json_int_t)m->broken, "probes", (json_int_t)r->probes, "rank1",
               "old", (json_int_t)r->rank1_old, "new", (json_int_t)r->rank1_new,
               "gained", (json_int_t)r->gained, "lost", (json_int_t)r->lost,
               "threshold", "old", json_rounded((double)r->threshold_old, 6),
               "new", json_rounded((double)r->threshold_new, 6), "tpir", "old",
               json_rounded((double)r->tpir_old, 6), "new",
               json_rounded((double)r->tpir_new, 6)))
               ? EXIT_YES
               : EXIT_NO_MEMORY;
}

static int fail(const gallery_run *run, facet_status st, const facet_error *err)
{
    const int status = store_fail(&run->store, st, err);

    if (st == FACET_EEXISTS)
        complain("facet gallery migrate --abandon drops it");
    return status;
}

/* Embed, compare, switch. */
static int migrate(migration *m)
{
    const gallery_run *run = m->run;
    facet_shadow_report report;
    facet_gallery_info info;
    facet_error err = { FACET_OK, "" };
    facet_status st = facet_gallery_stats(m->g, &info, &err);

    if (st == FACET_OK &&
        !memcmp(info.contract, run->finder.contract.id, sizeof info.contract))
        return store_fail(&run->store, FACET_EINVAL,
            &(facet_error){
                FACET_EINVAL, "the gallery is of this network already" });
    m->total = info.templates;
    if (st == FACET_OK)
        st = facet_gallery_shadow_begin(
            m->g, run->finder.contract.id, run->finder.dim, &err);
    progress_start(&m->progress, run->finder.quiet);
    if (st == FACET_OK)
        st = embed_missing(m, &err);
    progress_end(&m->progress);
    if (st == FACET_OK)
        st = facet_gallery_shadow_compare(m->g, 0, &report, &err);
    if (st == FACET_OK && !run->dry_run)
        st = facet_gallery_shadow_switch(m->g, run->drop_missing, &err);
    return st == FACET_OK ? print_report(m, &report, !run->dry_run)
                          : fail(run, st, &err);
}

static int undo(const gallery_run *run, facet_gallery *g)
{
    facet_error err = { FACET_OK, "" };
    const facet_status st = run->rollback ? facet_gallery_rollback(g, &err)
                                          : facet_gallery_shadow_drop(g, &err);

    if (st != FACET_OK)
        return fail(run, st, &err);
    return json_line(json_pack("{s:s}", "migration",
               run->rollback ? "rolled back" : "abandoned"))
               ? EXIT_YES
               : EXIT_NO_MEMORY;
}

int gallery_migrate(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "dry-run", GALLERY_DRY_RUN, NULL, 0,
            "embed and compare, but do not switch", 0 },
        { "rollback", GALLERY_ROLLBACK, NULL, 0,
            "back to what was in use before; not while a migration is under "
            "way",
            0 },
        { "abandon", GALLERY_ABANDON, NULL, 0,
            "delete what a migration under way has made, or without one what "
            "is kept for --rollback",
            0 },
        { "drop-missing", GALLERY_DROP_MISSING, NULL, 0,
            "switch although some have no crop to be embedded from", 0 },
        { "threads", GALLERY_THREADS, "N", 0,
            "cores to embed on; default: all of them", 0 },
        { "quiet", GALLERY_QUIET, NULL, 0, "no progress on the terminal", 0 },
        { 0 },
    };
    static const gallery_usage usage = { .name = "facet gallery migrate",
        .args_doc = "FILE",
        .doc =
            "Change to the networks in use, out of the crops that are stored; "
            "people and names stay. Reports how recognition changes.",
        .options = options,
        .embeds = true };
    gallery_run run;
    migration m = { .run = &run };
    facet_embedder_opts opts;
    facet_error err = { FACET_OK, "" };
    int status = EXIT_YES;

    gallery_parse(&run, &usage, argc, argv);
    facet_embedder_opts_init(&opts);
    opts.threads = run.finder.threads;
    run.finder.threads = 1;
    if (!run.rollback && !run.abandon)
        status = finder_open(&run.finder);
    if (status == EXIT_YES)
        status = store_open(&run.store, false, &m.g);
    if (status == EXIT_YES && (run.rollback || run.abandon)) {
        status = undo(&run, m.g);
    } else if (status == EXIT_YES) {
        const facet_status st = facet_embedder_create(
            facet_pipeline_embedder_model(run.finder.pipelines[0]), &opts,
            &m.embedder, &err);

        status = st == FACET_OK ? migrate(&m) : (int)exit_for_model(st);
        if (st != FACET_OK)
            complain("%s", err.msg);
    }
    for (size_t i = 0; i < m.count; i++)
        facet_image_free(m.crops[i]);
    facet_embedder_free(m.embedder);
    facet_gallery_free(m.g);
    gallery_free(&run);
    return status;
}
