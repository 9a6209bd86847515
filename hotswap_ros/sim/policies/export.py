# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Export of a trained network as an ONNX file, and of a version into the model repository."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper, numpy_helper

from hotswap_ros.models import (
    MANIFEST_NAME,
    Comparison,
    FeatureStatistics,
    Manifest,
    TensorSpec,
)
from hotswap_ros.sim.arm.arm import JOINT_HIGH, JOINT_LOW, MAX_EFFORT, MAX_SPEED
from hotswap_ros.sim.arm.task import DECISION_SIZE, OBSERVATION_SIZE
from hotswap_ros.sim.policies.mlp import Network
from hotswap_ros.sim.policies.recipes import MODEL_ID

INPUT, OUTPUT = 'observation', 'decision'

#: Old enough for ONNX Runtime 1.17 and everything since.
_OPSET, _IR_VERSION = 17, 8
#: Deadline of a decision in ms: a later one misses most of its control period.
_DEADLINE_MS = 20.0

#: Largest change of a joint speed between two decisions, rad/s: 1.5 times that of good policies.
_MOST_CHANGE = 2.0

_SLACK = 0.2
_OBSERVATION = TensorSpec(
    name=INPUT,
    shape=(1, OBSERVATION_SIZE),
    low=(
        *(low - _SLACK for low in JOINT_LOW),
        *(-4.0 * MAX_SPEED,) * 3,
        *(-1.1 * effort for effort in MAX_EFFORT),
        *(-2.0,) * 3,
        *(-6.5, -1.0, -1.0),
    ),
    high=(
        *(high + _SLACK for high in JOINT_HIGH),
        *(4.0 * MAX_SPEED,) * 3,
        *(1.1 * effort for effort in MAX_EFFORT),
        *(2.0,) * 3,
        *(6.5, 1.0, 1.0),
    ),
)
_DECISION = TensorSpec(
    name=OUTPUT, shape=(1, DECISION_SIZE), low=-MAX_SPEED, high=MAX_SPEED, rate_limit=_MOST_CHANGE
)
#: Decisions with a smaller difference, in rad/s, move the arm in the same way.
_ALIKE = Comparison(tolerance=0.1)


def write_version(
    root: Path,
    version: str,
    content: bytes,
    description: str,
    training: dict[str, Any],
    statistics: dict[str, FeatureStatistics] | None = None,
    bounds_inputs: bool = True,
) -> Path:
    """Write `<root>/pick_policy/<version>/` and return it."""
    observation = _OBSERVATION
    if not bounds_inputs:
        observation = observation.model_copy(update={'low': None, 'high': None})
    folder = root / MODEL_ID / version
    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(
        model=MODEL_ID,
        version=version,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        inputs=(observation,),
        outputs=(_DECISION,),
        deadline_ms=_DEADLINE_MS,
        comparison=_ALIKE,
        safe_decision={OUTPUT: 0.0},
        description=description,
        training=training,
        input_statistics=statistics or {},
    )
    (folder / manifest.file).write_bytes(content)
    text = manifest.model_dump_json(indent=2) + '\n'
    (folder / MANIFEST_NAME).write_text(text, encoding='utf-8')
    return folder


def to_onnx(network: Network) -> bytes:
    """Return the network as an ONNX file, the same bytes for the same network."""
    parameters = network.folded()
    nodes, tensors, value = [], [numpy_helper.from_array(network.scale, 'scale')], INPUT
    for layer in range(len(parameters) // 2):
        names = (f'weights_{layer}', f'bias_{layer}')
        for name, array in zip(names, parameters[2 * layer : 2 * layer + 2]):
            tensors.append(numpy_helper.from_array(array, name))
        nodes.append(helper.make_node('Gemm', [value, *names], [f'sum_{layer}']))
        nodes.append(helper.make_node('Tanh', [f'sum_{layer}'], [f'layer_{layer}']))
        value = f'layer_{layer}'
    nodes.append(helper.make_node('Mul', [value, 'scale'], [OUTPUT]))
    graph = helper.make_graph(nodes, MODEL_ID, [_info(_OBSERVATION)], [_info(_DECISION)], tensors)
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid('', _OPSET)],
        ir_version=_IR_VERSION,
        producer_name='hotswap_ros',
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _info(spec: TensorSpec) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(spec.name, TensorProto.FLOAT, list(spec.shape))
