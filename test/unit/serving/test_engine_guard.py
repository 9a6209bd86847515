# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rate limits from one decision to the next, safe decisions, and counts by role."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from hotswap_ros.models import InvalidManifestError, ModelRepository, RoleCounts
from hotswap_ros.serving import Engine, FailureCause, InferenceFailedError, Routing


def echo() -> bytes:
    """Return a model whose decision is the first two numbers of the observation."""
    graph = helper.make_graph(
        [helper.make_node('Slice', ['observation', 'start', 'end', 'axis'], ['decision'])],
        'echo',
        [helper.make_tensor_value_info('observation', TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info('decision', TensorProto.FLOAT, [1, 2])],
        [
            helper.make_tensor(name, TensorProto.INT64, (1,), [value])
            for name, value in (('start', 0), ('end', 2), ('axis', 1))
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    return bytes(model.SerializeToString())


def outputs(**fields: Any) -> list[dict[str, Any]]:
    return [{'name': 'decision', 'shape': [1, 2], 'low': -100, 'high': 100, **fields}]


@pytest.fixture
def serve(make_version: Any, engine: Engine) -> Any:
    """Return a function that puts v1 in force, and v2 as its candidate for every task."""

    def start(stable: dict[str, Any], candidate: dict[str, Any] | None = None) -> Engine:
        make_version('v1', **stable)
        engine.load('v1')
        if candidate is not None:
            make_version('v2', **candidate)
            engine.load('v2')
        engine.set_routing(Routing('policy', 'v1', 'v2' if candidate else '', bool(candidate)))
        return engine

    return start


# --- Rate limits --------------------------------------------------------------------------------


def test_a_step_that_is_too_large(serve: Any, observe: Any) -> None:
    engine = serve({'content': echo(), 'outputs': outputs(rate_limit=0.5)})
    # The first one of a task has nothing to be held to.
    for value in (7.0, 7.5, 7.0, 6.5):
        assert engine.infer(observe(value), 'task').cause is None
    with pytest.raises(InferenceFailedError, match='rate_limit'):
        engine.infer(observe(7.1), 'task')
    # What the robot was not given is no step of its.
    assert engine.infer(observe(6.9), 'task').cause is None
    assert engine.infer(observe(0.0), 'other task').cause is None
    assert engine.counters()['v1'].stable.errors == {'rate_limit': 1}


def test_each_dimension_has_its_own(serve: Any) -> None:
    engine = serve({'content': echo(), 'outputs': outputs(rate_limit=[0.5, 5.0])})

    def infer(first: float, second: float) -> FailureCause | None:
        observation = np.array([[first, second, 0.0, 0.0]], np.float32)
        return engine.infer({'observation': observation}, 'task').cause

    infer(0.0, 0.0)
    assert infer(0.5, 5.0) is None
    with pytest.raises(InferenceFailedError):
        infer(1.1, 5.0)
    assert infer(1.0, 0.0) is None


def test_steps_of_just_the_limit_are_allowed(serve: Any, observe: Any) -> None:
    engine = serve({'content': echo(), 'outputs': outputs(rate_limit=0.1)})
    for number in range(100):  # rounded to float32 as they are, some steps are above 0.1
        assert engine.infer(observe(number / 10), 'task').cause is None


def test_the_candidate_is_held_to_what_the_robot_was_given(serve: Any, observe: Any) -> None:
    engine = serve(
        {'bias': 0.0, 'outputs': outputs()},
        {'content': echo(), 'outputs': outputs(rate_limit=0.5)},
    )
    assert engine.infer(observe(0.4), 'task').version == 'v2'
    decision = engine.infer(observe(2.0), 'task')
    assert (decision.version, decision.cause) == ('v1', FailureCause.RATE_LIMIT)
    # Stable's 0.0 is what it has to go on from, or else every second jump would pass.
    assert engine.infer(observe(2.0), 'task').cause is FailureCause.RATE_LIMIT
    assert engine.infer(observe(0.5), 'task').version == 'v2'


def test_stable_is_not_held_to_the_candidate_s_decisions(serve: Any, observe: Any) -> None:
    engine = serve(
        {'bias': 5.0, 'outputs': outputs(rate_limit=0.1)},
        {'fault': 'not_finite', 'outputs': outputs()},
    )
    assert engine.infer(observe(), 'task').version == 'v2'
    decision = engine.infer(observe(-1), 'task')
    assert (decision.version, decision.fallback) == ('v1', True)
    assert decision.outputs['decision'][0, 0] == 5.0


def test_the_robot_may_write_to_what_it_is_given(serve: Any, observe: Any) -> None:
    engine = serve({'content': echo(), 'outputs': outputs(rate_limit=0.5)})
    engine.infer(observe(1.0), 'task').outputs['decision'][:] = 50.0
    assert engine.infer(observe(1.2), 'task').cause is None


# --- Safe decisions -----------------------------------------------------------------------------

SAFE = {'safe_decision': {'decision': [0.25, -0.25]}}


def test_the_safe_decision_of_a_stable_version_that_fails(serve: Any, observe: Any) -> None:
    engine = serve({'fault': 'not_finite', **SAFE})
    assert not engine.infer(observe(), 'task').is_safe_decision
    for _ in range(2):
        decision = engine.infer(observe(-1), 'task')
        assert (decision.version, decision.fallback) == ('v1', False)
        assert (decision.cause, decision.is_safe_decision) == (FailureCause.NOT_FINITE, True)
        expected = np.array([[0.25, -0.25]], np.float32)
        np.testing.assert_array_equal(decision.outputs['decision'], expected)
        assert decision.outputs['decision'].dtype == np.float32
        decision.outputs['decision'][:] = 9.0  # the robot's own, like any other
    assert engine.counters()['v1'].errors == 2


def test_the_safe_decision_when_both_fail(serve: Any, observe: Any) -> None:
    engine = serve({'fault': 'exception', **SAFE}, {'fault': 'not_finite'})
    decision = engine.infer(observe(-1), 'task')
    assert (decision.version, decision.fallback, decision.is_safe_decision) == ('v1', True, True)
    assert decision.cause is FailureCause.NOT_FINITE
    assert engine.counters()['v2'].fallbacks == {}


@pytest.mark.parametrize(
    ('fields', 'words'),
    [
        ({'safe_decision': {'action': 0.0}}, 'is for action, the outputs are decision'),
        ({'safe_decision': {'decision': [0.0]}}, 'has 1 numbers, shape [1, 2] needs 2'),
        ({'safe_decision': {'decision': 11.0}}, 'has 11.0, the bounds are -10.0 to 10.0'),
        ({'outputs': outputs(rate_limit=[1.0])}, "'rate_limit' of 'decision' has 1 numbers"),
        ({'outputs': outputs(rate_limit=0.0)}, 'greater than 0'),
        (
            {'inputs': [{'name': 'observation', 'shape': [1, 4], 'rate_limit': 1.0}]},
            "'rate_limit' of 'observation': an input has none",
        ),
    ],
)
def test_a_manifest_that_cannot_be_kept(
    make_version: Any, repository: ModelRepository, fields: dict[str, Any], words: str
) -> None:
    make_version('v1', **fields)
    with pytest.raises(InvalidManifestError) as caught:
        repository.manifest('policy', 'v1')
    assert words in str(caught.value)


# --- Roles --------------------------------------------------------------------------------------


def test_requests_are_counted_by_the_role_they_were_made_in(serve: Any, observe: Any) -> None:
    engine = serve({}, {'fault': 'not_finite'})
    for value in (1, -1, 1):
        engine.infer(observe(value), 'on trial')
    engine.set_routing(Routing('policy', 'v2', generation=1))
    engine.infer(observe(), 'later')
    counters = engine.counters()['v2']
    assert (counters.requests, counters.errors, counters.fallbacks) == (4, 1, {'not_finite': 1})
    assert (counters.candidate.requests, counters.candidate.fallbacks) == (3, 1)
    assert counters.candidate.errors == {'not_finite': 1}
    assert (counters.stable.requests, counters.stable.errors) == (1, {})
    assert sum(counters.candidate.latency) + sum(counters.stable.latency) == 4
    assert engine.counters()['v1'].stable == RoleCounts()
