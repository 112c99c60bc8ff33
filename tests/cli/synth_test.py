#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""facet synth: files, truth, and that the same options give the same bytes."""
import pathlib
import tempfile
import unittest

from command import SHARED, facet, facet_networks, lines, need_shared

LANDMARKS = SHARED / 'models/facemesh468.onnx'


class Synth(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)

    def synth(self, *more):
        process = facet('synth', '--out', self.path / 'a', '--people', 3,
                        '--images', 2, '--groups', 2, '--group-of', 3, '--size',
                        '64', '--group-size', '160x120', *more)
        self.assertEqual(process.returncode, 0, process.stderr)
        return lines(process)

    def files(self):
        return {path.relative_to(self.path): path.read_bytes()
                for path in sorted(self.path.rglob('*.*')) if path.is_file()}

    def test_folders_are_people_and_the_truth_is_complete(self):
        truth = self.synth()
        self.assertEqual([str(name) for name in self.files()], [
            'a/groups/0000.jpg', 'a/groups/0001.jpg',
            'a/person-0000/0000.jpg', 'a/person-0000/0001.jpg',
            'a/person-0001/0000.jpg', 'a/person-0001/0001.jpg',
            'a/person-0002/0000.jpg', 'a/person-0002/0001.jpg'])
        self.assertEqual(len(truth), 8)
        for i, picture in enumerate(truth):
            self.assertTrue(pathlib.Path(picture['image']).exists())
            people = [face['person'] for face in picture['faces']]
            if i < 6:
                self.assertEqual(people, [i // 2])
                self.assertEqual(picture['width'], 64)
            else:
                self.assertEqual(sorted(people), [0, 1, 2])
                self.assertEqual(picture['height'], 120)
            for face in picture['faces']:
                self.assertEqual(len(face['landmarks']), 5)
                self.assertEqual(len(face['landmarks68']), 68)
                self.assertEqual(len(face['pose']), 3)
                x, y, w, h = face['box']
                nose = face['landmarks'][2]
                self.assertTrue(x < nose[0] < x + w and y < nose[1] < y + h)

    def test_same_options_same_bytes_whatever_the_threads(self):
        one = self.synth('--threads', 1), self.files()
        many = self.synth('--threads', 4), self.files()
        self.assertEqual(one, many)
        other = self.synth('--seed', 2), self.files()
        self.assertNotEqual(one[0], other[0])
        self.assertNotEqual(one[1], other[1])

    def test_limits_of_the_pose_hold(self):
        for picture in self.synth('--yaw', 10, '--pitch', 0, '--roll', 3):
            for face in picture['faces']:
                yaw, pitch, roll = face['pose']
                self.assertLessEqual(abs(yaw), 10)
                self.assertEqual(pitch, 0)
                self.assertLessEqual(abs(roll), 3)

    @need_shared
    @unittest.skipUnless(LANDMARKS.exists(), 'no landmark network is here')
    def test_faces_are_turned_to_the_front(self):
        truth = lines(facet('synth', '--out', self.path / 'a', '--people', 4,
                            '--images', 1, '--expression', 0, '--light', 0))
        process = facet_networks(
            'align', '--frontal', '--landmarks', LANDMARKS, '--policy',
            'largest', '--out', self.path / 'crops', self.path / 'a')
        self.assertEqual(process.returncode, 0, process.stderr)
        for want, got in zip(truth, lines(process)):
            self.assertEqual(want['image'], got['image'])
            face, = got['faces']
            crop = pathlib.Path(face['crop']).read_bytes()
            self.assertEqual(crop[16:24], bytes([0, 0, 0, 152] * 2))
            self.assertEqual(len(face['landmarks68']), 68)
            for a, b in zip(face['pose'], want['faces'][0]['pose']):
                self.assertLess(abs(a - b), 10)

    def test_a_picture_that_fails_is_told_and_the_others_are_made(self):
        (self.path / 'a' / 'person-0000' / '0000.jpg').mkdir(parents=True)
        process = facet('synth', '--out', self.path / 'a', '--people', 4,
                        '--images', 1, '--size', 64, '--threads', 4)
        first, *others = lines(process)
        self.assertIn('a folder', first['error']['message'])
        self.assertEqual(len(others), 3)
        for picture in others:
            self.assertTrue(pathlib.Path(picture['image']).is_file())
            self.assertEqual(len(picture['faces']), 1)
        self.assertEqual(process.returncode, 7)
        self.assertIn('the lines of those say why', process.stderr)

    def test_a_folder_that_cannot_be_made_is_7(self):
        process = facet('synth', '--out', '/proc/nowhere/a', '--people', 1)
        self.assertEqual(process.returncode, 7)
        self.assertNotEqual(process.stderr, '')


if __name__ == '__main__':
    unittest.main()
