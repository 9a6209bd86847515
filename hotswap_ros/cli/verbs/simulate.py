# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap simulate`: a plan in many simulated rollouts."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from hotswap_ros.cli.views.document import Document, Grid, Part, Remarks, Section, deliver, refuse
from hotswap_ros.cli.views.odds import odds_grid
from hotswap_ros.coordinator import Outlook, assumed_preview, outlook_of
from hotswap_ros.plan import Plan, PlanError, Stage, load_plan, read_plan_file
from hotswap_ros.sim import Characteristics, Share, World, characterize
from hotswap_ros.text import percent

_MOST_RATES = 200
_DRAWN = ('.png', '.svg', '.pdf')


def run_simulate(
    console: Console,
    path: Path,
    world: World,
    sweep: str,
    repetitions: int,
    seed: int,
    jobs: int,
    plot: Path | None,
    json_path: Path | None,
) -> int:
    """Simulate a plan; return the exit code."""
    try:
        plan = load_plan(read_plan_file(path))
        rates = parse_sweep(sweep) if sweep else [world.candidate]
        if plot is not None and plot.suffix.lower() not in _DRAWN:
            raise ValueError(f"--plot '{plot}' must end in {', '.join(_DRAWN)}")
    except OSError as error:
        return refuse(console, f'{path} cannot be read as text: {error}')
    except (PlanError, ValueError) as error:
        return refuse(console, error)
    jobs = jobs or os.cpu_count() or 1
    worlds = [replace(world, candidate=rate) for rate in rates]
    found = _characterize(console, plan, worlds, repetitions, seed, jobs)
    outlook = outlook_in(plan, world)
    document = to_document(plan, found, path.name, seed, outlook)
    status = deliver(
        console, document, lambda: [to_json(one, outlook) for one in found], None, json_path
    )
    if status or plot is None:
        return status
    try:
        _draw(plot, found, plan.version)
    except OSError as error:
        return refuse(console, f'the plot cannot be written: {error}')
    console.print(f'\nPlot: {plot}', highlight=False, soft_wrap=True)
    return 0


def parse_sweep(text: str) -> list[float]:
    """Read '0.80:0.96:0.02' (both ends included) or '0.7,0.8'. Raises ValueError."""
    try:
        if ':' in text:
            low, high, step = map(float, text.split(':'))
            steps = math.floor((high - low) / step + 1e-9)
            rates = [low + n * step for n in range(steps + 1)] if steps <= _MOST_RATES else []
        else:
            rates = [float(part) for part in text.split(',')]
    except (ValueError, ArithmeticError):
        rates = []
    if not rates or not all(0 <= rate <= 1 for rate in rates):
        raise ValueError(
            f"--sweep '{text}' has no success rates from 0 to 1: write '0.80:0.96:0.02' (from, "
            f"to, step) or '0.7,0.8,0.9', {_MOST_RATES} rates at most"
        )
    return [round(rate, 9) for rate in rates]


