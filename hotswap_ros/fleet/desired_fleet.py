# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Desired against reported: what each robot should serve, and the commands that are missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hotswap_ros.fleet.commands import Command, LoadVersion, Route, is_out, missing_commands
from hotswap_ros.fleet.desired import Desired
from hotswap_ros.fleet.reports import RobotReport, same_content
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.models import Routing, next_generation

#: A robot with the right time has so long, in seconds, to report that it swapped at the instant.
_SWAPS_WITHIN_S = 2.0


class _Model:
    """
    The entries of one model, and the commands that are missing.

    `seen` is the revision at the last `outbid`; `timed` are the robots that may still wait for an
    instant.
    """

    def __init__(self) -> None:
        self.entries: dict[str, Desired] = {}
        self.missing: dict[str, list[Command]] = {}
        self.seen = -1
        self.timed: set[str] = set()
        #: A dict for its order: that of a set of names differs from process to process.
        self._put: dict[str, None] = {}
        self._seen = -1

    def put(self, entry: Desired) -> None:
        self.entries[entry.robot_id] = entry
        if entry.routing.activate_at:
            self.timed.add(entry.robot_id)
        else:
            self.timed.discard(entry.robot_id)
        self._put[entry.robot_id] = None

    def refresh(self, view: FleetView, model_id: str) -> None:
        """Bring `missing` up to date."""
        changes = view.changes(model_id)
        changed = [name for name in changes.since(self._seen) if name in self.entries]
        names = self._put | dict.fromkeys(changed)
        self._put = {}
        self._seen = changes.revision
        for robot_id in names:
            commands = missing_commands(self.entries[robot_id], view)
            if commands:
                self.missing[robot_id] = commands
            else:
                self.missing.pop(robot_id, None)


