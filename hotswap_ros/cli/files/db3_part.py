# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One file of a recording in SQLite."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from mcap.records import Schema

from hotswap_ros.cli.files.messages import DamagedError, Message
from hotswap_ros.cli.files.unpacking import NOT_PACKED, Allowance, unpack_file
from hotswap_ros.gates.analysis import AnalysisError
from hotswap_ros.limits import RECORD_BYTES
from hotswap_ros.text import size_words

_MESSAGES = (
    'SELECT topic_id, CASE WHEN length(data) <= ?1 THEN data END FROM messages ORDER BY timestamp'
)
_TABLES = ('topics', 'messages', 'message_definitions')


def read_db3(
    part: Path, allowance: Allowance, convert: str, wanted: Callable[[str], bool], *, packed: bool
) -> Iterator[Message]:
    """
    Yield the messages of wanted types, in the order of their times.

    `convert` is the command that writes the definitions, where there are none. Raises
    AnalysisError, OSError and DamagedError.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / 'part.db3'
        log = part.with_name(f'{part.name}-wal')
        if packed:
            _unpack(part, copy, allowance)
        elif log.is_file() and log.stat().st_size:  # of a recorder that crashed
            shutil.copy(part, copy)
            shutil.copy(log, f'{copy}-wal')
        else:
            copy = part
        query = '?mode=ro&immutable=1' if copy is part else ''
        with closing(sqlite3.connect(f'{copy.resolve().as_uri()}{query}', uri=True)) as db:
            yield from _from_database(part, db, convert, wanted)


def _unpack(part: Path, copy: Path, allowance: Allowance) -> None:
    try:
        unpack_file(part, copy, allowance)
    except NOT_PACKED as error:
        raise DamagedError from error


def _from_database(
    part: Path, db: sqlite3.Connection, convert: str, wanted: Callable[[str], bool]
) -> Iterator[Message]:
    began = False
    try:
        _refuse_programs(part, db)
        topics = {
            topic: (kind, encoding)
            for topic, kind, encoding in db.execute(
                'SELECT id, type, serialization_format FROM topics'
            )
            if wanted(kind)
        }
        schemas = _definitions(db)
        began = True
        if topics and not any(kind in schemas for kind, _ in topics.values()):
            raise AnalysisError(
                f'{part.name} has no message definitions, as ROS 2 Humble writes it: {convert}'
            )
        for topic, data in db.execute(_MESSAGES, (RECORD_BYTES,)):
            if topic in topics:
                kind, encoding = topics[topic]
                yield Message(schemas.get(kind), encoding, _message(part, data))
    except sqlite3.Error as error:
        damaged = DamagedError()
        damaged.began = began
        raise damaged from error


def _refuse_programs(part: Path, db: sqlite3.Connection) -> None:
    """Raise AnalysisError for views and computed columns: reading them may never end."""
    marks = ', '.join('?' * len(_TABLES))
    rows = db.execute(
        f'SELECT name, type, sql FROM sqlite_master WHERE name IN ({marks})', _TABLES
    )
    for name, kind, sql in rows.fetchall():
        hidden = db.execute('SELECT max(hidden) FROM pragma_table_xinfo(?)', (name,)).fetchone()
        is_plain = kind == 'table' and str(sql).upper().startswith('CREATE TABLE')
        if not is_plain or hidden != (0,):
            raise AnalysisError(
                f"{part.name}: '{name}' is no table with plain columns, as rosbag2 writes it: "
                'give the recording as it was written'
            )


def _message(part: Path, data: object) -> bytes:
    if data is None:
        raise AnalysisError(
            f'{part.name} has a message of more than {size_words(RECORD_BYTES)}: it is damaged, '
            'or no recording'
        )
    if not isinstance(data, bytes):
        raise DamagedError
    return data


def _definitions(db: sqlite3.Connection) -> dict[str, Schema]:
    try:
        rows = db.execute(
            'SELECT topic_type, encoding, encoded_message_definition FROM message_definitions'
        ).fetchall()
    except sqlite3.OperationalError:
        return {}
    return {
        kind: Schema(number, text.encode(), encoding, kind)
        for number, (kind, encoding, text) in enumerate(rows, start=1)
        if isinstance(text, str) and text
    }
