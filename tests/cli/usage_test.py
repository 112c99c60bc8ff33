#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Help, wrong use, and that man page and completions know every option."""
import functools
import pathlib
import re
import subprocess
import tempfile
import unittest

from command import SOURCE, facet

VERBS = ['detect', 'align', 'embed', 'verify', 'eval', 'calibrate',
         'dataset', 'train', 'train teacher', 'train tpe', 'train tse',
         'train tde', 'train vgg-triplet', 'model info',
         'model import', 'model quantize', 'model set', 'synth', 'bench',
         'selftest', 'identify', 'enroll', 'cluster',
         *(f'cluster {verb}' for verb in (
             'name', 'merge', 'split', 'explain', 'list')),
         *(f'gallery {verb}' for verb in (
             'create', 'enroll', 'list', 'rename', 'remove', 'export',
             'import', 'stats', 'check', 'audit', 'migrate'))]


@functools.cache
def options(verb):
    text = facet(*verb.split(), '--help').stdout
    return set(re.findall(r'^ +(?:-\w, )? *--([a-z][a-z-]+)', text, re.M)) - {
        'help', 'usage'}


# Whose options stand in a section of the man page without saying so.
SECTIONS = {
    **dict.fromkeys(('detect', 'align', 'embed', 'verify'),
                    ('PHOTOS', 'NETWORKS AND FACES')),
    **dict.fromkeys(('identify', 'enroll', 'cluster', 'gallery'),
                    ('PHOTOS', 'NETWORKS AND FACES', 'GALLERIES AND CLUSTERS')),
    **dict.fromkeys(('eval', 'calibrate'),
                    ('EVAL AND CALIBRATE', 'NETWORKS AND FACES')),
    'dataset': ('DATASET', 'EVAL AND CALIBRATE', 'NETWORKS AND FACES'),
    'train': ('EVAL AND CALIBRATE', 'NETWORKS AND FACES'),
    **dict.fromkeys(('bench', 'selftest'), ('NETWORKS AND FACES',)),
    'synth': ('SYNTH',),
}


def entries(page):
    """Of the man page's sections of options: whose, and each entry."""
    for title, text in re.findall(
            r'^\.SH (?:OPTIONS FOR )?([^\n]*)\n(.*?)(?=^\.SH)', page,
            re.M | re.S):
        for entry in re.split(r'^\.TP\n', text, flags=re.M)[1:]:
            yield {title}, entry


COMPLETIONS = SOURCE / 'cli' / 'completions'


def bash_completes(lines):
    """What is offered for each line, whose last word is under the cursor;
    `readline` where bash is to complete a file or a folder."""
    script = f'source {COMPLETIONS}/facet.bash\n' + \
        'compopt() { COMPREPLY=(readline); }\n'
    for line in lines:
        words = re.findall(r'=|[^ =]+|(?<= )$', line)
        quoted = ' '.join(f"'{word}'" for word in words)
        script += f'COMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1}\n' \
            '_facet; printf "%s\\n" "${COMPREPLY[@]}"; echo +\n'
    done = subprocess.run(['bash', '-c', script], capture_output=True,
                          text=True, check=True, cwd=COMPLETIONS)
    assert not done.stderr, done.stderr
    return [set(part.split('\n')) - {''}
            for part in done.stdout.split('+\n')[:-1]]


def fish_options():
    """Of each place in the words of facet.fish its options."""
    text = (COMPLETIONS / 'facet.fish').read_text()
    text = re.sub(r' *\\\n *', ' ', text)
    text = re.sub(
        r'^for option in (.*)\n((?:    .*\n)*)end\n', lambda loop: ''.join(
            loop[2].replace('$option', option) for option in loop[1].split()),
        text, flags=re.M)
    named = dict(re.findall(r"^set -l (\w+) '(.*)'$", text, re.M))
    places = {}
    for when, option in re.findall(
            r"""^ *complete -c facet -n (\$\w+|'[^']*'|"[^"]*").* -l (\S+)""",
            text, re.M):
        when = re.sub(r'\$(\w+)', lambda name: named[name[1]], when)
        when = when.strip('\'"')
        head, *words = when.split()
        assert head == '__facet_with', when
        for place in words:
            places.setdefault(place, set()).add(option)
    return places


