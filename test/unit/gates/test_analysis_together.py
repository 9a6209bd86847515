# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Trials whose versions ran one after the other, and trials with tasks of unknown robots."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from hotswap_ros.gates.analysis import Record, Trial, analyze, find_design

DAY = 86_400.0


def trial(
    start: Callable[[int, int], float], robots: Callable[[int, int], str], ids: str = ''
) -> Trial:
    """Return 200 tasks of each version, by version and number."""
    return Trial.of(
        Record(
            ('v23', 'v24')[version],
            successes=int(n % 10 > version),
            robot_id=robots(version, n),
            time=start(version, n),
            task_id=ids.format(n, 200 * version + n, 2 * n + version),
        )
        for version in (0, 1)
        for n in range(200)
    )


def same(version: int, n: int) -> str:
    return f'r{n % 10}'


def other(version: int, n: int) -> str:
    return f'r{2 * (n % 10) + version}'


def unnamed(version: int, n: int) -> str:
    return ''


@pytest.mark.parametrize('robots', [same, other, unnamed])
@pytest.mark.parametrize('first', [0, 1])
def test_one_day_after_the_other_is_compared_with_a_warning(robots, first: int) -> None:
    report = analyze(trial(lambda version, n: 1e9 + (version ^ first) * DAY + 60 * n, robots))
    assert (report.control.tasks, report.candidate.tasks) == (200, 200)
    assert report.apart
    assert report.apart in report.warnings
    assert report.replay is None


@pytest.mark.parametrize('robots', [same, other, unnamed])
def test_at_the_same_time_there_is_no_such_warning(robots) -> None:
    report = analyze(trial(lambda version, n: 1e9 + 60 * n + 30 * version, robots))
    assert not report.apart
    # Evidence after every task needs both versions on a robot.
    assert (report.replay is None) == (robots is other)


def test_a_rollout_has_the_control_before_and_beside() -> None:
    report = analyze(trial(lambda version, n: 60.0 * n + 6000 * version, same))
    assert not report.apart
    assert report.left_out


@pytest.mark.parametrize(
    ('ids', 'is_apart'),
    [('task_{1:04d}', True), ('{1}', True), ('t{2}', False), ('t{0}', False), ('', False)],
)
@pytest.mark.parametrize('robots', [same, unnamed])
def test_without_times_ids_show_it(ids: str, is_apart: bool, robots) -> None:
    report = analyze(trial(lambda version, n: math.nan, robots, ids))
    assert bool(report.apart) == is_apart


@pytest.mark.parametrize('missing', [1, 20])
def test_a_few_tasks_without_a_robot_do_not_hide_the_others(missing: int) -> None:
    found = trial(lambda version, n: math.nan, lambda v, n: '' if n < missing / 2 else same(v, n))
    design = find_design(found, 'v23', 'v24')
    assert design.kind == 'within robots'
    assert len(design.trial.records) == 400 - 2 * math.ceil(missing / 2)
    assert any(f'{2 * math.ceil(missing / 2)} of 400' in text for text in design.warnings)


def test_many_tasks_without_a_robot_are_counted() -> None:
    found = trial(lambda version, n: math.nan, lambda v, n: '' if v and n < 30 else same(v, n))
    report = analyze(found)
    assert report.robots is None
    assert (report.control.tasks, report.candidate.tasks) == (200, 200)
    assert any('30 of 400 tasks name no robot' in text for text in report.warnings)
    assert not any('no robot ids' in text for text in report.warnings)
