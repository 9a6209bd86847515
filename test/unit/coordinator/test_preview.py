# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The preview of a rollout: facts for the checklist, blocked starts, and forecasts."""

import json
import math
import re

import pytest

from hotswap_ros.coordinator import forecast, read_versions, refuse_missing
from hotswap_ros.models import Interface, UnknownVersionError
from hotswap_ros.plan import Item, LabResult, PlanError, VersionFacts, load_plan, review
from hotswap_ros.rollout import Cause, Status

STATES = {'failed', 'to_sign'}


def blocked_by(state):
    return {item.name.value for item in state.checklist if item.state.value in STATES}


def start(fleet, text, **versions):
    """Let the fleet work for a while, then start."""
    fleet.run(30)
    return fleet.coordinator.start(load_plan(text), fleet.now, versions)


def end_of(fleet, rollout_id):
    fleet.step()
    return fleet.state(rollout_id)


def test_a_rollout_that_the_checklist_blocks_has_failed_and_nobody_heard_of_it(fleet, plan):
    rollout_id = start(fleet, plan(checklist='production'))
    state = end_of(fleet, rollout_id)
    assert (state.status, state.cause) == (Status.FAILED, Cause.CHECKLIST_FAILED)
    failed = [item.name.value for item in state.checklist if item.state.value == 'failed']
    assert len(failed) == 3
    assert all(name in state.reason for name in failed)
    assert 'emergency_stop' in state.reason
    assert state.ended == state.started
    assert fleet.kinds() == ['failed']
    fleet.run(5)
    assert fleet.stables() == {'v23'}
    assert {r.routing.generation for r in fleet.robots.values()} == {0}, 'nothing was said to them'
    summary = fleet.coordinator.history()[0]
    assert (summary.rollout_id, summary.status) == (rollout_id, Status.FAILED)
    assert summary.robots_total == 0
    report = fleet.coordinator.report(rollout_id)
    assert report['cause'] == 'checklist_failed'
    assert [item['name'] for item in report['checklist']] == [item.value for item in Item]


def test_a_blocked_rollout_keeps_nobody_else_from_starting(fleet, plan):
    start(fleet, plan(checklist='production'))
    assert fleet.coordinator.start(load_plan(plan()), fleet.now)


def test_a_blocked_rollout_leaves_the_version_that_a_rollback_leads_to(fleet, plan):
    first = fleet.start(plan())
    assert fleet.finish(first).status is Status.SUCCEEDED
    blocked = fleet.coordinator.start(load_plan(plan('v25', checklist='production')), fleet.now)
    assert end_of(fleet, blocked).cause is Cause.CHECKLIST_FAILED
    fleet.coordinator.roll_back('pick_policy', '', (), fleet.now)
    fleet.run_until(lambda: fleet.stables() == {'v23'})


def test_what_somebody_answers_for_is_in_the_report(fleet, plan):
    names = ('owner_set', 'contact_set', 'window_set')
    overrides = {name: {'by': 'Bob', 'remark': 'a trial'} for name in names}
    asked = start(fleet, plan(checklist=json.dumps({'preset': 'production'})))
    to_sign = blocked_by(end_of(fleet, asked)) - set(names)
    signed = {name: {'by': 'Ann', 'remark': 'seen'} for name in to_sign}
    checklist = {'preset': 'production', 'signed': signed, 'overrides': overrides}
    rollout_id = fleet.coordinator.start(
        load_plan(plan(checklist=json.dumps(checklist))), fleet.now
    )
    assert fleet.finish(rollout_id).status is Status.SUCCEEDED
    report = fleet.coordinator.report(rollout_id)
    by_name = {item['name']: item for item in report['checklist']}
    assert by_name['owner_set']['state'] == 'overridden'
    assert (by_name['owner_set']['by'], by_name['owner_set']['remark']) == ('Bob', 'a trial')
    assert by_name['emergency_stop']['state'] == 'signed'
    told = [event for event in report['events'] if event['kind'] == 'override']
    assert {event['text'].split(' (')[0] for event in told} == {
        f'{name} overridden by Bob' for name in names
    }
    assert all(event['alert'] for event in told)


def test_a_plan_without_a_checklist_has_none_in_its_report(fleet, plan):
    rollout_id = fleet.start(plan())
    fleet.step()
    assert fleet.coordinator.report(rollout_id)['checklist'] == []


