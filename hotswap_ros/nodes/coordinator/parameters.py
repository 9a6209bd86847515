# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Parameters of fleet_coordinator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hotswap_ros.coordinator import IN_MEMORY, Archive
from hotswap_ros.limits import MOST_BACKUPS
from hotswap_ros.nodes.parameters import parameter


@dataclass(frozen=True)
class CoordinatorParameters:
    """Values of the parameters."""

    fleet_namespace: str = parameter('/fleet', 'Namespace of the topics that the fleet shares.')
    journal: str = parameter(
        '',
        'Journal file, which keeps rollouts over restarts; empty: hotswap_ros/journal.sqlite3 in '
        'the ROS home folder; "none": no file, for trials only.',
    )
    journal_keep_days: float = parameter(
        0.0,
        'Days after which rollouts that ended leave the journal; 0: never. What is still needed '
        'stays.',
        low=0.0,
        high=36500.0,
    )
    journal_max_mb: int = parameter(
        0,
        'Megabytes in use in the journal from which on the oldest rollouts leave it; 0: no limit.',
        low=0,
        high=1_000_000,
    )
    journal_backup: str = parameter(
        '',
        'File for backups of the journal, best on another disk; empty: none. Earlier ones have '
        'the endings .1, .2 and so on.',
    )
    journal_backup_hours: float = parameter(
        24.0, 'Hours between two backups of the journal.', low=0.1, high=8760.0
    )
    journal_backups: int = parameter(
        7, 'Backups of the journal that stay, the newest.', low=1, high=MOST_BACKUPS
    )
    archive_folder: str = parameter(
        '',
        'Folder for report, events and metrics of every ended rollout; empty: folder archive '
        'beside the journal; "none": no archive.',
    )
    plans_folder: str = parameter(
        '', 'Folder of plan files that goals may name; empty: the examples of the package.'
    )
    model_repository: str = parameter(
        '',
        'Model repository (folder or http(s) address) from which checklists read manifests; '
        'empty: none.',
    )
    tick_period_s: float = parameter(
        0.05, 'Longest time in seconds between two ticks.', low=0.01, high=1.0
    )
    heartbeat_period_s: float = parameter(
        1.0,
        'Seconds between two heartbeats; a lease lasts 3 s or more.',
        low=0.1,
        high=1.0,
    )
    unreachable_after_s: float = parameter(
        5.0, 'Seconds without a status until a robot is unreachable.', low=0.5, high=3600.0
    )
    max_robots: int = parameter(
        2_000,
        'Model servers of which statuses are taken; further ones are ignored, and told of.',
        low=1,
        high=20_000,
    )
    verify_rollback_s: float = parameter(
        60.0,
        'Seconds of verification after a rollback, in which success is watched; 0: no '
        'verification.',
        low=0.0,
        high=86400.0,
    )
    command_timeout_s: float = parameter(
        5.0, 'Seconds until an unanswered command is repeated.', low=0.1, high=60.0
    )
    load_timeout_s: float = parameter(
        60.0, 'Seconds until an unanswered load_model command is repeated.', low=0.1, high=3600.0
    )


def archive_of(given: str, journal: str) -> Archive | None:
    """Return the archive of parameter `archive_folder`, by default beside the journal."""
    if given == 'none' or (journal == IN_MEMORY and not given):
        return None
    return Archive(given or Path(journal).parent / 'archive')
