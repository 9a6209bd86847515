# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
What goes wrong with simulated robots, on command and on schedule.

This says which robot is in which trouble at which time, and nothing of how trouble is made: a
fleet of any kind asks `FaultBook.tick` and brings its robots into the `Conditions` that it says.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from hotswap_ros.plan import PlanError, Section, parse_text, problems_of


class FaultKind(str, Enum):
    """What can go wrong; `CLEAR` ends everything else."""

    POWER_OFF = 'power_off'
    REBOOT = 'reboot'
    PARTITION = 'partition'
    SLOW_NETWORK = 'slow_network'
    FULL_DISK = 'full_disk'
    CLOCK_JUMP = 'clock_jump'
    SENSOR_DRIFT = 'sensor_drift'
    DUPLICATE_ID = 'duplicate_id'
    KILL = 'kill'
    CLEAR = 'clear'


class Magnitude(NamedTuple):
    """What a fault's magnitude is counted in, what is usual, and what is possible."""

    unit: str
    usual: float
    low: float
    high: float


MAGNITUDES = {
    FaultKind.SLOW_NETWORK: Magnitude('s', 0.5, 0.0, 60.0),
    FaultKind.CLOCK_JUMP: Magnitude('s', 3600.0, -1e9, 1e9),
    FaultKind.SENSOR_DRIFT: Magnitude('m', 0.006, -0.1, 0.1),
}
#: Seconds that a robot is away for a reboot that does not say how long.
REBOOT_S = 2.0


class FaultError(ValueError):
    """A fault, or a file of faults, is not sound; the text names field, value and remedy."""


class UnknownRobotError(FaultError):
    """A fault names robots that are not simulated."""


class Fault(Section):
    """
    One thing that goes wrong.

    It begins `at_s` seconds after the start, and ends by itself after `duration_s` seconds, 0:
    when it is cleared; a reboot always ends. `robots` are names or patterns such as 'robot_0*';
    none: every robot. `magnitude` is in the unit of the kind; 0: what is usual.
    """

    at_s: float = Field(0.0, ge=0.0)
    fault: FaultKind
    robots: tuple[str, ...] = ()
    duration_s: float = Field(0.0, ge=0.0)
    magnitude: float = 0.0

    @model_validator(mode='after')
    def _is_possible(self) -> Fault:
        known = MAGNITUDES.get(self.fault)
        if known is None and self.magnitude:
            raise ValueError(
                f'magnitude is {self.magnitude:g}, but {self.fault.value} has none: leave it out'
            )
        if known is not None and not known.low <= self.magnitude <= known.high:
            raise ValueError(
                f'magnitude is {self.magnitude:g}, but {self.fault.value} takes '
                f'{known.low:g} to {known.high:g} {known.unit}'
            )
        if self.duration_s and self.fault in (FaultKind.KILL, FaultKind.CLEAR):
            raise ValueError(
                f'duration_s is {self.duration_s:g}, but {self.fault.value} takes no time: '
                'leave it out'
            )
        return self

    @property
    def size(self) -> float:
        """Return the magnitude, in the unit of the kind."""
        known = MAGNITUDES.get(self.fault)
        return self.magnitude or (known.usual if known else 0.0)

    @property
    def lasts_s(self) -> float:
        """Return after how many seconds it ends by itself, infinite: never."""
        return self.duration_s or (REBOOT_S if self.fault is FaultKind.REBOOT else math.inf)


_FAULTS = TypeAdapter(tuple[Fault, ...])


def load_faults(path: Path | str) -> tuple[Fault, ...]:
    """Read a schedule, a YAML or JSON list of faults. Raises FaultError."""
    try:
        data = parse_text(Path(path).read_text())
    except OSError as error:
        raise FaultError(f'{path} cannot be read: {error.strerror or error}') from error
    except (PlanError, ValueError, yaml.YAMLError) as error:
        raise FaultError(f'{path} is not YAML or JSON: {" ".join(str(error).split())}') from error
    try:
        return _FAULTS.validate_python(data)
    except ValidationError as error:
        raise FaultError(f'{path}: {"; ".join(problems_of(error))}') from error


@dataclass(frozen=True)
class Conditions:
    """
    What a robot is in at a moment.

    `kills` counts how often its process was killed so far; `rebooting` goes with a clean stop,
    `powered` false without. `delay_s` is how much longer each message takes on its way.
    """

    powered: bool = True
    rebooting: bool = False
    partitioned: bool = False
    delay_s: float = 0.0
    disk_full: bool = False
    clock_shift_s: float = 0.0
    camera_drift_m: float = 0.0
    duplicated: bool = False
    kills: int = 0


