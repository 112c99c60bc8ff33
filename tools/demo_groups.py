#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `facet cluster` made of an album of `facet synth`, beside the truth.

    demo_groups.py CLUSTERS.jsonl TRUTH.jsonl
"""
import collections
import json
import sys


def person_of(image, box, truth):
    """Whose box has its middle nearest that of a found one."""
    def distance(face):
        b = face['box']
        return (abs(b[0] + b[2] / 2 - box[0] - box[2] / 2) +
                abs(b[1] + b[3] / 2 - box[1] - box[3] / 2))
    return min(truth[image], key=distance)['person']


def main():
    with open(sys.argv[2], encoding='utf-8') as lines:
        truth = {p['image']: p['faces'] for p in map(json.loads, lines)}
    with open(sys.argv[1], encoding='utf-8') as lines:
        clusters = [json.loads(line) for line in lines]
    people = {face['person'] for faces in truth.values() for face in faces}
    groups = [c for c in clusters if c['cluster'] is not None]
    for cluster in clusters:
        who = collections.Counter(
            person_of(face['image'], face['box'], truth)
            for face in cluster['faces'])
        if who:
            name = ('alone' if cluster['cluster'] is None
                    else f"group {cluster['cluster']}")
            print(f'  {name:8} ' + ', '.join(
                f'{n} of person {p}' for p, n in who.most_common()))
    print(f'  {len(groups)} groups for {len(people)} people')


main()
