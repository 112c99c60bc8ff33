#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compare the networks of the papers with PyTorch (Debian: python3-torch).

Usage: tools/check_zoo_torch.py [--build build] [--batch 2] [NETWORK...]

Each network is written down here once more, from the papers' tables, in
PyTorch's words, given facet's weights by name, and run in float64. Compared are the embedding
as the engine makes it and as the learner does (to 1e-4 of the largest number),
and through the whole network the gradient of every weight (to 5e-3 of its
length). Needs about 8 GB of memory and 2 GB of disk for temporary files.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F

# One ReLU of VGG-D that falls to the other side moves all gradients before it
# by 2.5e-3 of their length.
FORWARD, BACKWARD = 1e-4, 5e-3
INPUTS = 8


class Net:
    """Layers by name; weights are leaves that learn."""

    def __init__(self, weights, training):
        self.w = {k: v.requires_grad_(training) for k, v in weights.items()}
        self.bn = any(k.endswith(".bn.scale") for k in weights)
        self.training = training

    def norm(self, name, x):
        w = self.w
        return F.batch_norm(x, w[name + ".mean"].detach().clone(),
                            w[name + ".var"].detach().clone(),
                            w[name + ".scale"], w[name + ".bias"],
                            self.training, 0.1, 1e-5)

    def conv(self, name, x, stride=1, pad=0, act="relu"):
        x = F.conv2d(x, self.w[name + ".weight"], self.w[name + ".bias"],
                     stride, pad)
        if self.bn:
            x = self.norm(name + ".bn", x)
        return self.act(name, x, act)

    def act(self, name, x, act):
        if act == "prelu":
            return F.prelu(x, self.w[name + ".prelu.slope"].flatten())
        return F.relu(x) if act == "relu" else x

    def dense(self, name, x, act="relu"):
        x = F.linear(x, self.w[name + ".weight"], self.w[name + ".bias"])
        return self.act(name, x, act)

    def local(self, name, x, kernel, stride=1):
        w = self.w[name + ".weight"]  # positions, kh, kw, in, out
        out = (x.shape[2] - kernel) // stride + 1
        seen = F.unfold(x, kernel, stride=stride)  # n, in*kh*kw, positions
        w = w.permute(0, 3, 1, 2, 4).reshape(w.shape[0], -1, w.shape[4])
        y = torch.bmm(seen.permute(2, 0, 1), w)  # positions, n, out
        y = y + self.w[name + ".bias"][:, None, :]
        return F.relu(y.permute(1, 2, 0).reshape(x.shape[0], -1, out, out))


def lrn(x):
    return F.local_response_norm(x, 5, 1e-4, 0.75, 1.0)


def pool(x):
    return F.max_pool2d(x, 3, 2, 1)


def l2_pool(x, stride):
    squares = 9 * F.avg_pool2d(x * x, 3, stride, 1, count_include_pad=True)
    return squares.clamp_min(1e-30).sqrt()


def maxout(x):
    return x.view(x.shape[0], -1, 2).max(2).values


def unit(x):
    return x / x.norm(dim=1, keepdim=True)


def facenet_nn1(n, x):
    x = lrn(pool(n.conv("conv1", x, 2, 3)))
    x = pool(lrn(n.conv("conv2", n.conv("conv2a", x), 1, 1)))
    x = pool(n.conv("conv3", n.conv("conv3a", x), 1, 1))
    for i in "456":
        x = n.conv(f"conv{i}", n.conv(f"conv{i}a", x), 1, 1)
    x = pool(x).flatten(1)
    x = maxout(n.dense("fc1", x, None))
    x = maxout(n.dense("fc2", x, None))
    return unit(n.dense("fc7128", x, None))


