# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Manifests and model files that are large, endless or shaped on purpose."""

import json
import os
import resource
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotswap_ros.models import (
    MANIFEST_NAME,
    IncompleteVersionError,
    InvalidManifestError,
    ModelRepository,
    TensorSpec,
)
from hotswap_ros.models.repository import manifest_of

SPEC = {'name': 'observation', 'shape': [1, 4]}


@pytest.fixture
def peak_bytes() -> Iterator[Any]:
    """Return a function that says how much memory Python took since the test began."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


@pytest.mark.parametrize(
    'fields',
    [
        {'inputs': [{**SPEC, 'shape': [1, 10**8]}]},
        {'inputs': [{**SPEC, 'shape': [1, 2 * 10**9]}]},
        {'inputs': [{**SPEC, 'shape': [10**6, 10**6]}]},
        {'inputs': [{**SPEC, 'shape': [10**4000]}]},
        {'outputs': [{**SPEC, 'shape': [1, 10**8], 'low': 0, 'high': 1}]},
        {'inputs': [{**SPEC, 'shape': [1] * 1000}]},
        {'inputs': [{'name': f'i{n}', 'shape': [1]} for n in range(10_000)]},
        {'inputs': [{**SPEC, 'name': 'x' * 100_000}]},
        {'description': 'x' * 900_000},
        {'description': 'x' * 2_000_000},
        {'deadline_ms': 1e300},
        {'size_bytes': 10**15},
        {'training': json.loads('[' * 100 + ']' * 100) and {'a': json.loads('[' * 50 + ']' * 50)}},
        {'input_statistics': {f'x[{n}]': {'mean': 0, 'std': 1} for n in range(5000)}},
        {'version': 'v1' + 'x' * 100_000},
    ],
    ids=range(15),
)
def test_a_manifest_of_giants_is_refused_in_a_short_sentence(
    make_version: Any, repository: ModelRepository, fields: dict[str, Any], peak_bytes: Any
) -> None:
    path = make_version('v1') / MANIFEST_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    before = peak_bytes()
    with pytest.raises(InvalidManifestError) as caught:
        repository.manifest('policy', 'v1')
    assert len(str(caught.value)) < 1000
    assert peak_bytes() - before < 20e6


def test_bounds_of_one_number_cost_nothing_however_wide_the_tensor(peak_bytes: Any) -> None:
    spec = TensorSpec(name='image', shape=(1, 10**7), low=0.0, high=1.0, rate_limit=0.5)
    spec.require_allowed('safe_decision', 0.5)
    assert spec.size == 10**7
    assert peak_bytes() < 1e6


@pytest.mark.parametrize('name', [MANIFEST_NAME, 'model.onnx'])
@pytest.mark.parametrize('kind', ['fifo', 'device', 'folder', 'sparse', 'loop'])
def test_what_is_no_regular_file_is_not_read(
    make_version: Any, repository: ModelRepository, name: str, kind: str
) -> None:
    path = make_version('v1') / name
    path.unlink()
    _make(kind, path)
    with pytest.raises((InvalidManifestError, IncompleteVersionError)):
        repository.verify('policy', 'v1')


def _make(kind: str, path: Path) -> None:
    if kind == 'fifo':
        os.mkfifo(path)
    elif kind == 'device':
        path.symlink_to('/dev/zero')
    elif kind == 'folder':
        path.mkdir()
    elif kind == 'loop':
        path.symlink_to(path.name)
    else:
        with path.open('wb') as file:
            file.truncate(40 * 10**9)


def test_nothing_of_a_large_file_is_read_that_is_not_the_stated_one(
    make_version: Any, repository: ModelRepository
) -> None:
    path = make_version('v1') / 'model.onnx'
    with path.open('wb') as file:
        file.truncate(2**31)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(IncompleteVersionError):
        repository.verify('policy', 'v1')
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_text_of_a_manifest_is_more_than_an_error(text: bytes) -> None:
    with pytest.raises(InvalidManifestError):
        manifest_of(text, 'policy', 'v1', 'here')
