# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Imports of ONNX files: shapes, weights in other files, and what is refused."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hotswap_ros.models import DType, Manifest, ModelRepository, unknown_promises, with_promises_of
from hotswap_ros.models.importers import (
    ImportRefusedError,
    VersionExistsError,
    read_onnx,
    write_version,
)

WEIGHTS = np.arange(12, dtype=np.float32).reshape(4, 3)


def build(
    dimensions: list[int | str | None], kind: int = TensorProto.FLOAT, opset: int = 17
) -> onnx.ModelProto:
    """Return a graph with one layer, whose input has these dimensions."""
    nodes = [
        helper.make_node('Cast', ['observation'], ['numbers'], to=TensorProto.FLOAT),
        helper.make_node('MatMul', ['numbers', 'weights'], ['action']),
    ]
    graph = helper.make_graph(
        nodes,
        'policy',
        [helper.make_tensor_value_info('observation', kind, dimensions)],
        [helper.make_tensor_value_info('action', TensorProto.FLOAT, None)],
        [numpy_helper.from_array(WEIGHTS, 'weights')],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=8)


@pytest.mark.parametrize(
    ('dimensions', 'sizes'),
    [
        ([1, 4], {}),
        (['batch', 4], {'batch': 1}),
        ([None, 4], {'observation[0]': 1}),
        (['batch', 'features'], {'batch': 1, 'features': 4}),
    ],
)
def test_open_dimensions_get_their_sizes(
    tmp_path: Path, dimensions: list[int | str | None], sizes: dict[str, int]
) -> None:
    onnx.save(build(dimensions), tmp_path / 'policy.onnx')
    graph = read_onnx(tmp_path / 'policy.onnx', sizes)
    assert [(t.name, t.dtype, t.shape) for t in graph.inputs] == [
        ('observation', DType.FLOAT32, (1, 4))
    ]
    assert [(t.name, t.shape) for t in graph.outputs] == [('action', (1, 3))]
    assert bool(graph.notes) == bool(sizes)


def test_an_open_dimension_is_named_with_the_option_that_fixes_it(tmp_path: Path) -> None:
    onnx.save(build(['batch', None]), tmp_path / 'policy.onnx')
    with pytest.raises(ImportRefusedError, match=r'--shape batch=1 --shape observation\[1\]=1'):
        read_onnx(tmp_path / 'policy.onnx', {})


def test_a_size_that_nothing_needs_is_refused(tmp_path: Path) -> None:
    onnx.save(build([1, 4]), tmp_path / 'policy.onnx')
    with pytest.raises(ImportRefusedError, match='btach'):
        read_onnx(tmp_path / 'policy.onnx', {'btach': 1})


def test_weights_of_other_files_are_joined(tmp_path: Path) -> None:
    place = tmp_path / 'policy.onnx'
    onnx.save(
        build([1, 4]), place, save_as_external_data=True, location='weights.bin', size_threshold=0
    )
    graph = read_onnx(place, {})
    joined = onnx.load_model_from_string(graph.content)
    assert np.array_equal(numpy_helper.to_array(joined.graph.initializer[0]), WEIGHTS)
    assert 'weights.bin' in graph.notes[0]


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    place = tmp_path / 'policy.onnx'
    onnx.save(
        build([1, 4]), place, save_as_external_data=True, location='weights.bin', size_threshold=0
    )
    (tmp_path / 'weights.bin').unlink()
    with pytest.raises(ImportRefusedError, match=r'weights\.bin'):
        read_onnx(place, {})


def test_weights_outside_of_the_folder_are_not_read(tmp_path: Path) -> None:
    folder = tmp_path / 'inside'
    folder.mkdir()
    (tmp_path / 'secret').write_bytes(WEIGHTS.tobytes())
    model = build([1, 4])
    weights = model.graph.initializer[0]
    weights.ClearField('raw_data')
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key='location', value='../secret')
    (folder / 'policy.onnx').write_bytes(model.SerializeToString())
    with pytest.raises(ImportRefusedError, match='outside'):
        read_onnx(folder / 'policy.onnx', {})


@pytest.mark.parametrize(
    ('kind', 'name'),
    [
        (TensorProto.STRING, 'string'),
        (TensorProto.BFLOAT16, 'bfloat16'),
        (TensorProto.UINT64, 'uint64'),
    ],
)
def test_types_that_a_version_cannot_have_are_named(tmp_path: Path, kind: int, name: str) -> None:
    onnx.save(build([1, 4], kind), tmp_path / 'policy.onnx')
    with pytest.raises(ImportRefusedError, match=rf"'observation' has .* type {name}:"):
        read_onnx(tmp_path / 'policy.onnx', {})


@pytest.mark.parametrize(
    ('name', 'content', 'remedy'),
    [
        ('policy.pt', b'PK', r'torch\.onnx\.export'),
        ('policy.safetensors', b'{}', r'torch\.onnx\.export'),
        ('policy.onnx', b'\xff\xff\xff\xff', 'no ONNX file'),
        ('policy.onnx', b'', 'no graph'),
    ],
)
def test_files_that_are_no_onnx_files_are_refused_with_a_remedy(
    tmp_path: Path, name: str, content: bytes, remedy: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImportRefusedError, match=remedy):
        read_onnx(tmp_path / name, {})


def test_a_version_is_written_once(tmp_path: Path, make_version: type) -> None:
    manifest: Manifest = make_version.manifest('v1')  # type: ignore[attr-defined]
    root = tmp_path / 'other'
    write_version(root, manifest, {'model.onnx': b'first'})
    with pytest.raises(VersionExistsError):
        write_version(root, manifest, {'model.onnx': b'second'})
    assert (root / 'policy' / 'v1' / 'model.onnx').read_bytes() == b'first'
    assert ModelRepository(root).manifest('policy', 'v1') == manifest
    assert [path.name for path in (root / 'policy').iterdir()] == ['v1']


def test_promises_are_those_of_tensors_with_the_same_form(make_version: type) -> None:
    maker = make_version
    old = maker.manifest('v1', deadline_ms=20.0, safe_decision={'decision': 0.0})  # type: ignore[attr-defined]
    same = maker.manifest('v2', low=None, high=None)  # type: ignore[attr-defined]
    wider = maker.manifest('v3', low=None, high=None, width=3)  # type: ignore[attr-defined]
    taken = with_promises_of(old, same)
    assert (taken.outputs[0].low, taken.outputs[0].high) == (-10.0, 10.0)
    assert (taken.deadline_ms, taken.safe_decision) == (20.0, {'decision': 0.0})
    assert len(unknown_promises(taken)) < len(unknown_promises(same))
    other = with_promises_of(old, wider)
    assert (other.outputs[0].low, other.safe_decision) == (None, None)
