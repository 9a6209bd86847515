# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Train the policies of the simulation, or measure them.

`python -m hotswap_ros.sim.train --out models` writes every version into the model repository
`models`; with `--check` it measures those that are there instead.

All versions imitate the same expert by dataset aggregation: round after round the policy drives, the
expert says what it would have done, and the policy is fitted to everything said so far. They
differ in what a team's releases differ in, and in nothing else: see `RECIPES`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hotswap_ros.sim._arm import MAX_SPEED
from hotswap_ros.sim._expert import Expert
from hotswap_ros.sim._export import MODEL_ID, write_version
from hotswap_ros.sim._measure import measure, wilson
from hotswap_ros.sim._network import Array, Network
from hotswap_ros.sim._rollout import Policy, rollout
from hotswap_ros.sim._task import DECISION_SIZE, OBSERVATION_SIZE, PickWorld

_HIDDEN = 64
_EPOCHS = 20
_RATE = 3e-3
_ROBOTS = 20
_FLEET_SEED = 20_000


@dataclass(frozen=True)
class Recipe:
    """
    How a version is made.

    `rounds` of `tasks` tasks each are recorded. `camera_drift` (radial, tangential, vertical, m) is how
    far the cameras were off while recording.
    """

    version: str
    description: str
    reason: str
    seed: int = 1
    rounds: int = 9
    tasks: int = 1000
    camera_drift: tuple[float, float, float] = (0.0, 0.0, 0.0)


RECIPES = (
    Recipe(
        'v23',
        'The version in service.',
        'Released when five rounds of data had been recorded: least sure with heavy payloads and '
        'far goals, which need the most examples.',
        rounds=5,
    ),
    Recipe(
        'v24',
        'The next version: the same network, more data.',
        'Nine rounds of data instead of five.',
    ),
    Recipe(
        'v25_regressed',
        'A release that should not have been made.',
        'Recorded with cameras that had drifted after a knock: the policy learned to aim beside '
        'what it sees, and does so on robots whose cameras are right.',
        camera_drift=(0.0035, 0.0035, 0.0035),
    ),
)


class _Demonstration:
    """Drives with `learner`, or with a shaky expert at first, and records what the expert says."""

    def __init__(self, world: PickWorld, learner: Policy | None, random: np.random.Generator) -> None:
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
        return decision + self._random.normal(0.0, 0.3, decision.shape).astype(np.float32)


def train(recipe: Recipe) -> Network:
    """Make the network of a recipe."""
    random = np.random.default_rng(recipe.seed)
    scale = np.full(DECISION_SIZE, MAX_SPEED, np.float32)
    network = Network((OBSERVATION_SIZE, _HIDDEN, _HIDDEN, DECISION_SIZE), scale, random)
    observations: list[Array] = []
    decisions: list[Array] = []
    for number in range(recipe.rounds):
        for robot in range(_ROBOTS):
            world = PickWorld(f'round_{number}_{robot}', recipe.seed, recipe.camera_drift)
            demonstration = _Demonstration(world, network if number else None, random)
            rollout(world, demonstration, recipe.tasks // _ROBOTS)
            observations += demonstration.observations
            decisions += demonstration.decisions
        loss = network.fit(np.array(observations), np.array(decisions), _EPOCHS, _RATE, random)
        print(
            f'{recipe.version}: round {number + 1} of {recipe.rounds}, '
            f'{len(observations)} examples, loss {loss:.5f}',
            flush=True,
        )
    return network


def write(recipe: Recipe, root: Path) -> None:
    """Make a version and write it into the model repository `root`."""
    training: dict[str, Any] = asdict(recipe)
    for name in ('version', 'description'):
        del training[name]
    training.update(method='dataset aggregation', script='hotswap_ros/sim/train.py')
    print(f'{write_version(root, recipe.version, train(recipe), recipe.description, training)}')


def check(root: Path, versions: Sequence[str], tasks: int, robots: int) -> None:
    """Measure versions of the model repository `root` and print a table."""
    print(f'{"version":<16}success   95% interval    ICC     stuck   tasks/s  failures')
    for version in versions:
        started = time.perf_counter()
        result = measure(_session(root / MODEL_ID / version / 'model.onnx'), tasks, robots, _FLEET_SEED)
        seconds = time.perf_counter() - started
        low, high = wilson(result.total.succeeded, tasks)
        errors = ', '.join(f'{error} {n}' for error, n in result.total.errors.most_common())
        print(
            f'{version:<16}{result.success:7.2%}  {low:.2%}–{high:.2%}  {result.correlation:.3f}  '
            f'{result.total.stuck / tasks:6.2%}  {tasks / seconds:7.0f}  {errors}',
            flush=True,
        )
        for category, count in sorted(result.total.category_tasks.items()):
            share = result.total.category_succeeded[category] / count
            print(f'  {category:<14}{share:7.2%}  of {count}')


def _session(path: Path) -> Policy:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    return lambda observation: session.run(None, {'observation': observation})[0]


def main(args: Sequence[str] | None = None) -> None:
    """Train or measure, as the command line says."""
    versions = [recipe.version for recipe in RECIPES]
    parser = argparse.ArgumentParser(description='Train or measure the simulated policies.')
    parser.add_argument('--out', type=Path, default=Path('models'), help='model repository')
    parser.add_argument('--check', action='store_true', help='measure instead of training')
    parser.add_argument('--tasks', type=int, default=20_000, help='tasks per version to measure')
    parser.add_argument('--robots', type=int, default=200, help='robots to spread them over')
    parser.add_argument(
        '--version', action='append', choices=versions, help='only this one; may be repeated'
    )
    options = parser.parse_args(args)
    chosen = options.version or versions
    if options.check:
        check(options.out, chosen, options.tasks, options.robots)
        return
    for recipe in RECIPES:
        if recipe.version in chosen:
            write(recipe, options.out)


if __name__ == '__main__':
    main()
