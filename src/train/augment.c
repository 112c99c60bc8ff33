/* SPDX-License-Identifier: Apache-2.0 */
/* augment.c - see augment.h. The order is that of a real picture's life: the
 * camera is far away (shrink), out of focus (blur), in some light (color), the
 * file is compressed, something stands before the face (erase). */
#include "train/augment.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "image/resize.h"
#include "image/warp.h"

static const double pi = 3.14159265358979323846;

void facet__augment_init(facet__augment *augment)
{
    *augment = (facet__augment){
        .blur_sigma = 2,
        .jpeg_low = 30,
        .shrink_low = .35,
        .erase_area = .15,
    };
}

/* A number in [1 - range, 1 + range]. */
static double around_one(facet__random *random, double range)
{
    return facet__random_between(random, 1 - range, 1 + range);
}

facet__jitter facet__jitter_draw(
    const facet__augment *a, facet__random *random, double frame)
{
    /* Every number is drawn, used or not, so that switching one augmentation
     * off leaves the others as they were. */
    const bool flip = facet__random_unit(random) < a->flip;
    const double dx = facet__random_between(random, -a->shift, a->shift);
    const double dy = facet__random_between(random, -a->shift, a->shift);
    const double scale =
        pow(1 + a->scale, facet__random_between(random, -1, 1));
    const double angle =
        facet__random_between(random, -a->rotate, a->rotate) * pi / 180;
    const double c = scale * cos(angle), s = scale * sin(angle);
    const double middle = (frame - 1) / 2;
    const double side = flip ? -1 : 1;
    facet__jitter j = { { side * c, -s, 0, side * s, c, 0 } };

    j.map[2] = middle + dx - j.map[0] * middle - j.map[1] * middle;
    j.map[5] = middle + dy - j.map[3] * middle - j.map[4] * middle;
    return j;
}

void facet__crop_init(
    facet__crop *crop, int32_t width, int32_t height, double frame)
{
    *crop = (facet__crop){
        .width = width,
        .height = height,
        .map = { 1, 0, (frame - width) / 2, 0, 1, (frame - height) / 2 },
        .mean = { 127.5, 127.5, 127.5 },
        .scale = { 1 / 128., 1 / 128., 1 / 128. },
    };
}

void facet__crop_init_0095(facet__crop *crop, double frame)
{
    /* data/README gives frame of 128 -> crop: x' = a x - b y + t,
     * y' = b x + a y + u; here its inverse. */
    const double a = 1.21634228, b = .00220557, t = -13.6666, u = -15.0742;
    const double n = a * a + b * b;
    const double scale = frame / 128;

    *crop = (facet__crop){
        .width = 128,
        .height = 128,
        .map = { a / n, b / n, -(a * t + b * u) / n, -b / n, a / n,
            (b * t - a * u) / n },
        .scale = { 1, 1, 1 },
        .bgr = true,
    };
    for (int i = 0; i < 6; i++) /* the corner at -1/2 stays */
        crop->map[i] = i % 3 == 2 ? (crop->map[i] + .5) * scale - .5
                                  : crop->map[i] * scale;
}

/* out = outer after inner, both affine. */
static void compose(const double outer[6], const double inner[6], double out[6])
{
    for (int r = 0; r < 2; r++) {
        const double *o = outer + 3 * r;

        out[3 * r] = o[0] * inner[0] + o[1] * inner[3];
        out[3 * r + 1] = o[0] * inner[1] + o[1] * inner[4];
        out[3 * r + 2] = o[0] * inner[2] + o[1] * inner[5] + o[2];
    }
}

/* Does the map move by whole pixels only? Then nothing is interpolated. */
static bool is_shift(const double map[6], facet__view view,
    const facet__crop *crop, int32_t *x, int32_t *y)
{
    const double left = round(map[2]), top = round(map[5]);

    if (fabs(map[0] - 1) + fabs(map[1]) + fabs(map[3]) + fabs(map[4] - 1) >
            1e-9 ||
        fabs(map[2] - left) + fabs(map[5] - top) > 1e-6 || left < 0 ||
        top < 0 || left + crop->width > view.width ||
        top + crop->height > view.height)
        return false;
    *x = (int32_t)left;
    *y = (int32_t)top;
    return true;
}

