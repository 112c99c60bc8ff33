#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The networks in models/: that they are what their cards say, are found when
nothing is named, and know the people of the demo's album. Nothing of ../shared
is needed."""
import hashlib
import json
import math
import os
import pathlib
import re
import struct
import subprocess
import tempfile
import unittest

from command import FACET, SOURCE, facet, lines

MODELS = SOURCE / 'models'
NETWORKS = {  # file: task, largest size in bytes, most parameters
    'detector.onnx': ('detector', 1e6, 250e3),
    'detector-int8.onnx': ('detector', 1e6, 250e3),
    'embedder.onnx': ('embedder', 5e6, 1.2e6),
    'embedder-int8.onnx': ('embedder', 2e6, 1.2e6),
    'embedder-tiny.onnx': ('embedder', 1.4e6, 0.3e6),
    'landmarks.onnx': ('landmarks', 1e6, 250e3),
}


def setUpModule():
    global folder, album, truth
    folder = tempfile.TemporaryDirectory()
    album = pathlib.Path(folder.name) / 'album'
    subprocess.run([SOURCE / 'tools' / 'make_album.sh', FACET, album],
                   check=True)
    truth = [json.loads(line) for line in
             (album / 'truth.jsonl').read_text().splitlines()]


def tearDownModule():
    folder.cleanup()


def overlap(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


class Files(unittest.TestCase):
    def test_the_recipe_of_each_is_here_as_it_was(self):
        there = set()
        for path in (SOURCE / 'recipes').glob('*.yaml'):
            lines = path.read_bytes().splitlines(keepends=True)
            there.add(hashlib.sha256(b''.join(
                line for line in lines
                if not line.lstrip().startswith(b'#'))).hexdigest())
        for path in MODELS.glob('*.onnx'):
            told = json.loads(facet('model', 'info', '--json', path).stdout)
            self.assertIn(told['metadata']['facet.recipe_sha256'], there,
                          path.name)

    def test_check_export_hashes_a_recipe_as_a_training_does(self):
        script = (SOURCE / 'tools' / 'check_export.sh').read_text()
        told = facet('model', 'info', MODELS / 'embedder.onnx').stdout
        process = subprocess.run(
            ['bash', '-c', re.search(r'^hash=.*', script, re.M)[0] +
             '; echo $hash'], capture_output=True, text=True, check=True,
            env={**os.environ, 'recipe': str(SOURCE / 'recipes/embedder.yaml')})
        self.assertIn(f'facet.recipe_sha256: {process.stdout.strip()}\n', told)

    def test_each_says_what_it_is(self):
        self.assertEqual({path.name for path in MODELS.glob('*.onnx')},
                         set(NETWORKS))
        for name, (task, size, parameters) in NETWORKS.items():
            with self.subTest(name):
                process = facet('model', 'info', '--json', MODELS / name)
                self.assertEqual(process.returncode, 0, process.stderr)
                told = json.loads(process.stdout)
                self.assertEqual(told['settings']['task'], task)
                self.assertLessEqual((MODELS / name).stat().st_size, size)
                self.assertLessEqual(told['parameters'], parameters)
                self.assertGreaterEqual(told['golden'], 1)
                for key in ('license', 'source', 'data', 'recipe'):
                    self.assertTrue(told['metadata'].get(f'facet.{key}'), key)
                if task == 'embedder':
                    for rate in ('0.01', '0.001', '0.0001'):
                        threshold, low, high = told['thresholds'][rate]
                        self.assertTrue(low <= threshold <= high)

    def test_each_is_calibrated_for_itself(self):
        """With the detector that is the default, too."""
        for name, (task, *_) in NETWORKS.items():
            if task != 'embedder':
                continue
            where = pathlib.Path(folder.name) / f'{name}.db'
            done = facet('gallery', 'create', '--model', MODELS / name, where)
            self.assertEqual(done.returncode, 0, done.stderr)
            stats, = lines(facet('gallery', 'stats', where))
            told, = lines(facet('model', 'info', '--json', MODELS / name))
            calibration = json.loads(told['metadata']['facet.calibration'])
            self.assertEqual(calibration['contract'], stats['contract'], name)

    def test_the_default_networks_compute_as_they_should(self):
        process = facet('selftest')
        self.assertEqual(process.returncode, 0,
                         process.stdout + process.stderr)
        for what in ('detector', 'embedder', 'landmarks'):
            self.assertRegex(process.stdout, rf'ok +{what} +golden 1')

    def test_notes_are_changed_and_a_bad_one_is_refused(self):
        copy = pathlib.Path(folder.name) / 'noted.onnx'
        done = facet('model', 'set', MODELS / 'embedder.onnx', copy,
                     'facet.threshold=0.5', 'facet.source=')
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(facet('model', 'info', '--json', copy).stdout)
        self.assertEqual(told['settings']['threshold'], 0.5)
        self.assertNotIn('facet.source', told['metadata'])
        self.assertGreaterEqual(told['golden'], 1)
        bad = facet('model', 'set', copy, copy.with_name('bad.onnx'),
                    'facet.mean=much')
        self.assertEqual(bad.returncode, 6, bad.stderr)
        self.assertIn('facet.mean', bad.stderr)
        self.assertEqual(list(copy.parent.glob('bad.onnx*')), [])

    def test_what_would_be_taken_for_something_else_is_refused(self):
        tiny = MODELS / 'embedder-tiny.onnx'
        new = pathlib.Path(folder.name) / 'new.onnx'
        for entry in ('facet.threshold=0.3abc', 'facet.threshold=7e9',
                      'facet.threshold=-1.5', 'facet.input=112.9x112.2',
                      'facet.normalize=none', 'facet.metric=euclid',
                      'facet.color=rgb' + 400 * ' ',
                      'facet.mean=0.5' + 400 * ' ',
                      'facet.template=' + 100 * '38.29 '):
            done = facet('model', 'set', tiny, new, entry)
            self.assertEqual(done.returncode, 6, entry)
            self.assertIn(entry.split('=')[0], done.stderr)
            self.assertFalse(new.exists())
        done = facet('model', 'set', tiny, new, 'facet.license=' + 400 * 'L')
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(facet('model', 'info', '--json', new).stdout)
        self.assertEqual(told['settings']['license'], 63 * 'L')

    def test_answers_go_where_the_feeding_changes(self):
        tiny, copy = MODELS / 'embedder-tiny.onnx', pathlib.Path(
            folder.name) / 'fed.onnx'
        photo = next(album.rglob('*.jpg'))
        for verb, golden in ((['import', tiny, copy, '--color', 'bgr'], 0),
                             (['set', tiny, copy, 'facet.mean=0'], 0),
                             (['set', tiny, copy, 'facet.mean=127.5 127.5 '
                               '127.5', 'facet.license=x'], 3),
                             (['set', tiny, copy, 'facet.color=bgr',
                               '--golden', '2'], 2)):
            with self.subTest(verb=verb):
                done = facet('model', *verb)
                self.assertEqual(done.returncode, 0, done.stderr)
                told = json.loads(
                    facet('model', 'info', '--json', copy).stdout)
                self.assertEqual(told['golden'], golden)
                self.assertEqual('facet.calibration' in told['metadata'],
                                 golden == 3)
                done = facet('embed', '--model', copy, photo)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_copy_never_takes_the_place_of_its_source(self):
        where = pathlib.Path(folder.name) / 'source'
        where.mkdir()
        source, link = where / 'x.onnx', where / 'link.onnx'
        source.write_bytes((MODELS / 'embedder-tiny.onnx').read_bytes())
        link.symlink_to(source)
        before = source.read_bytes()
        for place in (source, where / '.' / '..' / 'source' / 'x.onnx', link):
            for verb in (['import'], ['quantize', '--margin', '8', '--images',
                                      album]):
                done = facet('model', *verb, source, str(place).replace(
                    'source/', 'source/./', 1))
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn('the same file', done.stderr)
                self.assertEqual(source.read_bytes(), before)

    def test_a_network_goes_where_the_path_leads_or_is_refused_before(self):
        where = pathlib.Path(folder.name) / 'places'
        where.mkdir()
        tiny = MODELS / 'embedder-tiny.onnx'
        pipe, file, link = (where / n for n in ('pipe', 'file.onnx', 'link'))
        os.mkfifo(pipe)
        for place in (where / 'no' / 'x.onnx', where, pipe):
            done = facet('model', 'set', tiny, place, 'facet.threshold=0.5')
            self.assertEqual(done.returncode, 7, done.stderr)
            self.assertIn(str(where), done.stderr)
        self.assertTrue(pipe.is_fifo())
        for verb in (['import'], ['quantize', '--images', MODELS]):
            done = facet('model', *verb, tiny, where / 'no' / 'x.onnx')
            self.assertEqual(done.returncode, 7, done.stderr)
            self.assertIn('no such folder', done.stderr)
        file.write_bytes(b'old')
        file.chmod(0o600)
        link.symlink_to(file)
        done = facet('model', 'set', tiny, link, 'facet.threshold=0.5')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(link.is_symlink())
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        told = json.loads(facet('model', 'info', '--json', file).stdout)
        self.assertEqual(told['settings']['threshold'], 0.5)
        done = facet('detect', '--detector', tiny, where)
        self.assertEqual(done.returncode, 6)
        self.assertIn('embedder-tiny.onnx', done.stderr)

    def test_installed_ones_are_found(self):
        build = pathlib.Path(FACET).parent
        with tempfile.TemporaryDirectory() as where:
            subprocess.run(['cmake', '--install', build, '--prefix', where],
                           check=True, stdout=subprocess.DEVNULL)
            done = subprocess.run(
                [f'{where}/bin/facet', 'selftest'], capture_output=True,
                text=True, cwd=where)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            share = pathlib.Path(where) / 'share'
            notice = (share / 'facet/README.md').read_text()
            self.assertIn('non-commercial', notice)  # it goes with the weights
            self.assertTrue(list(share.glob('doc/*/LICENSE')))
            self.assertTrue(list(share.glob('doc/*/docs/models/embedder.md')))


class Album(unittest.TestCase):
    """People who do not exist, whose truth is known."""

    def test_every_face_is_found_where_it_is(self):
        found = lines(facet('detect', album))
        self.assertEqual(len(found), len(truth))
        for got, want in zip(sorted(found, key=lambda p: p['image']),
                             sorted(truth, key=lambda p: p['image'])):
            self.assertEqual(len(got['faces']), len(want['faces']),
                             want['image'])
            for face in want['faces']:
                self.assertGreater(max(overlap(face['box'], f['box'])
                                       for f in got['faces']), 0.5)

    def test_crops_for_training_have_a_margin(self):
        out = pathlib.Path(folder.name) / 'margin'
        facet('align', '--margin', 8, '--template', 'arcface-112', '--out',
              out, album / 'person-0000' / '0000.jpg')
        crop, = out.iterdir()
        self.assertEqual(struct.unpack('>2I', crop.read_bytes()[16:24]),
                         (128, 128))

    def test_portraits_are_verified(self):
        for other, status in (('person-0000/0001.jpg', 0),
                              ('person-0001/0000.jpg', 1)):
            # A threshold for rendered people: docs/synth.md.
            process = facet('verify', '--threshold', 0.64, album / 'person-0000' / '0000.jpg',
                            album / other)
            self.assertEqual(process.returncode, status, process.stdout)

    def test_faces_are_grouped_by_person(self):
        clusters = facet('cluster', '--threshold', 0.6, album)  # as the demo
        path = pathlib.Path(folder.name) / 'clusters.jsonl'
        path.write_text(clusters.stdout)
        done = subprocess.run(
            [SOURCE / 'tools' / 'demo_groups.py', path,
             album / 'truth.jsonl'], check=True, capture_output=True,
            text=True)
        self.assertIn('6 groups for 6 people', done.stdout)
        for person in range(6):
            self.assertIn(f'6 of person {person}\n', done.stdout)

    def test_landmarks_tell_how_heads_are_turned(self):
        """Yaw within 10 degrees, points within a tenth of the eyes'
        distance."""
        out = pathlib.Path(folder.name) / 'frontal'
        portraits = sorted(album.glob('person-*'))
        found = lines(facet('align', '--frontal', '--out', out, *portraits))
        wanted = {p['image']: p['faces'][0] for p in truth}
        for photo in found:
            want, face = wanted[photo['image']], photo['faces'][0]
            eyes = math.dist(want['landmarks68'][36], want['landmarks68'][45])
            error = sum(map(math.dist, want['landmarks68'],
                            face['landmarks68'])) / 68
            self.assertLess(error / eyes, 0.1, photo['image'])
            self.assertLess(abs(face['pose'][0] - want['pose'][0]), 10)


if __name__ == '__main__':
    unittest.main()
