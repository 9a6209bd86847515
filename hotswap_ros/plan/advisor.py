# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The advisor: a decision tree that chooses a strategy, from the distribution strategies guide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hotswap_ros.plan.base import Strategy
from hotswap_ros.plan.risk import Risk

#: Below the first number of robots, cohorts are too small to judge; above the second, a fleet of
#: unknown risk grows in stages.
_SMALL, _LARGE = 10, 100
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
) -> Advice:
    """
    Return the strategy that fits a fleet of `robots` robots.

    With `compares` the question is whether `version` or `previous` is better, and not whether
    `version` may replace it. A `risk` of None is unknown. A fleet of medium size with several
    `regions` is updated by region. Raises ValueError for a fleet without robots.
    """
    if robots < 1:
        raise ValueError(f"'robots' is {robots}: it must be at least 1")
    strategy, reason, body = _choose(robots, is_production, risk, compares, previous, regions)
    criteria = 'conservative' if is_production else 'aggressive'
    if strategy is Strategy.AB_TESTING:
        head = _ab_head(model_id, version, previous)
    else:
        head = f'modelId: "{model_id}"\nversion: "{version}"\n'
    if strategy is not Strategy.PHASES:
        head += f'strategy: {strategy.value}\n'
    tail = '' if strategy is Strategy.DIRECT else f'successCriteria: {{preset: {criteria}}}\n'
    if is_production:
        tail += _CHECKLIST_HINT
    return Advice(strategy, reason, head + body + tail)


def _choose(
    robots: int,
    is_production: bool,
    risk: Risk | None,
    compares: bool,
    previous: str,
    regions: Sequence[str],
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
    if robots < _SMALL:
        return (
            Strategy.DIRECT,
            f'{robots} robots are too few for cohorts: watch the rollout, and roll back by hand.',
            '',
        )
    if risk is Risk.HIGH:
        return (
            Strategy.PHASES,
            'A new algorithm is a high risk: start with a canary, then grow in stages.',
            _PHASES,
        )
    if risk is Risk.MEDIUM or (risk is None and robots > _LARGE):
        why = 'An optimisation is a medium risk' if risk else f'{robots} robots are a large fleet'
        return Strategy.PROGRESSIVE_ROLLOUT, f'{why}: grow in stages.', _STAGES
    if risk is None and len(regions) > 1:
        names = ', '.join(f'"{region}"' for region in regions)
        return (
            Strategy.REGIONAL_ROLLOUT,
            f'{robots} robots in {len(regions)} regions: update one region after the other.',
            f'regions: [{names}]\ndelayBetweenRegions: PT15M\n',
        )
    why = 'A bug fix is a low risk' if risk else f'{robots} robots are a fleet of medium size'
    return Strategy.CANARY, f'{why}: update 10% of the robots first, then all.', _CANARY


def _ab_head(model_id: str, version: str, previous: str) -> str:
    return (
        f'modelA: {{modelId: "{model_id}", version: "{previous}"}}\n'
        f'modelB: {{modelId: "{model_id}", version: "{version}"}}\n'
    )


#: A comment only: a plan that waits for signatures cannot run as it is.
_CHECKLIST_HINT = "# checklist: production   # conditions to meet first: 'hotswap checklist'\n"
_CANARY = 'canaryPercentage: 10\ncanaryDuration: PT30M\n'
_STAGES = """\
stages:
  - {percentage: 10, duration: PT15M}
  - {percentage: 25, duration: PT15M}
  - {percentage: 50, duration: PT30M}
  - {percentage: 100, duration: PT0M}
"""
_PHASES = """\
phases:
  - {strategy: Canary, canaryPercentage: 10, canaryDuration: PT30M}
  - strategy: ProgressiveRollout
    stages:
      - {percentage: 25, duration: PT15M}
      - {percentage: 50, duration: PT30M}
      - {percentage: 100, duration: PT0M}
"""
