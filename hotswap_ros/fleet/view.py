# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The newest reports and telemetry of all robots, and when each was heard."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Set

from hotswap_ros.fleet.changes import Changes
from hotswap_ros.fleet.clocks import Clocks
from hotswap_ros.fleet.identity import DuplicateNames
from hotswap_ros.fleet.reports import Name, RobotReport, Telemetry, same_content
from hotswap_ros.limits import MODELS
from hotswap_ros.models import Routing


class _Heard:
    """
    The robots of one model; `seen` has them in the order of their last status.

    A rollout or rollback had the `kept` ones since the start: they are not forgotten.
    """

    def __init__(self) -> None:
        self.reports: dict[str, RobotReport] = {}
        self.telemetry: dict[str, Telemetry] = {}
        self.seen: OrderedDict[str, float] = OrderedDict()
        self.awaited: set[str] = set()
        self.kept: set[str] = set()
        self.sent: dict[str, int] = {}
        self.changes = Changes()
        self.news = Changes()

    def see(self, robot_id: str, now: float) -> None:
        self.seen[robot_id] = now
        self.seen.move_to_end(robot_id)
        self.awaited.discard(robot_id)

    def mark_unreachable(self, robot_id: str) -> None:
        self.seen[robot_id] = -math.inf
        self.seen.move_to_end(robot_id, last=False)
        self.awaited.discard(robot_id)

    def not_heard_since(self, since: float) -> list[str]:
        found = []
        for robot_id, seen in self.seen.items():
            if seen >= since:
                break
            found.append(robot_id)
        return found


class FleetView:
    """
    The newest reports of every robot, by model and robot id.

    `started` is when this view began to listen (seconds): a robot that was never heard counts as
    unreachable only `unreachable_after_s` later, so that a restarted coordinator does not see an
    outage where there is none. Times never decrease. A robot_id that two model servers use, or a
    server name that two robot_ids use, is quarantined: its reports are ignored, and it counts as
    unreachable.
    """

    def __init__(self, started: float, unreachable_after_s: float = 5.0) -> None:
        self._started = started
        self._unreachable_after_s = unreachable_after_s
        self._models: dict[str, _Heard] = {}
        memory_s = 2.0 * unreachable_after_s
        self._servers: DuplicateNames[Name, tuple[str, str]] = DuplicateNames(memory_s)
        self._names: DuplicateNames[str, Name] = DuplicateNames(memory_s)
        #: The clocks of the robots.
        self.clocks = Clocks()

    def _of(self, model_id: str) -> _Heard:
        found = self._models.get(model_id)
        if found is None:
            found = self._models[model_id] = _Heard()
        return found

    def on_report(self, report: RobotReport, now: float, clock: float | None = None) -> None:
        """Take a robot's status; `clock` is the robot's wall clock then, None: not known."""
        if report.model_id not in self._models and len(self._models) >= MODELS:
            return
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
        """Return whether no other robot uses the same robot_id or server name."""
        name = (report.model_id, report.robot_id)
        before = self._names.speaker(report.server)
        is_one = self._servers.hear(name, (report.server, report.boot_id), now)
        is_one = self._names.hear(report.server, name, now) and is_one
        if before is not None and before != name:
            # Renamed, or quarantined: the robot with the earlier name is unreachable.
            self._mark_unreachable(before)
        if not is_one:
            self._mark_unreachable(name)
        return is_one

    def _mark_unreachable(self, name: Name) -> None:
        model_id, robot_id = name
        self._of(model_id).mark_unreachable(robot_id)

    def on_telemetry(self, model_id: str, robot_id: str, telemetry: Telemetry) -> None:
        """Take a robot's counters."""
        if (model_id, robot_id) in self.quarantined or model_id not in self._models:
            return
        heard = self._of(model_id)
        heard.telemetry[robot_id] = telemetry
        heard.news.note(robot_id)

    def forget(self, robot_id: str, server: str) -> None:
        """Forget a robot under the name of one server; nothing happens to a rollout's robots."""
        for model_id, heard in self._models.items():
            report = heard.reports.get(robot_id)
            if report is None or report.server != server or robot_id in heard.kept:
                continue
            for known in (heard.reports, heard.telemetry, heard.seen, heard.sent):
                known.pop(robot_id, None)
            heard.changes.forget(robot_id)
            heard.news.forget(robot_id)
            self._servers.forget((model_id, robot_id))
            self.clocks.forget(robot_id)
        self._names.forget(server)

    def expect(self, model_id: str, robot_ids: Iterable[str]) -> None:
        """Expect robots: one that is never heard is unreachable."""
        heard = self._of(model_id)
        heard.kept.update(robot_ids)
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
        """Return the newest reports of the robots that were heard lately."""
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
        """Return the changes in reports of robots and in what was sent to them."""
        return self._of(model_id).changes

    def news(self, model_id: str) -> Changes:
        """Return the changes in the counters of robots."""
        return self._of(model_id).news

    def is_reachable(self, model_id: str, robot_id: str, now: float) -> bool:
        """Return whether the robot was heard lately."""
        return self.seconds_since_heard(model_id, robot_id, now) <= self._unreachable_after_s

    @property
    def quarantined(self) -> Set[Name]:
        """Return the models and ids of robots that cannot be distinguished from one another."""
        if not self._names.duplicates:
            return self._servers.duplicates
        of_servers = {r for server in self._names.duplicates for r in self._names.speakers(server)}
        return self._servers.duplicates | of_servers

    def servers_of(self, model_id: str, robot_id: str) -> tuple[str, ...]:
        """Return the model servers that were heard lately under a robot's id, each boot once."""
        return tuple(server for server, _ in self._servers.speakers((model_id, robot_id)))

    def seconds_since_heard(self, model_id: str, robot_id: str, now: float) -> float:
        """Return for how long the robot was not heard, in seconds; infinite in quarantine."""
        return now - self._of(model_id).seen.get(robot_id, self._started)

    def on_sent(self, routing: Routing, robot_id: str) -> None:
        """Note that a routing was sent to a robot."""
        heard = self._of(routing.model_id)
        if routing.generation > heard.sent.get(robot_id, 0):
            heard.sent[robot_id] = routing.generation
            heard.changes.note(robot_id)

    def confirms(self, desired: Routing, robot_id: str) -> bool:
        """
        Return whether a robot reports the desired content, after all that was sent to it.

        An older report may have the same content by chance, before another command arrives.
        """
        heard = self._of(desired.model_id)
        report = heard.reports.get(robot_id)
        return (
            report is not None
            and same_content(report.routing, desired)
            and report.routing.generation >= heard.sent.get(robot_id, 0)
        )

    def heard(self, now: float) -> int:
        """Return how many robots were heard lately, counting one per model that it serves."""
        since = now - self._unreachable_after_s
        return sum(
            len(heard.seen) - len(heard.awaited.union(heard.not_heard_since(since)))
            for heard in self._models.values()
        )

    def all_unreachable(self, model_id: str, now: float) -> list[str]:
        """Return the robots that were not heard lately, of those heard before or expected."""
        return self._of(model_id).not_heard_since(now - self._unreachable_after_s)

    def unreachable(self, model_id: str, robot_ids: Set[str], now: float) -> tuple[str, ...]:
        """Return those of the robots, all heard before or expected, that were not heard lately."""
        return tuple(sorted(r for r in self.all_unreachable(model_id, now) if r in robot_ids))
