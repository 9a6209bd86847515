# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Every strategy to its end over DDS, with the coordinator and simulated robots as processes.

The tests share a fleet of six robots in two regions at twenty times real time, and two robots that
can shadow. What is said to rollouts is said on the command line.
"""

import io
import json

import pytest
from _world import wait_until
from rich.console import Console

from hotswap_ros import action, msg, srv
from hotswap_ros.cli.verbs.history import run_history, run_report
from hotswap_ros.cli.verbs.rollback import run_rollback
from hotswap_ros.cli.verbs.rollout import run_control
from hotswap_ros.nodes import qos

ROBOTS = 6
Status = msg.RolloutStatus
Result = action.Rollout.Result
# As lenient as a gate can be made: here it is about what happens, not about what is decided.
LENIENT = {'alpha': 0.001, 'maxStuckPerRobot': 1000}


@pytest.fixture(scope='module')
def whole_site(make_site):
    site = make_site()
    site.run_fleet(ROBOTS, speed=20.0)
    site.run_coordinator(site.folder / 'journal.sqlite3', verify_rollback_s=1.0)
    return site


@pytest.fixture(scope='module')
def whole_shadow_site(make_site):
    """Return a site whose robots can shadow: that takes a process of its own on each."""
    site = make_site()
    site.run_fleet(2, speed=10.0, isolation='worker')
    site.run_coordinator(site.folder / 'journal.sqlite3')
    return site


def with_v23_everywhere(site, monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', str(site.world.domain.number))
    site.put_back('v23')
    return site


@pytest.fixture
def site(whole_site, monkeypatch):
    """Return the site with v23 everywhere and nothing going on."""
    return with_v23_everywhere(whole_site, monkeypatch)


@pytest.fixture
def shadow_site(whole_shadow_site, monkeypatch):
    """Return the same for robots that can shadow."""
    return with_v23_everywhere(whole_shadow_site, monkeypatch)


def text(strategy, version='same', **fields):
    head = {'modelId': 'pick_policy', 'version': version, 'strategy': strategy}
    return json.dumps({**head, 'successCriteria': LENIENT, **fields})


def say(site, command, **fields):
    """Say something to the rollout on the command line; it must be done."""
    told = io.StringIO()
    assert run_control(Console(file=told), command, '', 'a test', **fields) == 0, told.getvalue()


def tell(run, *arguments):
    told = io.StringIO()
    code = run(Console(file=told, width=200), *arguments)
    return code, told.getvalue()


def ends_well(site, goal, version='same'):
    result = goal.result()
    assert result.error_code == Result.NONE, result.error_msg
    assert result.status == Status.STATUS_SUCCEEDED
    site.wait_until_served(version)
    return json.loads(result.report)


def wait_for_pause(site, reason):
    return site.statuses.wait_for(lambda m: m.pause_reason == reason, f'pause for {reason}')


def wait_for_step(site, words):
    return site.statuses.wait_for(
        lambda m: m.steps and words in m.steps[m.step_index].title, f"step '{words}'"
    )


def test_direct_comes_to_the_named_robots(site):
    names = sorted(site.robots)[:2]
    result = site.roll_out(text('Direct', targetDevices=names)).result()
    assert result.error_code == Result.NONE, result.error_msg
    wait_until(
        lambda: (
            [n for n in sorted(site.robots) if site.robots[n].routing.stable == 'same'] == names
        ),
        'same on two robots',
    )


def test_regions_follow_each_other(site):
    regions = sorted({robot.region for robot in site.robots.values()})
    goal = site.roll_out(text('RegionalRollout', regions=regions, delayBetweenRegions='PT2S'))
    titles = [step['title'] for step in ends_well(site, goal)['steps']]
    promoted = [title.split(':')[0] for title in titles if 'promote' in title]
    assert promoted == regions


def test_two_regions_go_side_by_side_each_in_a_rollout_of_its_own(site):
    regions = sorted({robot.region for robot in site.robots.values()})
    heard = site.world.listen(Status, '/fleet_coordinator/rollout_status', qos.STATE_OF_EACH)
    goals, ids = [], []
    for region in regions:
        plan = text('RegionalRollout', regions=[region], delayBetweenRegions='PT1H')
        goals.append(site.roll_out(plan))
        watched = heard.wait_for(
            lambda m: m.rollout_id not in ids and m.status == Status.STATUS_RUNNING
        )
        ids.append(watched.rollout_id)
    heard.clear()
    for rollout_id in ids:
        found = heard.wait_for(lambda m, own=rollout_id: m.rollout_id == own)
        assert (found.rollouts_under_way, found.robots_total) == (ids, ROBOTS // 2)
    code, told = tell(run_control, 'ABORT', '', 'a test')
    assert code == 1
    assert f'2 rollouts are under way: name one of {ids[0]} (same of pick_policy), ' in told
    for rollout_id, goal, left in zip(ids, goals, (ids[1:], [])):
        assert tell(run_control, 'ABORT', rollout_id, 'a test')[0] == 0
        assert goal.result().status == Status.STATUS_ABORTED
        end = heard.wait_for(
            lambda m, own=rollout_id: (m.rollout_id, m.status) == (own, Status.STATUS_ABORTED)
        )
        assert end.rollouts_under_way == left, 'its end is told, whatever else is under way'
    site.wait_until_served('v23')


def test_a_canary_takes_a_few_and_then_the_rest(site):
    # The first stage is watched for so long that it is skipped while it is watched.
    stages = [{'percentage': 20, 'duration': 'PT1H'}, {'percentage': 100, 'duration': 'PT3S'}]
    goal = site.roll_out(text('Canary', stages=stages))
    wait_for_step(site, 'watch')
    say(site, 'SKIP_WAIT')
    ends_well(site, goal)


STAGES = [{'percentage': 50, 'tasks': 40}, {'percentage': 100, 'tasks': 40}]


def test_a_stage_is_approved_on_the_command_line(site):
    goal = site.roll_out(text('ProgressiveRollout', stages=STAGES, autoProgress=False))
    wait_for_pause(site, Status.PAUSE_APPROVAL)
    say(site, 'APPROVE')
    ends_well(site, goal)


def test_a_refused_stage_is_rolled_back(site):
    goal = site.roll_out(text('ProgressiveRollout', stages=STAGES, autoProgress=False))
    wait_for_pause(site, Status.PAUSE_APPROVAL)
    say(site, 'REFUSE')
    result = goal.result()
    assert result.status == Status.STATUS_ROLLED_BACK
    assert '(a test)' in result.reason
    site.wait_until_served('v23')
    verdict = site.alerts.wait_for(lambda m: m.kind == 'verified')
    assert 'v23' in verdict.text
    assert verdict.robot_ids


def test_two_versions_are_compared_and_one_is_kept(site):
    plan = {
        'strategy': 'ABTesting',
        'modelA': {'modelId': 'pick_policy', 'version': 'v23'},
        'modelB': {'modelId': 'pick_policy', 'version': 'same'},
        'tasks': 60,
        'winnerCriteria': {'metric': 'success_rate', 'minimumImprovement': 0.5},
        'successCriteria': LENIENT,
    }
    report = ends_well(site, site.roll_out(json.dumps(plan)), 'v23')
    assert [found['verdict'] for found in report['conclusions']] == ['keep']


BLUE_GREEN = {
    'validationTasks': 40,
    'watchDuration': 'PT1S',
    'watchTasks': 40,
    'swapDelay': 2,
    'successCriteria': {**LENIENT, 'minShadowAgreement': 0.9},
}


def test_green_is_swapped_in_at_one_instant_and_blue_retired(shadow_site):
    backup = min(shadow_site.robots)
    goal = shadow_site.roll_out(
        text('BlueGreen', retention='PT1S', backupRobots=[backup], **BLUE_GREEN)
    )
    ends_well(shadow_site, goal)

    def holds_blue():
        ready = msg.VersionStatus.STATE_READY
        return {
            name
            for name, robot in shadow_site.robots.items()
            if any(v.version == 'v23' and v.state == ready for v in robot.versions)
        }

    wait_until(lambda: holds_blue() == {backup}, lambda: f'blue on {backup}: {holds_blue()}')


def test_green_is_reversed_with_one_command_during_retention(shadow_site):
    goal = shadow_site.roll_out(text('BlueGreen', retention='P1D', **BLUE_GREEN))
    wait_for_step(shadow_site, 'keep the previous version loaded')
    shadow_site.wait_until_served('same')  # this test hears robots later than the coordinator
    say(shadow_site, 'ROLLBACK')
    assert goal.result().status == Status.STATUS_ROLLED_BACK
    shadow_site.wait_until_served('v23')


def test_a_shadow_is_judged_and_serves_nothing(shadow_site):
    report = ends_well(shadow_site, shadow_site.roll_out(text('Shadow', tasks=40)), 'v23')
    assert report['conclusions'][0]['verdict'] in ('deploy', 'keep')


def test_a_flag_is_set_by_hand_and_goes_up_by_schedule(site):
    schedule = [{'after': 'PT0S', 'share': 0.1}, {'after': 'PT4S', 'share': 1.0}]
    goal = site.roll_out(text('FeatureFlag', schedule=schedule))
    wait_for_step(site, 'change the share of same')
    site.wait_for_candidate('same')
    say(site, 'SET_SHARE', share=0.6)
    wait_until(
        lambda: {round(r.routing.candidate_share, 3) for r in site.robots.values()} == {0.6},
        'a share of 0.6',
    )
    ends_well(site, goal)


def test_phases_follow_each_other_and_can_be_paused(site):
    phases = [
        {'strategy': 'Canary', 'stages': [{'percentage': 20, 'tasks': 40}]},
        {'strategy': 'ProgressiveRollout', 'stages': STAGES},
    ]
    plan = {'modelId': 'pick_policy', 'version': 'same', 'phases': phases}
    goal = site.roll_out(json.dumps({**plan, 'successCriteria': LENIENT}))
    wait_for_step(site, 'phase 2')
    say(site, 'PAUSE')
    wait_for_pause(site, Status.PAUSE_BY_HAND)
    say(site, 'RESUME')
    ends_well(site, goal)


def test_history_and_reports_are_told_on_the_command_line(site):
    goal = site.roll_out(text('Direct', targetDevices=[min(site.robots)]))
    rollout = goal.result().rollout_id
    code, told = tell(run_history, 0, False)
    assert code == 0
    (line,) = [line for line in told.splitlines() if rollout in line]
    assert line.split()[1:5] == ['pick_policy', 'same', 'Direct', 'succeeded']
    code, told = tell(run_history, 0, True)
    assert code == 0
    assert 'Direct' in told
    assert 'of robots' in told
    code, told = tell(run_report, rollout)
    assert code == 0
    assert f'Direct of pick_policy same, {rollout}' in told
    assert 'promote same on 1 robot' in told
    written = site.folder / 'written.json'
    tell(run_report, rollout, written)
    assert json.loads(written.read_text())['rollout_id'] == rollout
    code, told = tell(run_report, 'no-such-rollout')
    assert (code, "there is no rollout 'no-such-rollout'" in told) == (1, True)
    code, told = tell(run_control, 'PAUSE', '', '')
    assert (code, 'no rollout is under way' in told) == (1, True)
    archived = site.folder / 'archive' / rollout
    assert json.loads((archived / 'report.json').read_text())['status'] == 'succeeded'
    assert min(site.robots) in json.loads((archived / 'metrics.json').read_text())


def test_a_rollback_is_ordered_on_the_command_line(site):
    site.roll_out(text('Direct')).result()
    site.wait_until_served('same')
    code, told = tell(run_rollback, 'pick_policy', 'v23', sorted(site.robots)[:2])
    assert code == 0, told
    assert '2 of 2 robots confirmed the rollback: commands sent after' in told
    back, rollout = site.ask(srv.ListRollouts, 'list_rollouts', limit=2).rollouts
    # The alert of an earlier rollback, of all robots, may come after the robots were put back.
    alert = site.alerts.wait_for(
        lambda m: m.kind == 'rolled_back' and m.rollout_id == back.rollout_id
    )
    assert sorted(alert.robot_ids) == sorted(site.robots)[:2]
    assert '2 of 2 robots' in alert.text
    assert (back.strategy, back.version, back.status) == (
        'Rollback',
        'v23',
        Status.STATUS_ROLLED_BACK,
    )
    assert (back.robots_total, back.robots_failed, back.rolls_back) == (2, 0, rollout.rollout_id)
    assert back.rollout_id in told
    assert (rollout.robots_total, rollout.robots_failed) == (ROBOTS, 0)
    site.alerts.wait_for(lambda m: m.kind == 'verified' and m.rollout_id == back.rollout_id)
    code, told = tell(run_report, back.rollout_id)
    assert code == 0
    assert f'Rollback of pick_policy to v23, {back.rollout_id}' in told
    assert f'rolled back rollout: {rollout.rollout_id}' in told
    assert 'after the rollback v23 succeeded in' in told
    code, told = tell(run_history, 0, True)
    assert any(line.startswith('Rollback ') for line in told.splitlines())
