/* SPDX-License-Identifier: Apache-2.0 */
/* jpeg.c - reading JPEG through libjpeg-turbo's scanline calls.
 *
 * TurboJPEG's own call wants room for the whole picture as stored, and a photo
 * that must be turned would then be in memory twice; scanlines go to their
 * upright places as they come. The speed is the same: it is the same decoder.
 *
 * libjpeg reports trouble by exit() and by printing unless told otherwise, and
 * goes on after "warnings" with made-up pixels. Here an error leaves by longjmp
 * to the one setjmp below, and a warning that says pixels are wrong is an
 * error. Everything that lives across the jump is in one struct. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "image/image.h"

enum {
    EXIF_MARKER = JPEG_APP0 + 1,
    EXIF_MAX = 0xffff,
    END_MARKER = 0xd9,
    /* A progressive picture has about ten. Each costs time with the size the
     * header claims and may be a few bytes long. */
    MAX_SCANS = 100,
};

typedef struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf out;
    facet_status status; /* what sent us through `out` */
    facet_error *err;
    facet_image *image;
    facet__strip strip;
    uint8_t *cmyk; /* one row, when the file has four colors */
    bool ended;    /* the file, before its end marker */
} reader;

static reader *reader_of(j_common_ptr jpeg)
{
    return jpeg->client_data;
}

/* Leave with `status` and what libjpeg has to say. */
static void leave(j_common_ptr jpeg, facet_status status, const char *remedy)
{
    reader *r = reader_of(jpeg);
    char text[JMSG_LENGTH_MAX];

    jpeg->err->format_message(jpeg, text);
    r->status = facet__fail(r->err, status, "JPEG, row %u of %u: %.120s; %s",
        r->jpeg.output_scanline, r->jpeg.image_height, text, remedy);
    longjmp(r->out, 1);
}

static const char cut_short[] = "the file is cut short, copy it again";

/* Past its end a file is not damaged but short. */
static void leave_damaged(j_common_ptr jpeg)
{
    if (reader_of(jpeg)->ended)
        leave(jpeg, FACET_ETRUNCATED, cut_short);
    leave(jpeg, FACET_EDAMAGED, "the file is damaged, copy it again");
}

static void on_error(j_common_ptr jpeg)
{
    switch (jpeg->err->msg_code) {
    case JERR_OUT_OF_MEMORY:
        reader_of(jpeg)->status = facet__fail_memory(reader_of(jpeg)->err);
        longjmp(reader_of(jpeg)->out, 1);
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_COMPONENT_COUNT:
        leave(jpeg, FACET_EUNSUPPORTED, "save it as baseline JPEG or PNG");
        break;
    default:
        leave_damaged(jpeg);
    }
}

/* The file has ended within its scans. Huffman's codes tell when they lack a
 * bit, so what is decoded without complaint is whole, but for scans that may be
 * missing (has_all_scans); arithmetic coding goes on with zeros. */
static bool may_have_ended(reader *r)
{
    r->ended = r->jpeg.input_scan_number > 0 && !r->jpeg.arith_code;
    return r->ended;
}

/* Bytes between the segments before the first scan, too few to be a segment
 * whose marker is damaged. Behind a scan, damage in it leaves such bytes. */
static bool is_padding(const reader *r)
{
    enum { SEGMENT = 4 };

    return r->jpeg.input_scan_number == 0 && r->errors.msg_parm.i[0] < SEGMENT;
}

/* Some encoders write no range of coefficients for a scan of all of them; that
 * of a progressive picture is another than all zeros. */
static bool has_no_range(const reader *r)
{
    return r->jpeg.Ss == 0 && r->jpeg.Se == 0 && r->jpeg.Ah == 0 &&
           r->jpeg.Al == 0;
}

/* Does the picture come out the same in spite of the warning? */
static bool is_harmless(reader *r, int warning)
{
    switch (warning) {
    case JWRN_ADOBE_XFORM: /* the usual transform is assumed, rightly */
    case JWRN_JFIF_MAJOR:
        return true;
    case JWRN_NOT_SEQUENTIAL:
        return has_no_range(r);
    case JWRN_EXTRANEOUS_DATA:
        return is_padding(r);
    case JWRN_JPEG_EOF:
        return may_have_ended(r);
    default:
        return false;
    }
}

static void on_message(j_common_ptr jpeg, int level)
{
    reader *r = reader_of(jpeg);
    const int warning = jpeg->err->msg_code;

    if (level >= 0 || is_harmless(r, warning))
        return; /* trace messages have levels from 0 on */
    if (warning == JWRN_JPEG_EOF)
        leave(jpeg, FACET_ETRUNCATED, cut_short);
    if (warning == JWRN_HIT_MARKER && !r->ended &&
        r->jpeg.unread_marker == END_MARKER)
        leave(jpeg, FACET_ETRUNCATED,
            "it has fewer rows than it claims, copy it again");
    leave_damaged(jpeg);
}

static void on_output(j_common_ptr jpeg)
{
    (void)jpeg; /* messages are formatted in leave() only */
}

static void on_progress(j_common_ptr jpeg)
{
    reader *r = reader_of(jpeg);

    if (r->jpeg.input_scan_number <= MAX_SCANS)
        return;
    r->status = facet__fail(r->err, FACET_EDAMAGED,
        "JPEG: more than %d scans, which no encoder writes; convert it if it "
        "is an honest picture",
        MAX_SCANS);
    longjmp(r->out, 1);
}

