# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Stratified comparison of two rates, for one look that is planned beforehand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from hotswap_ros.gates.stats.evidence import Block, log_choose
from hotswap_ros.gates.stats.intervals import Interval

#: If the variance of all failures is below this, their distribution is computed exactly. Above it,
#: the normal distribution is close enough: a p-value of 0.01 has an error of at most 10%.
_EXACT_BELOW = 400.0
_TINY = 1e-15
_NORMAL_95 = NormalDist().inv_cdf(0.975)


def weighted_drop(block: Block) -> tuple[float, float]:
    """
    Return the drop in a stratum times its weight, and the weight; zeros if one side is empty.

    Source: Mantel, Haenszel 1959, JNCI 22, for differences as in Cochran 1954, Biometrics 10.
    """
    tasks = block.control_tasks + block.candidate_tasks
    if not (block.control_tasks and block.candidate_tasks):
        return 0.0, 0.0
    weight = block.control_tasks * block.candidate_tasks / tasks
    drop = block.control_successes / block.control_tasks
    return weight * (drop - block.candidate_successes / block.candidate_tasks), weight


def stratified_drop(strata: Iterable[Block]) -> float:
    """Return the weighted mean of the drops in the strata; NaN if nothing can be compared."""
    parts = [weighted_drop(block) for block in strata]
    weight = sum(part for _, part in parts)
    return sum(part for part, _ in parts) / weight if weight else math.nan


def stratified_test(strata: Iterable[Block]) -> float:
    """
    Return the one-sided p-value against "in no stratum is the candidate worse".

    Given the number of failed tasks of a stratum, and if no outcome depends on the version, the
    candidate's failures are hypergeometric, for any rate of the stratum. The p-value is the
    probability of at least so many failures in all strata; 1 if nothing can be compared.

    Source: Cochran 1954, Biometrics 10; Mantel, Haenszel 1959, JNCI 22; exact: Gart 1970,
    Biometrika 57.
    """
    tables = [found for block in strata if (found := _failures(block)) is not None]
    failed = sum(own for own, *_ in tables)
    expected = variance = 0.0
    for _, together, n, total in tables:
        share = n / total
        expected += together * share
        rest = (total - together) / (total - 1)
        variance += together * share * (1 - share) * rest
    if not variance:
        return 1.0
    if variance < _EXACT_BELOW:
        return min(1.0, _exact_tail([margins for _, *margins in tables], failed))
    return NormalDist().cdf((expected + 0.5 - failed) / math.sqrt(variance))


def drop_test(strata: Iterable[Block], tolerance: float) -> float:
    """
    Return the one-sided p-value against "the drop is at most `tolerance`"; 1 without data.

    Source: Sato 1989, Biometrics 45, for the variance of the weighted drop in small strata.
    """
    drop, error = _drop_and_error(strata)
    if math.isnan(drop):
        return 1.0
    if not error:
        return float(drop <= tolerance)
    return NormalDist().cdf((tolerance - drop) / error)


def drop_interval(strata: Iterable[Block]) -> Interval:
    """Return the 95% interval of the weighted drop; its variance is as in `drop_test`."""
    drop, error = _drop_and_error(strata)
    margin = _NORMAL_95 * error
    return Interval(max(-1.0, drop - margin), min(1.0, drop + margin))


def _drop_and_error(strata: Iterable[Block]) -> tuple[float, float]:
    drop = weight = by_size = by_outcome = 0.0
    for block in strata:
        part, own_weight = weighted_drop(block)
        if not own_weight:
            continue
        n, m = block.control_tasks, block.candidate_tasks
        won, own_won = block.control_successes, block.candidate_successes
        drop, weight = drop + part, weight + own_weight
        by_size += (n * n * own_won - m * m * won + n * m * (m - n) / 2) / (n + m) ** 2
        by_outcome += (won * (m - own_won) + own_won * (n - won)) / (2 * (n + m))
    if not weight:
        return math.nan, math.nan
    mean = drop / weight
    return mean, math.sqrt(max(0.0, mean * by_size + by_outcome)) / weight


def _failures(block: Block) -> tuple[int, int, int, int] | None:
    """Return failures of the candidate and of both, its tasks, and all; None: uninformative."""
    n, total = int(block.candidate_tasks), int(block.candidate_tasks + block.control_tasks)
    own = n - int(block.candidate_successes)
    together = own + int(block.control_tasks - block.control_successes)
    return (own, together, n, total) if 0 < n < total and 0 < together < total else None


def _exact_tail(tables: Sequence[Sequence[int]], failed: int) -> float:
    """Return the probability of at least `failed` failures, from the margins of all tables."""
    first = 0
    chances = np.ones(1)
    for together, n, total in tables:
        low, own = _hypergeometric(together, n, total)
        chances = np.convolve(chances, own)
        first += low
        seen = np.flatnonzero(chances > _TINY)
        first += int(seen[0])
        chances = chances[seen[0] : seen[-1] + 1]
    return float(chances[max(0, failed - first) :].sum())


def _hypergeometric(together: int, n: int, total: int) -> tuple[int, npt.NDArray[np.float64]]:
    """Return the smallest possible number of failures, and the probabilities from there on."""
    low = max(0, together - (total - n))
    all_ways = log_choose(total, n)
    logs = [
        log_choose(together, k) + log_choose(total - together, n - k) - all_ways
        for k in range(low, min(n, together) + 1)
    ]
    return low, np.exp(logs)
