#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measure the networks of models/ and write the tables of docs/models/.

    tools/model_cards.py FACET [embedder|detector|landmarks ...]

Needs ../shared and python3-numpy, python3-pil; the detector's part also
runs/detect-lists, the landmarks' runs/landmark-lists and runs/rendered-heldout
(recipes/yunet-faces.yaml and recipes/landmarks68.yaml say how they are made).
What stands between the marks `<!-- measured -->` of a card is written anew.
"""
import io
import json
import math
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import numpy
from PIL import Image

from detect_lists import overlap, read_boxes

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / 'shared'
FACES = SHARED / 'data' / 'faces'
TEACHER = {'detector': SHARED / 'models' / 'yunet_2026may.onnx',
           'landmarks': SHARED / 'models' / 'facemesh468.onnx'}


def facet(*arguments):
    done = subprocess.run([FACET, *map(str, arguments)], capture_output=True,
                          text=True)
    if done.returncode not in (0, 3):  # 3: a photo without a face
        sys.exit(f'{arguments}: {done.stderr}')
    return [json.loads(line) for line in done.stdout.splitlines()]


def table(head, rows):
    lines = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
    lines += ['| ' + ' | '.join(map(str, row)) + ' |' for row in rows]
    return '\n'.join(lines) + '\n'


def write(card, text):
    path = ROOT / 'docs' / 'models' / f'{card}.md'
    mark = '<!-- measured -->'
    before, _, after = path.read_text(encoding='utf-8').split(mark)
    path.write_text(before + mark + '\n' + text.strip('\n') + '\n' + mark +
                    after, encoding='utf-8')
    print(f'docs/models/{card}.md')


# ---- embedders: pairs of people never seen, by the harder picture of a pair

def sharpness(picture):
    """Variance of the Laplacian of the grey crop, as is usual."""
    x = numpy.asarray(picture.convert('L'), dtype=float)
    laplace = (x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:] -
               4 * x[1:-1, 1:-1])
    return laplace.var()


def crops(folder):
    """The crops of split val, as the networks see them; what is known of each."""
    known = {}
    with open(FACES / 'faces.tsv', encoding='utf-8') as lines:
        for line in lines:
            key, split, source, _, _, side = line.rstrip('\n').split('\t')
            if split == 'val':
                known[key] = {'source': source, 'side': float(side)}
    with tarfile.open(FACES / 'faces-val.tar') as archive:
        for member in archive:
            key = os.path.splitext(os.path.basename(member.name))[0]
            picture = Image.open(io.BytesIO(archive.extractfile(member).read()))
            picture = picture.convert('RGB')
            picture.save(folder / f'{key}.png', compress_level=1)
            known[key]['sharp'] = sharpness(picture.crop((8, 8, 120, 120)))
    out = folder / 'frontal'
    for photo in facet('align', '--quiet', '--frontal', '--policy', 'largest',
                       '--out', out, folder):
        key = os.path.splitext(os.path.basename(photo['image']))[0]
        for face in photo.get('faces', []):
            known[key]['yaw'] = abs(face['pose'][0])
    subprocess.run(['rm', '-r', out], check=True)
    for key in known:
        picture = Image.open(folder / f'{key}.png')
        picture.crop((8, 8, 120, 120)).save(folder / f'{key}.png',
                                            compress_level=1)
    return known


def read_pairs():
    with open(FACES / 'val_pairs.txt', encoding='utf-8') as lines:
        next(lines)
        return [line.split() for line in lines if line.strip()]


def groups_of(known, pairs):
    """Names of groups, and which pairs are in each: both from a source, or the
    harder of the two."""
    def harder(name, edges, pick, unit):
        values = numpy.array([pick(known[a].get(name, math.nan),
                                   known[b].get(name, math.nan))
                              for a, b, _ in pairs])
        edges = [-math.inf, *edges, math.inf]
        for low, high in zip(edges, edges[1:]):
            label = (f'under {high:g}' if low == -math.inf else
                     f'{low:g} and more' if high == math.inf else
                     f'{low:g} to {high:g}')
            yield f'{label} {unit}', (values >= low) & (values < high)

    for source in sorted({k['source'] for k in known.values()}):
        yield f'both from {source}', numpy.array(
            [known[a]['source'] == known[b]['source'] == source
             for a, b, _ in pairs])
    yield from harder('side', [48, 80, 128], min, 'pixels: the smaller face')
    sharp = numpy.quantile([k['sharp'] for k in known.values()], [.25, .5, .75])
    for (label, inside), words in zip(
            harder('sharp', list(sharp), min, ''),
            ('softest quarter of the pictures', 'second quarter',
             'third quarter', 'sharpest quarter')):
        yield f'the softer picture: {words}', inside
    yield from harder('yaw', [15, 30, 45], max, 'degrees of yaw: the larger')


def embedder(card, network):
    pairs = read_pairs()
    same = numpy.array([label == '1' for _, _, label in pairs])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        known = crops(folder)
        vectors = {}
        for photo in facet('embed', '--quiet', '--aligned', '--precision',
                           'auto', '--model', network, folder):
            key = os.path.splitext(os.path.basename(photo['image']))[0]
            vectors[key] = numpy.array(photo['faces'][0]['embedding'])
    scores = numpy.array([vectors[a] @ vectors[b] for a, b, _ in pairs])
    strangers = numpy.sort(scores[~same])[::-1]
    limit = strangers[int(.01 * len(strangers))]
    rows = []
    for label, inside in groups_of(known, pairs):
        mated, other = inside & same, inside & ~same
        if min(mated.sum(), other.sum()) >= 30:
            rows.append((label, mated.sum(), other.sum(),
                         f'{(scores[mated] > limit).mean():.3f}',
                         f'{(scores[other] > limit).mean():.4f}'))
    common = ['--margin', '8', '--images', FACES / 'faces-val.tar', '--model',
              network, '--threads', '2', '--json']
    whole = facet('eval', 'pairs', FACES / 'val_pairs.txt', *common)[0]
    found = facet('eval', 'identify', FACES / 'val_identify.txt', *common)[0]

    def at(list_, key, rate, value):
        return next(f'{r[value]:.4f}' for r in list_
                    if abs(r[key] - rate) < 1e-9)

    text = table(
        ('accuracy, %', 'TAR @ FAR 1e-2', '1e-3', 'rank 1, %',
         'TPIR @ FPIR 1e-2', '1e-1'),
        [(f"{100 * whole['accuracy']:.2f} +- {100 * whole['accuracy_sd']:.2f}",
          at(whole['tar_at_far'], 'far', 1e-2, 'tar'),
          at(whole['tar_at_far'], 'far', 1e-3, 'tar'),
          f"{100 * found['rank1']:.2f}",
          at(found['tpir_at_fpir'], 'fpir', 1e-2, 'tpir'),
          at(found['tpir_at_fpir'], 'fpir', 1e-1, 'tpir'))])
    text += ('\nBy kind of picture, at the threshold of FAR 1e-2 over all '
             f'pairs ({limit:.3f}):\n\n')
    text += table(('pairs', 'same', 'different', 'accepted, same',
                   'accepted, different'), rows)
    for option, what in (('--jpeg', 'JPEG quality'),
                         ('--pixels', 'pixels of the crop')):
        values = '10,20,30,50,70,90' if option == '--jpeg' else '300,500,1000,2000,4000'
        lines = facet('eval', 'pairs', FACES / 'val_pairs.txt', *common, '--rounds',
                      '10', option, values)
        text += f'\nBy {what}:\n\n' + table(
            (what, 'accuracy, %', 'TAR @ FAR 1e-2'),
            [('unchanged' if line['measured'] == 'as is'
              else line['measured'].split()[-1],
              f"{100 * line['accuracy']:.2f}",
              at(line['tar_at_far'], 'far', 1e-2, 'tar')) for line in lines])
    bytes_ = network.with_name(f'{network.stem}-int8.onnx')
    if bytes_.exists():
        text += in_bytes(network, bytes_)
    write(card, text)


def in_bytes(network, other):
    """What 8 bits lose, on the list and on a longer one that shows less by luck."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        longer = pathlib.Path(name, 'longer.txt')
        subprocess.run([ROOT / 'tools' / 'longer_pairs.py', FACET, longer], check=True)
        for label, pairs in (('val_pairs.txt, 6,000', FACES / 'val_pairs.txt'),
                             ('longer_pairs.py, 54,000', longer)):
            compared = facet('eval', 'compare', network, other, '--pairs', pairs,
                             '--margin', '8', '--images', FACES / 'faces-val.tar',
                             '--threads', '2', '--json')[0]
            rows.append((label, *(f'{100 * a:.2f}' for a in compared['accuracy']),
                         f"{100 * compared['accuracy_difference']:+.2f}",
                         '{:+.2f} to {:+.2f}'.format(
                             *(100 * end for end in compared['interval']))))
    return '\nIn 8 bits (the same people drawn for both, 95 % of the draws):\n\n' + table(
        ('pairs', 'accuracy, bf16, %', 'int8, %', 'int8 less bf16', 'interval'), rows)


