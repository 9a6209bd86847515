# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every reader of files is given damaged ones: it reads them, or raises the error it declares."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from _journals import make_journal, open_all
from _mutations import feed, memory_at_most
from mcap_ros2.writer import Writer

from hotswap_ros.cli.files.comparisons import load_comparisons
from hotswap_ros.cli.files.reading import load_trial
from hotswap_ros.cli.files.samples import SamplesError, read_samples
from hotswap_ros.cli.files.statistics import StatisticsError, read_scalings
from hotswap_ros.coordinator import JournalError
from hotswap_ros.gates.analysis import AnalysisError
from hotswap_ros.models import InvalidManifestError, Routing, TensorSpec
from hotswap_ros.models.importers import ImportRefusedError, read_onnx
from hotswap_ros.models.repository import manifest_of
from hotswap_ros.plan import PlanError, load_plan, read_plan_file
from hotswap_ros.serving.versions.last_known_good import LastKnownGood
from hotswap_ros.sim.faults.faults import FaultError, load_faults
from hotswap_ros.sim.scenario import ScenarioError, find_scenario

ROOT = Path(__file__).resolve().parents[2]
#: What reading small files may need: the unpacked recordings are the largest part.
ROOM = 400_000_000
INPUTS = [TensorSpec(name='observation', shape=(1, 4))]


class Reader(NamedTuple):
    """
    A sound file with its name, who reads it, and the errors that are declared.

    `few` is how many damaged ones are read in each test run: slow readers read fewer.
    """

    name: str
    content: Callable[[Any], bytes]
    read: Callable[[Path], object]
    errors: tuple[type[Exception], ...]
    few: int = 100


def _table(made: Any) -> bytes:
    rows = (
        f'v{23 + n % 2},r{n % 4},task_{n},{n % 3 > 0},2026-03-01T12:{n % 60:02d}:00Z,{n / 7:.2f}'
        for n in range(60)
    )
    return '\n'.join(['version,robot_id,task_id,success,started,duration_s', *rows]).encode()


def _lines(made: Any) -> bytes:
    titles, *rows = _table(made).decode().splitlines()
    names = titles.split(',')
    return '\n'.join(
        json.dumps(dict(zip(names, r.split(','), strict=True))) for r in rows
    ).encode()


def _shadows(made: Any) -> bytes:
    rows = (f'task_{n},r{n % 4},9,{n % 9}' for n in range(40))
    return '\n'.join(['task_id,robot_id,steps,agreed', *rows]).encode()


def _recording(made: Any) -> bytes:
    moment = 'int32 sec\nuint32 nanosec'
    text = (ROOT / 'msg' / 'TaskResult.msg').read_text()
    parts = [text, *(f'MSG: builtin_interfaces/{n}\n{moment}' for n in ('Time', 'Duration'))]
    file = io.BytesIO()
    writer = Writer(file)
    schema = writer.register_msgdef('hotswap_ros/msg/TaskResult', f'\n{"=" * 80}\n'.join(parts))
    for n in range(40):
        fields = {
            'stamp': {'sec': 100 + n, 'nanosec': 0},
            'robot_id': f'r{n % 4}',
            'model_id': 'pick_policy',
            'task_id': f'task_{n}',
            'category': 'near',
            'version': f'v{23 + n % 2}',
            'success': n % 3 > 0,
            'stuck': False,
            'error': '',
            'duration': {'sec': 2, 'nanosec': 0},
            'progress': -1.0,
            'interventions': 0,
        }
        writer.write_message('/fleet/task_results', schema, fields, log_time=n)
    writer.finish()
    return file.getvalue()


def _npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _figures() -> dict[str, Any]:
    return {'observation.mean': np.zeros(4), 'observation.std': np.ones(4)}


def _json_figures(made: Any) -> bytes:
    return b'{"observation": {"mean": [0, 1, 2, 3], "std": [1, 1, 1, 1], "count": [9]}}'


