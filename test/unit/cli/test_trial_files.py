# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Trials from files: what is understood, and what is said about what is not."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from _recordings import definition, task_result, telemetry, write_mcap
from mcap.writer import Writer
from mcap_ros2.writer import Writer as Ros2Writer

from hotswap_ros.cli.files.recording import read_recording
from hotswap_ros.cli.files.tasks import read_trial
from hotswap_ros.gates.analysis import AnalysisError


@pytest.fixture
def table(tmp_path: Path):
    def write(*lines: str, encoding: str = 'utf-8') -> Path:
        path = tmp_path / 'trial.csv'
        path.write_text('\n'.join(lines) + '\n', encoding=encoding)
        return path

    return write


def test_a_csv_with_every_column(table) -> None:
    path = table(
        'robot_id,task_id,version,category,started,duration_s,success,stuck,error,latency_ms,'
        'progress,interventions',
        'r2,t2,v24,far,2026-03-01T12:00:05Z,2,false,true,dropped,21.5,0.4,3',
        'r1,t1,v23,near,2026-03-01T12:00:00Z,2,true,false,,20,1,0',
    )
    first, second = read_trial(path).records
    assert (first.robot_id, first.version, first.successes, first.stuck) == ('r1', 'v23', 1, 0)
    assert second[:10] == ('v24', 1, 0, 1, 'r2', 'far', first.time + 5, 't2', 'dropped', 21.5)
    assert second[10:] == (0.4, 2, 3)


def test_partial_credit_as_an_outcome_is_progress(table) -> None:
    path = table('version,success', 'v1,0.25', 'v1,1', 'v2,0', 'v2,')
    found = read_trial(path).records
    assert found.progress.tolist()[:3] == [0.25, 1, 0]
    assert math.isnan(found.progress[3])
    assert found.successes.tolist() == [0, 1, 0, 0]


def test_progress_beyond_the_whole_task_is_refused(table) -> None:
    path = table('version,success,progress', 'v1,yes,1', 'v2,no,40')
    with pytest.raises(AnalysisError, match="line 3, column 'progress'"):
        read_trial(path)


@pytest.mark.parametrize('separator', [',', ';', '\t'])
def test_other_names_separators_and_words(table, separator: str) -> None:
    lines = (
        ('Robot', 'Policy Version', 'Outcome', 'End Time', 'Duration'),
        ('r1', 'v1', 'SUCCESS', '100.5', '2'),
        ('r1', 'v2', 'failed', '105', '2'),
    )
    path = table(*(separator.join(line) for line in lines), encoding='utf-8-sig')
    trial = read_trial(path)
    assert [record.successes for record in trial.records] == [1, 0]
    assert [record.time for record in trial.records] == [98.5, 103]
    assert trial.is_ordered


def test_counts_instead_of_tasks(table) -> None:
    trial = read_trial(table('version,robot,n,successes,stuck', 'v1,r1,50,46,2', 'v2,r1,60,51,0'))
    assert trial.versions == {'v1': 50, 'v2': 60}
    assert [(r.tasks, r.successes, r.stuck) for r in trial.records] == [(50, 46, 2), (60, 51, 0)]
    assert not trial.is_ordered


def test_a_task_without_an_outcome_failed(table) -> None:
    trial = read_trial(table('version,success', 'v1,1', 'v1,', 'v2,0'))
    assert [record.successes for record in trial.records] == [1, 0, 0]
    (warning,) = trial.warnings
    assert 'no outcome' in warning
    assert warning.startswith('1 ')


def test_lines_that_are_there_twice_count_once(table) -> None:
    again = 'v1,1,t1,100'
    lines = [again, 'v1,0,t2,105', again, 'v1,1,t3,110', again]
    trial = read_trial(table('version,success,task,started', *lines))
    assert [record.task_id for record in trial.records] == ['t1', 't2', 't3']
    (warning,) = trial.warnings
    assert warning.startswith('2 of 5 lines repeat')


def test_tasks_without_a_name_are_all_counted(table) -> None:
    assert len(read_trial(table('version,success', 'v1,1', 'v1,1', 'v2,1')).records) == 3


@pytest.mark.parametrize(
    ('lines', 'words'),
    [
        (
            ['version,success', 'v1,1', 'v1,maybe'],
            "trial.csv, line 3, column 'success': 'maybe' is neither yes nor no: write true or",
        ),
        (['version,success,time', 'v1,1,noon'], "column 'time': 'noon' is no time: write seconds"),
        (['version,success,latency_ms', 'v1,1,slow'], "'slow' is no number: write digits"),
        (['version,success,latency_ms', 'v1,1,inf'], "column 'latency_ms': 'inf' is not finite"),
        (['version,n,successes', 'v1,5,6'], "'6' is more than the 5 tasks of the line"),
        (['version,n,successes', 'v1,5.5,1'], "column 'n': '5.5' is no count"),
        (['version,success,time', 'v1,1,inf'], "column 'time': 'inf' is no time"),
        (['version,success,latency_ms', 'v1,1,-5'], "column 'latency_ms': '-5' is negative"),
        (['version,success', 'v1,1', ',1'], "line 3, column 'version': '' is no version"),
        (['version,success', ',1'], "column 'version' is empty"),
        (['robot,success', 'r1,1'], r"no column 'version' \(found: robot, success\): name it"),
        (['version,robot', 'v1,r1'], "no column 'success'"),
        (['version,success', 'v1,1,more'], 'line 2: more cells than the 2 columns'),
        (['version,success'], 'has no rows'),
        ([''], 'has no rows|is empty'),
    ],
)
def test_what_is_wrong_is_named(table, lines: list[str], words: str) -> None:
    with pytest.raises(AnalysisError, match=words):
        read_trial(table(*lines))


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / 'trial.csv'
    path.write_bytes(b'version,success\n\xff\xfe,1\n')
    with pytest.raises(AnalysisError, match='save it as UTF-8'):
        read_trial(path)


