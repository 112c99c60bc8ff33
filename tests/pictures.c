/* SPDX-License-Identifier: Apache-2.0 */
/* pictures.c - see pictures.h. Encoders that fail end the program: a test that
 * cannot make its input has nothing to say. */
#include "pictures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>

#if FACET_HAVE_HEIF
#include <libheif/heif.h>
#endif

enum { W = PICTURE_WIDTH, H = PICTURE_HEIGHT };

uint8_t picture_pattern(int x, int y, int channel)
{
    const int ramps[3] = { 20 + 4 * x, 230 - 5 * y, 30 + 2 * x + 2 * y };

    return (uint8_t)ramps[channel];
}

uint8_t picture_pattern_gray(int x, int y)
{
    return (uint8_t)(40 + 2 * x + 2 * y);
}

uint8_t picture_pattern_alpha(int x, int y)
{
    return (uint8_t)(y < 4 ? 0 : y < 8 ? 255 : 4 * x + y);
}

int picture_palette_index(int x, int y)
{
    return (x / 4 + y / 3) % 16;
}

uint8_t picture_palette(int index, int channel)
{
    return (uint8_t)(index * (channel + 3) * 5);
}

int picture_bit(int x, int y)
{
    return (x * 7 + y * 5) / 11 % 2;
}

uint8_t picture_expected(picture_look look, int x, int y, int channel)
{
    int v = picture_pattern(x, y, channel);
    const int alpha = picture_pattern_alpha(x, y);

    switch (look) {
    case LOOK_RGB:
        break;
    case LOOK_GRAY:
        v = picture_pattern_gray(x, y);
        break;
    case LOOK_ALPHA:
        v = (v * alpha + 255 * (255 - alpha) + 127) / 255;
        break;
    case LOOK_PALETTE:
        v = picture_palette(picture_palette_index(x, y), channel);
        break;
    case LOOK_BITS:
        v = 255 * picture_bit(x, y);
        break;
    }
    return (uint8_t)v;
}

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "cannot make a test picture: %s\n", what);
    exit(EXIT_FAILURE);
}

static picture room(size_t size)
{
    picture p = { malloc(size), size };

    require(p.bytes != NULL, "memory");
    return p;
}

void picture_free(picture *p)
{
    free(p->bytes);
    *p = (picture){ NULL, 0 };
}

/* ---- JPEG ---- */

typedef struct jpeg_kind {
    J_COLOR_SPACE given, stored;
    int sampling; /* of luma, horizontally and vertically */
    bool progressive, restarts, arithmetic;
} jpeg_kind;

static void jpeg_row(const jpeg_kind *kind, int y, uint8_t *row)
{
    for (int x = 0; x < W; x++) {
        if (kind->given == JCS_GRAYSCALE)
            row[x] = picture_pattern_gray(x, y);
        else if (kind->given == JCS_RGB)
            for (int c = 0; c < 3; c++)
                row[3 * x + c] = picture_pattern(x, y, c);
        else /* Adobe's inverted CMYK, no black: it reads like RGB */
            for (int c = 0; c < 4; c++)
                row[4 * x + c] = c < 3 ? picture_pattern(x, y, c) : 255;
    }
}

