/* SPDX-License-Identifier: Apache-2.0 */
/* synth.c - faces of nobody: pictures of made-up people with their truth. */
#include <argp.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "exits.h"
#include "facet/synth.h"
#include "numbers.h"
#include "output.h"
#include "progress.h"
#include "verbs.h"

enum { MAX_THREADS = 256, MAX_IN_GROUP = 24, MANY = 1000000 };

/* What became of one. */
typedef struct picture {
    bool done;
    facet_status status;
    char *line; /* to be printed; NULL without memory */
} picture;

typedef struct synth {
    const char *out, *ending;
    size_t people, images, groups, per_group;
    uint64_t seed;
    int32_t width, height, group_width, group_height;
    int supersampling, quality, threads;
    bool quiet, flat;
    facet_synth_limits limits;

    facet_head *head;
    progress progress;
    pthread_mutex_t lock; /* of what follows */
    size_t next, printed, count;
    picture *pictures;  /* [count] */
    exit_number status; /* of the first picture that failed */
} synth;

/* ---- Options ---- */

enum {
    KEY_SEED = 0x300,
    KEY_SIZE,
    KEY_YAW,
    KEY_PITCH,
    KEY_ROLL,
    KEY_EXPRESSION,
    KEY_LIGHT,
    KEY_GROUPS,
    KEY_GROUP_SIZE,
    KEY_GROUP_OF,
    KEY_FLAT,
    KEY_FORMAT,
    KEY_QUALITY,
    KEY_SAMPLES,
};

static const struct argp_option options[] = {
    { "out", 'o', "DIR", 0, "where the pictures go (required)", 0 },
    { "people", 'n', "N", 0, "how many people; default 10", 0 },
    { "images", 'k', "K", 0, "pictures of each; default 4", 0 },
    { "groups", KEY_GROUPS, "N", 0, "pictures of several of them; default 0",
        0 },
    { "group-of", KEY_GROUP_OF, "N", 0, "how many in such a picture; default 6",
        0 },
    { "seed", 's', "S", 0, "other people, other pictures; default 1", 0 },
    { "size", KEY_SIZE, "WxH", 0, "of portraits; default 256x256", 0 },
    { "group-size", KEY_GROUP_SIZE, "WxH", 0,
        "of group pictures; default 1024x768", 0 },
    { "yaw", KEY_YAW, "DEGREES", 0,
        "turned by up to so much to either side; default 45", 0 },
    { "pitch", KEY_PITCH, "DEGREES", 0, "up and down; default 15", 0 },
    { "roll", KEY_ROLL, "DEGREES", 0, "tilted; default 15", 0 },
    { "expression", KEY_EXPRESSION, "E", 0,
        "0 neutral to 1 everything; default 1", 0 },
    { "light", KEY_LIGHT, "L", 0,
        "0 as in a studio to 1 from everywhere; default 1", 0 },
    { "flat", KEY_FLAT, NULL, 0,
        "no folders: DIR/person-N-K.jpg and DIR/group-K.jpg, for lists that "
        "know pictures by their names alone",
        0 },
    { "format", KEY_FORMAT, "NAME", 0, "jpg (the default), png, webp", 0 },
    { "quality", KEY_QUALITY, "Q", 0, "of jpg and webp; default 92", 0 },
    { "samples", KEY_SAMPLES, "N", 0,
        "N x N samples a pixel, 1 to 4; default 2", 0 },
    { "threads", 't', "N", 0, "pictures at a time; default: every core", 0 },
    { "quiet", 'q', NULL, 0, "no progress on the terminal", 0 },
    { 0 },
};

static void parse_size(const struct argp_state *state, const char *option,
    const char *text, int32_t *width, int32_t *height)
{
    char *end;
    const long w = strtol(text, &end, 10);
    const long h = *end == 'x' ? strtol(end + 1, &end, 10) : w;

    if (*end || w < 16 || h < 16 || w > 4096 || h > 4096)
        argp_error(state, "%s: '%s' is no size such as 256x256 (16 to 4096)",
            option, text);
    *width = (int32_t)w;
    *height = (int32_t)h;
}

