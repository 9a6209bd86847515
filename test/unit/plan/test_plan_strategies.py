# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Plans of every strategy: the guide's own examples, what is refused, and what is inherited."""

import json
import sys
import zoneinfo
from datetime import datetime, timedelta, timezone

import pytest
from pydantic import TypeAdapter

from hotswap_ros.plan import (
    ABTesting,
    BlueGreen,
    Canary,
    Control,
    DeploymentWindow,
    Direct,
    FeatureFlag,
    Plan,
    PlanError,
    Preset,
    ProgressiveRollout,
    PromoteOn,
    RegionalRollout,
    Risk,
    Robot,
    Shadow,
    Strategy,
    SuccessCriteria,
    advise,
    compile_plan,
    load_plan,
)

# The JSON examples of the model distribution strategies guide, word for word.
DIRECT = """
{
  "modelId": "object-detection-v2",
  "version": "2.0.0",
  "strategy": "Direct",
  "targetDevices": ["device-123", "device-456", "device-789"]
}
"""
REGIONAL = """
{
  "modelId": "object-detection-v2",
  "version": "2.0.0",
  "strategy": "RegionalRollout",
  "regions": ["us-west-1", "us-east-1", "eu-central-1", "ap-southeast-1"],
  "delayBetweenRegions": "PT15M",
  "successCriteria": {
    "maxLatencyMs": 100,
    "maxErrorRate": 0.01
  }
}
"""
CANARY = """
{
  "modelId": "object-detection-v2",
  "version": "2.0.0",
  "strategy": "Canary",
  "canaryPercentage": 10,
  "canaryDuration": "PT30M",
  "successCriteria": {
    "maxLatencyMs": 100,
    "maxErrorRate": 0.01,
    "maxLatencyIncrease": 0.20
  }
}
"""
AB_TESTING = """
{
  "strategy": "ABTesting",
  "modelA": {
    "modelId": "object-detection-v1",
    "version": "1.5.0"
  },
  "modelB": {
    "modelId": "object-detection-v2",
    "version": "2.0.0"
  },
  "testDuration": "PT2H",
  "winnerCriteria": {
    "metric": "accuracy",
    "minimumImprovement": 0.02
  }
}
"""
PROGRESSIVE = """
{
  "modelId": "object-detection-v2",
  "version": "2.0.0",
  "strategy": "ProgressiveRollout",
  "stages": [
    {"percentage": 10, "duration": "PT15M"},
    {"percentage": 25, "duration": "PT15M"},
    {"percentage": 50, "duration": "PT30M"},
    {"percentage": 100, "duration": "PT0M"}
  ],
  "autoProgress": true,
  "successCriteria": {
    "maxLatencyMs": 100,
    "maxErrorRate": 0.01
  }
}
"""
GUIDE = {
    DIRECT: Direct,
    REGIONAL: RegionalRollout,
    CANARY: Canary,
    AB_TESTING: ABTesting,
    PROGRESSIVE: ProgressiveRollout,
}
HEAD = 'modelId: m\nversion: v2\nstrategy: '
BLUE_GREEN = HEAD + 'BlueGreen\napproval: {timeout: PT1H}\nbackupRobots: [a1]'
SHADOW = HEAD + 'Shadow\ntasks: 100\nsuccessCriteria: {minShadowAgreement: 0.95}'
FLAG = HEAD + 'FeatureFlag\nschedule: [{after: PT0S, share: 0}, {after: PT10M, share: 1.0}]'
LOOP = HEAD + 'FeatureFlag\ncontrolLoop: {interval: PT5M, step: 0.1}\nbucketing: robots'
PHASES = """
modelId: m
version: v2
successCriteria: {maxErrorRate: 0.01}
maxUnreachable: 2
phases:
  - {strategy: Shadow, tasks: 50}
  - {strategy: Canary, canaryPercentage: 10, canaryDuration: PT30M, maxUnreachable: 0}
  - strategy: ProgressiveRollout
    stages: [{percentage: 50, tasks: 5}, {percentage: 100, tasks: 5}]
    onInconclusive: rollback
"""
OTHERS = [BLUE_GREEN, SHADOW, FLAG, LOOP, PHASES]


def fleet_of(count=20, serves='v1'):
    regions = ['us-west-1', 'us-east-1', 'eu-central-1', 'ap-southeast-1']
    names = ['device-123', 'device-456', 'device-789', 'a1']
    names += [f'robot-{number}' for number in range(count - len(names))]
    return [Robot(name, regions[i % 4], serves) for i, name in enumerate(names)]


def steps_of(text, **fleet):
    return compile_plan(load_plan(text), fleet_of(**fleet), 'salt')


def problem(text):
    with pytest.raises(PlanError) as caught:
        load_plan(text)
    (only,) = caught.value.problems
    return only


