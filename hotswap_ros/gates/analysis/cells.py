# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The counts of a trial by stratum and robot: what a comparison of two versions needs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.gates.analysis.records import Records
from hotswap_ros.gates.analysis.trial import WITHIN, Design

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

#: With fewer robots that served both versions, the result is about these robots only.
LEAST_ROBOTS = 6
#: A stratum of n tasks gives (n − 1)/n of its information, so strata have at least this mean size.
_STRATUM_TASKS = 10
#: Robots as strata or not, and the number of parts of the trial, finest first.
_DIVISIONS = ((True, 10), (True, 5), (False, 10), (False, 5), (False, 2), (False, 1))
_FEW_DIVISIONS = ((True, 10), (True, 5), (True, 2), (True, 1))


class Cells(NamedTuple):
    """
    Counts in one stratum on one robot, one entry for each such pair.

    Tasks and successes of control and candidate. `strata` and `robots` are the numbers of strata
    and robots; robots that are not known are one robot.
    """

    stratum: Indices
    robot: Indices
    control_tasks: Floats
    control_successes: Floats
    candidate_tasks: Floats
    candidate_successes: Floats
    strata: int
    robots: int


class _Columns(NamedTuple):
    is_candidate: NDArray[np.bool_]
    tasks: Floats
    successes: Floats
    robot: Indices
    category: Indices
    place: Floats  # 0 to 1, the part of the trial that had passed


def cells_of(
    design: Design,
    candidate: str,
    records: Records | None = None,
    figure: Floats | None = None,
) -> Cells:
    """
    Return the counts by stratum and robot of all comparable tasks, or of some `records` of them.

    A stratum is a task category in a part of the trial (of up to ten), on one robot if robots
    served both versions. With too few tasks for that, it is on all robots that gave a similar
    share of their tasks to the candidate. The choice depends on numbers of tasks and never on
    outcomes. A `figure` of each record takes the place of its successes.
    """
    columns = _columns(design.trial.records if records is None else records, candidate, figure)
    is_within = design.kind == WITHIN
    robots = int(columns.robot.max()) + 1
    divisions = _FEW_DIVISIONS if is_within and robots < LEAST_ROBOTS else _DIVISIONS
    units = columns.robot if is_within else np.zeros_like(columns.robot)
    alike = _shares(columns, robots)[columns.robot] if is_within else units
    strata = np.zeros_like(units)
    for by_robot, parts in divisions:
        if parts > 1 and (design.apart or not design.trial.is_ordered):
            continue
        part = np.minimum(parts - 1, (columns.place * parts).astype(np.int64))
        strata = _numbered(units if by_robot else alike, columns.category, part)
        if columns.tasks.sum() >= _STRATUM_TASKS * (int(strata.max()) + 1):
            break
    return _gathered(columns, strata, robots)


def _columns(records: Records, candidate: str, figure: Floats | None) -> _Columns:
    tasks = records.tasks.astype(float)
    return _Columns(
        records.version.equal(candidate),
        tasks,
        records.successes.astype(float) if figure is None else figure,
        _numbered(records.robot_id.codes),
        _numbered(records.category.codes),
        (np.cumsum(tasks) - tasks) / max(1.0, tasks.sum()),
    )


def _shares(columns: _Columns, robots: int) -> Indices:
    """Return the share of the candidate in the tasks of each robot, in quarters."""
    own = np.bincount(columns.robot, columns.tasks * columns.is_candidate, robots)
    both = np.bincount(columns.robot, columns.tasks, robots)
    return np.rint(4 * own / np.maximum(both, 1)).astype(np.int64)


def summed(index: Indices, values: Floats, size: int) -> Floats:
    """Return the sums of values by their index."""
    return np.bincount(index, values, size).astype(float)


def _numbered(*keys: NDArray[np.integer[Any]]) -> Indices:
    _, numbers = np.unique(np.column_stack(keys), axis=0, return_inverse=True)
    return np.asarray(numbers, np.int64).reshape(-1)


def _gathered(columns: _Columns, strata: Indices, robots: int) -> Cells:
    both, cell = np.unique(np.column_stack([strata, columns.robot]), axis=0, return_inverse=True)
    cell = cell.reshape(-1)

    def total(values: Floats, *, candidate: bool) -> Floats:
        own = values * (columns.is_candidate == candidate)
        return np.bincount(cell, own, len(both)).astype(float)

    return Cells(
        both[:, 0].astype(np.int64),
        both[:, 1].astype(np.int64),
        total(columns.tasks, candidate=False),
        total(columns.successes, candidate=False),
        total(columns.tasks, candidate=True),
        total(columns.successes, candidate=True),
        int(strata.max()) + 1,
        robots,
    )
