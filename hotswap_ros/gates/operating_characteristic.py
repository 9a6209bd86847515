# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The operating characteristic of a plan: how often it promotes a version that is so good.

Blocks of tasks are drawn at random and fed to the evidence of the gate itself, of harm and of
proof. The draws are seeded, so that the same question always has the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.gates.block_power import (
    SEED,
    Floats,
    StageTasks,
    block_sizes,
    design_effect_of,
)
from hotswap_ros.gates.odds import Odds
from hotswap_ros.gates.pairing.clustering import ASSUMED_CORRELATION
from hotswap_ros.gates.result import MIN_TASKS
from hotswap_ros.gates.stats.alpha import split_alpha
from hotswap_ros.gates.stats.evidence import (
    HARM_DROPS,
    PROOF_DROPS,
    Block,
    BlockEvidence,
    DrawnEvidence,
)
from hotswap_ros.gates.stats.intervals import wilson_interval
from hotswap_ros.plan import Control, Method, SuccessCriteria

Flags: TypeAlias = NDArray[np.bool_]

#: Simulated rollouts for each version.
ROLLOUTS = 400
#: Blocks that are drawn at a time, and the largest number that is drawn for a stage: of more, the
#: sums of several blocks are drawn.
_CHUNK = 100
_MOST_BLOCKS = 2000
_NUMBER_TASKS = 10_000_000


class WatchedStage(NamedTuple):
    """
    One stage as a gate sees it.

    `tasks` finish in it within `seconds` (NaN: not known). `is_overdue`: at that pace its timeout
    ends it before its tasks are in. With `proof_tasks` the stage goes on for up to so many tasks
    of the candidate until the version is proven; None: it needs no proof.
    """

    tasks: StageTasks
    seconds: float = math.nan
    is_overdue: bool = False
    proof_tasks: int | None = None


class WatchedStages(NamedTuple):
    """The stages of one gate, which keeps its evidence from stage to stage."""

    criteria: SuccessCriteria
    stages: tuple[WatchedStage, ...]


def odds_of(
    gates: Sequence[WatchedStages],
    baseline: float,
    difference: float,
    *,
    correlation: float | None = None,
    history: int = 0,
) -> Odds:
    """
    Return what becomes of a version, by simulation of the evidence of its gates in their order.

    `baseline` is the control's success rate (0 to 1), `difference` how much better the candidate
    is. `correlation` and `history` are as in detectable_drops.
    """
    rho = ASSUMED_CORRELATION if correlation is None else correlation
    fleet = _Rollouts()
    for number, gate in enumerate(gates):
        watch = _Watch(gate, round(baseline, 3), round(difference, 6), rho, history)
        watch.run(fleet, np.random.default_rng((SEED, number)))
    promoted = fleet.is_alive
    return Odds(
        difference,
        float(promoted.mean()),
        float(fleet.is_back.mean()),
        float(fleet.is_undecided.mean()),
        _median(fleet.tasks[promoted]),
        _median(fleet.seconds[promoted]),
    )


def _median(values: Floats) -> float | None:
    found = float(np.median(values)) if len(values) else math.nan
    return found if math.isfinite(found) else None


class _Rollouts:
    """Many rollouts side by side: where each one is, with its tasks and its time so far."""

    def __init__(self) -> None:
        self.is_back = np.zeros(ROLLOUTS, bool)
        self.is_undecided = np.zeros(ROLLOUTS, bool)
        self.tasks = np.zeros(ROLLOUTS)
        self.seconds = np.zeros(ROLLOUTS)

    @property
    def is_alive(self) -> Flags:
        """Return which ones go on."""
        found: Flags = ~(self.is_back | self.is_undecided)
        return found


