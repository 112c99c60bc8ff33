#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""facet eval and facet calibrate: reference figures, lists, gates, the page."""
import json
import math
import pathlib
import random
import re
import resource
import shutil
import subprocess
import tarfile
import tempfile
import unittest

from command import (CLEAN, DETECTOR, EMBEDDER, FACET, SHARED, SOURCE, facet,
                     facet_networks, lines, need_shared)
from noise import write_noise

FACES = SHARED / 'data' / 'faces'
CHROMIUM = shutil.which('chromium')

# ../shared/data/README.md
FIGURES = {
    'reid0095': dict(accuracy=.9320, tar=(.8567, .7697), rank1=.9673,
                     tpir=(.8692, .9213)),
    'mobilefacenet': dict(accuracy=.8970, tar=(.7700, .6127), rank1=.9201,
                          tpir=(.7615, .8535)),
}


def at(entries, key, rate, value):
    return next(e[value] for e in entries if math.isclose(e[key], rate))


class Reference(unittest.TestCase):
    """Within 0.2 points of the published figures."""

    def figures(self, kind, network, cache):
        process = facet(
            'eval', kind, FACES / f'val_{kind}.txt', '--images',
            FACES / 'faces-val.tar', '--margin', 8, '--model',
            SHARED / 'models' / f'{network}.onnx', '--precision', 'fp32',
            '--detector', SHARED / 'models' / 'yunet_2026may.onnx',
            '--threads', 2, '--rounds', 20, '--cache', cache, '--json')
        self.assertEqual(process.returncode, 0, process.stderr)
        return lines(process)[0]

    @unittest.skipUnless((FACES / 'faces-val.tar').exists(),
                         '../shared is not here')
    def test_reference_networks(self):
        for network, want in FIGURES.items():
            with tempfile.TemporaryDirectory() as cache:
                pairs = self.figures('pairs', network, cache)
                search = self.figures('identify', network, cache)
                again = self.figures('pairs', network, cache)
            self.assertEqual(pairs, again)
            got = {
                'accuracy': pairs['accuracy'],
                'tar': tuple(at(pairs['tar_at_far'], 'far', f, 'tar')
                             for f in (1e-2, 1e-3)),
                'rank1': search['rank1'],
                'tpir': tuple(at(search['tpir_at_fpir'], 'fpir', f, 'tpir')
                              for f in (1e-2, 1e-1)),
            }
            for name, value in want.items():
                for ours, theirs in zip(
                        *[v if isinstance(v, tuple) else (v,)
                          for v in (got[name], value)]):
                    self.assertLess(abs(ours - theirs), .002,
                                    f'{network} {name}')


class Calibrated(unittest.TestCase):
    """A network that carries what its similarities mean."""

    @need_shared
    def test_verify_takes_the_threshold_for_a_rate(self):
        photos = [SHARED / 'photos' / f'photo-{i:02}.jpg' for i in (1, 2)]
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            network = folder / 'calibrated.onnx'
            rng = random.Random(3)
            with open(folder / 'pairs', 'w', encoding='ascii') as out:
                used = [line.split() for line in
                        (FACES / 'val_pairs.txt').read_text().splitlines()[1:]]
                for a, b, label in rng.sample(used, 300):
                    print(a, b, label, sep='\t', file=out)
            made = facet_networks(
                'calibrate', folder / 'pairs', '--images',
                FACES / 'faces-val.tar', '--margin', 8, '--rounds', 20,
                '--threads', 2, '--out', network)
            self.assertEqual(made.returncode, 0, made.stderr)

            def verify(model, rate):
                return facet('verify', '--fmr', rate, '--json', '--policy',
                             'largest', '--detector', DETECTOR, '--model',
                             model, *photos)
            good = lines(verify(network, .01))[0]
            self.assertTrue(good['match'])
            self.assertLess(good['interval'][0], good['interval'][1])
            self.assertGreater(good['log_likelihood_ratio'], 0)
            for model, rate in ((network, 1e-6), (EMBEDDER, .01)):
                process = verify(model, rate)
                self.assertEqual(process.returncode, 6)
                answer = lines(process)[0]
                self.assertIsNone(answer['match'])
                self.assertGreater(answer['similarity'], .3)


