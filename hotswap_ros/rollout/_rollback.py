# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A rollback that somebody ordered: put versions back and see every robot confirm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hotswap_ros.models import Routing
from hotswap_ros.plan import counted
from hotswap_ros.rollout._changes import Subset
from hotswap_ros.rollout._commands import Desired, LoadVersion
from hotswap_ros.rollout._desired import DesiredFleet
from hotswap_ros.rollout._errors import NothingToRollBackError, UnknownRobotError
from hotswap_ros.rollout._fleet import FleetView, RobotReport
from hotswap_ros.rollout._state import Cause, Event, Level


class Rollback:
    """
    One rollback in progress.

    `targets` is what robots should serve; a robot that cannot load it returns to what `before` has
    for it, and is named in `refused`. It is done when every other reachable robot confirms, or
    after `timeout_s`; who has not confirmed by then is owed it, and gets it when it is heard
    again. Seconds count from the order.
    """

    def __init__(
        self,
        model_id: str,
        targets: Mapping[str, Desired],
        before: Mapping[str, Desired],
        now: float,
        timeout_s: float = 60.0,
    ) -> None:
        self.model_id = model_id
        self.robots_total = len(targets)
        self.robots_confirmed = 0
        self.owed: tuple[str, ...] = ()
        self.command_s: float | None = None
        self.confirm_s: float | None = None
        self.refused: dict[str, tuple[Cause, str]] = {}
        self._timeout_s = timeout_s
        self._targets = targets
        self._before = before
        self._ordered = now
        self._silent: Subset | None = None
        self._told = -1

    @property
    def is_done(self) -> bool:
        """Return whether nothing more is waited for."""
        return self.confirm_s is not None

    def wants(self) -> list[Desired]:
        """Return what the robots should serve."""
        return [
            (self._before if robot_id in self.refused else self._targets)[robot_id]
            for robot_id in self._targets
        ]

    def news(self) -> list[Desired]:
        """Return everything, where it may have changed since it was returned the last time."""
        if self._told == len(self.refused):
            return []
        self._told = len(self.refused)
        return self.wants()

    def tick(self, view: FleetView, now: float) -> None:
        """See who has confirmed. The first tick's wishes leave with it."""
        if self.is_done:
            return
        if self.command_s is None:
            self.command_s = now - self._ordered
            return
        if self._silent is None:
            self._silent = Subset(
                self._targets,
                view.changes(self.model_id),
                lambda robot_id: not view.confirms(self._targets[robot_id].routing, robot_id),
            )
        missing = self._silent.now() - self.refused.keys()
        self.robots_confirmed = len(self._targets) - len(missing | self.refused.keys())
        self.owed = tuple(sorted(missing))
        out_of_reach = view.unreachable(self.model_id, missing, now)
        late = now - self._ordered >= self._timeout_s
        if late or len(missing) == len(out_of_reach):
            self.confirm_s = now - self._ordered

    @property
    def went_back(self) -> tuple[str, ...]:
        """Return the robots that confirmed and had served something else."""
        return tuple(
            robot_id
            for robot_id, target in self._targets.items()
            if robot_id not in self.owed
            and robot_id not in self.refused
            and target.routing.versions != self._before[robot_id].routing.versions
        )

    def end_event(self, view: FleetView, now: float) -> Event:
        """Return what people are told when it is done: robots, tasks, seconds per phase."""
        versions = '/'.join(sorted({target.routing.stable for target in self._targets.values()}))
        text = (
            f'{versions} is back on {self.robots_confirmed} of {counted(self._targets)}: commands '
            f'left after {self.command_s:.2f} s, the last robot confirmed after '
            f'{self.confirm_s:.2f} s. What they served had finished {self._tasks(view):,} tasks.'
        )
        problems = [f'{robot_id} refused: {text}' for robot_id, (_, text) in self.refused.items()]
        if self.owed:
            problems.append(f'did not confirm and are owed it: {", ".join(self.owed)}')
        return Event(
            time=now,
            kind='rolled_back',
            level=Level.WARNING if problems else Level.INFO,
            text='; '.join([text, *problems]),
            robots=tuple(sorted(self._targets)),
            alert=True,
        )

    def put_back(self) -> dict[str, str]:
        """Return the version that every robot was given back, of those that took it."""
        return {
            robot_id: target.routing.stable
            for robot_id, target in self._targets.items()
            if robot_id not in self.refused and robot_id not in self.owed
        }

    def _tasks(self, view: FleetView) -> int:
        """Count the tasks of the versions that were put away, each since its robot's start."""
        tasks = 0
        for robot_id, target in self._targets.items():
            telemetry = view.telemetry(self.model_id, robot_id)
            before = self._before.get(robot_id)
            if telemetry is None or before is None:
                continue
            away = {*before.routing.versions, *before.resident} - set(target.routing.versions)
            tasks += sum(
                telemetry.versions[v].tasks.finished for v in away & set(telemetry.versions)
            )
        return tasks

    def load_refused(self, command: LoadVersion, cause: Cause, message: str) -> None:
        """Take a robot's word that it cannot load the version: it stays on what it had."""
        target = self._targets.get(command.robot_id)
        if target is not None and command.version == target.routing.stable and not self.is_done:
            self.refused[command.robot_id] = (cause, message)


def what_it_serves(report: RobotReport) -> Desired:
    """Return that a robot of which nobody ever said anything is to stay on what it serves."""
    stable = report.routing.stable
    return Desired(report.robot_id, Routing(report.model_id, stable), resident=(stable,))


def find_targets(
    model_id: str,
    version: str,
    robot_ids: Sequence[str],
    reports: Mapping[str, RobotReport],
    desired: DesiredFleet,
) -> dict[str, Desired]:
    """
    Return what robots are to serve after a rollback: of all that were heard, or of those named.

    An empty version is what each served before. Raises UnknownRobotError and
    NothingToRollBackError.
    """
    unknown = [robot_id for robot_id in robot_ids if robot_id not in reports]
    if unknown:
        raise UnknownRobotError(unknown, sorted(reports))
    targets = {}
    for robot_id in robot_ids or reports:
        serves = reports[robot_id].routing
        held = desired.get(model_id, robot_id)
        to = version or ('' if held is None else held.previous)
        if to:
            targets[robot_id] = Desired(
                robot_id,
                Routing(model_id, to),
                resident=(to,),
                previous=serves.stable if serves.stable != to else '',
            )
    if not targets:
        raise NothingToRollBackError(model_id, len(reports))
    return targets
