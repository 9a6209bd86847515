# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whether what a rollback put back succeeds as it did before."""

from __future__ import annotations

from collections.abc import Mapping

from hotswap_ros.gates import MIN_TASKS, newcombe_interval
from hotswap_ros.models import TaskCounts
from hotswap_ros.rollout._fleet import FleetView
from hotswap_ros.rollout._state import Event, Level

#: So many times the window is waited for tasks.
_PATIENCE = 10


class Aftermath:
    """
    Watches the versions that were put back on robots for a window of time.

    `serves` names the version of each robot. What it did on the robot before, since the robot's
    start, is what it is held against: the 95% interval of the drop (Newcombe) says whether it is
    worse than that.
    """

    def __init__(
        self,
        rollout_id: str,
        model_id: str,
        serves: Mapping[str, str],
        view: FleetView,
        now: float,
        window_s: float,
    ) -> None:
        self.rollout_id = rollout_id
        self.is_done = False
        self._model_id = model_id
        self._serves = dict(serves)
        self._before = {robot_id: self._counts(robot_id, view) for robot_id in serves}
        self._began = now
        self._window_s = window_s

    def tick(self, view: FleetView, now: float) -> Event | None:
        """Return the verdict once the window has passed and tasks are in."""
        seconds = now - self._began
        if self.is_done or seconds < self._window_s:
            return None
        finished, succeeded = self._since(view)
        if finished < MIN_TASKS and seconds < _PATIENCE * self._window_s:
            return None
        self.is_done = True
        return self._verdict(finished, succeeded, seconds, now)

    def _verdict(self, finished: int, succeeded: int, seconds: float, now: float) -> Event:
        versions = '/'.join(sorted(set(self._serves.values())))
        before = [counts for _, counts in self._before.values()]
        finished_before = sum(counts.finished for counts in before)
        succeeded_before = sum(counts.succeeded for counts in before)
        text = f'{seconds:.0f} s after the rollback {versions} succeeded in '
        text += f'{succeeded:,} of {finished:,} tasks'
        level = Level.INFO
        if finished < MIN_TASKS or finished_before < MIN_TASKS:
            level = Level.WARNING
            text += ': too few tasks, now or before, to say whether all is well: look after it'
        else:
            text += f' ({succeeded / finished:.1%}), before in {succeeded_before:,} of '
            text += f'{finished_before:,} ({succeeded_before / finished_before:.1%})'
            drop = newcombe_interval(succeeded_before, finished_before, succeeded, finished)
            if drop.low > 0:
                level = Level.ERROR
                text += ': still worse than before, so the version was not all: look for the cause'
            else:
                text += ': as before'
        return Event(
            time=now,
            kind='verified',
            level=level,
            text=f'{text}.',
            robots=tuple(sorted(self._serves)),
            alert=True,
        )

    def _since(self, view: FleetView) -> tuple[int, int]:
        finished = succeeded = 0
        for robot_id, (boot_id, before) in self._before.items():
            boot, counts = self._counts(robot_id, view)
            begun = before if boot == boot_id else TaskCounts()
            finished += max(0, counts.finished - begun.finished)
            succeeded += max(0, counts.succeeded - begun.succeeded)
        return finished, succeeded

    def _counts(self, robot_id: str, view: FleetView) -> tuple[str, TaskCounts]:
        telemetry = view.telemetry(self._model_id, robot_id)
        if telemetry is None:
            return '', TaskCounts()
        counters = telemetry.versions.get(self._serves[robot_id])
        return telemetry.boot_id, TaskCounts() if counters is None else counters.tasks
