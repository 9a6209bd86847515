# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The operating characteristic of a plan: how often it promotes a version that is so good.

Tasks are drawn at random and fed to the evidence of the gate itself, of harm and of proof. The
draws are seeded, so that the same question always has the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.gates.block_power import SEED, Floats, StageTasks, design_effect_of
from hotswap_ros.gates.checks.of_criteria import alpha_of
from hotswap_ros.gates.odds import Odds
from hotswap_ros.gates.outcomes import ROLLOUTS, draws_of, harm_weights
from hotswap_ros.gates.pairing.clustering import ASSUMED_CORRELATION
from hotswap_ros.gates.result import MIN_TASKS
from hotswap_ros.gates.stats.evidence import PROOF_DROPS
from hotswap_ros.plan import Control, Method, SuccessCriteria

Flags: TypeAlias = NDArray[np.bool_]


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


class _Evidence:
    """Evidence of one kind in many rollouts, averaged over alternatives by their weights."""

    def __init__(self, weights: Sequence[float], alpha: float) -> None:
        self._weights = weights
        self._log_limit = math.log(1 / alpha)
        self._log_e = np.zeros((ROLLOUTS, 1, len(weights)))

    def add(self, logs: Floats, effect: float) -> Flags:
        """Multiply by (rollouts, draws, alternatives); return after which it is at its limit."""
        path = self._log_e + np.cumsum(logs, axis=1)
        self._log_e = path[:, -1:, :]
        scaled = path / effect
        top = scaled.max(axis=-1)
        mean = np.average(np.exp(scaled - top[..., None]), axis=-1, weights=self._weights)
        found: Flags = top + np.log(mean) >= self._log_limit
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
        self._harm = _Evidence(harm_weights(criteria), alpha_of(criteria)['success'])
        self._proof = _Evidence((1,) * len(PROOF_DROPS), criteria.alpha)
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
            if stage.is_overdue or not self._has_enough(stage.tasks):
                fleet.is_undecided |= fleet.is_alive
            if stage.proof_tasks is not None:
                self._prove(stage, stage.proof_tasks, fleet, chance)

    def _has_enough(self, tasks: StageTasks) -> bool:
        """Return whether a stage may pass; robots that differ make its tasks worth less."""
        against_number = self._gate.criteria.control in (Control.FIXED, Control.HISTORY)
        seen = self._seen
        enough = seen.candidate / self._effect(tasks) >= MIN_TASKS
        return enough and (against_number or seen.control >= MIN_TASKS)

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
        draws = draws_of(self._gate.criteria, self._baseline, self._history, tasks)
        done = 0
        for harm, proof in draws.draw(self._baseline, self._candidate, chance):
            first_harm = _first(self._harm.add(harm, effect))
            first_proof = _first(self._proof.add(proof, effect))
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
        found: Floats = needed / max(1, draws.number)
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
        alpha = alpha_of(criteria)['success'] / max(1, len(self._gate.stages))
        limit = NormalDist().inv_cdf(1 - alpha)
        fleet.is_back |= fleet.is_alive & (drop - null > limit * np.sqrt(spread))

    def _effect(self, tasks: StageTasks) -> float:
        seen = self._seen._replace(robots=tasks.robots)
        return design_effect_of(seen, self._gate.criteria.control, self._rho, self._history)


def _first(is_there: Flags) -> Floats:
    """Return the index of the first one in each rollout; infinity: there is none."""
    return np.where(is_there.any(axis=1), is_there.argmax(axis=1), math.inf)
