# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Parts of the live view: head, steps, success rates and checks, in several degrees of detail."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import zip_longest

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hotswap_ros.coordinator import RolloutView, StepState, StepView
from hotswap_ros.gates import CheckResult, Verdict
from hotswap_ros.rollout import Status

VERDICTS = {
    Verdict.PENDING: ('watching', 'cyan', '●'),
    Verdict.PASS: ('pass', 'green', '✔'),
    Verdict.FAIL: ('FAIL', 'bold red', '✘'),
    Verdict.INCONCLUSIVE: ('inconclusive', 'yellow', '?'),
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
#: The order of the roles of checks; older coordinators tell none.
_ROLES = ('success', 'guardrail', 'signal', '')
_WAITING = ('waiting', 'dim')
_STEP_MARKS = {
    StepState.PENDING: ('·', 'dim'),
    StepState.RUNNING: ('▶', 'cyan'),
    StepState.DONE: ('✔', 'green'),
    StepState.FAILED: ('✘', 'red'),
    StepState.SKIPPED: ('–', 'dim'),
}
OBSERVE = 'observe'
_BAR_WIDTH = 16
#: Widths of the drawing of an interval.
_NARROWEST, _WIDEST = 8, 40
_REASON_LINES = 2


def word_of(view: RolloutView) -> tuple[str, str]:
    """Return the word for the status of a rollout, and its style."""
    return _WAITING if view.status is None else _STATUSES.get(view.status, _WAITING)


def heads(view: RolloutView, warnings: Sequence[str], width: int) -> list[RenderableType]:
    """Return status, id, versions and the reason of the status; `warnings` come last."""
    word, style = word_of(view)
    first = Text.assemble((word, style), f'   {view.elapsed_s:.1f} s')
    if view.robots_total:
        first.append(f'   {view.robots_confirmed} of {view.robots_total} robots confirmed')
    lines: list[Text] = [first]
    if view.rollout_id:
        versions = f'{"/".join(view.previous_versions)} → {view.version}'
        line = Text(view.rollout_id, 'bold')
        line.append(f'  {view.model_id}  {versions}  ', 'default').append(view.strategy, 'dim')
        lines.append(line)
    reason = Text(view.reason, style)
    ends = [Text(warning, 'bold red') for warning in [*_excluded(view), *warnings]]
    if not view.reason:
        return [Group(*lines, *ends)]
    return [
        Group(*lines, reason, *ends),
        Group(*lines, Text(_shortened(view.reason, width * _REASON_LINES - 1), style), *ends),
    ]


def _excluded(view: RolloutView) -> list[str]:
    out = dict(zip(view.robots_excluded, view.excluded_why))
    if not out:
        return []
    shown = [f'{robot_id} ({_shortened(why, 80)})' for robot_id, why in list(out.items())[:2]]
    more = f' and {len(out) - len(shown)} more' if len(out) > len(shown) else ''
    return [f'excluded: {", ".join(shown)}{more}']


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + '…'


# -- steps ----------------------------------------------------------------------------------------


def step_forms(view: RolloutView, width: int) -> list[RenderableType]:
    """Return the steps, one a line, or those of this moment with a mark for each stage."""
    if not view.steps:
        return [Text('')]
    running = view.steps[min(view.step_index, len(view.steps) - 1)]
    now = _steps(view, [running], width)
    number = Text(f'step {view.step_index + 1} of {len(view.steps)}', 'dim')
    marks = _stage_marks(view)
    overview = marks if marks.cell_len <= width else number
    return [_steps(view, _shown_steps(view), width), Group(overview, now), now]


def _steps(view: RolloutView, steps: Sequence[StepView], width: int) -> Table:
    """Return steps, one a line; the progress of a running one is beside it, or below it."""
    counts = f'{view.tasks:,} of {view.tasks_needed:,} tasks'
    titles = max(len(step.title) for step in steps)
    is_beside = titles + _BAR_WIDTH + len(counts) + 5 <= width
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(min_width=30, no_wrap=is_beside)
    if is_beside:
        table.add_column()
    for step in steps:
        mark, style = _STEP_MARKS[step.state]
        running = step.state is StepState.RUNNING
        line = [Text(mark, style), Text(step.title, '' if running else style)]
        if not running:
            table.add_row(*line)
            continue
        progress = _progress(step, counts)
        if is_beside:
            table.add_row(*line, progress)
        else:
            table.add_row(*line)
            table.add_row('', progress)
    return table


def _progress(step: StepView, counts: str) -> Table:
    row = Table.grid(padding=(0, 1))
    row.add_column(width=_BAR_WIDTH)
    row.add_column(no_wrap=True)
    bar = ProgressBar(total=1.0, completed=step.progress, width=_BAR_WIDTH)
    row.add_row(bar, counts if step.kind == OBSERVE else '')
    return row


def _shown_steps(view: RolloutView) -> list[StepView]:
    """Return the steps without short ones, unless one of them is under way."""
    last = len(view.steps) - 1
    return [
        step
        for index, step in enumerate(view.steps)
        if step.kind == OBSERVE or index == last or index == view.step_index
    ]


def _stage_marks(view: RolloutView) -> Text:
    """Return the stages that are watched, each with the mark of its state."""
    text = Text()
    for step in view.steps:
        if step.kind == OBSERVE:
            mark, style = _STEP_MARKS[step.state]
            label = step.title.partition(':')[0]
            text.append(f'{mark} ', style).append(f'{label}   ', '' if mark == '▶' else 'dim')
    text.rstrip()
    return text


# -- success rates --------------------------------------------------------------------------------


def success_check(view: RolloutView) -> CheckResult | None:
    """Return the check of success rates."""
    return next((check for check in view.checks if check.name == 'success'), None)


def success_forms(view: RolloutView, width: int) -> list[RenderableType]:
    """Return the success rates of candidate and control with their intervals."""
    check = success_check(view)
    if check is None or not (check.n or check.n_control):
        return [Text('The candidate has not finished a task yet.', 'dim')]
    previous = '/'.join(view.previous_versions)
    rows = [
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
    ]
    ends = [end for row in rows for end in row[5:] if not math.isnan(end)]
    low = min([0.7, *ends])
    cells = [
        (
            role,
            version,
            f'{n:,}',
            '' if math.isnan(rate) else f'{rate:.1%}',
            '' if math.isnan(a) else f'{a:.1%} – {b:.1%}',
        )
        for role, version, _, n, rate, a, b in rows
    ]
    heads = ('', 'version', 'tasks', 'success', '95% interval')
    needed = sum(max(map(len, column)) + 2 for column in zip(heads, *cells))
    drawn = min(_WIDEST, width - needed)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style='dim', pad_edge=False)
    for head in heads:
        table.add_column(
            head, justify='right' if head in ('tasks', 'success') else 'left', no_wrap=True
        )
    if drawn >= _NARROWEST:
        table.add_column(f'{low:<{drawn - 4}.0%}100%', no_wrap=True)
    for (role, version, style, _, rate, a, b), texts in zip(rows, cells):
        bar = Text(_interval_bar(low, rate, a, b, drawn), style)
        drawing = [bar] if drawn >= _NARROWEST else []
        table.add_row(Text(role), Text(version, style), *map(Text, texts[2:]), *drawing)
    return [table, _success_line(rows)]


