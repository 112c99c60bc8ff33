/* SPDX-License-Identifier: Apache-2.0 */
/* softmax.c - log-sum-exp with the largest logit taken out, so that nothing
 * overflows; sums in double. Rows are independent, which makes the result the
 * same for any number of threads. */
#include "train/softmax.h"

#include <math.h>

typedef struct job {
    float *logits;
    size_t n, classes;
    const int32_t *labels;
    double smoothing;
    double *values;
} job;

static void run_row(void *context, size_t i, int thread)
{
    const job *j = context;
    const size_t c = j->classes;
    const double even = j->smoothing / (double)c;
    float *row = j->logits + i * c;
    const size_t label = (size_t)j->labels[i];
    const double at_label = (double)row[label];
    float top = row[0];
    double sum = 0, mean = 0, total;

    (void)thread;
    for (size_t k = 1; k < c; k++)
        top = row[k] > top ? row[k] : top;
    for (size_t k = 0; k < c; k++) {
        mean += (double)(row[k] - top);
        row[k] = expf(row[k] - top);
        sum += (double)row[k];
    }
    total = log(sum);
    j->values[i] = (1 - j->smoothing) * (total - (at_label - (double)top)) +
                   j->smoothing * (total - mean / (double)c);
    for (size_t k = 0; k < c; k++)
        row[k] = (float)(((double)row[k] / sum - even) / (double)j->n);
    row[label] -= (float)((1 - j->smoothing) / (double)j->n);
}

void facet__cross_entropy(facet__pool *pool, float *logits, size_t n,
    size_t classes, const int32_t *labels, double smoothing, double *values)
{
    job j = { logits, n, classes, labels, smoothing, values };

    facet__pool_run(pool, n, run_row, &j);
}
