# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What happened in a rollout, in the order in which it did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hotswap_ros.rollout._kinds import Kind
from hotswap_ros.rollout._state import Event, Level


class Say(Protocol):
    """Tells people what happened."""

    def __call__(
        self,
        now: float,
        kind: Kind,
        level: Level,
        text: str,
        robots: Sequence[str] = (),
        *,
        alert: bool = False,
    ) -> None: ...


class Log:
    """Keeps events until they are taken."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    def say(
        self,
        now: float,
        kind: Kind,
        level: Level,
        text: str,
        robots: Sequence[str] = (),
        *,
        alert: bool = False,
    ) -> None:
        """Put down what happened; `alert`: a person must know."""
        self._events.append(
            Event(time=now, kind=kind, level=level, text=text, robots=tuple(robots), alert=alert)
        )

    def take(self) -> list[Event]:
        """Return what happened since the last call."""
        events, self._events = self._events, []
        return events
