/* SPDX-License-Identifier: Apache-2.0 */
/* vault.c - the chain of keys, all with libsodium.
 *
 * Stored with the file: kind (1 key file, 2 passphrase), salt, argon2id's cost
 * as it was at creation, and the file key wrapped by the master key. */
#include "gallery/vault.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"

enum {
    KIND_FILE = 1,
    KIND_PASSPHRASE = 2,
    KEY_FILE_MIN = 32,
    KEY_FILE_MAX = 4096,
    SALT_AT = 1,
    OPS_AT = 17,
    MEMORY_AT = 25,
    WRAPPED_AT = 33
};

_Static_assert(crypto_pwhash_SALTBYTES == 16, "the salt's place in the file");

struct facet__vault {
    uint8_t file_key[FACET__KEY];
};

static const facet__place file_key_place = { 'F', 0, 0 };

static void put64(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

void facet__forget(void *bytes, size_t size)
{
    sodium_memzero(bytes, size);
}

void facet__seal(const uint8_t key[FACET__KEY], facet__place place,
    const void *bytes, size_t size, uint8_t *out)
{
    uint8_t context[17] = { (uint8_t)place.field };

    put64(context + 1, place.id);
    put64(context + 9, place.other_id);
    randombytes_buf(out, 24);
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        out + 24, NULL, bytes, size, context, sizeof context, NULL, out, key);
}

facet_status facet__unseal(const uint8_t key[FACET__KEY], facet__place place,
    const void *sealed, size_t size, void *out)
{
    const uint8_t *at = sealed;
    uint8_t context[17] = { (uint8_t)place.field };

    if (size < FACET__SEAL)
        return FACET_EDAMAGED;
    put64(context + 1, place.id);
    put64(context + 9, place.other_id);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, at + 24,
               size - 24, context, sizeof context, at, key)
               ? FACET_EDAMAGED
               : FACET_OK;
}

static facet_status read_key_file(
    const char *path, uint8_t master[FACET__KEY], facet_error *err)
{
    uint8_t bytes[KEY_FILE_MAX + 1];
    FILE *file = fopen(path, "rb");
    size_t n;

    if (!file && (errno == ENOENT || errno == ENOTDIR))
        return facet__fail(
            err, FACET_ENOTFOUND, "key file %.150s: " FACET__NO_FILE, path);
    if (!file)
        return facet__fail(
            err, FACET_EIO, "key file %.150s: %s", path, strerror(errno));
    n = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    if (n < KEY_FILE_MIN || n > KEY_FILE_MAX)
        return facet__fail(err, FACET_EINVAL,
            "key file %.150s: it must have 32 to 4096 bytes", path);
    crypto_generichash(master, FACET__KEY, bytes, n, NULL, 0);
    facet__forget(bytes, sizeof bytes);
    return FACET_OK;
}

/* The master key by the kind, salt and cost in `stored`. */
static facet_status master_key(const char *key_file, const char *passphrase,
    const uint8_t *stored, uint8_t master[FACET__KEY], facet_error *err)
{
    if (stored[0] == KIND_FILE && key_file)
        return read_key_file(key_file, master, err);
    if (stored[0] != KIND_PASSPHRASE || !passphrase)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "the gallery is encrypted: give its %s",
            stored[0] == KIND_FILE ? "key file" : "passphrase");
    if (get64(stored + OPS_AT) > crypto_pwhash_OPSLIMIT_SENSITIVE ||
        get64(stored + MEMORY_AT) > crypto_pwhash_MEMLIMIT_SENSITIVE)
        return facet__fail(err, FACET_EDAMAGED,
            "the gallery asks for more work on its passphrase than any does");
    if (crypto_pwhash(master, FACET__KEY, passphrase, strlen(passphrase),
            stored + SALT_AT, get64(stored + OPS_AT),
            (size_t)get64(stored + MEMORY_AT), crypto_pwhash_ALG_ARGON2ID13))
        return facet__fail_memory(err);
    return FACET_OK;
}

static facet_status vault_new(facet__vault **out, facet_error *err)
{
    *out = NULL;
    if (sodium_init() < 0)
        return facet__fail(err, FACET_EIO, "the system has no random numbers");
    *out = sodium_malloc(sizeof **out);
    return *out ? FACET_OK : facet__fail_memory(err);
}

facet_status facet__vault_create(const char *key_file, const char *passphrase,
    uint8_t stored[FACET__VAULT], facet__vault **out, facet_error *err)
{
    uint8_t master[FACET__KEY];
    facet_status st = vault_new(out, err);

    if (st != FACET_OK)
        return st;
    stored[0] = key_file ? KIND_FILE : KIND_PASSPHRASE;
    randombytes_buf(stored + SALT_AT, crypto_pwhash_SALTBYTES);
    put64(stored + OPS_AT, crypto_pwhash_OPSLIMIT_INTERACTIVE);
    put64(stored + MEMORY_AT, crypto_pwhash_MEMLIMIT_INTERACTIVE);
    st = master_key(key_file, passphrase, stored, master, err);
    if (st == FACET_OK) {
        randombytes_buf((*out)->file_key, FACET__KEY);
        facet__seal(master, file_key_place, (*out)->file_key, FACET__KEY,
            stored + WRAPPED_AT);
    } else {
        facet__vault_free(*out);
        *out = NULL;
    }
    facet__forget(master, sizeof master);
    return st;
}

facet_status facet__vault_open(const char *key_file, const char *passphrase,
    const uint8_t stored[FACET__VAULT], facet__vault **out, facet_error *err)
{
    uint8_t master[FACET__KEY];
    facet_status st = vault_new(out, err);

    if (st != FACET_OK)
        return st;
    st = master_key(key_file, passphrase, stored, master, err);
    if (st == FACET_OK &&
        facet__unseal(master, file_key_place, stored + WRAPPED_AT,
            FACET__WRAPPED_KEY, (*out)->file_key) != FACET_OK)
        st = facet__fail(
            err, FACET_EUNSUPPORTED, "this key does not open the gallery");
    facet__forget(master, sizeof master);
    if (st != FACET_OK) {
        facet__vault_free(*out);
        *out = NULL;
    }
    return st;
}

void facet__vault_free(facet__vault *vault)
{
    sodium_free(vault);
}

void facet__vault_new_key(const facet__vault *vault, uint64_t person,
    uint8_t key[FACET__KEY], uint8_t wrapped[FACET__WRAPPED_KEY])
{
    randombytes_buf(key, FACET__KEY);
    facet__seal(vault->file_key, (facet__place){ 'K', person, 0 }, key,
        FACET__KEY, wrapped);
}

facet_status facet__vault_key(const facet__vault *vault, uint64_t person,
    const uint8_t wrapped[FACET__WRAPPED_KEY], uint8_t key[FACET__KEY])
{
    return facet__unseal(vault->file_key, (facet__place){ 'K', person, 0 },
        wrapped, FACET__WRAPPED_KEY, key);
}

void facet__vault_lookup(
    const facet__vault *vault, const char *name, uint8_t lookup[FACET__LOOKUP])
{
    crypto_generichash(lookup, FACET__LOOKUP, (const uint8_t *)name,
        strlen(name), vault->file_key, FACET__KEY);
}
