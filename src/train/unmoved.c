/* SPDX-License-Identifier: Apache-2.0 */
#include "train/unmoved.h"

#include "base/alloc.h"
#include "base/error.h"

typedef struct cutting {
    const facet__unmoved *from;
    const uint32_t *pictures;
    float *x;
    facet_status *status;
    facet_error *errors;
} cutting;

size_t facet__unmoved_floats(const facet__unmoved *from)
{
    return 3 * (size_t)from->crop.width * (size_t)from->crop.height;
}

static facet_status cut(
    const facet__unmoved *from, uint32_t picture, float *x, facet_error *err)
{
    static const facet__jitter unmoved = { { 1, 0, 0, 0, 1, 0 } };
    uint8_t *rgb = facet__alloc(facet__unmoved_floats(from));
    uint8_t *bytes = NULL;
    size_t room = 0, size;
    facet_image *image = NULL;
    facet_status st = rgb ? facet__dataset_read(from->dataset, picture, &bytes,
                                &room, &size, err)
                          : facet__fail_memory(err);

    if (st == FACET_OK)
        st =
            facet__photos_read(from->photos, picture, bytes, size, &image, err);
    if (st == FACET_OK) {
        st = facet__crop_cut(&from->crop, &unmoved, from->frame, image, rgb);
        if (st != FACET_OK)
            facet__fail(err, st, "its crop: %s", facet_status_str(st));
    }
    if (st == FACET_OK)
        facet__crop_floats(&from->crop, rgb, x);
    facet_image_free(image);
    facet__free(bytes);
    facet__free(rgb);
    return st;
}

static void cut_one(void *context, size_t i, int thread)
{
    const cutting *c = context;

    (void)thread;
    c->status[i] = cut(c->from, c->pictures[i],
        c->x + i * facet__unmoved_floats(c->from), &c->errors[i]);
}

void facet__unmoved_crops(const facet__unmoved *from, const uint32_t *pictures,
    size_t n, float *x, facet_status *status, facet_error *errors)
{
    cutting c = { from, pictures, x, status, errors };

    facet__pool_run(from->pool, n, cut_one, &c);
}
