# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What of a flood of messages is read, and which robots have a place."""

import pytest

from hotswap_ros.fleet import FleetView, Intake, Sender
from hotswap_ros.limits import FORGET_AFTER_S, KINDS_OF_A_SENDER, QUIET_S


def sender(number, server=b'/x'):
    return Sender(b'robot_%d' % number, server)


@pytest.fixture
def intake():
    return Intake(most=10)


def fill(intake, now=0.0):
    for number in range(10):
        assert intake.offer(sender(number), b'first', now)


def test_of_many_messages_of_a_robot_the_newest_is_read(intake):
    for number in range(5000):
        intake.offer(sender(1), b'%d' % number, 0.0)
    assert intake.take(0.0, 100, 100).messages == [(True, b'4999')]
    assert intake.take(0.0, 100, 100).messages == []


def test_a_round_takes_some_and_leaves_the_others_for_the_next(intake):
    fill(intake)
    rounds = [intake.take(0.0, 4, 4).messages for _ in range(4)]
    assert [len(messages) for messages in rounds] == [4, 4, 2, 0]


def test_robots_that_were_commanded_are_read_first_and_strangers_a_few_at_a_time(intake):
    intake.trust([b'robot_7', b'robot_8'])
    for number in range(10):
        intake.offer(sender(number), b'%d' % number, 0.0)
    assert [data for _, data in intake.take(0.0, 5, 2).messages] == [b'7', b'8', b'0', b'1']
    intake.trust([b'robot_2'])
    intake.offer(sender(2), b'newest', 0.0)
    assert [data for _, data in intake.take(0.0, 2, 2).messages] == [b'newest', b'3']


def test_robots_beyond_the_bound_are_refused_and_told_of(intake):
    fill(intake)
    assert not any(intake.offer(sender(number), b'', QUIET_S) for number in range(10, 5010))
    taken = intake.take(QUIET_S, 100, 100)
    assert (len(intake), len(taken.messages), taken.refused) == (10, 10, 5000)
    assert 0 < len(taken.examples) <= 10
    assert intake.take(QUIET_S, 100, 100).refused == 0


def test_a_robot_that_is_quiet_gives_its_place_up(intake):
    fill(intake)
    intake.offer(sender(0), b'', QUIET_S)
    assert intake.offer(sender(10), b'', QUIET_S + 1)
    assert intake.take(QUIET_S + 1, 100, 100).forgotten == [sender(1)]
    assert not intake.offer_more(sender(1).robot_id, 'telemetry', b'')


def test_a_robot_that_was_commanded_always_has_a_place(intake):
    intake.trust([b'robot_10', b'robot_0'])
    fill(intake)
    assert intake.offer(sender(10), b'', 0.0)
    assert intake.take(0.0, 100, 100).forgotten == [sender(1)]
    assert not intake.offer(sender(10, b'/another'), b'', 0.0), 'one place for a robot'


def test_who_was_not_heard_for_long_is_forgotten(intake):
    fill(intake)
    intake.offer(sender(3), b'', 1.0)
    assert len(intake.take(FORGET_AFTER_S + 0.5, 100, 100).forgotten) == 9
    assert len(intake) == 1


def test_telemetry_is_of_robots_that_are_known_and_bounded(intake):
    assert not intake.offer_more(b'robot_1', 'telemetry', b'')
    intake.offer(sender(1), b'', 0.0)
    kept = [intake.offer_more(b'robot_1', model, b'') for model in range(1000)]
    assert sum(kept) < 10 * KINDS_OF_A_SENDER
    assert intake.offer_more(b'robot_1', 0, b'newer')


def test_a_forgotten_robot_leaves_nothing_in_the_view(make_fleet):
    fleet = make_fleet()
    fleet.step()
    report = fleet.coordinator.reports('pick_policy')['r03']
    view = FleetView(0.0)
    view.on_report(report, 0.0)
    view.forget('r03', '/of/another')
    assert view.report('pick_policy', 'r03') is report
    view.forget('r03', report.server)
    assert view.report('pick_policy', 'r03') is None
    assert (view.heard(0.0), view.all_unreachable('pick_policy', 100.0)) == (0, [])
