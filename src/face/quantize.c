/* SPDX-License-Identifier: Apache-2.0 */
/* quantize.c - pictures as a network's samples, then nn/quantize. */
#include "facet/quantize.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/options.h"
#include "face/input.h"
#include "face/settings.h"
#include "facet/settings.h"
#include "nn/answers.h"
#include "nn/model.h"
#include "nn/onnx.h"
#include "nn/quantize/quantize.h"

enum { ANY_SIDE = 640 }; /* of the input of a network that takes any */

void facet_quantize_opts_init(facet_quantize_opts *opts)
{
    if (opts)
        *opts = (facet_quantize_opts){ .size = sizeof *opts, .threads = 1 };
}

/* How the network is fed. */
typedef struct feed {
    facet_settings settings;
    facet__input input;
    int32_t width, height;
} feed;

static facet_status find_feed(const char *source, feed *f, facet_error *err)
{
    facet_model_opts opts;
    facet_model *model = NULL;
    facet_tensor_info info;
    facet_status st;

    facet_model_opts_init(&opts);
    opts.precision = FACET_PRECISION_FP32;
    st = facet_model_load(source, &opts, &model, err);
    if (st == FACET_OK) /* and that there is an input for them */
        st = facet_settings_read(model, &f->settings, err);
    if (st == FACET_OK)
        st = facet__input_only(model, &info, err);
    if (st == FACET_OK)
        st = facet__input_of(&info, &f->input, err);
    if (st == FACET_OK) {
        f->width = f->settings.width > 0 ? f->settings.width
                   : f->input.width > 0  ? (int32_t)f->input.width
                                         : ANY_SIDE;
        f->height = f->settings.height > 0 ? f->settings.height
                    : f->input.height > 0  ? (int32_t)f->input.height
                                           : ANY_SIDE;
    }
    facet_model_free(model);
    return st;
}

static void free_samples(facet__samples *samples)
{
    for (size_t i = 0; samples->x && i < samples->count; i++)
        facet__free(samples->x[i]);
    facet__free(samples->x);
}

static facet_status check_image(
    const feed *f, const facet_image *image, facet_error *err)
{
    if (!image)
        return facet__fail(err, FACET_EINVAL, "a picture is NULL");
    if (f->settings.task == FACET_TASK_EMBEDDER &&
        (image->width != f->width || image->height != f->height))
        return facet__fail(err, FACET_EINVAL,
            "a crop of %d x %d pixels, and the network wants %d x %d: align "
            "with its template, %s",
            image->width, image->height, f->width, f->height,
            f->settings.align.name);
    return FACET_OK;
}

static facet_status make_samples(const feed *f,
    const facet_image *const *images, size_t count, facet__samples *samples,
    facet_error *err)
{
    const size_t floats = (size_t)f->width * (size_t)f->height * 3;
    facet_status st = FACET_OK;

    *samples = (facet__samples){ .shape = { .n = 4 } };
    facet__input_dims(&f->input, 1, f->height, f->width, samples->shape.d);
    samples->x = facet__calloc(count, sizeof *samples->x);
    if (!samples->x)
        return facet__fail_memory(err);
    samples->count = count;
    for (size_t i = 0; i < count && st == FACET_OK; i++) {
        st = check_image(f, images[i], err);
        if (st != FACET_OK)
            break;
        samples->x[i] = facet__alloc(floats * sizeof **samples->x);
        if (!samples->x[i])
            return facet__fail_memory(err);
        facet__input_fill(&f->input, &f->settings, facet__image_view(images[i]),
            0, 0, f->width, f->height, samples->x[i]);
    }
    return st;
}

/* What the original was measured to answer holds for it alone. Its threshold
 * stays: a guess as good as the loss is small, until `facet calibrate`
 * measures. */
static facet_status forget_answers(facet__graph *graph, facet_error *err)
{
    return facet__answers_forget(graph) == FACET_OK ? FACET_OK
                                                    : facet__fail_memory(err);
}

static facet_status quantize(const char *source, const feed *f,
    const facet__samples *samples, const facet_quantize_opts *o,
    const char *path, facet_quantize_report *report, facet_error *err)
{
    const facet__quantize_opts opts = { o->loss, o->threads };
    facet__quantized made;
    facet__graph *graph = NULL;
    facet_status st = facet__onnx_read(source, NULL, &graph, err);

    if (st == FACET_OK)
        st = facet__graph_quantize(graph, samples, &opts, &made, err);
    if (st == FACET_OK) /* its digest is another: nobody knows it by that */
        st = facet__settings_annotate(graph, &f->settings, err);
    if (st == FACET_OK)
        st = forget_answers(graph, err);
    if (st == FACET_OK)
        st = facet__onnx_write(graph, path, err);
    if (st == FACET_OK && report)
        *report = (facet_quantize_report){ made.convolutions, made.in_int8,
            made.maps, made.kept, made.loss_at_first, made.loss };
    facet__graph_free(graph);
    return st;
}

facet_status facet_model_quantize(const char *source,
    const facet_image *const *images, size_t count,
    const facet_quantize_opts *opts, const char *path,
    facet_quantize_report *report, facet_error *err)
{
    facet_quantize_opts o;
    facet__samples samples = { .count = 0 };
    feed f;
    facet_status st;

    if (!source || !path || !images || count == 0)
        return facet__fail(err, FACET_EINVAL,
            "quantize: a network, at least one picture and a path for the "
            "copy are needed");
    facet_quantize_opts_init(&o);
    st = facet__file_check_copy(source, path, err);
    if (st == FACET_OK)
        st = facet__options_take(
            &o, sizeof o, opts, "facet_quantize_opts_init", err);
    if (st != FACET_OK)
        return st;
    if (!(o.loss >= 0))
        return facet__fail(err, FACET_EINVAL, "the loss wanted is %g", o.loss);
    st = find_feed(source, &f, err);
    if (st == FACET_OK)
        st = make_samples(&f, images, count, &samples, err);
    if (st == FACET_OK)
        st = quantize(source, &f, &samples, &o, path, report, err);
    free_samples(&samples);
    return st;
}
