# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The review of a checklist: the state of each item, and the items that block a rollout."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from hotswap_ros.plan.base import BasePlan
from hotswap_ros.plan.checklist.facts import Facts
from hotswap_ros.plan.checklist.finding import Case, Finding
from hotswap_ros.plan.checklist.fleet_items import (
    fallback_present,
    latency,
    monitoring_alive,
    network_estimate,
    rollback_rehearsed,
    storage,
)
from hotswap_ros.plan.checklist.items import Checklist
from hotswap_ros.plan.checklist.model_items import (
    all_categories,
    bounds_declared,
    lab_results,
    no_catastrophic_drop,
)
from hotswap_ros.plan.checklist.presets import ChecklistPreset, Item


class ItemState(str, enum.Enum):
    """The state of an item; FAILED and TO_SIGN block the rollout."""

    PASSED = 'passed'
    FAILED = 'failed'
    TO_SIGN = 'to_sign'
    SIGNED = 'signed'
    OVERRIDDEN = 'overridden'
    SKIPPED = 'skipped'


class ChecklistItem(BaseModel):
    """One reviewed item; `by` is the person who signed or overrode it, with a `remark`."""

    model_config = ConfigDict(extra='forbid', frozen=True)

    name: Item
    state: ItemState
    sentence: str
    by: str = ''
    remark: str = ''

    @property
    def blocks(self) -> bool:
        """Return whether the rollout must not start."""
        return self.state in (ItemState.FAILED, ItemState.TO_SIGN)


def review(plan: BasePlan, facts: Facts) -> tuple[ChecklistItem, ...]:
    """Review the checklist of a plan; without one, no item is required."""
    checklist = plan.checklist or Checklist(preset=ChecklistPreset.NONE)
    case = Case(plan, checklist, facts)
    return tuple(_item(name, case) for name in Item)


def blockers(items: Sequence[ChecklistItem]) -> str:
    """Return a sentence with the items that block the rollout; empty if none does."""
    found = [item for item in items if item.blocks]
    if not found:
        return ''
    parts = [
        f'{len(some)} {what} ({", ".join(item.name.value for item in some)})'
        for what, some in (
            ('failed', [item for item in found if item.state is ItemState.FAILED]),
            ('to sign', [item for item in found if item.state is ItemState.TO_SIGN]),
        )
        if some
    ]
    text = ' and '.join(parts)
    return f"the checklist blocks the rollout: {text}: run 'hotswap checklist' for the remedies"


def _item(name: Item, case: Case) -> ChecklistItem:
    found, checklist = _finding(name, case), case.checklist
    to_sign = f'Sign-off required: {found.sentence}' if name in _CLAIMS else found.sentence
    if name not in checklist.preset.items:
        return _made(name, ItemState.SKIPPED, _skipped(name, checklist, found))
    if found.is_true:
        return _made(name, ItemState.PASSED, found.sentence)
    override, signature = checklist.overrides.get(name), checklist.signed.get(name)
    if override is not None:
        return _made(name, ItemState.OVERRIDDEN, to_sign, override.by, override.remark)
    if found.is_true is False:
        text = found.sentence
        if signature is not None:
            text += f' {signature.by} signed it, but the figures contradict this.'
        return _made(name, ItemState.FAILED, text)
    if signature is not None:
        return _made(name, ItemState.SIGNED, found.sentence, signature.by, signature.remark)
    if not checklist.preset.requires_signatures:
        return _made(name, ItemState.SKIPPED, _skipped(name, checklist, found))
    return _made(name, ItemState.TO_SIGN, to_sign)


def _made(
    name: Item, state: ItemState, sentence: str, by: str = '', remark: str = ''
) -> ChecklistItem:
    return ChecklistItem(name=name, state=state, sentence=sentence, by=by, remark=remark)


def _skipped(name: Item, checklist: Checklist, found: Finding) -> str:
    preset = checklist.preset
    if name in preset.items:
        return f"Not known, which preset '{preset.value}' allows: {found.sentence}"
    word = {True: 'pass', False: 'fail', None: 'need a signature'}
    return (
        f"Not required by preset '{preset.value}'. It would {word[found.is_true]}: "
        f'{found.sentence}'
    )


def _finding(name: Item, case: Case) -> Finding:
    claim = _CLAIMS.get(name)
    return Finding(None, claim.format(case.plan.version)) if claim else _FINDINGS[name](case)


