# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Trials from tables of other people: one task per line, or counts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.cli.files.column_store import Floats
from hotswap_ros.cli.files.columns import TASK_COLUMNS, Match
from hotswap_ros.cli.files.open_table import Progress
from hotswap_ros.cli.files.table import Table, read_table
from hotswap_ros.cli.files.task_ids import find_ids
from hotswap_ros.cli.files.times import read_times
from hotswap_ros.gates.analysis import AnalysisError, Names, Records, Trial
from hotswap_ros.models import succeeded
from hotswap_ros.text import count, few


def read_trial(
    path: Path,
    choices: Iterable[str] = (),
    model: str = '',
    success_at: float | None = None,
    progress: Progress | None = None,
) -> Trial:
    """
    Read a trial: one task per line, or, with a column `tasks`, counts per line.

    Required are the columns `version` and `success`, or `version`, `tasks` and `successes`.
    `choices` name columns, as texts of `--column`. With several models, `model` is read alone. A
    task with a number from 0 to 1 in place of an outcome succeeded from `success_at` on. Raises
    AnalysisError.
    """
    table = read_table(path, TASK_COLUMNS, choices, progress)
    if not table.rows:
        raise AnalysisError(f'{path.name} has no rows')
    return _TrialReader(table, model, success_at).read()


