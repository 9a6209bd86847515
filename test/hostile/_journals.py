# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A journal with rollouts in it, and all that is read from one."""

from __future__ import annotations

from pathlib import Path

from hotswap_ros.coordinator import Coordinator, Journal
from hotswap_ros.coordinator.journal_sums import SUMMED
from hotswap_ros.testing import FakeFleet


def make_journal(path: Path) -> bytes:
    """Return a journal with a rollout that ended and one under way."""
    fleet = FakeFleet(path, {'v23': 0.9, 'v24': 0.95, 'v25': 0.95}, robots=6)
    plan = 'strategy: Direct\nmodelId: pick_policy\nversion: {}\n'
    fleet.finish(fleet.start(plan.format('v24')))
    fleet.start(plan.format('v25'))
    fleet.run(1)
    fleet.kill_coordinator()
    Journal(path).close()
    return path.read_bytes()


def open_all(path: Path) -> list[object]:
    """Open a journal as a coordinator does, and return what it holds."""
    opened = Journal(path)
    try:
        rows = [opened.execute(f'SELECT rowid, * FROM {table}') for table in SUMMED]
        coordinator = Coordinator(opened, lambda: 'another', 1.9e9)
        for summary in coordinator.history():
            coordinator.report(summary.rollout_id)
        opened.untold()
    finally:
        opened.close()
    return rows
