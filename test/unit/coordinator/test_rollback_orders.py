# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Ordered rollbacks, verifications and alerts over restarts of the coordinator."""

import sqlite3

import pytest

from hotswap_ros.coordinator import Journal, strategy_metrics
from hotswap_ros.fleet import Event, Level
from hotswap_ros.rollout import Cause, Status, Verb, sentences
from hotswap_ros.text import none_confirmed
from hotswap_ros.text import unconfirmed as unconfirmed_words

MODEL = 'pick_policy'


@pytest.fixture
def promoted(fleet, plan):
    """Return a fleet on which v24 was rolled out, and the rollout."""
    fleet.run(30)
    rollout = fleet.start(plan())
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    return fleet, rollout


def order(fleet, version='', robots=()):
    return fleet.coordinator.roll_back(MODEL, version, robots, fleet.now)


def restart(fleet):
    fleet.kill_coordinator()
    fleet.boot_coordinator()


def newest(fleet):
    return fleet.coordinator.history(1)[0]


def test_it_is_a_row_of_the_history_with_a_report(promoted):
    fleet, rollout = promoted
    rollback = order(fleet)
    fleet.step()
    found = newest(fleet)
    assert (found.strategy, found.version, found.ended) == ('Rollback', 'v23', None)
    assert found.status is Status.ROLLING_BACK
    fleet.run_until(lambda: rollback.is_done, at_most=5)
    fleet.step()
    found = newest(fleet)
    assert (found.rollout_id, found.status) == (rollback.state.rollback_id, Status.ROLLED_BACK)
    assert (found.robots_total, found.robots_failed, found.rolls_back) == (10, 0, rollout)
    assert found.ended - found.started == pytest.approx(rollback.state.confirm_s)
    report = fleet.coordinator.report(found.rollout_id)
    assert report['tasks'] == found.tasks > 0
    assert report['rollback']['confirmed'] == 10
    assert 0 <= report['rollback']['command_s'] <= report['rollback']['seconds']
    assert report['rollback']['verified']['verdict'] == 'watching'
    assert [event['kind'] for event in report['events']] == ['rollback', 'rolled_back']
    assert report['reason'] == report['events'][-1]['text']
    fleet.run(65)
    report = fleet.coordinator.report(found.rollout_id)
    assert report['rollback']['verified']['verdict'] == 'as_before'
    assert report['rollback']['verified']['sentence'] == report['events'][-1]['text']
    assert fleet.coordinator.report('')['rollout_id'] == rollout, 'the newest rollout'


def test_a_coordinator_that_is_killed_goes_on_with_it(promoted):
    fleet, _ = promoted
    fleet.robots['r04'].deaf = True
    fleet.robots['r05'].online = False
    fleet.run(7)
    rollback_id = order(fleet).state.rollback_id
    fleet.run(2)
    restart(fleet)
    (rollback,) = fleet.coordinator.rollbacks
    fleet.run(20)
    assert newest(fleet).status is Status.ROLLING_BACK
    assert (rollback.state.robots_confirmed, rollback.state.unconfirmed) == (8, ('r04', 'r05'))
    fleet.robots['r04'].deaf = False
    fleet.run_until(lambda: rollback.is_done, at_most=5)
    fleet.step()
    report = fleet.coordinator.report(rollback_id)
    assert report['rollback']['unconfirmed'] == ['r05']
    assert report['rollback']['seconds'] > 20, 'from the order, not from the restart'
    assert [event['kind'] for event in report['events']] == ['rollback', 'rolled_back']
    restart(fleet)
    fleet.run(3)
    assert fleet.coordinator.rollbacks == ()
    assert newest(fleet).status is Status.ROLLED_BACK


def test_a_restart_gives_robots_the_time_to_be_heard(promoted):
    fleet, _ = promoted
    order(fleet)
    fleet.run(1)
    fleet.kill_coordinator()
    fleet.set_clock(-3600)
    fleet.run(100)
    fleet.boot_coordinator()
    fleet.run(5)
    found = newest(fleet)
    assert (found.status, found.robots_failed) == (Status.ROLLED_BACK, 0)
    assert fleet.coordinator.report(found.rollout_id)['rollback']['confirmed'] == 10
    assert 0 <= found.ended - found.started < 20


