/* SPDX-License-Identifier: Apache-2.0 */
/* ops.c - the operators facet knows. To add one: its kind in graph.h, a row
 * here, its evaluation in evaluate.c and, where it should be fast, a lowering
 * in engine/compile.c. */
#include "nn/ops.h"

#include <string.h>

#include "nn/shapes.h"

static const facet__op table[FACET__OP_COUNT] = {
#define ROW(kind, name, min, max, outputs, infer)                              \
    [FACET__OP_##kind] = { FACET__OP_##kind, name, min, max, outputs,          \
        facet__infer_##infer }
    ROW(ADD, "Add", 2, 2, 1, broadcast),
    ROW(AVERAGE_POOL, "AveragePool", 1, 1, 1, pool),
    ROW(BATCH_NORM, "BatchNormalization", 5, 5, 1, batch_norm),
    ROW(CAST, "Cast", 1, 1, 1, cast),
    ROW(CLIP, "Clip", 1, 3, 1, same),
    ROW(CONCAT, "Concat", 1, FACET__OP_ANY, 1, concat),
    ROW(CONSTANT, "Constant", 0, 0, 1, same), /* gone after reading */
    ROW(CONSTANT_OF_SHAPE, "ConstantOfShape", 1, 1, 1, constant_of_shape),
    ROW(CONV, "Conv", 2, 3, 1, conv),
    ROW(DEQUANTIZE, "DequantizeLinear", 2, 3, 1, same), /* likewise */
    ROW(DIV, "Div", 2, 2, 1, broadcast),
    ROW(DROPOUT, "Dropout", 1, 3, 1, same),
    ROW(ELU, "Elu", 1, 1, 1, same),
    ROW(EXP, "Exp", 1, 1, 1, same),
    ROW(EXPAND, "Expand", 2, 2, 1, expand),
    ROW(FLATTEN, "Flatten", 1, 1, 1, flatten),
    ROW(GATHER, "Gather", 2, 2, 1, gather),
    ROW(GEMM, "Gemm", 2, 3, 1, gemm),
    ROW(GLOBAL_AVERAGE_POOL, "GlobalAveragePool", 1, 1, 1, global_pool),
    ROW(GLOBAL_MAX_POOL, "GlobalMaxPool", 1, 1, 1, global_pool),
    ROW(HARD_SIGMOID, "HardSigmoid", 1, 1, 1, same),
    ROW(HARD_SWISH, "HardSwish", 1, 1, 1, same),
    ROW(IDENTITY, "Identity", 1, 1, 1, same),
    ROW(LEAKY_RELU, "LeakyRelu", 1, 1, 1, same),
    ROW(LP_NORMALIZATION, "LpNormalization", 1, 1, 1, same),
    ROW(LP_POOL, "LpPool", 1, 1, 1, pool),
    ROW(LRN, "LRN", 1, 1, 1, same),
    ROW(MATMUL, "MatMul", 2, 2, 1, matmul),
    ROW(MAX, "Max", 1, FACET__OP_ANY, 1, broadcast),
    ROW(MAX_POOL, "MaxPool", 1, 1, 1, pool),
    ROW(MIN, "Min", 1, FACET__OP_ANY, 1, broadcast),
    ROW(MUL, "Mul", 2, 2, 1, broadcast),
    ROW(PAD, "Pad", 2, 4, 1, pad),
    ROW(POW, "Pow", 2, 2, 1, broadcast),
    ROW(PRELU, "PRelu", 2, 2, 1, prelu),
    ROW(QUANTIZE, "QuantizeLinear", 2, 3, 1, same), /* likewise */
    ROW(REDUCE_L2, "ReduceL2", 1, 1, 1, reduce),
    ROW(REDUCE_MAX, "ReduceMax", 1, 1, 1, reduce),
    ROW(REDUCE_MEAN, "ReduceMean", 1, 1, 1, reduce),
    ROW(REDUCE_SUM, "ReduceSum", 1, 1, 1, reduce),
    ROW(RELU, "Relu", 1, 1, 1, same),
    ROW(RESHAPE, "Reshape", 2, 2, 1, reshape),
    ROW(RESIZE, "Resize", 1, 4, 1, resize),
    ROW(SHAPE, "Shape", 1, 1, 1, shape_of),
    ROW(SIGMOID, "Sigmoid", 1, 1, 1, same),
    ROW(SLICE, "Slice", 3, 5, 1, slice),
    ROW(SOFTMAX, "Softmax", 1, 1, 1, softmax),
    ROW(SPLIT, "Split", 1, 2, 16, split),
    ROW(SQRT, "Sqrt", 1, 1, 1, same),
    ROW(SQUEEZE, "Squeeze", 1, 2, 1, squeeze),
    ROW(SUB, "Sub", 2, 2, 1, broadcast),
    ROW(TANH, "Tanh", 1, 1, 1, same),
    ROW(TRANSPOSE, "Transpose", 1, 1, 1, transpose),
    ROW(UNSQUEEZE, "Unsqueeze", 2, 2, 1, unsqueeze),
    ROW(UPSAMPLE, "Upsample", 1, 3, 1, resize), /* read as a Resize */
    ROW(LOCAL_CONV, NULL, 2, 3, 1, local_conv),
    ROW(MAXOUT, NULL, 1, 1, 1, maxout),
#undef ROW
};

/* The types of the attributes that are read anywhere: what has another type is
 * not what it says, and is not to be read as if it were. */
static const struct {
    const char *name;
    facet__attr_type type;
    facet__op_kind op; /* COUNT: whatever the operator */
} attributes[] = {
#define ATTR(name, type)                                                       \
    {                                                                          \
        name, FACET__ATTR_##type, FACET__OP_COUNT                              \
    }
    ATTR("allowzero", INT),
    ATTR("alpha", FLOAT),
    ATTR("antialias", INT),
    ATTR("auto_pad", STRING),
    ATTR("axes", INTS),
    ATTR("axis", INT),
    ATTR("beta", FLOAT),
    ATTR("bias", FLOAT),
    ATTR("ceil_mode", INT),
    ATTR("coordinate_transformation_mode", STRING),
    ATTR("count_include_pad", INT),
    ATTR("dilations", INTS),
    ATTR("end", INT),
    ATTR("ends", INTS),
    ATTR("epsilon", FLOAT),
    ATTR("flatten", INT),
    ATTR("group", INT),
    ATTR("keep_aspect_ratio_policy", STRING),
    ATTR("keepdims", INT),
    ATTR("kernel_shape", INTS),
    ATTR("max", FLOAT),
    ATTR("min", FLOAT),
    ATTR("mode", STRING),
    ATTR("nearest_mode", STRING),
    ATTR("noop_with_empty_axes", INT),
    ATTR("p", INT),
    ATTR("pads", INTS),
    ATTR("perm", INTS),
    ATTR("ratio", FLOAT),
    ATTR("scales", FLOATS),
    ATTR("size", INT),
    ATTR("spatial", INT),
    ATTR("split", INTS),
    ATTR("start", INT),
    ATTR("starts", INTS),
    ATTR("strides", INTS),
    ATTR("to", INT),
    ATTR("training_mode", INT),
    ATTR("transA", INT),
    ATTR("transB", INT),
#undef ATTR
    { "value", FACET__ATTR_TENSOR, FACET__OP_CONSTANT },
    { "value", FACET__ATTR_TENSOR, FACET__OP_CONSTANT_OF_SHAPE },
    { "value", FACET__ATTR_FLOAT, FACET__OP_PAD },
};

bool facet__op_attr_fits(
    facet__op_kind kind, const char *name, facet__attr_type type)
{
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
        if ((attributes[i].op == kind || attributes[i].op == FACET__OP_COUNT) &&
            strcmp(attributes[i].name, name) == 0)
            return attributes[i].type == type;
    return true;
}

/* What texts may say; of another one nobody knows what it would compute. */
static const struct {
    facet__op_kind op; /* COUNT: whatever the operator */
    const char *name;
    const char *texts[4];
} texts[] = {
    { FACET__OP_COUNT, "auto_pad",
        { "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID" } },
    { FACET__OP_PAD, "mode", { "constant" } },
    { FACET__OP_RESIZE, "mode", { "nearest", "linear", "bilinear" } },
    { FACET__OP_UPSAMPLE, "mode", { "nearest", "linear", "bilinear" } },
    { FACET__OP_RESIZE, "coordinate_transformation_mode",
        { "half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric" } },
    { FACET__OP_RESIZE, "nearest_mode",
        { "round_prefer_floor", "round_prefer_ceil", "floor", "ceil" } },
    { FACET__OP_RESIZE, "keep_aspect_ratio_policy", { "stretch" } },
};

bool facet__op_attr_says(
    facet__op_kind kind, const char *name, const char *text)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if ((texts[i].op != kind && texts[i].op != FACET__OP_COUNT) ||
            strcmp(texts[i].name, name) != 0)
            continue;
        for (int k = 0; k < 4 && texts[i].texts[k]; k++)
            if (strcmp(texts[i].texts[k], text) == 0)
                return true;
        return false;
    }
    return true;
}

const facet__op *facet__op_of(facet__op_kind kind)
{
    return &table[kind];
}

const facet__op *facet__op_find(const char *onnx_name)
{
    for (int i = 0; i < FACET__OP_COUNT; i++)
        if (table[i].name && strcmp(table[i].name, onnx_name) == 0)
            return &table[i];
    return NULL;
}
