# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A rollback that somebody ordered: put versions back and see every robot confirm."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any

from pydantic import BaseModel, Field

from hotswap_ros.plan import counted
from hotswap_ros.rollout._changes import Subset
from hotswap_ros.rollout._commands import Desired, LoadVersion
from hotswap_ros.rollout._fleet import FleetView
from hotswap_ros.rollout._state import Cause, Event, Level, Status

#: What stands for a strategy in the history of ordered rollbacks.
ROLLBACK = 'Rollback'
#: Who has not confirmed by then, in seconds, is owed it.
_TIMEOUT_S = 60.0


def none_confirmed(seconds: float, away: int) -> str:
    """Return that a rollback reached nobody, for people; `away` robots were out of reach."""
    text = f'none confirmed within {seconds:.2f} s'
    return text + (f', {away} of them out of reach' if away else '')


def are_owed(robots: Iterable[str]) -> str:
    """Return who is owed a rollback, for people."""
    return f'did not confirm and are owed it: {", ".join(robots)}'


class RollbackState(BaseModel):
    """
    The whole of an ordered rollback.

    Times are seconds since 1970, `command_s` and `confirm_s` seconds since the order. `targets` is
    what robots should serve, `before` what each had; who cannot load its target returns to that,
    and is named in `refused`. `owed` are those that did not confirm, of which the `silent` were in
    reach. `tasks` is how many the versions that were put away had finished. `undoes` is the
    rollout that it took back, empty for none.
    """

    rollback_id: str
    model_id: str
    targets: dict[str, Desired]
    before: dict[str, Desired]
    ordered: float
    undoes: str = ''
    command_s: float | None = None
    confirm_s: float | None = None
    refused: dict[str, tuple[Cause, str]] = Field(default_factory=dict)
    owed: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    robots_confirmed: int = 0
    tasks: int = 0
    saved_at: float = 0.0

    @property
    def versions(self) -> str:
        """Return what is put back, for people."""
        return '/'.join(sorted({target.routing.stable for target in self.targets.values()}))

    @property
    def status(self) -> Status:
        """
        Return where it is.

        Robots that are away keep it from nothing, they are owed it, unless nobody confirmed.
        """
        if self.confirm_s is None:
            return Status.ROLLING_BACK
        has_failed = self.failed or not self.robots_confirmed
        return Status.FAILED if has_failed else Status.ROLLED_BACK

    @property
    def failed(self) -> list[str]:
        """Return the robots that could not load, obey or confirm though they were in reach."""
        return sorted({*self.refused, *self.silent})

    @property
    def ended(self) -> float | None:
        """Return when nothing more was waited for."""
        return None if self.confirm_s is None else self.ordered + self.confirm_s

    @property
    def reason(self) -> str:
        """Return how it stands, for people: robots, tasks, seconds per phase."""
        if self.confirm_s is None:
            return f'rollback of {counted(self.targets)} to {self.versions}'
        text = f'{self.versions} is back on {self.robots_confirmed} of {counted(self.targets)}: '
        if self.robots_confirmed:
            text += (
                f'commands left after {self.command_s:.2f} s, the last robot confirmed after '
                f'{self.confirm_s:.2f} s. What they served had finished {self.tasks:,} tasks.'
            )
        else:
            text += none_confirmed(self.confirm_s, len(set(self.owed) - set(self.silent)))
        problems = [f'{robot_id} refused: {text}' for robot_id, (_, text) in self.refused.items()]
        if self.owed:
            problems.append(are_owed(self.owed))
        return '; '.join([text, *problems])

    def report(self) -> dict[str, Any]:
        """Return its evidence as a JSON value, without events, with the keys of a rollout's."""
        return {
            'rollout_id': self.rollback_id,
            'strategy': ROLLBACK,
            'model_id': self.model_id,
            'version': self.versions,
            'undoes': self.undoes,
            'status': self.status.value,
            'reason': self.reason,
            'started': self.ordered,
            'ended': self.ended,
            'previous': {name: was.routing.stable for name, was in self.before.items()},
            'robots_total': len(self.targets),
            'robots_failed': self.failed,
            'tasks': self.tasks,
            'rollback': {
                'robots': sorted(self.targets),
                'confirmed': self.robots_confirmed,
                'owed': list(self.owed),
                'refused': {name: text for name, (_, text) in self.refused.items()},
                'tasks': self.tasks,
                'seconds': self.confirm_s,
                'command_s': self.command_s,
            },
        }


