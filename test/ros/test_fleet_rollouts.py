# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Whole rollouts as users see them: `fleet_coordinator` and `sim_fleet` as processes, asked over DDS.

All tests share one fleet of six robots at twenty times real time, and each begins with v23 on all
of them.
"""

import json

import pytest
from _aggregator import Analyzers
from _world import plan, wait_until
from action_msgs.msg import GoalStatus

from hotswap_ros import action, msg, srv
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.process import CANNOT_START

ROBOTS = 6
LONG = [(50, 1_000_000), (100, 1_000_000)]
DIRECT_TO_ODD = json.dumps({'modelId': 'pick_policy', 'version': 'odd', 'strategy': 'Direct'})
Result = action.Rollout.Result
Status = msg.RolloutStatus
Control = srv.ControlRollout.Request


@pytest.fixture(scope='module')
def whole_site(make_site, tmp_path_factory):
    site = make_site()
    plans = tmp_path_factory.mktemp('plans')
    (plans / 'to_v99.yaml').write_text(plan('v99'))
    site.run_fleet(ROBOTS, speed=20.0)
    site.run_coordinator(site.folder / 'journal.sqlite3', plans_folder=str(plans))
    return site


@pytest.fixture
def site(whole_site):
    """Return the site with v23 everywhere and nothing going on."""
    whole_site.put_back('v23')
    return whole_site


def control(site, command, **fields):
    return site.ask(srv.ControlRollout, 'control_rollout', command=command, **fields)


def wait_for_status(site, status):
    return site.statuses.wait_for(lambda m: m.status == status, f'status {status}')


def test_a_better_version_is_promoted_everywhere(site):
    goal = site.roll_out(plan('v24'))
    result = goal.result()
    assert result.error_code == Result.NONE, result.error_msg
    assert (result.status, goal.status) == (
        Status.STATUS_SUCCEEDED,
        GoalStatus.STATUS_SUCCEEDED,
    )
    site.wait_until_served('v24')
    check_report(json.loads(result.report), result.rollout_id)
    check_feedback(goal.feedback)
    heard = site.world.listen(Status, '/fleet_coordinator/rollout_status', qos.STATE)
    check_status(heard.wait_for(lambda status: status.status == Status.STATUS_SUCCEEDED))

    again = site.roll_out(plan('v24')).result()
    assert again.error_code == Result.NO_ROBOTS
    assert 'serves v24 already' in again.error_msg

    # Ten copies, and an order without a nonce after them: v24 does not come back.
    copies = [site.roll_back(model_id='pick_policy', nonce='one order') for _ in range(10)]
    copies.append(site.roll_back(model_id='pick_policy'))
    for back in copies:
        assert (back.error_code, back.robots_confirmed) == (back.NONE, ROBOTS), back.error_msg
    assert len({back.rollback_id for back in copies[:10]}) == 1
    site.wait_until_served('v23')


def check_report(report, rollout_id):
    assert report['rollout_id'] == rollout_id
    assert report['candidate_tasks'] >= 120
    assert {check['verdict'] for check in report['checks']} == {'pass'}
    kinds = [event['kind'] for event in report['events']]
    assert (kinds[0], kinds[-1]) == ('started', 'succeeded')


def check_feedback(told):
    indices = [message.step_index for message in told]
    assert indices == sorted(indices)
    assert indices[-1] == told[-1].steps_total - 1
    assert any(message.step == '100%: watch 60 tasks' for message in told)
    assert told[-1].step == f'promote v24 on {ROBOTS} robots'
    assert len(told[-1].cohort) == ROBOTS
    assert (told[-1].status, told[-1].progress) == (Status.STATUS_SUCCEEDED, 1.0)
    success, stuck, grave_events, sample_ratio = told[-1].verdicts
    assert success.startswith('success: pass. v24 succeeds in')
    assert stuck.startswith('stuck: pass.')
    assert grave_events.startswith('grave_events: pass.')
    assert sample_ratio.startswith('sample_ratio: pass.')


def check_status(status):
    assert status.version == 'v24'
    assert all(step.state == msg.StepStatus.STATE_DONE for step in status.steps)
    names = [check.name for check in status.checks]
    assert names == ['success', 'stuck', 'grave_events', 'sample_ratio']
    assert all(c.verdict == msg.CheckResult.VERDICT_PASS for c in status.checks)
    assert status.robots_confirmed == status.robots_total == ROBOTS


def test_a_worse_version_is_rolled_back(site):
    # As many tasks as it takes: evidence of harm grows without bound, so that only the time until
    # it reaches the limit is random (a few hundred tasks, a few seconds).
    text = plan('v25_regressed', [(50, 1_000_000), (100, 1)], criteria={'alpha': 0.05})
    goal = site.roll_out(text)
    result = goal.result()
    assert result.error_code == Result.GATE_FAILED, result.error_msg
    assert (result.status, goal.status) == (Status.STATUS_ROLLED_BACK, GoalStatus.STATUS_ABORTED)
    site.wait_until_served('v23')
    report = json.loads(result.report)
    assert (report['rollback']['confirmed'], report['rollback']['unconfirmed']) == (3, [])
    failed = [c for c in report['checks'] if c['verdict'] == 'fail']
    assert failed[0]['sentence'] in result.reason
    assert [check['name'] for check in failed] == ['success']
    assert failed[0]['evidence'] >= failed[0]['evidence_limit']
    assert failed[0]['estimate'] < failed[0]['control']
    alert = site.alerts.wait_for(lambda m: m.kind == 'rollback')
    assert alert.level == msg.Alert.LEVEL_ERROR
    assert len(alert.robot_ids) == 3


def test_a_version_that_robots_stop_themselves_is_rolled_back(site):
    result = site.roll_out(plan('not_finite', LONG)).result()
    assert result.error_code == Result.GATE_FAILED
    breakers = json.loads(result.report)['diagnosis']['breakers']
    assert breakers
    assert any(robot_id in result.reason for robot_id in breakers)
    site.wait_until_served('v23')


def test_a_version_that_gets_stuck_is_rolled_back_by_the_plans_limit(site):
    text = plan('frozen', LONG, criteria={'maxStuckPerRobot': 3})
    result = site.roll_out(text).result()
    assert result.error_code == Result.GATE_FAILED
    failed = {c['name'] for c in json.loads(result.report)['checks'] if c['verdict'] == 'fail'}
    assert failed & {'stuck', 'success'}
    site.wait_until_served('v23')


def test_cancel_rolls_back(site):
    goal = site.roll_out(plan('v24', LONG))
    site.wait_for_candidate('v24')
    answer = goal.cancel()
    assert len(answer.goals_canceling) == 1
    result = goal.result()
    assert result.error_code == Result.CANCELED
    assert (result.status, goal.status) == (Status.STATUS_ABORTED, GoalStatus.STATUS_CANCELED)
    site.wait_until_served('v23')


def test_a_plan_that_is_wrong_is_refused_with_what_to_write_instead(site):
    text = plan('v24').replace('"tasks"', '"taks"')
    goal = site.roll_out(text)
    result = goal.result()
    assert (result.error_code, goal.status) == (Result.INVALID_PLAN, GoalStatus.STATUS_ABORTED)
    assert "stages.0: unknown key 'taks': did you mean 'tasks'?" in result.error_msg
    assert result.rollout_id == ''


def test_an_unknown_version_ends_it_before_anybody_serves_it(site):
    before = site.world.listen(msg.TaskResult, '/fleet/task_results', qos.EVENT)
    result = site.roll_out(plan('v99')).result()
    assert result.error_code == Result.UNKNOWN_VERSION
    assert (result.status, 'add the folder' in result.reason) == (Status.STATUS_FAILED, True)
    assert site.serves('v23')
    before.clear()
    robots = set(site.robots)
    wait_until(lambda: {m.robot_id for m in before} == robots, 'tasks of every robot')
    assert {m.version for m in before} == {'v23'}


def test_a_damaged_file_ends_it_before_anybody_serves_it(site):
    result = site.roll_out(plan('damaged')).result()
    assert result.error_code == Result.DIGEST_MISMATCH
    assert 'copy this version again' in result.reason
    assert site.serves('v23')


@pytest.mark.parametrize('text', [plan('odd'), DIRECT_TO_ODD])
def test_a_version_that_robot_code_could_not_use_never_serves(site, text):
    result = site.roll_out(text).result()
    assert result.error_code == Result.STAGING_FAILED, 'not after the timeout'
    assert "input 'observation' is float32[1, 14] in odd" in result.error_msg
    assert site.serves('v23')


def test_two_rollouts_of_a_model_do_not_overlap(site):
    first = site.roll_out(plan('v24', LONG))
    running = wait_for_status(site, Status.STATUS_RUNNING)
    result = site.roll_out(plan('v25_regressed')).result()
    assert result.error_code == Result.OVERLAP
    assert running.rollout_id in result.error_msg
    assert not first.has_ended
    first.cancel()
    assert first.result().error_code == Result.CANCELED


def test_a_model_that_nobody_serves_finds_no_robots(site):
    result = site.roll_out(plan('v24', modelId='place_policy')).result()
    assert result.error_code == Result.NO_ROBOTS
    assert "no robot that serves model 'place_policy' is known" in result.error_msg


def test_a_plan_may_be_named(site):
    result = site.roll_out('to_v99.yaml').result()
    assert result.error_code == Result.UNKNOWN_VERSION, 'it was read'


@pytest.mark.parametrize(
    ('name', 'problem'),
    [
        ('to_v25.yaml', 'No such file'),
        ('../journal.sqlite3', 'is not the name of a file in the plans folder'),
    ],
)
def test_a_named_plan_must_be_there(site, name, problem):
    result = site.roll_out(name).result()
    assert result.error_code == Result.INVALID_PLAN
    assert problem in result.error_msg


def test_a_rollback_is_told_while_robots_confirm_it(site):
    site.roll_back(model_id='pick_policy', version='v24')
    site.wait_until_served('v24')
    goal = site.world.send(
        action.Rollback, '/fleet_coordinator/rollback', model_id='pick_policy', version='v23'
    )
    result = goal.result()
    assert result.error_code == result.NONE, result.error_msg
    assert goal.status == GoalStatus.STATUS_SUCCEEDED
    assert (result.robots_confirmed, result.robots_total) == (ROBOTS, ROBOTS)
    assert 0 <= result.command_s <= result.confirm_s
    assert all(f.robots_total == ROBOTS for f in goal.feedback)
    site.wait_until_served('v23')


def test_a_rollback_of_named_robots_leaves_the_others(site):
    site.roll_back(model_id='pick_policy', version='v24')
    result = site.roll_back(model_id='pick_policy', version='v23', robot_ids=['robot_02'])
    assert (result.error_code, result.robots_total) == (result.NONE, 1)

    def served():
        return {name: robot.routing.stable for name, robot in site.robots.items()}

    expected = dict.fromkeys(site.robots, 'v24') | {'robot_02': 'v23'}
    wait_until(lambda: served() == expected, 'v23 on robot_02 alone')


def test_a_rollback_ends_a_rollout_that_is_under_way(site):
    goal = site.roll_out(plan('v24', LONG))
    site.wait_for_candidate('v24')
    answer = site.roll_back(model_id='pick_policy', version='v23')
    assert answer.error_code == answer.NONE
    result = goal.result()
    assert result.status == Status.STATUS_SUPERSEDED
    assert result.error_code == Result.CANCELED
    site.wait_until_served('v23')


@pytest.mark.parametrize(
    ('fields', 'code', 'text'),
    [
        ({'model_id': 'place_policy'}, 'NO_ROBOTS', 'name the version'),
        ({'model_id': 'pick_policy', 'robot_ids': ['robot_99']}, 'NO_ROBOTS', 'robot_99'),
        ({'model_id': 'pick_policy', 'version': 'v99'}, 'UNKNOWN_VERSION', 'add the folder'),
    ],
)
def test_a_rollback_that_is_not_possible_says_why(site, fields, code, text):
    result = site.roll_back(**fields)
    assert result.error_code == getattr(result, code)
    assert text in result.error_msg
    assert site.serves('v23')


def test_a_plan_can_be_seen_before_it_is_run(site):
    answer = site.ask(srv.ValidatePlan, 'validate_plan', plan=plan('v24'))
    assert answer.error_code == answer.NONE
    assert list(answer.problems) == []
    assert [step.title for step in answer.steps] == [
        '50%: load v24 on 3 robots',
        '50%: v24 takes 50% of tasks on 3 robots',
        '50%: watch 60 tasks',
        '100%: load v24 on 3 robots',
        '100%: v24 takes 90% of tasks on 6 robots',
        '100%: watch 60 tasks',
        'promote v24 on 6 robots',
    ]
    assert {step.state for step in answer.steps} == {msg.StepStatus.STATE_PENDING}
    assert site.serves('v23')


def test_every_problem_of_a_plan_is_named(site):
    text = plan('', [(50, 0), (100, 60)])
    answer = site.ask(srv.ValidatePlan, 'validate_plan', plan=text)
    assert answer.error_code == answer.INVALID_PLAN
    assert [problem.split(':')[0] for problem in answer.problems] == ['version', 'stages.0.tasks']
    assert answer.error_msg == answer.problems[0]


def test_pause_holds_a_rollout_and_resume_continues_it(site):
    goal = site.roll_out(plan('v24', [(50, 100), (100, 60)]))
    site.wait_for_candidate('v24')
    answer = control(site, Control.PAUSE, remark='lunch')
    assert answer.error_code == answer.NONE, answer.error_msg
    paused = wait_for_status(site, Status.STATUS_PAUSED)
    assert paused.pause_reason == Status.PAUSE_BY_HAND
    assert 'lunch' in paused.reason
    refused = control(site, Control.PAUSE)
    assert refused.error_code == refused.INVALID_COMMAND
    assert not goal.has_ended
    answer = control(site, Control.RESUME, rollout_id=paused.rollout_id)
    assert answer.error_code == answer.NONE, answer.error_msg
    assert goal.result().error_code == Result.NONE


def test_a_wait_can_be_skipped(site):
    goal = site.roll_out(plan('v24', [(50, 1_000_000), (100, 60)]))
    site.statuses.wait_for(lambda m: m.step_index == 2 and m.tasks >= 60, 'tasks to judge by')
    for place in ({}, {'step_index': 1}):
        refused = control(site, Control.SKIP_WAIT, **place)
        assert refused.error_code == refused.INVALID_COMMAND
    for _ in range(10):
        place = {'step_index': 2, 'nonce': 'one command'}
        answer = control(site, Control.SKIP_WAIT, remark='seen enough', **place)
        assert answer.error_code == answer.NONE, answer.error_msg
    result = goal.result()
    assert result.error_code == Result.NONE, result.error_msg
    skipped = [e for e in json.loads(result.report)['events'] if e['kind'] == 'skipped']
    assert len(skipped) == 1
    assert 'seen enough' in skipped[0]['text']


def test_a_robot_is_excluded_and_the_rollout_goes_on_without_it(site):
    goal = site.roll_out(plan('v24', [(100, 200)]))
    site.wait_for_candidate('v24')
    refused = control(site, Control.EXCLUDE, robot_id='no_such')
    assert refused.error_code == refused.INVALID_COMMAND
    out = sorted(site.robots)[0]
    answer = control(site, Control.EXCLUDE, robot_id=out, remark='in repair')
    assert answer.error_code == answer.NONE, answer.error_msg
    told = site.statuses.wait_for(lambda m: list(m.robots_excluded) == [out], 'it in the status')
    assert 'in repair' in told.excluded_why[0]
    result = goal.result()
    assert result.error_code == Result.NONE, result.error_msg
    assert json.loads(result.report)['robots_excluded'].keys() == {out}
    assert site.robots[out].routing.stable == 'v23'


def test_abort_rolls_back(site):
    goal = site.roll_out(plan('v24', LONG))
    site.wait_for_candidate('v24')
    answer = control(site, Control.ABORT, remark='not today')
    assert answer.error_code == answer.NONE, answer.error_msg
    result = goal.result()
    assert (result.status, goal.status) == (Status.STATUS_ABORTED, GoalStatus.STATUS_ABORTED)
    assert result.error_code == Result.CANCELED
    assert 'not today' in result.reason
    assert json.loads(result.report)['rollback']['confirmed'] == 3
    site.wait_until_served('v23')


@pytest.mark.parametrize(
    ('command', 'rollout_id', 'code'),
    [
        (Control.PAUSE, '', 'UNKNOWN_ROLLOUT'),
        (Control.ABORT, 'no_such', 'UNKNOWN_ROLLOUT'),
        (Control.UNKNOWN, '', 'INVALID_COMMAND'),
        (99, '', 'INVALID_COMMAND'),
    ],
)
def test_a_command_that_is_not_possible_says_why(site, command, rollout_id, code):
    answer = control(site, command, rollout_id=rollout_id)
    assert answer.error_code == getattr(answer, code)
    assert answer.error_msg


def test_history_and_evidence_are_kept(site):
    result = site.roll_out(plan('frozen', LONG)).result()
    rollouts = site.ask(srv.ListRollouts, 'list_rollouts', limit=1).rollouts
    assert [r.rollout_id for r in rollouts] == [result.rollout_id]
    newest = rollouts[0]
    assert (newest.version, newest.status) == ('frozen', Status.STATUS_ROLLED_BACK)
    assert (newest.strategy, newest.model_id) == ('Canary', 'pick_policy')
    assert newest.reason == result.reason
    assert newest.started.sec < newest.ended.sec + 1
    by_id = site.ask(srv.GetReport, 'get_report', rollout_id=result.rollout_id)
    assert json.loads(by_id.report) == json.loads(result.report)
    assert site.ask(srv.GetReport, 'get_report').report == by_id.report
    everything = site.ask(srv.ListRollouts, 'list_rollouts').rollouts
    started = [r.started.sec + r.started.nanosec * 1e-9 for r in everything]
    assert started == sorted(started, reverse=True)
    unknown = site.ask(srv.GetReport, 'get_report', rollout_id='no_such')
    assert unknown.error_code == unknown.UNKNOWN_ROLLOUT
    assert 'no_such' in unknown.error_msg


def test_who_comes_late_is_told_the_newest_status(site):
    result = site.roll_out(plan('frozen', LONG)).result()
    heard = site.world.listen(Status, '/fleet_coordinator/rollout_status', qos.STATE)
    first = heard.wait_for(lambda m: True)
    assert (first.rollout_id, first.status) == (result.rollout_id, Status.STATUS_ROLLED_BACK)
    assert first.reason == result.reason
    assert list(first.previous_versions) == ['v23']


def test_diagnostics_tell_how_the_coordinator_is(site):
    from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

    heard = site.world.listen(DiagnosticArray, '/diagnostics', qos.EVENT)

    def is_ours(message):
        return message.status[0].name == 'fleet_coordinator: rollouts'

    status = heard.wait_for(is_ours).status[0]
    assert status.level == DiagnosticStatus.OK
    assert status.message == f'{ROBOTS} robots reachable'
    assert 'epoch' in {pair.key for pair in status.values}


def test_each_diagnostic_status_has_a_place_in_the_aggregated_tree(site):
    from diagnostic_msgs.msg import DiagnosticArray

    heard = site.world.listen(DiagnosticArray, '/diagnostics', qos.EVENT)
    analyzers = Analyzers()

    def places():
        return [analyzers.outputs(status.name) for m in heard for status in m.status]

    expected = {'/Fleet/Coordinator/rollouts'}
    expected |= {f'/Fleet/Robots/robot_{n:02} pick_policy' for n in range(1, ROBOTS + 1)}
    wait_until(lambda: {name for found in places() for name in found} == expected, places)
    # By one analyzer each, and none is left for "Other".
    assert {len(found) for found in places()} == {1}


def test_a_second_coordinator_is_refused_the_journal_and_with_its_own_takes_over(site):
    """Comes last: nobody gets the site's fleet back."""
    second = site.run('fleet_coordinator', journal=str(site.folder / 'journal.sqlite3'))
    assert second.wait() == CANNOT_START
    assert 'another coordinator holds it: stop that one' in second.log

    goal = site.roll_out(plan('v24', LONG))
    site.wait_for_candidate('v24')
    site.run('fleet_coordinator', journal=str(site.folder / 'another.sqlite3'))
    result = goal.result()
    assert result.error_code == Result.INTERNAL
    assert 'has taken over this fleet' in result.error_msg
    alert = site.alerts.wait_for(
        lambda m: (m.kind, m.level) == ('second_coordinator', msg.Alert.LEVEL_ERROR), 'an error'
    )
    assert alert.text == result.error_msg
    site.wait_until_served('v23')