static void reader_begin(reader *r)
{
    r->jpeg.err = jpeg_std_error(&r->errors);
    r->jpeg.client_data = r;
    r->errors.error_exit = on_error;
    r->errors.emit_message = on_message;
    r->errors.output_message = on_output;
    r->progress.progress_monitor = on_progress;
}

static facet_status orientation_of(
    const reader *r, const facet__source *source, int *orientation)
{
    *orientation = 1;
    if (source->opts.ignore_orientation)
        return FACET_OK;
    for (jpeg_saved_marker_ptr m = r->jpeg.marker_list; m; m = m->next)
        if (m->data_length >= 6 && !memcmp(m->data, "Exif\0", 6))
            return facet__exif_orientation(
                m->data, m->data_length, orientation);
    return FACET_OK;
}

/* Ink to light. Adobe's files, which are nearly all there are, store 255 - ink;
 * without a profile light is the product of what each ink lets through. */
static void cmyk_row(
    uint8_t *rgb, const uint8_t *cmyk, size_t count, bool inverted)
{
    const unsigned flip = inverted ? 0 : 255;

    for (size_t i = 0; i < count; i++) {
        const unsigned black = cmyk[4 * i + 3] ^ flip;

        for (size_t c = 0; c < 3; c++)
            rgb[3 * i + c] =
                (uint8_t)(((cmyk[4 * i + c] ^ flip) * black + 127) / 255);
    }
}

/* One row of a picture with four colors. */
static JDIMENSION read_cmyk(reader *r, uint8_t *row)
{
    uint8_t *rows[1] = { r->cmyk };
    const JDIMENSION count = jpeg_read_scanlines(&r->jpeg, rows, 1);

    if (count)
        cmyk_row(row, r->cmyk, r->jpeg.output_width, r->jpeg.saw_Adobe_marker);
    return count;
}

static void read_rows(reader *r)
{
    uint8_t *rows[FACET__STRIP_ROWS];
    int32_t want;

    while ((want = facet__strip_rows(&r->strip, rows)) > 0) {
        int32_t got = 0;

        while (got < want)
            got += r->cmyk ? (int32_t)read_cmyk(r, rows[got])
                           : (int32_t)jpeg_read_scanlines(&r->jpeg, rows + got,
                                 (JDIMENSION)(want - got));
        facet__strip_done(&r->strip, got);
    }
}

/* The header has been read: take the memory. */
static facet_status prepare(reader *r, const facet__source *source)
{
    const bool four = r->jpeg.num_components == 4;
    facet_status status = facet__check_size(
        source, r->jpeg.image_width, r->jpeg.image_height, r->err);
    int orientation;

    if (status != FACET_OK)
        return status;
    r->jpeg.out_color_space = four ? JCS_CMYK : JCS_RGB;
    status = orientation_of(r, source, &orientation);
    if (status == FACET_OK)
        status = facet__image_create_stored((int32_t)r->jpeg.image_width,
            (int32_t)r->jpeg.image_height, orientation, FACET_IMAGE_JPEG,
            &r->image);
    if (status == FACET_OK)
        status = facet__strip_begin(r->image, &r->strip);
    if (status == FACET_OK && four) {
        r->cmyk = facet__alloc((size_t)r->jpeg.image_width * 4);
        status = r->cmyk ? FACET_OK : FACET_ENOMEM;
    }
    return status == FACET_ENOMEM ? facet__fail_memory(r->err) : status;
}

/* Has every coefficient come with all its bits? */
static bool has_all_scans(reader *r)
{
    if (!jpeg_has_multiple_scans(&r->jpeg))
        return true;
    if (!r->jpeg.progressive_mode || !r->jpeg.coef_bits)
        return false;
    for (int c = 0; c < r->jpeg.num_components; c++)
        for (int k = 0; k < DCTSIZE2; k++)
            if (r->jpeg.coef_bits[c][k] != 0)
                return false;
    return true;
}

/* Everything that may jump. */
static facet_status decode(reader *r, const facet__source *source)
{
    if (setjmp(r->out))
        return r->status;
    jpeg_create_decompress(&r->jpeg);
    r->jpeg.progress = &r->progress;
    jpeg_mem_src(&r->jpeg, source->bytes, (unsigned long)source->size);
    jpeg_save_markers(&r->jpeg, EXIF_MARKER, EXIF_MAX);
    jpeg_read_header(&r->jpeg, TRUE);
    r->status = prepare(r, source);
    if (r->status != FACET_OK)
        return r->status;
    jpeg_start_decompress(&r->jpeg);
    read_rows(r);
    /* What follows the last row (a second picture, padding, no end marker) is
     * nobody's business: jpeg_finish_decompress is not called. Of a picture in
     * several scans, which are read to the end before, only the end marker may
     * be missing. */
    if (r->ended && !has_all_scans(r))
        return facet__fail(
            r->err, FACET_ETRUNCATED, "JPEG: scans are missing; %s", cut_short);
    return FACET_OK;
}

facet_status facet__jpeg_decode(
    const facet__source *source, facet_image **out, facet_error *err)
{
    reader *r = facet__calloc(1, sizeof *r);
    facet_status status;

    *out = NULL;
    if (!r)
        return facet__fail_memory(err);
    r->err = err;
    reader_begin(r);
    status = decode(r, source);
    jpeg_destroy_decompress(&r->jpeg);
    facet__strip_end(&r->strip);
    facet__free(r->cmyk);
    if (status == FACET_OK)
        *out = r->image;
    else
        facet_image_free(r->image);
    facet__free(r);
    return status;
}
