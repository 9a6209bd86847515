# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The power of a gate before a rollout: the smallest drop of success that it can find.

Simulation for the sequential method, formulas for the methods that look once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from hotswap_ros.gates.block_power import (
    POWER,
    REPETITIONS,
    SEED,
    Ints,
    StageTasks,
    design_effect_of,
    drops_by_evidence,
)
from hotswap_ros.gates.checks.of_criteria import alpha_of
from hotswap_ros.gates.pairing.blocks import BLOCK_TASKS
from hotswap_ros.gates.pairing.clustering import ASSUMED_CORRELATION
from hotswap_ros.gates.result import MIN_TASKS
from hotswap_ros.gates.stats.evidence import STAKES
from hotswap_ros.gates.stats.intervals import wilson_interval
from hotswap_ros.plan import Control, Method, SuccessCriteria

_NORMAL = NormalDist()


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
    Return, for the end of each stage, the smallest drop of success (0 to 1) found 4 times in 5.

    `baseline` is the control's success rate; `watch_stages` is the number of stages over which a
    fixed-horizon test splits its alpha. `correlation` is the intra-class correlation of robots, if
    robots are compared; None: unknown. `history` is the number of earlier tasks that a comparison
    with history uses; 0: so many that the rate is exact. The sequential method keeps the evidence
    of earlier stages, the other methods use the data of one stage. NaN where no drop can be found,
    for example with too few tasks.
    """
    alpha = alpha_of(criteria)['success']
    rho = ASSUMED_CORRELATION if correlation is None else correlation
    null = criteria.max_success_drop
    null = null if criteria.harm_null == 'not_worse_than_tolerance' else 0.0
    number = baseline
    if criteria.control is Control.HISTORY and history:
        number = wilson_interval(baseline * history, history).low  # The same as in Baseline.
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
                design_effect_of(stage, criteria.control, rho, history),
                criteria.control,
            )
            for stage in stages
        )
    rates = round(baseline, 3), round(number, 3)
    rho = round(rho, 3)
    return drops_by_evidence(
        criteria.control,
        null,
        alpha,
        tuple(stages),
        rates,
        rho,
        history,
        on_average=criteria.is_on_average,
    )


def _of_one_look(
    stage: StageTasks, baseline: float, null: float, alpha: float, effect: float, control: Control
) -> float:
    """
    Return the drop whose test statistic exceeds its critical value 4 times in 5.

    It uses the normal approximation of the difference of two proportions, or of one and a number,
    with effective sample sizes. An alpha of 0.5 stands for the plain threshold.

    Source: Fleiss, Levin, Paik 2003, "Statistical Methods for Rates and Proportions", section 4.2.
    """
    against_number = control in (Control.FIXED, Control.HISTORY)
    if stage.candidate < MIN_TASKS or (stage.control < MIN_TASKS and not against_number):
        return math.nan
    if control is Control.WITHIN_ROBOTS:
        effect = _effect_of_blocks(stage)
    n = stage.candidate / effect
    n_control = math.inf if against_number else stage.control / effect
    quantiles = _NORMAL.inv_cdf(1 - alpha), _NORMAL.inv_cdf(POWER)

    def falls_short(drop: float) -> bool:
        rate = baseline - drop
        # The test pools the observed rates as the null says.
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


def _effect_of_blocks(stage: StageTasks) -> float:
    """
    Return by how much the comparison within blocks makes the variance larger.

    The variance within a block of N tasks is N/(N − 1) times that of two independent samples, and
    on average half a block is still open at the end of the stage.

    Source: Mantel, Haenszel 1959, JNCI 22.
    """
    kept = 1 - BLOCK_TASKS / 2 / (stage.candidate + stage.control)
    return BLOCK_TASKS / (BLOCK_TASKS - 1) / kept


def _variance(rate: float, n: float) -> float:
    return rate * (1 - rate) / n


#: More tasks than these are treated as so many.
_MOST_TASKS = 10_000

#: The logarithm of evidence is cut off here, far above any limit, so that it does not overflow.
_ENOUGH = 100.0


def detectable_disagreement(criteria: SuccessCriteria, tasks: int) -> float:
    """
    Return the smallest share (0 to 1) of different decisions that the gate finds 4 times in 5.

    Each task is taken to agree in every decision or in none. Of all distributions with the same
    share, the gate finds this one last, because growth is concave in the share of one task. NaN if
    the criteria require no agreement, and with too few tasks.
    """
    asked = criteria.min_shadow_agreement
    if asked is None or asked >= 1 or tasks < MIN_TASKS:
        return math.nan
    alpha = alpha_of(criteria)['shadow']
    return _smallest(round(1 - asked, 6), alpha, min(tasks, _MOST_TASKS))


def bound_without_disagreement(tasks: int) -> float:
    """
    Return the largest possible difference of success (0 to 1) if no task has a disagreement.

    It is the upper end of the 95% interval (Wilson) of the share of tasks with a disagreement, as
    in the verdict on a shadow. NaN with too few tasks.
    """
    return wilson_interval(0, tasks).high if tasks >= MIN_TASKS else math.nan


@lru_cache(maxsize=64)
def _smallest(allowed: float, alpha: float, tasks: int) -> float:
    """Return the smallest share with enough power, by bisection."""
    draws = np.random.default_rng(SEED).random((REPETITIONS, tasks), dtype=np.float32)
    limit = _fails_from(allowed, alpha, tasks)

    def is_found(share: float) -> bool:
        apart = np.cumsum(draws < share, axis=1, dtype=np.int32)
        return bool((apart >= limit).any(axis=1).mean() >= POWER)

    low, high = allowed, 1.0
    if not is_found(high):
        return math.nan
    while high - low > 0.001:
        middle = (low + high) / 2
        low, high = (low, middle) if is_found(middle) else (middle, high)
    return high


def _fails_from(allowed: float, alpha: float, tasks: int) -> Ints:
    """Return, after each task, the disagreements at which RateEvidence reaches its limit."""
    done = np.arange(1, tasks + 1)
    low, high = np.zeros(tasks, int), done + 1
    while (high - low > 1).any():
        middle = (low + high) // 2
        evidence = np.zeros(tasks)
        for stake in STAKES:
            gain, loss = math.log1p(stake * (1 / allowed - 1)), math.log1p(-stake)
            logs = middle * gain + (done - middle) * loss
            evidence += np.exp(np.minimum(logs, _ENOUGH)) / len(STAKES)
        is_enough = evidence >= 1 / alpha
        low, high = np.where(is_enough, low, middle), np.where(is_enough, middle, high)
    return high
