# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Two coordinators: one journal has one, and of one fleet the later has it."""

import subprocess
import sys

import pytest

from hotswap_ros.coordinator import IN_MEMORY, Coordinator, Journal, JournalError, sentences
from hotswap_ros.fleet import Route
from hotswap_ros.models import Routing
from hotswap_ros.plan import load_plan
from hotswap_ros.rollout import Cause, Status, TakenOverError, Verb

MODEL = 'pick_policy'
HOLD = """
import sys
from hotswap_ros.coordinator import Journal
journal = Journal(sys.argv[1])
journal.hold()
print('holds it', flush=True)
sys.stdin.read()
"""


def coordinator(path):
    return Coordinator(Journal(path), lambda: 'rollout', 1_000.0)


def told(fleet):
    return [event for event in fleet.events if event.kind == 'second_coordinator']


# -- one journal ----------------------------------------------------------------------------------


def test_a_journal_has_one_coordinator(fleet, plan, tmp_path):
    rollout = fleet.start(plan())
    (tmp_path / 'link.sqlite3').symlink_to(fleet.journal_path)
    for path in (fleet.journal_path, tmp_path / 'link.sqlite3'):
        with pytest.raises(JournalError, match=rf"{path}.*parameter 'journal'"):
            coordinator(path)
    reader = Journal(fleet.journal_path)
    assert [found.rollout_id for found in reader.history()] == []
    fleet.step()
    assert [found.rollout_id for found in reader.history()] == [rollout], 'reading is free'
    reader.close()
    assert fleet.finish(rollout).status is Status.SUCCEEDED


def test_it_is_free_again_when_it_was_closed(fleet):
    fleet.kill_coordinator()
    assert coordinator(fleet.journal_path).epoch


def test_a_process_that_was_killed_holds_nothing(tmp_path):
    path = tmp_path / 'journal.sqlite3'
    pipes = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE}
    with subprocess.Popen([sys.executable, '-c', HOLD, path], **pipes) as other:
        assert other.stdout.readline() == b'holds it\n'
        with pytest.raises(JournalError, match="parameter 'journal'"):
            coordinator(path)
        other.kill()
    assert coordinator(path).epoch


def test_a_journal_in_memory_has_no_other_coordinator():
    assert coordinator(IN_MEMORY).epoch == coordinator(IN_MEMORY).epoch


def test_no_two_have_one_epoch_though_they_start_together():
    first, second = (Coordinator(Journal(IN_MEMORY), str, at) for at in (1.8e9, 1.8e9 + 1e-5))
    assert 0 < second.epoch - first.epoch < 20
    assert second.epoch < 2**53, 'a number of JSON'


# -- one fleet ------------------------------------------------------------------------------------


def test_a_coordinator_that_hears_a_newer_one_says_so_and_leaves_the_robots_to_it(fleet, plan):
    rollout = fleet.start(plan(stages=((50, 60_000), (100, 300))))
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    newer = fleet.coordinator.epoch + 7
    fleet.coordinator.on_heartbeat(newer, fleet.now)
    fleet.coordinator.on_heartbeat(newer + 1, fleet.now)
    fleet.robots['r00'].reboot('v25')
    saved = fleet.state(rollout).saved_at
    for _ in range(30):
        fleet.step()
        assert (fleet.commands, fleet.lease_rollouts) == ((), None)
    (event,) = told(fleet)
    assert (event.level.value, event.alert) == ('error', True)
    assert str(newer) in event.text
    assert str(newer - 7) in event.text
    assert fleet.coordinator.taken_over == event.text
    assert fleet.state(rollout).saved_at == saved, 'it waits as it would for a restart'
    for ask in (
        lambda: fleet.coordinator.start(load_plan(plan()), fleet.now),
        lambda: fleet.coordinator.roll_back(MODEL, 'v23', (), fleet.now),
        lambda: fleet.command(rollout, Verb.ABORT),
    ):
        with pytest.raises(TakenOverError, match=str(newer)):
            ask()
    assert fleet.coordinator.history()[0].status is Status.RUNNING
    fleet.boot_coordinator()
    fleet.run(5)
    assert fleet.serving('v25') == set(), 'started again it has the fleet again'


def test_what_a_rollout_did_and_the_journal_does_not_hold_is_not_told(fleet, plan):
    rollout = fleet.start(plan(stages=((50, 60_000), (100, 300))))
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    fleet.command(rollout, Verb.PAUSE)
    fleet.coordinator.on_heartbeat(fleet.coordinator.epoch + 7, fleet.now)
    fleet.run(5)
    assert 'by_hand' not in fleet.kinds()
    assert len(told(fleet)) == 1
    fleet.boot_coordinator()
    assert fleet.state(rollout).status is Status.RUNNING


def test_an_older_coordinator_or_one_of_the_same_epoch_is_told_once(fleet, plan):
    rollout = fleet.start(plan())
    own = fleet.coordinator.epoch
    for _ in range(10):
        fleet.coordinator.on_heartbeat(own - 1, fleet.now)
        fleet.coordinator.on_heartbeat(own, fleet.now)
        fleet.step()
    earlier, equal = told(fleet)
    assert earlier.text == sentences.older_coordinator(own - 1, own)
    assert equal.text == sentences.equal_coordinator(own, own)
    assert {event.level.value for event in (earlier, equal)} == {'warning'}
    assert fleet.finish(rollout).status is Status.SUCCEEDED


