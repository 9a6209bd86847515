# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Live view of a rollout in a terminal, and plain lines for other outputs."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from pathlib import Path

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hotswap_ros.coordinator import RolloutView, StepState, StepView
from hotswap_ros.gates import CheckResult, Verdict
from hotswap_ros.models import Routing
from hotswap_ros.rollout import Status

_VERDICTS = {
    Verdict.PENDING: ('watching', 'cyan'),
    Verdict.PASS: ('pass', 'green'),
    Verdict.FAIL: ('FAIL', 'bold red'),
    Verdict.INCONCLUSIVE: ('inconclusive', 'yellow'),
}
_STATUSES = {
    Status.RUNNING: ('running', 'cyan'),
    Status.PAUSED: ('paused', 'yellow'),
    Status.ROLLING_BACK: ('ROLLING BACK', 'bold red'),
    Status.SUCCEEDED: ('succeeded', 'bold green'),
    Status.ROLLED_BACK: ('ROLLED BACK', 'bold red'),
    Status.FAILED: ('failed', 'bold red'),
    Status.ABORTED: ('aborted', 'bold yellow'),
    Status.SUPERSEDED: ('superseded', 'yellow'),
}
_WAITING = ('waiting', 'dim')
_STEP_MARKS = {
    StepState.PENDING: ('·', 'dim'),
    StepState.RUNNING: ('▶', 'cyan'),
    StepState.DONE: ('✔', 'green'),
    StepState.FAILED: ('✘', 'red'),
    StepState.SKIPPED: ('–', 'dim'),
}
_OBSERVE = 'observe'
#: Widths that fit a terminal of 80 columns.
_INTERVAL_WIDTH, _BAR_WIDTH = 16, 16


def dashboard(title: str, view: RolloutView, robots: Mapping[str, Routing]) -> RenderableType:
    """Return the live view of a rollout, and of the routing of each robot."""
    word, style = _word_of(view)
    head = Text.assemble(
        (title, 'bold'), '   ', (word, style), f'   {view.elapsed_s:5.1f} s', style=''
    )
    parts: list[RenderableType] = [head, '']
    if view.rollout_id:
        parts += [_steps(view), '', _cohorts(view), '', _checks(view), '']
    parts.append(_fleet(view.version, robots))
    return Panel(Group(*parts), border_style=style, padding=(0, 1))


def _word_of(view: RolloutView) -> tuple[str, str]:
    return _WAITING if view.status is None else _STATUSES.get(view.status, _WAITING)


def _steps(view: RolloutView) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(min_width=30)
    table.add_column(width=_BAR_WIDTH)
    table.add_column(justify='right', no_wrap=True)
    for step in _shown_steps(view):
        mark, style = _STEP_MARKS[step.state]
        running = step.state is StepState.RUNNING
        bar: RenderableType = (
            ProgressBar(total=1.0, completed=step.progress, width=_BAR_WIDTH) if running else ''
        )
        counts = f'{view.tasks:,} of {view.tasks_needed:,} tasks'
        tasks = counts if running and step.kind == _OBSERVE else ''
        table.add_row(
            Text(mark, style), Text(step.title, style if not running else ''), bar, tasks
        )
    return table


def _shown_steps(view: RolloutView) -> list[StepView]:
    """Return the steps without short ones, unless one of them is under way."""
    last = len(view.steps) - 1
    return [
        step
        for index, step in enumerate(view.steps)
        if step.kind == _OBSERVE or index == last or index == view.step_index
    ]


def _success_check(view: RolloutView) -> CheckResult | None:
    return next((check for check in view.checks if check.name == 'success'), None)


def _cohorts(view: RolloutView) -> RenderableType:
    check = _success_check(view)
    if check is None or not (check.n or check.n_control):
        return Text('The candidate has not finished a task yet.', 'dim')
    ends = [check.low, check.control_low, check.high, check.control_high]
    low = min([0.7, *(end for end in ends if not math.isnan(end))])
    table = Table(box=None, padding=(0, 2, 0, 0), header_style='dim')
    for column in ('', 'version', 'tasks', 'success', '95% interval'):
        table.add_column(column, justify='right' if column in ('tasks', 'success') else 'left')
    table.add_column(f'{low:<{_INTERVAL_WIDTH - 4}.0%}100%', no_wrap=True)
    previous = '/'.join(view.previous_versions)
    for role, version, style, n, rate, a, b in (
        ('candidate', view.version, 'yellow', check.n, check.estimate, check.low, check.high),
        (
            'control',
            previous,
            'blue',
            check.n_control,
            check.control,
            check.control_low,
            check.control_high,
        ),
    ):
        interval = '' if math.isnan(a) else f'{a:.1%} – {b:.1%}'
        success = '' if math.isnan(rate) else f'{rate:.1%}'
        bar = _interval_bar(low, rate, a, b)
        table.add_row(role, Text(version, style), f'{n:,}', success, interval, Text(bar, style))
    return table


