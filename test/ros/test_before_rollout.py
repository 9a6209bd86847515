# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Checklist and forecast as users see them: over DDS, and with `hotswap`."""

import json
import math
import os
import subprocess
from pathlib import Path

import pytest
from _world import plan, wait_until
from action_msgs.msg import GoalStatus
from ament_index_python.packages import get_package_prefix

from hotswap_ros import action, msg, srv

ROBOTS = 4
Item = msg.ChecklistItem
Result = action.Rollout.Result


@pytest.fixture(scope='module')
def site(make_site, policies):
    site = make_site()
    site.run_fleet(ROBOTS, speed=20.0)
    site.run_coordinator(site.folder / 'journal.sqlite3', model_repository=str(policies))
    return site


def validate(site, text):
    return site.ask(srv.ValidatePlan, 'validate_plan', plan=text)


def items_of(answer):
    return {item.name: item for item in answer.checklist}


def signed_plan(site, **overrides):
    """Return a plan for production in which people have signed what is left to them."""
    checklist = {
        'preset': 'production',
        'owner': 'Ann',
        'contacts': ['Bob'],
        'bandwidthMbps': 100,
        'overrides': overrides,
    }
    windows = [{'timezone': 'UTC'}]
    answer = validate(site, plan(checklist=checklist, deploymentWindows=windows))
    to_sign = [item.name for item in answer.checklist if item.state == Item.STATE_TO_SIGN]
    checklist['signed'] = {name: {'by': 'Ann', 'remark': 'seen'} for name in to_sign}
    return plan(checklist=checklist, deploymentWindows=windows)


def test_a_plan_is_forecast_and_its_checklist_reviewed(site):
    def rates_are_known():
        found = validate(site, plan(checklist='production'))
        return found if not math.isnan(found.forecasts[2].expected_s) else None

    answer = wait_until(rates_are_known, 'rates of the robots')
    assert answer.error_code == answer.NONE
    assert len(answer.forecasts) == len(answer.steps)
    watch = answer.forecasts[2]
    assert answer.steps[2].title == '50%: watch 60 tasks'
    assert (len(watch.robots), watch.expected_tasks) == (2, 60)
    assert 0 < watch.expected_s < 600
    assert 0.1 < watch.detectable_drop < 0.6
    assert '60 tasks' in watch.sentences[0]
    items = items_of(answer)
    assert len(items) == 24
    for name in ('lab_results', 'no_catastrophic_drop', 'all_categories', 'bounds_declared'):
        assert items[name].state == Item.STATE_PASSED, items[name].sentence
    for name in ('fallback_present', 'storage', 'monitoring_alive', 'success_criteria'):
        assert items[name].state == Item.STATE_PASSED, items[name].sentence
    assert items['emergency_stop'].state == Item.STATE_TO_SIGN
    assert items['owner_set'].state == Item.STATE_FAILED
    blocking = (Item.STATE_FAILED, Item.STATE_TO_SIGN)
    assert [text.split(':')[0] for text in answer.problems] == [
        item.name for item in answer.checklist if item.state in blocking
    ]


def test_a_plan_without_a_checklist_is_asked_nothing(site):
    answer = validate(site, plan())
    assert {item.state for item in answer.checklist} == {Item.STATE_SKIPPED}
    assert list(answer.problems) == []


def test_a_checklist_that_blocks_ends_the_goal(site):
    goal = site.roll_out(plan(checklist='production'))
    result = goal.result()
    assert (result.error_code, goal.status) == (
        Result.CHECKLIST_FAILED,
        GoalStatus.STATUS_ABORTED,
    )
    assert result.status == msg.RolloutStatus.STATUS_FAILED
    assert 'emergency_stop' in result.reason
    report = json.loads(result.report)
    assert report['cause'] == 'checklist_failed'
    assert len(report['checklist']) == 24
    assert site.serves('v23')