def test_a_robot_that_refuses_or_times_out_has_failed_and_an_unreachable_one_has_not(promoted):
    fleet, _ = promoted
    fleet.robots['r03'].unloadable['v22'] = Cause.UNKNOWN_VERSION
    fleet.robots['r04'].deaf = True
    fleet.robots['r05'].online = False
    fleet.run(7)
    rollback = order(fleet, 'v22')
    fleet.run_until(lambda: rollback.is_done, at_most=70)
    fleet.step()
    report = fleet.coordinator.report(newest(fleet).rollout_id)
    assert report['status'] == 'failed'
    assert report['robots_failed'] == ['r03', 'r04']
    assert report['rollback']['unconfirmed'] == ['r04', 'r05']
    assert report['rollback']['refused'] == {'r03': "version 'v22' cannot be loaded"}


def test_an_unreachable_robot_is_unconfirmed_whatever_it_reported_last(promoted):
    fleet, _ = promoted
    fleet.robots['r04'].online = False
    fleet.run(7)
    rollback = order(fleet, 'v24')
    fleet.run_until(lambda: rollback.is_done, at_most=5)
    assert (rollback.state.unconfirmed, rollback.state.robots_confirmed) == (('r04',), 9)


def test_a_rollback_that_was_ordered_counts_in_the_frequency_of_its_strategy(promoted, plan):
    fleet, rollout = promoted
    order(fleet)
    fleet.run(5)
    fleet.run_until(lambda: not fleet.coordinator.rollbacks)
    again = order(fleet, 'v24')
    fleet.run(5)
    assert again.state.rolls_back == '', 'forward again takes no rollout back'
    canary, rollback = strategy_metrics(fleet.coordinator.history())
    assert (canary.strategy, canary.success_rate, canary.rollback_rate) == ('Canary', 1.0, 1.0)
    assert (rollback.strategy, rollback.rollouts, rollback.success_rate) == ('Rollback', 2, 1.0)
    assert rollback.rollback_rate is None
    rollout = fleet.start(plan('v25'))
    fleet.run(5)
    assert order(fleet).state.rolls_back == rollout, 'it superseded it'


def said_of_tasks(fleet, rollback):
    """Return what a rollback says of tasks when it is over."""
    fleet.run_until(lambda: rollback.is_done, at_most=20)
    fleet.step()
    report = fleet.coordinator.report(rollback.state.rollback_id)
    text = report['rollback']['tasks_text']
    assert f'the replaced versions had finished {text}' in report['reason']
    assert f'{report["tasks"]:,} tasks' in text
    return report['tasks'], text


@pytest.mark.parametrize('is_restarted', [False, True])
def test_tasks_are_those_since_the_rollout_that_it_takes_back(promoted, plan, is_restarted):
    fleet, _ = promoted
    fleet.run(500)
    first, _ = said_of_tasks(fleet, order(fleet))
    assert first > 10_000
    fleet.finish(fleet.start(plan()))
    done = sum(robot.counts['v24'].finished for robot in fleet.robots.values())
    if is_restarted:
        restart(fleet)
        fleet.run(3)
    tasks, text = said_of_tasks(fleet, order(fleet))
    assert 0 < tasks - (done - first) < 200
    assert text == f'{tasks:,} tasks since the rollout began'


def test_a_robot_that_was_restarted_since_has_done_more(promoted):
    fleet, _ = promoted
    fleet.run(10)
    fleet.robots['r03'].reboot()
    fleet.run(10)
    _, text = said_of_tasks(fleet, order(fleet))
    assert text.startswith('at least ')
    assert text.endswith(' tasks since the rollout began')


def test_of_what_no_rollout_put_on_all_tasks_count(promoted):
    fleet, _ = promoted
    fleet.add_robot('r90')
    fleet.run(10)
    _, text = said_of_tasks(fleet, order(fleet, 'v22'))
    assert text.endswith(" of them counted since the robots' start"), 'r90 served v23'
    _, text = said_of_tasks(fleet, order(fleet, 'v24'))
    assert text.endswith(" tasks since the robots' start")


def test_of_a_rollout_under_way_the_candidates_count(promoted, plan):
    fleet, _ = promoted
    for robot in fleet.robots.values():
        robot.success['v25'] = 0.94
    fleet.start(plan('v25', stages=((20, 60_000), (100, 300))))
    fleet.run_until(lambda: fleet.candidates() == {'v25'})
    fleet.run(10)
    done = sum(r.counts['v25'].finished for r in fleet.robots.values() if 'v25' in r.counts)
    tasks, text = said_of_tasks(fleet, order(fleet, 'v24'))
    assert done <= tasks < done + 20
    assert text == f'{tasks} tasks since the rollout began'


