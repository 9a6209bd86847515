# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A shadow: its decisions are compared, dropped and counted."""

import os
import signal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotswap_ros.models import Metric, ModelRepository, ShadowCounts
from hotswap_ros.serving import (
    Engine,
    FailureCause,
    InvalidRoutingError,
    MovingError,
    Routing,
    ShadowComparison,
)
from hotswap_ros.serving.worker.shadow_ring import distance_of

NUMBERS = st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=6)


@pytest.fixture
def shadowing(watch: Any) -> Any:
    """Return a maker of engines with v1 in force and v2 as its shadow, and of what is compared."""

    def make(v2: dict[str, Any] | None = None) -> tuple[Any, list[ShadowComparison]]:
        watched = watch(v2)
        heard: list[ShadowComparison] = []

        def hear(comparison: ShadowComparison) -> None:
            heard.append(comparison)
            watched.poke()

        watched.engine.on_shadow = hear
        watched.engine.set_routing(Routing('policy', 'v1', shadow='v2', generation=3))
        return watched, heard

    return make


def counts(engine: Engine) -> ShadowCounts:
    return engine.counters()['v2'].shadow


def test_both_decisions_on_the_same_observation(shadowing: Any, observe: Any) -> None:
    watched, heard = shadowing()
    decision = watched.engine.infer(observe(), 'task')
    assert (decision.version, decision.fallback) == ('v1', False)
    watched.wait_until(lambda: heard)
    (comparison,) = heard
    assert (comparison.task_id, comparison.cause) == ('task', None)
    assert (comparison.stable_version, comparison.shadow_version) == ('v1', 'v2')
    np.testing.assert_array_equal(
        comparison.stable_outputs['decision'], decision.outputs['decision']
    )
    assert comparison.shadow_outputs['decision'][0, 0] == np.float32(0.2)
    assert comparison.distance == pytest.approx(0.1, abs=1e-6)
    assert not comparison.agreement
    assert comparison.shadow_latency_ms > 0
    assert counts(watched.engine) == ShadowCounts(offered=1, compared=1)
    assert watched.engine.counters()['v2'].requests == 0


def test_agreement_is_within_the_shadow_s_tolerance(shadowing: Any, observe: Any) -> None:
    watched, heard = shadowing({'comparison': {'metric': 'l2', 'tolerance': 0.15}})
    watched.engine.infer(observe(), 'task')
    watched.wait_until(lambda: heard)
    assert heard[0].distance == pytest.approx(0.1 * 2**0.5, abs=1e-6)
    assert heard[0].agreement
    assert counts(watched.engine).agreed == 1


@pytest.mark.parametrize('fault', ['exception', 'not_finite', 'out_of_bounds'])
def test_a_shadow_that_fails_harms_nobody(shadowing: Any, observe: Any, fault: str) -> None:
    watched, heard = shadowing({'fault': fault})
    assert watched.engine.infer(observe(-1), 'task').cause is None
    watched.wait_until(lambda: heard)
    assert heard[0].cause is FailureCause(fault)
    assert (heard[0].shadow_outputs, heard[0].agreement) == ({}, False)
    assert counts(watched.engine) == ShadowCounts(offered=1, compared=1, failed=1)
    assert watched.engine.counters()['v2'].errors == 0


def test_what_it_cannot_keep_up_with_is_dropped_and_counted(shadowing: Any, observe: Any) -> None:
    watched, heard = shadowing()
    engine, pid = watched.engine, watched.stop()
    for _ in range(100):
        assert engine.infer(observe(), 'task').version == 'v1'
    behind = counts(engine)
    assert (behind.offered, behind.compared) == (100, 0)
    assert behind.dropped == 100 - 64
    os.kill(pid, signal.SIGCONT)
    watched.wait_until(lambda: len(heard) == 64)
    assert counts(engine) == ShadowCounts(offered=100, dropped=36, compared=64)
    # There is room again, and everything comes back in the order that it went.
    engine.infer(observe(), 'last')
    watched.wait_until(lambda: len(heard) == 65)
    assert heard[-1].task_id == 'last'


def test_what_a_dead_worker_had_is_dropped(shadowing: Any, observe: Any) -> None:
    watched, heard = shadowing()
    engine, pid = watched.engine, watched.stop()
    for _ in range(10):
        engine.infer(observe(), 'task')
    os.kill(pid, signal.SIGKILL)
    watched.wait_for_another_worker(pid)
    assert counts(engine) == ShadowCounts(offered=10, dropped=10)
    engine.infer(observe(), 'task')
    watched.wait_until(lambda: heard)
    assert counts(engine).compared == 1


def test_a_shadow_counts_what_it_would_have_seen_beside_its_training_data(
    shadowing: Any, observe: Any
) -> None:
    deciles = [number / 10 for number in range(1, 10)]
    statistics = {'observation[0]': {'mean': 0.5, 'std': 0.3, 'deciles': deciles}}
    watched, heard = shadowing({'input_statistics': statistics})
    engine, pid = watched.engine, watched.stop()
    for number in range(96):
        engine.infer(observe(0.25 if number < 32 else 7.0), 'task')
    # Every sixteenth, also of those that its worker has no room for: its inputs are the task's.
    seen = {'observation[0]': (0, 0, 2, 0, 0, 0, 0, 0, 0, 4)}
    assert engine.counters()['v2'].inputs == seen
    assert counts(engine).dropped == 96 - 64
    assert engine.counters()['v1'].inputs == {}
    os.kill(pid, signal.SIGCONT)
    watched.wait_until(lambda: len(heard) == 64)
    assert engine.counters()['v2'].inputs == seen


