#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The verbs on photos with known answers, from ../shared."""
import csv
import io
import json
import math
import pathlib
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest

from command import (CLEAN, DETECTOR, EMBEDDER, FACET, PHOTOS, SHARED, facet,
                     facet_networks, lines, need_shared)


def overlap(a, b):
    """Intersection over union of x y w h."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def npy(data):
    """Shape and values of a version 1.0 array of floats."""
    length, = struct.unpack('<H', data[8:10])
    head = eval(data[10:10 + length])  # a literal dict
    count = head['shape'][0] * head['shape'][1]
    assert (10 + length) % 64 == 0 and head['descr'] == '<f4'
    return head['shape'], struct.unpack(f'<{count}f', data[10 + length:])


@need_shared
class Photos(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)

    def photo(self, number):
        return PHOTOS / f'photo-{number:02}.jpg'

    def test_golden_photos_give_the_golden_faces(self):
        golden = SHARED / 'models/golden/golden.jsonl'
        for line in golden.read_text().splitlines():
            want = json.loads(line)
            got, = lines(facet_networks('embed', '--precision', 'fp32',
                                        PHOTOS / want['photo']))
            self.assertEqual((got['width'], got['height']),
                             (want['width'], want['height']))
            for face in want['faces']:
                best = max(got['faces'],
                           key=lambda f: overlap(f['box'], face['box']))
                self.assertGreaterEqual(
                    overlap(best['box'], face['box']), 0.9, want['photo'])
                slack = max(2, 0.02 * max(face['box'][2:]))
                for a, b in zip(best['landmarks'], face['landmarks']):
                    self.assertLessEqual(math.dist(a, b), slack)
                self.assertGreaterEqual(
                    cosine(best['embedding'], face['embedding']), 0.99,
                    want['photo'])

    def test_a_line_has_these_members_in_this_order(self):
        got, = lines(facet_networks('embed', self.photo(1)))
        self.assertEqual(list(got), ['image', 'width', 'height', 'faces',
                                     'contract'])
        self.assertEqual(list(got['faces'][0]),
                         ['box', 'score', 'landmarks', 'embedding'])
        got, = lines(facet_networks('detect', self.photo(1)))
        self.assertEqual(list(got['faces'][0]), ['box', 'score', 'landmarks'])

    def test_output_is_the_same_with_any_number_of_threads(self):
        one = facet_networks('embed', '--threads', 1, PHOTOS)
        many = facet_networks('embed', '--threads', 7, PHOTOS)
        self.assertEqual(one.returncode, 0)
        self.assertEqual(one.stdout, many.stdout)
        self.assertEqual([pathlib.Path(x['image']).name for x in lines(one)],
                         sorted(p.name for p in PHOTOS.glob('*.jpg')))

    def test_a_photo_that_fails_is_told_and_the_next_goes_on(self):
        (self.path / 'empty.jpg').touch()
        (self.path / 'text.jpg').write_text('not a picture at all')
        whole = self.photo(1).read_bytes()
        (self.path / 'cut.jpg').write_bytes(whole[:len(whole) // 2])
        names = ['empty.jpg', 'text.jpg', 'cut.jpg', 'missing.jpg']
        process = facet_networks(
            'detect', *[self.path / n for n in names], self.photo(1))
        got = lines(process)
        self.assertEqual(process.returncode, 5)
        self.assertEqual([x.get('error', {}).get('code') for x in got],
                         ['empty', 'not_an_image', 'truncated', 'not_found',
                          None])
        self.assertEqual(facet_networks('detect', self.path / 'missing.jpg')
                         .returncode, 7)

    def test_lists_from_stdin_and_from_files(self):
        want = facet_networks('detect', self.photo(1), self.photo(4)).stdout
        text = f'{self.photo(1)}\n\n{self.photo(4)}'
        zeros = f'{self.photo(1)}\0{self.photo(4)}\0'
        (self.path / 'list').write_text(text)
        for process in (
                facet_networks('detect', '-', given=text),
                facet_networks('detect', '--files-from', '-', given=text),
                facet_networks('detect', '--files-from', self.path / 'list'),
                facet_networks('detect', '-0', '-', given=zeros)):
            self.assertEqual(process.stdout, want)
            self.assertEqual(process.returncode, 0)

    def test_lists_may_end_their_lines_as_dos_does(self):
        odd = self.path / 'odd.jpg\r'
        odd.write_bytes(self.photo(4).read_bytes())
        names = [str(self.photo(1)), str(odd), str(self.photo(4))]
        text = f'{names[0]}\r\n\r\n{odd}\n{names[2]}\r\n'
        process = facet_networks('detect', '-', given=text)
        self.assertEqual([x['image'] for x in lines(process)], names)
        self.assertEqual(process.returncode, 0)
        process = facet_networks('detect', '-0', '-', given=f'{names[0]}\r\0')
        self.assertEqual(process.returncode, 7)

    def test_folders_are_walked_in_order_without_what_is_no_picture(self):
        for name in ('b/2.JPG', 'b/1.jpg', 'a.jpeg', 'notes.txt', '.hid.jpg'):
            (self.path / name).parent.mkdir(exist_ok=True)
            shutil.copy(self.photo(4), self.path / name)
        (self.path / 'loop').symlink_to(self.path)
        got = lines(facet_networks('detect', self.path))
        self.assertEqual([x['image'] for x in got],
                         [str(self.path / n)
                          for n in ('a.jpeg', 'b/1.jpg', 'b/2.JPG')])

    def test_json_csv_and_npy_say_what_jsonl_says(self):
        photos = [self.photo(1), self.photo(10)]
        want = lines(facet_networks('embed', *photos))
        faces = [f for x in want for f in x['faces']]
        whole = json.loads(
            facet_networks('embed', '--format', 'json', *photos).stdout)
        self.assertEqual(whole, want)
        rows = list(csv.DictReader(io.StringIO(facet_networks(
            'embed', '--format', 'csv', *photos).stdout)))
        self.assertEqual(len(rows), len(faces))
        for row, face in zip(rows, faces):
            self.assertAlmostEqual(float(row['x']), face['box'][0], 2)
            self.assertEqual([float(v) for v in row['embedding'].split()],
                             face['embedding'])
        data = subprocess.run(
            [FACET, 'embed', '--format', 'npy', *photos], check=True,
            capture_output=True, env={**CLEAN, 'FACET_MODEL': str(EMBEDDER),
                                      'FACET_DETECTOR': str(DETECTOR)}).stdout
        shape, values = npy(data)
        self.assertEqual(shape, (len(faces), 256))
        for a, b in zip(values, [v for f in faces for v in f['embedding']]):
            self.assertAlmostEqual(a, b, 7)

    def test_crops_give_the_embedding_and_contract_of_their_photo(self):
        crops = self.path / 'crops'
        made, = lines(facet_networks('align', '--out', crops, self.photo(1)))
        crop = made['faces'][0]['crop']
        want, = lines(facet_networks('embed', self.photo(1)))
        got, = lines(facet_networks('embed', '--aligned', crop))
        self.assertEqual(got['contract'], want['contract'])
        self.assertGreaterEqual(
            cosine(got['faces'][0]['embedding'],
                   want['faces'][0]['embedding']), 0.9999)
        other, = lines(facet_networks('align', '--template', 'arcface-112',
                                      '--out', crops, self.photo(1)))
        got, = lines(facet_networks('embed', '--aligned',
                                    other['faces'][0]['crop']))
        self.assertIn('0095-128', got['error']['message'])

    def test_a_network_that_is_no_embedder_has_no_template(self):
        process = facet_networks('align', '--model', DETECTOR, '--out',
                                 self.path, self.photo(1))
        self.assertEqual(process.returncode, 6)
        self.assertIn(f'{DETECTOR}: ', process.stderr)
        self.assertIn('no embedder', process.stderr)

    def test_of_photos_whose_crops_would_have_one_name_the_first_has_them(self):
        (self.path / 'a').mkdir()
        photos = [self.path / 'a' / 'b.jpg', self.path / 'a_b.jpg']
        for photo, number in zip(photos, (1, 10)):
            photo.write_bytes(self.photo(number).read_bytes())
        for verb in (('align', '--out'), ('detect', '--draw')):
            process = facet_networks(*verb, self.path / verb[0], *photos,
                                     photos[0])
            first, second, again = lines(process)
            self.assertNotIn('error', first)
            self.assertEqual(second['error']['code'], 'exists')
            self.assertIn(str(photos[0])[-40:], second['error']['message'])
            self.assertEqual(again, first)
            self.assertEqual(process.returncode, 7)

    def test_limits_are_kept(self):
        for limit in ('--max-megapixels', '--max-megabytes'):
            got, = lines(facet_networks('detect', limit, 0.01, self.photo(1)))
            self.assertEqual(got['error']['code'], 'over_limit')

    def test_marked_copies_are_drawn(self):
        marked = self.path / 'marked'
        process = facet_networks('detect', '--draw', marked, self.photo(10))
        self.assertEqual(process.returncode, 0)
        copy, = marked.iterdir()
        self.assertNotEqual(copy.read_bytes(), self.photo(10).read_bytes())
        got, = lines(facet_networks('detect', copy))
        self.assertEqual(got['width'], lines(process)[0]['width'])

    def test_no_photo_is_drawn_or_cropped_over(self):
        whole = self.photo(4).read_bytes()
        photo, link = self.path / 'a.jpg', self.path / 'lnk'
        named_like_a_crop = self.path / 'a.jpg-0.png'
        (self.path / 'x').mkdir()
        (self.path / 'x' / 'b.jpg').symlink_to(photo)
        link.symlink_to(self.path / 'x')
        for given, arguments in (
                (None, ['detect', '--draw', '.', 'a.jpg']),
                ('a.jpg', ['detect', '--draw', '.', '-']),
                (None, ['detect', '--draw', 'x', 'b.jpg', 'a.jpg']),
                (None, ['detect', '--draw', 'lnk', 'b.jpg', 'x/b.jpg']),
                (None, ['align', '--out', '.', 'a.jpg', 'a.jpg-0.png'])):
            for path in (photo, named_like_a_crop, self.path / 'b.jpg'):
                path.write_bytes(whole)
            process = facet_networks(*arguments, given=given, cwd=self.path)
            first = lines(process)[0]
            self.assertEqual(first['error']['code'], 'exists', arguments)
            self.assertIn('another folder', first['error']['message'])
            self.assertEqual(process.returncode, 7)
            for path in (photo, named_like_a_crop):
                self.assertEqual(path.read_bytes(), whole, arguments)

    def test_faces_are_told_where_a_file_of_them_cannot_be_made(self):
        photo = self.photo(10)
        name = str(photo).lstrip('/').replace('/', '_')
        (self.path / 'marked' / name).mkdir(parents=True)
        for verb in (['detect'], ['embed'],
                     ['align', '--out', self.path / 'crops']):
            want, = lines(facet_networks(*verb, photo))
            process = facet_networks(*verb, '--draw', self.path / 'marked',
                                     photo)
            got, = lines(process)
            self.assertIn('a folder', got.pop('error')['message'])
            self.assertEqual(got, want)
            self.assertEqual(process.returncode, 7)
        shape, _ = npy(subprocess.run(
            [FACET, 'embed', '--format', 'npy', '--draw', self.path / 'marked',
             photo], capture_output=True,
            env={**CLEAN, 'FACET_MODEL': str(EMBEDDER),
                 'FACET_DETECTOR': str(DETECTOR)}).stdout)
        self.assertEqual(shape[0], len(want['faces']))
        rows = list(csv.DictReader(io.StringIO(facet_networks(
            'detect', '--format', 'csv', '--draw', self.path / 'marked',
            photo).stdout)))
        self.assertEqual([row['error'] for row in rows],
                         [''] * len(want['faces']) + ['io_error'])
        (self.path / 'crops' / f'{name}-1.png').unlink()
        (self.path / 'crops' / f'{name}-1.png').mkdir()
        got, = lines(facet_networks('align', '--out', self.path / 'crops',
                                    photo))
        self.assertEqual(['crop' in face for face in got['faces']],
                         [True] + [False] * (len(want['faces']) - 1))

    def test_long_paths_give_files_of_their_own(self):
        photos = []
        for letter in 'ab':
            folder = self.path / '/'.join([letter] + ['\u00e4' * 60] * 3)
            folder.mkdir(parents=True)
            photos.append(folder / 'one.jpg')
            photos[-1].write_bytes(self.photo(1).read_bytes())
        process = facet_networks('align', '--draw', self.path / 'marked',
                                 '--out', self.path / 'crops', *photos)
        self.assertEqual(process.returncode, 0, process.stdout)
        crops = [line['faces'][0]['crop'] for line in lines(process)]
        self.assertNotEqual(*crops)
        for crop in crops:
            self.assertTrue(pathlib.Path(crop).exists())
            self.assertTrue(crop.endswith('_one.jpg-0.png'))
        self.assertEqual(len(list((self.path / 'marked').iterdir())), 2)

    def test_verify_says_match_no_match_and_what_is_in_the_way(self):
        match = facet_networks('verify', self.photo(1), self.photo(2))
        self.assertEqual(match.returncode, 0, match.stderr)
        self.assertRegex(match.stdout, r'^match: similarity 0\.\d+, threshold')
        other = facet_networks('verify', '--json', self.photo(1),
                               self.photo(4))
        answer, = lines(other)
        self.assertEqual(other.returncode, 1)
        self.assertIs(answer['match'], False)
        self.assertLess(answer['similarity'], answer['threshold'])
        self.assertEqual(
            facet_networks('verify', '--threshold', '-1', self.photo(1),
                           self.photo(4)).returncode, 0)
        crowd = facet_networks('verify', '--json', self.photo(1),
                               self.photo(12))
        self.assertEqual(crowd.returncode, 4)
        self.assertEqual(lines(crowd)[0]['error']['code'], 'several_faces')
        self.assertEqual(
            facet_networks('verify', '--policy', 'largest', self.photo(12),
                           self.photo(12)).returncode, 0)
        (self.path / 'x.jpg').write_text('x' * 100)
        self.assertEqual(
            facet_networks('verify', self.path / 'x.jpg',
                           self.photo(1)).returncode, 5)

    def test_a_crop_without_a_face_is_3(self):
        crops = self.path / 'c'
        facet_networks('align', '--out', crops, self.photo(1))
        self.assertEqual(
            facet_networks('verify', '--min-face', 4000, self.photo(1),
                           self.photo(2)).returncode, 3)

    def test_an_imported_network_says_what_it_was_told(self):
        new = self.path / 'new.onnx'
        process = facet('model', 'import', '--preset', '0095', '--threshold',
                        '0.25', '--license', 'Apache-2.0', EMBEDDER, new)
        self.assertEqual(process.returncode, 0, process.stderr)
        info, = lines(facet('model', 'info', '--json', new))
        self.assertEqual(info['settings']['threshold'], 0.25)
        self.assertEqual(info['settings']['template'], '0095-128')
        self.assertEqual(info['settings']['license'], 'Apache-2.0')
        answer, = lines(facet_networks('verify', '--json', '--model', new,
                                       self.photo(1), self.photo(2)))
        self.assertEqual(answer['threshold'], 0.25)

    def test_a_quantized_network_embeds_nearly_the_same(self):
        new = self.path / 'int8.onnx'
        process = facet('model', 'quantize', '--json', '--images',
                        SHARED / 'photos', '--detector', DETECTOR, EMBEDDER,
                        new)
        self.assertEqual(process.returncode, 0, process.stderr)
        report, = lines(process)
        self.assertGreater(report['int8_convolutions'], 40)
        self.assertLess(report['loss'], 0.02)
        info, = lines(facet('model', 'info', '--json', new))
        self.assertEqual(info['settings']['template'], '0095-128')
        old, new = (lines(facet('verify', '--json', '--policy', 'largest',
                                '--detector', DETECTOR, '--model', model,
                                '--precision', precision, self.photo(1),
                                self.photo(2)))[0]['similarity']
                    for model, precision in ((EMBEDDER, 'fp32'),
                                             (new, 'int8')))
        self.assertAlmostEqual(old, new, delta=0.02)
        process = facet('model', 'quantize', '--images', SHARED / 'photos',
                        '--detector', DETECTOR, self.path / 'int8.onnx',
                        self.path / 'again.onnx')
        self.assertNotEqual(process.returncode, 0)
        self.assertIn('quantized already', process.stderr)

    def test_bench_and_selftest_report(self):
        timed = lines(facet_networks('bench', '--runs', 1, '--json'))
        self.assertGreaterEqual(len(timed), 2)
        self.assertTrue(all(x['ms'] > 0 for x in timed))
        process = facet_networks('selftest')
        self.assertEqual(process.returncode, 0, process.stdout)
        self.assertNotIn('FAILED', process.stdout)
        self.assertIn('golden', process.stdout)

    def test_a_full_disk_and_a_closed_pipe_are_7(self):
        environment = {**CLEAN, 'FACET_DETECTOR': str(DETECTOR),
                       'FACET_MODEL': str(EMBEDDER)}
        with open('/dev/full', 'w') as full:
            process = subprocess.run(
                [FACET, 'detect', self.photo(1)], stdout=full, text=True,
                stderr=subprocess.PIPE, env=environment)
        self.assertEqual(process.returncode, 7)
        self.assertIn('output', process.stderr)
        with subprocess.Popen([FACET, 'detect', *[PHOTOS] * 5],
                              stdout=subprocess.PIPE, env=environment,
                              stderr=subprocess.DEVNULL) as pipe:
            pipe.stdout.close()
            self.assertEqual(pipe.wait(120), 7)

    def test_an_interrupt_ends_after_whole_lines_with_130(self):
        with subprocess.Popen(
                [FACET, 'detect', '--threads', '1', *[PHOTOS] * 50],
                stdout=subprocess.PIPE, text=True,
                env={**CLEAN, 'FACET_DETECTOR': str(DETECTOR)}) as process:
            first = process.stdout.readline()
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
            self.assertEqual(process.wait(60), 130)
        for line in [first, *rest.splitlines()]:
            json.loads(line)
        self.assertLess(len(rest.splitlines()), 599)


if __name__ == '__main__':
    unittest.main()
