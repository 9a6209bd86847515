# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The table of `hotswap history` in terminals of several widths: ids are never cut."""

import io

import pytest
from rich.console import Console

pytest.importorskip('rclpy', reason='needs ROS')
pytest.importorskip('hotswap_ros.msg', reason='needs the built ROS package')

from hotswap_ros.cli.verbs.history import print_history
from hotswap_ros.coordinator import RolloutSummary
from hotswap_ros.rollout import Status

ROWS = [
    RolloutSummary(
        f'20261129-13205{number}-f7ba',
        'pick_policy_with_a_long_name',
        'v26_2026-11-29_nightly_a1b2c3d',
        'ProgressiveRollout',
        1_764_422_455.0,
        1_764_422_470.0,
        Status.ROLLED_BACK,
        'harm',
        robots_total=20,
        tasks=1_234,
    )
    for number in range(3)
]


def told(width):
    console = Console(file=io.StringIO(), width=width)
    print_history(console, ROWS)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize('width', [20, 40, 80, 120, 200])
def test_ids_are_whole_and_rows_are_one_line_each(width):
    lines = told(width)
    assert len(lines) == 1 + len(ROWS)
    for row, line in zip(ROWS, lines[1:]):
        assert line.split()[0] == row.rollout_id
        assert '…' not in line


def test_a_wide_terminal_has_every_column_and_a_narrow_one_the_most_important():
    assert len(told(200)[0].split()) == 10
    narrow = told(80)[0].split()
    assert narrow[:2] == ['rollout', 'version']
    assert max(map(len, told(80))) <= 80
