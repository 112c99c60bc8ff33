/* SPDX-License-Identifier: Apache-2.0 */
#include "networks.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exits.h"
#include "numbers.h"

enum { PATH_ROOM = 4096 };

/* Under which names a network goes. */
static const struct {
    const char *what, *option, *variable;
    const char *file;      /* of the default network */
    const char *reference; /* of the one in ../shared/models */
} kinds[] = {
    [NETWORK_DETECTOR] = { "detector", "--detector", "FACET_DETECTOR",
        "detector.onnx", "yunet_2026may.onnx" },
    [NETWORK_EMBEDDER] = { "embedder", "--model", "FACET_MODEL",
        "embedder.onnx", "reid0095.onnx" },
    [NETWORK_LANDMARKS] = { "landmark network", "--landmarks",
        "FACET_LANDMARKS", "landmarks.onnx", "facemesh468.onnx" },
};

/* The folder that the command lies in, without a slash at the end. */
static bool own_folder(char folder[PATH_ROOM])
{
    const ssize_t length = readlink("/proc/self/exe", folder, PATH_ROOM - 1);
    char *slash;

    if (length <= 0)
        return false;
    folder[length] = '\0';
    slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    return slash != NULL;
}

/* `folder`/`below`/`file` if it can be read, to be freed. */
static char *readable(const char *folder, const char *below, const char *file)
{
    const size_t size = strlen(folder) + strlen(below) + strlen(file) + 3;
    char *path = malloc(size);

    if (!path)
        return NULL;
    snprintf(path, size, "%s/%s/%s", folder, below, file);
    if (access(path, R_OK) == 0)
        return path;
    free(path);
    return NULL;
}

/* Beside the command: FOLDER/../share/facet when it is installed; when it was
 * just built, the source folder is the one above. */
static char *find_beside(network_kind kind)
{
    char folder[PATH_ROOM], cache[PATH_ROOM + 32];
    char *path;

    if (!own_folder(folder))
        return NULL;
    path = readable(folder, "../share/facet", kinds[kind].file);
    snprintf(cache, sizeof cache, "%s/CMakeCache.txt", folder);
    if (path || access(cache, F_OK) != 0)
        return path;
    path = readable(folder, "../models", kinds[kind].file);
    if (!path)
        path = readable(folder, "../../shared/models", kinds[kind].reference);
    return path;
}

char *network_seek(network_kind kind, const char *given)
{
    const char *variable = getenv(kinds[kind].variable);

    if (given || (variable && *variable))
        return strdup(given ? given : variable);
    return find_beside(kind);
}

char *network_find(network_kind kind, const char *given)
{
    char *path = network_seek(kind, given);

    if (!path)
        complain("no %s: name an ONNX file with %s or in %s", kinds[kind].what,
            kinds[kind].option, kinds[kind].variable);
    return path;
}

static const char *const precisions[] = {
    [FACET_PRECISION_AUTO] = "auto",
    [FACET_PRECISION_FP32] = "fp32",
    [FACET_PRECISION_BF16] = "bf16",
    [FACET_PRECISION_INT8] = "int8",
};
static const char *const policies[] = {
    [FACET_POLICY_ALL] = "all",
    [FACET_POLICY_LARGEST] = "largest",
    [FACET_POLICY_CENTRAL] = "central",
    [FACET_POLICY_SINGLE] = "single",
};

/* The place of `text` in a list; -1 when it is not there. */
static int find_word(const char *const *words, int count, const char *text)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(words[i], text))
            return i;
    return -1;
}

int precision_parse(const char *text)
{
    return find_word(precisions, 4, text);
}

const char *precision_name(facet_precision precision)
{
    return precisions[precision];
}

enum {
    KEY_DETECTOR = 0x100,
    KEY_PRECISION,
    KEY_MIN_FACE,
    KEY_MAX_FACES,
    KEY_SCORE,
    KEY_POLICY,
    KEY_ALIGNED,
};

static const struct argp_option network_options[] = {
    { NULL, 0, NULL, 0, "Networks:", 1 },
    { "detector", KEY_DETECTOR, "FILE", 0,
        "ONNX file that finds faces; else $FACET_DETECTOR or the default", 1 },
    { "precision", KEY_PRECISION, "NAME", 0,
        "auto (the default), fp32, bf16 or int8", 1 },
    { 0 },
};

static const struct argp_option model_options[] = {
    { "model", 'm', "FILE", 0,
        "ONNX file that embeds faces; else $FACET_MODEL or the default", 1 },
    { 0 },
};

static const struct argp_option finding_options[] = {
    { NULL, 0, NULL, 0, "Faces:", 2 },
    { "min-face", KEY_MIN_FACE, "PIXELS", 0,
        "smallest face to report; 0, the default, suits the photo", 2 },
    { "max-faces", KEY_MAX_FACES, "N", 0, "only the N best of a photo", 2 },
    { "score", KEY_SCORE, "S", 0,
        "how sure to be that it is a face, 0.01 to 1; default 0.6", 2 },
    { "policy", KEY_POLICY, "NAME", 0,
        "which faces count: all, largest, central, single", 2 },
    { 0 },
};

