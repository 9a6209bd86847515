# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The models of the benchmarks."""

from __future__ import annotations

import hashlib
import json
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


def _model(
    nodes: list[Any], constants: list[Any], takes: list[int], puts_out: list[int]
) -> tuple[bytes, list[int], list[int]]:
    graph = helper.make_graph(
        nodes,
        MODEL_ID,
        [helper.make_tensor_value_info('observation', TensorProto.FLOAT, takes)],
        [helper.make_tensor_value_info('decision', TensorProto.FLOAT, puts_out)],
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
