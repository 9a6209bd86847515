# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Routings that take effect later, versions that drain, and loads that do not fit."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hotswap_ros.models import ModelRepository
from hotswap_ros.serving import (
    Engine,
    EngineSettings,
    InUseError,
    InvalidRoutingError,
    NoMemoryError,
    Routing,
    StaleGenerationError,
    VersionState,
)


@pytest.fixture
def wall() -> Any:
    """Return wall time that a test moves by hand; timers never come due by it."""
    return type('Wall', (), {'now': 1e9, '__call__': lambda self: self.now})()


@pytest.fixture
def timed(make_version: Any, repository: ModelRepository, clock: Any, wall: Any) -> Engine:
    for number in (1, 2):
        make_version(f'v{number}', bias=number / 10)
    engine = Engine(repository, 'policy', clock=clock, wall_clock=wall)
    engine.load('v1')
    engine.load('v2')
    engine.set_routing(Routing('policy', 'v1', generation=1))
    return engine


def later(generation: int = 2, at: float = 1e9 + 1000, **fields: Any) -> Routing:
    return Routing('policy', 'v2', generation=generation, activate_at=at, **fields)


def test_it_takes_effect_when_its_time_has_come(timed: Engine, wall: Any, observe: Any) -> None:
    assert timed.set_routing(later()) == Routing('policy', 'v1', generation=1)
    assert timed.pending == later()
    wall.now += 999.9
    assert not timed.tick()
    assert timed.infer(observe(), 'before').version == 'v1'
    wall.now += 0.1
    changes: list[None] = []
    timed.on_change = lambda: changes.append(None)
    assert timed.tick()
    assert (timed.routing, timed.pending) == (later(), None)
    assert timed.infer(observe(), 'after').version == 'v2'
    assert timed.infer(observe(), 'before').version == 'v1'
    # Once, and not again.
    assert not timed.tick()
    assert len(changes) == 1


@pytest.mark.parametrize('at', [0.0, 1.0, 1e9])
def test_what_has_passed_is_at_once(timed: Engine, at: float) -> None:
    assert timed.set_routing(later(at=at)).stable == 'v2'
    assert timed.pending is None


def test_a_newer_generation_supersedes_it(timed: Engine, wall: Any) -> None:
    timed.set_routing(later(2))
    with pytest.raises(StaleGenerationError):
        timed.set_routing(Routing('policy', 'v1', 'v2', 0.5, generation=2))
    timed.set_routing(Routing('policy', 'v1', 'v2', 0.5, generation=3))
    assert timed.pending is None
    wall.now += 2000
    timed.tick()
    assert timed.routing.generation == 3


def test_the_same_pending_one_again_is_a_success(timed: Engine) -> None:
    timed.set_routing(later())
    changes: list[None] = []
    timed.on_change = lambda: changes.append(None)
    assert timed.set_routing(later()).stable == 'v1'
    assert not changes


def test_what_is_pending_is_not_unloaded(timed: Engine) -> None:
    timed.set_routing(later())
    with pytest.raises(InUseError, match='the routing names it'):
        timed.unload('v2')


def test_it_flips_by_itself(make_version: Any, repository: ModelRepository) -> None:
    make_version('v1')
    make_version('v2')
    # Wall time that has come as soon as it is looked at for the third time.
    looks = iter([0.0, 0.0])
    engine = Engine(repository, 'policy', wall_clock=lambda: next(looks, 1e9))
    engine.load('v1')
    engine.load('v2')
    engine.set_routing(Routing('policy', 'v1', generation=1))
    flipped = threading.Event()
    engine.on_change = lambda: flipped.set() if engine.routing.stable == 'v2' else None
    engine.set_routing(later(at=0.01))
    assert flipped.wait(60)
    assert engine.pending is None


def test_closing_forgets_it(timed: Engine, wall: Any) -> None:
    timed.set_routing(later())
    timed.close()
    wall.now += 2000
    assert not timed.tick()


@pytest.mark.parametrize('at', [-1.0, float('inf'), float('nan')])
def test_no_time_at_all_is_refused(at: float) -> None:
    with pytest.raises(InvalidRoutingError, match='seconds since 1970'):
        later(at=at)


# --- Draining -----------------------------------------------------------------------------------


def state_of(engine: Engine, version: str) -> VersionState:
    return next(info.state for info in engine.versions() if info.version == version)


def test_unloading_waits_for_the_last_task(timed: Engine, observe: Any) -> None:
    timed.infer(observe(), 'task')
    timed.set_routing(Routing('policy', 'v2', generation=2))
    draining = threading.Event()
    timed.on_change = lambda: (
        draining.set() if state_of(timed, 'v1') is VersionState.DRAINING else None
    )
    with ThreadPoolExecutor(1) as pool:
        unloading = pool.submit(timed.unload, 'v1', 60.0)
        assert draining.wait(60)
        assert timed.infer(observe(), 'task').version == 'v1'
        timed.report_task('task', True)
        unloading.result(60)
    assert state_of(timed, 'v1') is VersionState.RELEASED