def test_signed_and_answered_for_it_runs_and_the_report_says_by_whom(site):
    worse = {'by': 'Bob', 'remark': 'to see the gate stop it'}
    text = signed_plan(site, lab_results=worse).replace('"v24"', '"v25_regressed"')
    data = json.loads(text)
    # Enough tasks for the gate, whatever chance does: it ends within a few hundred.
    data['stages'] = [{'percentage': 100, 'tasks': 1_000_000}]
    data['successCriteria'] = {'maxStuckPerRobot': 1000}
    found = items_of(validate(site, json.dumps(data)))
    assert found['lab_results'].state == Item.STATE_OVERRIDDEN
    assert found['lab_results'].by == 'Bob'
    left = [name for name, item in found.items() if item.state == Item.STATE_FAILED]
    answers = dict.fromkeys(left, worse)
    data['checklist']['overrides'].update(answers)
    result = site.roll_out(json.dumps(data)).result()
    assert result.error_code == Result.GATE_FAILED, result.error_msg
    report = {item['name']: item for item in json.loads(result.report)['checklist']}
    assert report['lab_results']['state'] == 'overridden'
    assert report['lab_results']['remark'] == 'to see the gate stop it'
    assert report['emergency_stop']['by'] == 'Ann'
    site.wait_until_served('v23')
    rehearsed = items_of(validate(site, plan(checklist='production')))['rollback_rehearsed']
    assert rehearsed.state == Item.STATE_PASSED, rehearsed.sentence


def hotswap(site, *words):
    program = Path(get_package_prefix('hotswap_ros'), 'lib', 'hotswap_ros', 'hotswap')
    return subprocess.run(
        [program, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, 'ROS_DOMAIN_ID': str(site.world.domain.number)},
        check=False,
    )


def test_hotswap_shows_the_checklist(site, tmp_path):
    path = tmp_path / 'plan.json'
    path.write_text(plan())
    asked_nothing = hotswap(site, 'checklist', path)
    assert asked_nothing.returncode == 0, asked_nothing.stderr
    assert 'no checklist' in asked_nothing.stdout
    blocked = hotswap(site, 'checklist', path, '--preset', 'production')
    assert blocked.returncode == 1
    assert 'Failed: owner_set, contact_set, window_set' in blocked.stdout
    assert 'signed: {generalization: {by: NAME, remark: HOW}}' in blocked.stdout
    assert 'In the lab v24 succeeds in' in blocked.stdout


@pytest.mark.parametrize('verb', [(), ('start',)])
def test_hotswap_shows_what_a_plan_would_do(site, tmp_path, verb):
    path = tmp_path / 'plan.json'
    path.write_text(plan())
    shown = hotswap(site, 'rollout', *verb, path, '--dry-run')
    assert shown.returncode == 0, shown.stderr
    assert '50%: watch 60 tasks' in shown.stdout
    assert 'robot_01, robot_02, robot_03, robot_04' in ' '.join(shown.stdout.split())
    assert '4 times in 5' in shown.stdout
    assert 'Total time: ' in shown.stdout
    assert site.serves('v23')


def test_hotswap_says_what_is_wrong_with_a_plan(site, tmp_path):
    path = tmp_path / 'plan.yaml'
    path.write_text(plan(modelId='place_policy'))
    shown = hotswap(site, 'rollout', path, '--dry-run')
    assert shown.returncode == 1
    assert "no robot that serves model 'place_policy' is known" in shown.stdout


def test_a_mistyped_version_starts_and_ends_nothing(site, tmp_path):
    path = tmp_path / 'plan.yaml'
    path.write_text(plan('v32'))
    shown = hotswap(site, 'rollout', path, '--dry-run')
    assert shown.returncode == 1, shown.stderr
    assert "'v32'" in shown.stdout
    assert 'v24' in shown.stdout
    goal = site.roll_out(plan('v24', [(50, 1_000_000), (100, 1_000_000)]))
    site.wait_for_candidate('v24')
    refused = hotswap(site, 'rollback', 'pick_policy', '--to', 'v32')
    assert refused.returncode == 1
    assert 'v24' in refused.stdout + refused.stderr
    answer = site.roll_back(model_id='pick_policy', version='v32')
    assert (answer.error_code, answer.rollback_id) == (answer.UNKNOWN_VERSION, '')
    assert not goal.has_ended, 'the rollout goes on'
    back = site.roll_back(model_id='pick_policy', version='v23')
    assert back.error_code == back.NONE, back.error_msg
    assert goal.result().status == msg.RolloutStatus.STATUS_SUPERSEDED
    site.wait_until_served('v23')


def test_another_interface_is_refused_by_name_before_anything_is_loaded(site):
    text = json.dumps({'modelId': 'pick_policy', 'version': 'odd', 'strategy': 'Direct'})
    answer = validate(site, text)
    assert answer.error_code == answer.INVALID_PLAN
    result = site.roll_out(text).result()
    assert result.error_code == Result.INVALID_PLAN
    assert answer.problems == [result.error_msg]
    assert "input 'observation' is float32[1, 14] in odd" in result.error_msg
    assert site.serves('v23')
