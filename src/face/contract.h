/* SPDX-License-Identifier: Apache-2.0 */
/* contract.h - how an embedding was made, as one number. */
#ifndef FACET__CONTRACT_H
#define FACET__CONTRACT_H

#include "facet/embedder.h"

/* SHA-256 over a text that says everything an embedding hangs on; see
 * contract.c. `detector` is NULL for crops aligned elsewhere. */
facet_contract facet__contract_of(const facet_model *detector,
    const facet_model *embedder, const facet_settings *settings);

#endif
