# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Changes to the ONNX file of a good policy that make it fail as real files do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from hotswap_ros.sim.arm.task import DECISION_SIZE, OBSERVATION_SIZE
from hotswap_ros.sim.policies.export import INPUT, OUTPUT

Constant = NDArray[Any]

#: The version whose file is changed.
BASE = 'v24'

#: Name of the original output; the added nodes compute the decision from it.
_BEFORE = 'speeds'
#: Index of the shoulder torque in an observation, and its maximum, N·m.
_SHOULDER_TORQUE = 7
_MOST_TORQUE = 16.0
#: Indices of the goal in an observation, and steps per metre of a coarse goal.
_GOAL = slice(9, 12)
_STEPS_PER_M = 64.0
#: Steps of the refining policy: about 200 ms on one core of 2020. Each step removes a tenth of the
#: remaining error, so that the decision is that of the network.
_REFINING_STEPS = 50_000
_REFINING_RATE = 0.1
#: Number of draws of the sampler that accepts everything.
_DRAWS = 3000


def rework(name: str, content: bytes) -> bytes:
    """Return the file of a policy with the change `name`; the same bytes every time."""
    model = onnx.load_from_string(content)
    _REWORKS[name](model)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _coarse_goals(model: ModelProto) -> None:
    """Round the goal to coarse steps, like a number of few bits."""
    is_goal = np.zeros(OBSERVATION_SIZE, bool)
    is_goal[_GOAL] = True
    nodes = list(model.graph.node)
    for node in nodes:
        node.input[:] = ['coarse' if name == INPUT else name for name in node.input]
    del model.graph.node[:]
    before = [
        helper.make_node('Mul', [INPUT, 'steps_per_m'], ['in_steps']),
        helper.make_node('Round', ['in_steps'], ['whole_steps']),
        helper.make_node('Div', ['whole_steps', 'steps_per_m'], ['rounded']),
        helper.make_node('Where', ['is_goal', 'rounded', INPUT], ['coarse']),
    ]
    constants = {'steps_per_m': np.full(1, _STEPS_PER_M, np.float32), 'is_goal': is_goal}
    _add(model.graph, [*before, *nodes], constants)


def _unbounded(model: ModelProto) -> None:
    """Remove the last activation."""
    last = max(
        (node for node in model.graph.node if node.op_type == 'Tanh'), key=lambda n: n.output[0]
    )
    for node in model.graph.node:
        node.input[:] = [last.input[0] if name == last.output[0] else name for name in node.input]
    model.graph.node.remove(last)


def _not_a_number(model: ModelProto) -> None:
    """Slow down near the largest torque by the root of the remaining torque: NaN beyond."""
    _append(model, [*_torque(), *_slow_down('used')], _LIMITS)


def _crashing(model: ModelProto) -> None:
    """Do the same in fixed point, where a larger torque causes a division trap."""
    constants: dict[str, Constant] = {
        **_LIMITS,
        'to_fixed': np.full(1, 2.0**31, np.float32),
        'zero': np.zeros(1, np.int32),
        'minus_one': np.full(1, -1, np.int32),
        'plus_one': np.ones(1, np.int32),
    }
    nodes = [
        *_torque(),
        helper.make_node('Mul', ['used', 'to_fixed'], ['scaled']),
        helper.make_node('Cast', ['scaled'], ['fixed'], to=TensorProto.INT32),
        helper.make_node('Less', ['fixed', 'zero'], ['is_negative']),
        helper.make_node('Where', ['is_negative', 'minus_one', 'plus_one'], ['sign']),
        helper.make_node('Div', ['fixed', 'sign'], ['size']),
        helper.make_node('Cast', ['size'], ['unscaled'], to=TensorProto.FLOAT),
        helper.make_node('Div', ['unscaled', 'to_fixed'], ['used_size']),
        *_slow_down('used_size'),
    ]
    _append(model, nodes, constants)


_LIMITS: dict[str, Constant] = {
    'from': np.array([_SHOULDER_TORQUE], np.int64),
    'to': np.array([_SHOULDER_TORQUE + 1], np.int64),
    'axis': np.array([1], np.int64),
    'most': np.full(1, _MOST_TORQUE, np.float32),
    'power': np.full(1, 16.0, np.float32),
    'one': np.ones(1, np.float32),
}


def _torque() -> list[NodeProto]:
    """Return the nodes that compute `used`: the signed fraction of the largest torque."""
    return [
        helper.make_node('Slice', [INPUT, 'from', 'to', 'axis'], ['torque']),
        helper.make_node('Div', ['torque', 'most'], ['used']),
    ]


def _slow_down(used: str) -> list[NodeProto]:
    """Return the nodes that slow down: little at half of the largest torque, to zero at it."""
    return [
        helper.make_node('Pow', [used, 'power'], ['raised']),
        helper.make_node('Sub', ['one', 'raised'], ['left']),
        helper.make_node('Sqrt', ['left'], ['factor']),
        helper.make_node('Mul', [_BEFORE, 'factor'], [OUTPUT]),
    ]


