# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The live view of whole rollouts, in terminals of several sizes: all is there, none is cut."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator

import pytest
from rich.console import Console

from hotswap_ros.cli.views.dashboard import Dashboard, Heard, LiveView
from hotswap_ros.cli.views.robots import name_ranges
from hotswap_ros.coordinator import RolloutView, Snapshot
from hotswap_ros.rollout import PauseReason, Status
from hotswap_ros.testing import FakeFleet

SIZES = ((80, 24), (100, 30), (160, 50))
PLAN = """
modelId: pick_policy
version: {version}
strategy: Canary
onInconclusive: continue
stages:
  - {{percentage: 5, tasks: 60}}
  - {{percentage: 20, tasks: 100}}
  - {{percentage: 50, tasks: 200}}
  - {{percentage: 100, tasks: 300}}
successCriteria:
  maxLatencyMs: 200
  maxErrorRate: 0.01
  maxStuckPerRobot: 10
  maxLatencyIncrease: 0.5
  maxCategoryDrop: 0.2
"""


def view_of(snapshot: Snapshot) -> RolloutView:
    """Return what the status of a rollout tells a client."""
    state = snapshot.state
    return RolloutView(
        state.rollout_id,
        state.plan.model_id,
        state.plan.version,
        tuple(sorted(set(state.previous.values()))),
        state.plan.strategy.value,
        state.status,
        state.pause_reason,
        state.reason,
        state.step_index,
        snapshot.steps,
        snapshot.cohort,
        len(state.robots),
        snapshot.robots_confirmed,
        snapshot.robots_unreachable,
        (),
        tuple(state.excluded_robots),
        tuple(robot.why for robot in state.excluded_robots.values()),
        snapshot.checks,
        snapshot.tasks,
        snapshot.tasks_needed,
        snapshot.elapsed_s,
    )


def told(view: RolloutView, heard: Heard, size: tuple[int, int]) -> str:
    """Return the live view in a terminal of a size, as text; one line is the cursor's."""
    width, height = size
    console = Console(file=io.StringIO(), width=width, height=height)
    console.print(Dashboard('rollout', view, heard, height - 1))
    lines = console.file.getvalue().splitlines()
    assert len(lines) < height, console.file.getvalue()
    assert {len(line) for line in lines} == {width}
    return '\n'.join(lines)


def robots_in(text: str) -> int:
    """Return how many robots a picture has, as cells or in groups by routing."""
    groups = re.findall(r'(?:[●◐] v\S+|✘ unreachable)(?: \d+%)? +(\d+)  \S', text)
    cells = re.findall(r'\d\d [●◐✘] ', text)
    return sum(map(int, groups)) or len(cells)


class Watched:
    """A rollout in a fake fleet, looked at every three seconds."""

    def __init__(self, fleet: FakeFleet, version: str) -> None:
        self.fleet = fleet
        self.rollout = fleet.start(PLAN.format(version=version))

    def look(self) -> tuple[RolloutView, Heard]:
        snapshot = self.fleet.coordinator.snapshot(self.fleet.now, self.rollout)
        assert snapshot is not None
        robots = self.fleet.robots
        away = [name for name, robot in robots.items() if not robot.online]
        heard = Heard({name: robot.routing for name, robot in robots.items()}, away)
        return view_of(snapshot), heard

    def moments(self, at_most: int = 400) -> Iterator[tuple[RolloutView, Heard]]:
        for _ in range(at_most):
            self.fleet.run(3, tasks=2)
            view, heard = self.look()
            yield view, heard
            if view.status is not None and view.status.is_terminal:
                return
        raise AssertionError('the rollout did not end')


