# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whether what a rollback put back succeeds as it did before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel

from hotswap_ros.gates import MIN_TASKS, newcombe_interval
from hotswap_ros.models import TaskCounts
from hotswap_ros.rollout._fleet import FleetView
from hotswap_ros.rollout._state import Event, Level

#: The kind of event that tells the verdict.
VERIFIED = 'verified'
#: So many times the window is waited for tasks.
_PATIENCE = 10


class Before(BaseModel):
    """What a version had done on a robot since the robot's start with `boot_id`."""

    boot_id: str = ''
    finished: int = 0
    succeeded: int = 0


class AftermathState(BaseModel):
    """
    The whole of a watch: times in seconds since 1970, counts of tasks.

    `serves` names the version of each robot. `verdict` is watching, as_before, worse or undecided,
    `sentence` says it for people.
    """

    rollout_id: str
    model_id: str
    serves: dict[str, str]
    before: dict[str, Before]
    began: float
    window_s: float
    verdict: Literal['watching', 'as_before', 'worse', 'undecided'] = 'watching'
    sentence: str = ''
    finished: int = 0
    succeeded: int = 0

    @property
    def is_done(self) -> bool:
        """Return whether there is a verdict."""
        return self.verdict != 'watching'

    def report(self) -> dict[str, Any]:
        """Return what was found, as a JSON value."""
        return {
            'verdict': self.verdict,
            'sentence': self.sentence,
            'robots': sorted(self.serves),
            'finished': self.finished,
            'succeeded': self.succeeded,
            'finished_before': sum(found.finished for found in self.before.values()),
            'succeeded_before': sum(found.succeeded for found in self.before.values()),
        }


class Aftermath:
    """
    Watches the versions that were put back on robots for a window of time.

    What a version did on its robot before, since the robot's start, is what it is held against:
    the 95% interval of the drop (Newcombe) says whether it is worse than that. The state is the
    whole memory; `now` is since when this one listens.
    """

    def __init__(self, state: AftermathState, now: float) -> None:
        self.state = state
        # Nobody listened meanwhile, or the clock was set back: robots have to be heard first.
        self._listens_since = max(state.began, now - state.window_s)
        if now < state.began:
            state.began = self._listens_since = now

    @classmethod
    def begin(
        cls,
        rollout_id: str,
        model_id: str,
        serves: Mapping[str, str],
        view: FleetView,
        now: float,
        window_s: float,
    ) -> Aftermath:
        """Begin to watch; `serves` names the version of each robot."""
        state = AftermathState(
            rollout_id=rollout_id,
            model_id=model_id,
            serves=dict(serves),
            before={r: _counts(model_id, r, version, view) for r, version in serves.items()},
            began=now,
            window_s=window_s,
        )
        return cls(state, now)

    @property
    def is_done(self) -> bool:
        """Return whether there is a verdict."""
        return self.state.is_done

    def tick(self, view: FleetView, now: float) -> Event | None:
        """Return the verdict once the window has passed and tasks are in."""
        state = self.state
        if self.is_done or now - state.began < state.window_s:
            return None
        state.finished, state.succeeded = self._since(view)
        waited_s = now - self._listens_since
        if state.finished < MIN_TASKS and waited_s < _PATIENCE * state.window_s:
            return None
        return self._judge(now)

    def _judge(self, now: float) -> Event:
        state = self.state
        finished, succeeded = state.finished, state.succeeded
        versions = '/'.join(sorted(set(state.serves.values())))
        finished_before = sum(found.finished for found in state.before.values())
        succeeded_before = sum(found.succeeded for found in state.before.values())
        text = f'{now - state.began:.0f} s after the rollback {versions} succeeded in '
        text += f'{succeeded:,} of {finished:,} tasks'
        level = Level.INFO
        if finished < MIN_TASKS or finished_before < MIN_TASKS:
            state.verdict, level = 'undecided', Level.WARNING
            text += ': too few tasks, now or before, to say whether all is well: look after it'
        else:
            text += f' ({succeeded / finished:.1%}), before in {succeeded_before:,} of '
            text += f'{finished_before:,} ({succeeded_before / finished_before:.1%})'
            drop = newcombe_interval(succeeded_before, finished_before, succeeded, finished)
            if drop.low > 0:
                state.verdict, level = 'worse', Level.ERROR
                text += ': still worse than before, so the version was not all: look for the cause'
            else:
                state.verdict = 'as_before'
                text += ': as before'
        state.sentence = f'{text}.'
        return Event(
            time=now,
            kind=VERIFIED,
            level=level,
            text=state.sentence,
            robots=tuple(sorted(state.serves)),
            alert=True,
        )

    def _since(self, view: FleetView) -> tuple[int, int]:
        finished = succeeded = 0
        for robot_id, before in self.state.before.items():
            version = self.state.serves[robot_id]
            now = _counts(self.state.model_id, robot_id, version, view)
            begun = before if now.boot_id == before.boot_id else Before()
            finished += max(0, now.finished - begun.finished)
            succeeded += max(0, now.succeeded - begun.succeeded)
        return finished, succeeded


def _counts(model_id: str, robot_id: str, version: str, view: FleetView) -> Before:
    telemetry = view.telemetry(model_id, robot_id)
    if telemetry is None:
        return Before()
    counters = telemetry.versions.get(version)
    tasks = TaskCounts() if counters is None else counters.tasks
    return Before(boot_id=telemetry.boot_id, finished=tasks.finished, succeeded=tasks.succeeded)
