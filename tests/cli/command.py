# SPDX-License-Identifier: Apache-2.0
"""Running the command, for tests."""
import json
import os
import pathlib
import subprocess
import unittest

FACET = os.environ['FACET']
SOURCE = pathlib.Path(os.environ['FACET_SOURCE'])
SHARED = SOURCE.parent / 'shared'
DETECTOR = SHARED / 'models' / 'yunet_2026may.onnx'
EMBEDDER = SHARED / 'models' / 'reid0095.onnx'
PHOTOS = SHARED / 'photos'

# What is tested is facet, not what the machine is set up with.
CLEAN = {name: value for name, value in os.environ.items()
         if not name.startswith('FACET_')}

need_shared = unittest.skipUnless(
    DETECTOR.exists() and EMBEDDER.exists() and PHOTOS.exists(),
    '../shared is not here')


def facet(*arguments, given=None, cwd=None, user=None, **environment):
    """The finished process; output as text."""
    return subprocess.run(
        [FACET, *map(str, arguments)], input=given, capture_output=True,
        cwd=cwd, user=user, text=True, timeout=240,
        env={**CLEAN, **{k: str(v) for k, v in environment.items()}})


def facet_networks(*arguments, **more):
    """With the networks of ../shared."""
    return facet(*arguments, FACET_DETECTOR=DETECTOR, FACET_MODEL=EMBEDDER,
                 **more)


def lines(process):
    return [json.loads(line) for line in process.stdout.splitlines()]
