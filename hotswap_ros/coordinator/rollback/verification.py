# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The verification of a rollback: whether the restored version succeeds as it did before."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sized
from typing import Any, Literal

from pydantic import BaseModel, Field

from hotswap_ros.coordinator import sentences
from hotswap_ros.fleet.reports import Telemetry
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.gates import MIN_TASKS, Block, stratified_drop, stratified_test
from hotswap_ros.models import VersionCounters
from hotswap_ros.models.counter_delta import CounterTracker, Vector, add_counts, rise

#: How often a version that is as before may be called worse; it is tested once.
_ALPHA = 0.01
#: Tasks are waited for at most this many times the window.
_PATIENCE = 10
#: Robots send counters once a second.
_LOOK_S = 1.0
#: All tasks, among the names of categories.
_ALL = ''


class TaskSnapshot(BaseModel):
    """
    The tasks of a version on a robot since the robot's start with `boot_id`.

    `categories` has those finished and those succeeded of each task category.
    """

    boot_id: str = ''
    started: int = 0
    finished: int = 0
    succeeded: int = 0
    categories: dict[str, tuple[int, int]] = Field(default_factory=dict)

    @classmethod
    def of(cls, version: str, telemetry: Telemetry | None) -> TaskSnapshot:
        """Return the tasks by the counters of a robot; None: it was not heard yet."""
        if telemetry is None:
            return cls()
        counters = telemetry.versions.get(version, VersionCounters())
        tasks = counters.tasks
        return cls(
            boot_id=telemetry.boot_id,
            started=max(tasks.started, tasks.finished),
            finished=tasks.finished,
            succeeded=tasks.succeeded,
            categories={n: (c.finished, c.succeeded) for n, c in counters.categories.items()},
        )

    @property
    def is_clear(self) -> bool:
        """Return whether the robot was heard, with no task in flight."""
        return bool(self.boot_id) and self.finished >= self.started

    @property
    def counts(self) -> dict[str, Vector]:
        """Return the counts by category, and those of all tasks with the started ones."""
        return {_ALL: (self.finished, self.succeeded, self.started), **self.categories}


