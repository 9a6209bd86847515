# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The desired routings of all robots, and the commands that they still need."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace

from hotswap_ros.fleet.commands import Command, LoadVersion, Route, is_out, missing_commands
from hotswap_ros.fleet.desired import Desired
from hotswap_ros.fleet.reports import Name, RobotReport, same_content
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.models import Routing, next_generation

#: Time that a robot with a correct clock has to report its swap after the instant, in seconds.
_SWAPS_WITHIN_S = 2.0


class _Model:
    """
    The entries of one model, and the commands that its robots still need.

    `seen` is the revision at the last `outbid`; `timed` are the robots that may still wait for an
    instant.
    """

    def __init__(self) -> None:
        self.entries: dict[str, Desired] = {}
        self.missing: dict[str, list[Command]] = {}
        self.seen = -1
        self.timed: set[str] = set()
        #: A dict, because it keeps its order: the order of a set differs between processes.
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

    Level-triggered: `commands` compares the desired routings with the reports, and returns the
    commands that robots still need until they agree. A command is repeated after `retry_after_s`;
    loading takes longer and is repeated after `load_retry_after_s`. It belongs to one view, and
    checks only robots with news in the view.

    A routing for an instant is sent ahead only to robots whose clock is known to be correct. All
    other robots get it at the instant, and so does a robot that did not swap then.
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
        #: How many times in a row a load was refused that may succeed later.
        self._refusals: dict[Command, int] = {}

    def _of(self, model_id: str) -> _Model:
        return self._models.setdefault(model_id, _Model())

    def get(self, model_id: str, robot_id: str) -> Desired | None:
        """Return what a robot should serve, None if nothing was ever desired of it."""
        return self._of(model_id).entries.get(robot_id)

    @property
    def robots(self) -> frozenset[str]:
        """Return the robots of which something was desired, whatever they serve."""
        return frozenset().union(*(model.entries for model in self._models.values()))

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
        instant that has passed is dropped.
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
        Outbid robots that report another routing of a later generation; return what changed.

        Also robots that still wait for an instant that has passed.
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

    def commands(
        self, view: FleetView, now: float, only: Container[Name] | None = None
    ) -> list[Command]:
        """
        Return the commands that are due, and note them as sent at `now`.

        With `only`, a set of models with robot ids, those of other robots wait.
        """
        due: list[Command] = []
        for model_id, model in self._models.items():
            model.refresh(view, model_id)
            for robot_id, commands in model.missing.items():
                is_in = only is None or (model_id, robot_id) in only
                if is_in and view.is_reachable(model_id, robot_id, now):
                    due += (c for c in commands if _may_go(c, view, now))
        self._not_before = {c: self._not_before[c] for c in due if c in self._not_before}
        self._refusals = {c: self._refusals[c] for c in due if c in self._refusals}
        sendable = [c for c in due if self._not_before.get(c, now) <= now]
        for command in sendable:
            wait = self._load_retry_after_s if isinstance(command, LoadVersion) else None
            self._not_before[command] = now + (wait or self._retry_after_s)
            if isinstance(command, Route):
                view.on_sent(command.routing, command.robot_id)
        return sendable

    def refused(self, command: Command, now: float, *, for_good: bool) -> None:
        """
        Take a refusal; one that is `for_good` is repeated after the longer wait.

        A load that may succeed later is repeated after a wait that doubles up to the longer one.
        """
        wait = self._load_retry_after_s if for_good else self._retry_after_s
        if isinstance(command, LoadVersion) and not for_good:
            before = self._refusals.get(command, 0)
            self._refusals[command] = before + 1
            wait = min(self._load_retry_after_s, self._retry_after_s * 2.0 ** min(before, 16))
        self._not_before[command] = now + wait

    def unsent(self, command: Command) -> None:
        """Note that a command was not sent after all: it is due again at once."""
        self._not_before.pop(command, None)

    def _settle(
        self, entry: Desired, old: Desired | None, report: RobotReport | None, now: float
    ) -> Desired:
        generation = 0 if old is None else old.routing.generation
        routing = entry.routing
        outbid = (
            report is not None
            and not is_out(entry, report)
            and not same_content(report.routing, routing)
            and report.routing.generation >= generation
        )
        if old is not None and not outbid and _is_unchanged(old.routing, routing, now):
            return replace(entry, routing=old.routing)
        at = routing.activate_at if routing.activate_at > now else 0.0
        newer = replace(routing, generation=self._above(generation, report), activate_at=at)
        return replace(entry, routing=newer)

    def _end_waiting(self, model: _Model, view: FleetView, now: float) -> list[Desired]:
        """
        Drop instants that have passed; a robot that has not swapped by itself gets a new command.

        An instant that is kept would be in the future again after a clock was set back. Returns
        what changed.
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

    def _above(self, generation: int, report: RobotReport | None) -> int:
        reported = 0 if report is None else report.routing.generation
        return max(next_generation(generation, reported), self._epoch)


def _is_unchanged(old: Routing, new: Routing, now: float) -> bool:
    instants = {old.activate_at, new.activate_at}
    return same_content(old, new) and (len(instants) == 1 or max(instants) <= now)


def _may_go(command: Command, view: FleetView, now: float) -> bool:
    """Return whether the robot would act in time: now, or at the instant by a correct clock."""
    if not isinstance(command, Route) or command.routing.activate_at <= now:
        return True
    return view.clocks.is_right(command.robot_id)
