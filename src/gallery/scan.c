/* SPDX-License-Identifier: Apache-2.0 */
/* scan.c - the codes, and the loops over them in plain C.
 *
 * The step of a row decides how many rows a query must look at twice: too
 * small a step cuts off the row's large coordinates, which hurts the 8-bit code
 * most; too large a one blurs the others, which hurts the 4-bit code. Of a few
 * multiples of the root mean square the best for both is taken; for a normal
 * distribution that is a little above Max's 0.335.
 *
 * The loops here are the specification of the kernels in scan_avx2.c and
 * scan_avx512.c. */
#include "gallery/scan.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"

/* What rounding may add to a bound: a few units of 2^-24 at scores near 1. */
static const float rounding = 2e-6F;

static int code_of(float x, float per_step)
{
    const float u = x * per_step + 128.0F;

    return u < 0.0F ? 0 : u > 255.0F ? 255 : (int)u;
}

/* How much the two codes of a row leave out. The 4-bit code counts more: what
 * it leaves in doubt is looked at by the ten thousand, what the 8-bit code does
 * by the hundred. */
static float loss_of(const float *row, size_t dim, float step)
{
    const float per_step = 16.0F / step;
    float high = 0.0F, full = 0.0F;

    for (size_t i = 0; i < dim; i++) {
        const int u = code_of(row[i], per_step);
        const float rest_high = row[i] - step * ((float)(u >> 4) - 7.5F);
        const float rest_full = row[i] - step * ((float)u - 127.5F) / 16.0F;

        high += rest_high * rest_high;
        full += rest_full * rest_full;
    }
    return sqrtf(high) + sqrtf(full) / 2.0F;
}

static float choose_step(const float *row, size_t dim)
{
    static const float multiples[] = { 0.335F, 0.355F, 0.38F, 0.43F, 0.5F,
        0.65F, 1.0F };
    float square = 0.0F, best = 1.0F, least = INFINITY;

    for (size_t i = 0; i < dim; i++)
        square += row[i] * row[i];
    if (!(square > 1e-30F))
        return 1.0F;
    for (size_t m = 0; m < sizeof multiples / sizeof multiples[0]; m++) {
        const float step = multiples[m] * sqrtf(square / (float)dim);
        const float loss = loss_of(row, dim, step);

        if (loss >= least)
            break;
        least = loss;
        best = step;
    }
    return best;
}

/* A float that is not below the root of `square`. */
static float root_above(double square)
{
    return (float)(sqrt(square) * (1.0 + 1e-6)) + 1e-7F;
}

void facet__code_row(const float *row, size_t dim, facet__row_code *out)
{
    const float step = choose_step(row, dim), per_step = 16.0F / step;
    const size_t octs = (dim + 7) / 8;
    double rest_high = 0.0, rest_full = 0.0;

    for (size_t o = 0; o < octs; o++) {
        memset(out->high + o * 64, 0, 4);
        memset(out->low + o * 4, 0, 4);
    }
    for (size_t i = 0; i < dim; i++) {
        const int u = code_of(row[i], per_step);
        const int shift = i & 4 ? 4 : 0;
        const double high = (double)step * ((u >> 4) - 7.5);
        const double full = (double)step * (u - 127.5) / 16.0;
        uint8_t *h = out->high + (i / 8) * 64 + (i & 3);
        uint8_t *l = out->low + (i / 8) * 4 + (i & 3);

        *h = (uint8_t)(*h | (u >> 4) << shift);
        *l = (uint8_t)(*l | (u & 15) << shift);
        rest_high += ((double)row[i] - high) * ((double)row[i] - high);
        rest_full += ((double)row[i] - full) * ((double)row[i] - full);
    }
    *out->step = step;
    *out->error_high = root_above(rest_high);
    *out->error_full = root_above(rest_full);
}

void facet__code_query(
    const float *query, size_t dim, int limit, int8_t *code, facet__probe *out)
{
    const size_t octs = (dim + 7) / 8;
    float largest = 1e-30F, scale, error;
    double rest = 0.0;
    int32_t sum = 0;

    for (size_t i = 0; i < dim; i++)
        largest = fmaxf(largest, fabsf(query[i]));
    scale = largest / (float)limit;
    memset(code, 0, 8 * octs);
    for (size_t i = 0; i < dim; i++) {
        const float k = rintf(query[i] / scale);
        const double left = (double)query[i] - (double)scale * (double)k;

        code[(i & 4 ? octs * 4 : 0) + (i / 8) * 4 + (i & 3)] = (int8_t)k;
        sum += (int32_t)k;
        rest += left * left;
    }
    error = root_above(rest);
    *out = (facet__probe){ .code = code,
        .offset_high = 15 * sum,
        .offset_full = 255 * sum,
        .scale_high = scale / 2.0F,
        .scale_full = scale / 32.0F,
        .slope = 1.0F + error + rounding,
        .slack = error * (1.0F + rounding) + rounding,
        .threshold = -INFINITY };
}

