/* SPDX-License-Identifier: Apache-2.0 */
/* svm.c - support vector machines, linear and on a kernel.
 *
 * The linear one goes through the rows again and again and moves each row's
 * dual variable to where it is best with the others fixed (Hsieh et al., ICML
 * 2008), keeping w = sum of a_i y_i x_i up to date; its bias is the weight of
 * one more number, always 1. The other one moves two variables at a time, so
 * that their sum with signs stays 0 (Fan, Chen, Lin, JMLR 2005), and so allows
 * kernels that are positive on differences only. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "facet/metric.h"

enum { ROUNDS = 2000, STEPS_A_ROW = 10000 };

static const double LINEAR_VIOLATION = 1e-4, KERNEL_VIOLATION = 1e-4;

static bool is_usable(
    const float *x, size_t numbers, const uint8_t *labels, size_t count)
{
    bool any[2] = { false, false };

    for (size_t i = 0; i < numbers; i++)
        if (!isfinite(x[i]))
            return false;
    for (size_t i = 0; i < count; i++)
        any[labels[i] != 0] = true;
    return any[0] && any[1];
}

/* linear */

typedef struct linear {
    const float *x;
    const uint8_t *labels;
    size_t count, dim;
    double cost;
    double *w; /* [dim + 1], the bias last */
    double *a, *squares;
    uint32_t *order;
} linear;

static double dot(const linear *s, const float *x)
{
    double sum = s->w[s->dim];

    for (size_t k = 0; k < s->dim; k++)
        sum += s->w[k] * (double)x[k];
    return sum;
}

/* Row i's variable to its best; how far it was from there. */
static double move(linear *s, size_t i)
{
    const float *x = s->x + i * s->dim;
    const double y = s->labels[i] ? 1.0 : -1.0, old = s->a[i];
    const double slope = y * dot(s, x) - 1.0;
    double next = old - slope / s->squares[i], step;

    if ((old <= 0.0 && slope >= 0.0) || (old >= s->cost && slope <= 0.0))
        return 0.0;
    next = next < 0.0 ? 0.0 : next > s->cost ? s->cost : next;
    step = (next - old) * y;
    s->a[i] = next;
    for (size_t k = 0; k < s->dim; k++)
        s->w[k] += step * (double)x[k];
    s->w[s->dim] += step;
    return fabs(slope);
}

static void descend(linear *s)
{
    double worst = LINEAR_VIOLATION + 1.0;

    for (size_t i = 0; i < s->count; i++) {
        s->order[i] = (uint32_t)i;
        s->squares[i] = 1.0;
        for (size_t k = 0; k < s->dim; k++)
            s->squares[i] +=
                (double)s->x[i * s->dim + k] * (double)s->x[i * s->dim + k];
    }
    for (int round = 0; round < ROUNDS && worst > LINEAR_VIOLATION; round++) {
        facet__random random = facet__random_stream(1, (uint64_t)round, 0);

        worst = 0.0;
        facet__random_shuffle(&random, s->order, s->count);
        for (size_t i = 0; i < s->count; i++) {
            const double violation = move(s, s->order[i]);

            worst = violation > worst ? violation : worst;
        }
    }
}

facet_status facet_svm_fit(const float *x, const uint8_t *labels, size_t count,
    size_t dim, double cost, float *weights, double *bias)
{
    linear s = {
        .x = x, .labels = labels, .count = count, .dim = dim, .cost = cost
    };
    facet_status st = FACET_ENOMEM;

    if (!x || !labels || !weights || !bias || !(cost > 0.0) || dim == 0 ||
        count > UINT32_MAX || !is_usable(x, count * dim, labels, count))
        return FACET_EINVAL;
    s.w = facet__calloc(dim + 1, sizeof *s.w);
    s.a = facet__calloc(count, sizeof *s.a);
    s.squares = facet__calloc(count, sizeof *s.squares);
    s.order = facet__calloc(count, sizeof *s.order);
    if (s.w && s.a && s.squares && s.order) {
        descend(&s);
        for (size_t k = 0; k < dim; k++)
            weights[k] = (float)s.w[k];
        *bias = s.w[dim];
        st = FACET_OK;
    }
    facet__free(s.w);
    facet__free(s.a);
    facet__free(s.squares);
    facet__free(s.order);
    return st;
}

/* on a kernel */

typedef struct kernel_svm {
    const float *k;
    const uint8_t *labels;
    size_t n;
    double cost;
    double *a, *slope; /* slope of the dual: Q a - 1 */
} kernel_svm;

