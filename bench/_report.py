# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The one way in which results are written and drawn."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INK, GOOD, BAD, PALE = '#22303c', '#2a7f62', '#c8553d', '#d5dbe0'


@dataclass(frozen=True)
class Bar:
    """A ratio, and what it is to be at most."""

    label: str
    ratio: float
    goal: float | None = None


def save(found: dict[str, Any], path: Path) -> None:
    """Write what was measured as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1))
    print(f'written to {path}')


def pyplot() -> Any:
    """Return what draws into files."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot as found

    found.rcParams.update(
        {'axes.edgecolor': INK, 'text.color': INK, 'axes.labelcolor': INK, 'font.size': 9}
    )
    return found


def bars(drawn: list[Bar], path: Path, title: str) -> None:
    """Draw ratios on a logarithmic axis, each with its goal."""
    figure, axes = pyplot().subplots(
        figsize=(9, 1.3 + 0.34 * len(drawn)), dpi=150, layout='constrained'
    )
    rows = range(len(drawn))
    low = min(0.5, *(bar.ratio * 0.8 for bar in drawn))
    colours = [GOOD if bar.goal is None or bar.ratio <= bar.goal else BAD for bar in drawn]
    widths = [bar.ratio - low for bar in drawn]
    axes.barh(rows, widths, left=low, color=colours, height=0.62)
    for row, bar in zip(rows, drawn):
        axes.text(bar.ratio, row, f' {bar.ratio:.2f}', va='center')
        if bar.goal is not None:
            axes.plot([bar.goal] * 2, [row - 0.4, row + 0.4], color=INK, linewidth=2)
    axes.axvline(1.0, color=INK, linewidth=0.8, linestyle=':')
    axes.set_xscale('log')
    axes.set_yticks(rows, [bar.label for bar in drawn])
    axes.invert_yaxis()
    axes.set_title(title, loc='left', fontweight='bold')
    axes.set_xlabel('ratio, measured in turns within one run; less is better; | is the goal')
    axes.spines[['top', 'right']].set_visible(False)
    figure.savefig(path)
    print(f'drawn to {path}')
