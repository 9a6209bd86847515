# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The latency of a closed loop while versions are loaded, swapped and unloaded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from lib.measure import engine_for, quantiles
from lib.models import MODEL_ID, Inputs
from lib.report import BAD, GOOD, INK, PALE, pyplot

from hotswap_ros.serving import Engine, Routing

STEPS_A_TASK = 50
SWAPS = 200


class Timeline:
    """Time of each answer in s from the beginning, its duration in µs, and the phases."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.times_us: list[float] = []
        self.spans: list[tuple[str, float, float]] = []

    def during(self, name: str) -> list[float]:
        """Return the durations of the answers that arrived during this phase."""
        ends = np.asarray(self.ends)
        found = [(start, end) for span, start, end in self.spans if span == name]
        inside = np.zeros(len(ends), bool)
        for start, end in found:
            # Including the answer after the end: it may have waited for the phase.
            inside[np.searchsorted(ends, start) : np.searchsorted(ends, end) + 1] = True
        return np.asarray(self.times_us)[inside].tolist()


def hot_swap_under_load(
    root: Path, observations: dict[str, Inputs]
) -> tuple[dict[str, Any], dict[str, Timeline]]:
    """Load 210 MB, swap two hundred times and unload, under a closed loop of the tiny version."""
    found, timelines = {}, {}
    for isolation in ('in_process', 'worker'):
        with engine_for(root, 'tiny', isolation=isolation) as engine:
            engine.load('tiny2')
            timelines[isolation] = line = Timeline()
            swaps_us: list[float] = []
            steps = [
                ('steady', lambda: threading.Event().wait(2.0)),
                ('load', lambda engine=engine: engine.load('large')),
                ('pause', lambda: threading.Event().wait(0.5)),
                ('swaps', lambda engine=engine, into=swaps_us: _swap(engine, into)),
                ('pause', lambda: threading.Event().wait(0.5)),
                ('unload', lambda engine=engine: engine.unload('large')),
                ('pause', lambda: threading.Event().wait(0.5)),
            ]
            _loop_during(steps, engine, observations['tiny'], line)
        rows = {
            f'during_{name}': quantiles(line.during(name)) for name in ('load', 'swaps', 'unload')
        }
        steady = quantiles(line.during('steady'))
        found[isolation] = {
            'steady': steady,
            **rows,
            'load_p99_ratio': rows['during_load']['p99_us'] / steady['p99_us'],
            'set_routing_us': quantiles(swaps_us),
        }
    return found, timelines


def _swap(engine: Engine, times_us: list[float]) -> None:
    for number in range(SWAPS):
        candidate = 'tiny2' if number % 2 == 0 else ''
        routing = Routing(
            MODEL_ID, 'tiny', candidate, float(bool(candidate)), generation=number + 2
        )
        started = perf_counter()
        engine.set_routing(routing)
        times_us.append((perf_counter() - started) * 1e6)
        threading.Event().wait(0.005)


def _loop_during(
    steps: list[tuple[str, Callable[[], Any]]], engine: Engine, inputs: Inputs, line: Timeline
) -> None:
    """Infer in a closed loop while another thread works through the steps."""
    began = perf_counter()

    def work() -> None:
        for name, step in steps:
            started = perf_counter() - began
            step()
            line.spans.append((name, started, perf_counter() - began))

    thread = threading.Thread(target=work)
    thread.start()
    number, last = 0, perf_counter()
    while thread.is_alive():
        engine.infer(inputs, f'task {number // STEPS_A_TASK}')
        number += 1
        if number % STEPS_A_TASK == 0:
            engine.report_task(f'task {number // STEPS_A_TASK - 1}', True)
        now = perf_counter()
        line.ends.append(now - began)
        line.times_us.append((now - last) * 1e6)
        last = now
    thread.join()


def draw_swaps(timelines: dict[str, Timeline], path: Path) -> None:
    """Draw the time between answers, worst and median of each hundredth of a second."""
    titles = {
        'in_process': 'both versions in the process of the loop',
        'worker': 'the second version in a worker process',
    }
    figure, panels = pyplot().subplots(
        len(timelines), 1, figsize=(10, 6), dpi=150, sharey=True, layout='constrained'
    )
    for axes, (name, line) in zip(panels, timelines.items()):
        _draw(axes, line, titles[name])
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc='upper right', ncols=3, frameon=False
    )
    panels[-1].set_xlabel('seconds')
    figure.suptitle(
        'Time between answers, closed loop, tiny MLP', x=0.01, ha='left', fontweight='bold'
    )
    figure.savefig(path)
    print(f'drawn to {path}')


def _draw(axes: Any, line: Timeline, title: str) -> None:
    labels = {'load': '210 MB load', 'swaps': f'{SWAPS} swaps', 'unload': 'unload'}
    for name, start, end in line.spans:
        if name in labels:
            axes.axvspan(start, max(end, start + 0.01), color=PALE, linewidth=0)
            axes.text(start, 1.5e5, f' {labels[name]}', va='top', ha='left', fontsize=8)
    bins = (np.asarray(line.ends) / 0.01).astype(int)
    starts = np.flatnonzero(np.diff(bins, prepend=-1))
    groups = np.split(np.asarray(line.times_us), starts[1:])
    seconds = bins[starts] * 0.01
    worst, medians = [group.max() for group in groups], [np.median(group) for group in groups]
    axes.plot(seconds, worst, color=BAD, linewidth=0.8, label='worst of 10 ms')
    axes.plot(seconds, medians, color=GOOD, label='median of 10 ms')
    axes.axhline(2e3, color=INK, linewidth=0.8, linestyle=':', label='2 ms')
    axes.set_yscale('log')
    axes.set_ylim(5, 2e5)
    axes.set_xlim(0, line.ends[-1])
    axes.set_yticks([10, 100, 1e3, 1e4, 1e5], ['10 µs', '0.1 ms', '1 ms', '10 ms', '0.1 s'])
    axes.set_title(title, loc='left', fontsize=9)
    axes.spines[['top', 'right']].set_visible(False)
