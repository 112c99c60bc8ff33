/* SPDX-License-Identifier: Apache-2.0 */
#include "base/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"

static const size_t max_bytes = (size_t)64 << 30;

/* Where the data of a float32 matrix in C order starts; 0 when it is none. */
static size_t data_start(
    const char *bytes, size_t size, size_t *rows, size_t *columns)
{
    char header[512];
    const unsigned char *u = (const unsigned char *)bytes;
    size_t length, start;
    char *at, *end;

    if (size < 12 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return 0;
    length = u[8] | (size_t)u[9] << 8;
    start = 10;
    if (u[6] > 1) {
        length |= (size_t)u[10] << 16 | (size_t)u[11] << 24;
        start = 12;
    }
    if (length >= sizeof header || start + length > size)
        return 0;
    memcpy(header, bytes + start, length);
    header[length] = '\0';
    at = strstr(header, "'shape': (");
    if (!at || !strstr(header, "'<f4'") || strstr(header, ": True"))
        return 0;
    *rows = strtoull(at + 10, &end, 10);
    if (*end != ',')
        return 0;
    *columns = strtoull(end + 1, &end, 10);
    return *end == ')' ? start + length : 0;
}

facet_status facet__npy_read(const char *path, float **values, size_t *rows,
    size_t *columns, facet_error *err)
{
    void *bytes;
    size_t size, start, n, data;
    facet_status st = facet__file_read(path, max_bytes, &bytes, &size, err);

    *values = NULL;
    if (st != FACET_OK)
        return st;
    start = data_start(bytes, size, rows, columns);
    if (start == 0 || *columns == 0 || !facet__mul_size(*rows, *columns, &n) ||
        !facet__mul_size(n, sizeof(float), &data))
        st = facet__fail(err, FACET_EDAMAGED,
            "%.150s: want a NumPy file of float32 [count, dim]", path);
    else if (size - start != data)
        st = facet__fail(err, FACET_ETRUNCATED,
            "%.120s: %zu bytes of values, the shape needs %zu", path,
            size - start, data);
    else if (!(*values = facet__alloc(data)))
        st = facet__fail_memory(err);
    else
        memcpy(*values, (char *)bytes + start, data);
    facet__free(bytes);
    return st;
}

facet_status facet__npy_write(const char *path, const float *values,
    size_t rows, size_t columns, facet_error *err)
{
    enum { BEFORE = 10, ALIGN = 64, ROOM = 2 * ALIGN };
    static const char magic[8] = { '\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0 };
    char dict[ROOM], head[BEFORE + ROOM + 1];
    const int length = snprintf(dict, sizeof dict,
        "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", rows,
        columns);
    const int whole = (BEFORE + length + ALIGN) / ALIGN * ALIGN - BEFORE;
    const facet__piece pieces[] = { { head, (size_t)(BEFORE + whole) },
        { values, rows * columns * sizeof *values } };

    memcpy(head, magic, sizeof magic);
    head[8] = (char)(whole & 0xff);
    head[9] = (char)(whole >> 8);
    snprintf(head + BEFORE, sizeof head - BEFORE, "%-*s\n", whole - 1, dict);
    return facet__file_write_pieces(path, pieces, 2, err);
}