def test_testing_blocks_a_robot_that_cannot_hold_both(fleet, plan):
    fleet.robots['r03'].resident_limit = 1
    state = end_of(fleet, start(fleet, plan(checklist='testing')))
    assert state.cause is Cause.CHECKLIST_FAILED
    assert blocked_by(state) == {'fallback_present'}
    assert 'r03' in json.dumps(fleet.coordinator.report(state.rollout_id)['checklist'])


def test_unreachable_robots_fail_the_monitoring_and_are_named(fleet, plan):
    fleet.run(5)
    fleet.robots['r07'].online = False
    found = items(fleet, plan(checklist='testing'), wait_s=20)
    assert found['monitoring_alive'].state.value == 'failed'
    assert 'r07' in found['monitoring_alive'].sentence


def test_missing_counters_fail_the_monitoring(fleet, plan):
    fleet.robots['r02'].counts_are_lost = True
    found = items(fleet, plan(checklist='testing'))
    assert found['monitoring_alive'].state.value == 'failed'
    assert 'r02' in found['monitoring_alive'].sentence


def items(fleet, text, wait_s=30, **versions):
    fleet.run(wait_s)
    preview = fleet.coordinator.preview(load_plan(text), fleet.now)
    return {item.name.value: item for item in review(preview.plan, preview.facts)}


def test_a_rollout_that_went_back_is_a_rehearsal(fleet, plan):
    before = items(fleet, plan(checklist='production'))['rollback_rehearsed']
    assert before.state.value == 'to_sign'
    state = fleet.finish(fleet.coordinator.start(load_plan(plan('v25', ((100, 200),))), fleet.now))
    assert state.status is Status.ROLLED_BACK
    after = items(fleet, plan(checklist='production'))['rollback_rehearsed']
    assert after.state.value == 'passed', after.sentence
    assert '10 robots' in after.sentence


def test_a_rehearsal_of_some_robots_leaves_the_others_to_sign(fleet, plan):
    fleet.finish(fleet.start(plan('v25', ((20, 200), (100, 10)))))
    found = items(fleet, plan(checklist='production'))['rollback_rehearsed']
    assert found.state.value == 'to_sign'
    missing = found.sentence.split(' confirmed')[0]
    assert missing.endswith('and 3 more'), 'eight of ten'


def test_a_rollback_by_hand_is_a_rehearsal_and_outlives_the_coordinator(fleet, plan):
    fleet.finish(fleet.start(plan()))
    fleet.coordinator.roll_back('pick_policy', 'v23', (), fleet.now)
    fleet.run_until(lambda: fleet.stables() == {'v23'})
    fleet.run(3)
    fleet.kill_coordinator()
    fleet.boot_coordinator()
    found = items(fleet, plan(checklist='production'))['rollback_rehearsed']
    assert found.state.value == 'passed', found.sentence


def test_a_rollback_to_what_is_served_anyway_is_no_rehearsal(fleet, plan):
    fleet.run(3)
    fleet.coordinator.roll_back('pick_policy', 'v23', (), fleet.now)
    fleet.run(5)
    found = items(fleet, plan(checklist='production'))['rollback_rehearsed']
    assert found.state.value == 'to_sign'


# -- versions ---------------------------------------------------------------------------------


def test_versions_are_read_from_a_repository(make_version):
    measured = {'success': 0.94, 'success_by_category': {'near': 0.96}, 'tasks': 100, 'more': 1}
    make_version('v1', low=None)
    make_version('v2', training={'measured': measured})
    make_version('v3', training={'measured': 'a lot'})
    found = read_versions(str(make_version.root), 'policy', ['v1', 'v2', 'v3', 'v9'])
    assert found['v1'].unbounded == ('decision',)
    assert found['v1'].size_bytes > 0
    assert found['v2'] == VersionFacts(
        found['v2'].size_bytes,
        lab=LabResult(success=0.94, success_by_category={'near': 0.96}, tasks=100),
        interface=Interface.of(make_version.repository.manifest('policy', 'v2')),
    )
    assert found['v3'].lab is None
    assert "version 'v9' of model 'policy' is not in the model repository" in found['v9'].problem


def test_without_a_repository_nothing_is_known():
    found = read_versions('', 'policy', ['v1'])
    assert "has no 'model_repository'" in found['v1'].problem


def test_a_file_server_that_is_not_there_is_a_problem_and_no_crash():
    found = read_versions('http://127.0.0.1:9/models', 'policy', ['v1'])
    assert 'cannot be fetched from http://127.0.0.1:9/models' in found['v1'].problem


