/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "exits.h"

/* Nine digits bring every float back exactly. */
#define JSON_FORM (JSON_COMPACT | JSON_REAL_PRECISION(9))

static const char *const formats[] = {
    [OUTPUT_JSONL] = "jsonl",
    [OUTPUT_JSON] = "json",
    [OUTPUT_CSV] = "csv",
    [OUTPUT_NPY] = "npy",
};

int output_format_parse(const char *name)
{
    for (int i = 0; i < (int)(sizeof formats / sizeof *formats); i++)
        if (!strcmp(name, formats[i]))
            return i;
    return -1;
}

/* ---- JSON ---- */

/* How many bytes of UTF-8 begin at `text`, by their first byte and the ones
 * that must follow it; 0 for none. (jansson has the last word.) */
static size_t sequence(const unsigned char *text)
{
    const size_t length = *text < 0x80           ? 1
                          : (*text >> 5) == 0x06 ? 2
                          : (*text >> 4) == 0x0e ? 3
                          : (*text >> 3) == 0x1e ? 4
                                                 : 0;

    for (size_t i = 1; i < length; i++)
        if (text[i] >> 6 != 2)
            return 0;
    return length;
}

json_t *json_path(const char *path)
{
    json_t *whole = json_string(path);
    const size_t room = 3 * strlen(path) + 1;
    char *clean = whole ? NULL : malloc(room);
    size_t size = 0;

    if (!clean)
        return whole;
    while (*path) {
        const size_t n = sequence((const unsigned char *)path);
        json_t *good = n ? json_stringn(path, n) : NULL;

        memcpy(clean + size, good ? path : "\xef\xbf\xbd", good ? n : 3);
        size += good ? n : 3;
        path += good ? n : 1;
        json_decref(good);
    }
    whole = json_stringn(clean, size);
    free(clean);
    return whole;
}

json_t *json_failure(facet_status status, const char *message)
{
    json_t *failure = json_object();

    json_object_set_new(
        failure, "code", json_string(facet_status_name(status)));
    json_object_set_new(failure, "message",
        json_path(*message ? message : facet_status_str(status)));
    return failure;
}

json_t *json_rounded(double value, int digits)
{
    const double scale = pow(10, digits);

    return json_real(round(value * scale) / scale);
}

static json_t *json_box(facet_box box)
{
    json_t *array = json_array();

    json_array_append_new(array, json_rounded((double)box.x, 3));
    json_array_append_new(array, json_rounded((double)box.y, 3));
    json_array_append_new(array, json_rounded((double)box.width, 3));
    json_array_append_new(array, json_rounded((double)box.height, 3));
    return array;
}

json_t *json_points(const facet_point *points, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *point = json_array();

        json_array_append_new(point, json_rounded((double)points[i].x, 3));
        json_array_append_new(point, json_rounded((double)points[i].y, 3));
        json_array_append_new(array, point);
    }
    return array;
}

static void put_frontal(json_t *object, const frontal_told *told)
{
    const facet_head_pose *pose = &told->result.pose;
    json_t *turn = json_array();

    json_array_append_new(turn, json_rounded((double)pose->yaw, 3));
    json_array_append_new(turn, json_rounded((double)pose->pitch, 3));
    json_array_append_new(turn, json_rounded((double)pose->roll, 3));
    json_object_set_new(object, "pose", turn);
    json_object_set_new(
        object, "landmarks68", json_points(told->points, FACET_HEAD_POINTS));
    json_object_set_new(
        object, "mirrored", json_rounded((double)told->result.mirrored, 3));
}

static json_t *json_face(const result *r, size_t index)
{
    const facet_face *face = facet_faces_face(r->faces, index);
    const facet_embedding *e = facet_faces_embedding(r->faces, index);
    json_t *object = json_object();

    json_object_set_new(object, "box", json_box(face->box));
    json_object_set_new(object, "score", json_rounded((double)face->score, 6));
    json_object_set_new(
        object, "landmarks", json_points(face->landmarks, FACET_LANDMARKS));
    if (e) {
        json_t *values = json_array();

        for (size_t i = 0; i < e->dim; i++)
            json_array_append_new(values, json_real((double)e->values[i]));
        json_object_set_new(object, "embedding", values);
    }
    if (!r->crops || !r->crops[index])
        return object;
    json_object_set_new(object, "crop", json_path(r->crops[index]));
    if (r->frontals)
        put_frontal(object, &r->frontals[index]);
    return object;
}

static void put_faces(json_t *object, const result *r)
{
    json_t *faces = json_array();
    char contract[FACET_CONTRACT_TEXT];

    for (size_t i = 0; i < facet_faces_count(r->faces); i++)
        json_array_append_new(faces, json_face(r, i));
    json_object_set_new(object, "width", json_integer(r->width));
    json_object_set_new(object, "height", json_integer(r->height));
    json_object_set_new(object, "faces", faces);
    if (facet_faces_embedding(r->faces, 0))
        json_object_set_new(object, "contract",
            json_string(facet_contract_text(
                &facet_faces_embedding(r->faces, 0)->contract, contract)));
}

static json_t *json_result(const result *r)
{
    json_t *object = json_object();

    json_object_set_new(object, "image", json_path(r->path));
    if (r->faces)
        put_faces(object, r);
    if (r->status != FACET_OK)
        json_object_set_new(
            object, "error", json_failure(r->status, r->message));
    return object;
}

bool json_line(json_t *object)
{
    char *text = object ? json_dumps(object, JSON_FORM) : NULL;

    json_decref(object);
    if (!text)
        return false;
    puts(text);
    free(text);
    return true;
}

