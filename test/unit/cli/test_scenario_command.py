# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap scenario` plays files, and says what came out otherwise."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hotswap_ros.cli.app import app
from hotswap_ros.sim.scenario import ScenarioError
from hotswap_ros.sim.scenario.scenario import load_scenario

_FILE = """
description: A small canary.
fleet: {robots: 4, taskS: 4, telemetryS: 2, looks: 4}
plan:
  modelId: pick_policy
  version: v24
  strategy: Canary
  stages: [{percentage: 50, tasks: 100}, {percentage: 100, tasks: 100}]
truth:
  v23: {success: 0.9}
  v24: {success: 1.0}
operator:
  - {at: PT1M, do: pause, remark: lunch}
  - {at: PT2M, do: resume}
limit: PT2H
expect: {status: succeeded, served: {v24: 4}, pauses: [by_hand], says: [lunch]}
"""
_RUNNER = CliRunner()


@pytest.fixture
def write(tmp_path: Path):
    def write(*changes: tuple[str, str]) -> str:
        text = _FILE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / 'small.yaml'
        path.write_text(text)
        return str(path)

    return write


def test_a_scenario_is_told_as_it_happens(write) -> None:
    result = _RUNNER.invoke(app, ['scenario', 'run', write()])
    assert result.exit_code == 0, result.output
    for text in ('A small canary', 'as given', 'T+0:01:00', 'lunch', 'v24 on 4', 'as expected'):
        assert text in result.output


def test_another_end_is_told_and_fails(write) -> None:
    path = write(('served: {v24: 4}', 'served: {v23: 4}'), ('pauses: [by_hand]', 'pauses: []'))
    result = _RUNNER.invoke(app, ['scenario', 'run', path])
    assert result.exit_code == 1
    assert 'v23 is served by 0 robots, expected 4' in result.output
    assert 'pauses is by_hand, expected none' in result.output


def test_a_refused_word_of_a_person_is_a_difference(write) -> None:
    path = write(('do: resume}', 'do: approve}\n  - {at: PT3M, do: resume}'))
    result = _RUNNER.invoke(app, ['scenario', 'run', path])
    assert result.exit_code == 1
    assert 'it does not wait for approval' in ' '.join(result.output.split())


def test_a_rollout_that_does_not_end_counts_until_the_limit(write) -> None:
    path = write(('  - {at: PT2M, do: resume}\n', ''), ('limit: PT2H', 'limit: PT10M'))
    result = _RUNNER.invoke(app, ['scenario', 'run', path])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), result.exception
    assert 'paused after 0:10:00' in result.output
    assert 'status is paused, expected succeeded' in result.output


def test_a_person_excludes_robots(write) -> None:
    robots = 'robots: [robot_01, robot_04]'
    path = write(
        (
            '{at: PT2M, do: resume}',
            f'{{at: PT2M, do: exclude, {robots}}}\n  - {{at: PT3M, do: resume}}',
        ),
        ('served: {v24: 4}', 'served: {v24: 2, v23: 2}'),
    )
    result = _RUNNER.invoke(app, ['scenario', 'run', path])
    assert result.exit_code == 0, result.output


def test_all_of_a_folder_make_a_table(write, tmp_path: Path) -> None:
    write()
    result = _RUNNER.invoke(app, ['scenario', 'run', '--all', '--folder', str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert 'small' in result.output
    listed = _RUNNER.invoke(app, ['scenario', 'list', '--folder', str(tmp_path)])
    assert 'A small canary' in listed.output


def test_those_of_the_package_are_listed() -> None:
    result = _RUNNER.invoke(app, ['scenario', 'list'])
    assert result.exit_code == 0, result.output
    assert 'canary_timeline' in result.output


@pytest.mark.parametrize(
    ('old', 'new', 'problem'),
    [
        ('strategy: Canary', 'strategy: Canry', 'plan: .*did you mean Canary'),
        ('status: succeeded', 'status: done', 'expect.status'),
        ('taskS: 4', 'tasksS: 4', "did you mean 'taskS'"),
        ('v24: {success: 1.0}', 'v24: {}', "give one of 'measured', 'success' and 'categories'"),
        ('do: pause', 'do: pause, share: 0.5', "'share' and 'set_share' need each other"),
        ('do: resume', 'do: exclude', "'exclude' needs 'robots'"),
        ('do: resume', 'do: resume, robots: [robot_01]', "'robots' belongs to"),
        ('limit: PT2H', 'limit: soon', 'limit'),
        ('robots: 4, ', '', "'robots' and 'regions'"),
    ],
)
def test_a_file_says_what_is_wrong_with_it(write, old: str, new: str, problem: str) -> None:
    with pytest.raises(ScenarioError, match=problem):
        load_scenario(Path(write((old, new))))


def test_a_scenario_that_is_not_there_is_said_with_those_that_are() -> None:
    result = _RUNNER.invoke(app, ['scenario', 'run', 'nothing'])
    assert result.exit_code != 0
    assert 'canary_timeline' in result.output
    assert _RUNNER.invoke(app, ['scenario', 'run']).exit_code != 0


def test_old_names_of_keys_and_actions_are_accepted(write) -> None:
    old = write(
        ('do: pause, remark: lunch}', 'do: put_back, to: v23}'),
        ('says: [lunch]', 'backWithin: PT2M'),
    )
    scenario = load_scenario(Path(old))
    assert scenario.operator[0].do == 'order_rollback'
    assert scenario.operator[0].verb is None
    assert scenario.expect.rollback_within == timedelta(minutes=2)
    snake = write(('says: [lunch]', 'back_within: PT2M'))
    assert load_scenario(Path(snake)).expect.rollback_within == timedelta(minutes=2)
    both = write(('says: [lunch]', 'backWithin: PT2M, rollback_within: PT3M'))
    with pytest.raises(ScenarioError, match='are the same key'):
        load_scenario(Path(both))
