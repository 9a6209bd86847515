# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The ranking of explanations for failed tasks by their likelihood, also after a few tasks.

After a few tasks a test seldom rejects anything. The likelihood of the data under each explanation
still says which one to examine first.
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
#: Possible ratios of the candidate's odds of failing to the control's, where it is worse.
_ODDS = (1.5, 2.0, 3.0, 5.0, 9.0, 20.0, 60.0)
#: The lab shows that the candidate is worse if the ratio of the odds is at least this.
_WORSE_IN_LAB = 1.5
#: Weight of "each category has its own odds ratio" against "all categories have the same", because
#: it can explain almost all data.
_OWN_ODDS = 0.2
#: Prior weights of the explanations; they are normalized.
_PRIORS = {CHANCE: 1.0, EVERYWHERE: 0.4, CATEGORY: 0.3, OVERFITTING: 0.3}
#: Factor of "everywhere" and "category" if the lab compared the versions and saw no difference.
_UNSEEN = 0.3
#: Factor of "drift" if the lab saw the difference too, because the lab has the training inputs.
_SEEN = 0.1
#: Factor of "category" for a category that is not in the training data: overfitting explains it.
_NEW = 0.25
#: Factor of "everywhere" if the inputs drifted: drift explains it.
_DRIFTED = 0.1


def explain(
    categories: Mapping[str, Group],
    known: Collection[str] | None,
    drift: float,
    lab: tuple[Mapping[str, float], Mapping[str, float]] = ({}, {}),
) -> dict[str, float]:
    """
    Return the posterior probability of each explanation; they add up to 1.

    `chance`: both versions have the same odds of failing. `everywhere`: the candidate has higher
    odds in all categories; `category`: in one category; `overfitting`: in the categories that are
    not `known`; `drift`: in all, because its inputs drifted, with the prior weight `drift`.

    Given the number of failed tasks of a category, the candidate's part of them has Fisher's
    noncentral hypergeometric distribution, for any success rates. The likelihood is averaged over
    unknown odds ratios: one for all categories, one for each category, and those of the success
    rates (control, candidate) in the `lab`, by category.
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
        weights[EVERYWHERE] += math.log(1 - (1 - _DRIFTED) * drift)
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
    Average the likelihood under the odds ratios of the lab into the explanation that they support.

    Returns whether the candidate was worse in the lab; None without results of both versions.
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
    """Return the odds of failing for a success rate, which is limited to 0.001 to 0.999."""
    rate = min(max(success, 0.001), 0.999)
    return (1 - rate) / rate


def _worse(gains: list[list[float]]) -> float:
    """Return the log likelihood ratio of "worse in all of these" to "no difference"."""
    if not gains:
        return 0.0
    common = _mean_log([sum(column) for column in zip(*gains)])
    own = sum(map(_mean_log, gains))
    return _log_sum([math.log(1 - _OWN_ODDS) + common, math.log(_OWN_ODDS) + own])


def _log_likelihoods(group: Group, ratios: Sequence[float] = _ODDS) -> list[float]:
    """Return the log likelihood ratio of each odds ratio to 1, for the counts of a group."""
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
