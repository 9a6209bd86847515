# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The fake fleet, used as in its documentation."""

import re

import pytest

from hotswap_ros import testing
from hotswap_ros.fleet import LoadVersion, UnloadVersion
from hotswap_ros.models import FailureCause, Routing
from hotswap_ros.plan import load_plan
from hotswap_ros.rollout import Cause
from hotswap_ros.testing import FakeFleet, FakeNetwork

# The example is a test module: its fixture and its tests become those of this one.
(EXAMPLE,) = re.findall(r'^```python\n(.*?)^```$', testing.__doc__, re.MULTILINE | re.DOTALL)
exec(EXAMPLE)
PLAN = globals()['PLAN']


def test_a_plan_may_be_a_text_or_a_plan(fleet):
    assert fleet.state(fleet.start(load_plan(PLAN))).plan == load_plan(PLAN)


def test_a_seed_gives_the_same_fleet(tmp_path):
    def counts(name, seed):
        fleet = FakeFleet(tmp_path / name, {'v23': 0.5}, seed=seed)
        fleet.run(30)
        return [robot.counts['v23'] for robot in fleet.robots.values()]

    assert counts('a', 1) == counts('b', 1) != counts('c', 2)


# -- robots ---------------------------------------------------------------------------------------


def test_a_candidate_without_a_heartbeat_ends_with_its_lease(fleet):
    fleet.start(PLAN)
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    fleet.kill_coordinator()
    fleet.run(9)
    assert fleet.candidates() == {'v24'}
    fleet.run(3)
    assert fleet.candidates() == set()


def test_a_breaker_takes_a_candidate_out(fleet):
    robot = fleet.robots['r00']
    robot.serve(Routing('pick_policy', 'v23', 'v24', 0.5, generation=3))
    robot.fail_in_a_row('v24', FailureCause.NOT_FINITE)
    assert robot.routing.candidate == ''
    breaker = robot.report.breaker
    assert (breaker.version, breaker.cause, breaker.count) == ('v24', 'not finite', 5)


def test_a_robot_counts_the_progress_of_failed_tasks(fleet):
    robot = fleet.robots['r00']
    robot.success['v23'] = 0.5
    robot.do_tasks(20)
    done = robot.counts['v23']
    assert (done.progress, done.progress_reports) == (1000 * done.succeeded, 0)
    robot.reboot()
    robot.failure_progress['v23'] = 0.25
    robot.do_tasks(20)
    done = robot.counts['v23']
    failed = done.finished - done.succeeded
    assert failed > 0
    assert (done.progress, done.progress_reports) == (1000 * done.succeeded + 250 * failed, 20)


def test_a_robot_reboots_with_what_it_served_and_a_new_one_with_what_it_is_given(fleet):
    robot = fleet.robots['r00']
    before = robot.report.boot_id
    routing = Routing('pick_policy', 'v23', 'v24', 0.5, generation=3)
    robot.serve(routing)
    robot.do_tasks(20)
    robot.reboot()
    assert robot.routing == routing
    assert robot.telemetry.versions == {}
    robot.reboot('v24')
    assert robot.routing == Routing('pick_policy', 'v24')
    assert len({before, robot.report.boot_id}) == 2


def test_a_test_may_change_what_a_robot_reports(fleet):
    robot = fleet.robots['r00']
    robot.labels, robot.region, robot.resident_limit = ('gripper=cup',), 'north', 1
    report = robot.report
    assert (report.labels, report.region, report.resident_limit) == (('gripper=cup',), 'north', 1)


def test_an_unloadable_version_is_refused_for_its_cause(fleet):
    robot = fleet.robots['r00']
    robot.unloadable['v24'] = Cause.DIGEST_MISMATCH
    command = LoadVersion('r00', robot.server, 'pick_policy', 'v24')
    assert robot.obey(command).cause is Cause.DIGEST_MISMATCH
    unknown = LoadVersion('r00', robot.server, 'pick_policy', 'v99')
    assert robot.obey(unknown).cause is Cause.UNKNOWN_VERSION


def test_a_refusal_that_no_true_report_explains_fails_the_test(fleet):
    robot = fleet.robots['r00']
    command = UnloadVersion('r00', robot.server, 'pick_policy', 'v23')
    with pytest.raises(AssertionError, match="'v23' is in use"):
        robot.obey(command)
    robot.may_refuse = True
    assert robot.obey(command).cause is Cause.NONE


def test_a_duplicate_is_another_server_with_the_same_robot_id(fleet):
    duplicate = fleet.duplicate('r00')
    assert duplicate.robot_id == 'r00'
    assert duplicate.server != fleet.robots['r00'].server
    fleet.run(10)
    assert fleet.coordinator.robots_quarantined == ('r00',)


# -- the network, coordinators and clocks ---------------------------------------------------------


@pytest.mark.parametrize(
    ('trouble', 'expected'),
    [
        ({}, [0, 1, 2]),
        ({'loss': 1.0}, []),
        ({'duplication': 1.0}, [0, 0, 1, 1, 2, 2]),
    ],
)
def test_the_network_does_what_it_is_told(trouble, expected):
    network, arrived = FakeNetwork(seed=1), []
    network.disturb(**trouble)
    for number in range(3):
        network.send(lambda number=number: arrived.append(number), now=0.0)
    assert arrived == expected
    assert network.was_disturbed is bool(trouble)


def test_delayed_messages_arrive_within_seconds():
    network, arrived = FakeNetwork(seed=1), []
    network.disturb(delay=1.0)
    for number in range(20):
        network.send(lambda number=number: arrived.append(number), now=0.0)
    assert arrived == []
    network.pass_time(network.LONGEST_DELAY_S)
    assert sorted(arrived) == list(range(20)) != arrived


def test_the_second_coordinator_takes_over(fleet):
    fleet.run(2)
    fleet.boot_second(heartbeats_cross=True)
    fleet.run(2)
    assert fleet.coordinator.taken_over
    assert not fleet.second.taken_over
    fleet.kill_second()


def test_a_killed_coordinator_is_named(fleet):
    fleet.kill_coordinator()
    with pytest.raises(AssertionError, match=r'call boot_coordinator\(\) first'):
        fleet.start(PLAN)


def test_time_passes_for_all_and_clocks_differ(fleet):
    fleet.kill_coordinator()
    fleet.set_clock(60)
    fleet.robots['r00'].set_clock(-5)
    fleet.skip(100)
    assert fleet.now == 1_160
    assert [fleet.robots[name].wall_time for name in ('r00', 'r01')] == [1_095, 1_100]
