# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The check of a task's first observation: once, and never under the lock of the engine."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from hotswap_ros.models import TaskCounts
from hotswap_ros.serving import Engine, ObservationError, Routing


class Check:
    """Counts the checks of one version; the first one waits for `gate`."""

    def __init__(self, engine: Engine, version: str, gate: threading.Event | None = None) -> None:
        loaded = engine._versions.ready(version)
        self._check = loaded.observation.check
        self._gate = gate
        self.entered = threading.Event()
        self.count = 0
        loaded.observation = self  # type: ignore[assignment]

    def check(self, inputs: dict[str, Any]) -> None:
        self.count += 1
        self.entered.set()
        if self._gate is not None and self.count == 1:
            assert self._gate.wait(30)
        self._check(inputs)


@pytest.fixture
def serving(make_version: Any, engine: Engine) -> Engine:
    """Return an engine with v1 in force, and v2 loaded, which decides something else."""
    make_version('v1', bias=0.1)
    make_version('v2', bias=0.2)
    engine.load('v1')
    engine.load('v2')
    engine.set_routing(Routing('policy', 'v1', generation=1))
    return engine


def test_each_observation_is_checked_once(serving: Engine, observe: Any) -> None:
    check = Check(serving, 'v1')
    serving.infer(observe(), 'task')
    assert check.count == 1
    serving.infer(observe(), 'task')
    assert check.count == 2


def test_a_slow_check_delays_nobody_else(serving: Engine, observe: Any) -> None:
    serving.infer(observe(), 'old')
    gate = threading.Event()
    check = Check(serving, 'v1', gate)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(serving.infer, observe(), 'new')
        try:
            assert check.entered.wait(30)
            # Each of these would wait until the check ends, if it held the lock.
            pool.submit(serving.infer, observe(), 'other').result(30)
            pool.submit(serving.report_task, 'old', True).result(30)
            pool.submit(serving.counters).result(30)
            assert not first.done()
        finally:
            gate.set()
        assert first.result(30).version == 'v1'
    counted = replace(serving.counters()['v1'].tasks, duration_ms=0)
    assert counted == TaskCounts(started=3, finished=1, succeeded=1, progress=1000)


def test_a_routing_that_changes_during_the_check_decides(serving: Engine, observe: Any) -> None:
    gate = threading.Event()
    old, new = Check(serving, 'v1', gate), Check(serving, 'v2')
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(serving.infer, observe(), 'task')
        try:
            assert old.entered.wait(30)
            serving.set_routing(Routing('policy', 'v2', generation=2))
        finally:
            gate.set()
        assert first.result(30).version == 'v2'
    assert (old.count, new.count) == (1, 1), 'the version that decides has checked it too'
    counters = serving.counters()
    assert (counters['v1'].tasks.started, counters['v2'].tasks.started) == (0, 1)


def test_two_first_requests_of_a_task_begin_it_once(serving: Engine, observe: Any) -> None:
    gate = threading.Event()
    check = Check(serving, 'v1', gate)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(serving.infer, observe(), 'task')
        try:
            assert check.entered.wait(30)
            serving.infer(observe(), 'task')
        finally:
            gate.set()
        first.result(30)
    assert serving.counters()['v1'].tasks.started == 1
    assert serving.counters()['v1'].requests == 2


def test_a_wrong_first_observation_begins_no_task(serving: Engine) -> None:
    with pytest.raises(ObservationError):
        serving.infer({}, 'task')
    assert serving.counters()['v1'].tasks.started == 0