def test_a_task_that_does_not_end_in_time_keeps_its_version(timed: Engine, observe: Any) -> None:
    timed.infer(observe(), 'task')
    timed.set_routing(Routing('policy', 'v2', generation=2))
    with pytest.raises(InUseError, match=r'1 task\(s\) under way'):
        timed.unload('v1', drain_s=1e-3)
    assert state_of(timed, 'v1') is VersionState.READY
    assert timed.infer(observe(), 'task').version == 'v1'


def test_a_task_without_requests_ends_the_drain(timed: Engine, observe: Any, clock: Any) -> None:
    timed.infer(observe(), 'task')
    timed.set_routing(Routing('policy', 'v2', generation=2))
    draining = threading.Event()
    timed.on_change = draining.set
    with ThreadPoolExecutor(1) as pool:
        unloading = pool.submit(timed.unload, 'v1', 60.0)
        assert draining.wait(60)
        clock.now += 60
        timed.tick()
        unloading.result(60)
    assert state_of(timed, 'v1') is VersionState.RELEASED


def test_a_version_that_drains_may_be_named_again(timed: Engine, observe: Any) -> None:
    timed.infer(observe(), 'task')
    timed.set_routing(Routing('policy', 'v2', generation=2))
    draining = threading.Event()
    timed.on_change = draining.set
    with ThreadPoolExecutor(1) as pool:
        unloading = pool.submit(timed.unload, 'v1', 60.0)
        assert draining.wait(60)
        timed.set_routing(Routing('policy', 'v1', generation=3))
        with pytest.raises(InUseError, match='the routing names it'):
            unloading.result(60)
    assert state_of(timed, 'v1') is VersionState.READY


# --- Memory -------------------------------------------------------------------------------------


def test_a_load_that_would_not_fit_is_refused_with_figures(
    make_version: Any, repository: ModelRepository
) -> None:
    for version in ('v1', 'v2', 'v3'):
        make_version(version, size_bytes=40_000_000)
    engine = Engine(
        repository, 'policy', EngineSettings(resident_limit=3, memory_budget_bytes=130_000_000)
    )
    engine.load('v1')
    engine.load('v2')
    with pytest.raises(NoMemoryError) as caught:
        engine.load('v3')
    assert (caught.value.need, caught.value.budget) == (60_000_000, 130_000_000)
    assert caught.value.taken == {'v1': 60_000_000, 'v2': 60_000_000}
    assert 'needs about 60 MB, taken v1 60 MB, v2 60 MB, budget 130 MB' in str(caught.value)
    assert state_of(engine, 'v3') is VersionState.FAILED
    engine.unload('v2')
    assert engine.load('v3').state is VersionState.READY


def test_a_worker_counts_too(make_version: Any, repository: ModelRepository) -> None:
    make_version('v1', size_bytes=1000)
    make_version('v2', size_bytes=1000)
    with Engine(
        repository, 'policy', EngineSettings(isolation='worker', memory_budget_bytes=50_000_000)
    ) as engine:
        engine.load('v1')
        with pytest.raises(NoMemoryError, match='it needs about 70 MB'):
            engine.load('v2')


def test_a_promotion_that_would_not_fit_leaves_the_worker_serving(
    watch: Any, observe: Any, caplog: pytest.LogCaptureFixture
) -> None:
    watched = watch({'size_bytes': 10_000_000}, memory_budget_bytes=90_000_000)
    engine = watched.engine
    engine.set_routing(Routing('policy', 'v2', generation=3))
    watched.wait_until(lambda: 'stays in its worker: no memory' in caplog.text)
    assert engine.infer(observe(), 'task').version == 'v2'
    assert list(engine.workers()) == ['v2']


def test_a_routing_whose_version_was_lost_does_not_take_effect(timed: Engine, wall: Any) -> None:
    timed.set_routing(later())
    timed._versions.discard('v2')
    wall.now += 1000
    timed.tick()
    assert (timed.routing.stable, timed.pending) == ('v1', None)


def test_a_routing_takes_effect_with_a_version_that_was_loaded_anew(
    timed: Engine, wall: Any, observe: Any
) -> None:
    timed.set_routing(later())
    timed._versions.discard('v2')
    timed.load('v2')
    wall.now += 1000
    timed.tick()
    assert timed.infer(observe(), 'task').version == 'v2'
    assert timed.counters()['v2'].errors == 0
