#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""facet train, ended by SIGKILL at random moments and resumed, as often as
FACET_KILLS says (3; `make kills` asks for more): the end is that of a run that
was left alone, byte for byte. And a disk that is full."""
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
import unittest

from command import FACET
from train_test import SmallFaces

RECIPE = '''name: killed
network: {{ init: small.onnx, dim: 8, width: 16, height: 16 }}
data: {{ paths: faces, frame: 16 }}
sampler: {{ kind: people-by-images, batch: 12, people: 4, images: 3 }}
augment: {{ flip: 0.5, brightness: 0.2, shift: 1 }}
loss: [ {{ kind: center }}, {{ kind: triplet }} ]
optimizer: {{ kind: adam, ema: 0.9, accumulate: 2 }}
schedule: {{ rate: 0.002, kind: cosine, steps: {steps} }}
run: {{ seed: 3, log: 5, checkpoint: {checkpoint}, threads: 1 }}
'''


class Kills(SmallFaces):
    def recipe(self, steps, checkpoint):
        path = self.folder / 'recipe.yaml'
        path.write_text(RECIPE.format(steps=steps, checkpoint=checkpoint))
        return path

    def start(self, recipe, run, **options):
        return subprocess.Popen(
            [FACET, 'train', recipe, '--out', self.folder / run, '--resume'],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            **options)

    def compare(self, a, b):
        for name in ('checkpoint.bin', 'last.onnx'):
            self.assertEqual((self.folder / a / name).read_bytes(),
                             (self.folder / b / name).read_bytes(), name)
        self.assertEqual(
            sorted(path.name for path in (self.folder / a).iterdir()),
            sorted(path.name for path in (self.folder / b).iterdir()))
        self.assertEqual(self.losses(a), self.losses(b))

    def losses(self, run):
        lines = (self.folder / run / 'metrics.jsonl').read_text().splitlines()
        return [(json.loads(line)['step'], json.loads(line)['loss'])
                for line in lines]

    def test_killed_runs_end_like_the_one_left_alone(self):
        wanted = int(os.environ.get('FACET_KILLS', 3))
        seed = int(os.environ.get('FACET_SEED', time.time_ns() % 1000000))
        rng = random.Random(seed)
        recipe = self.recipe(steps=400 * max(1, wanted // 3), checkpoint=10)
        begin = time.monotonic()
        whole = self.start(recipe, 'whole')
        self.assertEqual(whole.wait(), 0, whole.communicate()[1])
        seconds = time.monotonic() - begin
        kills = 0
        while kills < wanted:
            process = self.start(recipe, 'killed')
            time.sleep(rng.uniform(0, 1.5 * seconds / wanted))
            process.kill()
            process.communicate()
            kills += process.returncode == -signal.SIGKILL
            if process.returncode == 0:  # it was done before
                break
        last = self.start(recipe, 'killed')
        self.assertEqual(last.wait(), 0, last.communicate()[1])
        print(f'{kills} kills, seed {seed}, {seconds:.2f} s undisturbed',
              file=sys.stderr)
        self.assertGreater(kills, 0)
        self.compare('whole', 'killed')

    def test_a_full_disk_is_told_and_the_checkpoint_kept(self):
        def limit(size):
            def set_up():
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            return set_up

        recipe = self.recipe(steps=200, checkpoint=10)
        # Not room for one checkpoint: told before any step.
        process = self.start(recipe, 'full', preexec_fn=limit(1000))
        out, err = process.communicate()
        self.assertEqual(process.returncode, 7, err)
        self.assertIn('checkpoint.bin', err)
        self.assertFalse((self.folder / 'full/metrics.jsonl').exists())
        self.assertEqual(
            [path.name for path in (self.folder / 'full').iterdir()], [])
        # Room for checkpoints, not for all of the metrics.
        whole = self.start(recipe, 'whole')
        self.assertEqual(whole.wait(), 0, whole.communicate()[1])
        size = (self.folder / 'whole/metrics.jsonl').stat().st_size
        checkpoint = (self.folder / 'whole/checkpoint.bin').stat().st_size
        self.assertGreater(checkpoint, 1000)
        room = max(checkpoint + 100, size // 2)
        if room < size:
            process = self.start(recipe, 'full', preexec_fn=limit(room))
            out, err = process.communicate()
            self.assertEqual(process.returncode, 7, err)
            self.assertIn('metrics.jsonl', err)
        rest = self.start(recipe, 'full')
        self.assertEqual(rest.wait(), 0, rest.communicate()[1])
        self.compare('whole', 'full')
        del out


if __name__ == '__main__':
    unittest.main()
