# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Desired against reported: what each robot should serve, and the commands that are missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from hotswap_ros.models import Routing, VersionState
from hotswap_ros.rollout._fleet import FleetView, RobotReport, same_content


@dataclass(frozen=True)
class Desired:
    """
    What one robot should serve and keep resident.

    `previous` is what it served before its last rollout: where a rollback without a version leads.
    `retired` versions are released, and deleted from the robot's cache.
    """

    robot_id: str
    routing: Routing
    resident: tuple[str, ...]
    previous: str = ''
    retired: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return a JSON value that `from_json` reads."""
        return {**vars(self), 'routing': dict(vars(self.routing))}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Desired:
        """Read what `to_json` wrote."""
        return cls(
            robot_id=data['robot_id'],
            routing=Routing(**data['routing']),
            resident=tuple(data['resident']),
            previous=data['previous'],
            retired=tuple(data.get('retired', ())),
        )


@dataclass(frozen=True)
class LoadVersion:
    """Bring a version to READY on a robot."""

    robot_id: str
    server: str
    model_id: str
    version: str


@dataclass(frozen=True)
class UnloadVersion:
    """Release a version on a robot, with `delete_files` its cached copy too."""

    robot_id: str
    server: str
    model_id: str
    version: str
    delete_files: bool = False


@dataclass(frozen=True)
class Route:
    """Make a robot serve a routing."""

    robot_id: str
    server: str
    routing: Routing


Command: TypeAlias = LoadVersion | UnloadVersion | Route


class _Model:
    """The entries of one model, and the commands that are missing; `held` is how far `hold` is."""

    def __init__(self) -> None:
        self.entries: dict[str, Desired] = {}
        self.missing: dict[str, list[Command]] = {}
        self.held = -1
        self._put: set[str] = set()
        self._seen = -1

    def put(self, entry: Desired) -> None:
        self.entries[entry.robot_id] = entry
        self._put.add(entry.robot_id)

    def refresh(self, view: FleetView, model_id: str) -> None:
        """Bring `missing` up to date."""
        changes = view.changes(model_id)
        changed = self._put.union(changes.since(self._seen)).intersection(self.entries)
        self._put.clear()
        self._seen = changes.revision
        for robot_id in changed:
            commands = _missing(self.entries[robot_id], view)
            if commands:
                self.missing[robot_id] = commands
            else:
                self.missing.pop(robot_id, None)


class DesiredFleet:
    """
    What every robot should serve, with generations that only rise.

    Level-triggered: `commands` compares with what the robots report and says what is missing,
    again and again until they agree. A command under way is repeated after `retry_after_s`;
    loading takes its time and is repeated after `load_retry_after_s`. It goes with one view: only
    robots of which that has something new are looked at.
    """

    def __init__(
        self,
        entries: Iterable[Desired] = (),
        retry_after_s: float = 1.0,
        load_retry_after_s: float = 60.0,
    ) -> None:
        self._models: dict[str, _Model] = {}
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

    def want(self, wanted: Iterable[Desired], view: FleetView) -> list[Desired]:
        """
        Set what robots should serve; return the entries that changed.

        The generation of `wanted` is ignored: an entry whose content changes, or whose robot
        reports something else at the same or a later generation, gets one above all that was seen.
        """
        changed = []
        for want in wanted:
            model_id, robot_id = want.routing.model_id, want.robot_id
            model = self._of(model_id)
            old = model.entries.get(robot_id)
            entry = self._settle(want, old, view.report(model_id, robot_id))
            if entry != old:
                model.put(entry)
                changed.append(entry)
        return changed

    def hold(self, view: FleetView) -> list[Desired]:
        """Outbid robots that serve something else of a later generation; return what changed."""
        changed = []
        for model_id, model in self._models.items():
            changes = view.changes(model_id)
            news = changes.since(model.held)
            model.held = changes.revision
            held = [model.entries[name] for name in news if name in model.entries]
            changed += self.want(held, view)
        return changed

    def commands(self, view: FleetView, now: float) -> list[Command]:
        """Return the commands that are due, and count them as sent at `now`."""
        due: list[Command] = []
        for model_id, model in self._models.items():
            model.refresh(view, model_id)
            for robot_id, commands in model.missing.items():
                if view.is_reachable(model_id, robot_id, now):
                    due += commands
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

    def _settle(self, want: Desired, old: Desired | None, report: RobotReport | None) -> Desired:
        known = [0 if old is None else old.routing.generation]
        known += [] if report is None else [report.routing.generation]
        unchanged = old is not None and same_content(old.routing, want.routing)
        outbid = (
            report is not None
            and not _is_out(want, report)
            and not same_content(report.routing, want.routing)
            and report.routing.generation >= known[0]
        )
        generation = known[0] if unchanged and not outbid else max(known) + 1
        return replace(want, routing=replace(want.routing, generation=generation))


def _is_out(entry: Desired, report: RobotReport) -> bool:
    """Return whether the robot itself took out what it should serve: that is for the runner."""
    out = report.breaker is not None and report.breaker.version
    return bool(out) and out in (entry.routing.candidate, entry.routing.shadow)


def _missing(entry: Desired, view: FleetView) -> list[Command]:
    report = view.report(entry.routing.model_id, entry.robot_id)
    if report is None:
        return []
    commands: list[Command] = []
    named_are_ready = all(report.is_ready(version) for version in entry.routing.versions)
    agrees = view.confirms(entry.routing, entry.robot_id) or _is_out(entry, report)
    if named_are_ready and not agrees:
        commands.append(Route(entry.robot_id, report.server, entry.routing))
    # What is routed to comes first: the rest takes the places that are left.
    wanted = tuple(dict.fromkeys((*entry.routing.versions, *entry.resident)))
    absent = [v for v in wanted if not _is_coming(report, v)]
    if absent:
        commands += _load_or_make_room(entry, report, wanted, absent[0])
    in_use = {*wanted, *report.routing.versions}
    commands += [
        UnloadVersion(entry.robot_id, report.server, entry.routing.model_id, version, True)
        for version in entry.retired
        if _is_coming(report, version) and version not in in_use
    ]
    return commands


def _is_coming(report: RobotReport, version: str) -> bool:
    known = report.versions.get(version)
    return (
        known is not None and known.state.is_resident and known.state is not VersionState.DRAINING
    )


def _load_or_make_room(
    entry: Desired, report: RobotReport, wanted: tuple[str, ...], version: str
) -> list[Command]:
    where = (entry.robot_id, report.server, entry.routing.model_id)
    resident = report.resident()
    if len(resident) < report.resident_limit:
        return [LoadVersion(*where, version)]
    if any(report.versions[v].state is VersionState.DRAINING for v in resident):
        return []
    in_use = (*report.routing.versions, *wanted[: wanted.index(version)])
    idle = [v for v in resident if v not in in_use]
    if idle:
        return [UnloadVersion(*where, idle[0])]
    if version not in entry.routing.versions:
        return []
    # Every place is in use, but one version can serve alone: the wanted one as soon as it can.
    stable = entry.routing.stable
    alone = replace(
        report.routing.with_stable_alone(
            stable if report.is_ready(stable) else report.routing.stable
        ),
        generation=max(entry.routing.generation, report.routing.generation + 1),
    )
    if alone.versions == report.routing.versions:
        return []
    return [Route(entry.robot_id, report.server, alone)]
