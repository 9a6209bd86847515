# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""From a plan and a fleet to steps, and who is in which cohort."""

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotswap_ros.plan import (
    Canary,
    Observe,
    PlanError,
    Robot,
    SetRouting,
    StageModels,
    compile_plan,
    select_cohort,
)

PERCENTAGES = st.floats(0.1, 100)
FLEETS = st.lists(
    st.builds(Robot, st.text(min_size=1, max_size=8), st.sampled_from(['', 'north', 'south'])),
    min_size=1,
    max_size=40,
    unique_by=lambda robot: robot.robot_id,
)
quick = settings(max_examples=100, derandomize=True)


def fleet_of(**regions):
    return [
        Robot(f'{region}{number:03}', region)
        for region, count in regions.items()
        for number in range(count)
    ]


def canary(*stages, **fields):
    entries = [dict(zip(('percentage', 'tasks'), stage)) for stage in stages]
    return Canary(model_id='m', version='v2', strategy='Canary', stages=entries, **fields)


def test_a_canary_becomes_three_steps_a_stage_and_a_promotion():
    steps = compile_plan(
        canary((10, 40), (50, 100), (100, 200), confirm_timeout=30), fleet_of(north=20), 'salt'
    )
    assert [step.title('v2') for step in steps] == [
        '10%: load v2 on 2 robots',
        '10%: v2 takes 50% of tasks on 2 robots',
        '10%: watch 40 tasks',
        '50%: load v2 on 8 robots',
        '50%: v2 takes 50% of tasks on 10 robots',
        '50%: watch 100 tasks',
        '100%: load v2 on 10 robots',
        '100%: v2 takes 90% of tasks on 20 robots',
        '100%: watch 200 tasks',
        'promote v2 on 20 robots',
    ]
    assert [type(step) for step in steps[:3]] == [StageModels, SetRouting, Observe]
    assert steps[0].timeout_s == steps[1].timeout_s == 30
    last = steps[-1]
    assert (last.promote, last.candidate_share) == (True, 0.0)


def test_a_stage_may_keep_another_share_for_the_control():
    plan = Canary(
        model_id='m',
        version='v2',
        strategy='Canary',
        stages=[
            {'percentage': 50, 'duration': 60, 'control_share': 0.8},
            {'percentage': 100, 'tasks': 5, 'duration': 90, 'timeout': 600},
        ],
    )
    steps = compile_plan(plan, fleet_of(north=2), 'salt')
    shares = [s.candidate_share for s in steps if isinstance(s, SetRouting)]
    assert shares == pytest.approx([0.2, 0.9, 0.0])
    first, second = (s for s in steps if isinstance(s, Observe))
    assert (first.title('v2'), first.tasks, first.duration_s) == ('50%: watch 60 s', 0, 60)
    assert (second.title('v2'), second.tasks) == ('100%: watch 5 tasks and 90 s', 5)
    assert (second.duration_s, second.timeout_s) == (90, 600)


def test_a_stage_that_adds_nobody_loads_nothing():
    steps = compile_plan(canary((1, 5), (2, 5), (100, 5)), fleet_of(north=10), 'salt')
    loads = [step for step in steps if isinstance(step, StageModels)]
    assert [len(step.robots) for step in loads] == [1, 9]


def test_a_fleet_of_one_can_be_rolled_out_to():
    steps = compile_plan(canary((10, 5), (100, 5)), fleet_of(north=1), 'salt')
    assert all(step.robots == ('north000',) for step in steps)


def test_a_fleet_of_none_cannot():
    with pytest.raises(ValueError, match='no robots'):
        compile_plan(canary((100, 5)), [], 'salt')


@pytest.mark.parametrize(
    ('percentage', 'robots', 'expected'),
    [(5, 20, 1), (10, 20, 2), (0.1, 20, 1), (12.5, 20, 3), (70, 10, 7), (29, 100, 29)],
)
def test_a_cohort_is_the_percentage_rounded_up(percentage, robots, expected):
    cohort = select_cohort(fleet_of(north=robots), percentage, 'salt')
    assert len(cohort) == expected


@quick
@given(FLEETS, PERCENTAGES, st.text(max_size=80))
def test_a_cohort_is_of_the_fleet_and_never_empty(fleet, percentage, salt):
    cohort = select_cohort(fleet, percentage, salt)
    assert len(set(cohort)) == len(cohort)
    assert set(cohort) <= {robot.robot_id for robot in fleet}
    exact = percentage * len(fleet) / 100
    assert max(1, math.floor(exact)) <= len(cohort) <= math.ceil(exact)


@quick
@given(FLEETS, PERCENTAGES, PERCENTAGES, st.text(max_size=8))
def test_a_higher_percentage_only_adds_robots(fleet, one, other, salt):
    low, high = sorted((one, other))
    smaller = select_cohort(fleet, low, salt)
    assert smaller == select_cohort(fleet, high, salt)[: len(smaller)]


