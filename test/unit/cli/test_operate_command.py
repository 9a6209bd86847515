# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Following a rollout whose coordinator is started again, and what rollbacks look like."""

import io
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from rich.console import Console

pytest.importorskip('rclpy', reason='needs ROS')
pytest.importorskip('hotswap_ros.msg', reason='needs the built ROS package')

from hotswap_ros.cli._operate import run_rollback
from hotswap_ros.cli._watch import Attachment

RUNNING, SUCCEEDED = 2, 5


def status(rollout_id='', code=RUNNING):
    return SimpleNamespace(rollout_id=rollout_id, status=code)


def look(attachment, told, seconds, *, start=0.0, is_there=True):
    """Look for so many seconds, ten times a second; return whether it was found to be over."""
    for tenth in range(round(seconds * 10)):
        attachment.look(told, is_there, start + tenth / 10)
    return attachment.is_over


def test_a_rollout_that_ended_under_a_new_coordinator_is_over_after_a_while():
    attachment = Attachment(before='old')
    assert not look(attachment, status('new'), 60)
    assert not look(attachment, status('new'), 30, start=60, is_there=False)
    assert not look(attachment, status('new', SUCCEEDED), 4, start=90)
    assert look(attachment, status('new', SUCCEEDED), 2, start=94)
    assert attachment.rollout_id == 'new'


def test_the_end_of_the_rollout_before_is_none_of_this_one():
    attachment = Attachment(before='old')
    assert not look(attachment, status('old', SUCCEEDED), 60)
    assert attachment.rollout_id == ''


def test_a_coordinator_killed_before_the_rollout_began_knows_nothing_of_it():
    attachment = Attachment(before='old')
    look(attachment, status('old', SUCCEEDED), 3, is_there=False)
    assert look(attachment, status('old', SUCCEEDED), 6, start=3)
    assert attachment.rollout_id == ''


def test_another_rollout_that_came_after_means_that_this_one_is_over():
    attachment = Attachment(before='')
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
    ('confirmed', 'line'),
    [
        (2, '2 of 3 robots are back: commands left after 0.10 s, the last robot confirmed after'),
        (0, '0 of 3 robots are back: none confirmed within'),
    ],
)
def test_a_rollback_that_is_not_whole_says_how_far_it_came(confirmed, line):
    result = SimpleNamespace(
        robots_total=3,
        robots_confirmed=confirmed,
        command_s=0.1,
        confirm_s=2.0,
        rollback_id='mine',
        error_code=1102,
        error_msg='owed',
    )
    console = Console(file=io.StringIO(), width=200)
    code = run_rollback(console, 'm', 'v23', (), lambda: nullcontext(Client(result)))
    assert code == 1
    assert console.file.getvalue() == f'{line} 2.00 s (mine)\nhotswap: owed\n'
