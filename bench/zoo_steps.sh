#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One real training step of every full-size network of the papers: the loss, the
# seconds of its parts, and the most memory held (the aim: 16 GiB; VGG-D at batch
# 16 within 8 GiB, also with its activations computed anew).
#   bench/zoo_steps.sh [BUILD]
set -euo pipefail
step=${1:-build}/bench/bench_zoo_step
for network in facenet-nn1 facenet-nn2 facenet-nn3 facenet-nn4 facenet-nns1 \
  facenet-nns2; do
  "$step" $network 32 fp32 1
done
for network in vgg-face-a vgg-face-b vgg-face-d; do
  "$step" $network 16 fp32 1
done
"$step" vgg-face-d 16 fp32 1 2
"$step" deepface 64 fp32 1
"$step" tpe-base 64 fp32 1
