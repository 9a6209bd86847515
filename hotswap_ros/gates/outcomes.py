# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Random outcomes of the tasks of a stage, as the evidence that its gate makes of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from hotswap_ros.gates.block_power import (
    TASK_KINDS,
    Floats,
    StageTasks,
    block_sizes,
    task_table,
    weights_of,
)
from hotswap_ros.gates.stats.evidence import HARM_DROPS, PROOF_DROPS, Block, BlockEvidence
from hotswap_ros.gates.stats.intervals import wilson_interval
from hotswap_ros.plan import Control, SuccessCriteria

#: Simulated rollouts for each version.
ROLLOUTS = 400
#: So many are drawn at a time, and at most so many groups of tasks, or blocks, for a stage: groups
#: get larger then, and of blocks sums are drawn.
_CHUNK = 100
_MOST_GROUPS = 500
_MOST_BLOCKS = 2000
_NUMBER_TASKS = 10_000_000


def harm_weights(criteria: SuccessCriteria) -> Sequence[float]:
    """Return the weights of the alternatives of harm, of which `draw` gives the evidence."""
    return weights_of(criteria.control, _null(criteria), on_average=criteria.is_on_average)


def draws_of(criteria: SuccessCriteria, baseline: float, history: int, tasks: StageTasks) -> Draws:
    """
    Return the draws of a stage.

    `baseline` is the control's rate of success, and `history` the number of its earlier tasks.
    """
    known = baseline, baseline
    if criteria.control is Control.HISTORY and history:
        known = wilson_interval(baseline * history, history)  # The same as in Baseline.
    rates = min(0.999, known[0]), min(0.999, known[1])
    if criteria.control is Control.WITHIN_ROBOTS and tasks.control:
        return _drawn_tasks(criteria, baseline, tasks)
    return _blocks(criteria, rates, tasks)


def _null(criteria: SuccessCriteria) -> float:
    is_tolerant = criteria.harm_null == 'not_worse_than_tolerance'
    return criteria.max_success_drop if is_tolerant else 0.0


class DrawnTasks:
    """
    The tasks of a stage whose versions are drawn: one by one, or several together.

    `factors`: log evidence of one task of each kind, of harm and of proof, (4, alternatives).
    """

    def __init__(self, factors: Floats, tasks: StageTasks) -> None:
        self._factors = factors
        together = tasks.candidate + tasks.control
        self._share = tasks.candidate / together
        #: How many are drawn.
        self.number = min(together, _MOST_GROUPS)
        self._sizes = np.diff(np.linspace(0, together, self.number + 1).astype(int))

    def draw(
        self, baseline: float, candidate: float, chance: np.random.Generator
    ) -> Iterator[tuple[Floats, Floats]]:
        """Yield log evidence of harm and of proof: (rollouts, some draws, alternatives)."""
        share = self._share
        chances = (
            (1 - share) * (1 - baseline),
            (1 - share) * baseline,
            share * (1 - candidate),
            share * candidate,
        )
        for first in range(0, self.number, _CHUNK):
            sizes = self._sizes[first : first + _CHUNK]
            logs = chance.multinomial(sizes, chances, (ROLLOUTS, len(sizes))) @ self._factors
            yield _apart(logs)