#: The field of Conditions that a fault sets.
_FIELDS = {
    FaultKind.POWER_OFF: 'powered',
    FaultKind.REBOOT: 'rebooting',
    FaultKind.PARTITION: 'partitioned',
    FaultKind.SLOW_NETWORK: 'delay_s',
    FaultKind.FULL_DISK: 'disk_full',
    FaultKind.CLOCK_JUMP: 'clock_shift_s',
    FaultKind.SENSOR_DRIFT: 'camera_drift_m',
    FaultKind.DUPLICATE_ID: 'duplicated',
}


class FaultBook:
    """
    The faults of a fleet: those that are scheduled, and those that robots are in.

    A second fault of a kind takes the place of the first on the same robot. `can_kill`: each robot
    has a process of its own. Raises FaultError for a schedule that this fleet cannot follow.
    """

    def __init__(
        self,
        robot_ids: Collection[str],
        schedule: Iterable[Fault] = (),
        can_kill: bool = False,
    ) -> None:
        self._robot_ids = tuple(robot_ids)
        self._can_kill = can_kill
        # What is due at once happens in the order in which it was said.
        self._count = itertools.count()
        self._coming: list[tuple[float, int, Fault]] = []
        # A key whose time is another by now was replaced or cleared.
        self._ends: list[tuple[float, int, tuple[str, FaultKind]]] = []
        self._until: dict[tuple[str, FaultKind], float] = {}
        self._conditions: dict[str, Conditions] = {}
        for fault in schedule:
            self.inject(fault, 0.0)

    def inject(self, fault: Fault, now_s: float) -> tuple[str, ...]:
        """
        Let a fault begin `at_s` after now; return whom it is for. Raises FaultError.

        `tick` tells what comes of it.
        """
        if fault.fault is FaultKind.KILL and not self._can_kill:
            raise FaultError(
                "fault 'kill' needs a robot in a process of its own, and these share one: use "
                "'power_off', or start the robot with sim_robot"
            )
        robot_ids = self._named(fault)
        heapq.heappush(self._coming, (now_s + fault.at_s, next(self._count), fault))
        return robot_ids

    def conditions(self, robot_id: str) -> Conditions:
        """Return what a robot is in, as of the last tick."""
        return self._conditions.get(robot_id, Conditions())

    def tick(self, now_s: float) -> dict[str, Conditions]:
        """Let begin and end what is due; return what those robots are in whom it changed."""
        before: dict[str, Conditions] = {}
        while (due := self._next_due(now_s)) is not None:
            for robot_id, changed in due.items():
                before.setdefault(robot_id, self.conditions(robot_id))
                self._conditions[robot_id] = changed
        return {
            robot_id: self.conditions(robot_id)
            for robot_id, old in before.items()
            if self.conditions(robot_id) != old
        }

    def _next_due(self, now_s: float) -> dict[str, Conditions] | None:
        """Do what is due first, ends before beginnings; return what it makes of whom."""
        while self._ends and self._until.get(self._ends[0][2]) != self._ends[0][0]:
            heapq.heappop(self._ends)
        begins = self._coming[0][0] if self._coming else math.inf
        ends = self._ends[0][0] if self._ends else math.inf
        if min(begins, ends) > now_s:
            return None
        if ends <= begins:
            key = heapq.heappop(self._ends)[2]
            del self._until[key]
            return {key[0]: self._without(*key)}
        fault = heapq.heappop(self._coming)[2]
        return {robot_id: self._with(robot_id, fault, begins) for robot_id in self._named(fault)}

    def _with(self, robot_id: str, fault: Fault, begins: float) -> Conditions:
        old = self.conditions(robot_id)
        kind = fault.fault
        if kind is FaultKind.CLEAR:
            for other in FaultKind:
                self._until.pop((robot_id, other), None)
            return Conditions(kills=old.kills)
        if kind is FaultKind.KILL:
            return replace(old, kills=old.kills + 1)
        until = self._until[robot_id, kind] = begins + fault.lasts_s
        heapq.heappush(self._ends, (until, next(self._count), (robot_id, kind)))
        value = fault.size if kind in MAGNITUDES else kind is not FaultKind.POWER_OFF
        return replace(old, **{_FIELDS[kind]: value})  # type: ignore[arg-type]

    def _without(self, robot_id: str, kind: FaultKind) -> Conditions:
        name = _FIELDS[kind]
        return replace(self.conditions(robot_id), **{name: getattr(Conditions(), name)})

    def _named(self, fault: Fault) -> tuple[str, ...]:
        """Return the robots that a fault is for. Raises UnknownRobotError."""
        if not fault.robots:
            return self._robot_ids
        for pattern in fault.robots:
            if not any(fnmatchcase(robot_id, pattern) for robot_id in self._robot_ids):
                shown = ', '.join(self._robot_ids[:3])
                raise UnknownRobotError(
                    f"robot '{pattern}' is not simulated here: name one of {shown}"
                    f'{" …" if len(self._robot_ids) > 3 else ""}, or a pattern that fits some'
                )
        return tuple(
            robot_id
            for robot_id in self._robot_ids
            if any(fnmatchcase(robot_id, pattern) for pattern in fault.robots)
        )
