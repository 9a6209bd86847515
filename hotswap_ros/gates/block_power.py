# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The power of sequential evidence before a rollout, by simulation.

It draws tasks, or blocks of tasks, at random and feeds them to the evidence of the gate itself.
The draws are seeded, so that the same question always has the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.gates.pairing.blocks import BLOCK_TASKS
from hotswap_ros.gates.pairing.clustering import likely_largest_correlation
from hotswap_ros.gates.result import MIN_TASKS
from hotswap_ros.gates.stats.average import MULTIPLIERS, average_factors
from hotswap_ros.gates.stats.drawn import WEIGHTS, log_factors
from hotswap_ros.gates.stats.evidence import HARM_DROPS, Block, BlockEvidence
from hotswap_ros.plan import Control

#: Probability of finding a drop from which on it is called detectable.
POWER = 0.8
#: Number of simulations, and the seed of their draws.
REPETITIONS = 400
SEED = 20_261_122
Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

#: Tested drops, closer together where they are small; power in between is interpolated.
_DROPS = tuple(0.01 * 1.2**exponent for exponent in range(24))
#: Up to so many blocks are drawn one by one; of more, sums of several blocks are drawn.
_MOST_DRAWS = 100
#: One task of each kind: control failed, control succeeded, candidate failed, candidate succeeded.
TASK_KINDS = (Block(1, 0), Block(1, 1), Block(0, 0, 1, 0), Block(0, 0, 1, 1))
#: Number of block sizes that are drawn for a stage.
_SIZES = 60
_NUMBER_TASKS = 10_000_000


class StageTasks(NamedTuple):
    """
    The number of tasks of both versions that finish in one stage.

    `robots` is the number of robots that share the candidate's tasks.
    """

    candidate: int
    control: int
    robots: int = 1


def design_effect_of(stage: StageTasks, control: Control, rho: float, history: int) -> float:
    """
    Return the likely design effect of a stage's tasks for an intra-class correlation `rho`.

    `history` is the number of earlier tasks of the control; 0: so many that they tell all.
    """
    if control is Control.WITHIN_ROBOTS:
        return 1.0
    robots = max(1, stage.robots)
    known = (history + stage.control) / robots if history else math.inf
    largest = likely_largest_correlation(rho, robots, known)
    size = stage.candidate / robots
    if control is Control.HISTORY:  # The same robots then and now: their shares vary by chance.
        size = 1 + (stage.candidate / history if history else 0.0)
    return max(1.0, 1 + (size - 1) * largest)


@lru_cache(maxsize=64)
def drops_by_evidence(
    control: Control,
    null: float,
    alpha: float,
    stages: tuple[StageTasks, ...],
    rates: tuple[float, float],
    rho: float,
    history: int,
    *,
    on_average: bool = False,
) -> tuple[float, ...]:
    """Return, for the end of each stage, the smallest detectable drop; see detectable_drops."""
    kinds: list[_Blocks | _DrawnTasks] = [
        _DrawnTasks(null, rates, stage, on_average=on_average)
        if control is Control.WITHIN_ROBOTS and stage.candidate and stage.control
        else _Blocks(control, null, rates, stage)
        for stage in stages
    ]
    weights = weights_of(control, null, on_average=on_average)
    effects = [
        design_effect_of(_until(stages, index), control, rho, history)
        for index in range(len(stages))
    ]
    drops = [null + drop for drop in _DROPS if null + drop < rates[0]]

    @cache
    def powers(index: int) -> tuple[float, ...]:
        return _powers(kinds, weights, drops[index], alpha, effects)

    def power(stage: int, index: int) -> float:
        return powers(index)[stage]

    return tuple(
        smallest(drops, partial(power, number))
        if _is_enough(control, stages[: number + 1], effects[number])
        else math.nan
        for number in range(len(stages))
    )


def weights_of(control: Control, null: float, *, on_average: bool) -> Sequence[float]:
    """Return the weights of the alternatives of harm."""
    if on_average:
        return (1,) * len(MULTIPLIERS)
    is_exact = control is Control.WITHIN_ROBOTS and not null
    return WEIGHTS if is_exact else (1,) * len(HARM_DROPS)


def _is_enough(control: Control, stages: Sequence[StageTasks], effect: float) -> bool:
    """Return whether there are enough tasks for a verdict other than INCONCLUSIVE."""
    against_number = control in (Control.FIXED, Control.HISTORY)
    candidate = sum(stage.candidate for stage in stages) / effect
    return candidate >= MIN_TASKS and (
        against_number or sum(stage.control for stage in stages) >= MIN_TASKS
    )


def _until(stages: Sequence[StageTasks], index: int) -> StageTasks:
    """Return the tasks up to the end of a stage, on its robots."""
    done = stages[: index + 1]
    candidate, control = (sum(stage[arm] for stage in done) for arm in (0, 1))
    return StageTasks(candidate, control, stages[index].robots)


def smallest(drops: Sequence[float], power: Callable[[int], float]) -> float:
    """Return the smallest drop with enough power, by bisection."""
    low, high = -1, len(drops)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    if high == len(drops):
        return math.nan
    if high == 0:
        return drops[0]
    part = (POWER - power(low)) / (power(high) - power(low))
    return drops[low] + part * (drops[high] - drops[low])


def _powers(
    kinds: Sequence[_Blocks | _DrawnTasks],
    weights: Sequence[float],
    drop: float,
    alpha: float,
    effects: Sequence[float],
) -> tuple[float, ...]:
    """Return the probability that evidence reaches its limit by the end of each stage."""
    chance = np.random.default_rng(SEED)
    limit = math.log(1 / alpha)
    start = np.zeros((REPETITIONS, 1, len(weights)))
    is_found = np.zeros(REPETITIONS, bool)
    found = []
    for kind, effect in zip(kinds, effects):
        path = start + np.cumsum(kind.draw(drop, chance), axis=1)
        if path.shape[1]:
            start = path[:, -1:, :]
            is_found |= (_log_mean_exp(path / effect, weights) >= limit).any(axis=1)
        found.append(float(is_found.mean()))
    return tuple(found)