def _owner_set(case: Case) -> Finding:
    owner = case.checklist.owner
    if owner:
        return Finding(True, f'{owner} is the engineer on call.')
    return Finding(False, "No engineer is on call: name one in 'owner'.")


def _contact_set(case: Case) -> Finding:
    contacts = case.checklist.contacts
    if contacts:
        return Finding(True, f'Contacts in case of problems: {", ".join(contacts)}.')
    return Finding(False, "There are no contacts: name people to call in 'contacts'.")


def _window_set(case: Case) -> Finding:
    windows = case.plan.deployment_windows
    if not windows:
        return Finding(False, "The rollout may start at any time: add 'deploymentWindows'.")
    now = 'open now' if case.plan.is_open(case.facts.now) else 'closed now, the rollout waits'
    return Finding(True, f'Deployment windows: {"; ".join(map(str, windows))} ({now}).')


def _success_criteria(case: Case) -> Finding:
    if not case.facts.is_watched:
        return _unwatched(case)
    criteria = case.plan.success_criteria
    parts = [f'success drop at most {100 * criteria.max_success_drop:g} points']
    if criteria.max_progress_drop is not None:
        parts.append(f'progress drop at most {100 * criteria.max_progress_drop:g} points')
    if criteria.max_duration_increase is not None:
        parts.append(f'duration at most {100 * criteria.max_duration_increase:g}% longer')
    if criteria.no_more_interventions:
        parts.append('no more interventions')
    if criteria.max_latency_ms is not None:
        parts.append(f'p95 latency at most {criteria.max_latency_ms:g} ms')
    if criteria.max_error_rate is not None:
        parts.append(f'errors at most {100 * criteria.max_error_rate:g}%')
    if criteria.max_stuck_per_robot is not None:
        parts.append(f'stuck tasks at most {criteria.max_stuck_per_robot} per robot')
    return Finding(True, f'A gate checks: {", ".join(parts)}.')


def _failure_criteria(case: Case) -> Finding:
    if not case.facts.is_watched:
        return _unwatched(case)
    plan = case.plan
    then = {'pause': 'pauses', 'continue': 'continues', 'rollback': 'rolls back'}
    return Finding(
        True,
        f'Harm rolls back at once (alpha {plan.success_criteria.alpha:g}); if the gate is '
        f'inconclusive, the rollout {then[plan.on_inconclusive]}.',
    )


def _unwatched(case: Case) -> Finding:
    return Finding(
        False,
        f'Strategy {case.plan.strategy.value} has no gate: choose a strategy with stages (see '
        "'hotswap advise'), or override.",
    )


#: The items that only a person can know, as what the person signs.
_CLAIMS = {
    Item.GENERALIZATION: '{} works on objects that it was not trained on.',
    Item.COLLISION_DETECTION: 'Collision detection works with {} as before.',
    Item.EMERGENCY_STOP: 'The emergency stop was tested and works.',
    Item.HUMAN_SAFETY: '{} is safe around people.',
    Item.ALERTS_CONFIGURED: 'Somebody receives ~/alerts at any hour.',
    Item.DECISIONS_TRACEABLE: 'Decisions are recorded, so that each one can be traced.',
    Item.ML_ENGINEER_AVAILABLE: 'Somebody who trained {} is available.',
    Item.RUNBOOK_WRITTEN: 'A runbook says what to do in case of problems.',
    Item.STAKEHOLDERS_NOTIFIED: 'Everybody concerned was notified.',
}
_FINDINGS: Mapping[Item, Callable[[Case], Finding]] = {
    Item.LAB_RESULTS: lab_results,
    Item.NO_CATASTROPHIC_DROP: no_catastrophic_drop,
    Item.ALL_CATEGORIES: all_categories,
    Item.BOUNDS_DECLARED: bounds_declared,
    Item.FALLBACK_PRESENT: fallback_present,
    Item.STORAGE: storage,
    Item.LATENCY: latency,
    Item.NETWORK_ESTIMATE: network_estimate,
    Item.MONITORING_ALIVE: monitoring_alive,
    Item.ROLLBACK_REHEARSED: rollback_rehearsed,
    Item.OWNER_SET: _owner_set,
    Item.CONTACT_SET: _contact_set,
    Item.WINDOW_SET: _window_set,
    Item.SUCCESS_CRITERIA: _success_criteria,
    Item.FAILURE_CRITERIA: _failure_criteria,
}