static void parse_format(
    synth *s, const struct argp_state *state, const char *text)
{
    static const char *const names[] = { "jpg", "png", "webp" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(text, names[i]))
            s->ending = names[i];
    if (strcmp(text, s->ending) != 0)
        argp_error(state, "no format '%s'", text);
}

static error_t parse_look(int key, char *text, struct argp_state *state)
{
    synth *s = state->input;

    switch (key) {
    case KEY_YAW:
        s->limits.yaw = (float)number_option(state, "--yaw", text, 0, 90);
        break;
    case KEY_PITCH:
        s->limits.pitch = (float)number_option(state, "--pitch", text, 0, 60);
        break;
    case KEY_ROLL:
        s->limits.roll = (float)number_option(state, "--roll", text, 0, 180);
        break;
    case KEY_EXPRESSION:
        s->limits.expression =
            (float)number_option(state, "--expression", text, 0, 1);
        break;
    case KEY_LIGHT:
        s->limits.light = (float)number_option(state, "--light", text, 0, 1);
        break;
    case KEY_FLAT:
        s->flat = true;
        break;
    case KEY_FORMAT:
        parse_format(s, state, text);
        break;
    case KEY_QUALITY:
        s->quality = (int)whole_option(state, "--quality", text, 1, 100);
        break;
    case KEY_SAMPLES:
        s->supersampling = (int)whole_option(state, "--samples", text, 1, 4);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    synth *s = state->input;

    switch (key) {
    case 'o':
        s->out = text;
        break;
    case 'n':
        s->people = (size_t)whole_option(state, "--people", text, 1, MANY);
        break;
    case 'k':
        s->images = (size_t)whole_option(state, "--images", text, 0, MANY);
        break;
    case KEY_GROUPS:
        s->groups = (size_t)whole_option(state, "--groups", text, 0, MANY);
        break;
    case KEY_GROUP_OF:
        s->per_group =
            (size_t)whole_option(state, "--group-of", text, 1, MAX_IN_GROUP);
        break;
    case 's':
        s->seed = (uint64_t)whole_option(state, "--seed", text, 0, 1e15);
        break;
    case KEY_SIZE:
        parse_size(state, "--size", text, &s->width, &s->height);
        break;
    case KEY_GROUP_SIZE:
        parse_size(
            state, "--group-size", text, &s->group_width, &s->group_height);
        break;
    case 't':
        s->threads =
            (int)whole_option(state, "--threads", text, 1, MAX_THREADS);
        break;
    case 'q':
        s->quiet = true;
        break;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is not an option", text);
        break;
    case ARGP_KEY_END:
        if (!s->out)
            argp_error(state, "say with --out where the pictures go");
        break;
    default:
        return parse_look(key, text, state);
    }
    return 0;
}

/* ---- The truth as JSON ---- */

static json_t *json_numbers(const float *values, size_t count, int digits)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_rounded((double)values[i], digits));
    return array;
}

static json_t *json_truth(
    const facet_synth_truth *t, const facet_synth_pose *pose, size_t person)
{
    const float box[4] = { t->box.x, t->box.y, t->box.width, t->box.height };
    const float turn[3] = { pose->yaw, pose->pitch, pose->roll };
    const float look[4] = { pose->smile, pose->mouth_open, pose->eyes_closed,
        pose->brows_raised };
    json_t *object = json_object();

    json_object_set_new(object, "person", json_integer((json_int_t)person));
    json_object_set_new(object, "box", json_numbers(box, 4, 2));
    json_object_set_new(
        object, "landmarks", json_points(t->five, FACET_LANDMARKS));
    json_object_set_new(
        object, "landmarks68", json_points(t->points, FACET_HEAD_POINTS));
    json_object_set_new(object, "pose", json_numbers(turn, 3, 3));
    json_object_set_new(object, "expression", json_numbers(look, 4, 3));
    json_object_set_new(object, "visible", json_rounded((double)t->visible, 3));
    return object;
}

