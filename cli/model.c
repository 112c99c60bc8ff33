/* SPDX-License-Identifier: Apache-2.0 */
/* model.c - facet model info: what a network is; facet model import: make a
 * foreign one say how it wants to be fed; facet model quantize is quantize.c,
 * facet model set is model_set.c. */
#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exits.h"
#include "facet/calibration.h"
#include "facet/golden.h"
#include "facet/settings.h"
#include "model_set.h"
#include "networks.h"
#include "numbers.h"
#include "output.h"
#include "quantize.h"
#include "verbs.h"

static int tell(const char *path, facet_status st, const facet_error *err)
{
    const char *message = *err->msg ? err->msg : facet_status_str(st);

    if (strstr(message, path))
        complain("%s", message);
    else
        complain("%s: %s", path, message);
    return (int)exit_for_model(st);
}

/* ---- info ---- */

static const char *task_name(facet_task task)
{
    switch (task) {
    case FACET_TASK_DETECTOR:
        return "detector";
    case FACET_TASK_EMBEDDER:
        return "embedder";
    case FACET_TASK_LANDMARKS:
        return "landmarks";
    }
    return "unknown";
}

static json_t *tensor_json(const facet_tensor_info *info)
{
    json_t *tensor = json_object();
    json_t *dims = json_array();

    for (int i = 0; i < info->n_dims; i++)
        json_array_append_new(dims,
            info->dims[i] < 0 ? json_null() : json_integer(info->dims[i]));
    json_object_set_new(tensor, "name", json_path(info->name));
    json_object_set_new(tensor, "dims", dims);
    return tensor;
}

static json_t *tensors_json(const facet_model *model, size_t count,
    facet_status (*get)(const facet_model *, size_t, facet_tensor_info *))
{
    json_t *all = json_array();
    facet_tensor_info info;

    for (size_t i = 0; i < count; i++)
        if (get(model, i, &info) == FACET_OK)
            json_array_append_new(all, tensor_json(&info));
    return all;
}

static json_t *metadata_json(const facet_model *model)
{
    json_t *all = json_object();

    for (size_t i = 0; i < facet_model_metadata_count(model); i++) {
        const char *key = facet_model_metadata_key(model, i);
        const ptrdiff_t length = facet_model_metadata(model, key, NULL, 0);
        char *text = length < 0 ? NULL : malloc((size_t)length + 1);

        if (!text)
            continue;
        (void)facet_model_metadata(model, key, text, (size_t)length + 1);
        json_object_set_new(all, key, json_path(text));
        free(text);
    }
    return all;
}

/* Thresholds of a calibration; NULL without one. */
static json_t *thresholds_json(const facet_model *model)
{
    const ptrdiff_t length =
        facet_model_metadata(model, FACET_CALIBRATION_KEY, NULL, 0);
    char *text = length > 0 ? malloc((size_t)length + 1) : NULL;
    facet_calibration *c = calloc(1, sizeof *c);
    json_t *all = NULL;

    if (text && c &&
        facet_model_metadata(
            model, FACET_CALIBRATION_KEY, text, (size_t)length + 1) == length &&
        facet_calibration_parse(text, c, NULL) == FACET_OK) {
        all = json_object();
        for (size_t i = 0; i < c->n_rates; i++) {
            const facet_calibration_rate *r = &c->rates[i];
            char fmr[32];

            snprintf(fmr, sizeof fmr, "%g", r->fmr);
            json_object_set_new(all, fmr,
                json_pack(
                    "[fff]", r->threshold, r->interval.low, r->interval.high));
        }
    }
    free(c);
    free(text);
    return all;
}

static json_t *numbers_json(const float *values, int count)
{
    json_t *all = json_array();

    for (int i = 0; i < count; i++)
        json_array_append_new(all, json_real((double)values[i]));
    return all;
}

