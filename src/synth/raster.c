/* SPDX-License-Identifier: Apache-2.0 */
#include "synth/raster.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/alloc.h"

facet_status facet__raster_create(
    int32_t width, int32_t height, int with_triangles, facet__raster *out)
{
    const size_t samples = (size_t)width * (size_t)height;

    *out = (facet__raster){ .width = width, .height = height };
    out->depth = facet__alloc(samples * sizeof *out->depth);
    if (with_triangles)
        out->shown = facet__alloc(samples * sizeof *out->shown);
    if (out->depth && (out->shown || !with_triangles)) {
        facet__raster_clear(out);
        return FACET_OK;
    }
    facet__raster_free(out);
    return FACET_ENOMEM;
}

void facet__raster_free(facet__raster *raster)
{
    facet__free(raster->depth);
    facet__free(raster->shown);
    raster->depth = NULL;
    raster->shown = NULL;
}

void facet__raster_clear(facet__raster *raster)
{
    const size_t samples = (size_t)raster->width * (size_t)raster->height;

    for (size_t i = 0; i < samples; i++)
        raster->depth[i] = -INFINITY;
    for (size_t i = 0; raster->shown && i < samples; i++)
        raster->shown[i] = FACET__NO_TRIANGLE;
}

/* Twice the signed area. */
static float area(facet__vec3 a, facet__vec3 b, facet__vec3 c)
{
    return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

facet__vec3 facet__weights(
    facet__vec3 a, facet__vec3 b, facet__vec3 c, float x, float y)
{
    const facet__vec3 p = { x, y, 0 };
    const float scale = 1 / area(a, b, c);
    const float wb = area(a, p, c) * scale, wc = area(a, b, p) * scale;

    return (facet__vec3){ 1 - wb - wc, wb, wc };
}

static int32_t clamp_index(float x, int32_t limit)
{
    return x < 0 ? 0 : x > (float)limit ? limit : (int32_t)x;
}

static void draw_one(facet__raster *r, facet__vec3 a, facet__vec3 b,
    facet__vec3 c, uint32_t number)
{
    const float low_x = fminf(a.x, fminf(b.x, c.x));
    const float low_y = fminf(a.y, fminf(b.y, c.y));
    const float high_x = fmaxf(a.x, fmaxf(b.x, c.x));
    const float high_y = fmaxf(a.y, fmaxf(b.y, c.y));
    const float whole = area(a, b, c);
    float step_b_x, step_c_x, step_b_y, step_c_y, wb0, wc0;
    int32_t x0, x1, y0, y1;
    facet__vec3 start;

    if (!(fabsf(whole) > 1e-9F) || !isfinite(whole) || high_x < 0 ||
        high_y < 0 || !isfinite(a.z + b.z + c.z))
        return;
    x0 = clamp_index(ceilf(low_x), r->width);
    y0 = clamp_index(ceilf(low_y), r->height);
    x1 = clamp_index(floorf(high_x) + 1, r->width);
    y1 = clamp_index(floorf(high_y) + 1, r->height);
    step_b_x = (c.y - a.y) / whole;
    step_b_y = -(c.x - a.x) / whole;
    step_c_x = -(b.y - a.y) / whole;
    step_c_y = (b.x - a.x) / whole;
    start = facet__weights(a, b, c, (float)x0, (float)y0);
    wb0 = start.y;
    wc0 = start.z;
    for (int32_t y = y0; y < y1; y++, wb0 += step_b_y, wc0 += step_c_y) {
        const size_t row = (size_t)y * (size_t)r->width;
        float wb = wb0, wc = wc0;

        for (int32_t x = x0; x < x1; x++, wb += step_b_x, wc += step_c_x) {
            /* A hair wider than the triangle, so that neighbors leave no gap
             * however their edges are rounded. */
            if (wb < -1e-4F || wc < -1e-4F || wb + wc > 1 + 1e-4F)
                continue;
            const float z = a.z + wb * (b.z - a.z) + wc * (c.z - a.z);

            if (z <= r->depth[row + (size_t)x])
                continue;
            r->depth[row + (size_t)x] = z;
            if (r->shown)
                r->shown[row + (size_t)x] = number;
        }
    }
}

void facet__raster_draw(facet__raster *raster, const facet__vec3 *at,
    const uint32_t (*triangles)[3], uint32_t n_triangles, uint32_t first)
{
    for (uint32_t i = 0; i < n_triangles; i++)
        draw_one(raster, at[triangles[i][0]], at[triangles[i][1]],
            at[triangles[i][2]], first + i);
}
