/* SPDX-License-Identifier: Apache-2.0 */
/* settings.c - settings as facet.* entries of a network, and back. */
#include "face/settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "face/presets.h"
#include "nn/model.h"

static const char *const tasks[] = { [FACET_TASK_DETECTOR] = "detector",
    [FACET_TASK_EMBEDDER] = "embedder",
    [FACET_TASK_LANDMARKS] = "landmarks" };
static const char *const colors[] = {
    [FACET_COLOR_RGB] = "rgb", [FACET_COLOR_BGR] = "bgr"
};

enum { N_TASKS = sizeof tasks / sizeof tasks[0], MAX_SIDE = 4096 };

/* checks */

static bool is_cosine(float x)
{
    return x >= -1.0F && x <= 1.0F;
}

facet_status facet__settings_check(const facet_settings *s, facet_error *err)
{
    bool numbers = true;

    for (int c = 0; c < 3; c++)
        numbers = numbers && isfinite(s->mean[c]) && isfinite(s->scale[c]) &&
                  s->scale[c] != 0.0F;
    if (s->task < FACET_TASK_DETECTOR || s->task > FACET_TASK_LANDMARKS ||
        (s->color != FACET_COLOR_RGB && s->color != FACET_COLOR_BGR))
        return facet__fail(
            err, FACET_EINVAL, "settings: no such task or color");
    if (!numbers)
        return facet__fail(err, FACET_EINVAL,
            "settings: mean and scale must be finite, scale not 0");
    if (!isnan(s->threshold) && !is_cosine(s->threshold))
        return facet__fail(err, FACET_EINVAL,
            "settings: a threshold of %g, which no cosine reaches",
            (double)s->threshold);
    if (s->width < 0 || s->height < 0 || s->width > MAX_SIDE ||
        s->height > MAX_SIDE)
        return facet__fail(err, FACET_EINVAL,
            "settings: an input of %d x %d pixels", s->width, s->height);
    if (s->task == FACET_TASK_EMBEDDER &&
        (s->align.width != s->width || s->align.height != s->height ||
            s->width < 1 || s->height < 1))
        return facet__fail(err, FACET_EINVAL,
            "settings: the template is for %d x %d, the input for %d x %d",
            s->align.width, s->align.height, s->width, s->height);
    return FACET_OK;
}

facet_status facet__settings_fit(
    const facet_settings *s, const facet_tensor_info *info, facet_error *err)
{
    facet__input input;
    const facet_status st = facet__input_of(info, &input, err);

    if (st != FACET_OK)
        return st;
    if ((s->width && input.width > 0 && input.width != s->width) ||
        (s->height && input.height > 0 && input.height != s->height))
        return facet__fail(err, FACET_EMODEL,
            "the network takes %lld x %lld pixels, its settings say %d x %d",
            (long long)input.width, (long long)input.height, s->width,
            s->height);
    return FACET_OK;
}

/* writing */

static void put(facet__entry *e, const char *key, const char *text)
{
    e->key = key;
    snprintf(e->text, sizeof e->text, "%s", text);
}

static void put_three(facet__entry *e, const char *key, const float x[3])
{
    char a[FACET__NUMBER_TEXT], b[FACET__NUMBER_TEXT], c[FACET__NUMBER_TEXT];

    e->key = key;
    snprintf(e->text, sizeof e->text, "%s %s %s", facet__number_print(x[0], a),
        facet__number_print(x[1], b), facet__number_print(x[2], c));
}

/* A template by its name when the built-in one is the same, else its points. */
static void put_template(facet__entry *e, const facet_align_template *t)
{
    const facet_align_template *known = facet_template_find(t->name);
    facet_align_template sized;
    size_t used = 0;

    e->key = "facet.template";
    e->text[0] = '\0';
    if (t->width < 1)
        return;
    if (known &&
        facet_template_resize(known, t->width, t->height, &sized) == FACET_OK &&
        memcmp(sized.points, t->points, sizeof sized.points) == 0) {
        snprintf(e->text, sizeof e->text, "%s", t->name);
        return;
    }
    for (int i = 0; i < 2 * FACET_LANDMARKS; i++) {
        const facet_point p = t->points[i / 2];
        char number[FACET__NUMBER_TEXT];
        const int n = snprintf(e->text + used, sizeof e->text - used, "%s%s",
            i ? " " : "", facet__number_print(i % 2 ? p.y : p.x, number));

        used += n > 0 ? (size_t)n : 0;
    }
}

