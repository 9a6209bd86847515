# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The routing that each robot of a rollout should serve: a pure function of the state."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set

from hotswap_ros.fleet.changes import Subset
from hotswap_ros.fleet.desired import Desired
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.models import Routing
from hotswap_ros.rollout.robot_progress import RobotProgress
from hotswap_ros.rollout.state import RolloutState
from hotswap_ros.rollout.status import Status


def desired_of(state: RolloutState, robot_id: str) -> Desired:
    """Return what a robot of the plan should serve and keep resident."""
    robot = state.robots[robot_id]
    model_id, previous, version = state.plan.model_id, robot.previous, state.plan.version
    before = (previous,) if previous else ()
    if _goes_back(state.status) or not robot.staged:
        return Desired(robot_id, Routing(model_id, previous), before, previous)
    if robot.promoted:
        routing = Routing(model_id, version, activate_at=state.activate_at)
        if robot.retired:
            return Desired(robot_id, routing, (version,), previous, retired=before)
        return Desired(robot_id, routing, (*before, version), previous)
    return Desired(robot_id, _on_trial(state, robot), (*before, version), previous)


def _on_trial(state: RolloutState, robot: RobotProgress) -> Routing:
    model_id, previous, version = state.plan.model_id, robot.previous, state.plan.version
    if state.status is Status.SUCCEEDED:
        return Routing(model_id, previous)
    if robot.share:
        lease_s = state.plan.lease.total_seconds()
        salt = state.rollout_id
        return Routing(model_id, previous, version, robot.share, salt=salt, lease_s=lease_s)
    return Routing(model_id, previous, shadow=version if robot.shadows else '')


def _goes_back(status: Status) -> bool:
    return status is Status.ROLLING_BACK or (status.is_terminal and status is not Status.SUCCEEDED)


class DesiredRoutings:
    """The desired routings of a rollout, computed again only after its state changed."""

    def __init__(self, state: RolloutState) -> None:
        self._state = state
        self._robots: Mapping[str, RobotProgress] | None = None
        self._basis: tuple[object, ...] = ()
        self._known: Mapping[str, Desired] = {}
        self._waiting: Subset | None = None
        self._view: FleetView | None = None
        self._told = -1
        self._revision = 0

    @property
    def revision(self) -> int:
        """Return a number that rises whenever a desired routing may have changed."""
        self._refresh()
        return self._revision

    def _refresh(self) -> None:
        """Drop all results if the records of the robots have changed."""
        state, status = self._state, self._state.status
        basis = (_goes_back(status), status is Status.SUCCEEDED, state.activate_at)
        if state.robots is not self._robots or basis != self._basis:
            self._robots, self._basis = state.robots, basis
            self._known = {}
            self._waiting = None
            self._revision += 1

    def news(self) -> Collection[Desired]:
        """Return all desired routings if they may have changed since the last call."""
        if self._told == self.revision:
            return ()
        self._told = self.revision
        return self.all().values()

    def all(self) -> Mapping[str, Desired]:
        """Return what every robot of the plan should serve."""
        self._refresh()
        if not self._known:
            names = sorted(self._state.robots)
            self._known = {robot_id: desired_of(self._state, robot_id) for robot_id in names}
        return self._known

    def waiting_for(self, view: FleetView, now: float) -> Set[str]:
        """Return the reachable robots that do not yet report what they should serve."""
        model_id = self._state.plan.model_id
        desired = self.all()
        if self._waiting is None or view is not self._view:
            self._view = view
            self._waiting = Subset(
                desired,
                view.changes(model_id),
                lambda robot_id: not view.confirms(desired[robot_id].routing, robot_id),
            )
        waiting = self._waiting.now()
        return waiting - {*view.all_unreachable(model_id, now)} if waiting else frozenset()
