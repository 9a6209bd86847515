# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
What serving costs, as ratios of things measured side by side.

The machines that this runs on change their clock from second to second, so a time of its own says
little: each pair is measured in turns of a few milliseconds, within one run.

    python bench/serving.py [--quick] [--output build/bench]
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from hotswap_ros.models import ModelRepository
from hotswap_ros.serving import Engine, Routing

MODEL_ID = 'bench'
Inputs = dict[str, np.ndarray]


# --- Models -------------------------------------------------------------------------------------


def mlp(*sizes: int) -> tuple[bytes, list[int], list[int]]:
    """Return a multi-layer perceptron, and the shapes that it takes and puts out."""
    random = np.random.default_rng(0)
    nodes, constants, last = [], [], 'observation'
    for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        weights = random.standard_normal((fan_in, fan_out), np.float32) / np.sqrt(fan_in)
        constants.append(numpy_helper.from_array(weights.astype(np.float32), f'w{i}'))
        is_last = i == len(sizes) - 2
        name = 'decision' if is_last else f'h{i}'
        nodes.append(helper.make_node('MatMul', [last, f'w{i}'], [name]))
        if not is_last:
            nodes.append(helper.make_node('Relu', [name], [f'r{i}']))
        last = f'r{i}'
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


def write(root: Path, version: str, made: tuple[bytes, list[int], list[int]]) -> Inputs:
    """Add a version to the repository; returns an observation for it."""
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


# --- Measuring ----------------------------------------------------------------------------------


def in_turns(
    calls: dict[str, Callable[[], Any]], turns: int, calls_a_turn: int
) -> dict[str, dict[str, float]]:
    """Return the quantiles of each call's time in µs, measured in turns with the others."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(turns):
        for name, call in calls.items():
            call()
            for _ in range(calls_a_turn):
                started = perf_counter()
                call()
                times[name].append((perf_counter() - started) * 1e6)
    return {name: quantiles(taken) for name, taken in times.items()}


def quantiles(times_us: list[float]) -> dict[str, float]:
    """Return what a run of times comes down to."""
    p50, p99 = np.quantile(times_us, [0.5, 0.99])
    return {'p50_us': float(p50), 'p99_us': float(p99), 'max_us': float(max(times_us))}


def engine_for(root: Path, *versions: str, **fields: Any) -> Engine:
    """Return an engine with these versions loaded, the first one in force."""
    engine = Engine(MODEL_ID, ModelRepository(root), resident_limit=4, **fields)
    for version in versions:
        engine.load(version)
    engine.set_routing(Routing(MODEL_ID, versions[0], generation=1))
    return engine


def raw_session(root: Path, version: str) -> ort.InferenceSession:
    """Return what the engine is compared with."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(
        str(root / MODEL_ID / version / 'model.onnx'), options, providers=['CPUExecutionProvider']
    )


def pss_mb(pid: int | str = 'self') -> float:
    """Return a process's share of memory in MB: what several have in common counts in parts."""
    for line in Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines():
        if line.startswith('Pss:'):
            return int(line.split()[1]) / 1000
    return 0.0


# --- What is measured ---------------------------------------------------------------------------


def engine_against_raw(root: Path, observations: dict[str, Inputs], turns: int) -> dict[str, Any]:
    """Return what routing, guard and counters cost."""
    found = {}
    for version, calls in (('tiny', 200), ('mlp', 10), ('cnn', 10)):
        inputs, session = observations[version], raw_session(root, version)
        with engine_for(root, version) as engine:
            times = in_turns(
                {
                    'raw': partial(session.run, None, inputs),
                    'engine': partial(engine.infer, inputs, 'task'),
                },
                turns,
                calls,
            )
        found[version] = {**times, 'ratio_p50': times['engine']['p50_us'] / times['raw']['p50_us']}
    return found