static json_t *settings_json(const facet_settings *s)
{
    json_t *o = json_object();

    json_object_set_new(o, "task", json_string(task_name(s->task)));
    json_object_set_new(
        o, "color", json_string(s->color == FACET_COLOR_BGR ? "bgr" : "rgb"));
    json_object_set_new(o, "mean", numbers_json(s->mean, 3));
    json_object_set_new(o, "scale", numbers_json(s->scale, 3));
    json_object_set_new(o, "width", json_integer(s->width));
    json_object_set_new(o, "height", json_integer(s->height));
    if (s->task == FACET_TASK_EMBEDDER)
        json_object_set_new(o, "template", json_path(s->align.name));
    if (!isnan(s->threshold))
        json_object_set_new(
            o, "threshold", json_rounded((double)s->threshold, 6));
    if (*s->license)
        json_object_set_new(o, "license", json_path(s->license));
    if (*s->source)
        json_object_set_new(o, "source", json_path(s->source));
    return o;
}

static json_t *model_json(const char *path, const facet_model *model,
    const facet_settings *settings, const char *why_not)
{
    json_t *o = json_object();

    json_object_set_new(o, "model", json_path(path));
    json_object_set_new(o, "parameters",
        json_integer((json_int_t)facet_model_parameter_count(model)));
    json_object_set_new(o, "precision",
        json_string(precision_name(facet_model_precision(model))));
    json_object_set_new(o, "inputs",
        tensors_json(
            model, facet_model_input_count(model), facet_model_input_info));
    json_object_set_new(o, "outputs",
        tensors_json(
            model, facet_model_output_count(model), facet_model_output_info));
    json_object_set_new(
        o, "settings", settings ? settings_json(settings) : json_null());
    if (!settings)
        json_object_set_new(o, "settings_missing", json_path(why_not));
    json_object_set_new(o, "thresholds", thresholds_json(model));
    json_object_set_new(
        o, "golden", json_integer((json_int_t)facet_golden_count(model)));
    json_object_set_new(o, "metadata", metadata_json(model));
    return o;
}

/* "input [?, 3, ?, ?]" for each tensor of a list. */
static void print_tensors(const json_t *tensors)
{
    size_t i, k;
    json_t *tensor, *dim;

    json_array_foreach(tensors, i, tensor)
    {
        fputs("  ", stdout);
        print_plain(stdout, json_string_value(json_object_get(tensor, "name")));
        fputs(" [", stdout);
        json_array_foreach(json_object_get(tensor, "dims"), k, dim)
        {
            if (json_is_null(dim))
                printf(k ? ", ?" : "?");
            else
                printf(
                    k ? ", %lld" : "%lld", (long long)json_integer_value(dim));
        }
        puts("]");
    }
}

/* "128, 128, 128" for a list of numbers. */
static void print_numbers(const json_t *numbers)
{
    size_t i;
    json_t *number;

    json_array_foreach(numbers, i, number)
        printf(i ? ", %g" : "%g", json_number_value(number));
}

enum { LONGEST = 400 /* text that people want to see */ };

/* The object of --json for people, a member a line. */
static void print_members(json_t *object, const char *indent)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        fputs(indent, stdout);
        print_plain(stdout, key);
        putchar(':');
        if (json_is_object(value)) {
            puts("");
            print_members(value, "  ");
            continue;
        }
        if (json_is_object(json_array_get(value, 0))) {
            puts("");
            print_tensors(value);
            continue;
        }
        putchar(' ');
        if (json_is_string(value) && strlen(json_string_value(value)) > LONGEST)
            printf("(%zu characters)", strlen(json_string_value(value)));
        else if (json_is_string(value))
            print_plain(stdout, json_string_value(value));
        else if (json_is_array(value))
            print_numbers(value);
        else if (json_is_number(value))
            printf("%.10g", json_number_value(value));
        else
            fputs("unknown", stdout);
        putchar('\n');
    }
}

typedef struct info {
    const char *path;
    int json;
    facet_model_opts opts;
} info;

