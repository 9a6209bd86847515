# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The picture of the methods for docs: how many times the least tasks each one needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gates_parts.methods import LIMIT, RATES
from lib.report import INK, PALE, pyplot

#: Colour and marker of each method: told apart without colours, too. (Okabe and Ito's colours.)
_LOOKS = (
    ('#0072b2', 'o'),
    ('#009e73', 's'),
    ('#cc79a7', '^'),
    ('#e69f00', 'D'),
    ('#7a8894', 'v'),
    ('#d55e00', 'P'),
)
_MOST = 8.0


def draw(found: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw the tasks until rollback as multiples of those of a test that knows both rates."""
    plt = pyplot()
    # Text stays text, for whoever searches or hears it; a light ground is readable on any page.
    with plt.rc_context({'svg.fonttype': 'none', 'svg.hashsalt': 'hotswap_ros'}):
        figure, panels = plt.subplots(
            1, len(found), figsize=(3.3 * len(found), 4.2), layout='constrained', sharey=True
        )
        for axes, case in zip(panels, found):
            _panel(axes, case)
        panels[0].set_ylabel('median tasks until rollback,\nas a multiple of the limit')
        last = panels[-1].get_legend_handles_labels()
        figure.legend(*last, loc='outside lower center', ncols=3, frameon=False)
        figure.savefig(path, metadata={'Date': None, 'Title': 'Tasks until rollback, by method'})


def _panel(axes: Any, case: dict[str, Any]) -> None:
    limits = case['methods'][LIMIT]
    others = (item for item in case['methods'].items() if item[0] != LIMIT)
    rates = [f'{100 * rate:.0f}%' for rate in RATES]
    for (name, values), (colour, marker) in zip(others, _LOOKS):
        ratios = [_ratio(value, limit) for value, limit in zip(values, limits)]
        axes.plot(rates, ratios, color=colour, marker=marker, markersize=5, label=name)
    axes.axhline(1.0, color=INK, linewidth=1.2)
    axes.annotate('limit', (0.98, 1.0), xycoords=('axes fraction', 'data'), va='top', ha='right')
    axes.set_yscale('log')
    axes.set_ylim(0.8, _MOST)
    ticks = (1, 1.25, 1.5, 2, 3, 5, 8)
    axes.set_yticks(ticks, [f'{tick:g}' for tick in ticks])
    axes.minorticks_off()
    axes.grid(axis='y', color=PALE, linewidth=0.6)
    axes.spines[['top', 'right']].set_visible(False)
    axes.set_title(case['title'].replace(', ', ',\n'), fontsize=9, loc='left')
    axes.set_xlabel(f'success rate of v24\n({case["false"]:.1%} false rollbacks)')


def _ratio(value: float | None, limit: float | None) -> float:
    return float('nan') if value is None or limit is None else value / limit
