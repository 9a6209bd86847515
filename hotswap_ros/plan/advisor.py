# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which strategy fits: the decision tree of the model distribution strategies guide."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from hotswap_ros.plan.base import Strategy

#: Fewer robots than these make cohorts that tell nothing; more want stages of their own.
_SMALL, _LARGE = 10, 100
#: Fewer robots than these are too few for two arms of whole robots.
_TWO_ARMS = 20


class Risk(str, enum.Enum):
    """How much a version changes: a bug fix, an optimisation, a new algorithm."""

    LOW = 'low'
    MEDIUM = 'medium'
    HIGH = 'high'


@dataclass(frozen=True)
class Advice:
    """A strategy, why it fits, and a plan that can be run as it is."""

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
    Return which strategy fits.

    `compares`: the question is which of two versions is better, not whether one may replace the
    other; `previous` is then the other. `risk` None: not known. With several `regions` a fleet of
    medium size goes by region. Raises ValueError for a fleet without robots.
    """
    if robots < 1:
        raise ValueError(f"'robots' is {robots}: a fleet has at least one")
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
        by = 'robots' if robots >= _TWO_ARMS else 'tasks'
        why = f'{robots} robots are enough to compare halves of the fleet'
        if by == 'tasks':
            why = f'{robots} robots are too few for halves, so every robot serves both'
        body = f'testDuration: P7D\nassignment: {by}\nwinnerCriteria: {{metric: success_rate}}\n'
        return Strategy.AB_TESTING, f'Two versions are to be compared; {why}.', body
    if not is_production:
        return Strategy.DIRECT, 'For testing, the fastest way will do.', ''
    if robots < _SMALL:
        return (
            Strategy.DIRECT,
            f'{robots} robots are too few for cohorts; be there to watch, and roll back by hand.',
            '',
        )
    if risk is Risk.HIGH:
        return (
            Strategy.PHASES,
            'A new algorithm is risky: a canary first, then stages.',
            _PHASES,
        )
    if risk is Risk.MEDIUM or (risk is None and robots > _LARGE):
        why = 'An optimisation is of medium risk' if risk else f'{robots} robots are a large fleet'
        return Strategy.PROGRESSIVE_ROLLOUT, f'{why}: grow in stages.', _STAGES
    if risk is None and len(regions) > 1:
        names = ', '.join(f'"{region}"' for region in regions)
        return (
            Strategy.REGIONAL_ROLLOUT,
            f'{robots} robots in {len(regions)} regions: one region after the other.',
            f'regions: [{names}]\ndelayBetweenRegions: PT15M\n',
        )
    why = 'A bug fix is of low risk' if risk else f'{robots} robots are a fleet of medium size'
    return Strategy.CANARY, f'{why}: a tenth first, then all.', _CANARY


def _ab_head(model_id: str, version: str, previous: str) -> str:
    return (
        f'modelA: {{modelId: "{model_id}", version: "{previous}"}}\n'
        f'modelB: {{modelId: "{model_id}", version: "{version}"}}\n'
    )


#: Not more than a hint: a plan that blocks until people have signed cannot be run as it is.
_CHECKLIST_HINT = '# checklist: production   # what has to be true first: hotswap checklist\n'
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
