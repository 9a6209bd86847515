# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Train the policies of the simulation, or measure them.

`python -m hotswap_ros.sim.train --out models` writes every version into the model repository
`models`; with `--check` it measures those that are there. Needs `onnx`, which robots do not.

All versions imitate the same expert by dataset aggregation (Ross, Gordon, Bagnell 2011): round
after round the policy drives, the expert says what it would have done, and the policy is fitted to
everything said so far. They differ in what a team's releases differ in: see `RECIPES`. The same
machine and libraries give the same bytes; others give other roundings, and rates that differ by
some tenths of a point.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hotswap_ros.models import ModelRepository
from hotswap_ros.sim._arm import MAX_SPEED
from hotswap_ros.sim._expert import Expert
from hotswap_ros.sim._export import MODEL_ID, statistics_of, to_onnx, write_version
from hotswap_ros.sim._measure import Measurement, measure, session_policy
from hotswap_ros.sim._network import Array, Network
from hotswap_ros.sim._rollout import Policy, rollout
from hotswap_ros.sim._task import DECISION_SIZE, OBSERVATION_SIZE, PickWorld

_HIDDEN = 64
_EPOCHS = 20
_RATE = 3e-3
#: Robots that record a round, and tasks that each of them does.
_ROBOTS, _TASKS = 20, 50
#: How unsteady the expert's hand is in the first round, rad/s, so that there is something to learn
#: about getting back on course.
_SHAKE = 0.3


@dataclass(frozen=True)
class Recipe:
    """
    How a version is made, why so, and the share of tasks that it is to succeed in.

    `rounds` of 1,000 tasks are recorded. `camera_drift_m` (radial, tangential, vertical) is how
    far off the cameras were meanwhile.
    """

    version: str
    success: float
    description: str
    reason: str
    seed: int = 1
    rounds: int = 10
    camera_drift_m: tuple[float, float, float] = (0.0, 0.0, 0.0)


RECIPES = (
    Recipe(
        'v23',
        0.92,
        'The version in service.',
        'Released after six rounds of data. Far goals and heavy payloads need the most examples '
        'and are what it is least sure of.',
        rounds=6,
    ),
    Recipe(
        'v24',
        0.94,
        'The next version: the same network, half as much data again.',
        'The data of v23 and four more rounds: more of the far goals and heavy payloads that v23 '
        'misses. What still fails is mostly what a camera and a gripper cannot know.',
    ),
    Recipe(
        'v25_regressed',
        0.80,
        'A release that should not have been made.',
        'Recorded like v24, but with wrist cameras that a change of mounts had shifted by 6 mm: '
        'it learned to aim beside what it sees, and does so on robots whose cameras are right.',
        camera_drift_m=(0.0035, 0.0035, 0.0035),
    ),
)


class _Demonstration:
    """Drives with `learner`, or with a shaky expert at first, and notes what the expert says."""

    def __init__(
        self, world: PickWorld, learner: Policy | None, random: np.random.Generator
    ) -> None:
        self._expert = Expert(world)
        self._learner = learner
        self._random = random
        self.observations: list[Array] = []
        self.decisions: list[Array] = []

    def __call__(self, observation: Array) -> Array:
        decision = self._expert(observation)
        self.observations.append(observation[0].copy())
        self.decisions.append(decision[0])
        if self._learner is not None:
            return self._learner(observation)
        return decision + self._random.normal(0.0, _SHAKE, decision.shape).astype(np.float32)


