#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `make install` puts under a prefix that the build did not know."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from command import CLEAN, FACET

BUILD = pathlib.Path(FACET).parent


def run(*command, **environment):
    return subprocess.run(list(map(str, command)), check=True, text=True,
                          capture_output=True, env={**CLEAN, **environment})


@unittest.skipUnless((BUILD / 'cmake_install.cmake').exists()
                     and shutil.which('cmake'), 'no tree of a build')
class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.root = pathlib.Path(cls.folder.name).resolve() / 'first'
        run('cmake', '--install', BUILD, '--prefix', cls.root)

    def check_flags(self, root):
        place = next(root.rglob('facet.pc')).parent
        flags = run('pkg-config', '--cflags', '--libs', 'facet',
                    PKG_CONFIG_PATH=str(place)).stdout.split()
        places = [pathlib.Path(os.path.normpath(flag[2:])) for flag in flags
                  if flag[:2] in ('-I', '-L')]
        for name in ('facet/status.h', 'libfacet.so'):
            self.assertTrue(any((folder / name).exists() for folder in places
                                if root in folder.parents), (name, flags))

    @unittest.skipUnless(shutil.which('pkg-config'), 'no pkg-config')
    def test_pkg_config_finds_what_was_installed_and_moved(self):
        self.check_flags(self.root)
        moved = self.root.with_name('second')
        shutil.copytree(self.root / 'include', moved / 'include')
        library = next(self.root.rglob('facet.pc')).parent.parent
        shutil.copytree(library, moved / library.relative_to(self.root),
                        symlinks=True)
        self.check_flags(moved)

    def test_documents_point_to_what_is_installed(self):
        pages = sorted(self.root.rglob('*.md'))
        self.assertGreater(len(pages), 20)
        dead = [f'{page.relative_to(self.root)}: {link}' for page in pages
                for link in re.findall(r'\]\(([^)#]+)', page.read_text())
                if '://' not in link and not (page.parent / link).exists()]
        self.assertEqual(dead, [])


if __name__ == '__main__':
    unittest.main()
