# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a plan says of its checklist: which items are asked for, and who vouches for them."""

from __future__ import annotations

import difflib
import enum
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator
from pydantic.alias_generators import to_snake

from hotswap_ros.plan.section import Section
from hotswap_ros.plan.stages import Duration


class Item(str, enum.Enum):
    """
    What must be true before a rollout: the deployment checklist of the strategies document.

    The order is the document's: model, safety, infrastructure, monitoring, team, plan.
    """

    LAB_RESULTS = 'lab_results'
    NO_CATASTROPHIC_DROP = 'no_catastrophic_drop'
    ALL_CATEGORIES = 'all_categories'
    GENERALIZATION = 'generalization'
    BOUNDS_DECLARED = 'bounds_declared'
    COLLISION_DETECTION = 'collision_detection'
    EMERGENCY_STOP = 'emergency_stop'
    HUMAN_SAFETY = 'human_safety'
    FALLBACK_PRESENT = 'fallback_present'
    STORAGE = 'storage'
    LATENCY = 'latency'
    NETWORK_ESTIMATE = 'network_estimate'
    MONITORING_ALIVE = 'monitoring_alive'
    ALERTS_CONFIGURED = 'alerts_configured'
    DECISIONS_TRACEABLE = 'decisions_traceable'
    ROLLBACK_REHEARSED = 'rollback_rehearsed'
    OWNER_SET = 'owner_set'
    ML_ENGINEER_AVAILABLE = 'ml_engineer_available'
    RUNBOOK_WRITTEN = 'runbook_written'
    CONTACT_SET = 'contact_set'
    WINDOW_SET = 'window_set'
    SUCCESS_CRITERIA = 'success_criteria'
    FAILURE_CRITERIA = 'failure_criteria'
    STAKEHOLDERS_NOTIFIED = 'stakeholders_notified'


class ChecklistPreset(str, enum.Enum):
    """
    How much is asked for.

    PRODUCTION: all of the document. TESTING: what would end the rollout or leave it unwatched
    anyway, and only where it is known to be wrong. NONE: nothing.
    """

    NONE = 'none'
    TESTING = 'testing'
    PRODUCTION = 'production'

    @property
    def items(self) -> frozenset[Item]:
        """Return the items that are asked for."""
        return _ITEMS[self]

    @property
    def asks_what_is_unknown(self) -> bool:
        """Return whether a person has to sign what nobody knows."""
        return self is ChecklistPreset.PRODUCTION


_ITEMS = {
    ChecklistPreset.NONE: frozenset[Item](),
    ChecklistPreset.TESTING: frozenset(
        {
            Item.BOUNDS_DECLARED,
            Item.FALLBACK_PRESENT,
            Item.STORAGE,
            Item.LATENCY,
            Item.MONITORING_ALIVE,
        }
    ),
    ChecklistPreset.PRODUCTION: frozenset(Item),
}


class Signature(Section):
    """Somebody who says that an item is true; `remark` is how they know."""

    by: str = Field(min_length=1)
    remark: str = ''


class Override(Section):
    """Somebody who answers for an item that is not true; `remark` says why."""

    by: str = Field(min_length=1)
    remark: str = Field(min_length=1)


class Checklist(Section):
    """
    The checklist of a plan; a text alone is its preset.

    `signed` are items that only a person can vouch for, `overrides` those that may fail. `owner`
    is the engineer on call, `contacts` whom to call when it goes wrong. `lab_results` names a file
    of the plans folder with the results of tests, for versions whose manifests state none;
    `max_lab_drop` is the tolerated loss there, `max_category_drop` that in any one task category
    as a part of the previous version's rate. `bandwidth_mbps` is what the robots together can
    fetch, in megabits per second, and `max_network_time` how long that may take them.
    `rehearsed_within` is how old a rollback may be that shows that the way back works, and
    `max_rollback_time` how long it may have taken.
    """

    preset: ChecklistPreset
    signed: dict[Item, Signature] = Field(default_factory=dict)
    overrides: dict[Item, Override] = Field(default_factory=dict)
    owner: str = ''
    contacts: tuple[str, ...] = ()
    lab_results: str = ''
    max_lab_drop: float = Field(0.02, ge=0, lt=1)
    max_category_drop: float = Field(0.5, gt=0, lt=1)
    bandwidth_mbps: float | None = Field(None, gt=0)
    max_network_time: Duration = timedelta(hours=1)
    rehearsed_within: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(days=30)
    max_rollback_time: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(minutes=5)

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
                remedy = f"did you mean '{near[0]}'?" if near else f'there are: {known}'
                raise ValueError(f"'{key}' is no item of the checklist: {remedy}")
            if name in found:
                raise ValueError(f"'{name}' is there twice: write it once")
            found[name] = entry
        return found
