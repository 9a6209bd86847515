# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The report on a shadow: its agreement, and the resulting bound or estimate of its success."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hotswap_ros.gates.diagnosis import AnalysisError
from hotswap_ros.gates.pairing.clustering import design_effect, intraclass
from hotswap_ros.gates.result import MIN_TASKS
from hotswap_ros.gates.stats.intervals import Interval, wilson_interval
from hotswap_ros.text import change, count, percent, points, span

#: With a smaller share of compared observations, the report does not conclude.
_LEAST_COVERAGE = 0.5
#: With fewer effective tasks, an off-policy estimate is not reliable.
_LEAST_EFFECTIVE = 20
_PROPENSITY_FLOOR = 1e-12
#: Propensities contradict each other if their mean ratio differs from 1 with a smaller p value.
_INCONSISTENT = 0.001
_ROUNDING = 0.01


class ShadowTask(NamedTuple):
    """
    One task of the stable version with the shadow beside it.

    Of `steps` compared steps, the shadow `agreed` in some; `offered` steps should have been
    compared, −1: not known per task. NaN stands for what is not known. `success` (0 or 1) is the
    outcome of the stable version, `shadow_success` the outcome of the shadow by a simulator or an
    outcome model. `propensity` is the logged probability of the stable version's actions over the
    whole task, `shadow_propensity` the shadow's probability of the same actions. `model` and
    `shadow_model` are the predictions of an outcome model for the two versions. `tasks` is the
    number of tasks in a record of several tasks: then every step without agreement counts as
    another task.
    """

    task_id: str
    steps: int
    agreed: int
    offered: int = -1
    success: float = math.nan
    shadow_success: float = math.nan
    propensity: float = math.nan
    shadow_propensity: float = math.nan
    model: float = math.nan
    shadow_model: float = math.nan
    tasks: int = 1

    @property
    def tasks_apart(self) -> int:
        """Return the largest possible number of tasks without agreement at every step."""
        return min(self.tasks, max(self.steps, self.offered) - self.agreed)


class ShadowAction(str, enum.Enum):
    """The recommended action for a shadowed version."""

    DEPLOY = 'deploy'
    KEEP = 'keep'
    RETRAIN = 'retrain'


@dataclass(frozen=True)
class Estimate:
    """An estimated change in success rate, shadow minus stable, with its 95% interval."""

    tasks: int
    stable: float
    shadow: float
    interval: Interval

    @property
    def difference(self) -> float:
        """Return the change."""
        return self.shadow - self.stable


@dataclass(frozen=True)
class OffPolicy:
    """
    The shadow's success rate as if it had acted, from logged propensities.

    `effective` is the effective sample size. `mean_weight` is the mean ratio of the propensities,
    shadow to stable; if it is not 1 but for chance, they contradict each other and the estimates
    are not valid (`is_consistent`). `doubly_robust` is NaN without an outcome model.
    """

    tasks: int
    effective: float
    mean_weight: float
    is_consistent: bool
    weighted: float
    interval: Interval
    normalized: float
    doubly_robust: float
    doubly_robust_interval: Interval


@dataclass(frozen=True)
class ShadowReport:
    """
    The whole report.

    `agreement` is the share of steps with agreement (0 to 1); its 95% `interval` includes the
    similarity of steps of one task (`design_effect`). `bound` is the largest possible difference
    of the two success rates if the world is deterministic: the upper end of the interval of the
    share of tasks with a disagreement; NaN if unknown.
    """

    stable: str
    shadow: str
    tasks: int
    steps: int
    agreement: float
    interval: Interval
    design_effect: float
    coverage: float
    tasks_apart: int
    apart_interval: Interval
    bound: float
    estimate: Estimate | None
    off_policy: OffPolicy | None
    action: ShadowAction
    sentence: str
    remarks: tuple[str, ...]