class Made(unittest.TestCase):
    """On embeddings made here: 40 people, 6 pictures each, some failed."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        rng = random.Random(5)
        names, vectors = [], []
        for person in range(40):
            center = [rng.gauss(0, 1) for _ in range(32)]
            for picture in range(6):
                names.append(f'p{person}-{picture}')
                vectors.append([c + rng.gauss(0, .8) for c in center])
        with open(self.path / 'v.jsonl', 'w', encoding='ascii') as out:
            for i, (name, vector) in enumerate(zip(names, vectors)):
                faces = [] if i % 100 == 99 else [{'embedding': vector}]
                print(json.dumps({'image': name, 'faces': faces}), file=out)
        self.pairs = [(a, b, int(a.split('-')[0] == b.split('-')[0]))
                      for i, a in enumerate(names) for b in names[i + 1:]]
        self.write(self.pairs)

    def write(self, pairs):
        with open(self.path / 'pairs', 'w', encoding='ascii') as out:
            for a, b, label in pairs:
                print(a, b, label, sep='\t', file=out)

    def eval(self, *more):
        return facet('eval', 'pairs', self.path / 'pairs', '--embeddings',
                     self.path / 'v.jsonl', '--rounds', 20, *more)

    def test_failures_and_unresolvable_rates_are_told(self):
        result = lines(self.eval('--json'))[0]
        self.assertEqual(result['failures_to_enrol'], 2)
        self.assertEqual(result['comparisons']['mated_failed'], 10)
        self.assertGreater(result['auc'], .9)
        last = result['tar_at_far'][-1]
        self.assertEqual(last['resolution'], 'unresolvable')
        self.assertIsNone(last['tar'])
        text = self.eval().stdout
        self.assertIn('too few comparisons', text)

    def test_gates_decide_the_exit_status(self):
        for gate, status in (('eer<0.9', 1), ('fnmr@1e-2>0.9', 0),
                             ('tar@1e-6<0', 1), ('nonsense>1', 2),
                             ('eer=1', 2)):
            process = self.eval('--fail-if', gate)
            self.assertEqual(process.returncode, status, gate)

    def test_every_number_that_is_printed_can_be_a_condition(self):
        found = re.findall(r'^(\w+)(?: @ (\S+))? +[-0-9]', self.eval().stdout,
                           re.M)
        names = {name for name, _ in found} - {'pictures', 'comparisons'}
        self.assertLessEqual({'eer', 'tar', 'd_prime'}, names)
        for name, rate in found:
            if name in names:
                gate = f'{name}@{rate}<-9' if rate else f'{name}<-9'
                process = self.eval('--fail-if', gate)
                self.assertIn(process.returncode, (0, 1), process.stderr)

    def test_what_does_not_fit_is_told_before_the_work(self):
        (self.path / 'v.jsonl').unlink()  # nobody gets that far
        for more in (('--plot', 'roc.jpg'), ('--plot', 'roc'),
                     ('--fail-if', 'err>0.1'), ('--fail-if', 'fnmr>0.1'),
                     ('--fail-if', 'tar@0.02<0.1'), ('--fail-if', 'eer>nan'),
                     ('--fail-if', 'eer')):
            process = self.eval(*more)
            self.assertEqual(process.returncode, 2, more)
            self.assertIn(more[1], process.stderr)
        for more in (('--report', 'none/page.html'), ('--report', '.'),
                     ('--plot', 'none/roc.svg')):
            process = self.eval(more[0], self.path / more[1])
            self.assertEqual(process.returncode, 7, more)
            self.assertNotIn('v.jsonl', process.stderr)

    def test_a_plot_that_does_not_fit_costs_nothing_else(self):
        process = self.eval('--plot', self.path / 'cmc.svg', '--plot',
                            self.path / 'det.svg', '--report',
                            self.path / 'page.html')
        self.assertEqual(process.returncode, 2, process.stderr)
        self.assertRegex(process.stderr, 'cmc.svg.*nothing')
        self.assertIn('eer', process.stdout)
        self.assertTrue((self.path / 'det.svg').exists())
        self.assertTrue((self.path / 'page.html').exists())

    def test_bad_lists_are_told_with_the_line(self):
        for pairs, line in (([('p0-0', 'nobody', 1), ('p0-0', 'p1-0', 0)], 1),
                            (self.pairs[:9] + self.pairs[:1], 10),
                            ([p for p in self.pairs[:50] if p[2]], 5)):
            self.write(pairs)
            process = self.eval()
            self.assertEqual(process.returncode, 7, process.stderr)
            self.assertRegex(process.stderr, rf'line {line}\b')

    def test_groups(self):
        with open(self.path / 'groups', 'w', encoding='ascii') as out:
            for i in range(40):
                for k in range(6):
                    print(f'p{i}-{k}', 'ab'[i % 2], sep='\t', file=out)
        process = self.eval('--json', '--cohort', self.path / 'groups')
        groups = lines(process)[1:]
        self.assertEqual([g['group'] for g in groups], ['a', 'b'])
        self.assertEqual(groups[0]['mated'], 20 * 15)
        self.assertEqual(len(groups[0]['rates']), 2)

    def test_a_study_has_a_line_for_each_value(self):
        process = self.eval('--dims', '4,16,99', '--json')
        self.assertEqual(process.returncode, 0, process.stderr)
        rows = lines(process)
        self.assertEqual([r['measured'] for r in rows],
                         ['dims 4', 'dims 16', 'dims 99', 'as is'])
        errors = [r['eer'] for r in rows]
        self.assertGreater(errors[0], errors[1])
        self.assertGreater(errors[1], errors[3])
        self.assertEqual(errors[2], errors[3])  # there are 32 numbers
        self.assertEqual({r['failures_to_enrol'] for r in rows}, {2})
        plain = lines(self.eval('--json'))[0]
        self.assertEqual({**plain, 'measured': 'as is'}, rows[3])
        text = self.eval('--dims', 8).stdout.splitlines()
        self.assertEqual([line[:6] for line in text],
                         ['      ', 'dims 8', 'as is '])
        self.assertIn('TAR@1e-2', text[0])

    def test_wrong_studies_are_usage(self):
        for study in (('--dims', '0'), ('--dims', '8,'), ('--dims', '8;9'),
                      ('--jpeg', '101'), ('--jpeg', '50'),
                      ('--dims', '8', '--jpeg', '50')):
            process = self.eval(*study)
            self.assertEqual(process.returncode, 2, study)
            self.assertEqual(process.stdout, '')
        for more in (('--fail-if', 'eer>0.5'), ('--report', 'page.html'),
                     ('--plot', 'roc.svg')):  # nobody would look at them
            process = self.eval('--dims', '8', *more)
            self.assertEqual(process.returncode, 2, more)
            self.assertIn(more[0], process.stderr)
            process = facet('eval', 'cluster', 'a', 'b', *more)
            self.assertEqual(process.returncode, 2, more)

    def test_options_that_mean_nothing_to_a_kind_are_refused(self):
        for words, option, kinds in (
                ('pairs', '--out=n.onnx', 'calibrate'),
                ('pairs', '--flat', 'lfw'), ('lfw', '--profile', 'cfp'),
                ('pairs', '--frames=a', 'ytf'), ('cfp', '--max-frames=3', 'ytf'),
                ('pairs', '--table=a', 'ijb'), ('pairs', '--matches=a', 'ijb'),
                ('pairs', '--gallery=a', 'ijb'), ('pairs', '--probes=a', 'ijb'),
                ('pairs', '--boxes=a', 'detect'), ('ijb', '--pairs=a', 'pairs'),
                ('identify', '--duplicates', 'pairs'),
                ('cluster a b', '--images=a', 'pairs'),
                ('cluster a b', '--dims=8', 'pairs'),
                ('compare a b', '--embeddings=a', 'pairs'),
                ('detect', '--margin=8', 'pairs'),
                ('detect', '--rounds=9', 'pairs'),
                ('pairs', '--best=9', '--fusion best')):
            process = facet('eval', *words.split(), option)
            self.assertEqual(process.returncode, 2, option)
            self.assertIn(f'{option.split("=")[0]} is for {kinds}',
                          process.stderr)
        for option in ('--flat', '--report=a', '--jpeg=9', '--fail-if=eer>1'):
            process = facet('calibrate', 'a', option)
            self.assertEqual(process.returncode, 2, option)
            self.assertIn(f'{option.split("=")[0]} is for ', process.stderr)
        for words in ('pairs a b', 'ijb a', 'detect a', 'pairs a --pairs b'):
            process = facet('eval', *words.split())
            self.assertEqual(process.returncode, 2, process.stderr)
        self.assertEqual(facet('calibrate', 'a', 'b').returncode, 2)
        process = self.eval('--names', 'b')  # of lines that say their names
        self.assertEqual(process.returncode, 2)
        self.assertIn('--names is for', process.stderr)

    def test_two_networks_take_no_embeddings(self):
        for kind in 'compare', 'mixed':
            process = facet('eval', kind, 'a.onnx', 'b.onnx', '--pairs',
                            self.path / 'pairs', '--embeddings',
                            self.path / 'v.jsonl')
            self.assertEqual(process.returncode, 2, process.stderr)
            self.assertIn(f'{kind} has no use for it', process.stderr)
            self.assertEqual(process.stdout, '')

    def test_plots_and_page_open_in_a_browser(self):
        page = self.path / 'page.html'
        process = self.eval('--report', page, '--plot', self.path / 'det.svg',
                            '--plot', self.path / 'hist.pdf')
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertIn('<svg', (self.path / 'det.svg').read_text())
        text = page.read_text()
        self.assertEqual(text.count('<svg'), 3)
        self.assertNotRegex(text, r'(src|href)="https?:')
        if not CHROMIUM:
            self.skipTest('chromium is not here')
        seen = subprocess.run(
            [CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu',
             '--disable-quic', '--no-first-run',
             '--disable-background-networking', '--disable-component-update',
             '--disable-sync', f'--user-data-dir={self.path}/profile',
             '--enable-logging=stderr', '--dump-dom', page.as_uri()],
            capture_output=True, text=True, timeout=120, check=True)
        self.assertEqual(len(re.findall('<svg', seen.stdout)), 3)
        self.assertIn('Worst false matches', seen.stdout)
        self.assertNotIn('CONSOLE', seen.stderr)

    def test_calibration_as_json(self):
        process = facet('calibrate', self.path / 'pairs', '--embeddings',
                        self.path / 'v.jsonl', '--rounds', 20, '--json')
        self.assertEqual(process.returncode, 0, process.stderr)
        result = lines(process)[0]
        self.assertGreater(result['logistic']['slope'], 0)
        rates = [t['fmr'] for t in result['thresholds']]
        self.assertEqual(rates, sorted(rates, reverse=True))
        self.assertGreater(rates[-1], 1e-5)

    def test_kinds_are_named(self):
        for words, says in (([], 'what is measured'), (['foo', 'list'], "'foo'")):
            process = facet('eval', *words)
            self.assertEqual(process.returncode, 2)
            self.assertIn(says, process.stderr)
            self.assertRegex(process.stderr, 'pairs, .*mixed, detect')
        process = facet('eval', 'pairs')
        self.assertEqual(process.returncode, 2)
        self.assertIn('which list', process.stderr)

    def test_a_folder_without_people_is_told_with_the_remedy(self):
        (self.path / 'flat').mkdir()
        (self.path / 'flat' / '1.jpg').write_bytes(b'')
        for words in (['eval', 'folder', self.path / 'flat'],
                      ['dataset', self.path / 'flat', '--out',
                       self.path / 'out']):
            process = facet(*words)
            self.assertEqual(process.returncode, 7, process.stderr)
            self.assertIn(f'{self.path}/flat/PERSON/PICTURE', process.stderr)

    def test_clusters(self):
        for name, labels in (('truth', '000112'), ('found', '001112')):
            text = ''.join(f'{i}\t{c}\n' for i, c in enumerate(labels))
            (self.path / name).write_text(text)
        process = facet('eval', 'cluster', self.path / 'truth',
                        self.path / 'found', '--json')
        result = lines(process)[0]
        self.assertEqual(result['pairwise']['f'], .5)
        self.assertAlmostEqual(result['bcubed']['f'], 7 / 9)
        (self.path / 'empty').write_text('# nothing\n')
        for words in (['found', 'empty'], ['empty', 'found']):
            process = facet('eval', 'cluster',
                            *(self.path / word for word in words))
            self.assertEqual(process.returncode, 7, process.stderr)
            self.assertIn('empty has no line', process.stderr)

    def test_a_gallery_without_mates_is_told_before_the_work(self):
        (self.path / 'search').write_text(
            'gallery\tp0-0\tp0\nprobe\tp1-0\tp1\n')
        process = facet('eval', 'identify', self.path / 'search',
                        '--embeddings', self.path / 'nowhere.jsonl')
        self.assertEqual(process.returncode, 7, process.stderr)
        self.assertIn('search: no probe shows', process.stderr)


class Networks(unittest.TestCase):
    """Studies and comparisons that look at pictures, on a few people."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        used = [line.split() for line in
                (FACES / 'val_pairs.txt').read_text().splitlines()[1:]]
        with open(self.path / 'pairs', 'w', encoding='ascii') as out:
            for a, b, label in random.Random(4).sample(used, 120):
                print(a, b, label, sep='\t', file=out)
        self.pictures = ('--images', FACES / 'faces-val.tar', '--margin', 8,
                         '--rounds', 20, '--json')

    @need_shared
    def test_bad_pictures_cost_what_they_should(self):
        for study in (('--jpeg', '2,60'), ('--pixels', '100,6400')):
            process = facet_networks('eval', 'pairs', self.path / 'pairs',
                                     *self.pictures, *study, '--cache',
                                     self.path / 'cache')
            self.assertEqual(process.returncode, 0, process.stderr)
            bad, good, whole = [row['auc'] for row in lines(process)]
            self.assertLess(bad, good - .05, study)
            self.assertLess(abs(good - whole), .05, study)
        # what one study remembers is nothing to another
        self.assertEqual(len(list((self.path / 'cache').iterdir())), 5)

    @need_shared
    def test_faces_may_be_looked_at_in_other_ways(self):
        crops = facet_networks(
            'eval', 'pairs', self.path / 'pairs', *self.pictures, '--views', 10)
        self.assertEqual(crops.returncode, 0, crops.stderr)
        self.assertGreater(lines(crops)[0]['auc'], .8)
        photos = SHARED / 'photos'
        with open(self.path / 'photos', 'w', encoding='ascii') as out:
            for a, b, same in ((1, 2, 1), (3, 4, 1), (5, 6, 1), (1, 3, 0),
                               (2, 5, 0), (4, 6, 0)):
                print(f'photo-{a:02}.jpg', f'photo-{b:02}.jpg', same, file=out)

        def look(*more):
            return facet_networks('eval', 'pairs', self.path / 'photos',
                                  '--images', photos, '--rounds', 20, '--json',
                                  *more)
        plain = lines(look())[0]
        for more in (('--unaligned', ), ('--views', 10),
                     ('--fusion', 'best', '--best', 1)):
            process = look(*more)
            self.assertEqual(process.returncode, 0, process.stderr)
            seen = lines(process)[0]
            self.assertEqual(seen['failures_to_enrol'], 0)
            same = seen['eer_threshold'] == plain['eer_threshold']
            self.assertEqual(same, more[0] == '--fusion')
        for more in (('--views', 7), ('--margin', 8, '--unaligned'),
                     ('--fusion', 'best', '--cache', self.path / 'cache')):
            self.assertEqual(look(*more).returncode, 2, more)

    @need_shared
    def test_two_networks_on_the_same_pairs(self):
        rows = (FACES / 'val_pairs.txt').read_text().splitlines()[1:]
        with open(self.path / 'folds', 'w', encoding='ascii') as out:
            print(2, 30, sep='\t', file=out)
            for start in (0, 300, 600, 900):
                print(*rows[start:start + 30], sep='\n', file=out)

        def compare(second, pairs='folds', *more):
            process = facet_networks('eval', 'compare', EMBEDDER, second,
                                     '--pairs', self.path / pairs,
                                     *self.pictures, *more)
            self.assertEqual(process.returncode, 0, process.stderr)
            return lines(process)
        first, *rates, last = compare(EMBEDDER)
        self.assertEqual(len(set(first['accuracy'])), 1)
        for row in (first, *rates):
            self.assertEqual(row['interval'], [0, 0])
            self.assertEqual(row['p'], 1)
        self.assertEqual(last['mcnemar_p'], 1)
        first, *rates, last = compare(SHARED / 'models' / 'mobilefacenet.onnx')
        a, b = first['accuracy']
        self.assertAlmostEqual(first['accuracy_difference'], b - a, 6)
        low, high = first['interval']
        self.assertLess(low, high)
        self.assertTrue(low <= b - a <= high)
        # a list without folds has no accuracy
        self.assertIn('far', compare(EMBEDDER, 'pairs')[0])

    @need_shared
    def test_mixed_is_between_old_and_new(self):
        def mixed(old, new):
            return facet_networks('eval', 'mixed', old, new, '--pairs',
                                  self.path / 'pairs', *self.pictures)
        same = lines(mixed(EMBEDDER, EMBEDDER))
        self.assertEqual([r['measured'] for r in same],
                         ['old', 'new', 'old with new'])
        self.assertEqual(len({r['auc'] for r in same}), 1)
        # two of one length that never learnt to compare
        cut = self.path / 'turned.onnx'
        people = self.path / 'people'
        with open(people, 'w', encoding='ascii') as out:
            for line in (FACES / 'val_identify.txt').read_text().splitlines():
                _, key, person = line.split()
                print(key, person, file=out)
        made = facet_networks('train', 'tpe', people, *self.pictures[:4],
                              '--dim', 256, '--steps', 1, '--random-start',
                              '--out', cut)
        self.assertEqual(made.returncode, 0, made.stderr)
        old, new, both = [r['auc'] for r in lines(mixed(EMBEDDER, cut))]
        self.assertGreater(min(old, new), .8)
        self.assertLess(both, .7)
        other = mixed(EMBEDDER, SHARED / 'models' / 'mobilefacenet.onnx')
        self.assertEqual(other.returncode, 6)
        self.assertIn('256', other.stderr)


