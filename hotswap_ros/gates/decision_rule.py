# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The decision rule of a plan: its checks by role, before there are any tasks."""

from __future__ import annotations

from hotswap_ros.gates.gate import Gate
from hotswap_ros.plan import Role, SuccessCriteria


def checks_by_role(criteria: SuccessCriteria) -> dict[Role, tuple[str, ...]]:
    """Return the names of the checks in each role."""
    checks = Gate(criteria, '', explain=False).checks(complete=False)
    return {
        role: tuple(check.name for check in checks if check.role == role.value) for role in Role
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