def inception(n, name, x, branches, kind, project, stride=1):
    """branches: which of 1x1, 3x3, 5x5 there are."""
    out = []
    if "1" in branches:
        out.append(n.conv(name + ".1x1", x))
    for k in "35":
        if k in branches:
            part = f"{name}.{k}x{k}"
            y = n.conv(part + ".reduce", x)
            out.append(n.conv(part, y, stride, int(k) // 2))
    if kind:
        y = l2_pool(x, stride) if kind == "L2" else F.max_pool2d(x, 3, stride,
                                                                1)
        out.append(n.conv(name + ".pool.project", y) if project else y)
    return torch.cat(out, 1)


def stem(n, x, kernel):
    x = lrn(pool(n.conv("conv1", x, 2, kernel // 2)))
    return pool(lrn(inception(n, "2", x, "3", None, False)))


def facenet_inception(late):
    def net(n, x):
        x = stem(n, x, 7)
        x = inception(n, "3a", x, "135", "max", True)
        x = inception(n, "3b", x, "135", "L2", True)
        x = inception(n, "3c", x, "35", "max", False, 2)
        for name in ("4a", "4b", "4c", "4d"):
            x = inception(n, name, x, "135", "L2", True)
        x = inception(n, "4e", x, "3" + late, "max", False, 2)
        x = inception(n, "5a", x, "13" + late, "L2", True)
        x = inception(n, "5b", x, "13" + late, "max", True)
        return unit(n.dense("fc", x.mean((2, 3)), None))
    return net


def facenet_small(kernel, last):
    def net(n, x):
        x = stem(n, x, kernel)
        x = inception(n, "3a", x, "135", "max", True)
        x = inception(n, "3b", x, "35", "max", False, 2)
        x = inception(n, "4a", x, "135", "L2", True)
        x = inception(n, "4b", x, "35", "max", False, 2)
        if last:
            x = inception(n, "5a", x, "135", "L2", True)
        x = n.dense("fc1", x.flatten(1))
        return unit(n.dense("fc", x, None))
    return net


def vgg_face(blocks):
    def net(n, x):
        for i, convs in enumerate(blocks, 1):
            for k in range(1, convs + 1):
                x = n.conv(f"conv{i}_{k}", x, 1, 1)
            x = F.max_pool2d(x, 2)
        x = n.dense("fc7", n.dense("fc6", x.flatten(1)))
        return n.dense("fc8", x, None)
    return net


def deepface(n, x):
    x = F.max_pool2d(n.conv("C1", x), 3, 2, ceil_mode=True)
    x = n.local("L4", n.conv("C3", x), 9)
    x = n.local("L6", n.local("L5", x, 7, 2), 5)
    return n.dense("F8", n.dense("F7", x.flatten(1)), None)


def tpe_base(n, x):
    x = F.max_pool2d(n.conv("conv1", x, 4, 0, "prelu"), 3, 2)
    x = F.max_pool2d(n.conv("conv2", x, 1, 2, "prelu"), 3, 2)
    for i in range(3, 8):
        x = n.conv(f"conv{i}", x, 1, 1, "prelu")
    x = n.dense("fc6", F.max_pool2d(x, 3, 2).flatten(1), "prelu")
    return n.dense("fc8", n.dense("fc7", x, None), None)


# name: the network in PyTorch, outputs to ask for (0: as published), norms
NETWORKS = {
    "facenet-nn1": (facenet_nn1, 0, "plain"),
    "facenet-nn2": (facenet_inception("5"), 0, "plain"),
    "facenet-nn3": (facenet_inception("5"), 0, "plain"),
    "facenet-nn4": (facenet_inception(""), 0, "plain"),
    "facenet-nn4 with batch norm": (facenet_inception(""), 0, "bn"),
    "facenet-nns1": (facenet_small(7, True), 0, "plain"),
    "facenet-nns2": (facenet_small(5, False), 0, "plain"),
    "vgg-face-a": (vgg_face((1, 1, 2, 2, 2)), 2622, "plain"),
    "vgg-face-b": (vgg_face((2, 2, 2, 2, 2)), 2622, "plain"),
    "vgg-face-d": (vgg_face((2, 2, 3, 3, 3)), 2622, "plain"),
    "deepface": (deepface, 4030, "plain"),
    "tpe-base": (tpe_base, 10548, "plain"),
}


def read(folder):
    """kind -> name -> array."""
    data = np.memmap(os.path.join(folder, "data.bin"), np.float32, "r")
    arrays = {}
    with open(os.path.join(folder, "index.tsv")) as index:
        for line in index:
            kind, name, sizes, at = line.rstrip("\n").split("\t")
            shape = [int(s) for s in sizes.split(",") if s]
            first = int(at) // 4
            count = int(np.prod(shape)) if shape else 1
            arrays.setdefault(kind, {})[name] = torch.from_numpy(
                data[first:first + count].reshape(shape).copy())
    return arrays


def gradient_errors(net, gradients):
    """name -> length of the difference over that of PyTorch's gradient."""
    errors = {}
    for name, ours in gradients.items():
        theirs = net.w[name].grad.flatten()
        size = theirs.norm()
        if name.replace(".bias", ".bn.scale") in net.w and name[-4:] == "bias":
            # A norm takes the bias out again: its gradient is rounding alone.
            size = net.w[name.replace(".bias", ".weight")].grad.norm()
        error = float((ours - theirs).norm() / size.clamp_min(1e-20))
        errors[name] = error if error == error else float("inf")
    return errors


def one_input(name, seed, args, folder):
    """Errors of the engine, of the learner, and of each gradient."""
    build, dim, norms = NETWORKS[name]
    subprocess.run([os.path.join(args.build, "bench/bench_zoo_dump"),
                    name.split()[0], str(dim), str(args.batch), norms,
                    str(args.threads), str(seed), folder], check=True)
    arrays = read(folder)
    x = arrays["input"]["input"]
    weights = {k: v.double() for k, v in arrays.pop("weight").items()}
    x = x.double()  # PyTorch's own rounding is not to be counted
    with torch.no_grad():
        y = build(Net(weights, False), x)
    engine = float((arrays["engine"]["embedding"] - y).abs().max() /
                   y.abs().max())
    net = Net(weights, True)
    y = build(net, x)
    learner = float((arrays["forward"]["embedding"] - y).abs().max() /
                    y.abs().max())
    y.backward(arrays["direction"]["embedding"].double())
    return engine, learner, gradient_errors(net, arrays["gradient"])


def check(name, args, folder):
    """The gradient of an array is right when it is for one of a few inputs:
    where a ReLU, a pool or a maxout stands on its edge, the two may honestly
    fall to different sides, but not on the same layers every time. (NN1: six
    thousandths of the length for a pool after conv3 or before on each of inputs 1
    to 4, and 2e-6 everywhere on input 5.)"""
    engine = learner = 0.0
    errors = {}
    for seed in range(1, INPUTS + 1):
        e, f, g = one_input(name, seed, args, folder)
        engine, learner = max(engine, e), max(learner, f)
        errors = {k: min(v, errors.get(k, v)) for k, v in g.items()}
        if max(errors.values()) <= BACKWARD:
            break
    where = max(errors, key=errors.get)
    good = (engine <= FORWARD and learner <= FORWARD and
            errors[where] <= BACKWARD)
    print(f"{name:<28} engine {engine:.1e}  learner {learner:.1e}  "
          f"{len(errors)} gradients {errors[where]:.1e} ({where}; "
          f"{seed} inputs)  {'ok' if good else 'DIFFERS'}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("networks", nargs="*", metavar="NETWORK")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    good = True
    for name in args.networks or NETWORKS:
        folder = tempfile.mkdtemp(prefix="facet-zoo-")
        try:
            good &= check(name, args, folder)
        finally:
            shutil.rmtree(folder)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