def analyze_shadow(
    tasks: Sequence[ShadowTask],
    stable: str = 'stable',
    shadow: str = 'the shadow',
    *,
    tolerance: float = 0.02,
    offered: int = -1,
) -> ShadowReport:
    """
    Report on a shadow. `offered` is the total of offered steps if it is not known per task.

    Raises AnalysisError if nothing was compared.
    """
    steps = sum(task.steps for task in tasks)
    if not steps:
        raise AnalysisError(
            'nothing was compared: check that a shadow was set and /fleet/shadow was recorded'
        )
    agreed = sum(task.agreed for task in tasks)
    sizes = [task.steps for task in tasks if task.steps]
    correlation = intraclass([(task.agreed, task.steps) for task in tasks if task.steps])
    effect = design_effect(sizes, max(0.0, correlation))
    coverage = _coverage(tasks, steps, offered)
    total = sum(task.tasks for task in tasks)
    apart = sum(task.tasks_apart for task in tasks)
    known = coverage == 1 or all(task.offered >= 0 for task in tasks)
    apart_interval = wilson_interval(apart, total)
    estimate, off_policy = _estimate(tasks), _off_policy(tasks)
    bound = apart_interval.high if known else math.nan
    facts = _Facts(stable, shadow, total, coverage, bound, estimate, tolerance)
    action, reason = facts.conclude()
    rate = agreed / steps
    sentence = (
        f'{shadow} decides as {stable} does in {percent(rate)} of {steps:,} steps, and at every '
        f'step of {total - apart:,} of {count(total, "task")}: {reason}'
    )
    return ShadowReport(
        stable=stable,
        shadow=shadow,
        tasks=total,
        steps=steps,
        agreement=rate,
        interval=wilson_interval(round(agreed / effect), round(steps / effect)),
        design_effect=effect,
        coverage=coverage,
        tasks_apart=apart,
        apart_interval=apart_interval,
        bound=bound,
        estimate=estimate,
        off_policy=off_policy,
        action=action,
        sentence=sentence,
        remarks=tuple(_remarks(facts, off_policy)),
    )


def _coverage(tasks: Sequence[ShadowTask], steps: int, offered: int) -> float:
    if offered >= 0:
        return min(1.0, steps / offered) if offered else math.nan
    if any(task.offered < 0 for task in tasks):
        return math.nan
    return steps / sum(task.offered for task in tasks)


class _Facts(NamedTuple):
    stable: str
    shadow: str
    tasks: int
    coverage: float
    bound: float
    estimate: Estimate | None
    tolerance: float

    def conclude(self) -> tuple[ShadowAction, str]:
        """Return the action, and the reason."""
        keep = f'Keep {self.stable}'
        if self.tasks < MIN_TASKS:
            return ShadowAction.KEEP, (
                f'too few to decide, {MIN_TASKS} tasks are needed. {keep}, continue the shadow.'
            )
        if self.coverage < _LEAST_COVERAGE:
            return ShadowAction.KEEP, (
                f'only {percent(self.coverage)} of the observations were compared, the others may '
                f'differ. {keep}, and give the shadow more computing time.'
            )
        if self.estimate is not None:
            return self._conclude_from(self.estimate)
        if self.bound <= self.tolerance:
            return ShadowAction.DEPLOY, (
                f'if the world is deterministic, success differs by at most {points(self.bound)}, '
                f'within the allowed {points(self.tolerance)}. Deploy {self.shadow}, in stages.'
            )
        return ShadowAction.KEEP, (
            f'this does not bound the difference of success within {points(self.tolerance)}. '
            f'{keep}, and test {self.shadow} in a canary.'
        )

    def _conclude_from(self, estimate: Estimate) -> tuple[ShadowAction, str]:
        interval = estimate.interval
        figures = (
            f'its estimated success rate is {percent(estimate.shadow)} in {estimate.tasks:,} '
            f'tasks, that of {self.stable} is {percent(estimate.stable)}: '
            f'{change(-estimate.difference)} (95% interval: {span(-interval.high, -interval.low)})'
        )
        if estimate.interval.low >= -self.tolerance:
            return ShadowAction.DEPLOY, f'{figures}. Deploy {self.shadow}, in stages.'
        if estimate.interval.high < 0:
            return ShadowAction.RETRAIN, f'{figures}. Keep {self.stable} and retrain.'
        return ShadowAction.KEEP, (
            f'{figures}, which does not decide. Keep {self.stable}, and continue the shadow.'
        )


def _remarks(facts: _Facts, off_policy: OffPolicy | None) -> Iterator[str]:
    yield (
        'Agreement per step does not bound success: one wrong step in a hundred may fail every '
        'task. Only tasks without any disagreement would have the same outcome, and only if the '
        'world is deterministic and differences within the tolerance have no effect.'
    )
    if math.isnan(facts.coverage):
        yield (
            'How many observations were not compared is unknown, so success cannot be bounded. '
            'Record /fleet/telemetry too, or add a column offered.'
        )
    elif math.isnan(facts.bound):
        yield (
            'Some observations were not compared, and their tasks are unknown, so success cannot '
            'be bounded.'
        )
    if facts.estimate is not None:
        yield (
            f'The success of {facts.shadow} is an estimate of your simulator or outcome model '
            'and no real outcome: promote in stages, on real outcomes.'
        )
    if off_policy is not None and not off_policy.is_consistent:
        yield (
            'The propensities contradict each other: the mean ratio of shadow_propensity to '
            f'propensity is {off_policy.mean_weight:,.3g} and must be 1, but for chance. No '
            'off-policy estimate is given. Log both as the probability of the same actions over '
            'the whole task.'
        )
    elif off_policy is not None:
        yield (
            f'The off-policy estimate uses {off_policy.effective:,.0f} effective tasks of '
            f'{off_policy.tasks:,}. It is never a sufficient reason to promote.'
        )
        if off_policy.effective < _LEAST_EFFECTIVE:
            yield (
                'With so few effective tasks, the off-policy estimate is not reliable: ignore it.'
            )