void facet__settings_entries(
    const facet_settings *s, facet__entry entries[FACET__ENTRIES])
{
    const bool embeds = s->task == FACET_TASK_EMBEDDER;
    char text[64];

    put(&entries[0], "facet.task", tasks[s->task]);
    snprintf(text, sizeof text, "%dx%d", s->width, s->height);
    put(&entries[1], "facet.input", s->width ? text : "");
    put(&entries[2], "facet.color", colors[s->color]);
    put_three(&entries[3], "facet.mean", s->mean);
    put_three(&entries[4], "facet.scale", s->scale);
    put_template(&entries[5], &s->align);
    put(&entries[6], "facet.normalize", embeds ? "l2" : "");
    put(&entries[7], "facet.metric", embeds ? "cosine" : "");
    text[0] = '\0';
    if (isfinite(s->threshold))
        facet__number_print(s->threshold, text);
    put(&entries[8], "facet.threshold", text);
    put(&entries[9], "facet.license", s->license);
    put(&entries[10], "facet.source", s->source);
}

/* reading */

typedef struct reading {
    facet__entry_source *source;
    const void *from;
    facet_error *err;
} reading;

static facet_status unreadable(
    const reading *r, const char *key, const char *text)
{
    return facet__fail(r->err, FACET_EMODEL,
        "metadata: %s \"%.60s\" cannot be read; write it anew with "
        "\"facet model set\" or \"facet model import\"",
        key, text);
}

/* The text of an entry; *there is false when there is none. */
static facet_status text_of(const reading *r, const char *key,
    char text[FACET__ENTRY_TEXT], bool *there)
{
    const ptrdiff_t length = r->source(r->from, key, text, FACET__ENTRY_TEXT);

    *there = length >= 0;
    return length < FACET__ENTRY_TEXT ? FACET_OK : unreadable(r, key, text);
}

/* A text that only people read; what is too long for its room is cut. */
static void read_note(const reading *r, const char *key, char *out, size_t room)
{
    char text[FACET__ENTRY_TEXT];

    if (r->source(r->from, key, text, sizeof text) >= 0)
        snprintf(out, room, "%.*s", (int)room - 1, text);
}

static facet_status read_word(const reading *r, const char *key,
    const char *const *words, int count, int *out)
{
    char text[FACET__ENTRY_TEXT];
    bool there;
    const facet_status st = text_of(r, key, text, &there);

    if (st != FACET_OK || !there)
        return st;
    for (int i = 1; i < count; i++)
        if (words[i] && strcmp(words[i], text) == 0) {
            *out = i;
            return FACET_OK;
        }
    return unreadable(r, key, text);
}

/* Three numbers, or one for all. */
static facet_status read_three(const reading *r, const char *key, float out[3])
{
    char text[FACET__ENTRY_TEXT];
    const char *at = text;
    int n = 0;
    bool there;
    const facet_status st = text_of(r, key, text, &there);

    if (st != FACET_OK || !there)
        return st;
    for (; n < 3 && facet__number_parse(at, &at, &out[n]); n++)
        at += *at == ',';
    if (n == 1)
        out[1] = out[2] = out[0];
    at += strspn(at, " ");
    return (n == 1 || n == 3) && *at == '\0' ? FACET_OK
                                             : unreadable(r, key, text);
}

static facet_status read_size(const reading *r, facet_settings *s)
{
    char text[FACET__ENTRY_TEXT];
    float width, height;
    const char *at;
    bool there;
    const facet_status st = text_of(r, "facet.input", text, &there);

    s->width = s->height = 0;
    if (st != FACET_OK || !there)
        return st;
    if (!facet__number_parse(text, &at, &width) || *at++ != 'x' ||
        !facet__number_parse(at, &at, &height) || *at != '\0' ||
        !(width >= 1 && width <= MAX_SIDE) ||
        !(height >= 1 && height <= MAX_SIDE) || width != floorf(width) ||
        height != floorf(height))
        return unreadable(r, "facet.input", text);
    s->width = (int)width;
    s->height = (int)height;
    return FACET_OK;
}