def fish_place(verb):
    first, _, part = verb.partition(' ')
    if first == 'train' or verb == 'gallery enroll':
        return part or first
    return f'{first}.{part}' if part else first


def zsh_options(verb):
    """Of the branch of facet.zsh that a verb, or a verb and its part, takes."""
    text = (COMPLETIONS / 'facet.zsh').read_text()
    lists = dict(re.findall(r'^(\w+)=\((.*?)\)$', text, re.M | re.S))
    first, _, part = verb.partition(' ')

    def branch(text, indent, word):
        found = re.search(rf'^ {{{indent}}}(?:\S+\|)?{word}(?:\|\S+)?\)(.*?)'
                          rf'(?=^ {{{indent}}}\S+\)\s|^ {{{indent - 4}}}esac)',
                          text, re.M | re.S)
        return found[1] if found else ''

    def expand(text):
        more = re.findall(r'\$(\w+)', text)
        return set(re.findall(r"'\*?--([a-z-]+)", text)).union(
            *(expand(lists[name]) for name in more if name in lists))

    whole = branch(text, 4, first)
    before, _, parts = whole.partition('case $words[3]')
    return expand(before + branch(parts, 12, part or r'\*')
                  if parts else whole)


def commands(text):
    """The words of each `facet VERB ...` of a script or a page, up to what ends
    a command."""
    text = re.sub(r' *\\\n *', ' ', text)
    called = r'(?:\bfacet|\$facet|\$\{facet\})"? ([a-z][^\n`|;&<>()]*)'
    return [found.split() for found in re.findall(called, text)]


def known_options(words):
    """Of the verb that a command is of; None where it is no verb. A part that
    is a variable may be any."""
    parts = [verb for verb in VERBS if verb.split()[0] == words[0]]
    part = words[1] if len(words) > 1 else ''
    if f'{words[0]} {part}' in VERBS:
        parts = [f'{words[0]} {part}']
    elif not part.startswith('$') and words[0] in VERBS:
        parts = [words[0]]
    return set().union(*map(options, parts)) if parts else None


