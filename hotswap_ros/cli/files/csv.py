# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Readers of CSV files from other tools: trials and other tables."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from hotswap_ros.gates.analysis import AnalysisError, Record, Trial

#: Accepted names of columns besides their own; case, spaces and signs do not matter.
_ALIASES = {
    'version': ('model_version', 'policy_version', 'policy', 'arm', 'variant', 'group'),
    'success': ('succeeded', 'outcome', 'result', 'ok'),
    'robot_id': ('robot', 'device_id', 'device'),
    'started': ('start', 'start_time', 'time', 'timestamp', 'stamp', 'date'),
    'ended': ('end', 'end_time', 'finished'),
    'duration_s': ('duration', 'seconds'),
    'category': ('task_category', 'task_type', 'type'),
    'task_id': ('task', 'id', 'episode', 'episode_id'),
    'stuck': ('abandoned',),
    'error': ('error_msg', 'failure', 'failure_reason'),
    'latency_ms': ('inference_ms', 'latency_p95_ms'),
    'tasks': ('n', 'count', 'trials', 'total'),
    'successes': ('successful', 'n_success', 'wins'),
}
_TRUE = {'1', 'true', 'yes', 'y', 'success', 'succeeded', 'successful', 'ok', 'pass', 'passed'}
_FALSE = {'0', 'false', 'no', 'n', 'failure', 'failed', 'fail', 'error', ''}


class Row(NamedTuple):
    """One line of a table, with file and line number for errors."""

    file: str
    line: int
    cells: Mapping[str, str]
    headers: Mapping[str, str]

    def text(self, column: str) -> str:
        """Return a cell as text; empty: the column is missing."""
        return self.cells.get(column, '')

    def number(self, column: str, otherwise: float = math.nan) -> float:
        """Return a cell as a number."""
        text = self.text(column)
        if not text:
            return otherwise
        try:
            value = float(text)
        except ValueError:
            raise self.wrong(column, 'is no number: write digits with a decimal point') from None
        if not math.isfinite(value):
            raise self.wrong(column, 'is not finite: leave the cell empty if unknown')
        return value

    def amount(self, column: str, otherwise: float = math.nan) -> float:
        """Return a cell as a number, zero or more."""
        value = self.number(column, otherwise)
        if value < 0:
            raise self.wrong(column, 'is negative')
        return value

    def whole(self, column: str, otherwise: int) -> int:
        """Return a cell as a whole number, zero or more."""
        value = self.number(column, otherwise)
        if value < 0 or value != int(value):
            raise self.wrong(column, 'is no count: write an integer, 0 or more')
        return int(value)

    def chance(self, column: str) -> float:
        """Return a cell as a probability, or as yes or no; NaN if it is empty."""
        text = self.text(column).lower()
        if text and text in _TRUE | _FALSE:
            return float(text in _TRUE)
        value = self.number(column)
        if value < 0 or value > 1:
            raise self.wrong(
                column, 'is no probability: write a number from 0 to 1, true or false'
            )
        return value

    def yes(self, column: str) -> bool:
        """Return a cell as yes or no; empty is no."""
        text = self.text(column).lower()
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise self.wrong(column, 'is neither yes nor no: write true or false')

    def moment(self, column: str) -> float:
        """Return a cell as seconds: a number, or a date and time in ISO 8601."""
        text = self.text(column)
        if not text:
            return math.nan
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if math.isfinite(seconds):
            return seconds
        try:
            return datetime.fromisoformat(re.sub('[zZ]$', '+00:00', text)).timestamp()
        except (ValueError, OverflowError):
            wanted = 'write seconds, or a date and time like 2026-03-01T12:30:00Z'
            raise self.wrong(column, f'is no time: {wanted}') from None

    def wrong(self, column: str, what: str) -> AnalysisError:
        """Return the error about a cell."""
        header = self.headers.get(column, column)
        return AnalysisError(
            f"{self.file}, line {self.line}, column '{header}': '{self.text(column)}' {what}"
        )


