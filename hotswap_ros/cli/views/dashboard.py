# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Live view of a rollout in a terminal, and plain lines for other outputs."""

from __future__ import annotations

import io
import math
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hotswap_ros.cli.terminal import PlainConsole
from hotswap_ros.cli.views.fit import Part, fit
from hotswap_ros.cli.views.robots import robot_forms
from hotswap_ros.cli.views.sections import (
    OBSERVE,
    VERDICTS,
    check_forms,
    heads,
    step_forms,
    success_check,
    success_forms,
    word_of,
)
from hotswap_ros.coordinator import RolloutView
from hotswap_ros.models import Routing

#: The coordinator speaks once a second: a longer silence is shown.
_SILENT_S = 3.0
#: From this width on, steps stand beside success rates.
_WIDE = 120
_FRAME_COLUMNS, _FRAME_LINES = 4, 2


@dataclass(frozen=True)
class Heard:
    """
    What a client hears beside the status of the rollout.

    `routings` are those of the robots, `unreachable` the robots that it no longer hears. It has
    not heard the coordinator for `silent_s`.
    """

    routings: Mapping[str, Routing] = field(default_factory=dict)
    unreachable: Collection[str] = ()
    silent_s: float = 0.0

    @property
    def warning(self) -> str:
        """Return that the coordinator is silent; empty: it is not."""
        if self.silent_s < _SILENT_S:
            return ''
        return f'coordinator not heard for {self.silent_s:.0f} s: this may be out of date'


@dataclass(frozen=True)
class Dashboard:
    """
    The picture of a rollout at one moment, in the size of the console that prints it.

    It is condensed to `height` lines; 0: as long as it gets. `note` says why it is the last one.
    """

    title: str
    view: RolloutView
    heard: Heard
    height: int = 0
    note: str = ''

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Return the picture (the protocol of rich)."""
        width = options.max_width - _FRAME_COLUMNS
        height = self.height - _FRAME_LINES if self.height else 10**6
        _, style = word_of(self.view)
        body = self._wide(console, width, height) if width >= _WIDE else None
        yield Panel(
            body or self._narrow(console, width, height),
            title=Text(self.title, 'bold'),
            title_align='left',
            border_style=style,
            padding=(0, 1),
        )

    def _narrow(self, console: Console, width: int, height: int) -> RenderableType:
        parts = [self._head(width)]
        if self.view.rollout_id:
            parts += [
                _GAP,
                Part(step_forms(self.view, width), 2),
                _GAP,
                Part(success_forms(self.view, width), 3),
                _GAP,
                Part(check_forms(self.view, width), 1),
            ]
        parts += [_GAP, self._robots()]
        return Group(*fit(console, parts, width, height))

    def _wide(self, console: Console, width: int, height: int) -> RenderableType | None:
        """Return the picture with two columns; None: there is nothing for the second."""
        if not self.view.rollout_id:
            return None
        half = width // 2 - 2
        options = console.options.update(width=half, height=None)
        steps = step_forms(self.view, half)[0]
        if len(console.render_lines(steps, options)) > height // 2:
            steps = step_forms(self.view, half)[1]
        beside = Table.grid(padding=(0, 4, 0, 0))
        beside.add_column(width=half)
        beside.add_column(width=half)
        beside.add_row(steps, success_forms(self.view, half)[0])
        parts = [
            self._head(width),
            _GAP,
            Part([beside]),
            _GAP,
            Part(check_forms(self.view, width), 1),
            _GAP,
            self._robots(),
        ]
        return Group(*fit(console, parts, width, height))

    def _head(self, width: int) -> Part:
        warnings = [text for text in (self.heard.warning, self.note) if text]
        return Part(heads(self.view, warnings, width), 5)

    def _robots(self) -> Part:
        heard = self.heard
        return Part(robot_forms(self.view.version, heard.routings, heard.unreachable), 0)


_GAP = Part([Text(''), Group()], 4)


class LiveView:
    """
    View of a running rollout: a live picture in a terminal, else a line per change.

    Use it as a context manager and call `show` often. After its end, the last picture says
    whether the rollout was still running.
    """

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._last_key = ''
        self._last: tuple[RolloutView, Heard] | None = None

    def __enter__(self) -> LiveView:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is None:
            return
        if self._last is not None:
            self._live.update(self._picture(*self._last, self._note()), refresh=True)
        self._live.stop()

    def show(self, view: RolloutView, heard: Heard) -> None:
        """Show the newest status of the rollout, and what else is heard."""
        self._last = view, heard
        if self._live is not None:
            self._live.update(self._picture(view, heard), refresh=True)
        elif view.rollout_id and view.steps:
            self._print_change(view, heard)

    def save(self, path: Path) -> None:
        """Write the picture of this moment as an SVG file."""
        paper = PlainConsole(record=True, width=110, file=io.StringIO())
        if self._last is not None:
            paper.print(Dashboard(self._title, *self._last))
        picture = paper.export_svg(title='hotswap_ros')
        # A viewer of the picture would fetch the font from the network.
        path.write_text(re.sub(r'@font-face \{.*?\}', '', picture, flags=re.DOTALL))

    def _picture(self, view: RolloutView, heard: Heard, note: str = '') -> Dashboard:
        # One line is for the cursor.
        return Dashboard(self._title, view, heard, self._console.size.height - 1, note)

    def _note(self) -> str:
        """Return that the picture is not the end of the rollout; empty: it is."""
        assert self._last is not None
        status = self._last[0].status
        if status is not None and status.is_terminal:
            return ''
        return f'not watched any more since {time.strftime("%H:%M:%S")}'

    def _print_change(self, view: RolloutView, heard: Heard) -> None:
        word, _ = word_of(view)
        step = view.steps[min(view.step_index, len(view.steps) - 1)]
        quarter = int(step.progress * 4) * 25 if step.kind == OBSERVE else 0
        key = f'{word} {view.step_index} {quarter} {view.pause_reason} {bool(heard.warning)}'
        if key == self._last_key:
            return
        self._last_key = key
        line = f'{view.elapsed_s:6.1f} s  {word:<12}  {step.title}'
        if step.kind == OBSERVE:
            line += f' ({view.tasks} so far)' + _rates(view)
        reason = view.reason.removeprefix(f'{step.title}: ')  # the line has the title already
        for text in (reason, heard.warning):
            line += f'; {text}' if text else ''
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def _rates(view: RolloutView) -> str:
    check = success_check(view)
    if check is None or not check.n or not check.n_control:
        return ''
    word = VERDICTS[check.verdict][0]
    candidate = f'{check.estimate:.1%}{_interval(check.low, check.high)}'
    control = f'{check.control:.1%}{_interval(check.control_low, check.control_high)}'
    return (
        f': {view.version} {candidate} of {check.n}'
        f', {"/".join(view.previous_versions)} {control} of {check.n_control}, {word}'
    )


def _interval(low: float, high: float) -> str:
    """Return an interval after its figure; empty where the check has none."""
    return '' if math.isnan(low) else f' [{low:.1%}, {high:.1%}]'
