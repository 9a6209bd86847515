# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Journal of the coordinator: one SQLite file, written before a command is sent to a robot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from hotswap_ros.coordinator.journal_errors import JournalDamagedError, JournalError, reads_rows
from hotswap_ros.coordinator.journal_file import JournalFile
from hotswap_ros.coordinator.journal_rows import (
    PUT_ROLLOUT,
    SELECT_HAD,
    rollback_row,
    rollout_row,
)
from hotswap_ros.coordinator.rollback.state import ROLLBACK, RollbackState
from hotswap_ros.coordinator.rollback.unconfirmed import PendingRollback
from hotswap_ros.coordinator.rollback.verification import VerificationState
from hotswap_ros.coordinator.views import RolloutSummary
from hotswap_ros.fleet.desired import Desired
from hotswap_ros.fleet.events import SETTLED, Event
from hotswap_ros.limits import NONCES
from hotswap_ros.plan import AS_STORED, Rehearsal
from hotswap_ros.rollout.migration import read_older
from hotswap_ros.rollout.robot_progress import Mark
from hotswap_ros.rollout.state import RolloutState
from hotswap_ros.rollout.status import Status

_State = TypeVar('_State', bound=BaseModel)
_DESIRED = TypeAdapter(Desired)
_UNREADABLE = 'it holds a rollout or rollback that this release cannot read'
_REMEDY_UNREADABLE = (
    'let the release that wrote it finish or abort what is running, or give this coordinator '
    "another file in parameter 'journal'"
)

#: Number of undelivered alerts that are published after a restart: older ones are in the reports.
UNTOLD = 100


