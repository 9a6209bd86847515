# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An engine with a clock that tests move by hand, and one with worker processes."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hotswap_ros.models import ModelRepository
from hotswap_ros.serving import Engine, EngineSettings, Routing, VersionState


class Clock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(repository: Any, clock: Clock) -> Engine:
    """Return an engine without versions."""
    return Engine(repository, 'policy', EngineSettings(resident_limit=3), clock=clock)


class Watched:
    """An engine with workers, and a way to wait for its changes."""

    def __init__(self, repository: ModelRepository, **settings: Any) -> None:
        self.states: list[tuple[str, str]] = []
        self._changed = threading.Condition()
        self.engine = Engine(
            repository,
            'policy',
            # On a machine under load, the lowest class may never get its turn.
            EngineSettings(**{'isolation': 'worker', 'idle_background': False, **settings}),
            on_change=self._note,
        )

    def _note(self) -> None:
        with self._changed:
            now = [(info.version, info.state.value) for info in self.engine.versions()]
            self.states += [state for state in now if state not in self.states[-len(now) :]]
            self._changed.notify_all()

    def poke(self) -> None:
        """Look again at what is waited for."""
        with self._changed:
            self._changed.notify_all()

    def wait_until(self, condition: Callable[[], object]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, 60)

    def wait_for_another_worker(self, pid: int, version: str = 'v2') -> None:
        def is_back() -> bool:
            states = {info.version: info.state for info in self.engine.versions()}
            return self.pid(version) not in (0, pid) and states[version] is VersionState.READY

        self.wait_until(is_back)

    def stop(self, version: str = 'v2') -> int:
        """Stop a worker, as if it hung; returns its process id once it stands still."""
        pid = self.pid(version)
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
        return pid

    def pid(self, version: str = 'v2') -> int:
        return self.engine.workers()[version]


@pytest.fixture
def watch(make_version: Any, repository: ModelRepository) -> Iterator[Callable[..., Watched]]:
    """Return a maker of engines with v1 in force and v2, in a worker, as its candidate."""
    made: list[Watched] = []

    def make(
        v2: dict[str, Any] | None = None, v1: dict[str, Any] | None = None, **fields: Any
    ) -> Watched:
        make_version('v1', **(v1 or {'bias': 0.1}))
        make_version('v2', **{'bias': 0.2, 'deadline_ms': 20_000.0, **(v2 or {})})
        watched = Watched(repository, **fields)
        made.append(watched)
        watched.engine.load('v1')
        watched.engine.set_routing(Routing('policy', 'v1', generation=1))
        watched.engine.load('v2')
        watched.engine.set_routing(Routing('policy', 'v1', 'v2', 1.0, generation=2))
        return watched

    yield make
    for watched in made:
        watched.engine.close()
