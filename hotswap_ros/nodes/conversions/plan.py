# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a plan would do, as messages."""

from __future__ import annotations

from typing import Any

from hotswap_ros import msg
from hotswap_ros.coordinator import Forecast
from hotswap_ros.plan import ChecklistItem, Item, ItemState

_STATES = {state: code for code, state in enumerate(ItemState, start=1)}
_STATES_BACK = {code: state for state, code in _STATES.items()}


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
    """Return the item that a message tells of."""
    return ChecklistItem(
        name=Item(item.name),
        state=_STATES_BACK[item.state],
        sentence=item.sentence,
        by=item.by,
        remark=item.remark,
    )
