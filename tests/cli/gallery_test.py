#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Galleries and clusters by the command, on photos from ../shared."""
import base64
import csv
import fcntl
import json
import math
import os
import pathlib
import shutil
import struct
import tempfile
import unittest

from command import (PHOTOS, SHARED, SOURCE, facet, facet_networks, lines,
                     need_shared)

MOBILE = SHARED / 'models' / 'mobilefacenet.onnx'
OURS = SOURCE / 'models' / 'embedder.onnx'


def photos_by_person():
    """Names of photos, by person."""
    people = {}
    with open(PHOTOS / 'photos.tsv', newline='') as file:
        for row in csv.DictReader(file, delimiter='\t'):
            if row['person'] != '-':
                people.setdefault(row['person'], []).append(row['photo'])
    return people


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        self.people = photos_by_person()
        for person, photos in self.people.items():
            (self.path / 'people' / person).mkdir(parents=True)
            (self.path / 'probes').mkdir(exist_ok=True)
            for i, photo in enumerate(photos):
                to = f'people/{person}' if i + 1 < len(photos) else 'probes'
                shutil.copy(PHOTOS / photo, self.path / to / photo)

    def run_facet(self, *arguments, expect=0, **more):
        process = facet_networks(*arguments, cwd=self.path, **more)
        if expect is not None:
            self.assertEqual(process.returncode, expect, process.stderr)
        return process


