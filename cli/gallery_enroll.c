/* SPDX-License-Identifier: Apache-2.0 */
/* gallery_enroll.c - photos to templates of people.
 *
 * Each photo is enrolled, durably, as soon as it has been looked at, and photos
 * that are enrolled already are passed over: so whatever ends the run, the same
 * command goes on where it stopped. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gallery.h"
#include "output.h"
#include "verbs.h"

/* Sources that are enrolled already. */
typedef struct known {
    char **list;
    size_t count, room;
} known;

typedef struct enrolment {
    gallery_run *run;
    facet_gallery *g;
    facet_enroll_rule rule;
    known known;
    exit_number status;
} enrolment;

/* ---- What is there already ---- */

static facet_status note_source(void *context, const facet_template *t)
{
    known *k = context;

    if (!t->source)
        return FACET_OK;
    if (k->count == k->room) {
        const size_t room = k->room ? 2 * k->room : 1024;
        char **list = realloc(k->list, room * sizeof *list);

        if (!list)
            return FACET_ENOMEM;
        k->list = list;
        k->room = room;
    }
    k->list[k->count] = strdup(t->source);
    return k->list[k->count++] ? FACET_OK : FACET_ENOMEM;
}

/* ---- Whose photo it is ---- */

/* The first folder of `path` below one of the words; false when there is none.
 */
static bool folder_below(
    const gallery_run *run, const char *path, char *name, size_t room)
{
    for (int i = 0; i < run->count; i++) {
        size_t n = strlen(run->words[i]);
        const char *rest, *slash;

        while (n > 1 && run->words[i][n - 1] == '/')
            n--;
        if (strncmp(path, run->words[i], n) != 0 || path[n] != '/')
            continue;
        rest = path + n + strspn(path + n, "/");
        slash = strchr(rest, '/');
        if (!slash || (size_t)(slash - rest) >= room)
            continue;
        memcpy(name, rest, (size_t)(slash - rest));
        name[slash - rest] = '\0';
        return true;
    }
    return false;
}

static bool whose(
    const gallery_run *run, const char *path, char *name, size_t room)
{
    if (!run->person)
        return folder_below(run, path, name, room);
    snprintf(name, room, "%s", run->person);
    return true;
}

/* ---- One photo ---- */

static bool tell(enrolment *e, json_t *line, exit_number status)
{
    note_status(&e->status, status);
    if (json_line(line))
        return !ferror(stdout);
    note_status(&e->status, EXIT_NO_MEMORY);
    return false;
}

static bool tell_failure(enrolment *e, const char *path, facet_status st,
    const char *message, exit_number status)
{
    return tell(e,
        json_pack("{s:o, s:o}", "image", json_path(path), "error",
            json_failure(st, message)),
        status);
}

static json_t *reasons_of(unsigned reasons)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {
        { FACET_ENROLL_POOR, "poor" },
        { FACET_ENROLL_DUPLICATE, "duplicate" },
        { FACET_ENROLL_INCONSISTENT, "inconsistent" },
        { FACET_ENROLL_REPEATED, "repeated" },
    };
    json_t *list = json_array();

    for (int i = 0; i < 4; i++)
        if (reasons & names[i].bit)
            json_array_append_new(list, json_string(names[i].name));
    return list;
}

static bool tell_refusal(enrolment *e, const found_photo *photo,
    const found_face *face, const char *name, const facet_enroll_verdict *v)
{
    json_t *line =
        json_pack("{s:o, s:o, s:o, s:o}", "image", json_path(photo->path),
            "person", json_path(name), "refused", reasons_of(v->reasons),
            "quality", json_rounded((double)face->quality.value, 3));

    if (v->reasons & FACET_ENROLL_POOR)
        json_object_set_new(line, "weakest", json_string(face->quality.part));
    if (v->reasons & FACET_ENROLL_DUPLICATE) {
        json_object_set_new(line, "other", json_person(e->g, v->other.person));
        json_object_set_new(
            line, "similarity", json_rounded((double)v->other.score, 6));
    } else if (v->reasons & FACET_ENROLL_INCONSISTENT) {
        json_object_set_new(
            line, "similarity", json_rounded((double)v->own.score, 6));
    }
    return tell(e, line, EXIT_NO_MATCH);
}

static facet_status enroll(enrolment *e, const found_photo *photo,
    const found_face *face, const char *name, uint64_t *id, facet_error *err)
{
    const facet_box box = face->face.box;
    facet_template t = { .embedding = face->embedding,
        .quality = face->quality.value,
        .source = photo->path,
        .box = { box.x, box.y, box.width, box.height },
        .metadata = "{\"crop\": \"" CROP_TEMPLATE "\"}",
        .crop = face->crop,
        .crop_size = face->crop_size };
    facet_status st = facet_gallery_add_people(e->g, &name, 1, &t.person, err);

    return st == FACET_OK ? facet_gallery_enroll(e->g,
                                e->run->finder.contract.id, &t, 1, id, err)
                          : st;
}

