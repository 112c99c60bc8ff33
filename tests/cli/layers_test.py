#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/check_layers.py sees what points up, on a tree of four files."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from command import SOURCE

TOOL = SOURCE / 'tools' / 'check_layers.py'
TREE = {
    'include/facet/calibration.h': 'FACET_API int facet_calibrate(int a);\n',
    'src/eval/calibrate.c': 'int facet_calibrate(int a)\n{\n    return a;\n}\n',
    'src/face/quantize.c': '#include "facet/calibration.h"\n',
}


class Layers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        (self.path / 'tools').mkdir()
        shutil.copy(TOOL, self.path / 'tools')
        self.write(TREE)

    def write(self, tree):
        for name, text in tree.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(text)

    def check(self):
        return subprocess.run(
            [sys.executable, self.path / 'tools' / TOOL.name],
            capture_output=True, text=True).stderr

    def test_a_header_is_of_the_room_that_defines_its_functions(self):
        self.assertIn('src/face/quantize.c: face must not include '
                      'facet/calibration.h', self.check())
        self.write({'src/face/quantize.c': ''})
        self.assertEqual(self.check(), '')

    def test_a_header_of_no_room_is_told(self):
        self.write({'include/facet/new.h': 'enum { FACET_NEW };\n'})
        self.assertIn('include/facet/new.h: of which room', self.check())

    def test_the_table_of_rooms_is_the_tools(self):
        tool = {'__file__': str(TOOL), '__name__': 'tool'}
        exec(compile(TOOL.read_text(), str(TOOL), 'exec'), tool)
        rows = dict(re.findall(r'^\| `src/(\w+)/` \| (.*) \|$',
                               (SOURCE / 'ARCHITECTURE.md').read_text(), re.M))
        self.assertEqual(rows.keys(), tool['ROOMS'].keys())
        for room, others in tool['ROOMS'].items():
            for other in (others | tool['PUBLIC'].get(room, set())) - {'base'}:
                self.assertRegex(rows[room], rf'\b{other}\b', room)


if __name__ == '__main__':
    unittest.main()
