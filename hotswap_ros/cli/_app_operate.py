# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The verbs for rollouts under way and for those that have ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from hotswap_ros.cli._terminal import console, need_ros

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


def register(app: typer.Typer, rollouts: typer.Typer) -> None:
    """Add the verbs to the command line and to its group `rollout`."""
    for verb, constant, what in _VERBS:
        rollouts.command(verb, help=what)(_verb(constant))
    rollouts.command('set-share')(set_share)
    app.command()(rollback)
    app.command()(history)
    app.command()(report)


def _verb(constant: str) -> Callable[[str, str], None]:
    def do(rollout: Rollout = '', remark: Remark = '') -> None:
        need_ros()
        from hotswap_ros.cli._operate import run_control

        raise typer.Exit(run_control(console(), constant, rollout, remark))

    return do


def set_share(
    share: Annotated[float, typer.Argument(help="The candidate's share.", min=0, max=1)],
    rollout: Rollout = '',
    remark: Remark = '',
) -> None:
    """Set the candidate's share of tasks by hand."""
    need_ros()
    from hotswap_ros.cli._operate import run_control

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
    from hotswap_ros.cli._operate import run_rollback

    raise typer.Exit(run_rollback(console(), model, version, robot or ()))


def history(
    limit: Annotated[int, typer.Option(help='At most so many; 0: all.', min=0)] = 20,
    metrics: Annotated[
        bool, typer.Option('--metrics', help='Figures per strategy, over all rollouts.')
    ] = False,
) -> None:
    """List the rollouts, newest first, or how the strategies have done."""
    need_ros()
    from hotswap_ros.cli._operate import run_history

    raise typer.Exit(run_history(console(), limit, metrics))


def report(
    rollout: Annotated[str, typer.Argument(help='Rollout; without it the newest.')] = '',
    json: Annotated[
        bool, typer.Option('--json', help='Print everything that there is, as JSON.')
    ] = False,
) -> None:
    """Tell how a rollout went, long after its end too."""
    need_ros()
    from hotswap_ros.cli._operate import run_report

    raise typer.Exit(run_report(console(), rollout, json))
