#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Networks that nobody can use, in every verb that takes one."""
import os
import pathlib
import subprocess
import tempfile
import unittest

from command import SOURCE, facet, lines

DETECTOR = SOURCE / 'models' / 'detector.onnx'
EMBEDDER = SOURCE / 'models' / 'embedder.onnx'


class TwoInputs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.bare = self.folder / 'bare.onnx'
        subprocess.run([os.environ['MAKE_SMALL'], self.bare, '112', 'pair'],
                       check=True)
        self.network = self.dressed_as(EMBEDDER)
        made = facet('synth', '--people', 1, '--images', 2, '--size', 160,
                     '--out', self.folder / 'faces')
        self.assertEqual(made.returncode, 0, made.stderr)
        self.faces = sorted((self.folder / 'faces').rglob('*.jpg'))

    def dressed_as(self, model):
        """With another network's metadata."""
        made = self.folder / model.name
        told, = lines(facet('model', 'info', '--json', model))
        entries = [f'{key}={text}' for key, text in told['metadata'].items()
                   if key not in ('facet.golden', 'facet.calibration')]
        process = facet('model', 'set', self.bare, made, *entries)
        self.assertEqual(process.returncode, 0, process.stderr)
        return made

    def refused(self, *arguments):
        process = facet(*arguments)
        self.assertEqual(process.returncode, 6,
                         (arguments, process.stdout, process.stderr))
        self.assertRegex(process.stderr, '2 inputs')

    def test_it_is_no_detector(self):
        self.refused('detect', '--detector', self.dressed_as(DETECTOR),
                     self.faces[0])

    def test_it_is_no_embedder(self):
        for verb in (['embed'], ['verify', self.faces[1]]):
            self.refused(*verb, '--detector', DETECTOR, '--model',
                         self.network, self.faces[0])

    def test_it_is_not_tried(self):
        self.refused('bench', '--detector', DETECTOR, '--model', self.network)

    def test_it_gets_no_answers(self):
        self.refused('model', 'set', '--golden=2', self.network,
                     self.folder / 'told.onnx')
        self.assertFalse((self.folder / 'told.onnx').exists())

    def test_it_is_not_quantized(self):
        self.refused('model', 'quantize', '--images', self.folder / 'faces',
                     self.network, self.folder / 'int8.onnx')
        self.assertFalse((self.folder / 'int8.onnx').exists())

    def test_it_is_not_imported(self):
        self.refused('model', 'import', '--preset', 'arcface', self.bare,
                     self.folder / 'new.onnx')
        self.assertFalse((self.folder / 'new.onnx').exists())


if __name__ == '__main__':
    unittest.main()
