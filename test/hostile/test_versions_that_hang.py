# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Versions that never answer: in the process that acts, and while they are loaded."""

import threading
from pathlib import Path
from typing import Any

import pytest

from hotswap_ros.serving import (
    Engine,
    EngineSettings,
    FailureCause,
    InferenceFailedError,
    Routing,
)

SAFE = {'decision': 0.5}


@pytest.fixture(autouse=True)
def _hang_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ('onnx.watchdog', 'onnx.session', 'worker.process'):
        monkeypatch.setattr(f'hotswap_ros.serving.{module}.HANG_S', 0.05)


@pytest.fixture
def robot(make_version: Any, clock: Any, tmp_path: Path) -> Any:
    """Return a maker of engines that share a state folder: each is another start of the robot."""
    make_version('v1', bias=1.0)
    make_version('v2', fault='endless', deadline_ms=50.0, safe_decision=SAFE)

    def start(**settings: Any) -> Engine:
        folder = tmp_path / 'state'
        given = EngineSettings(state_folder=folder, **settings)
        return Engine(make_version.repository, 'policy', given, clock=clock)

    return start


@pytest.fixture
def clock() -> Any:
    class Clock:
        now = 1000.0

        def __call__(self) -> float:
            return self.now

    return Clock()


def promote(engine: Engine, clock: Any, unload: bool = False) -> Engine:
    """Let v1 serve until it is proven, and then v2."""
    engine.load('v1')
    engine.set_routing(Routing('policy', 'v1', generation=1))
    clock.now += 300
    engine.tick()
    engine.load('v2')
    engine.set_routing(Routing('policy', 'v2', generation=2))
    if unload:
        engine.unload('v1')
    return engine


def wait_for(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name.startswith(name):
            thread.join(30)


@pytest.mark.parametrize('is_unloaded', [False, True])
def test_stable_that_hangs_is_replaced_by_the_last_proven_version(
    robot: Any, clock: Any, observe: Any, is_unloaded: bool
) -> None:
    engine = promote(robot(), clock, is_unloaded)
    assert engine.infer(observe(), 'task').version == 'v2'
    decision = engine.infer(observe(-1), 'task')
    assert decision.is_safe_decision
    assert decision.cause is FailureCause.CRASH
    wait_for('fall back')
    assert engine.infer(observe(-1), 'task').version == 'v1'
    assert engine.routing == Routing('policy', 'v1', generation=2)
    assert engine.breaker is not None
    assert engine.breaker.version == 'v2'
    engine.tick()
    wait_for('last known good')
    again = robot()
    again.restore()
    assert again.routing.stable == 'v1'


def test_a_version_that_had_been_proven_falls_back_to_the_one_before(
    robot: Any, clock: Any, observe: Any
) -> None:
    engine = promote(robot(), clock)
    clock.now += 300
    engine.tick()
    engine.infer(observe(-1), 'task')
    assert engine.infer(observe(-1), 'task').version == 'v1'


def test_a_candidate_that_hangs_in_this_process_is_dropped(robot: Any, observe: Any) -> None:
    engine = robot()
    engine.load('v1')
    engine.load('v2')
    engine.set_routing(Routing('policy', 'v1', 'v2', 1.0, generation=1))
    decision = engine.infer(observe(-1), 'task')
    assert (decision.version, decision.fallback) == ('v1', True)
    assert engine.routing.candidate == ''


def test_without_another_version_it_serves_on(robot: Any, observe: Any, make_version: Any) -> None:
    make_version('v3', fault='endless', deadline_ms=50.0)
    engine = robot()
    engine.load('v3')
    engine.set_routing(Routing('policy', 'v3', generation=1))
    for _ in range(2):
        with pytest.raises(InferenceFailedError):
            engine.infer(observe(-1), 'task')
        assert engine.infer(observe(), 'task').version == 'v3'


def test_many_requests_that_hang_at_once_end_each(robot: Any, clock: Any, observe: Any) -> None:
    engine = promote(robot(), clock)
    decisions: list[Any] = []
    threads = [
        threading.Thread(target=lambda n=n: decisions.append(engine.infer(observe(-1), f't{n}')))
        for n in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(decisions) == 3
    assert engine.routing.stable == 'v1'
