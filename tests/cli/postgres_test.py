#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Galleries on a PostgreSQL server: the answers of the SQLite store, servers
that vanish, servers without pgvector. The server is postgres_server.mjs, its
npm packages go into peers/ of the build folder."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from command import CLEAN, FACET, SOURCE, lines, need_shared
from gallery_test import MOBILE, Folder

PACKAGES = ['@electric-sql/pglite', '@electric-sql/pglite-pgvector']
BUILD = pathlib.Path(FACET).parent
PEERS = BUILD / 'peers'
SECRET = 's3cret'


def why_not():
    """What is missing for a server, having tried to get it; '' for nothing."""
    if not shutil.which('node') or not shutil.which('npm'):
        return 'Node.js and npm are not here'
    if all((PEERS / 'node_modules' / name).exists() for name in PACKAGES):
        return ''
    PEERS.mkdir(exist_ok=True)
    try:
        subprocess.run(
            ['npm', 'install', '--silent', '--ignore-scripts', *PACKAGES],
            cwd=PEERS, check=True, capture_output=True, timeout=600)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return 'npm cannot get ' + ' and '.join(PACKAGES)
    return ''


class Server:
    """On a folder of its own, which outlives it."""
    def __init__(self, mishap=''):
        self.data = tempfile.TemporaryDirectory()
        self.port = 0
        self.start(mishap)

    def start(self, mishap=''):
        self.process = subprocess.Popen(
            ['node', SOURCE / 'tests' / 'cli' / 'postgres_server.mjs',
             PEERS / 'node_modules', self.data.name, str(self.port), mishap],
            stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        self.url = (f'postgresql://postgres:{SECRET}@127.0.0.1:{self.port}'
                    '/postgres')

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def remove(self):
        self.kill()
        self.data.cleanup()


@need_shared
class OnAServer(Folder):
    """One server for all, whose galleries have the tests' names."""
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.remove)

    def setUp(self):
        super().setUp()
        self.at = ('--store', self.server.url, '--gallery-name',
                   self._testMethodName)

    def run_facet(self, *arguments, expect=0, **more):
        process = super().run_facet(*arguments, expect=expect,
                                    PGSSLMODE='disable', **more)
        self.assertNotIn(SECRET, process.stdout + process.stderr)
        return process

    def both(self, *arguments, expect=0, after=()):
        """The same of the file and of the server: what both print."""
        printed = [self.run_facet(*arguments, *where, *after, expect=expect)
                   for where in (('--store', 'g.db'), self.at)]
        self.assertEqual(*(self.comparable(p.stdout) for p in printed))
        return printed[0]

    @staticmethod
    def comparable(text):
        """Without what tells where something is kept, and when."""
        return re.sub(r'"(gallery|name|mapped|log_truncated|vectors|time)": ?'
                      r'("[^"]*"|true|false|\d+),?', '', text)

    def enrolled(self, *options):
        self.run_facet('gallery', 'create', 'g.db')
        self.run_facet('gallery', 'create', *self.at, *options)
        return self.both('enroll', after=['people'])


class Answers(OnAServer):
    def test_a_server_answers_like_a_file(self):
        told = self.enrolled()
        self.assertGreaterEqual(len(lines(told)), 4)
        self.both('gallery', 'list')
        self.both('gallery', 'stats')
        answers = lines(self.both('identify', after=['probes']))
        self.assertTrue(all(
            face['decision'] == 'match' for answer in answers
            for face in answer['faces'][:1]))
        one, two, *_ = sorted(self.people)
        self.both('gallery', 'rename', after=[one, 'Zoë'])
        self.both('gallery', 'list', '--person', 'Zoë')
        self.both('gallery', 'audit', '--threshold', 0.1)
        exported = self.both('gallery', 'export')
        (self.path / 'all').write_text(exported.stdout)
        self.both('gallery', 'remove', after=[two])
        self.both('gallery', 'list')
        self.both('gallery', 'stats')
        self.both('identify', after=['probes'], expect=1)
        self.both('gallery', 'import', after=['all'])
        self.both('gallery', 'list')
        self.both('gallery', 'export')
        self.both('gallery', 'remove', '--templates', after=[1, 4])
        self.both('gallery', 'remove', after=['Nobody'], expect=7)
        self.both('identify', after=['probes'])

    def test_other_networks_are_refused(self):
        self.enrolled()
        process = self.run_facet('identify', *self.at, '--model', MOBILE,
                                 'probes', expect=6)
        self.assertIn('gallery migrate', process.stderr)

    def test_a_migration_goes_there_and_back(self):
        self.enrolled()
        with_mobile = ('--model', MOBILE)
        moved, = lines(self.both('gallery', 'migrate', *with_mobile))
        self.assertEqual((moved['migration'], moved['missing']),
                         ('switched', 0))
        self.both('identify', *with_mobile, '--threshold', 0.4,
                  after=['probes'])
        self.both('gallery', 'migrate', '--rollback')
        self.both('identify', after=['probes'])
        self.both('gallery', 'migrate', '--abandon')
        self.both('gallery', 'stats')

    def test_an_index_finds_the_same_few(self):
        self.enrolled('--approximate', '--partitions', 3)
        self.both('identify', after=['probes'])

    def test_named_clusters_come_to_a_server(self):
        self.run_facet('gallery', 'create', '--store', self.server.url)
        self.run_facet('cluster', '--album', 'album', 'people')
        found = lines(self.run_facet('cluster', 'list', 'album'))
        self.run_facet('cluster', 'name', '--gallery', self.server.url,
                       'album', found[0]['cluster'], 'Ann')
        ann, = lines(self.run_facet('gallery', 'list', self.server.url))
        self.assertEqual((ann['name'], ann['templates']),
                         ('Ann', len(found[0]['faces'])))

    def test_what_is_there_or_not_is_said(self):
        self.run_facet('gallery', 'create', *self.at)
        process = self.run_facet('gallery', 'create', *self.at, expect=7)
        self.assertIn('already', process.stderr)
        process = self.run_facet('gallery', 'stats', *self.at[:3], 'none',
                                 expect=7)
        self.assertIn('there is no gallery "none"', process.stderr)
        (self.path / 'key').write_text('k' * 32)
        process = self.run_facet('gallery', 'create', *self.at, '--key-file',
                                 'key', expect=7)
        self.assertIn('encrypt its disks', process.stderr)



