/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_gallery_vectors.c - hunts vector files that are believed and should not
 * be: counts beyond the file, segments that are cut, headers of another time.
 * The input goes over the beginning of a good file and, in half of the cases,
 * the header's checksum is made right again. Opening must rebuild or refuse,
 * never read outside the mapping. */
#include <string.h>

#include "fuzz_gallery.h"

enum { HEADER = 192, CHECKED = 184 };

static void sign(uint8_t *header)
{
    uint64_t hash = 0xcbf29ce484222325U;

    for (int i = 0; i < CHECKED; i++)
        hash = (hash ^ header[i]) * 0x100000001b3U;
    for (int i = 0; i < HEADER - CHECKED; i++)
        header[CHECKED + i] = (uint8_t)(hash >> 8 * i);
}

/* data[0]: bit 0 sign, bit 1 cut the file after the input; data[1]: where to
 * begin. */
static void attack(const char *path, const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "r+b");
    uint8_t header[HEADER];
    const size_t at = data[1] % HEADER;

    if (!file || fread(header, 1, HEADER, file) != HEADER)
        exit(1);
    for (size_t i = 2; i < size && at + i - 2 < HEADER; i++)
        header[at + i - 2] = data[i];
    if (data[0] & 1)
        sign(header);
    rewind(file);
    fwrite(header, 1, HEADER, file);
    if (size > 2 + HEADER)
        fwrite(data + 2, 1, size - 2, file);
    fclose(file);
    if (data[0] & 2 && truncate(path, (off_t)size) != 0)
        exit(1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const float query[FUZZ_DIM] = { 1, 2, 3 };
    fuzz_place place;
    facet_gallery *g;
    facet_match out[2];
    size_t n;

    if (size < 2)
        return 0;
    g = fuzz_gallery(&place);
    facet_gallery_free(g);
    attack(place.vectors, data, size);
    if (facet_gallery_open(place.gallery, NULL, &g, NULL) == FACET_OK) {
        const facet_status st = facet_gallery_search(
            g, fuzz_contract, query, 1, NULL, 2, out, &n, NULL);

        if (st != FACET_OK && st != FACET_EDAMAGED)
            abort();
    }
    fuzz_gallery_end(&place, g);
    return 0;
}