def test_a_rollback_that_no_robot_confirmed_has_failed(promoted):
    fleet, _ = promoted
    for robot in fleet.robots.values():
        robot.online = False
    fleet.run(7)
    rollback = order(fleet)
    fleet.run(5)
    assert rollback.is_done
    found = newest(fleet)
    assert found.status is Status.FAILED
    assert (rollback.state.robots_confirmed, len(rollback.state.unconfirmed)) == (0, 10)
    assert (rollback.state.timed_out, round(rollback.state.confirm_s)) == ((), 2)
    (end,) = [event for event in fleet.events if event.kind in ('rolled_back', 'failed')]
    assert (end.kind, end.level.value, end.text) == ('failed', 'error', found.reason)
    assert fleet.coordinator.report(found.rollout_id)['rollback']['verified'] is None
    (_, metrics) = strategy_metrics(fleet.coordinator.history())
    assert (metrics.strategy, metrics.success_rate) == ('Rollback', 0.0)


def on_trial(fleet, plan, **extra):
    """Start a rollout and return it with the robots that serve its candidate."""
    rollout = fleet.start(plan(stages=((20, 60_000), (100, 300)), **extra))
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    fleet.step()
    return rollout, [robot for robot in fleet.robots.values() if robot.routing.candidate]


@pytest.mark.parametrize(
    ('verb', 'status'), [(Verb.ROLLBACK, Status.FAILED), (Verb.ABORT, Status.ABORTED)]
)
def test_so_has_the_rollback_of_a_rollout_that_no_robot_confirmed(fleet, plan, verb, status):
    rollout, canaries = on_trial(fleet, plan, confirmTimeout=30)
    for robot in canaries:
        robot.online = False
    fleet.run(7)
    fleet.command(rollout, verb, 'enough seen')
    assert fleet.finish(rollout).status is status
    names = [robot.robot_id for robot in canaries]
    found = newest(fleet)
    assert found.status is status
    assert '(enough seen)' in found.reason
    assert none_confirmed(30.0, 2) in found.reason
    assert unconfirmed_words(names) in found.reason
    (end,) = events_of(fleet, rollout, status.value)
    assert (end['level'], end['alert'], end['text']) == ('error', True, found.reason)
    (pending,) = events_of(fleet, rollout, 'rollback_pending')
    assert pending['robots'] == names
    report = fleet.coordinator.report(rollout)
    assert (report['rollback']['confirmed'], report['rollback']['verified']) == (0, None)
    (canary,) = strategy_metrics(fleet.coordinator.history())
    assert canary.rollback_rate == 0.0
    canaries[0].online = True
    fleet.run(3)
    assert unconfirmed(fleet, rollout) == names[1:]
    restart(fleet)
    canaries[1].online = True
    fleet.run(5)
    assert unconfirmed(fleet, rollout) == []
    assert [event['robots'] for event in confirmations(fleet, rollout)] == [[i] for i in names]
    assert fleet.candidates() == set()


def test_a_rollback_waits_while_no_robot_is_reachable(fleet, plan):
    rollout, canaries = on_trial(fleet, plan, confirmTimeout=30)
    for robot in canaries:
        robot.online = False
    fleet.run(7)
    fleet.command(rollout, Verb.ROLLBACK, 'enough seen')
    fleet.run(10)
    assert fleet.state(rollout).status is Status.ROLLING_BACK
    canaries[0].online = True
    assert fleet.finish(rollout).status is Status.ROLLED_BACK
    assert unconfirmed(fleet, rollout) == [canaries[1].robot_id]


def test_a_rollback_that_some_robots_confirmed_names_the_others(fleet, plan):
    rollout, (first, second) = on_trial(fleet, plan, confirmTimeout=30)
    first.deaf = True
    fleet.command(rollout, Verb.ROLLBACK)
    assert fleet.finish(rollout).status is Status.ROLLED_BACK
    state = fleet.state(rollout)
    said = sentences.by_person('rollback', '')
    both = {first.robot_id, second.robot_id}
    assert state.reason == sentences.rolled_back(said, 'v23', both, [first.robot_id], 30.0, 0)
    assert state.where(lambda robot: robot.failed) == {first.robot_id}
    fleet.step()
    report = fleet.coordinator.report(rollout)
    assert report['rollback']['verified']['robots'] == [second.robot_id]


def test_an_order_has_what_it_takes_over_of_a_rollback_to_itself(fleet, plan):
    rollout, (first, _) = on_trial(fleet, plan)
    first.deaf = True
    fleet.command(rollout, Verb.ROLLBACK)
    fleet.run(3)
    assert fleet.state(rollout).status is Status.ROLLING_BACK
    first.deaf = False
    order(fleet, 'v24')
    fleet.run(5)
    assert fleet.state(rollout).status is Status.SUPERSEDED
    assert fleet.coordinator.report(rollout)['rollback']['verified'] is None
    assert newest(fleet).status is Status.ROLLED_BACK