class Blocks:
    """The blocks of a stage, with the evidence of each possible outcome of a block."""

    def __init__(
        self, criteria: SuccessCriteria, known: tuple[float, float], tasks: StageTasks
    ) -> None:
        sizes = block_sizes(tasks, criteria.control in (Control.FIXED, Control.HISTORY))
        blocks = max(1, round(tasks.candidate / sizes[:, 1].mean()))
        self._together = max(1, math.ceil(blocks / _MOST_BLOCKS))
        #: How many are drawn.
        self.number = math.ceil(blocks / self._together)
        self._kinds, self._weights = np.unique(sizes, axis=0, return_counts=True)
        tables = [_table(criteria, known, int(control), int(own)) for control, own in self._kinds]
        self._outcomes = np.concatenate(tables)

    def draw(
        self, baseline: float, candidate: float, chance: np.random.Generator
    ) -> Iterator[tuple[Floats, Floats]]:
        """Yield log evidence of harm and of proof: (rollouts, some draws, alternatives)."""
        chances = self._chances(baseline, candidate)
        left = self.number
        while left > 0:
            number = min(_CHUNK, left)
            logs = self._draw(chances, number, chance)
            yield _apart(logs)
            left -= number

    def _draw(self, chances: Floats, number: int, chance: np.random.Generator) -> Floats:
        if self._together == 1:
            drawn = np.searchsorted(np.cumsum(chances), chance.random((ROLLOUTS, number)))
            single: Floats = self._outcomes[np.minimum(drawn, len(chances) - 1)]
            return single
        mean = chances @ self._outcomes
        apart = self._outcomes - mean
        spread = (apart.T * chances) @ apart
        sums: Floats = chance.multivariate_normal(
            mean * self._together,
            spread * self._together,
            (ROLLOUTS, number),
            check_valid='ignore',
        )
        return sums

    def _chances(self, baseline: float, candidate: float) -> Floats:
        """Return the probability of each row of the outcomes."""
        of_kinds = []
        for (control, own), weight in zip(self._kinds, self._weights):
            failed = _binomial(int(control), 1 - baseline)
            own_failed = _binomial(int(own), 1 - candidate)
            of_kinds.append(weight * np.outer(failed, own_failed).ravel())
        chances = np.concatenate(of_kinds)
        found: Floats = chances / chances.sum()
        return found


Draws: TypeAlias = DrawnTasks | Blocks


def _apart(logs: Floats) -> tuple[Floats, Floats]:
    """Return the evidence of harm and of proof, which has the last columns."""
    proofs = len(PROOF_DROPS)
    return logs[..., :-proofs], logs[..., -proofs:]


def _binomial(n: int, rate: float) -> Floats:
    """Return the probabilities of 0 to n."""
    return np.array([math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(n + 1)])


@lru_cache(maxsize=64)
def _drawn_tasks(criteria: SuccessCriteria, baseline: float, tasks: StageTasks) -> DrawnTasks:
    share = tasks.candidate / (tasks.candidate + tasks.control)
    proof = [_proof(criteria, task, baseline, share) for task in TASK_KINDS]
    harm = task_table(_null(criteria), baseline, share, on_average=criteria.is_on_average)
    return DrawnTasks(np.hstack([harm, proof]), tasks)


@lru_cache(maxsize=64)
def _blocks(criteria: SuccessCriteria, rates: tuple[float, float], tasks: StageTasks) -> Blocks:
    return Blocks(criteria, rates, tasks)


@lru_cache(maxsize=4096)
def _table(
    criteria: SuccessCriteria, known: tuple[float, float], control: int, own: int
) -> Floats:
    """
    Return the log evidence of every outcome: by failures of control, then of candidate.

    `known` are the rates of the control that the gate takes for harm and for proof.
    """
    return np.array(
        [
            [
                *_harm(criteria, _block(criteria, known[0], control, failed, own, lost), known[0]),
                *_proof(
                    criteria, _block(criteria, known[1], control, failed, own, lost), known[1]
                ),
            ]
            for failed in range(control + 1)
            for lost in range(own + 1)
        ]
    )


def _block(
    criteria: SuccessCriteria, known: float, control: int, failed: int, own: int, lost: int
) -> Block:
    if criteria.control in (Control.FIXED, Control.HISTORY):
        return Block(_NUMBER_TASKS, known * _NUMBER_TASKS, own, own - lost)
    return Block(control, control - failed, own, own - lost)


def _harm(criteria: SuccessCriteria, block: Block, rate: float) -> Sequence[float]:
    null = _null(criteria)
    evidence = BlockEvidence([null + drop for drop in HARM_DROPS], null)
    evidence.add(block, rate)
    return evidence.log_e


def _proof(
    criteria: SuccessCriteria, block: Block, rate: float, share: float | None = None
) -> Sequence[float]:
    evidence = BlockEvidence(PROOF_DROPS, criteria.max_success_drop)
    evidence.add(block, rate, share)
    return evidence.log_e