# ---- detector: the held-out fifth

KINDS = (  # label, column of WIDER FACE's attributes, value
    ('clear', 4, 0), ('a little blurred', 4, 1), ('heavily blurred', 4, 2),
    ('normal light', 6, 0), ('extreme light', 6, 1),
    ('not hidden', 8, 0), ('partly hidden', 8, 1), ('mostly hidden', 8, 2),
    ('typical pose', 9, 0), ('atypical pose', 9, 1))


def recall(network, folder, marked):
    """Marked faces found at the default score and all of them, by kind; how many
    of any size are found, and finds that touch no marked face."""
    hit, all_ = dict.fromkeys(KINDS, 0), dict.fromkeys(KINDS, 0)
    touched = alarms = 0
    for photo in facet('detect', '--quiet', '--detector', network, '--min-face',
                       '8', folder):
        boxes = [f['box'] for f in photo['faces']]
        faces = marked[os.path.basename(photo['image'])]
        alarms += sum(all(overlap(face, box) <= 0 for face in faces)
                      for box in boxes)
        for face in faces:
            found = any(overlap(face, box) >= .5 for box in boxes)
            touched += found and not face[7]
            if face[7] or face[3] < 20:
                continue
            for kind in KINDS:
                if face[kind[1]] == kind[2]:
                    all_[kind] += 1
                    hit[kind] += found
    return hit, all_, touched, alarms


