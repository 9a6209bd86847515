# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The live view of a rollout, at 80 columns and in plain lines."""

from __future__ import annotations

import io
import math
from dataclasses import replace

from rich.console import Console

from hotswap_ros.cli.views.dashboard import Dashboard, Heard, LiveView
from hotswap_ros.coordinator import RolloutView, StepState, StepView
from hotswap_ros.gates import CheckResult, Verdict
from hotswap_ros.models import Routing
from hotswap_ros.rollout import Status

_SUCCESS = CheckResult(
    'success', Verdict.PENDING, 'e-process', 'needs more tasks', 0.9, 0.92, 0.85, 0.95, 0.9, 0.94,
    n=40, n_control=50,
)  # fmt: skip
_VIEW = RolloutView(
    rollout_id='r-1',
    model_id='m',
    version='v24',
    previous_versions=('v23',),
    status=Status.RUNNING,
    step_index=1,
    steps=(
        StepView('stage_models', 'load v24', StepState.DONE, 1.0, 2.0),
        StepView('observe', '20%: watch 100 tasks', StepState.RUNNING, 0.4, 10.0),
        StepView('set_routing', '50%: serve v24', StepState.PENDING, 0.0, 0.0),
        StepView('observe', '50%: watch 500 tasks', StepState.PENDING, 0.0, 0.0),
    ),
    checks=(_SUCCESS,),
    tasks=40,
    tasks_needed=100,
    elapsed_s=12.5,
)
_ROBOTS = {
    'robot_01': Routing('m', 'v23', 'v24', 0.5, salt='r-1'),
    'robot_02': Routing('m', 'v23'),
    'robot_03': Routing('m', 'v24'),
}


def printed(view: RolloutView, robots: dict[str, Routing]) -> str:
    console = Console(file=io.StringIO(), width=80)
    console.print(Dashboard('canary', view, Heard(robots)))
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    return text


def test_a_running_rollout_shows_its_steps_figures_and_robots() -> None:
    text = printed(_VIEW, _ROBOTS)
    assert 'running' in text
    for figure in ('40 of 100 tasks', '90.0%', '92.0%', '85.0% – 95.0%', 'needs more tasks'):
        assert figure in text
    for robot in ('01 ◐ v24 50%', '02 ● v23', '03 ● v24'):
        assert robot in text
    # Short steps are shown only while they run.
    assert '50%: watch 500 tasks' in text
    assert 'load v24' not in text
    assert '50%: serve v24' not in text


def test_each_status_has_a_word_of_its_own() -> None:
    heads = {printed(replace(_VIEW, status=status), {}).splitlines()[1] for status in Status}
    assert len(heads) == len(Status)


def test_each_verdict_has_a_word_of_its_own() -> None:
    words = set()
    for verdict in Verdict:
        text = printed(replace(_VIEW, checks=(replace(_SUCCESS, verdict=verdict),)), {})
        words.add(next(line for line in text.splitlines() if 'needs more tasks' in line))
    assert len(words) == len(Verdict)


def test_a_long_version_and_title_fit_80_columns() -> None:
    title = 'stage 2 of 4, 20% (2 robots of region north): watch 5,000 tasks for 10 min'
    step = replace(_VIEW.steps[1], title=title)
    wide = replace(_VIEW, version='v25_regressed', tasks=2400, tasks_needed=5000, steps=(step,))
    text = printed(replace(wide, step_index=0), _ROBOTS)
    assert '2,400 of 5,000 tasks' in text
    assert '85.0% – 95.0%' in text
    assert '…' not in text


def test_without_a_rollout_only_robots_are_shown() -> None:
    empty = RolloutView()
    text = printed(empty, _ROBOTS)
    assert 'waiting' in text
    assert '02 ● v23' in text
    assert 'robots' in printed(empty, {})


def test_outside_a_terminal_each_change_is_a_line() -> None:
    console = Console(file=io.StringIO(), width=80)
    with LiveView(console, 'canary') as live:
        live.show(RolloutView(), Heard())
        live.show(_VIEW, Heard(_ROBOTS))
        live.show(replace(_VIEW, tasks=41), Heard(_ROBOTS))
        live.show(replace(_VIEW, status=Status.ROLLING_BACK), Heard(_ROBOTS))
    first, second = console.file.getvalue().splitlines()
    assert '20%: watch 100 tasks (40 so far): v24 90.0% [85.0%, 95.0%] of 40, v23 92.0%' in first
    assert 'ROLLING BACK' in second


def test_a_line_says_the_title_of_a_step_once() -> None:
    console = Console(file=io.StringIO(), width=200)
    reason = '20%: watch 100 tasks: approve or refuse'
    with LiveView(console, 'canary') as live:
        live.show(replace(_VIEW, status=Status.PAUSED, reason=reason), Heard())
    text = console.file.getvalue()
    assert text.count('20%: watch 100 tasks') == 1
    assert 'approve or refuse' in text


def test_a_control_without_an_interval_is_a_figure_alone() -> None:
    console = Console(file=io.StringIO(), width=200)
    check = replace(_SUCCESS, control_low=math.nan, control_high=math.nan)
    with LiveView(console, 'canary') as live:
        live.show(replace(_VIEW, checks=(check,)), Heard())
    text = console.file.getvalue()
    assert 'v24 90.0% [85.0%, 95.0%] of 40' in text
    assert 'v23 92.0% of 50' in text


def test_a_step_that_is_not_in_the_list_ends_no_view() -> None:
    console = Console(file=io.StringIO(), width=120)
    with LiveView(console, 'title') as live:
        live.show(replace(_VIEW, steps=()), Heard())
        live.show(replace(_VIEW, step_index=len(_VIEW.steps)), Heard())
    assert _VIEW.steps[-1].title in console.file.getvalue()
