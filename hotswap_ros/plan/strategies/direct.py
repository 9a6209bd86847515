# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Direct: named robots, all at once, all or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from hotswap_ros.plan.base import BasePlan, Strategy
from hotswap_ros.plan.errors import refuse_unknown
from hotswap_ros.plan.stages import Robot, all_of
from hotswap_ros.plan.steps import Step


class Direct(BasePlan):
    """
    The version on `target_devices`, or on all robots, at once and without a gate.

    If one robot cannot load the version or does not confirm, all of them are rolled back. A robot
    that serves nothing yet takes part as well, and serves nothing again after a rollback.
    """

    can_prove: ClassVar[bool] = False
    needs_previous: ClassVar[bool] = False

    strategy: Literal[Strategy.DIRECT] = Strategy.DIRECT
    target_devices: tuple[str, ...] | None = Field(
        None, min_length=1, description='Names of the robots. Left out means all robots.'
    )

    def fit(self, fleet: Sequence[Robot]) -> None:
        """Refuse targets that are not reachable."""
        known = {robot.robot_id for robot in fleet}
        problem = "targetDevices: no reachable robot is named '{}'"
        refuse_unknown(self.target_devices or (), known, problem)

    def steps(self, fleet: Sequence[Robot], salt: str) -> list[Step]:
        """Load on all robots, then promote on all robots."""
        targets = self.target_devices
        robots = tuple(name for name in all_of(fleet) if targets is None or name in targets)
        if not robots:
            return []
        return [self.load_step(robots), self.promote_step(robots)]

    def admits(self, robot: Robot) -> bool:
        """Return whether the plan is for all robots."""
        return self.target_devices is None
