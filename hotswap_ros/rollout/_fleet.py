# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the robots last said: reports and telemetry, with the time they were heard."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TypeAlias

from hotswap_ros.models import Routing, VersionCounters, VersionState
from hotswap_ros.rollout._changes import Changes
from hotswap_ros.rollout._claims import Claims
from hotswap_ros.rollout._clocks import Clocks

#: Model and robot id.
Name: TypeAlias = tuple[str, str]

_NO_CONTENT = ('generation', 'activate_at')
_content = attrgetter(*(field.name for field in fields(Routing) if field.name not in _NO_CONTENT))


def same_content(a: Routing, b: Routing) -> bool:
    """Return whether two routings serve the same, whatever their generations and times."""
    return a is b or bool(_content(a) == _content(b))


@dataclass(frozen=True)
class VersionReport:
    """
    One version on one robot, as the robot reports it.

    `size_bytes` is 0, and `warm_latency_ms` None, while the robot does not know.
    """

    state: VersionState
    digest: str = ''
    reason: str = ''
    size_bytes: int = 0
    warm_latency_ms: float | None = None


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
    labels: tuple[str, ...] = ()
    resident_limit: int = 2
    breaker: BreakerReport | None = None
    disk_free_bytes: int | None = None

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


class _Heard:
    """What was heard of one model's robots. `seen` has them in the order of their last word."""

    def __init__(self) -> None:
        self.reports: dict[str, RobotReport] = {}
        self.telemetry: dict[str, Telemetry] = {}
        self.seen: OrderedDict[str, float] = OrderedDict()
        self.awaited: set[str] = set()
        self.sent: dict[str, int] = {}
        self.changes = Changes()
        self.news = Changes()

    def see(self, robot_id: str, now: float) -> None:
        self.seen[robot_id] = now
        self.seen.move_to_end(robot_id)
        self.awaited.discard(robot_id)

    def lose(self, robot_id: str) -> None:
        self.seen[robot_id] = -math.inf
        self.seen.move_to_end(robot_id, last=False)
        self.awaited.discard(robot_id)

    def silent(self, since: float) -> list[str]:
        found = []
        for robot_id, seen in self.seen.items():
            if seen >= since:
                break
            found.append(robot_id)
        return found


