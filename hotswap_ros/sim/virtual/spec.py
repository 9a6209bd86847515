# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Specification of a virtual fleet."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import Field, model_validator

from hotswap_ros.plan import Section
from hotswap_ros.sim.fleet_layout import labels_of
from hotswap_ros.sim.virtual.outcomes import VersionOutcomes

Positive = Annotated[float, Field(gt=0.0)]


class Placed(NamedTuple):
    """One robot: its name, region and labels."""

    robot_id: str
    region: str
    labels: tuple[str, ...]


class RegionSpec(Section):
    """Robots of one region; `categories` are the shares of their tasks, if they differ."""

    robots: int = Field(ge=1)
    categories: dict[str, Annotated[float, Field(ge=0.0)]] | None = None


class FleetSpec(Section):
    """
    Robots, their versions and the timing of their reports.

    There are `robots` robots without a region, or those of `regions`; within each region they take
    the entries of `labels` in turn, and several labels if an entry has commas. A task with the
    stable version takes `task_s` on average (none: as in the outcomes). A robot sends its counters
    every `telemetry_s`, in which the coordinator ticks `looks` times. A share `message_loss` of
    all messages is lost, the others are delayed by `message_delay_s` on average.
    """

    model_id: str = Field('pick_policy', min_length=1)
    stable: str = Field('v23', min_length=1)
    robots: int = Field(0, ge=0, le=100_000)
    regions: dict[str, RegionSpec] = Field(default_factory=dict)
    labels: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    prefix: str = 'robot_'
    task_s: Positive | None = None
    telemetry_s: Positive = 1.0
    looks: int = Field(20, ge=1, le=100)
    message_loss: float = Field(0.0, ge=0.0, lt=1.0)
    message_delay_s: float = Field(0.0, ge=0.0, le=3600.0)
    resident_limit: int = Field(2, ge=1)

    @model_validator(mode='after')
    def _robots_are_counted_once(self) -> FleetSpec:
        if bool(self.robots) == bool(self.regions):
            found = 'both' if self.robots else 'neither'
            raise ValueError(
                f"give the number of robots by one of 'robots' and 'regions' (found {found})"
            )
        return self

    def placed(self) -> list[Placed]:
        """Return every robot with its place."""
        regions = {name: one.robots for name, one in self.regions.items()} or {'': self.robots}
        digits = max(2, len(str(sum(regions.values()))))
        places = [(name, i) for name, robots in regions.items() for i in range(robots)]
        return [
            Placed(f'{self.prefix}{number:0{digits}}', region, labels_of(self.labels, i))
            for number, (region, i) in enumerate(places, start=1)
        ]

    def mix(self, region: str, stable: VersionOutcomes) -> list[float]:
        """Return the shares of the stable version's categories in a region's tasks."""
        special = self.regions[region].categories if region in self.regions else None
        if special is None:
            return [one.share for one in stable.categories.values()]
        unknown = sorted(special.keys() - stable.categories.keys())
        if unknown or not any(special.values()):
            raise ValueError(
                f"'categories' of region '{region}' names {', '.join(unknown) or 'nothing'} "
                f'(known: {", ".join(stable.categories)})'
            )
        return [special.get(name, 0.0) for name in stable.categories]

    def stretch(self, stable: VersionOutcomes) -> float:
        """Return the factor between a task's duration and that of the outcomes."""
        return 1.0 if self.task_s is None else self.task_s / stable.mean_s
