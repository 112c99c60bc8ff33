/* SPDX-License-Identifier: Apache-2.0 */
#include "photos.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "claims.h"
#include "exits.h"
#include "facet/draw.h"
#include "facet/settings.h"
#include "frontal.h"
#include "limits.h"
#include "networks.h"
#include "numbers.h"
#include "originals.h"
#include "output.h"
#include "places.h"
#include "progress.h"
#include "work.h"

enum { MAX_THREADS = 1024, DRAW_QUALITY = 90 };

typedef struct photos {
    const photo_verb *verb;
    networks nets;
    output_format format;
    const char *list;
    char separator;
    int threads;
    bool quiet;
    const char *draw;          /* folder of marked pictures; NULL for none */
    const char *crops;         /* folder of aligned crops */
    const char *template_name; /* of aligned crops; NULL: the network's */
    int margin;                /* pixels that they are larger on each side */
    bool frontal;              /* crops are turned to the front */
    const char *landmarks;     /* the network for that, as given */
    facet_image_opts limits;
    char **names; /* [n_names], into argv */
    int n_names;

    facet_align_template template;
    frontals frontals;
    facet_pipeline **pipelines; /* [threads] */
    claims claims;              /* on the files in `crops` and `draw` */
    originals *originals;       /* which those files must not go over */
    inputs *in;
    output out;
    progress progress;
    exit_number status; /* of the first photo that failed */
} photos;

/* ---- Options ---- */

enum {
    KEY_FILES_FROM = 0x200,
    KEY_FORMAT,
    KEY_DRAW,
    KEY_TEMPLATE,
    KEY_MARGIN,
    KEY_FRONTAL,
    KEY_LANDMARKS,
};

static const struct argp_option options[] = {
    { "files-from", KEY_FILES_FROM, "FILE", 0,
        "photos listed in FILE, one a line; - is stdin", 0 },
    { "null", '0', NULL, 0, "names in the list end with a zero byte", 0 },
    { "format", KEY_FORMAT, "NAME", 0,
        "jsonl (the default), json, csv; npy with embed", 0 },
    { "threads", 't', "N", 0, "photos at a time; default: every core", 0 },
    { "draw", KEY_DRAW, "DIR", 0, "put copies with the faces marked there", 0 },
    { "quiet", 'q', NULL, 0, "no progress on the terminal", 0 },
    { 0 },
};

static const struct argp_option align_options[] = {
    { "out", 'o', "DIR", 0, "where the crops go (required)", 0 },
    { "template", KEY_TEMPLATE, "NAME", 0,
        "how faces lie in the crops; default: as the network that embeds wants "
        "them, arcface-112 without one",
        0 },
    { "margin", KEY_MARGIN, "PIXELS", 0,
        "crops that are larger on each side: for training, which moves them; "
        "8 suits facet train",
        0 },
    { "frontal", KEY_FRONTAL, NULL, 0,
        "turn faces to the front in three dimensions; crops of 152x152", 0 },
    { "landmarks", KEY_LANDMARKS, "FILE", 0,
        "ONNX file that finds 68 or 468 points, for --frontal; else "
        "$FACET_LANDMARKS or the default",
        0 },
    { 0 },
};

