# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap checklist` where no coordinator answers, and what `hotswap rollout` understands."""

import pytest
from typer.testing import CliRunner

from hotswap_ros.cli.app import app
from hotswap_ros.cli.verbs import checklist

PLAN = 'modelId: policy\nversion: v2\nstrategy: Canary\nstages: [{percentage: 100, tasks: 50}]\n'


@pytest.fixture
def alone(monkeypatch):
    """Let nobody answer, without waiting for it."""

    def ask(plan):
        raise checklist.NoCoordinatorError('no fleet_coordinator answers: start one')

    monkeypatch.setattr(checklist, '_ask', ask)


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def write(tmp_path, text):
    path = tmp_path / 'plan.yaml'
    path.write_text(text)
    return path


def test_without_a_coordinator_it_says_so_and_checks_what_it_can(alone, tmp_path, make_version):
    make_version('v2', low=None)
    path = write(tmp_path, f'{PLAN}checklist: production\n')
    result = run('checklist', path, '--repository', make_version.root)
    assert result.exit_code == 1
    assert 'no fleet_coordinator answers: start one' in result.output
    assert 'v2 declares no bounds for decision' in result.output
    assert 'No robot is known' in result.output
    assert 'Failed: bounds_declared, owner_set, contact_set, window_set' in result.output


def test_a_preset_may_be_asked_for_by_hand(alone, tmp_path):
    path = write(tmp_path, PLAN)
    assert 'no checklist' in run('checklist', path).output
    assert 'To sign: ' in run('checklist', path, '--preset', 'production').output


def test_a_plan_that_is_wrong_is_said_to_be_so_without_a_coordinator(alone, tmp_path):
    result = run('checklist', write(tmp_path, PLAN.replace('stages', 'stagse')))
    assert result.exit_code == 1
    assert "unknown key 'stagse': did you mean 'stages'?" in result.output


@pytest.mark.parametrize('words', [('rollout',), ('rollout', 'start')])
def test_a_plan_alone_is_to_be_started(monkeypatch, tmp_path, words):
    shown = []
    monkeypatch.setattr('hotswap_ros.cli.app.need_ros', lambda: None)
    monkeypatch.setattr(checklist, 'run_dry', lambda console, path: shown.append(path) or 0)
    path = write(tmp_path, PLAN)
    result = run(*words, path, '--dry-run')
    assert result.exit_code == 0, result.output
    assert shown == [path]


def test_a_verb_that_is_none_is_no_plan():
    result = run('rollout', 'wacth')
    assert result.exit_code == 2
    assert "No such command 'wacth'" in result.output
