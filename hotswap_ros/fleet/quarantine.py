# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Alerts of robots in quarantine: two that use one robot_id, or one server name."""

from __future__ import annotations

from hotswap_ros.fleet.events import EventKind, EventLog, Level
from hotswap_ros.fleet.view import FleetView


class QuarantineWatch:
    """Tells people which robots came into quarantine or left it, each time once."""

    def __init__(self, view: FleetView, log: EventLog) -> None:
        self._view = view
        self._log = log
        self._known: set[tuple[str, str]] = set()

    @property
    def robots(self) -> tuple[str, ...]:
        """Return the duplicate robot_ids at the last look, whatever the robots serve."""
        return tuple(sorted({robot_id for _, robot_id in self._known}))

    def look(self, now: float) -> None:
        """Say the alerts that are due."""
        before, after = self._known, set(self._view.quarantined)
        self._known = after
        for model_id, robot_id in sorted(after - before):
            self._say(now, Level.ERROR, robot_id, _why(self._view, model_id, robot_id))
        for _, robot_id in sorted(before - after):
            text = f'{robot_id} is one robot again and no longer in quarantine'
            self._say(now, Level.INFO, robot_id, text)

    def _say(self, now: float, level: Level, robot_id: str, text: str) -> None:
        self._log.say(now, EventKind.QUARANTINED, level, text, (robot_id,), alert=True)


def _why(view: FleetView, model_id: str, robot_id: str) -> str:
    servers = view.servers_of(model_id, robot_id)
    if len(servers) > 1:
        names = ' and '.join(sorted(servers))
        what = f"duplicate robot_id: {len(servers)} robots use '{robot_id}' ({names})"
        remedy = "give one of them another parameter 'robot_id'"
    else:
        what = f"'{robot_id}' and another robot use one model server name, {''.join(servers)}"
        remedy = 'give one of them another namespace'
    return (
        f'{what}: both are quarantined, and get no commands until only one of them has been '
        f'heard for a while; {remedy}'
    )
