# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Evidence of harm from tasks whose versions were drawn: it needs nothing but the draw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from hotswap_ros.gates.stats.evidence import RATE_FLOOR, Block, log_choose

#: Alternatives over which the evidence is averaged: odds ratios of failure, candidate to control.
ODDS_RATIOS = (1.25, 1.6, 2.0, 2.6, 3.5, 5.0)
#: The weights of the alternatives. The last one stands for all versions that are much worse, which
#: should be found after a few tasks: there, the weight of an alternative costs most.
WEIGHTS = (1, 1, 1, 1, 1, 2)
#: Alternatives "worse in this category alone".
CATEGORY_ODDS_RATIOS = (2.5, 6.0, 15.0, 40.0)
_CATEGORY_WEIGHTS = (1, 1, 1, 1)
#: The part of the evidence that is staked on a category, and the number of those that have one.
_STAKE = 0.015
_MOST_CATEGORIES = 16
_NEGLIGIBLE = 1e-17
#: So much above the limit, evidence has reached it in spite of rounding.
_ROUNDING = 1e-12
#: Of each kind of task (control failed, control succeeded, candidate failed, candidate succeeded)
#: the logarithm of the factor for each alternative.
Factors: TypeAlias = tuple[tuple[float, ...], ...]


class _Part:
    """Evidence of some alternatives, for the tasks of one category (None: for all tasks)."""

    def __init__(self, category: str | None, log_capital: float = 0.0) -> None:
        self.category = category
        self.odds = ODDS_RATIOS if category is None else CATEGORY_ODDS_RATIOS
        self._weights = WEIGHTS if category is None else _CATEGORY_WEIGHTS
        self.log_capital = log_capital
        self.log_e = [0.0] * len(self.odds)

    @property
    def log_value(self) -> float:
        return self.log_capital + _log_mean_exp(self.log_e, self._weights)

    def log_value_after(self, logs: Sequence[float]) -> float:
        log_e = [a + b for a, b in zip(self.log_e, logs)]
        return self.log_capital + _log_mean_exp(log_e, self._weights)

    def multiply(self, logs: Sequence[float]) -> None:
        self.log_e = [a + b for a, b in zip(self.log_e, logs)]


class DrawnEvidence:
    """
    E-process against "not worse" for tasks whose versions were drawn at random.

    If no outcome depends on the version, a failed task is the candidate's with the probability
    with which any task is: its share. An alternative gives it another probability, P. Such a task
    multiplies the evidence by P/share if it is the candidate's, and by (1 − P)/(1 − share) if not;
    a success likewise. That is 1 on average for equal versions, whatever tasks, robots and hours
    are like, and less for a better candidate. The alternatives have a fixed odds ratio. The
    `baseline`, the control's rate of success, sets P, and must come from tasks before: a wrong one
    costs power and never validity.

    With a `limit`, evidence does not exceed it: what the next task could bring beyond it is given
    to the other outcome of its draw, so that the average stays 1. This saves up to a tenth of the
    tasks.

    Part of the evidence is for alternatives that are worse in one category alone, which most tasks
    would hide. Where another category appears, it gets a part of the evidence so far.

    Without a known share, tasks are compared in blocks. Given the number of failed tasks of a
    block, the candidate's failures are hypergeometric, and the factor is the likelihood ratio of
    Fisher's noncentral distribution. This is exact for blocks of a size that no draw moves. One
    that had to wait for its first task of a version ends with that one, so that not all splits
    were possible. Measured, the mean is 1 within 0.002 all the same.

    Versions that are equal on average alone, each better at other tasks, are equal here only as
    far as tasks come in no order.

    Source: Ville's inequality; Fisher 1935, JRSS 98 (exact test and noncentral distribution);
    Fischer, Ramdas 2024, "Improving the (approximate) sequential probability ratio test by
    avoiding overshoot", arXiv 2410.16076 (the limit).
    """

    def __init__(self, limit: float = math.inf) -> None:
        self._log_limit = math.log(limit) + _ROUNDING
        self._all = _Part(None)
        self._parts: dict[str | None, _Part] = {None: self._all}
        #: The first category; it gets its part when there is another one.
        self._first: str | None = None

    @property
    def log_value(self) -> float:
        """Return the logarithm of the evidence; 0 is none."""
        return _log_sum_exp([part.log_value for part in self._parts.values()])

    @property
    def value(self) -> float:
        """Return the evidence; 1 is none."""
        return math.exp(min(self.log_value, 700.0))

    def add_tasks(self, tasks: Block, share: float, baseline: float, category: str = '') -> None:
        """
        Multiply by tasks of one category, each drawn for the candidate with probability `share`.

        The category is empty for tasks without one. The order of the tasks of one message tells
        nothing.
        """
        self._open(category)
        parts = [part for part in (self._all, self._parts.get(category)) if part is not None]
        factors = [(part, log_factors(share, round(baseline, 3), part.odds)) for part in parts]
        counts = (
            tasks.control_tasks - tasks.control_successes,
            tasks.control_successes,
            tasks.candidate_tasks - tasks.candidate_successes,
            tasks.candidate_successes,
        )
        if sum(counts) == 1:
            self._add_task(counts.index(1), factors, share)
            return
        for part, of_kinds in factors:
            for number, factor in zip(counts, of_kinds):
                if number:
                    part.multiply([number * log for log in factor])

    def _open(self, category: str) -> None:
        """Give a category its part when it appears beside another one."""
        if not category or category in self._parts or category == self._first:
            return
        if self._first is None:
            self._first = category
            return
        for name in (self._first, category):
            if name not in self._parts and len(self._parts) <= _MOST_CATEGORIES:
                self._parts[name] = _Part(name, self._all.log_value + math.log(_STAKE))
                self._all.log_capital += math.log(1 - _STAKE)

    def _add_task(self, kind: int, factors: Sequence[tuple[_Part, Factors]], share: float) -> None:
        before, limit = self.log_value, self._log_limit
        # The same outcome, if the other version had been drawn.
        other = (kind + 2) % 4
        if before + max(max(f[kind] + f[other]) for _, f in factors) <= limit:
            for part, of_kinds in factors:
                part.multiply(of_kinds[kind])
            return
        after = {part.category: part.log_value_after(f[other]) for part, f in factors}
        if_other = _log_sum_exp(
            [after.get(name, part.log_value) for name, part in self._parts.items()]
        )
        for part, of_kinds in factors:
            part.multiply(of_kinds[kind])
        if self.log_value > limit:
            self._scale(limit - self.log_value)
        elif if_other > limit:
            chance_of_other = share if other > kind else 1 - share
            left = math.exp(before) - chance_of_other * math.exp(limit)
            self._scale(math.log(left / (1 - chance_of_other)) - self.log_value)

    def _scale(self, log: float) -> None:
        for part in self._parts.values():
            part.log_capital += log

    def add_block(self, block: Block) -> None:
        """Multiply by a block of tasks of both versions; their share may be unknown."""
        n_control, n = int(block.control_tasks), int(block.candidate_tasks)
        failed = n - int(block.candidate_successes)
        together = failed + n_control - int(block.control_successes)
        if not (n and n_control and 0 < together < n + n_control):
            return
        total = log_choose(n_control + n, n)
        self._all.multiply(
            [
                math.log(odds) * failed + total - _log_tilted(odds, together, n_control, n)
                for odds in ODDS_RATIOS
            ]
        )

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        parts = [[p.category, p.log_capital, list(p.log_e)] for p in self._parts.values()]
        return {'first': self._first, 'parts': parts}

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._first = data['first']
        self._parts = {}
        for category, log_capital, log_e in data['parts']:
            part = self._parts[category] = _Part(category, log_capital)
            part.log_e = list(log_e)
        self._all = self._parts[None]