def _success_line(rows: Sequence[tuple[str, str, str, int, float, float, float]]) -> Text:
    text = Text()
    for _, version, style, n, rate, low, high in rows:
        interval = '' if math.isnan(low) else f' [{low:.0%}, {high:.0%}]'
        figure = '–' if math.isnan(rate) else f'{rate:.1%}{interval}'
        text.append(f'{version} ', style).append(f'{figure} of {n:,}   ')
    text.rstrip()
    return text


def _interval_bar(scale_low: float, rate: float, low: float, high: float, width: int) -> str:
    if math.isnan(rate) or math.isnan(low) or width < _NARROWEST:
        return ''

    def place(value: float) -> int:
        return round((value - scale_low) / (1 - scale_low) * (width - 1))

    left, middle, right = place(low), place(rate), place(high)
    cells = [' '] * width
    cells[left : right + 1] = '─' * (right + 1 - left)
    cells[left], cells[right] = '├', '┤'
    cells[middle] = '●'
    return ''.join(cells)


# -- checks ---------------------------------------------------------------------------------------


def check_forms(view: RolloutView, width: int) -> list[RenderableType]:
    """Return the checks: with sentences, one a line, two a line, or names with marks."""
    if not view.checks:
        return [Text('')]
    checks = sorted(view.checks, key=lambda check: _ROLES.index(check.role))
    return [
        _check_table(checks, [check.sentence for check in checks]),
        _check_table(checks, _texts_of_one_line(checks, width)),
        _check_columns(checks, width),
        Text('   ').join(_marked(check) for check in checks),
    ]


def _check_table(checks: Sequence[CheckResult], texts: Sequence[str]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in ('role', 'name', 'verdict'):
        table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for check, text in zip(checks, texts):
        word, style, _ = VERDICTS[check.verdict]
        table.add_row(check.role, check.name, Text(word, style), Text(text, 'dim'))
    return table


def _texts_of_one_line(checks: Sequence[CheckResult], width: int) -> list[str]:
    names = max(len(check.name) for check in checks)
    words = max(len(VERDICTS[check.verdict][0]) for check in checks)
    roles = max(len(check.role) for check in checks)
    left = width - roles - names - words - 6
    return [c.sentence if len(c.sentence) <= left else _gauge(c) for c in checks]


def _gauge(check: CheckResult) -> str:
    """Return how near a check is to its limit, in a few words."""
    if not math.isnan(check.evidence_limit):
        return f'evidence {_figure(check.evidence)} of {_figure(check.evidence_limit)}'
    if not math.isnan(check.p_value):
        return f'p = {check.p_value:.2g}, alpha {check.alpha:.2g}'
    if not math.isnan(check.threshold) and not math.isnan(check.estimate):
        return f'{_figure(check.estimate)}, limit {_figure(check.threshold)}'
    return ''


def _figure(value: float) -> str:
    return f'{value:,.0f}' if 100 <= value < 1e6 else f'{value:.3g}'


def _check_columns(checks: Sequence[CheckResult], width: int) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    each = width // 2 - 1
    table.add_column(width=each, no_wrap=True)
    table.add_column(width=each, no_wrap=True)
    half = (len(checks) + 1) // 2
    cells = [_marked(check, each) for check in checks]
    for left, right in zip_longest(cells[:half], cells[half:], fillvalue=Text('')):
        table.add_row(left, right)
    return table


def _marked(check: CheckResult, width: int = 0) -> Text:
    _, style, mark = VERDICTS[check.verdict]
    text = Text.assemble((f'{mark} ', style), check.name)
    gauge = _gauge(check)
    if gauge and text.cell_len + 2 + len(gauge) <= width:
        text.append(f'  {gauge}', 'dim')
    return text