static void check(const photos *p, const struct argp_state *state)
{
    if (!p->n_names && !p->list)
        argp_error(state, "no photo given");
    if (p->format == OUTPUT_NPY && !p->verb->embeds)
        argp_error(state, "npy holds embeddings: use it with embed");
    if (p->verb->aligns && !p->crops)
        argp_error(state, "say with --out where the crops go");
    if (p->frontal && (p->template_name || p->margin))
        argp_error(state, "--frontal has a template of its own");
    if (!p->frontal && p->landmarks)
        argp_error(state, "--landmarks is for --frontal");
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    photos *p = state->input;
    int format;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &p->nets;
        state->child_inputs[1] = &p->limits;
        if (p->verb->aligns) {
            state->child_inputs[2] = p;
            state->child_inputs[3] = &p->nets;
        }
        break;
    case KEY_FILES_FROM:
        p->list = text;
        break;
    case '0':
        p->separator = '\0';
        break;
    case KEY_FORMAT:
        format = output_format_parse(text);
        if (format < 0)
            argp_error(state, "no format '%s'", text);
        p->format = (output_format)format;
        break;
    case 't':
        p->threads =
            (int)whole_option(state, "--threads", text, 1, MAX_THREADS);
        break;
    case KEY_DRAW:
        p->draw = text;
        break;
    case 'q':
        p->quiet = true;
        break;
    case ARGP_KEY_ARGS:
        p->names = state->argv + state->next;
        p->n_names = state->argc - state->next;
        break;
    case ARGP_KEY_END:
        check(p, state);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static error_t parse_align(int key, char *text, struct argp_state *state)
{
    photos *p = state->input;

    switch (key) {
    case 'o':
        p->crops = text;
        break;
    case KEY_TEMPLATE:
        p->template_name = text;
        break;
    case KEY_MARGIN:
        p->margin = (int)whole_option(state, "--margin", text, 0, 512);
        break;
    case KEY_FRONTAL:
        p->frontal = true;
        break;
    case KEY_LANDMARKS:
        p->landmarks = text;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static void parse_arguments(photos *p, int argc, char **argv)
{
    static const struct argp aligning = { .options = align_options,
        .parser = parse_align };
    const struct argp_child children[] = {
        { p->verb->embeds ? &faces_argp : &finding_argp, 0, NULL, 0 },
        { &limits_argp, 0, NULL, 0 },
        { p->verb->aligns ? &aligning : NULL, 0, NULL, -1 },
        { &model_argp, 0, NULL, 0 },
        { NULL, 0, NULL, 0 },
    };
    char doc[512];
    const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "PHOTO|FOLDER|-...",
        .doc = doc,
        .children = children,
    };

    snprintf(doc, sizeof doc, "%s\v%s", p->verb->doc,
        "Folders are taken with all below them; - is a list of photos on "
        "stdin. See facet(1) for the exit status.");
    argp_parse(&argp, argc, argv, 0, NULL, p);
}

/* ---- One photo ---- */

/* May the file be written? Not where a photo of this run lies. */
static facet_status spare_photos(
    const photos *p, const char *file, facet_error *err)
{
    const char *photo = originals_find(p->originals, file);

    if (!photo)
        return FACET_OK;
    err->code = FACET_EEXISTS;
    snprintf(err->msg, sizeof err->msg,
        "writing %.90s: there lies the photo %.90s; name another folder", file,
        photo);
    return FACET_EEXISTS;
}

static facet_status draw(const photos *p, facet_image *image, const char *photo,
    const facet_faces *faces, facet_error *err)
{
    char *path = place_of_drawing(p->draw, photo);
    facet_status st = path ? spare_photos(p, path, err) : FACET_ENOMEM;

    if (st == FACET_OK)
        st = facet_draw_faces(
            image, facet_faces_face(faces, 0), facet_faces_count(faces), err);
    if (st == FACET_OK)
        st = facet_image_write(image, path, DRAW_QUALITY, err);
    free(path);
    return st;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; names && i < count; i++)
        free(names[i]);
    free(names);
}

/* What is made of a photo besides its faces. */
typedef struct made {
    char **crops;       /* [faces]: files; NULL for what failed */
    frontal_told *told; /* [faces], with --frontal */
    size_t count;
} made;

static void free_made(made *m)
{
    free_names(m->crops, m->count);
    free(m->told);
}

static facet_status write_crop(const photos *p, int thread,
    const facet_image *image, const facet_face *face, const char *path,
    frontal_told *told, facet_error *err)
{
    facet_image *crop = NULL;
    facet_status st = spare_photos(p, path, err);

    if (st == FACET_OK && p->frontal)
        st = frontals_crop(&p->frontals, thread, image, face, &crop, told, err);
    else if (st == FACET_OK)
        st = facet_align(image, face->landmarks, &p->template, &crop, err);
    if (st == FACET_OK)
        st = facet_image_write(crop, path, 100, err);
    facet_image_free(crop);
    return st;
}

static facet_status write_nth_crop(const photos *p, int thread,
    const facet_image *image, const char *photo, const facet_face *face,
    made *m, size_t n, facet_error *err)
{
    char ending[32];
    char *path;
    facet_status st;

    snprintf(ending, sizeof ending, "-%zu.png", n);
    path = place_in(p->crops, photo, ending);
    st = path ? write_crop(p, thread, image, face, path,
                    m->told ? &m->told[n] : NULL, err)
              : FACET_ENOMEM;
    if (st == FACET_OK)
        m->crops[n] = path;
    else
        free(path);
    return st;
}

/* Write the crops, one a face. */
static facet_status write_crops(const photos *p, int thread,
    const facet_image *image, const char *photo, const facet_faces *faces,
    made *m, facet_error *err)
{
    facet_status st = FACET_OK;

    m->count = facet_faces_count(faces);
    m->crops = calloc(m->count + 1, sizeof *m->crops);
    m->told = p->frontal ? calloc(m->count + 1, sizeof *m->told) : NULL;
    if (!m->crops || (p->frontal && !m->told))
        return FACET_ENOMEM;
    for (size_t i = 0; i < m->count && st == FACET_OK; i++)
        st = write_nth_crop(
            p, thread, image, photo, facet_faces_face(faces, i), m, i, err);
    return st;
}

static bool is_same_file(const char *left, const char *right)
{
    struct stat a, b;

    return strcmp(left, right) == 0 ||
           (stat(left, &a) == 0 && stat(right, &b) == 0 &&
               a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

/* Whom else the file (to be freed) belongs to; NULL for nobody. */
static const char *rival(claims *all, char *file, const char *photo)
{
    const char *owner = file ? claims_make(all, file, photo) : NULL;

    free(file);
    return owner && !is_same_file(owner, photo) ? owner : NULL;
}

/* Files go to the first photo that would write them: the note names it. */
static void meet_photo(void *context, work_item *item)
{
    photos *p = context;

    if (p->crops || p->draw)
        originals_add(p->originals, item->path);
    if (p->crops)
        item->note =
            rival(&p->claims, place_in(p->crops, item->path, ""), item->path);
    if (p->draw && !item->note)
        item->note = rival(
            &p->claims, place_of_drawing(p->draw, item->path), item->path);
}

static facet_status refuse(const char *owner, facet_error *err)
{
    err->code = FACET_EEXISTS;
    snprintf(err->msg, sizeof err->msg,
        "what is made of it would be named like what is made of %.120s: "
        "run them into different folders",
        owner);
    return FACET_EEXISTS;
}

/* A photo whose faces are found has been read: what fails after that is a
 * matter of the files. */
static exit_number exit_for_files(facet_status status)
{
    switch (status) {
    case FACET_ELIMIT:
    case FACET_EUNSUPPORTED:
    case FACET_EINVAL:
        return EXIT_IO;
    default:
        return exit_for_photo(status);
    }
}

static facet_status find_faces(const photos *p, int thread,
    const work_item *item, facet_image **image, facet_faces **faces,
    facet_error *err)
{
    facet_status st = item->note
                          ? refuse(item->note, err)
                          : limits_read(item->path, &p->limits, image, err);

    if (st == FACET_OK)
        st = facet_pipeline_faces(p->pipelines[thread], *image, faces, err);
    return st;
}

static facet_status make_files(const photos *p, int thread, const char *photo,
    facet_image *image, const facet_faces *faces, made *m, facet_error *err)
{
    facet_status st = FACET_OK;

    if (p->crops)
        st = write_crops(p, thread, image, photo, faces, m, err);
    if (st == FACET_OK && p->draw)
        st = draw(p, image, photo, faces, err);
    return st;
}

static void do_photo(void *context, int thread, work_item *item)
{
    const photos *p = context;
    facet_error err = { FACET_OK, "" };
    facet_image *image = NULL;
    facet_faces *faces = NULL;
    made m = { 0 };
    result r = { .path = item->path, .message = err.msg };

    r.status = find_faces(p, thread, item, &image, &faces, &err);
    item->status = exit_for_photo(r.status);
    if (r.status == FACET_OK) {
        r.width = facet_image_width(image);
        r.height = facet_image_height(image);
        r.faces = faces;
        item->faces = facet_faces_count(faces);
        r.status = make_files(p, thread, item->path, image, faces, &m, &err);
        item->status = exit_for_files(r.status);
    }
    r.crops = m.crops;
    r.frontals = m.told;
    item->bytes = output_text(p->format, &r, &item->size);
    if (r.status != FACET_OK && p->format >= OUTPUT_CSV)
        complain_of(
            item->path, *err.msg ? err.msg : facet_status_str(r.status));
    free_made(&m);
    facet_faces_free(faces);
    facet_image_free(image);
}

/* ---- All of them ---- */

static bool take_photo(void *context, const work_item *item)
{
    photos *p = context;

    if (p->status == EXIT_YES)
        p->status = item->bytes ? item->status : EXIT_NO_MEMORY;
    progress_step(&p->progress, inputs_total(p->in));
    if (!item->bytes) {
        complain("%s: not enough memory for the result", item->path);
        return true;
    }
    return output_put(&p->out, item->bytes, item->size, item->faces);
}

/* The template that a network wants. */
static int template_of_network(photos *p, const char *path)
{
    facet_model *model = NULL;
    facet_settings settings;
    facet_error err = { FACET_OK, "" };
    facet_status st = facet_model_load(path, NULL, &model, &err);

    if (st == FACET_OK)
        st = facet_settings_read(model, &settings, &err);
    facet_model_free(model);
    if (st != FACET_OK) {
        complain_of(path, *err.msg ? err.msg : facet_status_str(st));
        return (int)exit_for_model(st);
    }
    if (settings.task != FACET_TASK_EMBEDDER) {
        complain("%s: the network is no embedder, whose template crops would "
                 "have; name one with --model, or a --template",
            path);
        return EXIT_BAD_MODEL;
    }
    p->template = settings.align;
    return EXIT_YES;
}

/* The template with its margin. */
static void widen(facet_align_template *t, int margin)
{
    t->width += 2 * margin;
    t->height += 2 * margin;
    for (int i = 0; i < FACET_LANDMARKS; i++) {
        t->points[i].x += (float)margin;
        t->points[i].y += (float)margin;
    }
}

static int choose_template(photos *p)
{
    const char *name = p->template_name ? p->template_name : "arcface-112";
    const facet_align_template *found = facet_template_find(name);

    if (!p->template_name) {
        char *path = network_seek(NETWORK_EMBEDDER, p->nets.embedder);

        if (path) {
            const int status = template_of_network(p, path);

            free(path);
            return status;
        }
    }
    if (found) {
        p->template = *found;
        return EXIT_YES;
    }
    complain("no template '%s'; there are:", name);
    for (size_t i = 0; i < facet_template_count(); i++)
        fprintf(stderr, "  %s\n", facet_template_at(i)->name);
    return EXIT_USAGE;
}

/* Those of a list, which may be endless, are known when they are met. */
static void know_originals(const photos *p)
{
    size_t count;
    char *const *names = inputs_names(p->in, &count);

    for (size_t i = 0; (p->crops || p->draw) && i < count; i++)
        originals_add(p->originals, names[i]);
}

/* A pipeline for each thread; the networks are loaded once. */
static int open_pipelines(photos *p)
{
    int status;
    facet_error err = { FACET_OK, "" };

    p->pipelines = calloc((size_t)p->threads, sizeof *p->pipelines);
    if (!p->pipelines)
        return EXIT_NO_MEMORY;
    status = networks_open(&p->nets, p->verb->embeds, &p->pipelines[0]);
    for (int t = 1; t < p->threads && status == EXIT_YES; t++) {
        status = (int)exit_for_model(
            facet_pipeline_clone(p->pipelines[0], &p->pipelines[t], &err));
        if (status != EXIT_YES)
            complain("%s", err.msg);
    }
    return status;
}

static void close_all(photos *p)
{
    for (int t = p->threads - 1; p->pipelines && t >= 0; t--)
        facet_pipeline_close(p->pipelines[t]);
    free(p->pipelines);
    frontals_close(&p->frontals);
    claims_free(&p->claims);
    originals_free(p->originals);
    inputs_close(p->in);
}

static int run(photos *p)
{
    exit_number status;

    if (!output_begin(&p->out, p->format))
        return EXIT_IO;
    progress_start(&p->progress, p->quiet);
    status = work_run(p->in, p->threads, meet_photo, do_photo, take_photo, p);
    progress_end(&p->progress);
    if (!output_end(&p->out))
        return EXIT_IO;
    if (status != EXIT_YES)
        return (int)status;
    return p->status == EXIT_YES && inputs_failed(p->in) ? EXIT_IO
                                                         : (int)p->status;
}

int photos_run(const photo_verb *verb, int argc, char **argv)
{
    originals photos_of_run;
    photos p = { .verb = verb,
        .separator = '\n',
        .originals = &photos_of_run,
        .status = EXIT_YES };
    char name[32];
    int status;

    snprintf(name, sizeof name, "%s", verb->name);
    argv[0] = name;
    originals_init(&photos_of_run);
    networks_init(&p.nets);
    facet_image_opts_init(&p.limits);
    p.threads = threads_for_cores(MAX_THREADS);
    parse_arguments(&p, argc, argv);

    status = need_folder(p.draw);
    if (status == EXIT_YES)
        status = need_folder(p.crops);
    if (status == EXIT_YES && verb->aligns) {
        status = choose_template(&p);
        widen(&p.template, p.margin);
    }
    if (status == EXIT_YES) {
        p.in = inputs_open(p.names, p.n_names, p.list, p.separator);
        status = p.in ? EXIT_YES : EXIT_IO;
    }
    if (status == EXIT_YES)
        know_originals(&p);
    if (status == EXIT_YES && inputs_total(p.in) &&
        inputs_total(p.in) < (size_t)p.threads)
        p.threads = (int)inputs_total(p.in);
    if (status == EXIT_YES)
        status = open_pipelines(&p);
    if (status == EXIT_YES && p.frontal)
        status = frontals_open(
            &p.frontals, p.landmarks, p.nets.opts.precision, p.threads);
    if (status == EXIT_YES)
        status = run(&p);
    close_all(&p);
    return status;
}