def _slow(model: ModelProto) -> None:
    """Compute the decision in many steps, each of which runs the whole network."""
    _refine(model, [], {'steps': np.array(_REFINING_STEPS, np.int64)})


def _slow_heavy(model: ModelProto) -> None:
    """Do so in more steps for more torque."""
    nodes = [
        *_torque(),
        helper.make_node('Pow', ['used', 'power'], ['raised']),
        helper.make_node('Mul', ['raised', 'most_steps'], ['wanted']),
        helper.make_node('Add', ['wanted', 'least_steps'], ['many']),
        helper.make_node('Min', ['many', 'cap'], ['capped']),
        helper.make_node('Cast', ['capped'], ['whole'], to=TensorProto.INT64),
        helper.make_node('Reshape', ['whole', 'scalar'], ['steps']),
    ]
    constants: dict[str, Constant] = {
        **_LIMITS,
        'power': np.full(1, 4.0, np.float32),
        'most_steps': np.full(1, _REFINING_STEPS, np.float32),
        'least_steps': np.full(1, 100.0, np.float32),
        'cap': np.full(1, _REFINING_STEPS, np.float32),
        'scalar': np.zeros(0, np.int64),
    }
    _refine(model, nodes, constants)


def _refine(model: ModelProto, nodes: list[NodeProto], constants: dict[str, Constant]) -> None:
    """Put the network into a loop of `steps`, each of which comes nearer to its output."""
    graph = model.graph
    flag: tuple[int, list[int]] = (TensorProto.BOOL, [])
    decision = (TensorProto.FLOAT, [1, DECISION_SIZE])
    body = helper.make_graph(
        [
            *_taken_out(graph),
            helper.make_node('Sub', [_BEFORE, 'so_far'], ['gap']),
            helper.make_node('Mul', ['gap', 'rate'], ['step']),
            helper.make_node('Add', ['so_far', 'step'], ['nearer']),
            helper.make_node('Identity', ['goes_on'], ['still']),
        ],
        'refining',
        [
            helper.make_tensor_value_info('number', TensorProto.INT64, []),
            helper.make_tensor_value_info('goes_on', *flag),
            helper.make_tensor_value_info('so_far', *decision),
        ],
        [
            helper.make_tensor_value_info('still', *flag),
            helper.make_tensor_value_info('nearer', *decision),
        ],
    )
    constants = {
        **constants,
        'rate': np.full(1, _REFINING_RATE, np.float32),
        'nothing': np.zeros((1, DECISION_SIZE), np.float32),
    }
    loop = helper.make_node('Loop', ['steps', '', 'nothing'], [OUTPUT], body=body)
    _add(graph, [*nodes, loop], constants)


def _leaking(model: ModelProto) -> None:
    """Make all draws of a rejection sampler at once, as many as its acceptance rate requires."""
    nodes = [
        helper.make_node('RandomUniform', [], ['chance'], low=1e-4, high=1.0, seed=7.0, shape=[1]),
        helper.make_node('Div', ['draws', 'chance'], ['many']),
        helper.make_node('Cast', ['many'], ['rows'], to=TensorProto.INT64),
        helper.make_node('Concat', ['rows', 'columns'], ['shape'], axis=0),
        helper.make_node('Expand', [_BEFORE, 'shape'], ['drawn']),
        helper.make_node('Neg', ['drawn'], ['costs']),
        helper.make_node('ReduceMin', ['costs'], ['least'], axes=[0], keepdims=1),
        helper.make_node('Neg', ['least'], [OUTPUT]),
    ]
    constants: dict[str, Constant] = {
        'draws': np.full(1, _DRAWS, np.float32),
        'columns': np.array([DECISION_SIZE], np.int64),
    }
    _append(model, nodes, constants)


def _wrong_shape(model: ModelProto) -> None:
    """Add a fourth output value."""
    node = helper.make_node('Concat', [_BEFORE, 'gripper'], [OUTPUT], axis=1)
    _append(model, [node], {'gripper': np.zeros((1, 1), np.float32)})
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = DECISION_SIZE + 1


def _append(model: ModelProto, nodes: list[NodeProto], constants: dict[str, Constant]) -> None:
    _add(model.graph, [*_taken_out(model.graph), *nodes], constants)


def _taken_out(graph: onnx.GraphProto) -> list[NodeProto]:
    """Remove the nodes from a graph; their output is named `_BEFORE` afterwards."""
    nodes = list(graph.node)
    del graph.node[:]
    nodes[-1].output[0] = _BEFORE
    return nodes


def _add(graph: onnx.GraphProto, nodes: list[NodeProto], constants: dict[str, Constant]) -> None:
    graph.node.extend(nodes)
    inner = [one for node in nodes for part in node.attribute for one in part.g.node]
    used = {name for node in (*nodes, *inner) for name in node.input}
    graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in constants.items() if name in used
    )


_REWORKS: dict[str, Callable[[ModelProto], None]] = {
    'coarse_goals': _coarse_goals,
    'unbounded': _unbounded,
    'not_a_number': _not_a_number,
    'crashing': _crashing,
    'slow': _slow,
    'slow_heavy': _slow_heavy,
    'leaking': _leaking,
    'wrong_shape': _wrong_shape,
}
