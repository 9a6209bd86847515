# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap models import` with preprocessing: robots give raw quantities."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file
from typer.testing import Result

from hotswap_ros.models import Manifest, ModelRepository
from hotswap_ros.serving import Session

MEAN, STD = np.array([1.0, -2.0, 30.0]), np.array([0.5, 3.0, 10.0])
ACTION_MEAN, ACTION_STD = np.array([4.0, 0.0]), np.array([2.0, 0.1])
STATISTICS = {
    'observation.state.mean': MEAN,
    'observation.state.std': STD,
    'observation.state.min': MEAN - 2 * STD,
    'observation.state.max': MEAN + 2 * STD,
    'action.mean': ACTION_MEAN,
    'action.std': ACTION_STD,
    'action.min': ACTION_MEAN - ACTION_STD,
    'action.max': ACTION_MEAN + ACTION_STD,
    'other.mean': np.zeros(5),
    'other.std': np.ones(5),
}
WEIGHTS = np.array([[0.1, 0.2], [-0.3, 0.1], [0.5, -0.2]], np.float32)


def save(path: Path, nodes: list[Any], inputs: Any, outputs: Any, **constants: Any) -> None:
    graph = helper.make_graph(
        nodes,
        'policy',
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    onnx.save(model, path)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with policies that were trained on normalised tensors, and statistics."""
    save(
        tmp_path / 'state.onnx',
        [
            # The input is used twice, and the output inside: both get other names there.
            helper.make_node('MatMul', ['observation_state', 'weights'], ['sum']),
            helper.make_node('MatMul', ['observation_state', 'weights'], ['again']),
            helper.make_node('Add', ['sum', 'again'], ['action']),
            helper.make_node('Tanh', ['action'], ['squashed']),
        ],
        {'observation_state': ['batch', 3]},
        {'action': ['batch', 2], 'squashed': ['batch', 2]},
        weights=WEIGHTS,
    )
    axes = np.array([2, 3], np.int64)
    save(
        tmp_path / 'camera.onnx',
        [helper.make_node('ReduceMean', ['image'], ['action'], axes=axes.tolist(), keepdims=0)],
        {'image': [1, 3, 4, 6]},
        {'action': [1, 3]},
    )
    save_file(STATISTICS, tmp_path / 'stats.safetensors')
    np.savez(tmp_path / 'stats.npz', **STATISTICS)
    nested: dict[str, dict[str, Any]] = {}
    for key, values in STATISTICS.items():
        name, _, figure = key.rpartition('.')
        nested.setdefault(name, {})[figure] = values.tolist()
    (tmp_path / 'stats.json').write_text(json.dumps(nested))
    return tmp_path


@pytest.fixture
def run_import(hotswap: Callable[..., Result], files: Path) -> Callable[..., Result]:
    def run(source: str, *more: object, version: str = 'v1') -> Result:
        names = ('--model', 'reach', '--version', version, '--repository', files / 'models')
        return hotswap('models', 'import', files / source, *names, *more)

    return run


def decide(files: Path, **inputs: Any) -> tuple[Manifest, dict[str, Any]]:
    verified = ModelRepository(files / 'models').verify('reach', 'v1')
    return verified.manifest, Session(verified).run(inputs)[0]


@pytest.mark.parametrize('statistics', ['stats.safetensors', 'stats.npz', 'stats.json'])
@pytest.mark.parametrize('is_min_max', [False, True])
def test_a_normalised_policy_takes_and_gives_raw_quantities(
    run_import: Any, files: Path, statistics: str, is_min_max: bool
) -> None:
    more = ['--shape', 'batch=1', '--normalize', files / statistics]
    done = run_import('state.onnx', *more, *['--min-max'] * is_min_max)
    assert done.exit_code == 0, done.output
    raw = np.array([[1.2, -4.0, 45.0]], np.float32)
    manifest, outputs = decide(files, observation_state=raw)
    assert [spec.name for spec in manifest.inputs] == ['observation_state']
    scale = 2 if is_min_max else 1  # from the mean to an end are two deviations, or one
    normal = (raw - MEAN) / (STD * scale) @ (2 * WEIGHTS)
    np.testing.assert_allclose(outputs['action'], normal * ACTION_STD + ACTION_MEAN, rtol=1e-5)
    np.testing.assert_allclose(outputs['squashed'], np.tanh(normal), rtol=1e-5)
    assert 'preprocessing is in the graph' in done.output


def test_names_that_differ_are_given(run_import: Any, files: Path) -> None:
    save(
        files / 'named.onnx',
        [helper.make_node('MatMul', ['obs', 'weights'], ['act'])],
        {'obs': [1, 3]},
        {'act': [1, 2]},
        weights=WEIGHTS,
    )
    more = ('--normalize', files / 'stats.npz')
    unknown = run_import('named.onnx', *more)
    assert unknown.exit_code == 1
    assert '--statistic obs=' in f'{unknown.output}{unknown.exception}'
    named = ('--statistic', 'obs=observation.state', '--statistic', 'act=action')
    done = run_import('named.onnx', *more, *named)
    assert done.exit_code == 0, done.output
    raw = np.array([[1.2, -4.0, 45.0]], np.float32)
    _, outputs = decide(files, obs=raw)
    expected = (raw - MEAN) / STD @ WEIGHTS * ACTION_STD + ACTION_MEAN
    np.testing.assert_allclose(outputs['act'], expected, rtol=1e-5)


def test_a_camera_gives_its_own_picture(run_import: Any, files: Path) -> None:
    more = ('--pixels', 'image', '--layout', 'image=HWC', '--resize', 'image=8x12')
    done = run_import('camera.onnx', *more)
    assert done.exit_code == 0, done.output
    image = np.random.default_rng(1).integers(0, 256, (1, 8, 12, 3)).astype(np.uint8)
    manifest, outputs = decide(files, image=image)
    (spec,) = manifest.inputs
    assert (spec.dtype.value, spec.shape) == ('uint8', (1, 8, 12, 3))
    # Half the size with the centres of pixels: each new pixel is the mean of four.
    halves = image.astype(np.float64).reshape(1, 4, 2, 6, 2, 3).mean(axis=(2, 4)) / 255
    np.testing.assert_allclose(outputs['action'], halves.mean(axis=(1, 2)), rtol=1e-4)


def test_units_are_converted_on_both_sides(run_import: Any, files: Path) -> None:
    factors = ('--factor', 'observation_state=2', '--factor', 'action=4')
    done = run_import('state.onnx', '--shape', 'batch=1', *factors)
    assert done.exit_code == 0, done.output
    raw = np.ones((1, 3), np.float32)
    _, outputs = decide(files, observation_state=raw)
    np.testing.assert_allclose(outputs['action'], 2 * raw @ (2 * WEIGHTS) / 4, rtol=1e-5)


def test_raw_observations_are_measured(run_import: Any, files: Path) -> None:
    chance = np.random.default_rng(2)
    raw = chance.normal(MEAN, STD, (50, 3)).astype(np.float32)
    np.savez(files / 'obs.npz', observation_state=raw)
    more = ('--shape', 'batch=1', '--normalize', files / 'stats.npz', '--from', files / 'obs.npz')
    done = run_import('state.onnx', *more)
    assert done.exit_code == 0, done.output
    manifest = ModelRepository(files / 'models').manifest('reach', 'v1')
    assert manifest.golden is not None
    statistics = manifest.input_statistics['observation_state[2]']
    assert statistics.mean == pytest.approx(raw[:, 2].mean(), rel=1e-5)


@pytest.mark.parametrize(
    ('source', 'more', 'words'),
    [
        ('state.onnx', ('--factor', 'wrong=2'), 'wrong'),
        ('state.onnx', ('--factor', 'action=0'), 'action=0'),
        ('state.onnx', ('--pixels', 'action'), 'only inputs'),
        ('state.onnx', ('--layout', 'observation_state=HWC'), 'image'),
        ('camera.onnx', ('--layout', 'image=CWH'), 'HWC'),
        ('camera.onnx', ('--resize', 'image=8'), '480x640'),
        ('state.onnx', ('--normalize', 'no.npz'), 'no.npz'),
        ('state.onnx', ('--normalize', 'state.onnx'), '.safetensors'),
        ('state.onnx', ('--normalize', 'stats.npz', '--statistic', 'action=other'), 'last dim'),
        ('state.onnx', ('--normalize', 'stats.npz', '--statistic', 'action=mine'), 'mine'),
        ('state.onnx', ('--statistic', 'action=action'), '--normalize'),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    run_import: Any, files: Path, source: str, more: tuple[str, ...], words: str
) -> None:
    arguments = [
        files / word if word.startswith(('no.', 'stats', 'state.')) else word for word in more
    ]
    shape = ('--shape', 'batch=1') if source == 'state.onnx' else ()
    refused = run_import(source, *shape, *arguments)
    assert refused.exit_code == 1
    assert words in f'{refused.output}{refused.exception}'.replace('\n', ' ')
    assert not list((files / 'models').rglob('*'))
