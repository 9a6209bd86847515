# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Compressed data in bounded memory and time.

A few kilobytes of Zstandard or LZ4 can stand for gigabytes: data are unpacked piece by piece, and
no more of them than recordings of robots have.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import lz4.frame
import zstandard

from hotswap_ros.gates.analysis import AnalysisError
from hotswap_ros.limits import RECORD_BYTES, UNPACKED_BYTES, UNPACKED_RATIO
from hotswap_ros.text import size_words

#: What the first byte of a record counts for: with its times, no message packs to less than four
#: bytes, and records without content would take time for nothing.
_BEGIN_BYTES = 4 * UNPACKED_RATIO

#: What the parser and the decompressors raise for data that are none of theirs.
NOT_PACKED = (zstandard.ZstdError, RuntimeError, EOFError, ValueError)

_OPEN: dict[str, Callable[[Any], Any]] = {
    '': lambda packed: packed,
    'zstd': lambda packed: zstandard.ZstdDecompressor().stream_reader(packed),
    'lz4': lz4.frame.LZ4FrameFile,
}


class Allowance:
    """How much one file may still unpack to, all that is compressed twice included."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._most = UNPACKED_BYTES + UNPACKED_RATIO * path.stat().st_size
        self._left = self._most

    def take(self, size: int) -> None:
        """Count `size` bytes, 1: the begin of a record. Raises AnalysisError for too much."""
        self._left -= size if size != 1 else _BEGIN_BYTES
        if self._left < 0:
            raise AnalysisError(
                f'{self._path.name} unpacks to more than {size_words(self._most)}, '
                f'{UNPACKED_RATIO} times its size: this is no recording of a fleet, or one of '
                f'blank pictures: \'mcap filter {self._path} -o fleet.mcap -y "/fleet/.*"\' '
                'keeps the topics that are needed'
            )

    def refuse_record(self, size: int) -> None:
        """Raise AnalysisError for a record of `size` bytes that is larger than records are."""
        if size > RECORD_BYTES:
            raise AnalysisError(
                f'{self._path.name} has a record of {size_words(size)}; the limit is '
                f"{size_words(RECORD_BYTES)}: it is damaged, or holds more than the fleet's "
                f'messages: \'mcap filter {self._path} -o fleet.mcap -y "/fleet/.*"\' keeps those'
            )


class Unpacked:
    """The content of a stream that is compressed as `compression` says, '' for not at all."""

    def __init__(self, packed: IO[bytes], compression: str, allowance: Allowance) -> None:
        self._stream = _OPEN[compression](packed)
        self._allowance = allowance
        self.count = 0

    def read(self, size: int) -> bytes:
        """Return `size` bytes, or none at the end. Raises AnalysisError and NOT_PACKED."""
        self._allowance.refuse_record(size)
        found: bytes = self._stream.read(size)
        self._allowance.take(len(found))
        self.count += len(found)
        if 0 < len(found) < size:
            raise EOFError
        return found


def unpack_bytes(data: bytes, allowance: Allowance) -> bytes:
    """Return what one message compressed with Zstandard holds. Raises as Unpacked does."""
    stream = zstandard.ZstdDecompressor().stream_reader(data)
    found: bytes = stream.read(RECORD_BYTES + 1)
    allowance.refuse_record(len(found))
    allowance.take(len(found))
    return found


def unpack_file(packed: Path, plain: Path, allowance: Allowance) -> None:
    """Unpack a file of Zstandard into another one. Raises as Unpacked does, and OSError."""
    with packed.open('rb') as file, plain.open('wb') as out:
        stream = zstandard.ZstdDecompressor().stream_reader(file)
        while piece := stream.read(io.DEFAULT_BUFFER_SIZE):
            allowance.take(len(piece))
            out.write(piece)


def is_known(compression: str) -> bool:
    """Return whether a compression is understood."""
    return compression in _OPEN
