# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Any plan: the strategies together, told apart by `strategy`."""

from __future__ import annotations

from typing import Annotated, TypeAlias, get_args

from pydantic import Discriminator, Tag

from hotswap_ros.plan.base import BasePlan, Strategy, strategy_of
from hotswap_ros.plan.strategies import Phases, Single

Plan: TypeAlias = Annotated[Single | Annotated[Phases, Tag('Phases')], Discriminator(strategy_of)]

#: The class of each strategy.
PLANS: dict[Strategy, type[BasePlan]] = {
    Strategy(tag.tag): plan for plan, tag in map(get_args, get_args(get_args(Plan)[0]))
}
