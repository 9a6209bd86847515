# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap journal backup` and `hotswap journal prune`."""

from __future__ import annotations

import time
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from hotswap_ros.cli.terminal import PlainConsole
from hotswap_ros.coordinator import (
    Journal,
    JournalError,
    JournalHeldError,
    Pruned,
    Retention,
    back_up,
    journal_path,
    prune,
    read_journal,
    refuse_foreign,
)
from hotswap_ros.plan import Duration
from hotswap_ros.text import count

#: Pause in seconds after each transaction: a coordinator that runs writes in between.
_PAUSE_S = 0.02
_MB = 1_000_000


def run_backup(console: Console, file: Path, journal: Path | None, keep: int) -> int:
    """Back the journal up, and keep this many backups; return the exit code."""
    source = journal or Path(journal_path())
    try:
        size = back_up(source, file, keep)
    except JournalError as error:
        return _refused(error)
    console.print(
        f'Written and verified: {file}, {size / _MB:.1f} MB, from {source}',
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return 0


def run_prune(
    console: Console,
    older_than: str,
    keep_rollouts: int,
    max_size: int,
    journal: Path | None,
    *,
    is_dry: bool,
) -> int:
    """Delete old rollouts, or say which; return the exit code."""
    retention = Retention(_seconds(older_than), keep_rollouts, max_size * _MB)
    if not retention.is_on:
        raise SystemExit(
            'hotswap: nothing says what to delete: give --older-than, --keep-rollouts or '
            '--max-size'
        )
    source = journal or Path(journal_path())
    try:
        if is_dry:
            with read_journal(source) as copy:
                _tell(console, prune(copy, retention, time.time()), retention, is_dry=True)
        else:
            _prune(console, source, retention)
    except JournalError as error:
        return _refused(error)
    return 0


def _prune(console: Console, source: Path, retention: Retention) -> None:
    refuse_foreign(source)
    journal = Journal(source, may_be_new=False)
    try:
        is_free = _is_free(journal)
        pruned = prune(journal, retention, time.time(), lambda: _pause(is_free))
        _tell(console, pruned, retention, is_dry=False)
        if is_free:
            journal.shrink()
        else:
            console.print(
                'A coordinator runs: the file keeps its size, and its room is used again'
            )
    finally:
        journal.close()


def _is_free(journal: Journal) -> bool:
    """Keep coordinators out while it is pruned; return whether none runs."""
    try:
        journal.hold()
    except JournalHeldError:
        return False
    return True


def _pause(is_free: bool) -> bool:
    if not is_free:
        time.sleep(_PAUSE_S)
    return False


def _tell(console: Console, pruned: Pruned, retention: Retention, *, is_dry: bool) -> None:
    for rollout_id in pruned.rollouts:
        console.print(rollout_id, markup=False, highlight=False)
    what = f'{count(len(pruned.rollouts), "rollout")} and {count(pruned.events, "other event")}'
    would = 'would be deleted' if is_dry else 'deleted'
    sizes = f'{pruned.bytes_before / _MB:.1f} MB before, {pruned.bytes_after / _MB:.1f} MB after'
    console.print(f'{what} {would}: {sizes}', highlight=False)
    if retention.max_bytes and pruned.bytes_after > retention.max_bytes:
        console.print('The rest is still needed, and is larger than --max-size', highlight=False)


def _seconds(older_than: str) -> float:
    if not older_than:
        return 0.0
    try:
        return TypeAdapter(Duration).validate_python(older_than).total_seconds()
    except ValidationError as error:
        why = error.errors()[0]['msg'].removeprefix('Value error, ')
        raise SystemExit(f"hotswap: --older-than '{older_than[:60]}': {why[:200]}") from error


def _refused(error: JournalError) -> int:
    told = PlainConsole(stderr=True)
    told.print(f'hotswap: {error}', markup=False, highlight=False, soft_wrap=True)
    return 1
