/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_tensor.c - TensorProto to tensors. Dimensions and counts are checked
 * against the bytes that are there before memory is taken. */
#include "nn/onnx_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"

/* How a type stands in a file, and what it becomes. */
typedef struct wire_type {
    size_t size; /* bytes in raw_data; 0: not read */
    facet__dtype becomes;
} wire_type;

static wire_type wire_of(int32_t type)
{
    switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
        return (wire_type){ 4, FACET__F32 };
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
        return (wire_type){ 8, FACET__F32 };
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
        return (wire_type){ 2, FACET__F32 };
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
        return (wire_type){ 1, FACET__U8 };
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
        return (wire_type){ 1, FACET__I8 };
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
        return (wire_type){ 1, FACET__BOOL };
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
        return (wire_type){ 4, FACET__I32 };
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        return (wire_type){ 8, FACET__I64 };
    default:
        return (wire_type){ 0, 0 };
    }
}

/* IEEE half to float, subnormals and all. */
static float half_to_float(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    const uint32_t exponent = h >> 10 & 31u;
    uint32_t mantissa = h & 0x3ffu, bits;
    float f;

    if (exponent == 31)
        bits = sign | 0x7f800000u | mantissa << 13;
    else if (exponent > 0)
        bits = sign | (exponent + 112) << 23 | mantissa << 13;
    else {
        const float scaled = (float)mantissa * 5.9604644775390625e-8f;

        memcpy(&bits, &scaled, sizeof bits);
        bits |= sign;
    }
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* `count` numbers of a file's bytes into `to`. */
static void decode(
    int32_t type, const uint8_t *from, size_t count, facet__tensor *to)
{
    float *f = to->data;

    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        uint32_t bits;
        double d;

        switch (type) {
        case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
            memcpy(&d, from + 8 * i, sizeof d);
            f[i] = (float)d;
            break;
        case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
            memcpy(&half, from + 2 * i, sizeof half);
            f[i] = half_to_float(half);
            break;
        case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
            memcpy(&half, from + 2 * i, sizeof half);
            bits = (uint32_t)half << 16;
            memcpy(&f[i], &bits, sizeof bits);
            break;
        default: /* the file's form is ours */
            memcpy(to->data, from, to->bytes);
            return;
        }
    }
}

/* Numbers in the typed fields instead of raw_data. */
static facet_status decode_fields(
    const Onnx__TensorProto *p, size_t count, facet__tensor *to)
{
    const int32_t type = p->data_type;

    if (count == 0) /* there may be no data at all */
        return FACET_OK;
    if (type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT &&
        p->n_float_data == count) {
        memcpy(to->data, p->float_data, to->bytes);
        return FACET_OK;
    }
    if (type == ONNX__TENSOR_PROTO__DATA_TYPE__INT64 &&
        p->n_int64_data == count) {
        memcpy(to->data, p->int64_data, to->bytes);
        return FACET_OK;
    }
    if (type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE &&
        p->n_double_data == count) {
        for (size_t i = 0; i < count; i++)
            ((float *)to->data)[i] = (float)p->double_data[i];
        return FACET_OK;
    }
    if (type == ONNX__TENSOR_PROTO__DATA_TYPE__INT64 ||
        type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT ||
        type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE ||
        p->n_int32_data != count)
        return FACET_EDAMAGED;
    for (size_t i = 0; i < count; i++) {
        const int32_t x = p->int32_data[i];
        const uint16_t half = (uint16_t)x;
        uint32_t bits = (uint32_t)half << 16;

        if (type == ONNX__TENSOR_PROTO__DATA_TYPE__INT32)
            ((int32_t *)to->data)[i] = x;
        else if (type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16)
            ((float *)to->data)[i] = half_to_float(half);
        else if (type == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16)
            memcpy((float *)to->data + i, &bits, sizeof bits);
        else
            ((uint8_t *)to->data)[i] = (uint8_t)x;
    }
    return FACET_OK;
}

/* external data */

typedef struct external {
    const char *location;
    uint64_t offset, length;
    bool has_length;
} external;

