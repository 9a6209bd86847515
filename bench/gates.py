# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
How often a gate is wrong, how soon it is right, and what a message costs it.

Rollouts over 100 robots in stages of 5, 20 and 50% with 100, 500 and 2,500 candidate tasks. The
previous version succeeds in 92% of tasks. The gate is the product's own, fed with telemetry; the
rules that it is compared with decide on the same kind of tasks. All seeds are fixed.

    python bench/gates.py [--quick] [--output build/bench]
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import numpy as np

from hotswap_ros.gates import Gate
from hotswap_ros.models import LATENCY_EDGES_MS, TaskCounts, VersionCounters
from hotswap_ros.plan import SuccessCriteria

BASELINE = 0.92
FLEET = 100
STAGES = ((5, 100), (20, 500), (50, 2500))  # robots, candidate tasks
TASKS = sum(tasks for _, tasks in STAGES)
RATES = (0.70, 0.80, 0.85, 0.88, 0.90, 0.92)
RULE_TRIALS = 2000
CORRELATIONS = (0.0, 0.05)

# --- Rollouts -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Design:
    """How a rollout is judged: criteria, and the control's share of tasks in each stage."""

    criteria: dict[str, Any]
    control_shares: tuple[float, float, float]
    whole_fleet: bool = False


DESIGNS = {
    'e-process, half of the tasks are control': Design({}, (0.5, 0.5, 0.5)),
    'e-process, cautious start (0.9, 0.9, 0.5)': Design({}, (0.9, 0.9, 0.5)),
    'e-process, across robots': Design(
        {'control': 'across_robots'}, (0.0, 0.0, 0.0), whole_fleet=True
    ),
}


class Outcome(NamedTuple):
    """Candidate tasks until the rollback; infinite if there was none."""

    tasks: float

    @property
    def ended(self) -> float:
        """Return after how many candidate tasks the rollout ended."""
        return min(self.tasks, TASKS)


class Robot:
    """Does one task after the other and counts as a model server does."""

    def __init__(self, number: int, rng: np.random.Generator, skill: float) -> None:
        self.name = f'amr_{number:03d}'
        self.skill = skill
        self.counts = {'v23': [0, 0, 0], 'v24': [0, 0, 0]}
        self.running = ''
        self.won = False
        self._rng = rng

    def begin(self, share: float, candidate_drop: float) -> float:
        """Begin a task and return how long it will take, in seconds."""
        on_candidate = self._rng.random() < share
        self.running = 'v24' if on_candidate else 'v23'
        rate = BASELINE + self.skill - candidate_drop * on_candidate
        self.won = bool(self._rng.random() < min(1.0, max(0.0, rate)))
        self.counts[self.running][0] += 1
        return float(self._rng.uniform(10, 30)) * (1 if self.won else 2)

    def end(self) -> None:
        """End the task."""
        self.counts[self.running][1] += 1
        self.counts[self.running][2] += self.won

    def snapshot(self) -> dict[str, VersionCounters]:
        """Return cumulative counters."""
        return {v: VersionCounters(tasks=TaskCounts(*c)) for v, c in self.counts.items()}


def skills(rng: np.random.Generator, robots: int, correlation: float) -> list[float]:
    """Return how much better each robot is than the fleet; beta-binomial."""
    if not correlation:
        return [0.0] * robots
    spread = 1 / correlation - 1
    rates = rng.beta(BASELINE * spread, (1 - BASELINE) * spread, robots)
    return [float(rate) - BASELINE for rate in rates]


def history(rng: np.random.Generator, robot: Robot) -> None:
    """Give the robot a past: forty tasks with the previous version."""
    won = int(rng.binomial(40, min(1.0, BASELINE + robot.skill)))
    robot.counts['v23'] = [40, 40, won]


def rollout(design: Design, rate: float, correlation: float, seed: int) -> Outcome:
    """Run a rollout through the gate until it fails or the stages are over."""
    rng = np.random.default_rng(seed)
    gate = Gate(SuccessCriteria(**design.criteria), 'v24', explain=False)
    robots = [Robot(n, rng, s) for n, s in enumerate(skills(rng, FLEET, correlation))]
    for robot in robots:
        history(rng, robot)
    due: list[tuple[float, int]] = []
    busy: set[int] = set()
    now, needed = 0.0, 0
    for (size, tasks), control_share in zip(STAGES, design.control_shares):
        needed += tasks
        share = dict.fromkeys(range(FLEET), 0.0) | dict.fromkeys(range(size), 1 - control_share)
        for number in range(FLEET if design.whole_fleet else size):
            robot = robots[number]
            gate.observe(robot.name, 'v23', 'boot', robot.snapshot(), share[number])
            if number not in busy:
                busy.add(number)
                wait = robot.begin(share[number], BASELINE - rate)
                heapq.heappush(due, (now + wait * rng.random(), number))
        while gate.candidate_tasks < needed:
            now, number = heapq.heappop(due)
            robot = robots[number]
            robot.end()
            wait = robot.begin(share[number], BASELINE - rate)
            heapq.heappush(due, (now + wait, number))
            gate.observe(robot.name, 'v23', 'boot', robot.snapshot(), share[number])
            if gate.has_failed:
                return Outcome(gate.candidate_tasks)
    return Outcome(math.inf)


