# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The command line as a whole: what a command loads, its version and its help."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import hotswap_ros
from hotswap_ros.cli.app import app
from hotswap_ros.cli.terminal import write_json

#: What takes longer to import than Python and the command line to start.
HEAVY = {
    'jinja2',
    'matplotlib',
    'mcap',
    'mujoco',
    'onnx',
    'onnxruntime',
    'pandas',
    'polars',
    'scipy',
    'statsmodels',
}
#: What the ROS client library loads by itself.
OF_ROS = {'numpy', 'rclpy', 'yaml'}
#: The rooms that run rollouts.
ROOMS = {
    'hotswap_ros.coordinator.coordinator',
    'hotswap_ros.gates.gate',
    'hotswap_ros.plan.base',
    'hotswap_ros.plan.load',
    'hotswap_ros.rollout.runner',
    'hotswap_ros.serving',
    'hotswap_ros.sim',
    'hotswap_ros.testing',
}


def loaded_by(program: str) -> set[str]:
    """Return the modules that a program has loaded at its end."""
    asked = f'{program}\nimport json, sys; print("\\n" + json.dumps(sorted(sys.modules)))'
    done = subprocess.run([sys.executable, '-c', asked], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def running(*words: str) -> str:
    """Return a program that runs a command and survives its exit."""
    return (
        'import contextlib, sys\n'
        f'sys.argv = ["hotswap", *{words!r}]\n'
        'from hotswap_ros.cli import main\n'
        'with contextlib.suppress(SystemExit):\n'
        '    main()\n'
    )


@pytest.mark.parametrize(
    'words',
    [
        ('--help',),
        ('--version',),
        ('rollout', '--help'),
        ('rollout', 'watch', '--help'),
        ('rollback', '--help'),
        ('history', '--help'),
        ('checklist', '--help'),
        ('simulate', '--help'),
    ],
)
def test_help_loads_nothing_but_the_command_line(words):
    loaded = loaded_by(running(*words))
    assert 'typer' in loaded
    assert loaded & (HEAVY | OF_ROS | ROOMS) == set()


@pytest.mark.parametrize(
    'module', ['verbs.rollout', 'verbs.rollback', 'verbs.history', 'verbs.coordinator_call']
)
def test_a_verb_for_the_coordinator_loads_the_client_and_no_more(module):
    pytest.importorskip('hotswap_ros.msg', reason='needs the built ROS package')
    loaded = loaded_by(f'import hotswap_ros.cli.{module}')
    assert 'rclpy' in loaded
    assert loaded & (HEAVY | ROOMS) == set()


def run(*words: str):
    return CliRunner().invoke(app, words)


def test_the_version_is_that_of_the_package():
    result = run('--version')
    assert result.exit_code == 0
    assert result.output.split() == ['hotswap_ros', hotswap_ros.__version__]


def test_a_plan_that_is_no_text_is_refused_before_anything_is_asked(tmp_path):
    pytest.importorskip('rclpy', reason='needs ROS')
    plan = tmp_path / 'plan.yaml'
    plan.write_bytes('modelId: m'.encode('utf-16'))
    result = run('rollout', 'start', str(plan))
    assert isinstance(result.exception, SystemExit)
    assert 'UTF-16' in str(result.exception.code)


def test_figures_that_cannot_be_written_end_a_command_with_the_reason(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(SystemExit, match='cannot be written'):
        write_json(tmp_path / 'file' / 'figures.json', {})


@pytest.mark.parametrize('words', [(), ('rollout',), ('rollout', 'watch'), ('sim',)])
def test_the_short_option_for_help_is_the_long_one(words):
    short, long = run(*words, '-h'), run(*words, '--help')
    assert short.exit_code == 0
    assert short.output == long.output
