/* SPDX-License-Identifier: Apache-2.0 */
/* vault.h - encryption at rest.
 *
 * A key file or a passphrase (argon2id) gives the master key; it wraps the
 * file key, which wraps one random key for each person; that key seals the
 * person's name, embeddings, sources, metadata and crops with
 * XChaCha20-Poly1305. Whoever deletes a person's key has deleted the person
 * from what the disk still holds of this file, not from copies made before:
 * those have the key in them. A sealed field is bound to its place (a letter
 * and two ids), so that fields cannot be exchanged. */
#ifndef FACET__GALLERY_VAULT_H
#define FACET__GALLERY_VAULT_H

#include <stddef.h>
#include <stdint.h>

#include "facet/status.h"

enum {
    FACET__KEY = 32,
    FACET__SEAL = 24 + 16, /* bytes that sealing adds: nonce and tag */
    FACET__WRAPPED_KEY = FACET__KEY + FACET__SEAL,
    FACET__VAULT = 1 + 16 + 8 + 8 + FACET__WRAPPED_KEY,
    FACET__LOOKUP = 32,
};

/* The unlocked file key; kept where it is not swapped out. */
typedef struct facet__vault facet__vault;

/* Where a sealed field stands. */
typedef struct facet__place {
    char field;
    uint64_t id, other_id;
} facet__place;

/* A new file key; `stored` goes into the file. */
facet_status facet__vault_create(const char *key_file, const char *passphrase,
    uint8_t stored[FACET__VAULT], facet__vault **out, facet_error *err);

/* FACET_EUNSUPPORTED when the key is missing or wrong. */
facet_status facet__vault_open(const char *key_file, const char *passphrase,
    const uint8_t stored[FACET__VAULT], facet__vault **out, facet_error *err);

/* NULL is a no-op. */
void facet__vault_free(facet__vault *vault);

/* A person's key, new or unwrapped (FACET_EDAMAGED). */
void facet__vault_new_key(const facet__vault *vault, uint64_t person,
    uint8_t key[FACET__KEY], uint8_t wrapped[FACET__WRAPPED_KEY]);
facet_status facet__vault_key(const facet__vault *vault, uint64_t person,
    const uint8_t wrapped[FACET__WRAPPED_KEY], uint8_t key[FACET__KEY]);

/* A keyed hash of a name, so that it can be found without being stored. */
void facet__vault_lookup(
    const facet__vault *vault, const char *name, uint8_t lookup[FACET__LOOKUP]);

/* out: size + FACET__SEAL bytes. */
void facet__seal(const uint8_t key[FACET__KEY], facet__place place,
    const void *bytes, size_t size, uint8_t *out);

/* out: size - FACET__SEAL bytes. FACET_EDAMAGED when the bytes are not what
 * was sealed at this place. */
facet_status facet__unseal(const uint8_t key[FACET__KEY], facet__place place,
    const void *sealed, size_t size, void *out);

/* Overwrite secrets so that no compiler leaves it out. */
void facet__forget(void *bytes, size_t size);

#endif
