# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the robots last said: reports and telemetry, with the time they were heard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter

from hotswap_ros.models import Routing, VersionCounters, VersionState

_content = attrgetter(*(f.name for f in fields(Routing) if f.name != 'generation'))


def same_content(a: Routing, b: Routing) -> bool:
    """Return whether two routings say the same, whatever their generations."""
    return bool(_content(a) == _content(b))


@dataclass(frozen=True)
class VersionReport:
    """One version on one robot, as the robot reports it."""

    state: VersionState
    digest: str = ''
    reason: str = ''


@dataclass(frozen=True)
class BreakerReport:
    """A version that a robot took out by itself, for failing `count` requests in a row."""

    version: str
    cause: str
    count: int


@dataclass(frozen=True)
class RobotReport:
    """What one robot reports of one model. `server` is where its model server is called."""

    robot_id: str
    server: str
    model_id: str
    boot_id: str
    routing: Routing
    versions: Mapping[str, VersionReport] = field(default_factory=dict)
    region: str = ''
    resident_limit: int = 2
    breaker: BreakerReport | None = None

    def is_ready(self, version: str) -> bool:
        """Return whether the version is resident and warm."""
        report = self.versions.get(version)
        return report is not None and report.state is VersionState.READY

    def resident(self) -> tuple[str, ...]:
        """Return the versions that take one of the robot's places."""
        return tuple(name for name, report in self.versions.items() if report.state.is_resident)


@dataclass(frozen=True)
class Telemetry:
    """The newest cumulative counters of one robot, by version."""

    boot_id: str
    versions: Mapping[str, VersionCounters]


class FleetView:
    """
    The newest word of every robot, by model and robot id.

    `started` is when this view began to listen (seconds): a robot that was never heard counts as
    out of reach only `unreachable_after_s` later, so that a restarted coordinator does not take
    its own ignorance for an outage.
    """

    def __init__(self, started: float, unreachable_after_s: float = 5.0) -> None:
        self._started = started
        self._unreachable_after_s = unreachable_after_s
        self._reports: dict[str, dict[str, RobotReport]] = {}
        self._telemetry: dict[str, dict[str, Telemetry]] = {}
        self._seen: dict[tuple[str, str], float] = {}
        self._sent: dict[tuple[str, str], int] = {}

    def on_report(self, report: RobotReport, now: float) -> None:
        """Take a robot's status."""
        self._reports.setdefault(report.model_id, {})[report.robot_id] = report
        self._seen[report.model_id, report.robot_id] = now

    def on_telemetry(self, model_id: str, robot_id: str, telemetry: Telemetry) -> None:
        """Take a robot's counters."""
        self._telemetry.setdefault(model_id, {})[robot_id] = telemetry

    def reports(self, model_id: str) -> Mapping[str, RobotReport]:
        """Return the newest report of every robot that serves the model."""
        return self._reports.get(model_id, {})

    def report(self, model_id: str, robot_id: str) -> RobotReport | None:
        """Return a robot's newest report, None when it was never heard."""
        return self._reports.get(model_id, {}).get(robot_id)

    def telemetry(self, model_id: str, robot_id: str) -> Telemetry | None:
        """Return a robot's newest counters, None when it was never heard."""
        return self._telemetry.get(model_id, {}).get(robot_id)

    def is_reachable(self, model_id: str, robot_id: str, now: float) -> bool:
        """Return whether the robot was heard lately."""
        return self.silent_for(model_id, robot_id, now) <= self._unreachable_after_s

    def silent_for(self, model_id: str, robot_id: str, now: float) -> float:
        """Return for how long the robot was not heard, in seconds."""
        return now - self._seen.get((model_id, robot_id), self._started)

    def on_sent(self, routing: Routing, robot_id: str) -> None:
        """Take note that a routing is on its way to a robot."""
        key = (routing.model_id, robot_id)
        self._sent[key] = max(routing.generation, self._sent.get(key, 0))

    def confirms(self, wanted: Routing, robot_id: str) -> bool:
        """
        Return whether a robot reports the wanted content, after all that was sent to it.

        An older report may say the same by chance, while something else is still on its way.
        """
        report = self.report(wanted.model_id, robot_id)
        return (
            report is not None
            and same_content(report.routing, wanted)
            and report.routing.generation >= self._sent.get((wanted.model_id, robot_id), 0)
        )

    def heard(self, now: float) -> int:
        """Return how many robots were heard lately, counting one per model that it serves."""
        return sum(self.is_reachable(*key, now) for key in self._seen)

    def unreachable(self, model_id: str, robot_ids: Iterable[str], now: float) -> tuple[str, ...]:
        """Return those of the robots that were not heard lately."""
        return tuple(r for r in robot_ids if not self.is_reachable(model_id, r, now))