/* The face that a photo is enrolled by: judged, then stored. */
static bool take_face(enrolment *e, const found_photo *photo, const char *name)
{
    const found_face *face = &photo->faces[0];
    facet_enroll_verdict verdict = { .reasons = 0 };
    facet_error err = { FACET_OK, "" };
    uint64_t person = 0, id;
    facet_status st = facet_gallery_find_person(e->g, name, &person, &err);

    if (st == FACET_OK || st == FACET_ENOTFOUND)
        st = facet_gallery_enroll_check(e->g, e->run->finder.contract.id,
            face->embedding, face->quality.value, person, &e->rule, &verdict,
            &err);
    if (st == FACET_OK && verdict.reasons && !e->run->force)
        return tell_refusal(e, photo, face, name, &verdict);
    if (st == FACET_OK)
        st = enroll(e, photo, face, name, &id, &err);
    if (st != FACET_OK) { /* the gallery's failure, not the photo's: stop */
        note_status(
            &e->status, (exit_number)store_fail(&e->run->store, st, &err));
        return false;
    }
    return tell(e,
        json_pack("{s:o, s:o, s:I, s:o}", "image", json_path(photo->path),
            "person", json_path(name), "template", (json_int_t)id, "quality",
            json_rounded((double)face->quality.value, 3)),
        EXIT_YES);
}

static bool take_photo(void *context, const found_photo *photo)
{
    enrolment *e = context;
    char name[GALLERY_NAME_ROOM];

    if (photo->status != FACET_OK)
        return tell_failure(e, photo->path, photo->status, photo->message,
            exit_for_photo(photo->status));
    if (!whose(e->run, photo->path, name, sizeof name))
        return tell_failure(e, photo->path, FACET_EINVAL,
            "whose photo? Put it into a folder of the person's name, or give "
            "--person",
            EXIT_USAGE);
    return take_face(e, photo, name);
}

/* ---- All of them ---- */

static int enroll_all(enrolment *e)
{
    facet_error err = { FACET_OK, "" };
    exit_number status;
    inputs *in;
    const facet_status st =
        facet_gallery_templates(e->g, 0, note_source, &e->known, &err);

    if (st != FACET_OK)
        return store_fail(&e->run->store, st, &err);
    in = finder_inputs(&e->run->finder, e->run->words, e->run->count);
    if (!in)
        return EXIT_IO;
    inputs_pass_over(in, e->known.list, e->known.count);
    status = finder_run(&e->run->finder, in, take_photo, e);
    if (inputs_passed_over(in) && !e->run->finder.quiet)
        complain("%zu photos passed over: enrolled before, or named twice",
            inputs_passed_over(in));
    inputs_close(in);
    return status == EXIT_YES ? (int)e->status : (int)status;
}

int gallery_enroll(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "person", GALLERY_PERSON, "NAME", 0,
            "all photos are of this person; default: the folder's name", 0 },
        { "force", GALLERY_FORCE, NULL, 0,
            "enroll also what speaks against itself", 0 },
        { 0 },
    };
    static const gallery_usage usage = { .name = "facet gallery enroll",
        .args_doc = "FILE FOLDER|PHOTO...",
        .doc =
            "Add people: a folder holds a folder for each, named like them. "
            "The largest face of a photo counts. What is poor, looks like "
            "somebody else, or unlike the person's other photos, is refused.\v"
            "Stops and goes on: photos that are enrolled are passed over.",
        .options = options,
        .looks = true,
        .decides = true,
        .judges = true,
        .least = 1,
        .most = -1 };
    gallery_run run;
    enrolment e = { .run = &run, .status = EXIT_YES };
    facet_gallery_info info;
    int status;

    gallery_parse(&run, &usage, argc, argv);
    if (run.finder.nets.opts.policy == FACET_POLICY_ALL)
        run.finder.nets.opts.policy = FACET_POLICY_LARGEST;
    status = finder_open(&run.finder);
    if (status == EXIT_YES)
        status = gallery_open_for(&run, false, &e.g);
    if (status == EXIT_YES)
        status =
            store_fail(&run.store, facet_gallery_stats(e.g, &info, NULL), NULL);
    if (status == EXIT_YES)
        status = thresholds_settle(
            &run.limits, run.finder.pipelines[0], info.templates);
    if (status == EXIT_YES) {
        e.rule = gallery_enroll_rule(&run);
        status = enroll_all(&e);
    }
    for (size_t i = 0; i < e.known.count; i++)
        free(e.known.list[i]);
    free(e.known.list);
    facet_gallery_free(e.g);
    gallery_free(&run);
    return status;
}

int verb_enroll(int argc, char **argv)
{
    return gallery_enroll(argc, argv);
}
