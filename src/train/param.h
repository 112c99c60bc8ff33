/* SPDX-License-Identifier: Apache-2.0 */
/* param.h - an array that training changes, as networks and losses show it to
 * the optimiser and to checkpoints. */
#ifndef FACET__PARAM_H
#define FACET__PARAM_H

#include <stdbool.h>
#include <stddef.h>

typedef struct facet__param {
    const char *name; /* unique in its owner; borrowed */
    size_t count;
    float *value, *grad; /* [count]; borrowed; the backward pass overwrites
                          * grad, it does not add to it */
    bool decay;          /* weight decay applies (not on norms, biases) */
    bool state;          /* kept in checkpoints, but changed by its owner alone:
                          * running statistics, class centers */
    size_t rows;         /* of a matrix [rows][count / rows] by which all of a
                          * layer's inputs reach all of its outputs; or 0 */
} facet__param;

#endif
