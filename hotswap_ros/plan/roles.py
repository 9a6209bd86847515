# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Roles of checks in the decision about a version.

Source: Schultzberg, Ankargren, Frånberg 2024, "Risk-aware product decisions in A/B tests with
multiple metrics", arXiv 2402.11609 (success metrics, guardrails, and metrics of quality).
"""

from __future__ import annotations

import enum

from hotswap_ros.plan.criteria import SuccessCriteria

#: Checks of the comparison itself: a comparison that is not valid shows no harm.
_OF_QUALITY = ('unreachable', 'sample_ratio')


class Role(str, enum.Enum):
    """
    What a check decides.

    SUCCESS: proven better or not worse, it promotes; shown to be worse, it rolls back. GUARDRAIL:
    shown to be worse, it rolls back. SIGNAL: it pauses the rollout, and a person decides.
    """

    SUCCESS = 'success'
    GUARDRAIL = 'guardrail'
    SIGNAL = 'signal'


def role_of(criteria: SuccessCriteria, check: str) -> Role:
    """Return the role of a check by its name."""
    if check == criteria.success_metric:
        return Role.SUCCESS
    if check in _OF_QUALITY or check in criteria.signals:
        return Role.SIGNAL
    return Role.GUARDRAIL
