# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
What a gate on success can see, before there is anything to see.

The sequential method is tried out on blocks drawn by chance, with the evidence of the gate itself;
the methods that look once have formulas. The same question has the same answer: the draws are
seeded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from statistics import NormalDist
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.gates._blocks import BLOCK_TASKS
from hotswap_ros.gates._clusters import ASSUMED_CORRELATION
from hotswap_ros.gates._evidence import HARM_DROPS, Block, BlockEvidence, DrawnEvidence
from hotswap_ros.gates._intervals import wilson_interval
from hotswap_ros.gates._result import MIN_TASKS
from hotswap_ros.gates._split import split_alpha
from hotswap_ros.plan import Control, Method, SuccessCriteria

#: How often a drop has to be found to be called detectable: 4 times in 5.
POWER = 0.8
Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

#: Drops that are tried, finer where they are small; in between the power is taken to be straight.
_DROPS = tuple(0.01 * 1.2**exponent for exponent in range(24))
_REPETITIONS = 400
#: Blocks that are drawn one by one; of more, the sums of several are.
_MOST_DRAWS = 100
#: Sizes of blocks that are drawn for a stage, and drawn from again.
_SIZES = 60
_SEED = 20_261_122
_NUMBER_TASKS = 10_000_000
_NORMAL = NormalDist()


class StageTasks(NamedTuple):
    """
    Tasks of one stage of a watch: those of both versions that finish in it.

    `robots` have the candidate's tasks among them.
    """

    candidate: int
    control: int
    robots: int = 1


def detectable_drops(
    criteria: SuccessCriteria,
    stages: Sequence[StageTasks],
    baseline: float,
    *,
    watch_stages: int = 1,
    correlation: float | None = None,
    history: int = 0,
) -> tuple[float, ...]:
    """
    Return, for the end of each stage, the smallest drop of success that is found 4 times in 5.

    `baseline` is the control's rate; `watch_stages` those over which a fixed-horizon test splits
    its alpha. `correlation` is the intra-class correlation of robots, where they are compared;
    None: not known. `history` is how many tasks of it a comparison with history rests on; 0: so
    many that the rate is exact. A gate carries its evidence on, so that later stages count the
    earlier ones, but for the methods that look at the data of one stage. NaN where nothing is
    found, as of too few tasks.
    """
    alpha = split_alpha(criteria.alpha, ())['success']
    rho = ASSUMED_CORRELATION if correlation is None else correlation
    null = criteria.max_success_drop
    null = null if criteria.harm_null == 'not_worse_than_tolerance' else 0.0
    number = baseline
    if criteria.control is Control.HISTORY and history:
        number = wilson_interval(baseline * history, history).low  # as Baseline has it
    if criteria.method is not Method.SEQUENTIAL:
        limit = alpha / max(1, watch_stages)
        threshold = criteria.max_success_drop
        is_plain = criteria.method is Method.THRESHOLD
        return tuple(
            _of_one_look(
                stage,
                baseline,
                baseline - number + (threshold if is_plain else null),
                0.5 if is_plain else limit,
                criteria.control,
                rho,
            )
            for stage in stages
        )
    rates = round(baseline, 3), round(number, 3)
    return _of_evidence(criteria.control, null, alpha, tuple(stages), rates, round(rho, 3))


# -- methods that look once ----------------------------------------------------------------------