/* ---- CSV ---- */

static const char csv_head[] =
    "image,error,face,x,y,width,height,score,left_eye_x,left_eye_y,"
    "right_eye_x,right_eye_y,nose_x,nose_y,mouth_left_x,mouth_left_y,"
    "mouth_right_x,mouth_right_y,embedding\n";

/* Within quotes where RFC 4180 wants them. */
static void csv_text(FILE *to, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, to);
        return;
    }
    fputc('"', to);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', to);
        fputc(*text, to);
    }
    fputc('"', to);
}

static void csv_face(FILE *to, const result *r, size_t index)
{
    const facet_face *face = facet_faces_face(r->faces, index);
    const facet_embedding *e = facet_faces_embedding(r->faces, index);

    csv_text(to, r->path);
    fprintf(to, ",,%zu,%.3f,%.3f,%.3f,%.3f,%.6f", index, (double)face->box.x,
        (double)face->box.y, (double)face->box.width, (double)face->box.height,
        (double)face->score);
    for (int i = 0; i < FACET_LANDMARKS; i++)
        fprintf(to, ",%.3f,%.3f", (double)face->landmarks[i].x,
            (double)face->landmarks[i].y);
    fputc(',', to);
    for (size_t i = 0; e && i < e->dim; i++)
        fprintf(to, i ? " %.9g" : "%.9g", (double)e->values[i]);
    fputc('\n', to);
}

static void csv_result(FILE *to, const result *r)
{
    for (size_t i = 0; i < facet_faces_count(r->faces); i++)
        csv_face(to, r, i);
    if (r->status == FACET_OK)
        return;
    csv_text(to, r->path);
    fprintf(to, ",%s,,,,,,,,,,,,,,,,,\n", facet_status_name(r->status));
}

/* ---- NumPy ---- */

/* Rows of little-endian floats, as this machine has them. */
static void npy_result(FILE *to, const result *r)
{
    for (size_t i = 0; i < facet_faces_count(r->faces); i++) {
        const facet_embedding *e = facet_faces_embedding(r->faces, i);

        fwrite(e->values, sizeof *e->values, e->dim, to);
    }
}

/* Magic, version 1.0, length, a dict padded with blanks to 64 bytes. */
static void npy_head(FILE *to, size_t rows, size_t columns)
{
    enum { BEFORE = 10, ALIGN = 64 };
    char dict[2 * ALIGN];
    const int length = snprintf(dict, sizeof dict,
        "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", rows,
        columns);
    const int whole = (BEFORE + length + ALIGN) / ALIGN * ALIGN - BEFORE;

    fwrite("\x93NUMPY\x01\x00", 1, 8, to);
    fputc(whole & 0xff, to);
    fputc(whole >> 8, to);
    fprintf(to, "%s%*s\n", dict, whole - length - 1, "");
}

static bool copy_spool(FILE *from, FILE *to)
{
    char buffer[1 << 16];
    size_t n;

    rewind(from);
    while ((n = fread(buffer, 1, sizeof buffer, from)) > 0)
        fwrite(buffer, 1, n, to);
    return !ferror(from) && !ferror(to);
}

/* ---- All of them ---- */

bool output_begin(output *out, output_format format)
{
    *out = (output){ .format = format };
    if (format == OUTPUT_JSON)
        fputs("[", stdout);
    if (format == OUTPUT_CSV)
        fputs(csv_head, stdout);
    if (format != OUTPUT_NPY)
        return true;
    out->spool = tmpfile();
    if (!out->spool)
        complain("a temporary file: %s", strerror(errno));
    return out->spool != NULL;
}

char *output_text(output_format format, const result *r, size_t *size)
{
    char *text = NULL;
    FILE *to;
    json_t *object;

    *size = 0;
    if (format == OUTPUT_JSONL || format == OUTPUT_JSON) {
        object = json_result(r);
        text = json_dumps(object, JSON_FORM);
        json_decref(object);
        *size = text ? strlen(text) : 0;
        return text;
    }
    to = open_memstream(&text, size);
    if (!to)
        return NULL;
    if (format == OUTPUT_CSV)
        csv_result(to, r);
    else
        npy_result(to, r);
    if (fclose(to) == 0)
        return text;
    free(text);
    return NULL;
}

bool output_put(output *out, const char *bytes, size_t size, size_t faces)
{
    FILE *to = out->spool ? out->spool : stdout;

    if (out->format == OUTPUT_JSON)
        fputs(out->photos ? ",\n" : "\n", to);
    fwrite(bytes, 1, size, to);
    if (out->format == OUTPUT_JSONL) {
        fputc('\n', to);
        fflush(to); /* whoever reads a pipe wants each photo at once */
    }
    if (faces && out->format == OUTPUT_NPY)
        out->columns = size / sizeof(float) / faces;
    out->rows += faces;
    out->photos++;
    if (ferror(to) && !out->failed)
        out->failed = errno ? errno : EIO;
    return !out->failed;
}

bool output_end(output *out)
{
    if (out->format == OUTPUT_JSON)
        fputs("\n]\n", stdout);
    if (out->spool) {
        npy_head(stdout, out->rows, out->columns);
        if (!copy_spool(out->spool, stdout) && !out->failed)
            out->failed = EIO;
        fclose(out->spool);
        out->spool = NULL;
    }
    if ((fflush(stdout) != 0 || ferror(stdout)) && !out->failed)
        out->failed = errno;
    if (out->failed && out->failed != EPIPE)
        complain("the output could not be written: %s", strerror(out->failed));
    return !out->failed;
}
