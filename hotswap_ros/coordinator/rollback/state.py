# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Everything that an ordered rollback is, as one value that the journal can keep."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from hotswap_ros.coordinator.rollback.impact import Away, Impact
from hotswap_ros.fleet.desired import Desired
from hotswap_ros.rollout.state import Cause, Status
from hotswap_ros.text import are_owed, counted, few, none_confirmed

#: What stands for a strategy in the history of ordered rollbacks.
ROLLBACK = 'Rollback'


class RollbackState(BaseModel):
    """
    The whole of an ordered rollback.

    Times are seconds since 1970, `command_s` and `confirm_s` seconds since the order. `targets` is
    what robots should serve, `before` what each had; who cannot load its target returns to that,
    and is named in `refused`. `owed` are those that did not confirm, of which the `silent` were in
    reach. `taken_over` are those that were given up, each to the newer rollback that is named.
    `away` are the versions that are put away, and `extent` is how many tasks they had finished.
    `undoes` is the rollout that it takes back, empty for none.
    """

    rollback_id: str
    model_id: str
    targets: dict[str, Desired]
    before: dict[str, Desired]
    ordered: float
    undoes: str = ''
    command_s: float | None = None
    confirm_s: float | None = None
    refused: dict[str, tuple[Cause, str]] = Field(default_factory=dict)
    owed: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    taken_over: dict[str, str] = Field(default_factory=dict)
    robots_confirmed: int = 0
    away: Away = Field(default_factory=dict)
    extent: Impact = Field(default_factory=Impact)
    saved_at: float = 0.0

    @property
    def versions(self) -> str:
        """Return what is put back, for people."""
        return '/'.join(sorted({target.routing.stable for target in self.targets.values()}))

    @property
    def status(self) -> Status:
        """
        Return where it is.

        Robots that are away keep it from nothing, they are owed it, unless nobody confirmed.
        """
        if self.confirm_s is None:
            return Status.ROLLING_BACK
        if self.targets.keys() == self.taken_over.keys():
            return Status.SUPERSEDED
        has_failed = self.failed or not self.robots_confirmed
        return Status.FAILED if has_failed else Status.ROLLED_BACK

    @property
    def failed(self) -> list[str]:
        """Return the robots that could not load, obey or confirm though they were in reach."""
        return sorted({*self.refused, *self.silent})

    @property
    def ended(self) -> float | None:
        """Return when nothing more was waited for."""
        return None if self.confirm_s is None else self.ordered + self.confirm_s

    @property
    def reason(self) -> str:
        """Return how it stands, for people: robots, tasks, seconds per phase."""
        if self.confirm_s is None:
            return f'rollback of {counted(self.targets)} to {self.versions}'
        if self.status is Status.SUPERSEDED:
            return self._handed_over
        kept = self.targets.keys() - self.taken_over.keys()
        text = f'{self.versions} is back on {self.robots_confirmed} of {counted(kept)}: '
        if self.robots_confirmed:
            text += (
                f'commands left after {self.command_s:.2f} s, the last robot confirmed after '
                f'{self.confirm_s:.2f} s. What they served had finished {self.extent}.'
            )
        else:
            text += none_confirmed(self.confirm_s, len(set(self.owed) - set(self.silent)))
        problems = [f'{robot_id} refused: {text}' for robot_id, (_, text) in self.refused.items()]
        if self.owed:
            problems.append(are_owed(self.owed))
        if self.taken_over:
            problems.append(self._handed_over)
        return '; '.join([text, *problems])

    @property
    def _handed_over(self) -> str:
        robots: dict[str, list[str]] = {}
        for robot_id, rollback_id in self.taken_over.items():
            robots.setdefault(rollback_id, []).append(robot_id)
        texts = [f'rollback {newer} took over {few(taken)}' for newer, taken in robots.items()]
        return '; '.join(texts)

    def report(self) -> dict[str, Any]:
        """Return its evidence as a JSON value, without events, with the keys of a rollout's."""
        return {
            'rollout_id': self.rollback_id,
            'strategy': ROLLBACK,
            'model_id': self.model_id,
            'version': self.versions,
            'undoes': self.undoes,
            'status': self.status.value,
            'reason': self.reason,
            'started': self.ordered,
            'ended': self.ended,
            'previous': {name: was.routing.stable for name, was in self.before.items()},
            'robots_total': len(self.targets),
            'robots_failed': self.failed,
            'tasks': self.extent.tasks,
            'rollback': {
                'robots': sorted(self.targets),
                'confirmed': self.robots_confirmed,
                'owed': list(self.owed),
                'refused': {name: text for name, (_, text) in self.refused.items()},
                'taken_over': self.taken_over,
                'tasks': self.extent.tasks,
                'tasks_text': str(self.extent),
                'seconds': self.confirm_s,
                'command_s': self.command_s,
            },
        }
