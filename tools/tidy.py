#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run clang-tidy over the library and the command.

    tidy.py BUILD_FOLDER

What a file is after the preprocessor, together with .clang-tidy, decides
whether it has to be looked at again: clean files are remembered in
BUILD_FOLDER/tidy/.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def jobs(build):
    seen = set()
    for entry in json.loads((build / 'compile_commands.json').read_text()):
        path = pathlib.Path(entry['file'])
        ours = path.is_relative_to(ROOT / 'src') or \
            path.is_relative_to(ROOT / 'cli')
        if ours and not path.name.endswith('_test.c') and path not in seen:
            seen.add(path)
            yield path, entry


def fingerprint(entry, rules):
    command = shlex.split(entry['command'])
    command = command[:command.index('-o')] + ['-E', '-P', entry['file']]
    text = subprocess.run(command, cwd=entry['directory'], check=True,
                          capture_output=True).stdout
    return hashlib.sha256(rules + text).hexdigest()


def look_at(path, entry, build, rules):
    """What is wrong with a file; '' for nothing."""
    clean = build / 'tidy' / fingerprint(entry, rules)
    if clean.exists():
        return ''
    process = subprocess.run(
        ['clang-tidy', '-p', str(build), '--quiet', str(path)],
        capture_output=True, text=True)
    if process.returncode == 0:
        clean.touch()
        return ''
    return process.stdout or process.stderr


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    (build / 'tidy').mkdir(parents=True, exist_ok=True)
    rules = (ROOT / '.clang-tidy').read_bytes()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(
            lambda job: look_at(*job, build, rules), jobs(build)))
    for text in found:
        if text:
            print(text, end='')
    return 1 if any(found) else 0


sys.exit(main())