def unpack(folder, wanted, quality=None):
    for path in sorted((SHARED / 'data' / 'detect').glob('*.tar')):
        with tarfile.open(path) as archive:
            for member in archive:
                name = os.path.basename(member.name)
                if name not in wanted:
                    continue
                data = archive.extractfile(member).read()
                if quality:
                    picture = Image.open(io.BytesIO(data)).convert('RGB')
                    picture.save(folder / name, format='JPEG', quality=quality)
                else:
                    (folder / name).write_bytes(data)


def detector(card, network):
    lists = ROOT / 'runs' / 'detect-lists'
    marked = {os.path.basename(name): boxes for name, boxes in
              read_boxes(lists / 'heldout.txt')}
    pictures = sorted((SHARED / 'data' / 'detect').glob('*.tar'))
    both = (('ours', network), ('yunet_2026may', TEACHER['detector']))
    rows, hits, jpeg = [], {}, {}
    for name, path in (*both[:1], ('ours in 8 bits', network.with_name(
            'detector-int8.onnx')), *both[1:]):
        boxes = facet('eval', 'detect', '--detector', path, '--json', '--boxes',
                      lists / 'heldout.txt',
                      *sum((['--images', p] for p in pictures), []))[0]
        points = facet('eval', 'detect', '--detector', path, '--json',
                       '--boxes', lists / 'points-heldout.txt', '--images',
                       SHARED / 'data' / 'landmarks' / 'landmarks5.tar')[0]
        rows.append((name, *(f'{boxes[k]:.3f}' for k in
                             ('ap_easy', 'ap_medium', 'ap_hard')),
                     f"{points['landmark_error']:.4f}"))
    for quality in (None, 50, 20, 10):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            unpack(folder, marked, quality)
            for name, path in both:
                told = recall(path, folder, marked)
                jpeg[name, quality] = told[0][KINDS[0]] / told[1][KINDS[0]]
                if quality is None:
                    hits[name] = told
    text = table(('network', 'AP easy', 'AP medium', 'AP hard',
                  'landmark error'), rows)
    text += ('\nShare found at the default score, of marked faces of 20 pixels '
             'and more:\n\n')
    text += table(('faces', 'how many', 'ours', 'yunet_2026may'),
                  [(kind[0], hits['ours'][1][kind],
                    *(f'{hits[n][0][kind] / hits[n][1][kind]:.3f}'
                      for n, _ in both)) for kind in KINDS])
    text += ('\nAt the default score, faces of all sizes: '
             + '; '.join(f'{n} finds {hits[n][2]} marked ones and raises '
                         f'{hits[n][3]} alarms that touch none' for n, _ in both)
             + '.\n')
    text += '\nClear faces, by JPEG quality of the picture:\n\n'
    text += table(('quality', 'ours', 'yunet_2026may'),
                  [(quality or 'as they are',
                    *(f'{jpeg[n, quality]:.3f}' for n, _ in both))
                   for quality in (None, 50, 20, 10)])
    write(card, text)


