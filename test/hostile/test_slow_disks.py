# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Disks and drives that do not answer: what needs none of them goes on."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hotswap_ros.bounded_calls import BoundedCalls, OverdueError
from hotswap_ros.models import ModelRepository, Routing
from hotswap_ros.serving import Engine, EngineSettings


@pytest.fixture
def hang() -> Iterator[Callable[..., Any]]:
    """Return a call that does not return before the end of the test."""
    is_over = threading.Event()

    def wait(*_: Any, **__: Any) -> Any:
        is_over.wait(60.0)
        raise OSError('the drive is gone')

    yield wait
    is_over.set()


def test_a_routing_takes_effect_while_the_disk_hangs(
    make_version: Any,
    repository: ModelRepository,
    tmp_path: Path,
    hang: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_version('v1')
    make_version('v2')
    monkeypatch.setattr('hotswap_ros.serving.versions.last_known_good._DISK_S', 0.05)
    with Engine(repository, 'policy', EngineSettings(state_folder=tmp_path / 'state')) as engine:
        engine.load('v1')
        engine.load('v2')
        engine.set_routing(Routing('policy', 'v1', generation=1))
        monkeypatch.setattr(os, 'fsync', hang)
        for generation in range(2, 50):
            stable = f'v{1 + generation % 2}'
            engine.set_routing(Routing('policy', stable, generation=generation))
            assert engine.routing.stable == stable
        writing = [t for t in threading.enumerate() if t.name.startswith('writing')]
        assert len(writing) == 1


def test_a_repository_that_hangs_is_said_to(
    make_version: Any,
    repository: ModelRepository,
    hang: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_version('v1')
    monkeypatch.setattr('hotswap_ros.serving.versions.versions._LIST_S', 0.05)
    monkeypatch.setattr('hotswap_ros.serving.versions.versions._DELETE_S', 0.05)
    with Engine(repository, 'policy') as engine:
        engine.load('v1')
        monkeypatch.setattr(repository, 'versions', hang)
        monkeypatch.setattr(repository, 'delete', hang)
        for _ in range(3):
            with pytest.raises(OverdueError):
                engine.known_versions()
        with pytest.raises(OverdueError):
            engine.unload('v1', delete_files=True)
        assert engine.versions()[0].state.value == 'released'


def test_one_call_that_hangs_takes_one_thread_and_no_other_call(hang: Callable[..., Any]) -> None:
    calls = BoundedCalls()
    for _ in range(20):
        with pytest.raises(OverdueError):
            calls.call('one', hang, 0.01)
    assert [thread.name for thread in threading.enumerate()].count('one') == 1
    assert calls.call('another', lambda: 7, 60.0) == 7
    with pytest.raises(ZeroDivisionError):
        calls.call('another', lambda: 1 / 0, 60.0)
