# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Titles of steps: built from the fields of a step when it is shown."""

import pytest
from pydantic import TypeAdapter

from hotswap_ros.plan import (
    ChooseWinner,
    Observe,
    Ramp,
    Retire,
    SetRouting,
    StageModels,
    Step,
    WaitForApproval,
)

ONE, TWO = ('a',), ('a', 'b')

TITLES = [
    (StageModels(robots=ONE, timeout_s=1), 'load v24 on 1 robot'),
    (StageModels(robots=TWO, label='north', timeout_s=1), 'north: load v24 on 2 robots'),
    (SetRouting(robots=TWO, candidate_share=0.0, timeout_s=1), 'stop serving v24 on 2 robots'),
    (
        SetRouting(robots=TWO, candidate_share=0.1, timeout_s=1),
        'v24 takes 10% of tasks on 2 robots',
    ),
    (
        SetRouting(robots=TWO, candidate_share=0.0, shadow=True, timeout_s=1),
        'v24 shadows on 2 robots',
    ),
    (
        SetRouting(robots=TWO, candidate_share=0.0, promote=True, timeout_s=1),
        'promote v24 on 2 robots',
    ),
    (
        SetRouting(robots=TWO, candidate_share=1.0, promote=True, together_s=5, timeout_s=1),
        'swap to v24 on 2 robots at one instant',
    ),
    (
        Observe(robots=TWO, tasks=1000, duration_s=60, timeout_s=1),
        'watch 1,000 tasks and 60 s',
    ),
    (Observe(robots=TWO, tasks=0, duration_s=0, timeout_s=1), 'watch 0 s'),
    (Observe(robots=TWO, tasks=5, duration_s=0, timeout_s=1, each_arm=True), 'compare 5 tasks'),
    (
        Observe(robots=TWO, tasks=0, duration_s=7200, timeout_s=1, is_conclusive=False),
        'keep the previous version loaded for 2 h',
    ),
    (
        WaitForApproval(robots=TWO, label='50%', timeout_s=1, on_timeout='pause'),
        '50%: wait for approval',
    ),
    (
        ChooseWinner(robots=TWO, metric='success_rate'),
        'choose v24 or the previous version by success rate',
    ),
    (
        ChooseWinner(robots=TWO, metric='shadow'),
        'decide whether to deploy v24, keep the previous version or retrain',
    ),
    (
        Ramp(robots=TWO, schedule=((0, 0.1),), label='phase 2'),
        'phase 2: change the share of v24 by schedule on 2 robots',
    ),
    (Ramp(robots=TWO, interval_s=300), 'change the share of v24 every 5 min on 2 robots'),
    (Retire(robots=ONE, timeout_s=1), 'unload and delete the previous version on 1 robot'),
]


@pytest.mark.parametrize(('step', 'title'), TITLES, ids=[title for _, title in TITLES])
def test_a_title_tells_the_fields(step, title):
    assert step.title('v24') == title


def test_a_step_of_an_earlier_version_keeps_a_title_that_is_ignored():
    stored = {'kind': 'retire', 'title': 'release on 1 robot', 'robots': ['a'], 'timeout_s': 1}
    step = TypeAdapter(Step).validate_python(stored)
    assert step == Retire(robots=ONE, timeout_s=1)
    assert 'title' not in step.model_dump()
