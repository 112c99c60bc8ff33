#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do the pages of docs/methods say what works?

check_methods.py [--values] [--all] [BUILD]

Every command of the pages runs as it is written, in a copy of their world: what
they write goes into a folder that is removed, trainings are cut down to two steps of
eight faces, and the list of pairs to twenty where each face is seen in 30 views. Commands that take many minutes (full-size networks,
comparisons with PyTorch) are named and left out, unless --all. With --values,
only: are the tests that worked-values.md names where it says? Needs ../shared.
"""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / 'docs' / 'methods').glob('*.md'))
SHARED = ROOT.parent / 'shared'
PAIRS = SHARED / 'data' / 'faces' / 'val_pairs.txt'

# Hours at full size, gigabytes, or another framework.
SLOW = re.compile(r'check_zoo_torch|bench_zoo_step|bench_local|bench/dataset|'
                  r'vgg-face|deepface|tpe-base|nn[12]-triplet|eval .*--jpeg')
STARTS = ('build/', 'tools/', 'bench/', 'facet ')

# How a training is cut down; the network, the data, the loss and the optimizer
# stay. Without validation the last network is the best.
CUTS = ((r'\bsteps: \d+', 'steps: 2'), (r'\bbatch: \d+', 'batch: 8'),
        (r'\bpeople: \d+', 'people: 4'), (r'\bimages: \d+', 'images: 2'),
        (r'\bwarmup: \d+', 'warmup: 0'), (r'\bchunk: \d+', 'chunk: 0'),
        (r'\bmilestones: \[.*?\]', 'milestones: [ 1 ]'),
        (r'\bkind: plateau', 'kind: constant'),
        (r'faces-train-\*', 'faces-train-000'),
        (r'\nvalidation:\n(?:  .*\n)+', '\n'))


def values():
    """Tests that are named but are not there."""
    page = (ROOT / 'docs' / 'methods' / 'worked-values.md').read_text()
    lost = []
    for line in page.splitlines():
        file = None
        for word in re.findall(r'`([^`]+)`', line):
            if word.startswith('src/'):
                file = word
            elif word.startswith('test_') and not re.search(
                    rf'cmocka_unit_test\(\s*{word}\)',
                    (ROOT / file).read_text()):
                lost.append(f'{file}: {word}')
    return lost


def commands(page):
    """Lines that are set in and begin like a command, long ones joined."""
    text = re.sub(r'\\\n\s+', '', page.read_text(encoding='utf-8'))
    for line in re.findall(r'^    (\S.*)$', text, re.M):
        if line.startswith(STARTS):
            yield line


class World:
    """A folder beside which everything lies as it does beside the source."""

    def __init__(self, build):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix='facet-methods-'))
        self.here = self.top / 'facet'
        self.here.mkdir()
        (self.top / 'shared').symlink_to(SHARED)
        (self.here / 'build').symlink_to(build)
        (self.here / 'photos').symlink_to(SHARED / 'photos')
        for name in ('tools', 'bench', 'docs', 'src'):
            (self.here / name).symlink_to(ROOT / name)
        (self.here / 'recipes').mkdir()
        for recipe in (ROOT / 'recipes').glob('*.yaml'):
            self.cut_down(recipe)
        self.searches()
        self.few_pairs()

    def cut_down(self, recipe):
        text = recipe.read_text(encoding='utf-8')
        for what, by in CUTS:
            text = re.sub(what, by, text)
        (self.here / 'recipes' / recipe.name).write_text(text)

    def searches(self):
        """Two names for facet dataset: photos of two people."""
        photos = sorted((SHARED / 'photos').glob('*.jpg'))
        for name, some in (('a', photos[::2]), ('b', photos[1::2])):
            folder = self.here / 'searches' / name
            folder.mkdir(parents=True)
            for photo in some:
                (folder / photo.name).symlink_to(photo)

    def few_pairs(self):
        """A pair of one person and one of two for each fold."""
        lines = PAIRS.read_text().splitlines()
        folds, each = map(int, lines[0].split())
        few = [lines[1 + (2 * f + k) * each] for f in range(folds)
               for k in range(2)]
        (self.here / 'few-pairs.txt').write_text(
            '\n'.join([f'{folds}\t1', *few]) + '\n')

    def run(self, line):
        """The status of a command, and its last line."""
        words = shlex.split(line)
        if '--views' in words:
            words = ['few-pairs.txt' if w.endswith(PAIRS.name) else w
                     for w in words]
        if words[0] == 'facet':
            words[0] = 'build/facet'
        words = ['work' if w == 'WORK' else w for w in words]
        done = subprocess.run(words, cwd=self.here, capture_output=True,
                              text=True, check=False,
                              env={**os.environ, 'PYTHONDONTWRITEBYTECODE':
                                   '1'})
        self.settle()
        said = (done.stderr if done.returncode else done.stdout).splitlines()
        return done.returncode, said[-1] if said else ''

    def settle(self):
        """Without validation no network was best: the last one is."""
        for last in self.here.glob('runs/*/last.onnx'):
            shutil.copy(last, last.with_name('best.onnx'))

    def remove(self):
        shutil.rmtree(self.top)


def build_programs(build, everything):
    """Benchmarks are not built unless they are asked for."""
    wanted = {name for page in PAGES for line in commands(page)
              if everything or not SLOW.search(line)
              for name in re.findall(r'^build/bench/(\w+)', line)}
    subprocess.run(['cmake', '--build', build, '--target', *sorted(wanted)],
                   check=True, stdout=subprocess.DEVNULL)


def run_all(build, everything):
    build_programs(build, everything)
    world, failed = World(build), 0
    try:
        for page in PAGES:
            for line in commands(page):
                if SLOW.search(line) and not everything:
                    print(f'{page.name}: left out: {line}', flush=True)
                    continue
                begin = time.time()
                status, said = world.run(line)
                failed += status != 0
                print(f'{page.name}: {"FAILED" if status else "ran"} in '
                      f'{time.time() - begin:.0f} s: {line}'
                      + (f'\n    {said}' if status else ''), flush=True)
    finally:
        world.remove()
    return failed


def main():
    words = [w for w in sys.argv[1:] if not w.startswith('--')]
    lost = values()
    for name in lost:
        print(f'worked-values.md names what is not there: {name}')
    if '--values' in sys.argv:
        return bool(lost)
    build = pathlib.Path(words[0] if words else ROOT / 'build').resolve()
    return bool(lost) | bool(run_all(build, '--all' in sys.argv))


if __name__ == '__main__':
    sys.exit(main())
