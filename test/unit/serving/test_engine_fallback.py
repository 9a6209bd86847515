# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Fallback: stable answers for a candidate that fails, and both are counted."""

from typing import Any

import numpy as np
import pytest

from hotswap_ros.models import LATENCY_EDGES_MS, VersionCounters
from hotswap_ros.serving import Engine, FailureCause, InferenceFailedError, Routing
from hotswap_ros.serving.recorder import Recorder


@pytest.fixture
def serve(make_version: Any, engine: Engine) -> Any:
    """Return a function that puts v1 and a candidate v2 in force."""

    def start(**fields: Any) -> Engine:
        make_version('v1', bias=0.1)
        make_version('v2', **fields)
        engine.load('v1')
        engine.load('v2')
        engine.set_routing(Routing('policy', 'v1', 'v2', 1.0))
        return engine

    return start


FAULTS = ['exception', 'output', 'not_finite', 'out_of_bounds']


@pytest.mark.parametrize('fault', FAULTS)
def test_stable_answers_for_a_candidate_that_fails(serve: Any, observe: Any, fault: str) -> None:
    engine = serve(fault=fault, bias=0.2)
    sound = engine.infer(observe(), 'task')
    assert (sound.version, sound.fallback, sound.cause) == ('v2', False, None)
    np.testing.assert_array_equal(sound.outputs['decision'], np.full((1, 2), 0.2, np.float32))

    decision = engine.infer(observe(-1), 'task')
    assert (decision.version, decision.fallback, decision.cause) == (
        'v1',
        True,
        FailureCause(fault),
    )
    np.testing.assert_array_equal(decision.outputs['decision'], np.full((1, 2), 0.1, np.float32))
    assert bool(decision.detail) == (fault == 'exception')

    # The task goes on with its version, as long as that behaves.
    assert engine.infer(observe(), 'task').version == 'v2'
    counters = engine.counters()
    assert (counters['v2'].requests, counters['v2'].errors) == (3, 1)
    assert counters['v2'].fallbacks == {fault: 1}
    assert sum(counters['v2'].latency) == 3
    assert counters['v1'] == VersionCounters()


def test_stable_answers_for_a_candidate_that_is_late(serve: Any, observe: Any) -> None:
    engine = serve(deadline_ms=1e-9)
    decision = engine.infer(observe(), 'task')
    assert (decision.version, decision.cause) == ('v1', FailureCause.DEADLINE)
    assert engine.counters()['v2'].fallbacks == {'deadline': 1}


def test_a_late_answer_of_stable_is_given_and_counted(
    make_version: Any, engine: Engine, observe: Any
) -> None:
    make_version('v1', deadline_ms=1e-9)
    engine.load('v1')
    engine.set_routing(Routing('policy', 'v1'))
    decision = engine.infer(observe(), 'task')
    assert (decision.version, decision.fallback) == ('v1', False)
    assert decision.cause is FailureCause.DEADLINE
    assert engine.counters()['v1'].errors == 1


@pytest.mark.parametrize('fault', FAULTS)
def test_nobody_answers_for_stable(
    make_version: Any, engine: Engine, observe: Any, fault: str
) -> None:
    make_version('v1', fault=fault)
    engine.load('v1')
    engine.set_routing(Routing('policy', 'v1'))
    with pytest.raises(InferenceFailedError) as caught:
        engine.infer(observe(-1), 'task')
    assert (caught.value.version, caught.value.cause) == ('v1', FailureCause(fault))
    assert f"stable version 'v1' failed on this observation: {fault}" in str(caught.value)
    counters = engine.counters()['v1']
    assert (counters.requests, counters.errors, counters.fallbacks) == (1, 1, {})
    assert engine.infer(observe(), 'task').version == 'v1'


def test_both_fail(make_version: Any, engine: Engine, observe: Any) -> None:
    make_version('v1', fault='exception')
    make_version('v2', fault='not_finite')
    engine.load('v1')
    engine.load('v2')
    engine.set_routing(Routing('policy', 'v1', 'v2', 1.0))
    with pytest.raises(InferenceFailedError, match='Gather') as caught:
        engine.infer(observe(-1), 'task')
    assert (caught.value.version, caught.value.cause) == ('v1', FailureCause.EXCEPTION)
    counters = engine.counters()
    assert (counters['v2'].errors, counters['v2'].fallbacks) == (1, {})
    assert counters['v1'].requests == 0


def test_the_new_stable_answers_for_the_old_one(
    serve: Any, make_version: Any, observe: Any
) -> None:
    engine = serve(bias=0.2)
    make_version('v3', fault='not_finite')
    engine.load('v3')
    engine.set_routing(Routing('policy', 'v3', generation=1))
    engine.infer(observe(), 'task')
    engine.set_routing(Routing('policy', 'v2', generation=2))
    assert engine.infer(observe(), 'task').version == 'v3'
    decision = engine.infer(observe(-1), 'task')
    assert (decision.version, decision.cause) == ('v2', FailureCause.NOT_FINITE)


def test_latencies_are_those_of_the_runs(
    serve: Any, observe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = serve()
    times = iter([0.0, 0.010, 0.0121, 0.020])
    fake = lambda: next(times)  # noqa: E731
    monkeypatch.setattr('hotswap_ros.serving.engine.perf_counter', fake)
    monkeypatch.setattr('hotswap_ros.serving.versions.loaded_version.perf_counter', fake)
    assert engine.infer(observe(), 'task').latency_ms == pytest.approx(20.0)
    buckets = dict(zip((*LATENCY_EDGES_MS, None), engine.counters()['v2'].latency, strict=True))
    assert [edge for edge, count in buckets.items() if count] == [5.0]


@pytest.mark.parametrize(('took_ms', 'bucket'), [(0.0, 0), (5.0, 7), (5.001, 8), (9999.0, 21)])
def test_an_upper_edge_belongs_to_its_bucket(took_ms: float, bucket: int) -> None:
    recorder = Recorder()
    recorder.count_request(took_ms)
    assert recorder.snapshot().latency.index(1) == bucket
