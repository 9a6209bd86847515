# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The cost of loads that hang, bloat or never end, for the version that serves."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from lib.measure import engine_for, quantiles
from lib.models import MODEL_ID, Inputs, loop, many, mlp, one_large_constant, write

from hotswap_ros.serving import Engine

_STEADY_CALLS = 20_000


def write_hostile(root: Path) -> list[str]:
    """Write versions that no robot can load; return their names."""
    made = {
        'loop_without_end': loop(turns=None),
        'loop_of_an_hour': loop(turns=10**10),
        'constants_of_5_gb': one_large_constant(1_250_000_000),
        'outputs_100000': many(100_000, are_outputs=True),
        'nodes_200000': many(200_000, are_outputs=False),
    }
    for name, model in made.items():
        write(root, name, model)
    for name in ('endless_device', 'sparse_file'):
        write(root, name, mlp(64, 7))
        file = root / MODEL_ID / name / 'model.onnx'
        file.unlink()
        if name == 'endless_device':
            file.symlink_to('/dev/zero')
        else:
            file.touch()
            os.truncate(file, 40 * 10**9)
    return [*made, 'endless_device', 'sparse_file']


def during_hostile_loads(root: Path, inputs: Inputs, deadline_s: float) -> dict[str, Any]:
    """Return the latency of stable before and during the loads, and how each of them ended."""
    names = write_hostile(root)
    with engine_for(
        root, 'tiny', isolation='worker', resident_limit=16, load_deadline_s=deadline_s
    ) as engine:
        steady = quantiles([_time_us(engine, inputs) for _ in range(_STEADY_CALLS)])
        before_mb, times, ends = _resident_mb(), [], {}
        with ThreadPoolExecutor(len(names)) as pool:
            began = perf_counter()
            loads = {name: pool.submit(engine.load, name) for name in names}
            for name, load in loads.items():
                load.add_done_callback(partial(_note_end, ends, name, began))
            peak_mb = before_mb
            while len(ends) < len(names):
                times += [_time_us(engine, inputs) for _ in range(1000)]
                peak_mb = max(peak_mb, _resident_mb())
    during = quantiles(times)
    return {
        'steady': steady,
        'during': during,
        'p99_ratio': during['p99_us'] / steady['p99_us'],
        'grown_mb': peak_mb - before_mb,
        'ends': ends,
    }


def _time_us(engine: Engine, inputs: Inputs) -> float:
    started = perf_counter()
    engine.infer(inputs, 'task')
    return (perf_counter() - started) * 1e6


def _note_end(ends: dict[str, Any], name: str, began: float, load: Future[Any]) -> None:
    error = load.exception()
    ends[name] = {'s': perf_counter() - began, 'error': str(error)[:200]}


def _resident_mb() -> float:
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 1e6