facet_status facet__crop_cut(const facet__crop *crop,
    const facet__jitter *jitter, double frame, const facet_image *image,
    uint8_t *rgb)
{
    const facet__view view = facet__image_view(image);
    const double across = view.width / frame, down = view.height / frame;
    /* Frame -> picture, pixel centers: 0 goes to (across - 1) / 2. */
    const double stretch[6] = { across, 0, (across - 1) / 2, 0, down,
        (down - 1) / 2 };
    double inner[6], map[6];
    float inverse[6];
    int32_t x, y;

    compose(jitter->map, crop->map, inner);
    compose(stretch, inner, map);
    if (is_shift(map, view, crop, &x, &y)) {
        for (int32_t r = 0; r < crop->height; r++)
            memcpy(rgb + (size_t)r * (size_t)crop->width * 3,
                view.data + (size_t)(y + r) * view.stride + (size_t)x * 3,
                (size_t)crop->width * 3);
        return FACET_OK;
    }
    for (int i = 0; i < 6; i++)
        inverse[i] = (float)map[i];
    return facet__warp_similarity(
        view, inverse, rgb, crop->width, crop->height, (size_t)crop->width * 3);
}

static uint8_t clamp_pixel(float v)
{
    return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)(v + .5f);
}

/* Brightness scales, contrast spreads about the middle gray of 128, saturation
 * about each pixel's own gray: together one affine map of colors. */
static void change_colors(
    const facet__augment *a, facet__random *random, uint8_t *rgb, size_t pixels)
{
    const double bright = around_one(random, a->brightness);
    const double contrast = around_one(random, a->contrast);
    double saturation = around_one(random, a->saturation);
    float keep, mix, offset;

    if (facet__random_unit(random) < a->gray)
        saturation = 0;
    if (fabs(bright - 1) + fabs(contrast - 1) + fabs(saturation - 1) < 1e-9)
        return;
    keep = (float)(bright * contrast * saturation);
    mix = (float)(bright * contrast * (1 - saturation));
    offset = (float)(128 * (1 - contrast));
    for (size_t i = 0; i < pixels; i++, rgb += 3) {
        const float r = rgb[0], g = rgb[1], b = rgb[2];
        const float base = mix * (.299f * r + .587f * g + .114f * b) + offset;

        rgb[0] = clamp_pixel(keep * r + base);
        rgb[1] = clamp_pixel(keep * g + base);
        rgb[2] = clamp_pixel(keep * b + base);
    }
}

enum { BLUR_RADIUS = 8 };

/* Half of a Gaussian's taps, summing up to 1 over both sides. */
static int gaussian(double sigma, float taps[BLUR_RADIUS + 1])
{
    const int radius = (int)fmin(ceil(2.5 * sigma), BLUR_RADIUS);
    double sum = 0;

    for (int i = -radius; i <= radius; i++)
        sum += exp(-.5 * i * i / (sigma * sigma));
    for (int i = 0; i <= radius; i++)
        taps[i] = (float)(exp(-.5 * i * i / (sigma * sigma)) / sum);
    return radius;
}

/* One direction: `count` pixels that stand `step` bytes apart, for each of
 * `lines` lines; borders repeat. */
static void blur_lines(uint8_t *rgb, size_t count, size_t step, size_t lines,
    size_t line_step, const float *taps, int radius)
{
    float old[2048 * 3];

    for (size_t l = 0; l < lines; l++, rgb += line_step) {
        for (size_t i = 0; i < count * 3; i++)
            old[i] = rgb[i / 3 * step + i % 3];
        for (size_t i = 0; i < count; i++)
            for (size_t c = 0; c < 3; c++) {
                float sum = taps[0] * old[i * 3 + c];

                for (size_t r = 1; r <= (size_t)radius; r++) {
                    const size_t low = i < r ? 0 : i - r;
                    const size_t high = i + r < count ? i + r : count - 1;

                    sum += taps[r] * (old[low * 3 + c] + old[high * 3 + c]);
                }
                rgb[i * step + c] = clamp_pixel(sum);
            }
    }
}

static void blur(const facet__augment *a, facet__random *random, uint8_t *rgb,
    size_t width, size_t height)
{
    const bool wanted = facet__random_unit(random) < a->blur;
    const double sigma = facet__random_between(random, .5, a->blur_sigma);
    float taps[BLUR_RADIUS + 1];
    int radius;

    if (!wanted || width > 2048 || height > 2048)
        return;
    radius = gaussian(sigma, taps);
    blur_lines(rgb, width, 3, height, width * 3, taps, radius);
    blur_lines(rgb, height, width * 3, width, 3, taps, radius);
}

