# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Recurrent states and histories: each version remembers its own tasks, and nothing else."""

import os
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from hotswap_ros.models import FailureCause, Interface, InvalidManifestError, differences
from hotswap_ros.serving import Decision, Engine, ObservationError, Routing

STATE = [{'input': 'h_in', 'output': 'h_out'}]
LOUD = 5000.0  # an observation that brings the sum of v2 out of its bounds


def sums(hidden: int = 1, scale: float = 1.0) -> bytes:
    """Return a graph whose decision is the sum of all first numbers of a task, times `scale`."""
    constants = {
        'start': np.array([0], np.int64),
        'one': np.array([1], np.int64),
        'weights': np.full((hidden, 2), scale / hidden, np.float32),
    }
    return graph_of(
        [
            helper.make_node('Slice', ['observation', 'start', 'one', 'one'], ['first']),
            helper.make_node('Add', ['h_in', 'first'], ['h_out']),
            helper.make_node('MatMul', ['h_out', 'weights'], ['decision']),
        ],
        {'observation': [1, 4], 'h_in': [1, hidden]},
        {'decision': [1, 2], 'h_out': [1, hidden]},
        constants,
    )


def windows(steps: int = 3) -> bytes:
    """Return a graph whose decision is the first and the last of the first numbers."""
    constants = {'ends': np.array([0, steps - 1], np.int64), 'zero': np.array(0, np.int64)}
    return graph_of(
        [
            helper.make_node('Gather', ['observation', 'zero'], ['first'], axis=2),
            helper.make_node('Gather', ['first', 'ends'], ['decision'], axis=1),
        ],
        {'observation': [1, steps, 4]},
        {'decision': [1, 2]},
        constants,
    )