class Cache(unittest.TestCase):
    """What was embedded is kept, whatever happens to the rest."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        for i in range(6):
            person = self.path / 'people' / f'p{i // 2}'
            person.mkdir(parents=True, exist_ok=True)
            write_noise(person / f'{i}.png', i)

    def words(self):
        return ['eval', 'folder', self.path / 'people', '--margin', 8,
                '--rounds', 20, '--json', '--cache', self.path / 'cache']

    def eval(self, *more):
        return facet(*self.words(), *more, FACET_MODEL=SOURCE / 'models' /
                     'embedder-tiny.onnx')

    def kept(self):
        file, = (self.path / 'cache').iterdir()
        return file, file.read_text().splitlines()

    def test_a_broken_picture_is_not_the_end_of_the_others(self):
        (self.path / 'people' / 'p2' / '5.png').write_bytes(b'no picture')
        process = self.eval()
        self.assertEqual(process.returncode, 5, process.stderr)
        self.assertIn('p2/5.png', process.stderr)
        self.assertNotIn('line 0', process.stderr)
        _, rows = self.kept()
        self.assertEqual(len(rows), 5)
        self.assertTrue(all('embedding' in row for row in rows))
        write_noise(self.path / 'people' / 'p2' / '5.png', 5)
        process = self.eval()
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(len(self.kept()[1]), 6)

    def test_a_comparison_that_no_round_can_judge_has_no_interval(self):
        (self.path / 'pairs').write_text(
            '2\t1\np0/0.png\tp0/1.png\t1\np1/2.png\tp2/4.png\t0\n'
            'p1/3.png\tp2/5.png\t1\np1/2.png\tp1/3.png\t0\n')
        network = SOURCE / 'models' / 'embedder-tiny.onnx'
        known = set()
        for seed in range(6):
            process = facet('eval', 'compare', network, network, '--pairs',
                            self.path / 'pairs', '--images',
                            self.path / 'people', '--margin', 8, '--json',
                            '--rounds', 2, '--seed', seed, '--cache',
                            self.path / 'cache')
            self.assertEqual(process.returncode, 0, process.stderr)
            row = lines(process)[0]
            self.assertEqual(row['accuracy_difference'], 0)
            known.add(row['interval'][0])
        self.assertEqual(known, {0, None})

    def test_pairs_of_a_folder_have_no_line(self):
        process = self.eval('--report', self.path / 'page.html')
        self.assertEqual(process.returncode, 0, process.stderr)
        page = (self.path / 'page.html').read_text()
        self.assertGreater(page.count('Worst false'), 0)
        self.assertEqual(page.count('line 0'), 0)

    def test_a_picture_that_is_nowhere_is_told_with_list_and_place(self):
        people = self.path / 'people'
        pairs = self.path / 'pairs.tsv'
        pairs.write_text('p0/0\tp0/1\t1\np0/0\tp1/2\t0\n')
        process = facet('eval', 'pairs', pairs, '--images', people, '--margin',
                        8, FACET_MODEL=SOURCE / 'models/embedder-tiny.onnx')
        self.assertEqual(process.returncode, 7)
        for said in (f'{pairs}, line 1, p0/', f"' is not in {people}",
                     'with their endings'):
            self.assertIn(said, process.stderr)

    def test_half_a_line_is_made_anew(self):
        whole = self.eval()
        self.assertEqual(whole.returncode, 0, whole.stderr)
        file, rows = self.kept()
        for end in (-1, -2, -len(rows[-1]) + 5):
            file.write_text('\n'.join(rows)[:end])
            process = self.eval()
            self.assertEqual(process.returncode, 0, process.stderr)
            self.assertEqual(process.stdout, whole.stdout)
            self.assertEqual(self.kept()[1], rows)

    def test_a_full_disk_costs_the_cache_and_nothing_else(self):
        whole = self.eval()
        file, rows = self.kept()
        file.write_text(''.join(row + '\n' for row in rows[:2]))
        before = file.read_text()
        limit = len(before) + len(rows[2]) + 9  # a line and a bit
        process = subprocess.run(
            [FACET, *map(str, self.words())], capture_output=True, text=True,
            timeout=240, check=False, restore_signals=False,
            env={**CLEAN, 'FACET_MODEL': str(SOURCE / 'models' /
                                             'embedder-tiny.onnx')},
            preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (limit, limit)))
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(process.stdout, whole.stdout)
        self.assertIn('cache', process.stderr)
        self.assertEqual(file.read_text(), before)


class Detection(unittest.TestCase):
    DETECT = SHARED / 'data' / 'detect'

    def list_of(self, folder, count):
        """The first pictures of the list that lie in the first archive."""
        with tarfile.open(self.DETECT / 'detect-train-000.tar') as tar:
            here = set(tar.getnames())
        rows = iter((self.DETECT / 'detect-train.txt').read_text().splitlines())
        texts = []
        for name in rows:
            faces = [next(rows) for _ in range(int(next(rows)))]
            if name in here and len(texts) < count:
                texts.append('\n'.join([name, str(len(faces)), *faces]))
        path = pathlib.Path(folder) / 'boxes.txt'
        path.write_text('\n'.join(texts) + '\n')
        return path

    def detect(self, *words):
        return facet('eval', 'detect', '--detector',
                     SHARED / 'models' / 'yunet_2026may.onnx', *words)

    @unittest.skipUnless((DETECT / 'detect-train-000.tar').exists(),
                         '../shared is not here')
    def test_a_good_detector_finds_marked_faces(self):
        with tempfile.TemporaryDirectory() as folder:
            words = ['--images', self.DETECT / 'detect-train-000.tar',
                     '--boxes', self.list_of(folder, 60)]
            process = self.detect(*words, '--json')
            self.assertEqual(process.returncode, 0, process.stderr)
            got = lines(process)[0]
            gate = self.detect(*words, '--fail-if', 'ap_easy<1')
        self.assertEqual(got['pictures'], 60)
        self.assertGreater(got['ap_easy'], .85)
        self.assertGreater(got['ap_hard'], .5)
        self.assertLessEqual(got['faces_easy'], got['faces_medium'])
        self.assertLessEqual(got['faces_medium'], got['faces_hard'])
        self.assertIsNone(got['landmark_error'])
        self.assertEqual(gate.returncode, 1, gate.stdout + gate.stderr)

    def test_a_picture_that_fails_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            write_noise(path / 'good.png', 1)
            (path / 'bad.png').write_bytes(b'no picture')
            (path / 'boxes').write_text(
                'good.png\n1\n1 1 60 60 0 0 0 0 0 0\n'
                'bad.png\n1\n1 1 60 60 0 0 0 0 0 0\n')
            process = facet('eval', 'detect', '--images', path, '--boxes',
                            path / 'boxes', '--detector',
                            SOURCE / 'models' / 'detector.onnx')
            self.assertEqual(process.returncode, 5, process.stderr)
            self.assertIn('bad.png: ', process.stderr)
            (path / 'bad.png').unlink()
            process = facet('eval', 'detect', '--images', path, '--boxes',
                            path / 'boxes', '--detector',
                            SOURCE / 'models' / 'detector.onnx')
            self.assertEqual(process.returncode, 7, process.stderr)
            self.assertIn('bad.png: ', process.stderr)

    def test_what_is_missing_is_told(self):
        self.assertEqual(facet('eval', 'detect').returncode, 2)
        process = facet('eval', 'detect', '--images', '.', '--boxes',
                        '/nowhere/boxes.txt', '--detector', 'x.onnx')
        self.assertNotEqual(process.returncode, 0)
        self.assertIn('boxes.txt', process.stderr)


if __name__ == '__main__':
    unittest.main()
