# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Plots as SVG text, drawn by matplotlib without a window."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter

from hotswap_ros.gates import wilson_interval
from hotswap_ros.gates.analysis import (
    SOME_DRIFT,
    STRONG_DRIFT,
    Drift,
    Group,
    Latency,
    Level,
    Moment,
    Replay,
)
from hotswap_ros.sim import Characteristics

CONTROL, CANDIDATE, LIMIT, GRID = '#6b7280', '#1d4ed8', '#b91c1c', '#e3e6ea'
_STYLE: Any = {
    'font.family': 'sans-serif',
    'font.size': 10,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.edgecolor': '#9aa1ab',
    'axes.axisbelow': True,
    'axes.grid': True,
    'grid.color': GRID,
    'legend.frameon': False,
    'svg.hashsalt': 'hotswap_ros',
}
_TIME_UNITS = ((172_800, 86_400, 'days'), (7_200, 3_600, 'hours'), (180, 60, 'minutes'))


@mpl.rc_context(_STYLE)
def success_over_time(replayed: Replay, control: str, candidate: str) -> str:
    """Draw both success rates so far, with confidence sequences that are valid at all times."""
    figure, axes = _figure(3.4)
    times, unit = _elapsed(replayed.moments)
    for name, colour, curves in (
        (control, CONTROL, [(m.control.rate, *m.control_interval) for m in replayed.moments]),
        (
            candidate,
            CANDIDATE,
            [(m.candidate.rate, *m.candidate_interval) for m in replayed.moments],
        ),
    ):
        rates, low, high = np.array(curves).T
        axes.fill_between(times, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(times, rates, color=colour, label=_plain(name), linewidth=1.8)
    settled = replayed.moments[len(replayed.moments) // 8 :]
    lows = [min(m.control_interval.low, m.candidate_interval.low) for m in settled]
    axes.set_ylim(max(0.0, min(lows) - 0.03), 1.005)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel(unit)
    axes.set_ylabel('success rate so far')
    axes.legend(loc='lower right', ncols=2)
    return to_svg(figure)


@mpl.rc_context(_STYLE)
def evidence_over_time(replayed: Replay) -> str:
    """Draw the e-value of harm against its limit."""
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
    return to_svg(figure)


@mpl.rc_context(_STYLE)
def latency_distributions(latency: Mapping[str, Latency], control: str, candidate: str) -> str:
    """Draw the cumulative distribution of latency."""
    figure, axes = _figure(3.0)
    for name, colour in ((control, CONTROL), (candidate, CANDIDATE)):
        if name not in latency:
            continue
        values, counts, _ = latency[name]
        order = np.argsort(values)
        shares = np.cumsum(counts[order]) / counts.sum()
        axes.step(
            values[order], shares, where='post', color=colour, label=_plain(name), linewidth=1.8
        )
    axes.axhline(0.95, color=LIMIT, linewidth=1.2, linestyle='--', label='95%')
    axes.set_xscale('log')
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter('{x:g}')
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylim(0, 1.02)
    axes.set_xlabel('milliseconds')
    axes.set_ylabel('answered within')
    axes.legend(loc='lower right')
    return to_svg(figure)


@mpl.rc_context(_STYLE)
def success_by_group(
    groups: Mapping[str, Group], control: str, candidate: str, known: Collection[str] | None
) -> str:
    """Draw both success rates by category with Wilson intervals; new categories have a star."""
    shown = list(groups.items())[:10]
    figure, axes = _figure(3.2)
    places = np.arange(len(shown))
    for offset, name, colour, arms in (
        (-0.19, control, CONTROL, [group.control for _, group in shown]),
        (0.19, candidate, CANDIDATE, [group.candidate for _, group in shown]),
    ):
        rates = np.array([arm.rate if arm.tasks else 0.0 for arm in arms])
        ends = np.array([wilson_interval(arm.successes, arm.tasks) for arm in arms]).T
        errors = np.nan_to_num(np.maximum(0.0, [rates - ends[0], ends[1] - rates]))
        axes.bar(
            places + offset, rates, 0.36, yerr=errors, color=colour, label=_plain(name), capsize=3
        )
    is_new = [known is not None and name not in known for name, _ in shown]
    labels = [
        f'{_plain(name) or "no category"}{" ★" * new}' for (name, _), new in zip(shown, is_new)
    ]
    axes.set_xticks(places, labels)
    axes.grid(visible=False, axis='x')
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylim(0, 1.02)
    axes.legend(loc='lower right', bbox_to_anchor=(1.0, 1.0), ncols=2)
    return to_svg(figure)


@mpl.rc_context(_STYLE)
def drift_by_feature(drifts: Sequence[Drift]) -> str:
    """Draw the population stability index of each feature, with the limits of drift."""
    colours = {Level.NONE: CONTROL, Level.SOME: '#b45309', Level.STRONG: LIMIT}
    figure, axes = _figure(0.9 + 0.26 * len(drifts))
    shown = drifts[::-1]
    names = [_plain(one.feature) for one in shown]
    axes.barh(names, [one.psi for one in shown], color=[colours[one.level] for one in shown])
    for level in (SOME_DRIFT, STRONG_DRIFT):
        axes.axvline(level, color=LIMIT, linestyle='--', linewidth=1.0)
    axes.set_xlim(0, max(1.2 * STRONG_DRIFT, 1.05 * max(one.psi for one in drifts)))
    axes.grid(visible=False, axis='y')
    axes.set_xlabel('population stability index')
    return to_svg(figure)


@mpl.rc_context(_STYLE)
def rollbacks(found: Sequence[Characteristics], version: str) -> Figure:
    """Draw the results of a plan for one success rate of the candidate, or for several."""
    figure = Figure(figsize=(9.2, 3.4), layout='constrained')
    left, right = figure.subplots(1, 2)
    if len(found) == 1:
        _draw_stages(left, found[0])
        _draw_tasks(right, found[0], version)
    else:
        _draw_rates(left, found, version)
        _draw_losses(right, found, version)
    return figure


def _draw_stages(axes: Axes, found: Characteristics) -> None:
    n = found.rolled_back.repetitions
    shares = [count / n for count in found.by_stage] + [found.promoted.rate, found.paused.rate]
    names = [f'stage {stage}' for stage in range(1, len(found.by_stage) + 1)]
    colours = [LIMIT] * len(found.by_stage) + [CANDIDATE, CONTROL]
    bars = axes.bar([*names, 'promoted', 'paused'], shares, color=colours)
    axes.bar_label(bars, [f'{share:.1%}' for share in shares], padding=2, fontsize=9)
    axes.tick_params(axis='x', labelrotation=20)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylim(0, max(shares) * 1.15)
    axes.set_title('ends of rollouts (red: rolled back)', fontsize=10)


def _draw_tasks(axes: Axes, found: Characteristics, version: str) -> None:
    axes.set_title('rolled back so far', fontsize=10)
    axes.set_xlabel(f'tasks of {version}')
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylim(0, 1.02)
    if found.tasks:
        shares = np.arange(1, len(found.tasks) + 1) / found.rolled_back.repetitions
        axes.step([0, *found.tasks], [0, *shares], where='post', color=LIMIT, linewidth=1.8)


def _draw_rates(axes: Axes, found: Sequence[Characteristics], version: str) -> None:
    rates = [one.world.candidate for one in found]
    shares = [one.rolled_back.rate for one in found]
    ends = np.array([one.rolled_back.interval for one in found]).T
    # At 0% and 100% rounding may put an end on the wrong side.
    errors = np.maximum(0.0, [shares - ends[0], ends[1] - shares])
    axes.errorbar(rates, shares, errors, color=LIMIT, marker='o', capsize=3)
    _mark_stable(axes, found[0])
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylim(-0.02, 1.05)
    axes.set_title('rolled back', fontsize=10)
    axes.set_xlabel(f'true success rate of {version}')


def _draw_losses(axes: Axes, found: Sequence[Characteristics], version: str) -> None:
    rates = [one.world.candidate for one in found]
    errors = [2 * one.lost_error for one in found]
    axes.errorbar(
        rates, [one.lost for one in found], errors, color=CANDIDATE, marker='o', capsize=3
    )
    _mark_stable(axes, found[0])
    axes.set_title('tasks lost in the rollout, compared with no rollout', fontsize=10)
    axes.set_xlabel(f'true success rate of {version}')


def _mark_stable(axes: Axes, found: Characteristics) -> None:
    axes.axvline(found.world.stable, color=CONTROL, linestyle='--', linewidth=1.2)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(9.2, height), layout='constrained')
    return figure, figure.subplots()


def _elapsed(moments: Sequence[Moment]) -> tuple[list[float], str]:
    """Return the times since the first moment, in a readable unit."""
    began = moments[0].time
    length = moments[-1].time - began
    for above, seconds, unit in _TIME_UNITS:
        if length >= above:
            return [(m.time - began) / seconds for m in moments], f'{unit} since the start'
    return [m.time - began for m in moments], 'seconds since the start'


def to_svg(figure: Figure) -> str:
    """Return a figure as SVG text."""
    text = io.StringIO()
    figure.savefig(text, format='svg', metadata={'Date': None})
    return text.getvalue()


def _plain(name: str) -> str:
    """Return a name that matplotlib neither reads as a formula nor leaves out of a legend."""
    name = name.replace('$', r'\$')
    return f' {name}' if name.startswith('_') else name
