/* SPDX-License-Identifier: Apache-2.0 */
/* contract.c - what an embedding hangs on, written down and hashed.
 *
 * The text has a line for the way of aligning (its version is raised when crops
 * change), for the detector whose points are used, for the template, the
 * preprocessing, the weights and the normalisation. Thresholds decide which
 * faces there are, not what an embedding is, and stay out; so does the
 * precision, in which embeddings agree to a cosine of 0.999. */
#include "face/contract.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/sha256.h"
#include "face/settings.h"
#include "nn/model.h"

#define ALIGNMENT "similarity-lsq bilinear-area 8-bit v1"

static void add(facet__sha256 *s, const char *key, const char *text)
{
    facet__sha256_add(s, key, strlen(key) + 1);
    facet__sha256_add(s, text, strlen(text) + 1);
}

static void add_digest(
    facet__sha256 *s, const char *key, const facet_model *model)
{
    static const unsigned char none[32];

    facet__sha256_add(s, key, strlen(key) + 1);
    facet__sha256_add(s, model ? facet__model_digest(model) : none, 32);
}

facet_contract facet__contract_of(const facet_model *detector,
    const facet_model *embedder, const facet_settings *settings)
{
    static const char *const counted[] = { "facet.input", "facet.color",
        "facet.mean", "facet.scale", "facet.template", "facet.normalize" };
    facet__entry entries[FACET__ENTRIES];
    facet__sha256 s;
    facet_contract contract;

    facet__settings_entries(settings, entries);
    facet__sha256_begin(&s);
    add(&s, "alignment", ALIGNMENT);
    add_digest(&s, "detector", detector);
    for (int i = 0; i < FACET__ENTRIES; i++)
        for (size_t k = 0; k < sizeof counted / sizeof counted[0]; k++)
            if (strcmp(entries[i].key, counted[k]) == 0)
                add(&s, entries[i].key, entries[i].text);
    add_digest(&s, "embedder", embedder);
    facet__sha256_end(&s, contract.id);
    return contract;
}

char *facet_contract_text(
    const facet_contract *contract, char text[FACET_CONTRACT_TEXT])
{
    for (int i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", contract ? contract->id[i] : 0);
    return text;
}
