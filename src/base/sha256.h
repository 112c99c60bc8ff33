/* SPDX-License-Identifier: Apache-2.0 */
/* sha256.h - SHA-256 (FIPS 180-4) of networks and of contracts.
 *
 * libsodium has it too, in plain C: hashing the weights took longer than
 * reading them. Processors that have instructions for it do it five times as
 * fast. Nothing secret is hashed with it. */
#ifndef FACET__SHA256_H
#define FACET__SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { FACET__SHA256_BYTES = 32, FACET__SHA256_BLOCK = 64 };

/* Work `count` blocks of 64 bytes into the state. */
typedef void facet__sha256_blocks(
    uint32_t state[8], const uint8_t *bytes, size_t count);

facet__sha256_blocks facet__sha256_blocks_ref, facet__sha256_blocks_shani;

typedef struct facet__sha256 {
    facet__sha256_blocks *blocks;
    uint32_t state[8];
    uint64_t length;                   /* bytes so far */
    uint8_t rest[FACET__SHA256_BLOCK]; /* length % 64 of them */
} facet__sha256;

void facet__sha256_begin(facet__sha256 *hash);
void facet__sha256_add(facet__sha256 *hash, const void *bytes, size_t size);
void facet__sha256_end(
    facet__sha256 *hash, uint8_t digest[FACET__SHA256_BYTES]);

/* The first 32 bits of the fractions of the cube roots of the primes. */
extern const uint32_t facet__sha256_constants[64];

#endif
