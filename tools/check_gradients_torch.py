#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compare gradients with PyTorch's (Debian: python3-torch).

Usage: tools/check_gradients_torch.py [build/bench/bench_gradients]

Every layer that can be trained, and the blocks of a MobileFaceNet, each once
forward and back, in fp32 and in bf16. bench/gradients.c says what the network
is; here each of its nodes is said again in PyTorch, in float64, and PyTorch
finds the gradients. Measure: the distance of two arrays by the length of
PyTorch's, over the output and over each weight's gradient.

fp32 has to agree to 1e-4. bf16 rounds every map to 8 bits, and a PReLU takes
the other branch where a number is near zero: a layer has to agree to 0.05, the
blocks to 0.25. A gradient that all but vanishes (a bias in front of a norm) is
measured by the largest gradient of its network.
"""
import json
import subprocess
import sys

import numpy as np
import torch
from torch.nn import functional as F

TOLERANCE = {"fp32": 1e-4, "bf16": 0.05}
BLOCKS_BF16 = 0.25


def window(attrs):
    """Stride, dilation, and the padding as F.pad wants it."""
    stride = attrs.get("strides", [1, 1])
    pads = attrs.get("pads", [0, 0, 0, 0])
    return stride, attrs.get("dilations", [1, 1]), [
        pads[1], pads[3], pads[0], pads[2]]


def conv(attrs, x, w, b=None):
    stride, dilation, pad = window(attrs)
    return F.conv2d(F.pad(x, pad), w, b, stride, 0, dilation,
                    attrs.get("group", 1))


def local_conv(attrs, x, w, b=None):
    stride, _, pad = window(attrs)
    positions, height, width, channels, out = w.shape
    x = F.pad(x, pad)
    seen = F.unfold(x, (height, width), stride=stride)  # n, c k k, positions
    seen = seen.reshape(x.shape[0], channels, height, width, positions)
    y = torch.einsum("ncyxp,pyxco->npo", seen, w)
    if b is not None:
        y = y + b
    rows = (x.shape[2] - height) // stride[0] + 1
    return y.transpose(1, 2).reshape(x.shape[0], out, rows, -1)


def batch_norm(attrs, x, scale, bias, mean, var):
    return F.batch_norm(x, mean.detach().clone(), var.detach().clone(), scale,
                        bias, True, 0.1, attrs.get("epsilon", 1e-5))


def max_pool(attrs, x):
    stride, _, pad = window(attrs)
    return F.max_pool2d(F.pad(x, pad, value=-np.inf), attrs["kernel_shape"],
                        stride)


def average_pool(attrs, x):
    stride, _, pad = window(attrs)
    kernel = attrs["kernel_shape"]
    ones = F.avg_pool2d(F.pad(torch.ones_like(x), pad), kernel, stride)
    return F.avg_pool2d(F.pad(x, pad), kernel, stride) / ones


def l2_pool(attrs, x):
    stride, _, pad = window(attrs)
    kernel = attrs["kernel_shape"]
    return torch.sqrt(F.avg_pool2d(F.pad(x * x, pad), kernel, stride) *
                      kernel[0] * kernel[1])


def lrn(attrs, x):
    return F.local_response_norm(x, attrs["size"], attrs["alpha"],
                                 attrs["beta"], attrs["bias"])


def maxout(attrs, x):
    return x.unflatten(1, (-1, attrs["group"])).amax(2)


def dropout(x, ratio, stream, number):
    """The same pictures' numbers are dropped: splitmix64 of their place."""
    n, c, h, w = x.shape
    with np.errstate(over="ignore"):
        z = (np.uint64(stream) ^ np.uint64(number << 40) ^
             np.arange(n * c * h * w, dtype=np.uint64))
        z = z + np.uint64(0x9e3779b97f4a7c15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xbf58476d1ce4e5b9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94d049bb133111eb)
        z = z ^ z >> np.uint64(31)
    ratio = np.float32(ratio.item())
    keep = (z >> np.uint64(40)).astype(np.float64) / 2**24 >= ratio
    keep = torch.from_numpy(keep.reshape(n, h, w, c)).permute(0, 3, 1, 2)
    return x * keep / (1 - float(ratio))