static void high_baseline(const facet__codes *codes, size_t first_group,
    const facet__probe *probe, int32_t *dots, uint16_t *masks)
{
    const size_t octs = codes->octs;

    for (size_t g = 0; g < FACET__PIECE; g++) {
        const uint8_t *group = codes->high + (first_group + g) * octs * 64;
        int32_t *dot = dots + g * FACET__GROUP;
        uint16_t mask = 0;

        memset(dot, 0, FACET__GROUP * sizeof *dot);
        for (size_t b = 0; b < octs * 64; b++) {
            const size_t at = b / 64 * 4 + (b & 3);

            dot[b / 4 % 16] += (group[b] & 15) * probe->code[at] +
                               (group[b] >> 4) * probe->code[octs * 4 + at];
        }
        for (size_t r = 0; r < FACET__GROUP; r++) {
            const size_t row = (first_group + g) * FACET__GROUP + r;
            const float bound = (float)(2 * dot[r] - probe->offset_high) *
                                    probe->scale_high * codes->step[row] +
                                codes->error_high[row] * probe->slope +
                                probe->slack;

            mask = (uint16_t)(mask | (bound >= probe->threshold) << r);
        }
        masks[g] = mask;
    }
}

static int32_t low_baseline(const uint8_t *row, const int8_t *code, size_t octs)
{
    int32_t dot = 0;

    for (size_t b = 0; b < octs * 4; b++)
        dot += (row[b] & 15) * code[b] + (row[b] >> 4) * code[octs * 4 + b];
    return dot;
}

static void unpack_baseline(
    const facet__codes *codes, size_t first_group, uint8_t *full)
{
    const size_t octs = codes->octs;

    for (size_t g = 0; g < FACET__FULL_GROUPS; g++) {
        const uint8_t *high = codes->high + (first_group + g) * octs * 64;
        const uint8_t *low =
            codes->low + (first_group + g) * FACET__GROUP * octs * 4;
        uint8_t *out = full + g * octs * 128;

        for (size_t b = 0; b < octs * 64; b++) {
            const uint8_t h = high[b];
            const uint8_t l = low[b / 4 % 16 * octs * 4 + b / 64 * 4 + (b & 3)];
            uint8_t *to = out + b / 64 * 128 + b % 64;

            to[0] = (uint8_t)(h << 4 | (l & 15));
            to[64] = (uint8_t)((h & 0xf0) | l >> 4);
        }
    }
}

static uint16_t full_group(const uint8_t *group, size_t octs, const float *step,
    const float *error, const facet__probe *probe)
{
    int32_t dot[FACET__GROUP] = { 0 };
    uint16_t mask = 0;

    for (size_t b = 0; b < octs * 128; b++) {
        const size_t half = b / 64 % 2;

        dot[b / 4 % 16] +=
            group[b] * probe->code[half * octs * 4 + b / 128 * 4 + (b & 3)];
    }
    for (size_t r = 0; r < FACET__GROUP; r++) {
        const float bound = (float)(2 * dot[r] - probe->offset_full) *
                                probe->scale_full * step[r] +
                            error[r] * probe->slope + probe->slack;

        mask = (uint16_t)(mask | (bound >= probe->threshold) << r);
    }
    return mask;
}

static void full_baseline(const uint8_t *full, size_t octs, const float *step,
    const float *error, const facet__probe *const *probes, uint16_t *masks)
{
    for (size_t q = 0; q < FACET__TILE; q++)
        for (size_t g = 0; g < FACET__FULL_GROUPS; g++)
            masks[q * FACET__FULL_GROUPS + g] =
                full_group(full + g * octs * 128, octs, step + g * FACET__GROUP,
                    error + g * FACET__GROUP, probes[q]);
}

static float dot_baseline(const float *a, const float *b, size_t dim)
{
    double partial[16] = { 0 };
    size_t i = 0;

    for (; i + 16 <= dim; i += 16)
        for (size_t j = 0; j < 16; j++)
            partial[j] += (double)a[i + j] * (double)b[i + j];
    for (size_t j = 0; i + j < dim; j++)
        partial[j] += (double)a[i + j] * (double)b[i + j];
    return facet__sum16(partial);
}

const facet__scan_kernels facet__scan_baseline = {
    .query_limit = 127,
    .high = high_baseline,
    .low = low_baseline,
    .unpack = unpack_baseline,
    .full = full_baseline,
    .dot = dot_baseline,
};

const facet__scan_kernels *facet__scan_kernels_get(void)
{
#if defined(__x86_64__)
    const facet__cpu_level level = facet__cpu_level_get();

    if (level >= FACET__CPU_AVX512)
        return &facet__scan_avx512;
    if (level >= FACET__CPU_AVX2)
        return &facet__scan_avx2;
#endif
    return &facet__scan_baseline;
}
