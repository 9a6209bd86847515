# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Clocks of robots, compared with the clock of the coordinator."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from hotswap_ros.fleet.events import EventKind, EventLog, Level
from hotswap_ros.text import counted, few, skew_words

#: A clock is wrong beyond this, in seconds: robots would visibly not swap at one instant.
TOLERANCE_S = 1.0

#: Window in which the fastest message is searched, in seconds; twice that at most.
_WINDOW_S = 10.0

#: Least number of messages: a single late message must not look like a late clock.
_LEAST = 3

#: A clock is correct again below this part of the tolerance.
_RIGHT_AGAIN = 0.5

#: Least time between two alerts, in seconds.
_TELL_S = 5.0

#: Number of robots that an alert names.
_NAMED = 5


@dataclass
class _Clock:
    """
    How far ahead the robot's clock seemed in its fastest message, in two windows of time.

    `since` is when the newer window began, `heard` the number of messages in both.
    """

    since: float
    newer: float = -math.inf
    older: float = -math.inf
    heard: int = 0


class Clocks:
    """
    Compares the time in each message of a robot with the time of its arrival.

    Transport makes the robot's clock look late, never early. So the skew is taken from the message
    that makes it look earliest, among those of the last seconds: the error of the estimate is the
    transport time of the fastest message.
    """

    def __init__(self) -> None:
        self._clocks: dict[str, _Clock] = {}
        self._off: dict[str, float] = {}

    def hear(self, robot_id: str, clock: float, now: float) -> None:
        """Take a robot's message with the time `clock` that came at `now` (seconds)."""
        known = self._clocks.get(robot_id)
        if known is None:
            known = self._clocks[robot_id] = _Clock(now)
        if now - known.since >= _WINDOW_S:
            is_gap = now - known.since >= 2 * _WINDOW_S
            known.older = -math.inf if is_gap else known.newer
            known.heard = 0 if is_gap else known.heard
            known.newer, known.since = -math.inf, now
        known.newer = max(known.newer, clock - now)
        known.heard += 1
        skew_s = self.skew_s(robot_id)
        if skew_s is not None and abs(skew_s) > TOLERANCE_S * _RIGHT_AGAIN:
            self._off[robot_id] = skew_s
        else:
            self._off.pop(robot_id, None)

    def forget(self, robot_id: str) -> None:
        """Forget a robot."""
        self._clocks.pop(robot_id, None)
        self._off.pop(robot_id, None)

    def skew_s(self, robot_id: str) -> float | None:
        """Return by how much a robot's clock is ahead; negative: behind; None: unknown."""
        known = self._clocks.get(robot_id)
        if known is None or known.heard < _LEAST:
            return None
        return max(known.newer, known.older)

    def is_right(self, robot_id: str) -> bool:
        """Return whether a robot's clock is known to be correct."""
        skew_s = self.skew_s(robot_id)
        return skew_s is not None and abs(skew_s) <= TOLERANCE_S

    @property
    def off(self) -> Mapping[str, float]:
        """Return the skews, in seconds, of the clocks that may be wrong."""
        return self._off

    def are_all(self, robot_ids: Collection[str]) -> bool:
        """Return whether these are all the robots whose clock is known."""
        return all(r in robot_ids or self.skew_s(r) is None for r in self._clocks)


class ClockWatch:
    """Tells people which robots' clocks are wrong, each time once."""

    def __init__(self, clocks: Clocks, log: EventLog) -> None:
        self._clocks = clocks
        self._log = log
        self._wrong: dict[str, float] = {}
        self._looked = -math.inf

    def look(self, now: float) -> None:
        """Say the alerts that are due."""
        if now - self._looked < _TELL_S:
            return
        self._looked = now
        wrong = {
            robot_id: skew_s
            for robot_id, skew_s in self._clocks.off.items()
            if robot_id in self._wrong or abs(skew_s) > TOLERANCE_S
        }
        new = {robot_id: wrong[robot_id] for robot_id in sorted(wrong.keys() - self._wrong.keys())}
        unknown = {
            r: skew_s for r, skew_s in self._wrong.items() if self._clocks.skew_s(r) is None
        }
        over = sorted(self._wrong.keys() - wrong.keys() - unknown.keys())
        self._wrong = wrong | unknown
        if new:
            all_are = len(wrong) > 1 and self._clocks.are_all(wrong)
            self._say(now, Level.WARNING, [*new], _wrong_words(new, all_are))
        if over:
            text = f'{few(over)} {"has" if len(over) == 1 else "have"} the correct time again'
            self._say(now, Level.INFO, over, text)

    def _say(self, now: float, level: Level, robots: Sequence[str], text: str) -> None:
        self._log.say(now, EventKind.CLOCK, level, text, robots, alert=True)


def _wrong_words(new: Mapping[str, float], all_are: bool) -> str:
    named = ', '.join(f'{robot_id} {skew_words(new[robot_id])}' for robot_id in [*new][:_NAMED])
    more = f' and {len(new) - _NAMED} more' if len(new) > _NAMED else ''
    text = f"{counted(new)} with a clock that differs from the coordinator's: {named}{more}: "
    if all_are:
        text += "all robots differ: correct the coordinator's clock first, and restart it; "
    text += 'synchronize the clocks with NTP (chrony). Until then these robots swap when they '
    return text + 'receive the command, not at the agreed instant'
