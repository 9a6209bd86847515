# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whether what a rollback put back succeeds as it did before."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from hotswap_ros.fleet.view import FleetView
from hotswap_ros.gates import MIN_TASKS, Block, stratified_drop, stratified_test
from hotswap_ros.models import TaskCounts
from hotswap_ros.text import change, counted

#: How often a version that is as before may be called worse: there is one look.
_ALPHA = 0.01
#: So many times the window is waited for tasks.
_PATIENCE = 10
#: Counters come once a second.
_LOOK_S = 1.0


class Done(BaseModel):
    """
    What a version had done on a robot since the robot's start with `boot_id`, in tasks.

    `categories` has those finished and those succeeded of each task category.
    """

    boot_id: str = ''
    started: int = 0
    finished: int = 0
    succeeded: int = 0
    categories: dict[str, tuple[int, int]] = Field(default_factory=dict)

    @classmethod
    def of(cls, model_id: str, robot_id: str, version: str, view: FleetView) -> Done | None:
        """Return what a robot last said; None: nothing yet."""
        telemetry = view.telemetry(model_id, robot_id)
        if telemetry is None:
            return None
        counters = telemetry.versions.get(version)
        tasks = TaskCounts() if counters is None else counters.tasks
        categories = {} if counters is None else counters.categories
        return cls(
            boot_id=telemetry.boot_id,
            started=max(tasks.started, tasks.finished),
            finished=tasks.finished,
            succeeded=tasks.succeeded,
            categories={name: (c.finished, c.succeeded) for name, c in categories.items()},
        )

    @property
    def is_clear(self) -> bool:
        """Return whether something was heard, and no task was under way."""
        return bool(self.boot_id) and self.finished >= self.started

    def of_category(self, name: str) -> tuple[int, int]:
        """Return what was finished and succeeded in a category; '': in none."""
        if name:
            return self.categories.get(name, (0, 0))
        finished, succeeded = zip((0, 0), *self.categories.values())
        return self.finished - sum(finished), self.succeeded - sum(succeeded)

    def strata(self, later: Done) -> Iterator[Block]:
        """Yield what had been done as the control, and what was by `later` as the candidate."""
        is_same_boot = later.boot_id == self.boot_id
        for name in ('', *later.categories):
            before, now = self.of_category(name), later.of_category(name)
            begun = before if is_same_boot else (0, 0)
            yield Block(*before, max(0, now[0] - begun[0]), max(0, now[1] - begun[1]))


class VerificationState(BaseModel):
    """
    The whole of a watch: times in seconds since 1970, counts of tasks.

    `serves` names the version of each robot. `verdict` is watching, as_before, worse or undecided,
    `sentence` says it for people. Counted are tasks that can be compared: those of robots and
    categories that did some before and after. `drop` is by how much less succeeds like for like,
    `p_value` how likely it is to look so, or worse, where all is as before.
    """

    rollout_id: str
    model_id: str
    serves: dict[str, str]
    before: dict[str, Done]
    began: float
    window_s: float
    verdict: Literal['watching', 'as_before', 'worse', 'undecided'] = 'watching'
    sentence: str = ''
    finished: int = 0
    succeeded: int = 0
    finished_before: int = 0
    succeeded_before: int = 0
    drop: float | None = None
    p_value: float | None = None

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
            'finished_before': self.finished_before,
            'succeeded_before': self.succeeded_before,
            'drop': self.drop,
            'p_value': self.p_value,
        }


