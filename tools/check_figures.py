#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Figures that README repeats from the cards in docs/models, which scripts write.

    check_figures.py

Each must be the card's, to as many digits as README gives. For tools/lint.sh.
"""
import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).resolve().parent.parent
# What README says; the card, and the row whose numbers it is.
CLAIMS = [
    (r'the embedder\s+decides ([\d.]+) %', 'embedder', r'^\| ([\d.]+) \+-'),
    (r'TAR ([\d.]+) at a FAR', 'embedder', r'^\| [\d.]+ \+- [\d.]+ \| ([\d.]+)'),
    (r'at a FAR of 1e-2, ([\d.]+) ms', 'embedder',
     r'^\| embedder, bf16 \| ([\d.]+)'),
    (r'an AP of ([\d.]+), ([\d.]+) and ([\d.]+)', 'detector',
     r'^\| ours \| ([\d.]+) \| ([\d.]+) \| ([\d.]+)'),
    (r'hard; ([\d.]+) ms', 'embedder',
     r'^\| detector, bf16, 640 x 480 \| ([\d.]+)'),
]


def agrees(said, measured):
    digits = len(said.partition('.')[2])
    return f'{float(measured):.{digits}f}' == said


def main():
    readme = (SOURCE / 'README.md').read_text(encoding='utf-8')
    failed = False
    for claim, card, row in CLAIMS:
        page = SOURCE / 'docs/models' / f'{card}.md'
        said = re.search(claim, readme)
        measured = re.search(row, page.read_text(encoding='utf-8'), re.M)
        if not said or not measured:
            print(f'README.md: {claim}: not found there or in {page.name}')
        elif not all(map(agrees, said.groups(), measured.groups())):
            print(f'README.md says {said.groups()}, {page.name} has '
                  f'{measured.groups()}: correct README.md')
        else:
            continue
        failed = True
    return failed


sys.exit(main())
