# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Check every answer of an engine whose routing changes every 200 ms.

One closed loop at full rate has eight tasks under way. Versions become stable, candidate and
neither, in a worker process and in this one; the unused one is unloaded and loaded again. Every
request must be answered by a version that a routing in force during the request names for its
task, with the outputs of that version. The exit code is 1 when one was not.

    python bench/soak.py [--minutes 10]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
from array import array
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

import numpy as np
from lib.measure import pss_mb, quantiles
from lib.models import MODEL_ID, mlp, model_file, write
from lib.report import save
from peers.session import session_of
from serving_parts.allowed import Routings, Task

from hotswap_ros.models import ModelRepository, Routing, VersionState
from hotswap_ros.serving import Engine, EngineSettings, InUseError

CONSTANTS = {'v1': 1000.0, 'v2': 2000.0, 'v3': 3000.0}
SWAP_EVERY_S = 0.2
RELOAD_EVERY_S = 0.3
TASKS = 8
LONGEST_TASK = 5_000  # requests, so that tasks see several routings
_SHOWN = 10


class Soak:
    """An engine, the threads that change its routing, and the results."""

    def __init__(self, root: Path, seed: int = 0) -> None:
        self.observations = np.random.default_rng(seed).random((16, 1, 64), np.float32)
        self.expected: dict[str, list[np.ndarray]] = {}
        for version, constant in CONSTANTS.items():
            write(root, version, mlp(64, 256, 256, 7, constant=constant))
            session = session_of(str(model_file(root, version)))
            self.expected[version] = [
                session.run(None, {'observation': values})[0] for values in self.observations
            ]
        self.engine = Engine(
            ModelRepository(root), MODEL_ID, EngineSettings(resident_limit=4, isolation='worker')
        )
        self.routings = Routings()
        self.times_us = array('f')
        self.answers: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []
        self._random = random.Random(seed)
        self._usable = set(CONSTANTS)
        self._choosing = threading.Lock()
        self._ended = threading.Event()

    def run(self, seconds: float) -> None:
        """Send requests for this long while routings change; then close the engine."""
        with self.engine:
            for version in CONSTANTS:
                self.engine.load(version)
            self._put(Routing(MODEL_ID, 'v1', generation=1))
            threads = [
                threading.Thread(target=self._repeat, args=(every_s, work))
                for every_s, work in (
                    (SWAP_EVERY_S, self._swap),
                    (RELOAD_EVERY_S, self._reload),
                    (SWAP_EVERY_S, self.engine.tick),
                )
            ]
            for thread in threads:
                thread.start()
            try:
                self._ask(monotonic() + seconds)
            finally:
                self._ended.set()
                for thread in threads:
                    thread.join()

    def _repeat(self, every_s: float, work: Callable[[], object]) -> None:
        while not self._ended.wait(every_s):
            try:
                work()
            except Exception as error:
                self._violated(f'{type(error).__name__}: {error}')

    def _put(self, routing: Routing) -> None:
        self.routings.put(routing, self.engine.set_routing)

    def _swap(self) -> None:
        with self._choosing:
            away = set(self.engine.workers())
            stable = self._one_of(self._usable - away, self._usable)
            candidate = self._one_of(
                (self._usable & away) - {stable}, {*self._usable, ''} - {stable}
            )
            share = self._random.choice([0.1, 0.5, 1.0]) if candidate else 0.0
            self._put(
                Routing(
                    MODEL_ID,
                    stable,
                    candidate,
                    share,
                    salt=str(self._random.randrange(3)),
                    generation=len(self.routings.given) + 1,
                )
            )
        self.counts['swaps'] += 1
        where = 'in a worker' if candidate in away else 'in this process'
        self.counts[f'candidates {where}' if candidate else 'no candidate'] += 1
        if self.engine.breaker is not None:
            self._violated(f'breaker: {self.engine.breaker}')

    def _one_of(self, preferred: set[str], possible: set[str]) -> str:
        """Choose a version, mostly a preferred one; one that becomes stable leaves its worker."""
        some = preferred if preferred and self._random.random() < 0.8 else possible
        return self._random.choice(sorted(some))

    def _reload(self) -> None:
        """Unload and load a version that no routing names: after that it is in a worker again."""
        with self._choosing:
            unnamed = set(CONSTANTS) - set(self.engine.routing.versions)
            version = self._random.choice(sorted(unnamed))
            self._usable.discard(version)
        try:
            self.engine.unload(version, drain_s=20.0)
            self.engine.load(version)
        except InUseError as error:
            # Its tasks did not end in time: rare and harmless.
            self.counts['unloads put off'] += 1
            print(error)
        finally:
            states = {info.version: info.state for info in self.engine.versions()}
            if states[version] is VersionState.READY:
                self._usable.add(version)
        self.counts['reloads'] += 1

    def _ask(self, until: float) -> None:
        choose, number = random.Random(1), 0
        tasks = [self._begin(choose, slot) for slot in range(TASKS)]
        while monotonic() < until:
            slot = number % TASKS
            task, left = tasks[slot]
            self._check(task, choose.randrange(len(self.observations)))
            number += 1
            tasks[slot] = task, left - 1
            if left <= 1:
                self.engine.report_task(task.task_id, True)
                tasks[slot] = self._begin(choose, number)
        for task, _ in tasks:
            if task.has_begun:
                self.engine.report_task(task.task_id, True)

    def _begin(self, choose: random.Random, number: int) -> tuple[Task, int]:
        # Mostly short ones, as many routings are to be seen from their first request.
        return Task(f'task {number}'), int(LONGEST_TASK ** choose.random())

    def _check(self, task: Task, which: int) -> None:
        routings = self.routings
        first = routings.finished
        started = perf_counter()
        try:
            decision = self.engine.infer({'observation': self.observations[which]}, task.task_id)
        except Exception as error:
            self._violated(f'{task.task_id}: not answered: {error}')
            return
        self.times_us.append((perf_counter() - started) * 1e6)
        last = len(routings.given) - 1
        self.answers[decision.version] += 1
        if decision.fallback:
            self.counts[f'fallbacks, {decision.cause}'] += 1
            if all(decision.version != r.stable for r in routings.given[first : last + 1]):
                self._violated(f'{task.task_id}: {decision.version} stood in and is not stable')
        elif not task.allows(decision.version, routings, first, last):
            given = routings.given[first : last + 1]
            self._violated(f'{task.task_id}: answered by {decision.version} under {given}')
        if not np.allclose(
            decision.outputs['decision'], self.expected[decision.version][which], atol=1e-3
        ):
            self._violated(f'{task.task_id}: not what {decision.version} puts out')

    def _violated(self, text: str) -> None:
        self.violations.append(text)
        if len(self.violations) <= _SHOWN:
            print(f'VIOLATION {text}', flush=True)


