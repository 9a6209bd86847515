# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Versions that hang, bloat or kill whatever loads them: a worker, and nothing else."""

import os
import resource
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from hotswap_ros.serving import (
    Engine,
    EngineSettings,
    LoadFailedError,
    Routing,
    RuntimeSettings,
    VersionState,
)
from hotswap_ros.serving.worker.job import Job
from hotswap_ros.serving.worker.load_deadline import LoadDeadline
from hotswap_ros.serving.worker.process import Process
from hotswap_ros.serving.worker.waiting import ThreadActivity

#: A model with this fault loops without end where the first number is negative.
LOOPS_AT_LOWEST = {
    'fault': 'endless',
    'inputs': [{'name': 'observation', 'shape': [1, 4], 'low': -1.0, 'high': 1.0}],
}


def model_of(
    nodes: list[Any], constants: dict[str, np.ndarray[Any, Any]], outputs: list[str]
) -> bytes:
    """Return a model of the tests' usual input and these nodes."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        'policy',
        [value('observation', TensorProto.FLOAT, ['batch', 4])],
        [value(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    return bytes(model.SerializeToString())


def large_constant(size: int) -> bytes:
    """Return a small file with a constant of that many numbers."""
    nodes = [
        helper.make_node('ConstantOfShape', ['dims'], ['large']),
        helper.make_node('ReduceMax', ['large'], ['one_number'], keepdims=0),
        helper.make_node('Add', ['one_number', 'zeros'], ['decision']),
    ]
    constants = {'dims': np.array([size], np.int64), 'zeros': np.zeros((1, 2), np.float32)}
    return model_of(nodes, constants, ['decision'])


def many_outputs(count: int) -> bytes:
    """Return a model with that many outputs."""
    names = [f'output_{number}' for number in range(count)]
    nodes = [helper.make_node('Identity', ['zeros'], [name]) for name in names]
    return model_of(nodes, {'zeros': np.zeros((1, 2), np.float32)}, names)


@pytest.fixture
def engine(repository: Any) -> Iterator[Engine]:
    settings = EngineSettings(
        resident_limit=8, isolation='worker', idle_background=False, load_deadline_s=3.0
    )
    with Engine(repository, 'policy', settings) as engine:
        yield engine


def test_loads_that_never_end_are_refused_and_disturb_nobody(
    engine: Engine, make_version: Any, observe: Any
) -> None:
    make_version('v1')
    make_version('loops', **LOOPS_AT_LOWEST)
    make_version('loops_on_recent', fault='endless')
    make_version('bloats', content=large_constant(1_500_000_000))
    make_version('talks', content=many_outputs(5_000))
    engine.load('v1')
    engine.set_routing(Routing('policy', 'v1', generation=1))
    engine.infer(observe(-1), 'task')
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    names = ('loops', 'loops_on_recent', 'bloats', 'talks')
    with ThreadPoolExecutor(4) as pool:
        loads = [pool.submit(engine.load, name) for name in names]
        assert engine.infer(observe(), 'task').version == 'v1'
        errors = [load.exception() for load in loads]
    assert [type(error) for error in errors] == [LoadFailedError] * 4
    assert max(len(str(error)) for error in errors) < 1000
    assert all('load_deadline_s' in str(error) for error in errors[:2])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB
    assert engine.workers() == {}


def test_the_first_version_is_loaded_in_a_worker_first(engine: Engine, make_version: Any) -> None:
    make_version('v1', content=large_constant(1_500_000_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(LoadFailedError, match='memory'):
        engine.load('v1')
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB
    make_version('v1', bias=0.5)
    engine.load('v1')
    assert engine.workers() == {}


def test_a_load_can_be_cancelled(make_version: Any, repository: Any) -> None:
    make_version('v1')
    make_version('v2', **LOOPS_AT_LOWEST)
    is_warming = threading.Event()
    settings = EngineSettings(isolation='worker', idle_background=False, load_deadline_s=600.0)
    with Engine(repository, 'policy', settings) as engine, ThreadPoolExecutor(1) as pool:

        def look() -> None:
            if VersionState.WARMING in [i.state for i in engine.versions() if i.version == 'v2']:
                is_warming.set()

        engine.load('v1')
        engine.on_change = look
        load = pool.submit(engine.load, 'v2')
        assert is_warming.wait(60)
        engine.unload('v2')
        assert isinstance(load.exception(60), LoadFailedError)
        assert engine.versions()[1].state is VersionState.RELEASED


def test_a_worker_has_no_network_no_variables_and_no_privileges_to_gain(
    make_version: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('SECRET_OF_THE_ROBOT', 's3cret')
    process = Process(Job(make_version.root, make_version.manifest(), RuntimeSettings(), False))
    try:
        assert any('manifest' in news for news in process.news())
        proc = Path(f'/proc/{process.pid}')
        assert b's3cret' not in (proc / 'environ').read_bytes()
        assert 'NoNewPrivs:\t1' in (proc / 'status').read_text()
        limits = (proc / 'limits').read_text().splitlines()
        bounded = ('data size', 'address space', 'file size', 'core file size', 'open files')
        for name in bounded:
            limit = next(line for line in limits if line.startswith(f'Max {name}'))
            assert 'unlimited' not in limit
        # Where this system allows it.
        flags = '-n' if os.geteuid() == 0 else '-Un'
        if subprocess.run(['unshare', flags, 'true'], check=False).returncode == 0:
            routes = (proc / 'net' / 'route').read_text().splitlines()
            assert len(routes) <= 1  # the headings
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize('is_starved', [False, True])
def test_a_deadline_counts_sleep_and_no_wait_for_a_processor(
    monkeypatch: pytest.MonkeyPatch, is_starved: bool
) -> None:
    looks = threading.Semaphore(0)

    def activity(pid: int) -> ThreadActivity:
        looks.release()
        return ThreadActivity(is_starved, 7.0)

    where = 'hotswap_ros.serving.worker.load_deadline'
    monkeypatch.setattr(f'{where}.activity_of_process', activity)
    monkeypatch.setattr(f'{where}._PERIOD_S', 0.001)
    is_over = threading.Event()
    with LoadDeadline(1, 0.05, is_over.set):
        if is_starved:
            for _ in range(200):
                assert looks.acquire(timeout=60)
            assert not is_over.is_set()
        else:
            assert is_over.wait(60)
