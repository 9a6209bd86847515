# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Chunks: each step is guarded, and versions of other lengths run beside each other."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from hotswap_ros.models import FailureCause, Interface, InvalidManifestError, differences
from hotswap_ros.serving import Engine, Routing

LIMIT = 0.2


def line(steps: int) -> bytes:
    """Return a graph whose step k is the observation's first number and k times its second."""
    weights = np.zeros((4, steps * 2), np.float32)
    weights[0] = 1.0
    weights[1] = np.repeat(np.arange(steps), 2)
    nodes = [
        helper.make_node('MatMul', ['observation', 'weights'], ['flat']),
        helper.make_node('Reshape', ['flat', 'shape'], ['decision']),
    ]
    constants = {'weights': weights, 'shape': np.array([1, steps, 2], np.int64)}
    graph = helper.make_graph(
        nodes,
        'policy',
        [helper.make_tensor_value_info('observation', TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info('decision', TensorProto.FLOAT, [1, steps, 2])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    return bytes(model.SerializeToString())


def chunked(steps: int = 8, *, execute: int = 4, **fields: Any) -> dict[str, Any]:
    """Return the fields of a version that puts out chunks."""
    output = {'name': 'decision', 'shape': [1, steps, 2], 'low': -10, 'high': 10}
    return {
        'content': line(steps),
        'outputs': [{**output, 'rate_limit': LIMIT}],
        'chunk': {'step_s': 0.02, 'execute': execute},
        **fields,
    }


def at(first: float, slope: float = 0.0) -> dict[str, NDArray[Any]]:
    return {'observation': np.array([[first, slope, 0, 0]], np.float32)}


@pytest.fixture
def serve(make_version: Any, engine: Engine) -> Callable[[], Engine]:
    """Return a maker of an engine with v1, and a candidate v2 with longer chunks."""

    def start() -> Engine:
        make_version('v1', **chunked(8, safe_decision={'decision': 0.0}))
        make_version('v2', **chunked(12, execute=6))
        for version in ('v1', 'v2'):
            engine.load(version)
        engine.set_routing(Routing('policy', 'v1', 'v2', 1.0))
        return engine

    return start


def test_a_version_with_longer_chunks_is_a_candidate(serve: Any, repository: Any) -> None:
    engine = serve()
    manifests = [repository.manifest('policy', version) for version in ('v1', 'v2')]
    assert not differences(*map(Interface.of, manifests))
    decision = engine.infer(at(1.0, 0.1), 'task')
    assert (decision.version, decision.outputs['decision'].shape) == ('v2', (1, 12, 2))
    assert decision.chunk is not None
    assert decision.chunk.execute == 6


def test_single_steps_and_chunks_do_not_fit_together(make_version: Any) -> None:
    single = Interface.of(make_version.manifest('v1'))
    chunks = Interface.of(make_version.manifest('v2', **chunked()))
    assert differences(single, chunks)
    assert differences(chunks, single)


def test_a_jump_within_a_chunk_breaks_the_rate_limit(serve: Any) -> None:
    engine = serve()
    assert engine.infer(at(0.0, LIMIT), 'task').cause is None
    decision = engine.infer(at(0.0, 1.5 * LIMIT), 'task')
    assert (decision.version, decision.cause) == ('v1', FailureCause.RATE_LIMIT)
    assert decision.is_safe_decision, 'stable jumps in the same way'
    assert decision.outputs['decision'].shape == (1, 8, 2)


def test_a_chunk_begins_near_a_step_of_the_one_before(serve: Any) -> None:
    engine = serve()
    assert engine.infer(at(0.0, 0.1), 'task').cause is None  # from 0.0 to 1.1
    assert engine.infer(at(0.7, 0.1), 'task').cause is None
    decision = engine.infer(at(5.0), 'task')
    assert (decision.version, decision.cause) == ('v1', FailureCause.RATE_LIMIT)
    # A task begins wherever it wants.
    assert engine.infer(at(5.0), 'next').cause is None


def test_shadows_are_compared_in_the_steps_that_both_have(watch: Any) -> None:
    watched = watch(chunked(12), v1=chunked(8))
    engine, heard = watched.engine, []

    def hear(comparison: Any) -> None:
        heard.append(comparison)
        watched.poke()

    engine.on_shadow = hear
    engine.set_routing(Routing('policy', 'v1', shadow='v2', generation=3))
    engine.infer(at(1.0, 0.1), 'task')
    watched.wait_until(lambda: heard)
    (comparison,) = heard
    assert comparison.agreement
    assert comparison.distance == pytest.approx(0.0, abs=1e-6)
    assert comparison.stable_outputs['decision'].shape == (1, 8, 2)
    assert comparison.shadow_outputs['decision'].shape == (1, 12, 2)


def test_shorter_shadows_are_compared_too(watch: Any) -> None:
    watched = watch(chunked(4), v1=chunked(8))
    engine, heard = watched.engine, []
    engine.on_shadow = lambda comparison: (heard.append(comparison), watched.poke())
    engine.set_routing(Routing('policy', 'v1', shadow='v2', generation=3))
    engine.infer(at(1.0, 0.1), 'task')
    watched.wait_until(lambda: heard)
    assert heard[0].agreement
    assert heard[0].stable_outputs['decision'].shape == (1, 4, 2)


@pytest.mark.parametrize(
    ('chunk', 'words'),
    [
        ({'axis': 2}, 'before the last one'),
        ({'execute': 9}, '8 steps'),
        ({'blend': 9}, '8 steps'),
        ({'discrete': ['decision[2]']}, r'decision\[2\]'),
        ({'step_s': 0.0}, 'step_s'),
    ],
)
def test_what_is_no_chunk_is_refused(
    make_version: Any, repository: Any, chunk: dict[str, Any], words: str
) -> None:
    make_version('v1', **chunked(chunk={'step_s': 0.02, 'execute': 4, **chunk}))
    with pytest.raises(InvalidManifestError, match=words):
        repository.manifest('policy', 'v1')
