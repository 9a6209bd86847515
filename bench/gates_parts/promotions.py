# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Promotions by the plans of README, docs and config, of equal, better and worse versions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hotswap_ros.coordinator import assumed_preview, outlook_of
from hotswap_ros.plan import load_plan
from hotswap_ros.sim import World, characterize

ROOT = Path(__file__).parents[2]
BASELINE, CORRELATION, ROBOTS, TASKS_PER_S = 0.92, 0.02, 100, 0.1
#: Largest share of rollouts that may promote a version which is three points worse, and smallest
#: share in which README's plan has to promote an equal one without a person.
MOST_WORSE, LEAST_EQUAL = 0.05, 0.8
#: Versions that the README's plan is given in whole rollouts of the runner, and how often.
WHOLE, FULL, QUICK = (0.92, 0.89), 60, 8


def plans() -> dict[str, str]:
    """Return the text of each plan by where it stands."""
    readme = (ROOT / 'README.md').read_text()
    found = {'README': _dedent(re.search(r'"plan: \|\n(.*?)"\n', readme, re.DOTALL)[1])}
    how_to = (ROOT / 'docs/how-to/write_a_plan.md').read_text()
    found['docs, first plan'] = _dedent(
        re.search(r'\n\n(    modelId:.*?)\n\n', how_to, re.DOTALL)[1]
    )
    files = sorted((ROOT / 'config/plans').glob('*.yaml'))
    return found | {path.name: path.read_text() for path in files}


def _dedent(text: str) -> str:
    lines = text.splitlines()
    margin = len(lines[0]) - len(lines[0].lstrip())
    return '\n'.join(line[margin:] for line in lines)


def promotions(quick: bool) -> dict[str, Any]:
    """Return what each plan makes of versions, and the README's plan in whole rollouts."""
    outlooks = {}
    for name, text in plans().items():
        fleet = (ROBOTS, TASKS_PER_S, BASELINE, CORRELATION)
        outlook = outlook_of(assumed_preview(load_plan(text), *fleet))
        outlooks[name] = [vars(odds) for odds in outlook.odds]
    plan, whole = load_plan(plans()['README']), []
    for rate in WHOLE:
        world = World(BASELINE, rate, ROBOTS, CORRELATION)
        found = characterize(plan, world, QUICK if quick else FULL)
        shares = (found.promoted, found.rolled_back, found.paused)
        whole.append([rate, [share.rate for share in shares], found.promoted.interval])
    return {'plans': outlooks, 'whole_rollouts': whole}


def show(found: dict[str, Any]) -> None:
    """Print the table, and whether it is as it should be."""
    print('\nHow often a plan promotes v24 by itself (rolled back; the rest is left to a person)')
    names = [f'{100 * odds["difference"]:+g}' for odds in found['plans']['README']]
    print(f'{"v24, points beside v23 at 92%":28}' + ''.join(f'{name:>16}' for name in names))
    for name, row in found['plans'].items():
        cells = [f'{odds["promoted"]:.1%} ({odds["rolled_back"]:.0%})' for odds in row]
        print(f'{name:28}' + ''.join(f'{cell:>16}' for cell in cells))
    for rate, shares, interval in found['whole_rollouts']:
        promoted, back, paused = shares
        print(
            f'README in whole rollouts, v24 at {rate:.0%}: promoted {promoted:.0%} (95% interval '
            f'{interval[0]:.0%} to {interval[1]:.0%}), rolled back {back:.0%}, paused {paused:.0%}'
        )
    worst = max(_at(row, -0.03) for row in found['plans'].values())
    equal = _at(found['plans']['README'], 0.0)
    print(f'3 points worse promoted: {worst:.1%} at most (to reach: {MOST_WORSE:.0%})')
    print(f'equal promoted by the README: {equal:.1%} (to reach: {LEAST_EQUAL:.0%})')


def _at(row: list[dict[str, Any]], difference: float) -> float:
    return next((o['promoted'] for o in row if abs(o['difference'] - difference) < 1e-9), 0.0)
