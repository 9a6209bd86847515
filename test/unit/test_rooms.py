# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The linters refuse an import that the architecture does not allow."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('importlinter', reason='import-linter is a tool of developers, not of robots')

ROOT = Path(__file__).resolve().parents[2]

# What a module in a room would import, and the contract that must refuse it.
OFFENCES = [
    ('models', 'import hotswap_ros.plan', 'Each room imports only rooms below it'),
    ('serving', 'import hotswap_ros.gates', 'Each room imports only rooms below it'),
    ('gates', 'import hotswap_ros.rollout', 'Each room imports only rooms below it'),
    ('gates', 'import hotswap_ros.fleet', 'Each room imports only rooms below it'),
    ('fleet', 'import hotswap_ros.gates', 'Each room imports only rooms below it'),
    ('fleet', 'import hotswap_ros.rollout', 'Each room imports only rooms below it'),
    ('rollout', 'import hotswap_ros.coordinator', 'Each room imports only rooms below it'),
    ('coordinator', 'import hotswap_ros.nodes', 'Each room imports only rooms below it'),
    ('fleet', 'import hotswap_ros.plan', 'What robots say and should do is known without plans'),
    ('nodes', 'import hotswap_ros.sim', 'Each room imports only rooms below it'),
    ('sim', 'import hotswap_ros.testing', 'Each room imports only rooms below it'),
    ('cli', 'import hotswap_ros.testing', 'Each room imports only rooms below it'),
    ('testing', 'import hotswap_ros.cli', 'Each room imports only rooms below it'),
    (
        'rollout',
        'import hotswap_ros.serving',
        'What judges and what rolls out knows nothing of the robot engine',
    ),
    (
        'coordinator',
        'import hotswap_ros.serving',
        'What judges and what rolls out knows nothing of the robot engine',
    ),
    (
        'plan',
        'import onnxruntime',
        'What judges and what rolls out knows nothing of the robot engine',
    ),
    (
        'nodes.model_server',
        'import hotswap_ros.nodes.conversions.rollout',
        'The node of a robot loads nothing of the coordinator',
    ),
    ('sim', 'import hotswap_ros.nodes', 'Only entry points import the ROS edge'),
    ('sim', 'import hotswap_ros.sim.nodes', 'Only entry points import the ROS edge'),
    ('testing', 'import hotswap_ros.nodes', 'Only entry points import the ROS edge'),
    ('rollout', 'import rclpy', 'Only the ROS edge imports ROS'),
    ('coordinator', 'import rclpy', 'Only the ROS edge imports ROS'),
    ('fleet', 'import rclpy', 'Only the ROS edge imports ROS'),
    ('sim', 'from rclpy.node import Node', 'Only the ROS edge imports ROS'),
    ('testing', 'import rclpy', 'Only the ROS edge imports ROS'),
    ('cli', 'from diagnostic_msgs.msg import KeyValue', 'Only the ROS edge imports ROS'),
    ('models', 'import numpy', 'Models, text and limits: the standard library, pydantic, onnx'),
    ('serving', 'import scipy.stats', 'Serving: onnxruntime, numpy'),
    ('rollout', 'import numpy', 'Plan, fleet, rollout and coordinator: pydantic, yaml'),
    ('fleet', 'import numpy', 'Plan, fleet, rollout and coordinator: pydantic, yaml'),
    ('coordinator', 'import numpy', 'Plan, fleet, rollout and coordinator: pydantic, yaml'),
    ('gates', 'import yaml', 'Gates: numpy, scipy'),
    ('testing', 'import pytest', 'Testing: no test framework'),
    ('nodes', 'import mujoco', 'Nodes: ROS and what the engine speaks'),
]


def copy_of_sources(folder):
    ignored = shutil.ignore_patterns('__pycache__')
    shutil.copytree(ROOT / 'hotswap_ros', folder / 'hotswap_ros', ignore=ignored)
    shutil.copy(ROOT / 'pyproject.toml', folder)


def run(folder, tool, *arguments):
    command = [Path(sys.executable).with_name(tool), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope='module')
def findings(tmp_path_factory):
    """Add every offence to a copy of the sources; return what is found under each contract."""
    folder = tmp_path_factory.mktemp('offences')
    copy_of_sources(folder)
    for number, (room, line, _) in enumerate(OFFENCES):
        module = f'hotswap_ros.{room}._offence_{number}'.replace('.', '/')
        (folder / f'{module}.py').write_text(line + '\n')
    done = run(folder, 'lint-imports', '--no-logo', '--no-cache')
    assert done.returncode == 1, done.stdout + done.stderr
    found = done.stdout.split('Broken contracts')[1]
    parts = re.split(r'^(.+)\n-{3,}\n', found, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_rooms_are_in_order(tmp_path):
    copy_of_sources(tmp_path)
    done = run(tmp_path, 'lint-imports', '--no-logo', '--no-cache')
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize('number', range(len(OFFENCES)), ids=lambda n: ' '.join(OFFENCES[n][:2]))
def test_an_offending_import_is_refused(findings, number):
    room, _, contract = OFFENCES[number]
    assert f'hotswap_ros.{room}._offence_{number} -> ' in findings[contract]


@pytest.mark.parametrize('room', ['fleet', 'rollout', 'coordinator', 'sim', 'cli', 'nodes'])
def test_generated_interfaces_stay_at_the_ros_edge(tmp_path, room):
    shutil.copy(ROOT / 'pyproject.toml', tmp_path)
    module = tmp_path / 'hotswap_ros' / room / 'x.py'
    module.parent.mkdir(parents=True)
    module.write_text('from hotswap_ros import msg\nfrom hotswap_ros.srv import Infer\n')
    done = run(tmp_path, 'ruff', 'check', '--no-cache', '--select', 'TID', 'hotswap_ros')
    assert done.stdout.count('TID251') == (0 if room == 'nodes' else 2), done.stdout


def circles(package):
    """
    Return the groups of modules that import each other, also for type checkers only.

    Generated interfaces, which are there where the package is built, do not count.
    """
    graph = pytest.importorskip('grimp').build_graph(package, cache_dir=None)
    generated = tuple(f'{package}.{kind}' for kind in ('action', 'msg', 'srv'))
    groups = {
        frozenset({name, *graph.find_upstream_modules(name) & graph.find_downstream_modules(name)})
        for name in graph.modules
        if not name.startswith(generated)
    }
    return sorted(sorted(group) for group in groups if len(group) > 1)


def test_no_import_circles():
    assert circles('hotswap_ros') == []


def test_an_import_circle_is_found(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / 'looped'
    folder.mkdir()
    (folder / '__init__.py').touch()
    (folder / 'node.py').write_text('import looped.part\n')
    (folder / 'part.py').write_text(
        'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import looped.node\n'
    )
    assert circles('looped') == [['looped.node', 'looped.part']]
