# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The decision rule of a plan: its checks by role, before there are any tasks."""

from __future__ import annotations

from hotswap_ros.gates.checks.of_criteria import checks_of
from hotswap_ros.plan import Role, SuccessCriteria, role_of


def checks_by_role(criteria: SuccessCriteria) -> dict[Role, tuple[str, ...]]:
    """Return the names of the checks in each role."""
    names = [check.name for check in checks_of(criteria, '', explain=False)]
    return {
        role: tuple(name for name in names if role_of(criteria, name) is role) for role in Role
    }


def rule_words(criteria: SuccessCriteria) -> str:
    """Return the decision rule in words."""
    rule = checks_by_role(criteria)
    parts = [
        f'{words}: {", ".join(rule[role])}.'
        for role, words in (
            (Role.SUCCESS, 'Success metric'),
            (Role.GUARDRAIL, 'Guardrails, which roll back'),
            (Role.SIGNAL, 'Signals, which pause'),
        )
        if rule[role]
    ]
    return ' '.join(parts)