class Usage(unittest.TestCase):
    def test_help_fits_into_80_columns(self):
        for verb in [''] + VERBS:
            process = facet(*verb.split(), '--help')
            self.assertEqual(process.returncode, 0, verb)
            self.assertTrue(process.stdout.startswith('Usage: facet'), verb)
            for line in process.stdout.splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_the_table_of_exit_numbers_is_the_man_pages(self):
        page = (SOURCE / 'docs/man/facet.1').read_text()
        table = re.findall(r'^ +(\d+)  (.+)$', facet('--help').stdout, re.M)
        self.assertEqual(len(table), 11)
        self.assertEqual(table, re.findall(r'^(\d+)\|(.+)$', page, re.M))

    def test_completions_offer_what_each_verb_has(self):
        offered = bash_completes([f'facet {verb} --' for verb in VERBS])
        fish = fish_options()
        for verb, bash in zip(VERBS, offered):
            known = options(verb)
            self.assertEqual({word[2:] for word in bash} - {'help'}, known,
                             f'bash: {verb}')
            self.assertEqual(fish.get(fish_place(verb), set()), known,
                             f'fish: {verb}')
            self.assertEqual(zsh_options(verb), known, f'zsh: {verb}')

    def test_bash_completes_values_and_leaves_files_to_readline(self):
        for line, wanted in (
                ('facet detect --precision=', 'auto fp32 bf16 int8'),
                ('facet detect --precision=f', 'fp32'),
                ('facet detect --precision f', 'fp32'),
                ('facet eval pairs --fusion b', 'best'),
                ('facet detect ', 'readline'),
                ('facet align --out=', 'readline'),
                ('facet train te', 'teacher'),
                ('facet train facet.', 'facet.bash facet.fish facet.zsh'),
                ('facet gallery e', 'enroll export'),
                ('facet e', 'embed enroll eval')):
            found, = bash_completes([line])
            self.assertEqual(found - {'readline'} or {'readline'},
                             set(wanted.split()), line)

    def test_man_page_knows_every_option(self):
        page = (SOURCE / 'docs/man/facet.1').read_text()
        page = re.sub(r'\\f[BIR]', '', page).replace('\\-', '-')
        for verb in VERBS:
            for word in verb.split():
                self.assertRegex(page, rf'\b{word}\b', verb)
            # what is said of tpe holds for the other projections
            last = re.sub('tse|tde|vgg-triplet', 'tpe', verb.split()[-1])
            for option in options(verb):
                self.assertTrue(any(
                    re.search(rf'--{option}\b(?!-)', entry) and
                    (of & set(SECTIONS.get(verb.split()[0], ())) or
                     re.search(rf'\b{last}\b', entry))
                    for of, entry in entries(page)), f'{verb} --{option}')

    def test_verbs_offer_what_they_take(self):
        for verb, wanted in (('detect', set()), ('align', {'model'}),
                             ('embed', {'model', 'aligned'}),
                             ('verify', {'model', 'aligned'})):
            listed = set(re.findall(r'^ +(?:-\w, +)?--([a-z-]+)',
                                    facet(verb, '--help').stdout, re.M))
            self.assertEqual(listed & {'model', 'aligned'}, wanted, verb)
            self.assertLessEqual({'detector', 'precision', 'policy'}, listed)

    def test_scripts_and_pages_use_options_that_there_are(self):
        seen = 0
        for path in (*sorted(SOURCE.glob('bench/*.*')),
                     *sorted(SOURCE.glob('tools/*.*')),
                     *sorted(SOURCE.glob('docs/**/*.md')),
                     *sorted(SOURCE.glob('recipes/*')),
                     SOURCE / 'README.md', SOURCE / 'docs/man/facet.1'):
            if not path.is_file():
                continue
            text = path.read_text().replace('\\-', '-')
            for words in commands(text):
                known = known_options(words)
                used = re.findall(r'(?<!\S)--([a-z][a-z-]+)', ' '.join(words))
                if known is None:
                    continue
                seen += len(used)
                self.assertEqual(set(used) - known - {'help'}, set(),
                                 f'{path.name}: facet {" ".join(words)}')
        self.assertGreater(seen, 100)

    def test_wrong_use_is_2_and_nothing_on_stdout(self):
        for arguments in ([], ['dance'], ['detect'], ['embed'], ['verify', 'a'],
                          ['verify', 'a', 'b', 'c'], ['detect', '--nonsense'],
                          ['detect', '--format', 'xml', 'a'],
                          ['detect', '--format', 'npy', 'a'],
                          ['detect', '--threads', '0', 'a'],
                          ['detect', '--threads', '1.5', 'a'],
                          ['detect', '--score', 'nan', 'a'],
                          ['detect', '--model', 'm', 'a'],
                          ['detect', '--aligned', 'a'],
                          ['align', '--out', 'd', '--aligned', 'a'],
                          ['embed', '--policy', 'best', 'a'],
                          ['embed', '--precision', 'fp8', 'a'],
                          ['align', 'a'], ['train', 'a'], ['train', '--out', 'd'],
                          ['train', '--out', 'd', 'a', 'b'],
                          ['synth'], ['synth', '--out', 'a', 'b'],
                          ['synth', '--out', 'a', '--size', '8x8'],
                          ['synth', '--out', 'a', '--yaw', '100'],
                          ['model'], ['model', 'info'],
                          ['model', 'import', 'a'],
                          ['model', 'quantize', 'a', 'b'],
                          ['model', 'set', 'a'], ['model', 'set', 'a', 'b'],
                          ['model', 'set', 'a', 'b', 'c'],
                          ['model', 'set', '--golden', '9', 'a', 'b'],
                          ['model', 'quantize', '--images', 'x', 'a'],
                          ['model', 'quantize', '--images', 'x', '--loss',
                           '2', 'a', 'b'],
                          ['model', 'import', '--size', '3', 'a', 'b'],
                          ['model', 'import', '--mean', '1,2', 'a', 'b'],
                          ['verify', '--threshold', '2', 'a', 'b'],
                          ['gallery'], ['gallery', 'dance'],
                          ['gallery', 'create'],
                          ['gallery', 'create', 'a', 'b'],
                          ['gallery', 'create', '--files-from', 'a', 'b'],
                          ['gallery', 'audit', '--max-megabytes', '1', 'a'],
                          ['gallery', 'migrate', '--null', 'a'],
                          ['gallery', 'migrate', '--threads', '0', 'a'],
                          ['gallery', 'remove', 'a'],
                          ['gallery', 'rename', 'a', 'b'],
                          ['gallery', 'audit', '--min-quality', '1', 'a'],
                          ['gallery', 'audit', '--margin', '0.1', 'a'],
                          ['enroll', '--review', '0.3', 'a', 'b'],
                          ['enroll', '--margin', '0.1', 'a', 'b'],
                          ['enroll', 'a'], ['identify'], ['identify', 'a'],
                          ['identify', '--fpir', '2', 'a', 'b'],
                          ['identify', '--fpir', '0.1', '--threshold', '0.4',
                           'a', 'b'],
                          ['cluster'], ['cluster', '--method', 'x', 'a'],
                          ['cluster', 'name', 'a', '1'],
                          ['cluster', 'split', '--parts', '1', 'a', '1']):
            process = facet(*arguments)
            self.assertEqual(process.returncode, 2, arguments)
            self.assertEqual(process.stdout, '', arguments)
            self.assertNotEqual(process.stderr, '', arguments)

    def test_version_is_that_of_the_header(self):
        text = (SOURCE / 'include/facet/version.h').read_text()
        version = '.'.join(re.findall(r'#define FACET_VERSION_\w+ (\d+)', text))
        self.assertEqual(facet('--version').stdout, f'facet {version}\n')

    def test_an_unknown_processor_is_2_and_says_which_there_are(self):
        process = facet('detect', 'a.jpg', FACET_CPU='avx')
        self.assertEqual(process.returncode, 2)
        self.assertRegex(process.stderr, 'FACET_CPU=avx.*baseline.*avx512bf16')
        for known in ('', 'baseline', 'avx512bf16'):
            process = facet('detect', '--help', FACET_CPU=known)
            self.assertEqual(process.returncode, 0, known)

    def test_a_missing_network_is_6_and_says_which(self):
        process = facet('detect', 'a.jpg', FACET_DETECTOR='/nowhere/d.onnx')
        self.assertEqual(process.returncode, 6)
        self.assertIn('/nowhere/d.onnx', process.stderr)

    def test_a_file_that_is_no_network_is_6(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'not.onnx'
            path.write_bytes(b'\x00\x01 this is no network')
            for arguments in (['model', 'info', path],
                              ['model', 'import', path, f'{folder}/new.onnx'],
                              ['detect', '--detector', path, 'a.jpg']):
                process = facet(*arguments)
                self.assertEqual(process.returncode, 6, arguments)
                self.assertTrue(process.stderr.startswith('facet: '))
            self.assertFalse((pathlib.Path(folder) / 'new.onnx').exists())

    def test_no_picture_to_quantize_by_is_7_and_says_where(self):
        with tempfile.TemporaryDirectory() as folder:
            new = pathlib.Path(folder) / 'new.onnx'
            for place in (folder, f'{folder}/nope'):
                process = facet('model', 'quantize', '--images', place,
                                SOURCE / 'models' / 'embedder-tiny.onnx', new)
                self.assertEqual(process.returncode, 7, process.stderr)
                self.assertRegex(process.stderr, f'{place}: no picture in it|'
                                 f'no picture in {place}')
            self.assertFalse(new.exists())


if __name__ == '__main__':
    unittest.main()
