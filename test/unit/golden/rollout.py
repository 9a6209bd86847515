# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Sentences of one rollout."""

from collections.abc import Iterator

from hotswap_ros.rollout import sentences as of
from hotswap_ros.rollout.interruptions import ENDS_BY_ITSELF
from hotswap_ros.rollout.verbs import VERBS

REASON = 'rolled back by a person (grip looks odd)'
THREE = ['r0', 'r1', 'r2']


def sentences() -> Iterator[tuple[str, str]]:
    """Yield the texts of events, and of refused verbs."""
    yield 'window', of.waits_for_window(['22:00 to 04:00 UTC'])
    yield 'override', of.overridden('lab_results', 'ada', 'checked by hand', 'No results.')
    yield 'restarted', of.restarted(12.3)
    yield 'evidence lost', of.evidence_lost('format 4 is older than 5')
    yield 'unreachable', of.unreachable(['r1'], 0, [])
    yield 'unreachable, quarantined', of.unreachable(['r1', 'r2'], 1, ['r2'])
    yield 'missing data', of.no_counters(['r1'], 0)
    yield 'failed query', of.gate_fails(4, 'OSError: no answer')
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