@pytest.mark.parametrize('version', ['v9', '../v1'])
def test_a_version_that_the_repository_lacks_is_refused(make_version, version):
    make_version('v1')
    with pytest.raises(UnknownVersionError) as caught:
        refuse_missing(str(make_version.root), 'policy', version, ['v0', 'v1'])
    assert caught.value.known == ['v1']
    refuse_missing(str(make_version.root), 'policy', 'v1', ['v1'])


@pytest.mark.parametrize(
    'place', ['', 'not_mounted', 'http://127.0.0.1:9/models', 'http://[', 'ftp://x/y']
)
def test_a_repository_that_cannot_be_read_refuses_nothing(tmp_path, place):
    repository = str(tmp_path / place) if place == 'not_mounted' else place
    refuse_missing(repository, 'policy', 'v9', ['v1'])


def test_the_repository_of_another_fleet_refuses_nothing(make_version):
    make_version('v1')
    for served in ([], ['v7']):
        refuse_missing(str(make_version.root), 'policy', 'v9', served)


def test_a_damaged_manifest_is_there(make_version):
    make_version('v1')
    damaged = make_version('v2') / 'manifest.json'
    damaged.write_text('{')
    refuse_missing(str(make_version.root), 'policy', 'v2', ['v1'])


def test_lab_results_may_come_from_a_file(tmp_path, make_version):
    make_version('v2', training={'measured': {'success': 0.5}})
    path = tmp_path / 'lab.yaml'
    path.write_text('v2: {success: 0.94}\nv3: {success: 0.9}\n')
    found = read_versions(str(make_version.root), 'policy', ['v2', 'v3'], path)
    assert [found[version].lab.success for version in ('v2', 'v3')] == [0.94, 0.9]


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        ('v2: {success: 94}', 'v2.success: Input should be less than or equal to 1 (found 94)'),
        ('v2: 0.94', 'v2: '),
        ('[1]', 'the file: Input should be a valid dictionary'),
        ('v2: [', 'is not YAML or JSON'),
        (None, 'No such file or directory: put the file there'),
    ],
)
def test_lab_results_that_are_wrong_say_what_to_write(tmp_path, content, words):
    path = tmp_path / 'lab.yaml'
    if content is not None:
        path.write_text(content)
    with pytest.raises(PlanError) as caught:
        read_versions('', 'policy', ['v2'], path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


# -- forecast ---------------------------------------------------------------------------------


def forecasts(fleet, text, wait_s=60):
    fleet.run(wait_s)
    preview = fleet.coordinator.preview(load_plan(text), fleet.now)
    found = forecast(preview)
    assert len(found) == len(preview.steps)
    for step, one in zip(preview.steps, found):
        assert one.robots == tuple(sorted(step.robots))
    return {step.title('v24'): one for step, one in zip(preview.steps, found)}


def test_a_canary_is_forecast_from_what_the_fleet_does_at_present(fleet, plan):
    found = forecasts(fleet, plan(stages=((20, 60), (100, 300))))
    first = found['20%: watch 60 tasks']
    # Two robots that do two tasks a second each, half of them with the candidate.
    assert first.expected_s == pytest.approx(30, rel=0.05)
    assert (first.tasks, first.control_tasks) == (60, 60)
    last = found['100%: watch 300 tasks']
    assert last.expected_s == pytest.approx(300 / 18, rel=0.05)
    assert last.control_tasks == 33
    assert 0.1 < last.detectable_drop < first.detectable_drop < 0.5
    words = '60 tasks beside 60 of the control detect, 4 times in 5, a drop of '
    assert first.sentences[0].startswith(words)
    assert first.sentences[0].endswith('(now), not of 2.')
    assert last.sentences[0].startswith('360 tasks beside 93 of the control detect')
    assert found['20%: v24 takes 50% of tasks on 2 robots'].expected_s == 1.0
    assert math.isnan(found['20%: load v24 on 2 robots'].expected_s)


def test_a_time_says_how_many_tasks_come_in_it(fleet, plan):
    text = 'modelId: pick_policy\nversion: v24\nstrategy: Canary\n'
    found = forecasts(fleet, text + 'canaryPercentage: 10\ncanaryDuration: PT10M\n')
    first = found['10%: watch 10 min']
    assert first.expected_s == 600.0
    assert first.tasks == pytest.approx(600, rel=0.05)


def test_a_stage_that_would_time_out_says_so(fleet):
    text = (
        'modelId: pick_policy\nversion: v24\nstrategy: Canary\n'
        'stages: [{percentage: 100, tasks: 100000, timeout: PT10M}]\n'
    )
    (watch,) = [one for title, one in forecasts(fleet, text).items() if 'watch' in title]
    assert any('longer than its timeout of 10 min' in sentence for sentence in watch.sentences)


def test_a_fleet_that_does_nothing_leaves_the_time_open(fleet, plan):
    found = {}
    for _ in range(60):
        fleet.step(tasks=0)
    preview = fleet.coordinator.preview(load_plan(plan(stages=((20, 60), (100, 300)))), fleet.now)
    for step, one in zip(preview.steps, forecast(preview)):
        found[step.title('v24')] = one
    first = found['20%: watch 60 tasks']
    assert math.isnan(first.expected_s)
    assert (first.tasks, first.control_tasks) == (60, 60), 'as the plan says'
    assert 'from 90.0% (as assumed)' in first.sentences[0]
    assert any('not known' in sentence for sentence in first.sentences)


HEAD = 'modelId: pick_policy\nversion: v24\n'
STRATEGIES = {
    'direct': 'strategy: Direct\n',
    'shadow': 'strategy: Shadow\ntasks: 100\npromote: true\n',
    'ab': (
        'strategy: ABTesting\nmodelA: {modelId: pick_policy, version: v23}\n'
        'modelB: {modelId: pick_policy, version: v24}\ntasks: 200\n'
    ),
    'blue_green': 'strategy: BlueGreen\nwatchDuration: PT1H\napproval: {timeout: P1D}\n',
    'schedule': (
        'strategy: FeatureFlag\nschedule: [{after: PT0S, share: 0}, {after: PT10M, share: 0.1}, '
        '{after: PT30M, share: 0.5}, {after: PT60M, share: 1.0}]\n'
    ),
    'open_schedule': 'strategy: FeatureFlag\nschedule: [{after: PT0S, share: 0.5}]\n',
    'loop': 'strategy: FeatureFlag\ncontrolLoop: {interval: PT5M, step: 0.01}\n',
    'progressive': (
        'strategy: ProgressiveRollout\nautoProgress: false\n'
        'stages: [{percentage: 10, duration: PT15M}, {percentage: 100, duration: PT0M}]\n'
    ),
    'phases': (
        'phases: [{strategy: Shadow, tasks: 50}, '
        '{strategy: Canary, canaryPercentage: 10, canaryDuration: PT5M}]\n'
    ),
}


@pytest.mark.parametrize('name', STRATEGIES)
def test_every_strategy_can_be_forecast(fleet, name):
    text = STRATEGIES[name] if name == 'ab' else HEAD + STRATEGIES[name]
    found = forecasts(fleet, text)
    for one in found.values():
        assert math.isnan(one.expected_s) or one.expected_s >= 0
        assert math.isnan(one.detectable_drop) or 0 < one.detectable_drop < 1
    if name == 'schedule':
        ramp = found['change the share of v24 by schedule on 10 robots']
        assert ramp.expected_s == 3600.0
        # Twenty tasks a second: 1200 s at a tenth, 1800 s at a half.
        assert ramp.tasks == pytest.approx(2400 + 18_000, rel=0.05)
        assert ramp.detectable_drop < 0.03
    if name == 'loop':
        assert found['change the share of v24 every 5 min on 10 robots'].expected_s == 100 * 300.0
    if name == 'open_schedule':
        assert math.isnan(found['change the share of v24 by schedule on 10 robots'].expected_s)
    if name == 'ab':
        arm = next(one for title, one in found.items() if title.startswith('compare'))
        assert min(arm.tasks, arm.control_tasks) == 200
    if name == 'shadow':
        seen = next(one for title, one in found.items() if title.startswith('shadow: watch'))
        assert seen.tasks == 0
        assert seen.sentences[-2].startswith('The shadow sees 100 tasks')
        bound = 'If not one of them differs, success differs by 3.7 points at most: not enough'
        assert seen.sentences[-1].startswith(bound)
    if name == 'blue_green':
        seen = next(one for title, one in found.items() if title.startswith('shadow: watch'))
        words = r'4 times in 5, that it decides otherwise in 14\.\d% of decisions, where 10'
        assert re.search(words, ' '.join(seen.sentences))
