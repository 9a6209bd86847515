# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""State of an ordered rollback, as one value that the journal can keep."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from hotswap_ros.coordinator import sentences
from hotswap_ros.coordinator.rollback.impact import Impact, Replaced
from hotswap_ros.fleet.desired import Desired
from hotswap_ros.rollout.status import Cause, Status
from hotswap_ros.text import none_confirmed, unconfirmed

#: The strategy of ordered rollbacks in the history.
ROLLBACK = 'Rollback'


class RollbackState(BaseModel):
    """
    The whole of an ordered rollback.

    Times are seconds since 1970, `command_s` and `confirm_s` seconds since the order. `targets` is
    what robots should serve, `before` what each served. A robot that cannot load its target
    returns to that; `refused` says why. `unconfirmed` robots have not confirmed, of which the
    `timed_out` were reachable. `taken_over` robots belong to the newer rollback that is named.
    `replaced` are the versions that robots stop serving, and `impact` is how many tasks these had
    finished. `rolls_back` is the rollout that it reverses, empty for none. `nonce` marks copies of
    the order.
    """

    rollback_id: str
    model_id: str
    targets: dict[str, Desired]
    before: dict[str, Desired]
    ordered: float
    rolls_back: str = ''
    command_s: float | None = None
    confirm_s: float | None = None
    refused: dict[str, tuple[Cause, str]] = Field(default_factory=dict)
    unconfirmed: tuple[str, ...] = ()
    timed_out: tuple[str, ...] = ()
    taken_over: dict[str, str] = Field(default_factory=dict)
    robots_confirmed: int = 0
    replaced: Replaced = Field(default_factory=dict)
    impact: Impact = Field(default_factory=Impact)
    saved_at: float = 0.0
    nonce: str = ''

    @property
    def versions(self) -> str:
        """Return the versions that robots should serve, for people."""
        return '/'.join(sorted({target.routing.stable for target in self.targets.values()}))

    @property
    def status(self) -> Status:
        """
        Return its status.

        Unreachable robots do not make it fail, unless no robot confirmed.
        """
        if self.confirm_s is None:
            return Status.ROLLING_BACK
        if self.targets.keys() == self.taken_over.keys():
            return Status.SUPERSEDED
        has_failed = self.failed or not self.robots_confirmed
        return Status.FAILED if has_failed else Status.ROLLED_BACK

    @property
    def failed(self) -> list[str]:
        """Return the reachable robots that could not load, obey or confirm."""
        return sorted({*self.refused, *self.timed_out})

    @property
    def ended(self) -> float | None:
        """Return when it ended."""
        return None if self.confirm_s is None else self.ordered + self.confirm_s

    @property
    def reason(self) -> str:
        """Return the sentence on its progress or its end."""
        if self.confirm_s is None:
            return sentences.ordered(self.targets, self.versions)
        if self.status is Status.SUPERSEDED:
            return sentences.all_taken_over(self.taken_over)
        kept = self.targets.keys() - self.taken_over.keys()
        if self.robots_confirmed:
            found = sentences.durations(self.command_s or 0.0, self.confirm_s, str(self.impact))
        else:
            unreachable = set(self.unconfirmed) - set(self.timed_out)
            found = none_confirmed(self.confirm_s, len(unreachable))
        what = sentences.back_on(self.versions, self.robots_confirmed, kept)
        problems = [sentences.refused(r, text) for r, (_, text) in self.refused.items()]
        if self.unconfirmed:
            problems.append(unconfirmed(self.unconfirmed))
        if self.taken_over:
            problems.append(sentences.all_taken_over(self.taken_over))
        return '; '.join([f'{what}: {found}', *problems])

    def report(self) -> dict[str, Any]:
        """Return its evidence as a JSON value, without events, with the keys of a rollout's."""
        return {
            'rollout_id': self.rollback_id,
            'strategy': ROLLBACK,
            'model_id': self.model_id,
            'version': self.versions,
            'rolls_back': self.rolls_back,
            'status': self.status.value,
            'reason': self.reason,
            'started': self.ordered,
            'ended': self.ended,
            'previous': {name: was.routing.stable for name, was in self.before.items()},
            'robots_total': len(self.targets),
            'robots_failed': self.failed,
            'tasks': self.impact.tasks,
            'rollback': {
                'robots': sorted(self.targets),
                'confirmed': self.robots_confirmed,
                'unconfirmed': list(self.unconfirmed),
                'refused': {name: text for name, (_, text) in self.refused.items()},
                'taken_over': self.taken_over,
                'tasks': self.impact.tasks,
                'tasks_text': str(self.impact),
                'seconds': self.confirm_s,
                'command_s': self.command_s,
            },
        }
