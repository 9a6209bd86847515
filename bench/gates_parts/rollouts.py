# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A fleet whose robots do one task after the other, and rollouts over it through the gate."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from time import process_time
from typing import Any, NamedTuple

import numpy as np

from hotswap_ros.gates import Gate
from hotswap_ros.models import LATENCY_EDGES_MS, TaskCounts, VersionCounters
from hotswap_ros.plan import SuccessCriteria

#: Success rate of the previous version, and the success rates of the candidate that are tried.
BASELINE = 0.92
RATES = (0.70, 0.80, 0.85, 0.88, 0.90, 0.92)
FLEET = 100
STAGES = ((5, 100), (20, 500), (50, 2500))  # robots, candidate tasks
TASKS = sum(tasks for _, tasks in STAGES)


@dataclass(frozen=True)
class Design:
    """The design of a gate: criteria, and of each stage the control's share and the robots."""

    criteria: dict[str, Any]
    control_shares: tuple[float, float, float]
    whole_fleet: bool = False
    robots: tuple[int, ...] = tuple(robots for robots, _ in STAGES)
    fleet: int = FLEET


DESIGNS = {
    'gate, half of the tasks control': Design({}, (0.5, 0.5, 0.5)),
    'gate, cautious start (0.9)': Design({}, (0.9, 0.9, 0.5)),
    # As many tasks of the candidate at a time as with half of the tasks of few robots.
    'gate, a small share of all robots': Design({}, (0.975, 0.9, 0.75), robots=(FLEET,) * 3),
    'gate, across robots': Design({'control': 'across_robots'}, (0.0, 0.0, 0.0), whole_fleet=True),
}
#: Fleets whose cohorts would be too small: a share of the tasks of all robots.
SMALL = {
    'gate, ten robots, half of the tasks': Design({}, (0.5,) * 3, robots=(10,) * 3, fleet=10),
    'gate, ten robots, a tenth first': Design({}, (0.9, 0.5, 0.5), robots=(10,) * 3, fleet=10),
}


class Outcome(NamedTuple):
    """Candidate tasks until the rollback; infinite if there was none."""

    tasks: float

    @property
    def ended(self) -> float:
        """Return after how many candidate tasks the rollout ended."""
        return min(self.tasks, TASKS)


class Robot:
    """A robot that does one task after the other and counts like a model server."""

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
    """Give the robot a history: forty tasks with the previous version."""
    won = int(rng.binomial(40, min(1.0, BASELINE + robot.skill)))
    robot.counts['v23'] = [40, 40, won]


def rollout(design: Design, rate: float, correlation: float, seed: int) -> Outcome:
    """Run a rollout through the gate until it fails or the stages are over."""
    rng = np.random.default_rng(seed)
    gate = Gate(SuccessCriteria(**design.criteria), 'v24', explain=False)
    robots = [Robot(n, rng, s) for n, s in enumerate(skills(rng, design.fleet, correlation))]
    for robot in robots:
        history(rng, robot)
    due: list[tuple[float, int]] = []
    busy: set[int] = set()
    now, needed = 0.0, 0
    for (_, tasks), size, control_share in zip(STAGES, design.robots, design.control_shares):
        needed += tasks
        share = dict.fromkeys(range(design.fleet), 0.0)
        share |= dict.fromkeys(range(size), 1 - control_share)
        for number in range(design.fleet if design.whole_fleet else size):
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