@need_shared
class Galleries(Folder):
    def enrolled(self):
        self.run_facet('gallery', 'create', 'g.db')
        return lines(self.run_facet('enroll', 'g.db', 'people'))

    def test_people_of_folders_are_known_in_other_photos(self):
        told = self.enrolled()
        self.assertEqual(
            {line['person'] for line in told if 'template' in line},
            set(self.people))
        for answer in lines(self.run_facet('identify', 'g.db', 'probes')):
            photo = pathlib.Path(answer['image']).name
            face = max(answer['faces'], key=lambda f: f['box'][2])
            self.assertEqual(face['decision'], 'match', answer)
            self.assertIn(photo, self.people[face['person']['name']])
            sample = face['person']['sample']['source']
            self.assertTrue((self.path / sample).exists())
            self.assertGreater(face['margin'], 0.1)

    def test_strangers_are_unknown_and_a_margin_asks_for_a_look(self):
        self.enrolled()
        process = self.run_facet('identify', 'g.db', PHOTOS / 'photo-10.jpg',
                                 expect=1)
        for face in lines(process)[0]['faces']:
            self.assertNotEqual(face['decision'], 'match')
            self.assertIn(face['reason'], ('too_far', 'unsure', 'ambiguous'))
        process = self.run_facet('identify', 'g.db', '--margin', 2, 'probes',
                                 expect=1)
        for answer in lines(process):
            face = max(answer['faces'], key=lambda f: f['box'][2])
            self.assertEqual((face['decision'], face['reason']),
                             ('review', 'ambiguous'))

    def test_enrolling_goes_on_where_it_stopped(self):
        told = self.enrolled()
        again = self.run_facet('enroll', 'g.db', 'people')
        self.assertEqual(again.stdout, '')
        stats, = lines(self.run_facet('gallery', 'stats', 'g.db'))
        self.assertEqual(stats['templates'], len(told))
        self.assertEqual(stats['people'], len(self.people))

    def test_what_speaks_against_itself_is_refused(self):
        self.enrolled()
        photo = sorted((self.path / 'probes').iterdir())[0]
        refused, = lines(self.run_facet(
            'enroll', 'g.db', '--person', 'Somebody', photo, expect=1))
        self.assertEqual(refused['refused'], ['duplicate'])
        self.assertIn(photo.name, self.people[refused['other']['name']])
        poor, = lines(self.run_facet(
            'enroll', 'g.db', '--person', 'Other', '--min-quality', 1,
            '--threshold', 0.99, PHOTOS / 'photo-10.jpg', expect=1))
        self.assertIn('poor', poor['refused'])
        self.assertIn('weakest', poor)
        forced, = lines(self.run_facet(
            'enroll', 'g.db', '--person', 'Somebody', '--force', photo))
        self.assertIn('template', forced)
        found = lines(self.run_facet('gallery', 'audit', 'g.db',
                                     '--threshold', 0.4))
        self.assertIn(('duplicate', 'Somebody'), {
            (f['finding'], name) for f in found
            for name in (f['person']['name'], f.get('other', {}).get('name'))})

    def test_a_removed_person_is_gone_and_the_receipt_says_so(self):
        self.enrolled()
        person = sorted(self.people)[0]
        removed, = lines(self.run_facet('gallery', 'remove', 'g.db', person))
        self.assertEqual(removed['removed']['people'], 1)
        self.assertEqual(removed['removed']['templates'],
                         len(self.people[person]) - 1)
        self.run_facet('gallery', 'remove', 'g.db', person, expect=7)
        self.assertNotIn(person.encode(), (self.path / 'g.db').read_bytes())
        names = [p['name'] for p in
                 lines(self.run_facet('gallery', 'list', 'g.db'))]
        self.assertEqual(sorted(names), sorted(self.people)[1:])

    def test_an_export_is_another_gallery(self):
        self.enrolled()
        person = sorted(self.people)[0]
        self.run_facet('gallery', 'rename', 'g.db', person, 'Zoë')
        (self.path / 'all').write_text(
            self.run_facet('gallery', 'export', 'g.db').stdout)
        self.run_facet('gallery', 'create', 'h.db')
        done, = lines(self.run_facet('gallery', 'import', 'h.db', 'all'))
        self.assertEqual(done['people_added'], len(self.people))
        one, = lines(self.run_facet('gallery', 'list', 'h.db', '--person',
                                    'Zoë'))[:1]
        self.assertTrue(one['crop'])
        self.run_facet('gallery', 'import', 'h.db', 'people', expect=7)

    def test_an_encrypted_gallery_wants_its_passphrase(self):
        (self.path / 'secret').write_text('open sesame\n')
        self.run_facet('gallery', 'create', 'g.db', '--passphrase-file',
                       'secret')
        self.run_facet('enroll', 'g.db', '--passphrase-file', 'secret',
                       'people')
        self.run_facet('gallery', 'list', 'g.db', expect=7)
        people = lines(self.run_facet('gallery', 'list', 'g.db',
                                      '--passphrase-file', 'secret'))
        self.assertEqual(len(people), len(self.people))
        person = sorted(self.people)[0]
        self.assertNotIn(person.encode(), (self.path / 'g.db').read_bytes())

    def test_a_gallery_changes_its_network_and_back(self):
        told = self.enrolled()
        process = facet_networks('identify', 'g.db', '--model', MOBILE,
                                 'probes', cwd=self.path)
        self.assertEqual(process.returncode, 6)
        self.assertIn('migrate', process.stderr)
        report, = lines(self.run_facet('gallery', 'migrate', 'g.db', '--model',
                                       MOBILE))
        self.assertEqual((report['migration'], report['templates'],
                          report['missing']), ('switched', len(told), 0))
        for answer in lines(self.run_facet(
                'identify', 'g.db', '--model', MOBILE, '--threshold', 0.35,
                'probes')):
            face = max(answer['faces'], key=lambda f: f['box'][2])
            self.assertIn(pathlib.Path(answer['image']).name,
                          self.people[face['person']['name']])
        self.run_facet('gallery', 'migrate', 'g.db', '--rollback')
        self.run_facet('identify', 'g.db', 'probes')

    def test_what_cannot_be_used_says_why(self):
        self.run_facet('gallery', 'stats', 'nothing.db', expect=7)
        (self.path / 'text.db').write_text('this is no gallery ' * 100)
        self.run_facet('gallery', 'list', 'text.db', expect=7)
        self.run_facet('identify', 'text.db', 'probes', expect=7)
        self.enrolled()
        self.run_facet('gallery', 'create', 'g.db', expect=7)
        process = self.run_facet('identify', 'g.db', '--fpir', 0.01, 'probes',
                                 expect=6)
        self.assertIn('calibrat', process.stderr)
        lost, = lines(self.run_facet('enroll', 'g.db', PHOTOS / 'photo-01.jpg',
                                     expect=2))
        self.assertIn('--person', lost['error']['message'])


