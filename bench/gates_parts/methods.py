# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Sequential methods on the same tasks, each tuned to the same rate of false rollbacks.

The version of each task is drawn with a share; the control succeeds in 92%.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from gates_parts import step
from gates_parts.rollouts import BASELINE, STAGES, TASKS

from hotswap_ros.gates.stats.drawn import ODDS_RATIOS, WEIGHTS

#: Every method rolls an equal candidate back this often.
FALSE = 0.03
RATES = (0.70, 0.80, 0.85, 0.88)
#: How much few robots differ: the intra-class correlation of their tasks.
CORRELATION = 0.05
#: A group-sequential test looks after every so many tasks of the candidate.
_GROUP = 50
#: Spread of the drops that the mixture test expects.
_SPREAD = 0.1
Floats = np.ndarray


class Case(NamedTuple):
    """
    What rollouts are like: the candidate's share and tasks, and how many robots, if they differ.

    Of the rollouts that are asked for, only a part is drawn: small shares take long.
    """

    title: str
    share: float
    part: float = 1.0
    robots: int = 0
    tasks: int = TASKS


CASES = (
    Case('robots that are alike, half of the tasks', 0.5),
    Case('robots that are alike, a tenth of the tasks', 0.1, part=1 / 3),
    Case('ten robots that differ, half of the tasks', 0.5, robots=10),
)
#: STEP has to know how many tasks there will be at most, and comes with a test for so many.
WITH_STEP = Case('500 tasks at most, half of the tasks', 0.5, part=1 / 3, tasks=step.PAIRS)


class Tasks(NamedTuple):
    """Tasks of many rollouts in their order, of shape (rollouts, tasks)."""

    own: Floats
    failed: Floats
    case: Case

    @property
    def share(self) -> float:
        """Return the candidate's share of the tasks."""
        return self.case.share

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


def draw(rate: float, case: Case, rollouts: int, seed: int) -> Tasks:
    """Return tasks of rollouts in which the candidate succeeds at a rate."""
    rng = np.random.default_rng(seed)
    size = (rollouts, int(case.tasks / case.share))
    own = rng.random(size) < case.share
    success = np.where(own, rate, BASELINE)
    if case.robots:
        spread = 1 / CORRELATION - 1
        skills = rng.beta(BASELINE * spread, (1 - BASELINE) * spread, (rollouts, case.robots))
        turns = np.arange(size[1]) % case.robots
        success = np.clip(success + skills[:, turns] - BASELINE, 0, 1)
    failed = rng.random(size) < 1 - success
    return Tasks(own, failed, case)


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
    bound = 2.0 + 0.6 * (own / tasks.case.tasks) ** 0.5
    return np.where(is_look, z / bound, -9.0)


def threshold(tasks: Tasks, rate: float) -> Floats:
    """Return how far the candidate's rate is below what the control had before, at stage ends."""
    own = tasks.ended
    ends = np.minimum(np.cumsum([number for _, number in STAGES]), tasks.case.tasks)
    own_failed = np.cumsum(tasks.own & tasks.failed, axis=1)
    drop = own_failed / np.maximum(1, own) - (1 - BASELINE)
    return np.where(tasks.own & np.isin(own, ends), drop, -9.0)


Method = Callable[[Tasks, float], Floats]
LIMIT = 'known-rates limit'
METHODS: dict[str, Method] = {
    'hotswap_ros, task by task': task_by_task,
    'mixture SPRT': mixture,
    'betting on pairs': betting,
    'group sequential, looks every 50': grouped,
    'plain threshold at stage ends': threshold,
    LIMIT: known_rates,
}
STEP = 'STEP'


def medians(rollouts: int, with_step: bool) -> list[dict[str, Any]]:
    """
    Return for each case its title, its rate of false rollbacks, and what each method needs.

    That is the median of the candidate's tasks until rollback, by success rate.
    """
    found = [_of_case(case, int(rollouts * case.part)) for case in CASES]
    return [*found, _beside_step(int(rollouts * WITH_STEP.part))] if with_step else found


def _of_case(case: Case, rollouts: int, false: float = FALSE) -> dict[str, Any]:
    equal = draw(BASELINE, case, rollouts, 1)
    found: dict[str, list[float | None]] = {name: [] for name in METHODS}
    limits: dict[str, float] = {}
    for rate in RATES:
        worse = draw(rate, case, rollouts, 2)
        for name, method in METHODS.items():
            if name not in limits or method is known_rates:
                limits[name] = float(np.quantile(method(equal, rate).max(axis=1), 1 - false))
            # Where many rollouts reach the same value, such as none, the limit is above it.
            found[name].append(_median(method(worse, rate) > limits[name], worse.ended))
    return {'title': case.title, 'rollouts': rollouts, 'false': false, 'methods': found}


def _beside_step(rollouts: int) -> dict[str, Any]:
    """Return the same at the rate of false rollbacks that STEP turns out to have."""
    equal = draw(BASELINE, WITH_STEP, rollouts, 1)
    false = float(np.mean(step.times(equal.own, equal.failed) > 0))
    found = _of_case(WITH_STEP, rollouts, false)
    found['methods'][STEP] = []
    for rate in RATES:
        worse = draw(rate, WITH_STEP, rollouts, 2)
        times = step.times(worse.own, worse.failed)[:, None]
        control, _, own, _ = worse.counts()
        is_over = (times > 0) & (np.minimum(control, own) >= times)
        found['methods'][STEP].append(_median(is_over, worse.ended))
    return found


def _median(is_over: Floats, ended: Floats) -> float | None:
    first = is_over.argmax(axis=1)
    tasks = np.where(is_over.any(axis=1), ended[np.arange(len(ended)), first], math.inf)
    median = float(np.median(tasks))
    return median if math.isfinite(median) else None


def rows(found: Sequence[dict[str, Any]]) -> list[str]:
    """Return the lines of the tables."""
    lines = []
    for case in found:
        lines.append(
            f'\nMedian tasks until rollback: {case["title"]}; {case["false"]:.1%} false rollbacks'
        )
        lines.append(f'{"":34}' + ''.join(f'{f"v24 at {rate:.0%}":>13}' for rate in RATES))
        limits = case['methods'][LIMIT]
        for name, values in case['methods'].items():
            cells = [_cell(value, limit) for value, limit in zip(values, limits)]
            lines.append(f'{name:34}' + ''.join(f'{cell:>13}' for cell in cells))
    return lines


def _cell(value: float | None, limit: float | None) -> str:
    if value is None or limit is None:
        return 'never'
    return f'{value:,.0f} ({value / limit:.2f})'
