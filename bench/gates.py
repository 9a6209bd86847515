# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Benchmark of gates: how often a gate is wrong, how soon it is right, what a message costs it.

Rollouts over 100 robots in stages of 5, 20 and 50% with 100, 500 and 2,500 candidate tasks. The
previous version succeeds in 92% of tasks. The gate is the one of this package, fed with telemetry;
the rules that it is compared with decide on the same kind of tasks. Other sequential methods are
compared with its evidence at one rate of false rollbacks, also for ten robots; with --step, STEP
too, whose environment `make bench ARGS=--step` makes. All seeds are fixed.

Then the plans of README, docs and config are given versions that are equal, better and worse. It
takes about ten minutes on one core, with --quick less than three.

    python bench/gates.py [--quick] [--step] [--output build/bench]
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from gates_parts import chart, step
from gates_parts.methods import CORRELATION, medians
from gates_parts.promotions import promotions, show
from gates_parts.report import plot, report
from gates_parts.rollouts import BASELINE, DESIGNS, RATES, SMALL, Design, Outcome, cost, rollout
from gates_parts.rules import AS_CAREFUL, RULES, as_careful, failed_checks, trial

from hotswap_ros.gates import wilson_interval

CORRELATIONS = (0.0, 0.05)
#: Rollouts for each rate: those that end soon cost little, whole ones half a second each.
FULL = dict(zip(RATES, (150, 100, 60, 20, 15, 45)))
QUICK = dict(zip(RATES, (20, 12, 12, 4, 3, 6)))
RULE_TRIALS, QUICK_RULE_TRIALS = 2000, 500
#: Lowest rate of false rollbacks that the rules are tuned to, even if the gate has fewer.
LEAST_FALSE = 0.01
BEGAN = monotonic()


def summary(outcomes: list[Outcome], rate: float) -> dict[str, Any]:
    """Return the summary of many rollouts."""
    tasks = np.array([outcome.tasks for outcome in outcomes])
    rolled_back = int(np.sum(tasks < math.inf))
    ended = float(np.mean([outcome.ended for outcome in outcomes]))
    median = float(np.median(tasks))
    return {
        'rollouts': len(outcomes),
        'rolled_back': rolled_back / len(outcomes),
        'interval': wilson_interval(rolled_back, len(outcomes)),
        'median_tasks': median if math.isfinite(median) else None,
        'mean_tasks': ended,
        'lost_tasks': ended * max(0.0, BASELINE - rate),
    }


def gate_rows(
    designs: dict[str, Design], rollouts: dict[float, int], correlation: float
) -> dict[str, Any]:
    """Return a row for each design: what the gate does, by the candidate's success rate."""
    found: dict[str, Any] = {}
    for name, design in designs.items():
        progress(f'{name}, intra-class correlation {correlation:g}')
        found[name] = {
            str(rate): summary(
                [rollout(design, rate, correlation, 1000 + n) for n in range(number)], rate
            )
            for rate, number in rollouts.items()
        }
    return found


def rule_rows(number: int, correlation: float, false_rollbacks: float) -> dict[str, Any]:
    """Return the same for the rules, as they are and tuned to the gate, on equal tasks."""
    progress(f'the rules that people use, intra-class correlation {correlation:g}')
    rng = np.random.default_rng(99)
    equal = [trial(BASELINE, correlation, rng) for _ in range(number)]
    rules = RULES | {
        f'{name}{AS_CAREFUL}': (rule, as_careful(rule, false_rollbacks, equal))
        for name, (rule, _) in RULES.items()
        if rule is not failed_checks
    }
    rows: dict[str, Any] = {name: {'limit': limit} for name, (_, limit) in rules.items()}
    rng = np.random.default_rng(7)
    for rate in RATES:
        trials = [trial(rate, correlation, rng) for _ in range(number)]
        for name, (rule, limit) in rules.items():
            rows[name][str(rate)] = summary([rule(one, limit) for one in trials], rate)
    return rows


def operating_characteristics(rollouts: dict[float, int], rule_trials: int) -> dict[str, Any]:
    """Return a table for each correlation, and how often the gate was wrong in all of them."""
    tables = {
        correlation: gate_rows(DESIGNS, rollouts, correlation) for correlation in CORRELATIONS
    }
    equal = [row[str(BASELINE)] for table in tables.values() for row in table.values()]
    number = sum(row['rollouts'] for row in equal)
    wrong = round(sum(row['rollouts'] * row['rolled_back'] for row in equal))
    for correlation, table in tables.items():
        table.update(rule_rows(rule_trials, correlation, max(LEAST_FALSE, wrong / number)))
    return {
        'false_rollbacks': wrong / number,
        'false_rollbacks_interval': wilson_interval(wrong, number),
        'equal_rollouts': number,
        'tables': {str(correlation): table for correlation, table in tables.items()},
        'small': gate_rows(SMALL, rollouts, CORRELATION),
    }


def progress(what: str) -> None:
    """Print the name of a measurement."""
    print(f'[{monotonic() - BEGAN:4.0f} s] {what}', file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print, and write JSON and plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--quick', action='store_true', help='fewer rollouts: noisier')
    parser.add_argument('--step', action='store_true', help='compare with STEP, too')
    parser.add_argument('--output', type=Path, default=Path('build/bench'))
    given = parser.parse_args()
    if given.step and not step.is_there():
        parser.error("STEP is not here: run 'make bench ARGS=--step'")
    progress('what a message costs')
    found: dict[str, Any] = {'cost': cost(seconds=20 if given.quick else 60)}
    found['rollouts'] = (
        operating_characteristics(QUICK, QUICK_RULE_TRIALS)
        if given.quick
        else operating_characteristics(FULL, RULE_TRIALS)
    )
    progress('other sequential methods')
    found['methods'] = medians(150 if given.quick else 1200, given.step)
    report(found)
    progress('what plans promote')
    found['promotions'] = promotions(given.quick)
    show(found['promotions'])
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / 'gates.json').write_text(json.dumps(found, indent=1))
    try:
        plot(found, given.output / 'gates.png')
        chart.draw(found['methods'], given.output / 'gates.svg')
    except ImportError:
        print('no plots: matplotlib is not installed')
    print(f'Figures: {given.output}/gates.json, plots: gates.png and gates.svg beside it')


if __name__ == '__main__':
    main()
