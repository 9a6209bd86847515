# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A thread that measures the journal, backs it up, and deletes what is beyond its retention."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from hotswap_ros.coordinator import (
    IN_MEMORY,
    Journal,
    JournalError,
    Retention,
    back_up,
    oldest,
    prune,
)
from hotswap_ros.nodes.coordinator.parameters import CoordinatorParameters
from hotswap_ros.text import count

#: Seconds between two measurements, and between two prunes.
_MEASURE_S = 60.0
_PRUNE_S = 3600.0
#: Pause in seconds after each transaction, in which the coordinator can write.
_PAUSE_S = 0.05
_DAY_S = 86_400.0
_HOUR_S = 3600.0
_MB = 1_000_000


class _Unchecked(Journal):
    """A journal that the coordinator has checked already: reading all of it takes seconds."""

    CHECK_BYTES = 0


class JournalKeeper:
    """
    Keeps the journal at its retention and backs it up, with a thread and a connection of its own.

    `log` gets a sentence for what was deleted. The thread that runs rollouts waits at most for the
    deletion of one rollout.
    """

    def __init__(
        self, path: str, parameters: CoordinatorParameters, log: Callable[[str], object]
    ) -> None:
        days, most = parameters.journal_keep_days, parameters.journal_max_mb
        self._path = path
        self._retention = Retention(days * _DAY_S, 0, most * _MB)
        self._log = log
        self._stopped = threading.Event()
        self._is_started = False
        limits = [f'{days:g} days'] * bool(days) + [f'{most} MB'] * bool(most)
        self._backup = Path(parameters.journal_backup) if parameters.journal_backup else None
        self._backup_s = parameters.journal_backup_hours * _HOUR_S
        self._backups = parameters.journal_backups
        self._told = {
            'journal retention': ', '.join(limits) or 'off',
            'journal backup': 'off' if self._backup is None else f'none yet in {self._backup}',
        }
        self._figures = self._told
        self._thread = threading.Thread(target=self._run, name='journal keeper', daemon=True)

    def start(self) -> None:
        """Start the thread, once; what has ended must be in the archive by then."""
        if self._path != IN_MEMORY and not self._is_started:
            self._is_started = True
            self._thread.start()

    @property
    def figures(self) -> Mapping[str, str]:
        """Return size, age and retention of the journal, for diagnostics."""
        return self._figures

    def stop(self, timeout_s: float = 1.0) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        prune_at = time.monotonic()
        while not self._stopped.is_set():
            is_due = self._retention.is_on and time.monotonic() >= prune_at
            try:
                self._back_up()
            except JournalError as error:
                self._told['journal backup'] = f'failed: {error}'
            try:
                self._look(is_due)
            except JournalError as error:
                self._figures = {**self._figures, 'journal error': str(error)}
            if is_due:
                prune_at = time.monotonic() + _PRUNE_S
            self._stopped.wait(_MEASURE_S)

    def _back_up(self) -> None:
        """Back the journal up if that is due; a restart alone is no reason for another one."""
        if self._backup is None:
            return
        age_s = _age_s(self._backup)
        if age_s >= self._backup_s:
            back_up(Path(self._path), self._backup, self._backups)
            age_s = 0.0
        self._told['journal backup'] = f'{self._backup}, {age_s / _HOUR_S:.1f} h old'

    def _look(self, is_due: bool) -> None:
        """Prune the journal if that is due, and measure it."""
        journal = _Unchecked(self._path)
        try:
            if is_due:
                self._prune(journal)
            began = oldest(journal)
            days = 0.0 if began is None else max(0.0, time.time() - began) / _DAY_S
            self._figures = {
                'journal MB': f'{journal.bytes() / _MB:.1f}',
                'journal days': f'{days:.1f}',
                **self._told,
            }
        finally:
            journal.close()

    def _prune(self, journal: Journal) -> None:
        pruned = prune(journal, self._retention, time.time(), lambda: self._stopped.wait(_PAUSE_S))
        if pruned.rollouts or pruned.events:
            rollouts, events = count(len(pruned.rollouts), 'rollout'), pruned.events
            self._log(
                f'journal: {rollouts} and {count(events, "other event")} beyond the retention '
                f'deleted, {pruned.bytes_after / _MB:.1f} MB in use'
            )


def _age_s(file: Path) -> float:
    """Return the age of a file in seconds; infinite: there is none, or a clock was set back."""
    try:
        age_s = time.time() - file.stat().st_mtime
    except OSError:
        return math.inf
    return age_s if age_s >= 0 else math.inf
