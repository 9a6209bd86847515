# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The advisor: a decision tree that chooses a strategy, from the distribution strategies guide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hotswap_ros.plan.base import Strategy
from hotswap_ros.plan.risk import Risk

#: Up to the first number of robots, cohorts are too small to judge; above the second, a fleet of
#: unknown risk grows in stages.
_SMALL, _LARGE = 20, 100
#: Below this number of robots, half of the fleet is too small for each of two versions.
_HALVES = 20


@dataclass(frozen=True)
class Advice:
    """A strategy, the reason for it, and the text of a plan that can run as it is."""

    strategy: Strategy
    reason: str
    plan: str


def advise(
    *,
    robots: int,
    is_production: bool = True,
    risk: Risk | None = None,
    compares: bool = False,
    model_id: str = 'pick_policy',
    version: str = 'v24',
    previous: str = 'v23',
    regions: Sequence[str] = (),
    has_room: bool = True,
    tasks_per_day: float | None = None,
) -> Advice:
    """
    Return the strategy that fits a fleet of `robots` robots, each of which does `tasks_per_day`.

    Robots that have room hold both versions on all robots from the start (`spread: thin`). Few
    robots need that in any case: their cohorts would be too small.

    With `compares` the question is whether `version` or `previous` is better, and not whether
    `version` may replace it. A `risk` of None is unknown. A fleet of medium size with several
    `regions` is updated by region. Raises ValueError for a fleet without robots.
    """
    if robots < 1:
        raise ValueError(f"'robots' is {robots}: it must be at least 1")
    if tasks_per_day is not None and tasks_per_day <= 0:
        raise ValueError(f"'tasks_per_day' is {tasks_per_day:g}: it must be above 0")
    strategy, reason, body = _choose(
        robots, is_production, risk, compares, previous, regions, has_room
    )
    criteria = 'conservative' if is_production else 'aggressive'
    if strategy is Strategy.AB_TESTING:
        head = _ab_head(model_id, version, previous)
    else:
        head = f'modelId: "{model_id}"\nversion: "{version}"\n'
    if strategy is not Strategy.PHASES:
        head += f'strategy: {strategy.value}\n'
    tail = ''
    if strategy is not Strategy.DIRECT:
        tail = f'successCriteria: {{preset: {criteria}, maxSuccessDrop: 0.02}}\n'
        # A trial by success needs no budget: it ends when its time is over.
        tail += _PROVEN if strategy is not Strategy.AB_TESTING else 'promoteOn: proven\n'
    if is_production:
        tail += _CHECKLIST_HINT
    plan = _with_timeouts(head + body + tail, robots, tasks_per_day)
    return Advice(strategy, reason, plan)


def _choose(
    robots: int,
    is_production: bool,
    risk: Risk | None,
    compares: bool,
    previous: str,
    regions: Sequence[str],
    has_room: bool,
) -> tuple[Strategy, str, str]:
    if compares:
        by = 'robots' if robots >= _HALVES else 'tasks'
        why = f'{robots} robots are enough to give each version half of the fleet'
        if by == 'tasks':
            why = f'{robots} robots are too few for two halves, so each robot serves both versions'
        body = f'testDuration: P7D\nassignment: {by}\nwinnerCriteria: {{metric: success_rate}}\n'
        return Strategy.AB_TESTING, f'To find the better of two versions: {why}.', body
    if not is_production:
        return Strategy.DIRECT, 'For testing: the fastest strategy, without stages.', ''
    if robots <= _SMALL:
        why = f'{robots} robots are too few for cohorts'
        return Strategy.CANARY, f'{why}: {_THIN_WHY}.', _THIN_FEW
    if risk is Risk.HIGH:
        why = 'A new algorithm is a high risk: start with a canary on few robots'
        return Strategy.PHASES, f'{why}, then grow in stages.', _PHASES
    if risk is Risk.MEDIUM or (risk is None and robots > _LARGE):
        why = 'An optimisation is a medium risk' if risk else f'{robots} robots are a large fleet'
        if has_room:
            return Strategy.PROGRESSIVE_ROLLOUT, f'{why}: {_THIN_WHY}.', _THIN
        return Strategy.PROGRESSIVE_ROLLOUT, f'{why}: grow in stages.', _STAGES
    if risk is None and len(regions) > 1:
        names = ', '.join(f'"{region}"' for region in regions)
        return (
            Strategy.REGIONAL_ROLLOUT,
            f'{robots} robots in {len(regions)} regions: update one region after the other.',
            f'regions: [{names}]\ntasks: 500\ndelayBetweenRegions: PT15M\ntimeout: TIMEOUT\n',
        )
    why = 'A bug fix is a low risk' if risk else f'{robots} robots are a fleet of medium size'
    if has_room:
        return Strategy.CANARY, f'{why}: {_THIN_WHY}.', _THIN
    return Strategy.CANARY, f'{why}: update 10% of the robots first, then all.', _CANARY