def _of_one_look(
    stage: StageTasks, baseline: float, null: float, alpha: float, control: Control, rho: float
) -> float:
    """
    Return the drop whose test statistic is beyond its critical value 4 times in 5.

    The normal approximation of the difference of two proportions, or of one and a number, with
    effective sample sizes. With an alpha of one half it is the plain threshold.

    Source: Fleiss, Levin, Paik 2003, "Statistical Methods for Rates and Proportions", section 4.2.
    """
    against_number = control in (Control.FIXED, Control.HISTORY)
    if stage.candidate < MIN_TASKS or (stage.control < MIN_TASKS and not against_number):
        return math.nan
    effect = 1.0 if control is Control.WITHIN_ROBOTS else _design_effect(stage, rho)
    n = stage.candidate / effect
    n_control = math.inf if against_number else stage.control / effect
    quantiles = _NORMAL.inv_cdf(1 - alpha), _NORMAL.inv_cdf(POWER)

    def falls_short(drop: float) -> bool:
        rate = baseline - drop
        # The test knows no rates but those that it observes, put together as the null says.
        share = 0.0 if against_number else n / (n + n_control)
        pooled = (1 - share) * baseline + share * (rate + null)
        under_null = math.sqrt(_variance(pooled, n_control) + _variance(pooled - null, n))
        under_drop = math.sqrt(_variance(baseline, n_control) + _variance(rate, n))
        return drop - null < quantiles[0] * under_null + quantiles[1] * under_drop

    low, high = null, baseline
    if falls_short(high):
        return math.nan
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if falls_short(middle) else (low, middle)
    return high


def _variance(rate: float, n: float) -> float:
    return rate * (1 - rate) / n


def _design_effect(stage: StageTasks, rho: float) -> float:
    return max(1.0, 1 + (stage.candidate / max(1, stage.robots) - 1) * rho)


# -- evidence that is looked at all the time -----------------------------------------------------


@lru_cache(maxsize=64)
def _of_evidence(
    control: Control,
    null: float,
    alpha: float,
    stages: tuple[StageTasks, ...],
    rates: tuple[float, float],
    rho: float,
) -> tuple[float, ...]:
    kinds = [_Blocks(control, null, rates, stage) for stage in stages]
    effects = [_effect_at(control, stages, index, rho) for index in range(len(stages))]
    drops = [null + drop for drop in _DROPS if null + drop < rates[0]]

    @cache
    def powers(index: int) -> tuple[float, ...]:
        return _powers(kinds, drops[index], alpha, effects)

    def power(stage: int, index: int) -> float:
        return powers(index)[stage]

    return tuple(
        _smallest(drops, partial(power, number))
        if _is_enough(control, stages[: number + 1])
        else math.nan
        for number in range(len(stages))
    )


def _is_enough(control: Control, stages: Sequence[StageTasks]) -> bool:
    """Return whether the gate could say anything but that it cannot decide."""
    against_number = control in (Control.FIXED, Control.HISTORY)
    candidate = sum(stage.candidate for stage in stages)
    return candidate >= MIN_TASKS and (
        against_number or sum(stage.control for stage in stages) >= MIN_TASKS
    )


def _effect_at(control: Control, stages: Sequence[StageTasks], index: int, rho: float) -> float:
    if control is Control.WITHIN_ROBOTS:
        return 1.0
    tasks = sum(stage.candidate for stage in stages[: index + 1])
    return _design_effect(StageTasks(tasks, 0, stages[index].robots), rho)


def _smallest(drops: Sequence[float], power: Callable[[int], float]) -> float:
    """Return from which drop on the power is high enough, by bisection."""
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
    kinds: Sequence[_Blocks], drop: float, alpha: float, effects: Sequence[float]
) -> tuple[float, ...]:
    """Return how often evidence has reached its limit by the end of each stage."""
    chance = np.random.default_rng(_SEED)
    limit = math.log(1 / alpha)
    start = np.zeros((_REPETITIONS, 1, len(HARM_DROPS)))
    is_found = np.zeros(_REPETITIONS, bool)
    found = []
    for kind, effect in zip(kinds, effects):
        path = start + np.cumsum(kind.draw(drop, chance), axis=1)
        if path.shape[1]:
            start = path[:, -1:, :]
            is_found |= (_log_mean_exp(path / effect) >= limit).any(axis=1)
        found.append(float(is_found.mean()))
    return tuple(found)


