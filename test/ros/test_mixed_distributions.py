# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A coordinator on one ROS 2 distribution, and robots on the other, over DDS."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from _world import plan
from action_msgs.msg import GoalStatus

from hotswap_ros import action, srv

ROOT = Path(__file__).resolve().parents[2]
ROBOTS = 3
Result = action.Rollout.Result


def built_distributions():
    """Return the distribution of this test, and the others that are built from what is here."""
    command = [sys.executable, ROOT / 'scripts' / 'build_package.py', '--list']
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    built = dict(line.split() for line in done.stdout.splitlines())
    prefix = os.environ['AMENT_PREFIX_PATH'].split(os.pathsep)
    ours = [name for name, folder in built.items() if f'{folder}/hotswap_ros' in prefix]
    return ours, sorted(set(built) - set(ours))


@pytest.fixture(scope='module')
def site(make_site):
    """Return a coordinator on this distribution, and robots on another one."""
    ours, others = built_distributions()
    if not ours or not others:
        pytest.skip("needs both distributions: 'make build' and 'make build DISTRO=jazzy'")
    site = make_site()
    site.run_fleet(ROBOTS, distribution=others[0], speed=20.0)
    site.run_coordinator(site.folder / 'journal.sqlite3')
    return site


def test_a_version_is_promoted_and_rolled_back(site):
    answer = site.ask(srv.ValidatePlan, 'validate_plan', plan=plan('v24'))
    assert answer.error_code == answer.NONE, answer.error_msg
    goal = site.roll_out(plan('v24'))
    result = goal.result()
    assert result.error_code == Result.NONE, result.error_msg
    assert goal.status == GoalStatus.STATUS_SUCCEEDED
    site.wait_until_served('v24')
    answer = site.roll_back(model_id='pick_policy')
    assert answer.error_code == answer.NONE, answer.error_msg
    assert answer.robots_confirmed == ROBOTS
    site.wait_until_served('v23')