@lru_cache(maxsize=4096)
def log_factors(share: float, baseline: float, ratios: tuple[float, ...] = ODDS_RATIOS) -> Factors:
    """Return the logarithm of the factor of a task, for each alternative, by its kind."""
    control = 1 - min(max(baseline, RATE_FLOOR), 1 - RATE_FLOOR)
    found = []
    for odds in ratios:
        candidate = odds * control / (1 + (odds - 1) * control)
        both = (1 - share) * control + share * candidate
        found.append(
            (
                math.log(control / both),
                math.log((1 - control) / (1 - both)),
                math.log(candidate / both),
                math.log((1 - candidate) / (1 - both)),
            )
        )
    return tuple(zip(*found))


def _log_tilted(odds: float, together: int, n_control: int, n: int) -> float:
    """
    Return log Σ odds^k · C(together, k) · C(n_control + n − together, n − k) over all k possible.

    The terms are added from the largest one on, as far as they count: of millions of tasks, these
    are some thousand terms.
    """
    low, high = max(0, together - n_control), min(n, together)

    def ratio(k: int) -> float:
        """Return the term of k + 1 as a multiple of the term of k, which falls with k."""
        return odds * (together - k) * (n - k) / ((k + 1) * (n_control - together + k + 1))

    first, last = low, high
    while first < last:
        middle = (first + last) // 2
        first, last = (middle + 1, last) if ratio(middle) > 1 else (first, middle)
    top = first
    ways = log_choose(together, top) + log_choose(n_control + n - together, n - top)
    total = term = 1.0
    for k in range(top, high):
        term *= ratio(k)
        total += term
        if term < _NEGLIGIBLE * total:
            break
    term = 1.0
    for k in range(top - 1, low - 1, -1):
        term /= ratio(k)
        total += term
        if term < _NEGLIGIBLE * total:
            break
    return top * math.log(odds) + ways + math.log(total)


def _log_mean_exp(logs: Sequence[float], weights: Sequence[float]) -> float:
    top = max(logs)
    total = sum([weight * math.exp(log - top) for weight, log in zip(weights, logs)])
    return top + math.log(total / sum(weights))


def _log_sum_exp(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + math.log(sum([math.exp(log - top) for log in logs]))