static picture make_jpeg(jpeg_kind kind)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    uint8_t row[W * 4];
    uint8_t *rows[1] = { row };

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &size);
    jpeg.image_width = W;
    jpeg.image_height = H;
    jpeg.in_color_space = kind.given;
    jpeg.input_components = kind.given == JCS_GRAYSCALE ? 1
                            : kind.given == JCS_RGB     ? 3
                                                        : 4;
    jpeg_set_defaults(&jpeg);
    jpeg_set_colorspace(&jpeg, kind.stored);
    jpeg_set_quality(&jpeg, 95, TRUE);
    jpeg.comp_info[0].h_samp_factor = kind.sampling;
    jpeg.comp_info[0].v_samp_factor = kind.sampling;
    jpeg.arith_code = kind.arithmetic;
    jpeg.restart_interval = kind.restarts ? 2 : 0;
    if (kind.progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < H; y++) {
        jpeg_row(&kind, y, row);
        jpeg_write_scanlines(&jpeg, rows, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return (picture){ bytes, size };
}

static picture jpeg_baseline(void)
{
    return make_jpeg((jpeg_kind){ JCS_RGB, JCS_YCbCr, 2, 0, 0, 0 });
}

static picture jpeg_444(void)
{
    return make_jpeg((jpeg_kind){ JCS_RGB, JCS_YCbCr, 1, 0, 0, 0 });
}

static picture jpeg_progressive(void)
{
    return make_jpeg((jpeg_kind){ JCS_RGB, JCS_YCbCr, 2, 1, 0, 0 });
}

static picture jpeg_restarts(void)
{
    return make_jpeg((jpeg_kind){ JCS_RGB, JCS_YCbCr, 2, 0, 1, 0 });
}

static picture jpeg_arithmetic(void)
{
    return make_jpeg((jpeg_kind){ JCS_RGB, JCS_YCbCr, 2, 0, 0, 1 });
}

static picture jpeg_rgb(void)
{
    return make_jpeg((jpeg_kind){ JCS_RGB, JCS_RGB, 1, 0, 0, 0 });
}

static picture jpeg_gray(void)
{
    return make_jpeg((jpeg_kind){ JCS_GRAYSCALE, JCS_GRAYSCALE, 1, 0, 0, 0 });
}

static picture jpeg_cmyk(void)
{
    return make_jpeg((jpeg_kind){ JCS_CMYK, JCS_CMYK, 1, 0, 0, 0 });
}

static picture jpeg_ycck(void)
{
    return make_jpeg((jpeg_kind){ JCS_CMYK, JCS_YCCK, 2, 1, 0, 0 });
}

/* ---- PNG ---- */

typedef struct png_kind {
    int color, depth;
    bool interlaced, transparent;
} png_kind;

static void png_append(png_structp png, png_bytep from, size_t count)
{
    picture *p = png_get_io_ptr(png);

    p->bytes = realloc(p->bytes, p->size + count);
    require(p->bytes != NULL, "memory");
    memcpy(p->bytes + p->size, from, count);
    p->size += count;
}

static void png_flush_nothing(png_structp png)
{
    (void)png;
}

/* Put sample `index` of a row, big-endian or packed; an 8-bit value is repeated
 * in 16 bits and cut down in fewer. */
static void put_sample(uint8_t *row, int depth, int index, int value)
{
    const int per_byte = 8 / depth;

    if (depth == 16) {
        row[2 * index] = row[2 * index + 1] = (uint8_t)value;
    } else {
        const int shift = 8 - depth * (index % per_byte + 1);

        row[index / per_byte] =
            (uint8_t)(row[index / per_byte] | value << shift);
    }
}

static void png_row(const png_kind *kind, int y, uint8_t *row)
{
    const bool color = kind->color & PNG_COLOR_MASK_COLOR;
    const bool alpha = kind->color & PNG_COLOR_MASK_ALPHA;
    const int channels = (color ? 3 : 1) + alpha;

    for (int x = 0; x < W; x++) {
        if (kind->color == PNG_COLOR_TYPE_PALETTE) {
            put_sample(row, kind->depth, x,
                picture_palette_index(x, y) % (1 << kind->depth));
            continue;
        }
        if (kind->depth < 8) {
            put_sample(row, kind->depth, x,
                picture_bit(x, y) * ((1 << kind->depth) - 1));
            continue;
        }
        for (int c = 0; c < channels; c++) {
            const int value = alpha && c == channels - 1
                                  ? picture_pattern_alpha(x, y)
                              : color ? picture_pattern(x, y, c)
                                      : picture_pattern_gray(x, y);
            put_sample(row, kind->depth, x * channels + c, value);
        }
    }
}

static void png_describe(png_structp png, png_infop info, const png_kind *kind)
{
    png_color palette[16];
    png_byte alpha[16];

    png_set_IHDR(png, info, W, H, kind->depth, kind->color,
        kind->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
        PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (kind->color != PNG_COLOR_TYPE_PALETTE)
        return;
    for (int i = 0; i < 16; i++) {
        palette[i] = (png_color){ picture_palette(i, 0), picture_palette(i, 1),
            picture_palette(i, 2) };
        alpha[i] = 255;
    }
    png_set_PLTE(png, info, palette, 1 << (kind->depth < 4 ? kind->depth : 4));
    if (kind->transparent)
        png_set_tRNS(png, info, alpha, 3, NULL);
}

static picture make_png(png_kind kind)
{
    picture p = { NULL, 0 };
    uint8_t rows[H][W * 8] = { { 0 } };
    png_bytep pointers[H];
    png_structp png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;

    require(info != NULL, "libpng");
    if (setjmp(png_jmpbuf(png)))
        require(false, "libpng");
    png_set_write_fn(png, &p, png_append, png_flush_nothing);
    png_describe(png, info, &kind);
    for (int y = 0; y < H; y++) {
        png_row(&kind, y, rows[y]);
        pointers[y] = rows[y];
    }
    png_write_info(png, info);
    png_write_image(png, pointers);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return p;
}

#define PNG_MAKER(name, color, depth, interlaced, transparent)                 \
    static picture png_##name(void)                                            \
    {                                                                          \
        return make_png((png_kind){                                            \
            PNG_COLOR_TYPE_##color, depth, interlaced, transparent });         \
    }
PNG_MAKER(gray1, GRAY, 1, 0, 0)
PNG_MAKER(gray2, GRAY, 2, 0, 0)
PNG_MAKER(gray4, GRAY, 4, 1, 0)
PNG_MAKER(gray8, GRAY, 8, 0, 0)
PNG_MAKER(gray16, GRAY, 16, 0, 0)
PNG_MAKER(rgb8, RGB, 8, 0, 0)
PNG_MAKER(rgb16, RGB, 16, 1, 0)
PNG_MAKER(palette4, PALETTE, 4, 0, 0)
PNG_MAKER(palette8, PALETTE, 8, 1, 0)
PNG_MAKER(palette8_alpha, PALETTE, 8, 0, 1)
PNG_MAKER(rgba8, RGB_ALPHA, 8, 0, 0)
PNG_MAKER(rgba8_interlaced, RGB_ALPHA, 8, 1, 0)
PNG_MAKER(rgba16, RGB_ALPHA, 16, 0, 0)
PNG_MAKER(rgb8_interlaced, RGB, 8, 1, 0)

/* ---- WebP ---- */

static picture make_webp(bool alpha, bool lossless)
{
    const int channels = alpha ? 4 : 3;
    uint8_t rows[W * H * 4];
    uint8_t *made = NULL;
    size_t size;
    picture p;

    for (int i = 0; i < W * H; i++)
        for (int c = 0; c < channels; c++)
            rows[i * channels + c] = c < 3
                                         ? picture_pattern(i % W, i / W, c)
                                         : picture_pattern_alpha(i % W, i / W);
    if (alpha)
        size = lossless ? WebPEncodeLosslessRGBA(rows, W, H, W * 4, &made)
                        : WebPEncodeRGBA(rows, W, H, W * 4, 95, &made);
    else
        size = lossless ? WebPEncodeLosslessRGB(rows, W, H, W * 3, &made)
                        : WebPEncodeRGB(rows, W, H, W * 3, 95, &made);
    require(size > 0, "libwebp");
    p = room(size);
    memcpy(p.bytes, made, size);
    WebPFree(made);
    return p;
}

static picture webp_lossy(void)
{
    return make_webp(false, false);
}

static picture webp_lossless(void)
{
    return make_webp(false, true);
}

static picture webp_lossy_alpha(void)
{
    return make_webp(true, false);
}

static picture webp_lossless_alpha(void)
{
    return make_webp(true, true);
}

/* ---- HEIC ---- */

#if FACET_HAVE_HEIF
static struct heif_error heif_append(
    struct heif_context *context, const void *data, size_t size, void *user)
{
    picture *p = user;

    (void)context;
    *p = room(size);
    memcpy(p->bytes, data, size);
    return (struct heif_error){ heif_error_Ok, heif_suberror_Unspecified, "" };
}

static picture heic_rgb(void)
{
    struct heif_context *context = heif_context_alloc();
    struct heif_encoder *encoder = NULL;
    struct heif_image *image = NULL;
    struct heif_writer writer = { 1, heif_append };
    picture p = { NULL, 0 };
    uint8_t *rows;
    int stride;

    if (heif_context_get_encoder_for_format(
            context, heif_compression_HEVC, &encoder)
            .code != heif_error_Ok) {
        heif_context_free(context);
        return p; /* decoding only */
    }
    heif_encoder_set_lossy_quality(encoder, 95);
    heif_image_create(
        W, H, heif_colorspace_RGB, heif_chroma_interleaved_RGB, &image);
    heif_image_add_plane(image, heif_channel_interleaved, W, H, 24);
    rows = heif_image_get_plane(image, heif_channel_interleaved, &stride);
    for (int y = 0; y < H; y++)
        for (int i = 0; i < W * 3; i++)
            rows[y * stride + i] = picture_pattern(i / 3, y, i % 3);
    require(
        heif_context_encode_image(context, image, encoder, NULL, NULL).code ==
            heif_error_Ok,
        "libheif");
    heif_context_write(context, &writer, &p);
    heif_image_release(image);
    heif_encoder_release(encoder);
    heif_context_free(context);
    return p;
}
#endif

const picture_kind picture_kinds[] = {
    { "baseline.jpg", LOOK_RGB, 8, jpeg_baseline },
    { "444.jpg", LOOK_RGB, 4, jpeg_444 },
    { "progressive.jpg", LOOK_RGB, 8, jpeg_progressive },
    { "restarts.jpg", LOOK_RGB, 8, jpeg_restarts },
    { "arithmetic.jpg", LOOK_RGB, 8, jpeg_arithmetic },
    { "rgb.jpg", LOOK_RGB, 4, jpeg_rgb },
    { "gray.jpg", LOOK_GRAY, 3, jpeg_gray },
    { "cmyk.jpg", LOOK_RGB, 4, jpeg_cmyk },
    { "ycck.jpg", LOOK_RGB, 8, jpeg_ycck },
    { "gray1.png", LOOK_BITS, 0, png_gray1 },
    { "gray2.png", LOOK_BITS, 0, png_gray2 },
    { "gray4-interlaced.png", LOOK_BITS, 0, png_gray4 },
    { "gray8.png", LOOK_GRAY, 0, png_gray8 },
    { "gray16.png", LOOK_GRAY, 0, png_gray16 },
    { "rgb8.png", LOOK_RGB, 0, png_rgb8 },
    { "rgb8-interlaced.png", LOOK_RGB, 0, png_rgb8_interlaced },
    { "rgb16-interlaced.png", LOOK_RGB, 0, png_rgb16 },
    { "palette4.png", LOOK_PALETTE, 0, png_palette4 },
    { "palette8-interlaced.png", LOOK_PALETTE, 0, png_palette8 },
    { "palette8-alpha.png", LOOK_PALETTE, 0, png_palette8_alpha },
    { "rgba8.png", LOOK_ALPHA, 0, png_rgba8 },
    { "rgba8-interlaced.png", LOOK_ALPHA, 0, png_rgba8_interlaced },
    { "rgba16.png", LOOK_ALPHA, 0, png_rgba16 },
    { "lossy.webp", LOOK_RGB, 10, webp_lossy },
    { "lossless.webp", LOOK_RGB, 0, webp_lossless },
    { "lossy-alpha.webp", LOOK_ALPHA, 10, webp_lossy_alpha },
    { "lossless-alpha.webp", LOOK_ALPHA, 0, webp_lossless_alpha },
#if FACET_HAVE_HEIF
    { "rgb.heic", LOOK_RGB, 10, heic_rgb },
#endif
};
const size_t picture_kind_count = sizeof picture_kinds / sizeof *picture_kinds;

/* ---- EXIF ---- */

/* Little-endian TIFF: one IFD with one entry, Orientation (0x0112), SHORT. */
enum { EXIF_SIZE = 26, EXIF_VALUE = 18 };
static const uint8_t exif_block[EXIF_SIZE] = { 'I', 'I', 42, 0, 8, 0, 0, 0, 1,
    0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

uint32_t picture_crc(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static void put_big_32(uint8_t *to, size_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void put_little_32(uint8_t *to, size_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

/* A copy of `whole` with room for `count` bytes at `at`. */
static picture insert(picture whole, size_t at, size_t count)
{
    picture p = room(whole.size + count);

    memcpy(p.bytes, whole.bytes, at);
    memcpy(p.bytes + at + count, whole.bytes + at, whole.size - at);
    return p;
}

static picture jpeg_with_exif(picture whole, const uint8_t *exif)
{
    enum { AT = 2, HEAD = 10 };
    picture p = insert(whole, AT, HEAD + EXIF_SIZE);
    const uint8_t head[HEAD] = { 0xff, 0xe1, 0, HEAD - 2 + EXIF_SIZE, 'E', 'x',
        'i', 'f', 0, 0 };

    memcpy(p.bytes + AT, head, HEAD);
    memcpy(p.bytes + AT + HEAD, exif, EXIF_SIZE);
    return p;
}

static picture png_with_exif(picture whole, const uint8_t *exif)
{
    enum { AT = 8 + 25, HEAD = 8, CRC = 4 };
    picture p = insert(whole, AT, HEAD + EXIF_SIZE + CRC);

    put_big_32(p.bytes + AT, EXIF_SIZE);
    memcpy(p.bytes + AT + 4, "eXIf", 4);
    memcpy(p.bytes + AT + HEAD, exif, EXIF_SIZE);
    put_big_32(p.bytes + AT + HEAD + EXIF_SIZE,
        picture_crc(p.bytes + AT + 4, 4 + EXIF_SIZE));
    return p;
}

/* The extended header goes in front unless it is there, EXIF to the end. */
static picture webp_with_exif(picture whole, const uint8_t *exif)
{
    enum { AT = 12, EXTENDED = 18, HEAD = 8, ALPHA = 0x10, EXIF = 0x08 };
    const bool extended = !memcmp(whole.bytes + AT, "VP8X", 4);
    const bool lossless_alpha = !memcmp(whole.bytes + AT, "VP8L", 4) &&
                                whole.bytes[AT + HEAD + 4] & 0x10;
    picture p = insert(whole, AT, extended ? 0 : EXTENDED);
    picture q;

    if (!extended) {
        memcpy(p.bytes + AT, "VP8X\x0a\0\0", 8);
        memset(p.bytes + AT + HEAD, 0, 10);
        p.bytes[AT + HEAD] = lossless_alpha ? ALPHA : 0;
        p.bytes[AT + HEAD + 4] = W - 1;
        p.bytes[AT + HEAD + 7] = H - 1;
    }
    p.bytes[AT + HEAD] |= EXIF;
    q = insert(p, p.size, HEAD + EXIF_SIZE);
    memcpy(q.bytes + p.size, "EXIF", 4);
    put_little_32(q.bytes + p.size + 4, EXIF_SIZE);
    memcpy(q.bytes + p.size + HEAD, exif, EXIF_SIZE);
    put_little_32(q.bytes + 4, q.size - 8);
    picture_free(&p);
    return q;
}

picture picture_with_orientation(picture whole, int orientation)
{
    uint8_t exif[EXIF_SIZE];

    memcpy(exif, exif_block, EXIF_SIZE);
    exif[EXIF_VALUE] = (uint8_t)orientation;
    if (whole.bytes[0] == 0xff)
        return jpeg_with_exif(whole, exif);
    if (whole.bytes[0] == 'R')
        return webp_with_exif(whole, exif);
    require(whole.bytes[0] == 0x89, "EXIF in this format");
    return png_with_exif(whole, exif);
}
