/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <sodium.h>
#include <string.h>

#include "base/cpu.h"
#include "base/random.h"
#include "base/sha256.h"

static void hash_of(const char *text, uint8_t digest[FACET__SHA256_BYTES])
{
    facet__sha256 hash;

    facet__sha256_begin(&hash);
    facet__sha256_add(&hash, text, strlen(text));
    facet__sha256_end(&hash, digest);
}

/* FIPS 180-4, the examples of its authors. */
static void test_published_examples(void **unused)
{
    static const struct {
        const char *text, *digest;
    } examples[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85"
              "5" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f2001"
                 "5ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c"
            "1" },
    };
    uint8_t digest[FACET__SHA256_BYTES];
    char text[2 * FACET__SHA256_BYTES + 1];

    (void)unused;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        hash_of(examples[i].text, digest);
        for (int k = 0; k < FACET__SHA256_BYTES; k++)
            snprintf(text + 2 * k, 3, "%02x", digest[k]);
        assert_string_equal(text, examples[i].digest);
    }
}

/* Against an independent implementation, in pieces of every size. */
static void test_pieces_make_the_hash_of_the_whole(void **unused)
{
    uint8_t bytes[1000], expected[FACET__SHA256_BYTES],
        digest[FACET__SHA256_BYTES];
    facet__random random = facet__random_stream(1, 2, 3);

    (void)unused;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)facet__random_below(&random, 256);
    for (size_t size = 0; size <= sizeof bytes; size += 1 + size / 9) {
        facet__sha256 hash;
        size_t at = 0;

        crypto_hash_sha256(expected, bytes, size);
        facet__sha256_begin(&hash);
        while (at < size) {
            const size_t piece =
                (size_t)facet__random_below(&random, size - at + 1);

            facet__sha256_add(&hash, bytes + at, piece);
            at += piece;
        }
        facet__sha256_end(&hash, digest);
        assert_memory_equal(digest, expected, sizeof digest);
    }
}

static void test_kernel_equals_its_plain_twin(void **unused)
{
    enum { BLOCKS = 5 };
    uint8_t bytes[BLOCKS * FACET__SHA256_BLOCK];
    uint32_t plain[8], fast[8];
    facet__random random = facet__random_stream(4, 5, 6);

    (void)unused;
    if (!facet__cpu_has_sha())
        skip();
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)facet__random_below(&random, 256);
    for (int i = 0; i < 8; i++)
        plain[i] = fast[i] = (uint32_t)facet__random_u64(&random);
    facet__sha256_blocks_ref(plain, bytes, BLOCKS);
    facet__sha256_blocks_shani(fast, bytes, BLOCKS);
    assert_memory_equal(plain, fast, sizeof plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_examples),
        cmocka_unit_test(test_pieces_make_the_hash_of_the_whole),
        cmocka_unit_test(test_kernel_equals_its_plain_twin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
