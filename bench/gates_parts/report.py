# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Results of the gate benchmark for people: tables and a plot."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill
from typing import Any

from gates_parts import methods
from gates_parts.rollouts import BASELINE, DESIGNS, RATES
from gates_parts.rules import AS_CAREFUL

from hotswap_ros.text import percent

_SHORT = dict(zip(DESIGNS, ('half', 'cautious', 'thin', 'across')))


def report(found: dict[str, Any]) -> None:
    """Print the tables."""
    rollouts = found['rollouts']
    for correlation, table in rollouts['tables'].items():
        alike = 'are all alike' if float(correlation) == 0 else 'differ'
        print(f'\nRobots that {alike} (intra-class correlation {float(correlation):g})')
        _print_rollouts(table)
        _print_targets(table)
    print('\nTen robots that differ (intra-class correlation 0.05)')
    _print_rollouts(rollouts['small'])
    low, high = rollouts['false_rollbacks_interval']
    note = (
        'A good v24 succeeds in 92% of tasks, as v23 does. In brackets: 95% intervals, and the '
        'mean number of tasks that v24 lost. Stages of 5, 20 and 50% of 100 robots end after '
        '100, 500 and 2,500 tasks of v24. As careful: set to be wrong as often as the gate was '
        'in all of '
        f'its tables, {rollouts["false_rollbacks"]:.1%} of '
        f'{rollouts["equal_rollouts"]} rollouts ({low:.1%} to {high:.1%}).'
    )
    print(f'\n{fill(note, 98)}')
    print('\n'.join(methods.rows(found['methods'])))
    print('(in brackets: as a multiple of the limit)')
    row = found['cost']
    print(
        f'\nOne telemetry message costs {row["message_us"]:.1f} µs (to reach: 30), one look '
        f'{row["look_us"]:.0f} µs;\n{row["robots"]:,} robots at 1 Hz and ten looks a second: '
        f'{row["core_share"]:.1%} of a core (to reach: 10%).'
    )


def _print_rollouts(table: dict[str, Any]) -> None:
    bad = [rate for rate in RATES if rate < BASELINE]
    print(f'{"":42}{"good v24 rolled":22}tasks of a bad v24 until it is rolled back (tasks lost)')
    heads = ''.join(f'{f"v24 at {rate:.0%}":>15}' for rate in bad)
    print(f'{"":42}{"back by mistake":16}{heads}')
    for name, row in table.items():
        cells = ''.join(f'{_cell(row[str(rate)]):>15}' for rate in bad)
        print(f'{name:42}{_mistakes(row[str(BASELINE)]):20}{cells[4:]}')


def _print_targets(table: dict[str, Any]) -> None:
    print(f'{"to reach":48}{"at most":>8}' + ''.join(f'{_SHORT[n]:>14}' for n in DESIGNS))
    for words, most, form, values in targets(table):
        cells = ''.join(
            f'{format(value, form) + (" yes" if value <= most else "  no"):>14}'
            for value in values
        )
        print(f'{words:48}{format(most, form):>8}{cells}')
    # A handful of rollouts cannot show a rate of a few in a hundred.
    equal = [table[name][str(BASELINE)] for name in DESIGNS]
    if any(row['interval'][0] <= 0.05 < row['rolled_back'] for row in equal):
        print('(whether a good v24 is rolled back in more than 5% is open with so few rollouts)')


def targets(table: dict[str, Any]) -> Iterator[tuple[str, float, str, list[float]]]:
    """Yield the goals: text, limit, format, and the result of each design."""
    designs = [table[name] for name in DESIGNS]
    equal = [row[str(BASELINE)]['rolled_back'] for row in designs]
    yield 'good v24 rolled back by mistake', 0.05, '.1%', equal
    for rate, most in ((0.70, 30), (0.80, 70), (0.85, 180)):
        medians = [row[str(rate)]['median_tasks'] or math.inf for row in designs]
        yield f'median tasks until rollback, v24 at {rate:.0%}', most, '.0f', medians
    careful = [row for name, row in table.items() if name.endswith(AS_CAREFUL)]
    for rate, part in zip(RATES, (1 / 3, 1 / 2, 1.0, 1.0, 1.0)):
        best = min(row[str(rate)]['lost_tasks'] for row in careful)
        parts = [row[str(rate)]['lost_tasks'] / best for row in designs]
        yield f'lost, of what careful rules lose, v24 at {rate:.0%}', part, '.0%', parts


def _cell(row: dict[str, Any]) -> str:
    median = row['median_tasks']
    tasks = f'{row["rolled_back"]:.0%} only' if median is None else f'{median:,.0f}'
    return f'{tasks} ({row["lost_tasks"]:.0f})'


def _mistakes(row: dict[str, Any]) -> str:
    low, high = row['interval']
    return f'{percent(row["rolled_back"])} ({100 * low:.1f} to {100 * high:.1f})'


def plot(found: dict[str, Any], path: Path) -> None:
    """Draw the tasks lost. Raises ImportError without matplotlib."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(12, 4.5), layout='constrained', sharey=True)
    for axes, (correlation, table) in zip(panels, found['rollouts']['tables'].items()):
        for name, row in table.items():
            axes.plot(
                [100 * rate for rate in RATES],
                [row[str(rate)]['lost_tasks'] for rate in RATES],
                marker='o',
                label=name,
            )
        axes.set_title(f'intra-class correlation {correlation}')
        axes.set_xlabel('success rate of the candidate, in % (control: 92%)')
    panels[0].set_ylabel('tasks lost to the candidate')
    panels[1].legend(fontsize='small')
    figure.savefig(path)