def _interval_bar(scale_low: float, rate: float, low: float, high: float) -> str:
    if math.isnan(rate) or math.isnan(low):
        return ''

    def place(value: float) -> int:
        return round((value - scale_low) / (1 - scale_low) * (_INTERVAL_WIDTH - 1))

    left, middle, right = place(low), place(rate), place(high)
    cells = [' '] * _INTERVAL_WIDTH
    cells[left : right + 1] = '─' * (right + 1 - left)
    cells[left], cells[right] = '├', '┤'
    cells[middle] = '●'
    return ''.join(cells)


def _checks(view: RolloutView) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column()
    table.add_column(ratio=1)
    for check in view.checks:
        word, style = _VERDICTS[check.verdict]
        table.add_row(check.name, Text(word, style), Text(check.sentence, 'dim'))
    return table


def _fleet(version: str, robots: Mapping[str, Routing]) -> RenderableType:
    cells = [_robot(name, robots[name], version) for name in sorted(robots)]
    if not cells:
        return Text('Waiting for robots …', 'dim')
    return Columns(cells, padding=(0, 2), equal=True)


def _robot(robot_id: str, routing: Routing, version: str) -> Text:
    name = robot_id.rsplit('_', 1)[-1]
    if routing.candidate:
        share = f'{routing.candidate_share:.0%}'
        return Text.assemble((f'{name} ', 'dim'), (f'◐ {routing.candidate} {share}', 'yellow'))
    style = 'green' if routing.stable == version else 'blue'
    return Text.assemble((f'{name} ', 'dim'), (f'● {routing.stable}', style))


class LiveView:
    """
    View of a running rollout: a live picture in a terminal, else a line per change.

    Use it as a context manager and call `show` often.
    """

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._last_key = ''
        self._picture: RenderableType = ''

    def __enter__(self) -> LiveView:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, view: RolloutView, robots: Mapping[str, Routing]) -> None:
        """Show the newest status of the rollout, and the routing of each robot."""
        self._picture = dashboard(self._title, view, robots)
        if self._live is not None:
            self._live.update(self._picture, refresh=True)
        elif view.rollout_id:
            self._print_change(view)

    def save(self, path: Path) -> None:
        """Write the picture of this moment as an SVG file."""
        paper = Console(record=True, width=110, file=io.StringIO())
        paper.print(self._picture)
        picture = paper.export_svg(title='hotswap_ros')
        # A viewer of the picture would fetch the font from the network.
        path.write_text(re.sub(r'@font-face \{.*?\}', '', picture, flags=re.DOTALL))

    def _print_change(self, view: RolloutView) -> None:
        word, _ = _word_of(view)
        step = view.steps[view.step_index]
        quarter = int(step.progress * 4) * 25 if step.kind == _OBSERVE else 0
        key = f'{word} {view.step_index} {quarter}'
        if key == self._last_key:
            return
        self._last_key = key
        line = f'{view.elapsed_s:6.1f} s  {word:<12}  {step.title}'
        if step.kind == _OBSERVE:
            line += f' ({view.tasks} so far)' + _rates(view)
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def _rates(view: RolloutView) -> str:
    check = _success_check(view)
    if check is None or not check.n or not check.n_control:
        return ''
    word, _ = _VERDICTS[check.verdict]
    candidate = f'{check.estimate:.1%}{_interval(check.low, check.high)}'
    control = f'{check.control:.1%}{_interval(check.control_low, check.control_high)}'
    return (
        f': {view.version} {candidate} of {check.n}'
        f', {"/".join(view.previous_versions)} {control} of {check.n_control}, {word}'
    )


def _interval(low: float, high: float) -> str:
    """Return an interval after its figure; empty where the check has none."""
    return '' if math.isnan(low) else f' [{low:.1%}, {high:.1%}]'
