/* SPDX-License-Identifier: Apache-2.0 */
/* step_depthwise.c - depthwise convolutions, two rows at a time where the
 * filter goes down by one row. */
#include "nn/engine/conv_params.h"

static facet__depthwise_kernel *kernel_of(
    const facet__kernels *k, facet__dtype type)
{
    return type == FACET__I8     ? k->depthwise_int8
           : type == FACET__BF16 ? k->depthwise_bf16
                                 : k->depthwise_f32;
}

static void make_rows(
    const facet__step *step, const facet__run *run, size_t row, bool two)
{
    const conv_params *p = step->params;
    const facet__view *in = facet__in(step, run, 0);
    const facet__view *out = facet__out(step, run, 0);
    const facet__window *w = run->window;
    const size_t height = facet__view_h(out);
    const size_t line = facet__view_w(in) * p->out;
    const size_t image = row / height;
    const void *rows[FACET__DEPTHWISE_MAX + 1];
    facet__depthwise_row r = { .rows = rows,
        .two_rows = two,
        .kernel_h = p->kernel_h,
        .kernel_w = p->kernel_w,
        .stride = (size_t)w->stride[1],
        .dilation = (size_t)w->dilation[1],
        .pad = (size_t)w->pad_begin[1],
        .in_width = facet__view_w(in),
        .out_width = facet__view_w(out),
        .channels = p->out,
        .weights = p->packed,
        .out = facet__view_at(out, row * facet__view_w(out) * p->out),
        .type = in->type,
        .out_type = out->type,
        .padding = p->padding,
        .epilogue = facet__conv_epilogue(p, 0) };

    for (size_t ky = 0; ky < p->kernel_h + (two ? 1 : 0); ky++) {
        const int64_t y = (int64_t)(row % height) * w->stride[0] -
                          w->pad_begin[0] + (int64_t)ky * w->dilation[0];

        rows[ky] = y >= 0 && y < in->shape.d[2]
                       ? facet__view_at(
                             in, (image * facet__view_h(in) + (size_t)y) * line)
                       : NULL;
    }
    kernel_of(run->kernels, p->type)(&r);
}

static void rows(const facet__step *step, const facet__run *run, int thread,
    size_t first, size_t end)
{
    const size_t height = facet__view_h(facet__out(step, run, 0));
    const bool pairs =
        run->window->stride[0] == 1 && run->window->dilation[0] == 1;

    (void)thread;
    while (first < end) {
        const bool two =
            pairs && first + 1 < end && first % height + 1 < height;

        make_rows(step, run, first, two);
        first += two ? 2 : 1;
    }
}

static void run_depthwise(const facet__step *step, const facet__run *run)
{
    facet__run_by_rows(step, run, 2);
}

const facet__step_class facet__step_depthwise = { .name = "depthwise",
    .run = run_depthwise,
    .rows = rows,
    .free = facet__conv_free };