@pytest.fixture
def watched(tmp_path) -> Callable[..., Watched]:
    def start(version: str, rate: float, robots: int = 20) -> Watched:
        rates = {'v23': 0.9, version: rate}
        return Watched(FakeFleet(tmp_path / 'journal', rates, robots=robots), version)

    return start


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize(
    ('version', 'rate', 'robots', 'end'),
    [
        ('v24', 0.95, 20, Status.SUCCEEDED),
        ('v25_regressed', 0.5, 20, Status.ROLLED_BACK),
        ('v26_2026-11-29_nightly_a1b2c3d', 0.95, 100, Status.SUCCEEDED),
    ],
)
def test_everything_is_there_at_every_moment_and_nothing_is_cut(
    watched, size, version, rate, robots, end
):
    seen = set()
    for view, heard in watched(version, rate, robots).moments():
        text = told(view, heard, size)
        assert view.rollout_id in text
        assert f'pick_policy  v23 → {version}' in text
        assert [check.name for check in view.checks if check.name not in text] == []
        assert robots_in(text) == robots
        if view.status is Status.RUNNING:
            assert view.steps[view.step_index].title in text
            assert '…' not in text
        seen.add(len(view.checks))
    assert max(seen) >= 6
    assert view.status is end


@pytest.mark.parametrize('size', SIZES)
def test_a_pause_says_why_and_which_robots_are_unreachable(watched, size):
    here = watched('v24', 0.95)
    moments = here.moments()
    view, heard = next(moments)
    # A robot of the cohort, whatever step is under way.
    (lost,) = view.cohort
    here.fleet.robots[lost].online = False
    while view.status is not Status.PAUSED:
        view, heard = next(moments)
    assert view.pause_reason is PauseReason.UNREACHABLE
    text = ' '.join(told(view, heard, size).replace('│', ' ').split())
    assert view.reason in text
    assert 'paused' in text
    assert re.search(rf'✘ unreachable 1 {lost}|{lost[1:]} ✘ unreachable|{lost} ✘', text)


def test_wide_terminals_have_sentences_and_wider_drawings(watched):
    *_, (view, heard) = watched('v24', 0.95).moments()
    narrow, wide = (told(view, heard, size) for size in (SIZES[0], SIZES[-1]))
    drawings = [max(map(len, re.findall('[├─●┤]{3,}', text))) for text in (narrow, wide)]
    assert drawings[1] > drawings[0]
    sentences = [check.sentence for check in view.checks]
    flat = ' '.join(wide.replace('│', ' ').split())
    assert [sentence for sentence in sentences if sentence not in flat] == []


@pytest.mark.parametrize('size', SIZES)
def test_a_silent_coordinator_is_named(watched, size):
    view, heard = watched('v24', 0.95).look()
    assert 'not heard' not in told(view, heard, size)
    assert 'coordinator not heard for 12 s' in told(view, Heard(heard.routings, (), 12.4), size)


def terminal() -> Console:
    return Console(file=io.StringIO(), width=80, height=24, force_terminal=True, color_system=None)


def last_picture(console: Console) -> str:
    return console.file.getvalue().rpartition('╭')[2]


def test_a_view_that_was_left_says_that_it_is_not_the_end(watched):
    view, heard = watched('v24', 0.95).look()
    console = terminal()
    with LiveView(console, 'rollout') as live:
        live.show(view, heard)
    assert 'not watched any more' in last_picture(console)


def test_the_last_picture_of_an_ended_rollout_is_its_end(watched):
    *_, (view, heard) = watched('v24', 0.95).moments()
    console = terminal()
    with LiveView(console, 'rollout') as live:
        live.show(view, heard)
    assert 'succeeded' in last_picture(console)
    assert 'not watched any more' not in last_picture(console)


@pytest.mark.parametrize(
    ('names', 'ranges'),
    [
        (['01', '02', '03', '05'], ['01–03', '05']),
        (['r7', 'r8', 's9'], ['r7', 'r8', 's9']),
        (['9', '10'], ['9', '10']),
        (['dock', 'yard'], ['dock', 'yard']),
        ([], []),
    ],
)
def test_names_of_robots_are_put_together_without_losing_one(names, ranges):
    assert name_ranges(names) == ranges
