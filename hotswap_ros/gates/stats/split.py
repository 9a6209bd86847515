# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Evidence that tasks are not split between two versions as planned."""

from __future__ import annotations

import math
from collections.abc import Mapping

from hotswap_ros.gates.stats.evidence import log_mean_exp

_STEPS = (0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
#: Alternatives over which the evidence is averaged: logarithms of the odds ratio, candidate to
#: plan. They go from a split that a hundred thousand tasks show to one that a few tasks show.
LOG_ODDS_RATIOS = (*(-step for step in _STEPS), *_STEPS)


def split_log_evidence(splits: Mapping[float, tuple[int, int]]) -> float:
    """
    Return the logarithm of the evidence against the planned split; 0 is none.

    `splits` has, for each planned share (0 to 1) of the candidate, the number of tasks that the
    control and the candidate began. With a share of s, an alternative with the odds ratio r gives
    the candidate a task with the probability s·r / (1 − s + s·r). The evidence is the mean, over
    the alternatives, of the likelihood ratio to the plan. While tasks are split as planned it is 1
    on average, so it ever reaches 1/alpha with a probability of at most alpha, however often a
    gate looks.

    Source: Ville's inequality; Lindon, Malek 2022, "Anytime-valid inference for multinomial count
    data", NeurIPS 35 (the same test with another prior).
    """
    return log_mean_exp([_log_ratio(splits, log_odds) for log_odds in LOG_ODDS_RATIOS])


def _log_ratio(splits: Mapping[float, tuple[int, int]], log_odds: float) -> float:
    odds_ratio = math.exp(log_odds)
    return math.fsum(
        candidate * log_odds - (control + candidate) * math.log(1 - share + share * odds_ratio)
        for share, (control, candidate) in splits.items()
    )
