# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap models`: from an ONNX file to a version that an engine serves, without ROS."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import Result

from hotswap_ros.models import ModelRepository, Routing
from hotswap_ros.serving import Engine

Hotswap = Callable[..., Result]


def policy(weight: float = 0.1, inputs: str = 'obs') -> onnx.ModelProto:
    """Return a policy as a trainer of reinforcement learning exports it, with a batch axis."""
    weights = np.full((6, 2), weight, np.float32)
    graph = helper.make_graph(
        [
            helper.make_node('MatMul', [inputs, 'weights'], ['sum']),
            helper.make_node('Tanh', ['sum'], ['action']),
        ],
        'policy',
        [helper.make_tensor_value_info(inputs, TensorProto.FLOAT, ['batch', 6])],
        [helper.make_tensor_value_info('action', TensorProto.FLOAT, ['batch', 2])],
        [numpy_helper.from_array(weights, 'weights')],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with policy.onnx, other.onnx and observations."""
    onnx.save(policy(0.1), tmp_path / 'policy.onnx')
    onnx.save(policy(0.2), tmp_path / 'other.onnx')
    onnx.save(policy(0.2, 'state'), tmp_path / 'renamed.onnx')
    rng = np.random.default_rng(1)
    np.savez(tmp_path / 'obs.npz', obs=rng.normal(size=(200, 6)).astype(np.float32))
    return tmp_path


@pytest.fixture
def import_version(hotswap: Hotswap, files: Path) -> Callable[..., Result]:
    def run(version: str, *more: object, source: str = 'policy.onnx') -> Result:
        names = ('--model', 'reach', '--version', version, '--repository', files / 'models')
        return hotswap('models', 'import', files / source, *names, '--shape', 'batch=1', *more)

    return run


def test_an_imported_version_is_served(import_version: Callable[..., Result], files: Path) -> None:
    done = import_version('v1', '--from', files / 'obs.npz', '--deadline-ms', 1000)
    assert done.exit_code == 0, done.output
    observation = {'obs': np.ones((1, 6), np.float32)}
    with Engine(ModelRepository(files / 'models'), 'reach') as engine:
        engine.load('v1')
        engine.set_routing(Routing('reach', 'v1', generation=1))
        decision = engine.infer(observation, 'task')
    assert decision.outputs['action'] == pytest.approx(np.tanh(0.6), abs=1e-6)


def test_promises_are_measured_on_observations_or_said_to_be_missing(
    import_version: Callable[..., Result], files: Path
) -> None:
    bare = import_version('v1')
    measured = import_version('v2', '--from', files / 'obs.npz', '--margin', 0.0)
    assert (bare.exit_code, measured.exit_code) == (0, 0)
    assert 'input_statistics' in bare.output
    assert 'input_statistics' not in measured.output
    repository = ModelRepository(files / 'models')
    before, after = (repository.manifest('reach', name) for name in ('v1', 'v2'))
    assert (before.outputs[0].low, before.golden, before.input_statistics) == (None, None, {})
    observations = np.load(files / 'obs.npz')['obs']
    actions = np.tanh(observations @ np.full((6, 2), 0.1, np.float32))
    assert after.outputs[0].high == pytest.approx(actions.max(axis=0), abs=1e-6)
    assert after.input_statistics['obs[3]'].mean == pytest.approx(observations[:, 3].mean())
    assert after.golden is not None


def test_a_version_takes_the_promises_of_another_one(
    import_version: Callable[..., Result], files: Path
) -> None:
    assert import_version('v1', '--from', files / 'obs.npz').exit_code == 0
    assert import_version('v2', '--like', 'v1', source='other.onnx').exit_code == 0
    repository = ModelRepository(files / 'models')
    old, new = (repository.manifest('reach', name) for name in ('v1', 'v2'))
    assert new.outputs == old.outputs


@pytest.mark.parametrize(
    ('arguments', 'problem'),
    [
        (('--from', 'no.npz'), 'no.npz'),
        (('--like', 'v9'), 'v9'),
        (('--shape', 'batch'), 'batch=1'),
        (('--shape', 'time=3'), 'time'),
        (('--description', 'x' * 5000), 'description'),
    ],
)
def test_what_cannot_be_imported_leaves_nothing(
    import_version: Callable[..., Result],
    files: Path,
    arguments: tuple[str, ...],
    problem: str,
) -> None:
    refused = import_version('v1', *arguments)
    assert refused.exit_code == 1
    assert problem in f'{refused.output}{refused.exception}'
    assert not list((files / 'models').rglob('*'))


def test_a_graph_that_the_runtime_refuses_is_not_imported(
    import_version: Callable[..., Result], files: Path
) -> None:
    model = policy()
    model.graph.node[0].input[1] = 'nowhere'
    (files / 'policy.onnx').write_bytes(model.SerializeToString())
    refused = import_version('v1')
    assert refused.exit_code == 1
    assert 'nowhere' in refused.output
    assert not list((files / 'models').rglob('*'))


def test_check_tells_what_a_robot_would_refuse(
    hotswap: Hotswap, import_version: Callable[..., Result], files: Path
) -> None:
    import_version('v1', '--from', files / 'obs.npz')
    root = files / 'models'
    check = ('models', 'check', 'v1', '--repository', root)
    assert hotswap(*check).exit_code == 0
    onnx.save(policy(0.3), root / 'reach' / 'v1' / 'model.onnx')
    refused = hotswap(*check)
    assert refused.exit_code == 1
    assert 'model.onnx' in refused.output


def test_diff_tells_whether_versions_run_side_by_side(
    hotswap: Hotswap, import_version: Callable[..., Result], files: Path
) -> None:
    import_version('v1')
    import_version('v2', '--deadline-ms', 5, source='other.onnx')
    import_version('v3', source='renamed.onnx')
    root = files / 'models'

    def diff(after: str) -> tuple[int, Any]:
        path = files / 'diff.json'
        done = hotswap('models', 'diff', 'v1', after, '--repository', root, '--json', path)
        return done.exit_code, json.loads(path.read_text())

    code, found = diff('v2')
    assert (code, found['differing_tensors']) == (0, [])
    assert found['differences']['Deadline']['after'] == '5 ms'
    code, found = diff('v3')
    assert (code, found['differing_tensors']) == (0, [])
    assert found['added_inputs'] == ["'state' (float32[1, 6])"], 'a robot has to give it too'


def test_try_shows_decisions_and_what_the_guard_says(
    hotswap: Hotswap, import_version: Callable[..., Result], files: Path
) -> None:
    import_version('v1', '--from', files / 'obs.npz')
    np.save(files / 'far.npy', np.full((3, 6), 50.0, np.float32))
    root, path = files / 'models', files / 'runs.json'

    def attempt(samples: str) -> tuple[int, Any]:
        place = ('--repository', root, '--json', path, '--sample', files / samples)
        return hotswap('models', 'try', 'v1', *place).exit_code, json.loads(path.read_text())

    code, runs = attempt('obs.npz')
    assert (code, len(runs)) == (0, 200)
    code, runs = attempt('far.npy')
    assert code == 1
    assert [run['cause'] for run in runs] == ['out_of_bounds'] * 3


def test_list_and_show_name_every_version(
    hotswap: Hotswap, import_version: Callable[..., Result], files: Path
) -> None:
    import_version('v1', '--description', 'the first one')
    import_version('v2')
    root = files / 'models'
    listed = hotswap('models', 'list', '--repository', root, '--json', '-')
    assert [each['version'] for each in json.loads(listed.stdout)] == ['v1', 'v2']
    shown = hotswap('models', 'show', 'v1', '--repository', root)
    assert 'the first one' in shown.output
    (root / 'reach' / 'v2' / 'manifest.json').write_text('{')
    assert hotswap('models', 'list', '--repository', root).exit_code == 1


def test_a_repository_with_several_models_asks_which(
    hotswap: Hotswap, import_version: Callable[..., Result], files: Path
) -> None:
    import_version('v1')
    root = files / 'models'
    names = ('--model', 'grasp', '--version', 'v1', '--repository', root, '--shape', 'batch=1')
    hotswap('models', 'import', files / 'policy.onnx', *names)
    refused = hotswap('models', 'show', 'v1', '--repository', root)
    assert refused.exit_code == 1
    assert 'grasp, reach' in refused.output
    assert hotswap('models', 'show', 'v1', '--model', 'grasp', '--repository', root).exit_code == 0


def recurrent() -> onnx.ModelProto:
    """Return a policy with a hidden state, as recurrent trainers export it."""
    graph = helper.make_graph(
        [
            helper.make_node('ReduceSum', ['obs', 'one'], ['sum'], keepdims=1),
            helper.make_node('Add', ['h_in', 'sum'], ['h_out']),
            helper.make_node('Tanh', ['h_out'], ['action']),
        ],
        'policy',
        [
            helper.make_tensor_value_info('obs', TensorProto.FLOAT, ['batch', 6]),
            helper.make_tensor_value_info('h_in', TensorProto.FLOAT, ['batch', 1]),
        ],
        [
            helper.make_tensor_value_info('action', TensorProto.FLOAT, ['batch', 1]),
            helper.make_tensor_value_info('h_out', TensorProto.FLOAT, ['batch', 1]),
        ],
        [numpy_helper.from_array(np.array([1], np.int64), 'one')],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)


def test_a_recurrent_policy_is_measured_as_one_task(
    import_version: Callable[..., Result], hotswap: Hotswap, files: Path
) -> None:
    onnx.save(recurrent(), files / 'recurrent.onnx')
    np.savez(files / 'ones.npz', obs=np.full((5, 6), 0.1, np.float32))
    more = ('--from', files / 'ones.npz')
    done = import_version('v1', *more, '--state', 'h_in=h_out', source='recurrent.onnx')
    assert done.exit_code == 0, done.output
    manifest = ModelRepository(files / 'models').manifest('reach', 'v1')
    assert [spec.name for spec in manifest.observations] == ['obs']
    assert manifest.outputs[0].high[0] > np.tanh(3.0), 'the state grew from one to the next'
    tried = hotswap(
        *('models', 'try', 'v1', '--sample', files / 'ones.npz'),
        *('--repository', files / 'models', '--json', files / 'tried.json'),
    )
    assert tried.exit_code == 0, tried.output
    actions = [
        each['outputs']['action'][0][0] for each in json.loads((files / 'tried.json').read_text())
    ]
    assert actions == pytest.approx(np.tanh(0.6 * np.arange(1, 6)), abs=1e-6)


def test_a_state_that_nobody_named_is_told(
    import_version: Callable[..., Result], files: Path
) -> None:
    onnx.save(recurrent(), files / 'recurrent.onnx')
    done = import_version('v1', source='recurrent.onnx')
    assert '--state h_in=h_out' in done.output
    assert '--state' not in import_version('v2', source='policy.onnx').output


@pytest.mark.parametrize('option', [('--state', 'h_in'), ('--history', 'obs=0')])
def test_an_option_that_is_not_understood_names_the_remedy(
    import_version: Callable[..., Result], option: tuple[str, str]
) -> None:
    refused = import_version('v1', *option)
    assert refused.exit_code == 1
    assert option[0] in f'{refused.output}{refused.exception}'


def test_a_version_with_chunks_is_imported(
    import_version: Callable[..., Result], hotswap: Hotswap, files: Path
) -> None:
    model = policy()
    steps = numpy_helper.from_array(np.array([1, 2, 1], np.int64), 'steps')
    model.graph.initializer.append(steps)
    model.graph.node.append(helper.make_node('Reshape', ['action', 'steps'], ['chunk']))
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info('chunk', TensorProto.FLOAT, None))
    onnx.save(model, files / 'chunks.onnx')
    how = ('--step-s', 0.02, '--execute', 2, '--blend', 1)
    done = import_version('v1', *how, source='chunks.onnx')
    assert done.exit_code == 0, done.output
    chunk = ModelRepository(files / 'models').manifest('reach', 'v1').chunk
    assert chunk is not None
    assert (chunk.step_s, chunk.execute, chunk.blend) == (0.02, 2, 1)
    shown = hotswap('models', 'show', 'v1', '--repository', files / 'models')
    assert '2 steps of 0.02 s' in shown.output
    refused = import_version('v2', '--step-s', 0.02, '--execute', 3, source='chunks.onnx')
    assert refused.exit_code == 1


def test_promises_are_given_at_the_import(
    import_version: Callable[..., Result], files: Path
) -> None:
    promises = ('--safe-decision', 'action=0', '--rate-limit', 'action=0.05,0.1')
    done = import_version('v1', *promises)
    assert done.exit_code == 0, done.output
    manifest = ModelRepository(files / 'models').manifest('reach', 'v1')
    assert manifest.safe_decision == {'action': 0.0}
    assert manifest.outputs[0].rate_limit == (0.05, 0.1)


@pytest.mark.parametrize(
    ('promise', 'words'),
    [
        (('--safe-decision', 'act=0'), 'act'),
        (('--safe-decision', 'action=zero'), 'action=0,0'),
        (('--rate-limit', 'act=1'), 'act'),
        (('--rate-limit', 'action=1,2,3'), '3 numbers'),
        (('--rate-limit', 'action=-1'), 'greater than 0'),
    ],
)
def test_promises_that_do_not_fit_are_refused(
    import_version: Callable[..., Result], files: Path, promise: tuple[str, str], words: str
) -> None:
    refused = import_version('v1', *promise)
    assert refused.exit_code == 1
    assert words in f'{refused.output}{refused.exception}'.replace('\n', ' ')
    assert not list((files / 'models').rglob('*'))
