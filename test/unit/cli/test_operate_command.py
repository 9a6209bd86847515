# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Following a rollout whose coordinator is started again; what rollbacks and reports look like."""

import io
import re
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

pytest.importorskip('rclpy', reason='needs ROS')
pytest.importorskip('hotswap_ros.msg', reason='needs the built ROS package')

from hotswap_ros.cli.verbs.history import run_report
from hotswap_ros.cli.verbs.rollback import run_rollback
from hotswap_ros.cli.verbs.rollout import Attachment
from hotswap_ros.plan import load_plan
from hotswap_ros.sim.virtual import (
    FleetSpec,
    VirtualClock,
    VirtualFleet,
    VirtualSession,
    load_outcomes,
)

RUNNING, SUCCEEDED = 2, 5
OUTCOMES = Path(__file__).parents[3] / 'config' / 'outcomes'
CANARY = (
    'modelId: pick_policy\nversion: {}\nstrategy: Canary\n'
    'stages: [{{percentage: 50, tasks: 200}}, {{percentage: 100, tasks: 100}}]\n'
)


def status(rollout_id='', code=RUNNING, others=()):
    under_way = [*others, rollout_id] if code == RUNNING else [*others]
    return SimpleNamespace(rollout_id=rollout_id, status=code, rollouts_under_way=under_way)


def look(attachment, told, seconds, *, start=0.0, is_there=True):
    """Look for so many seconds, ten times a second; return whether it was found to be over."""
    for tenth in range(round(seconds * 10)):
        attachment.update(told, is_there, start + tenth / 10)
    return attachment.is_over


def test_a_rollout_that_ended_under_a_new_coordinator_is_over_after_a_while():
    attachment = Attachment(before={'old'})
    assert not look(attachment, status('new'), 60)
    assert not look(attachment, status('new'), 30, start=60, is_there=False)
    assert not look(attachment, status('new', SUCCEEDED), 4, start=90)
    assert look(attachment, status('new', SUCCEEDED), 2, start=94)
    assert attachment.rollout_id == 'new'


def test_the_end_of_the_rollout_before_is_none_of_this_one():
    attachment = Attachment(before={'old'})
    assert not look(attachment, status('old', SUCCEEDED), 60)
    assert attachment.rollout_id == ''


def test_a_coordinator_killed_before_the_rollout_began_knows_nothing_of_it():
    attachment = Attachment(before={'old'})
    look(attachment, status('old', SUCCEEDED), 3, is_there=False)
    assert look(attachment, status('old', SUCCEEDED), 6, start=3)
    assert attachment.rollout_id == ''


def test_another_rollout_beside_it_means_nothing():
    attachment = Attachment(before={'old', 'beside'})
    assert not look(attachment, status('mine', others=['old']), 60)
    assert not look(attachment, status('next', others=['old', 'mine']), 60)
    assert attachment.rollout_id == 'mine'
    assert look(attachment, status('next', others=['old']), 6, start=60)


def test_another_rollout_that_came_after_means_that_this_one_is_over():
    attachment = Attachment(before={''})
    look(attachment, status('mine'), 1)
    assert look(attachment, status('next'), 6, start=1)
    assert attachment.rollout_id == 'mine'


class Client:
    """A client whose rollback ended as `result` says."""

    def __init__(self, result):
        self.roll_back = lambda *_: None
        self.wait = lambda *_: result
        self.wait_for_coordinator = lambda _: True


@pytest.mark.parametrize(
    ('confirmed', 'figures'), [(2, ['2 of 3', '0.10 s', '2.00 s']), (0, ['0 of 3', '2.00 s'])]
)
def test_a_partial_rollback_shows_how_many_robots_confirmed_and_when(confirmed, figures):
    result = SimpleNamespace(
        robots_total=3,
        robots_confirmed=confirmed,
        command_s=0.1,
        confirm_s=2.0,
        rollback_id='mine',
        error_code=1102,
        error_msg='r3 has not confirmed',
    )
    console = Console(file=io.StringIO(), width=200)
    code = run_rollback(console, 'm', 'v23', (), lambda: nullcontext(Client(result)))
    assert code == 1
    first, second = console.file.getvalue().splitlines()
    assert re.findall(r'\d of \d|\d+\.\d+ s', first) == figures
    assert first.endswith('(mine)')
    assert second == 'hotswap: r3 has not confirmed'


