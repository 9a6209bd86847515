# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap diagnose` from a folder of files to a page."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from _recordings import robot_status, task_result, telemetry, write_mcap

from hotswap_ros.cli.files.case_files import Sources, load_case
from hotswap_ros.cli.files.reading import AS_IT_IS
from hotswap_ros.coordinator import Journal
from hotswap_ros.plan import load_plan
from hotswap_ros.rollout import RolloutState, Status


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a case with everything: category 'new' fails, and 'goal' has moved."""
    chance = random.Random(1)
    tasks, inputs, reviewed, shadow = [], [], [], []
    for number in range(2000):
        version, category = chance.choice(['v23', 'v24']), chance.choice(['old', 'new'])
        bad = (version, category) == ('v24', 'new')
        won = chance.random() < (0.6 if bad else 0.92)
        tasks.append(f't{number},r{number % 8},{version},{category},{number},{int(won)}')
        inputs.append(f't{number},{chance.gauss(1.5, 1):.3f},{chance.gauss(0, 1):.3f}')
        shadow.append(f't{number},20,{18 if bad else 20}')
        if not won and len(reviewed) < 50:
            reviewed.append(f't{number},{version},no')
    training = [f'{chance.gauss(0, 1):.3f},{chance.gauss(0, 1):.3f}' for _ in range(3000)]
    for name, header, lines in (
        ('tasks', 'task_id,robot_id,version,category,started,success', tasks),
        ('inputs', 'task_id,goal,speed', inputs),
        ('training', 'goal,speed', training),
        ('reviewed', 'task_id,version,correct', reviewed),
        ('shadow', 'task_id,steps,agreed', shadow),
    ):
        (tmp_path / f'{name}.csv').write_text('\n'.join([header, *lines]))
    return tmp_path


def test_a_folder_becomes_a_page(hotswap, folder: Path) -> None:
    page, figures = folder / 'page.html', folder / 'figures.json'
    result = hotswap('diagnose', folder, '--known', 'old', '--html', page, '--json', figures)
    assert result.exit_code == 0
    found = json.loads(figures.read_text())
    by_kind = {one['kind']: one['finding'] for one in found['hypotheses']}
    assert by_kind['overfitting'] == 'supported'
    # The inputs have moved, but tasks with strange ones do not fail more often.
    assert by_kind['drift'] == 'possible'
    assert by_kind['label_noise'] == 'not supported'
    assert by_kind['disagreement'] == 'supported'
    assert found['drifts'][0]['feature'] == 'goal'
    text = page.read_text()
    assert '<title>' in text
    assert 'v24' in text
    assert text.count('data:image/svg+xml') == 2


def test_a_failure_that_nobody_has_reviewed_yet_is_no_review(folder: Path) -> None:
    with (folder / 'reviewed.csv').open('a') as file:
        file.write('\nt1,v24,\nt2,v24,yes')
    case, _ = load_case(Sources(folder), '', '', '', AS_IT_IS, '')
    assert case.reviews is not None
    assert len(case.reviews) == 51


def test_a_manifest_tells_the_lab_and_the_deciles(hotswap, folder: Path) -> None:
    deciles = [-1.28, -0.84, -0.52, -0.25, 0, 0.25, 0.52, 0.84, 1.28]
    manifest = {
        'input_statistics': {'goal': {'mean': 0, 'std': 1, 'deciles': deciles}},
        'training': {'measured': {'success_by_category': {'old': 0.93}}},
    }
    (folder / 'manifest.json').write_text(json.dumps(manifest))
    figures = folder / 'figures.json'
    result = hotswap('diagnose', folder, '--json', figures)
    assert result.exit_code == 0
    found = json.loads(figures.read_text())
    assert [one['feature'] for one in found['drifts']] == ['goal']
    assert found['hypotheses'][0]['finding'] == 'supported'
    assert '93.0% in the lab' in result.output


def test_a_rollout_of_the_journal(hotswap, folder: Path, tmp_path: Path) -> None:
    plan = load_plan(
        '{"modelId": "m", "version": "v24", "strategy": "Canary", "stages": '
        '[{"percentage": 100, "tasks": 40}]}'
    )
    state = RolloutState(
        rollout_id='rollout-1', plan=plan, steps=(), previous={'r1': 'v23'}, started=500.0
    )
    state.status, state.ended, state.reason = Status.ROLLED_BACK, 1500.0, 'v24 was worse.'
    report = {
        'started': 500.0,
        'rolling_back_since': 1500.0,
        'ended': 1501.0,
        'reason': 'v24 was worse.',
        'status': 'rolled_back',
        'plan': {'version': 'v24'},
        'previous': {'r1': 'v23'},
    }
    path = tmp_path / 'journal.sqlite3'
    journal = Journal(path)
    journal.commit(rollouts=[(state, report)])
    journal.close()
    result = hotswap('diagnose', folder, '--journal', path)
    assert result.exit_code == 0
    assert 'rollout rollout-1 of v24: v24 was worse.' in ' '.join(result.output.split())
    wrong = hotswap('diagnose', folder, '--journal', path, '--rollout', 'rollout-7')
    assert wrong.exit_code == 1
    assert "no rollout 'rollout-7' (known: rollout-1)" in ' '.join(wrong.output.split())


def test_a_recording(hotswap, tmp_path: Path) -> None:
    chance = random.Random(2)
    messages = [
        task_result(n, chance.choice(['v23', 'v24']), success=chance.random() < 0.9)
        for n in range(300)
    ]
    result = hotswap('diagnose', write_mcap(tmp_path / 'fleet.mcap', messages))
    assert result.exit_code == 0
    assert '1. Chance' in result.output


def test_labels_of_robots_are_read_from_a_recording(hotswap, tmp_path: Path) -> None:
    chance = random.Random(3)
    robots = [f'r{number}' for number in range(10)]
    # Robots report the labels with every model: a second one is no model of this trial.
    messages = [robot_status(r, [f'firmware={n % 2}'], 'grasp') for n, r in enumerate(robots)]
    for number in range(3000):
        version, robot = chance.choice(['v23', 'v24']), chance.randrange(10)
        rate = 0.6 if version == 'v24' and robot % 2 else 0.9
        won = chance.random() < rate
        messages.append(task_result(number, version, success=won, robot_id=robots[robot]))
    figures = tmp_path / 'figures.json'
    result = hotswap('diagnose', write_mcap(tmp_path / 'f.mcap', messages), '--json', figures)
    assert result.exit_code == 0
    first = json.loads(figures.read_text())['hypotheses'][0]
    assert first['kind'] == 'label'
    assert 'firmware=1' in first['title']


def test_a_recording_counts_its_inputs(hotswap, tmp_path: Path) -> None:
    """Drift needs no file of inputs: robots count them between the deciles of the training."""
    chance = random.Random(2)
    even, low = [100] * 10, [1000, *[0] * 9]
    messages = [
        # What was counted before the recording is left out, and a lost or late message is no harm.
        telemetry('a', {'v23': [9, 0, 0], 'v24': [0, 0, 0]}, inputs={'v24': {'goal[0]': low}}),
        *(
            task_result(n, v, success=chance.random() < (0.9 if v == 'v23' else 0.7))
            for n, v in enumerate(chance.choices(['v23', 'v24'], k=1200))
        ),
        telemetry(
            'a',
            {'v23': [9, 9, 0], 'v24': [9, 9, 0]},
            inputs={
                'v23': {'goal[0]': even, 'goal[1]': even},
                'v24': {'goal[0]': [1000, *[10] * 4, *[300] * 5], 'goal[1]': even},
            },
        ),
        telemetry('a', {'v24': [1, 0, 0]}, inputs={'v24': {'goal[0]': low}}),
    ]
    write_mcap(tmp_path / 'fleet.mcap', messages)
    figures = tmp_path / 'figures.json'
    result = hotswap('diagnose', tmp_path, '--json', figures)
    assert result.exit_code == 0
    found = json.loads(figures.read_text())
    assert [(one['feature'], one['level'], one['n']) for one in found['drifts']] == [
        ('goal[0]', 'strong', 1540),
        ('goal[1]', 'none', 1000),
    ]
    assert found['drifts'][0]['training_median'] is None
    assert found['hypotheses'][0]['kind'] == 'drift'
    assert 'inputs of v23 match' in ' '.join(found['hypotheses'][0]['supports'])
    deciles = [-1.28, -0.84, -0.52, -0.25, 0, 0.25, 0.52, 0.84, 1.28]
    manifest = {'version': 'v24', 'input_statistics': {'goal[0]': {'deciles': deciles}}}
    (tmp_path / 'manifest.json').write_text(json.dumps(manifest))
    hotswap('diagnose', tmp_path, '--json', figures)
    drift = json.loads(figures.read_text())['drifts'][0]
    assert drift['training_median'] == pytest.approx(0, abs=1e-9)
    assert 0.52 < drift['median'] < 0.84
    (tmp_path / 'manifest.json').write_text(json.dumps({**manifest, 'version': 'v22'}))
    wrong = hotswap('diagnose', tmp_path)
    assert wrong.exit_code == 1
    assert 'manifest.json belongs to v22: give the training data of v24' in ' '.join(
        wrong.output.split()
    )


@pytest.mark.parametrize(
    ('file', 'text', 'words'),
    [
        ('reviewed.csv', 'task_id\nt1\n', "no column 'was_right'"),
        ('training.csv', 'other\n1\n2\n', 'inputs.csv has no feature'),
        ('manifest.json', '[]', 'manifest.json has no training statistics'),
        ('manifest.json', '{"input_statistics": {"goal": {}}}', 'has no training statistics'),
    ],
)
def test_errors_are_sentences(hotswap, folder: Path, file: str, text: str, words: str) -> None:
    (folder / file).write_text(text)
    result = hotswap('diagnose', folder)
    assert result.exit_code == 1
    assert words in ' '.join(result.output.split())
    assert 'Traceback' not in result.output


def test_an_empty_folder(hotswap, tmp_path: Path) -> None:
    result = hotswap('diagnose', tmp_path)
    assert result.exit_code == 1
    assert 'has no tasks.csv, no trial.csv and no recording' in ' '.join(result.output.split())
