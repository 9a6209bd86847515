# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The values of an A/B report."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from hotswap_ros.gates.analysis.by_category import Categories
from hotswap_ros.gates.analysis.by_robot import RobotView
from hotswap_ros.gates.analysis.figures import FigureDifference
from hotswap_ros.gates.analysis.replay import Replay
from hotswap_ros.gates.stats.intervals import Interval

#: A sample ratio with a smaller p value is a broken assignment.
RATIO_ALARM = 0.001


class Action(str, enum.Enum):
    """The recommended action."""

    PROMOTE = 'promote'
    KEEP = 'keep'
    REPEAT = 'repeat'
    GO_ON = 'go on'


@dataclass(frozen=True)
class Question:
    """
    The question of a trial, which must be decided before the first look.

    `tolerance` is the tolerated drop and `matters` the smallest relevant gain, as differences of
    success rates. `share` is the planned share of units of the candidate (0 to 1); None: not
    known. A running trial has `planned` tasks per version and `looks`; planned 0: it has ended.
    A failed task, or one that takes longer, counts as `duration_limit_s` seconds where durations
    are compared; None: as the longest duration of the trial.
    """

    tolerance: float = 0.02
    matters: float = 0.02
    alpha: float = 0.05
    one_sided: bool = False
    share: float | None = None
    planned: int = 0
    looks: int = 5
    duration_limit_s: float | None = None


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
    """The test that units were assigned to the versions as planned."""

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
    The power of the trial.

    `power` is the power for the smallest relevant gain; `tasks_needed` tasks per version give a
    power of 0.8. `tasks_needed_not_inferior` tasks per version show that two equal versions are
    not worse than the tolerance. `detectable_drop` is found with power 0.8. 0 tasks: no number is
    enough.
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

    `difference` is candidate − control among comparable tasks, `pooled` that of all tasks.
    `interval`, `p_value` (one- or two-sided, as the question says) and `not_inferior_p` come with
    it from one method (see Comparison), with `unit` and `strata`, in which `compared` tasks are.
    They are NaN if the robots are too few. The p value decides below `limit`. The interval leaves
    out `tail` on each side: it excludes zero if and only if the two-sided p value decides, and
    "worse by the tolerance" if and only if `not_inferior_p` is below `tail`. `even_p` is the p
    value of an assignment of one half to each version if the plan is not known; NaN if it is.
    `apart` is a sentence if the versions never ran at the same time, `data_warnings` are those of
    the reader.
    """

    question: Question
    control: Arm
    candidate: Arm
    design: str
    pooled: float
    difference: float
    interval: Interval
    p_value: float
    limit: float
    tail: float
    chi_square: float
    unit: str
    strata: int
    compared: int
    effect_size: float
    not_inferior_p: float
    size: Size
    robots: RobotView | None
    categories: Categories | None
    figures: tuple[FigureDifference, ...]
    stuck_ratio: float
    stuck_p: float
    ratio: RatioCheck | None
    even_p: float
    replay: Replay | None
    looks: tuple[Look, ...]
    left_out: int
    notes: tuple[str, ...]
    action: Action = Action.KEEP
    sentence: str = ''
    warnings: tuple[str, ...] = ()
    apart: str = ''
    data_warnings: tuple[str, ...] = ()

    @property
    def is_decidable(self) -> bool:
        """Return whether the robots are enough for a p value."""
        return not math.isnan(self.p_value)

    @property
    def is_running(self) -> bool:
        """Return whether the trial has not reached its planned size."""
        done = bool(self.looks) and self.looks[-1].fraction >= 1
        return bool(self.question.planned) and not done
