/* SPDX-License-Identifier: Apache-2.0 */
/* gallery.h - `facet gallery ...`: one file a verb, one way to read their
 * arguments. */
#ifndef FACET_CLI_GALLERY_H
#define FACET_CLI_GALLERY_H

#include <argp.h>
#include <stdbool.h>

#include "found.h"
#include "store.h"
#include "thresholds.h"

enum { GALLERY_NAME_ROOM = 4096 };

/* What arguments say. */
typedef struct gallery_run {
    finder finder;
    store store; /* its path is the first word, or --store */
    thresholds limits;
    const char *person;
    bool force, dry_run, rollback, drop_missing, abandon, template_ids;
    char **words; /* [count], after the gallery */
    int count;
} gallery_run;

/* Keys of options that single verbs have in their tables. */
enum {
    GALLERY_PERSON = 0x600,
    GALLERY_FORCE,
    GALLERY_DRY_RUN,
    GALLERY_ROLLBACK,
    GALLERY_DROP_MISSING,
    GALLERY_ABANDON,
    GALLERY_TEMPLATES,
    GALLERY_APPROXIMATE,
    GALLERY_PARTITIONS,
    GALLERY_THREADS = 't',
    GALLERY_QUIET = 'q',
};

/* How a verb is used. */
typedef struct gallery_usage {
    const char *name, *args_doc, *doc;
    const struct argp_option *options; /* NULL for none of its own */
    bool looks;                        /* at photos: options of a finder */
    bool embeds;                       /* options of networks; looks has them */
    bool decides;                      /* from which similarity on */
    bool judges;                       /* the quality of faces */
    bool reviews;                      /* what is not sure */
    int least, most; /* words after the file; most < 0: any number */
} gallery_usage;

/* Fill in *run; usage errors end the process. Free with gallery_free. */
void gallery_parse(
    gallery_run *run, const gallery_usage *usage, int argc, char **argv);
void gallery_free(gallery_run *run);

/* Open the gallery, and look whether the finder's networks (open already) make
 * embeddings of its contract. */
int gallery_open_for(gallery_run *run, bool read_only, facet_gallery **out);

/* What may be enrolled, by limits that are settled. */
facet_enroll_rule gallery_enroll_rule(const gallery_run *run);

int gallery_create(int argc, char **argv);
int gallery_enroll(int argc, char **argv);
int gallery_list(int argc, char **argv);
int gallery_rename(int argc, char **argv);
int gallery_remove(int argc, char **argv);
int gallery_export(int argc, char **argv);
int gallery_import(int argc, char **argv);
int gallery_stats(int argc, char **argv);
int gallery_check(int argc, char **argv);
int gallery_audit(int argc, char **argv);
int gallery_migrate(int argc, char **argv);

#endif
