#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mpirun -n 2 facet train: the losses of one process, to 1e-5 over 50 steps;
stopped, killed and resumed; what one process meets is told by all."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

from command import FACET, facet
from train_test import SmallFaces

RECIPE = '''name: shared
network: {{ init: small.onnx, dim: 8, width: 16, height: 16 }}
data: {{ paths: {paths}, frame: 16 }}
sampler: {{ kind: people-by-images, batch: {batch}, people: 4, images: 3 }}
augment: {{ flip: 0.5, brightness: 0.2, shift: 1 }}
loss: {loss}
optimizer: {{ kind: sgd, momentum: 0.9, decay: 0.0005 }}
schedule: {{ rate: 0.01, steps: {steps} }}
run: {{ seed: 3, log: 1, checkpoint: {checkpoint} }}
'''


def environment(patience=1):
    """Root may run mpirun, and two processes one processor; seconds between
    being asked to end and being killed."""
    return dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT='1',
                OMPI_ALLOW_RUN_AS_ROOT_CONFIRM='1',
                OMPI_MCA_rmaps_base_oversubscribe='1',
                OMPI_MCA_odls_base_sigkill_timeout=str(patience),
                OMPI_MCA_hwloc_base_binding_policy='none',
                OMPI_MCA_mpi_yield_when_idle='1')


def mpirun(*arguments, count=2):
    return ['mpirun', '-n', str(count), FACET, 'train', *map(str, arguments)]


def missing():
    if not shutil.which('mpirun'):
        return 'mpirun is not here (openmpi-bin)'
    if not (pathlib.Path(FACET).parent / 'libfacet_mpi.so').exists():
        return 'facet was built without MPI (libopenmpi-dev)'
    return None


class Mpi(SmallFaces):
    def recipe(self, steps=50, loss='{ kind: softmax }', batch=13,
               checkpoint=1000, name='recipe.yaml', paths='faces'):
        path = self.folder / name
        path.write_text(RECIPE.format(
            steps=steps, loss=loss, batch=batch, checkpoint=checkpoint,
            paths=paths))
        return path

    def run_all(self, *arguments, count=2, timeout=200):
        return subprocess.run(
            mpirun(*arguments, count=count), env=environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
            check=False)

    def losses(self, run):
        lines = (self.folder / run / 'metrics.jsonl').read_text().splitlines()
        return [json.loads(line)['loss'] for line in lines]

    def wait_for(self, run, lines):
        metrics = self.folder / run / 'metrics.jsonl'
        for _ in range(1000):
            if metrics.exists() and metrics.read_text().count('\n') >= lines:
                return
            time.sleep(0.02)
        self.fail(f'{run} makes no steps')

    def test_two_processes_have_the_losses_of_one(self):
        recipe = self.recipe(loss='[{ kind: cosface, scale: 16 }, '
                                  '{ kind: triplet }]')
        one = facet('train', recipe, '--out', self.folder / 'one')
        self.assertEqual(one.returncode, 0, one.stderr)
        two = self.run_all(recipe, '--out', self.folder / 'two')
        self.assertEqual(two.returncode, 0, two.stderr)
        self.assertEqual(two.stdout.count('"finished"'), 1)  # one speaks
        a, b = self.losses('one'), self.losses('two')
        self.assertEqual((len(a), len(b)), (50, 50))
        apart = max(abs(x - y) / abs(x) for x, y in zip(a, b))
        print(f'losses {a[0]:.5f} to {a[-1]:.5f}, off by {apart:.2g}',
              file=sys.stderr)
        self.assertLess(apart, 1e-5)
        self.assertGreater(abs(a[0] - a[-1]), 0.1)

    def test_killed_and_stopped_processes_go_on_with_the_same_bits(self):
        recipe = self.recipe(steps=1200, checkpoint=50)
        whole = self.run_all(recipe, '--out', self.folder / 'whole')
        self.assertEqual(whole.returncode, 0, whole.stderr)
        run = self.folder / 'broken'
        for lines, number in ((130, signal.SIGKILL), (420, signal.SIGTERM)):
            process = subprocess.Popen(
                mpirun(recipe, '--out', run, '--resume'),
                env=environment(),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.wait_for('broken', lines)
            children = subprocess.run(
                ['pgrep', '-P', str(process.pid)], check=True,
                stdout=subprocess.PIPE, text=True).stdout.split()
            os.kill(int(children[-1]), number)  # one of the two
            out, err = process.communicate(timeout=60)
            if number == signal.SIGKILL:
                self.assertNotEqual(process.returncode, 0, err)
                self.assertIn('signal 9', err)
            else:
                self.assertEqual(process.returncode, 0, err)
                self.assertIn('"finished":false', out, err)
                self.assertIn('--resume', err)
        rest = self.run_all(recipe, '--out', run, '--resume')
        self.assertEqual(rest.returncode, 0, rest.stderr)
        self.assertEqual(
            (self.folder / 'whole/checkpoint.bin').read_bytes(),
            (run / 'checkpoint.bin').read_bytes())

    def test_what_one_process_cannot_do_is_told_once(self):
        recipe = self.recipe(steps=4)
        process = subprocess.run(
            ['mpirun', '-n', '2', 'sh', '-c',
             'if [ $OMPI_COMM_WORLD_RANK = 1 ]; then '
             f'exec "{FACET}" train "{self.folder}/none.yaml" --out x; '
             f'else exec "{FACET}" train "{recipe}" --out '
             f'"{self.folder}/run"; fi'],
            env=environment(), text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=60, check=False)
        self.assertNotEqual(process.returncode, 0)
        self.assertEqual(process.stderr.count('process 1 of 2: '), 1,
                         process.stderr)
        self.assertIn('none.yaml', process.stderr)
        self.assertFalse((self.folder / 'run').exists())

    def test_another_launcher_than_mpi_is_noticed(self):
        process = subprocess.run(
            [FACET, 'train', self.recipe(), '--out', self.folder / 'run'],
            env=dict(environment(), PMI_SIZE='2'), text=True,
            stderr=subprocess.PIPE, timeout=60, check=False)
        self.assertEqual(process.returncode, 7, process.stderr)
        self.assertIn('not the one facet was built with', process.stderr)
        self.assertFalse((self.folder / 'run').exists())


if __name__ == '__main__':
    why = missing()
    if why:
        print(f'skipped: {why}')
        sys.exit(77)
    unittest.main()