@quick
@given(st.data(), FLEETS, PERCENTAGES, st.text(max_size=8))
def test_the_order_in_which_robots_were_heard_does_not_matter(data, fleet, percentage, salt):
    shuffled = data.draw(st.permutations(fleet))
    assert select_cohort(fleet, percentage, salt) == select_cohort(shuffled, percentage, salt)


@quick
@given(FLEETS, PERCENTAGES, st.text(max_size=8))
def test_every_region_is_in_it_by_its_size(fleet, percentage, salt):
    cohort = set(select_cohort(fleet, percentage, salt))
    sizes = Counter(robot.region for robot in fleet)
    chosen = Counter(robot.region for robot in fleet if robot.robot_id in cohort)
    for region, size in sizes.items():
        share = size * len(cohort) / len(fleet)
        # Regions take turns in proportion to their size: each is at most half a turn early or
        # late, for itself and for each of the others.
        assert abs(chosen[region] - share) <= len(sizes) / 2 + 0.5


def test_regions_of_equal_size_send_equally_many():
    fleet = fleet_of(north=50, south=50)
    for percentage in (2, 10, 50):
        cohort = select_cohort(fleet, percentage, 'salt')
        assert Counter(name[:5] for name in cohort).most_common() == [
            (region, percentage // 2) for region in dict.fromkeys(name[:5] for name in cohort)
        ]


def test_it_is_the_same_in_every_process():
    # Known answers: a robot must not change cohorts because a coordinator was restarted.
    fleet = fleet_of(north=6, south=4)
    assert select_cohort(fleet, 30, 'rollout-1') == ('north000', 'south002', 'north001')
    assert select_cohort(fleet, 30, 'rollout-2') == ('north003', 'south002', 'north002')


def test_another_rollout_has_other_canaries():
    fleet = fleet_of(north=100)
    chosen = Counter(
        robot for salt in range(400) for robot in select_cohort(fleet, 5, f'rollout-{salt}')
    )
    # 400 draws of 5 out of 100: 20 each on average, with a standard deviation of 4.4.
    assert len(chosen) == 100
    assert max(chosen.values()) < 20 + 5 * 4.4


@quick
@given(FLEETS, st.lists(st.integers(1, 99), unique=True, max_size=5), st.text(max_size=8))
def test_steps_load_before_they_route_and_promote_the_whole_fleet_last(fleet, stages, salt):
    plan = canary(*((percentage, 5) for percentage in sorted(stages)), (100, 5))
    steps = compile_plan(plan, fleet, salt)
    everybody = {robot.robot_id for robot in fleet}
    loaded = set()
    for step in steps:
        assert step.robots
        assert set(step.robots) <= everybody
        if isinstance(step, StageModels):
            assert not loaded & set(step.robots), 'loaded once'
            loaded |= set(step.robots)
        else:
            assert set(step.robots) <= loaded
    assert loaded == set(steps[-1].robots) == everybody
    assert [step.promote for step in steps if isinstance(step, SetRouting)].count(True) == 1
    assert steps[-1].promote
    assert compile_plan(plan, fleet, salt) == steps


# -- labels ---------------------------------------------------------------------------------------

LABELLED = [
    Robot('r1', labels=('gripper=cup', 'floor=1')),
    Robot('r2', labels=('gripper=cup', 'floor=2')),
    Robot('r3', labels=('gripper=jaw', 'floor=2')),
    Robot('r4'),
]


def test_only_robots_with_all_labels_take_part():
    def robots(*labels):
        return compile_plan(canary((100, 10), labels=labels), LABELLED, 'salt')[0].robots

    assert set(robots()) == {'r1', 'r2', 'r3', 'r4'}
    assert set(robots('gripper=cup')) == {'r1', 'r2'}
    assert set(robots('floor=2', 'gripper=cup')) == {'r2'}


def test_percentages_are_of_the_robots_with_the_labels():
    fleet = [Robot(f'r{i}', labels=('new',) if i < 10 else ()) for i in range(100)]
    steps = compile_plan(canary((20, 10), (100, 10), labels=('new',)), fleet, 'salt')
    assert len(steps[0].robots) == 2


@pytest.mark.parametrize(
    ('labels', 'text'),
    [
        (('gripper=cap',), "'gripper=cap': did you mean gripper=cup"),
        (('gripper=jaw', 'floor=1'), 'gripper=jaw, floor=1: remove'),
    ],
)
def test_labels_that_no_robot_has_are_refused(labels, text):
    with pytest.raises(PlanError, match=text):
        compile_plan(canary((100, 10), labels=labels), LABELLED, 'salt')