@pytest.mark.parametrize('text', GUIDE, ids=lambda text: GUIDE[text].__name__)
def test_the_examples_of_the_guide_run_word_for_word(text):
    plan = load_plan(text)
    assert type(plan) is GUIDE[text]
    serves = '1.5.0' if plan.strategy is Strategy.AB_TESTING else 'older'
    assert compile_plan(plan, fleet_of(serves=serves), 'salt')


@pytest.mark.parametrize('text', [*GUIDE, *OTHERS], ids=range(10))
def test_plans_survive_the_journal_and_the_report(text):
    plan = load_plan(text)
    assert TypeAdapter(Plan).validate_json(plan.model_dump_json()) == plan
    shown = plan.model_dump(mode='json', by_alias=True, exclude_none=True)
    assert load_plan(json.dumps(shown)) == plan


@pytest.mark.parametrize('text', [*GUIDE, *OTHERS], ids=range(10))
def test_a_strategy_is_a_pure_function(text):
    serves = '1.5.0' if 'ABTesting' in text else 'older'
    first, second = steps_of(text, serves=serves), steps_of(text, serves=serves)
    assert first == second
    everybody = {robot.robot_id for robot in fleet_of()}
    loaded = set()
    for step in first:
        assert step.robots
        assert set(step.robots) <= everybody
        loaded |= set(step.robots) if step.kind == 'stage_models' else set()
        if step.kind in ('set_routing', 'ramp') and not step.if_kept:
            assert set(step.robots) <= loaded, 'nobody serves what was not loaded'


@pytest.mark.parametrize(
    ('text', 'kinds'),
    [
        (DIRECT, 'stage_models set_routing'),
        (REGIONAL, ' '.join(['stage_models set_routing observe set_routing'] * 4)),
        (
            PROGRESSIVE,
            'stage_models set_routing observe ' * 3 + 'stage_models set_routing',
        ),
        (
            AB_TESTING,
            'stage_models set_routing observe choose stage_models set_routing set_routing',
        ),
        (
            BLUE_GREEN,
            'stage_models set_routing observe approval set_routing observe observe retire',
        ),
        (SHADOW, 'stage_models set_routing observe choose set_routing'),
        (FLAG, 'stage_models ramp set_routing'),
    ],
    ids=range(7),
)
def test_what_a_strategy_does(text, kinds):
    serves = '1.5.0' if text is AB_TESTING else 'older'
    assert [step.kind for step in steps_of(text, serves=serves)] == kinds.split()


def test_approval_is_asked_for_between_the_stages_only():
    text = PROGRESSIVE.replace('"autoProgress": true', '"autoProgress": false')
    kinds = [step.kind for step in steps_of(text)]
    assert kinds.count('approval') == 3
    assert kinds[0] != 'approval' != kinds[-1]


def test_halves_are_exact_and_differ_by_rollout():
    plan = load_plan(AB_TESTING)
    fleet = fleet_of(serves='1.5.0')
    halves = {compile_plan(plan, fleet, salt)[0].robots for salt in 'abcdef'}
    assert {len(half) for half in halves} == {10}
    assert len(halves) == 6


def test_a_trial_across_robots_is_judged_across_robots():
    by_robots = steps_of(AB_TESTING, serves='1.5.0')[1].watch
    assert by_robots.criteria.control is Control.ACROSS_ROBOTS
    assert by_robots.control_criteria.max_success_drop == 0.02
    text = AB_TESTING.replace('"testDuration"', '"assignment": "tasks", "testDuration"')
    assert steps_of(text, serves='1.5.0')[1].watch.criteria.control is Control.WITHIN_ROBOTS


def test_blue_green_leaves_the_backup_robots_alone():
    *_, retire = steps_of(BLUE_GREEN)
    assert set(retire.robots) == {robot.robot_id for robot in fleet_of()} - {'a1'}


def test_after_the_swap_history_is_the_control_unless_there_is_a_number():
    swap = steps_of(BLUE_GREEN)[4]
    assert (swap.together_s, swap.watch.criteria.control) == (5.0, Control.HISTORY)
    fixed = BLUE_GREEN + '\nsuccessCriteria: {baselineSuccessRate: 0.92}'
    assert steps_of(fixed)[4].watch.criteria.control is Control.FIXED


