/* SPDX-License-Identifier: Apache-2.0 */
/* claims.h - which photo a file is made of: two photos may come to one name,
 * and the second must not go over the first. */
#ifndef FACET_CLI_CLAIMS_H
#define FACET_CLI_CLAIMS_H

typedef struct claims {
    void *tree; /* NULL is an empty one */
} claims;

/* The photo that the file `name` belongs to: `photo`, unless another one was
 * there before. It lives as long as the claims. NULL when memory is short. */
const char *claims_make(claims *all, const char *name, const char *photo);
void claims_free(claims *all);

#endif
