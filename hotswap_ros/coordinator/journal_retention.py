# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Retention: which old rollouts leave the journal, oldest first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hotswap_ros.coordinator.journal import UNTOLD, Journal
from hotswap_ros.coordinator.rollback.state import ROLLBACK

#: Events of no rollout that one transaction deletes.
_EVENTS = 500

#: The events whose alerts were not published and will be, see Journal.untold.
_TO_TELL = (
    "SELECT id FROM events WHERE id > (SELECT value FROM meta WHERE key = 'told') "
    f"AND json_extract(event, '$.alert') ORDER BY id DESC LIMIT {UNTOLD}"
)
#: Rollouts that have ended, without an open verification or alerts to come out. The one with the
#: last event stays: the number of that would be given again.
_IS_OVER = (
    'ended IS NOT NULL '
    'AND rollout_id NOT IN (SELECT rollout_id FROM aftermaths WHERE NOT is_done) '
    f'AND rollout_id NOT IN (SELECT rollout_id FROM events WHERE id IN ({_TO_TELL})) '
    'AND rollout_id NOT IN '
    '(SELECT rollout_id FROM events WHERE id = (SELECT max(id) FROM events))'
)
#: The newest rollout is shown after a restart; the newest that succeeded is what the next rollback
#: reverses, unless one has: the row of that stays with it.
_NEWEST = (
    'SELECT max(rowid) FROM rollouts WHERE strategy != ?1 '
    "UNION ALL SELECT max(rowid) FROM rollouts WHERE status = 'succeeded' GROUP BY model_id"
)


@dataclass(frozen=True)
class Retention:
    """
    What the journal keeps; 0: no limit.

    What is older than `older_than_s` seconds goes, and so does what is beyond the newest
    `keep_rollouts` (ordered rollbacks count), or too much for `max_bytes` in use.
    """

    older_than_s: float = 0.0
    keep_rollouts: int = 0
    max_bytes: int = 0

    @property
    def is_on(self) -> bool:
        """Return whether there is a limit."""
        return bool(self.older_than_s or self.keep_rollouts or self.max_bytes)


@dataclass
class Pruned:
    """
    What a prune deleted: ids of rollouts and rollbacks, oldest first, and events of no rollout.

    `bytes_before` and `bytes_after` are those in use in the file.
    """

    rollouts: list[str]
    events: int
    bytes_before: int
    bytes_after: int


def prune(
    journal: Journal,
    retention: Retention,
    now: float,
    pause: Callable[[], bool] = lambda: False,
) -> Pruned:
    """
    Delete what is beyond a retention, each rollout in a transaction of its own.

    `now` is in seconds since 1970. `pause` is called after each transaction, so that a coordinator
    can write; it returns whether to stop. Kept are rollouts under way, those with robots that have
    not confirmed a rollback, with an open verification or with alerts to come out, the newest one,
    and of each model the newest that succeeded, with a rollback that reversed it. The file keeps
    its size: SQLite uses deleted pages again. Raises JournalError.
    """
    pruned = Pruned([], 0, journal.bytes(), journal.bytes())
    beyond = _beyond(journal, retention, now)
    for rollout_id, is_beyond in _over(journal, beyond):
        if not is_beyond and not _is_too_large(journal, retention):
            continue
        if _delete(journal, rollout_id):
            pruned.rollouts.append(rollout_id)
        if pause():
            break
    else:
        pruned.events = _delete_events(journal, retention, now, pause)
    pruned.bytes_after = journal.bytes()
    return pruned


def oldest(journal: Journal) -> float | None:
    """Return when the oldest rollout in the journal began, seconds since 1970; None: none."""
    ((found,),) = journal.execute('SELECT min(started) FROM rollouts')
    return None if found is None else float(found)


def _is_too_large(journal: Journal, retention: Retention) -> bool:
    return bool(retention.max_bytes) and journal.bytes() > retention.max_bytes


def _beyond(journal: Journal, retention: Retention, now: float) -> set[str]:
    """Return the rollouts that are too old or too many."""
    found: set[str] = set()
    if retention.older_than_s:
        before = now - retention.older_than_s
        rows = journal.execute('SELECT rollout_id FROM rollouts WHERE ended < ?', (before,))
        found.update(name for (name,) in rows)
    if retention.keep_rollouts:
        rows = journal.execute(
            'SELECT rollout_id FROM rollouts ORDER BY rowid DESC LIMIT -1 OFFSET ?',
            (retention.keep_rollouts,),
        )
        found.update(name for (name,) in rows)
    return found


def _over(journal: Journal, beyond: set[str]) -> list[tuple[str, bool]]:
    """Return the rollouts that nothing needs, oldest first, and whether each is beyond limits."""
    needed = {pending.rollout_id for pending in journal.pending_rollbacks()}
    rows = journal.execute(
        f'SELECT rollout_id FROM rollouts WHERE {_IS_OVER} '
        f'AND rowid NOT IN ({_NEWEST}) '
        "AND coalesce(json_extract(report, '$.rolls_back'), '') NOT IN "
        f'(SELECT rollout_id FROM rollouts WHERE rowid IN ({_NEWEST})) ORDER BY rowid',
        (ROLLBACK,),
    )
    return [(name, name in beyond) for (name,) in rows if name not in needed]


def _delete(journal: Journal, rollout_id: str) -> bool:
    """Delete a rollout with its events, unless something has come to need it."""
    with journal.transaction():
        found = journal.execute(
            f'DELETE FROM rollouts WHERE rollout_id = ? AND {_IS_OVER} RETURNING rowid',
            (rollout_id,),
        )
        if found:
            journal.execute('DELETE FROM events WHERE rollout_id = ?', (rollout_id,))
            journal.execute('DELETE FROM aftermaths WHERE rollout_id = ?', (rollout_id,))
    return bool(found)


def _delete_events(
    journal: Journal, retention: Retention, now: float, pause: Callable[[], bool]
) -> int:
    """Delete the events of no rollout that are too old, or older than every rollout kept."""
    limits = [now - retention.older_than_s] if retention.older_than_s else []
    began = oldest(journal)
    if began is not None and (retention.keep_rollouts or retention.max_bytes):
        limits.append(began)
    deleted = 0
    while limits:
        with journal.transaction():
            found = journal.execute(
                'DELETE FROM events WHERE id IN (SELECT id FROM events '
                'WHERE rollout_id NOT IN (SELECT rollout_id FROM rollouts) '
                "AND json_extract(event, '$.time') < ? "
                f'AND id NOT IN ({_TO_TELL}) AND id < (SELECT max(id) FROM events) '
                'ORDER BY id LIMIT ?) RETURNING id',
                (max(limits), _EVENTS),
            )
        deleted += len(found)
        if len(found) < _EVENTS or pause():
            break
    return deleted