@need_shared
class Clusters(Folder):
    def clusters(self, *arguments, **more):
        return lines(self.run_facet('cluster', *arguments, **more))

    def test_clusters_are_people(self):
        for method in ('average', 'whispers'):
            found = self.clusters('--method', method, 'people', 'probes')
            whole = [sorted(pathlib.Path(f['image']).name for f in c['faces'])
                     for c in found if c['cluster']]
            for photos in self.people.values():
                self.assertIn(sorted(photos), whole)

    def test_an_album_keeps_numbers_and_names(self):
        before = self.clusters('--album', 'album', 'people')
        found = {c['cluster']: c for c in before if c['cluster']}
        three = max(self.people, key=lambda p: len(self.people[p]))
        number, = [n for n, c in found.items()
                   if three in c['faces'][0]['image']]
        self.run_facet('cluster', 'name', 'album', number, "O'Hara <3>")
        after = {c['cluster']: c for c in
                 self.clusters('--album', 'album', 'people', 'probes')}
        self.assertEqual(after[number]['name'], "O'Hara <3>")
        self.assertEqual(
            {pathlib.Path(f['image']).name for f in after[number]['faces']},
            set(self.people[three]))
        for c in found:
            self.assertIn(c, after)
        page = (self.path / 'album/index.html').read_text()
        self.assertIn('O\'Hara &lt;3&gt;', page)
        self.assertNotIn('<3>', page)
        self.assertNotIn('http', page)
        whole = json.loads((self.path / 'album/clusters.json').read_text())
        self.assertEqual(page.count('<figure'), len(whole['alone']) +
                         sum(len(c['faces']) for c in whole['clusters']))
        who, = lines(self.run_facet('identify', 'album/album.db',
                                    PHOTOS / self.people[three][0]))
        self.assertIn("O'Hara <3>", [f['person']['name'] for f in who['faces']
                                     if f['decision'] == 'match'])
        self.run_facet('gallery', 'remove', 'album/album.db', "O'Hara <3>")
        self.assertEqual([path.name for path in
                          (self.path / 'album').iterdir()
                          if "O'Hara" in path.read_text(errors='replace')], [])

    def test_clusters_merge_split_and_explain_themselves(self):
        found = [c for c in self.clusters('--album', 'album', 'people',
                                          'probes') if c['cluster']]
        a, b = found[0], found[1]
        self.run_facet('cluster', 'merge', 'album', a['cluster'], b['cluster'])
        listed = {c['cluster']: c for c in
                  lines(self.run_facet('cluster', 'list', 'album'))}
        self.assertNotIn(b['cluster'], listed)
        self.assertEqual(len(listed[a['cluster']]['faces']),
                         len(a['faces']) + len(b['faces']))
        steps = lines(self.run_facet(
            'cluster', 'explain', 'album', a['faces'][0]['face'],
            b['faces'][0]['face']))
        self.assertEqual(steps[0]['from']['face'], a['faces'][0]['face'])
        self.assertEqual(steps[-2]['to']['face'], b['faces'][0]['face'])
        apart, = lines(self.run_facet('cluster', 'split', 'album',
                                      a['cluster']))
        listed = {c['cluster']: c for c in
                  lines(self.run_facet('cluster', 'list', 'album'))}
        parts = [sorted(f['face'] for f in listed[n]['faces'])
                 for n in (a['cluster'], apart['apart'])]
        self.assertCountEqual(parts, [sorted(f['face'] for f in c['faces'])
                                      for c in (a, b)])
        self.run_facet('cluster', 'name', 'album', 99999, 'x', expect=2)

    def test_named_clusters_go_into_a_gallery(self):
        found = [c for c in self.clusters('--album', 'album', 'people')
                 if c['cluster']]
        self.run_facet('gallery', 'create', 'g.db')
        self.run_facet('cluster', 'name', '--gallery', 'g.db', 'album',
                       found[0]['cluster'], 'Ann')
        self.run_facet('cluster', 'name', '--gallery', 'g.db', 'album',
                       found[0]['cluster'], 'Ann')  # nothing more comes of it
        ann, = lines(self.run_facet('gallery', 'list', 'g.db'))
        self.assertEqual((ann['name'], ann['templates']),
                         ('Ann', len(found[0]['faces'])))