class Journal(JournalFile):
    """
    Keeps rollouts and ordered rollbacks, their events, and what every robot should serve.

    After `commit` the data are on the disk. One thread uses it. Raises JournalError.
    """

    @reads_rows
    def next_epoch(self, now: float) -> int:
        """
        Return an epoch that is higher than at any earlier start.

        It is `now` in microseconds, so that robots obey a coordinator with a new journal, two that
        start together differ, and generations counted from one epoch do not reach the next.
        """
        rows = self.execute(
            'INSERT INTO meta VALUES (?1, ?2, row_sum(?1, ?2)) ON CONFLICT (key) DO UPDATE '
            'SET value = max(value + 1, excluded.value), '
            'sum = row_sum(key, max(value + 1, excluded.value)) RETURNING value',
            ('epoch', int(now * 1e6)),
        )
        return int(rows[0][0])

    def commit(
        self,
        rollouts: Iterable[tuple[RolloutState, Mapping[str, Any]]] = (),
        events: Iterable[Event] = (),
        desired: Iterable[Desired] = (),
        rehearsals: Mapping[tuple[str, str], Rehearsal] | None = None,
        rollbacks: Iterable[RollbackState] = (),
        verifications: Iterable[VerificationState] = (),
        told: int = 0,
    ) -> int:
        """
        Write states with their reports, events and desired routings: all of it or nothing.

        `rehearsals` are confirmed rollbacks, by model and robot. Events up to the number `told`
        have been published. Returns the number of the last event.
        """
        with self.transaction():
            for state, report in rollouts:
                self._db.execute(PUT_ROLLOUT, rollout_row(state, report))
            self._db.executemany(PUT_ROLLOUT, map(rollback_row, rollbacks))
            self._db.executemany(
                'INSERT OR REPLACE INTO aftermaths VALUES (?1, ?2, ?3, row_sum(?1, ?2, ?3))',
                [(v.rollout_id, v.model_dump_json(), v.is_done) for v in verifications],
            )
            self._db.executemany(
                'INSERT INTO events (rollout_id, event, sum) VALUES (?1, ?2, row_sum(?1, ?2))',
                [(e.rollout_id, e.model_dump_json(exclude={'rollout_id'})) for e in events],
            )
            self._db.executemany(
                'INSERT OR REPLACE INTO desired VALUES (?1, ?2, ?3, row_sum(?1, ?2, ?3))',
                [
                    (e.routing.model_id, e.robot_id, _DESIRED.dump_json(e).decode())
                    for e in desired
                ],
            )
            self._db.executemany(
                'INSERT OR REPLACE INTO rehearsals '
                'VALUES (?1, ?2, ?3, ?4, row_sum(?1, ?2, ?3, ?4))',
                [(*key, found.ended, found.seconds) for key, found in (rehearsals or {}).items()],
            )
            self._db.execute(
                'UPDATE meta SET value = max(value, ?1), sum = row_sum(key, max(value, ?1)) '
                "WHERE key = 'told' AND value < ?1",
                (told,),
            )
            (last,) = self._db.execute('SELECT coalesce(max(id), 0) FROM events').fetchone()
        return int(last)

    @reads_rows
    def desired(self) -> list[Desired]:
        """Return what every robot should serve."""
        rows = self.execute('SELECT entry FROM desired')
        return [_DESIRED.validate_json(row[0]) for row in rows]

    @reads_rows
    def rehearsals(self, model_id: str) -> dict[str, Rehearsal]:
        """Return the last rollback that each robot of a model confirmed."""
        rows = self.execute(
            'SELECT robot_id, ended, seconds FROM rehearsals WHERE model_id = ?', (model_id,)
        )
        return {robot_id: Rehearsal(ended, seconds) for robot_id, ended, seconds in rows}

    @reads_rows
    def active(self) -> list[RolloutState]:
        """Return the rollouts that have not ended."""
        return [self._parse(RolloutState, row[0]) for row in self._open('!=')]

    @reads_rows
    def active_rollbacks(self) -> list[RollbackState]:
        """Return the ordered rollbacks that have not ended."""
        return [self._parse(RollbackState, row[0]) for row in self._open('=')]

    @reads_rows
    def rollback_of(self, nonce: str) -> RollbackState | None:
        """Return the ordered rollback with this mark, of the newest ones; None: none has it."""
        rows = self.execute(
            'SELECT state FROM (SELECT state FROM rollouts WHERE strategy = ? ORDER BY rowid DESC '
            "LIMIT ?) WHERE json_extract(state, '$.nonce') = ?",
            (ROLLBACK, NONCES, nonce),
        )
        return self._parse(RollbackState, rows[0][0]) if rows else None

    def _open(self, is_rollback: str) -> list[Any]:
        sql = f'SELECT state FROM rollouts WHERE ended IS NULL AND strategy {is_rollback} ?'
        return self.execute(f'{sql} ORDER BY rowid', (ROLLBACK,))

    @reads_rows
    def verifications(self) -> list[VerificationState]:
        """Return the verifications that have not ended."""
        rows = self.execute('SELECT state FROM aftermaths WHERE NOT is_done ORDER BY rowid')
        return [self._parse(VerificationState, row[0]) for row in rows]

    @reads_rows
    def untold(self) -> tuple[list[Event], int]:
        """Return the newest alerts that were not published, and the number of the last one."""
        rows = self.execute(
            'SELECT id, rollout_id, event FROM events '
            "WHERE id > (SELECT value FROM meta WHERE key = 'told') "
            "AND json_extract(event, '$.alert') ORDER BY id DESC LIMIT ?",
            (UNTOLD,),
        )
        found = [Event(**{**json.loads(event), 'rollout_id': name}) for _, name, event in rows]
        return found[::-1], rows[0][0] if rows else 0

    @reads_rows
    def latest(self) -> RolloutState | None:
        """Return the newest rollout, ended or not."""
        sql = 'SELECT state FROM rollouts WHERE strategy != ? ORDER BY rowid DESC LIMIT 1'
        rows = self.execute(sql, (ROLLBACK,))
        return self._parse(RolloutState, rows[0][0]) if rows else None

    @reads_rows
    def history(self, limit: int = 0) -> list[RolloutSummary]:
        """Return the rollouts, newest first; all of them for a limit of 0."""
        rows = self.execute(
            'SELECT rollout_id, model_id, version, strategy, started, ended, status, reason, '
            "coalesce(json_extract(report, '$.robots_total'), 0), "
            "coalesce(json_array_length(report, '$.robots_failed'), 0), "
            "coalesce(json_extract(report, '$.tasks'), 0), "
            "coalesce(json_extract(report, '$.rolls_back'), '') "
            'FROM rollouts ORDER BY rowid DESC LIMIT ?',
            (limit or -1,),
        )
        found = (RolloutSummary(*row) for row in rows)
        return [replace(summary, status=Status(summary.status)) for summary in found]

    @reads_rows
    def report(self, rollout_id: str) -> dict[str, Any] | None:
        """Return the evidence of a rollout with its events, None when there is none of that id."""
        rows = self.execute('SELECT report FROM rollouts WHERE rollout_id = ?', (rollout_id,))
        if not rows:
            return None
        events = self.execute(
            'SELECT event FROM events WHERE rollout_id = ? ORDER BY id', (rollout_id,)
        )
        found = {**json.loads(rows[0][0]), 'events': [json.loads(row[0]) for row in events]}
        if found.get('rollback'):
            found['rollback']['verified'] = self._verified(rollout_id)
            settled = _settled(found['events'])
            left = [name for name in found['rollback']['unconfirmed'] if name not in settled]
            found['rollback']['unconfirmed'] = left
        return found

    @reads_rows
    def versions_had(self, model_id: str) -> set[str]:
        """Return the versions of a model that robots had in rollouts and rollbacks, or before."""
        return {row[0] for row in self.execute(SELECT_HAD, (model_id,))} - {''}

    @reads_rows
    def marks(self, rollout_id: str) -> dict[tuple[str, str], Mark]:
        """Return the marks of a rollout by robot and version, see Mark."""
        rows = self.execute(
            'SELECT version, state FROM rollouts WHERE rollout_id = ? AND strategy != ?',
            (rollout_id, ROLLBACK),
        )
        # Not the whole state: an order must not fail because a rollout of long ago is unreadable.
        return {
            (robot_id, version): Mark.model_validate(record['mark'])
            for version, state in rows
            for robot_id, record in read_older(json.loads(state)).get('robots', {}).items()
            if record.get('mark') is not None
        }

    @reads_rows
    def pending_rollbacks(self) -> list[PendingRollback]:
        """Return the rollbacks that have ended and that robots have not confirmed."""
        rows = self.execute(
            'SELECT rollout_id, model_id, CASE strategy WHEN ? '
            "THEN json_extract(state, '$.targets') ELSE json_extract(report, '$.previous') END "
            'FROM rollouts WHERE ended IS NOT NULL '
            "AND json_array_length(report, '$.rollback.unconfirmed') > 0 ORDER BY rowid",
            (ROLLBACK,),
        )
        return [found for row in rows if (found := self._pending(*row)).robots]

    def _pending(self, rollout_id: str, model_id: str, versions: str) -> PendingRollback:
        report = self.report(rollout_id)
        names = [] if report is None else report['rollback']['unconfirmed']
        serves = json.loads(versions)
        return PendingRollback(
            rollout_id, model_id, {name: _stable(serves[name]) for name in names}
        )

    def _verified(self, rollout_id: str) -> dict[str, Any] | None:
        rows = self.execute('SELECT state FROM aftermaths WHERE rollout_id = ?', (rollout_id,))
        return self._parse(VerificationState, rows[0][0]).report() if rows else None

    def _parse(self, kind: type[_State], text: str) -> _State:
        try:
            return kind.model_validate_json(text, context=AS_STORED)
        except ValidationError as error:
            if error.errors()[0]['type'] == 'json_invalid':
                raise JournalDamagedError(self._path, 'a row is no JSON') from error
            raise JournalError(self._path, _UNREADABLE, _REMEDY_UNREADABLE) from error


def _settled(events: Iterable[Mapping[str, Any]]) -> set[str]:
    return {name for event in events if event['kind'] in SETTLED for name in event['robots']}


def _stable(serves: Any) -> str:
    """Return the version of a robot, which a rollout names and a rollback has with its routing."""
    return str(serves if isinstance(serves, str) else serves['routing']['stable'])
