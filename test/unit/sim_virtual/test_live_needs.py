# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Obstacles of a live scenario are reported together, before anything starts."""

from __future__ import annotations

from typing import Any

import pytest

from hotswap_ros.sim.scenario import Scenario, live_obstacles, needs_processes, pace_problems

_THERE = ('v23', 'v24')
_PLAN = {
    'modelId': 'pick_policy',
    'version': 'v24',
    'strategy': 'Canary',
    'stages': [{'percentage': 100, 'tasks': 10}],
}
_SHADOW = {'modelId': 'pick_policy', 'version': 'v24', 'strategy': 'Shadow', 'tasks': 9}


def scenario(**changes: Any) -> Scenario:
    given = {
        'description': 'A canary.',
        'fleet': {'robots': 10, 'taskS': 10},
        'plan': _PLAN,
        'limit': 'PT1H',
        'expect': {'status': 'succeeded'},
    }
    return Scenario.model_validate({**given, **changes})


def fleet(**changes: Any) -> dict[str, Any]:
    return {'fleet': {'robots': 10, 'taskS': 10, **changes}}


def test_a_plain_canary_can_be_played() -> None:
    assert live_obstacles(scenario(), _THERE) == []
    assert pace_problems(scenario(), 1.0) == []


def test_what_is_measured_of_a_version_is_its_own_truth() -> None:
    assert live_obstacles(scenario(truth={'v24': {'measured': 'v24'}}), _THERE) == []


@pytest.mark.parametrize(
    ('changes', 'text'),
    [
        (fleet(robots=500), '500 robots: a simulated fleet has at most 200'),
        (fleet(messageLoss=0.1), 'messageLoss: DDS'),
        (fleet(messageDelayS=2), 'messageDelayS'),
        (fleet(residentLimit=3), 'residentLimit'),
        ({'truth': {'v24': {'success': 0.9}}}, 'outcomes of v24 are given (success)'),
        ({'truth': {'v24': {'measured': 'v23'}}}, 'given (as v23)'),
        ({'plan': {**_PLAN, 'version': 'v99'}}, 'v99: not in the model repository'),
        ({'faults': [{'fault': 'kill'}]}, "fault 'kill': the robots share one process"),
        (
            {'fleet': {'regions': {'a': {'robots': 2, 'categories': {'heavy': 1}}}}},
            'categories in a:',
        ),
        (
            {**fleet(robots=40), 'plan': _SHADOW},
            '40 robots with a worker process each',
        ),
    ],
)
def test_what_cannot_be_had_is_named(changes: dict[str, Any], text: str) -> None:
    (found,) = live_obstacles(scenario(**changes), _THERE)
    assert text in found


def test_everything_is_said_at_once() -> None:
    changes = {**fleet(robots=500, messageLoss=0.1), 'truth': {'v24': {'success': 0.9}}}
    assert len(live_obstacles(scenario(**changes), _THERE)) == 3


def test_days_are_said_with_the_speed_that_they_need() -> None:
    (found,) = pace_problems(scenario(limit='P9D', fleet={'robots': 10, 'taskS': 3600}), 1.0)
    for figure in ('9 days, 0:00:00 with --speed 1:', 'use --speed 36 ', '6:00:00'):
        assert figure in found
    assert not pace_problems(scenario(limit='P9D', fleet={'robots': 10, 'taskS': 3600}), 36.0)


def test_more_tasks_than_a_machine_can_do_are_said_with_the_speed_at_which_it_can() -> None:
    crowd = scenario(fleet={'robots': 200, 'taskS': 1})
    (found,) = pace_problems(crowd, 1000.0)
    assert '200,000 tasks per second with --speed 1000' in found
    speed = float(found.split('use --speed ')[1])
    assert not pace_problems(crowd, 0.99 * speed)


def test_shadows_and_what_ends_its_process_get_processes_of_their_own() -> None:
    assert needs_processes(scenario(plan=_SHADOW))
    assert needs_processes(scenario(plan={**_PLAN, 'version': 'v25_crashing'}))
    assert not needs_processes(scenario())
