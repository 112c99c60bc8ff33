/* SPDX-License-Identifier: Apache-2.0 */
/* loss_softmax.h - the softmax loss as a part of others (center loss). */
#ifndef FACET__LOSS_SOFTMAX_H
#define FACET__LOSS_SOFTMAX_H

#include "train/loss.h"

/* Parameters 0 and 1: class.weight [classes][dim], class.bias [classes]. */
facet_status facet__softmax_create(facet__loss *loss);

/* As facet__loss_type.run; uses scratch slots 0 and 1. */
facet_status facet__softmax_run(facet__loss *loss, const facet__batch *batch,
    double smoothing, float *dx, facet__loss_result *result);

#endif