class VerificationState(BaseModel):
    """
    The whole of a verification: times in seconds since 1970, counts of tasks.

    `serves` names the version of each robot. `verdict` is watching, as_before, worse or undecided,
    `sentence` says it for people. Only tasks that can be compared count: those of robots and
    categories that did some before and after. `drop` is the drop of the success rate, like for
    like; `p_value` is the probability of such a drop, or a larger one, where nothing has changed.
    """

    rollout_id: str
    model_id: str
    serves: dict[str, str]
    before: dict[str, TaskSnapshot]
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

    def describe(self, after_s: float, uncounted: Sized) -> str:
        """Return the verdict for people; `uncounted` robots have no part in it."""
        return sentences.verified(
            '/'.join(sorted(set(self.serves.values()))),
            after_s,
            self.verdict,
            (self.succeeded, self.finished),
            (self.succeeded_before, self.finished_before),
            self.drop,
            uncounted,
        )

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
    Watches the restored versions of robots for a window of time.

    A version is compared with what it did before, since the robot's start: robot by robot and
    category by category, so that a robot which is unreachable or does more tasks than before does
    not change the result.

    Tasks in flight at the beginning count as before. All tasks that begin within the window count,
    and the verification waits for their ends: failures may be slower than successes, or faster, so
    those that end in time would not be a fair choice. A task that a reboot interrupts does not
    count, and a robot whose last task does not end is left out.

    The state is the whole memory; `now` is when this object begins to hear robots.
    """

    def __init__(self, state: VerificationState, now: float) -> None:
        self.state = state
        # After a restart, or when the clock was set back, robots have to be heard first.
        self._listens_since = max(state.began, now - state.window_s)
        if now < state.began:
            state.began = self._listens_since = now
        self._looked_at = -math.inf
        self._unclear = {r for r, found in state.before.items() if not found.is_clear}
        self._tracker = CounterTracker(rise)
        self._newest: dict[str, Telemetry] = {}
        #: The new counts of each robot, where tasks that a reboot interrupts never began.
        self._since: dict[str, dict[str, Vector]] = {}
        for robot_id in state.before.keys() - self._unclear:
            self._count_from_here(robot_id)
        #: How many tasks each robot had begun when the window closed, and its counts of them.
        self._begun: dict[str, int] = {}
        self._after: dict[str, Mapping[str, Vector]] = {}
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
            before={r: TaskSnapshot.of(v, view.telemetry(model_id, r)) for r, v in serves.items()},
            began=now,
            window_s=window_s,
        )
        return cls(state, now)

    def tick(self, view: FleetView, now: float) -> None:
        """Come to a verdict once the window has passed and tasks are in."""
        self.has_news = False
        if self.state.is_done or now - self._looked_at < _LOOK_S:
            return
        self._looked_at = now
        self._clear(view)
        self._hear(view)
        if now - self.state.began >= self.state.window_s and not self._waits(view, now):
            self._judge(now)

    def _clear(self, view: FleetView) -> None:
        """Begin to count robots whose tasks in flight at the beginning have ended."""
        before = self.state.before
        for robot_id in sorted(self._unclear):
            telemetry = view.telemetry(self.state.model_id, robot_id)
            now, known = TaskSnapshot.of(self.state.serves[robot_id], telemetry), before[robot_id]
            if not now.boot_id:
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
                self._count_from_here(robot_id)

    def _count_from_here(self, robot_id: str) -> None:
        found = self.state.before[robot_id]
        self._tracker.refer(robot_id, found.boot_id, found.counts)

    def _hear(self, view: FleetView) -> None:
        """Keep the newest counters of each robot; only the last ones of a boot have to count."""
        for robot_id in self.state.serves.keys() - self._unclear - self._after.keys():
            telemetry = view.telemetry(self.state.model_id, robot_id)
            if telemetry is None:
                continue
            last = self._newest.get(robot_id, telemetry)
            if last.boot_id != telemetry.boot_id:
                self._count(robot_id)
            self._newest[robot_id] = telemetry

    def _count(self, robot_id: str) -> None:
        """Add what is new in the newest counters of a robot."""
        now = TaskSnapshot.of(self.state.serves[robot_id], self._newest[robot_id])
        delta = self._tracker.advance(robot_id, now.boot_id, now.counts)
        if delta is not None:
            since = self._since.setdefault(robot_id, {})
            add_counts(since, delta.counts)
            interrupted = _in_flight(delta.lost) - _in_flight(delta.found)
            add_counts(since, {_ALL: (0, 0, -interrupted)})

    def _waits(self, view: FleetView, now: float) -> bool:
        """Return whether to wait for the last tasks to end, or for more tasks."""
        state = self.state
        self._settle()
        if now - self._listens_since >= _PATIENCE * state.window_s:
            return False
        late = (r for r in state.serves if r not in self._after)
        if any(view.is_reachable(state.model_id, r, now) for r in late):
            return True
        if _size(self._strata()) >= MIN_TASKS:
            return False
        # The window goes on, for all robots.
        self._begun, self._after = {}, {}
        return True

    def _settle(self) -> None:
        """Take the counts of each robot when the last task that it began in the window ends."""
        for robot_id in self._newest.keys() - self._after.keys():
            self._count(robot_id)
            if robot_id not in self._since:
                continue
            finished, _, started = self._since[robot_id][_ALL]
            if finished >= min(started, self._begun.setdefault(robot_id, started)):
                self._after[robot_id] = dict(self._since[robot_id])

    def _strata(self) -> list[Block]:
        """Return the tasks that can be compared, with those of before as the control."""
        before = self.state.before
        found = (b for r, after in self._after.items() for b in _blocks(before[r].counts, after))
        return [block for block in found if block.control_tasks and block.candidate_tasks]

    def _judge(self, now: float) -> None:
        state, strata = self.state, self._strata()
        state.finished = _size(strata)
        state.succeeded = sum(int(block.candidate_successes) for block in strata)
        state.finished_before = sum(int(block.control_tasks) for block in strata)
        state.succeeded_before = sum(int(block.control_successes) for block in strata)
        if min(state.finished, state.finished_before) < MIN_TASKS:
            state.verdict = 'undecided'
        else:
            state.drop, state.p_value = stratified_drop(strata), stratified_test(strata)
            state.verdict = 'worse' if state.p_value < _ALPHA else 'as_before'
        uncounted = state.serves.keys() - self._after.keys()
        state.sentence = state.describe(now - state.began, uncounted)
        self.has_news = True


def _in_flight(counts: Mapping[str, Vector] | None) -> int:
    return counts[_ALL][2] - counts[_ALL][0] if counts else 0


def _blocks(before: Mapping[str, Vector], after: Mapping[str, Vector]) -> Iterator[Block]:
    """Yield a block for each category, and one for tasks without."""
    earlier = _by_category(before)
    for name, later in _by_category(after).items():
        yield Block(*earlier.get(name, (0, 0)), *later)


def _by_category(counts: Mapping[str, Vector]) -> dict[str, tuple[int, int]]:
    """Return the finished and succeeded tasks; the name of those without a category is empty."""
    found = {name: (c[0], c[1]) for name, c in counts.items() if name != _ALL}
    finished, succeeded = zip((0, 0), *found.values())
    of_all = counts[_ALL]
    return {_ALL: (of_all[0] - sum(finished), of_all[1] - sum(succeeded)), **found}


def _size(strata: list[Block]) -> int:
    return sum(int(block.candidate_tasks) for block in strata)