# --- The rules that people use ------------------------------------------------------------------


class Trial(NamedTuple):
    """One rollout's tasks in their order, for rules that are not ours: 1 is a success."""

    candidate: list[np.ndarray]
    control: list[np.ndarray]


def trial(rate: float, correlation: float, rng: np.random.Generator) -> Trial:
    """Return the tasks of whole robots on the candidate, and of the rest of the fleet."""
    skill = np.array(skills(rng, FLEET, correlation))
    candidate, control = [], []
    for size, tasks in STAGES:
        per_robot = tasks // size
        for robots, p, into in (
            (skill[:size], rate, candidate),
            (skill[size:], BASELINE, control),
        ):
            chance = np.clip(p + np.repeat(robots, per_robot), 0, 1)
            won = (rng.random(len(chance)) < chance).astype(int)
            into.append(won.reshape(len(robots), per_robot).T.ravel())
    return Trial(candidate, control)


def plain(found: Trial, tolerance: float) -> Outcome:
    """Roll back at a stage's end if the rate is below the number less the tolerance."""
    seen = 0
    for won in found.candidate:
        seen += len(won)
        if won.mean() < BASELINE - tolerance - 1e-12:
            return Outcome(seen)
    return Outcome(math.inf)


def stage_end_test(found: Trial, critical: float) -> Outcome:
    """Roll back at a stage's end if a one-sided z test against the control says so."""
    seen = 0
    for won, control in zip(found.candidate, found.control):
        seen += len(won)
        both = (won.sum() + control.sum()) / (len(won) + len(control))
        error = math.sqrt(both * (1 - both) * (1 / len(won) + 1 / len(control)))
        if error and (control.mean() - won.mean()) / error > critical:
            return Outcome(seen)
    return Outcome(math.inf)


def failed_checks(found: Trial, limit: float) -> Outcome:
    """Look every ten tasks and roll back after `limit` looks in a row below 90%."""
    in_a_row = 0
    won = np.concatenate(found.candidate)
    for number, look in enumerate(won.reshape(-1, 10).mean(axis=1), start=1):
        in_a_row = in_a_row + 1 if look < BASELINE - 0.02 - 1e-12 else 0
        if in_a_row >= limit:
            return Outcome(10.0 * number)
    return Outcome(math.inf)


Rule = Callable[[Trial, float], Outcome]
RULES: dict[str, tuple[Rule, float]] = {
    'plain threshold at stage ends': (plain, 0.02),
    'z test at stage ends': (stage_end_test, 1.645),
    '5 failed checks in a row': (failed_checks, 5),
}


def as_careful(rule: Rule, false_rollbacks: float, correlation: float) -> float:
    """Return the limit at which the rule rolls back an equal candidate as often, at most."""
    rng = np.random.default_rng(99)
    trials = [trial(BASELINE, correlation, rng) for _ in range(RULE_TRIALS)]
    low, high = 0.0, 8.0 if rule is stage_end_test else 0.5
    for _ in range(20):
        middle = (low + high) / 2
        wrong = np.mean([rule(found, middle).tasks < math.inf for found in trials])
        low, high = (middle, high) if wrong > false_rollbacks else (low, middle)
    return high


# --- Tables -------------------------------------------------------------------------------------


def summary(outcomes: list[Outcome], rate: float) -> dict[str, float]:
    """Return what many rollouts come down to."""
    tasks = np.array([outcome.tasks for outcome in outcomes])
    return {
        'rolled_back': float(np.mean(tasks < math.inf)),
        'median_tasks': float(np.median(tasks)),
        'mean_tasks': float(np.mean([o.ended for o in outcomes])),
        'lost_tasks': float(np.mean([o.ended for o in outcomes])) * max(0.0, BASELINE - rate),
    }


def operating_characteristics(rollouts: dict[float, int]) -> dict[str, Any]:
    """Return a table for each correlation: design or rule, by the candidate's success rate."""
    found: dict[str, Any] = {str(correlation): {} for correlation in CORRELATIONS}
    for correlation, (name, design) in product(CORRELATIONS, DESIGNS.items()):
        found[str(correlation)][name] = {
            str(rate): summary(
                [rollout(design, rate, correlation, 1000 + n) for n in range(number)], rate
            )
            for rate, number in rollouts.items()
        }
    wrong = [row[str(BASELINE)]['rolled_back'] for t in found.values() for row in t.values()]
    found['false_rollbacks'] = float(np.mean(wrong))
    for correlation in CORRELATIONS:
        careful = {
            f'{name}, as careful': (rule, as_careful(rule, found['false_rollbacks'], correlation))
            for name, (rule, _) in RULES.items()
            if rule is not failed_checks
        }
        for name, (rule, limit) in (RULES | careful).items():
            rng = np.random.default_rng(7)
            row: dict[str, Any] = {
                str(rate): summary(
                    [rule(trial(rate, correlation, rng), limit) for _ in range(RULE_TRIALS)], rate
                )
                for rate in RATES
            }
            found[str(correlation)][name] = {**row, 'limit': limit}
    return found


