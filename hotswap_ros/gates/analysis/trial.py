# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A trial: the outcomes of tasks of two or more versions, from any source."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.gates.diagnosis import AnalysisError, Record

#: Versions are compared within robots if the robots that served both have this share of the
#: candidate's tasks.
_SHARED = 0.8


class Latency(NamedTuple):
    """Latencies in milliseconds with their counts; `unit` is `tasks` or `requests`."""

    values_ms: NDArray[np.float64]
    counts: NDArray[np.int64]
    unit: str = 'tasks'

    @property
    def n(self) -> int:
        """Return the number of latencies."""
        return int(self.counts.sum())


@dataclass(frozen=True)
class Trial:
    """
    Tasks of some versions, in the order of their start if `is_ordered`.

    `latency` is by version. `inputs` has counts of observations between the deciles of a version's
    training data, by version and input feature. `notes` tells people which data were read, and
    how.
    """

    records: tuple[Record, ...]
    latency: Mapping[str, Latency] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    is_ordered: bool = False
    inputs: Mapping[str, Mapping[str, tuple[int, ...]]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        records: Iterable[Record],
        latency: Mapping[str, Latency] | None = None,
        notes: Iterable[str] = (),
    ) -> Trial:
        """Return a trial, which is sorted if every record has a time."""
        found = tuple(records)
        ordered = bool(found) and not any(math.isnan(record.time) for record in found)
        if ordered:
            found = tuple(sorted(found, key=lambda record: record.time))
        if latency is None:
            latency = _task_latency(found)
        return cls(found, latency, tuple(notes), ordered)

    @property
    def versions(self) -> dict[str, int]:
        """Return the number of tasks by version."""
        counts: dict[str, int] = {}
        for record in self.records:
            counts[record.version] = counts.get(record.version, 0) + record.tasks
        return counts

    def of_versions(self, *versions: str) -> Trial:
        """Return the trial with these versions only."""
        return replace(
            self,
            records=tuple(record for record in self.records if record.version in versions),
            latency={name: one for name, one in self.latency.items() if name in versions},
        )


class Design(NamedTuple):
    """
    The design of a trial: within robots, across robots, or with unknown robots.

    `trial` has the comparable tasks; `left_out` is the number of other tasks.
    """

    kind: str
    trial: Trial
    left_out: int = 0


WITHIN, ACROSS, UNKNOWN = 'within robots', 'across robots', 'robots unknown'


def find_design(trial: Trial, control: str, candidate: str) -> Design:
    """
    Return the design of the comparison of two versions, with their comparable tasks.

    If robots served both, a robot's tasks count from its first candidate task to its last one. A
    rollout has many control tasks before and after that, at other hours of the day.
    """
    trial = trial.of_versions(control, candidate)
    if any(not record.robot_id for record in trial.records):
        return Design(UNKNOWN, trial)
    served: dict[str, set[str]] = {}
    for record in trial.records:
        served.setdefault(record.robot_id, set()).add(record.version)
    shared = {robot_id for robot_id, versions in served.items() if len(versions) == 2}
    tasks = [record for record in trial.records if record.version == candidate]
    on_shared = sum(record.tasks for record in tasks if record.robot_id in shared)
    if on_shared < _SHARED * sum(record.tasks for record in tasks):
        return Design(ACROSS, trial)
    kept = _while_both(trial, shared, candidate)
    left_out = sum(r.tasks for r in trial.records) - sum(r.tasks for r in kept)
    return Design(WITHIN, replace(trial, records=kept), left_out)


def _while_both(trial: Trial, shared: set[str], candidate: str) -> tuple[Record, ...]:
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for index, record in enumerate(trial.records):
        if record.version == candidate:
            first.setdefault(record.robot_id, index)
            last[record.robot_id] = index
    return tuple(
        record
        for index, record in enumerate(trial.records)
        if record.robot_id in shared
        and (not trial.is_ordered or first[record.robot_id] <= index <= last[record.robot_id])
    )


def choose_versions(trial: Trial, control: str = '', candidate: str = '') -> tuple[str, str]:
    """
    Return the control and the candidate. Raises AnalysisError if the choice is not clear.

    Of two versions, the one whose name sorts first (v9 before v10) is the control.
    """
    found = sorted(trial.versions, key=natural)
    for name in (control, candidate):
        if name and name not in found:
            raise AnalysisError(
                f"the data have no task of version '{name}' (known: {', '.join(found)})"
            )
    left = [name for name in found if name not in (control, candidate)]
    missing = (not control) + (not candidate)
    if len(left) < missing:
        raise AnalysisError(
            f'a comparison needs two versions, but the data have {", ".join(found) or "none"}: '
            'check that both versions were recorded'
        )
    if missing and len(left) > missing:
        raise AnalysisError(
            f'the data have {len(found)} versions ({", ".join(found)}): choose two with --control '
            'and --candidate'
        )
    control = control or left.pop(0)
    candidate = candidate or left.pop(0)
    if control == candidate:
        raise AnalysisError(f"'{control}' cannot be compared with itself: name two versions")
    return control, candidate


def natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """Return a key that sorts v9 before v10."""
    parts: list[tuple[int, int | str]] = []
    text = ''
    for character in f'{name}\0':
        if text and character.isdigit() != text[-1].isdigit():
            parts.append((0, int(text)) if text[0].isdigit() else (1, text))
            text = ''
        text += character
    return tuple(parts)


def _task_latency(records: Iterable[Record]) -> dict[str, Latency]:
    found: dict[str, list[float]] = {}
    for record in records:
        if not math.isnan(record.latency_ms):
            found.setdefault(record.version, []).append(record.latency_ms)
    return {
        version: Latency(np.array(values), np.ones(len(values), np.int64))
        for version, values in found.items()
    }
