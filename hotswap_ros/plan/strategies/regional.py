# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""RegionalRollout: one region after the other, each watched before it is promoted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from hotswap_ros.plan.base import BasePlan, Strategy
from hotswap_ros.plan.durations import Duration
from hotswap_ros.plan.errors import refuse_unknown
from hotswap_ros.plan.stages import Robot, all_of
from hotswap_ros.plan.steps import SetRouting, Step, Watch

_CANDIDATE_SHARE = 0.5


class RegionalRollout(BasePlan):
    """
    The regions, one after the other.

    Half of a region's tasks stay on the previous version, as the control. Then the region is
    promoted and the next one starts. A failure rolls every region back.
    """

    is_regional: ClassVar[bool] = True

    strategy: Literal[Strategy.REGIONAL_ROLLOUT] = Strategy.REGIONAL_ROLLOUT
    regions: tuple[str, ...] = Field(min_length=1, description='The regions, in this order.')
    delay_between_regions: Duration = Field(
        description='How long each region is watched, the last one too.'
    )
    tasks: int | None = Field(
        None, ge=1, description='Tasks that the candidate has to finish in each region.'
    )
    timeout: Duration = Field(
        timedelta(hours=24), description='How long to wait for the tasks of a region.'
    )

    @field_validator('regions')
    @classmethod
    def _each_once(cls, regions: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({region for region in regions if regions.count(region) > 1})
        if twice:
            raise ValueError(f'region written twice: {", ".join(twice)}: write each region once')
        return regions

    def fit(self, fleet: Sequence[Robot]) -> None:
        """Refuse regions without a robot."""
        known = {robot.region for robot in fleet} - {''}
        refuse_unknown(self.regions, known, "regions: no reachable robot is in region '{}'")

    def steps(self, fleet: Sequence[Robot], salt: str) -> list[Step]:
        """Load, share, watch and promote, for each region with robots to update."""
        watch = self.watch(len(self.regions))
        found: list[Step] = []
        for region in self.regions:
            robots = all_of([robot for robot in fleet if robot.region == region])
            found += self._region(region, robots, watch) if robots else ()
        return found

    def admits(self, robot: Robot) -> bool:
        """Return whether the robot is in one of the regions."""
        return robot.region in self.regions

    @property
    def _is_watched(self) -> bool:
        return bool(self.tasks or self.delay_between_regions)

    def _region(self, region: str, robots: tuple[str, ...], watch: Watch) -> list[Step]:
        load = self.load_step(robots, label=region)
        share: Step = SetRouting(
            robots=robots,
            label=region,
            candidate_share=_CANDIDATE_SHARE,
            timeout_s=self.timeout_s,
            watch=watch,
        )
        observe = self.observe_step(
            robots,
            self.tasks,
            self.delay_between_regions,
            self.timeout,
            label=region,
            proof=self.proof,
        )
        promote = self.promote_step(robots, region)
        return [load, share, observe, promote] if self._is_watched else [load, promote]
