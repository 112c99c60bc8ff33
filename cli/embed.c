/* SPDX-License-Identifier: Apache-2.0 */
/* embed.c - photos to embeddings. */
#include "photos.h"
#include "verbs.h"

int verb_embed(int argc, char **argv)
{
    static const photo_verb verb = {
        .name = "facet embed",
        .doc = "Turn the faces of photos into embeddings: vectors of length 1 "
               "whose cosine says how alike two faces are.",
        .embeds = true,
    };

    return photos_run(&verb, argc, argv);
}