class DesiredFleet:
    """
    What every robot should serve, with generations that only rise, from `epoch` on.

    Level-triggered: `commands` compares with what the robots report and says what is missing,
    again and again until they agree. A command under way is repeated after `retry_after_s`;
    loading takes its time and is repeated after `load_retry_after_s`. It goes with one view: only
    robots of which that has something new are looked at.

    A routing for an instant goes ahead of it only to robots that are known to have the right time.
    All others are told when it has come, and so is a robot that should have swapped and did not.
    """

    def __init__(
        self,
        entries: Iterable[Desired] = (),
        epoch: int = 0,
        *,
        retry_after_s: float = 1.0,
        load_retry_after_s: float = 60.0,
    ) -> None:
        self._models: dict[str, _Model] = {}
        self._epoch = epoch
        for entry in entries:
            self._of(entry.routing.model_id).put(entry)
        self._retry_after_s = retry_after_s
        self._load_retry_after_s = load_retry_after_s
        self._not_before: dict[Command, float] = {}

    def _of(self, model_id: str) -> _Model:
        return self._models.setdefault(model_id, _Model())

    def get(self, model_id: str, robot_id: str) -> Desired | None:
        """Return what a robot should serve, None when nobody ever said."""
        return self._of(model_id).entries.get(robot_id)

    def generation(self, model_id: str, robot_id: str) -> int:
        """Return the newest generation of a robot, 0 if it never had one."""
        entry = self.get(model_id, robot_id)
        return 0 if entry is None else entry.routing.generation

    def set_desired(
        self, entries: Iterable[Desired], view: FleetView, now: float
    ) -> list[Desired]:
        """
        Set what robots should serve; return the entries that changed.

        Their generation is ignored: an entry whose content changes, or whose robot
        reports something else at the same or a later generation, gets one above all that was seen,
        and not below the epoch: robots that heard this coordinator refuse those before it. An
        instant that has passed is none.
        """
        changed = []
        for desired in entries:
            model_id, robot_id = desired.routing.model_id, desired.robot_id
            model = self._of(model_id)
            old = model.entries.get(robot_id)
            entry = self._settle(desired, old, view.report(model_id, robot_id), now)
            if entry != old:
                model.put(entry)
                changed.append(entry)
        return changed

    def outbid(self, view: FleetView, now: float) -> list[Desired]:
        """
        Outbid robots that serve something else of a later generation; return what changed.

        So are those that wait for an instant which is over.
        """
        changed = []
        for model_id, model in self._models.items():
            changes = view.changes(model_id)
            news = changes.since(model.seen)
            model.seen = changes.revision
            known = [model.entries[name] for name in news if name in model.entries]
            changed += self.set_desired(known, view, now)
            changed += self._end_waiting(model, view, now)
        return changed

    def commands(self, view: FleetView, now: float) -> list[Command]:
        """Return the commands that are due, and count them as sent at `now`."""
        due: list[Command] = []
        for model_id, model in self._models.items():
            model.refresh(view, model_id)
            for robot_id, commands in model.missing.items():
                if view.is_reachable(model_id, robot_id, now):
                    due += (c for c in commands if _may_go(c, view, now))
        self._not_before = {c: self._not_before[c] for c in due if c in self._not_before}
        sendable = [c for c in due if self._not_before.get(c, now) <= now]
        for command in sendable:
            wait = self._load_retry_after_s if isinstance(command, LoadVersion) else None
            self._not_before[command] = now + (wait or self._retry_after_s)
            if isinstance(command, Route):
                view.on_sent(command.routing, command.robot_id)
        return sendable

    def refused(self, command: Command, now: float, *, for_good: bool) -> None:
        """Take a refusal; what is refused for good is asked again after the longer wait."""
        wait = self._load_retry_after_s if for_good else self._retry_after_s
        self._not_before[command] = now + wait

    def unsent(self, command: Command) -> None:
        """Take note that a command was not sent after all: it is due again at once."""
        self._not_before.pop(command, None)

    def _settle(
        self, want: Desired, old: Desired | None, report: RobotReport | None, now: float
    ) -> Desired:
        given = 0 if old is None else old.routing.generation
        outbid = (
            report is not None
            and not is_out(want, report)
            and not same_content(report.routing, want.routing)
            and report.routing.generation >= given
        )
        if old is not None and not outbid and _is_unchanged(old.routing, want.routing, now):
            return replace(want, routing=old.routing)
        at = want.routing.activate_at if want.routing.activate_at > now else 0.0
        routing = replace(want.routing, generation=self._above(given, report), activate_at=at)
        return replace(want, routing=routing)

    def _end_waiting(self, model: _Model, view: FleetView, now: float) -> list[Desired]:
        """
        Forget instants that have come; who should have swapped by itself and did not does so now.

        One that was kept would lie ahead again after a clock was set back. Returns what changed.
        """
        changed = []
        for robot_id in sorted(model.timed):
            entry = model.entries[robot_id]
            routing = entry.routing
            generation = routing.generation
            waits = _SWAPS_WITHIN_S if view.clocks.is_right(robot_id) else 0.0
            is_there = view.confirms(routing, robot_id)
            if now < routing.activate_at + (0.0 if is_there else waits):
                continue
            if not is_there:
                report = view.report(routing.model_id, robot_id)
                generation = self._above(generation, report)
            at_once = replace(routing, activate_at=0.0, generation=generation)
            model.put(replace(entry, routing=at_once))
            changed.append(model.entries[robot_id])
        return changed

    def _above(self, given: int, report: RobotReport | None) -> int:
        reported = 0 if report is None else report.routing.generation
        return max(next_generation(given, reported), self._epoch)


def _is_unchanged(old: Routing, want: Routing, now: float) -> bool:
    instants = {old.activate_at, want.activate_at}
    return same_content(old, want) and (len(instants) == 1 or max(instants) <= now)


def _may_go(command: Command, view: FleetView, now: float) -> bool:
    """Return whether the robot would do it when it should, and not an hour later."""
    if not isinstance(command, Route) or command.routing.activate_at <= now:
        return True
    return view.clocks.is_right(command.robot_id)
