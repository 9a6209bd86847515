# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Faults of simulated robots, by command and by schedule.

`FaultBook.tick` gives the `Conditions` of each robot at a time; a fleet of any kind applies them
to its robots.
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

from hotswap_ros.plan import PlanError, Section, parse_text, problems_of, read_text_file


class FaultKind(str, Enum):
    """Kinds of faults; `CLEAR` ends all others."""

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
    """Unit, default and range of a fault's magnitude."""

    unit: str
    usual: float
    low: float
    high: float


MAGNITUDES = {
    FaultKind.SLOW_NETWORK: Magnitude('s', 0.5, 0.0, 60.0),
    FaultKind.CLOCK_JUMP: Magnitude('s', 3600.0, -1e9, 1e9),
    FaultKind.SENSOR_DRIFT: Magnitude('m', 0.006, -0.1, 0.1),
}
#: Default duration of a reboot in seconds.
REBOOT_S = 2.0


class FaultError(ValueError):
    """A fault, or a file of faults, is invalid; the text names field, value and remedy."""


class UnknownRobotError(FaultError):
    """A fault names robots that are not simulated."""


class Fault(Section):
    """
    One fault.

    It begins `at_s` seconds after the start, and ends after `duration_s` seconds (0: when it is
    cleared); a reboot always ends. `robots` are names or patterns such as 'robot_0*'; empty: every
    robot. `magnitude` is in the unit of the kind; 0: its default.
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
                f'magnitude is {self.magnitude:g}, but {self.fault.value} has none: remove it'
            )
        if known is not None and not known.low <= self.magnitude <= known.high:
            raise ValueError(
                f'magnitude is {self.magnitude:g}, but {self.fault.value} takes '
                f'{known.low:g} to {known.high:g} {known.unit}'
            )
        if self.duration_s and self.fault in (FaultKind.KILL, FaultKind.CLEAR):
            raise ValueError(
                f'duration_s is {self.duration_s:g}, but {self.fault.value} has no duration: '
                'remove it'
            )
        return self

    @property
    def size(self) -> float:
        """Return the magnitude, in the unit of the kind."""
        known = MAGNITUDES.get(self.fault)
        return self.magnitude or (known.usual if known else 0.0)

    @property
    def lasts_s(self) -> float:
        """Return its duration in seconds; infinite: until it is cleared."""
        return self.duration_s or (REBOOT_S if self.fault is FaultKind.REBOOT else math.inf)


_FAULTS = TypeAdapter(tuple[Fault, ...])


def load_faults(path: Path | str) -> tuple[Fault, ...]:
    """Read a schedule, a YAML or JSON list of faults. Raises FaultError."""
    try:
        data = parse_text(read_text_file(Path(path)))
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
    The conditions of a robot at a moment.

    `kills` counts the kills of its process so far; `rebooting` includes a clean stop, `powered`
    false does not. `delay_s` is the additional delay of each message.
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
    The scheduled and active faults of a fleet.

    A second fault of a kind replaces the first on the same robot. `can_kill`: each robot has its
    own process. Raises FaultError for a schedule that this fleet cannot follow.
    """

    def __init__(
        self, robot_ids: Collection[str], schedule: Iterable[Fault] = (), can_kill: bool = False
    ) -> None:
        self._robot_ids = tuple(robot_ids)
        self._can_kill = can_kill
        # Faults with the same time happen in the order of the schedule.
        self._count = itertools.count()
        self._coming: list[tuple[float, int, Fault]] = []
        # An entry with another time was replaced or cleared.
        self._ends: list[tuple[float, int, tuple[str, FaultKind]]] = []
        self._until: dict[tuple[str, FaultKind], float] = {}
        self._conditions: dict[str, Conditions] = {}
        for fault in schedule:
            self.inject(fault, 0.0)

    def inject(self, fault: Fault, now_s: float) -> tuple[str, ...]:
        """
        Add a fault that begins `at_s` from now; return its robots. Raises FaultError.

        `tick` returns its effect.
        """
        if fault.fault is FaultKind.KILL and not self._can_kill:
            raise FaultError(
                "fault 'kill' needs a robot with its own process, but these robots share one: use "
                "'power_off', or start the robot with sim_robot"
            )
        robot_ids = self._named(fault)
        heapq.heappush(self._coming, (now_s + fault.at_s, next(self._count), fault))
        return robot_ids

    def conditions(self, robot_id: str) -> Conditions:
        """Return the conditions of a robot at the last tick."""
        return self._conditions.get(robot_id, Conditions())

    def tick(self, now_s: float) -> dict[str, Conditions]:
        """Begin and end the faults that are due; return the conditions that changed, by robot."""
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
        """Apply the first entry that is due, ends before beginnings; return the new conditions."""
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
        """Return the robots of a fault. Raises UnknownRobotError."""
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