def test_what_a_superseded_rollback_has_done_is_a_rehearsal(fleet, plan):
    rollout, (first, second) = on_trial(fleet, plan)
    first.deaf = True
    fleet.command(rollout, Verb.ROLLBACK)
    fleet.run(3)
    assert fleet.state(rollout).status is Status.ROLLING_BACK
    fleet.journal._db.execute('DELETE FROM rehearsals')
    order(fleet, 'v23')
    fleet.run(1)
    assert fleet.state(rollout).status is Status.SUPERSEDED
    assert fleet.journal.rehearsals('pick_policy').keys() == {second.robot_id}


def test_an_order_reaches_robots_that_were_not_heard_since_a_restart(fleet, plan):
    rollout = fleet.start(plan(stages=((50, 60_000), (100, 300))))
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    lost = next(robot for robot in fleet.robots.values() if robot.routing.candidate)
    lost.online = False
    restart(fleet)
    fleet.step()
    rollback = order(fleet, 'v23', [next(r for r in fleet.robots if r != lost.robot_id)])
    fleet.run(10)
    assert fleet.state(rollout).status is Status.SUPERSEDED
    assert (rollback.is_done, rollback.state.unconfirmed) == (True, (lost.robot_id,))
    lost.online = True
    fleet.run(5)
    assert fleet.candidates() == set()


def test_a_rollout_whose_end_cannot_be_written_is_not_superseded(fleet, plan):
    fleet.run(30)
    first = fleet.start(plan())
    fleet.run_until(lambda: len(fleet.serving('v24')) == 10)
    blocker = sqlite3.connect(fleet.journal_path, isolation_level=None)
    fleet.journal._db.execute('PRAGMA busy_timeout = 0')
    blocker.execute('BEGIN IMMEDIATE')
    fleet.step()
    assert fleet.coordinator.journal_error
    assert fleet.state(first).status is Status.SUCCEEDED
    rollback = order(fleet)
    assert rollback.state.rolls_back == first
    blocker.execute('ROLLBACK')
    fleet.run(5)
    assert fleet.stables() == {'v23'}
    kinds = [event['kind'] for event in fleet.coordinator.report(first)['events']]
    assert kinds.count('succeeded') == 1
    assert 'superseded' not in kinds


def test_a_rollout_that_its_checklist_blocked_is_neither_superseded_nor_reversed(promoted, plan):
    fleet, rollout = promoted
    blocked = fleet.start(plan('v25', checklist='production'))
    assert fleet.state(blocked).status is Status.FAILED
    rollback = order(fleet)
    fleet.run(5)
    assert fleet.state(blocked).cause is Cause.CHECKLIST_FAILED
    assert rollback.state.rolls_back == rollout
    kinds = [event['kind'] for event in fleet.coordinator.report(blocked)['events']]
    assert kinds == ['failed']


def events_of(fleet, rollout_id, kind):
    events = fleet.coordinator.report(rollout_id)['events']
    return [event for event in events if event['kind'] == kind]


def confirmations(fleet, rollout_id):
    return events_of(fleet, rollout_id, 'rollback_confirmed')


def unconfirmed(fleet, rollout_id):
    return fleet.coordinator.report(rollout_id)['rollback']['unconfirmed']


@pytest.mark.parametrize('is_restarted', [False, True])
def test_a_pending_rollback_that_is_confirmed_late_is_told(promoted, is_restarted):
    fleet, _ = promoted
    fleet.robots['r04'].online = fleet.robots['r05'].online = False
    fleet.run(7)
    rollback_id = order(fleet).state.rollback_id
    fleet.run(5)
    assert unconfirmed(fleet, rollback_id) == ['r04', 'r05']
    if is_restarted:
        restart(fleet)
    fleet.robots['r04'].online = True
    fleet.run(5)
    assert fleet.robots['r04'].routing.stable == 'v23'
    restart(fleet)
    fleet.run(5)
    (event,) = confirmations(fleet, rollback_id)
    assert (event['robots'], event['alert']) == (['r04'], True)
    assert event['text'] == 'r04 reconnected and confirmed the pending rollback to v23'
    assert unconfirmed(fleet, rollback_id) == ['r05']
    fleet.robots['r05'].online = True
    fleet.run(5)
    assert len(confirmations(fleet, rollback_id)) == 2
    assert unconfirmed(fleet, rollback_id) == []


