# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Golden samples: a robot repeats them before it serves a version."""

import hashlib
import io
from typing import Any

import numpy as np
import pytest

from hotswap_ros.models import DigestMismatchError, IncompleteVersionError
from hotswap_ros.serving import Guard, LoadFailedError, Session
from hotswap_ros.serving.golden import GoldenSample, golden_file


def sample(value: float, bias: float) -> GoldenSample:
    return GoldenSample(
        {'observation': np.full((1, 4), value, np.float32)},
        {'decision': np.full((1, 2), bias, np.float32)},
    )


@pytest.fixture
def with_golden(make_version: Any) -> Any:
    """Return a maker of a version with this file of golden samples."""

    def make(golden_content: bytes, version: str = 'v1', **fields: Any) -> None:
        golden = {
            'sha256': hashlib.sha256(golden_content).hexdigest(),
            'size_bytes': len(golden_content),
        }
        folder = make_version(version, golden=golden, **fields)
        (folder / 'golden.npz').write_bytes(golden_content)

    return make


def load(repository: Any) -> Session:
    verified = repository.verify('policy', 'v1')
    session = Session(verified)
    session.warm_up(Guard(verified.manifest))
    return session


def test_a_version_that_repeats_its_samples_loads(repository: Any, with_golden: Any) -> None:
    with_golden(golden_file([sample(1.0, 0.5), sample(2.0, 0.5)]), bias=0.5)
    assert load(repository).warm_latency_ms > 0


@pytest.mark.parametrize('wrong', [0, 1])
def test_a_version_that_decides_otherwise_is_refused(
    repository: Any, with_golden: Any, wrong: int
) -> None:
    samples = [sample(1.0, 0.5), sample(2.0, 0.5)]
    samples[wrong] = sample(1.0, 0.6)
    with_golden(golden_file(samples), bias=0.5)
    with pytest.raises(LoadFailedError, match=f"golden sample {wrong + 1}, 'decision' .* 0.1"):
        load(repository)


def test_a_version_is_warmed_up_on_its_samples(repository: Any, with_golden: Any) -> None:
    """A graph that fails on zeros, which no robot observes, loads."""
    with_golden(golden_file([sample(1.0, 0.0)]), content=_divides_by_its_norm())
    load(repository)


def test_a_version_that_fails_on_a_sample_is_refused(repository: Any, with_golden: Any) -> None:
    with_golden(golden_file([sample(1.0, 0.0), sample(-1.0, 0.0)]), fault='not_finite')
    with pytest.raises(LoadFailedError, match='golden sample 2'):
        load(repository)


@pytest.mark.parametrize(
    ('arrays', 'problem'),
    [
        ({'inputs/observation': np.ones((1, 1, 4), np.float32)}, 'outputs/decision'),
        (
            {
                'inputs/observation': np.ones((1, 1, 5), np.float32),
                'outputs/decision': np.ones((1, 1, 2), np.float32),
            },
            'inputs/observation',
        ),
        (
            {
                'inputs/observation': np.ones((2, 1, 4), np.float32),
                'outputs/decision': np.ones((1, 1, 2), np.float32),
            },
            'different numbers',
        ),
    ],
)
def test_a_file_of_another_form_is_refused(
    repository: Any, with_golden: Any, arrays: dict[str, Any], problem: str
) -> None:
    file = io.BytesIO()
    np.savez(file, **arrays)
    with_golden(file.getvalue())
    with pytest.raises(LoadFailedError, match=problem):
        load(repository)


@pytest.mark.parametrize('content', [b'nothing', b'PK\x03\x04'])
def test_a_file_that_is_none_of_numpy_is_refused(
    repository: Any, with_golden: Any, content: bytes
) -> None:
    with_golden(content)
    with pytest.raises(LoadFailedError, match='golden samples'):
        load(repository)


def test_a_file_that_grows_when_it_is_read_is_refused(repository: Any, with_golden: Any) -> None:
    file = io.BytesIO()
    np.savez_compressed(file, **{'inputs/observation': np.zeros((13_000_000, 1, 4), np.float16)})
    with_golden(file.getvalue())
    with pytest.raises(LoadFailedError, match='unpacks'):
        load(repository)


def test_a_damaged_or_missing_file_is_told(
    repository: Any, with_golden: Any, make_version: Any
) -> None:
    with_golden(golden_file([sample(1.0, 0.0)]))
    place = make_version.root / 'policy' / 'v1' / 'golden.npz'
    make_version.damage(place)
    with pytest.raises(DigestMismatchError, match=r'golden\.npz'):
        repository.verify('policy', 'v1')
    place.unlink()
    with pytest.raises(IncompleteVersionError, match=r'golden\.npz'):
        repository.verify('policy', 'v1')


def _divides_by_its_norm() -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node('ReduceL2', ['observation'], ['norm'], axes=[1], keepdims=1),
        helper.make_node('Div', ['observation', 'norm'], ['unit']),
        helper.make_node('MatMul', ['unit', 'zeros'], ['decision']),
    ]
    graph = helper.make_graph(
        nodes,
        'policy',
        [helper.make_tensor_value_info('observation', TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info('decision', TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(np.zeros((4, 2), np.float32), 'zeros')],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    return bytes(model.SerializeToString())