# -- a network that is split between them ---------------------------------------------------------


@pytest.fixture
def split(fleet, plan):
    """Return a fleet in a rollout, of which a later coordinator hears robots, but no heartbeat."""
    rollout = fleet.start(plan(stages=((50, 60_000), (100, 300))))
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    for robot in fleet.robots.values():
        # Two coordinators load and release what they like.
        robot.may_refuse = True
    fleet.run(5)
    fleet.boot_second(heartbeats_cross=False)
    fleet.step()
    return fleet, rollout


def test_a_coordinator_that_sees_a_generation_of_a_newer_one_leaves_the_fleet_to_it(split):
    fleet, rollout = split
    fleet.run(5)
    assert not fleet.coordinator.taken_over, 'it has said nothing to any robot'
    fleet.second.roll_back(MODEL, 'v22', ('r07',), fleet.now)
    fleet.run(10)
    assert 'r07' in fleet.coordinator.taken_over
    assert str(fleet.coordinator.epoch) in fleet.coordinator.taken_over
    (event,) = told(fleet)
    assert (event.level.value, event.text) == ('error', fleet.coordinator.taken_over)
    assert not fleet.second.taken_over
    routing = fleet.robots['r07'].routing
    # Two swaps: v24 had to make room.
    assert (routing.stable, routing.generation) == ('v22', fleet.second.epoch + 1)
    with pytest.raises(TakenOverError, match='r07'):
        fleet.command(rollout, Verb.ABORT)
    fleet.second.roll_back(MODEL, 'v23', (), fleet.now)
    fleet.run(10)
    before = {robot.routing for robot in fleet.robots.values()}
    assert {routing.stable for routing in before} == {'v23'}
    fleet.run(20)
    assert {robot.routing for robot in fleet.robots.values()} == before
    assert fleet.state(rollout).status is Status.RUNNING, 'it waits in its journal'


def test_a_late_command_of_the_older_coordinator_changes_nothing(split):
    fleet, _ = split
    older = []
    for stable, share in (('v23', 0.5), ('v24', 0.0)):
        for robot in fleet.robots.values():
            candidate = 'v24' if share else ''
            given = robot.routing.generation + 1 + len(older)
            routing = Routing(MODEL, stable, candidate, share, generation=given)
            older.append(Route(robot.robot_id, robot.report.server, routing))
    older += [Route(r.robot_id, r.report.server, r.routing) for r in fleet.robots.values()]
    fleet.second.roll_back(MODEL, 'v22', (), fleet.now)
    fleet.run(10)
    newer = {name: robot.routing for name, robot in fleet.robots.items()}
    for command in older:
        refusal = fleet.robots[command.robot_id].obey(command)
        assert refusal is not None
        assert refusal.cause is Cause.NONE
        assert f'generation {command.routing.generation} is older than' in refusal.message
    assert {name: robot.routing for name, robot in fleet.robots.items()} == newer


def test_a_robot_that_was_unreachable_shows_the_newer_coordinator_when_it_reconnects(split):
    fleet, _ = split
    fleet.robots['r07'].mute = True
    fleet.second.roll_back(MODEL, 'v22', ('r07',), fleet.now)
    fleet.run(1)
    assert not fleet.coordinator.taken_over
    fleet.run(10)
    fleet.robots['r07'].mute = False
    fleet.second.roll_back(MODEL, 'v22', ('r07',), fleet.now)
    fleet.run(10)
    assert fleet.coordinator.taken_over
    assert fleet.robots['r07'].routing.stable == 'v22'


@pytest.mark.parametrize('ahead', [1, 1_000, 2**62])
def test_a_generation_that_somebody_set_by_hand_is_outbid(fleet, plan, ahead):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    robot = next(r for r in fleet.robots.values() if r.routing.candidate)
    by_hand = robot.routing.generation + ahead
    robot.serve(Routing(MODEL, 'v24', generation=by_hand))
    fleet.run(2)
    assert (robot.routing.generation, robot.routing.stable) == (by_hand + 1, 'v23')
    assert not told(fleet)
    assert fleet.finish(rollout).status is Status.SUCCEEDED


def test_nobody_can_go_beyond_the_last_generation(fleet, plan):
    rollout = fleet.start(plan())
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    robot = next(r for r in fleet.robots.values() if not r.routing.candidate)
    robot.serve(Routing(MODEL, 'v23', shadow='v24', generation=2**63 - 1))
    fleet.run(10)
    assert robot.routing.shadow, 'whoever did this has to undo it on the robot'
    assert not fleet.state(rollout).status.is_terminal


def test_a_generation_of_an_ended_coordinator_with_a_clock_ahead_is_outbid(fleet):
    """A coordinator with a new journal, on a computer whose clock is behind that of the last."""
    fleet.kill_coordinator()
    for robot in fleet.robots.values():
        given = int((fleet.now + 30) * 1e6) + 3
        robot.serve(Routing(MODEL, 'v24', generation=given))
    fleet.boot_coordinator()
    fleet.step()
    fleet.coordinator.roll_back(MODEL, 'v23', (), fleet.now)
    fleet.run(3)
    assert fleet.stables() == {'v23'}
    assert not fleet.coordinator.taken_over