def _estimate(tasks: Sequence[ShadowTask]) -> Estimate | None:
    known = [
        (task.success, task.shadow_success)
        for task in tasks
        if not math.isnan(task.success + task.shadow_success)
    ]
    if len(known) < 2:
        return None
    stable, shadow = np.array(known).T
    return Estimate(
        len(known), float(stable.mean()), float(shadow.mean()), _paired_interval(shadow - stable)
    )


def _paired_interval(changes: NDArray[np.float64]) -> Interval:
    """
    Return the 95% interval of a mean change of success (each −1 to 1), with Student's quantile.

    Half a gain, half a loss and one task without change are added: without them, tasks of which
    none changed would leave no doubt at all.

    Source: Agresti, Min 2005, Statistics in Medicine 24 (intervals for matched proportions).
    """
    n = len(changes) + 2
    mean = float(changes.sum()) / n
    variance = (float((changes**2).sum()) + 1) / n - mean**2
    half = stats.t.ppf(0.975, n - 1) * math.sqrt(variance / n)
    return Interval(max(-1.0, float(mean - half)), min(1.0, float(mean + half)))


def _rate_interval(values: NDArray[np.float64]) -> Interval:
    """Return Student's 95% interval of a mean that is a rate."""
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    low, high = float(values.mean() - half), float(values.mean() + half)
    return Interval(min(max(low, 0.0), 1.0), min(max(high, 0.0), 1.0))


def _rate(values: NDArray[np.float64]) -> float:
    return min(max(float(values.mean()), 0.0), 1.0)


def _is_consistent(weights: NDArray[np.float64]) -> bool:
    """Return whether the mean ratio of propensities may be 1, which it is by expectation."""
    error = weights.std(ddof=1) / math.sqrt(len(weights))
    allowed = stats.t.isf(_INCONSISTENT / 2, len(weights) - 1) * error
    return bool(abs(weights.mean() - 1) <= allowed + _ROUNDING)


def _off_policy(tasks: Sequence[ShadowTask]) -> OffPolicy | None:
    """
    Return the stable version's outcomes, weighted by the shadow's probability of its actions.

    Sources: Horvitz, Thompson 1952, JASA 47 (inverse propensity); Dudík, Langford, Li 2011, ICML
    (doubly robust); Kong 1992, University of Chicago technical report 348 (effective sample size).
    """
    known = [
        task
        for task in tasks
        if not math.isnan(task.success + task.propensity + task.shadow_propensity)
    ]
    if len(known) < 2:
        return None
    rewards = np.array([task.success for task in known])
    logged = np.array([task.propensity for task in known])
    target = np.array([task.shadow_propensity for task in known])
    if (
        np.any(logged < _PROPENSITY_FLOOR)
        or np.any(logged > 1)
        or np.any((target < 0) | (target > 1))
    ):
        raise AnalysisError(
            'propensities are probabilities: above 0 to 1 for the stable version, and 0 to 1 for '
            'the shadow'
        )
    weights = target / logged
    if not weights.any():
        return None
    terms, scaled = weights * rewards, weights / weights.max()
    robust = np.array([math.nan])
    if not any(math.isnan(task.model + task.shadow_model) for task in known):
        guess = np.array([task.model for task in known])
        shadow_guess = np.array([task.shadow_model for task in known])
        robust = shadow_guess + weights * (rewards - guess)
    return OffPolicy(
        tasks=len(known),
        effective=float(scaled.sum() ** 2 / (scaled**2).sum()),
        mean_weight=float(weights.mean()),
        is_consistent=_is_consistent(weights),
        weighted=_rate(terms),
        interval=_rate_interval(terms),
        normalized=float(terms.sum() / weights.sum()),
        doubly_robust=math.nan if np.isnan(robust).any() else _rate(robust),
        doubly_robust_interval=_rate_interval(robust) if len(robust) > 1 else Interval(),
    )
