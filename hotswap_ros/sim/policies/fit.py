# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Measurement of the outcomes of a version, for the virtual fleet.

`python -m hotswap_ros.sim.policies.fit v24` runs tasks of simulated robots with v24 as the
candidate of the real serving engine, with v23 as stable, and writes the figures and their origin
to `config/outcomes/v24.json`. Latencies are those of the machine that measured them; with
`--only success_progress failure_progress` such figures stay, and only the named ones are replaced.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hotswap_ros.models import (
    FailureCause,
    Manifest,
    ModelError,
    ModelRepository,
    Routing,
    VersionState,
)
from hotswap_ros.serving import Engine, EngineSettings, InferenceFailedError, ServingError
from hotswap_ros.serving.worker.shadow_ring import distance_of
from hotswap_ros.sim.arm.task import CONTROL_PERIOD_S, PickWorld, TaskEnd
from hotswap_ros.sim.policies.episodes import Policy
from hotswap_ros.sim.policies.fit_figures import COMMAND, Fit, TaskRecord
from hotswap_ros.sim.policies.measure import FLEET_ROBOTS, FLEET_SEED, session_policy
from hotswap_ros.sim.policies.recipes import MODEL_ID
from hotswap_ros.sim.virtual import VersionOutcomes, load_outcomes

#: After this number of late answers in a row, caused by the version, only some are timed.
_SURE = 20
_LOOK_EVERY = 10
#: Longest time in seconds until the engine notices the end of a worker.
_NOTICED_S = 5.0


class _Bench:
    """
    The engine with a candidate; a candidate that is lost, dropped or given up is loaded again.

    `requests` counts those since the last load, and `load_s` is the duration of the first load.
    """

    def __init__(self, stack: ExitStack, root: Path, stable: str, version: str) -> None:
        # In a worker, as on a robot: it may crash, hang or leak.
        self.engine = stack.enter_context(
            Engine(
                ModelRepository(root),
                MODEL_ID,
                EngineSettings(isolation='worker', breaker_limit=0, idle_background=False),
            )
        )
        self._version, self._stable = version, stable
        self._generation = 0
        self.requests = 0
        self.engine.load(stable)
        self._route('')
        began = time.monotonic()
        self.engine.load(version)
        self.load_s = time.monotonic() - began
        self._route(version)

    def _route(self, candidate: str) -> None:
        self._generation += 1
        share = 1.0 if candidate else 0.0
        self.engine.set_routing(
            Routing(MODEL_ID, self._stable, candidate, share, generation=self._generation)
        )

    def update(self, done: TaskRecord) -> str:
        """Load the version again if it failed; return why it was given up, or an empty text."""
        self.requests += len(done.requests)
        self.engine.tick()
        if FailureCause.CRASH.value not in done.requests and self._state is VersionState.READY:
            return ''
        until = time.monotonic() + _NOTICED_S
        while self._state is VersionState.READY and time.monotonic() < until:
            time.sleep(0.01)
        info = next(one for one in self.engine.versions() if one.version == self._version)
        why = info.reason if info.state is VersionState.FAILED else ''
        self._begin_anew()
        return why

    @property
    def _state(self) -> VersionState:
        found = (one.state for one in self.engine.versions() if one.version == self._version)
        return next(found, VersionState.ABSENT)

    def _begin_anew(self) -> None:
        self._route('')
        self.engine.unload(self._version)
        self.engine.load(self._version)
        self._route(self._version)
        self.requests = 0


def fit(
    root: Path,
    version: str,
    stable: str,
    tasks: int,
    robots: int = FLEET_ROBOTS,
    limit_s: float = 60.0,
) -> VersionOutcomes:
    """Do `tasks` tasks with `version`, fewer if they take more than `limit_s` seconds."""
    repository = ModelRepository(root)
    manifest = repository.manifest(MODEL_ID, version)
    policies = _Policies(repository, manifest, stable)
    found = Fit(manifest, stable, robots)
    with ExitStack() as stack:
        stack.callback(policies.close)
        try:
            bench = _Bench(stack, root, stable, version)
        except (ModelError, ServingError) as error:
            return _refused(version, str(error), manifest)
        found.load_s = bench.load_s
        worlds = [PickWorld(f'robot_{index:03d}', FLEET_SEED) for index in range(robots)]
        until = time.monotonic() + limit_s
        for number in range(tasks):
            # Robots take turns, so that all have done the same number of tasks at the end.
            robot = number % robots
            done = _do(bench.engine, worlds[robot], robot, policies)
            requests = bench.requests + len(done.requests)
            why = bench.update(done)
            if why:
                found.given_up.append(requests)
                found.why = why
            else:
                found.done.append(done)
            if time.monotonic() > until:
                break
        found.counters = bench.engine.counters()[version]
    return found.outcomes()


def _refused(version: str, why: str, manifest: Manifest) -> VersionOutcomes:
    return VersionOutcomes.model_validate(
        {
            'version': version,
            'origin': f'the serving engine, which refuses it, by {COMMAND}',
            'digest': manifest.sha256,
            'categories': {'': {'success': 0.0}},
            'refused': why,
        }
    )


