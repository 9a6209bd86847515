# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The coordinator's memory: one SQLite file, written before anything is said to a robot."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hotswap_ros.plan import Rehearsal
from hotswap_ros.rollout._commands import Desired
from hotswap_ros.rollout._state import Event, RolloutState, Status

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS rollouts (
    rollout_id TEXT PRIMARY KEY, model_id TEXT NOT NULL, version TEXT NOT NULL,
    strategy TEXT NOT NULL, started REAL NOT NULL, ended REAL, status TEXT NOT NULL,
    reason TEXT NOT NULL, state TEXT NOT NULL, report TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY, rollout_id TEXT NOT NULL, event TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_of_rollout ON events (rollout_id);
CREATE TABLE IF NOT EXISTS desired (
    model_id TEXT NOT NULL, robot_id TEXT NOT NULL, entry TEXT NOT NULL,
    PRIMARY KEY (model_id, robot_id));
CREATE TABLE IF NOT EXISTS rehearsals (
    model_id TEXT NOT NULL, robot_id TEXT NOT NULL, ended REAL NOT NULL, seconds REAL NOT NULL,
    PRIMARY KEY (model_id, robot_id));
"""


#: Instead of a path: a journal that ends with the process.
IN_MEMORY = ':memory:'


class JournalError(Exception):
    """The journal cannot be read or written."""

    def __init__(self, path: Path, error: Exception) -> None:
        super().__init__(
            f'journal {path}: {error}: check that the disk has room and that the file belongs to '
            'this user; nothing is said to robots before it can be written'
        )


@dataclass(frozen=True)
class RolloutSummary:
    """
    One line of history; times in seconds since 1970.

    `robots_failed` of `robots_total` could not load, obey or confirm; of a rollout that its
    checklist blocked no robot ever heard, and `robots_total` is 0. `tasks` the candidate finished.
    """

    rollout_id: str
    model_id: str
    version: str
    strategy: str
    started: float
    ended: float | None
    status: Status
    reason: str
    robots_total: int = 0
    robots_failed: int = 0
    tasks: int = 0


class Journal:
    """
    Keeps rollouts, their events, and what every robot should serve.

    Write-ahead logging with full synchronisation: what `commit` returned from is on the disk. One
    thread uses it. Raises JournalError.
    """

    #: When SQLite calls a commit done; a trial that is spared power cuts may say OFF.
    SYNCHRONOUS = 'FULL'

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self._path, timeout=5.0, isolation_level=None)
            self._db.execute('PRAGMA journal_mode = WAL')
            self._db.execute(f'PRAGMA synchronous = {self.SYNCHRONOUS}')
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise JournalError(self._path, error) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def next_epoch(self, now: float) -> int:
        """
        Return a number that is higher than at any start before.

        It is of the order of `now`, so that robots heed a coordinator whose journal is a new one.
        """
        rows = self._write(
            'INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE '
            'SET value = max(value + 1, excluded.value) RETURNING value',
            ('epoch', int(now)),
        )
        return int(rows[0][0])

    def commit(
        self,
        rollouts: Iterable[tuple[RolloutState, Mapping[str, Any]]] = (),
        events: Iterable[tuple[str, Event]] = (),
        desired: Iterable[Desired] = (),
        rehearsals: Mapping[tuple[str, str], Rehearsal] | None = None,
    ) -> None:
        """
        Write states with their reports, events and wishes: all of it or nothing.

        `rehearsals` are rollbacks that were confirmed, by model and robot.
        """
        try:
            # Immediate: a second writer is found out before, not after, half the work.
            self._db.execute('BEGIN IMMEDIATE')
            for state, report in rollouts:
                self._db.execute(_PUT_ROLLOUT, _rollout_row(state, report))
            self._db.executemany(
                'INSERT INTO events (rollout_id, event) VALUES (?, ?)',
                [(rollout_id, event.model_dump_json()) for rollout_id, event in events],
            )
            self._db.executemany(
                'INSERT OR REPLACE INTO desired VALUES (?, ?, ?)',
                [(e.routing.model_id, e.robot_id, json.dumps(e.to_json())) for e in desired],
            )
            self._db.executemany(
                'INSERT OR REPLACE INTO rehearsals VALUES (?, ?, ?, ?)',
                [(*key, found.ended, found.seconds) for key, found in (rehearsals or {}).items()],
            )
            self._db.execute('COMMIT')
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute('ROLLBACK')
            raise JournalError(self._path, error) from error

    def desired(self) -> list[Desired]:
        """Return what every robot should serve."""
        rows = self._read('SELECT entry FROM desired')
        return [Desired.from_json(json.loads(row[0])) for row in rows]

    def rehearsals(self, model_id: str) -> dict[str, Rehearsal]:
        """Return the last rollback that each robot of a model confirmed."""
        rows = self._read(
            'SELECT robot_id, ended, seconds FROM rehearsals WHERE model_id = ?', (model_id,)
        )
        return {robot_id: Rehearsal(ended, seconds) for robot_id, ended, seconds in rows}

    def active(self) -> list[RolloutState]:
        """Return the rollouts that have not ended."""
        rows = self._read('SELECT state FROM rollouts WHERE ended IS NULL ORDER BY rowid')
        return [RolloutState.model_validate_json(row[0]) for row in rows]

    def latest(self) -> RolloutState | None:
        """Return the newest rollout, ended or not."""
        rows = self._read('SELECT state FROM rollouts ORDER BY rowid DESC LIMIT 1')
        return RolloutState.model_validate_json(rows[0][0]) if rows else None

    def history(self, limit: int = 0) -> list[RolloutSummary]:
        """Return the rollouts, newest first; all of them for a limit of 0."""
        rows = self._read(
            'SELECT rollout_id, model_id, version, strategy, started, ended, status, reason, '
            "coalesce(json_extract(report, '$.robots_total'), 0), "
            "coalesce(json_array_length(report, '$.robots_failed'), 0), "
            "coalesce(json_extract(report, '$.tasks'), 0) "
            'FROM rollouts ORDER BY rowid DESC LIMIT ?',
            (limit or -1,),
        )
        return [_summary(*row) for row in rows]

    def report(self, rollout_id: str) -> dict[str, Any] | None:
        """Return the evidence of a rollout with its events, None when there is none of that id."""
        rows = self._read('SELECT report FROM rollouts WHERE rollout_id = ?', (rollout_id,))
        if not rows:
            return None
        events = self._read(
            'SELECT event FROM events WHERE rollout_id = ? ORDER BY id', (rollout_id,)
        )
        return {**json.loads(rows[0][0]), 'events': [json.loads(row[0]) for row in events]}

    def _read(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise JournalError(self._path, error) from error

    # With no transaction open every statement is one of its own.
    _write = _read


def _summary(*row: Any) -> RolloutSummary:
    rollout_id, model_id, version, strategy, started, ended, status, *others = row
    return RolloutSummary(
        rollout_id, model_id, version, strategy, started, ended, Status(status), *others
    )


# A row stays in its place: clocks may be set back, the order of rows is that of beginnings.
_PUT_ROLLOUT = (
    'INSERT INTO rollouts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) '
    'ON CONFLICT (rollout_id) DO UPDATE SET started = excluded.started, ended = excluded.ended, '
    'status = excluded.status, reason = excluded.reason, state = excluded.state, '
    'report = excluded.report'
)


def _rollout_row(state: RolloutState, report: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        state.rollout_id,
        state.plan.model_id,
        state.plan.version,
        state.plan.strategy.value,
        state.started,
        state.ended,
        state.status.value,
        state.reason,
        state.model_dump_json(),
        json.dumps(report),
    )