# ---- landmarks: the exact points of rendered heads, the teacher's of photos

def landmarks(card, network):
    with open(ROOT / 'runs' / 'rendered-heldout.jsonl', encoding='utf-8') as f:
        truth = {os.path.basename(p['image']): p['faces'][0]
                 for p in map(json.loads, f)}
    bands = ((0, 15), (15, 30), (30, 45), (45, 91))
    columns = []
    for path in (network, TEACHER['landmarks']):
        sums = {band: [] for band in bands}
        with tempfile.TemporaryDirectory() as out:
            found = facet('align', '--quiet', '--frontal', '--landmarks', path,
                          '--policy', 'largest', '--out', out,
                          ROOT / 'runs' / 'rendered-heldout' / 'all')
        for photo in found:
            want = truth[os.path.basename(photo['image'])]
            yaw = abs(want['pose'][0])
            band = next(b for b in bands if b[0] <= yaw < b[1])
            for face in photo.get('faces', []):
                side = math.sqrt(want['box'][2] * want['box'][3])
                error = sum(map(math.dist, want['landmarks68'],
                                face['landmarks68'])) / 68
                sums[band].append((error / side, abs(
                    face['pose'][0] - want['pose'][0])))
        columns.append(sums)
    rows = []
    for band in bands:
        cells = [f'{band[0]} to {band[1] if band[1] < 91 else 60}',
                 len(columns[0][band])]
        for sums in columns:
            errors = numpy.array(sums[band])
            cells += [f'{errors[:, 0].mean():.4f}',
                      f'{numpy.median(errors[:, 1]):.1f}']
        rows.append(cells)
    write(card, table(
        ('yaw, degrees', 'faces', 'error, ours', 'yaw off, ours',
         'error, facemesh468', 'yaw off, facemesh468'), rows))


CARDS = {'embedder': (embedder, 'embedder.onnx'),
         'embedder-tiny': (embedder, 'embedder-tiny.onnx'),
         'detector': (detector, 'detector.onnx'),
         'landmarks': (landmarks, 'landmarks.onnx')}

if __name__ == '__main__':
    FACET = sys.argv[1]
    for card in sys.argv[2:] or CARDS:
        measure, file = CARDS[card]
        measure(card, ROOT / 'models' / file)