class _Policies:
    """The stable version in this process, and the candidate in one that it may crash."""

    def __init__(self, repository: ModelRepository, manifest: Manifest, stable: str) -> None:
        self._manifest = manifest
        self._stable = session_policy(repository.verify(MODEL_ID, stable).content)
        self._content = repository.verify(MODEL_ID, manifest.version).content
        self._pool: ProcessPoolExecutor | None = None
        self._slow = self._asked = 0

    def close(self) -> None:
        """End the process."""
        if self._pool is not None:
            self._pool.shutdown()

    def decide(self, observation: Any) -> tuple[Any, FailureCause | None]:
        """
        Return the version's decision, and its failure: too late even alone, or crashed.

        If a version is always late, only some decisions are computed and timed.
        """
        self._asked += 1
        if self._slow >= _SURE and self._asked % _LOOK_EVERY:
            return None, FailureCause.DEADLINE
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1, multiprocessing.get_context('spawn'), _load_own, (self._content,)
            )
        try:
            decision, spent_s = self._pool.submit(_decide_own, observation).result()
        except BrokenProcessPool:
            self._pool = None
            return None, FailureCause.CRASH
        is_slow = spent_s * 1e3 > (self._manifest.deadline_ms or math.inf)
        self._slow = self._slow + 1 if is_slow else 0
        return decision, FailureCause.DEADLINE if is_slow else None

    def agree(self, decision: Any, observation: Any) -> bool:
        """Return whether the stable version makes the same decision."""
        comparison = self._manifest.comparison
        both = {'decision': self._stable(observation)}, {'decision': decision}
        return distance_of(comparison.metric, *both) <= comparison.tolerance


_own: list[Policy] = []


def _load_own(content: bytes) -> None:
    _own.append(session_policy(content))


def _decide_own(observation: Any) -> tuple[Any, float]:
    """Return a decision, and its processor time in seconds."""
    began = time.thread_time()
    return _own[0](observation), time.thread_time() - began


def _do(engine: Engine, world: PickWorld, robot: int, policies: _Policies) -> TaskRecord:
    start = world.begin()
    task_id = f'{world.robot_id}/{start.task_number}'
    causes: list[str] = []
    agreed = late = 0
    is_late = False
    end = None
    while end is None:
        observation = world.observation()
        try:
            decision = engine.infer({'observation': observation}, task_id, start.category)
        except InferenceFailedError as error:
            end = TaskEnd(False, True, str(error), len(causes) * CONTROL_PERIOD_S)
            break
        outputs, cause = decision.outputs['decision'], decision.cause
        if cause is FailureCause.DEADLINE:
            own, cause = policies.decide(observation)
            if cause is None:  # This machine was late, not the version
                outputs, late = own, late + 1
            is_late = is_late or cause is FailureCause.DEADLINE
        if cause is FailureCause.CRASH and is_late:
            # Without the pauses of a robot, a version that hangs may crash: it counts as late.
            cause = FailureCause.DEADLINE
        causes.append('' if cause is None else cause.value)
        agreed += cause is None and policies.agree(outputs, observation)
        end = world.step(outputs)
    engine.report_task(task_id, end.success, stuck=end.stuck)
    return TaskRecord(
        robot, start.category, end, tuple(causes), agreed / max(1, len(causes)), late
    )


def replaced(
    before: VersionOutcomes, found: VersionOutcomes, figures: Sequence[str]
) -> VersionOutcomes:
    """Return outcomes with some figures of a newer measurement. Raises ValueError."""
    if found.refused:
        raise ValueError(f'{found.version} was not measured: {found.refused}')
    if before.digest != found.digest:
        raise ValueError(
            f'{before.version} has another model file than the one that was measured before: '
            'measure all of its figures'
        )
    origin = f'{before.origin}; {" and ".join(figures)} of {found.origin}'
    newer = {name: getattr(found, name) for name in figures}
    return before.model_copy(update={'origin': origin, **newer})


def main(args: Sequence[str] | None = None) -> None:
    """Measure the versions on the command line."""
    parser = argparse.ArgumentParser(description='Measure versions for the virtual fleet.')
    parser.add_argument('versions', nargs='+', metavar='VERSION')
    parser.add_argument('--models', type=Path, default=Path('models'), help='model repository')
    parser.add_argument('--out', type=Path, default=Path('config/outcomes'))
    parser.add_argument('--stable', default='v23', help='stable version')
    parser.add_argument('--tasks', type=int, default=10_000)
    parser.add_argument('--limit', type=float, default=60.0, help='most seconds per version')
    parser.add_argument(
        '--only',
        nargs='+',
        metavar='FIGURE',
        choices=sorted(set(VersionOutcomes.model_fields) - {'version', 'origin', 'digest'}),
        help='replace these figures of the file that is there, and keep the others',
    )
    given = parser.parse_args(args)
    given.out.mkdir(parents=True, exist_ok=True)
    for version in given.versions:
        found = fit(given.models, version, given.stable, given.tasks, limit_s=given.limit)
        if given.only:
            found = replaced(load_outcomes(given.out, [version])[version], found, given.only)
        text = found.model_dump_json(by_alias=True, exclude_defaults=True)
        path = given.out / f'{version}.json'
        path.write_text(json.dumps(json.loads(text), indent=1) + '\n')
        print(f'{path}: success rate {found.success:.1%}, {found.origin}', flush=True)


if __name__ == '__main__':
    main()
