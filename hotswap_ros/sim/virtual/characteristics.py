# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Operating characteristics of a plan, over many rollouts in virtual time."""

from __future__ import annotations

import math
import multiprocessing
import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from hotswap_ros.gates import Interval, wilson_interval
from hotswap_ros.plan import Plan
from hotswap_ros.rollout import Status
from hotswap_ros.sim.virtual.quick import RolloutEnd, World, simulate_rollout


@dataclass(frozen=True)
class Share:
    """A share of the repetitions, with its 95% interval."""

    count: int
    repetitions: int

    @property
    def rate(self) -> float:
        """Return the share."""
        return self.count / self.repetitions

    @property
    def interval(self) -> Interval:
        """Return the Wilson interval."""
        return wilson_interval(self.count, self.repetitions)


@dataclass(frozen=True)
class Characteristics:
    """
    The results of a plan in a `world`.

    `by_stage` counts rollbacks by the stage that was reached. `tasks` are those of the candidate
    until each rollback, sorted. `lost` is the mean number of tasks lost to the candidate until the
    rollout ended, compared with no rollout, and `lost_error` its standard error. `seconds` is the
    median length of a rollout in the world's time.
    """

    world: World
    rolled_back: Share
    promoted: Share
    paused: Share
    by_stage: tuple[int, ...]
    tasks: tuple[int, ...]
    lost: float
    lost_error: float
    lost_per_rollback: float
    seconds: float

    def tasks_within(self, share: float) -> float:
        """Return the number of tasks within which this share of rollbacks began; NaN: none did."""
        if not self.tasks:
            return math.nan
        return float(self.tasks[max(0, math.ceil(share * len(self.tasks)) - 1)])

    @property
    def lost_per_thousand(self) -> float:
        """Return the number of tasks in a thousand that a promoted candidate loses."""
        return 1000 * (self.world.stable - self.world.candidate)


def characterize(
    plan: Plan,
    world: World,
    repetitions: int = 400,
    seed: int = 1,
    jobs: int = 1,
    progress: Callable[[], None] = lambda: None,
) -> Characteristics:
    """
    Run `repetitions` rollouts in `jobs` processes; `progress` is called after each.

    The same seed gives the same figures with any number of processes, and the same random numbers
    at every success rate, which reduces the noise of differences.
    """
    ends = []
    for end in _run(plan, world, [f'{seed}/{number}' for number in range(repetitions)], jobs):
        ends.append(end)
        progress()
    return summarize(plan, world, ends)


def _run(plan: Plan, world: World, seeds: list[str], jobs: int) -> Iterator[RolloutEnd]:
    run = partial(simulate_rollout, plan, world)
    if jobs == 1:
        yield from map(run, seeds)
        return
    # Spawned: a fork would copy locks of the thread that shows the progress.
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        yield from pool.map(run, seeds, chunksize=max(1, min(20, len(seeds) // (4 * jobs))))


def summarize(plan: Plan, world: World, ends: list[RolloutEnd]) -> Characteristics:
    """Return the characteristics of many rollouts."""
    n = len(ends)
    back = [end for end in ends if end.status in (Status.ROLLING_BACK, Status.ROLLED_BACK)]
    losses = [end.lost for end in ends]
    stages = range(1, len(plan.effective_stages) + 1)
    return Characteristics(
        world=world,
        rolled_back=Share(len(back), n),
        promoted=Share(sum(end.status is Status.SUCCEEDED for end in ends), n),
        paused=Share(sum(end.status is Status.PAUSED for end in ends), n),
        by_stage=tuple(sum(end.stage == stage for end in back) for stage in stages),
        tasks=tuple(sorted(end.candidate_tasks for end in back)),
        lost=statistics.fmean(losses),
        lost_error=statistics.stdev(losses) / math.sqrt(n) if n > 1 else math.nan,
        lost_per_rollback=statistics.fmean(end.lost for end in back) if back else math.nan,
        seconds=statistics.median(end.seconds for end in ends),
    )
