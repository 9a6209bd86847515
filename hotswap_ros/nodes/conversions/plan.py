# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Preview and checklist of a plan, as messages and as values."""

from __future__ import annotations

import math
from typing import Any

from hotswap_ros import msg
from hotswap_ros.coordinator import Forecast
from hotswap_ros.gates import Odds
from hotswap_ros.nodes.conversions.common import InterfaceMismatchError, codes_of
from hotswap_ros.plan import ChecklistItem, Item, ItemState

_STATES = codes_of(msg.ChecklistItem, 'STATE', ItemState)
_STATES_BACK = {code: state for state, code in _STATES.items()}
_ITEMS = {item.value: item for item in Item}


def forecast_msg(forecast: Forecast) -> Any:
    """Return the forecast of a step."""
    return msg.StepForecast(
        robots=forecast.robots,
        expected_s=forecast.expected_s,
        expected_tasks=forecast.tasks,
        expected_control_tasks=forecast.control_tasks,
        detectable_drop=forecast.detectable_drop,
        sentences=forecast.sentences,
    )


def odds_msg(odds: Odds) -> Any:
    """Return what a plan makes of one version."""
    return msg.PlanOdds(
        difference=odds.difference,
        promoted=odds.promoted,
        rolled_back=odds.rolled_back,
        undecided=odds.undecided,
        tasks=math.nan if odds.tasks is None else odds.tasks,
        seconds=math.nan if odds.seconds is None else odds.seconds,
    )


def item_msg(item: ChecklistItem) -> Any:
    """Return an item of a checklist."""
    return msg.ChecklistItem(
        name=item.name.value,
        state=_STATES[item.state],
        sentence=item.sentence,
        by=item.by,
        remark=item.remark,
    )


def item_value(item: Any) -> ChecklistItem:
    """Return an item of a checklist as a value. Raises InterfaceMismatchError."""
    name, state = _ITEMS.get(item.name), _STATES_BACK.get(item.state)
    if name is None or state is None:
        raise InterfaceMismatchError(
            f"checklist item '{item.name}' with state {item.state} is unknown here"
        )
    return ChecklistItem(
        name=name, state=state, sentence=item.sentence, by=item.by, remark=item.remark
    )
