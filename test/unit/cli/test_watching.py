# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap rollout` and `watch` with a client that a test moves: what they show, and Ctrl-C."""

from __future__ import annotations

import io
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from rich.console import Console

pytest.importorskip('rclpy', reason='needs ROS')
pytest.importorskip('hotswap_ros.msg', reason='needs the built ROS package')

from hotswap_ros.cli.verbs import rollout
from hotswap_ros.coordinator import RolloutView, StepState, StepView
from hotswap_ros.rollout import Status


def view(rollout_id: str, version: str, status: Status = Status.RUNNING) -> RolloutView:
    step = StepView('set_routing', f'serve {version}', StepState.RUNNING, 0.0, 0.0)
    return RolloutView(rollout_id, 'm', version, ('v23',), status=status, steps=(step,))


class Client:
    """A client of a coordinator: `moments` are what it shows from one look to the next."""

    def __init__(self, *moments: RolloutView) -> None:
        self._moments = [*moments]
        self.started: Future = Future()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def wait_for_coordinator(self, timeout_s):
        return True

    def wait_for_status(self, timeout_s):
        pass

    def is_there(self):
        return True

    def start_rollout(self, plan):
        # From now on there is something to see.
        del self._moments[0]
        return self.started

    @property
    def status(self):
        now = self._moments[0]
        running = [now.rollout_id] if now.status is Status.RUNNING else []
        return SimpleNamespace(
            rollout_id=now.rollout_id,
            rollouts_under_way=running,
            stamp=SimpleNamespace(sec=1),
            reason='',
        )

    @property
    def rollout_state(self):
        return self._moments[0].status

    def view_of(self, rollout_id):
        now = self._moments[0]
        return now if now.rollout_id == rollout_id else RolloutView()

    def routings(self):
        """End each look: the next moment comes, and Ctrl-C after the last."""
        if len(self._moments) == 1:
            raise KeyboardInterrupt
        del self._moments[0]
        return {}

    def unreachable_robots(self):
        return []

    def coordinator_silent_s(self):
        return 0.0


def run(monkeypatch, client, verb, *arguments):
    monkeypatch.setattr(rollout, 'FleetClient', lambda: client)
    monkeypatch.setattr(rollout, '_PERIOD_S', 0.0)
    console = Console(file=io.StringIO(), width=200)
    code = verb(console, *arguments)
    return code, console.file.getvalue()


OLD = view('old', 'v22', Status.SUCCEEDED)


def test_a_new_rollout_shows_nothing_of_the_one_before(monkeypatch):
    new = view('new', 'v24')
    client = Client(OLD, OLD, OLD, new, new, new)
    code, text = run(monkeypatch, client, rollout.start_and_watch, 'plan')
    assert code == 0
    assert 'serve v24' in text
    assert 'v22' not in text


def test_ctrl_c_ends_the_view_and_says_how_to_see_and_end_the_rollout(monkeypatch):
    new = view('new', 'v24')
    code, text = run(monkeypatch, Client(OLD, OLD, new, new, new), rollout.start_and_watch, 'plan')
    assert code == 0
    assert 'hotswap rollout watch new' in text
    assert 'hotswap rollout abort new' in text


@pytest.mark.parametrize('named', ['', 'new'])
def test_a_view_that_was_opened_later_says_the_same(monkeypatch, named):
    new = view('new', 'v24')
    code, text = run(monkeypatch, Client(new, new, new), rollout.watch_rollout, named)
    assert code == 0
    assert 'hotswap rollout abort new' in text


def test_a_view_without_a_rollout_says_that_it_waits(monkeypatch):
    none = RolloutView()
    code, text = run(monkeypatch, Client(none, none), rollout.watch_rollout)
    assert code == 0
    assert 'no rollout yet' in text
    assert 'hotswap rollout abort' not in text


def test_a_rollout_that_has_ended_shows_its_end(monkeypatch):
    new, end = view('new', 'v24'), view('new', 'v24', Status.SUCCEEDED)
    client = Client(OLD, OLD, new, new, end, end)
    client.started.set_running_or_notify_cancel()
    result = SimpleNamespace(rollout_id='new', reason='it is everywhere', error_code=0)
    moments = client.routings

    def routings():
        found = moments()
        if client.rollout_state is Status.SUCCEEDED and not client.started.done():
            client.started.set_result(result)
        return found

    client.routings = routings
    code, text = run(monkeypatch, client, rollout.start_and_watch, 'plan')
    assert code == 0
    lines = text.splitlines()
    assert 'succeeded' in lines[-2]
    assert lines[-1] == 'it is everywhere'
