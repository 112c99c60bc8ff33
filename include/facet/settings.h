/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACET_SETTINGS_H
#define FACET_SETTINGS_H

/**
 * @file
 * What ONNX does not say about a face network: what it is for, how big and how
 * colored its input is, how the face lies in it. facet keeps this in the file
 * itself as `facet.*` entries of metadata_props (docs/formats/metadata.md).
 */

#include <stddef.h>

#include "facet/align.h"
#include "facet/model.h"
#include "facet/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a network is for. */
typedef enum facet_task {
    FACET_TASK_DETECTOR = 1,
    FACET_TASK_EMBEDDER = 2,
    FACET_TASK_LANDMARKS = 3,
} facet_task;

/** The order of a network's input channels. */
typedef enum facet_color {
    FACET_COLOR_RGB = 1,
    FACET_COLOR_BGR = 2,
} facet_color;

typedef struct facet_settings {
    size_t size; /**< set by facet_settings_init */
    facet_task task;
    facet_color color;
    /** The network is fed (v - mean[c]) * scale[c] for pixel values v of 0 to
     * 255; channel c in the order of `color`. */
    float mean[3], scale[3];
    /** Of the input in pixels; 0 where any size will do (detectors). */
    int width, height;
    facet_align_template
        align; /**< of embedders: how the face lies in the input */
    /** Cosine similarity from which on two faces count as one person; NaN when
     * it is not known. */
    float threshold;
    char license[64]; /**< of the weights, such as "Apache-2.0"; "" unknown */
    char source[160]; /**< where the weights come from; "" unknown */
} facet_settings;

/** An embedder of 112x112 RGB, mean 127.5, scale 1/127.5, "arcface-112". */
FACET_API void facet_settings_init(facet_settings *settings);

/** Number of presets. */
FACET_API size_t facet_settings_preset_count(void);

/** Name of the index-th preset, static memory; NULL out of range. */
FACET_API const char *facet_settings_preset_name(size_t index);

/**
 * The settings of a known kind of network: "arcface" ((v - 127.5) / 127.5),
 * "arcface-128" ((v - 127.5) / 128), "insightface" (the same as "arcface"),
 * "sface" (raw RGB), "mobilefacenet-foamliu", "adaface" (BGR), "facenet"
 * (160x160), "0095", "yunet", ...; facet_settings_preset_name lists them all.
 *
 * Errors: FACET_EINVAL (NULL), FACET_ENOTFOUND (the message lists the presets).
 */
FACET_API FACET_MUST_USE facet_status facet_settings_preset(
    const char *name, facet_settings *out, facet_error *err);

/**
 * The settings of a network: from its metadata, or, where it has none, from
 * the table of networks that facet knows by their digest.
 *
 * Errors: FACET_EINVAL (NULL), FACET_EMODEL (not a known network and no
 *         metadata: use facet_settings_preset and facet_model_import; an entry
 *         that cannot be read; an input that contradicts the entries).
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_settings_read(
    const facet_model *model, facet_settings *out, facet_error *err);

/**
 * Write a copy of an ONNX file that carries its settings. The copy computes
 * the same outputs and remains an ONNX file for everybody else. Entries that
 * do not begin with "facet." are kept.
 *
 * @param source_path  Any ONNX file that facet_model_load accepts.
 * @param settings     Checked against the network's inputs and outputs.
 * @param path         Written whole or not at all; replaced if it exists. Must
 *                     not be the source.
 *
 * Errors: those of facet_model_load; FACET_EINVAL (NULL, settings out of
 *         range), FACET_EMODEL (settings that do not fit the network),
 *         FACET_EIO.
 * Thread safety: may be called at any time.
 */
FACET_API FACET_MUST_USE facet_status facet_model_import(
    const char *source_path, const facet_settings *settings, const char *path,
    facet_error *err);

#ifdef __cplusplus
}
#endif

#endif