static error_t parse_info(int key, char *text, struct argp_state *state)
{
    info *in = state->input;
    int precision;

    switch (key) {
    case 'j':
        in->json = 1;
        break;
    case 'p':
        precision = precision_parse(text);
        if (precision < 0)
            argp_error(state, "no precision '%s'", text);
        in->opts.precision = (facet_precision)precision;
        break;
    case ARGP_KEY_ARG:
        if (in->path)
            argp_error(state, "more than one model");
        in->path = text;
        break;
    case ARGP_KEY_END:
        if (!in->path)
            argp_error(state, "no model given");
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static int model_info(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "json", 'j', NULL, 0, "answer in JSON", 0 },
        { "precision", 'p', "NAME", 0,
            "make it ready for auto (the default), fp32, bf16 or int8", 0 },
        { 0 },
    };
    const struct argp argp = {
        .options = options,
        .parser = parse_info,
        .args_doc = "MODEL.onnx",
        .doc = "Say what a network is: inputs, outputs, size, how it wants to "
               "be fed, license.",
    };
    info in = { NULL, 0, { 0 } };
    facet_model *model = NULL;
    facet_settings settings;
    facet_error err = { FACET_OK, "" };
    facet_status st;
    bool known;
    json_t *object;

    facet_model_opts_init(&in.opts);
    argp_parse(&argp, argc, argv, 0, NULL, &in);
    st = facet_model_load(in.path, &in.opts, &model, &err);
    if (st != FACET_OK)
        return tell(in.path, st, &err);
    known = facet_settings_read(model, &settings, &err) == FACET_OK;
    object = model_json(in.path, model, known ? &settings : NULL, err.msg);
    if (in.json) {
        json_line(object);
    } else {
        print_members(object, "");
        json_decref(object);
    }
    facet_model_free(model);
    return EXIT_YES;
}

/* ---- import ---- */

typedef struct import {
    const char *paths[2];
    int count;
    facet_settings settings;
    const char *template_text;
} import;

enum {
    KEY_COLOR = 0x300,
    KEY_MEAN,
    KEY_SCALE,
    KEY_SIZE,
    KEY_TEMPLATE,
    KEY_THRESHOLD,
    KEY_LICENSE,
    KEY_SOURCE,
};

/* One number for all channels, or three with commas between. */
static void parse_three(
    struct argp_state *state, const char *what, const char *text, float out[3])
{
    double v[3];
    char rest;
    const bool one = sscanf(text, "%lf%c", &v[0], &rest) == 1;

    if (!one && sscanf(text, "%lf,%lf,%lf%c", &v[0], &v[1], &v[2], &rest) != 3)
        argp_error(state, "%s wants one number or three, as 1,2,3, not '%s'",
            what, text);
    for (int i = 0; i < 3; i++)
        out[i] = (float)v[one ? 0 : i];
}

static void parse_preset(struct argp_state *state, import *in, const char *name)
{
    facet_error err = { FACET_OK, "" };

    if (facet_settings_preset(name, &in->settings, &err) != FACET_OK)
        argp_error(state, "%s", err.msg);
}

static void parse_size(struct argp_state *state, import *in, const char *text)
{
    char rest;

    if (sscanf(text, "%dx%d%c", &in->settings.width, &in->settings.height,
            &rest) != 2)
        argp_error(state, "--size wants WIDTHxHEIGHT, not '%s'", text);
}

static void parse_text(struct argp_state *state, const char *what,
    const char *text, char *out, size_t room)
{
    if (strlen(text) >= room)
        argp_error(state, "%s: at most %zu letters", what, room - 1);
    snprintf(out, room, "%s", text);
}

/* With all options known: the template in the size that was asked for. */
static void finish(struct argp_state *state, import *in)
{
    facet_settings *s = &in->settings;
    facet_error err = { FACET_OK, "" };
    const char *name = in->template_text ? in->template_text : s->align.name;

    if (in->count < 2)
        argp_error(state, "two file names are needed: from and to");
    if (s->task == FACET_TASK_EMBEDDER &&
        facet_template_parse(name, s->width, s->height, &s->align, &err) !=
            FACET_OK)
        argp_error(state, "%s", err.msg);
}