# --- What a message costs -----------------------------------------------------------------------


def messages(robots: int, seconds: int) -> Iterator[list[tuple[str, dict[str, VersionCounters]]]]:
    """Yield what a fleet sends each second: tasks of about 20 s, ten requests a second."""
    rng = np.random.default_rng(5)
    state = [Robot(n, rng, 0.0) for n in range(robots)]
    ends = [robot.begin(0.5, 0.0) * float(rng.random()) for robot in state]
    requests = [{'v23': 0, 'v24': 0} for _ in state]
    bucket = LATENCY_EDGES_MS.index(10.0)
    for second in range(seconds):
        sent = []
        for number, robot in enumerate(state):
            requests[number][robot.running] += 10
            if second >= ends[number]:
                robot.end()
                ends[number] = second + robot.begin(0.5, 0.0)
            counters = {}
            for version, (started, finished, won) in robot.counts.items():
                latency = [0] * (len(LATENCY_EDGES_MS) + 1)
                latency[bucket] = requests[number][version]
                counters[version] = VersionCounters(
                    requests=requests[number][version],
                    tasks=TaskCounts(started, finished, won),
                    latency=tuple(latency),
                )
            sent.append((robot.name, counters))
        yield sent


def cost(robots: int = 1000, seconds: int = 60) -> dict[str, float]:
    """Return the processor time of a message, of a look, and of the fleet's second."""
    criteria = SuccessCriteria(max_latency_ms=200, max_error_rate=0.01, max_latency_increase=0.2)
    gate = Gate(criteria, 'v24', stages=3)
    taking_in, looking = [], []
    for sent in messages(robots, seconds):
        began = process_time()
        for name, counters in sent:
            gate.observe(name, 'v23', 'boot', counters, 0.5)
        taking_in.append((process_time() - began) / robots)
        began = process_time()
        gate.checks(complete=False)
        looking.append(process_time() - began)
    message, look = float(np.mean(taking_in)), float(np.mean(looking))
    return {
        'robots': robots,
        'message_us': message * 1e6,
        'look_us': look * 1e6,
        'core_share': robots * message + 10 * look,
    }


# --- Report -------------------------------------------------------------------------------------


def report(found: dict[str, Any]) -> None:
    """Print the tables."""
    for correlation in map(str, CORRELATIONS):
        table = found['rollouts'][correlation]
        print(f'\nintra-class correlation {correlation}: rolled back / median tasks / tasks lost')
        print(f'{"v24 succeeds in":44}' + ''.join(f'{rate:>17.0%}' for rate in RATES))
        for name, row in table.items():
            cells = [_cell(row[str(rate)]) for rate in RATES]
            print(f'{name:44}' + ''.join(f'{cell:>17}' for cell in cells))
    wrong = found['rollouts']['false_rollbacks']
    print(f'\nas careful: with {wrong:.1%} false rollbacks, as the gate over all of its tables')
    row = found['cost']
    print(
        f'\none telemetry message {row["message_us"]:.1f} µs, one look {row["look_us"]:.0f} µs; '
        f'{row["robots"]:,} robots at 1 Hz and ten looks a second: '
        f'{row["core_share"]:.1%} of a core'
    )


def _cell(row: dict[str, float]) -> str:
    median = '–' if math.isinf(row['median_tasks']) else f'{row["median_tasks"]:.0f}'
    return f'{row["rolled_back"]:.3f}/{median}/{row["lost_tasks"]:.0f}'


def plot(found: dict[str, Any], path: Path) -> None:
    """Draw the tasks lost. Raises ImportError without matplotlib."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(12, 4.5), layout='constrained', sharey=True)
    for axes, correlation in zip(panels, map(str, CORRELATIONS)):
        for name, row in found['rollouts'][correlation].items():
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


def main() -> None:
    """Measure, print, and write JSON and plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--quick', action='store_true', help='fewer rollouts: noisier')
    parser.add_argument('--output', type=Path, default=Path('build/bench'))
    given = parser.parse_args()
    found: dict[str, Any] = {'cost': cost(seconds=20 if given.quick else 60)}
    # Rollouts that end soon cost little; whole ones half a second each.
    numbers = (20, 20, 20, 4, 4, 8) if given.quick else (200, 200, 200, 30, 30, 100)
    found['rollouts'] = operating_characteristics(dict(zip(RATES, numbers)))
    report(found)
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / 'gates.json').write_text(json.dumps(found, indent=1))
    try:
        plot(found, given.output / 'gates.png')
    except ImportError:
        print('no plot: matplotlib is not installed')


if __name__ == '__main__':
    main()