def read_table(path: Path, aliases: Mapping[str, tuple[str, ...]] | None = None) -> Iterator[Row]:
    """
    Yield the rows of a CSV file whose first line names the columns.

    Separated by comma, semicolon or tab. Columns are known by their own names and by `aliases`.
    Raises AnalysisError.
    """
    names = {other: name for name, others in (aliases or {}).items() for other in (name, *others)}
    try:
        with path.open(encoding='utf-8-sig', newline='') as file:
            first = file.readline()
            file.seek(0)
            delimiter = max(',;\t', key=first.count)
            reader = csv.reader(file, delimiter=delimiter)
            header = next(reader, None)
            if not header:
                raise AnalysisError(f'{path.name} is empty: the first line must name the columns')
            columns = _columns(path.name, header, names)
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) > len(columns):
                    raise AnalysisError(
                        f'{path.name}, line {reader.line_num}: {len(cells)} cells, but the first '
                        f'line has {len(columns)} columns: quote text that contains {delimiter!r}'
                    )
                values = {name: cell.strip() for name, cell in zip(columns, cells)}
                yield Row(path.name, reader.line_num, values, columns)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AnalysisError(
            f'{path} cannot be read as CSV ({error}): save it as UTF-8 text'
        ) from error


def _columns(file: str, header: list[str], names: Mapping[str, str]) -> dict[str, str]:
    """Return the headers by the names of their columns."""
    columns: dict[str, str] = {}
    for title in header:
        key = _key(title)
        name = names.get(key, title.strip() if not names else key)
        if name in columns:
            raise AnalysisError(
                f"{file}: '{columns[name]}' and '{title}' are both column {name}: rename one"
            )
        columns[name] = title
    return columns


def _key(title: str) -> str:
    return re.sub('[^a-z0-9]+', '_', title.strip().lower()).strip('_')


def read_trial(path: Path) -> Trial:
    """
    Read a trial: one task per line, or, with a column `tasks`, counts per line.

    Required columns: `version` and `success`, or `version`, `tasks` and `successes`. Raises
    AnalysisError.
    """
    rows = list(read_table(path, _ALIASES))
    if not rows:
        raise AnalysisError(f'{path.name} has no rows')
    columns = rows[0].headers
    counted = 'tasks' in columns
    for needed in ('version', 'successes' if counted else 'success'):
        if needed not in columns:
            raise AnalysisError(
                f"{path.name} has no column '{needed}' (found: {', '.join(columns.values())}): "
                f'name it {needed}, or {", ".join(_ALIASES[needed])}'
            )
    make: Callable[[Row], Record] = _counts if counted else _task
    written, rows = len(rows), list(_once(rows))
    records = [make(row) for row in rows]
    notes = [f'{sum(r.tasks for r in records):,} tasks from {path.name}']
    if len(rows) < written:
        notes.append(f'repeated lines with the same task_id, left out: {written - len(rows):,}')
    without_outcome = 0 if counted else sum(not row.text('success') for row in rows)
    if without_outcome:
        notes.append(f'tasks without an outcome, which count as failed: {without_outcome:,}')
    return Trial.of(records, notes=notes)


def _once(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield lines without repetitions of a `task_id`: files are joined and sent again."""
    seen = set()
    for row in rows:
        cells = tuple(row.cells.items())
        if not row.text('task_id') or cells not in seen:
            seen.add(cells)
            yield row


def _task(row: Row) -> Record:
    return _record(row, 1, int(row.yes('success')))


def _counts(row: Row) -> Record:
    tasks, successes = row.whole('tasks', 0), row.whole('successes', 0)
    if successes > tasks:
        raise row.wrong('successes', f'is more than the {tasks} tasks of the line')
    return _record(row, tasks, successes)


def _record(row: Row, tasks: int, successes: int) -> Record:
    version = row.text('version')
    if not version:
        raise row.wrong('version', 'is no version: name the version that acted')
    stuck = row.whole('stuck', 0) if tasks != 1 else int(row.yes('stuck'))
    return Record(
        version=version,
        tasks=tasks,
        successes=successes,
        stuck=stuck,
        robot_id=row.text('robot_id'),
        category=row.text('category'),
        time=_began(row),
        task_id=row.text('task_id'),
        error=row.text('error'),
        latency_ms=row.amount('latency_ms'),
    )


def _began(row: Row) -> float:
    """Return the start of a task, which belongs to the hour in which it started."""
    started = row.moment('started')
    if not math.isnan(started):
        return started
    return row.moment('ended') - row.amount('duration_s', 0.0)
