# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap checklist` where no coordinator answers, and what `hotswap rollout` understands."""

import io
import json
import math
from types import SimpleNamespace

import pytest
from rich.console import Console
from typer.testing import CliRunner

from hotswap_ros.cli.app import app
from hotswap_ros.cli.verbs import checklist
from hotswap_ros.plan import ChecklistPreset, Item

PLAN = 'modelId: policy\nversion: v2\nstrategy: Canary\nstages: [{percentage: 100, tasks: 50}]\n'
ITEMS = {item.value for item in Item}


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
    monkeypatch.setattr(checklist, 'run_dry', lambda console, path, _: shown.append(path) or 0)
    path = write(tmp_path, PLAN)
    result = run(*words, path, '--dry-run')
    assert result.exit_code == 0, result.output
    assert shown == [path]


@pytest.mark.parametrize(
    ('word', 'names'),
    [
        ('wacth', ['wacth', 'watch']),
        ('planx', ['planx', 'plan file', 'plan.yaml']),
        ('zzzzzzzz', ['zzzzzzzz', 'plan file', 'abort']),
        ('planx.yaml', ['planx.yaml', 'does not exist']),
    ],
)
def test_a_word_that_is_neither_a_verb_nor_a_file_is_said_to_be_neither(
    monkeypatch, tmp_path, word, names
):
    write(tmp_path, PLAN)
    monkeypatch.chdir(tmp_path)
    result = run('rollout', word)
    assert result.exit_code == 2
    text = ' '.join(result.output.replace('│', ' ').split())
    assert [name for name in names if name not in text] == []


def test_what_a_preset_does_not_require_takes_one_line(alone, tmp_path):
    lines = run('checklist', write(tmp_path, PLAN), '--preset', 'testing').output.splitlines()
    required = ChecklistPreset.TESTING.items
    shown = {line.split()[0] for line in lines if line.split()[:1] and line.split()[0] in ITEMS}
    assert shown == {item.value for item in required}
    (line,) = [line for line in lines if line.startswith('Not required')]
    assert f'({len(ITEMS) - len(required)})' in line


def test_an_item_that_the_preset_requires_and_nobody_knows_is_not_called_optional(alone, tmp_path):
    output = run('checklist', write(tmp_path, PLAN), '--preset', 'testing').output
    line = next(line for line in output.splitlines() if line.startswith('bounds_declared'))
    assert 'not known' in line
    assert 'Not required' not in line


def test_the_checklist_as_json_goes_to_a_file_or_to_the_standard_output(alone, tmp_path):
    plan, path = write(tmp_path, PLAN), tmp_path / 'found' / 'checklist.json'
    assert run('checklist', plan, '--preset', 'production', '--json', path).exit_code == 1
    items = json.loads(path.read_text())
    assert {item['name'] for item in items} == ITEMS
    result = run('checklist', plan, '--preset', 'production', '--json', '-')
    assert json.loads(result.stdout) == items
    assert 'To sign: ' in result.stderr


@pytest.mark.parametrize('command', ['checklist', 'rollout'])
def test_a_coordinator_that_dies_meanwhile_is_told_without_a_traceback(
    monkeypatch, tmp_path, command
):
    class Dying:
        """A coordinator that is there, and gives no answer."""

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def wait_for_coordinator(self, timeout_s):
            return True

        def validate(self, plan, timeout_s):
            raise TimeoutError('no answer from the coordinator within 30 s')

    client = pytest.importorskip('hotswap_ros.nodes.client', reason='needs the built ROS package')
    monkeypatch.setattr(client, 'FleetClient', Dying)
    options = ['--dry-run'] if command == 'rollout' else []
    result = run(command, write(tmp_path, PLAN), *options)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert 'no answer from the coordinator within 30 s' in result.output + str(result.exception)


def forecast(**figures):
    fields = {
        'robots': ['robot_1'],
        'expected_s': math.nan,
        'expected_tasks': 0,
        'expected_control_tasks': 0,
        'detectable_drop': math.nan,
        'sentences': [],
    }
    return SimpleNamespace(**{**fields, **figures})


def preview(*problems, **figures):
    answer = SimpleNamespace(
        odds=[],
        outlook=['v24 is promoted if no harm is shown.'],
        steps=[SimpleNamespace(title='50%: watch 50 tasks')],
        forecasts=[forecast(**figures)],
        checklist=[],
        problems=list(problems),
    )
    return lambda _: answer


def dry_run(tmp_path, answer, json_file=None):
    console = Console(file=io.StringIO(), width=140)
    code = checklist.run_dry(console, write(tmp_path, PLAN), json_file, answer)
    return code, console.file.getvalue()


@pytest.fixture
def ros():
    pytest.importorskip('hotswap_ros.msg', reason='needs the built ROS package')


def test_a_preview_with_a_problem_is_no_success(ros, tmp_path):
    code, text = dry_run(tmp_path, preview("version: no robot has version 'v99'", expected_s=1.0))
    assert code == 1
    assert "no robot has version 'v99'" in text
    code, text = dry_run(tmp_path, preview(expected_s=1.0))
    assert code == 0


def test_a_preview_of_unknown_length_is_json_without_nan(ros, tmp_path):
    path = tmp_path / 'preview.json'
    code, text = dry_run(tmp_path, preview(), path)
    assert code == 0
    found = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert found['steps'][0]['expected_s'] is None
    assert '?' in text