def report(found: dict[str, Any]) -> None:
    """Print the results."""
    p50, p99, worst = found['latency'].values()
    print(f'{found["requests"]} requests in {found["minutes"]:g} min')
    print(f'{found["violations"]} violations')
    print(f'p50 {p50:.0f} µs, p99 {p99:.0f} µs, max {worst / 1e3:.1f} ms')
    for what in ('counts', 'answered_by'):
        print(', '.join(f'{name}: {count}' for name, count in sorted(found[what].items())))
    print(f'memory grew by {found["memory_grew_mb"]:.0f} MB')


def main() -> None:
    """Run, print, write JSON; exit with 1 after a violation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--minutes', type=float, default=10.0)
    parser.add_argument('--output', type=Path, default=Path('build/bench'))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder))
        before = pss_mb()
        soak.run(given.minutes * 60)
    found = {
        'minutes': given.minutes,
        'requests': len(soak.times_us),
        'violations': len(soak.violations),
        'latency': quantiles(soak.times_us),
        'answered_by': dict(soak.answers),
        'counts': dict(soak.counts),
        # Without the memory of the recorded times.
        'memory_grew_mb': pss_mb() - before - len(soak.times_us) * soak.times_us.itemsize / 1e6,
    }
    report(found)
    save(found, given.output / 'soak.json')
    sys.exit(1 if soak.violations else 0)


if __name__ == '__main__':
    main()
