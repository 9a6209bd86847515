# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What each robot of a rollout should serve: a pure function of the rollout's state."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set

from hotswap_ros.fleet.changes import Subset
from hotswap_ros.fleet.desired import Desired
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.models import Routing
from hotswap_ros.rollout.state import RolloutState, Status


def desired_of(state: RolloutState, robot_id: str) -> Desired:
    """Return what a robot of the plan should serve and keep resident."""
    previous, version = state.previous[robot_id], state.plan.version
    model_id = state.plan.model_id
    succeeded = state.status is Status.SUCCEEDED
    goes_back = state.status is Status.ROLLING_BACK or (state.status.is_terminal and not succeeded)
    if goes_back or robot_id not in state.staged:
        return Desired(robot_id, Routing(model_id, previous), (previous,), previous)
    if robot_id in state.promoted:
        routing = Routing(model_id, version, activate_at=state.activate_at)
        if robot_id in state.retired:
            return Desired(robot_id, routing, (version,), previous, retired=(previous,))
        return Desired(robot_id, routing, (previous, version), previous)
    routing = Routing(model_id, previous)
    share = state.shares.get(robot_id, 0.0)
    if share and not succeeded:
        routing = Routing(
            model_id,
            previous,
            version,
            share,
            salt=state.rollout_id,
            lease_s=state.plan.lease.total_seconds(),
        )
    elif robot_id in state.shadowed and not succeeded:
        routing = Routing(model_id, previous, shadow=version)
    return Desired(robot_id, routing, (previous, version), previous)


class DesiredRoutings:
    """The wishes of a rollout, kept until `forget` is called because its state has changed."""

    def __init__(self, state: RolloutState) -> None:
        self._state = state
        self._known: dict[str, Desired] = {}
        self._waiting: Subset | None = None
        self._view: FleetView | None = None
        self._told = -1
        #: Rises whenever what robots should serve may have changed.
        self.revision = 0

    def forget(self) -> None:
        """Take note that robots may have to serve something else now."""
        self._known = {}
        self._waiting = None
        self.revision += 1

    def news(self) -> Collection[Desired]:
        """Return everything, where it may have changed since it was returned the last time."""
        if self._told == self.revision:
            return ()
        self._told = self.revision
        return self.all().values()

    def all(self) -> Mapping[str, Desired]:
        """Return what every robot of the plan should serve."""
        if not self._known:
            self._known = {
                robot_id: desired_of(self._state, robot_id) for robot_id in self._state.robots
            }
        return self._known

    def waiting_for(self, view: FleetView, now: float) -> Set[str]:
        """Return the reachable robots that do not yet report what they should serve."""
        model_id = self._state.plan.model_id
        if self._waiting is None or view is not self._view:
            wishes = self.all()
            self._view = view
            self._waiting = Subset(
                wishes,
                view.changes(model_id),
                lambda robot_id: not view.confirms(wishes[robot_id].routing, robot_id),
            )
        waiting = self._waiting.now()
        return waiting - {*view.silent(model_id, now)} if waiting else frozenset()
