# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A session of one version: loading, refusals and their reasons."""

import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from hotswap_ros.serving import Guard, LoadFailedError, RuntimeSettings, Session
from hotswap_ros.serving.onnx.session import is_steady


def open_session(make_version: Any, **fields: Any) -> Session:
    make_version('v1', **fields)
    verified = make_version.repository.verify('policy', 'v1')
    return Session(verified)


def test_it_runs(make_version: Any, observe: Any) -> None:
    outputs, waited_ms = open_session(make_version, bias=0.5).run(observe())
    assert waited_ms == 0.0
    assert list(outputs) == ['decision']
    np.testing.assert_array_equal(outputs['decision'], np.full((1, 2), 0.5, np.float32))


@pytest.mark.parametrize(
    ('fields', 'words'),
    [
        ({'content': b'\x08\x08'}, 'the runtime refused it'),
        ({'content': b'not a model at all'}, 'the runtime refused it'),
        ({'fault': 'unknown_operator'}, 'NoSuchOperator'),
        (
            {'inputs': [{'name': 'camera', 'shape': [1, 4]}]},
            'its inputs are observation, the manifest says camera',
        ),
        (
            {'inputs': [{'name': 'observation', 'shape': [1, 5]}]},
            "input 'observation' is tensor(float) ['batch', 4], the manifest says float32 [1, 5]",
        ),
        (
            {'inputs': [{'name': 'observation', 'shape': [4]}]},
            "input 'observation' is tensor(float)",
        ),
        (
            {'inputs': [{'name': 'observation', 'shape': [1, 4], 'dtype': 'int64'}]},
            'the manifest says int64 [1, 4]',
        ),
        (
            {'outputs': [{'name': 'decision', 'shape': [1, 3]}]},
            "output 'decision' is tensor(float) [1, 2], the manifest says float32 [1, 3]",
        ),
        (
            {'outputs': [{'name': 'd', 'shape': [1, 2]}, {'name': 'e', 'shape': [1]}]},
            'its outputs are decision, the manifest says d, e',
        ),
    ],
)
def test_it_refuses(make_version: Any, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(LoadFailedError) as caught:
        open_session(make_version, **fields)
    assert caught.value.version == 'v1'
    assert words in str(caught.value)


def test_it_refuses_a_truncated_file(make_version: Any) -> None:
    content = (make_version('v1') / 'model.onnx').read_bytes()
    with pytest.raises(LoadFailedError, match='the runtime refused it'):
        open_session(make_version, content=content[: len(content) // 2])


def model_of(nodes: list[onnx.NodeProto], *constants: TensorProto) -> bytes:
    """Return an ONNX file from `observation`, 1 by 4, to a `decision` of undeclared shape."""
    graph = helper.make_graph(
        nodes,
        'policy',
        [helper.make_tensor_value_info('observation', TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info('decision', TensorProto.FLOAT, None)],
        constants,
    )
    opset = [helper.make_opsetid('', 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    return bytes(model.SerializeToString())


def test_it_takes_no_weights_from_outside_the_file(
    make_version: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'weights').write_bytes(np.zeros((4, 2), np.float32).tobytes())
    monkeypatch.chdir(tmp_path)
    weights = TensorProto(name='w', data_type=TensorProto.FLOAT, dims=(4, 2))
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.append(onnx.StringStringEntryProto(key='location', value='weights'))
    node = helper.make_node('MatMul', ['observation', 'w'], ['decision'])
    with pytest.raises(LoadFailedError, match=r'second file.*external_data=False'):
        open_session(make_version, content=model_of([node], weights))


@pytest.mark.filterwarnings('error')  # the runtime would warn, and serve on the CPU
def test_a_provider_that_is_not_here(make_version: Any) -> None:
    make_version('v1')
    verified = make_version.repository.verify('policy', 'v1')
    with pytest.raises(LoadFailedError, match='RknpuExecutionProvider is not in this') as caught:
        Session(verified, RuntimeSettings(providers=('rknpu',)))
    assert 'CPUExecutionProvider' in str(caught.value)


def warm_up(make_version: Any, **fields: Any) -> None:
    session = open_session(make_version, **fields)
    session.warm_up(Guard(make_version.repository.manifest('policy', 'v1')))


def test_warming_up_finds_what_is_not_finite(make_version: Any) -> None:
    ones = helper.make_tensor('ones', TensorProto.FLOAT, (4, 2), [1.0] * 8)
    nodes = [
        helper.make_node('MatMul', ['observation', 'ones'], ['sum']),
        helper.make_node('Div', ['sum', 'sum'], ['decision']),
    ]
    with pytest.raises(LoadFailedError, match=r'decision float32\[1, 2\] \(not_finite\)'):
        warm_up(make_version, content=model_of(nodes, ones))


def test_warming_up_finds_what_raises(make_version: Any) -> None:
    far = helper.make_tensor('far', TensorProto.INT64, (1, 2), [9, 9])
    nodes = [
        helper.make_node('Flatten', ['observation'], ['flat'], axis=0),
        helper.make_node('Cos', ['flat'], ['cosine']),
        helper.make_node('Squeeze', ['cosine'], ['numbers']),
        helper.make_node('Gather', ['numbers', 'far'], ['decision']),
    ]
    with pytest.raises(LoadFailedError, match=r'it raised an error on zeros: .*Gather'):
        warm_up(make_version, content=model_of(nodes, far))


def test_warming_up_finds_a_shape_that_the_file_does_not_state(make_version: Any) -> None:
    nodes = [
        helper.make_node('ReduceMax', ['observation'], ['most'], keepdims=0),
        helper.make_node('Cast', ['most'], ['choice'], to=TensorProto.BOOL),
        helper.make_node(
            'If',
            ['choice'],
            ['decision'],
            then_branch=branch('right', [1, 2]),
            else_branch=branch('wrong', [1, 1, 2]),
        ),
    ]
    with pytest.raises(LoadFailedError, match=r'decision float32\[1, 1, 2\] \(output\)'):
        warm_up(make_version, content=model_of(nodes))


def branch(name: str, shape: list[int]) -> onnx.GraphProto:
    value = helper.make_tensor('value', TensorProto.FLOAT, shape, [0.0, 0.0])
    return helper.make_graph(
        [helper.make_node('Constant', [], [name], value=value)],
        name,
        [],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)],
    )


def test_warming_up_does_not_judge_bounds_or_time(make_version: Any) -> None:
    warm_up(make_version, bias=99.0, deadline_ms=1e-9)


def test_what_it_returns_belongs_to_the_caller(make_version: Any, observe: Any) -> None:
    session = open_session(make_version, bias=0.5)
    first = session.run(observe())[0]['decision']
    second = session.run(observe())[0]['decision']
    first[:] = 7.0
    np.testing.assert_array_equal(second, np.full((1, 2), 0.5, np.float32))
    np.testing.assert_array_equal(
        session.run(observe())[0]['decision'], np.full((1, 2), 0.5, np.float32)
    )


def test_any_memory_order_is_taken(make_version: Any) -> None:
    doubled = np.full((1, 8), 1.0, np.float32)
    session = open_session(make_version, bias=0.5)
    outputs, _ = session.run({'observation': doubled[:, ::2]})
    np.testing.assert_array_equal(outputs['decision'], np.full((1, 2), 0.5, np.float32))


def test_an_output_that_does_not_fit_its_buffer_is_shown_as_it_is(
    make_version: Any, observe: Any
) -> None:
    session = open_session(make_version, fault='output')
    assert session.run(observe())[0]['decision'].shape == (1, 2)
    assert session.run(observe(-1))[0]['decision'].shape == (2, 2)
    assert session.run(observe())[0]['decision'].shape == (1, 2)


def test_runs_at_once_do_not_share_buffers(make_version: Any) -> None:
    nodes = [helper.make_node('Slice', ['observation', 'start', 'end', 'axis'], ['decision'])]
    constants = [
        helper.make_tensor(name, TensorProto.INT64, (1,), [value])
        for name, value in (('start', 0), ('end', 2), ('axis', 1))
    ]
    session = open_session(make_version, content=model_of(nodes, *constants))

    def run(thread: int) -> bool:
        inputs = {'observation': np.full((1, 4), thread, np.float32)}
        return all((session.run(inputs)[0]['decision'] == thread).all() for _ in range(500))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, range(4)))


def test_it_keeps_no_copy_of_the_file(make_version: Any) -> None:
    # The runtime's wrapper would, of bytes: a large version would take its size once more.
    session = open_session(make_version)
    kept = gc.get_referents(*vars(session._runtime).values())
    assert not any(isinstance(thing, bytes) and len(thing) > 200 for thing in kept)


@pytest.mark.parametrize(
    ('times', 'expected'),
    [
        ([], False),
        ([1.0, 1.0], False),
        ([1.0, 1.0, 1.0], True),
        ([9.0, 1.0, 1.1, 1.2], True),
        ([9.0, 1.0, 1.1], False),
        ([1.0, 2.0, 2.0, 2.0], False),
        ([400.0, 200.0, 401.0], True),
    ],
)
def test_when_the_time_is_steady(times: list[float], expected: bool) -> None:
    assert is_steady(times) is expected


def test_warming_up_ends_when_the_time_never_gets_steady(
    make_version: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session(make_version)
    moments = iter(n * n / 1e4 for n in range(1000))
    monkeypatch.setattr('hotswap_ros.serving.onnx.session.perf_counter', lambda: next(moments))
    session.warm_up(Guard(make_version.repository.manifest('policy', 'v1')))
    # The middle one of the last three of twenty.
    assert session.typical_ms == pytest.approx((37 * 37 - 36 * 36) / 1e4 * 1e3)
    assert next(moments) == 40 * 40 / 1e4
    # The nineteenth of twenty.
    assert session.warm_latency_ms == pytest.approx((37 * 37 - 36 * 36) / 1e4 * 1e3)


def test_warming_up_measures_once_the_time_is_steady(
    make_version: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session(make_version)
    took = iter([0.5, 0.1, *[0.002] * 3, *[0.002] * 15, 0.003, 0.004, 9.9])
    moments = (moment for seconds in took for moment in (0.0, seconds))
    monkeypatch.setattr('hotswap_ros.serving.onnx.session.perf_counter', lambda: next(moments))
    session.warm_up(Guard(make_version.repository.manifest('policy', 'v1')))
    assert session.warm_latency_ms == pytest.approx(3.0), 'of twenty, the nineteenth'
    assert next(took) == 9.9