def train(recipe: Recipe, robots: int = _ROBOTS, epochs: int = _EPOCHS) -> tuple[Network, Array]:
    """
    Make the network of a recipe, with `robots` that record and `epochs` of fitting a round.

    Returns it with the observations that it was fitted to, a row each.
    """
    random = np.random.default_rng(recipe.seed)
    scale = np.full(DECISION_SIZE, MAX_SPEED, np.float32)
    network = Network((OBSERVATION_SIZE, _HIDDEN, _HIDDEN, DECISION_SIZE), scale, random)
    observations: list[Array] = []
    decisions: list[Array] = []
    for number in range(recipe.rounds):
        for robot in range(robots):
            world = PickWorld(f'round_{number}_{robot}', recipe.seed, recipe.camera_drift_m)
            demonstration = _Demonstration(world, network if number else None, random)
            rollout(world, demonstration, _TASKS)
            observations += demonstration.observations
            decisions += demonstration.decisions
        loss = network.fit(np.array(observations), np.array(decisions), epochs, _RATE, random)
        print(
            f'{recipe.version}: round {number + 1} of {recipe.rounds}, '
            f'{len(observations)} examples, loss {loss:.5f}',
            flush=True,
        )
    return network, np.array(observations)


def make(recipe: Recipe, root: Path, tasks: int) -> str:
    """Train a version, measure it over `tasks` tasks, write it to the repository `root`."""
    network, observations = train(recipe)
    content = to_onnx(network)
    result = measure(session_policy(content), tasks)
    training: dict[str, Any] = {
        'method': 'imitation of an expert by dataset aggregation',
        'script': 'hotswap_ros/sim/train.py',
        'seed': recipe.seed,
        'rounds': recipe.rounds,
        'tasks_per_round': _ROBOTS * _TASKS,
        'camera_drift_m': recipe.camera_drift_m,
        'reason': recipe.reason,
        'stated_success': recipe.success,
        'measured': result.summary(),
    }
    statistics = statistics_of(observations)
    write_version(root, recipe.version, content, recipe.description, training, statistics)
    return _rows(recipe.version, result)


def check(version: str, root: Path, tasks: int) -> str:
    """Measure a version of the repository `root` over `tasks` tasks."""
    content = ModelRepository(root).verify(MODEL_ID, version).content
    started = time.perf_counter()
    result = measure(session_policy(content), tasks)
    pace = tasks / (time.perf_counter() - started)
    return f'{_rows(version, result)}\n  {pace:.0f} tasks a second'


def _rows(version: str, result: Measurement) -> str:
    total = result.total
    low, high = result.interval
    errors = ', '.join(f'{error} {n / total.tasks:.2%}' for error, n in total.errors.most_common())
    return (
        f'{version}: {result.success:.2%} of {total.tasks} tasks succeed '
        f'(95%: {low:.2%} to {high:.2%}), {total.simulated_s / total.tasks:.2f} s a task, '
        f'intra-class correlation {result.correlation:.3f}\n'
        f'  by category: {", ".join(f"{name} {rate:.2%}" for name, rate in result.categories())}\n'
        f'  failures: {errors}'
    )


def main(args: Sequence[str] | None = None) -> None:
    """Train or measure, as the command line says."""
    recipes = {recipe.version: recipe for recipe in RECIPES}
    parser = argparse.ArgumentParser(description='Train or measure the simulated policies.')
    parser.add_argument('--out', type=Path, default=Path('models'), help='model repository')
    parser.add_argument('--check', action='store_true', help='measure and write nothing')
    parser.add_argument(
        '--tasks', type=int, default=20_000, help='to measure each with (400 or more)'
    )
    parser.add_argument('--version', action='append', choices=recipes, help='only this one')
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='processes')
    given = parser.parse_args(args)
    # Matrices this small are slower on several threads, and every process has a core already.
    os.environ['OPENBLAS_NUM_THREADS'] = '1'
    versions = given.version or list(recipes)
    spawn = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(given.jobs, mp_context=spawn) as pool:
        if given.check:
            job = partial(check, root=given.out, tasks=given.tasks)
            results = pool.map(job, versions)
        else:
            chosen = [recipes[version] for version in versions]
            results = pool.map(partial(make, root=given.out, tasks=given.tasks), chosen)
        for rows in results:
            print(rows, flush=True)


if __name__ == '__main__':
    main()
