# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The record of one robot in a rollout."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from pydantic import BaseModel

from hotswap_ros.fleet.reports import Telemetry


class Mark(BaseModel):
    """Tasks that a version had finished on a robot since the robot's start with `boot_id`."""

    boot_id: str = ''
    finished: int = 0

    @classmethod
    def of(cls, version: str, telemetry: Telemetry | None) -> Mark:
        """Return what a version has done by the counters of a robot; None: not heard yet."""
        if telemetry is None:
            return cls()
        counters = telemetry.versions.get(version)
        finished = 0 if counters is None else counters.tasks.finished
        return cls(boot_id=telemetry.boot_id, finished=finished)

    def tasks_since(self, version: str, telemetry: Telemetry | None) -> int:
        """Return what a version has finished since; after a reboot, since the reboot."""
        now = Mark.of(version, telemetry)
        return max(0, now.finished - (self.finished if now.boot_id == self.boot_id else 0))


class Exclusion(str, enum.Enum):
    """Why a robot no longer takes part in a rollout."""

    NONE = ''
    UNREACHABLE = 'unreachable'
    FAILED = 'failed'
    BY_HAND = 'by_hand'


@dataclass(frozen=True)
class RobotProgress:
    """
    The place of one robot in a rollout: what the steps have asked of it so far.

    It served the version `previous` before; empty: none. `staged`: it holds the candidate as well.
    `share` is the candidate's share of its tasks, 1 after the promotion; None: the gate does not
    watch it. `shadows`: the candidate runs as a shadow. `retired`: the previous version is
    released. `mark` is what the candidate had done on it before; None: it never served the
    candidate. `failed`: it could not load, obey or confirm. `unconfirmed`: it did not confirm the
    rollback. `excluded`: no step waits for it any more. `why` it was excluded, or last refused to
    load.
    """

    previous: str
    staged: bool = False
    share: float | None = None
    shadows: bool = False
    promoted: bool = False
    retired: bool = False
    mark: Mark | None = None
    failed: bool = False
    unconfirmed: bool = False
    excluded: Exclusion = Exclusion.NONE
    why: str = ''

    @property
    def runs_candidate(self) -> bool:
        """Return whether the candidate decides, or runs as a shadow."""
        return self.share is not None or self.shadows
