# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a diagnosis goes by, from the counters of a virtual fleet."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hotswap_ros.gates.analysis import Case, Diagnosis, Drift, Record, decile_drift, diagnose
from hotswap_ros.sim.virtual import VersionOutcomes, VirtualFleet


def diagnosis(
    fleet: VirtualFleet, control: VersionOutcomes, candidate: VersionOutcomes, seed: int
) -> Diagnosis:
    """Return what the counters say went wrong. Raises AnalysisError without tasks."""
    random = np.random.default_rng(seed)
    records = [
        record
        for version in (control, candidate)
        for record in _records(fleet, version, candidate, random)
    ]
    known = candidate.known
    return diagnose(
        Case(
            control.version,
            candidate.version,
            tuple(records),
            known=None if known is None else frozenset(known),
            lab=dict(candidate.lab),
            drifts=_drifts(fleet, candidate),
            control_drifts=_drifts(fleet, control),
        )
    )


def _records(
    fleet: VirtualFleet,
    version: VersionOutcomes,
    candidate: VersionOutcomes,
    random: np.random.Generator,
) -> Iterable[Record]:
    """Yield the tasks of one version on the robots that the candidate served, by outcome."""
    for done in fleet.done(version.version, on_robots_of=candidate.version):
        failed = done.tasks - done.succeeded
        yield Record(
            version.version,
            done.succeeded,
            done.succeeded,
            robot_id=done.robot_id,
            category=done.category,
        )
        known = version.categories.get(done.category)
        errors = {} if known is None else known.errors
        for error, tasks in _dealt(failed, errors, random):
            yield Record(
                version.version, tasks, robot_id=done.robot_id, category=done.category, error=error
            )


def _dealt(
    tasks: int, shares: dict[str, float], random: np.random.Generator
) -> Iterable[tuple[str, int]]:
    """Yield failed tasks by the reason that they failed for."""
    if not shares:
        yield '', tasks
        return
    weights = np.array(list(shares.values()))
    dealt = random.multinomial(tasks, weights / weights.sum()).tolist()
    yield from ((name, n) for name, n in zip(shares, dealt) if n)


def _drifts(fleet: VirtualFleet, version: VersionOutcomes) -> tuple[Drift, ...] | None:
    tasks = sum(done.tasks for done in fleet.done(version.version))
    drifts = [
        decile_drift(name, counts, (), min(tasks, sum(counts)))
        for name, counts in fleet.inputs(version.version).items()
        if sum(counts)
    ]
    return tuple(sorted(drifts, key=lambda one: -one.psi)) or None
