# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Power of gates: the forecast drop is detected in 4 of 5 rollouts.

100 repetitions leave a standard error of 4 points; the bounds are three of them wide.
"""

import random

import pytest

from hotswap_ros.gates import Gate, StageTasks, detectable_disagreement, detectable_drops
from hotswap_ros.models import ShadowCounts, TaskCounts, VersionCounters
from hotswap_ros.plan import SuccessCriteria

REPETITIONS = 100
BASELINE = 0.92
HISTORY = 100


class Robot:
    def __init__(self, number, chance):
        self.robot_id = f'r{number}'
        self.counts = {}
        self.chance = chance

    def work(self, version, rate):
        won = self.chance.random() < rate
        done = TaskCounts(started=1, finished=1, succeeded=int(won))
        self.counts[version] = self.counts.get(version, TaskCounts()) + done

    def counters(self):
        return {
            version: VersionCounters(requests=tasks.finished, tasks=tasks)
            for version, tasks in self.counts.items()
        }


def is_found(criteria, drop, robots, share, tasks, seed):
    """Let a fleet work until the candidate has done its tasks; return whether the gate failed."""
    chance = random.Random(seed)
    gate = Gate(criteria, 'v24', explain=False)
    fleet = [Robot(number, chance) for number in range(robots)]
    cohort = {robot.robot_id for robot in fleet[: robots // 2]}
    watched = fleet if criteria.needs_other_robots else fleet[: robots // 2]
    for robot in watched:
        for _ in range(HISTORY):
            robot.work('v23', BASELINE)
        of_cohort = share if robot.robot_id in cohort else 0.0
        gate.observe(robot.robot_id, 'v23', 'boot', robot.counters(), of_cohort)
    gate.begin_stage()
    while gate.candidate_tasks < tasks:
        robot = chance.choice(watched)
        on_trial = robot.robot_id in cohort and chance.random() < share
        robot.work('v24' if on_trial else 'v23', BASELINE - drop * on_trial)
        of_cohort = share if robot.robot_id in cohort else 0.0
        gate.observe(robot.robot_id, 'v23', 'boot', robot.counters(), of_cohort)
        if gate.has_failed:
            return True
    return any(check.verdict.value == 'fail' for check in gate.checks(complete=True))


@pytest.mark.parametrize(
    ('fields', 'share', 'tasks'),
    [
        ({}, 0.5, 100),
        ({}, 0.1, 150),
        ({}, 0.9, 300),
        ({'harm_null': 'not_worse_than_tolerance'}, 0.5, 200),
        ({'harm_null': 'not_worse_on_average'}, 0.5, 200),
        ({'method': 'fixed'}, 0.5, 200),
        ({'method': 'threshold'}, 0.5, 200),
        ({'baseline_success_rate': BASELINE}, 0.5, 150),
        ({'control': 'history'}, 0.5, 150),
        ({'control': 'across_robots'}, 0.5, 200),
    ],
    ids=lambda value: '-'.join(map(str, value.values())) if isinstance(value, dict) else value,
)
def test_a_drop_that_is_detectable_is_found_four_times_in_five(fields, share, tasks):
    criteria = SuccessCriteria(max_stuck_per_robot=None, grave_events=(), **fields)
    robots = 10
    across = fields.get('control') == 'across_robots'
    control = round(tasks * (2 - share) / share if across else tasks * (1 - share) / share)
    stage = StageTasks(tasks, control, robots // 2)
    (drop,) = detectable_drops(criteria, [stage], BASELINE, correlation=0.0, history=500)
    found = sum(
        is_found(criteria, drop, robots, share, tasks, f'{seed} {fields} {share}')
        for seed in range(REPETITIONS)
    )
    print(fields, share, tasks, f'drop {drop:.3f}: found {found / REPETITIONS:.2f}')
    assert 0.68 <= found / REPETITIONS <= 0.92, f'a drop of {drop:.3f}'


def finds_disagreement(criteria, share, tasks, steps, seed):
    """Let a version shadow for so many tasks; return whether the gate failed."""
    chance = random.Random(seed)
    gate = Gate(criteria, 'v24', explain=False)
    agreed = 0
    for task in range(tasks + 1):
        agreed += sum(chance.random() >= share for _ in range(steps))
        compared = (task + 1) * steps
        counters = {
            'v23': VersionCounters(tasks=TaskCounts(task, task, task)),
            'v24': VersionCounters(shadow=ShadowCounts(compared, 0, compared, agreed)),
        }
        gate.observe('r0', 'v23', 'boot', counters)
        if gate.has_failed:
            return True
    return False


@pytest.mark.parametrize(('agreement', 'tasks'), [(0.9, 100), (0.9, 1000), (0.99, 300)])
def test_disagreement_that_is_detectable_is_found_four_times_in_five(agreement, tasks):
    criteria = SuccessCriteria(min_shadow_agreement=agreement)
    share = detectable_disagreement(criteria, tasks)
    found = {
        steps: sum(
            finds_disagreement(criteria, share, tasks, steps, f'{seed} {agreement} {steps}')
            for seed in range(REPETITIONS)
        )
        / REPETITIONS
        for steps in (1, 5)
    }
    print(agreement, tasks, f'{share:.3f} apart: found {found}')
    assert 0.68 <= found[1] <= 0.92, f'{share:.3f} apart'
    assert found[5] >= found[1], 'where tasks differ in parts it is found sooner'
