# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Verbs of an operator, and the statuses of a rollout in which each is allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from hotswap_ros.limits import NONCE_CHARACTERS
from hotswap_ros.plan import Observe, Ramp, SetRouting
from hotswap_ros.rollout.errors import BadNonceError, CommandRefusedError
from hotswap_ros.rollout.state import RolloutState
from hotswap_ros.rollout.status import PauseReason, Status, Verb

#: Pauses that last until a person resumes the rollout.
RESUMABLE = frozenset({PauseReason.BY_HAND, PauseReason.INCONCLUSIVE})


class Condition(NamedTuple):
    """A condition of a verb: `text` for the table, and `refusal` for people who are refused."""

    text: str
    holds: Callable[[RolloutState], bool]
    refusal: str


class Rule(NamedTuple):
    """
    The statuses in which a verb is allowed, each with its conditions.

    `phrase` is the verb in a sentence, and `refusal` the reason in all other statuses.
    """

    phrase: str
    allowed: Mapping[Status, tuple[Condition, ...]]
    refusal: str


def on_trial(state: RolloutState) -> set[str]:
    """Return the robots on which the candidate takes a share of the tasks, but not all."""
    return state.where(lambda robot: robot.share is not None and not robot.promoted)


def _is_watched(state: RolloutState) -> bool:
    return isinstance(state.step, (Observe, Ramp)) and state.step_has_begun


def _has_share(state: RolloutState) -> bool:
    step = state.step
    is_promotion = isinstance(step, SetRouting) and step.promote
    has_share = isinstance(step, Ramp) or (bool(on_trial(state)) and not is_promotion)
    return state.step_has_begun and has_share


def _is_trial(state: RolloutState) -> bool:
    return state.watch is not None and state.watch.control_criteria is not None


_NOT_HELD = Condition(
    'unless a person paused it',
    lambda state: not state.is_paused_for(PauseReason.BY_HAND),
    'a person has paused it already',
)
_HELD = Condition(
    'if a person paused it or the gate is undecided',
    lambda state: any(pause.reason in RESUMABLE for pause in state.pauses),
    'it waits for approval (approve or refuse), or continues by itself',
)
_FOR_APPROVAL = Condition(
    'if it waits for approval',
    lambda state: state.is_paused_for(PauseReason.APPROVAL),
    'it does not wait for approval',
)
_WATCHED = Condition('if a step is being watched', _is_watched, 'no step is being watched')
_UNDECIDED = Condition(
    'if the gate is undecided',
    lambda state: state.is_paused_for(PauseReason.INCONCLUSIVE) and _is_watched(state),
    'it is paused, but the gate is not undecided',
)
_UNPROVEN = Condition(
    'if the step waits for a proof',
    lambda state: _is_watched(state) and state.awaits_proof,
    'no proof is missing: resume it if it is paused',
)
_NEEDS_NO_PROOF = Condition(
    'unless a proof is missing',
    lambda state: not state.awaits_proof,
    "the version is not proven: 'promote' it with your name and a remark, or resume",
)
_NO_TRIAL = Condition(
    'unless it is a trial', lambda state: not _is_trial(state), 'the arms of a trial are fixed'
)
_SHARE = Condition('if the candidate has a share', _has_share, 'nothing serves the candidate')
_NO_EFFECT = Condition('no effect', lambda state: True, '')

#: The one place that says which verb is allowed in which status.
VERBS: Mapping[Verb, Rule] = {
    Verb.PAUSE: Rule(
        'pause',
        {Status.RUNNING: (), Status.PAUSED: (_NOT_HELD,)},
        'only a running or paused rollout can be paused',
    ),
    Verb.RESUME: Rule('resume', {Status.PAUSED: (_HELD,)}, 'it is not paused'),
    Verb.APPROVE: Rule('approve', {Status.PAUSED: (_FOR_APPROVAL,)}, _FOR_APPROVAL.refusal),
    Verb.REFUSE: Rule('refuse', {Status.PAUSED: (_FOR_APPROVAL,)}, _FOR_APPROVAL.refusal),
    Verb.SKIP_WAIT: Rule(
        'skip the wait of',
        {
            Status.RUNNING: (_WATCHED, _NEEDS_NO_PROOF),
            Status.PAUSED: (_UNDECIDED, _NEEDS_NO_PROOF),
        },
        _WATCHED.refusal,
    ),
    Verb.ABORT: Rule(
        'abort',
        {
            Status.PENDING: (),
            Status.RUNNING: (),
            Status.PAUSED: (),
            Status.ROLLING_BACK: (_NO_EFFECT,),
        },
        'it has ended already',
    ),
    Verb.ROLLBACK: Rule(
        'roll back',
        {Status.PENDING: (), Status.RUNNING: (), Status.PAUSED: ()},
        'it has ended, or is rolling back already',
    ),
    Verb.SET_SHARE: Rule(
        'set the share of',
        {Status.RUNNING: (_NO_TRIAL, _SHARE), Status.PAUSED: (_NO_TRIAL, _SHARE)},
        _SHARE.refusal,
    ),
    Verb.PROMOTE: Rule(
        'promote',
        {Status.RUNNING: (_UNPROVEN,), Status.PAUSED: (_UNDECIDED, _UNPROVEN)},
        _UNPROVEN.refusal,
    ),
    Verb.EXCLUDE: Rule(
        'exclude a robot from',
        {Status.RUNNING: (), Status.PAUSED: ()},
        'it has not begun, has ended, or is rolling back',
    ),
}


def check_allowed(verb: Verb, state: RolloutState) -> None:
    """Raise CommandRefusedError where a rollout does not allow a verb now."""
    rule = VERBS[verb]
    if state.status not in rule.allowed:
        raise CommandRefusedError(rule.phrase, state.status.value, rule.refusal)
    for condition in rule.allowed[state.status]:
        if not condition.holds(state):
            raise CommandRefusedError(rule.phrase, state.status.value, condition.refusal)


def check_nonce(nonce: str) -> None:
    """Raise BadNonceError for a text that is too long to be remembered."""
    if len(nonce) > NONCE_CHARACTERS:
        raise BadNonceError(len(nonce))


def check_step(verb: Verb, state: RolloutState, step: int | None) -> None:
    """Raise CommandRefusedError for a verb that is for another step; None: for any."""
    if step is None or step == state.step_index:
        return
    found = f'it is in step {state.step_index}'
    if step >= 0:
        why = f'{found}, and the command is for step {step}: look at it again'
    else:
        why = (
            f"{found}: name the step in field 'step_index', so that a copy of the command cannot "
            'pass a later one'
        )
    raise CommandRefusedError(VERBS[verb].phrase, state.status.value, why)


def verb_table() -> list[tuple[str, ...]]:
    """Return a head line, and for each verb its name and when each status allows it."""
    head = ('verb', *(status.value for status in Status))
    rows = (
        (verb.value, *(_cell(rule, status) for status in Status)) for verb, rule in VERBS.items()
    )
    return [head, *rows]


def _cell(rule: Rule, status: Status) -> str:
    if status not in rule.allowed:
        return 'no'
    return ', '.join(condition.text for condition in rule.allowed[status]) or 'yes'
