#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""facet train: a few steps on a few pictures, broken off, resumed, refused."""
import json
import os
import pathlib
import random
import re
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import zlib

from command import FACET, SOURCE, facet

RECIPE = '''name: toy
network: {{ kind: mobilefacenet, dim: 32 }}
data: {{ paths: faces, max-broken: {max_broken} }}
sampler: {{ kind: shuffle, batch: 4 }}
loss: {{ kind: softmax }}
optimizer: {{ kind: sgd }}
schedule: {{ kind: constant, rate: 0.01, steps: {steps} }}
run: {{ seed: 1, threads: 2, log: 1, checkpoint: 1 }}
'''


def write_png(path, rng, side=128):
    rows = b''.join(b'\0' + rng.randbytes(3 * side) for _ in range(side))

    def chunk(kind, data):
        return (struct.pack('>I', len(data)) + kind + data +
                struct.pack('>I', zlib.crc32(kind + data)))

    path.write_bytes(
        b'\x89PNG\r\n\x1a\n' +
        chunk(b'IHDR', struct.pack('>2I5B', side, side, 8, 2, 0, 0, 0)) +
        chunk(b'IDAT', zlib.compress(rows, 1)) + chunk(b'IEND', b''))


def write_faces(folder, people, seed, side=128):
    """Four pictures of noise in faces/PERSON for each person."""
    rng = random.Random(seed)
    for person in people:
        (folder / 'faces' / person).mkdir(parents=True)
        for i in range(4):
            write_png(folder / 'faces' / person / f'{i}.png', rng, side)


TAUGHT = '''name: taught
network: { kind: mobilefacenet-tiny, dim: 32 }
data: { paths: faces }
sampler: { kind: shuffle, batch: 4 }
teacher: { %s }
loss: { kind: distill-cosine }
optimizer: { kind: sgd }
schedule: { kind: constant, rate: 0.01, steps: 2 }
run: { seed: 1, threads: 1, log: 1 }
'''


class Faces(unittest.TestCase):
    """A folder of faces to train on."""
    people, seed, side = 'ab', 1, 128

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        write_faces(self.folder, self.people, self.seed, self.side)


class SmallFaces(Faces):
    """For the network that trains in milliseconds, which lies beside them."""
    people, seed, side = 'abcdef', 2, 16

    def setUp(self):
        super().setUp()
        subprocess.run([os.environ['MAKE_SMALL'], self.folder / 'small.onnx',
                        str(self.side)], check=True)