static facet__view view_of(const uint8_t *rgb, int32_t width, int32_t height)
{
    return (facet__view){ rgb, width, height, (size_t)width * 3 };
}

static facet_status shrink(const facet__augment *a, facet__random *random,
    uint8_t *rgb, int32_t width, int32_t height)
{
    const bool wanted = facet__random_unit(random) < a->shrink;
    const double to = facet__random_between(random, a->shrink_low, 1);
    const int32_t w = (int32_t)fmax(1, round(width * to));
    const int32_t h = (int32_t)fmax(1, round(height * to));
    uint8_t *small;
    facet_status st;

    if (!wanted)
        return FACET_OK;
    small = facet__alloc((size_t)w * (size_t)h * 3);
    if (!small)
        return FACET_ENOMEM;
    st = facet__resize(view_of(rgb, width, height), small, w, h, (size_t)w * 3);
    if (st == FACET_OK)
        st = facet__resize(
            view_of(small, w, h), rgb, width, height, (size_t)width * 3);
    facet__free(small);
    return st;
}

static facet_status compress(const facet__augment *a, facet__random *random,
    uint8_t *rgb, int32_t width, int32_t height)
{
    const bool wanted = facet__random_unit(random) < a->jpeg;
    const int quality = (int)facet__random_between(random, a->jpeg_low, 96);
    const facet_pixels pixels = { FACET_PIXELS_RGB, width, height, { rgb },
        { (size_t)width * 3 } };
    facet_image *image = NULL, *back = NULL;
    uint8_t *bytes = NULL;
    size_t size;
    facet_status st;

    if (!wanted)
        return FACET_OK;
    st = facet_image_from_pixels(&pixels, &image, NULL);
    if (st == FACET_OK)
        st = facet_image_encode(
            image, FACET_IMAGE_JPEG, quality, &bytes, &size, NULL);
    if (st == FACET_OK)
        st = facet_image_read_memory(bytes, size, NULL, &back, NULL);
    for (int32_t y = 0; st == FACET_OK && y < height; y++)
        memcpy(rgb + (size_t)y * (size_t)width * 3,
            facet_image_data(back) + (size_t)y * facet_image_stride(back),
            (size_t)width * 3);
    facet_image_bytes_free(bytes);
    facet_image_free(image);
    facet_image_free(back);
    return st;
}

static void erase(const facet__augment *a, facet__random *random, uint8_t *rgb,
    int32_t width, int32_t height)
{
    const bool wanted = facet__random_unit(random) < a->erase;
    const double area = facet__random_between(random, .02, a->erase_area);
    const double shape = pow(3, facet__random_between(random, -1, 1));
    const int32_t w = (int32_t)fmin(width, width * sqrt(area * shape));
    const int32_t h = (int32_t)fmin(height, height * sqrt(area / shape));
    const int32_t x = (int32_t)facet__random_between(random, 0, width - w + 1);
    const int32_t y = (int32_t)facet__random_between(random, 0, height - h + 1);

    for (int32_t r = y; wanted && r < y + h; r++)
        memset(rgb + ((size_t)r * (size_t)width + (size_t)x) * 3, 128,
            (size_t)w * 3);
}

facet_status facet__augment_pixels(const facet__augment *a,
    facet__random *random, uint8_t *rgb, int32_t width, int32_t height)
{
    const size_t w = (size_t)width, h = (size_t)height;
    facet_status st = shrink(a, random, rgb, width, height);

    if (st != FACET_OK)
        return st;
    blur(a, random, rgb, w, h);
    change_colors(a, random, rgb, w * h);
    st = compress(a, random, rgb, width, height);
    erase(a, random, rgb, width, height);
    return st;
}

void facet__crop_floats(const facet__crop *crop, const uint8_t *rgb, float *out)
{
    const size_t pixels = (size_t)crop->width * (size_t)crop->height;
    const size_t pixel_step = crop->nchw ? 1 : 3;
    const size_t channel_step = crop->nchw ? pixels : 1;

    for (size_t c = 0; c < 3; c++) {
        const size_t from = crop->bgr ? 2 - c : c;
        const float scale = (float)crop->scale[from];
        const float shift = (float)(-crop->mean[from] * crop->scale[from]);
        float *to = out + c * channel_step;

        for (size_t i = 0; i < pixels; i++)
            to[i * pixel_step] = scale * (float)rgb[i * 3 + from] + shift;
    }
}