class Rendered(unittest.TestCase):
    """With the networks of models/ and two people who do not exist."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        self.run_facet('synth', '--people', 2, '--images', 2, '--size', 200,
                       '--out', 'faces')
        self.faces = sorted((self.path / 'faces').rglob('*.jpg'))

    def run_facet(self, *arguments, expect=0, **more):
        process = facet(*arguments, cwd=self.path, **more)
        self.assertEqual(process.returncode, expect, process.stderr)
        return process

    def test_a_damaged_row_is_found_and_mended(self):
        """Among so many rows that opening the gallery looks at a few only."""
        self.run_facet('gallery', 'create', 'g.db')
        self.run_facet('enroll', 'g.db', '--person', 'Ann', self.faces[0])
        head, *rest = lines(self.run_facet('gallery', 'export', 'g.db'))
        person = next(e for e in rest if 'name' in e)
        face = next(e for e in rest if e.get('template'))
        face['person'] = person['person']
        (self.path / 'all').write_text('\n'.join(map(json.dumps, [
            head, person, *(face | {'template': i + 1} for i in range(200))])))
        self.run_facet('gallery', 'create', 'h.db')
        self.run_facet('gallery', 'import', 'h.db', 'all')
        vectors, = self.path.glob('h.db.*.vectors')
        row = 4096 + 65536 * (2 * ((head['dim'] + 7) // 8) + 8) + head['dim'] * 4
        with vectors.open('r+b') as file:  # docs/formats/gallery.md
            file.seek(row)
            held = file.read(4)
            file.seek(row)
            file.write(bytes(255 - x for x in held))
        for damaged in 1, 0:
            self.assertEqual(
                lines(self.run_facet('gallery', 'check', 'h.db')),
                [{'gallery': 'h.db', 'templates': 200, 'mapped': True,
                  'damaged': damaged}])

    def test_a_photo_is_one_however_it_is_spelled(self):
        (self.path / 'link').symlink_to('faces')
        spelled = 'faces', './faces', 'faces//', self.path / 'faces', 'link/'
        first = self.run_facet('cluster', '--album', 'album', *spelled)
        told = [f['image'] for c in lines(first) for f in c['faces']]
        self.assertEqual(sorted(told), sorted(
            str(path.relative_to(self.path)) for path in self.faces))
        self.run_facet('gallery', 'create', 'g.db')
        self.run_facet('enroll', 'g.db', '--force', 'faces')
        for folder in spelled:
            again = self.run_facet('cluster', '--album', 'album', folder)
            self.assertEqual(again.stdout, first.stdout, folder)
            again = self.run_facet('enroll', 'g.db', '--force', folder)
            self.assertEqual(again.stdout, '', folder)

    def test_a_failure_names_the_file_whose_it_is(self):
        self.run_facet('gallery', 'create', 'g.db')
        head = self.run_facet('gallery', 'export', 'g.db').stdout
        (self.path / 'bad').write_text(head + '[')
        process = self.run_facet('gallery', 'import', 'g.db', 'bad', expect=7)
        self.assertEqual(process.stderr,
                         'facet: bad: line 2: not a JSON object\n')
        process = self.run_facet('gallery', 'import', 'g.db', '-', given='[',
                                 expect=7)
        self.assertEqual(process.stderr, 'facet: standard input: line 1: '
                         'not a JSON object\n')
        for words in (('list', 'faces'), ('import', 'faces', 'bad'),
                      ('create', 'faces')):
            process = self.run_facet('gallery', *words, expect=7)
            self.assertIn('faces: this is a folder', process.stderr)

    def test_every_verb_for_photos_has_both_limits(self):
        photo = self.faces[0]
        self.run_facet('gallery', 'create', 'g.db')
        for limit in '--max-megapixels=0.01', '--max-megabytes=0.001':
            for words in (('enroll', 'g.db', '--person', 'Ann'),
                          ('identify', 'g.db'), ('cluster',),
                          ('verify', photo)):
                process = self.run_facet(*words, limit, photo, expect=5)
                self.assertIn('limit', process.stdout + process.stderr)
        self.run_facet('verify', '--max-megabytes=100', photo, photo)

    def test_an_unreadable_photo_is_named_once(self):
        deep = self.path / ('d' * 100) / ('e' * 100)
        deep.mkdir(parents=True)
        for name in 'text.jpg', f'{deep.parent.name}/{deep.name}/text.jpg':
            (self.path / name).write_text('no picture at all')
            for words in (('verify', name), ('cluster',), ('detect',
                          '--format', 'csv')):
                process = self.run_facet(*words, name, expect=5)
                self.assertEqual(process.stderr.count(name[:100]), 1,
                                 process.stderr)
                self.assertTrue(process.stderr.startswith(
                    f'facet: {name}: the content is'), process.stderr)

    def alike(self, photo, similarity):
        """g.db with one person who is so much like the photo's."""
        face, = lines(self.run_facet('embed', photo))[0]['faces']
        v = face['embedding']  # of length 1
        other = v[1:] + v[:1]
        along = sum(x * y for x, y in zip(v, other))
        other = [y - along * x for x, y in zip(v, other)]
        across = (1 - similarity ** 2) ** 0.5 / math.hypot(*other)
        other = struct.pack(f'<{len(v)}f', *(
            similarity * x + across * y for x, y in zip(v, other)))
        shutil.rmtree(self.path / 'g', ignore_errors=True)
        (self.path / 'g').mkdir()
        self.run_facet('gallery', 'create', 'g/g.db')
        head, = lines(self.run_facet('gallery', 'export', 'g/g.db'))
        (self.path / 'one').write_text('\n'.join(map(json.dumps, [
            head, {'person': 1, 'name': 'Ann'},
            {'template': 1, 'person': 1,
             'embedding': base64.b64encode(other).decode()}])))
        self.run_facet('gallery', 'import', 'g/g.db', 'one')

    def test_few_people_are_no_reason_to_take_two_for_one(self):
        """The network's own threshold is that of one false match in a
        thousand; at FPIR 0.01 among one it is that of one in a hundred."""
        photo = self.faces[0]
        told, = lines(self.run_facet('model', 'info', '--json', OURS))
        own = told['settings']['threshold']
        low, = (t['threshold'] for t in
                json.loads(told['metadata']['facet.calibration'])['thresholds']
                if abs(t['fmr'] - 0.01) < 1e-9)
        between = (low + own) / 2
        self.assertGreater(own - low, 0.02)
        for similarity, options, refused in (
                (between, (), None), (own + 0.04, (), ['duplicate']),
                (between, ('--fpir', 0.01), None),
                (between, ('--threshold', between - 0.01), ['duplicate'])):
            self.alike(photo, similarity)
            told, = lines(self.run_facet(
                'enroll', 'g/g.db', '--person', 'Bob', *options, photo,
                expect=1 if refused else 0))
            self.assertEqual(told.get('refused'), refused, told)
        self.alike(photo, between)
        self.run_facet('enroll', 'g/g.db', '--person', 'Bob', photo)
        for threshold, findings in ((), 0), (('--threshold', between - 0.01), 1):
            found = lines(self.run_facet('gallery', 'audit', 'g/g.db',
                                         *threshold))
            self.assertEqual(bool(found), bool(findings), found)

    def gallery_of(self, people, each):
        """g/g.db with so many people, and templates of each."""
        shutil.rmtree(self.path / 'g', ignore_errors=True)
        (self.path / 'g').mkdir()
        self.run_facet('gallery', 'create', 'g/g.db')
        head, = lines(self.run_facet('gallery', 'export', 'g/g.db'))
        rows = [head]
        for person in range(1, people + 1):
            rows.append({'person': person, 'name': f'P{person}'})
            for i in range(each):
                one = [0.0] * head['dim']
                one[person * each + i] = 1.0
                rows.append({
                    'template': len(rows), 'person': person,
                    'embedding': base64.b64encode(
                        struct.pack(f'<{len(one)}f', *one)).decode()})
        (self.path / 'rows').write_text('\n'.join(map(json.dumps, rows)))
        self.run_facet('gallery', 'import', 'g/g.db', 'rows')

    def test_a_rate_holds_for_as_many_templates_as_there_are(self):
        def threshold(people, each):
            self.gallery_of(people, each)
            answer, = lines(self.run_facet('identify', 'g/g.db', self.faces[0],
                                           expect=1))
            self.assertEqual(answer['fpir'], 0.01)
            return answer['threshold']

        def by_fmr(n):
            fmr = 1 - (1 - 0.01) ** (1 / n)
            verdict, = lines(self.run_facet('verify', '--json', '--fmr', fmr,
                                            self.faces[0], self.faces[0]))
            return verdict['threshold']

        self.assertAlmostEqual(threshold(2, 1), by_fmr(2), 5)
        self.assertAlmostEqual(threshold(6, 1), by_fmr(6), 5)
        self.assertAlmostEqual(threshold(2, 3), by_fmr(6), 5)

    def test_a_gallery_too_large_for_a_calibration_gets_no_lower_threshold(self):
        """The network's own threshold is that of one false match in 1,000; 101
        templates want one in 10,050."""
        told, = lines(self.run_facet('model', 'info', '--json', OURS))
        short = json.loads(told['metadata']['facet.calibration'])
        short['thresholds'] = [t for t in short['thresholds']
                               if t['fmr'] > 0.9e-4]
        self.run_facet('model', 'set', OURS, 'short.onnx',
                       f'facet.calibration={json.dumps(short)}')
        self.gallery_of(101, 1)
        for options, status in ((), 1), (('--fpir', 0.01), 6):
            process = self.run_facet('identify', '--model', 'short.onnx',
                                     *options, 'g/g.db', self.faces[0],
                                     expect=status)
        self.assertIn('calibrate with more', process.stderr)
        answer, = lines(self.run_facet('identify', '--model', 'short.onnx',
                                       'g/g.db', self.faces[0], expect=1))
        self.assertIsNone(answer['fpir'])
        self.assertAlmostEqual(answer['threshold'],
                               short['thresholds'][-1]['threshold'], 5)

    def test_pictures_of_folders_are_known_by_their_names(self):
        for name in 'none/sub', 'some/sub', 'some/.hidden':
            (self.path / name).mkdir(parents=True)
        for name in ('none/photo.txt', 'none/.a.jpg', 'some/photo', 'some/b.JPEG',
                     'some/sub/a.jpg', 'some/.hidden/a.jpg'):
            shutil.copy(self.faces[0], self.path / name)
        (self.path / 'none/link').symlink_to(self.path / 'some')
        told = lines(self.run_facet('detect', 'some', 'none/photo.txt'))
        self.assertEqual([line['image'] for line in told],
                         ['some/b.JPEG', 'some/sub/a.jpg', 'none/photo.txt'])
        process = self.run_facet('detect', 'none', 'some', expect=7)
        self.assertEqual(lines(process), told[:2])
        self.assertEqual(process.stderr, 'facet: none: no picture in it\n')
        self.run_facet('gallery', 'create', 'g.db')
        for words in ('enroll', 'g.db'), ('cluster', '--album', 'album'):
            process = self.run_facet(*words, 'none', expect=7)
            self.assertIn('none: no picture in it', process.stderr)

    def album(self):
        """An album with a cluster a person; numbers of the clusters."""
        self.run_facet('synth', '--people', 4, '--images', 3, '--size', 200,
                       '--seed', 7, '--out', 'four')
        told = lines(self.run_facet('cluster', '--threshold', 0.6, '--album',
                                    'album', 'four'))
        numbers = [c['cluster'] for c in told if c['cluster']]
        self.assertGreater(len(numbers), 1)
        return numbers

    def written(self):
        return json.loads((self.path / 'album/clusters.json').read_text())

    def test_a_wrong_word_changes_nothing_of_an_album(self):
        a, b, *_ = self.album()
        before = self.written()
        for words, reason in (
                (('name', 'album', a, 'Anna', 99, 'Bob'), 'no cluster 99'),
                (('merge', 'album', a, b, 99), 'no cluster 99'),
                (('merge', 'album', a, b, a), 'cannot be merged with itself'),
                (('merge', 'album', a, a), 'cannot be merged with itself')):
            process = self.run_facet('cluster', *words, expect=2)
            self.assertIn(reason, process.stderr)
            self.assertEqual(process.stdout, '')
            self.assertEqual(self.written(), before)
            listed = lines(self.run_facet('cluster', 'list', 'album'))
            self.assertEqual(
                {c['cluster']: (c['name'], c['faces']) for c in listed[:-1]},
                {c['cluster']: (c['name'], c['faces'])
                 for c in before['clusters']})

    def test_the_page_shows_what_was_changed_before_a_failure(self):
        a, b, *_ = self.album()
        self.run_facet('cluster', 'name', 'album', a, 'Anna', b, 'Anna',
                       expect=7)
        self.assertIn((a, 'Anna'), {(c['cluster'], c['name'])
                                    for c in self.written()['clusters']})
        self.assertIn('Anna', (self.path / 'album/index.html').read_text())

    def test_a_photo_that_is_not_there_stops_no_others(self):
        whole = self.run_facet('cluster', 'faces').stdout
        process = self.run_facet('cluster', 'gone.jpg', 'faces', expect=7)
        self.assertIn('gone.jpg', process.stderr)
        self.assertEqual(process.stdout, whole)
        process = self.run_facet('cluster', '--album', 'album', '-', expect=7,
                                 given='gone.jpg\n' + '\n'.join(
                                     map(str, self.faces)))
        self.assertEqual(sum(len(c['faces']) for c in lines(process)), 4)
        self.assertTrue((self.path / 'album/index.html').exists())

    def test_what_is_not_together_is_not_explained(self):
        a, b, *_ = self.album()
        listed = {c['cluster']: [f['face'] for f in c['faces']] for c in
                  lines(self.run_facet('cluster', 'list', 'album'))}
        here, there = listed[a][-1], listed[b][0]
        process = self.run_facet('cluster', 'explain', 'album', here, there,
                                 expect=1)
        self.assertEqual(process.stdout, '')
        self.assertIn(f'album: face {here} is in cluster {a}, '
                      f'face {there} in cluster {b}', process.stderr)
        self.run_facet('cluster', 'explain', 'album', here, 99999, expect=2)
        self.run_facet('cluster', 'explain', 'album', here, here)

    def test_an_album_may_be_one_to_read_only(self):
        told = lines(self.run_facet('cluster', '--album', 'album', 'faces'))
        face = told[0]['faces'][0]['face']
        for path in self.path, self.path / 'album':
            path.chmod(0o555)
            self.addCleanup(path.chmod, 0o755)
        for path in (self.path / 'album').iterdir():
            path.chmod(0o444)
        nobody = {'user': 65534} if os.geteuid() == 0 else {}
        listed = lines(self.run_facet('cluster', 'list', 'album', **nobody))
        self.assertEqual([c['faces'] for c in listed],
                         [c['faces'] for c in told])
        self.run_facet('cluster', 'explain', 'album', face, face, **nobody)
        process = self.run_facet('cluster', 'name', 'album', 2, 'x', expect=7,
                                 **nobody)
        self.assertIn('permission', process.stderr)

    def test_one_command_at_a_time_changes_an_album(self):
        self.run_facet('cluster', '--album', 'album', 'faces')
        folder = os.open(self.path / 'album', os.O_RDONLY)
        self.addCleanup(os.close, folder)
        fcntl.flock(folder, fcntl.LOCK_EX)
        for words in (('--album', 'album', 'faces'),
                      ('name', 'album', 1, 'x')):
            process = self.run_facet('cluster', *words, expect=7)
            self.assertIn('another facet cluster', process.stderr)
        self.run_facet('cluster', 'list', 'album')


if __name__ == '__main__':
    unittest.main()