class Verification:
    """
    Watches the versions that were put back on robots for a window of time.

    What a version did on its robot before, since the robot's start, is what it is held against:
    robot by robot and category by category, so that a robot which is away or does more tasks than
    before moves nothing.

    What was under way at the beginning counts as before; of the tasks that begin within the window
    all count, and their ends are waited for. Failures may be slower than successes, or faster:
    those that end in time would be no fair choice. A robot whose last task does not end is left
    out.

    The state is the whole memory; `now` is since when this one listens.
    """

    def __init__(self, state: VerificationState, now: float) -> None:
        self.state = state
        # Nobody listened meanwhile, or the clock was set back: robots have to be heard first.
        self._listens_since = max(state.began, now - state.window_s)
        if now < state.began:
            state.began = self._listens_since = now
        self._looked_at = -math.inf
        self._unclear = {r for r, done in state.before.items() if not done.is_clear}
        #: How many tasks each robot had begun when the window closed, and all that it did of them.
        self._begun: dict[str, int] = {}
        self._after: dict[str, Done] = {}
        #: Whether the last tick changed the state.
        self.has_news = False

    @classmethod
    def begin(
        cls,
        rollout_id: str,
        model_id: str,
        serves: Mapping[str, str],
        view: FleetView,
        now: float,
        window_s: float,
    ) -> Verification:
        """Begin to watch; `serves` names the version of each robot."""
        state = VerificationState(
            rollout_id=rollout_id,
            model_id=model_id,
            serves=dict(serves),
            before={r: Done.of(model_id, r, v, view) or Done() for r, v in serves.items()},
            began=now,
            window_s=window_s,
        )
        return cls(state, now)

    @property
    def is_done(self) -> bool:
        """Return whether there is a verdict."""
        return self.state.is_done

    def tick(self, view: FleetView, now: float) -> None:
        """Come to a verdict once the window has passed and tasks are in."""
        self.has_news = False
        if self.is_done or now - self._looked_at < _LOOK_S:
            return
        self._looked_at = now
        self._clear(view)
        if now - self.state.began >= self.state.window_s and not self._waits(view, now):
            self._judge(now)

    def _clear(self, view: FleetView) -> None:
        """Begin to count a robot when its tasks that were under way at the beginning are over."""
        before = self.state.before
        for robot_id in sorted(self._unclear):
            now, known = self._now(robot_id, view), before[robot_id]
            if now is None:
                continue
            if not known.boot_id:
                before[robot_id] = now
            elif now.boot_id != known.boot_id:
                before[robot_id] = known.model_copy(update={'started': known.finished})
            elif now.finished >= known.started:
                before[robot_id] = now.model_copy(update={'started': now.finished})
            else:
                continue
            self.has_news = True
            if before[robot_id].is_clear:
                self._unclear.discard(robot_id)

    def _waits(self, view: FleetView, now: float) -> bool:
        """Return whether the last tasks, or more of them, are still waited for."""
        state = self.state
        self._settle(view)
        if now - self._listens_since >= _PATIENCE * state.window_s:
            return False
        late = (r for r in state.serves if r not in self._after)
        if any(view.is_reachable(state.model_id, r, now) for r in late):
            return True
        if _size(self._strata()) >= MIN_TASKS:
            return False
        # The window goes on, for all robots alike.
        self._begun, self._after = {}, {}
        return True

    def _settle(self, view: FleetView) -> None:
        """Take what each robot did by the end of the last task that it began in the window."""
        for robot_id in self.state.serves.keys() - self._after.keys() - self._unclear:
            now = self._now(robot_id, view)
            if now is not None and now.finished >= self._begun.setdefault(robot_id, now.started):
                self._after[robot_id] = now

    def _now(self, robot_id: str, view: FleetView) -> Done | None:
        return Done.of(self.state.model_id, robot_id, self.state.serves[robot_id], view)

    def _strata(self) -> list[Block]:
        """Return what can be compared, what was done before as the control."""
        before = self.state.before
        found = (block for r, done in self._after.items() for block in before[r].strata(done))
        return [block for block in found if block.control_tasks and block.candidate_tasks]

    def _judge(self, now: float) -> None:
        state, strata = self.state, self._strata()
        versions = '/'.join(sorted(set(state.serves.values())))
        state.finished = _size(strata)
        state.succeeded = sum(int(block.candidate_successes) for block in strata)
        state.finished_before = sum(int(block.control_tasks) for block in strata)
        state.succeeded_before = sum(int(block.control_successes) for block in strata)
        text = f'{now - state.began:.0f} s after the rollback {versions} succeeded in '
        text += f'{state.succeeded:,} of {state.finished:,} tasks'
        if min(state.finished, state.finished_before) < MIN_TASKS:
            state.verdict = 'undecided'
            text += ' that can be compared with earlier ones: too few tasks to say whether all is '
            text += 'well, look after it'
        else:
            state.drop, state.p_value = stratified_drop(strata), stratified_test(strata)
            text += self._figures()
            if state.p_value < _ALPHA:
                state.verdict = 'worse'
                text += ': still worse than before, so the version was not all: look for the cause'
            else:
                state.verdict = 'as_before'
                text += ': as before'
        left = state.serves.keys() - self._after.keys()
        text += f'; {counted(left)} could not be counted' if left else ''
        state.sentence = f'{text}.'
        self.has_news = True

    def _figures(self) -> str:
        state = self.state
        assert state.drop is not None
        rate, other = state.succeeded / state.finished, state.succeeded_before
        other_rate = other / state.finished_before
        text = (
            f' ({rate:.1%}), before in {other:,} of {state.finished_before:,} ({other_rate:.1%})'
        )
        found = change(state.drop)
        return text if found == change(other_rate - rate) else f'{text}; like for like {found}'


def _size(strata: list[Block]) -> int:
    return sum(int(block.candidate_tasks) for block in strata)
