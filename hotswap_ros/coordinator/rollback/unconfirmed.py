# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Pending rollbacks: robots that have not confirmed a rollback that has ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hotswap_ros.coordinator import sentences
from hotswap_ros.coordinator.rollback.ended import EndedRollback
from hotswap_ros.fleet.desired_fleet import DesiredFleet
from hotswap_ros.fleet.events import EventKind, EventLog, Level
from hotswap_ros.fleet.view import FleetView


@dataclass
class PendingRollback:
    """The unconfirmed robots of a rollback, each with the version that it should serve."""

    rollout_id: str
    model_id: str
    robots: dict[str, str]


class PendingRollbacks:
    """Waits until robots confirm a rollback, or should serve another version than that."""

    def __init__(
        self,
        view: FleetView,
        desired: DesiredFleet,
        log: EventLog,
        pending: Iterable[PendingRollback],
    ) -> None:
        self._view = view
        self._desired = desired
        self._log = log
        self._pending = list(pending)

    def add(self, rollbacks: Iterable[EndedRollback]) -> None:
        """Wait for the unconfirmed robots of rollbacks whose end is in the journal."""
        self._pending += [
            PendingRollback(rollback.rollout_id, rollback.model_id, dict(rollback.unconfirmed))
            for rollback in rollbacks
            if rollback.unconfirmed
        ]

    def tick(self, now: float) -> None:
        """Say which robots have confirmed, and which should serve another version."""
        for pending in self._pending:
            dropped = [r for r in pending.robots if self._is_dropped(pending, r)]
            self._settle(pending, EventKind.ROLLBACK_DROPPED, dropped, now)
            confirmed = [r for r in pending.robots if self._is_confirmed(pending, r, now)]
            self._settle(pending, EventKind.ROLLBACK_CONFIRMED, confirmed, now)
        self._pending = [pending for pending in self._pending if pending.robots]

    def _is_dropped(self, pending: PendingRollback, robot_id: str) -> bool:
        desired = self._desired.get(pending.model_id, robot_id)
        return desired is None or desired.routing.stable != pending.robots[robot_id]

    def _is_confirmed(self, pending: PendingRollback, robot_id: str, now: float) -> bool:
        desired = self._desired.get(pending.model_id, robot_id)
        return (
            desired is not None
            and self._view.is_reachable(pending.model_id, robot_id, now)
            and self._view.confirms(desired.routing, robot_id)
        )

    def _settle(
        self, pending: PendingRollback, kind: EventKind, robots: list[str], now: float
    ) -> None:
        if not robots:
            return
        robots.sort()
        versions = '/'.join(sorted({pending.robots.pop(robot_id) for robot_id in robots}))
        is_confirmed = kind is EventKind.ROLLBACK_CONFIRMED
        text = (sentences.confirmed if is_confirmed else sentences.dropped)(robots, versions)
        self._log.say(
            now,
            kind,
            Level.INFO,
            text,
            robots,
            alert=is_confirmed,
            rollout_id=pending.rollout_id,
        )
