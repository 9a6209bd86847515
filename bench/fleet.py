# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Benchmark of fleets: rollbacks and Direct over DDS, stopping a fleet, rollouts in virtual time.

A rollback is ordered by its action and timed from sending the goal to receiving the result; both
versions are resident on every robot. The 100 robots are those of `sim_fleet`; the 1,000 are light
ones (see fleet_parts/light_robots.py), with 100 light ones for comparison. Direct begins with the
version on no robot's disk; all robots share the cores of this machine to load it.

    python bench/fleet.py [--quick] [--output build/bench]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import median
from typing import Any

from fleet_parts import virtual
from fleet_parts.directs import NAMED, directs
from fleet_parts.rollbacks import choose_domain, rollbacks, stop
from lib.report import save

#: Goals in seconds: a rollback by number of robots, the others, and 10,000 robots in virtual time.
GOALS = {100: 0.5, 1000: 3.0}
DIRECT_GOAL_S, STOP_GOAL_S, VIRTUAL_GOAL_S = 2.0, 2.0, 60.0


def verdict(found: float, goal: float) -> str:
    """Say whether a goal was reached."""
    return f'{"reached" if found <= goal else "NOT reached"} (goal {goal:g} s)'


def rollback_rows(quick: bool, logs: Path) -> list[dict[str, Any]]:
    """Measure rollbacks of each kind of fleet."""
    rows = []
    for kind, robots in (('simulated', 100), ('light', 100), ('light', 1000)):
        found = rollbacks(kind, robots, 5 if quick else 15, logs)
        whole = [one.whole for one in found]
        row = {
            'kind': kind,
            'robots': robots,
            'times': len(found),
            'median_s': median(whole),
            'longest_s': max(whole),
            'median_confirmed_s': median(one.confirmed for one in found),
        }
        rows.append(row)
        print(
            f'rollback of {robots:,} {kind} robots: median {row["median_s"]:.2f} s, longest '
            f'{row["longest_s"]:.2f} s, confirmed after {row["median_confirmed_s"]:.2f} s: '
            f'{verdict(row["median_s"], GOALS[robots])}'
        )
    return rows


def direct_rows(quick: bool, logs: Path) -> list[dict[str, Any]]:
    """Measure Direct to robots by name, and to all others of a fleet."""
    found = [directs(100, logs) for _ in range(1 if quick else 5)]
    rows = []
    for robots, kind, some in zip((NAMED, 100 - NAMED), ('named', 'other'), zip(*found)):
        row = {
            'robots': robots,
            'times': len(some),
            'median_s': median(one.whole for one in some),
            'median_loaded_s': median(one.loaded for one in some),
        }
        rows.append(row)
        print(
            f'Direct to {robots} {kind} robots: median {row["median_s"]:.2f} s, loaded after '
            f'{row["median_loaded_s"]:.2f} s: {verdict(row["median_s"], DIRECT_GOAL_S)}'
        )
    return rows


def virtual_rows(quick: bool) -> dict[str, Any]:
    """Measure rollouts in virtual time, and how the cost grows."""
    rows = []
    for robots in (100, 1000) if quick else (100, 1000, 10_000):
        rows.append(virtual.rollout(robots))
        print(
            f'virtual rollout to {robots:,} robots in {rows[-1]["virtual_days"]:.1f} days: '
            f'{rows[-1]["processor_s"]:.1f} s of one core'
        )
    line = virtual.line(rows)
    print(
        f'  {line["fixed_s"]:.1f} s and {line["s_per_1000_robots"]:.2f} s for every 1,000 robots; '
        f'no row is farther off than {line["farthest_off"]:.0%}'
    )
    if not quick:
        print(f'  10,000 robots: {verdict(rows[-1]["processor_s"], VIRTUAL_GOAL_S)}')
    return {'telemetry_s': virtual.TELEMETRY_S, 'rows': rows, 'line': line}


def main() -> None:
    """Measure, print, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--output', type=Path, default=Path('build/bench'))
    given = parser.parse_args()
    logs = given.output / 'logs'
    logs.mkdir(parents=True, exist_ok=True)
    choose_domain()
    found: dict[str, Any] = {'rollbacks': rollback_rows(given.quick, logs.resolve())}
    found['directs'] = direct_rows(given.quick, logs.resolve())
    found['stop_s'] = stop(100, logs.resolve())
    print(f'stop of 100 robots: {found["stop_s"]:.2f} s: {verdict(found["stop_s"], STOP_GOAL_S)}')
    found['virtual'] = virtual_rows(given.quick)
    save(found, given.output / 'fleet.json')


if __name__ == '__main__':
    main()
