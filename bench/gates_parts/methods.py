# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Sequential methods on the same tasks, each tuned to the same rate of false rollbacks.

The version of each task is drawn with a share; the control succeeds in 92%. Robots are alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from gates_parts.rollouts import BASELINE, TASKS

from hotswap_ros.gates.stats.drawn import ODDS_RATIOS, WEIGHTS

#: Every method rolls an equal candidate back this often.
FALSE = 0.03
#: Shares of the candidate, and the part of the rollouts that is drawn: small shares take long.
SHARES = {0.5: 1.0, 0.1: 1 / 3}
_RATES = (0.70, 0.80, 0.85, 0.88)
#: A group-sequential test looks after every so many tasks of the candidate.
_GROUP = 50
#: Spread of the drops that the mixture test expects.
_SPREAD = 0.1
Floats = np.ndarray


class Tasks(NamedTuple):
    """Tasks of many rollouts in their order, of shape (rollouts, tasks)."""

    own: Floats
    failed: Floats
    share: float

    @property
    def ended(self) -> Floats:
        """Return how many tasks the candidate has done after each task."""
        return np.cumsum(self.own, axis=1)

    def counts(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return tasks and failures of control, then of candidate, after each task."""
        own = self.ended
        control = np.arange(1, own.shape[1] + 1) - own
        own_failed = np.cumsum(self.own & self.failed, axis=1)
        return control, np.cumsum(self.failed, axis=1) - own_failed, own, own_failed


def draw(rate: float, share: float, rollouts: int, seed: int) -> Tasks:
    """Return tasks of rollouts in which the candidate succeeds at a rate."""
    rng = np.random.default_rng(seed)
    size = (rollouts, int(TASKS / share))
    own = rng.random(size) < share
    failed = rng.random(size) < np.where(own, 1 - rate, 1 - BASELINE)
    return Tasks(own, failed, share)


def known_rates(tasks: Tasks, rate: float) -> Floats:
    """Return the log likelihood ratio of the draw by a test that knows both rates: the limit."""
    control, own = 1 - BASELINE, 1 - rate
    both = (1 - tasks.share) * control + tasks.share * own
    logs = np.log([(1 - control) / (1 - both), control / both])
    own_logs = np.log([(1 - own) / (1 - both), own / both])
    kinds = tasks.failed.astype(int)
    return np.cumsum(np.where(tasks.own, own_logs[kinds], logs[kinds]), axis=1)


def task_by_task(tasks: Tasks, rate: float) -> Floats:
    """Return the log evidence of the gate, without its limit."""
    control, failed, _, _ = tasks.counts()
    before = np.zeros_like(control[:, :1])
    rates = (8 + np.hstack((before, failed))[:, :-1]) / (
        100 + np.hstack((before, control))[:, :-1]
    )
    total = np.zeros(rates.shape)
    for odds, weight in zip(ODDS_RATIOS, WEIGHTS):
        own = odds * rates / (1 + (odds - 1) * rates)
        both = (1 - tasks.share) * rates + tasks.share * own
        chosen = np.where(tasks.own, own, rates)
        ratio = np.where(tasks.failed, chosen / both, (1 - chosen) / (1 - both))
        total += weight / sum(WEIGHTS) * np.exp(np.cumsum(np.log(ratio), axis=1))
    return np.log(total)


def _z(tasks: Tasks) -> tuple[Floats, Floats]:
    """Return the z statistic of the drop and its variance, where both have twenty tasks."""
    control, failed, own, own_failed = tasks.counts()
    with np.errstate(divide='ignore', invalid='ignore'):
        pooled = (failed + own_failed) / (control + own)
        variance = pooled * (1 - pooled) * (1 / control + 1 / own)
        z = (own_failed / own - failed / control) / np.sqrt(variance)
    few = (np.minimum(control, own) < 20) | ~np.isfinite(z)
    return np.where(few, -9.0, z), np.where(few, 1.0, variance)


def mixture(tasks: Tasks, rate: float) -> Floats:
    """Return the log likelihood ratio of a mixture SPRT, with half-normal drops."""
    from scipy.special import log_ndtr

    z, variance = _z(tasks)
    part = _SPREAD**2 / (_SPREAD**2 + variance)
    return math.log(2) + np.log1p(-part) / 2 + z * z * part / 2 + log_ndtr(z * np.sqrt(part))


def betting(tasks: Tasks, rate: float) -> Floats:
    """
    Return the log wealth of bets on pairs of one task of each version (aGRAPA).

    Source: Waudby-Smith, Ramdas 2024, JRSS B 86(1).
    """
    found = np.zeros(tasks.own.shape)
    control, _, own, _ = tasks.counts()
    pairs = np.minimum(control, own)
    for row in range(len(found)):
        is_own = tasks.own[row]
        one, other = tasks.failed[row][is_own], tasks.failed[row][~is_own]
        number = min(len(one), len(other))
        gains = one[:number].astype(float) - other[:number]
        seen = np.arange(number)
        mean = (np.cumsum(gains) - gains) / (seen + 1)
        square = (0.25 + np.cumsum(gains**2) - gains**2) / (seen + 1)
        wealth = np.cumsum(np.log1p(np.clip(mean / square, 0, 0.5) * gains))
        found[row] = np.concatenate(([0.0], wealth))[pairs[row]]
    return found


def grouped(tasks: Tasks, rate: float) -> Floats:
    """Return z at the looks of a group-sequential test, weighted for square-root spending."""
    z, _ = _z(tasks)
    own = tasks.ended
    is_look = tasks.own & (own % _GROUP == 0)
    # Bounds that fall with the part of the data: close to those that spend with its square root.
    bound = 2.0 + 0.6 * (own / TASKS) ** 0.5
    return np.where(is_look, z / bound, -9.0)


Method = Callable[[Tasks, float], Floats]
LIMIT = 'known-rates limit'
METHODS: dict[str, Method] = {
    'task by task': task_by_task,
    'mixture SPRT': mixture,
    'betting on pairs': betting,
    'group sequential, looks every 50': grouped,
    LIMIT: known_rates,
}


def medians(rollouts: int) -> dict[str, dict[str, list[float | None]]]:
    """Return for each share and method the median tasks until rollback, by rate."""
    return {str(share): _of_share(share, int(rollouts * part)) for share, part in SHARES.items()}


def _of_share(share: float, rollouts: int) -> dict[str, list[float | None]]:
    equal = draw(BASELINE, share, rollouts, 1)
    found: dict[str, list[float | None]] = {name: [] for name in METHODS}
    for rate in _RATES:
        worse = draw(rate, share, rollouts, 2)
        for name, method in METHODS.items():
            limit = np.quantile(method(equal, rate).max(axis=1), 1 - FALSE)
            found[name].append(_median(method(worse, rate) >= limit, worse.ended))
    return found


def _median(is_over: Floats, ended: Floats) -> float | None:
    first = is_over.argmax(axis=1)
    tasks = np.where(is_over.any(axis=1), ended[np.arange(len(ended)), first], math.inf)
    median = float(np.median(tasks))
    return median if math.isfinite(median) else None


def rows(found: dict[str, dict[str, Sequence[float | None]]]) -> list[str]:
    """Return the lines of the table."""
    lines = []
    for share, methods in found.items():
        lines.append(f'\nMedian tasks until rollback, share {share}, {FALSE:.0%} false rollbacks')
        lines.append(f'{"":34}' + ''.join(f'{f"v24 at {rate:.0%}":>13}' for rate in _RATES))
        limits = methods[LIMIT]
        for name, values in methods.items():
            cells = [_cell(value, limit) for value, limit in zip(values, limits)]
            lines.append(f'{name:34}' + ''.join(f'{cell:>13}' for cell in cells))
    return lines


def _cell(value: float | None, limit: float | None) -> str:
    if value is None or limit is None:
        return 'never'
    return f'{value:,.0f} ({value / limit:.2f})'
