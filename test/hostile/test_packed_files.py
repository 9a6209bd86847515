# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Small recordings that unpack to gigabytes, or whose tables compute without end."""

from __future__ import annotations

import functools
import resource
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import lz4.frame
import pytest
import yaml
import zstandard

from hotswap_ros.cli.files.recording import read_recording
from hotswap_ros.gates.analysis import AnalysisError

_MAGIC = b'\x89MCAP0\r\n'
_HEADER, _CHUNK, _ATTACHMENT = 1, 6, 9
_GB = 10**9
#: What reading a bad file may need.
_ROOM = 400_000_000

pytestmark = pytest.mark.timeout(60)


@functools.cache
def zeros(size: int) -> bytes:
    """Return zeros, packed: as records of MCAP they are many, and empty."""
    packer = zstandard.ZstdCompressor(level=3).compressobj()
    pieces = [packer.compress(bytes(10**7)) for _ in range(size // 10**7)]
    return b''.join([*pieces, packer.flush()])


def record(opcode: int, content: bytes, size: int | None = None) -> bytes:
    return struct.pack('<BQ', opcode, len(content) if size is None else size) + content


def text(value: str) -> bytes:
    return struct.pack('<I', len(value)) + value.encode()


def chunk(data: bytes, compression: str, unpacked: int, size: int | None = None) -> bytes:
    start = struct.pack('<QQQI', 0, 0, unpacked, 0) + text(compression)
    return record(_CHUNK, start + struct.pack('<Q', len(data) if size is None else size) + data)


def mcap(*records: bytes) -> bytes:
    return _MAGIC + record(_HEADER, text('ros2') + text('')) + b''.join(records)


def _chunk_of_zstandard() -> dict[str, bytes]:
    return {'a.mcap': mcap(chunk(zeros(_GB), 'zstd', _GB))}


def _chunk_of_lz4() -> dict[str, bytes]:
    packed = lz4.frame.compress(bytes(4 * 10**7))
    return {'a.mcap': mcap(chunk(packed, 'lz4', 4 * 10**7))}


def _chunk_that_lies() -> dict[str, bytes]:
    return {'a.mcap': mcap(chunk(zeros(_GB), 'zstd', 100))}


def _record_of_an_exabyte() -> dict[str, bytes]:
    return {'a.mcap': mcap(record(_ATTACHMENT, b'', 2**60))}


def _data_of_an_exabyte() -> dict[str, bytes]:
    return {'a.mcap': mcap(chunk(b'', 'zstd', 100, size=2**60))}


def _packed_twice() -> dict[str, bytes]:
    return {'a.mcap.zstd': zstandard.compress(mcap(chunk(zeros(_GB), 'zstd', _GB)))}


def _file() -> dict[str, bytes]:
    return {'a.mcap.zstd': zeros(_GB), 'b.db3.zstd': zeros(_GB)}


def _database() -> dict[str, bytes]:
    return {'a.db3.zstd': zeros(_GB)}


def database(folder: Path, *statements: str) -> Path:
    path = folder / 'a.db3'
    with closing(sqlite3.connect(path)) as db, db:
        db.execute('CREATE TABLE topics (id INTEGER, type TEXT, serialization_format TEXT)')
        db.execute("INSERT INTO topics VALUES (1, 'hotswap_ros/msg/TaskResult', 'cdr')")
        db.execute(
            'CREATE TABLE message_definitions '
            '(topic_type TEXT, encoding TEXT, encoded_message_definition TEXT)'
        )
        definition = ('hotswap_ros/msg/TaskResult', 'ros2msg', 'string robot_id')
        db.execute('INSERT INTO message_definitions VALUES (?, ?, ?)', definition)
        for statement in statements:
            db.execute(statement)
    return path


@contextmanager
def little_room() -> Iterator[None]:
    """Let this process take no more than `_ROOM` of memory in addition."""
    used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + _ROOM, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize(
    'made',
    [
        _chunk_of_zstandard,
        _chunk_of_lz4,
        _chunk_that_lies,
        _packed_twice,
        _file,
        _database,
    ],
)
def test_no_small_file_takes_gigabytes(
    made: Callable[[], dict[str, bytes]], tmp_path: Path
) -> None:
    for name, content in made().items():
        assert len(content) < 4_000_000
        (tmp_path / name).write_bytes(content)
    with little_room(), pytest.raises(AnalysisError) as raised:
        read_recording(tmp_path)
    assert 'MB' in str(raised.value)
    assert len(str(raised.value)) < 1_000


@pytest.mark.parametrize('made', [_record_of_an_exabyte, _data_of_an_exabyte])
def test_no_size_is_believed(made: Callable[[], dict[str, bytes]], tmp_path: Path) -> None:
    for name, content in made().items():
        (tmp_path / name).write_bytes(content)
    with little_room(), pytest.raises(AnalysisError) as raised:
        read_recording(tmp_path)
    assert len(str(raised.value)) < 1_000


def test_no_packed_message_takes_gigabytes(tmp_path: Path) -> None:
    path = database(tmp_path, 'CREATE TABLE messages (topic_id INTEGER, timestamp, data)')
    with closing(sqlite3.connect(path)) as db, db:
        db.execute('INSERT INTO messages VALUES (1, 1, ?)', (zeros(_GB),))
    found = {'relative_file_paths': ['a.db3'], 'compression_mode': 'MESSAGE'}
    found['compression_format'] = 'zstd'
    (tmp_path / 'metadata.yaml').write_text(yaml.dump({'rosbag2_bagfile_information': found}))
    with little_room(), pytest.raises(AnalysisError, match='MB'):
        read_recording(tmp_path)


_ENDLESS = 'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) '


@pytest.mark.parametrize(
    'messages',
    [
        f'CREATE VIEW messages AS {_ENDLESS} SELECT 1 topic_id, x timestamp, x data FROM n',
        'CREATE TABLE messages (topic_id INT, timestamp INT, data AS (zeroblob(1000000000)))',
        'CREATE VIRTUAL TABLE messages USING fts5(topic_id, timestamp, data)',
    ],
)
def test_no_table_computes_what_is_read(messages: str, tmp_path: Path) -> None:
    path = database(tmp_path, messages)
    with closing(sqlite3.connect(path)) as db, db:
        if not messages.startswith('CREATE VIEW'):
            db.executemany(
                'INSERT INTO messages (topic_id, timestamp) VALUES (1, ?)',
                [(n,) for n in range(9)],
            )
    with little_room(), pytest.raises(AnalysisError, match="'messages' is no table"):
        read_recording(path)
