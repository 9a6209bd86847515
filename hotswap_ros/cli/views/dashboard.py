# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How a rollout looks in a terminal, and in plain lines where there is none."""

from __future__ import annotations

import io
import math
import re
from pathlib import Path
from typing import Any

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

_VERDICTS = {
    1: ('watching', 'cyan'),
    2: ('pass', 'green'),
    3: ('FAIL', 'bold red'),
    4: ('inconclusive', 'yellow'),
}
_STATUSES = {
    2: ('running', 'cyan'),
    3: ('paused', 'yellow'),
    4: ('ROLLING BACK', 'bold red'),
    5: ('succeeded', 'bold green'),
    6: ('ROLLED BACK', 'bold red'),
    7: ('failed', 'bold red'),
    8: ('aborted', 'bold yellow'),
    9: ('superseded', 'yellow'),
}
_STEP_MARKS = {
    0: ('·', 'dim'),
    1: ('▶', 'cyan'),
    2: ('✔', 'green'),
    3: ('✘', 'red'),
    4: ('–', 'dim'),
}
_OBSERVE = 3
_INTERVAL_WIDTH = 30


def dashboard(title: str, status: Any, robots: dict[str, Any]) -> RenderableType:
    """Return the live view of a `RolloutStatus` and the newest `RobotStatus` of each robot."""
    word, style = _STATUSES.get(status.status, ('waiting', 'dim'))
    head = Text.assemble(
        (title, 'bold'), '   ', (word, style), f'   {status.elapsed_s:5.1f} s', style=''
    )
    parts: list[RenderableType] = [head, '']
    if status.rollout_id:
        parts += [_steps(status), '', _cohorts(status), '', _checks(status), '']
    parts.append(_fleet(status, robots))
    return Panel(Group(*parts), border_style=style, padding=(0, 1))


def _steps(status: Any) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(min_width=44)
    table.add_column(width=24)
    table.add_column(justify='right')
    for step in _shown_steps(status):
        mark, style = _STEP_MARKS[step.state]
        running = step.state == 1
        bar: RenderableType = (
            ProgressBar(total=1.0, completed=step.progress, width=24) if running else ''
        )
        counts = f'{status.tasks:,} of {status.tasks_needed:,} tasks'
        tasks = counts if running and step.kind == _OBSERVE else ''
        table.add_row(
            Text(mark, style), Text(step.title, style if not running else ''), bar, tasks
        )
    return table


def _shown_steps(status: Any) -> list[Any]:
    """Leave out steps that are over in a moment, unless one of them is under way."""
    last = len(status.steps) - 1
    return [
        step
        for index, step in enumerate(status.steps)
        if step.kind == _OBSERVE or index == last or index == status.step_index
    ]


def _cohorts(status: Any) -> RenderableType:
    check = next((c for c in status.checks if c.name == 'success'), None)
    if check is None or not (check.n or check.n_control):
        return Text('No task has ended on the candidate yet.', 'dim')
    ends = [check.low, check.control_low, check.high, check.control_high]
    low = min([0.7, *(end for end in ends if not math.isnan(end))])
    table = Table(box=None, padding=(0, 2, 0, 0), header_style='dim')
    for column in ('', 'version', 'tasks', 'success', '95% interval'):
        table.add_column(column, justify='right' if column in ('tasks', 'success') else 'left')
    table.add_column(f'{low:<15.0%}{"100%":>{_INTERVAL_WIDTH - 15}}')
    previous = '/'.join(status.previous_versions)
    for role, version, style, n, rate, a, b in (
        ('candidate', status.version, 'yellow', check.n, check.estimate, check.low, check.high),
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


def _checks(status: Any) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column()
    table.add_column(ratio=1)
    for check in status.checks:
        word, style = _VERDICTS.get(check.verdict, ('?', 'dim'))
        table.add_row(check.name, Text(word, style), Text(check.sentence, 'dim'))
    return table


def _fleet(status: Any, robots: dict[str, Any]) -> RenderableType:
    cells = [_robot(robots[name], status.version) for name in sorted(robots)]
    if not cells:
        return Text('Waiting for robots …', 'dim')
    return Columns(cells, padding=(0, 2), equal=True)


def _robot(robot: Any, version: str) -> Text:
    routing = robot.routing
    name = robot.robot_id.rsplit('_', 1)[-1]
    if routing.candidate:
        share = f'{routing.candidate_share:.0%}'
        return Text.assemble((f'{name} ', 'dim'), (f'◐ {routing.candidate} {share}', 'yellow'))
    style = 'green' if routing.stable == version else 'blue'
    return Text.assemble((f'{name} ', 'dim'), (f'● {routing.stable}', style))


class RolloutView:
    """
    Shows a rollout while it runs: a live picture on a terminal, else a line per change.

    Use it as a context manager and call `show` often.
    """

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._said = ''
        self._picture: RenderableType = ''

    def __enter__(self) -> RolloutView:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, status: Any, robots: dict[str, Any]) -> None:
        """Show the newest `RolloutStatus` and `RobotStatus` messages."""
        self._picture = dashboard(self._title, status, robots)
        if self._live is not None:
            self._live.update(self._picture, refresh=True)
        elif status.rollout_id:
            self._say(status)

    def save(self, path: Path) -> None:
        """Write the picture of this moment as an SVG file."""
        paper = Console(record=True, width=110, file=io.StringIO())
        paper.print(self._picture)
        picture = paper.export_svg(title='hotswap_ros')
        # The font would be fetched from the network by whoever looks at the picture.
        path.write_text(re.sub(r'@font-face \{.*?\}', '', picture, flags=re.DOTALL))

    def _say(self, status: Any) -> None:
        word, _ = _STATUSES.get(status.status, ('waiting', ''))
        step = status.steps[status.step_index]
        quarter = int(step.progress * 4) * 25 if step.kind == _OBSERVE else 0
        key = f'{word} {status.step_index} {quarter}'
        if key == self._said:
            return
        self._said = key
        line = f'{status.elapsed_s:6.1f} s  {word:<12}  {step.title}'
        if step.kind == _OBSERVE:
            line += f' ({status.tasks} so far)' + _rates(status)
        self._console.print(line, highlight=False, soft_wrap=True)


def _rates(status: Any) -> str:
    check = next((c for c in status.checks if c.name == 'success'), None)
    if check is None or not check.n or not check.n_control:
        return ''
    word, _ = _VERDICTS.get(check.verdict, ('?', ''))
    return (
        f': {status.version} {check.estimate:.1%} [{check.low:.1%}, {check.high:.1%}] of {check.n}'
        f', {"/".join(status.previous_versions)} {check.control:.1%}'
        f' [{check.control_low:.1%}, {check.control_high:.1%}] of {check.n_control}, {word}'
    )
