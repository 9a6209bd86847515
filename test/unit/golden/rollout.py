# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Sentences of one rollout."""

from collections.abc import Iterator

from hotswap_ros.rollout import sentences as of
from hotswap_ros.rollout.errors import (
    CommandRefusedError,
    MissingVersionError,
    NoRobotsError,
    NothingToRollBackError,
    OverlapError,
    SeveralRolloutsError,
    UnknownRobotError,
    UnknownRolloutError,
)
from hotswap_ros.rollout.interruptions import ENDS_BY_ITSELF
from hotswap_ros.rollout.status import Verb
from hotswap_ros.rollout.verbs import VERBS

REASON = 'rolled back by a person (grip looks odd)'
BOUND = 'at most 2.0 points worse'
THREE = ['r0', 'r1', 'r2']


def sentences() -> Iterator[tuple[str, str]]:
    """Yield the texts of events, and of refused verbs."""
    yield 'window', of.waits_for_window(['22:00 to 04:00 UTC'])
    yield 'started', of.started('Canary', 'v24', THREE)
    waits = of.waits_for_window(['22:00 to 04:00 UTC'])
    yield 'started, window', of.started('Canary', 'v24', THREE, waits)
    yield 'step waits', of.step_waits('load v24 on 3 robots', waits)
    yield 'window open', of.window_open()
    yield 'joined', of.joined('r3')
    yield 'override', of.overridden('lab_results', 'ada', 'checked by hand', 'No results.')
    yield 'restarted', of.restarted(12.3)
    yield 'evidence lost', of.evidence_lost('format 4 is older than 5')
    yield 'unreachable', of.unreachable(['r1'], 0, [])
    yield 'unreachable, quarantined', of.unreachable(['r1', 'r2'], 1, ['r2'])
    yield 'missing data', of.no_counters(['r1'], 0)
    yield 'failed query', of.gate_fails(4, 'OSError: no answer')
    yield from _steps()
    yield from _people()
    yield from _errors()
    for reason, text in ENDS_BY_ITSELF.items():
        yield f'ended, {reason.value}', text
    yield 'ended, but still paused', of.still_paused('resumed by hand', of.no_counters(['r1'], 0))
    yield 'gave up', of.gave_up('r1', 'v24', 'breaker open 3 times')
    yield 'breaker open', of.breaker_open('r1', 'v24', 5, 'deadline')
    yield 'rolled back', of.rolled_back(REASON, 'v23', THREE, [], 1.23, 0)
    yield 'rolled back, one unconfirmed', of.rolled_back(REASON, 'v23', THREE, ['r1'], 60.0, 1)
    yield 'rolled back, none confirmed', of.rolled_back(REASON, 'v23', THREE, THREE, 60.0, 3)
    for verb, rule in VERBS.items():
        yield f'refused, {verb.value}', f'cannot {rule.phrase} a rollout: {rule.refusal}'
        conditions = {c: None for needed in rule.allowed.values() for c in needed if c.refusal}
        for number, condition in enumerate(conditions):
            yield f'refused, {verb.value}, {number}', condition.refusal


def _steps() -> Iterator[tuple[str, str]]:
    """Yield what steps wait for, how they end, and how the rollout ends."""
    few = of.too_few_tasks(7, 1200, 86_400.0)
    yield 'too few tasks, paused', of.person_decides(few)
    yield 'too few tasks, continued', of.plan_continues(few)
    yield 'too few tasks, rolled back', of.plan_rolls_back(few)
    yield 'proof missing', of.person_decides_on_proof(of.not_proven(BOUND, 5000, 86_400.0))
    yield 'proof begins', of.proof_begins(BOUND, 5000, 604_800.0)
    yield 'few tasks in a stage', of.few_in_stage(3, 20)
    yield 'few tasks on new robots', of.few_of_their_own('v24', 5, 3, 20)
    yield 'few tasks on a new robot', of.few_of_their_own('v24', 1, 0, 20)
    yield 'won unproven', of.won_unproven('v24 is faster.', ('v23', 'v24'), BOUND)
    yield 'shadow, too few tasks', of.too_few_compared(3, 20)
    yield 'settling', of.settling()
    yield 'passed', of.passed(['v24 is not worse.', 'No robot got stuck.'])
    yield 'passed without a check', of.passed([])
    yield 'trial, control lost', of.control_lost('v23 is worse', 'v24')
    yield 'trial, ends early', of.ends_early('v23 is worse')
    yield 'share raised', of.share_raised(0.05, 0.1)
    yield 'approval', of.approval_needed('wait for approval')
    for on_timeout in ('pause', 'continue', 'rollback'):
        yield f'approval late, {on_timeout}', of.approval_late(3600.0, on_timeout)
    yield 'no room', of.no_room(['r0', 'r1'])
    yield 'different files', of.different_files('v24', {'r0': 'a' * 64, 'r1': 'b' * 64})
    yield 'cannot load', of.cannot_load('r1', 'v24', 'no space left on device')
    yield 'not loaded', of.not_loaded(THREE, 60.0)
    yield 'not confirmed', of.not_confirmed([f'r{number}' for number in range(7)], 60.0)
    yield 'not unloaded', of.not_unloaded(['r1'])
    yield 'promoted', of.promoted('v24', THREE)
    yield 'promoted, proven', of.promoted('v24', THREE, of.proven(BOUND))
    yield 'promoted, no harm', of.promoted('v24', THREE, of.no_harm())
    yield 'promoted by a person', of.promoted('v24', THREE, of.promoted_by('Ann', 'good enough'))
    yield 'promotion unsigned', of.unsigned()
    yield 'not promoted', of.not_promoted('v24')
    yield 'diagnosis', of.most_likely('It gets stuck')
    yield 'diagnosis failed', of.not_diagnosed(ValueError('no counters'))


def _people() -> Iterator[tuple[str, str]]:
    for verb in (verb for verb in VERBS if verb is not Verb.PROMOTE):
        yield f'by a person, {verb.value}', of.by_person(verb.value, '', 0.25)
    yield 'by a person, remark', of.by_person('pause', 'lunch')
    error = CommandRefusedError('set the share of', 'running', of.bad_share(2))
    yield 'refused, share', str(error)


def _errors() -> Iterator[tuple[str, str]]:
    """Yield the errors of rollouts that cannot start or be found, and of ordered rollbacks."""
    for name, error in {
        'all serve the version': NoRobotsError('pick_policy', 'v24', 3),
        'no robots': NoRobotsError('pick_policy', 'v24', 0),
        'overlap': OverlapError('pick_policy', 'rollout a1', {'r0', 'r1'}, 'wait for its end'),
        'unknown rollout': UnknownRolloutError('a1'),
        'no rollout': UnknownRolloutError(''),
        'several rollouts': SeveralRolloutsError({'a1': 'v24 of pick', 'a2': 'v7 of place'}),
        'unknown robot': UnknownRobotError(['r9'], THREE),
        'missing version': MissingVersionError('pick_policy', 'v32', ['v24', 'v23']),
        'missing version, none is known': MissingVersionError('pick_policy', 'v32', []),
        'nothing to roll back': NothingToRollBackError('pick_policy', 3),
    }.items():
        yield f'error, {name}', str(error)
