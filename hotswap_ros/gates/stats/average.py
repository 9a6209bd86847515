# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Evidence that a candidate is worse on average over the tasks so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from hotswap_ros.gates.stats.evidence import RATE_FLOOR, Block, mean_exp

#: Multipliers over which the evidence is averaged, one for each size of a drop.
MULTIPLIERS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
#: A log factor that ends a multiplier; finite, so that it can be counted and written as JSON.
_ENDED = -1e6


class AverageEvidence:
    """
    Evidence against "on average over all tasks so far, the candidate is not worse".

    A task that was drawn for the candidate with the probability `share` has the gain x, which is
    (c − outcome)/share if it was the candidate's and (outcome − c)/(1 − share) if not, with the
    outcome 1 or 0. The mean of x, given the past, is how much less likely success is with the
    candidate, whatever c is; c comes from tasks before, and costs power alone. The evidence after
    n tasks is the average of exp(λ·Σx − ψ(λ)·Σx²) over `MULTIPLIERS`, where ψ(λ) is
    (−log(1 − λb) − λb)/b² and −b the lowest x of the task. While the average of the means is not
    above 0, it is at most a supermartingale that starts at 1. So with probability alpha at most it
    is ever above 1/alpha at such a moment, also if the candidate is worse for a time and
    better before. A multiplier that a task has no room for (λb not below 1) loses its part.

    Source: Howard, Ramdas, McAuliffe, Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic
    confidence sequences", Annals of Statistics 49 (theorem 4: the empirical Bernstein bound of an
    average that moves); Waudby-Smith et al. 2024, "Time-uniform central limit theory and
    asymptotic confidence sequences", Annals of Statistics 52 (averages of treatment effects).
    """

    def __init__(self) -> None:
        self.log_e = [0.0] * len(MULTIPLIERS)

    @property
    def value(self) -> float:
        """Return the evidence; 1 is none."""
        return mean_exp(self.log_e)

    def add_tasks(self, tasks: Block, share: float, baseline: float, category: str = '') -> None:
        """
        Take in tasks, each drawn for the candidate with probability `share`.

        The category does not matter: the average is one over all tasks.
        """
        self.log_e = [
            total + sum(n * log for n, log in zip(_kinds(tasks), logs) if n)
            for total, logs in zip(self.log_e, zip(*average_factors(share, round(baseline, 3))))
        ]

    def add_block(self, block: Block) -> None:
        """Take in a block of tasks of both versions, whose share is unknown, as one task."""
        if not (block.control_tasks and block.candidate_tasks):
            return
        together = block.control_tasks + block.candidate_tasks
        gain = together * (
            block.control_successes / block.control_tasks
            - block.candidate_successes / block.candidate_tasks
        )
        logs = _logs(gain, together)
        self.log_e = [total + log for total, log in zip(self.log_e, logs)]

    def dump(self) -> list[float]:
        """Return the whole state for JSON."""
        return list(self.log_e)

    def load(self, data: Sequence[float]) -> None:
        """Restore the state that `dump` returned."""
        self.log_e = list(data)


@lru_cache(maxsize=4096)
def average_factors(share: float, baseline: float) -> tuple[tuple[float, ...], ...]:
    """
    Return the log factor of a task for each multiplier, by its kind.

    Kinds: control failed, control succeeded, candidate failed, candidate succeeded.
    """
    rate = min(max(baseline, RATE_FLOOR), 1 - RATE_FLOOR)
    gains = (-rate / (1 - share), (1 - rate) / (1 - share), rate / share, (rate - 1) / share)
    return tuple(_logs(gain, -min(gains)) for gain in gains)


def _logs(gain: float, bound: float) -> tuple[float, ...]:
    return tuple(
        number * gain + (math.log1p(-number * bound) + number * bound) / bound**2 * gain**2
        if number * bound < 1
        else _ENDED
        for number in MULTIPLIERS
    )


def _kinds(tasks: Block) -> tuple[float, ...]:
    return (
        tasks.control_tasks - tasks.control_successes,
        tasks.control_successes,
        tasks.candidate_tasks - tasks.candidate_successes,
        tasks.candidate_successes,
    )