static const struct argp_option face_options[] = {
    { "aligned", KEY_ALIGNED, NULL, 0,
        "the photos are crops that `facet align` made: to embed them", 2 },
    { 0 },
};

static error_t parse_network(int key, char *text, struct argp_state *state)
{
    networks *nets = state->input;
    int word;

    switch (key) {
    case KEY_DETECTOR:
        nets->detector = text;
        break;
    case 'm':
        nets->embedder = text;
        break;
    case KEY_PRECISION:
        word = precision_parse(text);
        if (word < 0)
            argp_error(state, "no precision '%s'", text);
        nets->opts.precision = (facet_precision)word;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static error_t parse_face(int key, char *text, struct argp_state *state)
{
    networks *nets = state->input;
    double number;
    int word;

    switch (key) {
    case KEY_MIN_FACE:
        number = number_option(state, "--min-face", text, 0, 1e5);
        nets->opts.min_face = (float)number;
        break;
    case KEY_MAX_FACES:
        number = whole_option(state, "--max-faces", text, 0, 1e6);
        nets->opts.max_faces = (size_t)number;
        break;
    case KEY_SCORE:
        number = number_option(state, "--score", text, 0.01, 1);
        nets->opts.score_threshold = (float)number;
        break;
    case KEY_POLICY:
        word = find_word(policies, 4, text);
        if (word < 0)
            argp_error(state, "no policy '%s'", text);
        nets->opts.policy = (facet_policy)word;
        break;
    case KEY_ALIGNED:
        nets->opts.aligned = true;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* Hand the networks on to the groups that one is made of. */
static error_t hand_on(
    const struct argp_child *children, int key, const struct argp_state *state)
{
    if (key != ARGP_KEY_INIT)
        return ARGP_ERR_UNKNOWN;
    for (int i = 0; children[i].argp; i++)
        state->child_inputs[i] = state->input;
    return 0;
}

static const struct argp detector_argp = { .options = network_options,
    .parser = parse_network };

const struct argp model_argp = { .options = model_options,
    .parser = parse_network };

static const struct argp_child of_networks[] = {
    { &detector_argp, 0, NULL, 0 },
    { &model_argp, 0, NULL, 0 },
    { NULL, 0, NULL, 0 },
};

static error_t parse_networks(int key, char *text, struct argp_state *state)
{
    (void)text;
    return hand_on(of_networks, key, state);
}

const struct argp networks_argp = { .parser = parse_networks,
    .children = of_networks };

static const struct argp_child of_finding[] = {
    { &detector_argp, 0, NULL, 0 },
    { NULL, 0, NULL, 0 },
};

static error_t parse_finding(int key, char *text, struct argp_state *state)
{
    return key == ARGP_KEY_INIT ? hand_on(of_finding, key, state)
                                : parse_face(key, text, state);
}

const struct argp finding_argp = {
    .options = finding_options, .parser = parse_finding, .children = of_finding
};

static const struct argp_child of_faces[] = {
    { &finding_argp, 0, NULL, 0 },
    { &model_argp, 0, NULL, 0 },
    { NULL, 0, NULL, 0 },
};

static error_t parse_faces(int key, char *text, struct argp_state *state)
{
    return key == ARGP_KEY_INIT ? hand_on(of_faces, key, state)
                                : parse_face(key, text, state);
}

const struct argp faces_argp = {
    .options = face_options, .parser = parse_faces, .children = of_faces
};

void networks_init(networks *nets)
{
    memset(nets, 0, sizeof *nets);
    facet_pipeline_opts_init(&nets->opts);
}

int networks_open(const networks *nets, int embed, facet_pipeline **out)
{
    facet_pipeline_opts opts = nets->opts;
    /* Aligned crops go without; where there is one, it is part of what the
     * embeddings hang on. */
    const bool goes_without = embed && opts.aligned;
    char *detector = goes_without
                         ? network_seek(NETWORK_DETECTOR, nets->detector)
                         : network_find(NETWORK_DETECTOR, nets->detector);
    char *embedder =
        embed ? network_find(NETWORK_EMBEDDER, nets->embedder) : NULL;
    int status = EXIT_BAD_MODEL;
    facet_error err = { FACET_OK, "" };

    *out = NULL;
    if ((detector || goes_without) && (embedder || !embed)) {
        opts.detector = detector;
        opts.embedder = embedder;
        status = (int)exit_for_model(facet_pipeline_open(&opts, out, &err));
        if (status != EXIT_YES)
            complain("%s", err.msg);
    }
    free(embedder);
    free(detector);
    return status;
}
