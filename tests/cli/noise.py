# SPDX-License-Identifier: Apache-2.0
"""Pictures of nothing, which a network embeds all the same when it is told
that they are crops of faces (--margin)."""
import random
import struct
import zlib

SIDE = 128  # of an ArcFace crop with a margin of 8


def chunk(kind, content):
    return struct.pack('>I', len(content)) + kind + content + struct.pack(
        '>I', zlib.crc32(kind + content))


def write_noise(path, seed):
    """A PNG of colours that hang on the seed."""
    rng = random.Random(seed)
    rows = b''.join(b'\0' + rng.randbytes(3 * SIDE) for _ in range(SIDE))
    path.write_bytes(
        b'\x89PNG\r\n\x1a\n' +
        chunk(b'IHDR', struct.pack('>IIBBBBB', SIDE, SIDE, 8, 2, 0, 0, 0)) +
        chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))
