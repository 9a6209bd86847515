# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Sentences for people about one rollout."""

from __future__ import annotations

from collections.abc import Sequence, Sized

from hotswap_ros.text import counted, none_confirmed, unconfirmed


def waits_for_window(windows: Sequence[object]) -> str:
    """Return that a rollout waits for one of its deployment windows."""
    return f'waits for a deployment window: {"; ".join(map(str, windows))}'


def overridden(name: str, by: str, remark: str, sentence: str) -> str:
    """Return that a person overrode an item of the checklist."""
    return f'{name} overridden by {by} ({remark}): {sentence}'


def restarted(seconds: float) -> str:
    """Return that the coordinator continues a rollout after a restart."""
    return f'the coordinator restarted after {seconds:.0f} s and continues the rollout'


def evidence_lost(why: str) -> str:
    """Return that a gate cannot use the evidence from before a restart."""
    return (
        f'the gate cannot use its saved evidence ({why}) and starts again: resume to watch this '
        'stage from its beginning, or roll back'
    )


def still_paused(ended: str, reason: str) -> str:
    """Return that a pause ended and another one has not."""
    return f'{ended}; still paused: {reason}'


def unreachable(robots: Sequence[str], allowed: int, quarantined: Sequence[str]) -> str:
    """Return which robots of the cohort are unreachable."""
    text = f'{counted(robots)} of the cohort unreachable, {allowed} allowed: {", ".join(robots)}'
    if quarantined:
        text += f'; quarantined (duplicate robot_id): {", ".join(quarantined)}'
    return text


def no_counters(robots: Sequence[str], allowed: int) -> str:
    """Return which reachable robots send no counters."""
    names = ', '.join(robots)
    return f'{counted(robots)} reachable but without counters, {allowed} allowed: {names}'


def gate_fails(times: int, error: str) -> str:
    """Return that a gate cannot judge."""
    return f'the gate failed to judge {times} times in a row: {error}'


def gave_up(robot_id: str, version: str, reason: str) -> str:
    """Return that a robot does not try a version again."""
    return f'{robot_id} gave {version} up by itself: {reason}'


def breaker_open(robot_id: str, version: str, count: int, cause: str) -> str:
    """Return that the breaker of a robot stopped a version."""
    what = f'{count} requests in a row failed (cause of the last one: {cause})'
    return f'{robot_id} stopped {version} by itself: {what}'


def rolled_back(
    reason: str,
    versions: str,
    served: Sized,
    missing: Sequence[str],
    seconds: float,
    unreachable_robots: int,
) -> str:
    """Return how a rollback ended: `missing` of the robots that `served` have not confirmed."""
    text = f'{reason.rstrip(".")}. {versions} is back on '
    confirmed = len(served) - len(missing)
    text += f'{confirmed} of {counted(served)}' if missing else counted(served)
    nobody = none_confirmed(seconds, unreachable_robots)
    text += f' after {seconds:.1f} s' if confirmed else f': {nobody}'
    return f'{text}; {unconfirmed(missing)}.' if missing else f'{text}.'
