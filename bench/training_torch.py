#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# training_torch.py - pictures a second of whole training steps of MobileFaceNet
# in PyTorch, the peer of bench/training.c: forward pass, mean square loss,
# backward pass and momentum SGD, channels last; prints the median.
#   training_torch.py fp32|bf16 THREADS BATCH STEPS
# bf16 is autocast, which is how PyTorch trains in it on CPUs.
import contextlib
import statistics
import sys
import time

import torch
from torch import nn


def layer(c_in, c_out, kernel, stride=1, pad=0, groups=1, linear=False):
    parts = [nn.Conv2d(c_in, c_out, kernel, stride, pad, groups=groups,
                       bias=False), nn.BatchNorm2d(c_out)]
    return nn.Sequential(*(parts if linear else parts + [nn.PReLU(c_out)]))


class Residual(nn.Module):
    def __init__(self, c_in, t, c, stride):
        super().__init__()
        wide = t * c_in
        self.body = nn.Sequential(
            layer(c_in, wide, 1), layer(wide, wide, 3, stride, 1, wide),
            layer(wide, c, 1, linear=True))
        self.shortcut = stride == 1 and c_in == c

    def forward(self, x):
        return x + self.body(x) if self.shortcut else self.body(x)


def mobilefacenet(dim=128):
    parts = [layer(3, 64, 3, 2, 1), layer(64, 64, 3, 1, 1, 64)]
    c_in = 64
    for t, c, n, s in ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1),
                       (4, 128, 1, 2), (2, 128, 2, 1)):
        for k in range(n):
            parts.append(Residual(c_in, t, c, 1 if k else s))
            c_in = c
    parts += [layer(c_in, 512, 1), layer(512, 512, 7, groups=512, linear=True),
              layer(512, dim, 1, linear=True), nn.Flatten()]
    return nn.Sequential(*parts)


def main():
    kind, threads, batch, steps = sys.argv[1], *map(int, sys.argv[2:5])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    net = mobilefacenet().to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
    x = torch.randn(batch, 3, 112, 112).to(memory_format=torch.channels_last)
    target = torch.full((batch, 128), 0.1)
    times = []
    for _ in range(-2, steps):
        begin = time.monotonic()
        optimizer.zero_grad(set_to_none=True)
        with (torch.autocast('cpu', dtype=torch.bfloat16) if kind == 'bf16'
              else contextlib.nullcontext()):
            out = net(x)
        loss = nn.functional.mse_loss(out.float(), target)
        loss.backward()
        optimizer.step()
        times.append(time.monotonic() - begin)
    print('%.1f' % (batch / statistics.median(times[2:])))


if __name__ == '__main__':
    main()