static double sign_of(const kernel_svm *s, size_t i)
{
    return s->labels[i] ? 1.0 : -1.0;
}

/* Could a_i y_i grow, or shrink? */
static bool can_grow(const kernel_svm *s, size_t i)
{
    return s->labels[i] ? s->a[i] < s->cost : s->a[i] > 0.0;
}

static bool can_shrink(const kernel_svm *s, size_t i)
{
    return s->labels[i] ? s->a[i] > 0.0 : s->a[i] < s->cost;
}

/* How much room there is between rows i and j: |x_i - x_j|^2 in the kernel's
 * space. */
static double distance(const kernel_svm *s, size_t i, size_t j)
{
    const double d = (double)s->k[i * s->n + i] + (double)s->k[j * s->n + j] -
                     2.0 * (double)s->k[i * s->n + j];

    return d > 1e-12 ? d : 1e-12;
}

/* The two to move: i whose growing helps most, j that gains most with it. False
 * when what they could gain is small. */
static bool pick(const kernel_svm *s, size_t *first, size_t *second)
{
    double top = -(double)INFINITY, bottom = (double)INFINITY, best = 0.0;

    for (size_t i = 0; i < s->n; i++) {
        const double v = -sign_of(s, i) * s->slope[i];

        if (can_grow(s, i) && v > top) {
            top = v;
            *first = i;
        }
    }
    for (size_t j = 0; j < s->n; j++) {
        const double v = -sign_of(s, j) * s->slope[j], gap = top - v;

        if (!can_shrink(s, j))
            continue;
        bottom = v < bottom ? v : bottom;
        if (gap > 0.0 && gap * gap / distance(s, *first, j) > best) {
            best = gap * gap / distance(s, *first, j);
            *second = j;
        }
    }
    return best > 0.0 && top - bottom > KERNEL_VIOLATION;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

/* a_i y_i grows by what a_j y_j shrinks. */
static void move_pair(kernel_svm *s, size_t i, size_t j)
{
    const double yi = sign_of(s, i), yj = sign_of(s, j);
    double t = (-yi * s->slope[i] + yj * s->slope[j]) / distance(s, i, j);

    t = least(t, yi > 0 ? s->cost - s->a[i] : s->a[i]);
    t = least(t, yj > 0 ? s->a[j] : s->cost - s->a[j]);
    s->a[i] += yi * t;
    s->a[j] -= yj * t;
    for (size_t q = 0; q < s->n; q++)
        s->slope[q] +=
            sign_of(s, q) * t *
            ((double)s->k[q * s->n + i] - (double)s->k[q * s->n + j]);
}

/* Between the limits that free variables, or all, leave. */
static double bias_of(const kernel_svm *s)
{
    double sum = 0.0, top = -(double)INFINITY, bottom = (double)INFINITY;
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++) {
        const double v = -sign_of(s, i) * s->slope[i];

        if (can_grow(s, i) && can_shrink(s, i)) {
            sum += v;
            n++;
        }
        if (can_grow(s, i))
            top = v > top ? v : top;
        if (can_shrink(s, i))
            bottom = v < bottom ? v : bottom;
    }
    return n ? sum / (double)n : (top + bottom) / 2.0;
}

facet_status facet_kernel_svm_fit(const float *kernel, const uint8_t *labels,
    size_t count, double cost, double *coefficients, double *bias)
{
    kernel_svm s = { .k = kernel, .labels = labels, .n = count, .cost = cost };
    facet_status st = FACET_ENOMEM;
    size_t i = 0, j = 0;

    if (!kernel || !labels || !coefficients || !bias || !(cost > 0.0) ||
        count > UINT32_MAX || !is_usable(kernel, count * count, labels, count))
        return FACET_EINVAL;
    s.a = facet__calloc(count, sizeof *s.a);
    s.slope = facet__calloc(count, sizeof *s.slope);
    if (s.a && s.slope) {
        for (size_t q = 0; q < count; q++)
            s.slope[q] = -1.0;
        for (size_t step = 0; step < STEPS_A_ROW * count; step++) {
            if (!pick(&s, &i, &j))
                break;
            move_pair(&s, i, j);
        }
        for (size_t q = 0; q < count; q++)
            coefficients[q] = s.a[q] * sign_of(&s, q);
        *bias = bias_of(&s);
        st = FACET_OK;
    }
    facet__free(s.a);
    facet__free(s.slope);
    return st;
}
