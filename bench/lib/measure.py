# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Measurement of times: in turns with each other, within one run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from lib.models import MODEL_ID

from hotswap_ros.models import ModelRepository
from hotswap_ros.serving import Engine, EngineSettings, Routing


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
    """Return the quantiles of a series of times."""
    p50, p99 = np.quantile(times_us, [0.5, 0.99])
    return {'p50_us': float(p50), 'p99_us': float(p99), 'max_us': float(max(times_us))}


def engine_for(root: Path, *versions: str, **settings: Any) -> Engine:
    """Return an engine with these versions loaded, the first one in force."""
    settings = {'resident_limit': 4, **settings}
    engine = Engine(ModelRepository(root), MODEL_ID, EngineSettings(**settings))
    for version in versions:
        engine.load(version)
    engine.set_routing(Routing(MODEL_ID, versions[0], generation=1))
    return engine


def pss_mb(pid: int | str = 'self') -> float:
    """Return the proportional set size of a process in MB."""
    for line in Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines():
        if line.startswith('Pss:'):
            return int(line.split()[1]) / 1000
    return 0.0