def _log_mean_exp(logs: Floats) -> Floats:
    top = logs.max(axis=-1)
    found: Floats = top + np.log(np.exp(logs - top[..., None]).mean(axis=-1))
    return found


class _Blocks:
    """
    The blocks of one stage, and what evidence each possible outcome of one brings.

    `rates` are the control's, and what the gate takes for it.
    """

    def __init__(
        self, control: Control, null: float, rates: tuple[float, float], stage: StageTasks
    ) -> None:
        self._baseline, known = rates
        is_drawn = control is Control.WITHIN_ROBOTS and not null
        against_number = control in (Control.FIXED, Control.HISTORY)
        sizes = _sizes(stage, against_number)
        self._number = int(stage.candidate / sizes[:, 1].mean())
        kinds, self._picks = np.unique(sizes, axis=0, return_inverse=True)
        tables = [
            _table(is_drawn, against_number, null, known, int(control), int(own))
            for control, own in kinds
        ]
        self._control, self._own = kinds[:, 0], kinds[:, 1]
        self._places = np.cumsum([0, *(len(table) for table in tables[:-1])])
        self._outcomes = np.concatenate(tables)

    def draw(self, drop: float, chance: np.random.Generator) -> Floats:
        """Return evidence: repetitions by blocks by alternatives."""
        if self._number <= _MOST_DRAWS:
            return self._draw(drop, self._number, chance)
        sample = self._draw(drop, 20, chance).reshape(-1, len(HARM_DROPS))
        together = self._number / _MOST_DRAWS
        mean, spread = sample.mean(axis=0) * together, np.cov(sample.T) * together
        shape = (_REPETITIONS, _MOST_DRAWS)
        return chance.multivariate_normal(mean, spread, shape, check_valid='ignore')

    def _draw(self, drop: float, blocks: int, chance: np.random.Generator) -> Floats:
        kinds = self._picks[chance.integers(len(self._picks), size=(_REPETITIONS, blocks))]
        own = self._own[kinds]
        failed = chance.binomial(self._control[kinds], 1 - self._baseline)
        own_failed = chance.binomial(own, 1 - max(0.0, self._baseline - drop))
        found: Floats = self._outcomes[self._places[kinds] + failed * (own + 1) + own_failed]
        return found


def _sizes(stage: StageTasks, against_number: bool) -> Ints:
    """Return (control, candidate) tasks of some blocks of a stage, as they fill up: see Blocks."""
    share = stage.candidate / max(1, stage.candidate + stage.control)
    if against_number or not 0 < share < 1:
        return np.array([[0, BLOCK_TASKS]])
    chance = np.random.default_rng(_SEED)
    own = chance.binomial(BLOCK_TASKS, share, size=_SIZES)
    rest = BLOCK_TASKS - own
    # The version that is missing is waited for, with more tasks of the other.
    waited = chance.geometric(share, _SIZES) - 1, chance.geometric(1 - share, _SIZES) - 1
    sizes = np.where(own == 0, rest + waited[0], rest), np.where(rest == 0, own + waited[1], own)
    found: Ints = np.maximum(1, np.stack(sizes, axis=1))
    return found


@lru_cache(maxsize=1024)
def _table(
    is_drawn: bool, against_number: bool, null: float, baseline: float, control: int, own: int
) -> Floats:
    """Return the evidence of every outcome of a block: by failures of the control, of its own."""
    rows = []
    for failed in range(control + 1):
        for own_failed in range(own + 1):
            block = Block(control, control - failed, own, own - own_failed)
            if against_number:
                tasks = _NUMBER_TASKS
                block = Block(tasks, baseline * tasks, own, own - own_failed)
            evidence: DrawnEvidence | BlockEvidence
            if is_drawn:
                evidence = DrawnEvidence(HARM_DROPS)
            else:
                evidence = BlockEvidence([null + drop for drop in HARM_DROPS], null)
            evidence.add(block, baseline)
            rows.append(evidence.log_e)
    return np.array(rows)
