# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The items of a checklist, and the presets that require them."""

from __future__ import annotations

import enum


class Item(str, enum.Enum):
    """
    Conditions that must be true before a rollout, from the distribution strategies guide.

    The order is the guide's: model, safety, infrastructure, monitoring, team, plan.
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
    The items that a checklist requires.

    PRODUCTION: all items. TESTING: the items without which the rollout would fail or would not be
    watched, and only if they are known to be wrong. NONE: no item.
    """

    NONE = 'none'
    TESTING = 'testing'
    PRODUCTION = 'production'

    @property
    def items(self) -> frozenset[Item]:
        """Return the required items."""
        return _ITEMS[self]

    @property
    def requires_signatures(self) -> bool:
        """Return whether a person has to sign the items that are not known to be true."""
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
