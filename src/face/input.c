/* SPDX-License-Identifier: Apache-2.0 */
/* input.c - see input.h. Pixels are bytes, so what becomes of them is a table
 * of 256 floats a channel, made once a call: that is exact and the same on
 * every machine. */
#include "face/input.h"

#include "base/error.h"

enum { MOST_SIDE = 1 << 14 }; /* beyond any network, within all arithmetic */

facet_status facet__input_only(
    const facet_model *model, facet_tensor_info *out, facet_error *err)
{
    const size_t count = facet_model_input_count(model);

    if (count != 1)
        return facet__fail(err, FACET_EMODEL,
            "the network has %zu inputs: only networks of one are run", count);
    return facet_model_input_info(model, 0, out);
}

int64_t facet__info_count(const facet_tensor_info *info)
{
    int64_t count = 1;

    for (int i = 0; i < info->n_dims; i++)
        count *= info->dims[i];
    return count;
}

facet_status facet__input_of(
    const facet_tensor_info *info, facet__input *out, facet_error *err)
{
    const int64_t *dims = info->dims;
    bool last;

    if (info->n_dims != 4 || (dims[1] != 3 && dims[3] != 3))
        return facet__fail(err, FACET_EMODEL,
            "input \"%.60s\" is no image: it needs [n, 3, height, width] or "
            "[n, height, width, 3]",
            info->name);
    last = dims[1] != 3;
    *out = (facet__input){
        .channels_last = last,
        .batch = dims[0],
        .height = dims[last ? 1 : 2],
        .width = dims[last ? 2 : 3],
    };
    if (out->height > MOST_SIDE || out->width > MOST_SIDE)
        return facet__fail(err, FACET_EMODEL,
            "input \"%.60s\" of %lld x %lld pixels; at most %d a side",
            info->name, (long long)out->width, (long long)out->height,
            MOST_SIDE);
    return FACET_OK;
}

void facet__input_dims(const facet__input *input, int64_t batch, int64_t height,
    int64_t width, int64_t dims[4])
{
    dims[0] = batch;
    dims[1] = input->channels_last ? height : 3;
    dims[2] = input->channels_last ? width : height;
    dims[3] = input->channels_last ? 3 : width;
}

/* One channel: `pixels` bytes three apart to floats `step` apart. */
static void fill_row(const float table[256], const uint8_t *pixels,
    size_t count, float *out, size_t step)
{
    for (size_t i = 0; i < count; i++)
        out[i * step] = table[pixels[3 * i]];
}

static void clear_row(float *out, size_t from, size_t to, size_t step)
{
    for (size_t i = from; i < to; i++)
        out[i * step] = 0.0F;
}

/* Channel `c` of the network's input. */
static void fill_channel(const facet__input *input,
    const facet_settings *settings, int c, facet__view view, int32_t width,
    int32_t height, float *out)
{
    const size_t step = input->channels_last ? 3 : 1;
    const size_t row_floats = (size_t)width * step;
    const int byte = settings->color == FACET_COLOR_BGR ? 2 - c : c;
    const size_t count = (size_t)(view.width < width ? view.width : width);
    float table[256];

    for (int v = 0; v < 256; v++)
        table[v] = ((float)v - settings->mean[c]) * settings->scale[c];
    out += input->channels_last ? (size_t)c
                                : (size_t)c * (size_t)height * row_floats;
    for (int32_t row = 0; row < height; row++, out += row_floats) {
        const bool inside = row < view.height;

        if (inside)
            fill_row(table, view.data + (size_t)row * view.stride + byte, count,
                out, step);
        clear_row(out, inside ? count : 0, (size_t)width, step);
    }
}

void facet__input_fill(const facet__input *input,
    const facet_settings *settings, facet__view view, int32_t x, int32_t y,
    int32_t width, int32_t height, float *out)
{
    view.data += (size_t)y * view.stride + (size_t)3 * (size_t)x;
    view.width -= x;
    view.height -= y;
    for (int c = 0; c < 3; c++)
        fill_channel(input, settings, c, view, width, height, out);
}