class _Watch:
    """One gate in many rollouts."""

    def __init__(
        self, gate: WatchedStages, baseline: float, difference: float, rho: float, history: int
    ) -> None:
        self._gate = gate
        self._baseline = baseline
        self._candidate = min(1.0, max(0.0, baseline + difference))
        self._rho = rho
        self._history = history
        criteria = gate.criteria
        self._limits = (
            math.log(1 / split_alpha(criteria.alpha, ())['success']),
            math.log(1 / criteria.alpha),
        )
        self._harm = np.zeros((ROLLOUTS, 1, len(HARM_DROPS)))
        self._proof = np.zeros((ROLLOUTS, 1, len(PROOF_DROPS)))
        self._is_proven = np.zeros(ROLLOUTS, bool)
        self._seen = StageTasks(0, 0)

    def run(self, fleet: _Rollouts, chance: np.random.Generator) -> None:
        """Let all rollouts that go on pass the gate's stages."""
        looks_once = self._gate.criteria.method is not Method.SEQUENTIAL
        for stage in self._gate.stages:
            if looks_once:
                self._look_once(stage.tasks, fleet, chance)
            else:
                self._pass(stage.tasks, fleet, chance)
            fleet.tasks[fleet.is_alive] += stage.tasks.candidate
            fleet.seconds[fleet.is_alive] += stage.seconds
            if stage.is_overdue or not self._has_enough:
                fleet.is_undecided |= fleet.is_alive
            if stage.proof_tasks is not None:
                self._prove(stage, stage.proof_tasks, fleet, chance)

    @property
    def _has_enough(self) -> bool:
        against_number = self._gate.criteria.control in (Control.FIXED, Control.HISTORY)
        seen = self._seen
        return seen.candidate >= MIN_TASKS and (against_number or seen.control >= MIN_TASKS)

    def _prove(
        self, stage: WatchedStage, budget: int, fleet: _Rollouts, chance: np.random.Generator
    ) -> None:
        """Let the stage go on where a proof is missing, until there is one or the budget ends."""
        waits = fleet.is_alive & ~self._is_proven
        own = stage.tasks.candidate
        if waits.any() and own:
            more = StageTasks(
                budget, round(budget * stage.tasks.control / own), stage.tasks.robots
            )
            seconds = stage.seconds * budget / own
            needed = self._pass(more, fleet, chance, waits)
            done = waits & self._is_proven & fleet.is_alive
            fleet.tasks[done] += needed[done] * budget
            fleet.seconds[done] += needed[done] * seconds
        fleet.is_undecided |= fleet.is_alive & ~self._is_proven

    def _pass(
        self,
        tasks: StageTasks,
        fleet: _Rollouts,
        chance: np.random.Generator,
        until_proven: Flags | None = None,
    ) -> Floats:
        """
        Draw the tasks of a stage, and note harm and proofs.

        Rollouts that are `until_proven` end there when they are proven. Returns which part of the
        tasks each of them needed for that.
        """
        needed = np.zeros(ROLLOUTS)
        if not tasks.candidate:
            return needed
        going = fleet.is_alive if until_proven is None else until_proven & fleet.is_alive
        self._seen = StageTasks(
            self._seen.candidate + tasks.candidate, self._seen.control + tasks.control
        )
        effect = self._effect(tasks)
        blocks = _blocks(self._gate.criteria, self._baseline, self._history, tasks)
        done = 0
        for harm, proof in blocks.draw(self._baseline, self._candidate, chance):
            is_harm = self._reach(self._harm, harm, effect, self._limits[0])
            is_proof = self._reach(self._proof, proof, effect, self._limits[1])
            first_harm, first_proof = _first(is_harm), _first(is_proof)
            if until_proven is not None:
                first_harm = np.where(first_proof < first_harm, math.inf, first_harm)
            fleet.is_back |= going & np.isfinite(first_harm)
            new = going & np.isfinite(first_proof) & (first_proof < first_harm)
            needed[new & ~self._is_proven] = done + first_proof[new & ~self._is_proven] + 1
            self._is_proven |= new
            going &= ~fleet.is_back
            if until_proven is not None:
                going &= ~self._is_proven
            done += harm.shape[1]
            if not going.any():
                break
        found: Floats = needed / max(1, blocks.number)
        return found

    def _look_once(self, tasks: StageTasks, fleet: _Rollouts, chance: np.random.Generator) -> None:
        """Draw the tasks of a stage, and judge them at its end, as stage_tests does."""
        criteria = self._gate.criteria
        self._seen = tasks
        effect = self._effect(tasks)
        own = max(1, round(tasks.candidate / effect))
        rate = chance.binomial(own, self._candidate, ROLLOUTS) / own
        control, other = math.inf, np.full(ROLLOUTS, self._baseline)
        if criteria.control not in (Control.FIXED, Control.HISTORY):
            control = max(1, round(tasks.control / effect))
            other = chance.binomial(int(control), self._baseline, ROLLOUTS) / control
        drop, null = other - rate, criteria.max_success_drop
        if criteria.method is Method.THRESHOLD:
            fleet.is_back |= fleet.is_alive & (drop > null)
            return
        null = null if criteria.harm_null == 'not_worse_than_tolerance' else 0.0
        part = 0.0 if math.isinf(control) else own / (own + control)
        pooled = (1 - part) * other + part * (rate + null)
        spread = pooled * (1 - pooled) / control
        spread += np.clip(pooled - null, 0, 1) * (1 - np.clip(pooled - null, 0, 1)) / own
        alpha = split_alpha(criteria.alpha, ())['success'] / max(1, len(self._gate.stages))
        limit = NormalDist().inv_cdf(1 - alpha)
        fleet.is_back |= fleet.is_alive & (drop - null > limit * np.sqrt(spread))

    def _effect(self, tasks: StageTasks) -> float:
        if self._gate.criteria.control is Control.WITHIN_ROBOTS:
            return 1.0
        return design_effect_of(StageTasks(self._seen.candidate, 0, tasks.robots), self._rho)

    @staticmethod
    def _reach(start: Floats, logs: Floats, effect: float, limit: float) -> Flags:
        """Return after which blocks evidence is at its limit; move `start` on to the last one."""
        path = start + np.cumsum(logs, axis=1)
        start[:] = path[:, -1:, :]
        scaled = path / effect
        top = scaled.max(axis=-1)
        found: Flags = top + np.log(np.exp(scaled - top[..., None]).mean(axis=-1)) >= limit
        return found


