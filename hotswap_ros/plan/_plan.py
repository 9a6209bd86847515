# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Any plan: the strategies together, told apart by `strategy`."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Discriminator, Tag

from hotswap_ros.plan._base import BasePlan, Strategy, strategy_of
from hotswap_ros.plan.strategies import (
    ABTesting,
    BlueGreen,
    Canary,
    Direct,
    FeatureFlag,
    Phases,
    ProgressiveRollout,
    RegionalRollout,
    Shadow,
)

Plan: TypeAlias = Annotated[
    Annotated[Direct, Tag('Direct')]
    | Annotated[RegionalRollout, Tag('RegionalRollout')]
    | Annotated[Canary, Tag('Canary')]
    | Annotated[ProgressiveRollout, Tag('ProgressiveRollout')]
    | Annotated[ABTesting, Tag('ABTesting')]
    | Annotated[BlueGreen, Tag('BlueGreen')]
    | Annotated[Shadow, Tag('Shadow')]
    | Annotated[FeatureFlag, Tag('FeatureFlag')]
    | Annotated[Phases, Tag('Phases')],
    Discriminator(strategy_of),
]

#: The class of each strategy.
PLANS: dict[Strategy, type[BasePlan]] = {
    Strategy.DIRECT: Direct,
    Strategy.REGIONAL_ROLLOUT: RegionalRollout,
    Strategy.CANARY: Canary,
    Strategy.PROGRESSIVE_ROLLOUT: ProgressiveRollout,
    Strategy.AB_TESTING: ABTesting,
    Strategy.BLUE_GREEN: BlueGreen,
    Strategy.SHADOW: Shadow,
    Strategy.FEATURE_FLAG: FeatureFlag,
    Strategy.PHASES: Phases,
}