def test_what_the_candidate_decides_is_not_shadowed(
    watch: Any, make_version: Any, observe: Any
) -> None:
    engine = watch(resident_limit=3).engine
    make_version('v3', bias=0.3)
    engine.load('v3')
    engine.set_routing(Routing('policy', 'v1', 'v2', 1.0, shadow='v3', generation=3))
    assert engine.infer(observe(), 'task').version == 'v2'
    assert engine.counters()['v3'].shadow == ShadowCounts()


def test_a_shadow_becomes_the_candidate(shadowing: Any, observe: Any) -> None:
    watched, heard = shadowing()
    engine, pid = watched.engine, watched.pid()
    engine.infer(observe(), 'task')
    engine.set_routing(Routing('policy', 'v1', 'v2', 1.0, generation=4))
    assert engine.infer(observe(), 'other').version == 'v2'
    watched.wait_until(lambda: heard)
    assert watched.pid() == pid


def test_a_shadow_needs_a_worker(make_version: Any, repository: ModelRepository) -> None:
    make_version('v1')
    make_version('v2')
    engine = Engine(repository, 'policy')
    engine.load('v1')
    engine.load('v2')
    with pytest.raises(InvalidRoutingError, match="isolation 'worker'"):
        engine.set_routing(Routing('policy', 'v1', shadow='v2'))


def promoted_and_taken_back(watched: Any) -> Engine:
    """Return an engine with v1 in force, and v2 in the process that acts."""
    engine: Engine = watched.engine
    engine.set_routing(Routing('policy', 'v2', generation=4))
    watched.wait_until(lambda: not engine.workers())
    engine.set_routing(Routing('policy', 'v1', generation=5))
    return engine


def test_one_that_was_stable_is_moved_into_a_worker_to_shadow(
    shadowing: Any, observe: Any
) -> None:
    watched, heard = shadowing()
    engine = promoted_and_taken_back(watched)
    wanted = Routing('policy', 'v1', shadow='v2', generation=6)
    with pytest.raises(MovingError, match='set the routing again'):
        engine.set_routing(wanted)
    assert engine.infer(observe(), 'task').version == 'v1'
    watched.wait_until(engine.workers)
    assert engine.set_routing(wanted) == wanted
    engine.infer(observe(), 'task')
    watched.wait_until(lambda: heard)
    assert heard[0].shadow_version == 'v2'


def test_one_that_cannot_be_moved_says_why(
    shadowing: Any, make_version: Any, caplog: pytest.LogCaptureFixture
) -> None:
    watched, _ = shadowing()
    engine = promoted_and_taken_back(watched)
    make_version.damage(make_version.root / 'policy' / 'v2' / 'model.onnx')
    wanted = Routing('policy', 'v1', shadow='v2', generation=6)
    with pytest.raises(MovingError, match='set the routing again'):
        engine.set_routing(wanted)
    watched.wait_until(lambda: 'v2 stays in this process' in caplog.text)
    with pytest.raises(MovingError, match=r'last attempt: .* is damaged'):
        engine.set_routing(wanted)
    # To act it is as good as ever.
    engine.set_routing(Routing('policy', 'v2', generation=7))
    assert engine.workers() == {}


def test_a_listener_that_fails_stops_nothing(
    shadowing: Any, observe: Any, caplog: pytest.LogCaptureFixture
) -> None:
    watched, heard = shadowing()
    hear = watched.engine.on_shadow

    def fail(comparison: ShadowComparison) -> None:
        hear(comparison)
        raise RuntimeError('the listener is broken')

    watched.engine.on_shadow = fail
    for number in range(1, 3):
        watched.engine.infer(observe(), 'task')
        watched.wait_until(lambda number=number: len(heard) == number)
    watched.wait_until(lambda: 'the listener is broken' in caplog.text)


@given(NUMBERS, st.sampled_from(Metric), st.data())
def test_distances(numbers: list[float], metric: Metric, data: st.DataObject) -> None:
    others = data.draw(
        st.lists(st.floats(-1e3, 1e3, width=32), min_size=len(numbers), max_size=len(numbers))
    )
    one, other = ({'d': np.array([n], np.float32)} for n in (numbers, others))
    distance = distance_of(metric, one, other)
    assert distance == distance_of(metric, other, one) >= 0
    assert distance_of(metric, one, one) == 0
    expected = {
        Metric.MAX: max(abs(a - b) for a, b in zip(numbers, others)),
        Metric.RMS: np.sqrt(np.mean([(a - b) ** 2 for a, b in zip(numbers, others)])),
        Metric.L2: np.sqrt(sum((a - b) ** 2 for a, b in zip(numbers, others))),
    }[metric]
    assert distance == pytest.approx(expected, rel=1e-6, abs=1e-9)
