# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Results of the benchmarks: JSON files and plots."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INK, GOOD, BAD, PLAIN, PALE = '#22303c', '#2a7f62', '#c8553d', '#7a8894', '#d5dbe0'


@dataclass(frozen=True)
class Bar:
    """A ratio, and its goal (an upper limit)."""

    label: str
    ratio: float
    goal: float | None = None


def save(found: dict[str, Any], path: Path) -> None:
    """Write the results as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1))
    print(f'written to {path}')


def pyplot() -> Any:
    """Return pyplot with a backend that draws into files."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot as found

    found.rcParams.update(
        {'axes.edgecolor': INK, 'text.color': INK, 'axes.labelcolor': INK, 'font.size': 9}
    )
    return found


def bars(drawn: list[Bar], path: Path, title: str) -> None:
    """Draw each ratio as its distance from 1, on a logarithmic axis, with its goal."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure, axes = pyplot().subplots(
        figsize=(9, 1.6 + 0.3 * len(drawn)), dpi=150, layout='constrained'
    )
    for row, bar in enumerate(drawn):
        colour = PLAIN if bar.goal is None else GOOD if bar.ratio <= bar.goal else BAD
        axes.plot([1.0, bar.ratio], [row, row], color=colour, linewidth=7, solid_capstyle='butt')
        axes.plot(bar.ratio, row, 'o', color=colour, markersize=8)
        axes.annotate(
            f'{bar.ratio:.2g}' if bar.ratio < 0.1 else f'{bar.ratio:.2f}',
            (1.0, row),
            xycoords=('axes fraction', 'data'),
            xytext=(6, 0),
            textcoords='offset points',
            va='center',
            color=colour,
            fontweight='bold',
        )
        if bar.goal is not None:
            axes.plot([bar.goal] * 2, [row - 0.38, row + 0.38], color=INK, linewidth=2)
    marks = [value for bar in drawn for value in (bar.ratio, bar.goal or 1.0)]
    axes.set_xscale('log')
    low, high = min(0.7, 0.8 * min(marks)), max(1.4, 1.25 * max(marks))
    steps = (1.0, 2.0, 5.0) if high > 10 * low else (1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 7.0)
    axes.set_xlim(low, high)
    axes.axvline(1.0, color=INK, linewidth=0.8)
    axes.xaxis.set_major_locator(LogLocator(subs=steps))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f'{value:g}'))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis='x', color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_yticks(range(len(drawn)), [bar.label for bar in drawn])
    axes.tick_params(axis='y', length=0)
    axes.invert_yaxis()
    figure.suptitle(title, x=0.01, ha='left', fontweight='bold')
    axes.set_xlabel(
        'ratio of times, measured in turns within one run: less is better\n'
        '| goal   green: reached   red: not reached   grey: no goal'
    )
    axes.spines[['top', 'right', 'left']].set_visible(False)
    figure.savefig(path)
    print(f'drawn to {path}')