class Rollback:
    """
    One rollback in progress.

    It is done when every reachable robot that did not refuse confirms, or after a minute; who has
    not confirmed by then is owed it, and gets it when it is heard again. The state is the whole
    memory: one that is made from a journaled state goes on, and its minute begins anew.
    """

    def __init__(self, state: RollbackState, now: float) -> None:
        self.state = state
        if now < state.saved_at:
            # The clock was set back: it was ordered as long ago as when it was saved.
            state.ordered += now - state.saved_at
        self._since = now
        self._silent: Subset | None = None
        self._told = -1

    @property
    def model_id(self) -> str:
        """Return the model (named policy)."""
        return self.state.model_id

    @property
    def robots_total(self) -> int:
        """Return how many robots it is for."""
        return len(self.state.targets)

    @property
    def robots_confirmed(self) -> int:
        """Return how many robots report what they should serve."""
        return self.state.robots_confirmed

    @property
    def owed(self) -> tuple[str, ...]:
        """Return the robots that have not confirmed."""
        return self.state.owed

    @property
    def refused(self) -> dict[str, tuple[Cause, str]]:
        """Return the robots that stay on what they had, and why."""
        return self.state.refused

    @property
    def command_s(self) -> float | None:
        """Return how long after the order the commands left, in seconds."""
        return self.state.command_s

    @property
    def confirm_s(self) -> float | None:
        """Return how long after the order the last robot confirmed, in seconds."""
        return self.state.confirm_s

    @property
    def is_done(self) -> bool:
        """Return whether nothing more is waited for."""
        return self.state.confirm_s is not None

    def wants(self) -> list[Desired]:
        """Return what the robots should serve."""
        state = self.state
        return [
            (state.before if robot_id in state.refused else state.targets)[robot_id]
            for robot_id in state.targets
        ]

    def news(self) -> list[Desired]:
        """Return everything, where it may have changed since it was returned the last time."""
        if self._told == len(self.refused):
            return []
        self._told = len(self.refused)
        return self.wants()

    def checkpoint(self, now: float) -> RollbackState:
        """Return the state, for the journal."""
        self.state.saved_at = now
        return self.state

    def tick(self, view: FleetView, now: float) -> None:
        """See who has confirmed. The first tick's wishes leave with it."""
        state = self.state
        if self.is_done:
            return
        if state.command_s is None:
            state.command_s = now - state.ordered
            return
        missing, away = self._missing(view, now)
        state.robots_confirmed = len(state.targets) - len(missing | state.refused.keys())
        state.owed = tuple(sorted(missing))
        if missing <= away or now - self._since >= _TIMEOUT_S:
            state.silent = tuple(sorted(missing - away))
            state.tasks = self._tasks(view)
            state.confirm_s = now - state.ordered

    def _missing(self, view: FleetView, now: float) -> tuple[Set[str], Set[str]]:
        """
        Return who has not confirmed, and who is away.

        The last word of a robot that is away may say what it should: nobody knows what it serves.
        """
        targets = self.state.targets
        if self._silent is None:
            view.expect(self.model_id, targets)
            self._silent = Subset(
                targets,
                view.changes(self.model_id),
                lambda robot_id: not view.confirms(targets[robot_id].routing, robot_id),
            )
        away = frozenset(view.unreachable(self.model_id, targets.keys(), now))
        return (self._silent.now() | away) - self.refused.keys(), away

    @property
    def went_back(self) -> tuple[str, ...]:
        """Return the robots that confirmed and had served something else."""
        state = self.state
        return tuple(
            robot_id
            for robot_id in self.put_back()
            if state.targets[robot_id].routing.versions != state.before[robot_id].routing.versions
        )

    def begin_event(self, now: float) -> Event:
        """Return what people are told when it is ordered."""
        return Event(
            time=now,
            kind='rollback',
            level=Level.WARNING,
            text=self.state.reason,
            robots=tuple(sorted(self.state.targets)),
            alert=True,
        )

    def end_event(self, now: float) -> Event:
        """Return what people are told when it is done."""
        is_whole = not (self.refused or self.owed)
        level = Level.WARNING if self.robots_confirmed else Level.ERROR
        return Event(
            time=now,
            kind=self.state.status.value,
            level=Level.INFO if is_whole else level,
            text=self.state.reason,
            robots=tuple(sorted(self.state.targets)),
            alert=True,
        )

    def put_back(self) -> dict[str, str]:
        """Return the version that every robot was given back, of those that took it."""
        return {
            robot_id: target.routing.stable
            for robot_id, target in self.state.targets.items()
            if robot_id not in self.refused and robot_id not in self.owed
        }

    def _tasks(self, view: FleetView) -> int:
        """Count the tasks of the versions that were put away, each since its robot's start."""
        tasks = 0
        for robot_id, target in self.state.targets.items():
            telemetry = view.telemetry(self.model_id, robot_id)
            before = self.state.before.get(robot_id)
            if telemetry is None or before is None:
                continue
            away = {*before.routing.versions, *before.resident} - set(target.routing.versions)
            tasks += sum(
                telemetry.versions[v].tasks.finished for v in away & set(telemetry.versions)
            )
        return tasks

    def load_refused(self, command: LoadVersion, cause: Cause, message: str) -> None:
        """Take a robot's word that it cannot load the version: it stays on what it had."""
        target = self.state.targets.get(command.robot_id)
        if target is not None and command.version == target.routing.stable and not self.is_done:
            self.refused[command.robot_id] = (cause, message)
