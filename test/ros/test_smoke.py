# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
One round of everything, as its users do it: the first test to run on another ROS 2 distribution.

The programs start as launch files start them, with parameter files, names and namespaces.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest
from _world import plan
from action_msgs.msg import GoalStatus
from ament_index_python.packages import get_package_prefix

from hotswap_ros import action, msg, srv

ROBOTS = 3
CONFIG = Path(__file__).resolve().parents[2] / 'config'
Control = srv.ControlRollout.Request
Result = action.Rollout.Result


def as_launched(name):
    """Return the ROS arguments that the launch file gives a program."""
    arguments = ['-r', f'__node:={name}', '--log-level', 'info']
    return [*arguments, '--params-file', CONFIG / f'{name}.yaml']


@pytest.fixture(scope='module')
def whole_site(make_site, policies):
    site = make_site()
    site.run_fleet(ROBOTS, ros_arguments=as_launched('sim_fleet'), speed=20.0)
    site.run_coordinator(
        site.folder / 'journal.sqlite3',
        ros_arguments=as_launched('fleet_coordinator'),
        model_repository=str(policies),
    )
    return site


@pytest.fixture
def site(whole_site):
    """Return the site with v23 everywhere and nothing going on."""
    whole_site.put_back('v23')
    return whole_site


def control(site, command):
    answer = site.ask(srv.ControlRollout, 'control_rollout', command=command, remark='why')
    assert answer.error_code == answer.NONE, answer.error_msg


def wait_for_status(site, status):
    site.statuses.wait_for(lambda m: m.status == status, f'status {status}')


def test_a_plan_is_validated(site):
    answer = site.ask(srv.ValidatePlan, 'validate_plan', plan=plan(checklist='production'))
    assert answer.error_code == answer.NONE, answer.error_msg
    assert answer.steps
    assert len(answer.forecasts) == len(answer.steps)
    assert answer.checklist
    wrong = site.ask(srv.ValidatePlan, 'validate_plan', plan='modelId: pick_policy')
    assert wrong.error_code == wrong.INVALID_PLAN
    assert wrong.problems


def test_a_better_version_is_promoted_and_rolled_back_by_hand(site):
    goal = site.roll_out(plan('v24'))
    result = goal.result()
    assert result.error_code == Result.NONE, result.error_msg
    assert goal.status == GoalStatus.STATUS_SUCCEEDED
    assert goal.feedback
    site.wait_until_served('v24')
    answer = site.roll_back(model_id='pick_policy')
    assert answer.error_code == answer.NONE, answer.error_msg
    assert (answer.robots_confirmed, answer.robots_total) == (ROBOTS, ROBOTS)
    site.wait_until_served('v23')
    report = site.ask(srv.GetReport, 'get_report', rollout_id=result.rollout_id)
    assert json.loads(report.report)['rollout_id'] == result.rollout_id


def test_a_rollout_is_paused_and_aborted(site):
    goal = site.roll_out(plan('v24', stages=[(100, 1_000_000)]))
    site.wait_for_candidate('v24')
    control(site, Control.PAUSE)
    wait_for_status(site, msg.RolloutStatus.STATUS_PAUSED)
    control(site, Control.ABORT)
    wait_for_status(site, msg.RolloutStatus.STATUS_ABORTED)
    assert goal.result().error_code == Result.CANCELED
    site.wait_until_served('v23')


def test_a_worse_version_is_rolled_back_by_itself(site):
    result = site.roll_out(plan('frozen', stages=[(100, 200)])).result()
    assert result.status == msg.RolloutStatus.STATUS_ROLLED_BACK, result.reason
    assert result.error_code == Result.GATE_FAILED
    site.wait_until_served('v23')


def test_the_command_line_talks_to_the_coordinator(site):
    program = Path(get_package_prefix('hotswap_ros'), 'lib', 'hotswap_ros', 'hotswap')
    done = subprocess.run(
        [program, 'history'],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, 'ROS_DOMAIN_ID': str(site.world.domain.number)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert 'pick_policy' in done.stdout
