#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Faces of nobody: two aligned crops made into one, for a teacher to speak of.

    blend_faces.py --answers DIR --table FACES.TSV --count N --out OUT CROPS.tar...

A student that sees the same 60,000 crops thirty times learns them by heart; a teacher
can be asked about any picture. Each new face is one crop and another, across a soft
edge at a random angle or as a mixture of both, the other's colours moved to the
first's. The other is the one of 48 that fits best, by what the teacher answers
(DIR/answers.npy, names.txt from `facet train teacher`) and by a thumbnail, so that
most look like somebody. Only crops of split train are taken. Writes OUT.tar (JPEG) and
OUT.tsv (rows of a table, without a person); the same arguments give the same faces.
Needs numpy and PIL; 120,000 faces take four minutes of a core and 3 GB.
"""
import argparse
import csv
import io
import math
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

CANDIDATES = 48
SIDE = 128


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answers", required=True, metavar="DIR")
    parser.add_argument("--table", required=True, metavar="FACES.TSV")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", required=True)
    parser.add_argument("crops", nargs="+", metavar="CROPS.tar")
    return parser.parse_args()


def train_keys(table):
    with open(table, newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["key"] for row in rows if row["split"] == "train"}


def read_crops(tars, wanted):
    keys, crops = [], []
    for path in tars:
        with tarfile.open(path) as tar:
            for member in tar:
                key = Path(member.name).stem
                if member.isfile() and key in wanted:
                    image = Image.open(tar.extractfile(member)).convert("RGB")
                    keys.append(key)
                    crops.append(np.asarray(image, np.uint8))
    return keys, crops


def unit(rows):
    rows = rows - rows.mean(axis=1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def thumbnails(crops):
    """Unit vectors of 16 x 16 grey pixels: alike for a like pose and light."""
    cell = SIDE // 16
    grey = np.stack([crop.mean(axis=2).reshape(16, cell, 16, cell).mean(axis=(1, 3))
                     for crop in crops])
    return unit(grey.reshape(len(crops), -1)).astype(np.float32)


def best_partner(rng, one, answers, thumbs):
    others = rng.integers(len(answers), size=CANDIDATES)
    fit = answers[others] @ answers[one] + thumbs[others] @ thumbs[one]
    fit[others == one] = -9
    return others[np.argmax(fit)]


def mask(rng, ys, xs):
    """How much of the first there is at each pixel."""
    angle = rng.uniform(0, 2 * math.pi)
    width = rng.uniform(10, 40) if rng.random() < 0.5 else rng.uniform(80, 400)
    offset = rng.uniform(-16, 16) if width < 80 else rng.uniform(-0.2, 0.2) * width
    along = xs * math.cos(angle) + ys * math.sin(angle) + offset
    return np.clip(0.5 + along / width, 0, 1)[:, :, None]


def colours(crop):
    """Mean and spread of each channel."""
    pixels = crop.reshape(-1, 3).astype(np.float32)
    mean = pixels.mean(axis=0)
    return mean, np.sqrt(np.maximum((pixels * pixels).mean(axis=0) - mean * mean, 0)) + 1


def blend(rng, first, second, grid):
    (mean, spread), (other_mean, other_spread) = colours(first), colours(second)
    factor = np.clip(spread / other_spread, 0.5, 2)
    second = second * factor + (mean - other_mean * factor)
    mixed = second + mask(rng, *grid) * (first - second)
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


def main():
    arg = arguments()
    rng = np.random.default_rng(arg.seed)
    keys, crops = read_crops(arg.crops, train_keys(arg.table))
    names = Path(arg.answers, "names.txt").read_text(encoding="utf-8").splitlines()
    row = {name: i for i, name in enumerate(names)}
    answers = np.load(Path(arg.answers, "answers.npy"))[[row[key] for key in keys]]
    answers /= np.linalg.norm(answers, axis=1, keepdims=True)
    thumbs = thumbnails(crops)
    grid = np.mgrid[:SIDE, :SIDE].astype(np.float32) - (SIDE - 1) / 2
    with tarfile.open(arg.out + ".tar", "w", format=tarfile.USTAR_FORMAT) as tar, \
            open(arg.out + ".tsv", "w", encoding="utf-8") as table:
        for i in range(arg.count):
            one = rng.integers(len(keys))
            other = best_partner(rng, one, answers, thumbs)
            data = io.BytesIO()
            Image.fromarray(blend(rng, crops[one], crops[other], grid)).save(
                data, "JPEG", quality=88)
            member = tarfile.TarInfo(f"blend-{arg.seed}-{i:06d}.jpg")
            member.size = data.tell()
            data.seek(0)
            tar.addfile(member, data)
            table.write(f"blend-{arg.seed}-{i:06d}\ttrain\tblend\t-\t-\t100\n")


main()