def test_phases_inherit_and_share_alpha():
    plan = load_plan(PHASES)
    shadow, canary, last = plan.phases
    assert (shadow.model_id, shadow.version, shadow.max_unreachable) == ('m', 'v2', 2)
    assert canary.max_unreachable == 0
    assert {phase.success_criteria.max_error_rate for phase in plan.phases} == {0.01}
    assert (shadow.promote, canary.promote, last.promote) == (False, False, True)
    steps = steps_of(PHASES)
    watches = [step.watch for step in steps if step.watch is not None]
    assert {round(watch.criteria.alpha, 9) for watch in watches} == {round(0.05 / 3, 9)}
    assert {step.on_inconclusive for step in steps if step.label.startswith('phase 3')} == {
        'rollback'
    }
    assert [step.promote for step in steps if step.kind == 'set_routing'].count(True) == 1


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (
            HEAD + 'Direct\nregions: [a]',
            "unknown key 'regions': it belongs to RegionalRollout",
        ),
        (HEAD + 'Direct\ntargetDevices: []', 'targetDevices: '),
        (
            HEAD + 'RegionalRollout\nregions: [a, b, a]\ndelayBetweenRegions: 5',
            'regions: region written twice: a:',
        ),
        (
            HEAD + 'ProgressiveRollout\nstages: [{percentage: 100, duration: 0}]',
            'no stage is watched',
        ),
        (
            PROGRESSIVE.replace('"autoProgress": true', '"approval": {"timeout": 5}'),
            "'approval' has no effect with 'autoProgress'",
        ),
        (
            PROGRESSIVE.replace('true', '1'),
            "autoProgress: must be 'true' or 'false' (found 1)",
        ),
        (
            AB_TESTING.replace('"testDuration": "PT2H",', ''),
            "an A/B test needs an end: add 'testDuration', 'tasks'",
        ),
        (AB_TESTING.replace('1.5.0', '2.0.0'), "'2.0.0' cannot be compared with itself"),
        (AB_TESTING.replace('accuracy', 'beauty'), 'winnerCriteria.metric: '),
        (
            AB_TESTING.replace('{\n  "strategy"', '{\n  "version": "3", "strategy"'),
            "'version' is '3', but 'modelA' and 'modelB' say '2.0.0'",
        ),
        (HEAD + 'Shadow', "a shadow needs an end: add 'tasks', 'duration' or both"),
        (HEAD + 'FeatureFlag', "a flag needs either 'schedule' or 'controlLoop'"),
        (
            HEAD + 'FeatureFlag\nschedule: [{after: 5, share: 0.5}, {after: 9, share: 0.1}]',
            'the shares of the schedule must not fall',
        ),
        (
            PHASES.replace('strategy: Canary', 'strategy: Canry'),
            "phases.1.strategy: unknown strategy 'Canry'",
        ),
        (
            PHASES.replace('{strategy: Shadow, tasks: 50}', '{strategy: Direct}'),
            'phases: entry 0 is Direct, which promotes: ',
        ),
        (PHASES.replace('tasks: 50', 'tasks: 50, version: v3'), "phases.0.version is 'v3'"),
        (PHASES.replace('tasks: 50', 'tasks: 50, lease: 30'), 'phases.0.lease must be the same'),
    ],
)
def test_what_does_not_fit_is_named_with_a_remedy(text, expected):
    assert problem(text).startswith(expected)


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (DIRECT.replace('456', '457'), "'device-457': did you mean device-4"),
        (REGIONAL.replace('eu-central', 'eu-zentral'), 'did you mean eu-central-1'),
        (
            BLUE_GREEN.replace('a1', 'zz'),
            "backupRobots: no reachable robot is named 'zz': known: a1",
        ),
        (AB_TESTING, 'modelA: 20 robots do not serve 1.5.0: device-123 (v1)'),
    ],
)
def test_what_the_fleet_does_not_have_is_named_with_what_it_has(text, expected):
    with pytest.raises(PlanError) as caught:
        steps_of(text)
    assert expected in str(caught.value)


# -- presets, windows, advice ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ('preset', 'latency', 'errors', 'drop'),
    [(Preset.CONSERVATIVE, 0.1, 0.01, 0.05), (Preset.AGGRESSIVE, 0.3, 0.05, 0.1)],
)
def test_a_preset_fills_in_what_is_not_given(preset, latency, errors, drop):
    found = SuccessCriteria(preset=preset)
    assert found.max_latency_increase == latency
    assert found.max_error_rate == errors
    assert found.max_success_drop == drop
    given = SuccessCriteria(preset=preset, max_error_rate=0.2, max_success_drop=0.03)
    assert (given.max_error_rate, given.max_success_drop) == (0.2, 0.03)
    assert given.max_latency_increase == latency
    assert SuccessCriteria.model_validate_json(found.model_dump_json()) == found


def test_no_drop_at_all_may_be_tolerated_by_either_name():
    assert SuccessCriteria(maxAccuracyDrop=0).max_success_drop == 0


NIGHT = DeploymentWindow(days=('fri',), start='22:00', end='04:00')


@pytest.mark.parametrize(
    ('day', 'hour', 'is_open'),
    [(20, 21, False), (20, 22, True), (21, 3, True), (21, 4, False), (20, 3, False)],
)
def test_a_window_may_go_on_past_midnight(day, hour, is_open):
    # The 20th of November 2026 is a Friday.
    now = datetime(2026, 11, day, hour, tzinfo=timezone.utc).timestamp()
    assert NIGHT.is_open(now) is is_open


