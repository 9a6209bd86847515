# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A rollback that somebody ordered: put versions back and see every robot confirm."""

from __future__ import annotations

from collections.abc import Mapping

from hotswap_ros.rollout._desired import Desired, LoadVersion, same_content
from hotswap_ros.rollout._fleet import FleetView
from hotswap_ros.rollout._state import Cause


class Rollback:
    """
    One rollback in progress.

    `targets` is what robots should serve, `before` what they return to when a robot cannot load
    it. It is done when every reachable robot confirms; the others are owed it, and get it when
    they are heard again. Seconds count from the order.
    """

    def __init__(
        self,
        model_id: str,
        targets: Mapping[str, Desired],
        before: Mapping[str, Desired],
        now: float,
    ) -> None:
        self.model_id = model_id
        self.robots_total = len(targets)
        self.robots_confirmed = 0
        self.owed: tuple[str, ...] = ()
        self.command_s: float | None = None
        self.confirm_s: float | None = None
        self.cause = Cause.NONE
        self.error = ''
        self._targets = targets
        self._before = before
        self._ordered = now

    @property
    def is_done(self) -> bool:
        """Return whether every reachable robot confirmed, or it failed."""
        return self.confirm_s is not None or self.cause is not Cause.NONE

    def wants(self) -> list[Desired]:
        """Return what the robots should serve."""
        source = self._targets if self.cause is Cause.NONE else self._before
        return [source[robot_id] for robot_id in self._targets]

    def tick(self, view: FleetView, now: float) -> None:
        """See who has confirmed. The first tick's wishes leave with it."""
        if self.is_done:
            return
        if self.command_s is None:
            self.command_s = now - self._ordered
            return
        confirmed = {robot_id for robot_id in self._targets if self._serves(view, robot_id)}
        self.robots_confirmed = len(confirmed)
        missing = self._targets.keys() - confirmed
        self.owed = tuple(sorted(view.unreachable(self.model_id, missing, now)))
        if len(missing) == len(self.owed):
            self.confirm_s = now - self._ordered

    def load_refused(self, command: LoadVersion, cause: Cause, message: str) -> None:
        """Take a robot's word that it cannot load the version: everything stays as it was."""
        target = self._targets.get(command.robot_id)
        if target is not None and command.version == target.routing.stable and not self.is_done:
            self.cause = cause
            self.error = f'{command.robot_id} cannot load {command.version}: {message}'

    def _serves(self, view: FleetView, robot_id: str) -> bool:
        report = view.report(self.model_id, robot_id)
        wanted = self._targets[robot_id].routing
        return report is not None and same_content(report.routing, wanted)
