/* SPDX-License-Identifier: Apache-2.0 */
#include "zoo/zoo.h"

#include <string.h>

#include "base/error.h"

static const facet__zoo_row rows[] = {
    { "iresnet18", "ArcFace's residual network of 18 layers, 112x112 to 512",
        facet__iresnet18 },
    { "iresnet34", "ArcFace's residual network of 34 layers, 112x112 to 512",
        facet__iresnet34 },
    { "iresnet50", "ArcFace's residual network of 50 layers, 112x112 to 512",
        facet__iresnet50 },
    { "mobilefacenet", "MobileFaceNet with PReLU, 112x112 to 128",
        facet__mobilefacenet },
};

const facet__zoo_row *facet__zoo_rows(size_t *count)
{
    *count = sizeof rows / sizeof rows[0];
    return rows;
}

facet_status facet__zoo_build(const char *name, uint64_t seed, int64_t dim,
    facet__graph **out, facet_error *err)
{
    *out = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        facet__builder b;

        if (strcmp(rows[i].name, name) != 0)
            continue;
        facet__build_begin(&b, name, seed);
        b.dim = dim;
        rows[i].build(&b);
        return facet__build_finish(&b, out, err);
    }
    return facet__fail(
        err, FACET_ENOTFOUND, "there is no network '%.100s'", name);
}
