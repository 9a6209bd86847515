# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Recordings as rosbag2 leaves them: folders, parts, compressed, cut off, in either storage."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
import zstandard
from _recordings import definition, task_result, telemetry, write_mcap
from mcap.reader import NonSeekingReader

from hotswap_ros.cli.files.bag import Bag
from hotswap_ros.cli.files.reading import load_trial
from hotswap_ros.cli.files.recording import read_recording
from hotswap_ros.gates.analysis import AnalysisError

_PARTS = ([task_result(n) for n in range(5)], [telemetry('b', {'v23': [1, 0, 0]}), task_result(7)])


def metadata(folder: Path, names: list[str], mode: str = '', written: str = '') -> None:
    found = {'relative_file_paths': names, 'compression_mode': mode, 'compression_format': written}
    text = yaml.safe_dump({'rosbag2_bagfile_information': {'version': 9, **found}})
    (folder / 'metadata.yaml').write_text(text)


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """Return a folder with two parts, whose schemas have the same numbers."""
    folder = tmp_path / 'bag'
    folder.mkdir()
    for number, messages in enumerate(_PARTS):
        write_mcap(folder / f'bag_{number}.mcap', messages)
    metadata(folder, ['bag_0.mcap', 'bag_1.mcap'])
    return folder


def tasks(path: Path) -> list[str]:
    return [record.task_id for record in read_recording(path).tasks]


ALL = ['task_0', 'task_1', 'task_2', 'task_3', 'task_4', 'task_7']


def test_all_parts_are_read_in_the_order_of_the_metadata(bag: Path) -> None:
    assert tasks(bag) == ALL
    metadata(bag, ['bag_1.mcap', 'bag/bag_0.mcap'])
    assert tasks(bag) == [ALL[-1], *ALL[:-1]]
    assert len(load_trial(bag).records) == 6
    assert not load_trial(bag).warnings