def test_a_refused_rollback_says_why_and_shows_no_robots():
    result = SimpleNamespace(robots_total=0, error_code=1101, error_msg="no robot has had 'v32'")
    console = Console(file=io.StringIO(), width=200)
    assert run_rollback(console, 'm', 'v32', (), lambda: nullcontext(Client(result))) == 1
    assert console.file.getvalue() == "hotswap: no robot has had 'v32'\n"


@contextmanager
def four_robots(version):
    """Return four robots in virtual time, and a rollout of a version that has ended there."""
    truth = list(load_outcomes(OUTCOMES, ['v23', version]).values())
    clock = VirtualClock(1_767_600_000.0)
    fleet = VirtualFleet(FleetSpec(robots=4, telemetry_s=5.0, looks=5), truth, clock)
    session = VirtualSession(fleet, clock)
    rollout = session.start(load_plan(CANARY.format(version)))
    assert session.run(lambda: rollout in session.ended, 3600.0)
    yield session, rollout
    session.close()


def told(session, rollout):
    """Return what `hotswap report` prints of a rollout, by line."""

    @contextmanager
    def connect():
        yield SimpleNamespace(
            wait_for_coordinator=lambda _: True, report=session.coordinator.report
        )

    output = io.StringIO()
    assert run_report(Console(file=output, width=80), rollout, None, connect) == 0
    return output.getvalue().splitlines()


def test_a_report_names_the_likeliest_cause_below_the_status():
    with four_robots('v25_jerky') as (session, rollout):
        lines = told(session, rollout)
        diagnosis = session.coordinator.report(rollout)['diagnosis']
    first, *others = diagnosis['hypotheses']
    assert lines[0] == f'Canary of pick_policy v25_jerky, {rollout}'
    assert lines[1].startswith('rolled back after ')
    assert first['kind'] == 'rate_limit'
    assert lines[2] == f'Most likely: {first["title"]} (supported)'
    # Why, what to do and what else it may be, each on a line of its own, however long it is.
    assert lines[3] == f'  {first["text"]}'
    assert lines[4].endswith('to v23.')
    assert f'  {first["remedy"]}' in lines
    open_ = [one['title'] for one in others if one['finding'] == 'possible']
    ruled_out = [one['title'] for one in others if one['finding'] == 'not supported']
    (besides,) = [line for line in lines if all(title in line for title in open_)]
    assert open_
    assert not any(title in besides for title in ruled_out)


def test_a_report_says_when_no_robot_confirmed_the_rollback():
    with four_robots('v25_jerky') as (session, rollout):
        report = session.coordinator.report(rollout)
    as_told = SimpleNamespace(coordinator=SimpleNamespace(report=lambda _: report))
    assert any('; the rollback took ' in line for line in told(as_told, rollout))
    report['rollback']['confirmed'] = 0
    assert any(
        '; no robot confirmed the rollback within ' in line for line in told(as_told, rollout)
    )


def test_a_promotion_has_nothing_to_be_diagnosed():
    with four_robots('v24') as (session, rollout):
        lines = told(session, rollout)
    assert lines[1].startswith('succeeded after ')
    assert not any('Most likely' in line for line in lines)


def test_an_ordered_rollback_names_the_rollout_that_it_rolled_back():
    with four_robots('v24') as (session, rollout):
        session.roll_back('v23', ('robot_01', 'robot_02'))
        session.run(lambda: False, 120.0)
        newest = session.coordinator.history()[0].rollout_id
        assert newest != rollout
        lines = told(session, newest)
    assert lines[0] == f'Rollback of pick_policy to v23, {newest}'
    assert lines[1].startswith('rolled back after ')
    assert 'v23 is back on 2 of 2 robots' in lines[1]
    assert lines[2].startswith('2 robots, 0 failed; ')
    assert lines[2].endswith(f': {rollout}')
    assert ' s after the rollback v23 succeeded in ' in lines[3]
