# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap rollout …`, and the verbs for rollbacks and for the history."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from hotswap_ros.cli.terminal import Json, PlainConsole, console, need_ros

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
_PLAN_ENDINGS = ('.yaml', '.yml', '.json')


class PlanOrVerb(TyperGroup):
    """A group whose first word may be a plan file: `hotswap rollout plan.yaml` starts it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the verb `start` before a plan file. Raises BadParameter for any other word."""
        if args and not args[0].startswith('-') and args[0] not in self.commands:
            if not _is_plan(args[0]):
                raise typer.BadParameter(_neither(args[0], self.commands), ctx=ctx)
            args = ['start', *args]
        return super().parse_args(ctx, args)


def _is_plan(word: str) -> bool:
    return Path(word).suffix in _PLAN_ENDINGS or Path(word).is_file()


def _neither(word: str, verbs: Iterable[str]) -> str:
    """Return that a word is neither a file nor a verb, with similar ones."""
    folder = Path(word).parent
    files = [str(path) for path in folder.glob('*') if path.suffix in _PLAN_ENDINGS]
    similar = difflib.get_close_matches(word, verbs, cutoff=0.7)
    similar += difflib.get_close_matches(word, files, cutoff=0.5)
    ask = f': did you mean {" or ".join(similar)}?' if similar else f' (verbs: {", ".join(verbs)})'
    return f"'{word}' is neither a plan file that exists nor a verb{ask}"


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
    rollouts.command()(exclude)
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
    json: Annotated[
        Path | None,
        typer.Option(
            help='With --dry-run: write it as JSON to this file; -: to the standard output.'
        ),
    ] = None,
) -> None:
    """Start a rollout and watch it (Ctrl-C ends only the view)."""
    need_ros()
    if dry_run:
        from hotswap_ros.cli.verbs.checklist import run_dry

        raise typer.Exit(run_dry(console(json), plan, json))
    if json is not None:
        raise typer.BadParameter("'--json' needs '--dry-run'")
    from hotswap_ros.plan import PlanError, read_plan_file

    try:
        text = read_plan_file(plan)
    except PlanError as error:
        raise SystemExit(f'hotswap: {error}') from error
    from hotswap_ros.cli.verbs.rollout import start_and_watch

    raise typer.Exit(start_and_watch(PlainConsole(), text))


def watch(
    rollout: Annotated[str, typer.Argument(help='Rollout (default: the newest one).')] = '',
) -> None:
    """Watch a running rollout, or show the end of the last one."""
    need_ros()
    from hotswap_ros.cli.verbs.rollout import watch_rollout

    raise typer.Exit(watch_rollout(PlainConsole(), rollout))


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


def exclude(
    robot: Annotated[str, typer.Argument(help='Robot to continue without.')],
    rollout: Rollout = '',
    remark: Remark = '',
) -> None:
    """Continue a rollout without a robot that does not come back, or that fails."""
    need_ros()
    from hotswap_ros.cli.verbs.rollout import run_control

    raise typer.Exit(run_control(console(), 'EXCLUDE', rollout, remark, robot_id=robot))


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
    json: Json = None,
) -> None:
    """List rollouts and rollbacks, or metrics per strategy."""
    need_ros()
    from hotswap_ros.cli.verbs.history import run_history

    raise typer.Exit(run_history(console(json), limit, metrics, json))


def report(
    rollout: Annotated[
        str, typer.Argument(help='Rollout or rollback (default: the newest one).')
    ] = '',
    json: Json = None,
) -> None:
    """Show the report of a rollout or rollback."""
    need_ros()
    from hotswap_ros.cli.verbs.history import run_report

    raise typer.Exit(run_report(console(json), rollout, json))
