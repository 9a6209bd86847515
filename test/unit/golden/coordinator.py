# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Sentences of rollbacks, pending rollbacks and other coordinators."""

from collections.abc import Iterator, Sequence
from typing import Any

from hotswap_ros.coordinator import sentences as of
from hotswap_ros.coordinator.rollback.impact import Impact
from hotswap_ros.coordinator.rollback.state import RollbackState
from hotswap_ros.coordinator.rollback.verification import VerificationState
from hotswap_ros.fleet import Desired
from hotswap_ros.models import Routing
from hotswap_ros.rollout import Cause, TakenOverError

ONE, SIX = ['r1'], [f'r{number}' for number in range(6)]
EPOCH = 1_800_000_000_000_000


def sentences() -> Iterator[tuple[str, str]]:
    """Yield the reasons of ordered rollbacks, and the texts of events."""
    for case, fields in _rollbacks():
        yield f'rollback, {case}', _rollback(**fields).reason
    for case, impact in {
        'at least': Impact(of_rollout=12, is_least=True),
        'of both': Impact(of_rollout=1234, of_start=200),
        'of the start': Impact(of_start=1),
        'none': Impact(),
    }.items():
        yield f'impact, {case}', str(impact)
    for verdict, fields in _verifications():
        yield f'verification, {verdict}', _verified(verdict, **fields)
    yield 'rollout superseded', of.superseded('b2')
    for count, robots in (('one robot', ONE), ('six robots', SIX)):
        yield f'pending, confirmed by {count}', of.confirmed(robots, 'v23')
        yield f'pending, dropped for {count}', of.dropped(robots, 'v23')
    yield 'coordinator, older', of.older_coordinator(EPOCH - 1, EPOCH)
    yield 'coordinator, same epoch', of.equal_coordinator(EPOCH, EPOCH)
    heartbeat = of.newer_coordinator(EPOCH + 1, EPOCH)
    yield 'coordinator, newer by its heartbeat', str(TakenOverError(heartbeat))
    generation = of.newer_generation('r1', EPOCH + 7, EPOCH)
    yield 'coordinator, newer by a generation', str(TakenOverError(generation))


def _rollbacks() -> Iterator[tuple[str, dict[str, Any]]]:
    yield 'ordered', {}
    done = {'command_s': 0.05, 'confirm_s': 1.2, 'impact': Impact(of_rollout=1234)}
    yield 'confirmed', {**done, 'robots_confirmed': 3}
    pending = {**done, 'robots_confirmed': 2, 'unconfirmed': ('r2',)}
    yield 'one unconfirmed', pending
    refused = {'r1': (Cause.UNKNOWN_VERSION, 'no v23 here')}
    yield 'one refused', {**done, 'robots_confirmed': 2, 'refused': refused}
    yield 'one taken over', {**done, 'robots_confirmed': 2, 'taken_over': {'r0': 'b2'}}
    yield 'all taken over', {**done, 'taken_over': dict.fromkeys(('r0', 'r1', 'r2'), 'b2')}
    yield 'no robot confirmed', {**done, 'unconfirmed': ('r0', 'r1', 'r2'), 'timed_out': ('r0',)}


def _verifications() -> Iterator[tuple[str, dict[str, Any]]]:
    done = {'finished': 363, 'succeeded': 334, 'finished_before': 1412, 'succeeded_before': 1283}
    yield 'as_before', {**done, 'drop': -0.011}
    yield 'worse', {**done, 'drop': 0.1}
    yield 'undecided', {**done, 'finished': 3, 'succeeded': 2, 'uncounted': ONE}


def _verified(verdict: str, uncounted: Sequence[str] = (), **fields: Any) -> str:
    state = VerificationState(
        rollout_id='b1',
        model_id='m',
        serves={'r0': 'v23'},
        before={},
        began=0.0,
        window_s=60.0,
        verdict=verdict,
        **fields,
    )
    return state.describe(65.0, uncounted)


def _rollback(**fields: Any) -> RollbackState:
    targets = {name: _desired(name, 'v23') for name in ('r0', 'r1', 'r2')}
    before = {name: _desired(name, 'v24') for name in targets}
    return RollbackState(
        rollback_id='b1', model_id='m', targets=targets, before=before, ordered=0.0, **fields
    )


def _desired(robot_id: str, version: str) -> Desired:
    return Desired(robot_id, Routing('m', version), (version,))