def test_a_window_is_of_its_time_zone():
    window = DeploymentWindow(start='08:00', end='16:00', timezone='Asia/Tokyo')
    assert window.is_open(datetime(2026, 11, 20, 0, tzinfo=timezone.utc).timestamp())
    assert not window.is_open(datetime(2026, 11, 20, 9, tzinfo=timezone.utc).timestamp())


def test_utc_needs_no_database_of_time_zones(monkeypatch):
    monkeypatch.setitem(sys.modules, 'tzdata', None)
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    try:
        window = DeploymentWindow(start='09:00', end='10:00')
        with pytest.raises(ValueError, match="install 'tzdata'"):
            DeploymentWindow(timezone='Europe/Berlin')
    finally:
        zoneinfo.reset_tzpath()
    assert window.is_open(datetime(2026, 11, 20, 9, 30, tzinfo=timezone.utc).timestamp())


@pytest.mark.parametrize(
    ('window', 'expected'),
    [
        ('{timezone: Mars/North}', "'timezone' is 'Mars/North', which this machine does not know"),
        ('{days: [friday]}', 'deploymentWindows.0.days.0: '),
        (
            '{start: 22:30}',
            '22:30 at line 6 is a number of base 60 in YAML: write a time of day in',
        ),
        ('{start: "25:00"}', 'deploymentWindows.0.start: '),
    ],
)
def test_a_window_that_cannot_be_is_named(window, expected):
    assert expected in problem(SHADOW + f'\ndeploymentWindows: [{window}]')


@pytest.mark.parametrize(
    ('asked', 'strategy'),
    [
        ({'robots': 500, 'is_production': False}, Strategy.DIRECT),
        ({'robots': 1}, Strategy.CANARY),
        ({'robots': 9, 'risk': Risk.HIGH}, Strategy.CANARY),
        ({'robots': 10}, Strategy.CANARY),
        ({'robots': 100}, Strategy.CANARY),
        ({'robots': 100, 'regions': ['a', 'b']}, Strategy.REGIONAL_ROLLOUT),
        ({'robots': 101}, Strategy.PROGRESSIVE_ROLLOUT),
        ({'robots': 500, 'risk': Risk.LOW}, Strategy.CANARY),
        ({'robots': 50, 'risk': Risk.MEDIUM}, Strategy.PROGRESSIVE_ROLLOUT),
        ({'robots': 50, 'risk': Risk.HIGH}, Strategy.PHASES),
        ({'robots': 50, 'compares': True}, Strategy.AB_TESTING),
        ({'robots': 5, 'compares': True}, Strategy.AB_TESTING),
    ],
    ids=range(12),
)
def test_advice_follows_the_guide_and_is_a_plan(asked, strategy):
    advice = advise(**asked)
    assert advice.strategy is strategy
    assert advice.reason.endswith('.')
    plan = load_plan(advice.plan)
    assert (plan.strategy, plan.version) == (strategy, 'v24')
    fleet = [Robot(f'r{i}', 'ab'[i % 2], 'v23') for i in range(asked['robots'])]
    assert compile_plan(plan, fleet, 'salt')
    if strategy is not Strategy.DIRECT:
        assert plan.promotes_on is PromoteOn.PROVEN
        assert plan.success_criteria.max_success_drop == 0.02


def test_few_robots_get_a_share_of_the_tasks_of_all_and_the_time_that_it_takes():
    plan = load_plan(advise(robots=10, tasks_per_day=20).plan)
    assert [stage.share for stage in plan.stages] == [0.1, 0.5]
    days = plan.stages[0].timeout.total_seconds() / 86_400
    assert days * 10 * 20 * 0.1 >= plan.stages[0].tasks
    quick = load_plan(advise(robots=10, tasks_per_day=5000).plan)
    assert quick.stages[0].timeout < plan.stages[0].timeout


def test_robots_without_room_get_cohorts():
    assert load_plan(advise(robots=50).plan).spread == 'thin'
    assert load_plan(advise(robots=50, has_room=False).plan).spread == 'cohorts'


def test_a_throughput_of_nothing_gets_no_advice():
    with pytest.raises(ValueError, match="'tasks_per_day' is 0"):
        advise(robots=5, tasks_per_day=0)


def test_a_fleet_of_none_gets_no_advice():
    with pytest.raises(ValueError, match="'robots' is 0"):
        advise(robots=0)


def test_types_are_those_of_the_room():
    for text, kind in ((BLUE_GREEN, BlueGreen), (SHADOW, Shadow), (FLAG, FeatureFlag)):
        assert isinstance(load_plan(text), kind)
    assert load_plan(BLUE_GREEN).approval.timeout == timedelta(hours=1)
