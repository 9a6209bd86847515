# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The diagnosis of a rollout that failed, from the counters that its robots have sent."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from hotswap_ros.fleet.reports import Telemetry
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.gates import CheckResult
from hotswap_ros.gates.diagnosis import (
    AnalysisError,
    Case,
    Drift,
    Record,
    Requests,
    as_json,
    decile_drift,
    diagnose,
)
from hotswap_ros.models import TaskCounts, VersionCounters, VersionState
from hotswap_ros.models.counter_delta import CounterTracker, Vector, add_counts, rise
from hotswap_ros.rollout.state import Diagnosed, RolloutState

#: Prefixes of the names of counts, by kind.
_REQUESTS, _TASKS, _ERRORS, _INPUTS = 'requests', 'tasks/', 'errors/', 'inputs/'


class RolloutDiagnosis:
    """
    Counts what robots did since the gate began to watch them, and finds the cause of a failure.

    The journal does not hold these counts: after a restart the coordinator counts from zero.
    """

    def __init__(self, state: RolloutState) -> None:
        self._state = state
        self._trackers: defaultdict[str, CounterTracker[Vector]]
        self._trackers = defaultdict(lambda: CounterTracker(rise))
        self._newest: dict[str, Telemetry] = {}
        self._counts: dict[tuple[str, str], dict[str, Vector]] = {}
        self._breakers: dict[str, str] = {}
        self._given_up: dict[str, str] = {}
        self._refusals: dict[str, str] = {}

    def observe(self, robot_id: str, telemetry: Telemetry) -> None:
        """Take in a robot's counters; its first ones are the reference."""
        last = self._newest.get(robot_id)
        if last is None:
            self._count(robot_id, telemetry)
        elif last.boot_id != telemetry.boot_id:
            # Differences are slow: compute one only for the last snapshot of each boot.
            self._count(robot_id, last)
        self._newest[robot_id] = telemetry

    def _count(self, robot_id: str, telemetry: Telemetry) -> None:
        """Add what is new in a robot's counters since it was counted last."""
        for version in {self._state.plan.version, self._state.robots[robot_id].previous}:
            counts = _vectors(telemetry.versions.get(version, VersionCounters()))
            delta = self._trackers[version].advance(robot_id, telemetry.boot_id, counts)
            if delta is not None:
                add_counts(self._counts.setdefault((robot_id, version), {}), delta.counts)

    def note_refusal(self, robot_id: str, why: str) -> None:
        """Note that a robot cannot load the version."""
        self._refusals[robot_id] = why

    def note_breakers(self, view: FleetView) -> None:
        """Note the robots whose breaker is open, before the rollback hides it."""
        model_id, version = self._state.plan.model_id, self._state.plan.version
        for robot_id in self._state.where(lambda r: r.mark is not None or r.shadows):
            report = view.report(model_id, robot_id)
            breaker = None if report is None else report.breaker
            if report is None or breaker is None or breaker.version != version:
                continue
            here = report.versions.get(version)
            if here is not None and here.state is VersionState.FAILED and here.reason:
                self._given_up[robot_id] = here.reason
            else:
                self._breakers[robot_id] = breaker.cause.replace(' ', '_')

    def conclude(self, view: FleetView, checks: Sequence[CheckResult]) -> Diagnosed | None:
        """Return the most likely cause after `checks` failed; None: too few data."""
        try:
            found = diagnose(self._case(view, checks))
        except AnalysisError:
            return None
        first = found.hypotheses[0]
        return Diagnosed(
            cause=first.title,
            finding=first.finding.value,
            sentence=found.sentence,
            hypotheses=[as_json(one) for one in found.hypotheses],
            breakers=self._breakers,
            given_up=self._given_up,
            refusals=self._refusals,
        )

    def _case(self, view: FleetView, checks: Sequence[CheckResult]) -> Case:
        state = self._state
        version = state.plan.version
        stable = sorted({*state.previous.values()} - {''})
        control = stable[0] if len(stable) == 1 else 'the previous version'
        lab = state.lab.get(version, {})
        for robot_id in self._newest:
            newest = view.telemetry(state.plan.model_id, robot_id)
            if newest is not None:
                self.observe(robot_id, newest)
            self._count(robot_id, self._newest[robot_id])
        done = list(self._done(control))
        records = tuple(record for one in done for record in one.records())
        return Case(
            control,
            version,
            records,
            known=frozenset(lab) or None,
            lab=lab,
            control_lab=state.lab.get(control, {}),
            drifts=_drifts(done, version),
            control_drifts=_drifts(done, control),
            requests=tuple(one.requests() for one in done),
            stopped_by={check.name: check.sentence for check in checks},
            breakers=self._breakers,
            given_up=self._given_up,
            refusals=self._refusals,
            labels=self._labels(view),
        )

    def _labels(self, view: FleetView) -> dict[str, tuple[str, ...]]:
        reports = {name: view.report(self._state.plan.model_id, name) for name in self._newest}
        return {name: report.labels for name, report in reports.items() if report is not None}

    def _done(self, control: str) -> Iterator[_Done]:
        """Yield the counts of both versions on each robot; `control` is the name of all others."""
        version = self._state.plan.version
        for robot_id in self._newest:
            names = {version: version, control: self._state.robots[robot_id].previous}
            for label, name in names.items():
                yield _Done(label, robot_id, self._counts.get((robot_id, name), {}))


