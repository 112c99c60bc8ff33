/* SPDX-License-Identifier: Apache-2.0 */
/* chunked.h - a network that takes large batches a few pictures at a time.
 *
 * A loss that mines wants all embeddings of a batch at once (FaceNet: 1,800
 * faces), but not all maps. So the batch goes forward in chunks of which only
 * the embeddings are kept; the loss sees them all and says what it wants of
 * each; and every chunk goes forward once more and then backward with its part
 * of that, the gradients of the weights added up. Memory is a chunk's, whatever
 * the batch; time is one forward pass more. The gradients are those of the
 * whole batch at once, but for batch normalisation, whose statistics are the
 * chunk's.
 */
#ifndef FACET__CHUNKED_H
#define FACET__CHUNKED_H

#include "train/trainable.h"

/* Wrap `inner`, which the new network takes over; pictures are of `numbers`
 * floats. The crops given to forward must stay until backward. On failure
 * (FACET_ENOMEM) `inner` stays as it is. */
facet_status facet__chunked_wrap(const facet__trainable *inner, size_t chunk,
    size_t numbers, facet__trainable *out);
/* Is it such a network? */
bool facet__is_chunked(const facet__trainable *net);
/* Free the wrapping and hand back what was inside. */
facet__trainable facet__chunked_unwrap(facet__trainable *net);

#endif
