# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Measure what tasks with a version come to, for the virtual fleet.

`python -m hotswap_ros.sim.policies.fit v24` lets the simulated robots do tasks with v24 as the
candidate of the real serving engine, beside v23, and writes the figures to
`config/outcomes/v24.json`. They say where they are from: latencies are those of the machine that
they were measured on.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from hotswap_ros.gates import intraclass
from hotswap_ros.models import (
    FailureCause,
    Manifest,
    ModelError,
    ModelRepository,
    Routing,
    VersionCounters,
    VersionState,
)
from hotswap_ros.serving import (
    BREAKER_LIMIT,
    Engine,
    EngineSettings,
    InferenceFailedError,
    ServingError,
)
from hotswap_ros.serving.worker.shadow_ring import distance_of
from hotswap_ros.sim.arm.task import CONTROL_PERIOD_S, PickWorld, TaskEnd
from hotswap_ros.sim.policies.episodes import Policy
from hotswap_ros.sim.policies.measure import FLEET_ROBOTS, FLEET_SEED, session_policy
from hotswap_ros.sim.policies.recipes import MODEL_ID
from hotswap_ros.sim.virtual import VersionOutcomes

_COMMAND = '`python -m hotswap_ros.sim.policies.fit`'
_QUANTILES = 32
#: After so many late answers in a row that were the version's own, only some are looked into.
_SURE = 20
_LOOK_EVERY = 10
#: How long a worker that ended is waited for to be noticed.
_NOTICED_S = 5.0


@dataclass(frozen=True)
class _Done:
    """
    One task: how it ended, and the cause of each request that failed, '' for the others.

    `late` requests were answered too late by this machine, not by the version.
    """

    robot: int
    category: str
    end: TaskEnd
    requests: tuple[str, ...]
    agreement: float
    late: int


@dataclass
class Fit:
    """Tasks of one version and what they come to together."""

    manifest: Manifest
    stable: str
    robots: int
    done: list[_Done] = field(default_factory=list)
    counters: VersionCounters = field(default_factory=VersionCounters)
    load_s: float = 0.0
    given_up: list[int] = field(default_factory=list)
    why: str = ''

    def outcomes(self) -> VersionOutcomes:
        """Return the figures for the virtual fleet."""
        by_category = {
            name: list(tasks)
            for name, tasks in groupby(
                sorted(self.done, key=lambda one: one.category), key=lambda one: one.category
            )
        }
        ends = [one.end for one in self.done]
        latency = self._latency()
        return VersionOutcomes.model_validate(
            {
                'version': self.manifest.version,
                'origin': (
                    f'{len(self.done):,} tasks of {self.robots} robots in the physics simulation, '
                    f'fleet {FLEET_SEED}, beside {self.stable}, by {_COMMAND}'
                ),
                'digest': self.manifest.sha256,
                'categories': {
                    name: _category(tasks, len(self.done)) for name, tasks in by_category.items()
                },
                'lab': self.manifest.training.get('measured', {}).get('success_by_category', {}),
                'correlation': round(max(0.0, self._correlation), 4),
                'success_s': _quantiles([end.duration_s for end in ends if end.success]),
                'failure_s': _quantiles([end.duration_s for end in ends if not end.success]),
                'period_s': CONTROL_PERIOD_S,
                'latency': _rounded(latency / latency.sum()),
                'failures': self._failures(by_category),
                'agreement': _quantiles([one.agreement for one in self.done]),
                'inputs': {
                    name: _rounded(np.array(bins) / max(1, sum(bins)))
                    for name, bins in self.counters.inputs.items()
                    if sum(bins)
                },
                'load_s': round(self.load_s, 1),
                'gives_up': {'reason': self.why, 'requests': self.given_up} if self.why else None,
            }
        )

    def _latency(self) -> Any:
        """Return the histogram without what only this machine was late with."""
        latency = np.array(self.counters.latency, float)
        late = sum(one.late for one in self.done)
        for bucket in reversed(range(len(latency))):
            taken = min(late, latency[bucket])
            latency[bucket] -= taken
            late -= taken
        return latency

    @property
    def _correlation(self) -> float:
        counts: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        for one in self.done:
            counts[one.robot][0] += one.end.success
            counts[one.robot][1] += 1
        return intraclass([(won, n) for won, n in counts.values()])

    def _failures(self, by_category: Mapping[str, Sequence[_Done]]) -> list[dict[str, Any]]:
        causes = sorted({cause for one in self.done for cause in one.requests if cause})
        found = []
        for cause in causes:
            hit = [one for one in self.done if cause in one.requests]
            found.append(
                {
                    'cause': cause,
                    'tasks': {
                        # Of a category that nobody met, what is known of all.
                        '': round(len(hit) / len(self.done), 5),
                        **{
                            name: round(sum(cause in o.requests for o in tasks) / len(tasks), 5)
                            for name, tasks in by_category.items()
                        },
                    },
                    'requests': round(sum(o.requests.count(cause) for o in hit) / len(hit), 2),
                    'breaks': round(sum(map(_breaks, hit)) / len(hit), 4),
                }
            )
        return found