def _log_mean_exp(logs: Floats, weights: Sequence[float]) -> Floats:
    top = logs.max(axis=-1)
    mean = np.average(np.exp(logs - top[..., None]), axis=-1, weights=weights)
    found: Floats = top + np.log(mean)
    return found


class _DrawnTasks:
    """The tasks of one stage whose versions are drawn; `rates` are as in _Blocks."""

    def __init__(
        self, null: float, rates: tuple[float, float], stage: StageTasks, *, on_average: bool
    ) -> None:
        self._baseline, known = rates
        self._share = stage.candidate / (stage.candidate + stage.control)
        self._number = stage.candidate + stage.control
        self._outcomes = task_table(null, known, self._share, on_average=on_average)

    def draw(self, drop: float, chance: np.random.Generator) -> Floats:
        """Return log evidence of shape (repetitions, groups of tasks, alternatives)."""
        groups = min(self._number, _MOST_DRAWS)
        sizes = np.diff(np.linspace(0, self._number, groups + 1).astype(int))
        own = max(0.0, self._baseline - drop)
        share = self._share
        chances = (
            (1 - share) * (1 - self._baseline),
            (1 - share) * self._baseline,
            share * (1 - own),
            share * own,
        )
        drawn = chance.multinomial(sizes, chances, size=(REPETITIONS, groups))
        found: Floats = drawn @ self._outcomes
        return found


class _Blocks:
    """
    The blocks of one stage, and the evidence of each possible outcome of a block.

    `rates` are the true rate of the control, and the rate that the gate uses for it.
    """

    def __init__(
        self, control: Control, null: float, rates: tuple[float, float], stage: StageTasks
    ) -> None:
        self._baseline, known = rates
        against_number = control in (Control.FIXED, Control.HISTORY)
        sizes = block_sizes(stage, against_number)
        self._number = int(stage.candidate / sizes[:, 1].mean())
        kinds, self._picks = np.unique(sizes, axis=0, return_inverse=True)
        tables = [
            _table(against_number, null, known, int(control), int(own)) for control, own in kinds
        ]
        self._control, self._own = kinds[:, 0], kinds[:, 1]
        self._places = np.cumsum([0, *(len(table) for table in tables[:-1])])
        self._outcomes = np.concatenate(tables)

    def draw(self, drop: float, chance: np.random.Generator) -> Floats:
        """Return log evidence of shape (repetitions, blocks, alternatives)."""
        if self._number <= _MOST_DRAWS:
            return self._draw(drop, self._number, chance)
        sample = self._draw(drop, 20, chance).reshape(-1, len(HARM_DROPS))
        together = self._number / _MOST_DRAWS
        mean, spread = sample.mean(axis=0) * together, np.cov(sample.T) * together
        shape = (REPETITIONS, _MOST_DRAWS)
        return chance.multivariate_normal(mean, spread, shape, check_valid='ignore')

    def _draw(self, drop: float, blocks: int, chance: np.random.Generator) -> Floats:
        kinds = self._picks[chance.integers(len(self._picks), size=(REPETITIONS, blocks))]
        own = self._own[kinds]
        failed = chance.binomial(self._control[kinds], 1 - self._baseline)
        own_failed = chance.binomial(own, 1 - max(0.0, self._baseline - drop))
        found: Floats = self._outcomes[self._places[kinds] + failed * (own + 1) + own_failed]
        return found


def block_sizes(stage: StageTasks, against_number: bool) -> Ints:
    """Return (control, candidate) tasks of some blocks of a stage, by the rules of Lane."""
    share = stage.candidate / max(1, stage.candidate + stage.control)
    if against_number or not 0 < share < 1:
        return np.array([[0, BLOCK_TASKS]])
    chance = np.random.default_rng(SEED)
    own = chance.binomial(BLOCK_TASKS, share, size=_SIZES)
    rest = BLOCK_TASKS - own
    # A block waits for the missing version, and takes more tasks of the other one.
    waited = chance.geometric(share, _SIZES) - 1, chance.geometric(1 - share, _SIZES) - 1
    sizes = np.where(own == 0, rest + waited[0], rest), np.where(rest == 0, own + waited[1], own)
    found: Ints = np.maximum(1, np.stack(sizes, axis=1))
    return found


@lru_cache(maxsize=64)
def task_table(null: float, baseline: float, share: float, *, on_average: bool) -> Floats:
    """Return the log evidence of harm of a task of each kind, for each alternative."""
    if on_average:
        return np.array(average_factors(share, baseline))
    if not null:
        return np.array(log_factors(share, baseline))
    rows = []
    for task in TASK_KINDS:
        evidence = BlockEvidence([null + drop for drop in HARM_DROPS], null)
        evidence.add(task, baseline, share)
        rows.append(evidence.log_e)
    return np.array(rows)


@lru_cache(maxsize=1024)
def _table(against_number: bool, null: float, baseline: float, control: int, own: int) -> Floats:
    """Return the log evidence of every outcome: by failures of control, then of candidate."""
    rows = []
    for failed in range(control + 1):
        for own_failed in range(own + 1):
            block = Block(control, control - failed, own, own - own_failed)
            if against_number:
                tasks = _NUMBER_TASKS
                block = Block(tasks, baseline * tasks, own, own - own_failed)
            evidence = BlockEvidence([null + drop for drop in HARM_DROPS], null)
            evidence.add(block, baseline)
            rows.append(evidence.log_e)
    return np.array(rows)