def _with_timeouts(body: str, robots: int, tasks_per_day: float | None) -> str:
    """Return a plan with enough time for its longest stage and for a proof."""
    days = 7
    if tasks_per_day is not None:
        days = max(1, math.ceil(_MARGIN * _LONGEST / (robots * tasks_per_day)))
    return body.replace('TIMEOUT', f'P{days}D').replace('PROOF_TIME', f'P{max(28, days)}D')


def _ab_head(model_id: str, version: str, previous: str) -> str:
    return (
        f'modelA: {{modelId: "{model_id}", version: "{previous}"}}\n'
        f'modelB: {{modelId: "{model_id}", version: "{version}"}}\n'
    )


#: A comment only: a plan that waits for signatures cannot run as it is.
_CHECKLIST_HINT = "# checklist: production   # conditions to meet first: 'hotswap checklist'\n"
_PROVEN = 'promoteOn: proven\nproofBudget: {tasks: 5000, duration: PROOF_TIME}\n'
_THIN_WHY = 'start with a small share of the tasks of all'
#: Tasks of all robots together in the longest stage below, and by how much they may be slower.
#: The first stage of cohorts has a tenth of the robots and a tenth of their tasks.
_LONGEST, _MARGIN = 10_000, 2
_THIN_FEW = """\
spread: thin
stages:
  - {share: 0.1, tasks: 100, timeout: TIMEOUT}
  - {share: 0.5, tasks: 500, timeout: TIMEOUT}
"""
_THIN = """\
spread: thin
stages:
  - {share: 0.01, tasks: 100, timeout: TIMEOUT}
  - {share: 0.1, tasks: 500, timeout: TIMEOUT}
  - {share: 0.5, tasks: 2000, timeout: TIMEOUT}
"""
_CANARY = """\
stages:
  - {percentage: 10, tasks: 100, timeout: TIMEOUT}
  - {percentage: 50, tasks: 500, timeout: TIMEOUT}
  - {percentage: 100, tasks: 2000, timeout: TIMEOUT}
"""
_STAGES = """\
stages:
  - {percentage: 10, tasks: 100, timeout: TIMEOUT}
  - {percentage: 25, tasks: 250, timeout: TIMEOUT}
  - {percentage: 50, tasks: 1000, timeout: TIMEOUT}
  - {percentage: 100, tasks: 2000, timeout: TIMEOUT}
"""
_PHASES = """\
phases:
  - strategy: Canary
    stages:
      - {percentage: 10, tasks: 100, timeout: TIMEOUT}
  - strategy: ProgressiveRollout
    stages:
      - {percentage: 25, tasks: 250, timeout: TIMEOUT}
      - {percentage: 50, tasks: 1000, timeout: TIMEOUT}
      - {percentage: 100, tasks: 2000, timeout: TIMEOUT}
"""
