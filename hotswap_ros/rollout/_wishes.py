# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What each robot of a rollout should serve: a pure function of the rollout's state."""

from __future__ import annotations

from hotswap_ros.models import Routing
from hotswap_ros.rollout._desired import Desired
from hotswap_ros.rollout._state import RolloutState, Status


def wish(state: RolloutState, robot_id: str) -> Desired:
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