class FleetView:
    """
    The newest word of every robot, by model and robot id.

    `started` is when this view began to listen (seconds): a robot that was never heard counts as
    out of reach only `unreachable_after_s` later, so that a restarted coordinator does not take
    its own ignorance for an outage. Times never go back. A robot id that two model servers claim,
    or a server that two robot ids claim, is in quarantine: what it says is not heeded, and it
    counts as out of reach.
    """

    def __init__(self, started: float, unreachable_after_s: float = 5.0) -> None:
        self._started = started
        self._unreachable_after_s = unreachable_after_s
        self._models: dict[str, _Heard] = {}
        memory_s = 2.0 * unreachable_after_s
        self._servers: Claims[Name, tuple[str, str]] = Claims(memory_s)
        self._names: Claims[str, Name] = Claims(memory_s)
        #: What is known of the robots' clocks.
        self.clocks = Clocks()

    def _of(self, model_id: str) -> _Heard:
        found = self._models.get(model_id)
        if found is None:
            found = self._models[model_id] = _Heard()
        return found

    def on_report(self, report: RobotReport, now: float, clock: float | None = None) -> None:
        """Take a robot's status; `clock` is the robot's wall clock then, None: not known."""
        if not self._is_one(report, now):
            return
        if clock is not None:
            self.clocks.hear(report.robot_id, clock, now)
        heard, robot_id = self._of(report.model_id), report.robot_id
        last = heard.reports.get(robot_id)
        if last is not report and last != report:
            heard.reports[robot_id] = report
            heard.changes.note(robot_id)
        heard.see(robot_id, now)

    def _is_one(self, report: RobotReport, now: float) -> bool:
        """Return whether nobody else claims the robot's id or server."""
        name = (report.model_id, report.robot_id)
        before = self._names.speaker(report.server)
        is_one = self._servers.hear(name, (report.server, report.boot_id), now)
        is_one = self._names.hear(report.server, name, now) and is_one
        if before is not None and before != name:
            # Renamed, or in quarantine: who spoke there before is out of reach.
            self._lose(before)
        if not is_one:
            self._lose(name)
        return is_one

    def _lose(self, name: Name) -> None:
        model_id, robot_id = name
        self._of(model_id).lose(robot_id)

    def on_telemetry(self, model_id: str, robot_id: str, telemetry: Telemetry) -> None:
        """Take a robot's counters."""
        if (model_id, robot_id) in self.quarantined:
            return
        heard = self._of(model_id)
        heard.telemetry[robot_id] = telemetry
        heard.news.note(robot_id)

    def expect(self, model_id: str, robot_ids: Iterable[str]) -> None:
        """Count robots that were never heard among those that may be out of reach."""
        heard = self._of(model_id)
        for robot_id in robot_ids:
            if robot_id not in heard.seen:
                heard.seen[robot_id] = self._started
                heard.seen.move_to_end(robot_id, last=False)
                heard.awaited.add(robot_id)

    @property
    def models(self) -> tuple[str, ...]:
        """Return the models of which robots were heard."""
        return tuple(self._models)

    def reports(self, model_id: str) -> Mapping[str, RobotReport]:
        """Return the newest report of every robot that serves the model."""
        return self._of(model_id).reports

    def reachable(self, model_id: str, now: float) -> dict[str, RobotReport]:
        """Return the newest reports of those that were heard lately."""
        return {
            robot_id: report
            for robot_id, report in self.reports(model_id).items()
            if self.is_reachable(model_id, robot_id, now)
        }

    def report(self, model_id: str, robot_id: str) -> RobotReport | None:
        """Return a robot's newest report, None when it was never heard."""
        return self._of(model_id).reports.get(robot_id)

    def telemetry(self, model_id: str, robot_id: str) -> Telemetry | None:
        """Return a robot's newest counters, None when it was never heard."""
        return self._of(model_id).telemetry.get(robot_id)

    def changes(self, model_id: str) -> Changes:
        """Return which robots' reports, or what was sent to them, changed."""
        return self._of(model_id).changes

    def news(self, model_id: str) -> Changes:
        """Return which robots sent counters."""
        return self._of(model_id).news

    def is_reachable(self, model_id: str, robot_id: str, now: float) -> bool:
        """Return whether the robot was heard lately."""
        return self.silent_for(model_id, robot_id, now) <= self._unreachable_after_s

    @property
    def quarantined(self) -> Set[Name]:
        """Return the models and ids of the robots that cannot be told from one another."""
        if not self._names.contested:
            return self._servers.contested
        of_servers = {r for server in self._names.contested for r in self._names.speakers(server)}
        return self._servers.contested | of_servers

    def claimants(self, model_id: str, robot_id: str) -> tuple[str, ...]:
        """Return the model servers that were heard lately under a robot's id, each boot once."""
        return tuple(server for server, _ in self._servers.speakers((model_id, robot_id)))

    def silent_for(self, model_id: str, robot_id: str, now: float) -> float:
        """Return for how long the robot was not heard, in seconds; infinite in quarantine."""
        return now - self._of(model_id).seen.get(robot_id, self._started)

    def on_sent(self, routing: Routing, robot_id: str) -> None:
        """Take note that a routing is on its way to a robot."""
        heard = self._of(routing.model_id)
        if routing.generation > heard.sent.get(robot_id, 0):
            heard.sent[robot_id] = routing.generation
            heard.changes.note(robot_id)

    def confirms(self, wanted: Routing, robot_id: str) -> bool:
        """
        Return whether a robot reports the wanted content, after all that was sent to it.

        An older report may say the same by chance, while something else is still on its way.
        """
        heard = self._of(wanted.model_id)
        report = heard.reports.get(robot_id)
        return (
            report is not None
            and same_content(report.routing, wanted)
            and report.routing.generation >= heard.sent.get(robot_id, 0)
        )

    def heard(self, now: float) -> int:
        """Return how many robots were heard lately, counting one per model that it serves."""
        since = now - self._unreachable_after_s
        return sum(
            len(heard.seen) - len(heard.awaited.union(heard.silent(since)))
            for heard in self._models.values()
        )

    def silent(self, model_id: str, now: float) -> list[str]:
        """Return the robots that were not heard lately, of those heard before or expected."""
        return self._of(model_id).silent(now - self._unreachable_after_s)

    def unreachable(self, model_id: str, robot_ids: Set[str], now: float) -> tuple[str, ...]:
        """Return those of the robots, all heard before or expected, that were not heard lately."""
        return tuple(sorted(r for r in self.silent(model_id, now) if r in robot_ids))
