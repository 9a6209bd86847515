# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
E-processes: evidence that keeps its error rate when a test looks after every task.

An e-process starts at 1, and its expectation stays at most 1 while the null hypothesis holds. So
it reaches 1/alpha with a probability of at most alpha over all looks (Ville's inequality).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

#: Alternatives over which the evidence of harm is averaged, where versions were not drawn for each
#: task: drops in success rate.
HARM_DROPS = (0.03, 0.05, 0.08, 0.12, 0.18, 0.25)
#: Alternatives over which the evidence of non-inferiority is averaged (negative: gains).
PROOF_DROPS = (0.0, -0.015)
#: Stakes of the bets on a rate above its limit, log-spaced.
STAKES = (0.005, 0.02, 0.08, 0.3, 0.9)
#: Alternatives for grave events: ratios of the candidate's rate to the control's.
RATIOS = (2.0, 4.0, 8.0, 20.0, 50.0)

#: Rates are kept so far from 0 and 1.
RATE_FLOOR = 0.001
_STEPS = 60
_CLOSE = 1e-9


class Block(NamedTuple):
    """Tasks of both versions that are compared; only their number closes a block."""

    control_tasks: float = 0
    control_successes: float = 0
    candidate_tasks: float = 0
    candidate_successes: float = 0


class BlockEvidence:
    """
    E-process over blocks, averaged over alternatives "the candidate is worse by `drops`".

    With `drops` above the `tolerance`, it is evidence against "not worse than the tolerance"
    (harm); with `drops` below it, against "worse by at least the tolerance" (non-inferiority).

    Source: Turner, Ly, Grünwald 2024, "Generic E-variables for exact sequential k-sample tests
    that allow for optional stopping", JSPI 230; arXiv 2203.09785.
    """

    def __init__(self, drops: Sequence[float], tolerance: float) -> None:
        self._drops = tuple(drops)
        self._tolerance = tolerance
        self.log_e = [0.0] * len(self._drops)

    @property
    def value(self) -> float:
        """Return the evidence; 1 is none."""
        return mean_exp(self.log_e)

    def value_for(self, design_effect: float) -> float:
        """Return the evidence if the tasks count as their number divided by `design_effect`."""
        return mean_exp([log_e / design_effect for log_e in self.log_e])

    def add(self, block: Block, baseline: float, share: float | None = None) -> None:
        """
        Multiply by a block. `baseline`, the control's rate, must come from earlier blocks.

        With a `share`, the version of each of the tasks was drawn, the candidate with that
        probability: each of them is a block of one task, and they are multiplied one by one.
        """
        sizes = block[::2] if share is None else (1 - share, share)
        for index, drop in enumerate(self._drops):
            candidate = min(max(baseline - drop, RATE_FLOOR), 1 - RATE_FLOOR)
            # At the ends of the scale, an alternative may be moved into the null: it is left out.
            if (baseline - candidate - self._tolerance) * (drop - self._tolerance) > 0:
                rates = baseline, candidate
                self.log_e[index] += block_log_e(block, rates, self._tolerance, sizes)

    def dump(self) -> list[float]:
        """Return the whole state for JSON."""
        return list(self.log_e)

    def load(self, data: Sequence[float]) -> None:
        """Restore the state that `dump` returned."""
        self.log_e = list(data)


class GainEvidence:
    """
    E-process against "the gain of the next unit, given the past, is at most 0 on average".

    A gain is at least -1; the observations inside a unit may depend on each other. A unit
    multiplies the evidence by 1 + stake·gain, averaged over STAKES.

    Source: Waudby-Smith, Ramdas 2024, "Estimating means of bounded random variables by betting",
    JRSS B 86(1); arXiv 2010.09686.
    """

    def __init__(self) -> None:
        self.log_e = [0.0] * len(STAKES)

    @property
    def log_value(self) -> float:
        """Return the logarithm of the evidence; 0 is none. Many tasks bring it far below 0."""
        return log_mean_exp(self.log_e)

    @property
    def value(self) -> float:
        """Return the evidence; 1 is none."""
        return mean_exp(self.log_e)

    def add(self, gain: float) -> None:
        """Multiply by a unit."""
        for index, stake in enumerate(STAKES):
            self.log_e[index] += math.log1p(stake * gain)


class RateEvidence(GainEvidence):
    """
    E-process against "the rate is at most `limit`", from the shares of single units.

    A unit with the share f is a bet that pays f/limit. For units of one request this is the
    Bernoulli likelihood ratio with p1 = limit + stake·(1 − limit).
    """

    def __init__(self, limit: float) -> None:
        super().__init__()
        self._limit = limit

    def add(self, share: float, weight: float = 1.0) -> None:
        """Multiply by a unit whose share and weight are in [0, 1]; the null is about the mean."""
        super().add(weight * (share / self._limit - 1))


class RareEvidence:
    """
    E-process against "an event is no more likely with the candidate", for rare, grave events.

    For equal rates, an event is the candidate's with probability s, its share of the tasks in the
    block; if its rate is r times the control's, with r·s / (r·s + 1 − s). Averaged over RATIOS.

    Source: Lindon, Malek 2022, "Anytime-valid inference for multinomial count data", NeurIPS 35.
    """

    def __init__(self) -> None:
        self.log_e = [0.0] * len(RATIOS)

    @property
    def value(self) -> float:
        """Return the evidence; 1 is none."""
        return mean_exp(self.log_e)

    def add(self, tasks: tuple[int, int], events: tuple[int, int]) -> None:
        """Multiply by a block; the control comes first in both."""
        if not all(tasks) or not any(events):
            return
        share = tasks[1] / sum(tasks)
        for index, ratio in enumerate(RATIOS):
            worse = ratio * share / (ratio * share + 1 - share)
            self.log_e[index] += events[1] * math.log(worse / share)
            self.log_e[index] += events[0] * math.log((1 - worse) / (1 - share))


def block_log_e(
    block: Block, rates: tuple[float, float], tolerance: float, sizes: tuple[float, float]
) -> float:
    """
    Return the log e-value of a block for one alternative: the `rates` of control and candidate.

    It is the likelihood ratio of the alternative to its projection onto the null. It is an e-value
    for any success rates of single tasks if their means in the block fulfil the null. `sizes` are
    the numbers of tasks of control and candidate. Where versions were drawn, these are the
    probabilities of a task: the null is convex for a task and its version as well.

    Source: Turner, Ly, Grünwald 2024, JSPI 230; arXiv 2203.09785.
    """
    n_control, s_control, n_candidate, s_candidate = block
    control, candidate = rates
    null = null_projection(control, candidate, *sizes, tolerance)
    return (
        s_control * math.log(control / null[0])
        + (n_control - s_control) * math.log((1 - control) / (1 - null[0]))
        + s_candidate * math.log(candidate / null[1])
        + (n_candidate - s_candidate) * math.log((1 - candidate) / (1 - null[1]))
    )


def null_projection(
    control: float, candidate: float, n_control: float, n_candidate: float, tolerance: float
) -> tuple[float, float]:
    """
    Return the two rates with a difference of `tolerance` that are nearest to the alternative.

    Nearest in the Kullback-Leibler divergence of the block (its reverse information projection).

    Source: Turner, Ly, Grünwald 2024, JSPI 230; arXiv 2203.09785.
    """
    if tolerance == 0:
        both = (n_control * control + n_candidate * candidate) / (n_control + n_candidate)
        return both, both

    def slope(x: float) -> tuple[float, float]:
        y = x - tolerance
        own, other = x * (1 - x), y * (1 - y)
        value = n_control * (control - x) / own + n_candidate * (candidate - y) / other
        own_curve = n_control * (x * x - 2 * control * x + control) / (own * own)
        other_curve = n_candidate * (y * y - 2 * candidate * y + candidate) / (other * other)
        return value, own_curve + other_curve

    ends = sorted((control, candidate + tolerance))
    x = _falling_root(slope, max(ends[0], tolerance), min(ends[1], 1.0))
    return x, x - tolerance


def _falling_root(
    function: Callable[[float], tuple[float, float]], low: float, high: float
) -> float:
    """Return the root of a falling function, which returns its value and the negative slope."""
    # Newton's method, with bisection where a step would leave the interval. The ends are never
    # evaluated: the slope may have a pole there. Importing scipy.optimize takes almost a second.
    bottom, top = low, high
    x = (low + high) / 2
    for _ in range(_STEPS):
        if not low < x < high:
            break
        value, fall = function(x)
        step = value / fall
        # The error, as a part of the way to a pole, is squared with every step.
        if abs(step) <= _CLOSE * min(x - bottom, top - x) or x + step == x:
            return x + step
        low, high = (x, high) if value > 0 else (low, x)
        x = x + step if low < x + step < high else (low + high) / 2
    return x


def log_choose(n: int, k: int) -> float:
    """Return the logarithm of the number of ways to choose k of n."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def mean_exp(logs: Sequence[float]) -> float:
    """Return the mean of the exponentials, without overflow."""
    return math.exp(min(log_mean_exp(logs), 700.0))


def log_mean_exp(logs: Sequence[float]) -> float:
    """Return the logarithm of the mean of the exponentials, without overflow or underflow."""
    top = max(logs)
    return top + math.log(sum([math.exp(value - top) for value in logs]) / len(logs))
