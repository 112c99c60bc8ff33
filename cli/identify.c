/* SPDX-License-Identifier: Apache-2.0 */
/* identify.c - who is it? Match, review or unknown for each face. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gallery.h"
#include "output.h"
#include "verbs.h"

typedef struct identification {
    gallery_run *run;
    facet_gallery *g;
    facet_identify_rule rule;
    exit_number status;
} identification;

static facet_status add_sample(void *object, const facet_template *t)
{
    json_t *sample = json_pack("{s:I}", "template", (json_int_t)t->id);

    if (t->source)
        json_object_set_new(sample, "source", json_path(t->source));
    json_object_set_new(object, "sample", sample);
    return FACET_OK;
}

/* A person of the answer, and how alike. */
static json_t *json_candidate(const facet_gallery *g, facet_match match)
{
    json_t *person = json_person(g, match.person);

    json_object_set_new(
        person, "similarity", json_rounded((double)match.score, 6));
    return person;
}

static json_t *json_answer(const identification *i, const found_face *face,
    const facet_identification *answer)
{
    const facet_box box = face->face.box;
    json_t *object = json_pack("{s:[o, o, o, o], s:s}", "box",
        json_rounded((double)box.x, 3), json_rounded((double)box.y, 3),
        json_rounded((double)box.width, 3), json_rounded((double)box.height, 3),
        "decision", facet_decision_name(answer->decision));

    if (answer->reason != FACET_REASON_NONE)
        json_object_set_new(
            object, "reason", json_string(facet_reason_name(answer->reason)));
    if (answer->best.id) {
        json_t *best = json_candidate(i->g, answer->best);

        (void)!facet_gallery_template(
            i->g, answer->best.id, add_sample, best, NULL);
        json_object_set_new(
            object, answer->decision ? "person" : "nearest", best);
    }
    if (answer->second.id) {
        json_object_set_new(
            object, "second", json_candidate(i->g, answer->second));
        json_object_set_new(
            object, "margin", json_rounded((double)answer->margin, 6));
    }
    json_object_set_new(
        object, "quality", json_rounded((double)face->quality.value, 3));
    if (face->quality.value < i->rule.min_quality)
        json_object_set_new(object, "weakest", json_string(face->quality.part));
    return object;
}

static bool put(identification *i, json_t *line, exit_number status)
{
    note_status(&i->status, status);
    if (json_line(line)) {
        fflush(stdout);
        return !ferror(stdout);
    }
    note_status(&i->status, EXIT_NO_MEMORY);
    return false;
}

static bool take_photo(void *context, const found_photo *photo)
{
    identification *i = context;
    json_t *faces, *line;
    bool somebody = false;

    if (photo->status != FACET_OK)
        return put(i,
            json_pack("{s:o, s:o}", "image", json_path(photo->path), "error",
                json_failure(photo->status, photo->message)),
            exit_for_photo(photo->status));
    faces = json_array();
    for (size_t f = 0; f < photo->count; f++) {
        const found_face *face = &photo->faces[f];
        facet_identification answer;
        facet_error err = { FACET_OK, "" };
        const facet_status st =
            facet_gallery_identify(i->g, i->run->finder.contract.id,
                face->embedding, face->quality.value, &i->rule, &answer, &err);

        if (st != FACET_OK) {
            json_decref(faces);
            note_status(
                &i->status, (exit_number)store_fail(&i->run->store, st, &err));
            return false;
        }
        somebody |= answer.decision == FACET_DECISION_MATCH;
        json_array_append_new(faces, json_answer(i, face, &answer));
    }
    line = json_pack("{s:o, s:i, s:i, s:o, s:o, s:o}", "image",
        json_path(photo->path), "width", photo->width, "height", photo->height,
        "faces", faces, "threshold", json_rounded(i->run->limits.threshold, 6),
        "fpir",
        isnan(i->run->limits.fpir) ? json_null()
                                   : json_real(i->run->limits.fpir));
    return put(i, line, somebody ? EXIT_YES : EXIT_NO_MATCH);
}

static int identify_all(identification *i)
{
    gallery_run *run = i->run;
    facet_gallery_info info;
    facet_error err = { FACET_OK, "" };
    exit_number status;
    inputs *in;
    int settled =
        store_fail(&run->store, facet_gallery_stats(i->g, &info, &err), &err);

    if (settled == EXIT_YES)
        settled = thresholds_settle(
            &run->limits, run->finder.pipelines[0], info.templates);
    if (settled != EXIT_YES)
        return settled;
    facet_identify_rule_init(&i->rule, (float)run->limits.threshold);
    i->rule.review_at = (float)run->limits.review;
    i->rule.margin = (float)run->limits.margin;
    i->rule.min_quality = (float)run->limits.min_quality;
    in = finder_inputs(&run->finder, run->words, run->count);
    if (!in)
        return EXIT_IO;
    status = finder_run(&run->finder, in, take_photo, i);
    inputs_close(in);
    return status == EXIT_YES ? (int)i->status : (int)status;
}

int verb_identify(int argc, char **argv)
{
    static const gallery_usage usage = { .name = "facet identify",
        .args_doc = "FILE PHOTO|FOLDER|-...",
        .doc = "Say who the people of photos are: a match, nobody known, or "
               "somebody should look.\v"
               "The exit status is 1 when a photo shows nobody who matches.",
        .looks = true,
        .decides = true,
        .judges = true,
        .reviews = true,
        .least = 1,
        .most = -1 };
    gallery_run run;
    identification i = { .run = &run, .status = EXIT_YES };
    int status;

    gallery_parse(&run, &usage, argc, argv);
    status = finder_open(&run.finder);
    if (status == EXIT_YES)
        status = gallery_open_for(&run, true, &i.g);
    if (status == EXIT_YES)
        status = identify_all(&i);
    facet_gallery_free(i.g);
    gallery_free(&run);
    return status;
}
