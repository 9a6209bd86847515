# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Many rollouts over one fleet: who has which robot, rollbacks, and what is written down.

`Coordinator.tick` is the loop body. Only the journal, the archive and the facts of versions touch
files; time, reports and orders are arguments.
"""

from typing import TYPE_CHECKING

from hotswap_ros.lazy import lazy_names

if TYPE_CHECKING:
    from hotswap_ros.coordinator.archive import Archive, ArchiveError
    from hotswap_ros.coordinator.coordinator import Coordinator, Output
    from hotswap_ros.coordinator.history import StrategyMetrics, strategy_metrics
    from hotswap_ros.coordinator.journal import Journal
    from hotswap_ros.coordinator.journal_backup import BackupError, back_up
    from hotswap_ros.coordinator.journal_errors import (
        JournalDamagedError,
        JournalError,
        JournalHeldError,
    )
    from hotswap_ros.coordinator.journal_evidence import read_journal
    from hotswap_ros.coordinator.journal_file import IN_MEMORY, journal_path, refuse_foreign
    from hotswap_ros.coordinator.journal_retention import Pruned, Retention, oldest, prune
    from hotswap_ros.coordinator.preview.forecast import Forecast, forecast
    from hotswap_ros.coordinator.preview.odds import (
        Outlook,
        assumed_preview,
        difference_words,
        outlook_of,
    )
    from hotswap_ros.coordinator.preview.preview import Preview
    from hotswap_ros.coordinator.preview.robot_limits import needed_inputs, robot_limits
    from hotswap_ros.coordinator.preview.version_facts import read_versions, refuse_missing
    from hotswap_ros.coordinator.report import Snapshot, planned_steps
    from hotswap_ros.coordinator.rollback.rollback import Rollback
    from hotswap_ros.coordinator.rollback.state import ROLLBACK
    from hotswap_ros.coordinator.views import RolloutSummary, RolloutView, StepState, StepView

__all__ = [
    'IN_MEMORY',
    'ROLLBACK',
    'Archive',
    'ArchiveError',
    'BackupError',
    'Coordinator',
    'Forecast',
    'Journal',
    'JournalDamagedError',
    'JournalError',
    'JournalHeldError',
    'Outlook',
    'Output',
    'Preview',
    'Pruned',
    'Retention',
    'Rollback',
    'RolloutSummary',
    'RolloutView',
    'Snapshot',
    'StepState',
    'StepView',
    'StrategyMetrics',
    'assumed_preview',
    'back_up',
    'difference_words',
    'forecast',
    'journal_path',
    'oldest',
    'outlook_of',
    'planned_steps',
    'prune',
    'read_journal',
    'read_versions',
    'refuse_foreign',
    'refuse_missing',
    'needed_inputs',
    'robot_limits',
    'strategy_metrics',
]

__getattr__ = lazy_names(__name__)