class _TrialReader:
    def __init__(self, table: Table, model: str, success_at: float | None) -> None:
        self.table = table
        self.file = table.source.path.name
        self.model = model
        self.success_at = success_at
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.used: dict[str, Match] = {}
        #: Those of the model that is read.
        self.rows = np.ones(table.rows, bool)

    def read(self) -> Trial:
        table = self.table
        version = self._version()
        versions = self._text('version', version)
        robots = self._text('robot_id', self._first('robot_id'))
        self.rows = self._rows_of_model(version, versions)
        times = read_times(table, robots)
        for match in times.columns:
            self.used.setdefault('started', match)
        latency = table.durations(self._first('latency_ms'))
        tasks, successes, stuck, outcomes = self._outcomes(versions)
        error = self._text('error', self._first('error'))
        progress = self._progress(outcomes)
        interventions = self.table.amounts(self._first('interventions'))
        duration = times.duration or self._first('duration_s')
        if duration is not None:
            self.used['duration_s'] = duration
        duration_s = table.durations(duration)
        category = self._first('category', without_seldom=True)
        categories = self._text('category', category)
        cells: list[NDArray[Any]] = [
            tasks,
            outcomes,
            stuck,
            categories.codes,
            error.codes,
            latency,
            progress,
            interventions,
            duration_s,
        ]
        ids = find_ids(table, self.rows, versions, robots, cells, times.started)
        if ids.match is not None:
            self.used['task_id'] = ids.match
        kinds = ids.kinds if ids.kinds in table.candidates('task_id') else None
        if category is None and not table.is_chosen('category'):
            seldom = table.first('category')
            column = seldom if seldom and seldom.index != _index(ids.match) else kinds
            if column is not None:
                categories = self._text('category', column)
        records = Records(
            version=versions,
            tasks=tasks,
            successes=successes,
            stuck=stuck,
            robot_id=robots,
            category=categories,
            time=times.started,
            task_id=table.ids(ids.match),
            error=error,
            latency_ms=latency,
            progress=progress,
            duration_s=duration_s,
            interventions=interventions,
        )
        kept = ids.kept & self.rows
        if not kept.all():
            records = records.take(kept)
        self.notes += [*times.notes, *ids.notes]
        self.warnings += ids.warnings
        notes = [f'{records.counts.tasks:,} tasks from {self.file}', self._columns(versions)]
        notes += [*table.notes, *self.notes]
        return Trial.of(records, notes=notes, warnings=self.warnings)

    def _first(self, role: str, *, without_seldom: bool = False) -> Match | None:
        taken = {match.index for match in self.used.values()}
        some = [one for one in self.table.candidates(role) if one.index not in taken]
        if without_seldom:
            some = [one for one in some if not one.is_seldom]
        match = some[0] if some else None
        if match is not None:
            self.used[role] = match
        return match

    def _text(self, role: str, match: Match | None) -> Names:
        if match is not None:
            self.used[role] = match
        return self.table.text(match)

    def _version(self) -> Match:
        """Return the column of the versions: one with several values, if there is one."""
        some = self.table.candidates('version')
        if not some:
            raise self._missing('version')
        clear = [one for one in some if not one.is_seldom] or some
        several = [one for one in clear if len(_values(self.table.text(one))) > 1]
        match = several[0] if several else clear[0]
        self.used['version'] = match
        others = [one for one in some if len(_values(self.table.text(one))) > 1]
        if not several and others and not self.table.is_chosen('version'):
            names = few(_values(self.table.text(others[0])), 4)
            raise AnalysisError(
                f"{self.file}: column '{match.title}' names one version only "
                f'({_values(self.table.text(match))[0]}). To compare the values of '
                f"'{others[0].title}' ({names}), add --column 'version={others[0].title}'"
            )
        versions = self.table.text(match)
        nameless = np.flatnonzero(versions.equal(''))
        if len(nameless):
            what = 'is no version: name the version that acted'
            raise self.table.error(match, int(nameless[0]), '', what)
        return match

    def _rows_of_model(self, version: Match, versions: Names) -> NDArray[np.bool_]:
        """Return the rows of the wanted model. Raises AnalysisError if it must be named."""
        rows = self.rows
        match = self._first('model_id')
        if match is None:
            return rows
        models = self.table.text(match)
        pairs = np.unique(np.stack([versions.codes, models.codes]), axis=1)
        mixed = len(pairs[0]) > len(np.unique(pairs[0]))
        if self.model:
            rows = models.equal(self.model)
        if mixed and not self.model and self.table.is_chosen('version'):
            self.warnings.append(f"The tasks are of several models (column '{match.title}').")
        elif (mixed and not self.model) or not rows.any():
            found = few(sorted(_values(models)), 8)
            raise AnalysisError(
                f"{self.file} has the models {found} in column '{match.title}': name one with "
                '--model, or say that it names none: --column model_id='
            )
        return rows

    def _outcomes(
        self, versions: Names
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Floats]:
        """Return tasks, successes, stuck tasks and the outcomes as written."""
        counted = self._first('tasks', without_seldom=self.table.first('success') is not None)
        needed = self._first('successes') if counted else None
        if counted and needed:
            return self._counts(counted, needed)
        self.used.pop('tasks', None)
        match = self._first('success')
        inverse = None if match else self._first('failed')
        if match is None and inverse is None:
            raise self._missing('successes' if counted else 'success')
        outcomes = self.table.yes_no(match or inverse)
        known = ~np.isnan(outcomes)
        won = self._won(match or inverse, outcomes)  # type: ignore[arg-type]
        if inverse is not None:
            won = known & ~won
        stuck = self.table.yes_no(self._first('stuck')) > 0
        self._tell_unknown(versions, self.rows & ~known)
        n = int((won & stuck & self.rows).sum())
        if n:
            self.warnings.append(
                f'{n:,} tasks are marked as succeeded and as stuck: they count as failed.'
            )
        won = np.fromiter(map(succeeded, won.tolist(), stuck.tolist()), bool, len(won))
        ones = np.ones(self.table.rows, np.int64)
        return ones, won.astype(np.int64), stuck.astype(np.int64), outcomes

    def _won(self, match: Match, outcomes: Floats) -> NDArray[np.bool_]:
        """Return whether tasks succeeded. Partial credit is no success, unless asked for."""
        if self.success_at is not None:
            self.notes.append(f"success: '{match.title}' of {self.success_at:g} or more")
            return np.asarray(outcomes >= self.success_at)
        what = (
            'is neither yes nor no: write true or false, or say from which number on a task '
            'succeeded, with --success-at'
        )
        self.table.refuse(match, self.rows & ((outcomes < 0) | (outcomes > 1)), what)
        partial = self.rows & (outcomes > 0) & (outcomes < 1)
        if partial.any() and not (self.rows & (outcomes == 1)).any():
            own = outcomes[self.rows]
            raise AnalysisError(
                f"{self.file}: column '{match.title}' has numbers from "
                f'{np.nanmin(own):g} to {np.nanmax(own):g}, and none is a full success: '
                'say from which number on a task succeeded, with --success-at'
            )
        if partial.any():
            self.warnings.append(
                f"{int(partial.sum()):,} tasks have partial credit in '{match.title}', and count "
                'as failed. Choose another limit with --success-at.'
            )
        return np.asarray(outcomes == 1)

    def _progress(self, outcomes: Floats) -> Floats:
        """Return the progress of tasks: a column of its own, or partial credit as an outcome."""
        match = self._first('progress')
        if match is not None:
            return self.table.shares(match)
        is_share = (outcomes >= 0) & (outcomes <= 1)
        is_partial = is_share & (outcomes > 0) & (outcomes < 1)
        if 'success' in self.used and is_partial.any() and is_share[~np.isnan(outcomes)].all():
            return outcomes
        return np.full(self.table.rows, np.nan)

    def _tell_unknown(self, versions: Names, unknown: NDArray[np.bool_]) -> None:
        if not unknown.any():
            return
        n = np.bincount(versions.codes[unknown], minlength=len(versions.names))
        by_version = ', '.join(f'{name} {k:,}' for name, k in zip(versions.names, n) if k)
        self.warnings.append(
            f'{int(unknown.sum()):,} tasks have no outcome, and count as failed ({by_version}).'
        )

    def _counts(
        self, counted: Match, won: Match
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Floats]:
        tasks, successes = self.table.counts(counted), self.table.counts(won)
        stuck, failed = self.table.counts(self._first('stuck')), tasks - successes
        refuse = self.table.refuse
        what = 'says not how many of the {} tasks of the line succeeded: write a number'
        refuse(won, self.table.unknown(won) & (tasks > 0), what, tasks)
        refuse(won, failed < 0, 'is more than the {} tasks of the line', tasks)
        what = 'is more than the {} failed tasks of the line'
        refuse(self.used.get('stuck'), stuck > failed, what, failed)
        return tasks, successes, stuck, np.asarray(successes, np.float64)

    def _missing(self, role: str) -> AnalysisError:
        column = next(one for one in TASK_COLUMNS if one.name == role)
        names = ', '.join((*column.names, *column.seldom)[:6])
        empty = self.table.empty(role)
        if empty is not None:
            return AnalysisError(f"{self.file}: column '{empty.title}' is empty, but required")
        return AnalysisError(
            f"{self.file} has no column '{role}' (found: {', '.join(self.table.titles)}): name it "
            f"{role}, {names}, or say which one it is: --column '{role}=HEADER'"
        )

    def _columns(self, versions: Names) -> str:
        """Return which column was taken for what."""
        order = [column.name for column in TASK_COLUMNS]
        parts = [
            f"{role} = column '{self.used[role].title}'"
            for role in sorted(self.used, key=order.index)
        ]
        parts[0] += f' ({count(len(_values(versions)), "version")})'
        taken = {match.index for match in self.used.values()}
        left = [title for index, title in enumerate(self.table.titles) if index not in taken]
        text = '; '.join(parts)
        return f'{text}; not used: {few(left, 8)}' if left else text


def _values(column: Names) -> list[str]:
    return [name for name in column.seen() if name]


def _index(match: Match | None) -> int:
    return -1 if match is None else match.index
