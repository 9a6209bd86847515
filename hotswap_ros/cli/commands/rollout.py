# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap rollout …`, and the verbs for rollbacks and rollouts that have ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from hotswap_ros.cli.terminal import console, need_ros

Rollout = Annotated[str, typer.Argument(help='Rollout; without it the one that is running.')]
Remark = Annotated[str, typer.Option('--remark', '-m', help='Why, for the record.')]

#: Verb, name of the constant of ControlRollout, and what it does.
_VERBS = (
    ('pause', 'PAUSE', 'Hold a rollout where it is; gates go on watching.'),
    ('resume', 'RESUME', 'Let a paused rollout go on.'),
    ('approve', 'APPROVE', 'Let a rollout that waits for approval go on.'),
    ('refuse', 'REFUSE', 'Say no to a rollout that waits for approval: it is rolled back.'),
    ('skip-wait', 'SKIP_WAIT', 'End the waiting of the current step, if its gate shows no harm.'),
    ('abort', 'ABORT', 'End a rollout and put the previous versions back.'),
    (
        'rollback',
        'ROLLBACK',
        'Put the previous versions back: the candidate is no good.',
    ),
)


class PlanOrVerb(TyperGroup):
    """A group whose first word may be a plan file: `hotswap rollout plan.yaml` starts it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put in the verb that is meant."""
        if args and args[0] not in self.commands and _is_plan(args[0]):
            args = ['start', *args]
        return super().parse_args(ctx, args)


def _is_plan(word: str) -> bool:
    return Path(word).suffix in ('.yaml', '.yml', '.json') or Path(word).is_file()


rollouts = typer.Typer(
    cls=PlanOrVerb,
    help='Start, watch and steer rollouts. A plan file alone starts it.',
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line and to its group `rollout`."""
    rollouts.command()(start)
    rollouts.command()(watch)
    for verb, constant, what in _VERBS:
        rollouts.command(verb, help=what)(_verb(constant))
    rollouts.command('set-share')(set_share)
    app.command()(rollback)
    app.command()(history)
    app.command()(report)


def _verb(constant: str) -> Callable[[str, str], None]:
    def do(rollout: Rollout = '', remark: Remark = '') -> None:
        need_ros()
        from hotswap_ros.cli.verbs.rollout import run_control

        raise typer.Exit(run_control(console(), constant, rollout, remark))

    return do


def start(
    plan: Annotated[Path, typer.Argument(help='Plan file, YAML or JSON.', exists=True)],
    dry_run: Annotated[
        bool, typer.Option('--dry-run', help='Show what it would do, and do nothing.')
    ] = False,
) -> None:
    """Start a rollout and watch it; Ctrl-C stops watching, the rollout goes on."""
    need_ros()
    if dry_run:
        from hotswap_ros.cli.verbs.checklist import run_dry

        raise typer.Exit(run_dry(console(), plan))
    from hotswap_ros.cli.verbs.rollout import start_and_watch

    raise typer.Exit(start_and_watch(Console(), plan.read_text()))


def watch(
    rollout: Annotated[
        str, typer.Argument(help='Rollout; without it the newest that is running, or the last.')
    ] = '',
) -> None:
    """Watch a running rollout, or see how the last one ended."""
    need_ros()
    from hotswap_ros.cli.verbs.rollout import watch_rollout

    raise typer.Exit(watch_rollout(Console(), rollout))


def set_share(
    share: Annotated[float, typer.Argument(help="The candidate's share.", min=0, max=1)],
    rollout: Rollout = '',
    remark: Remark = '',
) -> None:
    """Set the candidate's share of tasks by hand."""
    need_ros()
    from hotswap_ros.cli.verbs.rollout import run_control

    raise typer.Exit(run_control(console(), 'SET_SHARE', rollout, remark, share))


def rollback(
    model: Annotated[str, typer.Argument(help='Model (named policy).')],
    version: Annotated[
        str, typer.Option('--to', help='Version; without it what each robot served before.')
    ] = '',
    robot: Annotated[
        list[str] | None, typer.Option(help='A robot; without any, all that serve the model.')
    ] = None,
) -> None:
    """Put a version back, everywhere or on named robots, whenever its rollout ended."""
    need_ros()
    from hotswap_ros.cli.verbs.rollback import run_rollback

    raise typer.Exit(run_rollback(console(), model, version, robot or ()))


def history(
    limit: Annotated[int, typer.Option(help='At most so many; 0: all.', min=0)] = 20,
    metrics: Annotated[
        bool, typer.Option('--metrics', help='Figures per strategy, over all rollouts.')
    ] = False,
) -> None:
    """List the rollouts, newest first, or how the strategies have done."""
    need_ros()
    from hotswap_ros.cli.verbs.history import run_history

    raise typer.Exit(run_history(console(), limit, metrics))


def report(
    rollout: Annotated[str, typer.Argument(help='Rollout; without it the newest.')] = '',
    json: Annotated[
        bool, typer.Option('--json', help='Print everything that there is, as JSON.')
    ] = False,
) -> None:
    """Tell how a rollout went, long after its end too."""
    need_ros()
    from hotswap_ros.cli.verbs.history import run_report

    raise typer.Exit(run_report(console(), rollout, json))
