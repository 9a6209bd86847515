# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Sentences on robots that are unreachable, that fail or that refuse, by plan and manifests."""

from __future__ import annotations

from collections.abc import Sequence

from hotswap_ros.coordinator.preview.preview import Preview
from hotswap_ros.models import added_inputs
from hotswap_ros.plan import Plan, Step, VersionFacts
from hotswap_ros.text import count, percent, time_words

_ON_UNREACHABLE = {
    'ask': 'a person is asked to exclude them or to abort',
    'exclude': 'they are excluded and the rollout continues without them',
    'rollback': 'the rollout is rolled back',
}


def robot_limits(plan: Plan, steps: Sequence[Step]) -> tuple[str, str]:
    """Return what happens with unreachable robots, and what with robots that fail."""
    allowed = [
        plan.max_unreachable if step.max_unreachable is None else step.max_unreachable
        for step in steps
    ] or [plan.max_unreachable]
    failed = [
        plan.max_failed if step.max_failed is None else step.max_failed for step in steps
    ] or [plan.max_failed]
    after = time_words(plan.unreachable_timeout.total_seconds())
    unreachable = (
        f'If more than {_range([count(most, "robot") for most in allowed])} are unreachable '
        f'(maxUnreachable), the rollout pauses; after {after} (unreachableTimeout) '
        f'{_ON_UNREACHABLE[plan.on_unreachable]} (onUnreachable: {plan.on_unreachable}).'
    )
    fails = (
        f'If more than {_range([_failed(most) for most in failed])} fail to load or to confirm '
        '(maxFailed), the rollout is rolled back; robots that fail before are excluded.'
    )
    return unreachable, fails


def needed_inputs(preview: Preview) -> tuple[str, ...]:
    """Return which inputs robots have to give that what they serve does not take; none: empty."""
    versions, version = preview.facts.versions, preview.plan.version
    served = {robot.serves for robot in preview.facts.robots}
    own = versions.get(version, VersionFacts()).interface
    before = [found.interface for name, found in versions.items() if name in served]
    added = sorted({name for one in before if one and own for name in added_inputs(one, own)})
    if not added:
        return ()
    return (f'A robot that does not give {", ".join(added)} as well refuses to load {version}.',)


def _failed(allowed: float) -> str:
    if isinstance(allowed, int):
        return count(allowed, 'robot')
    share = percent(allowed)
    return f'{share} of the robots so far'


def _range(words: Sequence[str]) -> str:
    """Write what all steps allow, or what each allows in their order."""
    return ', then '.join(word for before, word in zip((None, *words), words) if before != word)
