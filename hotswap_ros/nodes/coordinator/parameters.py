# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What can be set of a coordinator."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hotswap_ros.coordinator import IN_MEMORY, Archive
from hotswap_ros.nodes.parameters import parameter


@dataclass(frozen=True)
class CoordinatorParameters:
    """Parameters of the coordinator."""

    fleet_namespace: str = parameter('/fleet', 'Namespace of the topics that the fleet shares.')
    journal: str = parameter(
        '',
        'File that keeps rollouts over restarts; empty: hotswap_ros/journal.sqlite3 in the ROS '
        'home folder; "none": kept nowhere, for trials only.',
    )
    archive_folder: str = parameter(
        '',
        'Folder that keeps report, events and metrics of every rollout that has ended; empty: '
        'archive beside the journal; "none": kept in the journal only.',
    )
    plans_folder: str = parameter(
        '', "Folder of plan files that goals may name; empty: the package's examples."
    )
    model_repository: str = parameter(
        '',
        'Folder that holds the versions, or address of a file server that does, for what '
        'checklists ask of their manifests; empty: none.',
    )
    tick_period_s: float = parameter(
        0.05, 'Longest time in seconds between two looks at the fleet.', low=0.01, high=1.0
    )
    heartbeat_period_s: float = parameter(
        1.0,
        'Seconds between two heartbeats; a lease has 3 s at least.',
        low=0.1,
        high=1.0,
    )
    unreachable_after_s: float = parameter(
        5.0, 'Seconds without a status until a robot counts as out of reach.', low=0.5, high=3600.0
    )
    verify_rollback_s: float = parameter(
        60.0,
        'Seconds for which the success of what was put back is watched after a rollback; 0: not '
        'at all.',
        low=0.0,
        high=86400.0,
    )
    command_timeout_s: float = parameter(
        5.0, 'Seconds until an unanswered command is given up and repeated.', low=0.1, high=60.0
    )
    load_timeout_s: float = parameter(
        60.0, 'The same for loading a version.', low=0.1, high=3600.0
    )


def journal_path(given: str) -> str:
    """Return the file that parameter `journal` means."""
    if given == 'none':
        return IN_MEMORY
    if given:
        return given
    home = os.environ.get('ROS_HOME') or str(Path.home() / '.ros')
    return str(Path(home) / 'hotswap_ros' / 'journal.sqlite3')


def archive_of(given: str, journal: str) -> Archive | None:
    """Return the archive that parameter `archive_folder` means, with the journal in a file."""
    if given == 'none' or (journal == IN_MEMORY and not given):
        return None
    return Archive(given or Path(journal).parent / 'archive')