static bool parse_number(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

static facet_status read_entries(
    const Onnx__TensorProto *p, external *e, facet_error *err)
{
    *e = (external){ 0 };
    for (size_t i = 0; i < p->n_external_data; i++) {
        const char *key = p->external_data[i]->key;
        const char *value = p->external_data[i]->value;
        bool good = key && value;

        if (good && strcmp(key, "location") == 0)
            e->location = value;
        else if (good && strcmp(key, "offset") == 0)
            good = parse_number(value, &e->offset);
        else if (good && strcmp(key, "length") == 0)
            good = e->has_length = parse_number(value, &e->length);
        if (!good)
            return facet__fail(
                err, FACET_EDAMAGED, "an external data entry is not readable");
    }
    return e->location ? FACET_OK
                       : facet__fail(err, FACET_EDAMAGED,
                             "external data without a location");
}

/* The file must lie inside the folder, also after links are followed. */
static facet_status resolve(
    const char *folder, const char *location, char *path, facet_error *err)
{
    char joined[PATH_MAX], root[PATH_MAX];
    size_t length;
    const int n = snprintf(joined, sizeof joined, "%s/%s", folder, location);

    if (location[0] == '/' || n < 0 || (size_t)n >= sizeof joined ||
        !realpath(folder, root) || !realpath(joined, path))
        return facet__fail(err, FACET_ENOTFOUND,
            "external data '%.100s' is not in the model's folder", location);
    length = strlen(root);
    if (strncmp(path, root, length) != 0 ||
        (path[length] != '/' && strcmp(root, "/") != 0))
        return facet__fail(err, FACET_EDAMAGED,
            "external data '%.100s' lies outside the model's folder", location);
    return FACET_OK;
}

static facet_status read_at(
    const char *path, uint64_t offset, void *to, size_t bytes, facet_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    facet_status status = FACET_OK;
    size_t done = 0;

    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        status = facet__fail(
            err, FACET_EIO, "external data cannot be read as a file");
    else if (offset > (uint64_t)st.st_size ||
             bytes > (uint64_t)st.st_size - offset)
        status = facet__fail(
            err, FACET_ETRUNCATED, "external data ends before its tensor does");
    while (status == FACET_OK && done < bytes) {
        const ssize_t got =
            pread(fd, (char *)to + done, bytes - done, (off_t)(offset + done));

        if (got <= 0)
            status = facet__fail(err, FACET_EIO, "external data: read failed");
        else
            done += (size_t)got;
    }
    if (fd >= 0)
        close(fd);
    return status;
}

static facet_status decode_external(const facet__onnx_source *source,
    const Onnx__TensorProto *p, size_t wire_bytes, facet__tensor *to,
    facet_error *err)
{
    char path[PATH_MAX];
    external e;
    void *bytes;
    facet_status st;

    if (!source->folder)
        return facet__fail(err, FACET_EUNSUPPORTED,
            "a model in memory cannot have external data");
    st = read_entries(p, &e, err);
    if (st == FACET_OK && e.has_length && e.length != wire_bytes)
        st = facet__fail(err, FACET_EDAMAGED,
            "external data of %llu bytes where the shape needs %zu",
            (unsigned long long)e.length, wire_bytes);
    if (st == FACET_OK)
        st = resolve(source->folder, e.location, path, err);
    if (st != FACET_OK)
        return st;
    bytes = facet__alloc(wire_bytes);
    if (!bytes)
        return facet__fail_memory(err);
    st = read_at(path, e.offset, bytes, wire_bytes, err);
    if (st == FACET_OK)
        decode(p->data_type, bytes, (size_t)facet__shape_count(&to->shape), to);
    facet__free(bytes);
    return st;
}

/* shapes and the whole */

static facet_status read_shape(
    const Onnx__TensorProto *p, facet__shape *shape, facet_error *err)
{
    if (p->n_dims > FACET__MAX_DIMS)
        return facet__fail(
            err, FACET_EUNSUPPORTED, "%zu dimensions", p->n_dims);
    shape->n = (int)p->n_dims;
    for (int i = 0; i < shape->n; i++) {
        shape->d[i] = p->dims[i];
        if (shape->d[i] < 0)
            return facet__fail(err, FACET_EDAMAGED, "a negative size");
    }
    return facet__shape_count(shape) < 0
               ? facet__fail(err, FACET_EDAMAGED, "the sizes overflow")
               : FACET_OK;
}

static facet_status fill(facet__onnx_source *source, const Onnx__TensorProto *p,
    size_t wire_bytes, facet__tensor *t, facet_error *err)
{
    const size_t count = (size_t)facet__shape_count(&t->shape);

    if (p->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        return decode_external(source, p, wire_bytes, t, err);
    if (p->has_raw_data) {
        decode(p->data_type, p->raw_data.data, count, t);
        return FACET_OK;
    }
    return decode_fields(p, count, t) == FACET_OK
               ? FACET_OK
               : facet__fail(err, FACET_EDAMAGED,
                     "it holds another count of numbers than its shape says");
}

facet_status facet__onnx_tensor(facet__onnx_source *source,
    const Onnx__TensorProto *p, facet__tensor **out, facet_error *err)
{
    const wire_type wire = wire_of(p->data_type);
    facet__shape shape;
    size_t wire_bytes;
    facet__tensor *t;
    facet_status st = read_shape(p, &shape, err);

    *out = NULL;
    if (st != FACET_OK)
        return st;
    if (wire.size == 0 || p->segment)
        return facet__fail(err, FACET_EUNSUPPORTED, "numbers of ONNX type %d",
            (int)p->data_type);
    if (!facet__mul_size(
            (size_t)facet__shape_count(&shape), wire.size, &wire_bytes) ||
        (p->has_raw_data && p->raw_data.len != wire_bytes))
        return facet__fail(err, FACET_EDAMAGED,
            "%zu bytes do not fill its shape",
            p->has_raw_data ? p->raw_data.len : 0);
    if (wire_bytes > source->bytes_left)
        return facet__fail(err, FACET_ELIMIT,
            "the weights exceed the limit on a model's bytes");
    source->bytes_left -= wire_bytes;
    t = facet__tensor_create(wire.becomes, &shape);
    if (!t)
        return facet__fail_memory(err);
    st = fill(source, p, wire_bytes, t, err);
    if (st != FACET_OK) {
        facet__tensor_free(t);
        return st;
    }
    *out = t;
    return FACET_OK;
}
