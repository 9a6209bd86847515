# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What went wrong in a rollout, from the counters that its robots have sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

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
from hotswap_ros.rollout.state import Diagnosed, RolloutState

_NOTHING = VersionCounters()


class RolloutDiagnosis:
    """
    Keeps what robots had counted when the gate came to them, and says in the end what went wrong.

    Robots are counted from there, and from zero after a reboot of theirs. This is in no journal: a
    coordinator that was restarted counts from its restart.
    """

    def __init__(self, state: RolloutState) -> None:
        self._state = state
        self._before: dict[str, Telemetry] = {}
        self._breakers: dict[str, str] = {}
        self._given_up: dict[str, str] = {}
        self._refusals: dict[str, str] = {}

    def come_to(self, robot_id: str, telemetry: Telemetry) -> None:
        """Count a robot from here on, unless that has begun."""
        self._before.setdefault(robot_id, telemetry)

    def note_refusal(self, robot_id: str, why: str) -> None:
        """Take note that a robot cannot load the version."""
        self._refusals[robot_id] = why

    def note_breakers(self, view: FleetView) -> None:
        """Take note of the robots that took the version out; what is put back hides it."""
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
        """Return what is likeliest, where `checks` failed; None where too little was seen."""
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
        stable = sorted(set(state.previous.values()))
        control = stable[0] if len(stable) == 1 else 'the previous version'
        lab = state.lab.get(version, {})
        done = list(self._done(view, control))
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
        )

    def _done(self, view: FleetView, control: str) -> Iterator[_Done]:
        version, previous = self._state.plan.version, self._state.previous
        for robot_id, before in self._before.items():
            now = view.telemetry(self._state.plan.model_id, robot_id)
            if now is None:
                continue
            names = {version: version, control: previous.get(robot_id, '')}
            for label, name in names.items():
                counters = now.versions.get(name, _NOTHING)
                known = before.versions.get(name, _NOTHING)
                same_boot = now.boot_id == before.boot_id
                yield _Done(label, robot_id, counters, known if same_boot else _NOTHING)


class _Done:
    """What a version did on a robot between two messages."""

    def __init__(
        self, version: str, robot_id: str, now: VersionCounters, before: VersionCounters
    ) -> None:
        self.version = version
        self._robot_id = robot_id
        self._now = now
        self._before = before
        self.tasks = now.tasks - before.tasks

    def records(self) -> Iterator[Record]:
        """Yield the tasks by category; those without one come last."""
        rest = self.tasks
        for name, counts in self._now.categories.items():
            new = counts - self._before.categories.get(name, TaskCounts())
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
        return Requests(
            self.version,
            self._robot_id,
            self._now.requests - self._before.requests,
            _failed(self._now) - _failed(self._before),
        )

    def inputs(self) -> Iterator[tuple[str, list[int]]]:
        """Yield the counts between the deciles of each feature."""
        for name, bins in self._now.inputs.items():
            known = self._before.inputs.get(name, (0,) * len(bins))
            if len(known) == len(bins):
                yield name, [a - b for a, b in zip(bins, known)]


def _failed(counters: VersionCounters) -> Counter[str]:
    return Counter(counters.stable.errors) + Counter(counters.candidate.errors)


def _drifts(done: Sequence[_Done], version: str) -> tuple[Drift, ...] | None:
    own = [one for one in done if one.version == version]
    # A shadow does no tasks: it sees those of the version that acts.
    seen = own if any(one.tasks.finished for one in own) else done
    tasks = sum(one.tasks.finished for one in seen)
    bins: dict[str, list[int]] = {}
    for one in own:
        for name, new in one.inputs():
            bins[name] = [a + b for a, b in zip(bins.get(name, [0] * len(new)), new)]
    drifts = [
        decile_drift(name, counts, (), max(1, min(tasks, sum(counts))))
        for name, counts in bins.items()
        if sum(counts)
    ]
    return tuple(sorted(drifts, key=lambda one: -one.psi)) or None
