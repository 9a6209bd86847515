# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap analyze` from file to terminal, page and figures."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
from _recordings import task_result, telemetry, write_mcap


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    chance = random.Random(1)
    lines = ['robot_id,task_id,version,started,success,latency_ms']
    for number in range(1200):
        version = chance.choice(['v23', 'v24<b>'])
        won = chance.random() < (0.92 if version == 'v23' else 0.75)
        latency = chance.lognormvariate(3, 0.2)
        lines.append(f'r{number % 8},t{number},{version},{10 * number},{won},{latency:.3f}')
    path = tmp_path / 'trial.csv'
    path.write_text('\n'.join(lines))
    return path


def test_the_guides_example(hotswap, tmp_path: Path) -> None:
    path = tmp_path / 'guide.csv'
    path.write_text('version,tasks,successes\nv23,10000,9200\nv24,10000,9210\n')
    result = hotswap('analyze', path)
    assert result.exit_code == 0
    assert 'Keep v23' in result.output
    assert 'p = 0.7938' in result.output


def test_a_page_needs_nothing_but_itself(hotswap, trial: Path, tmp_path: Path) -> None:
    page = tmp_path / 'out' / 'report.html'
    result = hotswap('analyze', trial, '--html', page)
    assert result.exit_code == 0
    text = page.read_text()
    assert text.count('data:image/svg+xml;base64,') == 3
    assert re.findall(r'(?:src|href)="(?!data:)', text) == []
    assert '<b>' not in text  # names of foreign files are text, not markup
    assert 'v24&lt;b&gt;' in text


def test_a_name_is_no_formula(hotswap, trial: Path, tmp_path: Path) -> None:
    trial.write_text(trial.read_text().replace('v24<b>', r'$\new$'))
    result = hotswap('analyze', trial, '--html', tmp_path / 'report.html')
    assert result.exit_code == 0


def test_figures_as_json(hotswap, trial: Path, tmp_path: Path) -> None:
    path = tmp_path / 'report.json'
    hotswap('analyze', trial, '--json', path)
    found = json.loads(path.read_text())
    assert found['action'] == 'keep'
    assert found['control']['version'] == 'v23'
    assert found['replay']['evidence'] > found['replay']['limit']
    assert found['sentence'].endswith('Keep v23.')


def test_a_recording_is_a_trial_too(hotswap, tmp_path: Path) -> None:
    chance = random.Random(2)
    messages = []
    for number in range(400):
        version = chance.choice(['v23', 'v24'])
        messages.append(task_result(number, version, success=chance.random() < 0.9))
    messages.append(telemetry('boot', {}))
    messages.append(telemetry('boot', {'v23': [900, 60, 0], 'v24': [800, 150, 9]}))
    path = write_mcap(tmp_path / 'fleet.mcap', messages)
    result = hotswap('analyze', path)
    assert result.exit_code == 0
    assert '400 tasks from fleet.mcap' in result.output
    assert 'compared within robots' in result.output
    assert '20 ms' in result.output


def test_an_error_is_one_sentence(hotswap, tmp_path: Path) -> None:
    path = tmp_path / 'trial.csv'
    path.write_text('version,success\nv1,maybe\n')
    result = hotswap('analyze', path)
    assert result.exit_code == 1
    assert "'maybe' is neither yes nor no" in result.output
    assert 'Traceback' not in result.output
