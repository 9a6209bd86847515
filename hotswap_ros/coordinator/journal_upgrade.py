# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Upgrade of a journal that an earlier version wrote: changed names, and sums of rows."""

from __future__ import annotations

import sqlite3

from hotswap_ros.coordinator.journal_sums import add_sums

#: The format of a journal, counted from 0; SQLite keeps it in the file.
FORMAT = 2

_KINDS = {
    'owed': 'rollback_pending',
    'paid': 'rollback_confirmed',
    'waived': 'rollback_dropped',
}
#: Columns of `rollouts`, the JSON paths in it and the new paths, for ordered rollbacks or for all.
_ORDERED = "strategy = 'Rollback'"
_KEYS = (
    ('report', '$.rollback.owed', '$.rollback.unconfirmed', 'true'),
    ('report', '$.undoes', '$.rolls_back', _ORDERED),
    ('state', '$.undoes', '$.rolls_back', _ORDERED),
    ('state', '$.owed', '$.unconfirmed', _ORDERED),
    ('state', '$.silent', '$.timed_out', _ORDERED),
    ('state', '$.away', '$.replaced', _ORDERED),
    ('state', '$.extent', '$.impact', _ORDERED),
)


def is_current(db: sqlite3.Connection) -> bool:
    """Return whether a journal has this format, or that of a newer release."""
    (found,) = db.execute('PRAGMA user_version').fetchone()
    return bool(found >= FORMAT)


def upgrade(db: sqlite3.Connection) -> None:
    """Bring a journal to this format, all of it or nothing. Raises sqlite3.Error."""
    with db:
        db.execute('BEGIN IMMEDIATE')
        for old, new in _KINDS.items():
            db.execute(
                "UPDATE events SET event = json_set(event, '$.kind', ?) "
                "WHERE json_extract(event, '$.kind') = ?",
                (new, old),
            )
        for column, old, new, of in _KEYS:
            db.execute(
                f'UPDATE rollouts SET {column} = json_remove('
                f'json_set({column}, :new, json_extract({column}, :old)), :old) '
                f'WHERE json_type({column}, :old) IS NOT NULL AND {of}',
                {'old': old, 'new': new},
            )
        add_sums(db)
        db.execute(f'PRAGMA user_version = {FORMAT}')