static char *line_of(const char *path, const facet_synth_scene *scene,
    const facet_synth_pose *poses, const facet_synth_truth *truths,
    const size_t *who, size_t count)
{
    json_t *object = json_object(), *faces = json_array();
    char *text;

    json_object_set_new(object, "image", json_path(path));
    json_object_set_new(object, "width", json_integer(scene->width));
    json_object_set_new(object, "height", json_integer(scene->height));
    for (size_t i = 0; i < count; i++)
        json_array_append_new(faces, json_truth(&truths[i], &poses[i], who[i]));
    json_object_set_new(object, "faces", faces);
    text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(object);
    return text;
}

static char *line_of_failure(
    const char *path, facet_status status, const facet_error *err)
{
    json_t *object = json_object();
    char *text;

    json_object_set_new(object, "image", json_path(path));
    json_object_set_new(object, "error", json_failure(status, err->msg));
    text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

/* ---- One picture ---- */

/* Somebody's number is part of the folder's name, or where there are none of
 * the file's; groups have their own. */
static void folder_of(const synth *s, size_t index, char *path, size_t size)
{
    if (s->flat)
        snprintf(path, size, "%s", s->out);
    else if (index < s->people * s->images)
        snprintf(path, size, "%s/person-%04zu", s->out, index / s->images);
    else
        snprintf(path, size, "%s/groups", s->out);
}

static void path_of(const synth *s, size_t index, char *path, size_t size)
{
    char folder[4096], who[32] = "";
    const size_t portraits = s->people * s->images;
    const bool group = index >= portraits;

    folder_of(s, index, folder, sizeof folder);
    if (s->flat && group)
        snprintf(who, sizeof who, "group-");
    else if (s->flat)
        snprintf(who, sizeof who, "person-%04zu-", index / s->images);
    snprintf(path, size, "%s/%s%04zu.%s", folder, who,
        group ? index - portraits : index % s->images, s->ending);
}

/* Whom the index-th picture shows. In groups the people take turns, in an
 * order that differs from picture to picture. */
static size_t choose(const synth *s, size_t index, size_t who[MAX_IN_GROUP])
{
    const size_t portraits = s->people * s->images;
    const size_t group = index - portraits;
    const size_t count = s->per_group < s->people ? s->per_group : s->people;

    if (index < portraits) {
        who[0] = index / s->images;
        return 1;
    }
    for (size_t i = 0; i < count; i++)
        who[i] = (group * count + i * (1 + group % 2)) % s->people;
    for (size_t i = 0; i < count; i++) /* nobody twice */
        for (size_t j = 0; j < i; j++)
            if (who[j] == who[i]) {
                who[i] = (who[i] + 1) % s->people;
                j = (size_t)-1;
            }
    return count;
}

static picture take(const synth *s, size_t index)
{
    facet_synth_person people[MAX_IN_GROUP];
    facet_synth_pose poses[MAX_IN_GROUP];
    facet_synth_truth truths[MAX_IN_GROUP];
    size_t who[MAX_IN_GROUP];
    const size_t portraits = s->people * s->images;
    const size_t count = choose(s, index, who);
    facet_synth_scene scene;
    facet_image *image = NULL;
    facet_error err = { FACET_OK, "" };
    picture made = { .done = true };
    char path[4200];

    for (size_t i = 0; i < count; i++)
        facet_synth_person_random(&people[i], s->seed, who[i]);
    if (index < portraits) {
        facet_synth_scene_init(&scene, s->width, s->height);
        facet_synth_portrait_random(
            poses, &scene, &s->limits, s->seed, who[0], index % s->images);
    } else {
        facet_synth_scene_init(&scene, s->group_width, s->group_height);
        facet_synth_group_random(
            poses, count, &scene, &s->limits, s->seed, index - portraits);
    }
    scene.supersampling = s->supersampling;
    path_of(s, index, path, sizeof path);
    made.status = facet_synth_render(
        s->head, people, poses, count, &scene, &image, truths, &err);
    if (made.status == FACET_OK)
        made.status = facet_image_write(image, path, s->quality, &err);
    made.line = made.status == FACET_OK
                    ? line_of(path, &scene, poses, truths, who, count)
                    : line_of_failure(path, made.status, &err);
    facet_image_free(image);
    return made;
}

/* ---- All of them ---- */

static void print(synth *s, picture *made)
{
    if (made->line)
        puts(made->line);
    else
        made->status = FACET_ENOMEM;
    if (made->status != FACET_OK)
        note_status(&s->status,
            made->status == FACET_ENOMEM ? EXIT_NO_MEMORY : EXIT_IO);
    free(made->line);
    made->line = NULL;
    progress_step(&s->progress, s->count);
}

/* Print what is done up to the first picture that is not; the lock is held. */
static void print_done(synth *s)
{
    while (s->printed < s->count && s->pictures[s->printed].done)
        print(s, &s->pictures[s->printed++]);
}

static void *work(void *context)
{
    synth *s = context;

    pthread_mutex_lock(&s->lock);
    while (s->next < s->count) {
        const size_t index = s->next++;
        picture made;

        pthread_mutex_unlock(&s->lock);
        made = take(s, index);
        pthread_mutex_lock(&s->lock);
        s->pictures[index] = made;
        print_done(s);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void run_threads(synth *s)
{
    pthread_t threads[MAX_THREADS];
    int started = 0;

    while (started < s->threads - 1 &&
           pthread_create(&threads[started], NULL, work, s) == 0)
        started++;
    work(s);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}

static int make_folders(const synth *s)
{
    char path[4096];
    int status = need_folder(s->out);

    for (size_t i = 0; i < s->people && s->images && status == EXIT_YES; i++) {
        folder_of(s, i * s->images, path, sizeof path);
        status = need_folder(path);
    }
    folder_of(s, s->people * s->images, path, sizeof path);
    return status == EXIT_YES && s->groups ? need_folder(path) : status;
}

static int run(synth *s)
{
    facet_error err = { FACET_OK, "" };
    int status;

    if (strlen(s->out) > 3800) {
        complain("the name of the folder is too long");
        return EXIT_USAGE;
    }
    s->count = s->people * s->images + s->groups;
    s->pictures = calloc(s->count + 1, sizeof *s->pictures);
    if (!s->pictures || facet_head_create(&s->head, &err) != FACET_OK) {
        complain("not enough memory for %zu pictures", s->count);
        return EXIT_NO_MEMORY;
    }
    status = make_folders(s);
    if (status != EXIT_YES)
        return status;
    pthread_mutex_init(&s->lock, NULL);
    progress_start(&s->progress, s->quiet);
    run_threads(s);
    progress_end(&s->progress);
    pthread_mutex_destroy(&s->lock);
    if (s->status != EXIT_YES)
        complain("some pictures could not be made; the lines of those say why");
    return (int)s->status;
}

int verb_synth(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .doc = "Make pictures of people who do not exist: DIR/person-N/K.jpg, "
               "and with --groups DIR/groups/K.jpg. The truth is printed, one "
               "JSON object a picture and line.",
    };
    static char name[] = "facet synth";
    synth s = { .ending = "jpg",
        .people = 10,
        .images = 4,
        .per_group = 6,
        .seed = 1,
        .width = 256,
        .height = 256,
        .group_width = 1024,
        .group_height = 768,
        .supersampling = 2,
        .quality = 92 };
    int status;

    argv[0] = name;
    s.threads = threads_for_cores(MAX_THREADS);
    facet_synth_limits_init(&s.limits);
    argp_parse(&argp, argc, argv, 0, NULL, &s);
    status = run(&s);
    free(s.pictures);
    facet_head_free(s.head);
    return status;
}