def _category(tasks: Sequence[_Done], whole: int) -> dict[str, Any]:
    failed = [one.end for one in tasks if not one.end.success]
    errors = Counter(end.error for end in failed)
    return {
        'share': round(len(tasks) / whole, 4),
        'success': round(1 - len(failed) / len(tasks), 4),
        'stuck': round(sum(end.stuck for end in failed) / len(tasks), 4),
        'errors': {name: round(n / len(failed), 4) for name, n in errors.most_common()},
    }


def _breaks(one: _Done) -> bool:
    """Return whether enough requests in a row failed to open the breaker."""
    runs = [len(list(run)) for failed, run in groupby(one.requests, key=bool) if failed]
    return max(runs, default=0) >= BREAKER_LIMIT


def _quantiles(values: Sequence[float]) -> list[float]:
    if not values:
        return [1.0]
    where = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    return [round(value, 4) for value in np.quantile(values, where).tolist()]


def _rounded(shares: Any) -> list[float]:
    return [round(share, 6) for share in shares.tolist()]


class _Bench:
    """
    The engine with a version on trial; one that is lost, dropped or given up begins anew.

    `requests` are those since it was last loaded, and `load_s` how long that took at first.
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

    def mind(self, done: _Done) -> str:
        """Let the version begin anew if it came to harm; returns why it was given up for good."""
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
    """Let `version` do `tasks` tasks, fewer if they take more than `limit_s` seconds."""
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
            # Everybody in turn, so that all have done as many when time is up.
            robot = number % robots
            done = _do(bench.engine, worlds[robot], robot, policies)
            requests = bench.requests + len(done.requests)
            why = bench.mind(done)
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
            'origin': f'the serving engine, which refuses it, by {_COMMAND}',
            'digest': manifest.sha256,
            'categories': {'': {'success': 0.0}},
            'refused': why,
        }
    )


class _Policies:
    """The stable version in this process, and the version to time it in one that it may end."""

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
        Return the version's decision, and what is wrong with it: too late even by itself, or lost.

        Of a version that always is, not every decision is timed; one that is not, is not made.
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
        """Return whether the stable version decides as this."""
        comparison = self._manifest.comparison
        both = {'decision': self._stable(observation)}, {'decision': decision}
        return distance_of(comparison.metric, *both) <= comparison.tolerance


_own: list[Policy] = []


def _load_own(content: bytes) -> None:
    _own.append(session_policy(content))


def _decide_own(observation: Any) -> tuple[Any, float]:
    """Return a decision, and the seconds of a processor that it took."""
    began = time.thread_time()
    return _own[0](observation), time.thread_time() - began


def _do(engine: Engine, world: PickWorld, robot: int, policies: _Policies) -> _Done:
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
            if cause is None:  # This machine was late, not the version.
                outputs, late = own, late + 1
            is_late = is_late or cause is FailureCause.DEADLINE
        if cause is FailureCause.CRASH and is_late:
            # It is asked at once again and again, not once in a period, and counts as hanging.
            cause = FailureCause.DEADLINE
        causes.append('' if cause is None else cause.value)
        agreed += cause is None and policies.agree(outputs, observation)
        end = world.step(outputs)
    engine.report_task(task_id, end.success, stuck=end.stuck)
    return _Done(robot, start.category, end, tuple(causes), agreed / max(1, len(causes)), late)


def main(args: Sequence[str] | None = None) -> None:
    """Measure the versions that are named."""
    parser = argparse.ArgumentParser(description='Measure versions for the virtual fleet.')
    parser.add_argument('versions', nargs='+', metavar='VERSION')
    parser.add_argument('--models', type=Path, default=Path('models'), help='model repository')
    parser.add_argument('--out', type=Path, default=Path('config/outcomes'))
    parser.add_argument('--stable', default='v23', help='version that answers for it')
    parser.add_argument('--tasks', type=int, default=10_000)
    parser.add_argument('--limit', type=float, default=60.0, help='seconds per version at most')
    given = parser.parse_args(args)
    given.out.mkdir(parents=True, exist_ok=True)
    for version in given.versions:
        found = fit(given.models, version, given.stable, given.tasks, limit_s=given.limit)
        text = found.model_dump_json(by_alias=True, exclude_defaults=True)
        path = given.out / f'{version}.json'
        path.write_text(json.dumps(json.loads(text), indent=1) + '\n')
        print(f'{path}: {found.success:.1%} succeed, {found.origin}', flush=True)


if __name__ == '__main__':
    main()