def test_so_is_the_pending_rollback_of_a_rollout(fleet, plan):
    rollout = fleet.start(plan(stages=((50, 60_000), (100, 300))))
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    lost = next(robot for robot in fleet.robots.values() if robot.routing.candidate)
    lost.online = False
    fleet.run(7)
    fleet.command(rollout, Verb.ROLLBACK)
    fleet.finish(rollout)
    fleet.run(3)
    assert unconfirmed(fleet, rollout) == [lost.robot_id]
    lost.online = True
    fleet.run(3)
    assert lost.routing.candidate == ''
    (event,) = confirmations(fleet, rollout)
    assert event['robots'] == [lost.robot_id]
    assert unconfirmed(fleet, rollout) == []


def test_a_pending_rollback_is_dropped_for_a_robot_that_should_serve_another_version(promoted):
    fleet, _ = promoted
    fleet.robots['r04'].online = False
    fleet.run(7)
    rollback_id = order(fleet).state.rollback_id
    fleet.run(5)
    again = order(fleet, 'v24').state.rollback_id
    fleet.run(5)
    assert unconfirmed(fleet, rollback_id) == []
    assert unconfirmed(fleet, again) == ['r04']
    (dropped,) = events_of(fleet, rollback_id, 'rollback_dropped')
    assert (dropped['robots'], dropped['alert']) == (['r04'], False)
    fleet.robots['r04'].online = True
    fleet.run(5)
    assert confirmations(fleet, rollback_id) == []
    assert [event['robots'] for event in confirmations(fleet, again)] == [['r04']]


# -- verification ---------------------------------------------------------------------------------


def test_a_verification_continues_after_a_restart(fleet, plan):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.state(rollout).step.kind == 'observe')
    fleet.run(30)
    fleet.command(rollout, Verb.ROLLBACK)
    fleet.finish(rollout)
    fleet.run(20)
    restart(fleet)
    for robot in fleet.robots.values():
        robot.success = {**robot.success, 'v23': 0.2}
    fleet.run(60)
    restart(fleet)
    fleet.run(60)
    told = [event for event in fleet.events if event.kind == 'verified']
    assert [event.level.value for event in told] == ['error']
    verified = fleet.coordinator.report(rollout)['rollback']['verified']
    assert verified['verdict'] == 'worse'
    assert verified['succeeded'] < 0.7 * verified['finished']
    assert verified['succeeded_before'] > 0.8 * verified['finished_before']


def test_a_window_that_passed_without_a_coordinator_is_judged_by_the_counters_after_it(promoted):
    fleet, _ = promoted
    order(fleet)
    fleet.run(5)
    fleet.kill_coordinator()
    fleet.run(1000)
    fleet.boot_coordinator()
    fleet.run(5)
    (told,) = [event for event in fleet.events if event.kind == 'verified']
    report = fleet.coordinator.report(told.rollout_id)
    assert report['rollback']['verified']['verdict'] == 'as_before'


# -- alerts ---------------------------------------------------------------------------------------


def test_an_alert_that_died_with_the_process_is_told_by_the_next(promoted):
    fleet, _ = promoted
    fleet.run(5)
    fleet.events_are_delivered, fleet.events = False, []
    order(fleet)
    fleet.run(5)
    lost = [event for event in fleet.events if event.alert]
    assert [event.kind for event in lost] == ['rollback', 'rolled_back']
    for _ in range(2):
        fleet.events = []
        restart(fleet)
        fleet.step()
        assert fleet.events[:2] == lost
    fleet.events_are_delivered = True
    restart(fleet)
    fleet.run(5)
    fleet.events = []
    restart(fleet)
    fleet.run(5)
    assert not fleet.events, 'told is told'


def test_of_very_many_alerts_that_were_not_delivered_the_newest_are_told(promoted):
    fleet, _ = promoted
    fleet.events_are_delivered = False
    told = [
        Event(time=i, kind='clock', level=Level.WARNING, text='', alert=True) for i in range(120)
    ]
    quiet = Event(time=999, kind='step', level=Level.INFO, text='')
    last = fleet.journal.commit(events=[*told, quiet])
    assert fleet.journal.untold() == (told[20:], last - 1)


def test_a_journal_of_an_older_version_has_told_everything(promoted):
    fleet, _ = promoted
    fleet.kill_coordinator()
    with sqlite3.connect(fleet.journal_path) as db:
        db.execute("DELETE FROM meta WHERE key = 'told'")
    assert Journal(fleet.journal_path).untold() == ([], 0)
