#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""facet dataset: stages, the table, the page."""
import csv
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import unittest

from command import SHARED, SOURCE, facet, facet_networks, lines, need_shared
from noise import write_noise

FACES = SHARED / 'data' / 'faces'
CHROMIUM = shutil.which('chromium')
NAMES, EACH = 3, 12


class Dataset(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)

    def table(self):
        with open(self.path / 'out' / 'candidates.tsv', newline='',
                  encoding='utf-8') as file:
            return {row['file']: row
                    for row in csv.DictReader(file, delimiter='\t')}

    def made(self):
        """Of each name six right pictures, the first of them twice, one
        without a face, four of nobody."""
        rng = random.Random(3)

        def near(center, spread):
            return [c + rng.gauss(0, spread) for c in center]
        with open(self.path / 'list', 'w', encoding='utf-8') as names, \
                open(self.path / 'rows.jsonl', 'w', encoding='utf-8') as rows:
            for name in range(NAMES):
                center = near([0] * 24, 1)
                first = near(center, .3)
                for k in range(EACH):
                    row = first if k in (0, 5) else near(center, .3) \
                        if k < 7 else near([0] * 24, 1)
                    faces = [] if k == 11 else [{'embedding': row}]
                    file = f'{name}/{k:02}.jpg'
                    print(json.dumps({'image': file, 'faces': faces}),
                          file=rows)
                    print(file, f'Näme {name}', sep='\t', file=names)

    def test_stages_of_made_embeddings(self):
        self.made()
        process = facet('dataset', self.path / 'list', '--embeddings',
                        self.path / 'rows.jsonl', '--first', 4, '--keep', .63,
                        '--block', 4, '--out', self.path / 'out')
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(lines(process), [
            {'names': 3, 'candidates': 36, 'no_face': 3, 'unlike': 12,
             'duplicates': 3, 'proposed': 18}])
        table = self.table()
        for name in range(NAMES):
            rows = [table[f'{name}/{k:02}.jpg'] for k in range(EACH)]
            self.assertEqual({r['name'] for r in rows}, {f'Näme {name}'})
            self.assertEqual([r['stage'] for r in rows[7:]],
                             4 * ['unlike'] + ['no-face'])
            self.assertEqual((rows[5]['stage'], rows[5]['duplicate_of']),
                             ('duplicate', f'{name}/00.jpg'))
            self.assertEqual(
                sorted(r['block'] for r in rows if r['stage'] == 'proposed'),
                4 * ['0'] + 2 * ['1'])
        self.assertFalse((self.path / 'out' / 'index.html').exists())

    def searches(self, names=('anna', 'bert')):
        """A folder for each name, four pictures in it."""
        for k, name in enumerate(names):
            folder = self.path / 'searches' / name
            folder.mkdir(parents=True)
            for i in range(4):
                write_noise(folder / f'{i}.png', 4 * k + i)
        return self.path / 'searches'

    def crops(self, *words):
        return facet('dataset', *words, '--margin', 8, '--keep', 1, '--out',
                     self.path / 'out',
                     FACET_MODEL=SOURCE / 'models' / 'embedder-tiny.onnx')

    def test_a_broken_picture_has_no_face(self):
        folder = self.searches()
        (folder / 'anna' / '1.png').write_bytes(b'no picture')
        (folder / 'bert' / '2.png').unlink()
        (folder / 'bert' / '2.png').symlink_to('nowhere')
        for threads in (1, 2):
            process = self.crops(folder, '--threads', threads, '--cache',
                                 self.path / 'cache')
            self.assertEqual(process.returncode, 5, process.stderr)
            self.assertEqual(lines(process)[0]['no_face'], 2)
            for name in ('anna/1.png', 'bert/2.png'):
                self.assertIn(f'facet: {name}: ', process.stderr)
                self.assertEqual(self.table()[name]['stage'], 'no-face')
        file, = (self.path / 'cache').iterdir()
        self.assertEqual(len(file.read_text().splitlines()), 6)
        self.assertNotIn('"faces":[]', file.read_text())

    def test_embeddings_and_pictures_make_a_page(self):
        folder = self.searches()
        made = [{'image': f'{name}/{i}.png',
                 'faces': [{'embedding': [k == 4 * n + i for k in range(8)]}]}
                for n, name in enumerate(('anna', 'bert')) for i in range(4)]
        (self.path / 'rows.jsonl').write_text('\n'.join(
            json.dumps(row).replace('true', '1').replace('false', '0')
            for row in made))
        rows = ('--embeddings', self.path / 'rows.jsonl')
        process = self.crops(folder, *rows)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertFalse((self.path / 'out' / 'index.html').exists())
        write_noise(folder / 'bert' / '9.png', 9)
        process = self.crops(folder, *rows)
        self.assertEqual(process.returncode, 7)
        self.assertEqual(process.stderr,
                         "facet: there is no embedding of 'bert/9.png'\n")
        (folder / 'bert' / '9.png').unlink()
        process = self.crops(folder, *rows, '--images', folder)
        self.assertEqual(process.returncode, 0, process.stderr)
        page = (self.path / 'out' / 'index.html').read_text()
        self.assertEqual(page.count('src="data:image/jpeg;base64,'), 8)

    def test_names_that_lists_cannot_hold_are_refused(self):
        for number, (person, file, fault) in enumerate((
                (b'an\tna', b'1.png', 'tab'), (b'anna', b'1\n2.png', 'line end'),
                (b'anna', b'1\r.png', 'line end'), (b'anna ', b'1.png', 'blank'),
                (b' anna', b'1.png', 'blank'), (b'anna', b'1.png ', 'blank'),
                (b'#anna', b'1.png', '#'), (b'ann\xe4', b'1.png', 'UTF-8'))):
            folder = self.path / str(number)
            for name in (person, b'bert'):
                os.makedirs(bytes(folder / 'x')[:-1] + name)
            write_noise(folder / 'bert' / '1.png', 1)
            with open(bytes(folder / 'x')[:-1] + person + b'/' + file, 'wb'):
                pass
            process = self.crops(folder)
            self.assertEqual(process.returncode, 7, (person, file))
            self.assertRegex(process.stderr, f'{fault}.*rename')
            self.assertEqual(len(process.stderr.splitlines()), 1)
            self.assertFalse((self.path / 'out').exists())

    def test_a_folder_that_cannot_be_written_is_told_first(self):
        (self.path / 'out').write_text('')
        process = self.crops(self.searches(), '--cache', self.path / 'cache')
        self.assertEqual(process.returncode, 7)
        self.assertIn(f'{self.path}/out: it is a file', process.stderr)
        self.assertFalse((self.path / 'cache').exists())

    def test_wrong_use_and_hopeless_lists(self):
        self.made()
        rows = ('--embeddings', self.path / 'rows.jsonl')
        out = ('--out', self.path / 'out')
        for arguments in (('list', *rows), (*out, *rows),
                          ('list', *out, *rows, '--keep', '0'),
                          ('list', 'list', *out, *rows)):
            self.assertEqual(facet('dataset', *arguments,
                                   cwd=self.path).returncode, 2, arguments)
        (self.path / 'one').write_text('0/00.jpg\tA\n0/01.jpg\tA\n')
        process = facet('dataset', self.path / 'one', *rows, *out)
        self.assertNotEqual(process.returncode, 0)
        self.assertRegex(process.stderr, 'two')

    def page(self):
        """Three people of the validation crops, each with a wrong picture at
        the end."""
        found = {}
        with open(FACES / 'val_identify.txt', encoding='ascii') as file:
            for line in file:
                kind, key, person = line.split()
                found.setdefault(person, []).append(key)
        chosen = sorted(p for p in found if len(found[p]) >= 7)[:NAMES + 1]
        with open(self.path / 'list', 'w', encoding='ascii') as out:
            for at, person in enumerate(chosen[:NAMES]):
                for key in found[person][:6] + [found[chosen[NAMES]][at]]:
                    print(key, f'<{person}>', sep='\t', file=out)
        process = facet_networks(
            'dataset', self.path / 'list', '--images', FACES / 'faces-val.tar',
            '--margin', 8, '--keep', .8, '--first', 3, '--block', 4, '--out',
            self.path / 'out')
        self.assertEqual(process.returncode, 0, process.stderr)
        return (self.path / 'out' / 'index.html').read_text()

    @need_shared
    def test_the_page_needs_nothing_else(self):
        page = self.page()
        proposed = [r for r in self.table().values()
                    if r['stage'] == 'proposed']
        self.assertEqual(len(proposed), 18)
        self.assertEqual(page.count('src="data:image/jpeg;base64,'), 18)
        self.assertEqual(page.count('class="block"'), 6)
        self.assertNotRegex(page, r'(src|href)="?(http|//)')
        self.assertNotIn('<P', page)  # names are escaped
        for row in proposed:
            self.assertIn(f'data-file="{row["file"]}"', page)

    @unittest.skipUnless(CHROMIUM, 'chromium is not here')
    @need_shared
    def test_what_is_accepted_is_saved(self):
        """First block accepted but for one picture, second rejected."""
        page = self.page().replace('</body>', """<script>
            const all = [...document.querySelectorAll('.block')];
            all[0].querySelector('figure').click();
            all[0].querySelector('.yes').click();
            all[1].querySelector('.no').click();
            URL.createObjectURL = blob => { blob.text().then(text =>
                document.body.innerHTML = '<pre>' + text.replace(/</g, '&lt;')
                + '</pre>'); return '#'; };
            document.querySelector('#bar button').click();
            </script></body>""")
        (self.path / 'out' / 'index.html').write_text(page)
        dom = subprocess.run(
            [CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu',
             f'--user-data-dir={self.path}/profile', '--dump-dom',
             '--virtual-time-budget=3000',
             (self.path / 'out' / 'index.html').as_uri()],
            capture_output=True, text=True, timeout=120, check=True).stdout
        saved = re.search('<pre>(.*)</pre>', dom, re.S).group(1).replace(
            '&lt;', '<').replace('&gt;', '>').splitlines()
        first = [r for r in self.table().values()
                 if r['stage'] == 'proposed'][:4]
        self.assertEqual(saved,
                         [f'{r["file"]}\t{r["name"]}' for r in first[1:]])


if __name__ == '__main__':
    unittest.main()
