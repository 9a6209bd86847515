# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Benchmark of serving: ratios of times that are measured side by side.

The processor clock changes from second to second, so a single time says little: each pair is
measured in turns of a few milliseconds, within one run.

    python bench/serving.py [--quick] [--output build/bench]
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from lib.measure import engine_for, in_turns, pss_mb
from lib.models import MODEL_ID, Inputs, cnn, mlp, model_file, write
from lib.report import Bar, bars, save
from peers.session import session_of
from serving_parts.hostile import during_hostile_loads
from serving_parts.swap import draw_swaps, hot_swap_under_load

from hotswap_ros.serving import Routing

NAMES = {'tiny': 'tiny MLP', 'mlp': '20 MFLOP MLP', 'cnn': 'small CNN'}


def engine_against_raw(root: Path, observations: dict[str, Inputs], turns: int) -> dict[str, Any]:
    """Return the cost of routing, guard and counters."""
    found = {}
    for version, calls in (('tiny', 200), ('mlp', 10), ('cnn', 10)):
        inputs, session = observations[version], session_of(str(model_file(root, version)))
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


def worker_against_in_process(
    root: Path, observations: dict[str, Inputs], turns: int
) -> dict[str, Any]:
    """Return the cost of running a candidate in a worker."""
    inputs = observations['tiny']
    on_trial = Routing(MODEL_ID, 'tiny', 'tiny2', 1.0, generation=2)
    with (
        engine_for(root, 'tiny', 'tiny2') as here,
        engine_for(root, 'tiny', 'tiny2', isolation='worker') as there,
    ):
        here.set_routing(on_trial)
        there.set_routing(on_trial)
        times = in_turns(
            {
                'in_process': lambda: here.infer(inputs, 'task'),
                'worker': lambda: there.infer(inputs, 'task'),
            },
            turns,
            200,
        )
        fallbacks = sum(there.counters()['tiny2'].fallbacks.values())
    over = times['worker']['p50_us'] - times['in_process']['p50_us']
    return {**times, 'over_in_process_p50_us': over, 'fallbacks': fallbacks}


def shadow_on_against_off(
    root: Path, observations: dict[str, Inputs], turns: int
) -> dict[str, Any]:
    """Return the effect of a shadow on stable's latency, and the coverage of the shadow."""
    found = {}
    for version, calls in (('tiny', 500), ('mlp', 25), ('cnn', 25)):
        inputs, shadow = observations[version], f'{version}2'
        with (
            engine_for(root, version) as off,
            engine_for(root, version, shadow, isolation='worker') as on,
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


def memory(root: Path) -> dict[str, Any]:
    """Return the memory of one and of two versions, the second one in a worker."""
    size = (root / MODEL_ID / 'large' / 'model.onnx').stat().st_size / 1e6
    gc.collect()
    before = pss_mb()
    with engine_for(root, 'large', isolation='worker') as engine:
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


def report(found: dict[str, Any]) -> list[Bar]:
    """Print one line per ratio; return the bars to draw."""
    drawn = []
    for name, row in found['engine'].items():
        raw, engine = row['raw']['p50_us'], row['engine']['p50_us']
        print(
            f'engine / raw     {name:10} p50 {row["ratio_p50"]:.2f} ({engine:.1f} / {raw:.1f} µs)'
        )
        goal = 1.0 if name == 'tiny' else 1.03
        drawn.append(
            Bar(f'infer / InferenceSession.run, {NAMES[name]}, p50', row['ratio_p50'], goal)
        )
    row = found['worker']
    print(
        f'worker           tiny       p50 {row["over_in_process_p50_us"]:.1f} µs over in process'
    )
    for name, row in found['shadow'].items():
        print(
            f'shadow on / off  {name:10} p50 {row["ratio_p50"]:.2f}, p99 {row["ratio_p99"]:.2f}, '
            f'coverage {row["coverage"]:.0%}'
        )
        goal = 1.25 if name == 'tiny' else 1.15
        drawn.append(Bar(f'with / without shadow, {NAMES[name]}, p99', row['ratio_p99'], goal))
    for name, row in found['swap'].items():
        print(
            f'210 MB load      {name:10} p99 {row["load_p99_ratio"]:.2f} of steady, worst gap '
            f'{row["during_load"]["max_us"] / 1e3:.1f} ms (steady '
            f'{row["steady"]["max_us"] / 1e3:.1f}), set_routing p99 '
            f'{row["set_routing_us"]["p99_us"]:.0f} µs'
        )
        place = 'a worker' if name == 'worker' else 'the process'
        drawn.append(
            Bar(f'during / before a 210 MB load in {place}, p99', row['load_p99_ratio'], 2.0)
        )
    row = found['memory']
    print(
        f'memory           first {row["first_mb"]:.0f} MB, second {row["second_mb"]:.0f} MB (at '
        f'most {row["second_allowed_mb"]:.0f}), left after unload '
        f'{row["left_after_unload_mb"]:.0f} MB; file {row["file_mb"]:.0f} MB'
    )
    row = found['hostile']
    longest = max(end['s'] for end in row['ends'].values())
    print(
        f'hostile loads    {len(row["ends"])} at once  p99 {row["p99_ratio"]:.2f} of steady, all '
        f'refused within {longest:.0f} s, process {row["grown_mb"]:+.0f} MB'
    )
    drawn.append(Bar('during / before seven hostile loads, p99', row['p99_ratio'], 1.15))
    print(f'load average {found["load_average"][0]:.1f} on {os.cpu_count()} cores')
    return drawn


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
        found['worker'] = worker_against_in_process(root, observations, turns)
        found['shadow'] = shadow_on_against_off(root, observations, turns)
        found['swap'], timelines = hot_swap_under_load(root, observations)
        found['memory'] = memory(root)
        deadline_s = 5.0 if given.quick else 15.0
        found['hostile'] = during_hostile_loads(root, observations['tiny'], deadline_s)
    save(found, given.output / 'serving.json')
    bars(report(found), given.output / 'serving.png', 'What the engine costs')
    draw_swaps(timelines, given.output / 'swap.png')


if __name__ == '__main__':
    main()
