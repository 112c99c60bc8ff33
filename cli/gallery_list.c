/* SPDX-License-Identifier: Apache-2.0 */
/* gallery_list.c - what a gallery holds: people, templates, numbers; and new
 * names; and whether the vectors are whole. */
#include <string.h>

#include "gallery.h"
#include "output.h"

/* ---- list ---- */

static facet_status print_person(void *context, const facet_person *person)
{
    json_t *line = json_pack("{s:I, s:o, s:I}", "person",
        (json_int_t)person->id, "name", json_path(person->name), "templates",
        (json_int_t)person->templates);

    (void)context;
    return json_line(line) ? FACET_OK : FACET_ENOMEM;
}

static facet_status print_template(void *context, const facet_template *t)
{
    json_t *line = json_pack("{s:I, s:I, s:[o, o, o, o], s:b}", "template",
        (json_int_t)t->id, "person", (json_int_t)t->person, "box",
        json_rounded((double)t->box[0], 3), json_rounded((double)t->box[1], 3),
        json_rounded((double)t->box[2], 3), json_rounded((double)t->box[3], 3),
        "crop", t->crop_size > 0);

    (void)context;
    if (t->quality == t->quality)
        json_object_set_new(
            line, "quality", json_rounded((double)t->quality, 3));
    if (t->source)
        json_object_set_new(line, "source", json_path(t->source));
    if (t->metadata)
        json_object_set_new(line, "metadata", json_loads(t->metadata, 0, NULL));
    return json_line(line) ? FACET_OK : FACET_ENOMEM;
}

int gallery_list(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "person", GALLERY_PERSON, "NAME", 0,
            "the templates of this person (or #ID)", 0 },
        { 0 },
    };
    static const gallery_usage usage = { .name = "facet gallery list",
        .args_doc = "FILE",
        .doc = "The people of a gallery, one a line.",
        .options = options };
    gallery_run run;
    facet_gallery *g = NULL;
    facet_error err = { FACET_OK, "" };
    facet_status st;
    uint64_t person;
    int status;

    gallery_parse(&run, &usage, argc, argv);
    status = store_open(&run.store, true, &g);
    if (status == EXIT_YES && run.person) {
        st = store_person(g, run.person, &person, &err);
        if (st == FACET_OK)
            st = facet_gallery_templates(g, person, print_template, NULL, &err);
        else if (st == FACET_ENOTFOUND)
            snprintf(err.msg, sizeof err.msg, "there is no person \"%.100s\"",
                run.person);
        status = store_fail(&run.store, st, &err);
    } else if (status == EXIT_YES) {
        status = store_fail(&run.store,
            facet_gallery_people(g, print_person, NULL, &err), &err);
    }
    facet_gallery_free(g);
    gallery_free(&run);
    return status;
}

/* ---- stats ---- */

int gallery_stats(int argc, char **argv)
{
    static const gallery_usage usage = { .name = "facet gallery stats",
        .args_doc = "FILE",
        .doc = "How many people and templates, and of which contract." };
    gallery_run run;
    facet_gallery *g = NULL;
    facet_gallery_info info;
    facet_contract contract;
    char text[FACET_CONTRACT_TEXT];
    int status;

    gallery_parse(&run, &usage, argc, argv);
    status = store_open(&run.store, true, &g);
    if (status == EXIT_YES)
        status =
            store_fail(&run.store, facet_gallery_stats(g, &info, NULL), NULL);
    if (status == EXIT_YES) {
        memcpy(contract.id, info.contract, sizeof contract.id);
        status = json_line(json_pack(
                     "{s:o, s:s, s:I, s:I, s:I, s:s, s:I, s:b, s:b, s:b, s:b}",
                     "gallery", json_where(&run.store), "name", info.name,
                     "people", (json_int_t)info.people, "templates",
                     (json_int_t)info.templates, "dim", (json_int_t)info.dim,
                     "contract", facet_contract_text(&contract, text),
                     "generation", (json_int_t)info.generation, "encrypted",
                     info.encrypted, "mapped", info.mapped, "shadow",
                     info.shadow, "previous", info.previous))
                     ? EXIT_YES
                     : EXIT_NO_MEMORY;
    }
    facet_gallery_free(g);
    gallery_free(&run);
    return status;
}

/* ---- check ---- */

int gallery_check(int argc, char **argv)
{
    static const gallery_usage usage = { .name = "facet gallery check",
        .args_doc = "FILE",
        .doc = "Compare every row of the vector file with the database, and "
               "write the file anew if one differs, or if something is left of "
               "rows that were erased. Every opening looks at "
               "some rows and does the same; a gallery that has no such file "
               "has nothing to compare." };
    gallery_run run;
    facet_gallery *g = NULL;
    facet_gallery_info info;
    facet_error err = { FACET_OK, "" };
    uint64_t damaged = 0;
    int status;

    gallery_parse(&run, &usage, argc, argv);
    status = store_open(&run.store, false, &g);
    if (status == EXIT_YES)
        status = store_fail(
            &run.store, facet_gallery_check(g, &damaged, &err), &err);
    if (status == EXIT_YES)
        status =
            store_fail(&run.store, facet_gallery_stats(g, &info, &err), &err);
    if (status == EXIT_YES &&
        !json_line(json_pack("{s:o, s:I, s:b, s:I}", "gallery",
            json_where(&run.store), "templates", (json_int_t)info.templates,
            "mapped", info.mapped, "damaged", (json_int_t)damaged)))
        status = EXIT_NO_MEMORY;
    if (status == EXIT_YES && damaged && !info.mapped)
        status = store_fail(&run.store, FACET_EIO,
            &(facet_error){
                FACET_EIO, "the vector file could not be written anew" });
    facet_gallery_free(g);
    gallery_free(&run);
    return status;
}

/* ---- rename ---- */

int gallery_rename(int argc, char **argv)
{
    static const gallery_usage usage = { .name = "facet gallery rename",
        .args_doc = "FILE NAME NEW-NAME",
        .doc = "Give a person (NAME or #ID) another name.",
        .least = 2,
        .most = 2 };
    gallery_run run;
    facet_gallery *g = NULL;
    facet_error err = { FACET_OK, "" };
    facet_status st;
    uint64_t person = 0;
    int status;

    gallery_parse(&run, &usage, argc, argv);
    status = store_open(&run.store, false, &g);
    if (status == EXIT_YES) {
        st = store_person(g, run.words[0], &person, &err);
        if (st == FACET_ENOTFOUND)
            snprintf(err.msg, sizeof err.msg, "there is no person \"%.100s\"",
                run.words[0]);
        if (st == FACET_OK)
            st = facet_gallery_rename_person(g, person, run.words[1], &err);
        status = store_fail(&run.store, st, &err);
    }
    if (status == EXIT_YES && !json_line(json_person(g, person)))
        status = EXIT_NO_MEMORY;
    facet_gallery_free(g);
    gallery_free(&run);
    return status;
}
