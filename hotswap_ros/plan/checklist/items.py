# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The checklist section of a plan: required items, signatures and overrides."""

from __future__ import annotations

import difflib
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator
from pydantic.alias_generators import to_snake

from hotswap_ros.plan.checklist.presets import ChecklistPreset, Item
from hotswap_ros.plan.durations import Duration
from hotswap_ros.plan.section import Section


class Signature(Section):
    """A person who confirms that an item is true."""

    by: str = Field(min_length=1, description='Who signs.')
    remark: str = Field('', description='How this person knows.')


class Override(Section):
    """A person who lets a rollout start although an item is not true."""

    by: str = Field(min_length=1, description='Who overrides.')
    remark: str = Field(min_length=1, description='Why.')


class Checklist(Section):
    """The checklist of a plan. Text instead of a mapping is the preset."""

    preset: ChecklistPreset = Field(description='How much is checked.')
    signed: dict[Item, Signature] = Field(
        default_factory=dict, description='Items that a person confirms.'
    )
    overrides: dict[Item, Override] = Field(
        default_factory=dict, description='Items that a person overrides although they failed.'
    )
    owner: str = Field('', description='The engineer on call.')
    contacts: tuple[str, ...] = Field((), description='Whom to call when the rollout goes wrong.')
    lab_results: str = Field(
        '',
        description=(
            'File in the plans folder with lab results, for versions whose manifests have none.'
        ),
    )
    max_lab_drop: float = Field(
        0.02, ge=0, lt=1, description='Tolerated drop of the success rate in the lab.'
    )
    max_category_drop: float = Field(
        0.5,
        gt=0,
        lt=1,
        description=(
            'Tolerated drop in any one task category in the lab, as a part of the previous '
            "version's rate."
        ),
    )
    bandwidth_mbps: float | None = Field(
        None, gt=0, description='What all robots together can fetch, in megabits per second.'
    )
    max_network_time: Duration = Field(
        timedelta(hours=1), description='How long fetching may take.'
    )
    rehearsed_within: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        timedelta(days=30), description='Maximum age of the last rollback that a robot confirmed.'
    )
    max_rollback_time: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        timedelta(minutes=5), description='How long that rollback may have taken.'
    )

    @model_validator(mode='before')
    @classmethod
    def _a_text_is_a_preset(cls, data: Any) -> Any:
        return {'preset': data} if isinstance(data, str) else data

    @field_validator('signed', 'overrides', mode='before')
    @classmethod
    def _items_are_known(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        found: dict[str, Any] = {}
        for key, entry in value.items():
            name = to_snake(key.value if isinstance(key, Item) else str(key))
            if name not in tuple(Item):
                near = difflib.get_close_matches(name, [item.value for item in Item], n=1)
                known = ', '.join(item.value for item in Item)
                remedy = f"did you mean '{near[0]}'?" if near else f'known: {known}'
                raise ValueError(f"unknown checklist item '{key}': {remedy}")
            if name in found:
                raise ValueError(f"item '{name}' is written twice: write it once")
            found[name] = entry
        return found
