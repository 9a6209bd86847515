# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap journal …`: needs no ROS, and no coordinator that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hotswap_ros.cli.terminal import console
from hotswap_ros.limits import MOST_BACKUPS

Journal = Annotated[
    Path | None,
    typer.Option(
        help='Journal file of the coordinator (default: hotswap_ros/journal.sqlite3 in the ROS '
        'home folder).'
    ),
]

journals = typer.Typer(
    help="Back up the coordinator's journal, or delete old rollouts.", no_args_is_help=True
)


@journals.command()
def backup(
    file: Annotated[Path, typer.Argument(help='File to write.')],
    journal: Journal = None,
    keep: Annotated[
        int,
        typer.Option(
            help='Backups that stay, the newest: FILE, FILE.1, … With 1, FILE is replaced.',
            min=1,
            max=MOST_BACKUPS,
        ),
    ] = 1,
) -> None:
    """Write a verified copy of the journal, also while a coordinator runs."""
    from hotswap_ros.cli.verbs.journal import run_backup

    raise typer.Exit(run_backup(console(), file, journal, keep))


@journals.command()
def prune(
    older_than: Annotated[
        str, typer.Option(help='Delete rollouts that ended longer ago than this: P90D.')
    ] = '',
    keep_rollouts: Annotated[
        int, typer.Option(help='Keep this many rollouts and rollbacks, the newest.', min=0)
    ] = 0,
    max_size: Annotated[
        int, typer.Option(help='Delete the oldest until the rest takes this many MB.', min=0)
    ] = 0,
    dry_run: Annotated[
        bool, typer.Option('--dry-run', help='Say what would be deleted; delete nothing.')
    ] = False,
    journal: Journal = None,
) -> None:
    """Delete old rollouts with their events; what is still needed stays."""
    from hotswap_ros.cli.verbs.journal import run_prune

    raise typer.Exit(
        run_prune(console(), older_than, keep_rollouts, max_size, journal, is_dry=dry_run)
    )
