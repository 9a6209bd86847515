# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Going through a checklist: each item found true or not, signed, overridden or left out."""

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
from hotswap_ros.plan.checklist.items import Checklist, ChecklistPreset, Item
from hotswap_ros.plan.checklist.model_items import (
    all_categories,
    bounds_declared,
    lab_results,
    no_catastrophic_drop,
)


class ItemState(str, enum.Enum):
    """What became of an item; FAILED and TO_SIGN block the rollout."""

    PASSED = 'passed'
    FAILED = 'failed'
    TO_SIGN = 'to_sign'
    SIGNED = 'signed'
    OVERRIDDEN = 'overridden'
    SKIPPED = 'skipped'


class ChecklistItem(BaseModel):
    """One item of a checklist that was gone through; `by` and `remark` are who answers for it."""

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
    """Go through the checklist of a plan; without one, no item is asked for."""
    checklist = plan.checklist or Checklist(preset=ChecklistPreset.NONE)
    case = Case(plan, checklist, facts)
    return tuple(_item(name, case) for name in Item)


def blockers(items: Sequence[ChecklistItem]) -> str:
    """Return in a sentence which items block the rollout, and the ways out; empty: none does."""
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
    return f"the checklist blocks the rollout: {text}: 'hotswap checklist' says what to do"


def _item(name: Item, case: Case) -> ChecklistItem:
    found, checklist = _FINDINGS[name](case), case.checklist
    if name not in checklist.preset.items:
        return _made(name, ItemState.SKIPPED, _skipped(checklist, found))
    if found.is_true:
        return _made(name, ItemState.PASSED, found.sentence)
    override, signature = checklist.overrides.get(name), checklist.signed.get(name)
    if override is not None:
        return _made(name, ItemState.OVERRIDDEN, found.sentence, override.by, override.remark)
    if found.is_true is False:
        text = found.sentence
        if signature is not None:
            text += f' {signature.by} signed it, which the figures contradict.'
        return _made(name, ItemState.FAILED, text)
    if signature is not None:
        return _made(name, ItemState.SIGNED, found.sentence, signature.by, signature.remark)
    if not checklist.preset.asks_what_is_unknown:
        return _made(name, ItemState.SKIPPED, _skipped(checklist, found))
    return _made(name, ItemState.TO_SIGN, found.sentence)


def _made(
    name: Item, state: ItemState, sentence: str, by: str = '', remark: str = ''
) -> ChecklistItem:
    return ChecklistItem(name=name, state=state, sentence=sentence, by=by, remark=remark)


def _skipped(checklist: Checklist, found: Finding) -> str:
    word = {True: 'It would pass', False: 'It would fail', None: 'It would be to sign'}
    return (
        f"Not asked for by preset '{checklist.preset.value}'. {word[found.is_true]}: "
        f'{found.sentence}'
    )


def _to_sign(text: str) -> Callable[[Case], Finding]:
    """Return the finding of an item that only a person can vouch for."""
    return lambda case: Finding(None, text.format(version=case.plan.version))


def _owner_set(case: Case) -> Finding:
    owner = case.checklist.owner
    if owner:
        return Finding(True, f'{owner} is the engineer on call.')
    return Finding(False, "Nobody is on call: name the engineer in 'owner'.")


def _contact_set(case: Case) -> Finding:
    contacts = case.checklist.contacts
    if contacts:
        return Finding(True, f'When it goes wrong, call {", ".join(contacts)}.')
    return Finding(False, "Nobody is to be called when it goes wrong: name people in 'contacts'.")


def _window_set(case: Case) -> Finding:
    windows = case.plan.deployment_windows
    if not windows:
        return Finding(
            False, "The plan may start at any time: schedule it with 'deploymentWindows'."
        )
    now = 'which is now' if case.plan.is_open(case.facts.now) else 'until which it waits'
    return Finding(True, f'It starts and advances within {"; ".join(map(str, windows))}, {now}.')


def _success_criteria(case: Case) -> Finding:
    if not case.facts.is_watched:
        return _unwatched(case)
    criteria = case.plan.success_criteria
    parts = [f'success at most {100 * criteria.max_success_drop:g} points lower']
    if criteria.max_latency_ms is not None:
        parts.append(f'p95 at most {criteria.max_latency_ms:g} ms')
    if criteria.max_error_rate is not None:
        parts.append(f'errors at most {100 * criteria.max_error_rate:g}%')
    if criteria.max_stuck_per_robot is not None:
        parts.append(f'stuck at most {criteria.max_stuck_per_robot} times on a robot')
    return Finding(True, f'A gate watches: {", ".join(parts)}.')


def _failure_criteria(case: Case) -> Finding:
    if not case.facts.is_watched:
        return _unwatched(case)
    plan = case.plan
    then = {'pause': 'pauses', 'continue': 'goes on', 'rollback': 'rolls back'}
    return Finding(
        True,
        f'Harm rolls back at once (alpha {plan.success_criteria.alpha:g}); a gate that cannot '
        f'decide {then[plan.on_inconclusive]}.',
    )


def _unwatched(case: Case) -> Finding:
    return Finding(
        False,
        f'Strategy {case.plan.strategy.value} watches nothing: choose one with stages '
        "('hotswap advise' names one), or override.",
    )


_FINDINGS: Mapping[Item, Callable[[Case], Finding]] = {
    Item.LAB_RESULTS: lab_results,
    Item.NO_CATASTROPHIC_DROP: no_catastrophic_drop,
    Item.ALL_CATEGORIES: all_categories,
    Item.GENERALIZATION: _to_sign(
        'That {version} works on objects that it was not trained on, a person has to sign.'
    ),
    Item.BOUNDS_DECLARED: bounds_declared,
    Item.COLLISION_DETECTION: _to_sign(
        'That interference is detected with {version} as before, a person has to sign.'
    ),
    Item.EMERGENCY_STOP: _to_sign(
        'That the emergency stop was tested and works, a person has to sign.'
    ),
    Item.HUMAN_SAFETY: _to_sign('That {version} cannot hurt anybody, a person has to sign.'),
    Item.FALLBACK_PRESENT: fallback_present,
    Item.STORAGE: storage,
    Item.LATENCY: latency,
    Item.NETWORK_ESTIMATE: network_estimate,
    Item.MONITORING_ALIVE: monitoring_alive,
    Item.ALERTS_CONFIGURED: _to_sign(
        'That somebody is told of ~/alerts at any hour, a person has to sign.'
    ),
    Item.DECISIONS_TRACEABLE: _to_sign(
        'That decisions are recorded so that each can be traced, a person has to sign.'
    ),
    Item.ROLLBACK_REHEARSED: rollback_rehearsed,
    Item.OWNER_SET: _owner_set,
    Item.ML_ENGINEER_AVAILABLE: _to_sign(
        'That somebody who trained {version} can be asked, a person has to sign.'
    ),
    Item.RUNBOOK_WRITTEN: _to_sign(
        'That it is written down what to do when it goes wrong, a person has to sign.'
    ),
    Item.CONTACT_SET: _contact_set,
    Item.WINDOW_SET: _window_set,
    Item.SUCCESS_CRITERIA: _success_criteria,
    Item.FAILURE_CRITERIA: _failure_criteria,
    Item.STAKEHOLDERS_NOTIFIED: _to_sign(
        'That everybody whom it concerns was told, a person has to sign.'
    ),
}
