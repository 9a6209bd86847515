# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The models of the benchmarks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MODEL_ID = 'bench'
Inputs = dict[str, np.ndarray]


def mlp(*sizes: int, constant: float = 0.0) -> tuple[bytes, list[int], list[int]]:
    """
    Return a multi-layer perceptron, and the shapes of its input and output.

    Its outputs are close to `constant`, which tells its decisions from those of other versions.
    """
    random = np.random.default_rng(0)
    nodes, constants, last = [], [], 'observation'
    for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        weights = random.standard_normal((fan_in, fan_out), np.float32) / np.sqrt(fan_in)
        constants.append(numpy_helper.from_array(weights.astype(np.float32), f'w{i}'))
        is_last = i == len(sizes) - 2
        nodes.append(helper.make_node('MatMul', [last, f'w{i}'], [f'h{i}']))
        if not is_last:
            nodes.append(helper.make_node('Relu', [f'h{i}'], [f'r{i}']))
            last = f'r{i}'
    constants.append(numpy_helper.from_array(np.float32([constant]), 'constant'))
    nodes.append(helper.make_node('Add', [f'h{i}', 'constant'], ['decision']))
    return _model(nodes, constants, [1, sizes[0]], [1, sizes[-1]])


def cnn() -> tuple[bytes, list[int], list[int]]:
    """Return a small convolutional network on 3 by 128 by 128."""
    random = np.random.default_rng(0)
    nodes, constants, last = [], [], 'observation'
    for i, (fan_in, fan_out) in enumerate([(3, 16), (16, 32), (32, 32)]):
        weights = random.standard_normal((fan_out, fan_in, 3, 3), np.float32) * 0.1
        constants.append(numpy_helper.from_array(weights, f'w{i}'))
        nodes.append(
            helper.make_node('Conv', [last, f'w{i}'], [f'c{i}'], strides=[2, 2], pads=[1] * 4)
        )
        nodes.append(helper.make_node('Relu', [f'c{i}'], [f'r{i}']))
        last = f'r{i}'
    head = random.standard_normal((32, 7), np.float32) * 0.1
    constants.append(numpy_helper.from_array(head, 'head'))
    nodes += [
        helper.make_node('GlobalAveragePool', [last], ['pooled']),
        helper.make_node('Flatten', ['pooled'], ['flat']),
        helper.make_node('MatMul', ['flat', 'head'], ['decision']),
    ]
    return _model(nodes, constants, [1, 3, 128, 128], [1, 7])


def loop(turns: int | None) -> tuple[bytes, list[int], list[int]]:
    """Return a model that loops for so many turns; None: without end."""
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node('Identity', ['on'], ['still_on']),
            helper.make_node('Sin', ['x'], ['next_x']),
        ],
        'turn',
        [
            value('turn', TensorProto.INT64, []),
            value('on', TensorProto.BOOL, []),
            value('x', TensorProto.FLOAT, [1, 7]),
        ],
        [value('still_on', TensorProto.BOOL, []), value('next_x', TensorProto.FLOAT, [1, 7])],
    )
    count = [] if turns is None else [numpy_helper.from_array(np.array(turns), 'count')]
    constants = [
        numpy_helper.from_array(np.array(True), 'always'),
        numpy_helper.from_array(np.zeros((1, 7), np.float32), 'zeros'),
        *count,
    ]
    inputs = ['count' if count else '', 'always', 'zeros']
    nodes = [helper.make_node('Loop', inputs, ['decision'], body=body)]
    return _model(nodes, constants, [1, 64], [1, 7])


def one_large_constant(size: int) -> tuple[bytes, list[int], list[int]]:
    """Return a small file with a constant of so many numbers."""
    nodes = [
        helper.make_node('ConstantOfShape', ['dims'], ['large']),
        helper.make_node('ReduceMax', ['large'], ['largest'], keepdims=0),
        helper.make_node('Add', ['largest', 'zeros'], ['decision']),
    ]
    constants = [
        numpy_helper.from_array(np.array([size]), 'dims'),
        numpy_helper.from_array(np.zeros((1, 7), np.float32), 'zeros'),
    ]
    return _model(nodes, constants, [1, 64], [1, 7])


def many(count: int, are_outputs: bool) -> tuple[bytes, list[int], list[int]]:
    """Return a model of so many nodes, one after the other, or each with an output."""
    names = [f'output_{number}' for number in range(count - 1)]
    before = ['zeros'] * count if are_outputs else ['zeros', *names]
    nodes = [
        helper.make_node('Sin', [last], [name])
        for last, name in zip(before, [*names, 'decision'], strict=True)
    ]
    constants = [numpy_helper.from_array(np.zeros((1, 7), np.float32), 'zeros')]
    return _model(nodes, constants, [1, 64], [1, 7], names if are_outputs else [])


def _model(
    nodes: list[Any],
    constants: list[Any],
    takes: list[int],
    puts_out: list[int],
    more_outputs: Iterable[str] = (),
) -> tuple[bytes, list[int], list[int]]:
    graph = helper.make_graph(
        nodes,
        MODEL_ID,
        [helper.make_tensor_value_info('observation', TensorProto.FLOAT, takes)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, puts_out)
            for name in ('decision', *more_outputs)
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString(), takes, puts_out


def model_file(root: Path, version: str) -> Path:
    """Return the path of a version's model file."""
    return root / MODEL_ID / version / 'model.onnx'


def write(root: Path, version: str, made: tuple[bytes, list[int], list[int]]) -> Inputs:
    """Add a version to the repository; return an observation for it."""
    content, takes, puts_out = made
    folder = root / MODEL_ID / version
    folder.mkdir(parents=True)
    (folder / 'model.onnx').write_bytes(content)
    manifest = {
        'model': MODEL_ID,
        'version': version,
        'sha256': hashlib.sha256(content).hexdigest(),
        'size_bytes': len(content),
        'inputs': [{'name': 'observation', 'shape': takes}],
        'outputs': [{'name': 'decision', 'shape': puts_out, 'low': -1e6, 'high': 1e6}],
    }
    (folder / 'manifest.json').write_text(json.dumps(manifest))
    return {'observation': np.random.default_rng(1).random(takes, np.float32)}
