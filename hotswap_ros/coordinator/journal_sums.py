# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Checksums of the journal's rows.

SQLite notices damage of its pages, and not a changed bit in a row: another share or version is
still JSON. Each row has the CRC-32 of its values, which any single wrong bit changes.
"""

from __future__ import annotations

import sqlite3
import zlib

#: The columns that the sum of a row covers, by table.
SUMMED = {
    'meta': 'key, value',
    'rollouts': (
        'rollout_id, model_id, version, strategy, started, ended, status, reason, state, report'
    ),
    'events': 'rollout_id, event',
    'desired': 'model_id, robot_id, entry',
    'rehearsals': 'model_id, robot_id, ended, seconds',
    'aftermaths': 'rollout_id, state, is_done',
}


def register(db: sqlite3.Connection) -> None:
    """Let statements of a connection use `row_sum(values…)`."""
    db.create_function('row_sum', -1, _row_sum, deterministic=True)


def add_sums(db: sqlite3.Connection) -> None:
    """Give each row the sum of what it holds. Raises sqlite3.Error."""
    register(db)
    for table, columns in SUMMED.items():
        names = [name for _, name, *_ in db.execute(f'PRAGMA table_info({table})')]
        if 'sum' not in names:
            db.execute(f'ALTER TABLE {table} ADD COLUMN sum INTEGER NOT NULL DEFAULT 0')
        db.execute(f'UPDATE {table} SET sum = row_sum({columns})')


def changed_row(db: sqlite3.Connection) -> str:
    """Return where a row is not as it was written; empty: nowhere. Raises sqlite3.Error."""
    register(db)
    for table, columns in SUMMED.items():
        found = db.execute(
            f'SELECT rowid FROM {table} WHERE sum IS NOT row_sum({columns}) LIMIT 1'
        ).fetchone()
        if found is not None:
            return f'row {found[0]} of table {table} is not as it was written'
    return ''


def _row_sum(*values: object) -> int:
    return zlib.crc32('\x1f'.join(map(_text, values)).encode('utf-8', 'surrogatepass'))


def _text(value: object) -> str:
    """Return a text that differs for each value that SQLite can hold."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return f'\x01{value.hex()}'
    # Columns of real numbers turn integers into these.
    return '\x02' if value is None else f'\x03{float(value)!r}'  # type: ignore[arg-type]
