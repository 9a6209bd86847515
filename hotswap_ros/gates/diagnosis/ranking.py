# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Which of several explanations fits best where tasks failed, also after a few tasks.

Tests with a yes or no say little then; how likely each explanation makes what was seen says which
of them to look at first.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from hotswap_ros.gates.diagnosis.case import Group

CHANCE, EVERYWHERE, CATEGORY, OVERFITTING, DRIFT = (
    'chance',
    'everywhere',
    'category',
    'overfitting',
    'drift',
)
#: How many times higher the candidate's odds of failing may be where it is worse.
_ODDS = (1.5, 2.0, 3.0, 5.0, 9.0, 20.0, 60.0)
#: From these odds of failing on, beside the control's, the lab has seen that it is worse.
_WORSE_IN_LAB = 1.5
#: Worse in several categories mostly means by about as much; that each has odds of its own can
#: explain almost everything, and is believed so much less.
_OWN_ODDS = 0.2
#: What is thought of the explanations before anything was seen; they are made to add up to 1.
_PRIORS = {CHANCE: 1.0, EVERYWHERE: 0.4, CATEGORY: 0.3, OVERFITTING: 0.3}
#: What a lab that looked would have seen is less likely when it did not.
_UNSEEN = 0.3
#: What a lab has seen, with the inputs of the training, needs no other inputs on the robots.
_SEEN = 0.1
#: That one category is broken is seldom a riddle where it is one that the candidate never saw.
_NEW = 0.25
#: Where the inputs are off, that explains what would be a riddle otherwise.
_RIDDLE = 0.1


def explain(
    categories: Mapping[str, Group],
    known: Collection[str] | None,
    drift: float,
    lab: tuple[Mapping[str, float], Mapping[str, float]] = ({}, {}),
) -> dict[str, float]:
    """
    Return how likely each explanation is beside the others; they add up to 1.

    `chance`: both versions fail alike. `everywhere`: the candidate has higher odds of failing in
    all categories; `category`: in one of them; `overfitting`: in those that are not `known`;
    `drift`: everywhere, because its inputs are off, which is believed to the degree `drift`.

    Given how many tasks of a category failed in all, the candidate's part of them follows Fisher's
    noncentral hypergeometric distribution, whatever the rates are. Odds that are not known are
    averaged over: as one for all categories, as one for each, and as what the success rates of
    both versions in the `lab`, by category, would let one expect.
    """
    gains = {name: _log_likelihoods(group) for name, group in categories.items()}
    logs = {CHANCE: 0.0, EVERYWHERE: _worse(list(gains.values()))}
    if len(gains) > 1:
        parts = {name: 1.0 if known is None or name in known else _NEW for name in gains}
        means = [math.log(part) + _mean_log(gains[name]) for name, part in parts.items()]
        logs[CATEGORY] = _log_sum(means) - math.log(sum(parts.values()))
    seen = _add_lab(logs, categories, *lab)
    new = [gain for name, gain in gains.items() if known is not None and name not in known]
    if new and len(new) < len(gains):
        logs[OVERFITTING] = _worse(new)
    weights = {name: math.log(_PRIORS[name]) + log for name, log in logs.items()}
    for name in (EVERYWHERE, CATEGORY):
        if seen is False and name in weights:
            weights[name] += math.log(_UNSEEN)
    drift *= _SEEN if seen else 1.0
    if drift > 0:
        weights[DRIFT] = math.log(_PRIORS[EVERYWHERE] * drift) + logs[EVERYWHERE]
        weights[EVERYWHERE] += math.log(1 - (1 - _RIDDLE) * drift)
    top = max(weights.values())
    shares = {name: math.exp(weight - top) for name, weight in weights.items()}
    return {name: share / sum(shares.values()) for name, share in shares.items()}


def _add_lab(
    logs: dict[str, float],
    categories: Mapping[str, Group],
    control: Mapping[str, float],
    candidate: Mapping[str, float],
) -> bool | None:
    """
    Let what the lab says count for what it speaks for, where it has all categories.

    Returns whether the lab saw that the candidate is worse; None: it did not look.
    """
    odds = {
        name: _odds(candidate[name]) / _odds(control[name])
        for name in categories
        if name in control and name in candidate
    }
    if not odds:
        return None
    worse = [name for name, ratio in odds.items() if ratio >= _WORSE_IN_LAB]
    if worse and len(odds) == len(categories):
        kind = CATEGORY if len(worse) == 1 and len(odds) > 1 else EVERYWHERE
        as_there = sum(_log_likelihoods(group, [odds[n]])[0] for n, group in categories.items())
        logs[kind] = _mean_log([logs[kind], as_there])
    return bool(worse)


def _odds(success: float) -> float:
    """Return the odds of failing; rates of 0 and 1 are taken for almost so."""
    rate = min(max(success, 0.001), 0.999)
    return (1 - rate) / rate


def _worse(gains: list[list[float]]) -> float:
    """Return the log likelihood of "worse in all of these", beside that of no difference."""
    if not gains:
        return 0.0
    common = _mean_log([sum(column) for column in zip(*gains)])
    own = sum(map(_mean_log, gains))
    return _log_sum([math.log(1 - _OWN_ODDS) + common, math.log(_OWN_ODDS) + own])


def _log_likelihoods(group: Group, ratios: Sequence[float] = _ODDS) -> list[float]:
    """Return for each odds ratio how much likelier it makes the group, as a logarithm."""
    control, candidate = group
    failed = control.failures + candidate.failures
    whole = control.tasks + candidate.tasks
    possible = range(max(0, failed - control.tasks), min(candidate.tasks, failed) + 1)
    if len(possible) < 2:
        return [0.0] * len(ratios)
    chances = [
        _log_choose(failed, k) + _log_choose(whole - failed, candidate.tasks - k) for k in possible
    ]
    total = _log_choose(whole, candidate.tasks)
    return [
        math.log(odds) * candidate.failures
        - _log_sum([math.log(odds) * k + chance for k, chance in zip(possible, chances)])
        + total
        for odds in ratios
    ]


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _log_sum(logs: list[float]) -> float:
    top = max(logs)
    return top + math.log(sum(math.exp(value - top) for value in logs))


def _mean_log(logs: list[float]) -> float:
    return _log_sum(logs) - math.log(len(logs))
