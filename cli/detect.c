/* SPDX-License-Identifier: Apache-2.0 */
/* detect.c - photos to boxes, scores and landmarks. */
#include "photos.h"
#include "verbs.h"

int verb_detect(int argc, char **argv)
{
    static const photo_verb verb = {
        .name = "facet detect",
        .doc = "Find the faces of photos: box, score and five landmarks of "
               "each, in pixels of the upright photo.",
    };

    return photos_run(&verb, argc, argv);
}
