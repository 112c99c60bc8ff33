/* SPDX-License-Identifier: Apache-2.0 */
/* align.c - photos to aligned crops, one PNG a face. */
#include "photos.h"
#include "verbs.h"

int verb_align(int argc, char **argv)
{
    static const photo_verb verb = {
        .name = "facet align",
        .doc = "Cut the faces of photos out, turned and scaled as a network "
               "wants them, into PNG files. `facet embed --aligned` takes "
               "them.",
        .aligns = true,
    };

    return photos_run(&verb, argc, argv);
}
