# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What an A/B report holds."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from hotswap_ros.gates.analysis.by_robot import HourView, RobotView
from hotswap_ros.gates.analysis.replay import Replay
from hotswap_ros.gates.stats.intervals import Interval

#: A sample ratio with a smaller p is taken for a broken assignment.
RATIO_ALARM = 0.001


class Action(str, enum.Enum):
    """What to do."""

    PROMOTE = 'promote'
    KEEP = 'keep'
    REPEAT = 'repeat'
    GO_ON = 'go on'


@dataclass(frozen=True)
class Question:
    """
    What a trial was to answer; to be settled before it is looked at.

    `matters` is the smallest gain that would be worth a new version. `share` is the share of units
    that was to be given to the candidate, None: one half, where robots were dealt out. `planned`
    tasks per version and `looks` describe a trial that is still running, planned 0: it has ended.
    """

    tolerance: float = 0.02
    matters: float = 0.02
    alpha: float = 0.05
    one_sided: bool = False
    share: float | None = None
    planned: int = 0
    looks: int = 5


@dataclass(frozen=True)
class Arm:
    """One version: counts, success rate with its Wilson interval, p95 latency with its own."""

    version: str
    tasks: int
    successes: int
    rate: float
    interval: Interval
    robots: int
    stuck: int
    latency_p95_ms: float
    latency_interval: Interval
    latency_n: int
    latency_unit: str


@dataclass(frozen=True)
class RatioCheck:
    """Whether units were dealt out as planned."""

    unit: str
    control: int
    candidate: int
    share: float
    p_value: float

    @property
    def is_alarm(self) -> bool:
        """Return whether the assignment is broken."""
        return self.p_value < RATIO_ALARM


@dataclass(frozen=True)
class Size:
    """
    What the trial could see.

    `power` is for the smallest gain that matters and `tasks_needed` the tasks per version that
    give it 0.8; `tasks_needed_not_inferior` those that show two equal versions to be not worse by
    the tolerance. `detectable_drop` is found with power 0.8. 0 tasks: no number would do.
    """

    power: float
    tasks_needed: int
    tasks_needed_not_inferior: int
    detectable_drop: float


@dataclass(frozen=True)
class Look:
    """A planned look at a running trial: z against its Lan-DeMets O'Brien-Fleming bound."""

    fraction: float
    z: float
    bound: float


@dataclass(frozen=True)
class Analysis:
    """
    The whole report.

    `interval` is Newcombe's, of the difference candidate − control. `p_values` are by method, all
    for the question as it was put (one- or two-sided); the decision rests on the largest of them.
    """

    question: Question
    control: Arm
    candidate: Arm
    design: str
    difference: float
    interval: Interval
    chi_square: float
    p_values: dict[str, float]
    effect_size: float
    not_inferior_p: float
    size: Size
    robots: RobotView | None
    hours: HourView | None
    stuck_ratio: float
    stuck_p: float
    ratio: RatioCheck | None
    replay: Replay | None
    looks: tuple[Look, ...]
    left_out: int
    notes: tuple[str, ...]
    action: Action = Action.KEEP
    sentence: str = ''
    warnings: tuple[str, ...] = ()

    @property
    def p_value(self) -> float:
        """Return the p value that the decision rests on."""
        return max(self.p_values.values())

    @property
    def is_running(self) -> bool:
        """Return whether the trial has not reached its planned size."""
        done = bool(self.looks) and self.looks[-1].fraction >= 1
        return bool(self.question.planned) and not done
