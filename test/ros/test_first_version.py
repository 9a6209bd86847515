# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The first version of a robot that serves nothing yet, by a rollout over DDS."""

import json

import pytest
from _world import plan, wait_until

from hotswap_ros import action, srv

Result = action.Rollout.Result


@pytest.fixture
def site(make_site):
    site = make_site()
    site.run_coordinator(site.folder / 'journal.sqlite3', model_repository=str(site.repository))
    site.run(
        'model_server',
        robot_id='new',
        model_id='pick_policy',
        model_repository=str(site.repository),
    )
    wait_until(lambda: 'new' in site.robots, 'the new robot')
    return site


def test_direct_brings_the_first_version_and_another_strategy_says_so(site):
    direct = json.dumps({'modelId': 'pick_policy', 'version': 'v23', 'strategy': 'Direct'})

    def titles():
        answer = site.ask(srv.ValidatePlan, 'validate_plan', plan=direct)
        return [step.title for step in answer.steps]

    assert len(wait_until(titles, 'a coordinator that has heard the robot')) == 2
    refused = site.roll_out(plan('v23')).result()
    assert refused.error_code == Result.INVALID_PLAN
    assert "'strategy: Direct'" in refused.error_msg
    result = site.roll_out(direct).result()
    assert result.error_code == Result.NONE, result.error_msg
    wait_until(lambda: site.robots['new'].routing.stable == 'v23', 'the first version')
    result = site.roll_out(plan('odd')).result()
    assert (result.error_code, result.rollout_id) == (Result.INVALID_PLAN, '')
