# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Plots as SVG text, drawn by matplotlib without a window."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from hotswap_ros.gates.analysis import Latency, Moment, Replay

CONTROL, CANDIDATE, LIMIT, GRID = '#6b7280', '#1d4ed8', '#b91c1c', '#e3e6ea'
_STYLE: Any = {
    'font.family': 'sans-serif',
    'font.size': 10,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.edgecolor': '#9aa1ab',
    'axes.grid': True,
    'grid.color': GRID,
    'legend.frameon': False,
    'svg.hashsalt': 'hotswap_ros',
}
_TIME_UNITS = ((172_800, 86_400, 'days'), (7_200, 3_600, 'hours'), (180, 60, 'minutes'))


def success_over_time(replayed: Replay, control: str, candidate: str) -> str:
    """Draw both success rates so far, with the confidence sequences that hold at all times."""
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(3.4)
        times, unit = _elapsed(replayed.moments)
        for name, colour, rates, intervals in (
            (
                control,
                CONTROL,
                [m.control.rate for m in replayed.moments],
                [m.control_interval for m in replayed.moments],
            ),
            (
                candidate,
                CANDIDATE,
                [m.candidate.rate for m in replayed.moments],
                [m.candidate_interval for m in replayed.moments],
            ),
        ):
            low, high = np.array(intervals).T
            axes.fill_between(times, low, high, color=colour, alpha=0.15, linewidth=0)
            axes.plot(times, rates, color=colour, label=name, linewidth=1.8)
        settled = replayed.moments[len(replayed.moments) // 8 :]
        lows = [min(m.control_interval.low, m.candidate_interval.low) for m in settled]
        axes.set_ylim(max(0.0, min(lows) - 0.03), 1.005)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_xlabel(unit)
        axes.set_ylabel('tasks that succeeded so far')
        axes.legend(loc='lower right', ncols=2)
        return _svg(figure)


def evidence_over_time(replayed: Replay) -> str:
    """Draw the e-value of harm against its limit."""
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(3.0)
        times, unit = _elapsed(replayed.moments)
        evidence = [max(m.evidence, 1e-6) for m in replayed.moments]
        axes.plot(times, evidence, color=CANDIDATE, linewidth=1.8)
        axes.axhline(replayed.limit, color=LIMIT, linewidth=1.4, linestyle='--')
        axes.axhline(1.0, color=CONTROL, linewidth=0.8)
        axes.annotate(
            f'limit {replayed.limit:g}: roll back',
            (0.995, replayed.limit),
            xytext=(0, -3),
            textcoords='offset points',
            xycoords=axes.get_yaxis_transform(),
            ha='right',
            va='top',
            color=LIMIT,
        )
        axes.set_yscale('log')
        axes.set_ylim(max(min(evidence) / 3, 1e-6), max(*evidence, replayed.limit) * 6)
        axes.set_xlabel(unit)
        axes.set_ylabel('evidence of harm')
        return _svg(figure)


def latency_distributions(latency: Mapping[str, Latency], control: str, candidate: str) -> str:
    """Draw how many requests are answered within how many milliseconds."""
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(3.0)
        for name, colour in ((control, CONTROL), (candidate, CANDIDATE)):
            if name not in latency:
                continue
            values, counts, _ = latency[name]
            order = np.argsort(values)
            shares = np.cumsum(counts[order]) / counts.sum()
            axes.step(values[order], shares, where='post', color=colour, label=name, linewidth=1.8)
        axes.axhline(0.95, color=LIMIT, linewidth=1.2, linestyle='--', label='95%')
        axes.set_xscale('log')
        axes.xaxis.set_major_formatter('{x:g}')
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_ylim(0, 1.02)
        axes.set_xlabel('milliseconds')
        axes.set_ylabel('answered within')
        axes.legend(loc='lower right')
        return _svg(figure)


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(9.2, height), layout='constrained')
    return figure, figure.subplots()


def _elapsed(moments: Sequence[Moment]) -> tuple[list[float], str]:
    """Return the times since the first moment, in a unit that people would use."""
    began = moments[0].time
    length = moments[-1].time - began
    for above, seconds, unit in _TIME_UNITS:
        if length >= above:
            return [(m.time - began) / seconds for m in moments], f'{unit} since the start'
    return [m.time - began for m in moments], 'seconds since the start'


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format='svg', metadata={'Date': None})
    return text.getvalue()
