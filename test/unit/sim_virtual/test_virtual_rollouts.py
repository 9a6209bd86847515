# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rollouts in virtual time: the runner decides, the world only tells it what happened."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from hotswap_ros.plan import Plan, load_plan
from hotswap_ros.rollout import Status
from hotswap_ros.sim import World, characterize
from hotswap_ros.sim.virtual.characteristics import summarize
from hotswap_ros.sim.virtual.quick import RolloutEnd, simulate_rollout

WORLD = World(stable=0.92, candidate=0.6, robots=10)


@pytest.fixture
def plan() -> Plan:
    return load_plan(
        'modelId: pick_policy\n'
        'version: v24\n'
        'strategy: Canary\n'
        'stages:\n'
        '  - {percentage: 20, tasks: 60}\n'
        '  - {percentage: 100, tasks: 120}\n'
        'successCriteria: {maxLatencyMs: 200, maxErrorRate: 0.01}\n'
    )


def test_a_bad_candidate_is_rolled_back_and_a_perfect_one_promoted(plan: Plan) -> None:
    bad = simulate_rollout(plan, replace(WORLD, candidate=0.2), 'seed')
    assert (bad.status, bad.stage) == (Status.ROLLING_BACK, 1)
    assert bad.lost == pytest.approx(bad.candidate_tasks * 0.72)
    good = simulate_rollout(plan, replace(WORLD, candidate=1.0), 'seed')
    assert (good.status, good.stage) == (Status.SUCCEEDED, 2)
    assert good.candidate_tasks >= 180
    assert good.lost < 0


def test_a_seed_is_a_rollout(plan: Plan) -> None:
    first = simulate_rollout(plan, WORLD, 'one')
    assert simulate_rollout(plan, WORLD, 'one') == first
    assert simulate_rollout(plan, WORLD, 'other') != first


def test_processes_do_not_change_the_figures(plan: Plan) -> None:
    alone = characterize(plan, WORLD, repetitions=4, jobs=1)
    assert characterize(plan, WORLD, repetitions=4, jobs=2) == alone


def test_a_stage_lasts_as_long_as_the_plan_says() -> None:
    plan = load_plan(
        '{"modelId": "m", "version": "v24", "strategy": "Canary", "stages": '
        '[{"percentage": 100, "tasks": 40, "duration": "PT30M"}]}'
    )
    end = simulate_rollout(plan, replace(WORLD, candidate=0.95), 'seed')
    assert end.status is Status.SUCCEEDED
    assert 1800 <= end.seconds <= 1900


def test_too_few_tasks_pause_and_never_pass() -> None:
    plan = load_plan(
        '{"modelId": "m", "version": "v24", "strategy": "Canary", "stages": '
        '[{"percentage": 100, "duration": "PT20S"}]}'
    )
    end = simulate_rollout(plan, replace(WORLD, robots=1), 'seed')
    assert end.status is Status.PAUSED


def test_robots_differ_as_the_correlation_says(plan: Plan) -> None:
    """With robots from hopeless to perfect, and both versions alike, nothing is rolled back."""
    found = characterize(plan, replace(WORLD, candidate=0.92, correlation=0.5), repetitions=20)
    assert found.rolled_back.count <= 2


def test_progress_is_told(plan: Plan) -> None:
    told: list[int] = []
    characterize(plan, WORLD, repetitions=3, progress=lambda: told.append(1))
    assert len(told) == 3


def test_the_summary_counts(plan: Plan) -> None:
    ends = [
        RolloutEnd(Status.ROLLING_BACK, 1, 30, 6.0, 60.0),
        RolloutEnd(Status.ROLLING_BACK, 2, 90, 18.0, 120.0),
        RolloutEnd(Status.SUCCEEDED, 2, 180, 36.0, 200.0),
        RolloutEnd(Status.PAUSED, 1, 10, 2.0, 300.0),
    ]
    found = summarize(plan, WORLD, ends)
    assert (found.rolled_back.rate, found.promoted.rate, found.paused.rate) == (0.5, 0.25, 0.25)
    assert found.by_stage == (1, 1)
    assert (found.tasks_within(0.5), found.tasks_within(0.9)) == (30, 90)
    assert (found.lost, found.lost_per_rollback) == (15.5, 12)
    assert found.lost_error == pytest.approx(math.sqrt(233) / 2)
    assert found.lost_per_thousand == pytest.approx(320)
    none = summarize(plan, WORLD, ends[2:])
    assert math.isnan(none.tasks_within(0.5))
    assert math.isnan(none.lost_per_rollback)


def test_a_fall_is_found_however_many_tasks_lie_between_two_messages() -> None:
    """Robots tell at times of their own, so blocks close while outcomes are still to be told."""
    plan = load_plan(
        '{"modelId": "m", "version": "v24", "strategy": "Canary", "stages": '
        '[{"percentage": 50, "tasks": 500}, {"percentage": 100, "tasks": 100}]}'
    )
    busy = World(stable=0.92, candidate=0.8, robots=20, task_s=0.15)
    assert characterize(plan, busy, repetitions=20).promoted.count == 0
