# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Comparisons of a shadow with the stable version, from a table or a recording."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from hotswap_ros.cli.files.columns import SHADOW_COLUMNS
from hotswap_ros.cli.files.reading import AS_IT_IS, Reading, is_recording
from hotswap_ros.cli.files.table import Table, read_table
from hotswap_ros.gates.analysis import AnalysisError, ShadowTask

if TYPE_CHECKING:
    from hotswap_ros.cli.files.recording import Recording

_NUMBERS = ('propensity', 'shadow_propensity')
_SHARES = ('success', 'shadow_success', 'model', 'shadow_model')


class Comparisons(NamedTuple):
    """
    Comparisons of two versions; `offered` −1: known per task, or unknown.

    `notes` say what was left out of the file.
    """

    tasks: list[ShadowTask]
    stable: str
    shadow: str
    offered: int = -1
    notes: tuple[str, ...] = ()


def load_comparisons(path: Path, reading: Reading = AS_IT_IS) -> Comparisons:
    """Read comparisons from a table or a recording. Raises AnalysisError."""
    if path.is_dir() and (path / 'shadow.csv').is_file():
        path = path / 'shadow.csv'
    if is_recording(path):
        from hotswap_ros.cli.files.recording import read_recording

        recording = read_recording(path, reading.model)
        return _from_messages(recording)
    return _from_table(path, reading)


def _from_messages(recording: Recording) -> Comparisons:
    shadows = recording.shadows
    pairs = {(message.stable_version, message.shadow_version) for message in shadows}
    if len(pairs) > 1:
        names = ', '.join(sorted(f'{shadow} with {stable}' for stable, shadow in pairs))
        raise AnalysisError(
            f'the recording has several shadows ({names}): record one shadow at a time'
        )
    stable, shadow = pairs.pop() if pairs else ('stable', 'the shadow')
    outcome = {
        (task.robot_id, task.task_id): float(task.successes)
        for task in recording.tasks
        if task.version == stable
    }
    steps: dict[tuple[str, str], list[int]] = {}
    for message in shadows:
        counts = steps.setdefault((message.robot_id, message.task_id), [0, 0])
        counts[0] += 1
        counts[1] += int(message.agreement)
    found = [
        ShadowTask(task_id, n, agreed, success=outcome.get((robot_id, task_id), math.nan))
        for (robot_id, task_id), (n, agreed) in steps.items()
    ]
    offered = recording.shadow_offered.get(shadow, -1)
    return Comparisons(found, stable, shadow, offered, tuple(recording.notes))


def _from_table(path: Path, reading: Reading) -> Comparisons:
    table = read_table(path, SHADOW_COLUMNS, reading.columns)
    if not table.rows:
        raise AnalysisError(f'{path.name} has no rows')
    per_step = table.first('agreement') is not None
    for needed in ('task_id', *(() if per_step else ('steps', 'agreed'))):
        if table.first(needed) is None:
            raise AnalysisError(
                f"{path.name} has no column '{needed}' (found: {', '.join(table.titles)}): "
                "write one task per line with 'task_id', 'steps' and 'agreed', or one step per "
                "line with 'task_id' and 'agreement', or name it with --column"
            )
    tasks = _per_step(table) if per_step else _per_task(table)
    stable, shadow = (_only(table, role) for role in ('version', 'shadow_version'))
    notes = tuple(f'{path.name}: {note}.' for note in table.notes)
    return Comparisons(tasks, stable or 'stable', shadow or 'the shadow', notes=notes)


def _only(table: Table, role: str) -> str:
    """Return the version that a column names. Raises AnalysisError if it names several."""
    names = [name for name in table.text(table.first(role)).seen() if name]
    if len(names) > 1:
        raise AnalysisError(
            f"{table.source.path.name} has several versions in column '{role}' "
            f'({", ".join(names[:5])}): compare one shadow with one version'
        )
    return names[0] if names else ''


def _refuse_repeated(table: Table) -> None:
    """Raise AnalysisError where two lines are one task: it would count twice."""
    names = pd.Series(table.ids(table.first('task_id')))
    rows = np.flatnonzero((names.duplicated(keep=False) & (names != '')).to_numpy())
    if not len(rows):
        return
    first = names[rows[0]]
    other = next(row for row in rows[1:] if names[row] == first)
    lines = ' and '.join(str(table.line(int(row))) for row in (rows[0], other))
    raise AnalysisError(
        f'{table.source.path.name}: {len(rows):,} of {table.rows:,} lines share their task_id '
        f"with another line, the first is '{first}' in lines {lines}: write one line per task, "
        "with ids that differ also between robots, or one step per line with 'agreement'"
    )


def _per_task(table: Table) -> list[ShadowTask]:
    _refuse_repeated(table)
    steps, agreed = table.counts(table.first('steps')), table.counts(table.first('agreed'))
    match = table.first('agreed')
    what = 'says not how many of the {} steps of the line agreed: write a number'
    table.refuse(match, table.unknown(match) & (steps > 0), what, steps)
    table.refuse(match, agreed > steps, 'is more than the {} steps of the line', steps)
    offered = np.full(table.rows, -1)
    if (match := table.first('offered')) is not None:
        given = ~table.unknown(match)
        offered[given] = table.counts(match)[given]
        wrong = given & (offered < steps)
        table.refuse(match, wrong, 'is less than the {} that were compared', steps)
    names = table.ids(table.first('task_id')).tolist()
    found = map(ShadowTask, names, steps.tolist(), agreed.tolist(), offered.tolist())
    return [task._replace(**more) for task, more in zip(found, _outcomes(table))]


def _outcomes(table: Table) -> list[dict[str, Any]]:
    """Return the optional columns of every row."""
    found = {name: table.numbers(table.first(name)) for name in _NUMBERS}
    found |= {name: table.shares(table.first(name)) for name in _SHARES}
    rows = zip(*(column.tolist() for column in found.values()))
    return [dict(zip(found, row)) for row in rows]


def _per_step(table: Table) -> list[ShadowTask]:
    tasks: dict[str, ShadowTask] = {}
    match = table.first('agreement')
    agreed = table.yes_no(match)
    wrong = (agreed != 0) & (agreed != 1)
    table.refuse(match, wrong, 'is neither yes nor no: write true or false')
    names = table.ids(table.first('task_id'))
    for name, agrees, more in zip(names, agreed.tolist(), _outcomes(table)):
        task = tasks.get(name) or ShadowTask(name, 0, 0)._replace(**more)
        tasks[name] = task._replace(steps=task.steps + 1, agreed=task.agreed + int(agrees))
    return list(tasks.values())
