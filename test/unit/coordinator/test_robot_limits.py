# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A preview says what happens with robots that are unreachable or that fail."""

from __future__ import annotations

import pytest

from hotswap_ros.coordinator import robot_limits
from hotswap_ros.fleet.events import EventKind
from hotswap_ros.plan import Robot, compile_plan, load_plan

_PLAN = """
strategy: Canary
modelId: m
version: v24
unreachableTimeout: PT30M
onUnreachable: {action}
maxUnreachable: 2
maxFailed: 0.02
stages:
- {{percentage: 10, duration: PT1M}}
- {{percentage: 50, duration: PT1M, maxFailed: 3}}
- {{percentage: 100, duration: PT1M}}
"""


def limits(action: str) -> tuple[str, str]:
    plan = load_plan(_PLAN.format(action=action))
    robots = [Robot(f'r{i:02}', '', 'v23') for i in range(50)]
    return robot_limits(plan, compile_plan(plan, robots, 'salt'))


@pytest.mark.parametrize(
    ('action', 'word'), [('ask', 'person'), ('exclude', 'excluded'), ('rollback', 'rolled back')]
)
def test_unreachable_robots(action: str, word: str) -> None:
    unreachable, _ = limits(action)
    assert '2 robots' in unreachable
    assert '30 min' in unreachable
    assert f'onUnreachable: {action}' in unreachable
    assert word in unreachable


def test_robots_that_fail_by_stage() -> None:
    _, failed = limits('ask')
    assert '2.0% of the robots' in failed
    assert failed.index('2.0%') < failed.index('3 robots')
    assert 'maxFailed' in failed


def test_robots_without_a_place_are_an_alert_that_is_not_repeated_at_once(fleet):
    for _ in range(3):
        fleet.coordinator.on_robots_ignored('no room for r1', fleet.now)
        fleet.run(1)
    assert [e.alert for e in fleet.events if e.kind is EventKind.ROBOTS_IGNORED] == [True]
