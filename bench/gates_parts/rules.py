# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rules that people use instead of a gate, on tasks of the same kind."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from gates_parts.rollouts import BASELINE, FLEET, STAGES, Outcome, skills


class Trial(NamedTuple):
    """The tasks of one rollout in their order, for the rules: 1 is a success."""

    candidate: list[np.ndarray]
    control: list[np.ndarray]


def trial(rate: float, correlation: float, rng: np.random.Generator) -> Trial:
    """Return the tasks of whole robots on the candidate, and of the rest of the fleet."""
    skill = np.array(skills(rng, FLEET, correlation))
    candidate, control = [], []
    for size, tasks in STAGES:
        per_robot = tasks // size
        for robots, p, into in (
            (skill[:size], rate, candidate),
            (skill[size:], BASELINE, control),
        ):
            chance = np.clip(p + np.repeat(robots, per_robot), 0, 1)
            won = (rng.random(len(chance)) < chance).astype(int)
            into.append(won.reshape(len(robots), per_robot).T.ravel())
    return Trial(candidate, control)


def plain(found: Trial, tolerance: float) -> Outcome:
    """Roll back at a stage's end if the rate is below the baseline minus the tolerance."""
    seen = 0
    for won in found.candidate:
        seen += len(won)
        if won.mean() < BASELINE - tolerance - 1e-12:
            return Outcome(seen)
    return Outcome(math.inf)


def stage_end_test(found: Trial, critical: float) -> Outcome:
    """Roll back at a stage's end if a one-sided z test against the control says so."""
    seen = 0
    for won, control in zip(found.candidate, found.control):
        seen += len(won)
        both = (won.sum() + control.sum()) / (len(won) + len(control))
        error = math.sqrt(both * (1 - both) * (1 / len(won) + 1 / len(control)))
        if error and (control.mean() - won.mean()) / error > critical:
            return Outcome(seen)
    return Outcome(math.inf)


def failed_checks(found: Trial, limit: float) -> Outcome:
    """Look every ten tasks and roll back after `limit` looks in a row below 90%."""
    in_a_row = 0
    won = np.concatenate(found.candidate)
    for number, look in enumerate(won.reshape(-1, 10).mean(axis=1), start=1):
        in_a_row = in_a_row + 1 if look < BASELINE - 0.02 - 1e-12 else 0
        if in_a_row >= limit:
            return Outcome(10.0 * number)
    return Outcome(math.inf)


#: Suffix of the rules whose limit is tuned to as few false rollbacks as the gate has.
AS_CAREFUL = ', as careful'
Rule = Callable[[Trial, float], Outcome]
RULES: dict[str, tuple[Rule, float]] = {
    'plain threshold at stage ends': (plain, 0.02),
    'z test at stage ends': (stage_end_test, 1.645),
    '5 failed checks in a row': (failed_checks, 5),
}


def as_careful(rule: Rule, false_rollbacks: float, trials: list[Trial]) -> float:
    """Return the limit at which the rule rolls back an equal candidate as often, at most."""
    low, high = 0.0, 8.0 if rule is stage_end_test else 0.5
    for _ in range(20):
        middle = (low + high) / 2
        wrong = np.mean([rule(found, middle).tasks < math.inf for found in trials])
        low, high = (middle, high) if wrong > false_rollbacks else (low, middle)
    return high
