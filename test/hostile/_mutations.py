# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Sound input made unsound: bits flipped, parts lost or doubled, and odd values put in."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path

#: Values that readers have stumbled over, as text and as binary formats write them.
_TOKENS = (
    b'NaN',
    b'-Infinity',
    b'1e999',
    b'9' * 400,
    b'9' * 5000,
    b'-1',
    b'0',
    b'1.5',
    b'null',
    b'true',
    b'""',
    b'"',
    b"'",
    b'\n',
    b'\r',
    b'\t',
    b',',
    b';',
    b': ',
    b'- ',
    b'[' * 3000,
    b'[' * 100_000,
    b'{"a":' * 3000,
    b'[{}]',
    b'{}',
    b'&a [*a]',
    b'!!python/object/apply:os.getcwd []',
    b'1:30',
    b'0100',
    b'2026-02-30T25:61:00Z',
    b'0001-01-01T00:00:00+23:59',
    b'9999-12-31T23:59:59Z',
    b'\x1b[2J',
    b'\0',
    b'\xff\xfe',
    b'\xed\xa0\x80',
    b'\xf0\x9f\x98\x80',
    b'\xff' * 8,
    b'\x7f' + b'\xff' * 7,
    bytes(8),
    b'\x00\x00\x00\x80',
    b'\xff\xff\xff\x7f',
)


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Return content with one to four faults in it."""
    found = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        draw.choice((_flip, _flip, _cut, _lose, _double, _put, _put, _replace))(found, draw)
    return bytes(found)


def _flip(content: bytearray, draw: random.Random) -> None:
    for _ in range(draw.choice((1, 1, 8)) if content else 0):
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)


def _cut(content: bytearray, draw: random.Random) -> None:
    del content[draw.randint(0, len(content)) :]


def _part(content: bytearray, draw: random.Random) -> slice:
    start = draw.randint(0, len(content))
    return slice(start, start + draw.choice((1, 4, 16, 256)))


def _lose(content: bytearray, draw: random.Random) -> None:
    del content[_part(content, draw)]


def _double(content: bytearray, draw: random.Random) -> None:
    part = _part(content, draw)
    content[part.start : part.start] = content[part] * draw.choice((1, 1, 20))


def _put(content: bytearray, draw: random.Random) -> None:
    start = draw.randint(0, len(content))
    content[start:start] = draw.choice(_TOKENS)


def _replace(content: bytearray, draw: random.Random) -> None:
    content[_part(content, draw)] = draw.choice(_TOKENS)


def feed(
    read: Callable[[bytes], object],
    content: bytes,
    errors: tuple[type[Exception], ...],
    draw: random.Random,
    number: int,
    kept: Path,
) -> int:
    """
    Read `number` mutations of content, and return how many were refused.

    Whatever is raised besides `errors` fails the test; the input is `kept` then.
    """
    refused = 0
    for _ in range(number):
        data = mutated(content, draw)
        kept.write_bytes(data)
        try:
            read(data)
        except errors as error:
            refused += 1
            told = len(str(error))
        else:
            told = 0
        assert told < 20_000, 'the text of an error is bounded'
    return refused


@contextlib.contextmanager
def memory_at_most(more_bytes: int) -> Iterator[None]:
    """Fail if the memory of this process rises by more, also if it falls again (Linux)."""
    Path('/proc/self/clear_refs').write_text('5')  # the peak is counted anew, see proc(5)
    before = _status_bytes('VmRSS')
    yield
    rise = _status_bytes('VmHWM') - before
    assert rise <= more_bytes, f'{rise:,} bytes'


def _status_bytes(field: str) -> int:
    lines = Path('/proc/self/status').read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) * 1024