static facet_status read_template(const reading *r, facet_settings *s)
{
    char text[FACET__ENTRY_TEXT];
    facet_status st;
    bool there;

    memset(&s->align, 0, sizeof s->align);
    if (s->task != FACET_TASK_EMBEDDER)
        return FACET_OK;
    st = text_of(r, "facet.template", text, &there);
    if (st != FACET_OK)
        return st;
    if (!there)
        return facet__fail(r->err, FACET_EMODEL,
            "metadata: facet.template is missing; write it with "
            "\"facet model import\"");
    return facet_template_parse(text, s->width, s->height, &s->align, r->err);
}

static facet_status read_threshold(const reading *r, facet_settings *s)
{
    char text[FACET__ENTRY_TEXT];
    const char *at;
    bool there;
    const facet_status st = text_of(r, "facet.threshold", text, &there);

    s->threshold = NAN;
    if (st != FACET_OK || !there)
        return st;
    if (!facet__number_parse(text, &at, &s->threshold) || *at != '\0' ||
        !is_cosine(s->threshold))
        return unreadable(r, "facet.threshold", text);
    return FACET_OK;
}

/* What facet computes in one way only: a network that wants another one must
 * not get that. */
static facet_status read_fixed(const reading *r)
{
    static const char *const lengths[] = { [1] = "l2" };
    static const char *const metrics[] = { [1] = "cosine" };
    int word = 0;
    const facet_status st = read_word(r, "facet.normalize", lengths, 2, &word);

    return st == FACET_OK ? read_word(r, "facet.metric", metrics, 2, &word)
                          : st;
}

static facet_status read_rest(const reading *r, facet_settings *s)
{
    facet_status st = read_fixed(r);

    if (st == FACET_OK)
        st = read_threshold(r, s);
    read_note(r, "facet.license", s->license, sizeof s->license);
    read_note(r, "facet.source", s->source, sizeof s->source);
    return st;
}

facet_status facet__settings_parse(facet__entry_source *source,
    const void *from, facet_settings *out, facet_error *err)
{
    const reading r = { source, from, err };
    facet_settings s;
    int task = 0, color = FACET_COLOR_RGB;
    facet_status st;

    if (source(from, "facet.task", NULL, 0) < 0)
        return facet__fail(err, FACET_ENOTFOUND, "no facet.* metadata");
    facet_settings_init(&s);
    st = read_word(&r, "facet.task", tasks, N_TASKS, &task);
    if (st == FACET_OK)
        st = read_word(&r, "facet.color", colors, 3, &color);
    s.task = (facet_task)task;
    s.color = (facet_color)color;
    if (st == FACET_OK)
        st = read_three(&r, "facet.mean", s.mean);
    if (st == FACET_OK)
        st = read_three(&r, "facet.scale", s.scale);
    if (st == FACET_OK)
        st = read_size(&r, &s);
    if (st == FACET_OK)
        st = read_template(&r, &s);
    if (st == FACET_OK)
        st = read_rest(&r, &s);
    if (st == FACET_OK) {
        st = facet__settings_check(&s, err);
        st = st == FACET_EINVAL ? FACET_EMODEL : st;
    }
    if (st == FACET_OK)
        *out = s;
    return st;
}

static ptrdiff_t of_model(
    const void *from, const char *key, char *buf, size_t cap)
{
    return facet_model_metadata(from, key, buf, cap);
}

facet_status facet_settings_read(
    const facet_model *model, facet_settings *out, facet_error *err)
{
    facet_tensor_info info;
    facet_status st;

    if (!model || !out)
        return facet__fail(err, FACET_EINVAL, "an argument is NULL");
    st = facet__settings_parse(of_model, model, out, err);
    if (st == FACET_ENOTFOUND)
        st = facet__settings_known(facet__model_digest(model), out, err);
    if (st == FACET_OK && facet_model_input_info(model, 0, &info) != FACET_OK)
        st = facet__fail(err, FACET_EMODEL, "the network has no input");
    return st == FACET_OK ? facet__settings_fit(out, &info, err) : st;
}
