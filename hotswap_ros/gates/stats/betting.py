# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Evidence of harm from figures of tasks whose versions were drawn: scores and counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

#: Bets over which the evidence is averaged, as parts of the largest one that cannot lose all.
BETS: Final = (1 / 8, 1 / 4, 1 / 2, 1.0)
#: Their weights in the average. Scores of one version are often near to each other, and then the
#: largest bet wins most.
WEIGHTS: Final = (1 / 8, 1 / 8, 1 / 4, 1 / 2)
#: The largest bet keeps this part of what it may lose: no single task ends the evidence.
_KEEP: Final = 0.999
#: A centre nearer to 0 or 1 would allow almost no bet for one of the versions.
_CENTRE: Final = (0.05, 0.95)
#: Alternatives of a count: its rate with the candidate, as a multiple of that with the control.
RATE_RATIOS: Final = (1.5, 2.0, 4.0, 10.0)
#: The lowest rate of a control that is expected, per task.
_RATE_FLOOR: Final = 0.002


class _Averaged:
    """Evidence that is a weighted average of several e-processes, as logarithms."""

    def __init__(self, weights: Sequence[float]) -> None:
        self._weights = weights
        self.log_e = [0.0] * len(weights)

    @property
    def value(self) -> float:
        """Return the evidence; 1 is none."""
        top = max(self.log_e)
        parts = zip(self._weights, self.log_e)
        mean = sum(weight * math.exp(log - top) for weight, log in parts)
        return math.exp(min(top + math.log(mean / sum(self._weights)), 700.0))

    def _multiply(self, logs: Sequence[float]) -> None:
        self.log_e = [a + b for a, b in zip(self.log_e, logs)]

    def dump(self) -> list[float]:
        """Return the whole state for JSON."""
        return list(self.log_e)

    def load(self, data: Sequence[float]) -> None:
        """Restore the state that `dump` returned."""
        self.log_e = list(data)


class ScoreEvidence(_Averaged):
    """
    E-process against "the mean score is not lower with the candidate", for scores from 0 to 1.

    The null says: whatever happened before, the expected score of each task is with the candidate
    at least as high as with the control, less `tolerance`. Tasks, robots and hours may differ, and
    scores may have any distribution. A task that was drawn for the candidate with the probability
    `share` multiplies the evidence by 1 + λ·(x − tolerance); x is (c − score)/share if it was the
    candidate's, and −(c − score)/(1 − share) if not. The mean of x is the control's expected score
    less the candidate's, whatever the centre c is, so that the factor is at most 1 on average. c
    must come from tasks before, and should be near to the expected score: a wrong one costs power
    and never validity. λ is a part of the largest bet whose factor cannot be negative; the
    evidence is the average over `BETS` by `WEIGHTS`.

    With `is_proof`, the null is the opposite: "lower by at least the tolerance", and the factor is
    1 + λ·(tolerance − x).

    Source: Waudby-Smith, Ramdas 2024, "Estimating means of bounded random variables by betting",
    JRSS B 86(1) (bets on bounded means, and their average); Ville's inequality.
    """

    def __init__(self, tolerance: float = 0.0, *, is_proof: bool = False) -> None:
        super().__init__(WEIGHTS)
        self._tolerance = tolerance
        self._sign = -1.0 if is_proof else 1.0

    def add(
        self,
        total: float,
        tasks: int,
        own: bool,
        share: float,
        centre: float,
        *,
        is_part: bool = False,
    ) -> None:
        """
        Multiply by `tasks` of the candidate (`own`) or of the control, with scores that sum up.

        Of several tasks only the sum is known. Their factor is the least one that it allows, which
        belongs to scores of 0 and 1: the logarithm of a factor is concave in the score. This holds
        for one task as well if its score `is_part` of a sum, divided in proportion: the parts of
        the sum then have the factor of the sum together.
        """
        if tasks <= 0 or not 0 < share < 1:
            return
        total = min(max(total, 0.0), float(tasks))
        centre = min(max(centre, _CENTRE[0]), _CENTRE[1])
        logs = []
        for part in BETS:
            bet = part * self._most(share, centre)
            if tasks == 1 and not is_part:
                logs.append(self._log_factor(total, own, share, centre, bet))
                continue
            low, high = (self._log_factor(s, own, share, centre, bet) for s in (0.0, 1.0))
            logs.append((tasks - total) * low + total * high)
        self._multiply(logs)

    def _gain(self, score: float, own: bool, share: float, centre: float) -> float:
        x = (centre - score) / share if own else (score - centre) / (1 - share)
        return self._sign * (x - self._tolerance)

    def _log_factor(
        self, score: float, own: bool, share: float, centre: float, bet: float
    ) -> float:
        return math.log1p(bet * self._gain(score, own, share, centre))

    def _most(self, share: float, centre: float) -> float:
        gains = [self._gain(s, own, share, centre) for s in (0.0, 1.0) for own in (False, True)]
        return _KEEP / -min(gains)


class CountEvidence(_Averaged):
    """
    E-process against "not more often", for events that are counted in each task.

    The null says: whatever happened before, the number of events of each task is with the
    candidate stochastically not larger than with the control, which includes that it does not
    depend on the version. A task with k events that was drawn with the probability `share`
    multiplies the evidence by P/share if it was the candidate's, and by (1 − P)/(1 − share) if
    not, where P is the probability of the candidate, given k, for two Poisson distributions of
    rates `rate` and r times that. P rises with k, and the mean of the factor is
    1 + E[P with the candidate] − E[P with the control], which is at most 1. Counts need not be
    Poisson distributed: `rate`, the control's mean per task, must come from tasks before, and a
    wrong one costs power and never validity. The evidence is the average over `RATE_RATIOS`.

    Source: Ville's inequality; the draw given the count as in Lindon, Malek 2022, "Anytime-valid
    inference for multinomial count data", arXiv 2011.03567, for Poisson counts.
    """

    def __init__(self) -> None:
        super().__init__((1,) * len(RATE_RATIOS))

    def add(self, total: int, tasks: int, own: bool, share: float, rate: float) -> None:
        """
        Multiply by `tasks` of the candidate (`own`) or of the control, with events that sum up.

        Of several tasks, all events count as those of one of them: this is the least factor, as
        the logarithm of a factor is concave in the count.
        """
        if tasks <= 0 or not 0 < share < 1:
            return
        rate = max(rate, _RATE_FLOOR)
        logs = []
        for ratio in RATE_RATIOS:
            log = _log_of_count(max(0, total), own, share, rate, ratio)
            if tasks > 1:
                log += (tasks - 1) * _log_of_count(0, own, share, rate, ratio)
            logs.append(log)
        self._multiply(logs)


def _log_of_count(events: int, own: bool, share: float, rate: float, ratio: float) -> float:
    """Return log(P/share) or log((1 − P)/(1 − share))."""
    # The control's probability of so many events, as a multiple of the candidate's.
    log = (ratio - 1) * rate - events * math.log(ratio)
    if own:
        return -_log_add(math.log(share), math.log1p(-share) + log)
    return -_log_add(math.log1p(-share), math.log(share) - log)


def _log_add(a: float, b: float) -> float:
    high, low = max(a, b), min(a, b)
    return high + math.log1p(math.exp(low - high))