OPERATORS = {
    "Conv": conv,
    "LocalConv": local_conv,
    "BatchNormalization": batch_norm,
    "PRelu": lambda a, x, s: F.prelu(x, s.reshape(-1)),
    "Relu": lambda a, x: F.relu(x),
    "Sigmoid": lambda a, x: torch.sigmoid(x),
    "Tanh": lambda a, x: torch.tanh(x),
    "HardSwish": lambda a, x: F.hardswish(x),
    "LRN": lrn,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "LpPool": l2_pool,
    "GlobalAveragePool": lambda a, x: x.mean((2, 3), keepdim=True),
    "Maxout": maxout,
    "Add": lambda a, x, y: x + y,
    "Mul": lambda a, x, y: x * y,
    "Concat": lambda a, *x: torch.cat(x, 1),
    "Flatten": lambda a, x: x.flatten(1),
    "LpNormalization": lambda a, x: F.normalize(x),
    "Gemm": lambda a, x, w, b=None: F.linear(x, w, b),
}


def execute(network, values):
    for number, node in enumerate(network["nodes"]):
        inputs = [values[v] for v in node["in"] if v >= 0]
        if node["op"] == "Dropout":
            y = dropout(*inputs, network["stream"], number)
        else:
            y = OPERATORS[node["op"]](node["attrs"], *inputs)
        values[node["out"]] = y
    return values[network["output"]]


def read(program, case, kind):
    """The network, its arrays, and facet's gradients by the constants."""
    raw = subprocess.run([program, case, kind], check=True,
                         stdout=subprocess.PIPE).stdout
    end = raw.index(b"\n")
    network = json.loads(raw[:end])
    floats = np.frombuffer(raw[end + 1:], np.float32)
    at = 0

    def take(shape):
        nonlocal at
        count = int(np.prod(shape))
        at += count
        return floats[at - count:at].reshape(shape).astype(np.float64)

    n = network["shape"][0]
    arrays = [take(network["shape"]), take((n, network["dim"])),
              take((n, network["dim"]))]
    values, gradients = {}, {}
    for constant in network["constants"]:
        value = torch.from_numpy(take(constant["shape"]))
        if constant["learns"]:
            gradients[constant["value"]] = take(constant["shape"])
            value.requires_grad_(True)
        values[constant["value"]] = value
    if at != floats.size:
        sys.exit(f"{case}: {floats.size - at} floats too many")
    return network, arrays, values, gradients


def check(program, case, kind):
    network, (x, direction, out), values, gradients = read(program, case, kind)
    names = {c["value"]: c["name"] for c in network["constants"]}
    values[network["input"]] = torch.from_numpy(x).permute(0, 3, 1, 2)
    y = execute(network, values)
    (y * torch.from_numpy(direction)).sum().backward()
    wanted = {v: values[v].grad.numpy() for v in gradients}
    largest = max(np.linalg.norm(g) for g in wanted.values())
    worst, where = (np.linalg.norm(out - y.detach().numpy()) /
                    np.linalg.norm(y.detach().numpy())), "output"
    for v, gradient in gradients.items():
        size = max(np.linalg.norm(wanted[v]), 0.01 * largest)
        off = np.linalg.norm(gradient - wanted[v]) / size
        if off > worst:
            worst, where = off, names[v]
    return worst, where, len(gradients)


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "build/bench/bench_gradients"
    cases = subprocess.run([program], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.split()
    torch.set_num_threads(1)
    failed = 0
    for kind in ("fp32", "bf16"):
        for case in cases:
            tolerance = TOLERANCE[kind]
            if kind == "bf16" and case.endswith("blocks"):
                tolerance = BLOCKS_BF16
            worst, where, count = check(program, case, kind)
            bad = not worst <= tolerance
            failed += bad
            print(f"{kind} {case:22} {count:3} gradients, worst {worst:.1e} "
                  f"({where}), wanted {tolerance:g}{' MISS' if bad else ''}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
