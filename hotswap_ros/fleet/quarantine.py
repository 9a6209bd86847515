# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What people are told of robots that cannot be told from one another."""

from __future__ import annotations

from hotswap_ros.fleet.events import Event, EventKind, Level
from hotswap_ros.fleet.view import FleetView


class QuarantineWatch:
    """Tells people which robots came into quarantine or left it, each time once."""

    def __init__(self, view: FleetView) -> None:
        self._view = view
        self._known: set[tuple[str, str]] = set()

    @property
    def robots(self) -> tuple[str, ...]:
        """Return the names that two robots claimed at the last look, whatever they serve."""
        return tuple(sorted({robot_id for _, robot_id in self._known}))

    def look(self, now: float) -> list[Event]:
        """Return the alerts that are due."""
        before, after = self._known, set(self._view.quarantined)
        self._known = after
        put_in = [
            _event(now, Level.ERROR, robot_id, _why(self._view, model_id, robot_id))
            for model_id, robot_id in sorted(after - before)
        ]
        let_out = [
            _event(
                now, Level.INFO, robot_id, f'{robot_id} is one robot again and out of quarantine'
            )
            for _, robot_id in sorted(before - after)
        ]
        return put_in + let_out


def _event(now: float, level: Level, robot_id: str, text: str) -> Event:
    return Event(
        time=now,
        kind=EventKind.QUARANTINED,
        level=level,
        text=text,
        robots=(robot_id,),
        alert=True,
    )


def _why(view: FleetView, model_id: str, robot_id: str) -> str:
    servers = view.claimants(model_id, robot_id)
    if len(servers) > 1:
        names = ' and '.join(sorted(servers))
        what = f"{len(servers)} robots call themselves '{robot_id}' ({names})"
        remedy = "give one of them another parameter 'robot_id'"
    else:
        what = f"'{robot_id}' and another robot share the model server's name {''.join(servers)}"
        remedy = 'give one of them another namespace'
    return f'{what}: nothing is sent to either until only one has been heard for a while; {remedy}'
