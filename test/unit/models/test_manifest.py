# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The manifest: accepted and refused contents."""

from typing import Any

import pytest
from pydantic import ValidationError

from hotswap_ros.models import DType, Manifest, TensorSpec


def manifest(**fields: Any) -> Manifest:
    return Manifest.model_validate(
        {
            'model': 'policy',
            'version': 'v1',
            'sha256': 'ab' * 32,
            'size_bytes': 10,
            'inputs': [{'name': 'observation', 'shape': [1, 4]}],
            'outputs': [{'name': 'decision', 'shape': [1, 2]}],
            **fields,
        }
    )


def test_what_is_left_out() -> None:
    told = manifest()
    assert told.file == 'model.onnx'
    assert told.deadline_ms is None
    assert told.inputs == (TensorSpec(name='observation', dtype=DType.FLOAT32, shape=(1, 4)),)
    assert told.inputs[0].size == 4


def test_it_survives_json() -> None:
    told = manifest(
        outputs=[{'name': 'd', 'shape': [1, 2], 'low': [-1, -2], 'high': 3, 'dtype': 'float64'}],
        deadline_ms=5,
        training={'seed': 1, 'nested': {'rows': [1, 2]}},
    )
    assert Manifest.model_validate_json(told.model_dump_json()) == told


@pytest.mark.parametrize(
    ('field', 'value', 'rule'),
    [
        ('model', '../policy', 'pattern'),
        ('version', 'v1/..', 'pattern'),
        ('version', '.hidden', 'pattern'),
        ('version', '', 'pattern'),
        ('version', 'v1\n', 'pattern'),
        ('version', 'v' * 129, 'pattern'),
        ('file', '../model.onnx', 'pattern'),
        ('file', '/etc/passwd', 'pattern'),
        ('sha256', 'XY' * 32, 'pattern'),
        ('sha256', 'ab', 'pattern'),
        ('size_bytes', 0, 'greater than 0'),
        ('deadline_ms', 0, 'greater than 0'),
        ('deadline_ms', float('inf'), 'finite'),
        ('format', 2, 'less than or equal to 1'),
        ('inputs', [], 'at least 1 item'),
        ('outputs', [], 'at least 1 item'),
        ('deadlineMs', 5, 'not permitted'),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object, rule: str) -> None:
    with pytest.raises(ValidationError) as caught:
        manifest(**{field: value})
    (problem,) = caught.value.errors()
    assert problem['loc'] == (field,)
    assert problem['input'] == value
    assert rule in problem['msg']


@pytest.mark.parametrize(
    ('fields', 'words'),
    [
        ({'shape': [1, 0]}, 'greater than 0'),
        ({'shape': [1, 2], 'dtype': 'string'}, "'float32'"),
        ({'shape': [1, 2], 'low': [0.0]}, "'low' of 'decision' has 1 numbers"),
        ({'shape': [1, 2], 'high': [0.0] * 3}, 'shape [1, 2] needs 2'),
        ({'shape': [], 'low': [0.0]}, 'needs 1'),
        ({'shape': [1, 2], 'high': float('inf')}, 'finite'),
        ({'shape': [1, 2], 'unit': 'rad'}, 'not permitted'),
    ],
)
def test_a_wrong_tensor_is_described(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        manifest(outputs=[{'name': 'decision', **fields}])
    assert words in str(caught.value)


@pytest.mark.parametrize('kind', ['inputs', 'outputs'])
def test_a_tensor_is_named_once(kind: str) -> None:
    spec = {'name': 'twin', 'shape': [1]}
    with pytest.raises(ValidationError, match=f"'{kind}' names a tensor twice: twin, twin"):
        manifest(**{kind: [spec, spec]})


def test_a_digest_may_be_in_capitals() -> None:
    assert manifest(sha256='AB' * 32).sha256 == 'ab' * 32


def test_a_version_may_have_a_local_part() -> None:
    assert manifest(version='1.2.0+cu121').version == '1.2.0+cu121'


def test_it_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match='frozen'):
        manifest().version = 'v2'


@pytest.mark.parametrize('dtype', DType)
def test_only_floats_have_nan(dtype: DType) -> None:
    assert dtype.is_float == dtype.value.startswith('float')
