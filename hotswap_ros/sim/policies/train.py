# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Train the policies of the simulation, or measure them.

`python -m hotswap_ros.sim.policies.train --out models` writes every version into the model
repository `models`; with `--check` it measures those that are there. Needs `onnx`, which robots do
not.

Networks imitate an expert by dataset aggregation (Ross, Gordon, Bagnell 2011): round after round
the policy drives, the expert says what it would have done, and the policy is fitted to everything
said so far. What else a team's releases differ in, and what is wrong with the bad ones, is in
`recipes`; some are v24 with a reworked graph (`graphs`). The same machine and libraries give the
same bytes; others give other roundings, and rates that differ by some tenths of a point.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hotswap_ros.models import ModelRepository
from hotswap_ros.serving.measured import feature_statistics
from hotswap_ros.sim.arm.arm import MAX_SPEED
from hotswap_ros.sim.arm.expert import Expert
from hotswap_ros.sim.arm.task import DECISION_SIZE, OBSERVATION_SIZE, SERVICE, PickWorld
from hotswap_ros.sim.policies.episodes import Policy, rollout
from hotswap_ros.sim.policies.export import INPUT, to_onnx, write_version
from hotswap_ros.sim.policies.graphs import BASE, rework
from hotswap_ros.sim.policies.measure import Measurement, measure, session_policy
from hotswap_ros.sim.policies.mlp import Array, Network
from hotswap_ros.sim.policies.recipes import MODEL_ID, RECIPES, Recipe, Style, Training

_HIDDEN = 64
_EPOCHS = 20
_RATE = 3e-3
#: Robots that record a round, and tasks that each of them does.
_ROBOTS, _TASKS = 20, 50
#: How unsteady the expert's hand is in the first round, rad/s, so that there is something to learn
#: about getting back on course.
_SHAKE = 0.3


class _Demonstration:
    """Drives with `learner`, or with a shaky expert at first, and notes what the expert says."""

    def __init__(
        self, world: PickWorld, style: Style, learner: Policy | None, random: np.random.Generator
    ) -> None:
        self._expert = Expert(world, style)
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


def train(
    training: Training, name: str, robots: int = _ROBOTS, epochs: int = _EPOCHS
) -> tuple[Network, Array]:
    """
    Make a network, with `robots` that record and `epochs` of fitting a round.

    Returns it with the observations, a row each, that it was fitted to and that a network drove
    to: a shaky hand leads to others. `name` is to be told.
    """
    random = np.random.default_rng(training.seed)
    scale = np.full(DECISION_SIZE, MAX_SPEED, np.float32)
    sizes = (OBSERVATION_SIZE, _HIDDEN, _HIDDEN, DECISION_SIZE)
    network = Network(sizes, scale, random)
    observations: list[Array] = []
    decisions: list[Array] = []
    shaky = 0
    for number in range(training.rounds):
        for robot in range(robots):
            world = PickWorld(f'round_{number}_{robot}', training.seed, training.site)
            learner = network if number else None
            demonstration = _Demonstration(world, training.style, learner, random)
            rollout(world, demonstration, _TASKS)
            observations += demonstration.observations
            decisions += demonstration.decisions
        shaky = shaky or len(observations)
        loss = network.fit(np.array(observations), np.array(decisions), epochs, _RATE, random)
        print(
            f'{name}: round {number + 1} of {training.rounds}, '
            f'{len(observations)} examples, loss {loss:.5f}',
            flush=True,
        )
    return network, np.array(observations[shaky:])


def make(recipe: Recipe, root: Path, tasks: int) -> str:
    """Train a version, measure it over `tasks` tasks, write it to the repository `root`."""
    if recipe.training is None:
        return _rework(recipe, root, tasks)
    training = recipe.training
    network, observations = train(training, recipe.version)
    content = to_onnx(network)
    if recipe.graph:
        content = rework(recipe.graph, content)
        observations = _driven_to(session_policy(content), training)
    policy = session_policy(content)
    in_lab = measure(policy, tasks, site=training.site)
    facts: dict[str, Any] = {
        'method': 'imitation of an expert by dataset aggregation',
        'seed': training.seed,
        'rounds': training.rounds,
        'tasks_per_round': _ROBOTS * _TASKS,
        'site': asdict(training.site),
        'style': asdict(training.style),
        'measured': in_lab.summary(),
    }
    result = in_lab
    if training.site != SERVICE:
        result = measure(policy, tasks)
        facts['in_service'] = result.summary()
    write_version(
        root,
        recipe.version,
        content,
        recipe.description,
        {**_origin(recipe), **facts},
        feature_statistics({INPUT: list(observations)}),
    )
    return _rows(recipe.version, result)


def _driven_to(policy: Policy, training: Training) -> Array:
    """Return the observations of a policy in the lab, one per row."""
    observations: list[Array] = []

    def noted(observation: Array) -> Array:
        observations.append(observation[0].copy())
        return policy(observation)

    for robot in range(_ROBOTS):
        rollout(PickWorld(f'lab_{robot}', training.seed, training.site), noted, _TASKS)
    return np.array(observations)


def _rework(recipe: Recipe, root: Path, tasks: int) -> str:
    """Make a version from the file of v24, with its figures."""
    base = ModelRepository(root).verify(MODEL_ID, BASE)
    content = rework(recipe.graph, base.content)
    facts = {
        'method': f'the file of {BASE}, reworked: {recipe.graph}',
        'base_sha256': base.manifest.sha256,
        'measured': base.manifest.training['measured'],
    }
    told = f'{recipe.version}: written'
    if recipe.is_measured:
        result = measure(session_policy(content), tasks)
        facts['in_service'] = result.summary()
        told = _rows(recipe.version, result)
    write_version(
        root,
        recipe.version,
        content,
        recipe.description,
        {**_origin(recipe), **facts},
        base.manifest.input_statistics,
        recipe.bounds_inputs,
    )
    return told


def _origin(recipe: Recipe) -> dict[str, Any]:
    return {
        'script': 'hotswap_ros/sim/policies/train.py',
        'reason': recipe.reason,
        'stated_success': recipe.success,
    }


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
    """Train or measure, according to the command line."""
    recipes = {recipe.version: recipe for recipe in RECIPES}
    parser = argparse.ArgumentParser(description='Train or measure the simulated policies.')
    parser.add_argument('--out', type=Path, default=Path('models'), help='model repository')
    parser.add_argument('--check', action='store_true', help='measure and write nothing')
    parser.add_argument(
        '--tasks', type=int, default=20_000, help='tasks for each measurement (400 or more)'
    )
    parser.add_argument('--version', action='append', choices=recipes, help='only this version')
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='processes')
    given = parser.parse_args(args)
    # Small matrices are slower on several threads, and every process has its own core.
    os.environ['OPENBLAS_NUM_THREADS'] = '1'
    chosen = [recipes[version] for version in given.version or recipes]
    spawn = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(given.jobs, mp_context=spawn) as pool:
        if given.check:
            versions = [recipe.version for recipe in chosen if recipe.is_measured]
            _tell(pool.map(partial(check, root=given.out, tasks=given.tasks), versions))
            return
        job = partial(make, root=given.out, tasks=given.tasks)
        # Trained releases first: the others are made from them.
        _tell(pool.map(job, [recipe for recipe in chosen if recipe.training is not None]))
        _tell(pool.map(job, [recipe for recipe in chosen if recipe.training is None]))


def _tell(results: Iterable[str]) -> None:
    for rows in results:
        print(rows, flush=True)


if __name__ == '__main__':
    main()
