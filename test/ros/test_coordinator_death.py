# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A coordinator that is killed in the middle of a rollout, and robots that it leaves alone."""

import contextlib
import sqlite3

import pytest
from _world import plan, wait_until
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from hotswap_ros import msg, srv
from hotswap_ros.nodes import qos

LONG = [(50, 1_000_000), (100, 1_000_000)]
TERMINAL = {
    msg.RolloutStatus.STATUS_SUCCEEDED,
    msg.RolloutStatus.STATUS_ROLLED_BACK,
    msg.RolloutStatus.STATUS_FAILED,
    msg.RolloutStatus.STATUS_ABORTED,
    msg.RolloutStatus.STATUS_SUPERSEDED,
}


@pytest.fixture
def site(make_site):
    """
    Return a site of four robots on v23, with a coordinator that watches closely.

    Each test has its own: a killed process stays in the ROS graph for twenty seconds.
    """
    site = make_site()
    site.run_fleet(4, speed=20.0)
    start(site)
    yield site
    for program in site.programs:
        if program.is_running:
            program.stop()


def start(site):
    """Start a coordinator with the site's journal."""
    return site.run_coordinator(
        site.folder / 'journal.sqlite3', heartbeat_period_s=0.2, unreachable_after_s=2.0
    )


def kill_coordinator(site):
    coordinator = site.programs[-1]
    assert coordinator.name == 'fleet_coordinator'
    coordinator.kill()


def statuses_in_journal(site):
    """Return every rollout's status, from the file as the killed process left it."""
    with contextlib.closing(sqlite3.connect(site.folder / 'journal.sqlite3')) as journal:
        return [row[0] for row in journal.execute('SELECT status FROM rollouts')]


def rollouts(site):
    return site.ask(srv.ListRollouts, 'list_rollouts', again_s=1.0).rollouts


def test_a_goal_for_a_coordinator_that_has_just_started_is_for_the_whole_fleet(site):
    site.programs[-1].stop()
    coordinator = site.run('fleet_coordinator', journal=str(site.folder / 'other.sqlite3'))
    coordinator.wait_for_log('ready, journal')
    goal = site.roll_out(plan('v24'))
    began = site.statuses.wait_for(lambda m: m.robots_total)
    assert began.robots_total == 4
    goal.cancel()


def test_robots_without_coordinator_return_to_stable_and_a_restart_ends_the_rollout(site):
    site.roll_out(plan('v24', lease=3))
    site.wait_for_candidate('v24')
    kill_coordinator(site)
    site.wait_until_served('v23')
    assert statuses_in_journal(site) == ['running'], 'nobody but the robots did that'
    site.statuses.clear()
    start(site).wait_for_log('] restarted: ')
    ended = site.statuses.wait_for(lambda m: m.status in TERMINAL, 'the end of the rollout')
    assert ended.status == msg.RolloutStatus.STATUS_SUCCEEDED, ended.reason
    site.wait_until_served('v24')
    assert [r.status for r in rollouts(site)] == [ended.status]
    told = {m.status for m in site.statuses if m.status in TERMINAL}
    assert told == {ended.status}


def test_a_pending_rollback_is_not_forgotten(site):
    site.roll_out(plan('frozen', LONG))
    site.statuses.wait_for(
        lambda m: (
            m.status
            in (msg.RolloutStatus.STATUS_ROLLING_BACK, msg.RolloutStatus.STATUS_ROLLED_BACK)
        ),
        'a rollback',
    )
    kill_coordinator(site)
    start(site)
    wait_until(
        lambda: [r.status for r in rollouts(site)] == [msg.RolloutStatus.STATUS_ROLLED_BACK],
        'the end of the rollback',
    )
    site.wait_until_served('v23')


def test_robots_that_come_late_are_brought_to_what_they_should_serve(site):
    result = site.roll_back(model_id='pick_policy', version='v24')
    assert result.error_code == result.NONE, result.error_msg
    site.wait_until_served('v24')
    fleet = site.programs[0]
    assert fleet.name == 'sim_fleet'
    fleet.kill()
    diagnostics = site.world.listen(DiagnosticArray, '/diagnostics', qos.EVENT)
    warning = diagnostics.wait_for(lambda m: m.status[0].level == DiagnosticStatus.WARN)
    assert warning.status[0].message.endswith('of 4 robots reachable')
    site.robots.clear()
    # As after a power cut: they boot with the version that their parameters name.
    site.run_fleet(4, speed=20.0, stable_version='v23')
    site.wait_until_served('v24')