def incubator_against_in_process(
    root: Path, observations: dict[str, Inputs], turns: int
) -> dict[str, Any]:
    """Return what it costs that a candidate runs in a worker."""
    inputs = observations['tiny']
    on_trial = Routing(MODEL_ID, 'tiny', 'tiny2', 1.0, generation=2)
    with (
        engine_for(root, 'tiny', 'tiny2') as here,
        engine_for(root, 'tiny', 'tiny2', isolation='incubator') as there,
    ):
        here.set_routing(on_trial)
        there.set_routing(on_trial)
        times = in_turns(
            {
                'in_process': lambda: here.infer(inputs, 'task'),
                'incubator': lambda: there.infer(inputs, 'task'),
            },
            turns,
            200,
        )
        fallbacks = sum(there.counters()['tiny2'].fallbacks.values())
    over = times['incubator']['p50_us'] - times['in_process']['p50_us']
    return {**times, 'over_in_process_p50_us': over, 'fallbacks': fallbacks}


def shadow_on_against_off(
    root: Path, observations: dict[str, Inputs], turns: int
) -> dict[str, Any]:
    """Return what the primary feels of a shadow, and how much the shadow sees."""
    found = {}
    for version, calls in (('tiny', 500), ('mlp', 25), ('cnn', 25)):
        inputs, shadow = observations[version], f'{version}2'
        with (
            engine_for(root, version) as off,
            engine_for(root, version, shadow, isolation='incubator') as on,
        ):
            on.set_routing(Routing(MODEL_ID, version, shadow=shadow, generation=2))
            times = in_turns(
                {
                    'off': partial(off.infer, inputs, 'task'),
                    'on': partial(on.infer, inputs, 'task'),
                },
                turns,
                calls,
            )
            counts = on.counters()[shadow].shadow
        found[version] = {
            **times,
            'ratio_p50': times['on']['p50_us'] / times['off']['p50_us'],
            'ratio_p99': times['on']['p99_us'] / times['off']['p99_us'],
            'coverage': counts.compared / counts.offered,
        }
    return found


def hot_swap_under_load(root: Path, observations: dict[str, Inputs]) -> dict[str, Any]:
    """Load a large version, and swap two hundred times, under a closed loop of the tiny one."""
    found = {}
    inputs = observations['tiny']
    for isolation in ('in_process', 'incubator'):
        with engine_for(root, 'tiny', isolation=isolation) as engine:
            engine.load('tiny2')
            steady = _times_while(lambda: threading.Event().wait(2.0), engine, inputs)
            during_load = _times_while(partial(engine.load, 'large'), engine, inputs)
            swaps: list[float] = []
            during_swaps = _times_while(partial(_swap, engine, swaps), engine, inputs)
        found[isolation] = {
            'steady': quantiles(steady),
            'during_load': quantiles(during_load),
            'during_swaps': quantiles(during_swaps),
            'load_p99_ratio': _p99(during_load) / _p99(steady),
            'set_routing_us': quantiles(swaps),
        }
    return found


def _p99(times_us: list[float]) -> float:
    return quantiles(times_us)['p99_us']


def _swap(engine: Engine, times_us: list[float]) -> None:
    for number in range(200):
        candidate = 'tiny2' if number % 2 == 0 else ''
        routing = Routing(
            MODEL_ID, 'tiny', candidate, float(bool(candidate)), generation=number + 2
        )
        started = perf_counter()
        engine.set_routing(routing)
        times_us.append((perf_counter() - started) * 1e6)
        threading.Event().wait(0.005)


def _times_while(work: Callable[[], Any], engine: Engine, inputs: Inputs) -> list[float]:
    """Return the times in µs between the ends of inferences, while another thread works."""
    thread = threading.Thread(target=work)
    times, number = [], 0
    thread.start()
    last = perf_counter()
    while thread.is_alive():
        engine.infer(inputs, f'task {number // 50}')
        number += 1
        if number % 50 == 0:
            engine.report_task(f'task {number // 50 - 1}', True)
        now = perf_counter()
        times.append((now - last) * 1e6)
        last = now
    thread.join()
    return times


def memory(root: Path) -> dict[str, Any]:
    """Return the memory of one and of two versions, the second one in a worker."""
    size = (root / MODEL_ID / 'large' / 'model.onnx').stat().st_size / 1e6
    gc.collect()
    before = pss_mb()
    with engine_for(root, 'large', isolation='incubator') as engine:
        one = pss_mb()
        engine.load('large2')
        worker = pss_mb(engine.workers()['large2'])
        two = pss_mb() + worker
        engine.unload('large2')
        after = pss_mb()
    return {
        'file_mb': size,
        'first_mb': one - before,
        'second_mb': two - one,
        'second_allowed_mb': 1.5 * size + 70,
        'left_after_unload_mb': after - one,
    }


