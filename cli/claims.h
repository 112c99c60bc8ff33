/* SPDX-License-Identifier: Apache-2.0 */
/* claims.h - whose something is: the first photo that claims a name has it. Two
 * photos may come to one name for what is made of them, and the second must not
 * go over the first. */
#ifndef FACET_CLI_CLAIMS_H
#define FACET_CLI_CLAIMS_H

typedef struct claims {
    void *tree; /* NULL is an empty one */
} claims;

/* The photo that `name` belongs to: `photo`, unless another one was
 * there before. It lives as long as the claims. NULL when memory is short. */
const char *claims_make(claims *all, const char *name, const char *photo);
/* Likewise, without a claim of one's own: NULL when it is nobody's. */
const char *claims_find(const claims *all, const char *name);
void claims_free(claims *all);

#endif
