# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Model versions made on the spot, sound and broken ones, for every room's tests.

All of them take `observation` (float32, 1 by `size`) and put out `decision` (float32, 1 by
`width`), which is `bias` in all places. A broken one misbehaves only when the first number of the
observation is negative, so that it loads and warms up as a real one would.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import settings
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from hotswap_ros.models import MANIFEST_NAME, Manifest, ModelRepository

MODEL_ID = 'policy'

# How long an example takes says more about the machine than about the code.
settings.register_profile('untimed', deadline=None)
settings.load_profile('untimed')


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make chaos` ask for more than a short look, and a person rewrite golden files."""
    parser.addoption('--update-golden', action='store_true', help='rewrite golden files')
    group = parser.getgroup('chaos')
    group.addoption('--kills', type=int, default=3, help='of the coordinator, default: 3')
    group.addoption('--steps', type=int, default=0, help='of the state machine, default: a few')
    group.addoption(
        '--flood-seconds', type=float, default=0, help='of each flood of statuses, default: 0'
    )
    group.addoption('--fuzz', type=int, default=0, help='inputs of each reader, default: a few')
    group.addoption('--seed', type=int, default=1, help='of moments and steps, default: 1')


#: The nodes between `negative` (how far the first number of the observation is below zero) and
#: `wrong`, which is added to the decision.
_FAULTS: dict[str, list[onnx.NodeProto]] = {
    'none': [helper.make_node('Mul', ['negative', 'zero'], ['wrong'])],
    'not_finite': [
        helper.make_node('Neg', ['negative'], ['below']),
        helper.make_node('Sqrt', ['below'], ['wrong']),
    ],
    'out_of_bounds': [helper.make_node('Mul', ['negative', 'huge'], ['wrong'])],
    'exception': [
        helper.make_node('Cast', ['negative'], ['index'], to=TensorProto.INT64),
        helper.make_node('Gather', ['zero', 'index'], ['wrong']),
    ],
    'output': [
        helper.make_node('Cast', ['negative'], ['surplus'], to=TensorProto.INT64),
        helper.make_node('Add', ['surplus', 'one'], ['rows']),
        helper.make_node('Concat', ['rows', 'one'], ['shape'], axis=0),
        helper.make_node('Expand', ['zero', 'shape'], ['wrong']),
    ],
    'unknown_operator': [helper.make_node('NoSuchOperator', ['negative'], ['wrong'])],
}


def _endless() -> list[onnx.NodeProto]:
    """Return a loop without end; the runtime can end it between two rounds."""
    value, boolean = helper.make_tensor_value_info, TensorProto.BOOL
    body = helper.make_graph(
        [
            helper.make_node('Identity', ['goes_on'], ['will_go_on']),
            helper.make_node('Identity', ['before'], ['after']),
        ],
        'turn',
        [
            value('turn', TensorProto.INT64, []),
            value('goes_on', boolean, [1]),
            value('before', TensorProto.FLOAT, [1]),
        ],
        [value('will_go_on', boolean, [1]), value('after', TensorProto.FLOAT, [1])],
    )
    return [
        helper.make_node('Greater', ['negative', 'zero'], ['is_wrong']),
        helper.make_node('Loop', ['', 'is_wrong', 'zero'], ['wrong'], body=body),
    ]


def _long() -> list[onnx.NodeProto]:
    """Return one node that works for ten seconds, and that the runtime cannot end."""
    hidden, steps = 256, 400_000
    nodes = []
    for name, shape in (('input', (1, 3 * hidden, 1)), ('state', (1, 3 * hidden, hidden))):
        dims = numpy_helper.from_array(np.array(shape, np.int64))
        nodes += [
            helper.make_node('Constant', [], [f'{name}_shape'], value=dims),
            helper.make_node('ConstantOfShape', [f'{name}_shape'], [f'{name}_weights']),
        ]
    dims = numpy_helper.from_array(np.array((steps, 1, 1), np.int64))
    nodes += [
        helper.make_node('Constant', [], ['steps'], value=dims),
        helper.make_node('Expand', ['negative', 'steps'], ['sequence']),
        helper.make_node(
            'GRU',
            ['sequence', 'input_weights', 'state_weights'],
            ['', 'last'],
            hidden_size=hidden,
        ),
        helper.make_node('ReduceMax', ['last'], ['largest'], keepdims=0),
        helper.make_node('Reshape', ['largest', 'one'], ['hard_won']),
    ]
    value = helper.make_tensor_value_info
    hard = helper.make_graph(nodes, 'hard', [], [value('hard_won', TensorProto.FLOAT, [1])])
    easy = helper.make_graph(
        [helper.make_node('Identity', ['zero'], ['easily'])],
        'easy',
        [],
        [value('easily', TensorProto.FLOAT, [1])],
    )
    return [
        helper.make_node('Greater', ['negative', 'zero'], ['is_wrong']),
        helper.make_node('If', ['is_wrong'], ['wrong'], then_branch=hard, else_branch=easy),
    ]


_FAULTS |= {'endless': _endless(), 'long': _long()}


def build_model(fault: str = 'none', bias: float = 0.0, size: int = 4, width: int = 2) -> bytes:
    """Return an ONNX file that puts out `bias`, and on negative observations the fault."""
    constants = {
        'bias': np.full((1, width), bias, np.float32),
        'zero': np.zeros(1, np.float32),
        'huge': np.full(1, 1e6, np.float32),
        'start': np.array([0], np.int64),
        'one': np.array([1], np.int64),
    }
    nodes = [
        helper.make_node('Slice', ['observation', 'start', 'one', 'one'], ['first']),
        helper.make_node('Reshape', ['first', 'one'], ['flat']),
        helper.make_node('Neg', ['flat'], ['negated']),
        helper.make_node('Relu', ['negated'], ['negative']),
        *_FAULTS[fault],
        helper.make_node('Add', ['bias', 'wrong'], ['decision']),
    ]
    graph = helper.make_graph(
        nodes,
        MODEL_ID,
        [helper.make_tensor_value_info('observation', TensorProto.FLOAT, ['batch', size])],
        [helper.make_tensor_value_info('decision', TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(array, name)
            for name, array in constants.items()
            if name == 'zero' or any(name in node.input for node in nodes)
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    return bytes(model.SerializeToString())


def _padded(content: bytes, size: int) -> bytes:
    """Return a model of `size` bytes, by a description for people at its end."""
    missing = size - len(content)
    if missing <= 0:
        return content
    # A field of protobuf: its number and kind, the length in seven bits a byte, the text.
    digits = next(n for n in range(1, 6) if missing - 1 - n < 128**n)
    left = missing - 1 - digits
    length = [(left >> 7 * n) & 127 | (128 if n < digits - 1 else 0) for n in range(digits)]
    return content + bytes([6 << 3 | 2, *length]) + b' ' * left


class VersionMaker:
    """Writes versions into a model repository below a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repository = ModelRepository(root)

    def __call__(
        self,
        version: str,
        *,
        fault: str = 'none',
        bias: float = 0.0,
        size: int = 4,
        width: int = 2,
        content: bytes | None = None,
        low: float | None = -10.0,
        high: float | None = 10.0,
        model_id: str = MODEL_ID,
        **fields: Any,
    ) -> Path:
        """Write manifest and model; `fields` replace those of the manifest. Returns the folder."""
        content = build_model(fault, bias, size, width) if content is None else content
        content = _padded(content, fields.get('size_bytes', 0))
        manifest = {
            'model': model_id,
            'version': version,
            'sha256': hashlib.sha256(content).hexdigest(),
            'size_bytes': len(content),
            'inputs': [{'name': 'observation', 'shape': [1, size]}],
            'outputs': [{'name': 'decision', 'shape': [1, width], 'low': low, 'high': high}],
            **fields,
        }
        folder = self.root / model_id / version
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'model.onnx').write_bytes(content)
        (folder / MANIFEST_NAME).write_text(json.dumps(manifest))
        return folder

    @staticmethod
    def damage(file: Path) -> None:
        """Change the last byte of a file."""
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    def manifest(self, version: str = 'v1', **fields: Any) -> Manifest:
        """Write a version and return its manifest."""
        self(version, **fields)
        return self.repository.manifest(MODEL_ID, version)


@pytest.fixture
def make_version(tmp_path: Path) -> VersionMaker:
    """
    Return the maker of versions.

    For example `make_version('v1', fault='not_finite', bias=0.5)`.
    """
    return VersionMaker(tmp_path / 'models')


@pytest.fixture(scope='session')
def version_maker() -> type[VersionMaker]:
    """Return the class, for a repository that outlives one test."""
    return VersionMaker


@pytest.fixture
def repository(make_version: VersionMaker) -> ModelRepository:
    """Return the repository that `make_version` writes to."""
    return make_version.repository


@pytest.fixture
def observe() -> Callable[..., dict[str, NDArray[Any]]]:
    """
    Return a maker of observations.

    `observe()` is a good one, `observe(-1)` sets off faults.
    """

    def make(value: float = 1.0) -> dict[str, NDArray[Any]]:
        return {'observation': np.full((1, 4), value, np.float32)}

    return make
