# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap rollout …`, and the verbs for rollbacks and for the history."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from hotswap_ros.cli.terminal import console, need_ros

Rollout = Annotated[str, typer.Argument(help='Rollout (default: the one that is running).')]
Remark = Annotated[str, typer.Option('--remark', '-m', help='Reason, for the record.')]

#: Verb, name of its constant in ControlRollout, and help text.
_VERBS = (
    ('pause', 'PAUSE', 'Pause a rollout; its gates continue to watch.'),
    ('resume', 'RESUME', 'Resume a paused rollout.'),
    ('approve', 'APPROVE', 'Approve a rollout that waits for approval.'),
    ('refuse', 'REFUSE', 'Refuse a rollout that waits for approval: it rolls back.'),
    ('skip-wait', 'SKIP_WAIT', 'End the wait of the current step, if its gate shows no harm.'),
    ('abort', 'ABORT', 'End a rollout and roll back.'),
    ('rollback', 'ROLLBACK', 'Roll back because the candidate is worse.'),
)


class PlanOrVerb(TyperGroup):
    """A group whose first word may be a plan file: `hotswap rollout plan.yaml` starts it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the verb `start` before a plan file."""
        if args and args[0] not in self.commands and _is_plan(args[0]):
            args = ['start', *args]
        return super().parse_args(ctx, args)


def _is_plan(word: str) -> bool:
    return Path(word).suffix in ('.yaml', '.yml', '.json') or Path(word).is_file()


rollouts = typer.Typer(
    cls=PlanOrVerb,
    help='Start, watch and control rollouts (a plan file alone starts one).',
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line and to its group `rollout`."""
    rollouts.command()(start)
    rollouts.command()(watch)
    for verb, constant, what in _VERBS:
        rollouts.command(verb, help=what)(_verb(constant))
    rollouts.command('set-share')(set_share)
    rollouts.command()(promote)
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
        bool, typer.Option('--dry-run', help='Show a preview of the rollout; start nothing.')
    ] = False,
) -> None:
    """Start a rollout and watch it (Ctrl-C ends only the view)."""
    need_ros()
    if dry_run:
        from hotswap_ros.cli.verbs.checklist import run_dry

        raise typer.Exit(run_dry(console(), plan))
    from hotswap_ros.cli.verbs.rollout import start_and_watch

    raise typer.Exit(start_and_watch(Console(), plan.read_text()))


def watch(
    rollout: Annotated[str, typer.Argument(help='Rollout (default: the newest one).')] = '',
) -> None:
    """Watch a running rollout, or show the end of the last one."""
    need_ros()
    from hotswap_ros.cli.verbs.rollout import watch_rollout

    raise typer.Exit(watch_rollout(Console(), rollout))


def set_share(
    share: Annotated[
        float, typer.Argument(help="The candidate's share of tasks, 0 to 1.", min=0, max=1)
    ],
    rollout: Rollout = '',
    remark: Remark = '',
) -> None:
    """Set the candidate's share of tasks by hand."""
    need_ros()
    from hotswap_ros.cli.verbs.rollout import run_control

    raise typer.Exit(run_control(console(), 'SET_SHARE', rollout, remark, share))


def promote(
    by: Annotated[str, typer.Option('--by', help='Who promotes it.')],
    remark: Annotated[str, typer.Option('--remark', '-m', help='Why, for the record.')],
    rollout: Rollout = '',
) -> None:
    """Promote a version without the proof that its plan asks for, by name."""
    need_ros()
    from hotswap_ros.cli.verbs.rollout import run_control

    raise typer.Exit(run_control(console(), 'PROMOTE', rollout, remark, by=by))


def rollback(
    model: Annotated[str, typer.Argument(help='Model (named policy).')],
    version: Annotated[
        str, typer.Option('--to', help="Version (default: each robot's previous version).")
    ] = '',
    robot: Annotated[
        list[str] | None,
        typer.Option(help='Robot; repeat for several (default: all that serve the model).'),
    ] = None,
) -> None:
    """Roll robots back to a version, also after a rollout has ended."""
    need_ros()
    from hotswap_ros.cli.verbs.rollback import run_rollback

    raise typer.Exit(run_rollback(console(), model, version, robot or ()))


def history(
    limit: Annotated[int, typer.Option(help='Maximum number of rollouts (0: all).', min=0)] = 20,
    metrics: Annotated[
        bool, typer.Option('--metrics', help='Show metrics per strategy, over all rollouts.')
    ] = False,
) -> None:
    """List rollouts and rollbacks, or metrics per strategy."""
    need_ros()
    from hotswap_ros.cli.verbs.history import run_history

    raise typer.Exit(run_history(console(), limit, metrics))


def report(
    rollout: Annotated[
        str, typer.Argument(help='Rollout or rollback (default: the newest one).')
    ] = '',
    json: Annotated[
        bool, typer.Option('--json', help='Print the complete report as JSON.')
    ] = False,
) -> None:
    """Show the report of a rollout or rollback."""
    need_ros()
    from hotswap_ros.cli.verbs.history import run_report

    raise typer.Exit(run_report(console(), rollout, json))
