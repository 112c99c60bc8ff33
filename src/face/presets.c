/* SPDX-License-Identifier: Apache-2.0 */
/* presets.c - how the known kinds of face network want to be fed.
 *
 * A preset is a recipe that many networks share and is asked for by name; a
 * known network is one set of weights, recognised by its digest, so that files
 * from elsewhere run without an import. */
#include "facet/settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "face/presets.h"

#define ALL(x)                                                                 \
    {                                                                          \
        (x), (x), (x)                                                          \
    }
#define RAW ALL(0.0F), ALL(1.0F)

/* mean and scale in the order of the color; the template is brought to the
 * size. */
static const struct preset {
    const char *name;
    facet_task task;
    facet_color color;
    float mean[3], scale[3];
    int width, height; /* 0: any */
    const char *align;
} presets[] = {
    { "arcface", FACET_TASK_EMBEDDER, FACET_COLOR_RGB, ALL(127.5F),
        ALL(1 / 127.5F), 112, 112, "arcface-112" },
    { "arcface-128", FACET_TASK_EMBEDDER, FACET_COLOR_RGB, ALL(127.5F),
        ALL(1 / 128.0F), 112, 112, "arcface-112" },
    { "insightface", FACET_TASK_EMBEDDER, FACET_COLOR_RGB, ALL(127.5F),
        ALL(1 / 127.5F), 112, 112, "arcface-112" },
    { "adaface", FACET_TASK_EMBEDDER, FACET_COLOR_BGR, ALL(127.5F),
        ALL(1 / 127.5F), 112, 112, "arcface-112" },
    { "sface", FACET_TASK_EMBEDDER, FACET_COLOR_RGB, RAW, 112, 112,
        "arcface-112" },
    { "cosface", FACET_TASK_EMBEDDER, FACET_COLOR_RGB, ALL(127.5F),
        ALL(1 / 128.0F), 96, 112, "arcface-96x112" },
    { "facenet", FACET_TASK_EMBEDDER, FACET_COLOR_RGB, ALL(127.5F),
        ALL(1 / 128.0F), 160, 160, "arcface-112" },
    { "mobilefacenet-foamliu", FACET_TASK_EMBEDDER, FACET_COLOR_RGB,
        { 255 * 0.485F, 255 * 0.456F, 255 * 0.406F },
        { 1 / (255 * 0.229F), 1 / (255 * 0.224F), 1 / (255 * 0.225F) }, 112,
        112, "arcface-112" },
    { "0095", FACET_TASK_EMBEDDER, FACET_COLOR_BGR, RAW, 128, 128, "0095-128" },
    { "yunet", FACET_TASK_DETECTOR, FACET_COLOR_BGR, RAW, 0, 0, NULL },
    { "landmarks0009", FACET_TASK_LANDMARKS, FACET_COLOR_BGR, RAW, 48, 48,
        NULL },
};

enum { N_PRESETS = sizeof presets / sizeof presets[0] };

void facet_settings_init(facet_settings *settings)
{
    if (!settings)
        return;
    *settings = (facet_settings){
        .size = sizeof *settings,
        .task = FACET_TASK_EMBEDDER,
        .color = FACET_COLOR_RGB,
        .mean = ALL(127.5F),
        .scale = ALL(1 / 127.5F),
        .width = 112,
        .height = 112,
        .threshold = NAN,
    };
    settings->align = *facet_template_find("arcface-112");
}

size_t facet_settings_preset_count(void)
{
    return N_PRESETS;
}

const char *facet_settings_preset_name(size_t index)
{
    return index < N_PRESETS ? presets[index].name : NULL;
}

static const struct preset *find_preset(const char *name)
{
    for (size_t i = 0; i < N_PRESETS; i++)
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i];
    return NULL;
}

static facet_status fail_unknown(const char *name, facet_error *err)
{
    char names[160] = "";

    for (size_t i = 0; i < N_PRESETS; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s",
            i ? ", " : "", presets[i].name);
    return facet__fail(
        err, FACET_ENOTFOUND, "no preset \"%.40s\"; there are %s", name, names);
}

facet_status facet_settings_preset(
    const char *name, facet_settings *out, facet_error *err)
{
    const struct preset *preset;
    facet_settings made;

    if (!name || !out)
        return facet__fail(err, FACET_EINVAL, "preset: no name or no place");
    preset = find_preset(name);
    if (!preset)
        return fail_unknown(name, err);
    facet_settings_init(&made);
    made.task = preset->task;
    made.color = preset->color;
    memcpy(made.mean, preset->mean, sizeof made.mean);
    memcpy(made.scale, preset->scale, sizeof made.scale);
    made.width = preset->width;
    made.height = preset->height;
    made.align = (facet_align_template){ 0 };
    if (preset->align) {
        const facet_status st =
            facet_template_resize(facet_template_find(preset->align),
                preset->width, preset->height, &made.align);

        if (st != FACET_OK)
            return facet__fail(err, st, "preset \"%s\": template", name);
    }
    *out = made;
    return FACET_OK;
}

/* The public networks that files without metadata are most often, by
 * facet__model_digest. Thresholds were measured on LFW at a false match rate of
 * 1e-3. */
static const struct {
    const char *digest; /* hexadecimal */
    const char *preset;
    float threshold;
    const char *license, *source;
} known[] = {
    { "118b6884624ec552271da0ebfdd4594c7d0ff512df0741507f4679d43b6a3b69",
        "0095", 0.309F, "Apache-2.0",
        "OpenVINO Open Model Zoo, face-reidentification-retail-0095" },
    { "dcb927adb3a8bcd306a6c2c7e36d64836f17e04ab8a6eba84f9b0ede12e564d0",
        "mobilefacenet-foamliu", NAN, "Apache-2.0",
        "github.com/foamliu/MobileFaceNet" },
    { "8895f175c1b393cac527e5f51af469a274d7d0144bf686d28d9beb329516af47",
        "yunet", NAN, "MIT", "OpenCV Zoo, face_detection_yunet_2026may" },
    { "129df1fdd62cbd3a18aa4715a2f82c20c521bbf57088c4e211321d609340522f",
        "landmarks0009", NAN, "Apache-2.0",
        "OpenVINO Open Model Zoo, landmarks-regression-retail-0009" },
};

facet_status facet__settings_known(
    const uint8_t digest[32], facet_settings *out, facet_error *err)
{
    char text[65];
    facet_status st;

    for (int i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].digest, text) != 0)
            continue;
        st = facet_settings_preset(known[i].preset, out, err);
        if (st != FACET_OK)
            return st;
        out->threshold = known[i].threshold;
        snprintf(out->license, sizeof out->license, "%s", known[i].license);
        snprintf(out->source, sizeof out->source, "%s", known[i].source);
        return FACET_OK;
    }
    return facet__fail(err, FACET_EMODEL,
        "the file does not say how to feed the network and it is not a known "
        "one: write its settings with \"facet model import\"");
}
