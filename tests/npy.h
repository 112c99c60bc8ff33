/* SPDX-License-Identifier: Apache-2.0 */
/* npy.h - reading NumPy arrays of float32 or uint8, for tests. */
#ifndef FACET_TESTS_NPY_H
#define FACET_TESTS_NPY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct npy {
    int n;
    int64_t d[6];
    size_t count;
    float *data; /* uint8 is widened */
} npy;

static inline void npy_free(npy *a)
{
    free(a->data);
    a->data = NULL;
}

static inline void npy_parse_shape(npy *a, const char *header)
{
    const char *at = strchr(header, '(');

    a->count = 1;
    for (at = at ? at + 1 : ""; *at && *at != ')' && a->n < 6; at++) {
        char *end;
        const long long size = strtoll(at, &end, 10);

        if (end == at)
            continue;
        a->d[a->n++] = size;
        a->count *= (size_t)size;
        at = *end == ')' ? end - 1 : end;
    }
}

/* False when the file is not such an array. */
static inline bool npy_read(const char *path, npy *a)
{
    FILE *f = fopen(path, "rb");
    unsigned char start[10];
    char header[1024] = "";
    size_t length;
    bool bytes, good;

    memset(a, 0, sizeof *a);
    if (!f || fread(start, 1, 10, f) != 10)
        return false;
    length = start[8] | (size_t)start[9] << 8;
    if (length >= sizeof header || fread(header, 1, length, f) != length)
        return false;
    bytes = strstr(header, "|u1") != NULL;
    npy_parse_shape(a, header);
    a->data = malloc((a->count + 1) * sizeof *a->data);
    good = a->data && fread(a->data, bytes ? 1 : 4, a->count, f) == a->count;
    for (size_t i = a->count; good && bytes && i-- > 0;)
        a->data[i] = (float)((const unsigned char *)a->data)[i];
    fclose(f);
    return good;
}

#endif