def _characterize(
    console: Console, plan: Plan, worlds: Sequence[World], repetitions: int, seed: int, jobs: int
) -> list[Characteristics]:
    columns = ('{task.description}', BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        found = []
        for world in worlds:
            name = f'{plan.version} at {world.candidate:.1%}'
            bar = progress.add_task(name, total=repetitions)

            def advance(bar: Any = bar) -> None:
                progress.advance(bar)

            found.append(characterize(plan, world, repetitions, seed, jobs, advance))
    return found


def _draw(path: Path, found: Sequence[Characteristics], version: str) -> None:
    from hotswap_ros.cli.views.plots import rollbacks

    # Without its date, the same figures make the same file.
    metadata: dict[str, Any] = {'Date': None} if path.suffix.lower() == '.svg' else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    rollbacks(found, version).savefig(path, dpi=160, metadata=metadata)


def to_json(found: Characteristics, outlook: Outlook) -> dict[str, Any]:
    """Return the figures as a JSON value."""
    return {
        'world': asdict(found.world),
        'repetitions': found.rolled_back.repetitions,
        **{
            name: {'rate': share.rate, 'low': share.interval.low, 'high': share.interval.high}
            for name, share in (
                ('rolled_back', found.rolled_back),
                ('promoted', found.promoted),
                ('paused', found.paused),
            )
        },
        'rollbacks_by_stage': list(found.by_stage),
        'tasks_to_rollback': {
            'median': _finite(found.tasks_within(0.5)),
            '90%': _finite(found.tasks_within(0.9)),
        },
        'tasks_lost': found.lost,
        'tasks_lost_standard_error': _finite(found.lost_error),
        'tasks_lost_per_rollback': _finite(found.lost_per_rollback),
        'tasks_lost_per_1000_after_promotion': found.lost_per_thousand,
        'rollout_s_median': found.seconds,
        'outlook': [asdict(odds) for odds in outlook.odds],
        'times_out': list(outlook.times_out),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def to_document(
    plan: Plan, found: Sequence[Characteristics], source: str, seed: int, outlook: Outlook
) -> Document:
    """Return the report for people."""
    world = found[0].world
    notes = [
        (
            f'{world.robots} robots with tasks of {world.task_s:g} s, intra-class correlation '
            f'{world.correlation:g}; {found[0].rolled_back.repetitions:,} repetitions per rate, '
            f'seed {seed}. Intervals are those of this number of repetitions.'
        ),
        (
            'Only success differs: every request is fast and valid, no task is stuck. The other '
            'checks of the plan still use their part of alpha.'
        ),
    ]
    parts: list[Part] = [_grid(found, plan)]
    if len(found) == 1:
        parts.append(_stages(plan, found[0]))
    worst = max(found, key=lambda one: one.world.stable - one.world.candidate)
    return Document(
        title=f'{plan.strategy.value} of {plan.version}, simulated',
        subtitle=source,
        verdict=headline(worst),
        sentence=sentence(plan, worst),
        tone=_tone(worst),
        sections=[
            Section('Results', parts),
            Section('Outlook of the plan', _outlook_parts(outlook)),
            Section('Method', [Remarks(notes)]),
        ],
    )


def outlook_in(plan: Plan, world: World) -> Outlook:
    """Return what the plan makes of versions in a world."""
    preview = assumed_preview(
        plan, world.robots, 1 / world.task_s, world.stable, world.correlation
    )
    return outlook_of(preview, world.stable)


def _outlook_parts(outlook: Outlook) -> list[Part]:
    parts: list[Part] = [odds_grid(outlook.odds)] if outlook.odds else []
    return [*parts, Remarks(list(outlook.sentences))]


def headline(found: Characteristics) -> str:
    """Return what happens to most rollouts; a pause is named if it happens to a tenth."""
    ends = {
        'Rolled back': found.rolled_back.rate,
        'Promoted': found.promoted.rate,
        'Paused': found.paused.rate,
    }
    first = max(ends, key=lambda end: ends[end])
    text = f'{first} in {percent(ends[first])} of rollouts'
    if first != 'Paused' and found.paused.rate >= 0.1:
        text += f', paused in {percent(found.paused.rate)}'
    return text


def _tone(found: Characteristics) -> str:
    if found.paused.rate >= 0.5:
        return 'bad'
    worse = found.world.candidate < found.world.stable
    right = found.rolled_back.rate if worse else 1 - found.rolled_back.rate
    return 'good' if right >= 0.95 else 'open' if right >= 0.5 else 'bad'


def sentence(plan: Plan, found: Characteristics) -> str:
    """Return the summary of the results in one or two sentences."""
    world, low_high = found.world, found.rolled_back.interval
    text = (
        f'With {plan.version} at {world.candidate:.1%} and the previous version at '
        f'{world.stable:.1%}, this plan rolls back in {percent(found.rolled_back.rate)} of '
        f'rollouts (95% interval {percent(low_high.low)} to {percent(low_high.high)})'
    )
    if found.tasks:
        text += (
            f', after a median of {found.tasks_within(0.5):,.0f} tasks of {plan.version}, and '
            f'within {found.tasks_within(0.9):,.0f} tasks in 90% of rollbacks'
        )
    if found.paused.count:
        text += f'. It pauses for a person in {percent(found.paused.rate)}'
    change = 'loses' if found.lost >= 0 else 'wins'
    text += (
        f'. A rollout {change} {abs(found.lost):,.1f} tasks on average, compared with no rollout'
    )
    if found.promoted.count and world.candidate < world.stable:
        text += (
            f'; if {plan.version} is promoted ({percent(found.promoted.rate)} of rollouts), it '
            f'loses {found.lost_per_thousand:.0f} of every 1,000 tasks afterwards'
        )
    return text + '.'


def _grid(found: Sequence[Characteristics], plan: Plan) -> Grid:
    headers = [
        plan.version,
        'rolled back',
        'promoted',
        'paused',
        'tasks to rollback',
        '90% within',
        'tasks lost',
        'rollout time',
    ]
    rows = [
        [
            f'{one.world.candidate:.1%}',
            _share(one.rolled_back),
            percent(one.promoted.rate),
            percent(one.paused.rate),
            _number(one.tasks_within(0.5)),
            _number(one.tasks_within(0.9)),
            f'{one.lost:,.1f} ± {2 * one.lost_error:,.1f}',
            f'{one.seconds / 60:,.0f} min',
        ]
        for one in found
    ]
    return Grid(headers, rows)


def _stages(plan: Plan, found: Characteristics) -> Grid:
    n = found.rolled_back.repetitions
    rows = [
        [_stage_words(stage), f'{count:,}', percent(count / n)]
        for stage, count in zip(plan.effective_stages, found.by_stage)
    ]
    return Grid(['rolled back in stage', 'rollouts', 'share'], rows)


def _stage_words(stage: Stage) -> str:
    return stage.label if stage.share is not None else f'{stage.label} of robots'


def _share(share: Share) -> str:
    low, high = share.interval
    return f'{percent(share.rate)} ({percent(low)} to {percent(high)})'


def _number(value: float) -> str:
    return '–' if math.isnan(value) else f'{value:,.0f}'