# --- Report -------------------------------------------------------------------------------------


def plot(found: dict[str, Any], path: Path) -> None:
    """Draw the ratios. Raises ImportError without matplotlib."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    bars = {f'engine / raw: {name}': row['ratio_p50'] for name, row in found['engine'].items()}
    bars |= {f'shadow p99: {name}': row['ratio_p99'] for name, row in found['shadow'].items()}
    bars |= {f'load p99: {name}': row['load_p99_ratio'] for name, row in found['swap'].items()}
    figure, axes = pyplot.subplots(figsize=(8, 4), layout='constrained')
    axes.barh(list(bars), list(bars.values()))
    axes.axvline(1.0, color='black', linewidth=0.8)
    axes.invert_yaxis()
    axes.set_xlabel('ratio, measured in turns within one run')
    figure.savefig(path)


def report(found: dict[str, Any]) -> None:
    """Print one line a ratio."""
    for name, row in found['engine'].items():
        raw, engine = row['raw']['p50_us'], row['engine']['p50_us']
        print(
            f'engine / raw     {name:10} p50 {row["ratio_p50"]:.2f} ({engine:.1f} / {raw:.1f} µs)'
        )
    row = found['incubator']
    print(
        f'incubator        tiny       p50 {row["over_in_process_p50_us"]:.1f} µs over in process'
    )
    for name, row in found['shadow'].items():
        print(
            f'shadow on / off  {name:10} p50 {row["ratio_p50"]:.2f}, p99 {row["ratio_p99"]:.2f}, '
            f'coverage {row["coverage"]:.0%}'
        )
    for name, row in found['swap'].items():
        print(
            f'210 MB load      {name:10} p99 {row["load_p99_ratio"]:.2f} of steady, worst gap '
            f'{row["during_load"]["max_us"] / 1e3:.1f} ms (steady '
            f'{row["steady"]["max_us"] / 1e3:.1f}), set_routing p99 '
            f'{row["set_routing_us"]["p99_us"]:.0f} µs'
        )
    row = found['memory']
    print(
        f'memory           first {row["first_mb"]:.0f} MB, second {row["second_mb"]:.0f} MB (at '
        f'most {row["second_allowed_mb"]:.0f}), left after unload '
        f'{row["left_after_unload_mb"]:.0f} MB; file {row["file_mb"]:.0f} MB'
    )
    print(f'load average {found["load_average"][0]:.1f} on {os.cpu_count()} cores')


def main() -> None:
    """Measure, print, and write JSON and plot."""
    sys.setswitchinterval(0.0005)  # as the nodes do
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--quick', action='store_true', help='fewer turns: seconds, and noisier')
    parser.add_argument('--output', type=Path, default=Path('build/bench'))
    given = parser.parse_args()
    turns = 10 if given.quick else 60
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        made = {
            'tiny': mlp(64, 256, 256, 7),
            'mlp': mlp(512, 2048, 2048, 2048, 7),  # 10 million weights, 20 MFLOP
            'cnn': cnn(),
            'large': mlp(64, 7200, 7200, 7),  # 210 MB
        }
        observations = {}
        for name, model in made.items():
            observations[name] = write(root, name, model)
            write(root, f'{name}2', model)
        del made
        found: dict[str, Any] = {'load_average': os.getloadavg()}
        found['engine'] = engine_against_raw(root, observations, turns)
        found['incubator'] = incubator_against_in_process(root, observations, turns)
        found['shadow'] = shadow_on_against_off(root, observations, turns)
        found['swap'] = hot_swap_under_load(root, observations)
        found['memory'] = memory(root)
    report(found)
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / 'serving.json').write_text(json.dumps(found, indent=1))
    try:
        plot(found, given.output / 'serving.png')
    except ImportError:
        print('no plot: matplotlib is not installed')


if __name__ == '__main__':
    main()