class Mishaps(OnAServer):
    def hurt(self, mishap):
        """The server, as it is from now on."""
        self.server.kill()
        self.server.start(mishap)
        self.at = ('--store', self.server.url, *self.at[2:])

    def templates(self):
        stats, = lines(self.run_facet('gallery', 'stats', *self.at))
        return stats['templates']

    def test_a_vanished_server_is_told_and_loses_nothing(self):
        before = len(lines(self.enrolled()))
        self.server.kill()
        process = self.run_facet('gallery', 'list', *self.at, expect=7)
        self.assertIn('cannot be reached', process.stderr)
        self.server.start()
        self.assertEqual(self.templates(), before)
        self.both('identify', after=['probes'])

    def test_a_server_that_dies_of_an_import_keeps_what_it_had(self):
        before = len(lines(self.enrolled()))
        (self.path / 'all').write_text(
            self.run_facet('gallery', 'export', *self.at).stdout)
        self.hurt('copy')
        process = self.run_facet('gallery', 'import', *self.at, 'all',
                                 expect=7)
        self.assertIn('nothing was changed', process.stderr)
        self.hurt('')
        self.assertEqual(self.templates(), before)
        self.run_facet('gallery', 'import', *self.at, 'all')
        self.assertEqual(self.templates(), 2 * before)

    def test_a_broken_connection_is_made_again(self):
        self.enrolled()
        self.hurt('search')
        self.both('identify', after=['probes'])

    def test_a_broken_commit_was_done_or_was_not(self):
        self.enrolled()
        one, two, *_ = sorted(self.people)
        self.hurt('before-commit')
        process = self.run_facet('gallery', 'rename', *self.at, one, 'One',
                                 expect=7)
        self.assertIn('nothing was changed', process.stderr)
        self.hurt('after-commit')
        self.run_facet('gallery', 'rename', *self.at, two, 'Two')
        names = [p['name'] for p in
                 lines(self.run_facet('gallery', 'list', *self.at))]
        self.assertIn(one, names)
        self.assertIn('Two', names)


class Programs(unittest.TestCase):
    """Tests in C that take a server when there is one."""
    def run_program(self, name):
        server = Server()
        self.addCleanup(server.remove)
        process = subprocess.run(
            [BUILD / 'tests' / name], capture_output=True, text=True,
            env={**CLEAN, 'PGSSLMODE': 'disable',
                 'FACET_TEST_SERVER': server.url})
        self.assertEqual(process.returncode, 0, process.stderr)

    def test_the_library_finds_no_difference_to_a_file(self):
        self.run_program('server_test')

    def test_any_allocation_may_fail(self):
        self.run_program('gallery_torture_test')


@need_shared
class Refusals(Folder):
    def test_a_server_without_pgvector_says_how_to_get_it(self):
        server = Server('plain')
        self.addCleanup(server.remove)
        process = self.run_facet('gallery', 'create', '--store', server.url,
                                 expect=7, PGSSLMODE='disable')
        self.assertIn('the server has no pgvector', process.stderr)
        self.assertIn('postgresql-NN-pgvector', process.stderr)

    def test_no_message_has_a_password_in_it(self):
        for address in ('postgresql://u:s3/cret@127.0.0.1:1/d',
                        'postgresql://u:s3?cret@127.0.0.1:1/d',
                        'postgresql://u:s3@cret@127.0.0.1:1/d',
                        'postgresql://u:s3#cret@127.0.0.1:1/d',
                        'postgresql://u:s3cret/d',
                        'postgres://u:s3cret@127.0.0.1:1/d',
                        'postgresql://127.0.0.1:1/d?password=s3cret',
                        'postgresql://127.0.0.1:1/d?password=s3@cret'):
            process = self.run_facet('gallery', 'list', address, expect=None)
            self.assertNotEqual(process.returncode, 0)
            for part in ('s3', 'cret'):
                self.assertNotIn(part, process.stderr)


if __name__ == '__main__':
    reason = why_not()
    if reason:
        print('skipped:', reason)
        sys.exit(77)
    unittest.main()