def _first(is_there: Flags) -> Floats:
    """Return the index of the first block in each rollout; infinity: there is none."""
    return np.where(is_there.any(axis=1), is_there.argmax(axis=1), math.inf)


class _Blocks:
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
        """Yield log evidence of harm and of proof: (rollouts, some blocks, alternatives)."""
        chances = self._chances(baseline, candidate)
        left = self.number
        while left > 0:
            number = min(_CHUNK, left)
            logs = self._draw(chances, number, chance)
            yield logs[..., : len(HARM_DROPS)], logs[..., len(HARM_DROPS) :]
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


def _binomial(n: int, rate: float) -> Floats:
    """Return the probabilities of 0 to n."""
    return np.array([math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(n + 1)])


@lru_cache(maxsize=64)
def _blocks(
    criteria: SuccessCriteria, baseline: float, history: int, tasks: StageTasks
) -> _Blocks:
    known = baseline, baseline
    if criteria.control is Control.HISTORY and history:
        known = wilson_interval(baseline * history, history)  # The same as in Baseline.
    return _Blocks(criteria, (min(0.999, known[0]), min(0.999, known[1])), tasks)


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


def _harm(criteria: SuccessCriteria, block: Block, rate: float) -> Iterable[float]:
    null = criteria.max_success_drop
    null = null if criteria.harm_null == 'not_worse_than_tolerance' else 0.0
    evidence: DrawnEvidence | BlockEvidence
    if criteria.control is Control.WITHIN_ROBOTS and not null:
        evidence = DrawnEvidence(HARM_DROPS)
    else:
        evidence = BlockEvidence([null + drop for drop in HARM_DROPS], null)
    evidence.add(block, rate)
    return evidence.log_e


def _proof(criteria: SuccessCriteria, block: Block, rate: float) -> Iterable[float]:
    evidence = BlockEvidence(PROOF_DROPS, criteria.max_success_drop)
    evidence.add(block, rate)
    return evidence.log_e