def graph_of(
    nodes: list[Any],
    inputs: dict[str, list[int]],
    outputs: dict[str, list[int]],
    constants: dict[str, Any],
) -> bytes:
    graph = helper.make_graph(
        nodes,
        'policy',
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    return bytes(model.SerializeToString())


Maker = Callable[..., Any]


def summing(hidden: int = 1, scale: float = 1.0, **fields: Any) -> dict[str, Any]:
    """Return the fields of a version that sums."""
    high = fields.pop('high', 1e6)
    return {
        'content': sums(hidden, scale),
        'inputs': [
            {'name': 'observation', 'shape': [1, 4]},
            {'name': 'h_in', 'shape': [1, hidden]},
        ],
        'outputs': [
            {'name': 'decision', 'shape': [1, 2], 'low': -1e6, 'high': high},
            {'name': 'h_out', 'shape': [1, hidden]},
        ],
        'state': STATE,
        **fields,
    }


@pytest.fixture
def make_summing(make_version: Any) -> Maker:
    """Return a maker of versions that sum."""

    def make(version: str, **fields: Any) -> Any:
        return make_version(version, **summing(**fields))

    return make


@pytest.fixture
def serve(make_summing: Maker, engine: Engine) -> Callable[..., Engine]:
    """Return a maker of an engine with v1, and a candidate v2 of another hidden size."""

    def start(share: float = 1.0, v2: dict[str, Any] | None = None, **v1: Any) -> Engine:
        make_summing('v1', **v1)
        make_summing('v2', hidden=3, scale=10.0, **{'high': 1000.0, **(v2 or {})})
        for version in ('v1', 'v2'):
            engine.load(version)
        engine.set_routing(Routing('policy', 'v1', 'v2', share))
        return engine

    return start


def value_of(decision: Decision) -> float:
    assert list(decision.outputs) == ['decision'], 'a state is no decision'
    return float(decision.outputs['decision'][0, 0])


def test_each_task_begins_with_the_initial_state(serve: Any, observe: Any) -> None:
    engine = serve(share=0.0)
    assert [value_of(engine.infer(observe(n), 'one')) for n in (1, 2, 3)] == [1, 3, 6]
    assert value_of(engine.infer(observe(5), 'two')) == 5
    assert value_of(engine.infer(observe(1), 'one')) == 7
    engine.report_task('one', True)
    assert value_of(engine.infer(observe(1), 'one')) == 1


@pytest.mark.parametrize('initial', [2.5, [2.5]])
def test_an_initial_state_that_is_given(make_summing: Maker, engine: Engine, initial: Any) -> None:
    make_summing('v1', state=[{**STATE[0], 'initial': initial}])
    engine.load('v1')
    engine.set_routing(Routing('policy', 'v1'))
    inputs = {'observation': np.ones((1, 4), np.float32)}
    assert value_of(engine.infer(inputs, 'task')) == 3.5


def test_a_candidate_with_another_hidden_size_keeps_its_own_state(
    serve: Any, observe: Any, repository: Any
) -> None:
    engine = serve()
    forms = [Interface.of(repository.manifest('policy', version)) for version in ('v1', 'v2')]
    assert not differences(*forms)
    values = [value_of(engine.infer(observe(n), 'task')) for n in (1, 2, 3)]
    np.testing.assert_allclose(values, [10, 30, 60], rtol=1e-6)


def test_a_state_is_never_an_observation(serve: Any, observe: Any) -> None:
    engine = serve()
    given = {**observe(), 'h_in': np.full((1, 1), 7, np.float32)}
    alone = value_of(engine.infer(observe(), 'one'))
    assert value_of(engine.infer(given, 'two')) == alone, 'the engine has its own'


def test_a_stable_version_that_takes_over_begins_anew(serve: Any, observe: Any) -> None:
    engine = serve()
    engine.infer(observe(1), 'task')
    decision = engine.infer(observe(LOUD), 'task')
    assert (decision.version, decision.cause) == ('v1', FailureCause.OUT_OF_BOUNDS)
    assert value_of(decision) == LOUD
    # The candidate goes on with its own state, as it was before it failed.
    assert value_of(engine.infer(observe(2), 'task')) == pytest.approx(30)
    # Stable has not seen what the candidate decided since.
    assert value_of(engine.infer(observe(LOUD + 1), 'task')) == LOUD + 1


def test_a_stable_version_that_runs_along_remembers(serve: Any, observe: Any) -> None:
    engine = serve(take_over='warm')
    for number in (1, 2, 3):
        assert engine.infer(observe(number), 'task').version == 'v2'
    decision = engine.infer(observe(LOUD), 'task')
    assert (decision.version, value_of(decision)) == ('v1', LOUD + 6)
    engine.set_routing(Routing('policy', 'v1', generation=9))
    assert value_of(engine.infer(observe(1), 'task')) == LOUD + 7
    # It only went along: what it has decided is counted, and nothing else.
    assert engine.counters()['v1'].requests == 1


def test_a_stable_version_that_cannot_take_over_is_safe_until_the_task_ends(
    serve: Any, observe: Any
) -> None:
    engine = serve(take_over='safe', safe_decision={'decision': -1.0})
    engine.infer(observe(1), 'task')
    decision = engine.infer(observe(LOUD), 'task')
    assert decision.is_safe_decision
    assert (decision.version, decision.cause) == ('v1', FailureCause.OUT_OF_BOUNDS)
    assert engine.infer(observe(1), 'task').version == 'v2'
    engine.set_routing(Routing('policy', 'v1', generation=9))
    for _ in range(2):
        decision = engine.infer(observe(1), 'task')
        assert (decision.is_safe_decision, value_of(decision)) == (True, -1.0)
    # It decides tasks that it begins, and those of which the candidate failed the first request.
    assert not engine.infer(observe(1), 'next').is_safe_decision


def test_a_first_request_that_fails_is_answered_by_stable(serve: Any, observe: Any) -> None:
    engine = serve(take_over='safe', safe_decision={'decision': -1.0})
    decision = engine.infer(observe(LOUD), 'task')
    assert (decision.version, decision.is_safe_decision) == ('v1', False)


def test_a_state_that_is_not_finite_is_not_kept(
    make_summing: Maker, engine: Engine, observe: Any
) -> None:
    make_summing('v1', safe_decision={'decision': 0.0})
    engine.load('v1')
    engine.set_routing(Routing('policy', 'v1'))
    assert value_of(engine.infer(observe(1), 'task')) == 1
    largest = float(np.finfo(np.float32).max)
    assert engine.infer(observe(largest), 'task').is_safe_decision
    assert engine.infer(observe(largest), 'task').is_safe_decision
    assert value_of(engine.infer(observe(2), 'task')) == 3


@pytest.fixture
def shadowing(watch: Any) -> tuple[Any, list[Any]]:
    """Return an engine with v1, and v2 in a worker, and what is compared of them."""
    watched = watch(summing(hidden=2), v1=summing())
    watched.engine.set_routing(Routing('policy', 'v1', generation=3))
    heard: list[Any] = []

    def hear(comparison: Any) -> None:
        heard.append(comparison)
        watched.poke()

    watched.engine.on_shadow = hear
    return watched, heard


def test_a_shadow_remembers_tasks_of_its_own(shadowing: Any, observe: Any) -> None:
    watched, heard = shadowing
    engine = watched.engine
    engine.infer(observe(7), 'before')
    engine.set_routing(Routing('policy', 'v1', shadow='v2', generation=4))
    engine.infer(observe(1), 'before')  # of which the shadow has missed the begin
    for number in (1, 2, 3):
        engine.infer(observe(number), 'task')
    watched.wait_until(lambda: len(heard) == 3)
    assert [c.shadow_outputs['decision'][0, 0] for c in heard] == [1, 3, 6]
    assert all(c.agreement and list(c.stable_outputs) == ['decision'] for c in heard)
    shadow = engine.counters()['v2'].shadow
    assert (shadow.offered, shadow.dropped, shadow.compared) == (4, 1, 3)


def test_a_shadow_that_was_restarted_knows_nothing_of_tasks_under_way(
    shadowing: Any, observe: Any
) -> None:
    watched, heard = shadowing
    engine = watched.engine
    engine.set_routing(Routing('policy', 'v1', shadow='v2', generation=4))
    engine.infer(observe(1), 'task')
    watched.wait_until(lambda: len(heard) == 1)
    pid = watched.pid()
    os.kill(pid, signal.SIGKILL)
    watched.wait_for_another_worker(pid)
    engine.infer(observe(2), 'task')
    engine.infer(observe(3), 'next')
    watched.wait_until(lambda: len(heard) == 2)
    shadow = engine.counters()['v2'].shadow
    assert (shadow.offered, shadow.dropped, shadow.agreed) == (3, 1, 2)


@pytest.fixture
def windowed(make_version: Any, engine: Engine) -> Engine:
    """Return an engine whose version sees three observations."""
    make_version(
        'v1',
        content=windows(),
        inputs=[{'name': 'observation', 'shape': [1, 3, 4]}],
        history={'observation': 3},
    )
    engine.load('v1')
    engine.set_routing(Routing('policy', 'v1'))
    return engine


def test_a_history_has_the_last_observations_of_the_task(windowed: Engine, observe: Any) -> None:
    seen = [windowed.infer(observe(n), 'task').outputs['decision'][0] for n in (1, 2, 3, 4)]
    np.testing.assert_array_equal(seen, [[1, 1], [1, 2], [1, 3], [2, 4]])
    np.testing.assert_array_equal(
        windowed.infer(observe(9), 'other').outputs['decision'][0], [9, 9]
    )


def test_a_history_is_not_given_by_the_robot(windowed: Engine) -> None:
    with pytest.raises(ObservationError, match=r'float32\[1, 4\]'):
        windowed.infer({'observation': np.zeros((1, 3, 4), np.float32)}, 'task')


@pytest.mark.parametrize(
    ('fields', 'words'),
    [
        ({'state': [{'input': 'g_in', 'output': 'h_out'}]}, 'g_in'),
        ({'state': [{'input': 'observation', 'output': 'h_out'}]}, 'one form'),
        ({'state': [*STATE, *STATE]}, 'twice'),
        ({'state': [{**STATE[0], 'initial': [0.0, 1.0]}]}, '2 numbers'),
        ({'history': {'observation': 7}}, 'no dimension'),
        ({'history': {'h_in': 2}}, 'no observation'),
        ({'take_over': 'safe'}, 'safe_decision'),
        ({'state': [], 'take_over': 'warm'}, 'remembers nothing'),
        ({'safe_decision': {'decision': 0.0, 'h_out': 0.0}}, 'outputs are'),
    ],
)
def test_what_does_not_fit_is_refused(
    make_summing: Maker, repository: Any, fields: dict[str, Any], words: str
) -> None:
    make_summing('v1', **fields)
    with pytest.raises(InvalidManifestError, match=words):
        repository.manifest('policy', 'v1')
