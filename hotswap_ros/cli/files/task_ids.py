# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The ids of tasks in a table, and lines that are there twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotswap_ros.cli.files.columns import Match
from hotswap_ros.cli.files.table import Table
from hotswap_ros.gates.analysis import AnalysisError, Names

#: A column whose values stand in fewer lines than this, on average, may be an id.
_LINES_PER_ID = 1.5
#: Kinds of tasks are words, and few.
_MOST_KINDS = 100


class Ids(NamedTuple):
    """The ids, the lines to keep, what was found, and a column that names kinds of tasks."""

    match: Match | None
    kept: NDArray[np.bool_]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    kinds: Match | None = None


def find_ids(
    table: Table,
    rows: NDArray[np.bool_],
    versions: Names,
    robots: Names,
    cells: Sequence[NDArray[Any]],
    times: Any,
) -> Ids:
    """
    Return the column that names every task, and the lines that repeat another one.

    `rows` are those of the model that is read, `cells` all understood columns as numbers, `times`
    the starts. An id is that of one task of
    a version on a robot. A line that repeats all cells is left out. A column whose values repeat
    with other contents in most lines is no id. Raises AnalysisError if few do: then one task has
    two outcomes.
    """
    notes: list[str] = []
    kinds = None
    for match in table.candidates('task_id'):
        texts = table.ids(match)
        codes = pd.factorize(texts)[0]
        found = _Repeats(codes, rows & (texts != ''), versions, robots, cells, times)
        if found.is_id or table.is_chosen('task_id'):
            return found.checked(table, match, tuple(notes))
        notes.append(
            f"column '{match.title}' is no id: {found.values:,} values in {found.lines:,} lines; "
            'every line counts as a task'
        )
        is_word = found.values <= _MOST_KINDS and any(char.isalpha() for char in texts[0])
        kinds = kinds or (match if is_word else None)
    return Ids(None, np.ones(table.rows, bool), tuple(notes), (), kinds)


class _Repeats:
    """The lines that share an id, a version and a robot."""

    def __init__(
        self,
        codes: NDArray[Any],
        named: NDArray[np.bool_],
        versions: Names,
        robots: Names,
        cells: Sequence[NDArray[Any]],
        times: Any,
    ) -> None:
        self._named = named
        self._has_times = not np.isnan(times).all()
        self.lines = int(named.sum())
        self.values = len(np.unique(codes[named]))
        self.again = np.zeros(len(codes), bool)
        self._repeated = np.zeros(len(codes), bool)
        self._tasks, self.reused = self.lines, 0
        keys = pd.DataFrame({'id': codes, 'version': versions.codes, 'robot': robots.codes})
        rows = np.flatnonzero(keys.duplicated(keep=False).to_numpy() & named)
        if not len(rows):
            return
        keys = keys.iloc[rows].assign(time=times[rows])
        whole = keys.assign(**{f'c{n}': column[rows] for n, column in enumerate(cells)})
        again = whole.duplicated().to_numpy()
        # The same id at another time is another task: robots count from 1 after each start.
        task = _group(keys)
        n = np.bincount(task[~again])
        self.again[rows] = again
        self._repeated[rows] = ~again & (n[task] > 1)
        self._task = np.full(len(codes), -1)
        self._task[rows] = task
        self._tasks = self.lines - len(rows) + len(n)
        self.reused = len(n) - len(np.unique(_group(keys.drop(columns='time'))))

    @property
    def is_id(self) -> bool:
        """Return whether most values name one task."""
        if not self.lines:
            return False
        conflicts = self._repeated.sum() / self.lines
        per_task = self.lines / self._tasks
        # Without times, equal lines may be equal outcomes of several runs.
        return conflicts < 0.5 and (self._has_times or per_task < _LINES_PER_ID)

    def checked(self, table: Table, match: Match, notes: tuple[str, ...]) -> Ids:
        """Return the ids. Raises AnalysisError if an id has two outcomes."""
        rows = np.flatnonzero(self._repeated)
        if len(rows):
            first = rows[0]
            other = rows[self._task[rows] == self._task[first]][1]
            lines = ' and '.join(str(table.line(int(row))) for row in (first, other))
            n = len(np.unique(self._task[rows]))
            raise AnalysisError(
                f'{table.source.path.name}: {n:,} of {self._tasks:,} ids in column '
                f"'{match.title}' have lines that contradict each other, the first one is "
                f"'{table.ids(match)[first]}' in lines {lines}: a task has one outcome. Correct "
                'the lines, or, if they are different tasks, say that there is no id: --column '
                'task_id='
            )
        warnings = []
        n = int(self.again.sum())
        if n:
            warnings.append(
                f'{n:,} of {len(self.again):,} lines repeat another line with the same '
                f"'{match.title}', and were left out."
            )
        if self.reused:
            what = 'that are used again at another time, counted as tasks of their own'
            notes = (*notes, f"ids in '{match.title}' {what}: {self.reused:,}")
        return Ids(match, ~self.again, notes, tuple(warnings))


def _group(frame: pd.DataFrame) -> NDArray[Any]:
    """Return a number for each distinct row."""
    groups = frame.groupby(list(frame.columns), sort=False, dropna=False)
    return np.asarray(groups.ngroup())