def test_a_recording_has_tasks_and_latencies(tmp_path: Path) -> None:
    path = write_mcap(
        tmp_path / 'fleet.mcap',
        [
            telemetry('boot 1', {'v23': [5, 0, 0]}),  # counted before the recording began
            task_result(2, 'v24', success=False, stuck=True),
            task_result(1),
            telemetry('boot 1', {'v23': [9, 3, 1]}),
            telemetry('boot 1', {'v23': [8, 2, 0]}),  # came late
            telemetry('boot 2', {'v23': [2, 0, 0], 'v24': [0, 4, 0]}),
            task_result(1),  # came twice
        ],
    )
    trial = read_recording(path).trial(path)
    first, second = trial.records
    assert (first.task_id, first.time, first.successes) == ('task_1', 98.5, 1)
    assert (second.version, second.successes, second.stuck, second.error) == (
        'v24',
        0,
        1,
        'dropped',
    )
    assert trial.latency['v23'].counts.tolist() == [9 - 5 + 2, 3, 1]
    assert trial.latency['v24'].counts.tolist() == [0, 4, 0]
    assert trial.latency['v24'].unit == 'requests'
    assert math.isclose(trial.latency['v23'].values_ms[1], 20)


def test_a_recording_that_was_cut_short_is_used(tmp_path: Path) -> None:
    path = write_mcap(
        tmp_path / 'fleet.mcap',
        [task_result(n, task_id=f'{n} {"x" * 1500}') for n in range(3000)],
    )
    whole = path.read_bytes()
    path.write_bytes(whole[: 2 * len(whole) // 3])
    recording = read_recording(path)
    assert 0 < len(recording.tasks) < 3000
    assert any('cut off or damaged' in warning for warning in recording.trial(path).warnings)


def test_several_models_need_a_name(tmp_path: Path) -> None:
    path = write_mcap(
        tmp_path / 'fleet.mcap',
        [task_result(1), task_result(2, model_id='place_policy')],
    )
    with pytest.raises(AnalysisError, match='has the models pick_policy, place_policy: name one'):
        read_recording(path)
    assert len(read_recording(path, 'place_policy').tasks) == 1
    with pytest.raises(AnalysisError, match='name one with --model'):
        read_recording(path, 'push_policy')


def test_what_is_no_recording(tmp_path: Path) -> None:
    path = tmp_path / 'fleet.mcap'
    path.write_text('version,success\n')
    with pytest.raises(AnalysisError, match='is no recording'):
        read_recording(path)
    empty = write_mcap(tmp_path / 'other.mcap', [telemetry('boot', {'v23': [1, 0, 0]})])
    with pytest.raises(AnalysisError, match='record the topic /fleet/task_results'):
        read_recording(empty).trial(empty)


@pytest.mark.parametrize('damage', ['cut', 'rotten', 'empty'])
def test_bytes_that_are_no_recording_are_a_sentence(tmp_path: Path, damage: str) -> None:
    path = write_mcap(tmp_path / 'fleet.mcap', [task_result(n) for n in range(50)])
    whole = bytearray(path.read_bytes())
    if damage == 'rotten':
        whole[60::7] = bytes(byte ^ 0x55 for byte in whole[60::7])
    path.write_bytes({'cut': whole[:40], 'empty': b''}.get(damage, whole))
    with pytest.raises(AnalysisError, match='is no recording, or'):
        read_recording(path)


def test_messages_of_another_time_are_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / 'fleet.mcap'
    with path.open('wb') as file:
        writer = Ros2Writer(file)
        schema = writer.register_msgdef('hotswap_ros/msg/TaskResult', 'string model_id')
        writer.write_message('/fleet/task_results', schema, {'model_id': 'pick_policy'})
        writer.finish()
    with pytest.raises(AnalysisError, match='another version of hotswap_ros'):
        read_recording(path)


def test_robots_that_count_in_other_bins_are_a_sentence(tmp_path: Path) -> None:
    path = write_mcap(
        tmp_path / 'fleet.mcap',
        [telemetry('a', {'v23': [1, 0, 0]}), telemetry('b', {'v23': [1, 0, 0, 0]}, 'r1')],
    )
    with pytest.raises(AnalysisError, match='in 3 bins, others in 4'):
        read_recording(path)


def test_a_message_that_does_not_fit_its_schema(tmp_path: Path) -> None:
    path = tmp_path / 'fleet.mcap'
    with path.open('wb') as file:
        writer = Writer(file)
        writer.start()
        schema = writer.register_schema(
            'hotswap_ros/msg/TaskResult', 'ros2msg', definition('TaskResult').encode()
        )
        channel = writer.register_channel('/fleet/task_results', 'cdr', schema)
        writer.add_message(channel, 0, b'\0\1\0\0short', 0)
        writer.finish()
    with pytest.raises(AnalysisError, match=r'fleet\.mcap has a message that cannot be read'):
        read_recording(path)
