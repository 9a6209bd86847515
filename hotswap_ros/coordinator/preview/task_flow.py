# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Flow of tasks to each version while a plan runs: shares times present rates."""

from __future__ import annotations

import math
from typing import NamedTuple

from hotswap_ros.coordinator.preview.preview import Traffic
from hotswap_ros.gates import MIN_TASKS, StageTasks
from hotswap_ros.plan import Control, Facts, Observe, Ramp, SetRouting, Watch

#: Steps of a ramp that are told apart; of a finer one, several are put together.
_MOST_LEGS = 8


class Leg(NamedTuple):
    """
    A time in which the shares do not change: its tasks and its length (NaN: not known).

    `waits_s` is how long its tasks are waited for.
    """

    tasks: StageTasks
    seconds: float
    waits_s: float = 0.0


class Flow:
    """Follows the steps of a plan: who serves what, and what comes of it."""

    def __init__(self, facts: Facts, traffic: Traffic) -> None:
        self.robots = {robot.robot_id: robot for robot in facts.robots}
        known = [rate for rate in traffic.tasks_per_s.values() if rate > 0]
        #: Whether tasks come at a rate that is known; else rates are relative ones.
        self.is_known = bool(known)
        usual = sum(known) / len(known) if known else 1.0
        self._rates = {
            name: traffic.tasks_per_s.get(name, usual) if known else usual for name in self.robots
        }
        self._shares: dict[str, float] = {}
        self._shadowed: set[str] = set()

    def route(self, step: SetRouting) -> None:
        """Take the step: what serves as Runner's actions would have it."""
        self._shadowed.difference_update(step.robots)
        if step.shadow:
            self._shadowed.update(step.robots)
        for name in step.robots:
            self._shares.pop(name, None)
            if step.candidate_share:
                self._shares[name] = step.candidate_share

    def reaches_all(self, step: Ramp) -> bool:
        """Return whether the flag ends at 1 by itself."""
        return not step.schedule or step.schedule[-1][1] >= 1

    def legs(self, step: Observe | Ramp, watch: Watch) -> tuple[Leg, ...]:
        """Return the times of a step with the tasks that the watch sees in each."""
        if isinstance(step, Ramp):
            return self._of_ramp(step, watch)
        return (self._of_observation(step, watch),)

    def _of_observation(self, step: Observe, watch: Watch) -> Leg:
        own, control = self._per_second(watch)
        counts = control if watch.subject == 'shadow' else own
        if step.each_arm:
            counts = min(own, control)
        waits_s = step.tasks / counts if counts else math.inf
        if not step.tasks:
            waits_s = 0.0
        robots = len(self._shadowed if watch.subject == 'shadow' else self._shares)
        if not self.is_known:
            # Rates are relative: they share out the tasks that the plan names, and no more.
            tasks = StageTasks(*_whole(own, control, waits_s), max(1, robots))
            return Leg(tasks, math.nan if step.tasks else step.duration_s)
        seconds = max(step.duration_s, waits_s)
        if math.isinf(seconds):
            return Leg(StageTasks(0, 0), math.nan, seconds)
        tasks = StageTasks(*_whole(own, control, seconds), max(1, robots))
        return Leg(tasks, seconds, waits_s)

    def _per_second(self, watch: Watch) -> tuple[float, float]:
        """Return tasks per second of the candidate and of what it is held against."""
        if watch.subject == 'shadow':
            return 0.0, sum(self._rates[name] for name in self._shadowed)
        own = sum(self._rates[name] * share for name, share in self._shares.items())
        return own, self._control(watch, own, sum(self._rates[name] for name in self._shares))

    def _control(self, watch: Watch, own: float, together: float) -> float:
        control = watch.criteria.control
        if control in (Control.FIXED, Control.HISTORY):
            return 0.0
        if control is Control.ACROSS_ROBOTS:
            together = sum(self._rates.values())
        return max(0.0, together - own)

    def _of_ramp(self, step: Ramp, watch: Watch) -> tuple[Leg, ...]:
        together = sum(self._rates[name] for name in step.robots)
        legs: list[Leg] = []
        idle_s = step.schedule[0][0] if step.schedule else 0.0
        for seconds, share in _shares_of(step):
            if not share:
                idle_s += seconds
                continue
            own = together * share
            control = self._control(watch, own, together)
            if not self.is_known:
                # So many tasks at least have to be in before the flag goes up.
                counts = _whole(own, control, MIN_TASKS / own)
                legs.append(Leg(StageTasks(*counts, len(step.robots)), math.nan))
                continue
            waits_s = MIN_TASKS / own
            lasts_s = max(seconds, waits_s)
            counts = _whole(own, control, lasts_s)
            legs.append(Leg(StageTasks(*counts, len(step.robots)), lasts_s, waits_s))
        self._shares.update(dict.fromkeys(step.robots, 1.0))
        return _put_together(legs, idle_s)


def _whole(own: float, control: float, seconds: float) -> tuple[int, int]:
    if math.isinf(seconds):
        return 0, 0
    return round(own * seconds), round(control * seconds)


def _shares_of(step: Ramp) -> list[tuple[float, float]]:
    """Return how long each share lasts, as the plan has it, but for the last one of 1."""
    if not step.schedule:
        count = math.ceil(1 / step.step - 1e-9)
        return [(step.interval_s, min(1.0, step.step * (i + 1))) for i in range(count)]
    ends = [after_s for after_s, _ in step.schedule[1:]]
    return [(end - after_s, share) for (after_s, share), end in zip(step.schedule, ends)]


def _put_together(legs: list[Leg], idle_s: float) -> tuple[Leg, ...]:
    """Return a few legs instead of many."""
    if not legs:
        return (Leg(StageTasks(0, 0), idle_s),)
    size = math.ceil(len(legs) / _MOST_LEGS)
    groups = [legs[start : start + size] for start in range(0, len(legs), size)]
    merged = [
        Leg(
            StageTasks(
                sum(leg.tasks.candidate for leg in group),
                sum(leg.tasks.control for leg in group),
                group[0].tasks.robots,
            ),
            sum(leg.seconds for leg in group),
            max(leg.waits_s for leg in group),
        )
        for group in groups
    ]
    merged[0] = merged[0]._replace(seconds=merged[0].seconds + idle_s)
    return tuple(merged)
