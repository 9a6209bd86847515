# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a gate on a shadow can see, before there is anything to see."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from hotswap_ros.gates._evidence import STAKES
from hotswap_ros.gates._gate import spenders
from hotswap_ros.gates._intervals import wilson_interval
from hotswap_ros.gates._power_of_blocks import POWER, REPETITIONS, SEED, Ints
from hotswap_ros.gates._result import MIN_TASKS
from hotswap_ros.gates._split import split_alpha
from hotswap_ros.plan import SuccessCriteria

#: Of more tasks no more is promised than of these.
_MOST_TASKS = 10_000
#: More evidence than this, as a logarithm, is no more than enough.
_ENOUGH = 100.0


def detectable_disagreement(criteria: SuccessCriteria, tasks: int) -> float:
    """
    Return the smallest share of decisions made otherwise that the gate finds 4 times in 5.

    Tasks are taken to agree in every decision or in none: of all ways to come to a share this is
    the one that is seen last, as growth is concave in what one task brings. NaN where the criteria
    ask for no agreement, and of too few tasks.
    """
    asked = criteria.min_shadow_agreement
    if asked is None or asked >= 1 or tasks < MIN_TASKS:
        return math.nan
    alpha = split_alpha(criteria.alpha, spenders(criteria))['shadow']
    return _smallest(round(1 - asked, 6), alpha, min(tasks, _MOST_TASKS))


def bound_without_disagreement(tasks: int) -> float:
    """
    Return how far success can differ at most if no task has any disagreement; NaN of too few.

    The upper end of the 95% interval (Wilson) of the share of tasks with one, as the verdict on a
    shadow has it.
    """
    return wilson_interval(0, tasks).high if tasks >= MIN_TASKS else math.nan


@lru_cache(maxsize=64)
def _smallest(allowed: float, alpha: float, tasks: int) -> float:
    """Return the share from which on the power is high enough, by bisection."""
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
    """Return, after each task, with how many apart the evidence of RateEvidence is enough."""
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