static error_t parse_import(int key, char *text, struct argp_state *state)
{
    import *in = state->input;
    facet_settings *s = &in->settings;

    switch (key) {
    case 'p':
        parse_preset(state, in, text);
        break;
    case KEY_COLOR:
        if (strcmp(text, "rgb") != 0 && strcmp(text, "bgr") != 0)
            argp_error(state, "--color wants rgb or bgr, not '%s'", text);
        s->color = *text == 'b' ? FACET_COLOR_BGR : FACET_COLOR_RGB;
        break;
    case KEY_MEAN:
        parse_three(state, "--mean", text, s->mean);
        break;
    case KEY_SCALE:
        parse_three(state, "--scale", text, s->scale);
        break;
    case KEY_SIZE:
        parse_size(state, in, text);
        break;
    case KEY_TEMPLATE:
        in->template_text = text;
        break;
    case KEY_THRESHOLD:
        s->threshold = (float)number_option(state, "--threshold", text, -1, 1);
        break;
    case KEY_LICENSE:
        parse_text(state, "--license", text, s->license, sizeof s->license);
        break;
    case KEY_SOURCE:
        parse_text(state, "--source", text, s->source, sizeof s->source);
        break;
    case ARGP_KEY_ARG:
        if (in->count == 2)
            argp_error(state, "more than two file names");
        in->paths[in->count++] = text;
        break;
    case ARGP_KEY_END:
        finish(state, in);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static int model_import(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "preset", 'p', "NAME", 0,
            "begin with the settings of a known kind; an unknown name lists "
            "them",
            0 },
        { "color", KEY_COLOR, "ORDER", 0, "rgb or bgr", 0 },
        { "mean", KEY_MEAN, "M[,M,M]", 0, "input = (pixel - mean) * scale", 0 },
        { "scale", KEY_SCALE, "S[,S,S]", 0, "see --mean", 0 },
        { "size", KEY_SIZE, "WxH", 0, "input in pixels", 0 },
        { "template", KEY_TEMPLATE, "NAME|X,Y...", 0,
            "how faces lie in the input: a name, or five points", 0 },
        { "threshold", KEY_THRESHOLD, "T", 0,
            "similarity from which on two faces are one person", 0 },
        { "license", KEY_LICENSE, "TEXT", 0, "of the weights", 0 },
        { "source", KEY_SOURCE, "TEXT", 0, "where the weights come from", 0 },
        { 0 },
    };
    const struct argp argp = {
        .options = options,
        .parser = parse_import,
        .args_doc = "FROM.onnx TO.onnx",
        .doc = "Write a copy of an ONNX network that says how it wants to be "
               "fed. The copy stays an ONNX file for everybody else.",
    };
import in = {.count = 0 };
    facet_error err = { FACET_OK, "" };
    facet_status st;
    int status;

    facet_settings_init(&in.settings);
    argp_parse(&argp, argc, argv, 0, NULL, &in);
    status = need_place(in.paths[1]);
    if (status != EXIT_YES)
        return status;
    st = facet_model_import(in.paths[0], &in.settings, in.paths[1], &err);
    return st == FACET_OK ? EXIT_YES : tell(in.paths[0], st, &err);
}

int verb_model(int argc, char **argv)
{
    static const struct {
        const char *name, *whole;
        int (*run)(int argc, char **argv);
    } parts[] = {
        { "info", "facet model info", model_info },
        { "import", "facet model import", model_import },
        { "quantize", "facet model quantize", model_quantize },
        { "set", "facet model set", model_set },
    };
    const char *part = argc > 1 ? argv[1] : "";
    char name[32];

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strcmp(part, parts[i].name)) {
            snprintf(name, sizeof name, "%s", parts[i].whole);
            argv[1] = name;
            return parts[i].run(argc - 1, argv + 1);
        }
    if (!strcmp(part, "--help")) {
        puts("Usage: facet model info MODEL.onnx\n"
             "  or:  facet model import [OPTION...] FROM.onnx TO.onnx\n"
             "  or:  facet model quantize [OPTION...] FROM.onnx TO.onnx\n"
             "  or:  facet model set [OPTION...] FROM.onnx TO.onnx "
             "[KEY=TEXT...]");
        return EXIT_YES;
    }
    complain(
        "model wants info, import, quantize or set; see facet model --help");
    return EXIT_USAGE;
}
