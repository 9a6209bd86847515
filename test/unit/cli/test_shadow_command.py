# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap shadow` from file to report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from _recordings import moment, task_result, telemetry, write_mcap


def comparison(task: int, *, agreement: bool, shadow: str = 'v24', step: int = 0):
    return (
        '/fleet/shadow',
        'ShadowComparison',
        {
            'stamp': moment(task + 0.1 * step),
            'robot_id': f'r{task % 4}',
            'model_id': 'pick_policy',
            'task_id': f'task_{task}',
            'stable_version': 'v23',
            'shadow_version': shadow,
            'stable_outputs': [],
            'shadow_outputs': [],
            'distance': 0.0,
            'agreement': agreement,
            'stable_latency_ms': 1.0,
            'shadow_latency_ms': 1.0,
        },
    )


def test_a_csv_by_task(hotswap, tmp_path: Path) -> None:
    path, figures, page = tmp_path / 's.csv', tmp_path / 's.json', tmp_path / 's.html'
    lines = [f't{n},v23,v24,20,20,20' for n in range(400)]
    path.write_text('task,version,shadow,steps,agreed,offered\n' + '\n'.join(lines))
    result = hotswap('shadow', path, '--json', figures, '--html', page)
    assert result.exit_code == 0
    assert 'Deploy v24, in stages' in result.output
    assert json.loads(figures.read_text())['action'] == 'deploy'
    title = re.search(r'<title>(.*)</title>', page.read_text())[1]
    assert title.index('v24') < title.index('v23')


def test_a_csv_by_step_with_estimates(hotswap, tmp_path: Path) -> None:
    path = tmp_path / 's.csv'
    lines = [f't{n // 2},{n % 2},{int(n % 40 > 3)},{int(n % 40 > 20)}' for n in range(400)]
    path.write_text('task_id,agreement,success,predicted_success\n' + '\n'.join(lines))
    result = hotswap('shadow', path)
    assert result.exit_code == 0
    assert '50.0% of 400 steps' in ' '.join(result.output.split())
    assert 'Retrain the shadow' in result.output


def test_the_word_of_a_simulator_may_be_true_or_false(hotswap, tmp_path: Path) -> None:
    path = tmp_path / 's.csv'
    lines = [f't{n},4,4,true,{"true" if n % 2 else "no"}' for n in range(60)]
    path.write_text('task_id,steps,agreed,success,shadow_success\n' + '\n'.join(lines))
    result = hotswap('shadow', path)
    assert result.exit_code == 0
    assert '-50.0 points' in result.output


def test_what_a_recording_has_twice_counts_once_and_is_told(hotswap, tmp_path: Path) -> None:
    once = [comparison(n // 2, agreement=n > 9, step=n) for n in range(80)]
    figures = tmp_path / 's.json'
    found = {}
    for name, messages in (('once', once), ('twice', [*once, *once[:30]])):
        path = write_mcap(tmp_path / f'{name}.mcap', messages)
        result = hotswap('shadow', path, '--json', figures)
        assert result.exit_code == 0
        found[name] = json.loads(figures.read_text())
        assert ('30 shadow comparisons' in ' '.join(result.output.split())) == (name == 'twice')
    assert found['once']['steps'] == found['twice']['steps'] == 80
    assert found['once']['agreement'] == found['twice']['agreement']


def test_what_a_file_lacks_is_told(hotswap, tmp_path: Path) -> None:
    path = write_mcap(tmp_path / 's.mcap', [comparison(n, agreement=True) for n in range(40)])
    path.write_bytes(path.read_bytes()[:-200])
    assert 'cut off or damaged' in ' '.join(hotswap('shadow', path).output.split())
    table = tmp_path / 's.csv'
    table.write_text('task_id,steps,agreed\nt1,4,4\n\nt2,4,4\nt3,4')
    assert 'the last line is cut off' in ' '.join(hotswap('shadow', table).output.split())


def test_a_recording(hotswap, tmp_path: Path) -> None:
    start, end = telemetry('boot', {'v24': [0, 0, 0]}), telemetry('boot', {'v24': [1, 0, 0]})
    end[2]['versions'][0]['shadow_offered'] = 80
    messages = [start, *(comparison(n // 2, agreement=n > 1, step=n) for n in range(80)), end]
    messages += [task_result(n) for n in range(40)]
    result = hotswap('shadow', write_mcap(tmp_path / 'fleet.mcap', messages))
    assert result.exit_code == 0
    text = ' '.join(result.output.split())
    assert 'v24 decides as v23 does in 97.5% of 80 steps' in text
    assert 'every step of 39 of 40 tasks' in text
    assert '100.0%' in text


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('task_id,steps\na,1\n', "no column 'agreed'"),
        ('task_id,steps,agreed\na,1,2\n', 'is more than the 1 steps'),
        ('task_id,steps,agreed,offered\na,3,2,1\n', '3 that were compared'),
        ('task_id,steps,agreed\na,3,3\nb,3,\n', 'not how many of the 3 steps'),
        ('task_id,agreement\na,1\na,\n', 'is neither yes nor no'),
        ('task_id,steps,agreed\n', 'has no rows'),
        ('task_id,steps,agreed\na,0,0\n', 'nothing was compared'),
        ('task_id,steps,agreed\na,9,9\nb,9,9\na,9,9\n', "'a' in lines 2 and 4"),
        ('task_id,steps,agreed,shadow_success\na,2,2,90\n', "column 'shadow_success': '90'"),
    ],
)
def test_errors_are_sentences(hotswap, tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / 's.csv'
    path.write_text(text)
    result = hotswap('shadow', path)
    assert result.exit_code == 1
    assert words in result.output


def test_two_shadows_in_a_recording_are_refused(hotswap, tmp_path: Path) -> None:
    messages = [comparison(1, agreement=True), comparison(2, agreement=True, shadow='v25')]
    result = hotswap('shadow', write_mcap(tmp_path / 'fleet.mcap', messages))
    assert result.exit_code == 1
    assert 'v24 with v23, v25 with v23' in result.output