def test_without_metadata_parts_are_read_by_number(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        write_mcap(tmp_path / f'bag_{number}.mcap', [task_result(number)])
    assert tasks(tmp_path) == ['task_1', 'task_9', 'task_10']
    assert any('no metadata.yaml' in text for text in load_trial(tmp_path).warnings)


@pytest.mark.parametrize('content', ['', 'nonsense', '[', 'rosbag2_bagfile_information: 5'])
def test_damaged_metadata(bag: Path, content: str) -> None:
    (bag / 'metadata.yaml').write_text(content)
    assert tasks(bag) == ALL
    assert any('metadata.yaml is damaged' in text for text in load_trial(bag).warnings)


def test_missing_and_unknown_parts_are_told(bag: Path) -> None:
    metadata(bag, ['bag_0.mcap', 'bag_5.mcap'])
    trial = load_trial(bag)
    assert len(trial.records) == 6
    assert any('missing: bag_5.mcap' in text for text in trial.warnings)
    assert any('does not name, read last: bag_1.mcap' in text for text in trial.warnings)


def test_a_part_that_is_cut_off(bag: Path) -> None:
    path = bag / 'bag_0.mcap'
    path.write_bytes(path.read_bytes()[:-200])
    trial = load_trial(bag)
    assert 'task_7' in [record.task_id for record in trial.records]
    path.write_bytes(b'')
    trial = load_trial(bag)
    assert [record.task_id for record in trial.records] == ['task_7']
    assert any('bag_0.mcap is cut off' in text for text in trial.warnings)


def test_files_compressed_with_zstandard(bag: Path) -> None:
    for path in list(bag.glob('*.mcap')):
        path.with_name(f'{path.name}.zstd').write_bytes(zstandard.compress(path.read_bytes()))
        path.unlink()
    metadata(bag, ['bag_0.mcap.zstd', 'bag_1.mcap.zstd'], 'FILE', 'zstd')
    assert tasks(bag) == ALL
    assert tasks(bag / 'bag_1.mcap.zstd') == ['task_7']


@pytest.mark.parametrize('ending', ['.lz4', '.gz', '.zst'])
def test_other_compression_is_named_with_the_remedy(bag: Path, ending: str) -> None:
    (bag / 'bag_1.mcap').rename(bag / f'bag_1.mcap{ending}')
    metadata(bag, ['bag_0.mcap', f'bag_1.mcap{ending}'])
    with pytest.raises(AnalysisError, match=rf'(unlz4|gunzip -k|unzstd) .*bag_1\.mcap{ending}'):
        load_trial(bag)
    metadata(bag, ['bag_0.mcap'], 'MESSAGE', 'lz4')
    with pytest.raises(AnalysisError, match='ros2 bag convert'):
        load_trial(bag)


def write_db3(path: Path, *, packed: bool = False, defined: bool = True) -> None:
    """Write the messages of the first part, as rosbag2 does."""
    source = write_mcap(path.with_suffix('.tmp'), _PARTS[0])
    with source.open('rb') as file, closing(sqlite3.connect(path)) as db, db:
        db.execute(
            'CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, '
            'serialization_format TEXT NOT NULL, offered_qos_profiles TEXT NOT NULL)'
        )
        db.execute(
            'CREATE TABLE messages (id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, '
            'timestamp INTEGER NOT NULL, data BLOB NOT NULL)'
        )
        kind = 'hotswap_ros/msg/TaskResult'
        db.execute("INSERT INTO topics VALUES (1, '/fleet/task_results', ?, 'cdr', '')", (kind,))
        db.execute("INSERT INTO topics VALUES (2, '/rosout', 'rcl_interfaces/msg/Log', 'cdr', '')")
        db.execute("INSERT INTO messages VALUES (99, 2, 0, x'00')")
        if defined:
            db.execute(
                'CREATE TABLE message_definitions (id INTEGER PRIMARY KEY, topic_type TEXT, '
                'encoding TEXT, encoded_message_definition TEXT, type_description_hash TEXT)'
            )
            row = (kind, 'ros2msg', definition('TaskResult'))
            db.execute("INSERT INTO message_definitions VALUES (1, ?, ?, ?, '')", row)
        for number, (_, _, message) in enumerate(NonSeekingReader(file).iter_messages()):
            data: Any = zstandard.compress(message.data) if packed else message.data
            db.execute('INSERT INTO messages VALUES (?, 1, ?, ?)', (number, number, data))
    source.unlink()


def test_the_other_storage_stays_as_it_is(tmp_path: Path) -> None:
    write_db3(tmp_path / 'bag_0.db3')
    metadata(tmp_path, ['bag_0.db3'])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert tasks(tmp_path) == tasks(tmp_path / 'bag_0.db3') == ALL[:5]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_other_storage_compressed(tmp_path: Path) -> None:
    write_db3(tmp_path / 'bag_0.db3', packed=True)
    metadata(tmp_path, ['bag_0.db3'], 'MESSAGE', 'zstd')
    assert tasks(tmp_path) == ALL[:5]
    plain = tmp_path / 'bag_0.db3'
    write_db3(tmp_path / 'other.db3')
    (tmp_path / 'bag_0.db3.zstd').write_bytes(
        zstandard.compress((tmp_path / 'other.db3').read_bytes())
    )
    plain.unlink()
    (tmp_path / 'other.db3').unlink()
    metadata(tmp_path, ['bag_0.db3'], 'FILE', 'zstd')
    assert tasks(tmp_path) == ALL[:5]


def test_a_recording_without_definitions(tmp_path: Path) -> None:
    write_db3(tmp_path / 'bag_0.db3', defined=False)
    with pytest.raises(AnalysisError, match='ros2 bag convert'):
        load_trial(tmp_path)


def test_a_database_that_is_damaged(tmp_path: Path) -> None:
    (tmp_path / 'bag_0.db3').write_bytes(b'SQLite format 3\0' * 300)
    with pytest.raises(AnalysisError, match='is no recording'):
        load_trial(tmp_path)


def test_a_database_that_is_gone_when_it_is_read(tmp_path: Path) -> None:
    write_db3(tmp_path / 'bag_0.db3')
    bag = Bag(tmp_path)
    bag.parts[0].unlink()
    with pytest.raises(AnalysisError, match='cannot be read'):
        list(bag.messages(lambda _: True))


def test_a_stuck_task_of_an_older_recording_failed(tmp_path: Path) -> None:
    path = write_mcap(tmp_path / 'a.mcap', [task_result(1, stuck=True), task_result(2)])
    assert [record.successes for record in read_recording(path).tasks] == [0, 1]


def test_a_folder_without_a_trial(tmp_path: Path) -> None:
    (tmp_path / 'notes.txt').write_text('')
    with pytest.raises(AnalysisError, match='no recording'):
        load_trial(tmp_path)
