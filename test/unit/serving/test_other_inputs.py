# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Versions that take fewer or more inputs than stable, of those that the robot provides."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from hotswap_ros.models import FailureCause
from hotswap_ros.serving import (
    Engine,
    EngineSettings,
    ObservationError,
    OtherInterfaceError,
    Routing,
)

BOTH = ('observation', 'camera')


def model_of(names: tuple[str, ...], factor: float) -> bytes:
    """Return a model that puts out the sum of its inputs, times a factor."""
    value, flat = helper.make_tensor_value_info, TensorProto.FLOAT
    nodes = [
        helper.make_node('Sum', list(names), ['sum']),
        helper.make_node('Constant', [], ['factor'], value_floats=[factor, factor]),
        helper.make_node('Mul', ['sum', 'factor'], ['decision']),
    ]
    graph = helper.make_graph(
        nodes,
        'sum',
        [value(name, flat, [1, 2]) for name in names],
        [value('decision', flat, [1, 2])],
    )
    opset = [helper.make_opsetid('', 17)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString())


def seen(*names: str) -> dict[str, Any]:
    return {name: np.full((1, 2), 1 + BOTH.index(name), np.float32) for name in names}


@pytest.fixture(params=['in_process', 'worker'])
def serve(make_version: Any, request: Any) -> Any:
    """Return a maker of engines with v1 in force: `serve(inputs of v1, inputs of v2)`."""
    engines = []

    def make(first: tuple[str, ...], second: tuple[str, ...]) -> Engine:
        for version, names, factor in (('v1', first, 1.0), ('v2', second, 2.0)):
            make_version(
                version,
                content=model_of(names, factor),
                inputs=[{'name': name, 'shape': [1, 2]} for name in names],
            )
        settings = EngineSettings(isolation=request.param, idle_background=False)
        engine = Engine(make_version.repository, 'policy', settings)
        engines.append(engine)
        engine.load('v1')
        engine.set_routing(Routing('policy', 'v1'))
        return engine

    yield make
    for engine in engines:
        engine.close()


def on_trial() -> Routing:
    return Routing('policy', 'v1', 'v2', 1.0, generation=1)


def test_a_candidate_takes_fewer_inputs_and_is_promoted(serve: Any) -> None:
    engine = serve(BOTH, ('observation',))
    engine.infer(seen(*BOTH), 'first')
    engine.load('v2')
    engine.set_routing(on_trial())
    decision = engine.infer(seen(*BOTH), 'task')
    assert (decision.version, decision.fallback) == ('v2', False)
    assert decision.outputs['decision'].tolist() == [[2, 2]]
    engine.set_routing(Routing('policy', 'v2', generation=2))
    assert engine.infer(seen(*BOTH), 'next').outputs['decision'].tolist() == [[2, 2]]


def test_a_candidate_takes_another_input_that_the_robot_gives(serve: Any) -> None:
    engine = serve(('observation',), BOTH)
    assert engine.infer(seen(*BOTH), 'first').outputs['decision'].tolist() == [[1, 1]]
    engine.load('v2')
    engine.set_routing(on_trial())
    assert engine.infer(seen(*BOTH), 'task').outputs['decision'].tolist() == [[6, 6]]


@pytest.mark.parametrize('given', [{}, {'camera': np.zeros((1, 3), np.float32)}])
def test_an_input_that_the_robot_does_not_give_is_refused_by_name(
    serve: Any, given: dict[str, Any]
) -> None:
    engine = serve(('observation',), BOTH)
    engine.infer(seen('observation') | given, 'first')
    with pytest.raises(OtherInterfaceError, match="input 'camera' is"):
        engine.load('v2')


def test_an_input_that_is_missing_later_is_a_failure_of_the_candidate(serve: Any) -> None:
    engine = serve(('observation',), BOTH)
    engine.load('v2')  # Nobody knows yet what the robot gives.
    engine.set_routing(on_trial())
    decision = engine.infer(seen('observation'), 'task')
    assert (decision.version, decision.cause) == ('v1', FailureCause.EXCEPTION)
    assert "'camera'" in decision.detail
    for number in range(10):
        engine.infer(seen('observation'), f'task {number}')
    assert engine.breaker is not None
    assert engine.routing.versions == ('v1',)


def test_stable_has_to_be_able_to_answer(serve: Any) -> None:
    engine = serve(BOTH, ('observation',))
    engine.load('v2')
    engine.set_routing(on_trial())
    with pytest.raises(ObservationError, match="input 'camera'"):
        engine.infer(seen('observation'), 'task')


@pytest.mark.parametrize('serve', ['worker'], indirect=True)
def test_a_shadow_without_its_input_is_offered_nothing(serve: Any) -> None:
    engine = serve(('observation',), BOTH)
    engine.load('v2')
    engine.set_routing(Routing('policy', 'v1', shadow='v2', generation=1))
    assert engine.infer(seen('observation'), 'task').version == 'v1'
    counts = engine.counters()['v2'].shadow
    assert (counts.offered, counts.dropped) == (1, 1)
