# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A trial: the outcomes of tasks of two or more versions, from any source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.gates.analysis.records import Records
from hotswap_ros.gates.analysis.together import never_together
from hotswap_ros.gates.diagnosis import AnalysisError, Record

#: Versions are compared within robots if the robots that served both have this share of the
#: candidate's tasks.
_SHARED = 0.8


#: With a larger share of tasks without a robot, robots are unknown.
_NAMELESS = 0.05


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
    training data, by version and input feature. `labels` has those of each robot. `notes` tells
    people which data were read, and how; `warnings` tells what is wrong with them.
    """

    records: Records
    latency: Mapping[str, Latency] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    is_ordered: bool = False
    inputs: Mapping[str, Mapping[str, tuple[int, ...]]] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        records: Iterable[Record],
        latency: Mapping[str, Latency] | None = None,
        notes: Iterable[str] = (),
        warnings: Iterable[str] = (),
    ) -> Trial:
        """Return a trial, which is sorted if every record has a time."""
        found = Records.of(records)
        ordered = bool(len(found)) and not np.isnan(found.time).any()
        if ordered and (np.diff(found.time) < 0).any():
            found = found.take(np.argsort(found.time, kind='stable'))
        if latency is None:
            latency = _task_latency(found)
        return cls(found, latency, tuple(notes), bool(ordered), warnings=tuple(warnings))

    @property
    def versions(self) -> dict[str, int]:
        """Return the number of tasks by version."""
        found = self.records.counts_by(self.records.version)
        return {version: counts.tasks for version, counts in found.items()}

    def of_versions(self, *versions: str) -> Trial:
        """Return the trial with these versions only."""
        return replace(
            self,
            records=self.records.take(self.records.version.among(versions)),
            latency={name: one for name, one in self.latency.items() if name in versions},
        )


class Design(NamedTuple):
    """
    The design of a trial: within robots, across robots, or with unknown robots.

    `trial` has the comparable tasks; `left_out` is the number of other tasks. `apart` is a
    sentence if the versions never ran at the same time. `warnings` are about robots that are not
    named.
    """

    kind: str
    trial: Trial
    left_out: int = 0
    apart: str = ''
    warnings: tuple[str, ...] = ()


WITHIN, ACROSS, UNKNOWN = 'within robots', 'across robots', 'robots unknown'


def find_design(trial: Trial, control: str, candidate: str) -> Design:
    """
    Return the design of the comparison of two versions, with their comparable tasks.

    If robots served both, a robot's tasks count from its first candidate task to its last one. A
    rollout has many control tasks before and after that, at other hours of the day. If the
    versions never ran at the same time, all tasks count. A few tasks without a robot are left out.
    """
    trial = trial.of_versions(control, candidate)
    apart = never_together(trial.records, control, candidate)
    trial, warnings = _with_robots(trial, control, candidate)
    records = trial.records
    if records.robot_id.equal('').any():
        return Design(UNKNOWN, trial, 0, apart, warnings)
    tasks = records.of_version(candidate)
    shared = {*records.of_version(control).robot_id.seen()} & {*tasks.robot_id.seen()}
    on_shared = tasks.take(tasks.robot_id.among(shared)).counts.tasks
    if on_shared < _SHARED * tasks.counts.tasks:
        return Design(ACROSS, trial, 0, apart, warnings)
    kept = _while_both(trial, shared, '' if apart else candidate)
    left_out = records.counts.tasks - kept.counts.tasks
    return Design(WITHIN, replace(trial, records=kept), left_out, apart, warnings)


def _with_robots(trial: Trial, control: str, candidate: str) -> tuple[Trial, tuple[str, ...]]:
    """Leave out tasks without a robot if they are few, and say so."""
    records = trial.records
    named = ~records.robot_id.equal('')
    if named.all() or not named.any():
        return trial, ()
    lost = records.counts.tasks - records.take(named).counts.tasks
    whole = f'{lost:,} of {records.counts.tasks:,} tasks name no robot'
    for version in (control, candidate):
        own = records.version.equal(version)
        if (
            records.take(own & named).counts.tasks
            < (1 - _NAMELESS) * records.take(own).counts.tasks
        ):
            warning = (
                f'{whole}, so no task is compared by robot. Tasks of one robot are similar: with '
                'few robots the p value is too small. Name the robot of every task.'
            )
            return trial, (warning,)
    warning = f'{whole}, and were left out.'
    return replace(trial, records=records.take(named)), (warning,)


def _while_both(trial: Trial, shared: set[str], candidate: str) -> Records:
    """Return the tasks of shared robots between their first and last one of the candidate."""
    records = trial.records
    robots = records.robot_id.codes
    kept = records.robot_id.among(shared)
    if trial.is_ordered and candidate:
        rows = np.flatnonzero(records.version.equal(candidate))
        first = np.full(len(records.robot_id.names), len(records))
        last = np.full(len(records.robot_id.names), -1)
        np.minimum.at(first, robots[rows], rows)
        np.maximum.at(last, robots[rows], rows)
        index = np.arange(len(records))
        kept &= (first[robots] <= index) & (index <= last[robots])
    return records.take(kept)


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


def _task_latency(records: Records) -> dict[str, Latency]:
    measured = records.take(~np.isnan(records.latency_ms))
    found = {name: measured.of_version(name).latency_ms for name in measured.version.seen()}
    return {name: Latency(ms, np.ones(len(ms), np.int64)) for name, ms in found.items()}
