/* SPDX-License-Identifier: Apache-2.0 */
#include "zoo/zoo.h"

#include <string.h>

#include "base/error.h"

static const facet__zoo_row rows[] = {
    { "deepface", "DeepFace, locally connected, 152x152 to 4096",
        facet__deepface },
    { "facenet-nn1", "FaceNet NN1 (Zeiler and Fergus), 220x220 to 128",
        facet__facenet_nn1 },
    { "facenet-nn2", "FaceNet NN2 (Inception), 224x224 to 128",
        facet__facenet_nn2 },
    { "facenet-nn3", "FaceNet NN3: NN2 on 160x160", facet__facenet_nn3 },
    { "facenet-nn4", "FaceNet NN4: NN2 on 96x96, without late 5x5",
        facet__facenet_nn4 },
    { "facenet-nns1", "FaceNet's mini Inception, rebuilt, 165x165 to 128",
        facet__facenet_nns1 },
    { "facenet-nns2", "FaceNet's tiny Inception, rebuilt, 140x116 to 128",
        facet__facenet_nns2 },
    { "iresnet18", "ArcFace's residual network of 18 layers, 112x112 to 512",
        facet__iresnet18 },
    { "iresnet34", "ArcFace's residual network of 34 layers, 112x112 to 512",
        facet__iresnet34 },
    { "iresnet50", "ArcFace's residual network of 50 layers, 112x112 to 512",
        facet__iresnet50 },
    { "landmarks68", "68 points of a face: 96x96 to pixels of it",
        facet__landmarks68 },
    { "mobilefacenet", "MobileFaceNet with PReLU, 112x112 to 128",
        facet__mobilefacenet },
    { "mobilefacenet-tiny", "a quarter of MobileFaceNet, 112x112 to 128",
        facet__mobilefacenet_tiny },
    { "tpe-base", "the network under TPE, 227x227 to 512", facet__tpe_base },
    { "vgg-face-a", "VGG-Face A, 224x224 to 4096", facet__vgg_face_a },
    { "vgg-face-b", "VGG-Face B, 224x224 to 4096", facet__vgg_face_b },
    { "vgg-face-d", "VGG-Face D, 224x224 to 4096", facet__vgg_face_d },
    { "yunet", "YuNet, a face detector: any size to scores, boxes, points",
        facet__yunet },
};

const facet__zoo_row *facet__zoo_rows(size_t *count)
{
    *count = sizeof rows / sizeof rows[0];
    return rows;
}

facet_status facet__zoo_build(const char *name, uint64_t seed, int64_t dim,
    facet__graph **out, facet_error *err)
{
    return facet__zoo_build_as(
        name, &(facet__zoo_opts){ .seed = seed, .dim = dim }, out, err);
}

facet_status facet__zoo_build_as(const char *name, const facet__zoo_opts *opts,
    facet__graph **out, facet_error *err)
{
    *out = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        facet__builder b;

        if (strcmp(rows[i].name, name) != 0)
            continue;
        facet__build_begin(&b, name, opts->seed);
        b.dim = opts->dim;
        b.batch_norm = opts->batch_norm;
        b.blank = opts->blank;
        rows[i].build(&b);
        return facet__build_finish(&b, out, err);
    }
    return facet__fail(
        err, FACET_ENOTFOUND, "there is no network '%.100s'", name);
}