class Train(Faces):
    def recipe(self, steps=3, max_broken=0.5, extra=''):
        path = self.folder / 'toy.yaml'
        path.write_text(RECIPE.format(steps=steps, max_broken=max_broken) +
                        extra)
        return path

    def train(self, *arguments, **recipe):
        return facet('train', self.recipe(**recipe), '--out',
                     self.folder / 'run', *arguments)

    def test_a_run_leaves_a_network_and_a_line(self):
        process = self.train()
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(process.stderr, '')  # silent in a pipe
        line = json.loads(process.stdout)
        self.assertTrue(line['finished'])
        self.assertEqual((line['step'], line['steps']), (3, 3))
        names = {path.name for path in (self.folder / 'run').iterdir()}
        self.assertLessEqual({'checkpoint.bin', 'metrics.jsonl', 'curves.svg',
                              'last.onnx'}, names)
        info = json.loads(facet('model', 'info', '--json',
                                self.folder / 'run/last.onnx').stdout)
        self.assertIn('facet', json.dumps(info))

    def test_muon_moves_filters_and_adamw_the_rest(self):
        path = self.recipe(steps=2)
        path.write_text(path.read_text().replace('sgd', 'muon'))
        process = facet('train', path, '--out', self.folder / 'run')
        self.assertEqual(process.returncode, 0, process.stderr)
        held = (self.folder / 'run/checkpoint.bin').read_bytes()
        kept = dict(re.findall(rb'"net/([\w.]+)/(momentum|mean)"', held))
        self.assertEqual(kept[b'conv1.weight'], b'momentum')
        self.assertEqual(kept[b'conv1.bn.scale'], b'mean')

    def test_a_folder_with_a_run_is_resumed_only_on_request(self):
        self.assertEqual(self.train(steps=2).returncode, 0)
        process = self.train(steps=2)
        self.assertEqual(process.returncode, 7)
        self.assertIn('resume', process.stderr)
        self.assertEqual(self.train('--resume', steps=2).returncode, 0)
        (self.folder / 'faces/b/0.png').rename(self.folder / 'faces/b/9.png')
        process = self.train('--resume', steps=2)
        self.assertEqual(process.returncode, 6)
        self.assertIn('from other pictures, labels', process.stderr)

    def test_only_what_a_killed_run_left_is_swept_away(self):
        run = self.folder / 'run'
        run.mkdir()
        for name in ('last.onnx.facet-a1b2c3', 'best.onnx.backup',
                     'checkpoint.bin.facet-x'):
            (run / name).write_text('?')
        self.assertEqual(self.train(steps=2).returncode, 0)
        self.assertFalse((run / 'last.onnx.facet-a1b2c3').exists())
        self.assertTrue((run / 'best.onnx.backup').exists())
        self.assertTrue((run / 'checkpoint.bin.facet-x').exists())

    def test_a_broken_picture_is_named_and_left_out(self):
        (self.folder / 'faces/a/9.png').write_bytes(b'no picture at all')
        process = self.train()
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertIn('9.png', process.stderr)
        self.assertEqual(json.loads(process.stdout)['broken'], 1)

    PAIRS = '2\t1\n0\t1\t1\n0\tv\t0\n1\t0\t1\n1\tv\t0\n'

    def judged(self, *arguments, pairs=PAIRS, more=''):
        """A run judged by the pictures 0, 1 and v of judged/."""
        (self.folder / 'pairs').write_text(pairs)
        return self.train(*arguments, steps=2, extra='validation: { pairs: '
                          f'pairs, paths: judged{more} }}\n')

    def test_a_picture_that_cannot_judge_is_named_before_the_first_step(self):
        people = self.folder / 'judged' / 'p'
        people.mkdir(parents=True)
        for i in range(2):
            write_png(people / f'{i}.png', random.Random(i))
        (people / 'v.png').write_bytes(b'no picture at all')
        process = self.judged()
        self.assertNotEqual(process.returncode, 0)
        self.assertRegex(process.stderr, "pairs: its picture 'v'")
        self.assertFalse((self.folder / 'run' / 'metrics.jsonl').exists())

    def test_a_run_goes_on_with_the_judge_it_had(self):
        people = self.folder / 'judged' / 'p'
        people.mkdir(parents=True)
        for name in '01v':
            write_png(people / f'{name}.png', random.Random(name))
        self.assertEqual(self.judged().returncode, 0)
        self.assertEqual(self.judged('--resume').returncode, 0)
        process = self.judged('--resume', pairs=self.PAIRS.replace(
            '0\tv', 'v\t1'))
        self.assertEqual(process.returncode, 6, process.stderr)
        self.assertIn('lists than are there now', process.stderr)

    def test_a_face_that_is_not_found_is_a_rejection(self):
        people = self.folder / 'judged' / 'p'
        done = facet('synth', '--flat', '--out', people, '--people', '1',
                     '--images', '2', '--size', '256')
        self.assertEqual(done.returncode, 0, done.stderr)
        for i, photo in enumerate(sorted(people.rglob('*.jpg'))):
            photo.rename(people / f'{i}.jpg')
        write_png(people / 'v.png', random.Random(1))
        detector = f', detector: {SOURCE / "models" / "detector.onnx"}'
        process = self.judged(more=detector)
        self.assertEqual(process.returncode, 0, process.stderr)
        rows = (self.folder / 'run' / 'metrics.jsonl').read_text()
        scores = [json.loads(row).get('score') for row in rows.splitlines()]
        # both of v are rejected, those of 0 and 1 accepted
        self.assertEqual(scores[-1], 1)
        for i in range(2):
            (people / f'{i}.jpg').unlink()
            write_png(people / f'{i}.png', random.Random(i))
        (self.folder / 'run').rename(self.folder / 'first')
        process = self.judged(more=detector)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn('validation.detector', process.stderr)

    def test_too_many_broken_pictures_end_the_run(self):
        for i in range(4):
            (self.folder / f'faces/a/{i}.png').write_bytes(b'no picture')
        process = self.train(max_broken=0.1, steps=20)
        self.assertEqual(process.returncode, 7)
        self.assertIn('facet: ', process.stderr)

    def test_a_wrong_key_is_told_with_its_line_before_anything_is_made(self):
        process = self.train(extra='sammpler: { batch: 2 }\n')
        self.assertEqual(process.returncode, 2)
        self.assertIn('sammpler', process.stderr)
        self.assertIn('toy.yaml:9', process.stderr)
        self.assertFalse((self.folder / 'run').exists())

    def test_a_missing_recipe_or_folder_of_pictures_is_7(self):
        process = facet('train', self.folder / 'none.yaml', '--out',
                        self.folder / 'run')
        self.assertEqual(process.returncode, 7)
        self.assertIn('none.yaml', process.stderr)
        recipe = self.recipe()
        (self.folder / 'faces').rename(self.folder / 'elsewhere')
        process = facet('train', recipe, '--out', self.folder / 'run')
        self.assertEqual(process.returncode, 7)
        self.assertIn('faces', process.stderr)

    def test_folders_above_a_run_are_made(self):
        out = self.folder / 'runs' / 'today' / 'run'
        process = facet('train', self.recipe(steps=2), '--out', out)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertTrue((out / 'last.onnx').exists())

    def test_a_signal_writes_a_checkpoint_and_ends_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            run = self.folder / f'run-{number}'
            process = subprocess.Popen(
                [FACET, 'train', self.recipe(steps=100000), '--out', run],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(400):
                metrics = run / 'metrics.jsonl'
                if metrics.exists() and metrics.stat().st_size:
                    break
                time.sleep(0.05)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, err)
            self.assertFalse(json.loads(out)['finished'])
            self.assertIn('--resume', err)
            self.assertTrue((run / 'checkpoint.bin').exists())

    def taught(self, teacher):
        path = self.folder / 'taught.yaml'
        path.write_text(TAUGHT % teacher)
        return path

    def test_a_teacher_is_asked_once_and_taught_from(self):
        self.assertEqual(self.train(steps=2).returncode, 0)
        (self.folder / 'faces/a/3.png').write_bytes(b'no picture')
        recipe = self.taught('init: run/last.onnx')
        process = facet('train', 'teacher', recipe, '--out',
                        self.folder / 'answers')
        self.assertEqual(process.returncode, 7)
        self.assertIn("called '0'", process.stderr)  # in both folders
        for i in range(4):
            (self.folder / f'faces/b/{i}.png').rename(
                self.folder / f'faces/b/b{i}.png')
        process = facet('train', 'teacher', recipe, '--out',
                        self.folder / 'answers')
        self.assertEqual(process.returncode, 7)  # one of eight is too many
        self.assertIn('cannot be read', process.stderr)
        recipe.write_text(recipe.read_text().replace(
            'paths: faces', 'paths: faces, max-broken: 0.2'))
        process = facet('train', 'teacher', recipe, '--out',
                        self.folder / 'answers')
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(json.loads(process.stdout),
                         {'finished': True, 'asked': 8, 'pictures': 8,
                          'broken': 1})
        names = (self.folder / 'answers/names.txt').read_text().split()
        rows = (self.folder / 'answers/answers.npy').read_bytes()
        self.assertEqual(len(names), 8)
        values = struct.unpack('<256f', rows[-8 * 32 * 4:])
        lengths = [sum(v * v for v in values[i:i + 32])
                   for i in range(0, 256, 32)]
        self.assertEqual([round(v, 4) for v in sorted(lengths)],
                         [0] + [1] * 7)
        for person in (0, 0.5):
            recipe = self.taught('embeddings: answers/answers.npy, '
                                 'names: answers/names.txt, '
                                 f'person: {person}')
            recipe.write_text(recipe.read_text().replace(
                'paths: faces', 'paths: faces, max-broken: 0.2'))
            process = facet('train', recipe, '--out',
                            self.folder / f'taught-{person}')
            self.assertEqual(process.returncode, 0, process.stderr)

    def test_without_a_teacher_nobody_is_asked(self):
        process = facet('train', 'teacher', self.recipe(), '--out',
                        self.folder / 'answers')
        self.assertEqual(process.returncode, 2)
        self.assertIn('teacher.init', process.stderr)

    def write_embeddings(self, dim=32):
        """Two loud numbers that say nothing, two quiet ones that do."""
        rng = random.Random(2)
        with open(self.folder / 'faces.jsonl', 'w') as out, \
                open(self.folder / 'people.tsv', 'w') as people:
            for i in range(40):
                values = [rng.gauss(0, 0.05) for _ in range(dim)]
                values[i // 4 % 10 + 4] += 1
                values[0] += rng.gauss(0, 2)
                values[1] += rng.gauss(0, 2)
                print(json.dumps({'image': f'{i}.jpg', 'embedding': values}),
                      file=out)
                print(f'{i}.jpg\tp{i // 4}', file=people)

    def tpe(self, *arguments):
        return facet('train', 'tpe', self.folder / 'people.tsv',
                     '--embeddings', self.folder / 'faces.jsonl',
                     '--model', self.folder / 'run/last.onnx',
                     '--out', self.folder / 'new.onnx', '--dim', 8, *arguments)

    def test_tpe_writes_a_network_that_ends_in_the_projection(self):
        self.assertEqual(self.train(steps=2).returncode, 0)
        self.write_embeddings()
        short = json.loads(self.tpe('--steps', 2).stdout)
        process = self.tpe('--steps', 400)
        self.assertEqual(process.returncode, 0, process.stderr)
        line = json.loads(process.stdout)
        self.assertEqual((line['from'], line['to'], line['people'],
                          line['pictures']), (32, 8, 10, 40))
        self.assertLess(line['loss'], 0.9 * short['loss'])
        info = facet('model', 'info', self.folder / 'new.onnx')
        self.assertEqual(info.returncode, 0, info.stderr)

    def test_tpe_says_what_is_wrong_with_a_list(self):
        self.assertEqual(self.train(steps=2).returncode, 0)
        self.write_embeddings()
        with open(self.folder / 'people.tsv', 'a') as people:
            print('0.jpg\tsomebody', file=people)
        process = self.tpe()
        self.assertNotEqual(process.returncode, 0)
        self.assertIn('people.tsv, line 41', process.stderr.replace(
            ':41', ', line 41'))
        self.write_embeddings(dim=31)  # not what the network makes
        process = self.tpe()
        self.assertEqual(process.returncode, 6, process.stderr)
        self.assertFalse((self.folder / 'new.onnx').exists())

    def test_tpe_refuses_another_networks_embeddings(self):
        models = SOURCE / 'models'
        with open(self.folder / 'people.tsv', 'w') as people:
            for i in range(8):
                file = self.folder / f'{i}.png'
                write_png(file, random.Random(i), 112)
                print(file, f'p{i // 2}', sep='\t', file=people)
        made = facet('embed', '--aligned', *self.folder.glob('*.png'),
                     '--model', models / 'embedder-tiny.onnx')
        self.assertEqual(made.returncode, 0, made.stderr)
        (self.folder / 'faces.jsonl').write_text(made.stdout)
        self.assertIn('contract', made.stdout)
        for name, status in (('embedder', 6), ('embedder-tiny', 0)):
            process = self.tpe('--steps', 2, '--model',
                               models / f'{name}.onnx')
            self.assertEqual(process.returncode, status, process.stderr)
            self.assertEqual((self.folder / 'new.onnx').exists(), not status)
            self.assertEqual(
                len(re.findall('[0-9a-f]{64}', process.stderr)),
                2 if status else 0)
        self.assert_usable(self.folder / 'new.onnx', self.folder / '0.png')

    def assert_usable(self, network, crop):
        """It says nothing that was measured of the one it was made from."""
        told = json.loads(facet('model', 'info', '--json', network).stdout)
        self.assertEqual(told['golden'], 0)
        self.assertLessEqual({'facet.license', 'facet.color'},
                             set(told['metadata']))
        self.assertFalse({'facet.calibration', 'facet.threshold'} &
                         set(told['metadata']))
        done = facet('embed', '--aligned', '--model', network, crop)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_network_trained_on_answers_for_itself(self):
        models = SOURCE / 'models'
        recipe = self.recipe(steps=2)
        recipe.write_text(recipe.read_text().replace(
            'kind: mobilefacenet, dim: 32',
            f'init: {models / "embedder-tiny.onnx"}, dim: 256'))
        process = facet('train', recipe, '--out', self.folder / 'run')
        self.assertEqual(process.returncode, 0, process.stderr)
        write_png(self.folder / 'crop.png', random.Random(1), 112)
        network = self.folder / 'run' / 'last.onnx'
        self.assert_usable(network, self.folder / 'crop.png')
        told = json.loads(facet('model', 'info', '--json', network).stdout)
        self.assertFalse({'facet.source', 'facet.data'} &
                         set(told['metadata']))

    def test_tpe_looks_first_where_to_write(self):
        self.write_embeddings()
        process = self.tpe('--out', self.folder / 'none' / 'new.onnx')
        self.assertEqual(process.returncode, 7, process.stderr)
        self.assertIn('none: there is no such folder', process.stderr)


class Landmarks(unittest.TestCase):
    """Rendered heads, whose points are known, teach a landmark network."""

    def test_rendered_heads_teach_68_points(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            truth = facet('synth', '--flat', '--out', folder / 'heads' / 'all',
                          '--people', '4', '--images', '2', '--size', '96')
            self.assertEqual(truth.returncode, 0, truth.stderr)
            (folder / 'truth.jsonl').write_text(truth.stdout)
            subprocess.run(
                [pathlib.Path(os.environ['FACET_SOURCE']) / 'tools' /
                 'landmark_lists.py', '--out', folder / 'lists',
                 '--rendered', folder / 'truth.jsonl', '--rendered-heldout',
                 folder / 'truth.jsonl'], check=True, capture_output=True)
            (folder / 'points.yaml').write_text(POINTS)
            done = facet('train', folder / 'points.yaml', '--out',
                         folder / 'run')
            self.assertEqual(done.returncode, 0, done.stderr)
            lines = (folder / 'run' / 'metrics.jsonl').read_text().splitlines()
            scores = [json.loads(line)['score'] for line in lines
                      if 'score' in line]
            self.assertEqual(len(scores), 2)
            self.assertGreater(scores[1], scores[0])
            told = facet('model', 'info', folder / 'run' / 'best.onnx')
            self.assertIn('landmarks', told.stdout)


POINTS = '''name: points
network: { kind: landmarks68, width: 96, height: 96 }
data: { paths: heads, landmarks: lists/train.txt, table: lists/train.tsv,
  unlabelled: true }
sampler: { kind: shuffle, batch: 8 }
loss: { kind: landmarks }
optimizer: { kind: adam }
schedule: { kind: constant, rate: 0.003, steps: 60 }
validation: { landmarks: lists/heldout.txt, table: lists/heldout.tsv,
  paths: heads, every: 30 }
run: { seed: 1, threads: 2, log: 1, checkpoint: 60 }
'''


if __name__ == '__main__':
    unittest.main()
