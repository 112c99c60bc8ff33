/* SPDX-License-Identifier: Apache-2.0 */
/* network.h - a network of the zoo, or from a file, as something to train. */
#ifndef FACET__TRAIN_NETWORK_H
#define FACET__TRAIN_NETWORK_H

#include "train/recipe.h"
#include "train/trainable.h"

/* The network of the recipe's section of that name: built by the zoo, read
 * from `init`, or built and then given `init`'s weights of the same names and
 * shapes. `net->self` is freed by facet__trainable_close. Saved files carry
 * the preprocessing, the template and the recipe's hash as facet.* metadata.
 * Errors: FACET_ENOTFOUND (no such network; init shares no weight with it),
 * FACET_EMODEL (another size than the recipe's), and those of reading ONNX. */
facet_status facet__trainable_open(
    const facet__recipe *recipe, facet__trainable *net, facet_error *err);
void facet__trainable_close(facet__trainable *net);

#endif