def _state(made: Any) -> bytes:
    folder = made.folder / 'state'
    routing = Routing('policy', generation=7, stable='v1', candidate='v2', candidate_share=0.2)
    known = LastKnownGood(folder, 'policy')
    known.note(routing, None, ['v1'], {'v1': '0' * 64})
    known.save()
    return (folder / 'policy.json').read_bytes()


def _recall(path: Path) -> object:
    known = LastKnownGood(path.parent, 'policy')
    return known.recall() or known.problem


READERS = (
    Reader(
        'manifest.json',
        lambda made: made.manifest,
        lambda path: manifest_of(path.read_bytes(), 'policy', 'v1', path),
        (InvalidManifestError,),
        few=400,
    ),
    Reader(
        'plan.yaml',
        lambda made: (ROOT / 'config/plans/phases_v24.yaml').read_bytes(),
        lambda path: load_plan(read_plan_file(path)),
        (PlanError,),
    ),
    Reader(
        'plan.json',
        lambda made: (
            b'{"strategy": "Canary", "modelId": "p", "version": "v2", '
            b'"stages": [{"percentage": 100, "tasks": 9}]}'
        ),
        lambda path: load_plan(read_plan_file(path)),
        (PlanError,),
    ),
    Reader('trial.csv', _table, load_trial, (AnalysisError,), few=60),
    Reader('trial.jsonl', _lines, load_trial, (AnalysisError,), few=60),
    Reader('shadow.csv', _shadows, load_comparisons, (AnalysisError,), few=60),
    Reader('trial.mcap', _recording, load_trial, (AnalysisError,), few=60),
    Reader('journal.sqlite3', lambda made: made.journal, open_all, (JournalError,), few=30),
    Reader('policy.json', _state, _recall, ()),
    Reader(
        'scenario.yaml',
        lambda made: (ROOT / 'config/scenarios/quick_outage.yaml').read_bytes(),
        lambda path: find_scenario(path.parent, path.stem),
        (ScenarioError,),
    ),
    Reader(
        'faults.json',
        lambda made: b'[{"fault": "reboot", "atS": 10, "durationS": 60, "robots": ["r1"]}]',
        load_faults,
        (FaultError,),
    ),
    Reader(
        'samples.npz',
        lambda made: _npz(observation=np.ones((8, 1, 4), np.float32)),
        lambda path: read_samples(path, INPUTS),
        (SamplesError,),
        few=400,
    ),
    Reader(
        'statistics.npz',
        lambda made: _npz(**_figures()),
        lambda path: read_scalings(path, False),
        (StatisticsError,),
        few=400,
    ),
    Reader(
        'statistics.json',
        _json_figures,
        lambda path: read_scalings(path, False),
        (StatisticsError,),
        few=400,
    ),
    Reader(
        'policy.onnx',
        lambda made: made.model,
        lambda path: read_onnx(path, {'batch': 1}),
        (ImportRefusedError,),
    ),
)


class Made(NamedTuple):
    """The sound files that take longer to make."""

    folder: Path
    manifest: bytes
    model: bytes
    journal: bytes


@pytest.fixture
def made(make_version: Any, tmp_path: Path) -> Made:
    folder = make_version('v1')
    manifest, model = (folder / name for name in ('manifest.json', 'model.onnx'))
    journal = make_journal(tmp_path / 'sound.sqlite3')
    return Made(tmp_path, manifest.read_bytes(), model.read_bytes(), journal)


@pytest.mark.parametrize('reader', READERS, ids=lambda reader: reader.name)
def test_a_damaged_file_is_read_or_refused(
    reader: Reader, made: Made, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    (tmp_path / 'read').mkdir()
    path = tmp_path / 'read' / reader.name
    content = reader.content(made)
    path.write_bytes(content)
    reader.read(path)
    draw = random.Random(f'{reader.name} {pytestconfig.getoption("--seed")}')
    number = pytestconfig.getoption('--fuzz') or reader.few
    with memory_at_most(ROOM):
        refused = feed(lambda _: reader.read(path), content, reader.errors, draw, number, path)
    assert refused or not reader.errors