class _Done:
    """The new counts of a version on a robot, as a diagnosis needs them."""

    def __init__(self, version: str, robot_id: str, counts: Mapping[str, Vector]) -> None:
        self.version = version
        self._robot_id = robot_id
        self._counts = counts
        self._by_category = {n: TaskCounts(0, *v) for n, v in self._named(_TASKS)}
        self.tasks = self._by_category.pop('', TaskCounts())

    def _named(self, kind: str) -> Iterator[tuple[str, Vector]]:
        for name, vector in self._counts.items():
            if name.startswith(kind):
                yield name.removeprefix(kind), vector

    def records(self) -> Iterator[Record]:
        """Yield the tasks by category; those without one come last."""
        rest = self.tasks
        for name, new in self._by_category.items():
            rest -= new
            yield from self._record(name, new)
        yield from self._record('', rest)

    def _record(self, category: str, done: TaskCounts) -> Iterator[Record]:
        if done.finished > 0:
            yield Record(
                self.version,
                done.finished,
                max(0, done.succeeded),
                max(0, done.stuck),
                self._robot_id,
                category,
            )

    def requests(self) -> Requests:
        """Return the requests, and those that failed."""
        (requests,) = self._counts.get(_REQUESTS, (0,))
        failed = Counter({cause: number for cause, (number,) in self._named(_ERRORS)})
        return Requests(self.version, self._robot_id, requests, +failed)

    def inputs(self) -> Iterator[tuple[str, Vector]]:
        """Yield the counts between the deciles of each feature."""
        return self._named(_INPUTS)


def _vectors(counters: VersionCounters) -> dict[str, Vector]:
    """Return the counts that a diagnosis needs; tasks without a name are all tasks."""
    failed = Counter(counters.stable.errors) + Counter(counters.candidate.errors)
    tasks = {'': counters.tasks, **counters.categories}
    return {
        _REQUESTS: (counters.requests,),
        **{f'{_TASKS}{n}': (t.finished, t.succeeded, t.stuck) for n, t in tasks.items()},
        **{f'{_ERRORS}{cause}': (number,) for cause, number in failed.items()},
        **{f'{_INPUTS}{name}': bins for name, bins in counters.inputs.items()},
    }


def _drifts(done: Sequence[_Done], version: str) -> tuple[Drift, ...] | None:
    own = [one for one in done if one.version == version]
    # A shadow does no tasks of its own: it sees those of the version that acts.
    seen = own if any(one.tasks.finished for one in own) else done
    tasks = sum(one.tasks.finished for one in seen)
    bins: dict[str, Vector] = {}
    for one in own:
        add_counts(bins, dict(one.inputs()))
    drifts = [
        decile_drift(name, counts, (), max(1, min(tasks, sum(counts))))
        for name, counts in bins.items()
        if sum(counts)
    ]
    return tuple(sorted(drifts, key=lambda one: -one.psi)) or None
